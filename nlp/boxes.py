"""Check boxes of a form: what stands behind an empty one was not done, where the note ticks others.

A note that ticks none tells nothing by its boxes: they may be a list's marks, or a form that nobody filled in.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache

from nlp.terms import listed
from nlp.tokens import Tokens, is_code

_ENDS = frozenset("*•")  # what begins the next line, where a copy has joined them


@cache
def _boxes() -> re.Pattern[str]:
    kinds = ((kind, sorted(listed(kind), key=len, reverse=True)) for kind in ("ticked_box", "empty_box"))
    return re.compile(
        "|".join(f"(?P<{kind}>{'|'.join(map(re.escape, marks))})" for kind, marks in kinds), re.IGNORECASE
    )


def ticked(tokens: Tokens) -> frozenset[int]:
    """Tokens behind a ticked box; none where no box of the note is empty.

    Examples
    --------
    >>> sorted(ticked(Tokens.of("[x] UBE [ ] theraband")))
    [3]
    >>> sorted(ticked(Tokens.of("[x] UBE [x] theraband")))
    []
    """
    return frozenset(_behind(tokens, "ticked_box", "empty_box"))


def unticked(tokens: Tokens) -> dict[int, tuple[int, int]]:
    """Tokens behind an empty box, each with the token range of its box; none where no box of the note is ticked.

    A box reaches to the next one, at most to the end of its line, the next bullet or code.

    Examples
    --------
    >>> sorted(unticked(Tokens.of("[x] UBE [ ] theraband")).items())
    [(6, (4, 6))]
    >>> unticked(Tokens.of("[ ] UBE [ ] theraband"))
    {}
    """
    return _behind(tokens, "empty_box", "ticked_box")


def _behind(tokens: Tokens, kind: str, other: str) -> dict[int, tuple[int, int]]:
    """Tokens behind a box of one kind, each with the token range of its box; none where the note has no box of the other."""
    found = list(_boxes().finditer(tokens.text))
    out: dict[int, tuple[int, int]] = {}
    if not any(box[other] for box in found):
        return out
    starts = tokens.starts
    ends = [box.start() for box in found[1:]] + [len(tokens.text)]
    for box, until in zip(found, ends, strict=True):
        if box[kind]:
            at = bisect_left(starts, box.start()), bisect_left(starts, box.end())
            line = tokens.line_of[at[0]]
            for index in range(at[1], bisect_left(starts, until)):
                if tokens.line_of[index] != line or tokens.words[index] in _ENDS or is_code(tokens.words[index]):
                    break
                out[index] = at
    return out
