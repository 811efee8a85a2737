"""Minutes of which the note itself says that they were no one-on-one skilled treatment: unattended, with an aide, rest inside them.

A statement may call itself a part of a longer time ("last 8 min", "8 min of this"); its minutes are then taken off the block
of that time, even where they read like a block of their own. Only plain statements count. What the note leaves open is told
(`Unskilled.minutes` is ``None``) and nothing is taken off.

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
_UNIT = r"[ -]?(?:minutes?|mins?|m|['\u2032\u2019])"
_MINUTES = re.compile(rf"(?<![\d.:/-])(\d{{1,3}}){_UNIT}(?![\w])", re.IGNORECASE)


class _Cues(NamedTuple):
    whole: re.Pattern[str]
    part: re.Pattern[str]
    share: re.Pattern[str]
    unless: re.Pattern[str]
    apart: re.Pattern[str]
    kinds: dict[tuple[str, str], Entry]


@cache
def _cues() -> _Cues:
    by_role: dict[str, list[Entry]] = {
        "whole": [],
        "part": [],
        "join": [],
        "apart": [],
        "pause": [],
        "share": [],
        "unless": [],
    }
    for entry in entries("unskilled"):
        by_role[entry.data["role"]].append(entry)
    by_role["part"] += by_role["pause"]

    def either(role: str) -> str:
        terms = sorted((term for entry in by_role[role] for term in entry.terms), key=len, reverse=True)
        # Terms with a letter or figure at either end share their edges: edges of their own take twice the time.
        shared = [_loose(term) for term in terms if term[0].isalnum() and term[-1].isalnum()]
        others = [_edged(term) for term in terms if not (term[0].isalnum() and term[-1].isalnum())]
        words = [r"(?<!\w)(?:" + "|".join(shared) + r")(?!\w)"] if shared else []
        return "(?:" + "|".join([*words, *others]) + ")"

    before, behind = (
        "|".join(
            _loose(term.replace("#", "").strip()) for entry in by_role["share"] for term in entry.terms if ends(term)
        )
        for ends in (lambda term: term.endswith("#"), lambda term: term.startswith("#"))
    )
    # "last 8 min", "8 min of this", "8 of the 23 min"
    share = (
        rf"(?<!\w)(?:(?:the\s+)?(?:{before})\s*:?\s*(?P<first>\d{{1,3}}){_UNIT}(?!\w)"
        rf"|(?P<second>\d{{1,3}})(?:{_UNIT})?\s+(?:(?:{behind})(?!\w)|of\s+(?:the|these|those)\s+\d{{1,3}}{_UNIT}(?!\w)))"
    )

    kinds = {
        (role, _plain(term)): entry for role in ("whole", "part") for entry in by_role[role] for term in entry.terms
    }
    # "8 min of rest", "8 for charting"
    spent = r"(?P<minutes>\d{1,3})(?:[ -]?(?:minutes?|mins?|m|')\s+(?:of\s+|for\s+)?|\s+(?:of|for)\s+)"
    number = rf"{spent}(?:\w+\s+)?"
    joined = rf"{either('join')}\s*:?\s*(?:an?\s+|the\s+|for\s+)?(?:{number})?"
    part = (
        rf"(?:{joined}|(?P<share>{share})\s*(?:(?:was|were|as|for|spent|on|in|a|is|,)\s+)*)(?P<part>{either('part')})"
    )
    # "last 5 min resting tremor" is no rest: what a part was spent on ends its clause.
    ended = r"(?=\s*(?:[,.;:)\n]|and\b|$))"
    part += rf"(?(share){ended})"
    apart = rf"{either('apart')}\s*(?:an?\s+|the\s+)?{spent}{either('pause')}{ended}"
    flags = re.IGNORECASE
    return _Cues(
        re.compile(either("whole"), flags),
        re.compile(part, flags),
        re.compile(share, flags),
        re.compile(either("unless"), flags),
        re.compile(apart, flags),
        kinds,
    )


def _number(found: re.Match[str]) -> int | None:
    """Return the minutes of a statement of a part."""
    given = (found.groupdict().get(name) for name in ("minutes", "first", "second"))
    return next((int(number) for number in given if number), None)


def _loose(term: str) -> str:
    return re.escape(term).replace(r"\ ", r"\s+")


def _edged(term: str) -> str:
    """A term as a pattern that is no part of a longer word."""
    begin = r"(?<!\w)" if term[0].isalnum() else ""
    end = r"(?!\w)" if term[-1].isalnum() else ""
    return f"{begin}{_loose(term)}{end}"


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def untimed_parts(text: str) -> list[tuple[int, int]]:
    """Return the stretches that count a part into a longer time or beside it: "incl 5 min rest". Their minutes are no block's.

    Examples
    --------
    >>> untimed_parts("TE 20 min incl 5 min rest"), untimed_parts("TE 20 min plus 5 min rest")
    ([(10, 25)], [(10, 25)])
    >>> untimed_parts("TE 20 min plus 5 min rest-position stretch")
    []
    """
    cues = _cues()
    included = [found.span() for found in cues.part.finditer(text) if _number(found) is not None]
    return [*included, *(found.span() for found in cues.apart.finditer(text))]


def with_unskilled(text: str, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks of a note, each with what the note says of its unskilled minutes.

    A block that the note calls an unskilled part of the one before it is put into that one.
    """
    cues = _cues()
    if not blocks or (cues.whole.search(text) is None and cues.part.search(text) is None):
        return tuple(blocks)
    kept: list[Block] = []
    for position, block in enumerate(blocks):
        until = blocks[position + 1].start if position + 1 < len(blocks) else len(text)
        if kept and _is_part(text, kept[-1], block, until, first=len(kept) == 1):
            block = _put_into(text, kept.pop(), block)
        kept.append(block)
    ends = [*(block.start for block in kept[1:]), len(text)]
    return tuple(
        replace(block, unskilled=tuple(find_unskilled(text, block, end, first=position == 0)))
        for position, (block, end) in enumerate(zip(kept, ends, strict=True))
    )


