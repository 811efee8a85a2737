"""Minutes that a note states as a total: which ones they are, of what, and whose they can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from typing import Literal

from nlp.clock import is_blank
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import Event
from nlp.grouping import Found, Grouping
from nlp.lexicon import Match
from nlp.terms import listed
from nlp.tokens import Tokens

# What parts one total in a line from the next.
_PARTS = frozenset(",;/|()\n")
_UNTIMED = "untimed"
_BESIDE = 3  # tokens in front of the words that call a number a total in which the task stands that it is of
_ENDS = frozenset((*_PARTS, ".", ":", "-", "–", "—"))  # what the tasks end at that a total in the same words is of
_ELSEWHEN = frozenset(("home_program", "plan", "goals", "previous"))  # sections whose totals are of no visit today
_REACH = 8  # tokens from words for what is left to the work that it went to
_LEAST = 5  # minutes that a rest of the visit has to have to be a block's
Kind = Literal["timed", "visit"]
_BEFORE, _AFTER = 8, 4  # tokens in front of a number and behind it in which the words stand that call it a total


def total_kind(context: Context, event: Event) -> Kind | None:
    """Return whether the note calls some minutes a total of its timed codes or of the visit; ``None`` where it does neither."""
    tokens = context.tokens
    cues = {i: m for m in context.found["total"] for i in range(m.start, m.end)}
    line_start, line_end = tokens.lines[tokens.line_of[event.start]]
    before = [cues[i] for i in range(max(line_start, event.start - _BEFORE), event.start) if i in cues]
    after = [cues[i] for i in range(event.start, min(line_end, event.end + _AFTER)) if i in cues]
    if not (before or after) or event.form == "in_out_open" or _UNTIMED in _led_by(tokens, line_start, event.start):
        return None
    return "timed" if _is_timed(tokens, before, after, event) else "visit"


def _led_by(tokens: Tokens, line_start: int, start: int) -> Sequence[str]:
    """Words in front of a number, back to the last mark or number."""
    at = start
    while at > line_start and tokens.words[at - 1] not in (*_PARTS, ".") and not tokens.words[at - 1].isdecimal():
        at -= 1
    return tokens.lower[at:start]


def _is_timed(tokens: Tokens, before: Sequence[Match], after: Sequence[Match], event: Event) -> bool:
    """Whether a total is of the timed codes: by the words that belong to this number, of several in a line, else by any near it."""
    own = [cue for cue in before if not _parted(tokens, cue.end, event.start)]
    # Words in front of the next number are that number's: "Total min: 45 timed min: 38".
    own += [cue for cue in after if not _parted(tokens, event.end, cue.start) and not (own and _leads(tokens, cue.end))]
    # What is billed is timed where the line says so of another number.
    is_open = not own or any("billed" in cue.term for cue in own)
    return any("timed" in cue.term for cue in ((*before, *after) if is_open else own))


def _parted(tokens: Tokens, start: int, end: int) -> bool:
    """Whether a mark or another number stands between two token places."""
    return any(word in _PARTS or word.isdecimal() for word in tokens.words[start:end])


def _leads(tokens: Tokens, end: int) -> bool:
    """Whether a number follows a cue, with a unit or a colon between at the most."""
    between = (":", "=", *listed("minute"))
    return any(word.isdecimal() for word in _after(tokens.lower, end, between))


def _after(words: Sequence[str], at: int, skipped: Sequence[str]) -> Sequence[str]:
    """The first word at ``at`` or behind that is not to be skipped."""
    while at < len(words) and words[at] in skipped:
        at += 1
    return words[at : at + 1]


def told_totals(context: Context, grouping: Grouping, tasks: Iterable[tuple[int, int]]) -> Iterator[tuple[Event, Kind]]:
    """Minutes of no block that the note calls a total of its timed codes or of the visit.

    ``tasks`` are all tasks named in the note, as token ranges: a total of one of them (``crouching 6 min total``), of one
    service, of another day, of a rest or of one of two disciplines is none of the visit.
    """
    named = {index for start, end in tasks for index in range(start, end)}
    named |= {index for event in _services(grouping) for index in range(event.start, event.end)}
    timed = [event for block in grouping.blocks for event in block.durations]
    apart = len({name for event in (*timed, *grouping.loose) for name in _whose(context, event)}) > 1
    for event in grouping.loose:
        kind = total_kind(context, event)
        if kind == "timed" or (kind and not (apart and _whose(context, event)) and _of_visit(context, event, named)):
            yield event, kind


def _services(grouping: Grouping) -> list[Event]:
    return [*grouping.services, *(event for block in grouping.blocks for event in block.services)]


def _whose(context: Context, event: Event) -> list[str]:
    """The disciplines whose minutes these are: ``OT total 36 min``, not ``Pt seen by OT for a total of 45 min``."""
    tokens = context.tokens
    words, lower = tokens.words, tokens.lower
    line_start, _ = tokens.lines[tokens.line_of[event.start]]
    out: list[str] = []
    for at in range(event.start - len(_led_by(tokens, line_start, event.start)), event.start):
        then = next(i for i in range(at + 1, event.start + 1) if i == event.start or not is_blank(words[i]))
        beside = lower[then] in listed("discipline_part") if then < event.start else words[at].isupper()
        ordinal = at > 0 and words[at - 1].isdecimal() and tokens.ends[at - 1] == tokens.starts[at]  # "1st 20 min"
        if lower[at] in listed("discipline") and beside and not ordinal:
            out.append(lower[at])
    return out


def _of_visit(context: Context, event: Event, named: Set[int]) -> bool:
    """Whether what the note calls a total, not of its timed codes, is of the visit: not of one of ``named`` tasks or services."""
    tokens, leads = context.tokens, listed("leads_total")
    line_start, line_end = tokens.lines[tokens.line_of[event.start]]

    def is_end(index: int) -> bool:
        return tokens.words[index] in _ENDS or (tokens.words[index].isdecimal() and index not in named)

    def led_from(start: int) -> range:
        first = start
        while first > line_start and not is_end(first - 1):
            first -= 1
        return range(first, start)

    def close(start: int, end: int) -> bool:
        return leads.issuperset(word for word in tokens.lower[start:end] if not is_blank(word))

    around, last = led_from(event.start), event.end
    while last < line_end and not is_end(last):
        last += 1
    cues = {m.start: m for m in context.found["total"]}
    before = [cues[i] for i in range(max(line_start, event.start - _BEFORE), event.start) if i in cues]
    before = [m for m in before if not _counted(tokens, m.end, event.start)]
    # "45 total minutes" holds its own cue.
    behind = [cues[i] for i in range(event.start, min(line_end, event.end + _AFTER)) if i in cues]
    behind = [m for m in behind if close(event.end, m.start) and not _heads(tokens, m.end)]
    against = [m for m in context.found["not_treatment"] if around.start <= m.start < last]
    then = tokens.lower[event.end : event.end + 1]
    never = any(m.start >= event.end and m.term in listed("never_total") for m in against)
    if never or not listed("no_total_after").isdisjoint(then) or _of_another_visit(context, event):
        return False
    head = next((h for h in context.headings if h.start <= event.start < h.until and h.label in _ELSEWHEN), None)
    for cue in before:
        if cue.term not in listed("weak_total") and close(cue.end, event.start):
            # A section may have ended without a heading: "Plan: stairs. Total time 42 min".
            inside = head is not None and context.sentence_of[head.start] == context.sentence_of[event.start]
            return not inside and named.isdisjoint(led_from(cue.start)[-_BESIDE:])
    weak = all(cue.term in listed("weak_total") for cue in (*before, *behind))
    if not (before or behind) or head is not None or (weak and not listed("seen_after").isdisjoint(then)):
        return False
    called = {i for cue in before for i in range(cue.start, cue.end)}
    called |= {i - 1 for i in around if tokens.lower[i] in listed("home_setting")}  # "home visit 45 min"
    told = any(m.start < event.end and m.start not in called for m in against)
    # "Crouch 6 min total" is of whatever that is, though no task was seen in it.
    plain = leads | listed("discipline") | listed("home_setting") | listed("whole_visit")
    told = told or not (before or plain.issuperset(w for w in tokens.lower[around.start : around.stop] if w.isalpha()))
    told = told or not listed("part_of_visit").isdisjoint(tokens.lower[around.start : around.stop])
    return not told and named.isdisjoint(around)


def _of_another_visit(context: Context, event: Event) -> bool:
    """Whether a status word says so of minutes: ``total time 45 min next visit``."""
    found = find_status(context, event.start, event.end)
    return found is not None and found.status in ("planned", "past")


def _counted(tokens: Tokens, start: int, end: int) -> bool:
    """Whether another number stands between two token places, but for one of units: ``TOTAL   3 u   55 min``."""
    numbers = (i for i in range(start, end) if tokens.words[i].isdecimal())
    return any(next((w for w in tokens.lower[i + 1 :] if not is_blank(w)), "") not in listed("unit") for i in numbers)


def _heads(tokens: Tokens, end: int) -> bool:
    """Whether a cue heads a row of numbers: ``12   TOTAL MIN   29   41``."""
    words = tokens.words
    while end < len(words) and tokens.lower[end] in listed("minute"):
        end += 1
    return end + 1 < len(words) and is_blank(words[end]) and words[end + 1].isdecimal()


def total_of_none(context: Context, grouping: Grouping) -> Grouping:
    """Take a closing total from the block that holds it where another block has no minutes: it is of all work above it.

    ``Timed code minutes: 38  Total treatment time: 41 min`` on a line of its own, under two services without minutes.
    """
    line_of = context.tokens.line_of
    work = {line_of[event.start] for block in grouping.blocks for event in (*block.activities, *block.services)}

    def closes(block: Found) -> bool:
        if len(block.durations) != 1 or block.shared or line_of[block.durations[0].start] <= max(work):
            return False
        return total_kind(context, block.durations[0]) is not None

    closing = [number for number, block in enumerate(grouping.blocks) if closes(block)]
    if len(closing) != 1 or all(block.durations for block in grouping.blocks):
        return grouping
    blocks, [number] = list(grouping.blocks), closing
    loose = (*grouping.loose, *blocks[number].durations)
    blocks[number] = replace(blocks[number], durations=())
    return replace(grouping, blocks=tuple(blocks), loose=tuple(sorted(loose, key=lambda event: event.start)))


def rest_of_total(context: Context, grouping: Grouping) -> Grouping:
    """Give the one block without minutes what the others leave of a whole, where the note says so of it.

    ``Clinic time 45 min. The first 20 went to stretches; everything else to hanging shirts``: 25 minutes. Not where other minutes
    stand between the two, which may be no treatment.
    """
    tokens, sentence_of = context.tokens, context.sentence_of
    bare = [number for number, block in enumerate(grouping.blocks) if not block.durations]
    given = [block for block in grouping.blocks if block.durations]
    if len(bare) != 1 or not given or any(block.shared for block in given):
        return grouping
    block = grouping.blocks[bare[0]]
    line, sentence = tokens.line_of[block.start], sentence_of[block.start]
    ended = max((other.end for other in given if other.start < block.start), default=0)
    cue = next((m for m in context.found["remainder"] if ended <= m.start <= block.start < m.end + _REACH), None)
    if cue is None or (tokens.line_of[cue.start], sentence_of[cue.start]) != (line, sentence):
        return grouping
    between = {word for word in tokens.lower[cue.end : block.start] if not is_blank(word)}
    loose = [event for event in grouping.loose if event.end <= cue.start]
    left = loose[-1].minutes - sum(other.minutes or 0 for other in given) if loose else 0
    if left < _LEAST or not listed("spent_on") | {":"} >= between:
        return grouping
    whole = loose[-1]
    if context.sections[whole.start] in _ELSEWHEN or _is_against(context, whole) or _whose(context, whole):
        return grouping
    rest = replace(whole, start=cue.start, end=cue.end, minutes=left, form="rest", clock=False)
    blocks = list(grouping.blocks)
    blocks[bare[0]] = replace(block, durations=(rest,))
    return replace(grouping, blocks=tuple(blocks))


def _is_against(context: Context, event: Event) -> bool:
    """Whether the sentence of some minutes says that they are no treatment, or time set aside."""
    sentence = context.sentence_of[event.start]
    allotted = (m for m in context.found["total"] if m.term in listed("allotted"))
    return any(context.sentence_of[m.start] == sentence for m in (*context.found["not_treatment"], *allotted))


def timed_total_alone(context: Context, grouping: Grouping) -> Grouping:
    """Give a note's only block the total of its timed minutes where it has none, or a total of the visit, or what stands behind it.

    ``Timed minutes: 37. Total treatment time: 45 min`` under work that has no minutes of its own is 37 minutes of it.
    """
    if len(grouping.blocks) != 1 or len(grouping.blocks[0].durations) > 1:
        return grouping
    [block] = grouping.blocks
    timed = [event for event in grouping.loose if total_kind(context, event) == "timed"]
    if len({event.minutes for event in timed}) != 1:
        return grouping
    total = timed[0]
    work = max(event.end for event in (*block.activities, *block.services))
    if not block.durations:
        if total.start < work:
            return grouping
        loose = tuple(event for event in grouping.loose if event is not total)
        return replace(grouping, blocks=(replace(block, durations=(total,)),), loose=loose)
    [given] = block.durations
    visit = total_kind(context, given) == "visit" and total.minutes <= given.minutes
    if total_kind(context, given) == "timed" or (not visit and not work <= total.start < given.start):
        return grouping
    loose = (given if event is total else event for event in grouping.loose)
    return replace(
        grouping,
        blocks=(replace(block, durations=(total,)),),
        loose=tuple(sorted(loose, key=lambda event: event.start)),
    )
