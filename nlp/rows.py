"""Rows of a table or form whose cells say that nothing was done today: ``Sit to stand | NT | --``, ``Wall sits | 3x20s | hold``.

A line is a row where pipes, tabs, wide blanks or leader dots part it. Its first cell with letters names the work; what follows
are its values. A row was not done

* where no value holds a dose or a tick, and all values, or two of them, are marks for nothing or words for work left out;
* where its code has 0 minutes;
* where its last value is a word for work left out and one before it holds a dose;
* under a header of days or dates of which the last is today, where its last value is a mark for nothing, or where it ends
  before that column and at least half of the rows do not;
* where the note answers its lines with Y and N in front or in one column of a table, and this one with N;
* under a header of which one column is today and others are not (``today   HEP   held``), where its tick stands in another;
* where it has a box for every answer (``( ) done  (x) deferred``), and the ticked one is a word for work left out.

Where a note leaves out rows, one that says that it was done was done (`told_rows`): by a tick or such a word among its values,
by a value in the last of those days, by its Y.

Rows that begin with a date are of that day: of several days the last one with work done is today (`earlier_rows`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from nlp.terms import listed
from nlp.tokens import Tokens

_PARTED = re.compile(r"\s*\|\s*|\s*\t\s*|\s*\.{3,}\s*|\s+\.\s+|\s{2,}")
_LETTERS = re.compile(r"[A-Za-z]{2}")
_CODE = re.compile(r"9\d{4}|G\d{4}")
_NUMBER = re.compile(r"\d{1,3}")
_POSITIVE = re.compile(r"[1-9]")
_DATE = re.compile(r"\b(?:\d{4}-)?(\d{1,2})[/.-](\d{1,2})\b")
_DAY = re.compile(
    rf"{_DATE.pattern}|\b(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun|today)\b",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"[|\s]*(?:(\d{4})-)?(\d{1,2})[/.-](\d{1,2})(?:[/.-](?:\d{2})?(\d{2}))?(?=\s*[,;|\t]|\s{2,})[,;|\s]*"
)
_TABLE = re.compile(r"[|\t]|\S[ \xa0]{2,}\S|\.{3}|\s\.\s")
_REASON = r"(?:\s*[,;:(–—-](?!\s*\d).*)?"
_ANSWER = re.compile(r"([YN])(?:\s{2,}|\t|\s*\|)\s*(?=\S)")
_YES_OR_NO = re.compile(r"(y|n|yes|no)(?:\s*[-–—,;(].*)?", re.IGNORECASE)
_OUT_OF_LINE = 8  # characters, doubled, that a mark may stand beside the middle of its column
_PROSE = 60  # characters; a line as long that is no row ends a table
_LEAST = 2  # days that make a header, and marks that outweigh a remark
Cell = tuple[int, int]


@cache
def _pattern(name: str, behind: str = "") -> re.Pattern[str]:
    words = "|".join(map(re.escape, sorted(listed(name), key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?:{words}){behind}\.?", re.IGNORECASE)


@cache
def _boxed() -> re.Pattern[str]:
    """A box and the answer behind it, one of the words for work done or left out."""
    marks = {"ticked": listed("ticked_box") | listed("radio_box"), "empty": listed("empty_box")}
    boxes = {kind: "|".join(map(re.escape, sorted(terms, key=len, reverse=True))) for kind, terms in marks.items()}
    words = sorted(
        {*listed("left_out"), *(word for word in listed("row_tick") if word.isalpha())}, key=len, reverse=True
    )
    kinds = "|".join(f"(?P<{kind}>{box})" for kind, box in boxes.items())
    return re.compile(rf"(?:{kinds})\s*(?P<answer>{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)


def _cells(line: str) -> list[Cell]:
    """Character ranges of a line's cells, the blank ones between pipes included."""
    out = []
    at = 0
    for part in _PARTED.finditer(line):
        out.append((at, part.start()))
        at = part.end()
    out.append((at, len(line)))
    # What a line is indented by is no cell, nor what stands outside the pipes that a line begins and ends with.
    if line[:1] == line[-1:] == "|":
        out = out[:-1]
    return out[1:] if out[0][0] == out[0][1] else out


