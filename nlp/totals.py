"""Minutes that a note states as a total: which ones they are, and of what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nlp.context import Context
from nlp.events import Event
from nlp.lexicon import Match
from nlp.terms import listed
from nlp.tokens import Tokens

# What parts one total in a line from the next.
_PARTS = frozenset(",;/|()\n")
_UNTIMED = "untimed"
_BEFORE, _AFTER = 8, 4  # tokens in front of a number and behind it in which the words stand that call it a total


def total_kind(context: Context, event: Event) -> Literal["timed", "visit"] | None:
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
