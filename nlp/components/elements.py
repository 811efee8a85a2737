"""The five documentation elements with the span that shows each: ``doc.spans["elements"]``."""

from __future__ import annotations

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.components.blocks import grouping_of
from nlp.context import Context, context_of
from nlp.lexicon import Match

_OUTSIDE = frozenset(("goals", "plan", "home_program", "history", "previous", "billing"))
_LEAST_ASSESSMENT = 2  # one word such as "good" or "pain" alone is no assessment


def _outside(context: Context, matches: list[Match], taken: set[int]) -> list[Match]:
    return [m for m in matches if context.sections[m.start] not in _OUTSIDE and m.start not in taken]


def find_elements(doc: Doc) -> dict[str, tuple[int, int]]:
    """Token range that shows each documented element; an element that is not documented is left out.

    *Progress* wants a comparison: one of its cues with a number or an assessment word in the same line, or two cues.
    """
    context = context_of(doc)
    tokens = context.tokens
    found: dict[str, tuple[int, int]] = {}
    grouping = grouping_of(doc)
    for block in grouping.blocks:
        if block.activities and "activity" not in found:
            found["activity"] = (block.activities[0].start, block.activities[0].end)
        if block.durations and "duration" not in found:
            found["duration"] = (block.durations[0].start, block.durations[0].end)
    if len(doc.spans["goals"]):
        goal = doc.spans["goals"][0]
        found["goal"] = (goal.start, goal.end)
    taken = {i for span in doc.spans["goals"] for i in range(span.start, span.end)}
    taken |= {i for span in doc.spans["activities"] for i in range(span.start, span.end)}
    findings = _outside(context, context.found["assessment"], taken)
    changes = _outside(context, context.found["progress"], taken)
    if len(findings) >= _LEAST_ASSESSMENT:
        found["assessment"] = (findings[0].start, findings[0].end)
    lines_with_findings = {tokens.line_of[m.start] for m in findings}
    for m in changes:
        line = tokens.line_of[m.start]
        start, end = tokens.lines[line]
        if line in lines_with_findings or any(word.isdecimal() for word in tokens.words[start:end]):
            found["progress"] = (m.start, m.end)
            break
    return found


@Language.component("therapy_elements", requires=["doc.spans"], assigns=["doc.spans"])
def create(doc: Doc) -> Doc:
    """Write ``doc.spans["elements"]``: one labelled span for each documented element."""
    doc.spans["elements"] = [Span(doc, start, end, label=name) for name, (start, end) in find_elements(doc).items()]
    return doc
