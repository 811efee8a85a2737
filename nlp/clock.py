"""Times of day, and the steps from token to token that readers of a note's numbers share.

Source of the words: ``nlp/lexicons/durations.toml``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from nlp.errors import LexiconError
from nlp.lexicon import Entry
from nlp.terms import entries
from nlp.tokens import Tokens

_FILE = "durations"
HALF_DAY = 720  # minutes


@dataclass(frozen=True, slots=True)
class DurationWords:
    """The words of ``durations.toml`` by role."""

    minute: frozenset[str]
    letter: frozenset[str]
    tick: frozenset[str]
    hour: frozenset[str]
    one: frozenset[str]
    numbers: dict[str, int]
    halves: dict[str, int]
    fractions: tuple[tuple[tuple[str, ...], int], ...]
    qualifiers: frozenset[str]
    range_marks: frozenset[str]
    meridiem: frozenset[str]
    columns: frozenset[str]
    opening: frozenset[str]
    closing: frozenset[str]
    chain: frozenset[str]
    past: frozenset[str]
    to: frozenset[str]
    oh: frozenset[str]
    bouts: frozenset[str]
    levels: frozenset[str]
    assistance: frozenset[str]
    counted: frozenset[str]
    numbered: frozenset[str]
    often: frozenset[str]
    rate: frozenset[str]
    rests: frozenset[str]
    heads: frozenset[str]
    lengths: frozenset[str]


@cache
def duration_words() -> DurationWords:
    """The data file as sets, read once."""
    by_role: dict[str, list[Entry]] = {}
    for entry in entries(_FILE):
        by_role.setdefault(entry.data["role"], []).append(entry)

    def plain(role: str) -> frozenset[str]:
        return frozenset(term for entry in by_role[role] for term in entry.terms)

    def valued(role: str) -> dict[str, int]:
        values = {}
        for entry in by_role[role]:
            for term in entry.terms:
                words, mark, number = term.partition("=")
                if not mark or not number.isdecimal():
                    raise LexiconError(f"{_FILE}.toml", entry.id, f"write {term!r} as word=minutes")
                values[words] = int(number)
        return values

    fractions = [(tuple(re.findall(r"\w+", words)), minutes) for words, minutes in valued("fraction").items()]
    return DurationWords(
        minute=plain("minute"),
        letter=plain("minute_letter"),
        tick=plain("minute_tick"),
        hour=plain("hour"),
        one=plain("one"),
        numbers=valued("number"),
        halves=valued("half"),
        fractions=tuple(sorted(fractions, key=lambda item: -len(item[0]))),
        qualifiers=plain("qualifier"),
        range_marks=plain("range_mark"),
        meridiem=plain("meridiem"),
        columns=plain("column"),
        opening=plain("clock_open"),
        closing=plain("clock_close"),
        chain=plain("clock_chain"),
        past=plain("clock_past"),
        to=plain("clock_to"),
        oh=plain("clock_oh"),
        bouts=plain("bouts"),
        levels=plain("level"),
        assistance=plain("assistance"),
        counted=plain("counted"),
        numbered=plain("numbered"),
        often=plain("often"),
        rate=plain("rate"),
        rests=plain("rest"),
        heads=plain("minutes_head"),
        lengths=plain("length_head"),
    )


def is_blank(word: str) -> bool:
    """Whether a token is white space within a line."""
    return word[0] in " \t\xa0"


def elapsed(start: int, end: int) -> int:
    """Minutes from one time of day to another; across noon on a 12-hour clock where that is the only reading.

    Examples
    --------
    >>> elapsed(11 * 60 + 50, 10), elapsed(9 * 60 + 5, 9 * 60 + 20)
    (20, 15)
    """
    # Only the end may carry am or pm ("1:12 to 1:37 pm"), or the half day changes between the two.
    return (end - start) % HALF_DAY or HALF_DAY


class Scan:
    """Steps over the tokens of one note, and the times of day that stand in it."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.words = tokens.words
        self.lower = tokens.lower
        self.data = duration_words()

    def next(self, index: int) -> int:
        """Index of the next token that is no blank (a line break is one)."""
        index += 1
        while index < len(self.words) and is_blank(self.words[index]):
            index += 1
        return index

    def before(self, index: int) -> int:
        """Index of the previous token that is no blank, -1 at the start."""
        index -= 1
        while index >= 0 and is_blank(self.words[index]):
            index -= 1
        return index

    def from_here(self, index: int) -> int:
        """``index`` itself, or the next token that is no blank."""
        return index if index < len(self.words) and not is_blank(self.words[index]) else self.next(index - 1)

    def word(self, index: int) -> str:
        """The token in lower case; a line break outside the note."""
        return self.lower[index] if 0 <= index < len(self.lower) else "\n"

    def touching(self, index: int) -> bool:
        """Whether the token and the next stand without a gap."""
        return index >= 0 and index + 1 < len(self.words) and self.tokens.ends[index] == self.tokens.starts[index + 1]

    def clock(self, index: int) -> tuple[int, int, bool] | None:
        """A time of day at ``index``: (minute of day, token after it, whether it can be nothing else)."""
        if self.word(index).isdecimal():
            return self._figures(index)
        return self._spoken(index) if self.word(index).isalpha() else None

    def dotted(self, index: int) -> bool:
        """Whether ``9.15`` or ``10.05`` stands here, which may be a time of day or any other number."""
        tail = self.word(index + 2)
        return (
            len(self.word(index)) <= 2
            and self.word(index).isdecimal()
            and self.word(index + 1) == "."
            and self.touching(index)
            and self.touching(index + 1)
            and len(tail) == 2
            and tail.isdecimal()
            and not (self.word(index + 3) in "./%" and self.touching(index + 2))
        )

    def _figures(self, index: int) -> tuple[int, int, bool] | None:
        word = self.word(index)
        after = index + 1
        sure = False
        if (
            len(word) <= 2
            and self.word(after) == ":"
            and self.touching(index)
            and len(self.word(after + 1)) == 2
            and self.word(after + 1).isdecimal()
        ):
            hour, minute = int(word), int(self.word(after + 1))
            after += 2
            sure = True
        elif self.dotted(index):
            hour, minute = int(word), int(self.word(after + 1))
            after += 2
        elif len(word) in (3, 4):
            hour, minute = int(word[:-2]), int(word[-2:])
            sure = len(word) == 4 and word[0] == "0"
            if self.word(after) in ("h", "hrs") and self.touching(index):
                after += 1
                sure = True
        elif len(word) <= 2:
            hour, minute = int(word), 0
            step = after if self.touching(index) else self.next(index)
            if self.word(step) not in ("am", "pm"):
                return None
        else:
            return None
        if not (hour < 24 and minute < 60):
            return None
        hour, after, marked = self._half_day(hour, after)
        return hour * 60 + minute, after, sure or marked

    def _half_day(self, hour: int, after: int) -> tuple[int, int, bool]:
        """The hour on a 24-hour clock, the token after ``am`` or ``pm`` and whether one stands there."""
        step = self.from_here(after)
        mark = self.word(step)
        if mark in self.data.meridiem and (
            mark in ("am", "pm")
            or (
                step == after
                and self.touching(step - 1)
                and not (self.touching(step) and self.word(step + 1).isalpha())
            )
        ):
            after = step + 1
            if self.word(after) == "." and self.word(after + 1) == "m":
                after += 2
                if self.word(after) == ".":
                    after += 1
        elif mark in ("a", "p") and self.word(step + 1) == "." and self.word(step + 2) == "m":
            after = step + 3
            if self.word(after) == ".":
                after += 1
        else:
            return hour, after, False
        if mark[0] == "p" and hour < 12:
            hour += 12
        elif mark[0] == "a" and hour == 12:
            hour = 0
        return hour, after, True

    def _hour(self, index: int) -> int:
        """The hour that a word or figure names, 0 for none."""
        word = self.word(index)
        value = int(word) if word.isdecimal() and len(word) <= 2 else self.data.numbers.get(word, 0)
        return value if value <= 12 else 0

    def _spoken(self, index: int) -> tuple[int, int, bool] | None:
        """``ten thirty``, ``ten oh five``, ``half past two``, ``ten to three``, ``quarter past 2``."""
        data = self.data
        word = self.word(index)
        second = self.next(index)
        minute = data.halves.get(word, data.numbers.get(word, 0))
        if minute and minute < 60 and (self.word(second) in data.past or self.word(second) in data.to):
            at = self.next(second)
            hour = self._hour(at)
            if hour:
                before = self.word(second) in data.to
                return (hour * 60 + (-minute if before else minute)) % (24 * 60), at + 1, False
        hour = self._hour(index) if word in data.numbers else 0
        if not hour:
            return None
        if self.word(second) in data.oh:
            at = self.next(second)
            minute = data.numbers.get(self.word(at), 0)
            return (hour * 60 + minute, at + 1, True) if 0 < minute < 10 else None
        minute = data.numbers.get(self.word(second), 0)
        if not 10 <= minute < 60:
            return None
        after = second + 1
        at = self.next(second)
        ones = data.numbers.get(self.word(at), 0)
        if minute >= 20 and 0 < ones < 10:
            minute, after = minute + ones, at + 1
        return hour * 60 + minute, after, False
