"""A note as the components mark it to `Document`: the last line of the project where a spaCy type appears."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spacy.tokens import Doc

from nlp.components.activities import GOAL, ActivityTagger
from nlp.components.blocks import BlockGrouper, grouping_of
from nlp.components.elements import find_elements
from nlp.components.goals import find_goals
from nlp.components.status import Judged, judge
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
from nlp.encoder import bounded
from nlp.events import Event
from nlp.grouping import Found, Grouping
from nlp.terms import listed
from nlp.tokens import Tokens
from nlp.unskilled import with_unskilled
from nlp.visit import told_totals

_MOST_UNITS = 8


def content_words(context: Context, start: int, end: int) -> set[str]:
    """Words of a token range that carry meaning, in the form they are compared in."""
    words, forms, empty = context.tokens.words, context.forms, listed("empty")
    return {
        forms[i]
        for i in range(start, end)
        if len(words[i]) > 2 and words[i].isalpha() and words[i].lower() not in empty
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
    chances = bounded(context.encoded_rows(event.start, event.end), "code").mean(axis=0)
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


def _totals(context: Context, grouping: Grouping, tasks: Sequence[Judged]) -> tuple[Total, ...]:
    tokens = context.tokens
    out = []
    for event, kind in told_totals(context, grouping, [(task.start, task.end) for task in tasks]):
        start, end = tokens.starts[event.start], tokens.ends[event.end - 1]
        out.append(Total(start, end, tokens.text[start:end], event.minutes, kind))
    return tuple(out)


def _written_units(context: Context, grouping: Grouping) -> tuple[WrittenUnits, ...]:
    tokens = context.tokens
    words, lower, unit_words = tokens.words, tokens.lower, listed("unit")
    out: list[WrittenUnits] = []
    taken: set[int] = set()
    # "TA x 8: ..." gives the block its 8 minutes: the same number is no units.
    minutes = {i for block in grouping.blocks for event in block.durations for i in range(event.start, event.end)}

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
        if after in unit_words:
            add(
                event.start,
                number + 1 if lower[number + 1] in unit_words else number + 2,
                int(words[number]),
                event.code,
            )
        elif times and after not in listed("no_unit_after") and number not in minutes:
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


@dataclass(frozen=True, slots=True)
class Marked:
    """What the components mark in one note, as half-open token ranges."""

    context: Context
    activities: Sequence[Judged]
    goals: Sequence[tuple[int, int]]
    grouping: Grouping
    elements: Mapping[str, tuple[int, int]]


def mark(contexts: Sequence[Context], tagger: ActivityTagger, grouper: BlockGrouper) -> Iterator[Marked]:
    """What the pipeline of these two components writes on docs, without the docs: a `Span` costs more than the reading."""
    seen = tagger.tag(contexts)
    work = [[c for c in found if c.tag != GOAL] for found in seen]
    goals = [
        find_goals(context, [(c.start, c.end) for c in found if c.tag == GOAL])
        for context, found in zip(contexts, seen, strict=True)
    ]
    groupings = grouper.process_many(contexts, work, goals)
    for context, found, objectives, grouping in zip(contexts, work, goals, groupings, strict=True):
        judged = judge(context, ((c.start, c.end, c.tag) for c in found), grouping)
        elements = find_elements(context, grouping, objectives, [(a.start, a.end) for a in judged])
        yield Marked(context, judged, objectives, grouping, elements)


def marked_of(doc: Doc) -> Marked:
    """What the pipeline wrote on a doc."""
    activities = []
    for span in doc.spans["activities"]:
        cue = span._.status_cue
        cue = None if cue is None else (cue.start, cue.end)
        status = None if span._.status == "done" else span._.status
        activities.append(Judged(span.start, span.end, span.label_, status, cue))
    goals = [(span.start, span.end) for span in doc.spans["goals"]]
    elements = {span.label_: (span.start, span.end) for span in doc.spans["elements"]}
    return Marked(context_of(doc), activities, goals, grouping_of(doc), elements)


def document_of(marked: Marked) -> Document:
    """Everything that was marked in a note, as plain frozen values."""
    context, grouping = marked.context, marked.grouping
    tokens = context.tokens
    text, starts, ends = tokens.text, tokens.starts, tokens.ends

    def plain(start: int, end: int) -> tuple[int, int, str]:
        first, last = starts[start], ends[end - 1]
        return first, last, text[first:last]

    goal_words = [content_words(context, start, end) for start, end in marked.goals]
    return Document(
        text=text,
        blocks=with_unskilled(text, [make_block(context, found, goal_words) for found in grouping.blocks]),
        mentions=tuple(
            Mention(*plain(a.start, a.end), a.status, None if a.cue is None else Span(*plain(*a.cue)))
            for a in marked.activities
            if a.status is not None
        ),
        goals=tuple(Goal(*plain(start, end)) for start, end in marked.goals),
        elements=tuple(
            Element(name, Span(*plain(*marked.elements[name])) if name in marked.elements else None)
            for name in ELEMENTS
        ),
        sections=tuple(Section(*plain(h.start, h.until), h.label) for h in context.headings if h.start < h.until),
        totals=_totals(context, grouping, marked.activities),
        written_units=_written_units(context, grouping),
        notices=tuple(Notice(m.entry.data["kind"], *plain(m.start, m.end)) for m in context.found["notices"]),
        certainty=grouping.certainty,
    )
