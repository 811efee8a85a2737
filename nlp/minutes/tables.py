"""Minutes in tables, in rows of a flowsheet, and behind the word *time*."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from nlp.clock import is_blank
from nlp.minutes.reading import HEAD_REACH, PLAIN, Reading
from nlp.terms import listed

_OUT_OF_LINE = 3  # characters that a number may stand beside its column


class Tables(Reading):
    """Minutes that a heading, a row's name or the word *time* announces."""

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
                or (c.form in PLAIN and line_of[c.start] in rows)
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
            while self.word(at) in (":", "=", "-", "(") or (self.word(at).isalpha() and passed < HEAD_REACH):
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


def _beneath(middle: float, left: int, right: int) -> bool:
    """Whether a cell's middle stands under a heading's columns ``[left, right)``, or a little beside them."""
    return left - _OUT_OF_LINE <= middle <= right + _OUT_OF_LINE


def _is_head(sides: Sequence[str], columns: frozenset[str]) -> bool:
    """Whether two cells are a word and the name of a column of minutes: ``Task,Minutes``."""
    return sides[1] in columns and sides[0].isalpha()
