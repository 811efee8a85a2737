"""Minutes of which the note itself says that they were no one-on-one skilled treatment: unattended, with an aide, rest inside them.

Only plain statements count. What the note leaves open is told (`Unskilled.minutes` is ``None``) and nothing is taken off.

Examples
--------
>>> from nlp.document import Duration
>>> block = Block(0, 11, "Bike 10 min", (), Duration(5, 11, "10 min", 10, "stated"), 10, None)
>>> [(found.text, found.minutes) for found in find_unskilled("Bike 10 min, unattended. SLR 3x10", block, 33)]
[('unattended', 10)]
>>> [(found.text, found.minutes) for found in find_unskilled("Bike 10 min, never left unattended.", block, 35)]
[]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from nlp.document import Block, Unskilled
from nlp.lexicon import Entry
from nlp.terms import entries

_SENTENCE_END = re.compile(r"\n|;|[.!?](?=\s|$)")
_CLAUSE_END = re.compile(r"[,:()]")
_MINUTES = re.compile(r"(?<![\d.:/-])(\d{1,3})[ -]?(?:minutes?|mins?|m|['\u2032\u2019])(?![\w])", re.IGNORECASE)


class _Cues(NamedTuple):
    whole: re.Pattern[str]
    part: re.Pattern[str]
    unless: re.Pattern[str]
    kinds: dict[tuple[str, str], Entry]


@cache
def _cues() -> _Cues:
    by_role: dict[str, list[Entry]] = {"whole": [], "part": [], "join": [], "unless": []}
    for entry in entries("unskilled"):
        by_role[entry.data["role"]].append(entry)

    def either(role: str) -> str:
        terms = sorted((term for entry in by_role[role] for term in entry.terms), key=len, reverse=True)
        return rf"(?<!\w)(?:{'|'.join(_loose(term) for term in terms)})(?!\w)"

    kinds = {
        (role, _plain(term)): entry for role in ("whole", "part") for entry in by_role[role] for term in entry.terms
    }
    number = r"(?P<minutes>\d{1,3})[ -]?(?:minutes?|mins?|m|')\s+(?:of\s+|for\s+)?(?:\w+\s+)?"
    part = rf"{either('join')}\s*:?\s*(?:an?\s+|the\s+|for\s+)?(?:{number})?(?P<part>{either('part')})"
    flags = re.IGNORECASE
    return _Cues(
        re.compile(either("whole"), flags), re.compile(part, flags), re.compile(either("unless"), flags), kinds
    )


def _loose(term: str) -> str:
    return re.escape(term).replace(r"\ ", r"\s+")


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def included_parts(text: str) -> list[tuple[int, int]]:
    """Return the stretches that count a part into a longer time: "incl 5 min rest". Their minutes are no block's.

    Examples
    --------
    >>> included_parts("TE 20 min incl 5 min rest"), included_parts("TE 20 min, then 5 min rest")
    ([(10, 25)], [])
    """
    return [found.span() for found in _cues().part.finditer(text) if found["minutes"]]


def with_unskilled(text: str, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks of a note, each with what the note says of its unskilled minutes."""
    cues = _cues()
    if cues.whole.search(text) is None and cues.part.search(text) is None:
        return tuple(blocks)
    ends = [*(block.start for block in blocks[1:]), len(text)]
    return tuple(
        replace(block, unskilled=tuple(find_unskilled(text, block, end)))
        for block, end in zip(blocks, ends, strict=True)
    )


def find_unskilled(text: str, block: Block, until: int) -> Iterator[Unskilled]:
    """Yield the statements inside a block and in the rest of its last sentence, which ends before ``until``.

    The minutes of all of them together never exceed the block's.
    """
    rest = _SENTENCE_END.search(text, block.end, max(block.end, until))
    stop = max(block.end, until if rest is None else rest.start())
    cues, left = _cues(), block.minutes or 0
    for found in sorted(
        (*cues.whole.finditer(text, block.start, stop), *cues.part.finditer(text, block.start, stop)),
        key=re.Match.start,
    ):
        first, last = _sentence(text, block.start, stop, found)
        if cues.unless.search(text, first, last):
            continue
        if "part" in found.re.groupindex:
            minutes = int(found["minutes"]) if found["minutes"] else None
            kind = cues.kinds["part", _plain(found["part"])]
        else:
            minutes = _minutes_of(text, block, first, last, found)
            kind = cues.kinds["whole", _plain(found.group())]
        if minutes is not None and left < minutes:
            minutes = left or None
        left -= minutes or 0
        yield Unskilled(found.start(), found.end(), found.group(), minutes, kind.data["what"])


def _sentence(text: str, start: int, stop: int, found: re.Match[str]) -> tuple[int, int]:
    before = [end.end() for end in _SENTENCE_END.finditer(text, start, found.start())]
    after = _SENTENCE_END.search(text, found.end(), stop)
    return (before[-1] if before else start), (stop if after is None else after.start())


def _minutes_of(text: str, block: Block, first: int, last: int, found: re.Match[str]) -> int | None:
    """The minutes that a cue is about: those of its clause, else of the clause before it, else all where the block is one task."""
    cuts = [first, *(cut.end() for cut in _CLAUSE_END.finditer(text, first, found.start()))]
    close = _CLAUSE_END.search(text, found.end(), last)
    end = last if close is None else close.start()
    for start in reversed(cuts[-3:]):
        numbers = _MINUTES.findall(text, start, end)
        tasks = sum(start <= task.start < end for task in block.activities)
        if len(numbers) == 1 and tasks < 2:
            return int(numbers[0])
        if numbers or tasks:
            break
    return block.minutes if len(block.activities) < 2 else None