def _parted(line: str) -> int:
    return line.count("|") + line.count("\t")


@dataclass(frozen=True, slots=True)
class _Header:
    """A line of days or dates of which the last is today: where that stands, and how many pipes or tabs are in front of it."""

    start: int
    parted: int

    @classmethod
    def of(cls, line: str, cells: list[Cell]) -> _Header | None:
        """The header that a line is; grades ("4/5", "5/5") are none, nor dates of which the last is the oldest."""
        days = [cell for cell in cells if _DAY.search(line, *cell)]
        today = bool(cells) and _pattern("today_column").fullmatch(line, *cells[-1]) is not None
        if (
            not days
            or days[-1][1] != len(line.rstrip(" |"))
            or (len(days) < _LEAST and not (today and len(cells) > _LEAST))
        ):
            return None
        dates = [(int(d[1]), int(d[2])) for d in (_DATE.search(line, *cell) for cell in days) if d]
        if dates and (len({day for _, day in dates}) < _LEAST or dates[-1] < dates[0]):
            return None
        if any("today" in line[slice(*cell)].lower() for cell in days[:-1]):
            return None
        return cls(days[-1][0], _parted(line[: days[-1][0]]))

    def reached(self, line: str) -> bool:
        """Whether a row has a value in the last column."""
        filled = line.rstrip(" |\t")
        return _parted(filled) >= self.parted if self.parted else len(filled) >= self.start


