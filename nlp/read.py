"""`Doc` to `Document`: the last line of the project where a spaCy type appears."""

from __future__ import annotations

import numpy as np
from spacy.tokens import Doc

from nlp.components.blocks import Found, Grouping, grouping_of
from nlp.context import Context, context_of
from nlp.document import (
    ELEMENTS,
    Activity,
    Block,
    Document,
    Duration,
    DurationKind,
    Element,
    Goal,
    Mention,
    Notice,
    Section,
    Span,
    StatedCode,
    Total,
    WrittenUnits,
)
from nlp.encoder import COLUMNS
from nlp.events import Event
from nlp.tokens import Tokens

_UNIT_WORDS = frozenset(("u", "un", "unit", "units"))
_MOST_UNITS = 8
_LEAST_LOG = -8.0
_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "on",
        "at",
        "and",
        "or",
        "with",
        "w",
        "for",
        "from",
        "by",
        "his",
        "her",
        "their",
        "own",
        "will",
        "be",
        "able",
        "pt",
        "patient",
        "wks",
        "wk",
        "weeks",
        "week",
        "x",
    ]
)


def content_words(context: Context, start: int, end: int) -> set[str]:
    """Words of a token range that carry meaning, in the form they are compared in."""
    words, forms = context.tokens.words, context.forms
    return {
        forms[i]
        for i in range(start, end)
        if len(words[i]) > 2 and words[i].isalpha() and words[i].lower() not in _STOP
    }


def _stated(tokens: Tokens, found: Found) -> StatedCode | None:
    for event in found.services:
        if event.code:
            start, end = tokens.starts[event.start], tokens.ends[event.end - 1]
            return StatedCode(start, end, tokens.text[start:end], event.code)
    return None


def _kind(found: Found, first: Event) -> DurationKind:
    if found.shared:
        return "shared"
    if len(found.durations) > 1:
        return "summed"
    return "clock" if first.clock else "stated"


def _duration(tokens: Tokens, found: Found) -> Duration | None:
    if not found.durations:
        return None
    first, last = found.durations[0], found.durations[-1]
    start, end = tokens.starts[first.start], tokens.ends[last.end - 1]
    return Duration(start, end, tokens.text[start:end], sum(e.minutes for e in found.durations), _kind(found, first))


def _hint(context: Context, event: Event) -> tuple[float, ...]:
    chances = np.maximum(context.encoded_rows(event.start, event.end)[:, COLUMNS["code"]], _LEAST_LOG).mean(axis=0)
    return tuple((chances - chances.mean()).tolist())


def make_block(context: Context, found: Found, goal_words: list[set[str]]) -> Block:
    """A block as a plain value; linked to each goal with which its activities share a word of meaning."""
    tokens = context.tokens
    start, end = tokens.starts[found.start], tokens.ends[found.end - 1]
    activities = tuple(
        Activity(
            tokens.starts[e.start],
            tokens.ends[e.end - 1],
            tokens.span(e.start, e.end),
            e.label,
            e.entry,
            () if context.encoded is None else _hint(context, e),
        )
        for e in found.activities
    )
    own: set[str] = set()
    for event in found.activities:
        own |= content_words(context, event.start, event.end)
    linked = tuple(index for index, words in enumerate(goal_words) if own & words)
    first = min((e.start for e in found.activities), default=found.end)
    line_start = tokens.lines[tokens.line_of[found.start]][0]
    heading = tokens.span(line_start, first).strip() if line_start < first else ""
    return Block(
        start=start,
        end=end,
        text=tokens.text[start:end],
        activities=activities,
        duration=_duration(tokens, found),
        minutes=found.minutes,
        stated=_stated(tokens, found),
        goals=linked,
        section=context.sections[found.start],
        heading=heading,
        certainty=found.certainty,
    )


def _totals(context: Context, grouping: Grouping) -> tuple[Total, ...]:
    tokens = context.tokens
    cues = {i: m for m in context.found["total"] for i in range(m.start, m.end)}
    out = []
    for event in grouping.loose:
        line_start, line_end = tokens.lines[tokens.line_of[event.start]]
        near = [cues[i] for i in range(max(line_start, event.start - 8), min(line_end, event.end + 4)) if i in cues]
        if not near or event.form == "in_out_open":
            continue
        start, end = tokens.starts[event.start], tokens.ends[event.end - 1]
        timed = any("timed" in m.term for m in near)
        out.append(Total(start, end, tokens.text[start:end], event.minutes, "timed" if timed else "visit"))
    return tuple(out)


