"""Charges told in a list of their own, apart from work that has no minutes: each service's name with its number.

* a line that announces minutes and names services: ``Minutes: exercise 13 / activities 9 / total 22``, ``OT split 16 ta / 12 adl``;
* a line of services' names above a line of as many numbers: ``TE   MT   TA   total`` over ``24   9   12   45``;
* rows of services' names under a heading with a column of today beside one of another day: ``last (5/02)   today (5/06)``;
* lines one below the other of a service's name and its minutes alone: ``TE time: 25 min`` over ``TA time: 15 min``;
* shares of a whole in brackets behind it: ``Tx time 40 min (28 TE / 12 TA)``;
* joined names before or behind as many joined numbers, or one that is each's: ``TE/TA 28/12 min`` (`nlp.joint`);
* a sentence in which services' names and minutes take turns: ``23 min of ther ex and 15 min of ther act were provided.``

Such numbers may be units, scores or another day's. So the names must be services' own, not headings like *balance*, and a list
counts only where no work of the note has minutes told elsewhere. Each name with its number becomes a block without work then,
which `models.settle` gives to the work of its code. Words: ``nlp/lexicons/lists.toml`` and ``services.toml``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from nlp.codes import code_boundary, headline
from nlp.components.durations import find_durations
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import Event
from nlp.grouping import Found, Grouping
from nlp.joint import joined_charges, service_names
from nlp.layout import NO_WORK
from nlp.minutes.reading import Candidate
from nlp.terms import entries, listed
from nlp.tokens import Tokens, is_code
from nlp.totals import ELSEWHEN

_ELSEWHEN = ELSEWHEN - {"plan"}  # what stands at the foot stands behind the plan
_FEWEST, _LONGEST = 5, 99  # minutes that a number without a unit can be
_NAMED = 2  # services that make a list
_FORM = "charge"
_BESIDE = 3  # tokens between a name and its minutes, or before a sum
# Blanks are counted up to a few, so that a padded line takes no longer than its length.
_CELL = re.compile(r"[^\s|](?:[^|\t\n]*?[^\s|])??(?=\s{2}|\t|\s?\||\s*$)")
_OPENS_ROW = re.compile(r"[\s|]*[\d–—-]")
_NOTHING = re.compile(r"0|-{1,3}|–|—|n/?a|none", re.IGNORECASE)
_DATED = re.compile(r"\s?\(?\b\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?\b\)?")
_PARTING = re.compile(r"\s{0,3}(?:[|/;,]|\.\s|\s{2}|\band\b|&)\s*")
_SUM = re.compile(r"\s?=\s?\d{1,3}(?:\s?(?:min|mins|minutes|m))?(?:\s?total)?\s?\.?$", re.IGNORECASE)
_UNIT = r"(?:min|mins|minutes|m|')"
_NUMBER = re.compile(rf"(\d{{1,3}})\s?{_UNIT}?")
_NAME = r"[^\W\d](?:[^\d()=:]*[^\W\d_.])?"
_NAME_FIRST = re.compile(
    rf"({_NAME}|\d{{5}})\.?\s?[-:=–]?\s?\(?(\d{{1,3}})\s?{_UNIT}?\)?\s?(?:\([^()]*\))?\.?", re.IGNORECASE
)
_NUMBER_FIRST = re.compile(rf"(\d{{1,3}})\s?{_UNIT}?\s?[-:=–]?\s?({_NAME})\.?", re.IGNORECASE)
_WHOLE = re.compile(rf"\b(\d{{2,3}})\s?{_UNIT}?\s?\(([^()]{{5,80}})\)", re.IGNORECASE)
_ALONE = re.compile(
    r"\W{0,4}((?:min|mins|minutes|time)\s(?:of|for|in|on)\s)?([^\W\d](?:[^\d()=:]*?[^\W\d_.])??|\d{5})"
    r"(\s(?:time|min|mins|minutes|duration))?\s?[:=–-]?\s?(\d{1,3})\s?(min|mins|minutes|')?\s?\.?",
    re.IGNORECASE,
)


class Charge(NamedTuple):
    """A service's name, its code and its minutes, as characters of the note: ``(start, end)`` of the name and of the number.

    ``instead`` are numbers beside it that are no service's: of other days, or what the charges add up to.
    """

    name: tuple[int, int]
    code: str
    number: tuple[int, int]
    minutes: int
    instead: tuple[tuple[int, int], ...] = ()


@cache
def _plain() -> Mapping[str, str]:
    """Code by a plain word that stands for a service beside its minutes: *exercise*, *activities*."""
    return {name: code for name, _, code in (term.partition("=") for term in listed("charge_name"))}


@cache
def _codes() -> Mapping[str, str]:
    """Code by a service's name in small letters, as lists of charges write it; names of two services are left out."""
    found: dict[str, set[str]] = {}
    for entry in entries("services"):
        for term in (*entry.terms, *entry.data["head_terms"]):
            found.setdefault(term.lower(), set()).add(entry.data["code"])
    found |= {name: {code} for name, code in _plain().items()}
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
    named = 0
    whole = _SUM.search(line, head.end())
    for position, item in _items(line, head.end(), len(line) if whole is None else whole.start()):
        told = _name_and_number(item)
        if told is None:
            if item.strip(" ."):
                break
        elif not _sums_up(told[0].group(told[1])):
            found, name, number = told
            code, minutes = _code(found.group(name)), int(found.group(number))
            named += 1
            if code is not None and minutes:
                spans = _spans(at + position, found.span(name), found.span(number))
                charges.append(Charge(spans[0], code, spans[1], minutes))
    fewest = 1 if (head.group("unit") or "").lower() in listed("minute") else _FEWEST
    return charges if named >= _NAMED and all(fewest <= charge.minutes <= _LONGEST for charge in charges) else []


