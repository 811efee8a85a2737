"""Minutes: every candidate duration of a note with its form, ``doc.spans["durations"]``.

A candidate is a place that *reads like* minutes, in any of the forms of ``nlp/lexicons/durations.toml``. Which of them are
treatment, which a hold, a test or a total, is decided with the block they stand in (`nlp.components.blocks`).
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.clock import HALF_DAY, Scan, elapsed, is_blank
from nlp.context import Context, context_of
from nlp.lexicon import Match
from nlp.terms import listed, short_names

MAX_MINUTES = 240  # longer is no block of one visit
_LEAST_BARE = 5  # a smaller bare number beside a service is units or a count
_MOST_BARE = 99
_UNIT = 15  # minutes
_NOTE = 12  # tokens of a bracket that corrects
_LEAST_CELLS = 2  # a line of no more is no table's heading
_BEHIND = 2  # tokens between minutes and the half of them
_NEXT = 2  # sentences after one half within which the other one is told
_NET_FORMS = frozenset(("unit", "tick", "words", "bare", "range", "hours"))
_MOST_APART = 60  # minutes between one line's time and the next's
_SUMMED = 3  # words between minutes that a bracket adds up
_LONGEST_HOLD = 2  # minutes that are repeated in sets
_WORKING_HOURS = range(6, 21)
_CLOCK_FORMS = frozenset(("range", "margin", "in_out", "chain"))
_HEAD_REACH = 3  # words between "time" and its number
_PART_REACH = 24  # tokens behind a whole within which its parts are told
_LEAD_WORDS = 4  # tokens before the number that opens a line: "ROM/str 18:"
_CHAIN_LINES = 4  # lines within which "then until 10:50" goes on from the last range
_CLAUSE = frozenset(",;:.(|")
_OUT_OF_LINE = 3  # characters that a number may stand beside its column
_PLAIN = frozenset(("unit", "tick", "letter", "words"))
_CLOSES = frozenset(",;-–—(")  # what minutes stand behind that close an entry
_MOST = 2 / 3  # of the time to the next entry: what closes an entry with less is one task's, or a rest
_WRAPS = frozenset("*}]")  # what a form's chosen value stands in: "{*18*} min"
_PARTING = frozenset((",", "/", ";", "and", "+", "&", "|"))
_HEADING = 16  # tokens of a line's heading, with blanks
_BACK = 4  # tokens before "by" within which "followed" stands
_LEADS_ON = frozenset("-–—:=")
_BESIDE = frozenset("-–—:([x×=/;|)]@,*")
_AMENDABLE = frozenset(("unit", "tick", "letter", "words", "bare", "column", "lead", "bracket", "rest"))
_STARTS = attrgetter("start")
_NEAR = 3  # tokens between a service's name and minutes that are its
_FIGURES = 2  # of minutes in which a scanner may have taken one for a letter
_OPENED = frozenset(":,-–—")  # what stands between "late entry" and what it adds
_MEASURES = frozenset(("%", "/", "°", "#", "-", "–", '"', "'", "×", "+"))  # behind a number that is no minutes
_MISREAD = {"l": "1", "I": "1", "O": "0", "o": "0"}  # what a scanner makes of figures
_CACHE = "durations"


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


class _Reader(Scan):
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
        return word.isdecimal() and len(word) <= 2 and int(word) >= _LEAST_BARE

    # -- clock times -----------------------------------------------------------------------------------------------

    def ranges(self) -> None:
        """``0905-0920``, ``9:05 to 9:20``, ``half past 2 till 2:52``, and what goes on from them: ``then until 10:50``."""
        free = 0
        ended: tuple[int, int] | None = None  # token after the last range, and when it ended
        lines = self.tokens.line_of
        times = {*self.data.numbers, *self.data.halves}
        for index in [at for at, word in enumerate(self.lower) if word in times or word.isdecimal()]:
            first = self.clock(index) if free <= index else None
            if first is None:
                continue
            free = first[1]
            if self.word(index - 1) in "/.:$" and self.touching(index - 1):
                continue
            found = self._range(index, *first)
            if found is not None:
                after, minutes, end = found
                self.add(index, after, minutes, "range")
                ended = after, end
                free = after
                continue
            begin, after, sure = first
            mark = self.before(index)
            if ended is not None and sure and self.word(mark) in self.data.chain:
                minutes = elapsed(ended[1], begin)
                if minutes <= MAX_MINUTES // 2 and lines[index] - lines[ended[0] - 1] <= _CHAIN_LINES:
                    self.add(mark, after, minutes, "chain")
                    ended = after, begin

    def _range(self, index: int, begin: int, after: int, sure: bool) -> tuple[int, int, int] | None:
        """The range that opens with the time at ``index``: (token after it, minutes, end time)."""
        words, first = self.words, self.words[index]
        step = self.from_here(after)
        mark = self.word(step)
        if mark == "-" and self.word(step + 1) in (">", "-"):
            step += 1
        elif mark in "'’" and self.word(step + 1) in self.data.range_marks:
            step += 1
            mark = self.word(step)
        wide = step > after and len(words[after]) >= 2 and is_blank(words[after])
        figures = len(first) == 4 and first.isdecimal()
        column = figures and index == self.tokens.lines[self.tokens.line_of[index]][0]
        between = mark == "and" and self.word(self.before(index)) == "between"
        second, at = None, step
        if mark in self.data.range_marks or between or (mark == "/" and sure and self.touching(step)):
            at = self.from_here(step + 1)
            second = self.clock(at)
        elif (wide and (sure or figures)) or column or (mark == "|" and (sure or figures)):
            at = self.next(step) if mark == "|" else step
            second = self.clock(at)
            if second is not None and len(words[at]) != len(first) and not second[2]:
                second = None
        if second is None:
            return None
        minutes = elapsed(begin, second[0])
        spoken = first.isalpha() and words[at].isalpha()
        dotted = self.dotted(index) and self.dotted(at)
        if dotted and not self._day(index, minutes, second[1]):
            return None
        certain = sure or second[2] or spoken or dotted or (figures and len(self.word(at)) == 4)
        years = not sure and all(
            len(w) == 4 and w[:2] in ("19", "20") and w.isdecimal() and int(w[2:]) < 60 for w in (first, self.word(at))
        )
        if not certain or minutes > MAX_MINUTES or (years and minutes < 8):
            return None
        return second[1], minutes, second[0]

    def _day(self, index: int, minutes: int, after: int) -> bool:
        """Whether two dotted numbers can be the times of a block: in working hours, not too far apart, and of no unit."""
        unit = self.word(self.from_here(after))
        return (
            int(self.words[index]) in _WORKING_HOURS and minutes <= MAX_MINUTES // 2 and unit not in self.data.counted
        )

    def margin_ranges(self) -> None:
        """``815-832`` down the margin: times without a colon, where each line's begins at or after the end of the one before."""
        picked: list[tuple[int, int, int, int]] = []
        for begin, end in self.tokens.lines:
            at = self.from_here(begin)
            if at + 2 >= end or at in self.taken or self.words[at + 1] not in "-–" or len(self.words[at]) not in (3, 4):
                continue
            tight = self.touching(at) and self.touching(at + 1) and not self.touching(at + 2)
            first, second = (self.clock(i) if self.words[i].isdecimal() else None for i in (at, at + 2))
            if not (tight and first is not None and second is not None and second[1] == at + 3):
                continue
            if first[0] // 60 in _WORKING_HOURS and second[0] // 60 in _WORKING_HOURS:
                picked.append((at, at + 3, first[0], second[0]))
        apart = all((other[2] - one[3]) % HALF_DAY <= _MOST_APART for one, other in itertools.pairwise(picked))
        if len(picked) > 1 and apart:
            for at, after, begin, end in picked:
                if elapsed(begin, end) <= MAX_MINUTES // 2:
                    self.add(at, after, elapsed(begin, end), "range")

    def short_ranges(self) -> None:
        """``9-9:15``, ``2 - 2:30 pm``: the first time is the hour alone."""
        words = self.words
        for index, word in enumerate(words):
            if word != ":" or not (index >= 3 and self.touching(index - 1)) or index - 1 in self.taken:
                continue
            second = self.clock(index - 1)
            mark = self.before(index - 1)
            at = self.before(mark)
            if second is None or self.word(mark) not in self.data.range_marks or at in self.taken:
                continue
            hour = self.word(at)
            if not hour.isdecimal() or len(hour) > 2 or not 1 <= int(hour) <= 12 or self.word(at - 1) in "/.:$-":
                continue
            minutes = elapsed(int(hour) * 60, second[0])
            tight = self.touching(at) and self.touching(mark)
            if minutes <= MAX_MINUTES // 4 and (tight or second[1] > index + 2):
                self.add(at, second[1], minutes, "range")

    def in_out(self) -> None:
        """``In 10:14 ... Out 10:33``: the start and the end apart, with the work between them."""
        opened: tuple[int, int, int] | None = None
        marks = self.data.opening | self.data.closing
        for index in [at for at, word in enumerate(self.lower) if word in marks]:
            opening = self.lower[index] in self.data.opening
            at = self.next(index)
            time, skipped = self.clock(at), 0
            while time is None and (self.word(at) in (":", "=", "(") or (self.word(at).isalpha() and skipped < 2)):
                skipped += self.word(at).isalpha()
                at = self.next(at)
                time = self.clock(at)
            if time is None or at in self.taken:
                continue
            if not (time[2] or len(self.word(at)) == 4 or self.word(at).isalpha()):
                continue
            if opening:
                opened = (time[0], index, time[1])
            elif opened is not None:
                minutes = elapsed(opened[0], time[0])
                if minutes <= MAX_MINUTES:
                    self._in_out(opened, index, time[1], minutes)
                opened = None

    def _in_out(self, opened: tuple[int, int, int], index: int, after: int, minutes: int) -> None:
        apart = sum(1 for word in self.lower[opened[1] : index] if word.isalpha())
        if apart < 5:
            self.add(opened[1], after, minutes, "range")
            return
        self.add(index, after, minutes, "in_out")
        self.found.append(Candidate(opened[1], opened[2], minutes, "in_out_open"))
        self.taken.update(range(opened[1], opened[2]))

    def margin(self) -> None:
        """Start times down the margin: each line's block ends where the next begins."""
        starts = []
        for number, (begin, end) in enumerate(self.tokens.lines):
            index = begin
            while index < end and (is_blank(self.words[index]) or self.words[index] in "-*["):
                index += 1
            if index < end and index not in self.taken and self.words[index].isdecimal():
                time = self.clock(index)
                if time is not None and (time[2] or len(self.words[index]) == 4):
                    starts.append((number, index, time[0], time[1]))
        if len(starts) < 3:
            return
        closing = self._closing()
        for (number, index, begin, after), (later, _, end, _) in itertools.pairwise(starts):
            minutes = elapsed(begin, end)
            if later - number <= 3 and minutes <= MAX_MINUTES // 2:
                told = next((closing[line] for line in range(later - 1, number - 1, -1) if line in closing), 0)
                if not _MOST * minutes <= told <= minutes:
                    self.add(index, after, minutes, "margin")

    def _closing(self) -> dict[int, int]:
        """Minutes that close a line behind a mark or lead to what it tells, by its number.

        ``1032 - LAQ, heel raises, 14 min``, ``08:35 ther ex, 15 min: LAQ, heel raises``.
        """
        out: dict[int, int] = {}
        for c in self.found:
            line = self.tokens.line_of[c.start]
            if c.form in _PLAIN and self.word(self.next(c.end - 1)) == ":" and line not in out:
                out[line] = c.minutes
                continue
            behind = self.words[c.end : self.tokens.lines[line][1]]
            closes = c.form in _PLAIN and self.word(self.before(c.start)) in _CLOSES
            if closes and all(w in ".)" or is_blank(w) for w in behind):
                out[line] = c.minutes
        return out

    # -- amounts ---------------------------------------------------------------------------------------------------

    def number_before(self, index: int) -> tuple[int, int] | None:
        """The number that ends right before token ``index``: (value, its first token)."""
        at = self.before(index)
        word = self.word(at)
        if word == "_":
            at = self._filled(at)
            word = self.word(at)
        while word in _WRAPS:
            at = self.before(at)
            word = self.word(at)
        if word in ("-", "–"):
            at = self.before(at)
            word = self.word(at)
        if word in self.data.qualifiers:
            at = self.before(at)
            word = self.word(at)
        if word.isdecimal() and len(word) <= 3:
            mark = self.word(at - 1)
            if mark in ".:" and self.touching(at - 1) and self.word(at - 2).isdecimal() and self.touching(at - 2):
                # "15:00 min" is minutes and seconds; "9:05 min" and "1.5 min" are no whole minutes.
                whole = mark == ":" and word == "00" and len(self.word(at - 2)) <= 2
                return (int(self.word(at - 2)), at - 2) if whole else None
            return int(word), at
        if word in self.data.numbers:
            value, first = self.data.numbers[word], at
            earlier = self.before(at)
            if self.word(earlier) == "-":
                earlier = self.before(earlier)
            tens = self.data.numbers.get(self.word(earlier), 0)
            if tens >= 20 and value < 10:
                return tens + value, earlier
            return value, first
        if word == ")" and self.word(at - 1).isdecimal() and self.word(at - 2) == "(":
            return int(self.word(at - 1)), at - 2
        return None

    def _filled(self, at: int) -> int:
        """The number in the filled blank that ends at token ``at`` (``__17__``); -1 where it is none: ``SVC1_MIN``, ``____``."""
        while self.word(at) == "_" and self.touching(at - 1):
            at -= 1
        first = at - 1
        while self.word(first) == "_" and self.touching(first):
            first -= 1
        opened = first < at - 1 and not (self.touching(first) and self.word(first).isalnum())
        return at if opened and self.word(at).isdecimal() else -1

    def amounts(self) -> None:
        """``15 min``, ``1 hr 5 min``, ``fifteen minutes``, ``15'``, ``15m``."""
        data = self.data
        units = data.hour | data.minute | data.tick | data.letter
        for index, word in [(at, word) for at, word in enumerate(self.lower) if word in units]:
            if word in data.hour:
                self._hours(index)
            elif word in data.minute:
                if not self._assistance(index) and not self._scanned(index):
                    self._minutes(index)
            elif word in data.letter and self._over_units(index):
                at = self.before(index)
                self._amount(at, index + 1, int(self.words[at]), "letter")
            elif not (
                self.touching(index - 1) and self.words[index - 1].isdecimal() and len(self.words[index - 1]) < 3
            ):
                continue
            elif word in data.tick:
                if not (self.word(index + 1).isdecimal() and self.touching(index)) and not self._feet(
                    index - 1
                ):  # 5'6"
                    self._amount(index - 1, index + 1, int(self.words[index - 1]), "tick")
            elif word in data.letter and self.words[index] == "m" and not self._age(index):
                self._amount(index - 1, index + 1, int(self.words[index - 1]), "letter")
        self._fractions()

    def _over_units(self, index: int) -> bool:
        """Whether the letter at ``index`` stands between minutes and the units that they make: ``27 m/2 u``."""
        at = self.before(index)
        slash = self.next(index)
        units = self.next(slash)
        counted = self.word(units).isdecimal() and len(self.word(units)) == 1
        over = self.word(slash) == "/" and counted and self.word(self.next(units)) in listed("unit")
        before = self.before(at)
        return over and self._small(at) and (self._named(at) or self._code(before, self.word(before)))

    def _named(self, at: int) -> bool:
        """Whether a service's name ends right before token ``at``."""
        found = self.context.found
        return any(m.end == at for kind in ("services", "service_heads") for m in found[kind])

    def _age(self, index: int) -> bool:
        """Whether the number before the letter at ``index`` is months of life: ``18m old``, ``1y6m``, ``CA 18m``."""
        first = index - 1
        years = self.word(first - 1) == "y" and self.touching(first - 1)
        return years or self.word(self.next(index)) in listed("aged") or self.word(self.before(first)) in listed("age")

    def _feet(self, at: int) -> bool:
        """Whether a number with a tick is how far somebody walked: ``walked 30' to bathroom``, but not ``gait 15'``."""
        after = self.lower[at + 2 : at + 4]
        if after[:1] == [":"]:
            return False  # "Gait 15': RW 150 ft"
        # Of a service named for walking a tick is feet where it is repeated or a device follows: "gait 60' x 2 RW".
        if self.word(self.before(at)) in listed("walking") and any(word in listed("repeated") for word in after):
            return True
        if self._named(at):
            return False
        begin = at
        while begin > 0 and self.words[begin - 1] not in _CLAUSE and self.words[begin - 1][0] not in "\r\n":
            begin -= 1
        clause = self.lower[begin:at]
        return any(word in listed("distance") for word in clause) and not any(
            word in listed("machine") for word in clause
        )

    def _minutes(self, index: int) -> None:
        got = self.number_before(index)
        if got is None:
            return
        value, first = got
        mark = self.before(first)
        if self._labels(first, index):
            return
        if self._until(mark):
            self.taken.update(range(first, index + 1))
            return
        # "15-20 min" gives no one number.
        if (
            self.word(mark) in ("-", "–", "to")
            and self.word(self.before(mark)).isdecimal()
            and self.touching(self.before(mark))
        ):
            earlier = int(self.word(self.before(mark)))
            if earlier < value and len(self.word(self.before(mark))) <= 2:
                self.taken.update(range(self.before(mark), index + 1))
                return
        self._amount(first, index + 1, value, "unit" if self.words[first].isdecimal() else "words")

    def _scanned(self, index: int) -> bool:
        """Whether one of two figures before a unit is a letter that a scanner took it for, which are kept then: ``l7 rnin``."""
        last = self.before(index)
        first = last - (len(self.word(last)) < _FIGURES and self.touching(last - 1))
        if first > 0 and self.touching(first - 1) and self.word(first - 1).isalnum():
            return False
        written = "".join(self.words[max(first, 0) : last + 1])
        figures = "".join(_MISREAD.get(character, character) for character in written)
        if len(figures) != _FIGURES or written.isdecimal() or not figures.isdecimal() or figures[0] == "0":
            return False
        if not any(map(str.isdecimal, written)) or written[-1] == "l":  # "O2 at 2l min"
            return False
        self._amount(first, index + 1, int(figures), "unit")
        return True

    def _until(self, at: int) -> bool:
        """Whether a number behind token ``at`` says when, or by how much: ``tired by 20 min``, not ``followed by 20 min``."""
        if self.word(at) in listed("about"):
            at = self.before(at)
        if self.word(at) not in listed("until_then") or self.word(self.before(at)).isdecimal():
            return False
        for _ in range(_BACK):
            at = self.before(at)
            if at < 0 or self.word(at) in _CLAUSE or self.words[at][0] in "\r\n":
                return True
            if self.word(at) in listed("comes_next"):
                return False
        return True

    def _labels(self, first: int, index: int) -> bool:
        """Whether a number is units or of another column, and the word behind it the label of the next: ``Units: 2 Min: 30``."""
        before = self.before(first)
        colon = self.next(index)
        if self.word(colon) == ":" and self.word(self.next(colon)).isdecimal():
            dated = self.word(first - 1) == "/" and self.word(first - 2).isdecimal()
            if dated or self._apart(index):
                return True  # "11/06    Minutes: 45"
        if self.word(before) in (":", "="):
            before = self.before(before)
        after = self.next(index)
        if self.word(after) in (":", "="):
            after = self.next(after)
        return self.word(before) in listed("unit") and self.word(after).isdecimal()

    def _amount(self, first: int, end: int, value: int, form: str) -> None:
        """Keep an amount, with what multiplies it or is added to it: ``2 x 8 min``, ``10 min x 2``, ``15 + 10 min``."""
        mark = self.before(first)
        if self.word(mark) in listed("interval") and not self._apart(first):
            self.taken.update(range(first, end))  # "pressure relief q 30 min", not "2x10 each      9 min"
            return
        times = self.before(mark)
        if self.word(mark) in ("x", "×", "@") or self.word(mark) in self.data.bouts or self.word(mark) == "of":
            if self.word(mark) == "of" and self.word(times) in self.data.bouts:
                times = self.before(times)
            elif self.word(mark) == "of":
                times = -1
            word = self.word(times)
            count = int(word) if word.isdecimal() and len(word) == 1 else self.data.numbers.get(word, 0)
            glued = self.touching(times - 1) and self.word(times - 1).isalnum()
            level = glued or self.word(self.before(times)) in self.data.levels
            if count and value <= _LONGEST_HOLD and self.word(mark) in ("x", "×"):
                self.taken.update(range(times, end))  # sets of a stretch: "2 x 1 min"
                return
            if 2 <= count <= 4 and not level and value < 60:
                self.add(times, end, count * value, "product")
                return
        elif self.word(mark) == "+" and value < 60 and first not in self.context.untimed:
            word = self.word(times)
            glued = self.touching(times - 1) and not is_blank(self.words[times - 1])
            if word.isdecimal() and len(word) <= 2 and not glued:
                self.add(times, end, int(word) + value, "sum")
                return
        at = self.from_here(end)
        if value <= _LONGEST_HOLD and self.word(at) in self.data.bouts:
            self.taken.update(range(first, end))  # "reaching x 2 min bouts"
            return
        count = self.word(at + 1) if self.touching(at) else self.word(self.next(at))
        if value <= _LONGEST_HOLD and self.word(at) in ("x", "×") and count.isdecimal():
            self.taken.update(range(first, end))  # "1 min x 4"
            return
        if value >= _LEAST_BARE and self.word(at) in ("x", "×") and count in ("2", "3"):
            number = at + 1 if self.touching(at) else self.next(at)
            following = self.word(self.next(number))
            if following not in self.data.often and following not in self.data.counted:
                self.add(first, number + 1, value * int(count), "product")
                return
        self.add(first, end, value, form)

    def _hours(self, index: int) -> None:
        """``1.5 hrs``, ``1 hr 5 min``, ``1h15``, ``an hour and a half``, ``½ hr``, read where the hour stands."""
        at = self.before(index)
        if self.word(at) == "-":
            at = self.before(at)
        word = self.word(at)
        if word.isdecimal() and self.word(at - 1) == "." and self.touching(at - 1):
            whole = self.word(at - 2) if self.touching(at - 2) else ""
            tenths = int(word[:2].ljust(2, "0"))
            if whole.isdecimal():
                self.add(at - 2, index + 1, int(whole) * 60 + tenths * 60 // 100, "hours")
            else:
                self.add(at - 1, index + 1, tenths * 60 // 100, "hours")
            return
        part = self._part(at)
        if part is not None:
            minutes, first = part
            earlier = self.before(first)
            if self.word(earlier).isdecimal() and len(self.word(earlier)) == 1 and minutes < 60:
                minutes, first = minutes + int(self.word(earlier)) * 60, earlier
            self.add(first, index + 1, minutes, "hours")
            return
        if word in self.data.one:
            if self.word(self.before(at)) in self.data.counted:
                return  # "three miles an hour"
            # "half an hour" and "three quarters of an hour" are fractions.
            earlier = self.word(self.before(at))
            if earlier == "of" or earlier in self.data.halves:
                return
            got: tuple[int, int] | None = (1, at)
        else:
            got = self.number_before(index)
        if got is None:
            return
        value, first = got
        if self.word(self.before(first)) in listed("interval") and not self._apart(first):
            return
        more, end = self._beyond(index)
        self.add(first, end, value * 60 + more, "words" if word in self.data.one else "hours")

    def _part(self, at: int) -> tuple[int, int] | None:
        """``1/4`` or ``½`` that ends at token ``at``: (minutes of an hour, its first token)."""
        word = self.word(at)
        if word in self.data.halves and not word.isalpha():
            return self.data.halves[word], at
        whole = self.word(at - 2)
        if word in ("2", "4") and self.word(at - 1) == "/" and whole in ("1", "3") and self.touching(at - 1):
            return 60 * int(whole) // int(word), at - 2
        return None

    def _beyond(self, index: int) -> tuple[int, int]:
        """Minutes past the hour at ``index`` and the token after them: ``and 10 minutes``, ``15m``, ``and a half``."""
        at = self.next(index)
        if self.word(at) == "and":
            at = self.next(at)
        if self.word(at) in self.data.one and self.word(self.next(at)) in self.data.halves:
            at = self.next(at)
            return self.data.halves[self.word(at)], at + 1
        word = self.word(at)
        if word.isdecimal() and len(word) <= 2:
            unit = self.next(at)
            if self.word(unit) in self.data.minute or (self.word(unit) in self.data.letter and self.touching(at)):
                return int(word), unit + 1
            if len(word) == 2 and at == index + 1 and self.touching(index) and self.word(unit) != ":":
                return int(word), at + 1
        return 0, index + 1

    def _fractions(self) -> None:
        last_words = {parts[-1] for parts, _ in self.data.fractions}
        ends = [index for index, word in enumerate(self.lower) if word in last_words]
        for parts, minutes in self.data.fractions:
            for index in ends:
                at = first = index
                for part in reversed(parts):
                    if self.word(at) == "-":
                        at = self.before(at)
                    if self.word(at) != part:
                        break
                    first = at
                    at = self.before(at)
                else:
                    self.add(first, index + 1, minutes, "words")

    def shares(self) -> None:
        """``half of the 40-minute session``, ``the other half``, ``40 min, half of it counted by PT``: minutes of a whole."""
        given: tuple[int, int] | None = None  # minutes, and the sentence that gave them
        sentences = self.context.sentence_of
        for index, word in enumerate(self.lower):
            part = self.data.halves.get(word, 0) if word.isalpha() else 0
            if not part or index in self.taken:
                continue
            at = self.next(index)
            if given is not None and self._other(index) and 0 < sentences[index] - given[1] <= _NEXT:
                self.add(index, index + 1, given[0], "words")
            elif self.word(at) == "of" and self.word(self.next(at)) in listed("back_reference"):
                self._half_of_it(index, self.next(at), part)
            elif self.word(at) == "of":
                first = self.next(at)
                value, end = self._counted_minutes(first)
                after = self.word(self.from_here(end))
                told = not after.isalnum() or after in listed("session_word")
                if value >= 2 * _LEAST_BARE and told:
                    given = value * part // 60, sentences[index]
                    self.taken.difference_update(range(first, end))
                    self.found = [c for c in self.found if not first <= c.start < end]
                    self.add(index, end, given[0], "words")

    def _other(self, index: int) -> bool:
        """Whether *the other half* opens a sentence with this token."""
        other = self.before(index)
        the = self.before(other)
        begins = the < 1 or self.context.sentence_of[the - 1] != self.context.sentence_of[the]
        return self.word(other) == "other" and self.word(the) in listed("determiner") and begins

    def _half_of_it(self, index: int, reference: int, part: int) -> None:
        """Take for minutes that a comma and *half of it* follow the part that the note credits: ``counted by PT``."""
        whole = next((c for c in self.found if c.end <= index <= c.end + _BEHIND), None)
        if whole is None or self.word(self.next(reference)) not in listed("credited"):
            return
        between = [word for word in self.lower[whole.end : index] if not is_blank(word)]
        if whole.form in ("unit", "words") and between == [","]:
            self.found.remove(whole)
            self.found.append(replace(whole, end=reference + 1, minutes=whole.minutes * part // 60))
            self.taken.update(range(whole.start, reference + 1))

    def _counted_minutes(self, at: int) -> tuple[int, int]:
        """Minutes with their unit from token ``at`` on, behind an article or not, and the token after them; 0 for none."""
        at = self.next(at) if self.word(at) in listed("determiner") else at
        value, end = self._spelt(at)
        unit = self.next(end) if self.word(end) == "-" else self.from_here(end)
        told = self.word(unit) in self.data.minute and not self._assistance(unit)
        return (value, unit + 1) if told else (0, end)

    def less(self) -> None:
        """``30 min minus the 8-min break``, ``31 min less 6``: what is left of them, where the note does not say it itself."""
        out: list[Candidate] = []
        for c in self.found:
            if out and c.start < out[-1].end:
                continue
            mark = self.from_here(c.end)
            apart = c.form == "range" and self.word(mark) == ","
            if apart:
                mark = self.next(mark)  # "10:00 to 10:40, less 10 min"
            if self.word(mark) in listed("less") and c.form in _NET_FORMS:
                value, end = self._counted_minutes(self.next(mark))
                if apart and self.word(self.from_here(end)) == "than":
                    value = 0  # "less 5 min than yesterday"
                if not value and not apart:
                    value, end = self._spelt(self.next(mark))
                    after = self.from_here(end)
                    told = not self.word(after).isalnum() or self.word(after) in listed("taken_for")
                    value = value if told and self.word(self.next(after)) not in listed("pause") else 0
                line = self.words[end : self.tokens.lines[self.tokens.line_of[c.start]][1]]
                if 0 < value < c.minutes and "=" not in line[:_NOTE] and not self._counts(end - 1):
                    c = replace(c, end=end, minutes=c.minutes - value)
                    self.taken.update(range(c.start, end))
            out.append(c)
        self.found = out

    def zero_hours(self) -> None:
        """``TE - 0:23``, ``97110 (0:15)``: hours and minutes of which the hours are none."""
        for index in self.figures:
            if self.words[index] != "0" or self.word(index + 1) != ":" or not self.touching(index):
                continue
            minutes = self.word(index + 2)
            if len(minutes) == 2 and minutes.isdecimal() and self.touching(index + 1) and self.word(index + 3) != ":":
                self.add(index, index + 3, int(minutes), "unit")

    def joined(self) -> None:
        """Ranges that go on after a pause are one (``2:06 to 2:19 and 2:24 to 2:43``); so are sums, and minutes said again."""
        self.found.sort(key=lambda c: (c.start, c.end))
        out: list[Candidate] = []
        for c in self.found:
            last = out[-1] if out else None
            if last is not None and self._again(last, c):
                out[-1] = replace(last, end=c.end)
                self.taken.update(range(last.start, c.end))
            elif last is not None and self._adds(last, c):
                out[-1] = Candidate(last.start, c.end, last.minutes + c.minutes, last.form)
                self.taken.update(range(last.start, c.end))
            else:
                out.append(c)
        self.found = out

    def corrected(self) -> None:
        """Minutes that the note puts right: ``25 min (late entry, corrected to 20)``, ``15 min, sorry, 25``, ``14 min, not 12``."""
        out: list[Candidate] = []
        for c in self.found:
            if out and c.start < out[-1].end:
                continue  # what puts right
            value, end = self._bracketed(c)
            if not value and c.form in _AMENDABLE:
                value, end = self._put_right(c)
            if value:
                c = replace(c, end=end, minutes=value)
                self.taken.update(range(c.start, end))
            out.append(c)
        self.found = self._amended(out)

    def _bracketed(self, c: Candidate) -> tuple[int, int]:
        """The minutes in a bracket right behind others that says so, and the token that ends it; 0 for none."""
        at = self.from_here(c.end)
        inside = range(at, min(at + _NOTE, len(self.words)) if self.word(at) == "(" else at)
        close = next((i for i in inside if self.words[i] == ")"), at)
        said = [i for i in range(at, close) if self.lower[i] in listed("corrected")]
        for figure in self.figures_in(said[-1], close) if said else []:
            leads = self.before(figure) in said or self.word(self.before(figure)) in listed("puts_right")
            after = self.word(self.from_here(figure + 1))
            if leads and self._small(figure) and (after in ",;)" or after in self.data.minute):
                return int(self.words[figure]), close
        return 0, close

    def _put_right(self, c: Candidate) -> tuple[int, int]:
        """The minutes behind others and a word that owns to a slip, and the token after them: ``15 min - no, make that 25``."""
        at, said = self.from_here(c.end), False
        for _ in range(_NOTE):
            word = self.word(at)
            if word in listed("remake") and self.word(self.next(at)) in listed("remade"):
                said, at = True, self.next(at)
            elif word in listed("slip") or word in listed("corrected"):
                said = True
            elif word not in listed("slip_beside"):
                break
            at = self.next(at)
        value, end = self._told(at)
        return (value if said else 0), end

    def _told(self, at: int) -> tuple[int, int]:
        """Minutes at token ``at``, with their unit or not, of which nothing more is said, and the token after them; 0 for none."""
        value, end = self._spelt(at)
        step = self.from_here(end)
        close = self.touching(end - 1) and self.word(step) in self.data.tick | self.data.letter
        if self.word(step) in self.data.minute or close:
            end = step + 1
            step = self.from_here(end)
        after, more = self.word(step), self.word(step + 1)
        goes_on = after in listed("goes_on") or after in listed("instead_of")
        plain = not after.isalnum() and after not in _MEASURES and not (self.touching(step) and more.isdecimal())
        return (value if value >= _LEAST_BARE and (plain or goes_on) else 0), end

    def _amended(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Candidates after sentences that put them right: ``Addendum: ther ex was 21``, ``Correction: 14 min, not 12``."""
        out, sentences, gone = [*found], self.context.sentence_of, set[int]()
        signals = listed("corrects") | listed("corrected") | listed("late")
        for opening in [at for at, word in enumerate(self.lower) if word in signals]:
            before, late = self.before(opening), self.word(opening) in listed("late")
            signal = self.next(opening) if late else opening
            if late and self.word(signal) not in listed("entry"):
                continue
            opens = before < 0 or sentences[before] != sentences[opening]
            if not opens and self.word(self.next(signal)) not in (",", ":"):
                continue
            end = signal + 1
            while end < min(len(sentences), signal + _PART_REACH) and sentences[end] == sentences[signal]:
                end += 1
            for at in range(signal + 1, end):
                place, minutes, after = self._amends(out, signal, at) if at not in gone else (0, 0, 0)
                if minutes and out[place].form in _AMENDABLE and minutes <= MAX_MINUTES:
                    out[place] = replace(out[place], minutes=minutes)
                    gone.update(range(at, after))
        return [c for c in out if not gone.intersection(range(c.start, c.end))]

    def _amends(self, found: Sequence[Candidate], signal: int, at: int) -> tuple[int, int, int]:
        """Which candidate the words at token ``at`` put right, to how many minutes, and the token after them; zeros for none."""
        if self.word(at) in listed("adds"):
            first = self.word(self.before(at)) in _OPENED or self.before(at) == signal
            value, end = self._counted_minutes(self.next(at))
            name = self.next(end) if self.word(self.from_here(end)) == "to" else -1
            name = self.next(name) if self.word(name) in listed("determiner") else name
            place = self._minutes_of(found, self._service_at(name), signal) if first and value and name > 0 else -1
            return (place, found[place].minutes + value, name) if place >= 0 else (0, 0, 0)
        value, end = self._told(at)
        if not value:
            return 0, 0, 0
        timed = self.word(end - 1) in self.data.minute
        step = self.from_here(end)
        step = self.next(step) if self.word(step) == "," else step
        wrong = 0
        if self.word(step) in listed("instead_of"):
            number = self.next(step)
            wrong, end = self._counted_minutes(number)
            wrong, end = (wrong, end) if wrong else self._spelt(number)
        lead = self.before(at)
        if self.word(lead) in listed("should"):
            return 0, 0, 0
        if self.word(lead) == "be":
            lead = self.before(lead)
            if self.word(lead) not in listed("should"):
                return 0, 0, 0  # "will be 20"
        told = self.word(lead) in (*listed("were"), *listed("should"))
        if not told and not wrong:
            return 0, 0, 0
        name = self._service_ending(lead if told else at)
        place = self._minutes_of(found, name, signal)
        _, starts = self._services
        if name is None and wrong and timed and bisect_left(starts, signal) == bisect_left(starts, at):
            places = [n for n, c in enumerate(found) if c.end <= signal and c.minutes == wrong]
            place = places[0] if len(places) == 1 else -1
        fits = place >= 0 and (not wrong or found[place].minutes == wrong)
        return (place, value, end) if fits else (0, 0, 0)

    def _service_at(self, at: int) -> Match | None:
        """The service whose name begins at token ``at``."""
        names, starts = self._services
        place = bisect_left(starts, at)
        return names[place] if place < len(names) and starts[place] == at else None

    def _service_ending(self, at: int) -> Match | None:
        """The service whose name stands right before token ``at``."""
        names, starts = self._services
        place = bisect_left(starts, at) - 1
        return names[place] if place >= 0 and names[place].end - 1 == self.before(at) else None

    def _minutes_of(self, found: Sequence[Candidate], name: Match | None, signal: int) -> int:
        """The candidate beside the last mention before ``signal`` of the service that is named behind it; -1 for none."""
        if name is None or name.start < signal or not name.entry.data["code"]:
            return -1
        names, starts = self._services
        for number in reversed(range(bisect_left(starts, signal))):
            if names[number].entry.data["code"] == name.entry.data["code"]:
                return self._beside_name(found, names[number], starts[number + 1])
        return -1

    def _beside_name(self, found: Sequence[Candidate], name: Match, until: int) -> int:
        """The candidate that is surely of a service: right behind its name, right before, or the only one up to the next name."""
        place = bisect_left(found, name.end, key=_STARTS)
        own = range(place, bisect_left(found, until, key=_STARTS))
        own = [n for n in own if self._same_line(found[n].start, name.start) and self.from_here(found[n].end) != until]
        if own and found[own[0]].start - name.end <= _NEAR:
            return own[0]
        if place and self.from_here(found[place - 1].end) == name.start:
            return place - 1
        return own[0] if len(own) == 1 else -1

    @cached_property
    def _services(self) -> tuple[list[Match], list[int]]:
        """The names of services in text order, and the tokens that they begin at."""
        found = self.context.found
        names = sorted((*found["services"], *found["service_heads"]), key=_STARTS)
        return names, [*map(_STARTS, names)]

    @cached_property
    def _named_at(self) -> frozenset[int]:
        """The tokens that names of services begin at."""
        return frozenset(self._services[1])

    def _again(self, first: Candidate, second: Candidate) -> bool:
        """Whether the second says the same minutes once more, by the clock or as an amount: ``(15 min, 1030-1045)``."""
        between = [word for word in self.lower[first.end : second.start] if not is_blank(word)]
        same = first.minutes == second.minutes and (first.form == "range") != (second.form == "range")
        return same and between in ([","], ["("], ["/"], ["="], [";"])

    def _adds(self, first: Candidate, second: Candidate) -> bool:
        """Whether two candidates side by side are one sum."""
        if second.start in self.context.untimed:
            return False  # "20 min + 6 min rest"
        between = [word for word in self.lower[first.end : second.start] if not is_blank(word)]
        if first.form != second.form:
            return False
        if self.word(first.start - 1) == "(" and first.form in ("unit", "tick") and between[-1:] == ["+"]:
            return len(between) <= _SUMMED and all(
                word.isalpha() for word in between[:-1]
            )  # "(8 min bike + 22 min mat)"
        if self._other_half(first, between):
            return True
        if between[:1] in (["and"], [","]) and between[1:] in ([word] for word in listed("again")):
            between = ["and"]  # "3:05-3:17 and again 3:30-3:41"
        if len(between) != 1:
            return False
        if first.form != "range":
            return between[0] == "+" and first.form in ("unit", "tick", "letter")
        return between[0] in ("and", "+", "&") and not self._meets(first, second)

    def _other_half(self, first: Candidate, between: Sequence[str]) -> bool:
        """Whether minutes of two parts of one day stand side by side: ``AM 14 min / PM 13 min``."""
        ahead = self.word(self.before(first.start))
        parts = [word for word in between if word in listed("day_part")]
        marks = [word for word in between if word not in parts]
        return len(parts) == 1 and {ahead} <= listed("day_part") - {*parts} and len(marks) == 1 and {*marks} <= _PARTING

    def _meets(self, first: Candidate, second: Candidate) -> bool:
        """Whether a range begins with the very time that ends the one before it: two blocks side by side."""
        begin = self.clock(second.start)
        for at in range(first.start + 1, first.end):
            end = self.clock(at)
            if begin is not None and end is not None and end[1] == first.end:
                return elapsed(end[0], begin[0]) == elapsed(0, 0)
        return False

    # -- columns and bare numbers ----------------------------------------------------------------------------------

    def columns(self) -> None:
        """Numbers under a heading *Min* in tables parted by pipes, semicolons, tabs, commas or wide gaps."""
        tokens = self.tokens
        heads: tuple[str, int, int, int] | None = None  # separator, cell index, left and right column
        wide = 0  # cells of the heading
        outer = False  # whether the heading is its line's last cell
        for begin, end in tokens.lines:
            if begin >= end:
                if heads and heads[0] in " ,":
                    heads = None
                continue
            line_start = tokens.starts[begin]
            text = tokens.text[line_start : tokens.ends[end - 1]]
            # A table of two columns has one comma a line, as prose has: its heading must be all there is.
            sides = [cell.strip(" .:*#").lower() for cell in text.split(",")]
            pair = len(sides) == 2 and ((heads is not None and heads[0] == ",") or _is_head(sides, self.data.columns))
            marks = (("///", 2), ("|", 2), (";", 2), ("\t", 1), (",", 1 if pair else 2))
            separator = next((mark for mark, least in marks if text.count(mark) >= least), " ")
            if separator in ",;" and heads is not None and heads[0] == " " and self._under(text, heads[2], heads[3]):
                separator = " "  # "Bike, seat 7, level 2      8"
            if heads is not None and heads[0] == "," and len(self.cells(text, ",")) == wide:
                separator = ","  # whatever a quoted cell holds
            cells = self.cells(text, separator)
            head = [i for i, (_, cell) in enumerate(cells) if cell.strip(" .:*#").lower() in self.data.columns]
            if head and len(cells) >= 2:
                position = cells[head[0]][0]
                heads = (separator, head[0], position, position + len(cells[head[0]][1]))
                outer, wide = head[0] == len(cells) - 1, len(cells)
                continue
            if heads is None or (separator != heads[0] and heads[0] != " "):
                continue
            told: list[
                tuple[bool, float, int, int]
            ] = []  # without a unit, how far from the heading's middle, token, minutes
            for i, (left, cell) in enumerate(cells):
                stripped = cell.strip()
                number = re.fullmatch(r"\(?(\d{1,3})(?:\s*(?:min|mins|m|'))?\)?(?:\s*/\s*\d\s*u?(?:nits?)?)?", stripped)
                if number is None:
                    continue
                inside = left + len(cell) - len(cell.lstrip())
                middle = inside + len(stripped) / 2
                fits = i == heads[1] if heads[0] != " " else _beneath(middle, heads[2], heads[3])
                fits = fits or (outer and heads[0] == " " and 0 < i == len(cells) - 1)  # a column out of line
                if fits:
                    index = tokens.at(line_start + inside + stripped.index(number.group(1)))
                    away = abs(middle - (heads[2] + heads[3]) / 2)
                    told.append((not stripped.endswith(("m", "min", "mins")), away, index, int(number.group(1))))
            if told:  # of "16   1" under "Min  Unit" the first
                *_, index, minutes = min(told)
                self.add(index, index + 1, minutes, "column")
        self._once()

    def _under(self, text: str, left: int, right: int) -> bool:
        """Whether the last cell of a row parted by blanks is a number that stands under the columns ``[left, right)``."""
        cells = self.cells(text, " ")
        at, cell = cells[-1] if len(cells) > 1 else (0, "")
        return cell.isdecimal() and _beneath(at + len(cell) / 2, left, right)

    def _once(self) -> None:
        """Where a row has its minutes in their own column its other ones are a task's, a target's or the same once more.

        So are its only times, where these are as long: ``0730 | 0800 | 30``.
        """
        line_of = self.tokens.line_of
        told = {(line_of[c.start], c.minutes) for c in self.found if c.form == "column"}
        rows = {line for line, _ in told}
        times = Counter(line_of[c.start] for c in self.found if c.form == "range")
        self.found = [
            c
            for c in self.found
            if not (
                (c.form == "range" and times[line_of[c.start]] == 1 and (line_of[c.start], c.minutes) in told)
                or (c.form in _PLAIN and line_of[c.start] in rows)
            )
        ]

    @staticmethod
    def cells(text: str, separator: str) -> list[tuple[int, str]]:
        """(offset, text) of the cells of one line."""
        if separator == " ":
            return [(m.start(), m.group()) for m in re.finditer(r"\S+(?: \S+)*", text)]
        out, position = [], 0
        for cell in text.split(separator):
            if separator == "," and out and out[-1][1].count('"') % 2:
                out[-1] = out[-1][0], f"{out[-1][1]},{cell}"  # a comma within quotes
            else:
                out.append((position, cell))
            position += len(cell) + len(separator)
        if separator == "|":
            out = [(at, cell) for at, cell in out if cell.strip() or at not in (0, out[-1][0])]
        return out

    def minute_rows(self) -> None:
        """``Minutes: 15`` and flowsheet rows ``TE mins  14  16  15`` (the last column is today's; *AM* and *PM* add up)."""
        words = self.words
        day_parts = 0
        for begin, end in self.tokens.lines:
            day_parts = self._day_parts(begin, end) or day_parts
            for index in range(begin, end):
                if self.lower[index] not in self.data.minute or index in self.taken or self._assistance(index):
                    continue
                if self.word(self.before(index)) in self.data.rate:
                    continue  # "6 a min", "by min 4"
                numbers, named = [], False
                at = index + 1
                while at < end:
                    word = words[at]
                    if word.isdecimal() and len(word) <= 3:
                        numbers.append(at)
                    elif self._code(at, word) and not numbers and not self.touching(at):
                        pass  # "Minutes, 97530   25   30"
                    elif word.isalpha():
                        # "Minutes today: 15", but not "(*** min): sidelying ER 1#".
                        if numbers or named:
                            break
                    elif (
                        word in ':=-|()"'
                        or (word == "," and not numbers)
                        or (word == "?" and self._asked(begin, index, end))
                    ):
                        named = named or word in ":)"
                    elif not is_blank(word):
                        break
                    at += 1
                gap = sum(1 for i in range(index + 1, numbers[0]) if words[i].isalpha()) if numbers else 9
                if numbers and gap <= 2:
                    first, last = numbers[0], numbers[-1]
                    if len(numbers) == day_parts:
                        self.add(first, last + 1, sum(int(words[at]) for at in numbers), "row")
                    else:
                        self.taken.update(numbers[:-1])
                        self.add(last, last + 1, int(words[last]), "row")

    def _asked(self, begin: int, index: int, end: int) -> bool:
        """Whether a line is a form's question for minutes with its answer, and nothing else: ``Minutes? 28``."""
        solid = [word for word in self.words[index + 1 : end] if not word.isspace()]
        return (
            self.lower[index] != "min" and self.from_here(begin) == index and len(solid) == 2 and solid[1].isdecimal()
        )

    def _day_parts(self, begin: int, end: int) -> int:
        """How many columns of one day a line is the header of: ``Task   AM   PM``; 0 where it is none."""
        solid = [at for at in range(begin, end) if not is_blank(self.words[at]) and self.words[at] != "|"]
        heads = [at for at in solid if self.lower[at] in listed("day_part")]
        apart = all(is_blank(self.words[at - 1]) or self.words[at - 1] == "|" for at in heads if begin < at)
        return len(heads) if len(heads) > 1 and apart and len({self.lower[at] for at in heads}) == len(heads) else 0

    def heads(self) -> None:
        """A number that the word *time* or *duration* announces: ``total ex time incl rests 28``."""
        for index, word in enumerate(self.lower):
            if word not in self.data.heads and word not in self.data.lengths:
                continue
            at, passed = self.next(index), 0
            while self.word(at) in (":", "=", "-", "(") or (self.word(at).isalpha() and passed < _HEAD_REACH):
                passed += self.word(at).isalpha()
                at = self.next(at)
            if word in self.data.lengths and self._minutes_and_seconds(at):
                self.add(at, at + 3, int(self.word(at)), "head")
                continue
            at = self._last_of_row(at)
            after = self.next(at)
            change = self.word(after) == "to" and self.word(self.next(after)).isdecimal()  # "cut from 19 to 13 min"
            if self._small(at) and not self._counts(at) and not change:
                self.add(at, at + 1, int(self.word(at)), "head")

    def _minutes_and_seconds(self, at: int) -> bool:
        """Whether ``28:00`` stands at token ``at``."""
        seconds = self.word(at + 1) == ":" and self.word(at + 2) == "00" and self.word(at + 3) != ":"
        return seconds and self.word(at).isdecimal() and self.touching(at) and self.touching(at + 1)

    def _last_of_row(self, at: int) -> int:
        """The last of the numbers that alone fill the rest of a line, apart: a flowsheet's last column is today's."""
        numbers = [at]
        step = at + 1
        while step < len(self.words) and self.words[step][0] not in "\r\n":
            if self.words[step].isdecimal():
                numbers.append(step)
            elif not (is_blank(self.words[step]) or self.words[step] in "|-"):
                return at
            step += 1
        return numbers[-1]

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
        return abs(int(self.word(at)) / _UNIT - int(units)) < 1 and self.word(step + 2) != "/"

    def bare(self) -> None:
        """Bare or bracketed numbers right beside a service's name or code."""
        words = self.words
        found = self.context.found
        codes = {index + 1 for index in self.figures if self._code(index, words[index])}
        ends = (
            {m.end for m in found["services"]} | {m.end for m in found["service_heads"]} | codes | self._small_names()
        )
        for end in sorted(ends):
            at = self.from_here(end)
            marks = 0
            times = False
            if self.word(at) == "for" and self.word(self.next(self.next(at))) in _CLAUSE:
                at = self.next(at)  # "97110 for 20: ..."
            while self.word(at) in _BESIDE and marks < 4:
                times = times or self.word(at) in ("x", "×")
                marks += 1
                at = self.next(at)
            if times and self.word(at).isdecimal():
                at = self._behind_units(at)
            elif self.word(at).isdecimal() and end in codes:
                at = self._beside_units(at)
            if at >= len(words) or at in self.taken or not self._small(at):
                continue
            joined = end in codes and words[at - 1] == "-" and self.touching(at - 1) and self.touching(at - 2)
            if joined and words[at] in listed("modifier") and not self._announced(end):
                continue  # 97110-59
            if self._counts(at) or self._inches(at):
                continue
            after = self.word(self.next(at))
            if self.touching(at) and after.isalpha() and not times and marks == 0:
                continue
            self.add(at, at + 1, int(words[at]), "bare")
        for begin, end in self.tokens.lines:
            self._bare_in_line(begin, end, ends)
        starts = self._named_at | {at - 1 for at in codes}
        picked = [self._edge_cell(begin, end, starts, ends) for begin, end in self.tokens.lines]
        for form in ("lead", "column"):
            cells = [cell for cell in picked if cell is not None and cell[1] == form]
            for at, _ in cells if len(cells) > 1 and self._may_be_minutes(cells[0]) else ():
                self.add(at, at + 1, int(words[at]), form)

    def _inches(self, at: int) -> bool:
        """Whether a number behind a code is a height: ``97530,6 in step ups``, not ``97530 15 in bed mobility``."""
        unit = self.next(at)
        return (
            self.word(unit) == "in" and self.word(self.next(unit)) in listed("raised") and int(self.word(at)) % 2 == 0
        )

    def _announced(self, index: int) -> bool:
        """Whether the line says up to token ``index`` that its numbers are minutes: ``Min: 97110-14 / 97530-16``."""
        begin = self.tokens.lines[self.tokens.line_of[index - 1]][0]
        marks = (self.word(self.next(at)) for at in range(begin, index) if self.lower[at] in self.data.minute)
        return ":" in marks

    def _behind_units(self, at: int) -> int:
        """The bracketed number behind units at token ``at``: ``97530 x2 (23)``; ``at`` where there is none."""
        step = self.next(at)
        if self.word(step) in listed("unit"):
            step = self.next(step)
        number = self.next(step)
        told = len(self.word(at)) == 1 and self.word(step) == "(" and self.word(self.next(number)) == ")"
        return number if told else at

    def _beside_units(self, at: int) -> int:
        """The number behind units at token ``at`` that make about so many minutes: ``97110 1u 16``; ``at`` where there is none."""
        step = self.next(at)
        number = self.next(step)
        told = len(self.word(at)) == 1 and self.word(step) in listed("unit") and self._small(number)
        told = told and (not self.word(self.next(number)).isalnum() or self.words[number + 1][0] in "\r\n")
        return number if told and abs(int(self.word(number)) / _UNIT - int(self.word(at))) < 1 else at

    def _small_names(self) -> set[int]:
        """Ends of services' short names in small letters that open a clause with their minutes: ``(te 11) hip abd``."""
        out: set[int] = set()
        for index in [at for at, word in enumerate(self.words) if len(word) == 2 and word.islower()]:
            opens = (
                index == 0 or self.words[index - 1][0] in "\r\n([;." or self.word(self.before(index)) in (";", ".", "/")
            )
            number = self.next(index)
            told = len(self.word(number)) == 2 and not self.word(self.next(number)).isalnum()
            if opens and told and self.words[index] in short_names():
                out.add(index + 1)
        return out

    def _code(self, index: int, word: str) -> bool:
        """Whether a procedure code ends at these figures: ``97110``, or those of ``G0283``."""
        letter = len(word) == 4 and self.word(index - 1) == "g" and self.touching(index - 1)
        return letter or (len(word) == 5 and word[0] == "9")

    def _bare_in_line(self, begin: int, end: int, ends: set[int]) -> None:
        """A number of its own column before or behind a code: ``16  97530  folding towels``."""
        words = self.words
        at = begin
        while at < end and (is_blank(words[at]) or words[at] in "-*•"):
            at += 1
        stop = end - 1
        while stop > at and is_blank(words[stop]):
            stop -= 1
        ahead = self.next(at) if at < end else end
        if ahead < end and ahead + 1 in ends and self._small(at):
            self.add(at, at + 1, int(words[at]), "lead")
        if stop > at and at + 1 in ends and self._small(stop) and self._apart(stop):
            self.add(stop, stop + 1, int(words[stop]), "column")

    def _may_be_minutes(self, cell: tuple[int, str]) -> bool:
        """Whether the line above a first row is no heading, or one that calls this column minutes."""
        line = self.tokens.line_of[cell[0]] - 1
        begin, end = self.tokens.lines[line] if line >= 0 else (0, 0)
        text = self.tokens.text[self.tokens.starts[begin] : self.tokens.ends[end - 1]] if begin < end else ""
        mark = "|" if "|" in text else ","
        cells = [part.strip(" .:*#").lower() for part in text.strip(" |").split(mark)]
        if len(cells) <= _LEAST_CELLS or any(character.isdecimal() for character in text):
            return True
        return cells[0 if cell[1] == "lead" else -1] in self.data.columns

    def _edge_cell(self, begin: int, end: int, starts: Set[int], ends: Set[int]) -> tuple[int, str] | None:
        """The number that is a row's one edge cell where a service's name or code is the other: ``12 | LAQ, marching | TE``.

        Gives its token and whether it leads the row or closes it.
        """
        words = self.words
        solid = [at for at in range(begin, end) if not is_blank(words[at]) and words[at][0] not in "\r\n"]
        while solid and words[solid[0]] == "|":
            solid = solid[1:]
        while solid and words[solid[-1]] == "|":
            solid = solid[:-1]
        if len(solid) <= _HEAD_REACH or not any(mark in words[begin:end] for mark in ("|", ",", "\t")):
            return None
        first, last = solid[0], solid[-1]
        for at, beside, name, other, form in (
            (first, solid[1], last + 1 in ends, solid[-2], "lead"),
            (last, solid[-2], first in starts, solid[1], "column"),
        ):
            if self._small(at) and name and words[beside] == words[other] and words[beside] in ("|", ","):
                return at, form
        return None

    def brackets(self) -> None:
        """Numbers in brackets: at a line's edge, and in square ones anywhere."""
        words = self.words
        metres: list[tuple[int, int]] = []
        for begin, end in self.tokens.lines:
            at = begin
            while at < end and (is_blank(words[at]) or words[at] in "-*•"):
                at += 1
            last = end - 1
            while last > at and (is_blank(words[last]) or words[last] in ".;|"):
                last -= 1
            for index in self.figures_in(at + 1, last):
                left, right = words[index - 1], words[index + 1]
                square = left == "[" and right == "]"
                edge = left in "[(" and right in "])" and (index == at + 1 or index == last - 1)
                if self._small(index) and (square or edge) and not self._score(index - 1):
                    self.add(index, index + 1, int(words[index]), "bracket")
                lettered = self.word(self.next(index)) in self.data.letter and self.next(index) == last - 1
                if left in "[(" and lettered and words[last] in "])" and self._opens_named(begin, end):
                    metres.append((index, last))
        self._closing_sentences()
        # One such line may tell a distance; two have the habit of telling minutes.
        for index, last in metres if len(metres) > 1 else ():
            self.add(index, last, int(words[index]), "letter")

    def _closing_sentences(self) -> None:
        """Numbers in brackets that close sentences opened by services' names and add up to minutes told: ``TE: rows (23).``."""
        sentences = self.context.sentence_of
        firsts: dict[int, int] = {}
        for at, word in enumerate(self.words):
            if word.isalnum():
                firsts.setdefault(sentences[at], at)
        picked = [
            at
            for at in self.figures
            if self.word(at - 1) == "("
            and self.word(at + 1) == ")"
            and self.word(at + 2) in (".", ";")
            and firsts.get(sentences[at]) in self._named_at
            and self._small(at)
            and not self._score(at - 1)
        ]
        if self._make_up(picked):
            for at in picked:
                self.add(at, at + 1, int(self.words[at]), "bracket")

    def _make_up(self, numbers: Sequence[int]) -> bool:
        """Whether several numbers, by their tokens, add up to minutes that are told."""
        whole = sum(int(self.words[at]) for at in numbers)
        return len(numbers) > 1 and any(c.minutes == whole for c in self.found)

    def _opens_named(self, begin: int, end: int) -> bool:
        """Whether a line's first word is a service's name or code, of none in which metres are walked or swum."""
        first = next((at for at in range(begin, end) if self.words[at].isalnum()), end)
        if first == end or not listed("distance_word").isdisjoint(self.lower[first:end]):
            return False
        return first in self._named_at or (self.words[first].isdecimal() and self._code(first, self.words[first]))

    def _score(self, bracket: int) -> bool:
        """Whether the number in a bracket is what a measure was before: ``FGA 22/30 (18)``, not ``97530 (18)`` or ``3x10 (8)``."""
        at = self.before(bracket)
        if not self.word(at).isdecimal() or self._code(at, self.word(at)):
            return False
        ahead = self.word(self.before(at))
        return ahead not in ("x", "×") and ahead not in self.data.levels and self._same_line(at, bracket)

    def _same_line(self, one: int, other: int) -> bool:
        return self.tokens.line_of[one] == self.tokens.line_of[other]

    def lots(self) -> None:
        """A bare number behind a mark that is told to be for several tasks: ``sit to stand + step: 17 for all three``."""
        for at in self.figures:
            mark = self.before(at)
            if at in self.taken or not self._small(at) or self.word(mark) not in _LEADS_ON or self._counts(at):
                continue
            step = self.next(at)
            step = self.next(step) if self.word(step) == "for" else step
            several = self.word(self.next(step))
            if self.word(step) in listed("every_one") and (
                several in self.data.numbers or several in listed("of_them")
            ):
                label = self.word(self.before(mark))
                if label not in self.data.numbered and label not in self.data.counted and label not in listed("rated"):
                    self.add(at, at + 1, int(self.words[at]), "bare")

    def rests(self) -> None:
        """``the last ten we did``, ``the remaining 20 went to``, ``the last 12 of those 30 min``."""
        for index, word in enumerate(self.lower):
            if word not in self.data.rests or self.word(self.before(index)) not in ("the", "for"):
                continue
            at = self.next(index)
            value, end = self._spelt(at)
            step = self.from_here(end)
            after = self.word(step)
            counts = after != "of" and (after in self.data.counted or after in self.data.minute)
            if value >= _LEAST_BARE and at not in self.taken and not counts:
                self.add(at, end, value, "rest")

    def parts(self) -> None:
        """``of the 40 minutes we had 15 were spent on transfers``, ``of 45 min 20 went to steps, 15 to rows``: parts, no whole."""
        sentences, lower = self.context.sentence_of, self.lower
        skipped = (*listed("determiner"), *listed("whole_visit"))
        for whole in [c for c in self.found if c.form in ("unit", "tick", "words") and c.minutes > _LEAST_BARE]:
            at = self.before(whole.start)
            while self.word(at) in skipped:
                at = self.before(at)
            if self.word(at) != "of":
                continue
            if self.word(self.before(at)).isdecimal():
                self._part_of(whole, self.before(at), self.next(at))
                continue
            behind = self.from_here(whole.end + (self.word(self.from_here(whole.end)) == "of"))
            if behind in self._named_at:
                continue  # "a total of 25 min ther ex"
            parts: list[tuple[int, int, int]] = []
            for index in range(whole.end, min(len(lower), whole.end + _PART_REACH)):
                crossed = sentences[index] - sentences[whole.start] - self.words[whole.end : index].count(";")
                if crossed > 0 or index in self.taken:
                    break
                value, end = self._spelt(index)
                if value < _LEAST_BARE:
                    continue
                before, after = self.before(index), self.word(self.from_here(end))
                told = before < whole.end or self.word(before) in (*_CLAUSE, *listed("part_after"))
                if told and after in listed("spent_on" if parts else "part_of"):
                    parts.append((index, end, value))
            if parts and sum(value for _, _, value in parts) <= whole.minutes:
                self.found.remove(whole)
                for start, end, value in parts:
                    self.add(start, end, value, "rest")

    def _part_of(self, whole: Candidate, at: int, first: int) -> None:
        """Take ``15 of the 40 minutes`` for the 15: the number at token ``at`` is a part of ``whole``, told before it."""
        value = int(self.words[at])
        told = self.word(first) in listed("determiner") and _LEAST_BARE <= value < whole.minutes
        if told and not self.taken.intersection(range(at, whole.start)):
            self.found.remove(whole)
            self.taken.difference_update(range(whole.start, whole.end))
            self.add(at, whole.end, value, "rest")

    def more(self) -> None:
        """``for another 14 she loaded the rack``, ``a further 8: rotations``: minutes where the number before was minutes too."""
        numbers = [at for at, word in enumerate(self.lower) if word.isdecimal() or word in self.data.numbers]
        for index in [at for at, word in enumerate(self.lower) if word in listed("another")]:
            at = self.next(index)
            value, end = self._spelt(at)
            step = self.from_here(end)
            after, then = self.word(step), self.word(self.next(step))
            told = after in listed("spent_on") or after in (":", ",") or after.endswith("ing") or after == "."
            told = told and not (after == "to" and (then in listed("effort") or then.isdecimal()))
            told = told and not (after == "of" and then in (*listed("back_reference"), *listed("determiner")))
            place = bisect_left(numbers, index)
            before = numbers[place - 1] if place else -1
            timed = before in self.taken or self.word(self.before(index)) == "for"
            sentences = self.context.sentence_of
            near = before >= 0 and 0 <= sentences[index] - sentences[before] <= _NEXT
            if value >= _LEAST_BARE and at not in self.taken and told and near and timed:
                self.add(at, end, value, "rest")

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

    def edges(self) -> None:
        """Numbers that open or close lines of work: ``ROM/str 18: tendon glides``, ``jam lids, cuff buttons - 12``.

        One such line is a habit of the note where it opens with a service's name, else it takes two.
        """
        lines = [(begin, end) for begin, end in self.tokens.lines if begin < end]
        busy = {self.tokens.line_of[c.start] for c in self.found}
        found, named = self.context.found, self._named_at
        openings = {self.tokens.line_of[m.start]: m.start for m in found["headings"]}
        for form, pick in (("opening", self._opening), ("tail", self._tail)):
            picked = []
            for begin, end in lines:
                if self.tokens.line_of[begin] in busy:
                    continue
                at = pick(begin, end)
                if at is not None:
                    first = self.from_here(begin)
                    picked.append((at, first in named or openings.get(self.tokens.line_of[begin]) == first))
            if len(picked) >= 2 or any(sure for _, sure in picked):
                for at, sure in picked:
                    if sure or len(picked) >= 2:
                        self.add(at, at + 1, int(self.words[at]), form)

    def parts_of_visit(self) -> None:
        """Numbers in brackets that close lines' headings and add up to minutes that are told: ``Play & moving (30):`` of 45 min."""
        picked = []
        for begin, end in self.tokens.lines:
            colon = next((at for at in range(begin, min(end, begin + _HEADING)) if self.words[at] == ":"), begin)
            close = self.before(colon)
            if (
                begin < close - 2
                and self.words[close] == ")"
                and self.words[close - 2] == "("
                and self._small(close - 1)
            ):
                picked.append(close - 1)
        if self.taken.isdisjoint(picked) and self._make_up(picked):
            for at in picked:
                self.add(at, at + 1, int(self.words[at]), "opening")

    def _opening(self, begin: int, end: int) -> int | None:
        """The number right before a line's first colon, within its first tokens."""
        solid = [i for i in range(begin, min(end, begin + 4 * _LEAD_WORDS)) if not is_blank(self.words[i])]
        for place, index in enumerate(solid[: _LEAD_WORDS + 2]):
            if self.words[index] == ":":
                at = solid[place - 1] if place >= 2 else -1
                close = self.words[at] == ")" and place >= 4
                at = solid[place - 2] if close else at
                before = self.word(self.before(at))
                if at < 0 or not self._small(at) or self.touching(index) or before in self.data.numbered:
                    return None
                return at if before.isalpha() or before == "(" else None
        return None

    def _tail(self, begin: int, end: int) -> int | None:
        """The number that closes a line, or a sentence behind a dash."""
        words = self.words
        for index in self.figures_in(begin + 1, end):
            if not self._small(index) or (self.touching(index - 1) and not is_blank(words[index - 1])):
                continue
            mark = self.word(self.before(index))
            rest = [w for w in words[index + 1 : end] if not is_blank(w)]
            if not rest or rest == ["."]:
                wide = self._apart(index)
                if wide and mark.isdecimal() and self._apart(self.before(index)):
                    continue  # two columns of values: "Shoulder ER    20    58"
                summed = mark in listed("total_row") and self.from_here(begin) in self._named_at
                if mark in "-–—.;,|" or wide or summed:
                    return index
            elif rest[0] == "." and mark in "-–—" and not (self.word(self.next(index) + 1).isdecimal()):
                return index
        return None

    def _apart(self, index: int) -> bool:
        """Whether a wide blank stands before a token."""
        return index > 0 and is_blank(self.words[index - 1]) and len(self.words[index - 1]) > 1

    def read(self) -> list[Candidate]:
        """All candidates, in text order."""
        self.ranges()
        self.short_ranges()
        self.margin_ranges()
        self.in_out()
        self.zero_hours()
        self.amounts()
        self.shares()
        self.margin()
        self.columns()
        self.minute_rows()
        self.bare()
        self.brackets()
        self.lots()
        self.parts()
        self.rests()
        self.more()
        self.heads()
        self.joined()
        self.less()
        self.corrected()
        self.parts_of_visit()
        self.edges()
        self.found.sort(key=lambda c: (c.start, c.end))
        return self.found


def _beneath(middle: float, left: int, right: int) -> bool:
    """Whether a cell's middle stands under a heading's columns ``[left, right)``, or a little beside them."""
    return left - _OUT_OF_LINE <= middle <= right + _OUT_OF_LINE


def _is_head(sides: Sequence[str], columns: frozenset[str]) -> bool:
    """Whether two cells are a word and the name of a column of minutes: ``Task,Minutes``."""
    return sides[1] in columns and sides[0].isalpha()


def _without_parts(context: Context, found: list[Candidate]) -> list[Candidate]:
    return [c for c in found if c.start not in context.untimed]


def find_durations(context: Context) -> list[Candidate]:
    """Every candidate duration of a note, in text order.

    Examples
    --------
    >>> import spacy
    >>> from nlp.context import context_of
    >>> from nlp.tokens import Tokenizer
    >>> nlp = spacy.blank("en")
    >>> nlp.tokenizer = Tokenizer(nlp.vocab)
    >>> [(c.minutes, c.form) for c in find_durations(context_of(nlp("TE 0905-0920: SLR, bike 8 min, min A x2")))]
    [(15, 'range'), (8, 'unit')]
    """
    found = context.cache.get(_CACHE)
    if found is None:
        found = context.cache[_CACHE] = _without_parts(context, _Reader(context).read())
    return found


@Language.component("therapy_durations", assigns=["doc.spans"])
def create(doc: Doc) -> Doc:
    """Write ``doc.spans["durations"]``: every candidate, its form as label and its minutes as id."""
    found = find_durations(context_of(doc))
    doc.spans["durations"] = [Span(doc, c.start, c.end, label=c.form, span_id=str(c.minutes)) for c in found]
    return doc
