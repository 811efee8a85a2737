"""Which minutes of which block make which unit.

Examples
--------
>>> made, left = units_made([Part(0, 10), Part(2, 13)], ["97110"])
>>> [(unit.number, [tuple(part) for part in unit.parts]) for unit in made], [tuple(part) for part in left]
([(1, [(0, 10), (2, 5)])], [(2, 8)])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.billing.units import UNIT_MINUTES


class Part(NamedTuple):
    """Whole minutes of a block, named by its place in the note."""

    block: int
    minutes: int


class Made(NamedTuple):
    """A unit of a code, its number among that code's units (from 1), and the minutes that it is made of."""

    code: str
    number: int
    parts: tuple[Part, ...]


def units_made(blocks: Sequence[Part], earned: Sequence[str]) -> tuple[tuple[Made, ...], tuple[Part, ...]]:
    """Return the units that one service's minutes make, and the minutes that make none.

    Minutes fill units of 15 in the order of the note; the last unit takes what is left, be it less than 15.

    Parameters
    ----------
    blocks : Sequence[Part]
        The blocks of one service, in text order.
    earned : Sequence[str]
        The code of each unit that a policy gives this service.
    """
    waiting = [part for part in blocks if part.minutes]
    made: list[Made] = []
    for place, code in enumerate(earned):
        parts, waiting = _split(waiting, UNIT_MINUTES)
        made.append(Made(code, 1 + list(earned[:place]).count(code), parts))
    return tuple(made), tuple(waiting)


def _split(waiting: Sequence[Part], most: int) -> tuple[tuple[Part, ...], list[Part]]:
    """Return the first ``most`` minutes and the rest."""
    taken: list[Part] = []
    rest: list[Part] = []
    for block, minutes in waiting:
        take = min(minutes, most)
        most -= take
        if take:
            taken.append(Part(block, take))
        if take < minutes:
            rest.append(Part(block, minutes - take))
    return tuple(taken), rest