@dataclass(frozen=True, slots=True)
class _Marks:
    """A header whose columns say where or when work was done, one of them today: ``Exercise   today   HEP   held``."""

    # Where each stands (start and end added), how many pipes or tabs are in front of it, whether it is today.
    columns: tuple[tuple[int, int, bool], ...]

    @classmethod
    def of(cls, line: str, cells: list[Cell]) -> _Marks | None:
        """The header that a line is."""
        kinds = (("today_column", True), ("elsewhere_column", False))
        found = [
            (cell[0] + cell[1], _parted(line[: cell[0]]), today)
            for cell in cells[1:]
            for name, today in kinds
            if _pattern(name).fullmatch(line, *cell)
        ]
        told = len(found) >= _LEAST and sum(today for *_, today in found) == 1
        return cls(tuple(found)) if told else None

    def of_today(self, line: str, cell: Cell) -> bool | None:
        """Whether a mark stands in the column of today; ``None`` where it stands in none."""
        parted = _parted(line[: cell[0]])
        if any(number for _, number, _ in self.columns):
            return next((today for _, number, today in self.columns if number == parted), None)
        distance, today = min((abs(cell[0] + cell[1] - middle), today) for middle, _, today in self.columns)
        return today if distance <= _OUT_OF_LINE else None


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a table: its values, the header above it, and a number between a code and the work."""

    line: str
    values: list[Cell]
    header: _Header | None
    minutes: Cell | None
    marks: _Marks | None = None

    @classmethod
    def of(cls, line: str, cells: list[Cell], header: _Header | None, marks: _Marks | None = None) -> _Row:
        coded, minutes = False, None
        while cells and not _LETTERS.search(line, *cells[0]):
            coded = coded or _CODE.fullmatch(line, *cells[0]) is not None
            minutes = cells[0] if coded and _NUMBER.fullmatch(line, *cells[0]) else minutes
            cells = cells[1:]
        return cls(line, cells[1:], header, minutes, marks)

    def where(self, pattern: re.Pattern[str], *, whole: bool = True) -> list[Cell]:
        """The values that a pattern makes out."""
        fits = pattern.fullmatch if whole else pattern.search
        return [cell for cell in self.values if fits(self.line, *cell)]

    def undone(self) -> Cell | None:
        """Where it says that it was not done today; ``None`` where it does not, by its own values."""
        if self.minutes is not None:
            return None if _POSITIVE.search(self.line, *self.minutes) else self.minutes
        # A word may be followed by its reason: "hold, sore", but not "hold at end range".
        marks, words = self.where(_pattern("nothing_mark")), self.where(_pattern("left_out", _REASON))
        if not marks and not words:
            return None
        said = sorted({*marks, *words})
        dosed = self.where(_POSITIVE, whole=False)
        if not dosed:
            ticked = self.where(_pattern("tick", r"(?:[\s,].*)?"))
            outweighed = len(said) < min(_LEAST, len(self.values))
            return None if ticked or outweighed else said[0]
        last = self.values[-1]
        told = last in words or (last in marks and self.header is not None and self.header.reached(self.line))
        return last if told and dosed[0] < last else None

    def done(self) -> bool:
        """Whether it says that it was done: by a tick, or by a dose in the header's last column."""
        if self.where(_pattern("row_tick", r"(?:[\s,].*)?")):
            return True
        dosed = self.where(_POSITIVE, whole=False)
        return (
            bool(dosed)
            and self.header is not None
            and self.header.start <= dosed[-1][1]
            and self.header.reached(self.line)
        )

    def placed(self) -> tuple[str, Cell]:
        """``Y`` or ``N`` with the mark that says so: a tick in a column of today or in none of them, or the one ticked answer."""
        answers = [(box, box["ticked"] is not None) for box in _boxed().finditer(self.line)]
        chosen = [box for box, ticked in answers if ticked]
        if len(answers) >= _LEAST and len(chosen) == 1:
            return "N" if _pattern("left_out").fullmatch(chosen[0]["answer"]) else "Y", chosen[0].span()
        if self.marks is None:
            return "", (0, 1)
        told = [(self.marks.of_today(self.line, cell), cell) for cell in self.where(_pattern("tick"))]
        if any(today for today, _ in told):
            return "Y", (0, 1)
        return next((("N", cell) for today, cell in told if today is False), ("", (0, 1)))

    def dosed_before(self) -> Cell | None:
        """Its last dose, where it has none in the header's last column."""
        dosed = self.where(_POSITIVE, whole=False)
        return dosed[-1] if dosed and self.header is not None and not self.header.reached(self.line) else None


def told_rows(tokens: Tokens) -> tuple[dict[int, tuple[int, int]], frozenset[int]]:
    r"""Tokens of rows that were not done today, each with the token range of what says so, and of those that say that they were.

    Of these there are none where no row of the note was left out.

    Examples
    --------
    >>> undone, done = told_rows(Tokens.of("Curb | not done\nPlank | done"))
    >>> sorted(undone)[0], sorted(done)[0]
    (0, 5)
    >>> sorted(told_rows(Tokens.of("Sit to stand | NT | --"))[0])[0]
    0
    >>> told_rows(Tokens.of("NuStep | -- | 8 min"))[0]
    {}
    >>> sorted(told_rows(Tokens.of("Plank | done"))[1])
    []
    """
    undone: dict[int, tuple[int, int]] = {}
    done: set[int] = set()
    for first, last, row, answer, mark in _judged(tokens):
        if mark is not None:
            begin = tokens.starts[first]
            at = bisect_left(tokens.starts, begin + mark[0])
            end = max(bisect_left(tokens.starts, begin + mark[1]), at + 1)
            undone.update(dict.fromkeys(range(first, last), (at, end)))
        elif answer == "Y" or row.done():
            done.update(range(first, last))
    return undone, frozenset(done if undone else ())


