"""Units written in the note against its minutes: a contradiction only where no reading under any policy fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing.units import POLICIES, units
from models.billing.written import Tally, policy_gives
from models.service import Service

TE, TA, MT = {"code": "97110"}, {"code": "97530"}, {"code": "other", "other_code": "97140"}
EVALUATION = {"code": "other", "other_code": "97161"}
COG = {"code": "other", "other_code": "97129"}
UNKNOWN = {"code": "other"}


def m(spec: dict[str, Any], minutes: int, **more: Any) -> dict[str, Any]:
    return spec | {"minutes": minutes} | more


# What the row is about, services, written units (position, units, code), positions of the contradictions.
# Block n stands at [100 n, 100 n + 90); positions from 950 on are outside every block.
WRITTEN = [
    # one code, every policy's answer and its neighbours
    ("15 minutes, 1", [m(TE, 15)], [(950, 1, "97110")], []),
    ("15 minutes, 2", [m(TE, 15)], [(950, 2, "97110")], [950]),
    ("15 minutes, 0", [m(TE, 15)], [(950, 0, "97110")], [950]),
    ("22 minutes, 1", [m(TE, 22)], [(950, 1, "97110")], []),
    ("22 minutes, 2", [m(TE, 22)], [(950, 2, "97110")], [950]),
    ("23 minutes, 1: whole units only", [m(TE, 23)], [(950, 1, "97110")], []),
    ("23 minutes, 2", [m(TE, 23)], [(950, 2, "97110")], []),
    ("23 minutes, 3", [m(TE, 23)], [(950, 3, "97110")], [950]),
    ("7 minutes, 1", [m(TE, 7)], [(950, 1, "97110")], [950]),
    ("7 minutes, 1, with 8 of another in the pool", [m(TE, 8), m(TA, 8)], [(950, 1, "97530")], []),
    ("33 + 7, 1 for the 7", [m(TE, 33), m(MT, 7)], [(950, 1, "97140")], []),
    ("33 + 3, 1 for the 3", [m(TE, 33), m(MT, 3)], [(950, 1, "97140")], [950]),
    # ties: the therapist may choose
    ("20 + 20, the last unit to the one", [m(TE, 20), m(TA, 20)], [(950, 2, "97110"), (960, 1, "97530")], []),
    ("20 + 20, the last unit to the other", [m(TE, 20), m(TA, 20)], [(950, 1, "97110"), (960, 2, "97530")], []),
    ("20 + 20, to both", [m(TE, 20), m(TA, 20)], [(950, 2, "97110"), (960, 2, "97530")], [950]),
    ("24 + 23, 1 and 2: no one policy", [m(TE, 24), m(TA, 23)], [(950, 1, "97110"), (960, 2, "97530")], [950]),
    ("24 + 23, 2 and 1", [m(TE, 24), m(TA, 23)], [(950, 2, "97110"), (960, 1, "97530")], []),
    ("24 + 23, 2 and 2", [m(TE, 24), m(TA, 23)], [(950, 2, "97110"), (960, 2, "97530")], []),
    ("one of two wrong", [m(TE, 15), m(TA, 15)], [(950, 1, "97110"), (960, 3, "97530")], [960]),
    # a first code and its add-on are one service; one of them alone says nothing of the other
    ("30 minutes, 1 and 1", [m(COG, 30)], [(950, 1, "97129"), (960, 1, "97130")], []),
    ("30 minutes, 1 and 2", [m(COG, 30)], [(950, 1, "97129"), (960, 2, "97130")], [950]),
    ("30 minutes, 1 for the first alone", [m(COG, 30)], [(950, 1, "97129")], []),
    (
        "two blocks of the two codes",
        [m(COG, 15), m(COG, 15, other_code="97130")],
        [(10, 1, "97129"), (110, 1, "97130")],
        [],
    ),
    # several writings
    ("written twice, one statement", [m(TE, 15)], [(10, 1, "97110"), (950, 1, "97110")], []),
    ("written twice outside, one statement", [m(TE, 30)], [(950, 1, "97110"), (960, 1, "97110")], [950]),
    ("parts in two blocks", [m(TE, 15), m(TE, 15)], [(10, 1, "97110"), (110, 1, "97110")], []),
    ("one part in its block, one beside", [m(TE, 15), m(TE, 15)], [(10, 1, "97110"), (950, 1, "97110")], []),
    ("two parts of one block", [m(TE, 30), m(TA, 15)], [(10, 1, "97110"), (950, 1, "97110")], [10]),
    ("a part, and the sum at the end", [m(TE, 30), m(TE, 15)], [(10, 2, "97110"), (950, 3, "97110")], []),
    (
        "parts and their sum, all at the end",
        [m(TE, 45)],
        [(n, u, "97110") for n, u in ((950, 1), (960, 2), (970, 3))],
        [],
    ),
    ("too many in the block, fewer beside", [m(TE, 15)], [(10, 5, "97110"), (950, 1, "97110")], [10]),
    ("parts in two blocks, too many", [m(TE, 15), m(TE, 15)], [(10, 2, "97110"), (110, 2, "97110")], []),
    ("parts in two blocks, far too many", [m(TE, 15), m(TE, 15)], [(10, 3, "97110"), (110, 3, "97110")], [10]),
    ("parts and their sum", [m(TE, 15), m(TE, 30)], [(10, 1, "97110"), (110, 2, "97110"), (950, 3, "97110")], []),
    ("parts and another sum", [m(TE, 15), m(TE, 30)], [(10, 1, "97110"), (110, 2, "97110"), (950, 5, "97110")], [950]),
    # minutes not known: nothing is checked
    ("no minutes", [TE], [(950, 4, "97110")], []),
    ("minutes of some blocks", [m(TE, 15), TE], [(950, 4, "97110")], []),
    ("shared minutes", [TE | {"shared": (0, 15)}, TA | {"shared": (0, 15)}], [(950, 4, "97110")], []),
    ("no such block", [m(TE, 15)], [(950, 4, "97530")], []),
    ("an untimed code", [m(EVALUATION, 40)], [(950, 4, "97161")], []),
    (
        "a code whose unit is not 15 minutes",
        [m({"code": "other", "other_code": "97545"}, 120)],
        [(950, 8, "97545")],
        [],
    ),
    ("a number that no list has", [m(TE, 15)], [(950, 4, "12345")], []),
    # another code's minutes not known: the pool could give the remainder a unit, and nothing more
    ("open pool, 1 for 7", [m(TE, 7), TA], [(950, 1, "97110")], []),
    ("open pool, 2 for 7", [m(TE, 7), TA], [(950, 2, "97110")], [950]),
    ("open pool, 2 for 15", [m(TE, 15), TA], [(950, 2, "97110")], [950]),
    ("open pool by an unknown code", [m(TE, 7), m(UNKNOWN, 9)], [(950, 1, "97110")], []),
    # the note's own codes count as well as the proposed ones
    ("under the stated code", [m(TE, 15, stated="97530"), m(TA, 15)], [(950, 2, "97530")], []),
    ("under the proposed code", [m(TE, 15, stated="97530"), m(TE, 15)], [(950, 2, "97110")], []),
    ("under neither", [m(TE, 15, stated="97530"), m(TA, 15)], [(950, 4, "97530")], [950]),
    ("only the stated code has it", [m(TE, 15, stated="97530")], [(950, 2, "97530")], [950]),
    ("only the stated code has it, rightly", [m(TE, 15, stated="97530")], [(950, 1, "97530")], []),
    ("minutes missing under the stated code", [m(TA, 15), TE | {"stated": "97530"}], [(950, 3, "97530")], []),
    # totals of the session
    ("total, right", [m(TE, 33), m(MT, 7)], [(950, 3, None)], []),
    ("total, right under another policy", [m(TE, 33), m(MT, 7)], [(950, 2, None)], []),
    ("total, wrong", [m(TE, 33), m(MT, 7)], [(950, 4, None)], [950]),
    ("total too small", [m(TE, 33), m(MT, 7)], [(950, 1, None)], [950]),
    ("total with an evaluation", [m(TE, 30), EVALUATION], [(950, 3, None)], []),
    ("total with more than the evaluation", [m(TE, 30), EVALUATION], [(950, 4, None)], [950]),
    ("total twice, once flagged", [m(TE, 30)], [(950, 3, None), (960, 3, None)], [950]),
    ("total while minutes are missing", [m(TE, 30), TA], [(950, 9, None)], []),
    ("total while a code is not known", [m(TE, 30), m(UNKNOWN, 9)], [(950, 9, None)], []),
    ("total without any minutes", [EVALUATION], [(950, 9, None)], []),
    ("the block's own units, no code beside them", [m(TE, 30), m(MT, 15)], [(10, 2, None)], []),
    ("total in parts", [m(TE, 30), m(MT, 15)], [(950, 2, None), (960, 1, None)], []),
    ("total in wrong parts", [m(TE, 30), m(MT, 15)], [(950, 2, None), (960, 2, None)], [950]),
    ("every block's own", [m(TE, 30), m(MT, 15)], [(10, 2, None), (110, 1, None)], []),
    ("not the block's own", [m(TE, 30), m(MT, 15)], [(10, 1, None)], [10]),
    ("inside an untimed block", [m(TE, 30), EVALUATION], [(110, 1, None)], []),
    ("nothing written", [m(TE, 30)], [], []),
    ("no blocks", [], [(950, 2, None), (960, 2, "97110")], []),
]


@pytest.mark.parametrize(("what", "specs", "written", "places"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_written_units(
    what: str,
    specs: list[dict[str, Any]],
    written: list[tuple[int, int, str | None]],
    places: list[int],
    flags: Callable[..., Any],
) -> None:
    found = [flag.start for flag in flags(*specs, written=written) if flag.id == "units_impossible"]
    assert found == places, what


MESSAGES = [
    (
        [m(TE, 15)],
        [(950, 2, "97110")],
        (
            "The note writes 2 units of therapeutic exercise (97110); "
            "its 15 minutes give that under none of the three policies."
        ),
    ),
    (
        [m(TE, 15, stated="97530")],
        [(950, 2, "97530")],
        (
            "The note writes 2 units of therapeutic activities (97530); "
            "its 15 minutes give that under none of the three policies."
        ),
    ),
    (
        [m(TE, 20), m(TA, 20)],
        [(950, 2, "97110"), (960, 2, "97530")],
        "No single policy gives all the units that the note writes for its codes.",
    ),
    (
        [m(TE, 33), m(MT, 7)],
        [(950, 5, None)],
        "The note writes 5 units in all; its 40 timed minutes give that under none of the three policies.",
    ),
]


@pytest.mark.parametrize(("specs", "written", "message"), MESSAGES)
def test_messages(specs: list[dict[str, Any]], written: list[Any], message: str, flags: Callable[..., Any]) -> None:
    assert [flag.message for flag in flags(*specs, written=written) if flag.id == "units_impossible"] == [message]


MINUTES = st.dictionaries(
    st.sampled_from(["97110", "97112", "97116", "97140", "97530"]), st.integers(0, 60), min_size=1
)


@given(MINUTES, st.sampled_from(POLICIES), st.data())
def test_what_a_policy_gives_is_never_a_contradiction(
    minutes: dict[str, int], policy: str, draw: st.DataObject
) -> None:
    earned = units(minutes, policy)
    codes = draw.draw(st.sets(st.sampled_from(sorted(minutes)), min_size=1))
    options = {code: {earned.get(code, 0)} for code in codes}
    for complete in (True, False):
        assert policy_gives(options, Tally(minutes, set(), complete=complete, untimed=0), policy)


@given(MINUTES, st.sampled_from(POLICIES), st.data())
def test_another_number_in_all_is_never_a_policy_s(minutes: dict[str, int], policy: str, draw: st.DataObject) -> None:
    earned = units(minutes, policy)
    code = draw.draw(st.sampled_from(sorted(minutes)))
    more = {name: {earned.get(name, 0) + (name == code)} for name in minutes}
    assert not policy_gives(more, Tally(minutes, set(), complete=True, untimed=0), policy)


def test_services_are_only_read(services: Callable[..., tuple[Service, ...]], flags: Callable[..., Any]) -> None:
    assert flags(m(TE, 15), written=[(950, 2, "97110")]) == flags(m(TE, 15), written=[(950, 2, "97110")])
    assert services(m(TE, 15)) == services(m(TE, 15))