def _shares(line: str, at: int) -> list[Charge]:
    """Charges in brackets behind the number that they add up to."""
    for whole in _WHOLE.finditer(line):
        charges: list[Charge] = []
        items = [*_items(line, *whole.span(2))]
        for position, item in items:
            told = _name_and_number(item)
            code = None if told is None else _code(told[0].group(told[1]))
            if told is None or code is None:
                break
            found, name, number = told
            spans = _spans(at + position, found.span(name), found.span(number))
            charges.append(Charge(spans[0], code, spans[1], int(found.group(number))))
        left = items[len(charges) :]
        complete = len(charges) >= _NAMED and (not left or left[0][0] == whole.end(2))
        if complete and int(whole.group(1)) == sum(charge.minutes for charge in charges):
            return [charges[0]._replace(instead=((at + whole.start(1), at + whole.end(1)),)), *charges[1:]]
    return []


def _items(line: str, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """The parts of a list in ``line[start:stop]``, each with where it begins."""
    for mark in _PARTING.finditer(line, start, stop):
        yield start, line[start : mark.start()]
        start = mark.end()
    yield start, line[start:stop]


def _name_and_number(text: str) -> tuple[re.Match[str], int, int] | None:
    """A name with its number, in either order, and which group is which."""
    if found := _NAME_FIRST.fullmatch(text):
        return found, 1, 2
    found = _NUMBER_FIRST.fullmatch(text)
    return None if found is None else (found, 2, 1)


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
    while stop < len(lines) and (told := _alone(*lines[stop])):
        charges += told
        stop += 1
    several = len({charge.code for charge in charges}) >= _NAMED
    return (charges if several else []), max(stop, number + 1)


def _alone(at: int, line: str) -> list[Charge]:
    """The charges of a line that holds nothing else, parted by bars, commas or semicolons."""
    line = line.rstrip()
    several = _PARTING.search(line) is not None and _ALONE.fullmatch(line) is None
    items = _items(line, 0, len(line)) if several else [(0, line)]
    charges: list[Charge] = []
    for start, item in items:
        found = _ALONE.fullmatch(item)
        if found is None or not (found.group(1) or found.group(3) or found.group(5)):
            return []
        code, minutes = _code(found.group(2)), int(found.group(4))
        if code is None or not 0 < minutes <= _LONGEST:
            return []
        name, told = _spans(at + start, found.span(2), found.span(4))
        charges.append(Charge(name, code, told, minutes))
    return charges


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
        charges, number = _list_at(lines, number)
        if charges:
            yield charges


def _list_at(lines: Sequence[tuple[int, str]], number: int) -> tuple[list[Charge], int]:
    """The charges of the list that begins at a line, and the line behind it."""
    at, text = lines[number]
    if charges := _announced(text, at) or _shares(text, at):
        return charges, number + 1
    above, below = lines[number - 1][1] if number else "", lines[number + 1] if number + 1 < len(lines) else (0, "")
    if charges := _columns(text, below[1], at, below[0]):
        return ([] if _other(above) else charges), number + 2
    if (columns := _today(text)) is not None:
        charges, stop = _under_today(columns, lines, number + 1)
        return ([] if _other(above) else charges), stop
    return _below(lines, number)


def with_charges(context: Context, grouping: Grouping) -> Grouping:
    """The grouping in which each charge told in a list apart from the work is a block without work.

    Lists in a section of another day or of the home programme are left alone, as are those amid which the grouper sees work. Where
    work has minutes that no list tells, the lists tell something else.
    """
    tokens = context.tokens
    lists = [found for found in charge_lists(tokens) if _of_now(context, grouping, found)]
    taken = {charge.number[0] for found in lists for charge in found}
    own = [event for event in grouping.services if event.code]
    named = [Event("svc", *place, code=code) for place, code in service_names(context).items()]
    for found in (
        *_jointly(context),
        *_spoken(context, own),
        *_spoken(context, [*named, *_plain_names(context, named)]),
    ):
        if taken.isdisjoint(charge.number[0] for charge in found) and _of_now(context, grouping, found):
            taken |= {charge.number[0] for charge in found}
            lists.append(found)
    charges = [charge for found in lists for charge in found]
    if not charges:
        return grouping
    told = {
        index
        for charge in charges
        for place in (charge.name, charge.number, *charge.instead)
        for index in range(*_range(tokens, place))
    }
    paid_for = {index for charge in charges for index in range(*_range(tokens, charge.number))}
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
    if {charge.code for charge in charges if charge.minutes} >= {*headline()}:
        blocks = _parted(context, blocks)
    for charge in charges:
        if charge.minutes:
            (start, end), (first, last) = (_range(tokens, place) for place in (charge.name, charge.number))
            name = Event("svc", start, end, code=charge.code)
            paid = Event("dur", first, last, minutes=charge.minutes, form=_FORM)
            blocks.append(Found((), (paid,), (name,)))
    freed = (event for block in grouping.blocks for event in block.durations if event.start in told)
    loose = sorted((event for event in (*grouping.loose, *freed) if event.start not in paid_for), key=_start)
    return replace(grouping, blocks=tuple(sorted(blocks, key=_start)), loose=tuple(loose))


def _parted(context: Context, blocks: list[Found]) -> list[Found]:
    """Blocks where the only work of all has two codes, as its charges have: it is two blocks then."""
    worked = [number for number, block in enumerate(blocks) if block.activities]
    if len(worked) != 1 or blocks[worked[0]].services:
        return blocks
    [number] = worked
    tasks = blocks[number].activities
    at = code_boundary(context, tasks)
    parts = [replace(blocks[number], activities=part) for part in (tasks[:at], tasks[at:]) if part]
    return [*blocks[:number], *parts, *blocks[number + 1 :]]


def without_others(context: Context, grouping: Grouping) -> Grouping:
    """The grouping without charges of another visit: ``Last visit: 15 min ther ex and 20 min ther act.``.

    Only blocks without work of their own are left out, and only where a cue that names another visit reaches the service's name;
    their minutes are nobody's then.
    """
    kept, freed = [], list(grouping.loose)
    for block in grouping.blocks:
        if not block.activities and block.durations and block.services and _of_other_visit(context, block.services[0]):
            freed += block.durations
        else:
            kept.append(block)
    if len(kept) == len(grouping.blocks):
        return grouping
    return replace(grouping, blocks=tuple(kept), loose=tuple(sorted(freed, key=_start)))


def _of_other_visit(context: Context, name: Event) -> bool:
    """Whether a cue says so that opens the sentence before a colon, stands behind as *next visit*, or is *plan to*.

    Not ``longer than last visit: 30 min TE``, ``per plan of care 23 min TE``, ``next 15 min ther act``.
    """
    cue = find_status(context, name.start, name.end)
    if cue is None:
        return False
    lower, sentence = context.tokens.lower, context.sentence_of[name.start]
    said = lower[cue.start : cue.end]
    opens = cue.start == 0 or context.sentence_of[cue.start - 1] != sentence
    if opens and lower[cue.end : cue.end + 1] == [":"]:
        return not listed("other_visit").isdisjoint(said)
    if name.end <= cue.start:
        return not listed("to_come").isdisjoint(said) and not listed("visit_word").isdisjoint(said)
    return " ".join(lower[cue.start : cue.start + 2]) in listed("planned_for")


def _jointly(context: Context) -> Iterator[list[Charge]]:
    """The lists of names joined with one another and their numbers."""
    tokens = context.tokens
    for joined in joined_charges(context):
        yield [
            Charge(
                (tokens.starts[one.start], tokens.ends[one.end - 1]),
                one.code,
                (tokens.starts[one.number], tokens.ends[one.number]),
                one.minutes,
            )
            for one in joined
        ]


def _plain_names(context: Context, named: Sequence[Event]) -> list[Event]:
    """Plain words that stand for a service beside minutes, *exercise* and *activities*, outside its longer names."""
    inside = {at for event in named for at in range(event.start, event.end)}
    codes = _plain()
    lower = context.tokens.lower
    return [
        Event("svc", at, at + 1, code=codes[word])
        for at, word in enumerate(lower)
        if word in codes and at not in inside and _is_silent(context, at)
    ]


def _is_silent(context: Context, at: int) -> bool:
    """Whether the sentence of a word stands where work does, and no cue in it tells of another day or of home."""
    sentence = context.sentence_of[at]
    cued = sentence in context.cues_forward or sentence in context.cues_backward
    place = bisect_left(context.sentence_of, sentence)
    words = context.tokens.lower[place : bisect_right(context.sentence_of, sentence)]
    plain = all(word in listed("charge_beside") for word in words if word.isalpha() and not _is_name(word))
    return not cued and context.sections[at] not in NO_WORK and plain


def _is_name(word: str) -> bool:
    return _code(word) is not None


def _spoken(context: Context, names: Sequence[Event]) -> Iterator[list[Charge]]:
    """The lists that sentences tell: names and minutes in turn, each name with the minutes on its side of the pair."""
    tokens, sentence_of = context.tokens, context.sentence_of
    parts: dict[int, list[Event | Candidate]] = {}
    for event in names:
        parts.setdefault(sentence_of[event.start], []).append(event)
    for found in find_durations(context):
        if sentence_of[found.start] in parts and not found.clock:
            parts[sentence_of[found.start]].append(found)
    for said in parts.values():
        timed = [each for each in said if not isinstance(each, Event)]
        whole = sum(each.minutes for each in timed)
        several = len(timed) > _NAMED
        sums = {each.start for each in timed if _is_sum(tokens, each.start) or (several and 2 * each.minutes == whole)}
        told = [each for each in sorted(said, key=_start) if each.start not in sums]
        pairs = [(told[at], told[at + 1]) for at in range(0, len(told) - 1, 2)]
        kinds = [isinstance(each, Event) for each in told]
        if len(told) % 2 or len(pairs) < _NAMED or kinds != [kinds[0], not kinds[0]] * len(pairs):
            continue
        if not all(_joined(tokens, first.end, second.start) for first, second in pairs):
            continue
        charges = []
        for pair in pairs:
            [name], [paid] = [e for e in pair if isinstance(e, Event)], [e for e in pair if not isinstance(e, Event)]
            places = [(tokens.starts[e.start], tokens.ends[e.end - 1]) for e in (name, paid)]
            charges.append(Charge(places[0], name.code, places[1], paid.minutes))
        if len({charge.code for charge in charges}) >= _NAMED:
            yield charges


def _range(tokens: Tokens, place: tuple[int, int]) -> tuple[int, int]:
    """The tokens of characters of the note."""
    return tokens.at(place[0]), tokens.at(place[1] - 1) + 1


def _start(part: Event | Candidate | Found) -> int:
    return part.start


def _is_sum(tokens: Tokens, at: int) -> bool:
    """Whether a word shortly before a number says that it sums others up."""
    return bool(set(tokens.lower[max(0, at - _BESIDE) : at]) & listed("charge_total"))


def _joined(tokens: Tokens, start: int, end: int) -> bool:
    """Whether nothing stands between a name and its minutes that could be work."""
    between = [word for word in tokens.lower[start:end] if not word.isspace()]
    return len(between) <= _BESIDE and all(not word.isalnum() or word in listed("charge_between") for word in between)


def _of_now(context: Context, grouping: Grouping, charges: Sequence[Charge]) -> bool:
    """Whether a list stands where the note tells of this visit, and no work stands amid it."""
    tokens = context.tokens
    begin = tokens.at(min(charge.name[0] for charge in charges))
    end = tokens.at(max(charge.number[1] for charge in charges) - 1) + 1
    if context.sections[begin] in _ELSEWHEN or begin in context.quoted:
        return False
    names = {tokens.at(charge.name[0]) for charge in charges}  # "gait training" is a name and work
    work = (event.start for block in grouping.blocks for event in block.activities)
    return not any(begin <= at < end and at not in names for at in work)
