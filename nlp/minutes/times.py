"""Minutes between two times of day: ranges, starts and ends apart, start times down the margin."""

from __future__ import annotations

import itertools

from nlp.clock import HALF_DAY, elapsed, is_blank
from nlp.minutes.reading import MAX_MINUTES, PLAIN, Candidate, Reading

_MOST_APART = 60  # minutes between one line's time and the next's
_WORKING_HOURS = range(6, 21)
_CHAIN_LINES = 4  # lines within which "then until 10:50" goes on from the last range
_CLOSES = frozenset(",;-–—(")  # what minutes stand behind that close an entry
_MOST = 2 / 3  # of the time to the next entry: what closes an entry with less is one task's, or a rest


class Times(Reading):
    """Minutes from times of day."""

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
            if c.form in PLAIN and self.word(self.next(c.end - 1)) == ":" and line not in out:
                out[line] = c.minutes
                continue
            behind = self.words[c.end : self.tokens.lines[line][1]]
            closes = c.form in PLAIN and self.word(self.before(c.start)) in _CLOSES
            if closes and all(w in ".)" or is_blank(w) for w in behind):
                out[line] = c.minutes
        return out
