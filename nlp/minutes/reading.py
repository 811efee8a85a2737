"""What the readers of minutes share: the candidates found so far, the tokens that they stand on, and steps between tokens.

Source of the words: ``nlp/lexicons/durations.toml``.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from nlp.clock import Scan, is_blank
from nlp.context import Context
from nlp.lexicon import Match
from nlp.terms import listed

MAX_MINUTES = 240  # longer is no block of one visit
LEAST_BARE = 5  # a smaller bare number beside a service is units or a count
UNIT = 15  # minutes
NOTE = 12  # tokens of a bracket that corrects
HEAD_REACH = 3  # words between "time" and its number
PART_REACH = 24  # tokens behind a whole within which its parts are told
CLAUSE = frozenset(",;:.(|")
PLAIN = frozenset(("unit", "tick", "letter", "words"))
STARTS = attrgetter("start")
_CLOCK_FORMS = frozenset(("range", "margin", "in_out", "chain"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """Tokens ``[start, end)`` that read like ``minutes``; ``form`` says how they are written."""

    start: int
    end: int
    minutes: int
    form: str

    @property
    def clock(self) -> bool:
        """Whether the minutes come from a start and an end time."""
        return self.form in _CLOCK_FORMS


class Reading(Scan):
    """One pass over the tokens of one note."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.tokens)
        self.context = context
        self.found: list[Candidate] = []
        self.taken: set[int] = set()
        # Most tokens are no figures: what looks for one goes over these alone.
        self.figures = [index for index, word in enumerate(self.words) if word.isdecimal()]

    def figures_in(self, start: int, end: int) -> list[int]:
        """Indexes of the figures in the half-open token range."""
        return self.figures[bisect_left(self.figures, start) : bisect_left(self.figures, end)]

    def add(self, start: int, end: int, minutes: int, form: str) -> None:
        """Keep a candidate unless it is too long or stands on another."""
        if 0 < minutes <= MAX_MINUTES and not self.taken.intersection(range(start, end)):
            self.taken.update(range(start, end))
            self.found.append(Candidate(start, end, minutes, form))

    def _assistance(self, index: int) -> bool:
        """``min A``, ``min assist``: an assist level, no time."""
        return self.word(index) == "min" and self.word(self.next(index)) in self.data.assistance

    def _small(self, index: int) -> bool:
        """A number that can be minutes without saying so."""
        word = self.word(index)
        return word.isdecimal() and len(word) <= 2 and int(word) >= LEAST_BARE

    def _named(self, at: int) -> bool:
        """Whether a service's name ends right before token ``at``."""
        found = self.context.found
        return any(m.end == at for kind in ("services", "service_heads") for m in found[kind])

    def _counted_minutes(self, at: int) -> tuple[int, int]:
        """Minutes with their unit from token ``at`` on, behind an article or not, and the token after them; 0 for none."""
        at = self.next(at) if self.word(at) in listed("determiner") else at
        value, end = self._spelt(at)
        unit = self.next(end) if self.word(end) == "-" else self.from_here(end)
        told = self.word(unit) in self.data.minute and not self._assistance(unit)
        return (value, unit + 1) if told else (0, end)

    @cached_property
    def _services(self) -> tuple[list[Match], list[int]]:
        """The names of services in text order, and the tokens that they begin at."""
        found = self.context.found
        names = sorted((*found["services"], *found["service_heads"]), key=STARTS)
        return names, [*map(STARTS, names)]

    @cached_property
    def _named_at(self) -> frozenset[int]:
        """The tokens that names of services begin at."""
        return frozenset(self._services[1])

    def _counts(self, at: int) -> bool:
        """Whether the number at token ``at`` counts something or is part of another number."""
        step = self.next(at)
        after = self.word(step)
        joined = self.touching(at)
        if after == "/" and self._per_units(at, step):
            return False
        following = self.word(self.next(step))
        if after == "/" and self._code(self.next(step), following):
            return False  # "97110-14 / 97530-16"
        if after == "/" and following.isalpha() and not joined and following not in self.data.often:
            return False  # "TE 25 / TA 15"
        number_follows = self.word(step + 1).isdecimal() and self.touching(step)
        if after == "/" and self.word(step + 1).isalpha() and self.touching(step):
            return False  # "TE 25/TA 15"
        return (
            after in self.data.counted
            or (after == ":" and joined and number_follows)
            or (joined and after in ("-", "'", "°", "+", "#", ">", "<"))
            or (joined and after == "." and number_follows)
        )

    def _per_units(self, at: int, step: int) -> bool:
        """``97110 15/1``: minutes over the units that they make."""
        units = self.word(step + 1)
        if not (units.isdecimal() and len(units) == 1 and self.touching(step)):
            return False
        return abs(int(self.word(at)) / UNIT - int(units)) < 1 and self.word(step + 2) != "/"

    def _code(self, index: int, word: str) -> bool:
        """Whether a procedure code ends at these figures: ``97110``, or those of ``G0283``."""
        letter = len(word) == 4 and self.word(index - 1) == "g" and self.touching(index - 1)
        return letter or (len(word) == 5 and word[0] == "9")

    def _same_line(self, one: int, other: int) -> bool:
        return self.tokens.line_of[one] == self.tokens.line_of[other]

    def _spelt(self, at: int) -> tuple[int, int]:
        """The number below 100 at token ``at``, in figures or words (``twenty-five``), and the token after it; 0 for none."""
        figure = self.word(at)
        if figure.isdecimal():
            return (int(figure) if len(figure) <= 2 else 0), at + 1
        value = self.data.numbers.get(figure, 0)
        ones = self.next(at + 1) if self.word(self.next(at)) == "-" else self.next(at)
        if value >= 20 and 0 < self.data.numbers.get(self.word(ones), 0) < 10:
            return value + self.data.numbers[self.word(ones)], ones + 1
        return value, at + 1

    def _apart(self, index: int) -> bool:
        """Whether a wide blank stands before a token."""
        return index > 0 and is_blank(self.words[index - 1]) and len(self.words[index - 1]) > 1
