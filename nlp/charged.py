"""Charges told in a list of their own, apart from work that has no minutes: each service's name with its number.

* a line that announces minutes and names services: ``Minutes: exercise 13 / activities 9 / total 22``, ``OT split 16 ta / 12 adl``;
* a line of services' names above a line of as many numbers: ``TE   MT   TA   total`` over ``24   9   12   45``;
* rows of services' names under a heading with a column of today beside one of another day: ``last (5/02)   today (5/06)``;
* lines one below the other of a service's name and its minutes alone: ``TE time: 25 min`` over ``TA time: 15 min``.

Such numbers may be units, scores or another day's. So the names must be services' own, not headings like *balance*, and a list
counts only where no work of the note has minutes told elsewhere. Each name with its number becomes a block without work then,
which `models.settle` gives to the work of its code. Words: ``nlp/lexicons/lists.toml`` and ``services.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from nlp.context import Context
from nlp.events import Event
from nlp.grouping import Found, Grouping
from nlp.terms import entries, listed
from nlp.tokens import Tokens, is_code
from nlp.totals import ELSEWHEN

_ELSEWHEN = ELSEWHEN - {"plan"}  # what stands at the foot stands behind the plan
_FEWEST, _LONGEST = 5, 99  # minutes that a number without a unit can be
_NAMED = 2  # services that make a list
_FORM = "charge"
# Blanks are counted up to a few, so that a padded line takes no longer than its length.
_CELL = re.compile(r"[^\s|](?:[^|\t\n]*?[^\s|])??(?=\s{2}|\t|\s?\||\s*$)")
_NUMBER = re.compile(r"(\d{1,3})\s?(?:min|mins|minutes|m|')?")
_OPENS_ROW = re.compile(r"[\s|]*[\d–—-]")
_NOTHING = re.compile(r"0|-{1,3}|–|—|n/?a|none", re.IGNORECASE)
_DATED = re.compile(r"\s?\(?\b\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?\b\)?")
_PARTING = re.compile(r"\s{0,3}(?:[|/;,]|\.\s|\s{2}|\band\b|&)\s*")
_SUM = re.compile(r"\s?=\s?\d{1,3}(?:\s?(?:min|mins|minutes|m))?(?:\s?total)?\s?\.?$", re.IGNORECASE)
_UNIT = r"(?:min|mins|minutes|m|')"
_NAME = r"[^\W\d](?:[^\d()=:]*[^\W\d_.])?"
_NAME_FIRST = re.compile(
    rf"({_NAME}|\d{{5}})\.?\s?[-:=–]?\s?\(?(\d{{1,3}})\s?{_UNIT}?\)?\s?(?:\([^()]*\))?\.?", re.IGNORECASE
)
_NUMBER_FIRST = re.compile(rf"(\d{{1,3}})\s?{_UNIT}?\s?[-:=–]?\s?({_NAME})\.?", re.IGNORECASE)
_ALONE = re.compile(
    r"\W{0,4}([^\W\d](?:[^\d()=:]*?[^\W\d_.])??|\d{5})(\s(?:time|min|mins|minutes|duration))?\s?[:=–-]?\s?(\d{1,3})\s?(min|mins|minutes|')?\s?\.?",
    re.IGNORECASE,
)


class Charge(NamedTuple):
    """A service's name, its code and its minutes, as characters of the note: ``(start, end)`` of the name and of the number.

    ``instead`` are other numbers of its row, of other days.
    """

    name: tuple[int, int]
    code: str
    number: tuple[int, int]
    minutes: int
    instead: tuple[tuple[int, int], ...] = ()


@cache
def _codes() -> Mapping[str, str]:
    """Code by a service's name in small letters, as lists of charges write it; names of two services are left out."""
    found: dict[str, set[str]] = {}
    for entry in entries("services"):
        for term in (*entry.terms, *entry.data["head_terms"]):
            found.setdefault(term.lower(), set()).add(entry.data["code"])
    found |= {name: {code} for name, _, code in (term.partition("=") for term in listed("charge_name"))}
    return {name: next(iter(codes)) for name, codes in found.items() if len(codes) == 1 and "" not in codes}


def _code(name: str) -> str | None:
    """The code of a name in a list of charges; ``None`` where it is no service's."""
    name = name.strip(" .*•-").lower()
    return name if name.isdecimal() and is_code(name) else _codes().get(name)


def _sums_up(name: str) -> bool:
    return name.lower().split()[0] in listed("charge_total")


def _cells(text: str) -> list[tuple[int, str]]:
    return [(m.start(), m.group()) for m in _CELL.finditer(text)]


def _spans(at: int, *spans: tuple[int, int]) -> list[tuple[int, int]]:
    return [(at + start, at + end) for start, end in spans]


