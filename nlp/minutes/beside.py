"""Bare numbers that are minutes by where they stand: beside a service's name, in brackets, at the edges of lines."""

from __future__ import annotations

from collections.abc import Sequence, Set

from nlp.clock import is_blank
from nlp.minutes.reading import CLAUSE, HEAD_REACH, UNIT, Reading
from nlp.terms import listed, short_names

_LEAST_CELLS = 2  # a line of no more is no table's heading
_LEAD_WORDS = 4  # tokens before the number that opens a line: "ROM/str 18:"
_HEADING = 16  # tokens of a line's heading, with blanks
_LEADS_ON = frozenset("-–—:=")
_LEADS_TO = frozenset(":(")  # what stands between minutes and the work that they were spent on
_BESIDE = frozenset("-–—:([x×=/;|)]@,*")


class Beside(Reading):
    """Bare numbers that are minutes by their place."""

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
            lead = self.next(at) if self.word(at) in listed("accounted") else at
            stops = CLAUSE if self.word(lead) == "for" else _LEADS_TO
            if self.word(lead) in listed("copula") and self.word(self.next(self.next(lead))) in stops:
                at = self.next(lead)  # "97110 for 20: ...", "Ther act was 16: ...", "TA accounted for 12 (...)"
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
        return number if told and abs(int(self.word(number)) / UNIT - int(self.word(at))) < 1 else at

    def _small_names(self) -> set[int]:
        """Ends of services' short names in small letters that open a clause with their minutes: ``(te 11) hip abd``."""
        out: set[int] = set()
        for index in [at for at, word in enumerate(self.words) if len(word) == 2 and word.islower()]:
            opens = (
                index == 0 or self.words[index - 1][0] in "\r\n([;." or self.word(self.before(index)) in (";", ".", "/")
            )
            number = self.next(index)
            number = self.next(number) if self.word(number) in ("x", "×", "@", "=") else number  # "te x 28."
            told = len(self.word(number)) == 2 and not self.word(self.next(number)).isalnum()
            if opens and told and self.words[index] in short_names():
                out.add(index + 1)
        return out

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
        if len(solid) <= HEAD_REACH or not any(mark in words[begin:end] for mark in ("|", ",", "\t")):
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
