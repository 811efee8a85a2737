"""Minutes: every candidate duration of a note with its form, ``doc.spans["durations"]``.

A candidate is a place that *reads like* minutes, in any of the forms of ``nlp/lexicons/durations.toml``. Which of them are
treatment, which a hold, a test or a total, is decided with the block they stand in (`nlp.components.blocks`).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.context import Context, context_of
from nlp.errors import LexiconError
from nlp.lexicon import Entry
from nlp.terms import entries

MAX_MINUTES = 240  # longer is no block of one visit
_FILE = "durations"
_LEAST_BARE = 5  # a smaller bare number beside a service is units or a count
# What may stand behind a bare number that counts something else.
_COUNTED = frozenset(
    (
        "u",
        "un",
        "unit",
        "units",
        "lb",
        "lbs",
        "#",
        "x",
        "reps",
        "rep",
        "%",
        "/",
        "ft",
        "deg",
        "sec",
        "s",
        "set",
        "sets",
        '"',
        "year",
        "wk",
        "wks",
        "of",
        "feet",
        "m",
        "mph",
        "yd",
        "yards",
        "meters",
        "steps",
        "stairs",
    )
)
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
        return self.form in ("range", "margin", "in_out")


@dataclass(frozen=True, slots=True)
class DurationWords:
    """The words of ``durations.toml`` by role."""

    minute: frozenset[str]
    letter: frozenset[str]
    tick: frozenset[str]
    hour: frozenset[str]
    numbers: dict[str, int]
    fractions: tuple[tuple[tuple[str, ...], int], ...]
    range_marks: frozenset[str]
    meridiem: frozenset[str]
    columns: frozenset[str]


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

    return DurationWords(
        minute=plain("minute"),
        letter=plain("minute_letter"),
        tick=plain("minute_tick"),
        hour=plain("hour"),
        numbers=valued("number"),
        fractions=tuple((tuple(re.findall(r"\w+", words)), minutes) for words, minutes in valued("fraction").items()),
        range_marks=plain("range_mark"),
        meridiem=plain("meridiem"),
        columns=plain("column"),
    )


def _blank(word: str) -> bool:
    return word[0] in " \t\xa0"


class _Reader:
    """One pass over the tokens of one note."""

    def __init__(self, context: Context) -> None:
        tokens = context.tokens
        self.context = context
        self.tokens = tokens
        self.words = tokens.words
        self.lower = tokens.lower
        self.data = duration_words()
        self.found: list[Candidate] = []
        self.taken: set[int] = set()

    # -- helpers ---------------------------------------------------------------------------------------------------

    def add(self, start: int, end: int, minutes: int, form: str) -> None:
        if 0 < minutes <= MAX_MINUTES and not self.taken.intersection(range(start, end)):
            self.taken.update(range(start, end))
            self.found.append(Candidate(start, end, minutes, form))

    def next(self, index: int) -> int:
        """Index of the next token that is no blank (a line break is one)."""
        index += 1
        while index < len(self.words) and _blank(self.words[index]):
            index += 1
        return index

    def before(self, index: int) -> int:
        """Index of the previous token that is no blank, -1 at the start."""
        index -= 1
        while index >= 0 and _blank(self.words[index]):
            index -= 1
        return index

    def word(self, index: int) -> str:
        return self.lower[index] if 0 <= index < len(self.lower) else "\n"

    def touching(self, index: int) -> bool:
        """Whether the token and the next stand without a gap."""
        return index + 1 < len(self.words) and self.tokens.ends[index] == self.tokens.starts[index + 1]

    def _assistance(self, index: int) -> bool:
        """``min A``, ``min assist``: an assist level, no time."""
        return self.word(index) == "min" and self.word(self.next(index)) in ("a", "assist", "assistance", "ax")

    # -- clock times -----------------------------------------------------------------------------------------------

    def clock(self, index: int) -> tuple[int, int, bool] | None:
        """A time of day at ``index``: (minute of day, token after it, whether it has a colon, meridiem or leading zero)."""
        word = self.word(index)
        if not word.isdecimal():
            return None
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
        step = after if after < len(self.words) and not _blank(self.words[after]) else self.next(after - 1)
        mark = self.word(step)
        if mark in self.data.meridiem and (
            mark in ("am", "pm")
            or (self.tokens.ends[step - 1] == self.tokens.starts[step] and not self.word(step + 1).isalpha())
        ):
            sure = True
            after = step + 1
            letter = mark[0]
            if self.word(after) == "." and self.word(after + 1) == "m":
                after += 2
                if self.word(after) == ".":
                    after += 1
            if letter == "p" and hour < 12:
                hour += 12
            elif letter == "a" and hour == 12:
                hour = 0
        elif mark in ("a", "p") and self.word(step + 1) == "." and self.word(step + 2) == "m":
            sure = True
            after = step + 3
            if self.word(after) == ".":
                after += 1
            if mark == "p" and hour < 12:
                hour += 12
        return hour * 60 + minute, after, sure

    @staticmethod
    def elapsed(start: int, end: int) -> int:
        """Minutes from one time of day to another; across noon on a 12-hour clock where that is the only reading."""
        # Only the end may carry am or pm ("1:12 to 1:37 pm"), or the half day changes between the two.
        return (end - start) % 720 or 720

    def ranges(self) -> None:
        index = 0
        while index < len(self.words):
            first = self.clock(index) if self.words[index].isdecimal() else None
            if first is None:
                index += 1
                continue
            begin, after, sure = first
            if self.word(index - 1) in "/.:$" and self.touching(index - 1):
                index = after
                continue
            step = after if after < len(self.words) and not _blank(self.words[after]) else self.next(after - 1)
            mark = self.word(step)
            if (mark == "-" and self.word(step + 1) == ">") or (mark == "-" and self.word(step + 1) == "-"):
                step += 1
            wide = step > after and len(self.words[after]) >= 2 and _blank(self.words[after])
            second, at = None, step
            if mark in self.data.range_marks:
                at = step + 1 if step + 1 < len(self.words) and not _blank(self.words[step + 1]) else self.next(step)
                second = self.clock(at)
            elif (
                (wide and sure)
                or (wide and len(self.words[index]) == 4)
                or (mark == "|" and (sure or len(self.words[index]) == 4))
            ):
                at = self.next(step) if mark == "|" else step
                second = self.clock(at)
                if second is not None and len(self.words[at]) != len(self.words[index]) and not second[2]:
                    second = None
            if second is not None:
                minutes = self.elapsed(begin, second[0])
                both = sure or second[2] or (len(self.words[index]) == 4 and len(self.word(at)) == 4)
                year = (
                    all(
                        w[:2] in ("19", "20") and int(w[2:]) < 60 and len(w) == 4
                        for w in (self.words[index], self.word(at))
                    )
                    and not sure
                )
                if both and minutes <= MAX_MINUTES and not (year and minutes < 8):
                    self.add(index, second[1], minutes, "range")
                    index = second[1]
                    continue
            index = after

    def in_out(self) -> None:
        """``In 10:14 ... Out 10:33``: the start and the end apart, with the work between them."""
        lower = self.lower
        opened: tuple[int, int, int] | None = None
        for index, word in enumerate(lower):
            if word not in ("in", "out", "start", "stop", "end", "began", "started", "ended", "begin"):
                continue
            at = self.next(index)
            skipped = 0
            while self.word(at) in (":", "=", "(") or (self.word(at).isalpha() and skipped < 2):
                skipped += self.word(at).isalpha()
                at = self.next(at)
            time = self.clock(at)
            if time is None or not (time[2] or len(self.word(at)) == 4) or at in self.taken:
                continue
            if word in ("in", "start", "began", "started", "begin"):
                opened = (time[0], index, time[1])
            elif opened is not None:
                minutes = self.elapsed(opened[0], time[0])
                gap = sum(1 for w in lower[opened[1] : index] if w.isalpha())
                if minutes <= MAX_MINUTES:
                    form = "in_out" if gap >= 5 else "range"
                    if form == "in_out":
                        self.add(index, time[1], minutes, form)
                        self.found.append(Candidate(opened[1], opened[2], minutes, "in_out_open"))
                        self.taken.update(range(opened[1], opened[2]))
                    else:
                        self.add(opened[1], time[1], minutes, form)
                opened = None

    def margin(self) -> None:
        """Start times down the margin: each line's block ends where the next begins."""
        starts = []
        for number, (begin, end) in enumerate(self.tokens.lines):
            index = begin
            while index < end and (_blank(self.words[index]) or self.words[index] in "-*["):
                index += 1
            if index < end and index not in self.taken:
                time = self.clock(index)
                if time is not None and (time[2] or len(self.words[index]) == 4):
                    starts.append((number, index, time[0], time[1]))
        if len(starts) < 3:
            return
        for (number, index, begin, after), (later, _, end, _) in itertools.pairwise(starts):
            minutes = self.elapsed(begin, end)
            if later - number <= 3 and minutes <= 120:
                self.add(index, after, minutes, "margin")

    # -- amounts ---------------------------------------------------------------------------------------------------

    def number_before(self, index: int) -> tuple[int, int] | None:
        """The number that ends right before token ``index``: (value, its first token)."""
        at = self.before(index)
        word = self.word(at)
        if word in ("-", "–"):
            at = self.before(at)
            word = self.word(at)
        if word.isdecimal() and len(word) <= 3:
            if (
                self.word(at - 1) == "."
                and self.touching(at - 1)
                and self.word(at - 2).isdecimal()
                and self.touching(at - 2)
            ):
                return None
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

    def _decimal_hours(self, index: int) -> bool:
        """``1.5 hrs``, read where the hour stands at ``index``; whether it was one."""
        at = self.before(index)
        if not (at >= 2 and self.word(at).isdecimal() and self.word(at - 1) == "." and self.word(at - 2).isdecimal()):
            return False
        if not (self.touching(at - 2) and self.touching(at - 1)):
            return False
        tenths = int(self.word(at)[:2].ljust(2, "0"))
        self.add(at - 2, index + 1, int(self.word(at - 2)) * 60 + tenths * 60 // 100, "hours")
        return True

    def amounts(self) -> None:
        data = self.data
        for index, word in enumerate(self.lower):
            if word in data.hour and self._decimal_hours(index):
                continue
            if word in data.minute or word in data.hour:
                got = self.number_before(index)
                if got is None:
                    continue
                value, first = got
                end = index + 1
                if word in data.hour:
                    decimal = (
                        self.word(first - 1) == "." and self.touching(first - 1) and self.word(first - 2).isdecimal()
                    )
                    if decimal:
                        continue
                    minutes = value * 60
                    at = self.next(index)
                    if self.word(at) == "and":
                        at = self.next(at)
                    if (
                        self.word(at).isdecimal()
                        and len(self.word(at)) <= 2
                        and self.word(self.next(at)) in data.minute
                    ):
                        minutes += int(self.word(at))
                        end = self.next(at) + 1
                    self.add(first, end, minutes, "hours")
                    continue
                if self._assistance(index):
                    continue
                form = "unit" if self.words[first].isdecimal() else "words"
                # A product: "2 x 8 min"; a span: "15-20 min" gives no one number.
                mark = self.before(first)
                if self.word(mark) in ("x", "×", "@") and self.word(self.before(mark)).isdecimal() and value < 60:
                    times = self.before(mark)
                    bouts = int(self.word(times))
                    if 2 <= bouts <= 4 and not (len(self.word(times)) > 1):
                        self.add(times, end, bouts * value, "product")
                        continue
                if (
                    self.word(mark) in ("-", "–", "to")
                    and self.word(self.before(mark)).isdecimal()
                    and self.touching(self.before(mark))
                ):
                    earlier = int(self.word(self.before(mark)))
                    if earlier < value and len(self.word(self.before(mark))) <= 2:
                        self.taken.update(range(self.before(mark), end))
                        continue
                self.add(first, end, value, form)
            elif word in data.tick and index > 0 and self.touching(index - 1) and self.words[index - 1].isdecimal():
                value = int(self.words[index - 1]) if len(self.words[index - 1]) <= 2 else 0
                after = self.word(index + 1)
                if after.isdecimal() and self.touching(index):
                    continue  # 5'6"
                self.add(index - 1, index + 1, value, "tick")
            elif (
                word in data.letter
                and self.words[index] == "m"
                and index > 0
                and self.touching(index - 1)
                and self.words[index - 1].isdecimal()
            ) and len(self.words[index - 1]) <= 2:
                self.add(index - 1, index + 1, int(self.words[index - 1]), "letter")
        last_words = {parts[-1] for parts, _ in data.fractions}
        ends = [index for index, word in enumerate(self.lower) if word in last_words]
        for parts, minutes in data.fractions:
            for index in ends:
                if self.lower[index] == parts[-1] and index + 1 >= len(parts):
                    at, first, ok = index, index, True
                    for part in reversed(parts):
                        if self.word(at) == "-":
                            at = self.before(at)
                        if self.word(at) != part:
                            ok = False
                            break
                        first = at
                        at = self.before(at)
                    if ok:
                        self.add(first, index + 1, minutes, "words")

    # -- columns and bare numbers ----------------------------------------------------------------------------------

    def columns(self) -> None:
        """Numbers under a heading *Min* in tables parted by pipes, semicolons, tabs, commas or wide gaps."""
        tokens = self.tokens
        heads: tuple[str, int, int, int] | None = None  # separator, cell index, left and right column
        for begin, end in tokens.lines:
            if begin >= end:
                if heads and heads[0] == " ":
                    heads = None
                continue
            line_start = tokens.starts[begin]
            text = tokens.text[line_start : tokens.ends[end - 1]]
            separator = (
                "|"
                if text.count("|") >= 2
                else ";"
                if text.count(";") >= 2
                else "\t"
                if text.count("\t") >= 1
                else ","
                if text.count(",") >= 2
                else " "
            )
            cells = self.cells(text, separator)
            head = [i for i, (_, cell) in enumerate(cells) if cell.strip(" .:*#").lower() in self.data.columns]
            if head and len(cells) >= 2:
                position = cells[head[0]][0]
                heads = (separator, head[0], position, position + len(cells[head[0]][1]))
                continue
            if heads is None:
                continue
            if separator != heads[0] and heads[0] != " ":
                continue
            for i, (left, cell) in enumerate(cells):
                stripped = cell.strip()
                number = re.fullmatch(r"\(?(\d{1,3})(?:\s*(?:min|mins|m|'))?\)?", stripped)
                if number is None:
                    continue
                inside = left + len(cell) - len(cell.lstrip())
                fits = i == heads[1] if heads[0] != " " else heads[2] - 3 <= inside + len(stripped) / 2 <= heads[3] + 3
                if fits:
                    offset = line_start + inside + stripped.index(number.group(1))
                    index = tokens.at(offset)
                    self.add(index, index + 1, int(number.group(1)), "column")

    @staticmethod
    def cells(text: str, separator: str) -> list[tuple[int, str]]:
        """(offset, text) of the cells of one line."""
        if separator == " ":
            return [(m.start(), m.group()) for m in re.finditer(r"\S+(?: \S+)*", text)]
        out, position = [], 0
        for cell in text.split(separator):
            out.append((position, cell))
            position += len(cell) + 1
        if separator == "|":
            out = [(at, cell) for at, cell in out if cell.strip() or at not in (0, out[-1][0])]
        return out

    def minute_rows(self) -> None:
        """``Minutes: 15`` and flowsheet rows ``TE mins  14  16  15`` (the last column is today's)."""
        words = self.words
        for begin, end in self.tokens.lines:
            for index in range(begin, end):
                if self.lower[index] not in self.data.minute or index in self.taken or self._assistance(index):
                    continue
                numbers = []
                at = index + 1
                while at < end:
                    word = words[at]
                    if word.isdecimal() and len(word) <= 3:
                        numbers.append(at)
                    elif not (_blank(word) or word in ":=-|()" or (not numbers and word.isalpha())) or (
                        numbers and word.isalpha()
                    ):
                        break
                    at += 1
                gap = sum(1 for i in range(index + 1, numbers[0]) if words[i].isalpha()) if numbers else 9
                if numbers and gap <= 2:
                    last = numbers[-1]
                    self.taken.update(i for i in numbers if i != last)
                    self.add(last, last + 1, int(words[last]), "row")

    def bare(self) -> None:
        """Bare or bracketed numbers right beside a service's name or code, and in square brackets at a line's start."""
        words, tokens = self.words, self.tokens
        found = self.context.found
        ends = {m.end for m in found["services"]} | {m.end for m in found["service_heads"]}
        ends |= {i + 1 for i, w in enumerate(words) if len(w) == 5 and w.isdecimal() and w[0] == "9"}
        for end in sorted(ends):
            at = end if end < len(words) and not _blank(words[end]) else self.next(end - 1)
            marks = 0
            times = False
            while (
                self.word(at) in ("-", "–", "—", ":", "(", "[", "x", "×", "=", "/", ";", "|", ")", "]", "@", ",", "*")
                and marks < 4
            ):
                times = times or self.word(at) in ("x", "×")
                marks += 1
                at = self.next(at)
            if at >= len(words) or at in self.taken or not words[at].isdecimal() or len(words[at]) > 2:
                continue
            if self.touching(at - 1) and words[at - 1] == "-" and self.touching(at - 2):
                continue  # a modifier: 97110-59
            value = int(words[at])
            step = self.next(at)
            after = self.word(step)
            joined = self.touching(at)
            clock = after == ":" and joined and self.word(step + 1).isdecimal()
            if value < _LEAST_BARE or after in _COUNTED or clock:
                continue
            if (joined and after in ("-", ".", "'", "°", "+", "#", ">")) or (
                after.isalpha() and after not in ("sup", "seated", "supine") and not times and marks == 0 and joined
            ):
                continue
            self.add(at, at + 1, value, "bare")
        for index, word in enumerate(self.lower):
            # "the last ten we did", "the remaining 20 went to"
            if word in ("remaining", "last", "first", "final", "other") and self.word(self.before(index)) in (
                "the",
                "for",
            ):
                at = self.next(index)
                value = (
                    int(words[at])
                    if self.word(at).isdecimal() and len(words[at]) <= 2
                    else self.data.numbers.get(self.word(at), 0)
                )
                if (
                    value >= 5
                    and at not in self.taken
                    and self.word(self.next(at))
                    not in (
                        "visits",
                        "weeks",
                        "days",
                        "reps",
                        "trials",
                        "feet",
                        "ft",
                        "sessions",
                        "months",
                        "years",
                        "times",
                        "steps",
                    )
                ):
                    self.add(at, at + 1, value, "rest")
        for begin, end in tokens.lines:
            at = begin
            while at < end and (_blank(words[at]) or words[at] in "-*•"):
                at += 1
            stop = end - 1
            while stop > at and _blank(words[stop]):
                stop -= 1
            # A number in front of a code: "16  97530  folding towels".
            ahead = self.next(at) if at < end else end
            if (
                ahead < end
                and ahead + 1 in ends
                and words[at].isdecimal()
                and len(words[at]) <= 2
                and int(words[at]) >= 5
                and at not in self.taken
            ):
                self.add(at, at + 1, int(words[at]), "lead")
            # A code's line that ends in a number of its own column.
            if (
                stop > at
                and at + 1 in ends
                and words[stop].isdecimal()
                and len(words[stop]) <= 2
                and int(words[stop]) >= 5
                and _blank(words[stop - 1])
                and len(words[stop - 1]) >= 2
                and stop not in self.taken
            ):
                self.add(stop, stop + 1, int(words[stop]), "column")
            if (
                at + 2 < end
                and words[at] in "[("
                and words[at + 1].isdecimal()
                and len(words[at + 1]) <= 2
                and words[at + 2] in "])"
                and int(words[at + 1]) >= 5
            ):
                self.add(at + 1, at + 2, int(words[at + 1]), "bracket")
            last = end - 1
            while last > at and (_blank(words[last]) or words[last] in ".;|"):
                last -= 1
            if (
                last - 2 > at
                and words[last] in ")]"
                and words[last - 1].isdecimal()
                and len(words[last - 1]) <= 2
                and words[last - 2] in "(["
                and int(words[last - 1]) >= 5
            ):
                self.add(last - 1, last, int(words[last - 1]), "bracket")

    def read(self) -> list[Candidate]:
        """All candidates, in text order."""
        self.ranges()
        self.in_out()
        self.amounts()
        self.margin()
        self.columns()
        self.minute_rows()
        self.bare()
        self.found.sort(key=lambda c: (c.start, c.end))
        return self.found


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
        found = context.cache[_CACHE] = _Reader(context).read()
    return found


@Language.component("therapy_durations", assigns=["doc.spans"])
def create(doc: Doc) -> Doc:
    """Write ``doc.spans["durations"]``: every candidate, its form as label and its minutes as id."""
    found = find_durations(context_of(doc))
    doc.spans["durations"] = [Span(doc, c.start, c.end, label=c.form, span_id=str(c.minutes)) for c in found]
    return doc
