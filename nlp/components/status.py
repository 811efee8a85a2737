"""What each activity's status is, with the cue kept: ``span._.status`` and ``span._.status_cue``.

Whether an activity was done today is decided with the block it would stand in (`nlp.components.blocks`); this component says
*why not* for the rest, by the nearest cue of ``nlp/lexicons/status.toml`` or the section (`nlp.cues`). A cue that the tagger took
for the activity's first words is no part of it: "refused pulleys" is *pulleys*, refused. What
read like work done, stands in no block and has no cue is neither: nothing in the note says that it was not done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.components.blocks import grouping_of
from nlp.context import Context, context_of
from nlp.cues import find_status, status_of, weighed, without_cues
from nlp.document import Status
from nlp.grouping import Grouping


@dataclass(frozen=True, slots=True)
class Judged:
    """An activity at tokens ``[start, end)``: why it was not done today, with its cue's token range; ``None``: it was."""

    start: int
    end: int
    tag: str
    status: Status | None = None
    cue: tuple[int, int] | None = None


def judge(context: Context, activities: Iterable[tuple[int, int, str]], grouping: Grouping) -> list[Judged]:
    """Status of each activity (token range and tag) that was done or was said not to be."""
    done = {(event.start, event.end) for block in grouping.blocks for event in block.activities}
    judged = []
    for begin, end, tag in activities:
        if (begin, end) in done:
            judged.append(Judged(begin, end, tag))
            continue
        start = without_cues(context, begin, end)
        if tag == "ACT" and find_status(context, start, end) is None:
            continue
        found = status_of(context, start, end)
        if context.encoded is not None:
            found = weighed(context, start, end, found)
        cue = (found.start, found.end) if found.start < found.end else None
        judged.append(Judged(start, end, tag, cast("Status", found.status), cue))
    return judged


@Language.component("therapy_status", requires=["doc.spans"], assigns=["span._.status", "span._.status_cue"])
def create(doc: Doc) -> Doc:
    """Set ``status`` (``done`` or one of the contract's eight) and ``status_cue`` (a `Span` or ``None``) of each activity."""
    activities = [(span.start, span.end, span.label_) for span in doc.spans["activities"]]
    spans = []
    for found in judge(context_of(doc), activities, grouping_of(doc)):
        span = Span(doc, found.start, found.end, label=found.tag)
        span._.status = found.status or "done"
        span._.status_cue = None if found.cue is None else Span(doc, *found.cue)
        spans.append(span)
    doc.spans["activities"] = spans
    return doc


if not Span.has_extension("status"):
    Span.set_extension("status", default=None)
    Span.set_extension("status_cue", default=None)