def _is_part(text: str, whole: Block, part: Block, until: int, *, first: bool) -> bool:
    """Whether a block is wholly unskilled and its minutes are said to be some of those of the block before it."""
    if whole.minutes is None or part.minutes is None or part.stated is not None:
        return False
    told = list(find_unskilled(text, part, until))
    if not told or sum(each.minutes or 0 for each in told) < part.minutes:
        return False
    share = _cues().share.search(text, whole.end, part.end)
    if share is None or whole.minutes <= (_number(share) or 0):
        return False
    # On the next line it may be a part of any block above: of the only one, or of nobody knows which.
    return text.count("\n", whole.end, share.start()) <= first


def _put_into(text: str, whole: Block, part: Block) -> Block:
    return replace(
        whole,
        end=part.end,
        text=text[whole.start : part.end],
        activities=(*whole.activities, *part.activities),
        goals=tuple(sorted({*whole.goals, *part.goals})),
        certainty=min(whole.certainty, part.certainty),
    )


def find_unskilled(text: str, block: Block, until: int, *, first: bool = True) -> Iterator[Unskilled]:
    """Yield the statements inside a block, in the rest of its last sentence, and in what follows and calls itself a part of it.

    All of it ends before ``until``. The minutes of all statements together never exceed the block's. ``first`` says that no
    block stands before this one, so that a part on the next line can only be its.
    """
    stop = _stop(text, block, until, first=first)
    cues, left, free = _cues(), block.minutes or 0, 0
    for found in sorted(
        (*cues.whole.finditer(text, block.start, stop), *cues.part.finditer(text, block.start, stop)),
        key=re.Match.start,
    ):
        if found.start() < free:  # "of these 8 min unattended" is one statement
            continue
        free = found.end()
        start, last = _sentence(text, block.start, stop, found)
        if cues.unless.search(text, start, last):
            continue
        if "part" in found.re.groupindex:
            minutes = _number(found)
            term = _plain(found["part"])
            kind = cues.kinds.get(("whole", term)) or cues.kinds["part", term]
        else:
            minutes = _minutes_of(text, block, start, last, found)
            kind = cues.kinds["whole", _plain(found.group())]
        if minutes is not None and left < minutes:
            minutes = left or None
        left -= minutes or 0
        yield Unskilled(found.start(), found.end(), found.group(), minutes, kind.data["what"])


def _stop(text: str, block: Block, until: int, *, first: bool) -> int:
    """Return where the words end that can be about a block."""
    cues = _cues()
    rest = _SENTENCE_END.search(text, block.end, max(block.end, until))
    stop = max(block.end, until if rest is None else rest.start())
    while stop < until and (first or text[stop] != "\n"):
        after = _SENTENCE_END.search(text, stop + 1, until)
        end = until if after is None else after.start()
        share = cues.share.search(text, stop, end)
        if share is None or (block.minutes or 0) <= (_number(share) or 0):
            break
        stop = end
    return stop


def _sentence(text: str, start: int, stop: int, found: re.Match[str]) -> tuple[int, int]:
    before = [end.end() for end in _SENTENCE_END.finditer(text, start, found.start())]
    after = _SENTENCE_END.search(text, found.end(), stop)
    return (before[-1] if before else start), (stop if after is None else after.start())


def _minutes_of(text: str, block: Block, first: int, last: int, found: re.Match[str]) -> int | None:
    """The minutes that a cue is about: those of its clause, else of the clause before it, else all where the block is one task."""
    cuts = [first, *(cut.end() for cut in _CLAUSE_END.finditer(text, first, found.start()))]
    close = _CLAUSE_END.search(text, found.end(), last)
    end = last if close is None else close.start()
    share = _cues().share.search(text, cuts[-1], end)
    if share is not None:
        return _number(share)
    for start in reversed(cuts[-3:]):
        numbers = _MINUTES.findall(text, start, end)
        tasks = sum(start <= task.start < end for task in block.activities)
        if len(numbers) == 1 and tasks < 2:
            return int(numbers[0])
        if numbers or tasks:
            break
    return block.minutes if len(block.activities) < 2 else None
