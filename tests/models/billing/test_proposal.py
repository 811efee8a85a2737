"""Minutes per code, the headline code and its confidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing.codes import HEADLINE
from models.billing.errors import UnknownPolicy
from models.billing.proposal import Calibration, minutes_by_code, propose
from models.service import Service
from nlp.document import Block, Duration, StatedCode

Services = Callable[..., tuple[Service, ...]]

TASKS = [("exercise", "ex.slr"), ("exercise", "ex.bridge"), ("exercise", "ex.squat")]
TE, TA, MT = {"code": "97110"}, {"code": "97530"}, {"code": "other", "other_code": "97140"}

MINUTES = [
    ("no block", [], {}),
    ("one block", [TE | {"minutes": 15}], {"97110": 15}),
    ("two blocks of a code add up", [TE | {"minutes": 15}, TE | {"minutes": 8}], {"97110": 23}),
    ("by number, not by place", [TA | {"minutes": 15}, TE | {"minutes": 8}], {"97110": 8, "97530": 15}),
    ("a block without minutes", [TE | {"minutes": 15}, TE], {"97110": 15}),
    ("no minutes at all", [TE, TA], {}),
    ("a shared duration is no block's", [TE | {"shared": (0, 30)}, TA | {"shared": (0, 30)}], {}),
    ("another timed code", [MT | {"minutes": 12}], {"97140": 12}),
    ("an untimed code", [{"code": "other", "other_code": "97161", "minutes": 20}], {}),
    (
        "a timed code whose unit is not 15 minutes",
        [{"code": "other", "other_code": "97545", "minutes": 120}],
        {"97545": 120},
    ),
    ("another service whose code is not known", [{"code": "other", "minutes": 10}], {}),
    ("a number that no list has", [{"code": "other", "other_code": "12345", "minutes": 10}], {}),
    ("the stated code takes no minutes", [TE | {"minutes": 15, "stated": "97530"}], {"97110": 15}),
]


@pytest.mark.parametrize(("what", "specs", "expected"), MINUTES, ids=[row[0] for row in MINUTES])
def test_minutes_by_code(what: str, specs: list[dict[str, Any]], expected: dict[str, int], services: Services) -> None:
    minutes = minutes_by_code(services(*specs))
    assert list(minutes.items()) == list(expected.items()), what


CODE = [
    ("nothing", [], None),
    ("another service alone", [MT | {"minutes": 30}], None),
    ("one block", [TA], "97530"),
    ("most minutes", [TE | {"minutes": 15, "confidence": 0.99}, TA | {"minutes": 16, "confidence": 0.5}], "97530"),
    ("most minutes, other way", [TE | {"minutes": 16, "confidence": 0.5}, TA | {"minutes": 15}], "97110"),
    (
        "most minutes over several blocks",
        [TE | {"minutes": 10}, TA | {"minutes": 15, "confidence": 0.99}, TE | {"minutes": 10}],
        "97110",
    ),
    ("more minutes of another service", [TE | {"minutes": 8}, MT | {"minutes": 40}], "97110"),
    (
        "minutes beat no minutes",
        [TE | {"minutes": 1, "confidence": 0.5}, TA | {"confidence": 0.99}],
        "97110",
    ),
    (
        "equal minutes: the surest block",
        [TE | {"minutes": 15, "confidence": 0.8}, TA | {"minutes": 15, "confidence": 0.9}],
        "97530",
    ),
    (
        "equal minutes: the surest block, other way",
        [TE | {"minutes": 15, "confidence": 0.95}, TA | {"minutes": 15, "confidence": 0.9}],
        "97110",
    ),
    ("no minutes: the surest block", [TE | {"confidence": 0.7}, TA | {"confidence": 0.8}], "97530"),
    ("no minutes: not the surest other service", [TE | {"confidence": 0.7}, MT | {"confidence": 0.99}], "97110"),
    ("equally sure: the earlier block", [TA | {"confidence": 0.8}, TE | {"confidence": 0.8}], "97530"),
    ("equally sure: the earlier block, other way", [TE | {"confidence": 0.8}, TA | {"confidence": 0.8}], "97110"),
    ("as sure in hundredths: the earlier block", [TE | {"confidence": 0.8}, TA | {"confidence": 0.804}], "97110"),
    ("not as sure in hundredths: the surer block", [TE | {"confidence": 0.8}, TA | {"confidence": 0.806}], "97530"),
    ("no surer than 0.99: the earlier block", [TE | {"confidence": 0.991}, TA | {"confidence": 0.9999}], "97110"),
    (
        "equally sure: the block with more tasks",
        [TE | {"confidence": 0.999, "activities": TASKS[:2]}, TA | {"confidence": 0.998, "activities": TASKS}],
        "97530",
    ),
    (
        "more tasks do not outweigh a surer block",
        [TE | {"confidence": 0.9}, TA | {"confidence": 0.8, "activities": TASKS}],
        "97110",
    ),
]


@pytest.mark.parametrize(("what", "specs", "code"), CODE, ids=[row[0] for row in CODE])
def test_headline_code(what: str, specs: list[dict[str, Any]], code: str | None, services: Services) -> None:
    assert propose(services(*specs), "full_15").code == code, what


NONE_LIKELY = {"97110": 0.05, "97530": 0.05, "other": 0.9}
SOME_LIKELY = {"97110": 0.2, "97530": 0.1, "other": 0.7}

CONFIDENCE = [
    ("no block: sure that there is nothing", [], 1.0),
    ("one block", [TE | {"minutes": 15, "confidence": 0.8}], 0.8),
    ("weighted by minutes", [TE | {"minutes": 30, "confidence": 0.9}, TE | {"minutes": 10, "confidence": 0.5}], 0.8),
    ("a block without minutes has no weight", [TE | {"minutes": 30, "confidence": 0.9}, TE | {"confidence": 0.5}], 0.9),
    ("no minutes: each block the same", [TE | {"confidence": 0.9}, TE | {"confidence": 0.5}], 0.7),
    (
        "other codes' blocks do not count",
        [TE | {"minutes": 30, "confidence": 0.9}, TA | {"minutes": 10, "confidence": 0.5}],
        0.9,
    ),
    (
        "neither code: the block likeliest to have one",
        [MT | {"probabilities": NONE_LIKELY}, MT | {"probabilities": SOME_LIKELY}],
        0.7,
    ),
    ("neither code: either counts", [MT | {"probabilities": SOME_LIKELY}], 0.7),
    ("neither code, for certain", [MT | {"probabilities": {"97110": 0.0, "97530": 0.0, "other": 1.0}}], 1.0),
]


@pytest.mark.parametrize(("what", "specs", "confidence"), CONFIDENCE, ids=[row[0] for row in CONFIDENCE])
def test_confidence(what: str, specs: list[dict[str, Any]], confidence: float, services: Services) -> None:
    assert propose(services(*specs), "full_15").confidence == pytest.approx(confidence), what


TIMED = TE | {"minutes": 15}
FITTED = {
    "offset": 0.5,
    "code": 0.5,
    "both": -1.0,
    "lead": 1.0,
    "needed": 0.25,
    "outside": 0.25,
    "untimed": -2.0,
    "doubted": -1.0,
}


@pytest.mark.parametrize(
    ("what", "specs", "certainty", "lower"),
    [
        ("minutes missing", [TE], 1.0, True),
        ("a stated code that contradicts", [TIMED | {"stated": "97530"}], 1.0, True),
        ("a stated code that agrees", [TIMED | {"stated": "97110"}], 1.0, False),
        ("the other code as long", [TIMED, TA | {"minutes": 15}], 1.0, True),
        ("the other code much shorter", [TIMED, TA | {"minutes": 1}], 1.0, True),
        ("the same code once more", [TIMED, TIMED], 1.0, False),
        ("another service beside it", [TIMED, MT], 1.0, False),
        ("something left out in doubt", [TIMED], 0.5, True),
    ],
)
def test_the_signs_of_a_reading_move_the_confidence(
    what: str, specs: list[dict[str, Any]], certainty: float, lower: bool, services: Services
) -> None:
    calibration = Calibration(FITTED, FITTED)
    plain = propose(services(TIMED), "full_15", calibration=calibration).confidence
    seen = propose(services(*specs), "full_15", calibration=calibration, certainty=certainty).confidence
    assert (seen < plain) is lower, what


def test_a_block_the_reader_doubts_lowers_the_confidence(services: Services) -> None:
    (sure,) = services(TE)
    doubted = replace(sure, block=replace(sure.block, certainty=0.5))
    first, second = (propose((s,), "full_15", calibration=Calibration(FITTED, FITTED)) for s in (sure, doubted))
    assert second.confidence < first.confidence


def test_a_doubted_block_counts_only_where_the_code_hangs_on_it(services: Services) -> None:
    two = services(TIMED, TIMED)
    doubted = (two[0], replace(two[1], block=replace(two[1].block, certainty=0.5)))
    first, second = (propose(each, "full_15", calibration=Calibration(FITTED, FITTED)) for each in (two, doubted))
    assert second.confidence == first.confidence
    beside = services(TIMED, TA | {"minutes": 10}, TE | {"minutes": 6})
    turns = (replace(beside[0], block=replace(beside[0].block, certainty=0.5)), *beside[1:])
    first, second = (propose(each, "full_15", calibration=Calibration(FITTED, FITTED)) for each in (beside, turns))
    assert second.confidence < first.confidence


def test_a_block_that_could_be_of_a_code_lowers_the_confidence_in_none(services: Services) -> None:
    (sure,) = services(MT)
    doubted = replace(sure, block=replace(sure.block, certainty=0.5))
    first, second = (propose((s,), "full_15", calibration=Calibration(FITTED, FITTED)) for s in (sure, doubted))
    assert first.code is second.code is None
    assert second.confidence < first.confidence


@pytest.mark.parametrize(("least", "unsure"), [(0.0, False), (0.9, False), (0.91, True)])
def test_a_proposal_below_the_least_confidence_is_unsure(least: float, unsure: bool, services: Services) -> None:
    calibration = Calibration({"code": 1.0}, {"code": 1.0}, least)
    assert propose(services(TE), "full_15", calibration=calibration).unsure is unsure


def test_units_are_those_of_the_whole_note_under_every_policy(services: Services) -> None:
    proposal = propose(services(TE | {"minutes": 33}, MT | {"minutes": 7}), "ama_midpoint")
    assert proposal.policy == "ama_midpoint"
    assert proposal.minutes == {"97110": 33, "97140": 7}
    assert proposal.units == {
        "full_15": {"97110": 2},
        "cms_8_minute": {"97110": 2, "97140": 1},
        "ama_midpoint": {"97110": 2},
    }


def test_the_policy_decides_neither_code_nor_minutes(services: Services) -> None:
    coded = services(TE | {"minutes": 14}, TA | {"minutes": 8})
    full, cms = propose(coded, "full_15"), propose(coded, "cms_8_minute")
    assert (full.code, full.confidence, full.minutes, full.units) == (cms.code, cms.confidence, cms.minutes, cms.units)


@pytest.mark.parametrize("policy", ["", "medicare", None])
def test_unknown_policy(policy: Any, services: Services) -> None:
    with pytest.raises(UnknownPolicy):
        propose(services(TE), policy)


BLOCKS = st.lists(
    st.tuples(
        st.sampled_from(["97110", "97530", "other"]),
        st.sampled_from([None, "97140", "97161"]),
        st.none() | st.integers(0, 90),
        st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda weights: sum(weights) > 0.01),
    ),
    max_size=6,
)


@given(BLOCKS)
def test_any_blocks_give_a_probability_and_whole_sums(
    blocks: list[tuple[str, str | None, int | None, list[float]]],
) -> None:
    coded = []
    for code, other_code, minutes, weights in blocks:
        chances = dict(zip(("97110", "97530", "other"), (value / sum(weights) for value in weights), strict=True))
        duration = None if minutes is None else Duration(0, 1, "1", minutes, "stated")
        block = Block(0, 1, "1", (), duration, minutes, StatedCode(0, 1, "1", "97110"))
        coded.append(Service(block, code, other_code if code == "other" else None, chances[code], chances, chances))
    proposal = propose(coded, "cms_8_minute")
    assert 0 <= proposal.confidence <= 1
    assert (proposal.code is None) is (not {service.code for service in coded} & set(HEADLINE))
    given_minutes = sum(
        minutes or 0 for code, other_code, minutes, _ in blocks if code in HEADLINE or other_code == "97140"
    )
    assert sum(proposal.minutes.values()) == given_minutes