def earlier_rows(tokens: Tokens) -> dict[int, tuple[int, int]]:
    r"""Tokens of a log's rows that are of an earlier day than the last one with work done, each with the token range of its date.

    Examples
    --------
    >>> log = "02-03,97110,leg press,10\n02-06,97110,plank,4\n02-10,97110,lunges,planned"
    >>> sorted(set(earlier_rows(Tokens.of(log)).values()))
    [(0, 3)]
    >>> earlier_rows(Tokens.of("4/5  hip flexion x10\n3/5  hip abduction x10"))
    {}
    """
    dated: list[tuple[tuple[int, ...], bool, int, int, int]] = []
    for first, last in tokens.lines:
        line = tokens.text[tokens.starts[first] : tokens.ends[last - 1]] if first < last else ""
        found = _DATED.match(line)
        if found is None or _DATE.match(line, found.end()):
            continue  # a header of dates has another one right behind
        year, month, day, short_year = (int(part or 0) for part in found.groups())
        done = _POSITIVE.search(line, found.end()) and not _pattern("not_yet", r"\b").search(line, found.end())
        until = bisect_left(tokens.starts, tokens.starts[first] + found.end(found.lastindex or 0))
        dated.append(((year or short_year, month, day), bool(done), first, last, until))
    days = [day for day, *_ in dated]
    if len({day[-1] for day in days}) < _LEAST or days not in (sorted(days), sorted(days, reverse=True)):
        return {}
    today = max((day for day, done, *_ in dated if done), default=days[0])
    return {
        index: (first, until) for day, _, first, last, until in dated if day < today for index in range(first, last)
    }


def _judged(tokens: Tokens) -> Iterator[tuple[int, int, _Row, str, Cell | None]]:
    """Token range of each line of a note with a table, its row, its Y or N, and where in the line it says that it was not done."""
    if not _TABLE.search(tokens.text):
        return
    lines = [(first, last) for first, last in tokens.lines if first < last]
    texts = [tokens.text[tokens.starts[first] : tokens.ends[last - 1]] for first, last in lines]
    answers = [found[1] if found else "" for found in map(_ANSWER.match, texts)]
    answered = {*answers} >= {"Y", "N"}
    rows = list(_rows(texts))
    told = _mostly_filled(rows)
    columns = _answered_columns(rows)
    for (first, last), row, answer in zip(lines, rows, answers, strict=True):
        said, mark = (answer, (0, 1)) if answered else row.placed()
        for cell in (row.values[column] for column in columns if column < len(row.values)):
            found = _YES_OR_NO.fullmatch(row.line, *cell)
            if found and not said:
                said, mark = found[1][0].upper(), cell
        if said != "N":
            mark = row.undone()
        if mark is None and row.header in told:
            mark = row.dosed_before()
        yield first, last, row, said, mark


def _answered_columns(rows: list[_Row]) -> list[int]:
    """Columns of values in which some rows say yes and others no."""
    said: dict[int, set[str]] = {}
    for row in rows:
        for column, cell in enumerate(row.values):
            found = _YES_OR_NO.fullmatch(row.line, *cell)
            if found:
                said.setdefault(column, set()).add(found[1][0].upper())
    return [column for column, answers in said.items() if answers == {"Y", "N"}]


def _rows(texts: list[str]) -> Iterator[_Row]:
    header: _Header | None = None
    marks: _Marks | None = None
    for text in texts:
        cells = _cells(text)
        if len(cells) == 1:
            if len(text) > _PROSE and _LETTERS.search(text):
                header = marks = None
            yield _Row(text, [], None, None)
            continue
        named, placed = _Header.of(text, cells), _Marks.of(text, cells)
        header, marks = named or header, placed or marks
        yield _Row.of(text, cells, None if named else header, None if placed else marks)


def _mostly_filled(rows: list[_Row]) -> set[_Header | None]:
    """Headers whose last column at least half of the rows fill: there an empty cell tells something."""
    filled: dict[_Header, list[bool]] = {}
    for row in rows:
        if row.header is not None and row.where(_POSITIVE, whole=False):
            filled.setdefault(row.header, []).append(row.header.reached(row.line))
    return {header for header, reached in filled.items() if sum(reached) * 2 >= len(reached)}
