"""What each activity's status is, with the cue kept: ``span._.status`` and ``span._.status_cue``.

Whether an activity was done today is decided with the block it would stand in (`nlp.components.blocks`); this component says
*why not* for the rest, by the nearest cue of ``nlp/lexicons/status.toml`` or the section (`nlp.cues`). A cue that the tagger took
for the activity's first words is no part of it: "refused pulleys" is *pulleys*, refused. What
read like work done, stands in no block and has no cue is neither: nothing in the note says that it was not done.
"""

from __future__ import annotations

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.components.blocks import grouping_of
from nlp.context import context_of
from nlp.cues import find_status, status_of, weighed, without_cues


@Language.component("therapy_status", requires=["doc.spans"], assigns=["span._.status", "span._.status_cue"])
def create(doc: Doc) -> Doc:
    """Set ``status`` (``done`` or one of the contract's eight) and ``status_cue`` (a `Span` or ``None``) of each activity."""
    context = context_of(doc)
    done = {(event.start, event.end) for block in grouping_of(doc).blocks for event in block.activities}
    spans = []
    for read in doc.spans["activities"]:
        if (read.start, read.end) in done:
            read._.status = "done"
            spans.append(read)
            continue
        start = without_cues(context, read.start, read.end)
        if read.label_ == "ACT" and find_status(context, start, read.end) is None:
            continue
        span = Span(doc, start, read.end, label=read.label)
        found = status_of(context, start, read.end)
        if context.encoded is not None:
            found = weighed(context, start, read.end, found)
        span._.status = found.status
        if found.start < found.end:
            span._.status_cue = Span(doc, found.start, found.end)
        spans.append(span)
    doc.spans["activities"] = spans
    return doc


if not Span.has_extension("status"):
    Span.set_extension("status", default=None)
    Span.set_extension("status_cue", default=None)
