"""Services' names joined with one another, before or behind as many joined numbers, or one that is each's.

``TE/TA 28/12 min``, ``97110 + 97530: 15 + 16 min``, ``12/18 min TE/TA``, ``TE & TA x 20 min each``, ``15 min each of TE and TA``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from nlp.clock import is_blank
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import Event
from nlp.grouping import given_to_each
from nlp.terms import listed
from nlp.tokens import Tokens, is_code

_LEAST, _FEWEST, _MOST = 5, 8, 99  # minutes with a unit, without one, and the most
_SEVERAL = 2
_CACHE = "service names"
_LEAD = 8  # tokens between names and numbers, with blanks
_LEADING = frozenset("([:-–—@x×=,")
_JOINS = (["/"], [","], ["&"], ["+"], ["and"], [",", "and"], [",", "&"])
_TIGHT = (["/"], ["+"])  # what joins numbers that have no unit


class Joined(NamedTuple):
    """A service's name at tokens ``[start, end)``, its code, and its minutes with the token of their number."""

    start: int
    end: int
    code: str
    number: int
    minutes: int


class _Run(NamedTuple):
    """Joined names or numbers at tokens ``[start, end)``: where each begins and ends, and the marks that join them."""

    parts: tuple[tuple[int, int], ...]
    marks: tuple[list[str], ...]

    @property
    def start(self) -> int:
        return self.parts[0][0]

    @property
    def end(self) -> int:
        return self.parts[-1][1]


def joined_charges(context: Context) -> Iterator[list[Joined]]:
    """The joined names of a note with their minutes, list by list.

    Examples
    --------
    >>> import spacy
    >>> from nlp.context import context_of
    >>> from nlp.tokens import Tokenizer
    >>> nlp = spacy.blank("en")
    >>> nlp.tokenizer = Tokenizer(nlp.vocab)
    >>> [[(one.code, one.minutes) for one in found] for found in joined_charges(context_of(nlp("TE/TA 28/12 min: SLR")))]
    [[('97110', 28), ('97530', 12)]]
    """
    tokens = context.tokens
    names = service_names(context)
    if len({*names.values()}) < _SEVERAL:
        return
    numbers = list(_runs(tokens, [(at, at + 1) for at, word in enumerate(tokens.words) if _is_number(word)]))
    starts = [run.start for run in numbers]
    for run in _runs(tokens, sorted(names)):
        codes = [names[part] for part in run.parts]
        if len(codes) < _SEVERAL or len({*codes}) < len(codes):
            continue
        place = bisect_left(starts, run.start)
        near = numbers[max(0, place - 1) : place + 1]
        told = next((found for other in near if (found := _told(context, run, other)) is not None), None)
        if told is not None and all(find_status(context, *part) is None for part in run.parts):
            yield [
                Joined(*part, code, at, int(tokens.words[at]))
                for part, code, at in zip(run.parts, codes, told, strict=True)
            ]


def service_names(context: Context) -> dict[tuple[int, int], str]:
    """The services' names and code numbers of a note, with their codes; made once a note."""
    kept: dict[tuple[int, int], str] | None = context.cache.get(_CACHE)
    if kept is not None:
        return kept
    found = context.found
    names = {(m.start, m.end): m.entry.data["code"] for m in (*found["services"], *found["service_heads"])}
    names |= {(at, at + 1): word for at, word in enumerate(context.tokens.words) if is_code(word)}
    kept = context.cache[_CACHE] = {}
    ended = 0
    for place in sorted(names, key=lambda place: (place[0], -place[1])):
        if names[place] and place[0] >= ended:  # the longest of those that begin together
            kept[place] = names[place]
            ended = place[1]
    return kept


def _is_number(word: str) -> bool:
    return word.isdecimal() and len(word) <= len(str(_MOST))


def _runs(tokens: Tokens, parts: Sequence[tuple[int, int]]) -> Iterator[_Run]:
    """Neighbours that marks alone join, units of numbers aside."""
    run: list[tuple[int, int]] = []
    marks: list[list[str]] = []
    for before, part in pairwise(((-1, -1), *parts)):
        between = _between(tokens, before[1], part[0]) if run else []
        if run and between in _JOINS:
            marks.append(between)
        elif run:
            yield _Run(tuple(run), tuple(marks))
            run, marks = [], []
        run.append(part)
    if run:
        yield _Run(tuple(run), tuple(marks))


def _between(tokens: Tokens, start: int, end: int) -> list[str]:
    """The words and marks between two parts, without the unit of a number before them."""
    if end - start > _LEAD:
        return ["..."]
    words = [word for word in tokens.lower[start:end] if not is_blank(word)]
    return words[1:] if words[:1] and words[0] in listed("minute") else words


def _told(context: Context, names: _Run, numbers: _Run) -> list[int] | None:
    """The token of each name's number, where some numbers are theirs; ``None`` where they are not."""
    tokens = context.tokens
    ahead = numbers.end <= names.start
    start, end = (numbers.end, names.start) if ahead else (names.end, numbers.start)
    if not 0 <= end - start <= _LEAD:
        return None
    at = numbers.end
    while at < len(tokens.words) and is_blank(tokens.words[at]):
        at += 1
    timed = at < len(tokens.words) and tokens.lower[at] in listed("minute")
    between = [word for word in tokens.lower[start:end] if not is_blank(word)]
    if ahead and timed:
        between = between[1:]
    each = len(numbers.parts) == 1 and timed and given_to_each(context, Event("dur", at, at + 1))
    if ahead and between[:1] and between[0] in listed("each"):
        each, between = len(numbers.parts) == 1 and timed, between[1:]
    plain = all(word in _LEADING or word in listed("charge_between") for word in between)
    ends = at >= len(tokens.words) or not tokens.words[at].isalnum() or tokens.words[at][0] in "\r\n"
    tight = names.marks == numbers.marks and names.marks[0] in _TIGHT and not ahead and ends
    least = _LEAST if timed else _FEWEST
    minutes = [int(tokens.words[first]) for first, _ in numbers.parts]
    if not plain or not (timed or tight) or not all(least <= number <= _MOST for number in minutes):
        return None
    if each:
        return [numbers.start] * len(names.parts)
    return [first for first, _ in numbers.parts] if len(numbers.parts) == len(names.parts) else None
