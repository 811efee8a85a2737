"""Charges told in a list of their own, apart from the work: each service's name with its minutes.

Three shapes, each of which says of itself that its numbers are minutes of services:

* a line that announces minutes and names services: ``Minutes: exercise 13 / activities 9 / total 22``, ``OT split 16 ta / 12 adl``;
* a line of services' names above a line of as many numbers: ``TE   MT   TA   total`` over ``24   9   12   45``;
* rows of services' names under a heading with a column of today beside one of another day: ``last (5/02)   today (5/06)``.

What the grouper made of such lines is put aside, and each name with its number becomes a block without work, which
`models.settle` gives to the work of its code. Words: ``nlp/lexicons/lists.toml`` and ``services.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
_LEAST, _MOST = 5, 99  # minutes of one service in a list whose numbers have no unit
_NAMED = 2  # services that make a list
_FORM = "charge"
_CELL = re.compile(r"[^\s|](?:[^|\t\n]*?[^\s|])??(?=\s{2,}|\t|\s*\||\s*$)")
_NUMBER = re.compile(r"(\d{1,3})\s?(?:m|min|mins|minutes|')?")
_OPENS_ROW = re.compile(r"[\s|]*[\d–—-]")  # a row of numbers, or of a mark for none
_NOTHING = re.compile(r"0|-+|–|—|n/?a|none", re.IGNORECASE)
_DATED = re.compile(r"\s*\(?\b\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?\b\)?")
_PARTING = re.compile(r"\s*(?:[|/;,]|\.\s|\s{2,}|\band\b|&)\s*")
_SUM = re.compile(r"(?<!\s)\s*=\s*\d{1,3}\s*(?:m|min|mins|minutes)?\s*(?:total)?\.?\s*$", re.IGNORECASE)
_NAME_FIRST = re.compile(
    r"([^\W\d](?:[^\d()=:]*[^\W\d_.])?|\d{5})\.?\s*[-:=–]?\s*\(?(\d{1,3})\s?(?:m|min|mins|minutes|')?\)?\s*(?:\([^()]*\))?\.?",
    re.IGNORECASE,
)
_NUMBER_FIRST = re.compile(r"(\d{1,3})\s?(?:m|min|mins|minutes|')?\s*[-:=–]?\s*([^\W\d](?:[^\d()=:]*[^\W\d_.])?)\.?", re.IGNORECASE)


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
        for term in (*entry.terms, *entry.data["head_terms"], *entry.data["headings"]):
            found.setdefault(term.lower(), set()).add(entry.data["code"])
    found |= {name: {code} for name, _, code in (term.partition("=") for term in listed("charge_name"))}
    return {name: next(iter(codes)) for name, codes in found.items() if len(codes) == 1 and "" not in codes}


def _code(name: str) -> str | None:
    """The code of a name in a list of charges; ``None`` where it is no service's."""
    name = name.strip(" .*•-").lower()
    return name if name.isdecimal() and is_code(name) else _codes().get(name)


def _cells(text: str) -> list[tuple[int, str]]:
    return [(m.start(), m.group()) for m in _CELL.finditer(text)]


def _announced(line: str, at: int) -> list[Charge]:
    """Charges of a line that says of its numbers that they are minutes, ``at`` its first character in the note."""
    head = _head().match(line)
    if head is None:
        return []
    charges: list[Charge] = []
    position = head.end()
    named = 0
    whole = _SUM.search(line, position)
    stop = len(line) if whole is None else whole.start()
    for part in [*_PARTING.finditer(line, position, stop), None]:
        end = stop if part is None else part.start()
        item = line[position:end]
        found = _NAME_FIRST.fullmatch(item)
        name, number = (1, 2) if found else (2, 1)
        found = found or _NUMBER_FIRST.fullmatch(item)
        if found is None:
            if item.strip(" ."):
                break
        elif found.group(name).lower().split()[0] not in listed("charge_total"):
            code, minutes = _code(found.group(name)), int(found.group(number))
            named += 1
            if code is not None and minutes:
                spans = [(at + position + a, at + position + b) for a, b in (found.span(name), found.span(number))]
                charges.append(Charge(spans[0], code, spans[1], minutes))
        if part is not None:
            position = part.end()
    return charges if named >= _NAMED and len(charges) >= 1 else []


@cache
def _head() -> re.Pattern[str]:
    """What opens a line of announced minutes: ``Minutes:``, ``POD2 mins:``, ``Procedure minutes:``, ``OT split``."""
    heads, shares = ("|".join(map(re.escape, sorted(listed(name)))) for name in ("charge_head", "charge_split"))
    lead = r"\W*(?:[^\W\d]+\d*\s+){0,3}"
    return re.compile(rf"{lead}(?:\(?(?:{heads})\)?(?:\s+\w+)?\s*(?:[:=]|\s[-–]\s)|(?:{shares})\s*[:=]?)\s*", re.IGNORECASE)