@cache
def _head() -> re.Pattern[str]:
    """What opens a line of announced minutes: ``Minutes:``, ``POD2 mins:``, ``Procedure minutes:``, ``OT split``."""
    words = {
        name: "|".join(map(re.escape, sorted(listed(f"charge_{name}"), key=len, reverse=True)))
        for name in ("head", "lead", "tail", "split")
    }
    lead = rf"\W{{0,4}}(?:(?:{words['lead']}|[^\W\d]{{1,4}}\d{{1,2}})\s{{1,2}}){{0,3}}"
    told = rf"\(?(?P<unit>{words['head']})\)?(?:\s(?:{words['tail']}))?\s?(?:[:=]|\s[-–]\s)"
    return re.compile(rf"{lead}(?:{told}|(?:{words['split']}))\s{{0,3}}", re.IGNORECASE)


def _announced(line: str, at: int) -> list[Charge]:
    """Charges of a line that says of its numbers that they are minutes, ``at`` its first character in the note."""
    line = line.rstrip()
    head = _head().match(line)
    if head is None:
        return []
    charges: list[Charge] = []
    position, named = head.end(), 0
    whole = _SUM.search(line, position)
    stop = len(line) if whole is None else whole.start()
    for part in [*_PARTING.finditer(line, position, stop), None]:
        item = line[position : stop if part is None else part.start()]
        found = _NAME_FIRST.fullmatch(item)
        name, number = (1, 2) if found else (2, 1)
        found = found or _NUMBER_FIRST.fullmatch(item)
        if found is None:
            if item.strip(" ."):
                break
        elif not _sums_up(found.group(name)):
            code, minutes = _code(found.group(name)), int(found.group(number))
            named += 1
            if code is not None and minutes:
                spans = _spans(at + position, found.span(name), found.span(number))
                charges.append(Charge(spans[0], code, spans[1], minutes))
        if part is not None:
            position = part.end()
    fewest = 1 if (head.group("unit") or "").lower() in listed("minute") else _FEWEST
    return charges if named >= _NAMED and all(fewest <= charge.minutes <= _LONGEST for charge in charges) else []


def _columns(head: str, row: str, at: int, below: int) -> list[Charge]:
    """Charges of services' names over their numbers; ``at`` and ``below`` are the lines' first characters in the note."""
    if _OPENS_ROW.match(row) is None:
        return []
    names, numbers = _cells(head), _cells(row)
    if len(names) != len(numbers):
        return []
    charges: list[Charge] = []
    whole: int | None = None
    for (left, name), (under, text) in zip(names, numbers, strict=True):
        number = _NUMBER.fullmatch(text)
        if number is None and _NOTHING.fullmatch(text) is None:
            return []
        minutes = 0 if number is None else int(number.group(1))
        code = _code(name)
        if code is not None:
            spans = (at + left, at + left + len(name)), (below + under, below + under + len(text))
            charges.append(Charge(spans[0], code, spans[1], minutes))
        elif _sums_up(name):
            whole = minutes
        else:
            return []
    charges = [charge for charge in charges if charge.minutes]
    told = whole is None or whole == sum(charge.minutes for charge in charges)
    fitting = all(_FEWEST <= charge.minutes <= _LONGEST for charge in charges)
    return charges if told and fitting and len(charges) >= _NAMED else []


def _today(head: str) -> tuple[float, list[float]] | None:
    """The middle of a heading's column of today and those of its columns of other days."""
    lower = head.lower()
    if not any(name in lower for name in listed("today_column")):
        return None
    today, others = [], []
    for at, cell in _cells(head):
        said = _DATED.sub("", cell).strip(" :").lower()
        middle = at + len(cell) / 2
        if said in listed("today_column"):
            today.append(middle)
        elif said in listed("elsewhere_column") or (not said and _DATED.search(cell)):
            others.append(middle)
    return (today[0], others) if len(today) == 1 and others else None


def _of_today(columns: tuple[float, list[float]], row: str, at: int) -> Charge | None:
    """The charge of a row under such a heading: of its numbers the one of today, 0 where nothing was done today."""
    cells = _cells(row)
    code = _code(cells[0][1]) if len(cells) > _NAMED else None
    if code is None:
        return None
    today, others = columns
    for left, text in cells[1:]:
        number, middle = _NUMBER.fullmatch(text), left + len(text) / 2
        if all(abs(middle - today) < abs(middle - other) for other in others):
            if number is None and _NOTHING.fullmatch(text) is None:
                return None
            of_other_days = _spans(at, *((x, x + len(t)) for x, t in cells[1:] if x != left))
            name, told = _spans(at, (cells[0][0], cells[0][0] + len(cells[0][1])), (left, left + len(text)))
            return Charge(name, code, told, int(number.group(1)) if number else 0, tuple(of_other_days))
    return None


