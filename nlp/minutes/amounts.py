"""Minutes told as an amount: a number with its unit, hours, fractions, products and sums beside them."""

from __future__ import annotations

from nlp.clock import is_blank
from nlp.minutes.reading import CLAUSE, LEAST_BARE, Reading
from nlp.terms import listed

_LONGEST_HOLD = 2  # minutes that are repeated in sets
_WRAPS = frozenset("*}]")  # what a form's chosen value stands in: "{*18*} min"
_BACK = 4  # tokens before "by" within which "followed" stands
_FIGURES = 2  # of minutes in which a scanner may have taken one for a letter
_MISREAD = {"l": "1", "I": "1", "O": "0", "o": "0"}  # what a scanner makes of figures


class Amounts(Reading):
    """Minutes told with their unit."""

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
        while begin > 0 and self.words[begin - 1] not in CLAUSE and self.words[begin - 1][0] not in "\r\n":
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
            if at < 0 or self.word(at) in CLAUSE or self.words[at][0] in "\r\n":
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
        if value >= LEAST_BARE and self.word(at) in ("x", "×") and count in ("2", "3"):
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

    def zero_hours(self) -> None:
        """``TE - 0:23``, ``97110 (0:15)``: hours and minutes of which the hours are none."""
        for index in self.figures:
            if self.words[index] != "0" or self.word(index + 1) != ":" or not self.touching(index):
                continue
            minutes = self.word(index + 2)
            if len(minutes) == 2 and minutes.isdecimal() and self.touching(index + 1) and self.word(index + 3) != ":":
                self.add(index, index + 3, int(minutes), "unit")
