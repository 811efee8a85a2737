"""Which minutes make which unit: nothing is lost, nothing counts twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing.parts import Part, units_made
from models.billing.units import units

ROWS = [
    ([], [], [], []),
    ([(0, 15)], ["a"], [("a", 1, [(0, 15)])], []),
    ([(0, 14)], [], [], [(0, 14)]),
    ([(0, 10), (3, 13)], ["a", "a"], [("a", 1, [(0, 10), (3, 5)]), ("a", 2, [(3, 8)])], []),
    ([(0, 40)], ["a", "a"], [("a", 1, [(0, 15)]), ("a", 2, [(0, 15)])], [(0, 10)]),
    ([(0, 0), (1, 15)], ["a"], [("a", 1, [(1, 15)])], []),
    # a first code and its add-on are numbered apart
    ([(0, 45)], ["a", "b", "b"], [("a", 1, [(0, 15)]), ("b", 1, [(0, 15)]), ("b", 2, [(0, 15)])], []),
]


@pytest.mark.parametrize(("blocks", "earned", "made", "left"), ROWS)
def test_rows(blocks: list[tuple[int, int]], earned: list[str], made: list[object], left: list[object]) -> None:
    units, rest = units_made([Part(*part) for part in blocks], earned)
    assert [(unit.code, unit.number, [tuple(part) for part in unit.parts]) for unit in units] == made
    assert [tuple(part) for part in rest] == left


@given(st.lists(st.integers(0, 60), max_size=6), st.sampled_from(["full_15", "cms_8_minute", "ama_midpoint"]))
def test_every_minute_is_in_one_unit_or_in_none(minutes: list[int], policy: str) -> None:
    earned = units({"97110": sum(minutes)}, policy).get("97110", 0)
    made, left = units_made([Part(block, value) for block, value in enumerate(minutes)], ["97110"] * earned)
    parts = [part for unit in made for part in unit.parts] + list(left)
    for block, value in enumerate(minutes):
        assert sum(part.minutes for part in parts if part.block == block) == value
    assert all(sum(part.minutes for part in unit.parts) == 15 for unit in made[:-1])
    assert all(unit.parts for unit in made)
