"""Minutes that a note states as a total: which ones they are, of what, and whose they can be."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Literal

from nlp.clock import is_blank
from nlp.context import Context
from nlp.events import Event
from nlp.grouping import Found, Grouping
from nlp.lexicon import Match
from nlp.terms import listed
from nlp.tokens import Tokens

# What parts one total in a line from the next.
PARTS = frozenset(",;/|()\n")
_STOPS = PARTS | {"."}
_UNTIMED = "untimed"
ELSEWHEN = frozenset(("home_program", "plan", "goals", "previous"))  # sections whose totals are of no visit today
_REACH = 8  # tokens from words for what is left to the work that it went to
_LEAST = 5  # minutes that a rest of the visit has to have to be a block's
BEFORE, AFTER = 8, 4  # tokens in front of a number and behind it in which the words stand that call it a total

Kind = Literal["timed", "visit"]


def total_kind(context: Context, event: Event) -> Kind | None:
    """Return whether the note calls some minutes a total of its timed codes or of the visit; ``None`` where it does neither."""
    tokens = context.tokens
    cues = {i: m for m in context.found["total"] for i in range(m.start, m.end)}
    line_start, line_end = tokens.lines[tokens.line_of[event.start]]
    before = [cues[i] for i in range(max(line_start, event.start - BEFORE), event.start) if i in cues]
    after = [cues[i] for i in range(event.start, min(line_end, event.end + AFTER)) if i in cues]
    if not (before or after) or event.form == "in_out_open":
        return None
    if any(tokens.lower[at] == _UNTIMED for at in led_from(tokens, event.start)):
        return None
    return "timed" if _is_timed(tokens, before, after, event) else "visit"


def led_from(tokens: Tokens, start: int, ends: Set[str] = _STOPS, kept: Set[int] = frozenset()) -> range:
    """The tokens in front of a place in its line, back to the last word of ``ends`` or number; those ``kept`` are no numbers."""
    line_start, _ = tokens.lines[tokens.line_of[start]]
    at = start
    while at > line_start and not is_end(tokens, at - 1, ends, kept):
        at -= 1
    return range(at, start)


def is_end(tokens: Tokens, at: int, ends: Set[str], kept: Set[int]) -> bool:
    """Whether a token is a word of ``ends`` or a number, unless it is ``kept``."""
    word = tokens.words[at]
    return word in ends or (word.isdecimal() and at not in kept)


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
    return any(word in PARTS or word.isdecimal() for word in tokens.words[start:end])


def _leads(tokens: Tokens, end: int) -> bool:
    """Whether a number follows a cue, with a unit or a colon between at the most."""
    between = (":", "=", *listed("minute"))
    return any(word.isdecimal() for word in _after(tokens.lower, end, between))


def _after(words: Sequence[str], at: int, skipped: Sequence[str]) -> Sequence[str]:
    """The first word at ``at`` or behind that is not to be skipped."""
    while at < len(words) and words[at] in skipped:
        at += 1
    return words[at : at + 1]


def whose(context: Context, event: Event) -> list[str]:
    """The disciplines whose minutes these are: ``OT total 36 min``, not ``Pt seen by OT for a total of 45 min``."""
    tokens = context.tokens
    words, lower = tokens.words, tokens.lower
    out: list[str] = []
    for at in led_from(tokens, event.start):
        then = next(i for i in range(at + 1, event.start + 1) if i == event.start or not is_blank(words[i]))
        beside = lower[then] in listed("discipline_part") if then < event.start else words[at].isupper()
        ordinal = at > 0 and words[at - 1].isdecimal() and tokens.ends[at - 1] == tokens.starts[at]  # "1st 20 min"
        if lower[at] in listed("discipline") and beside and not ordinal:
            out.append(lower[at])
    return out


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
    if context.sections[whole.start] in ELSEWHEN or _is_against(context, whole) or whose(context, whole):
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