def _columns(head: str, row: str, at: int, below: int) -> list[Charge]:
    """Charges of services' names over their numbers; ``at`` and ``below`` are the lines' first characters in the note."""
    if _OPENS_ROW.match(row) is None:
        return []
    names, numbers = _cells(head), _cells(row)
    if len(names) != len(numbers) or len(names) < _NAMED:
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
        elif name.lower().split()[0] in listed("charge_total"):
            whole = minutes
        else:
            return []
    charges = [charge for charge in charges if charge.minutes]
    if len(charges) < _NAMED:
        return []
    told = whole == sum(charge.minutes for charge in charges)
    return charges if told or (whole is None and all(_LEAST <= c.minutes <= _MOST for c in charges)) else []


def _today(head: str) -> tuple[float, list[float]] | None:
    """The middle of a heading's column of today and those of its columns of other days."""
    today, others = [], []
    lower = head.lower()
    if not any(name in lower for name in listed("today_column")):
        return None
    for at, cell in _cells(head):
        said = _DATED.sub("", cell).strip(" :").lower()
        middle = at + len(cell) / 2
        if said in listed("today_column"):
            today.append(middle)
        elif said in listed("elsewhere_column") or (not said and _DATED.search(cell)):
            others.append(middle)
    return (today[0], others) if len(today) == 1 and others else None


def _of_today(columns: tuple[float, list[float]], row: str, at: int) -> Charge | None:
    """The charge of a row under such a heading: of its numbers the one of today."""
    cells = _cells(row)
    code = _code(cells[0][1]) if len(cells) > _NAMED else None
    if code is None:
        return None
    today, others = columns
    for left, text in cells[1:]:
        number, middle = _NUMBER.fullmatch(text), left + len(text) / 2
        if all(abs(middle - today) < abs(middle - other) for other in others):
            if number is None or not 0 < int(number.group(1)) <= _MOST:
                return None
            first, last = cells[0][0], cells[0][0] + len(cells[0][1])
            others_of_row = tuple((at + x, at + x + len(t)) for x, t in cells[1:] if x != left)
            return Charge(
                (at + first, at + last), code, (at + left, at + left + len(text)), int(number.group(1)), others_of_row
            )
    return None


def charge_lists(tokens: Tokens) -> Iterator[tuple[range, list[Charge]]]:
    """The lists of charges of a note with the numbers of the lines that they stand on.

    Examples
    --------
    >>> [(_, found)] = charge_lists(Tokens.of("Minutes: exercise 13 / activities 9 / total 22"))
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
        below = lines[number + 1] if number + 1 < len(lines) else (0, "")
        charges = _announced(text, at) or _columns(text, below[1], at, below[0])
        stop = number + (2 if charges and charges[-1].number[0] >= below[0] > at else 1)
        columns = None if charges else _today(text)
        if columns is not None:
            while stop < len(lines) and lines[stop][1].strip():
                charge = _of_today(columns, lines[stop][1], lines[stop][0])
                charges += [] if charge is None else [charge]
                stop += 1
        if charges:
            yield range(number, stop), charges
        number = stop


def with_charges(context: Context, grouping: Grouping) -> Grouping:
    """The grouping in which each charge told in a list apart from the work is a block without work.

    A list of whose lines the grouper made work is left alone, as is one in a section of another day or of the home programme.
    """
    tokens = context.tokens
    line_of = tokens.line_of
    for lines, charges in charge_lists(tokens):
        first = tokens.lines[lines[0]][0]
        if context.sections[first] in _ELSEWHEN or first in context.quoted:
            continue
        if any(line_of[event.start] in lines for block in grouping.blocks for event in block.activities):
            continue
        told = {
            index
            for charge in charges
            for start, end in (charge.name, charge.number, *charge.instead)
            for index in range(tokens.at(start), tokens.at(end - 1) + 1)
        }
        blocks = []
        for block in grouping.blocks:
            durations = tuple(e for e in block.durations if e.start not in told)
            services = tuple(e for e in block.services if e.start not in told)
            if block.activities or durations or services:
                shared = block.shared and bool(durations)
                blocks.append(replace(block, durations=durations, services=services, shared=shared))
        for charge in charges:
            start, number = tokens.at(charge.name[0]), tokens.at(charge.number[0])
            name = Event("svc", start, tokens.at(charge.name[1] - 1) + 1, code=charge.code)
            paid = Event("dur", number, number + 1, minutes=charge.minutes, form=_FORM)
            blocks.append(Found((), (paid,), (name,)))
        loose = tuple(event for event in grouping.loose if event.start not in told)
        grouping = replace(grouping, blocks=tuple(sorted(blocks, key=lambda block: block.start)), loose=loose)
    return grouping
