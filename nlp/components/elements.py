"""The five documentation elements with the span that shows each: ``doc.spans["elements"]``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.components.blocks import grouping_of
from nlp.context import Context, context_of
from nlp.encoder import COLUMNS, READ_ELEMENTS
from nlp.grouping import Grouping
from nlp.lexicon import Match

_OUTSIDE = frozenset(("goals", "plan", "home_program", "history", "previous", "billing"))
# What follows a line of totals or of goals may still be read as part of it, and is a finding: "Now 420 ft, was 250".
_BEHIND = frozenset(("billing", "goals"))
_DATE = re.compile(r"\b[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:20)?[0-9]{2}\b|\b20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}\b")
_EVEN = math.log(0.5)
_LEAST_ASSESSMENT = 2  # one word such as "good" or "pain" alone is no assessment


def _outside(context: Context, matches: list[Match], taken: set[int]) -> list[Match]:
    return [m for m in matches if context.sections[m.start] not in _OUTSIDE and m.start not in taken]


def _changed(context: Context, findings: list[Match], changes: list[Match]) -> list[Match]:
    """The first of ``changes`` that stands in a line with a finding or a number."""
    tokens = context.tokens
    lines_with_findings = {tokens.line_of[m.start] for m in findings}
    for m in changes:
        line = tokens.line_of[m.start]
        start, end = tokens.lines[line]
        if line in lines_with_findings or any(word.isdecimal() for word in tokens.words[start:end]):
            return [m]
    return []


def _likeliest_sentence(context: Context, grouping: Grouping, taken: set[int]) -> tuple[int, int] | None:
    """Tokens of the likeliest sentence to show a finding no list knows: the first of the best kind that there is.

    A number in an assessment is better than one elsewhere, any number better than none, and a sentence that holds minutes of
    treatment or stands beside the date that the note opens with comes last: its numbers are no finding.
    """
    tokens = context.tokens
    opening = range(*tokens.lines[0]) if tokens.lines and _DATE.search(tokens.span(*tokens.lines[0])) else range(0)
    timed = {event.start for block in grouping.blocks for event in block.durations} | {e.start for e in grouping.loose}
    found: list[tuple[int, tuple[int, int]]] = []
    for start, end in tokens.pieces:
        section = context.sections[start]
        numbered = any(word.isdecimal() for word in tokens.words[start:end])
        plain = timed.isdisjoint(range(start, end)) and start not in opening
        if section in _OUTSIDE - _BEHIND or not taken.isdisjoint(range(start, end)):
            continue
        if section in _BEHIND:
            if numbered and plain:
                found.append((2, (start, end)))
        elif not plain:
            found.append((4, (start, end)))
        else:
            found.append(((0 if section == "assessment" else 1) if numbered else 3, (start, end)))
    return min(found)[1] if found else None


def find_elements(
    context: Context, grouping: Grouping, goals: Sequence[tuple[int, int]], activities: Sequence[tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    """Token range that shows each documented element; an element that is not documented is left out.

    ``goals`` and ``activities`` (done or not) are half-open token ranges.
    Whether there is an assessment or progress the encoder says, where there is one, and the word lists only show where;
    without it *progress* wants a comparison: one of its cues with a number or an assessment word in the same line.
    """
    found: dict[str, tuple[int, int]] = {}
    for block in grouping.blocks:
        if block.activities and "activity" not in found:
            found["activity"] = (block.activities[0].start, block.activities[0].end)
        if block.durations and "duration" not in found:
            found["duration"] = (block.durations[0].start, block.durations[0].end)
    if goals:
        found["goal"] = goals[0]
    taken = {i for start, end in (*goals, *activities) for i in range(start, end)}
    findings = _outside(context, context.found["assessment"], taken)
    # A finding in an assessment shows it better than a word of the history above it.
    findings.sort(key=lambda m: context.sections[m.start] != "assessment")
    changes = _outside(context, context.found["progress"], taken)
    if context.encoded is None:
        shown = {
            "assessment": findings if len(findings) >= _LEAST_ASSESSMENT else [],
            "progress": _changed(context, findings, changes),
        }
        found |= {name: (matches[0].start, matches[0].end) for name, matches in shown.items() if matches}
        return found
    for number, (name, matches) in enumerate(zip(READ_ELEMENTS, (findings, changes), strict=True)):
        if len(context.encoded) and context.encoded[0, COLUMNS["element"]][number] >= _EVEN:
            if not matches:
                behind = (m for m in context.found[name] if context.sections[m.start] in _BEHIND)
                matches = _changed(context, findings, [m for m in behind if m.start not in taken])
            place = (matches[0].start, matches[0].end) if matches else _likeliest_sentence(context, grouping, taken)
            if place is not None:
                found[name] = place
    return found


@Language.component("therapy_elements", requires=["doc.spans"], assigns=["doc.spans"])
def create(doc: Doc) -> Doc:
    """Write ``doc.spans["elements"]``: one labelled span for each documented element."""
    goals, activities = ([(span.start, span.end) for span in doc.spans[key]] for key in ("goals", "activities"))
    found = find_elements(context_of(doc), grouping_of(doc), goals, activities)
    doc.spans["elements"] = [Span(doc, start, end, label=name) for name, (start, end) in found.items()]
    return doc