def _written_units(context: Context, grouping: Grouping) -> tuple[WrittenUnits, ...]:
    tokens = context.tokens
    words, lower = tokens.words, tokens.lower
    out: list[WrittenUnits] = []
    taken: set[int] = set()

    def add(first: int, last: int, units: int, code: str | None) -> None:
        if 0 < units <= _MOST_UNITS:
            start, end = tokens.starts[first], tokens.ends[last]
            out.append(WrittenUnits(start, end, tokens.text[start:end], units, code))
            taken.update(range(first, last + 1))

    def solid(index: int) -> int:
        while index < len(words) and words[index] in (" ", ":", "-", "–", "(", "=", "/", "|", ";", ","):
            index += 1
        return index

    for event in grouping.services:
        if not event.code:
            continue
        at = solid(event.end)
        times = at < len(words) and lower[at] in ("x", "×")
        number = solid(at + 1) if times else at
        if number >= len(words) or not words[number].isdecimal() or len(words[number]) > 1:
            continue
        after = lower[number + 1] if number + 1 < len(words) else "\n"
        if after == " " and number + 2 < len(words):
            after = lower[number + 2]
        if after in _UNIT_WORDS:
            add(
                event.start,
                number + 1 if lower[number + 1] in _UNIT_WORDS else number + 2,
                int(words[number]),
                event.code,
            )
        elif times and not (
            after in ("min", "mins", "minutes", "'", "m", "reps", "rep", "sets", "x", "lb", "ft", ".", "hr")
            and after != "."
        ):
            add(event.start, number, int(words[number]), event.code)
    for index, word in enumerate(lower):
        if word in ("unit", "units") and index not in taken:
            before = index - 1 if index and words[index - 1] != " " else index - 2
            if before >= 0 and words[before].isdecimal() and before not in taken:
                add(before, index, int(words[before]) if len(words[before]) == 1 else 0, None)
            else:
                at = solid(index + 1)
                if (
                    at < len(words)
                    and words[at].isdecimal()
                    and len(words[at]) == 1
                    and at not in taken
                    and at > index + 1
                ):
                    add(index, at, int(words[at]), None)
    out.sort(key=lambda u: u.start)
    return tuple(out)


def document_of(doc: Doc) -> Document:
    """Everything the pipeline wrote on a doc, as plain frozen values."""
    context = context_of(doc)
    tokens = context.tokens
    grouping = grouping_of(doc)

    def plain(start: int, end: int) -> tuple[int, int, str]:
        first, last = tokens.starts[start], tokens.ends[end - 1]
        return first, last, tokens.text[first:last]

    mentions = []
    for span in doc.spans["activities"]:
        if span._.status == "done":
            continue
        cue = span._.status_cue
        mentions.append(
            Mention(
                *plain(span.start, span.end),
                span._.status,
                Span(*plain(cue.start, cue.end)) if cue is not None else None,
            )
        )
    goals = tuple(Goal(*plain(span.start, span.end)) for span in doc.spans["goals"])
    goal_words = [content_words(context, span.start, span.end) for span in doc.spans["goals"]]
    shown = {span.label_: span for span in doc.spans["elements"]}
    elements = tuple(
        Element(name, Span(*plain(shown[name].start, shown[name].end)) if name in shown else None) for name in ELEMENTS
    )
    notices = tuple(Notice(m.entry.data["kind"], *plain(m.start, m.end)) for m in context.found["notices"])
    return Document(
        text=tokens.text,
        blocks=tuple(make_block(context, found, goal_words) for found in grouping.blocks),
        mentions=tuple(mentions),
        goals=goals,
        elements=elements,
        sections=tuple(Section(*plain(h.start, h.until), h.label) for h in context.headings if h.start < h.until),
        totals=_totals(context, grouping),
        written_units=_written_units(context, grouping),
        notices=notices,
        certainty=grouping.certainty,
    )