def _under_today(
    columns: tuple[float, list[float]], lines: Sequence[tuple[int, str]], stop: int
) -> tuple[list[Charge], int]:
    """The charges of the rows under such a heading, and the line behind them."""
    charges: list[Charge] = []
    while stop < len(lines) and lines[stop][1].strip():
        charge = _of_today(columns, lines[stop][1], lines[stop][0])
        charges += [] if charge is None else [charge]
        stop += 1
    fitting = all(not charge.minutes or _FEWEST <= charge.minutes <= _LONGEST for charge in charges)
    several = len({charge.code for charge in charges if charge.minutes}) >= _NAMED
    return (charges if fitting and several else []), stop


def _below(lines: Sequence[tuple[int, str]], number: int) -> tuple[list[Charge], int]:
    """The charges of two or more services that stand alone on lines one below the other, and the line behind them."""
    charges: list[Charge] = []
    stop = number
    while stop < len(lines):
        at, text = lines[stop]
        found = _ALONE.fullmatch(text.rstrip())
        if found is None or not (found.group(2) or found.group(4)):
            break
        code, minutes = _code(found.group(1)), int(found.group(3))
        if code is None or not 0 < minutes <= _LONGEST:
            break
        name, told = _spans(at, found.span(1), found.span(3))
        charges.append(Charge(name, code, told, minutes))
        stop += 1
    several = len({charge.code for charge in charges}) >= _NAMED
    return (charges if several else []), max(stop, number + 1)


def _other(line: str) -> bool:
    """Whether the line above a table says that it is of units, visits, scores or another time."""
    return not listed("charge_other").isdisjoint(re.findall(r"[^\W\d]+", line.lower()))


def charge_lists(tokens: Tokens) -> Iterator[list[Charge]]:
    """The lists of charges of a note; a charge of 0 minutes says that its service was not given today.

    Examples
    --------
    >>> [found] = charge_lists(Tokens.of("Minutes: exercise 13 / activities 9 / total 22"))
    >>> [(charge.code, charge.minutes) for charge in found]
    [('97110', 13), ('97530', 9)]
    """
    lines = []
    for begin, end in tokens.lines:
        at = tokens.starts[begin] if begin < end else 0
        lines.append((at, tokens.text[at : tokens.ends[end - 1]] if begin < end else ""))
    number = 0
    while number < len(lines):
        at, text = lines[number]
        above, below = lines[number - 1][1] if number else "", lines[number + 1] if number + 1 < len(lines) else (0, "")
        stop = number + 1
        charges = _announced(text, at)
        table = [] if charges else _columns(text, below[1], at, below[0])
        columns = None if charges or table else _today(text)
        if table:
            charges, stop = ([] if _other(above) else table), number + 2
        elif columns is not None:
            charges, stop = _under_today(columns, lines, stop)
            charges = [] if _other(above) else charges
        elif not charges:
            charges, stop = _below(lines, number)
        if charges:
            yield charges
        number = stop


def with_charges(context: Context, grouping: Grouping) -> Grouping:
    """The grouping in which each charge told in a list apart from the work is a block without work.

    Lists in a section of another day or of the home programme are left alone, as are those amid which the grouper sees work. Where
    work has minutes that no list tells, the lists tell something else.
    """
    tokens = context.tokens
    charges = [charge for found in charge_lists(tokens) if _of_now(context, grouping, found) for charge in found]
    if not charges:
        return grouping
    told = {
        index
        for charge in charges
        for start, end in (charge.name, charge.number, *charge.instead)
        for index in range(tokens.at(start), tokens.at(end - 1) + 1)
    }
    blocks = []
    for block in grouping.blocks:
        durations = tuple(event for event in block.durations if event.start not in told)
        services = tuple(event for event in block.services if event.start not in told)
        if block.activities and durations:
            return grouping
        if block.activities or durations or services:
            blocks.append(
                replace(block, durations=durations, services=services, shared=block.shared and bool(durations))
            )
    for charge in charges:
        if charge.minutes:
            start, number = tokens.at(charge.name[0]), tokens.at(charge.number[0])
            name = Event("svc", start, tokens.at(charge.name[1] - 1) + 1, code=charge.code)
            paid = Event("dur", number, number + 1, minutes=charge.minutes, form=_FORM)
            blocks.append(Found((), (paid,), (name,)))
    loose = tuple(event for event in grouping.loose if event.start not in told)
    return replace(grouping, blocks=tuple(sorted(blocks, key=lambda block: block.start)), loose=loose)


def _of_now(context: Context, grouping: Grouping, charges: Sequence[Charge]) -> bool:
    """Whether a list stands where the note tells of this visit, and no work stands amid it."""
    tokens = context.tokens
    begin = tokens.at(min(charge.name[0] for charge in charges))
    end = tokens.at(max(charge.number[1] for charge in charges) - 1) + 1
    if context.sections[begin] in _ELSEWHEN or begin in context.quoted:
        return False
    return not any(begin <= event.start < end for block in grouping.blocks for event in block.activities)
