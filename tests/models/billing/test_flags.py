"""Every flag fires where it should and its near twin does not; severities are the contract's."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing import data
from models.billing.flags import FLAGS, SEVERITIES, Flag, check, parse_flags
from models.billing.payers import terms_of
from models.billing.proposal import propose
from models.billing.rules import load_rules
from models.billing.units import POLICIES
from models.service import Service
from nlp.document import Document, Notice
from nlp.errors import LexiconError
from nlp.terms import entries

Flags = Callable[..., tuple[Flag, ...]]

TE = {"code": "97110", "minutes": 15}
TA = {"code": "97530", "minutes": 15, "activities": [("functional", "fn.transfer")]}
MT = {"code": "other", "other_code": "97140", "minutes": 15, "goals": (), "activities": []}
UNKNOWN = {"code": "other", "minutes": 10}
EVALUATION = {"code": "other", "other_code": "97161", "minutes": 20}
NO_MINUTES: dict[str, Any] = {"minutes": None}
SHARED_TE, SHARED_TA = ({**spec, **NO_MINUTES, "shared": (500, 30)} for spec in (TE, TA))

SURE_TE = {"97110": 0.9, "97530": 0.05, "other": 0.05}
SURE_TA = {"97110": 0.05, "97530": 0.9, "other": 0.05}
SURE_OTHER = {"97110": 0.05, "97530": 0.05, "other": 0.9}

BALANCE, WALKING, STEP = ("either", "ei.sls"), ("either", "ei.walking"), ("either", "ei.step_up")


def note(*services: dict[str, Any], **document: Any) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    return services, document


WHOLE = (None, None)


def block(number: int) -> tuple[int, int]:
    return 100 * number, 100 * number + 90


def at(start: int) -> tuple[int, int]:
    return start, start + 6


GT = {"code": "other", "other_code": "97116", "minutes": 15, "goals": (), "activities": []}
PACK, NEEDLE, STIM = ({**EVALUATION, "other_code": code} for code in ("97010", "20560", "97014"))
MEDICARE = {"payer": "medicare"}
BOTH = {"payer": "medicare", "secondary": "strict_15"}


def on(year: int, month: int, day: int) -> dict[str, Any]:
    return {"payer": "medicare", "day": date(year, month, day)}


# id, note in which it fires, where, and a twin in which it does not
ROWS = [
    # 97110 or 97530 work with neither minutes nor a shared duration
    ("minutes_missing", note(TE, TA | NO_MINUTES), [block(1)], note(TE, TA)),
    ("minutes_missing", note(TE | NO_MINUTES), [block(0)], note(MT | NO_MINUTES)),
    ("minutes_missing", note(TE | NO_MINUTES, TA | NO_MINUTES), [block(0), block(1)], note(TE | {"minutes": 0})),
    ("minutes_missing", note(TE | NO_MINUTES), [block(0)], note(TE | NO_MINUTES | {"shared": (500, 30)})),
    # one duration over several blocks: once, however many blocks
    (
        "shared_minutes",
        note(TE | NO_MINUTES | {"shared": (500, 30)}, TA | NO_MINUTES | {"shared": (500, 30)}),
        [at(500)],
        note(TE | {"minutes": 15}, TA | {"minutes": 15}),
    ),
    (
        "shared_minutes",
        note(TE | NO_MINUTES | {"shared": (500, 30)}, MT | NO_MINUTES | {"shared": (500, 30)}),
        [at(500)],
        note(MT | NO_MINUTES | {"shared": (500, 30)}, EVALUATION | NO_MINUTES | {"shared": (500, 30)}),
    ),
    (
        "shared_minutes",
        note(TE | NO_MINUTES | {"shared": (500, 30)}, TA | NO_MINUTES | {"shared": (600, 20)}),
        [at(500), at(600)],
        note(TE | NO_MINUTES, TA | NO_MINUTES),
    ),
    # minutes given, and yet no unit of either code
    ("no_unit", note(TE | {"minutes": 14}), [at(0)], note(TE)),
    ("no_unit", note(TE | {"minutes": 14}, TA | {"minutes": 14}), [at(0)], note(TE | {"minutes": 14}, TA)),
    (
        "no_unit",
        note(TE | {"minutes": 7}, policy="cms_8_minute"),
        [at(0)],
        note(TE | {"minutes": 8}, policy="cms_8_minute"),
    ),
    (
        "no_unit",
        note(TE | {"minutes": 7}, policy="ama_midpoint"),
        [at(0)],
        note(TE | {"minutes": 8}, policy="ama_midpoint"),
    ),
    (
        "no_unit",
        note(TE | {"minutes": 7}, MT | {"minutes": 8}, policy="cms_8_minute"),
        [at(0)],
        note(TE | {"minutes": 8}, MT | {"minutes": 7}, policy="cms_8_minute"),
    ),
    ("no_unit", note(TE | NO_MINUTES, TA | {"minutes": 5}), [at(100)], note(TE | NO_MINUTES)),
    ("no_unit", note(TE | {"minutes": 14}), [at(0)], note(MT | {"minutes": 14})),
    # the stated code against the content
    ("code_mismatch", note(TE | {"stated": "97530"}), [block(0)], note(TE | {"stated": "97110"})),
    ("code_mismatch", note(TA | {"stated": "97110"}), [block(0)], note(TA)),
    ("code_mismatch", note(TE | {"stated": "97112"}), [block(0)], note(MT | {"stated": "97112"})),
    ("code_mismatch", note(MT | {"stated": "97530"}), [block(0)], note(MT | {"stated": "97140"})),
    ("code_mismatch", note(UNKNOWN | {"stated": "97110"}), [block(0)], note(UNKNOWN | {"stated": "97140"})),
    ("code_mismatch", note(TE | {"stated": "97161"}), [block(0)], note(EVALUATION | {"stated": "97164"})),
    (
        "code_mismatch",
        note(TE | {"stated": "97110", "content": SURE_TA}),
        [block(0)],
        note(TE | {"stated": "97110", "content": {"97110": 0.2, "97530": 0.79, "other": 0.01}}),
    ),
    (
        "code_mismatch",
        note(TE | {"stated": "97110", "content": {"97110": 0.2, "97530": 0.8, "other": 0.0}}),
        [block(0)],
        note(TE | {"content": SURE_TA}),
    ),
    (
        "code_mismatch",
        note(TA | {"stated": "97530", "content": SURE_OTHER}),
        [block(0)],
        note(MT | {"stated": "97140", "content": SURE_TE}),
    ),
    # written units (see test_written.py)
    ("units_impossible", note(TE, written=[(950, 2, "97110")]), [at(950)], note(TE, written=[(950, 1, "97110")])),
    ("units_impossible", note(TE, written=[(950, 2, None)]), [at(950)], note(TE, written=[(950, 1, None)])),
    # goals
    ("goal_missing", note(TE, goals=()), [WHOLE], note(TE)),
    ("goal_missing", note(TA | {"goals": ()}, goals=()), [WHOLE], note(MT, goals=())),
    ("goal_missing", note(TE, MT, goals=()), [WHOLE], note(goals=())),
    # the classifier cannot tell
    ("low_confidence", note(TE | {"confidence": 0.59}), [block(0)], note(TE | {"confidence": 0.6})),
    ("low_confidence", note(MT | {"confidence": 0.59}), [block(0)], note(MT | {"confidence": 0.6})),
    (
        "low_confidence",
        note(TE | {"possible": ("97110", "97530")}),
        [block(0)],
        note(TE | {"possible": ("97110", "other")}),
    ),
    (
        "low_confidence",
        note(TE | {"confidence": 0.5, "possible": ("97110", "97530")}),
        [block(0)],
        note(TE | {"confidence": 0.6}),
    ),
    ("low_confidence", note(TE, least=0.91), [WHOLE], note(TE, least=0.9)),
    ("low_confidence", note(MT, least=0.96), [WHOLE], note(MT, least=0.9)),
    # one code of several
    ("code_earns_no_unit", note(TE, TA | {"minutes": 14}), [at(100)], note(TE, TA)),
    ("code_earns_no_unit", note(TE, MT | {"minutes": 14}), [at(100)], note(TE, MT | NO_MINUTES)),
    (
        "code_earns_no_unit",
        note(TE, MT | {"minutes": 7}, policy="cms_8_minute"),
        [at(100)],
        note(TE, MT | {"minutes": 8}, policy="cms_8_minute"),
    ),
    ("code_earns_no_unit", note(TE, TA | {"minutes": 14}), [at(100)], note(TE | {"minutes": 14})),
    (
        "code_earns_no_unit",
        note(TE | {"minutes": 9}, MT | {"minutes": 9}),
        [at(100)],
        note(TE | {"minutes": 9}, TA | {"minutes": 9}),
    ),
    ("code_earns_no_unit", note(TE, MT | {"minutes": 14}), [at(100)], note(TE, EVALUATION)),
    ("code_earns_no_unit", note(TE, MT | {"minutes": 14}), [at(100)], note(MT | {"minutes": 14})),
    ("code_earns_no_unit", note(TE, MT | {"minutes": 14}), [at(100)], note(TE, MT | {"other_code": "97545"})),
    (
        "code_earns_no_unit",
        note(TE, MT | NO_MINUTES, MT | {"minutes": 14}),
        [at(200)],
        note(TE, MT | {"minutes": 8}, MT | {"minutes": 7}),
    ),
    # totals
    ("totals_differ", note(TE, TA, totals=[(940, 31, "timed")]), [at(940)], note(TE, TA, totals=[(940, 30, "timed")])),
    ("totals_differ", note(TE, TA, totals=[(940, 29, "timed")]), [at(940)], note(TE, TA, totals=[(940, 45, "visit")])),
    ("totals_differ", note(TE, TA, totals=[(940, 29, "visit")]), [at(940)], note(TE, TA, totals=[(940, 30, "visit")])),
    (
        "totals_differ",
        note(TE, EVALUATION, totals=[(940, 35, "timed")]),
        [at(940)],
        note(TE, EVALUATION, totals=[(940, 15, "timed")]),
    ),
    (
        "totals_differ",
        note(TE, TA, totals=[(940, 45, "timed")]),
        [at(940)],
        note(TE, TA | NO_MINUTES, totals=[(940, 45, "timed")]),
    ),
    (
        "totals_differ",
        note(TE, TA | NO_MINUTES, totals=[(940, 14, "timed")]),
        [at(940)],
        note(TE, TA | NO_MINUTES, totals=[(940, 15, "timed")]),
    ),
    (
        "totals_differ",
        note(TE, UNKNOWN, totals=[(940, 26, "timed")]),
        [at(940)],
        note(TE, UNKNOWN, totals=[(940, 25, "timed")]),
    ),
    (
        "totals_differ",
        note(TE, UNKNOWN, totals=[(940, 14, "timed")]),
        [at(940)],
        note(TE, UNKNOWN, totals=[(940, 15, "timed")]),
    ),
    (
        "totals_differ",
        note(*[spec | NO_MINUTES | {"shared": (500, 30)} for spec in (TE, TA)], totals=[(940, 60, "timed")]),
        [at(940)],
        note(*[spec | NO_MINUTES | {"shared": (500, 30)} for spec in (TE, TA)], totals=[(940, 30, "timed")]),
    ),
    (
        "totals_differ",
        note(*[spec | NO_MINUTES | {"shared": (500, 30)} for spec in (TE, UNKNOWN)], TA, totals=[(940, 10, "visit")]),
        [at(940)],
        note(*[spec | NO_MINUTES | {"shared": (500, 30)} for spec in (TE, UNKNOWN)], TA, totals=[(940, 15, "visit")]),
    ),
    (
        "totals_differ",
        note(*[spec | NO_MINUTES | {"shared": (500, 30)} for spec in (UNKNOWN, TE)], TA, totals=[(940, 10, "visit")]),
        [at(940)],
        note(*[spec | NO_MINUTES | {"shared": (500, 30)} for spec in (UNKNOWN, TE)], TA, totals=[(940, 15, "visit")]),
    ),
    (
        "totals_differ",
        note(TE, totals=[(940, 20, "timed"), (960, 20, "timed"), (980, 10, "visit")]),
        [at(940), at(980)],
        note(totals=[(940, 20, "timed")]),
    ),
    # goals and elements
    ("goal_not_linked", note(TE | {"goals": ()}), [block(0)], note(TE)),
    ("goal_not_linked", note(TE, TA | {"goals": ()}), [block(1)], note(TE | {"goals": ()}, goals=())),
    ("goal_not_linked", note(TE | {"goals": ()}), [block(0)], note(MT | {"goals": ()})),
    ("progress_missing", note(TE, undocumented=["progress"]), [WHOLE], note(TE, undocumented=["assessment"])),
    ("progress_missing", note(TA, undocumented=["progress"]), [WHOLE], note(MT, undocumented=["progress"])),
    ("assessment_missing", note(TE, undocumented=["assessment"]), [WHOLE], note(TE, undocumented=["progress"])),
    ("assessment_missing", note(TA, undocumented=["assessment"]), [WHOLE], note(undocumented=["assessment"])),
    # what was done
    ("activity_unspecific", note(TE | {"activities": []}), [block(0)], note(TE)),
    ("activity_unspecific", note(TE, notices=[(920, "unspecific")]), [at(920)], note(TE, notices=[(920, "assistant")])),
    ("activity_unspecific", note(TE | {"activities": []}, notices=[(10, "unspecific")]), [block(0)], note(MT)),
    ("mixed_block", note(TE | {"activities": [("exercise", ""), ("functional", "")]}), [block(0)], note(TE)),
    (
        "mixed_block",
        note(TA | {"activities": [("exercise", ""), ("functional", ""), ("", "")]}),
        [block(0)],
        note(TA | {"activities": [("either", ""), ("functional", ""), ("", "")]}),
    ),
    (
        "mixed_block",
        note(TE | {"activities": [("exercise", ""), ("functional", "")]}),
        [block(0)],
        note(MT | {"activities": [("exercise", ""), ("functional", "")]}),
    ),
    (
        "better_code",
        note(TA | {"activities": [BALANCE, BALANCE, STEP]}),
        [block(0)],
        note(TA | {"activities": [BALANCE, STEP]}),
    ),
    (
        "better_code",
        note(TA | {"activities": [WALKING]}),
        [block(0)],
        note(TA | {"activities": [WALKING], "stated": "97530"}),
    ),
    (
        "better_code",
        note(TA | {"activities": [WALKING, BALANCE, STEP]}),
        [block(0)],
        note(TE | {"activities": [WALKING]}),
    ),
    ("better_code", note(TA | {"activities": [WALKING]}), [block(0)], note(TA | {"activities": []})),
    # the visit
    (
        "group_session",
        note(TE, notices=[(920, "group"), (940, "group")]),
        [at(920)],
        note(TE, notices=[(920, "assistant")]),
    ),
    ("group_session", note(TE, MT | {"other_code": "97150"}), [block(1)], note(TE, MT)),
    ("co_treatment", note(TE, notices=[(920, "co_treatment")]), [at(920)], note(TE, notices=[(920, "group")])),
    ("cancelled", note(notices=[(920, "cancelled")]), [at(920)], note()),
    ("evaluation_only", note(notices=[(920, "evaluation_only")]), [at(920)], note()),
    ("evaluation_only", note(EVALUATION), [block(0)], note(EVALUATION, TE)),
    (
        "assistant",
        note(TE, notices=[(920, "assistant"), (940, "assistant")]),
        [at(920)],
        note(TE, notices=[(920, "group")]),
    ),
    ("other_code_unknown", note(TE, UNKNOWN), [at(100)], note(TE, MT)),
    ("other_code_unknown", note(UNKNOWN | {"other_code": "12345"}), [at(0)], note(UNKNOWN | NO_MINUTES)),
    ("unskilled_minutes", note(TE | {"unskilled": [5]}), [(30, 40)], note(TE)),
    ("unskilled_minutes", note(TE | {"unskilled": [None]}), [(30, 40)], note(EVALUATION | {"unskilled": [5]})),
    ("no_treatment", note(), [WHOLE], note(MT)),
    # policies
    ("policy_difference", note(TE | {"minutes": 23}), [WHOLE], note(TE | {"minutes": 22})),
    (
        "policy_difference",
        note(TE | {"minutes": 20}, TA | {"minutes": 18}, policy="ama_midpoint"),
        [WHOLE],
        note(TE, TA),
    ),
    ("policy_difference", note(TE | {"minutes": 8}), [WHOLE], note(TE | {"minutes": 7})),
    ("policy_difference", note(MT | {"minutes": 23}), [WHOLE], note(EVALUATION | {"minutes": 23})),
    # payers and the day of service
    (
        "pair_not_together",
        note(EVALUATION, TA, terms=on(2020, 1, 24)),
        [WHOLE],
        note(EVALUATION, TA, terms=on(2020, 1, 25)),
    ),
    ("pair_not_together", note(EVALUATION, TA, terms=on(2020, 1, 1)), [WHOLE], note(EVALUATION, TA)),
    # whether this payer edits pairs is not confirmed, so that no warning stands on it
    (
        "pair_not_together",
        note(EVALUATION, TA, terms=on(2020, 1, 24)),
        [WHOLE],
        note(EVALUATION, TA, terms={"payer": "commercial_ama", "day": date(2020, 1, 24)}),
    ),
    (
        "pair_needs_modifier",
        note(EVALUATION, TA, terms={"payer": "commercial_ama", "day": date(2020, 1, 24)}),
        [WHOLE],
        note(EVALUATION, TA, terms=on(2020, 1, 24)),
    ),
    ("pair_needs_modifier", note(TA, GT, terms=MEDICARE), [WHOLE], note(TA, GT)),
    ("pair_needs_modifier", note(GT, TA, terms=on(2020, 10, 1)), [WHOLE], note(GT, TA, terms=on(2020, 9, 30))),
    ("pair_needs_modifier", note(TA, GT, terms=on(2020, 3, 31)), [WHOLE], note(TA, GT, terms=on(2020, 4, 1))),
    ("pair_needs_modifier", note(TA, GT, terms=MEDICARE), [WHOLE], note(TA, GT | {"minutes": 7}, terms=MEDICARE)),
    ("pair_needs_modifier", note(TA, GT, terms=MEDICARE), [WHOLE], note(TA, TE, terms=MEDICARE)),
    (
        "pair_needs_modifier",
        note(TA, GT, terms={"payer": "strict_15", "secondary": "medicare"}),
        [WHOLE],
        note(TA, GT, terms={"payer": "strict_15"}),
    ),
    (
        "over_daily_limit",
        note(TA | {"minutes": 98}, terms=on(2026, 5, 1)),
        [WHOLE],
        note(TA | {"minutes": 97}, terms=on(2026, 5, 1)),
    ),
    (
        "over_daily_limit",
        note(TA | {"minutes": 98}, terms=on(2026, 1, 1)),
        [WHOLE],
        note(TA | {"minutes": 98}, terms=on(2025, 12, 31)),
    ),
    (
        "over_daily_limit",
        note(TA | {"minutes": 98}, terms=MEDICARE),
        [WHOLE],
        note(TA | {"minutes": 98}, terms={"payer": "commercial_ama"}),
    ),
    ("code_not_paid", note(TE, PACK, terms=MEDICARE), [WHOLE], note(TE, PACK, terms={"payer": "commercial_ama"})),
    ("code_not_paid", note(TE, PACK, terms=MEDICARE), [WHOLE], note(TE, PACK)),
    (
        "code_not_paid",
        note(TE, NEEDLE, terms=MEDICARE | {"discipline": "PT"}),
        [WHOLE],
        note(TE, NEEDLE, terms=MEDICARE | {"discipline": "OT"}),
    ),
    ("modifiers_wanted", note(TE, terms=MEDICARE), [WHOLE], note(TE, terms={"payer": "strict_15"})),
    ("modifiers_wanted", note(TE, terms=MEDICARE), [WHOLE], note(terms=MEDICARE)),
    ("payers_differ", note(TE | {"minutes": 8}, terms=BOTH), [WHOLE], note(TE, terms=BOTH)),
    ("payers_differ", note(TE | {"minutes": 8}, terms=BOTH), [WHOLE], note(TE | {"minutes": 8}, terms=MEDICARE)),
    (
        "date_outside_rules",
        note(TE, terms={"day": date(2000, 3, 31)}),
        [WHOLE],
        note(TE, terms={"day": date(2000, 4, 1)}),
    ),
    (
        "date_outside_rules",
        note(TE, terms={"day": date(2027, 1, 1)}),
        [WHOLE],
        note(TE, terms={"day": date(2026, 12, 31)}),
    ),
    (
        "date_outside_rules",
        note(EVALUATION, terms={"day": date(2016, 12, 31)}),
        [WHOLE],
        note(EVALUATION, terms={"day": date(2017, 1, 1)}),
    ),
]


def _places(found: tuple[Flag, ...], flag: str) -> list[tuple[int | None, int | None]]:
    return [(each.start, each.end) for each in found if each.id == flag]


@pytest.mark.parametrize(
    ("flag", "fires", "where", "silent"), ROWS, ids=[f"{n}-{row[0]}" for n, row in enumerate(ROWS)]
)
def test_flag_and_twin(flag: str, fires: Any, where: list[Any], silent: Any, flags: Flags) -> None:
    specs, document = fires
    assert _places(flags(*specs, **document), flag) == where
    specs, document = silent
    assert _places(flags(*specs, **document), flag) == []


def test_every_flag_has_a_row() -> None:
    assert {row[0] for row in ROWS} == set(FLAGS)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("spec", [TE, TA, TE | {"stated": "97110"}, TA | {"stated": "97530", "content": SURE_TA}])
def test_a_full_note_has_no_flag(spec: dict[str, Any], policy: str, flags: Flags) -> None:
    assert (
        flags(spec, policy=policy, written=[(950, 1, "97110")], totals=[(940, 15, "timed"), (960, 30, "visit")]) == ()
    )


def test_severities_are_the_contract_s() -> None:
    assert {kind.id for kind in FLAGS.values() if kind.severity == "warning"} == {
        "minutes_missing",
        "shared_minutes",
        "no_unit",
        "code_mismatch",
        "units_impossible",
        "goal_missing",
        "low_confidence",
        # Raised only where the request names a payer.
        "pair_not_together",
    }
    assert {kind.id for kind in FLAGS.values() if kind.severity == "info"} == {
        "code_earns_no_unit",
        "totals_differ",
        "goal_not_linked",
        "progress_missing",
        "assessment_missing",
        "activity_unspecific",
        "mixed_block",
        "group_session",
        "co_treatment",
        "cancelled",
        "evaluation_only",
        "assistant",
        "better_code",
        "other_code_unknown",
        "unskilled_minutes",
        "no_treatment",
        "policy_difference",
        "pair_needs_modifier",
        "over_daily_limit",
        "modifiers_wanted",
        "code_not_paid",
        "payers_differ",
        "date_outside_rules",
    }
    assert not [kind.id for kind in FLAGS.values() if kind.severity == "error"]


MESSAGES = [
    (
        "code_not_paid",
        note(TE, PACK, terms=MEDICARE),
        "Medicare Part B does not pay hot or cold pack (97010): bundled, never paid on its own (rule 97010).",
    ),
    (
        "unskilled_minutes",
        note(TE | {"unskilled": [5]}),
        (
            "The note says that 5 minutes of this block of therapeutic exercise (97110) were unattended; they are left out of "
            "its minutes and units."
        ),
    ),
    (
        "unskilled_minutes",
        note(TE | {"unskilled": [None]}),
        (
            "The note says that part of this block of therapeutic exercise (97110) was unattended, and not how many minutes; "
            "all its minutes are counted."
        ),
    ),
    (
        "minutes_missing",
        note(TE | NO_MINUTES),
        "The note gives no minutes for this block of therapeutic exercise (97110).",
    ),
    (
        "minutes_missing",
        note(TE | NO_MINUTES, totals=[(940, 38, "visit")], policy="cms_8_minute"),
        "The note gives no minutes for this block of therapeutic exercise (97110).",
    ),
    (
        "minutes_missing",
        note(TE | NO_MINUTES, totals=[(940, 38, "timed")]),
        "The note gives no minutes for this block of therapeutic exercise (97110).",
    ),
    (
        "shared_minutes",
        note(SHARED_TE, TA, policy="cms_8_minute"),
        "These 30 minutes stand for several blocks, so no block has minutes of its own.",
    ),
    (
        "shared_minutes",
        note(TE | NO_MINUTES | {"shared": (500, 30)}),
        "These 30 minutes stand for several blocks, so no block has minutes of its own.",
    ),
    (
        "no_unit",
        note(TE | {"minutes": 14}),
        (
            "The minutes of therapeutic exercise and therapeutic activities in this note earn no unit under the chosen "
            "policy (the full-15-minute rule)."
        ),
    ),
    (
        "code_mismatch",
        note(TE | {"stated": "97530"}),
        (
            "The note calls this block therapeutic activities (97530), "
            "but what was done reads as therapeutic exercise (97110)."
        ),
    ),
    (
        "code_mismatch",
        note(MT | {"stated": "97110"}),
        "The note calls this block therapeutic exercise (97110), but what was done reads as manual therapy (97140).",
    ),
    (
        "code_mismatch",
        note(TE | {"stated": "97110", "content": SURE_TA}),
        (
            "The note calls this block therapeutic exercise (97110), "
            "but what was done reads as therapeutic activities (97530)."
        ),
    ),
    (
        "code_mismatch",
        note(UNKNOWN | {"stated": "97110"}),
        "The note calls this block therapeutic exercise (97110), but what was done reads as another service.",
    ),
    (
        "low_confidence",
        note(TE | {"confidence": 0.5}),
        "It is not certain that this block is therapeutic exercise (97110).",
    ),
    ("low_confidence", note(UNKNOWN | {"confidence": 0.5}), "It is not certain that this block is another service."),
    (
        "low_confidence",
        note(TE | {"possible": ("97110", "97530"), "probabilities": {"97110": 0.65, "97530": 0.35, "other": 0.0}}),
        "This block could be therapeutic exercise (97110) or therapeutic activities (97530).",
    ),
    (
        "low_confidence",
        note(TE, least=0.99),
        "The reading of this note as a whole is not certain enough to pass unseen.",
    ),
    (
        "code_earns_no_unit",
        note(TE, MT | {"minutes": 7}, policy="cms_8_minute"),
        "The 7 minutes of manual therapy (97140) earn no unit under the chosen policy (Medicare's 8-minute rule).",
    ),
    (
        "totals_differ",
        note(TE, totals=[(940, 20, "timed")]),
        "The note writes 20 timed minutes in all; its blocks add up to 15.",
    ),
    (
        "totals_differ",
        note(TE, totals=[(940, 10, "visit")]),
        "The note writes 10 minutes for the whole visit; its timed blocks alone add up to 15.",
    ),
    (
        "better_code",
        note(TA | {"activities": [WALKING, WALKING, BALANCE]}),
        (
            "Most of this block could fit gait training, stairs included (97116) "
            "better than therapeutic activities (97530)."
        ),
    ),
    (
        "policy_difference",
        note(TE | {"minutes": 33}, MT | {"minutes": 7}),
        (
            "The units depend on the payer's policy. Here: the full-15-minute rule: 2 x 97110. "
            "Elsewhere: Medicare's 8-minute rule: 2 x 97110, 1 x 97140. "
            "Units that the strict reading gives up: 1 against Medicare's count, 0 against the AMA's."
        ),
    ),
    (
        "policy_difference",
        note(TE | {"minutes": 8}),
        (
            "The units depend on the payer's policy. Here: the full-15-minute rule: no unit. "
            "Elsewhere: Medicare's 8-minute rule: 1 x 97110; the AMA's midpoint rule: 1 x 97110. "
            "Units that the strict reading gives up: 1 against Medicare's count, 1 against the AMA's."
        ),
    ),
    (
        "policy_difference",
        note(TE | {"minutes": 8}, policy="ama_midpoint"),
        (
            "The units depend on the payer's policy. Here: the AMA's midpoint rule: 1 x 97110. Elsewhere: the full-15-minute rule: no unit."
        ),
    ),
    (
        "pair_not_together",
        note(EVALUATION, TA, terms=on(2020, 1, 2)),
        (
            "Medicare Part B never pays therapeutic activities (97530) beside PT evaluation, low complexity (97161) on one day "
            "(rule 97161-97530.2020-01)."
        ),
    ),
    (
        "pair_needs_modifier",
        note(TA, GT, terms=MEDICARE),
        (
            "Medicare Part B edits therapeutic activities (97530) with gait training, stairs included (97116) on one day: the "
            "second is paid only with a modifier (rule 97530-97116.2020-10)."
        ),
    ),
    (
        "pair_needs_modifier",
        note(TA, GT | {"other_code": "97537"}, terms=MEDICARE),
        (
            "Medicare Part B may edit therapeutic activities (97530) with community and work reintegration training (97537) on "
            "one day (rule 97530-97537, not confirmed): look into its current table."
        ),
    ),
    (
        "over_daily_limit",
        note(TA | {"minutes": 98}, terms=MEDICARE),
        (
            "7 units of therapeutic activities (97530) are above the 6 a day that Medicare Part B usually pays (rule mue.97530)."
        ),
    ),
    (
        "over_daily_limit",
        note(TE | {"minutes": 98}, terms=MEDICARE),
        (
            "7 units of therapeutic exercise (97110) may be above the 6 a day that Medicare Part B usually pays (rule mue.97110, "
            "not confirmed)."
        ),
    ),
    (
        "modifiers_wanted",
        note(TE, terms=on(2026, 2, 1) | {"discipline": "PT"}, notices=[(920, "assistant")]),
        (
            "Medicare Part B wants: GP on each line; CQ on units of which the assistant alone gave more than 10 percent; KX "
            "above 2480 dollars in 2026, physical and speech therapy counted together."
        ),
    ),
    (
        "modifiers_wanted",
        note(TE, terms=on(2027, 2, 1) | {"discipline": "OT"}),
        ("Medicare Part B wants: GO on each line; KX above the yearly amount, which is not known here for that day."),
    ),
    (
        "modifiers_wanted",
        note(TE, terms=on(2024, 2, 1)),
        (
            "Medicare Part B wants: GP, GO or GN on each line; KX above 2330 dollars in 2024, physical and speech therapy counted "
            "together, occupational therapy apart."
        ),
    ),
    (
        "modifiers_wanted",
        note(TE, terms=on(2026, 2, 1) | {"discipline": "OT"}),
        "Medicare Part B wants: GO on each line; KX above 2480 dollars in 2026, occupational therapy counted apart.",
    ),
    (
        "modifiers_wanted",
        note(TE, terms={"payer": "commercial_ama"}),
        "A commercial plan (AMA's count) wants: GP, GO or GN on each line.",
    ),
    (
        "payers_differ",
        note(TE | {"minutes": 8}, terms=BOTH),
        (
            "By the count of Medicare Part B: 1 x 97110. By the count of the source document's strict reading: no unit. The "
            "primary payer governs: the claim goes to it first, in its count."
        ),
    ),
    (
        "date_outside_rules",
        note(TE, terms={"day": date(2027, 1, 1)}),
        "The rules here speak of 2000-04-01 to 2026-12-31; 2027-01-01 is outside.",
    ),
    (
        "date_outside_rules",
        note(EVALUATION, terms={"day": date(2016, 12, 31)}),
        "PT evaluation, low complexity (97161) may not be billed on 2016-12-31.",
    ),
]


@pytest.mark.parametrize(("flag", "spec", "message"), MESSAGES)
def test_messages(flag: str, spec: Any, message: str, flags: Flags) -> None:
    specs, document = spec
    found = [each for each in flags(*specs, **document) if each.id == flag]
    assert [each.message for each in found] == [message]
    assert [each.action for each in found] == [FLAGS[flag].action]


@pytest.mark.parametrize(
    ("words", "discipline", "wanted"),
    [
        (["PTA"], None, "GP on each line; CQ on"),
        (["by PTA", "LPTA"], None, "GP on each line; CQ on"),
        (["COTA/L"], None, "GO on each line; CO on"),
        (["cota"], None, "GO on each line; CO on"),
        # what the request says goes first; both, or neither, leave it open
        (["PTA"], "OT", "GO on each line; CO on"),
        (["PTA", "COTA"], None, "GP, GO or GN on each line; CQ or CO on"),
        (["qqqqqq"], None, "GP, GO or GN on each line; CQ or CO on"),
    ],
)
def test_an_assistant_s_title_tells_the_discipline(
    words: list[str],
    discipline: str | None,
    wanted: str,
    services: Callable[..., Any],
    document: Callable[..., Document],
) -> None:
    notices = tuple(Notice("assistant", 920 + 10 * n, 925 + 10 * n, word) for n, word in enumerate(words))
    coded = services(TE)
    terms = terms_of(load_rules(), payer="medicare", discipline=discipline)
    found = check(replace(document(), notices=notices), coded, propose(coded, "cms_8_minute"), terms)
    [message] = [flag.message for flag in found if flag.id == "modifiers_wanted"]
    assert message.startswith(f"Medicare Part B wants: {wanted}")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("J. Alvarez, PT, DPT", "GP on each line"),
        ("B. Stein PT", "GP on each line"),
        ("Signed: Lena Ortiz, PT", "GP on each line"),
        ("M. Okafor, OTR/L", "GO on each line"),
        ("R. Amari OT", "GO on each line"),
        # the patient, a service and two professions tell nothing
        ("pt tolerated well", "GP, GO or GN on each line"),
        ("PT 2x/wk", "GP, GO or GN on each line"),
        ("J. Alvarez, DPT; M. Okafor, OTR/L", "GP, GO or GN on each line"),
    ],
)
def test_a_signature_tells_the_discipline(
    text: str, wanted: str, services: Callable[..., Any], document: Callable[..., Document]
) -> None:
    coded = services(TE)
    terms = terms_of(load_rules(), payer="medicare")
    found = check(replace(document(), text=text), coded, propose(coded, "cms_8_minute"), terms)
    [message] = [flag.message for flag in found if flag.id == "modifiers_wanted"]
    assert message.removeprefix("Medicare Part B wants: ").partition(";")[0].rstrip(".") == wanted


@pytest.mark.parametrize(
    ("terms", "action"),
    [
        ({}, "Check which policy the payer follows."),
        ({"day": date(2026, 5, 4)}, "Check which policy the payer follows."),
        ({"payer": "commercial_ama"}, "Check which policy the payer follows."),
        (MEDICARE, "Nothing, if the payer is the right one; another counts otherwise."),
    ],
)
def test_who_names_a_payer_knows_its_policy(terms: dict[str, Any], action: str, flags: Flags) -> None:
    found = flags(TE | {"minutes": 23}, policy="cms_8_minute", terms=terms)
    assert [each.action for each in found if each.id == "policy_difference"] == [action]


def test_a_code_in_whose_place_another_is_taken(flags: Flags) -> None:
    [found] = [each for each in flags(TE, STIM, terms=MEDICARE) if each.id == "code_not_paid"]
    assert found.message == (
        "Medicare Part B may take electrical stimulation, unattended, not wound care (Medicare) (G0283) in place of electrical "
        "stimulation, unattended (97014) (rule 97014, not confirmed)."
    )
    assert (found.action, found.rules) == ("Look up which of the two codes the payer takes.", ("97014",))


POOL = {"policy": "cms_8_minute"}
TIES = [
    # of 8 and 8 left either may take the last unit; of 9 and 8 left, and of 0 and 0, none
    ("code_earns_no_unit", note(TE | {"minutes": 23}, TA, MT | {"minutes": 8}, **POOL), True),
    ("code_earns_no_unit", note(TE | {"minutes": 24}, TA, MT | {"minutes": 8}, **POOL), False),
    ("code_earns_no_unit", note(TE | {"minutes": 23}, TA, MT | {"minutes": 8}, policy="full_15"), False),
    ("no_unit", note(TE | {"minutes": 8}, GT | {"minutes": 8, "other_code": "97035"}, **POOL), True),
    ("no_unit", note(TE | {"minutes": 7}, GT | {"minutes": 8, "other_code": "97035"}, **POOL), False),
]


@pytest.mark.parametrize(("flag", "spec", "tied"), TIES, ids=range(len(TIES)))
def test_of_equal_minutes_left_the_therapist_chooses(flag: str, spec: Any, tied: bool, flags: Flags) -> None:
    specs, document = spec
    [found] = [each for each in flags(*specs, **document) if each.id == flag]
    assert ("ither may take" in found.message, "Have the therapist choose" in found.action) == (tied, tied)


def test_an_evaluation_with_treatment_is_not_called_one_without(flags: Flags) -> None:
    def told(*specs: dict[str, Any]) -> list[str]:
        return [
            each.message for each in flags(*specs, notices=[(920, "evaluation_only")]) if each.id == "evaluation_only"
        ]

    alone, beside = "This visit was an evaluation without treatment.", "treatment was read in it as well."
    assert told() == told(EVALUATION) == [alone]
    [message] = told(EVALUATION, TE)
    assert message.endswith(beside)


def test_every_title_of_an_assistant_that_is_read_tells_the_discipline() -> None:
    read = {term.lower() for entry in entries("notices") if entry.data["kind"] == "assistant" for term in entry.terms}
    told = tomllib.loads(data.read("flags.toml"))["disciplines"]
    assert {word.lower() for words in told.values() for word in words} == read


TIMED, VISIT = (940, 38, "timed"), (960, 45, "visit")
OPEN = "the units of each code cannot be derived from a total, so somebody must look."
NOT_ASKED = "Medicare does not ask for minutes of each service"
MAKE = "38 timed minutes make 3 units in all, but"
MAKE_30 = "30 timed minutes make 2 units in all, but"
IN_ORDER = f"so this is no fault of documentation; {MAKE} {OPEN}"
BOTH_TOTALS = f"{NOT_ASKED}, {IN_ORDER}"
NO_VISIT = f"{NOT_ASKED}, but it asks for total treatment time as well, and that was not found; {MAKE} {OPEN}"
WHICH = "Ask the therapist which code had how many of these minutes."
WHICH_AND_ALL = "Ask the therapist which code had how many of these minutes, and how long treatment took in all."
ONLY_ONE = "Check that no other timed service was given; if none was, the total gives the units."
EXERCISE = "therapeutic exercise (97110)"
OWN_38 = (
    f"This block of {EXERCISE} has no minutes of its own. It is the note's only timed code, so the 38 timed minutes that the "
    "note gives in all can only be its minutes: 3 x 97110 under Medicare's count."
)
USUAL = f"The note gives no minutes for this block of {EXERCISE}.", "Write the minutes of this block."
USUAL_SHARED = (
    "These 30 minutes stand for several blocks, so no block has minutes of its own.", "Write the minutes of each block."
)  # fmt: skip
GIVEN = f"The note gives total timed minutes{{}} and no minutes for this block of {EXERCISE}. "
STAND = "These 30 minutes stand for several blocks"

# What Medicare's count says of a note with totals alone: blocks, totals, the first finding's message and action.
TOTALS_ALONE = [
    # both totals that Medicare asks for
    ([TE | NO_MINUTES, TA], [TIMED, VISIT], GIVEN.format(" and total treatment time,") + BOTH_TOTALS, WHICH),
    # the timed total alone
    ([TE | NO_MINUTES, TA], [TIMED], GIVEN.format(",") + NO_VISIT, WHICH_AND_ALL),
    # the total is the minutes of the only timed code, in one block or in two
    ([TE | NO_MINUTES], [TIMED], OWN_38, ONLY_ONE),
    ([TE | NO_MINUTES, TE | NO_MINUTES], [TIMED, VISIT], OWN_38, ONLY_ONE),
    ([TE | NO_MINUTES, TE], [TIMED], OWN_38, ONLY_ONE),
    ([TE | NO_MINUTES, EVALUATION], [TIMED], OWN_38, ONLY_ONE),
    # a block that may be timed, two totals, and a total below what one block has alone leave it open
    ([TE | NO_MINUTES, UNKNOWN], [TIMED], GIVEN.format(",") + NO_VISIT, WHICH_AND_ALL),
    ([TE | NO_MINUTES], [TIMED, (980, 30, "timed")], GIVEN.format(",") + NO_VISIT.replace(MAKE, "but"), WHICH_AND_ALL),
    ([TE | NO_MINUTES, TE | {"minutes": 40}], [TIMED], GIVEN.format(",") + NO_VISIT, WHICH_AND_ALL),
    # the visit's total says nothing of timed minutes
    ([TE | NO_MINUTES, TA], [VISIT], *USUAL),
    ([TE | NO_MINUTES], [], *USUAL),
    # one duration over all that is timed is such a total
    ([SHARED_TE, SHARED_TA], [VISIT], f"{STAND}. {NOT_ASKED} and the note gives total treatment time, {IN_ORDER}".replace(MAKE, MAKE_30), WHICH),
    ([SHARED_TE, SHARED_TA], [], f"{STAND}. {NO_VISIT}".replace(MAKE, MAKE_30), WHICH_AND_ALL),
    (
        [SHARED_TE, SHARED_TE],
        [],
        f"{STAND}, all of them {EXERCISE}, which is the note's only timed code: its 30 timed minutes make 2 x 97110 under "
        "Medicare's count.",
        "Check that no other timed service was given; if none was, these minutes give the units.",
    ),
    ([SHARED_TE, TA], [], *USUAL_SHARED),
    ([SHARED_TE, UNKNOWN], [], *USUAL_SHARED),
]  # fmt: skip


@pytest.mark.parametrize(("specs", "totals", "message", "action"), TOTALS_ALONE, ids=range(len(TOTALS_ALONE)))
def test_totals_alone_under_medicare(specs: Any, totals: Any, message: str, action: str, flags: Flags) -> None:
    wanted = ("minutes_missing", "shared_minutes")
    found = next(f for f in flags(*specs, totals=totals, policy="cms_8_minute") if f.id in wanted)
    assert (found.message, found.action, found.severity) == (message, action, "warning")
    # Every other policy asks for the minutes of each service.
    for policy in ("full_15", "ama_midpoint"):
        other = next(f for f in flags(*specs, totals=totals, policy=policy) if f.id in wanted)
        assert (other.message, other.action) in (USUAL, USUAL_SHARED)


def test_by_severity_then_place_and_whole_note_findings_last(flags: Flags) -> None:
    found = flags(
        TE | NO_MINUTES | {"activities": []},
        TA | NO_MINUTES,
        goals=(),
        undocumented=["progress"],
        notices=[(920, "assistant"), (60, "group")],
    )
    assert [(flag.severity, flag.id, flag.start) for flag in found] == [
        ("warning", "minutes_missing", 0),
        ("warning", "minutes_missing", 100),
        ("warning", "goal_missing", None),
        ("info", "activity_unspecific", 0),
        ("info", "group_session", 60),
        ("info", "assistant", 920),
        ("info", "progress_missing", None),
    ]


def test_no_message_holds_the_note_s_words(flags: Flags) -> None:
    for specs, document in [row[1] for row in ROWS]:
        for flag in flags(*specs, **document):
            assert "qq" not in flag.message + flag.action
            assert "{" not in flag.message + flag.action
            assert flag.message.endswith(".")


def test_an_empty_note_says_so() -> None:
    assert [flag.id for flag in check(Document(""), (), propose((), "full_15"))] == ["no_treatment"]


def test_a_document_without_elements_lacks_them(services: Callable[..., tuple[Service, ...]]) -> None:
    coded = services(TE)
    found = check(Document("q" * 100, elements=()), coded, propose(coded, "full_15"))
    assert {"progress_missing", "assessment_missing"} <= {flag.id for flag in found}


def test_flags_cannot_be_changed(flags: Flags) -> None:
    with pytest.raises(AttributeError):
        flags(TE, goals=())[0].severity = "info"  # type: ignore[misc]


SPECS = st.lists(
    st.builds(
        lambda spec, minutes, stated, activities: (
            spec | {"minutes": minutes, "stated": stated, "activities": activities}
        ),
        st.sampled_from([TE, TA, MT, UNKNOWN, EVALUATION]),
        st.none() | st.integers(0, 60),
        st.sampled_from([None, "97110", "97530", "97140", "97161", "12345"]),
        st.lists(st.sampled_from([BALANCE, WALKING, STEP, ("", "")]), max_size=3),
    ),
    max_size=4,
)
WRITTEN = st.lists(
    st.tuples(
        st.sampled_from([10, 110, 950]), st.integers(0, 6), st.sampled_from([None, "97110", "97530", "97140", "12345"])
    ),
    max_size=4,
)
TOTALS = st.lists(st.tuples(st.just(940), st.integers(0, 120), st.sampled_from(["timed", "visit"])), max_size=3)


@given(specs=SPECS, written=WRITTEN, totals=TOTALS, policy=st.sampled_from(POLICIES), goals=st.booleans())
def test_any_note_gives_ordered_flags_with_their_words(
    specs: list[dict[str, Any]],
    written: list[Any],
    totals: list[Any],
    policy: str,
    goals: bool,
    services: Callable[..., tuple[Service, ...]],
    document: Callable[..., Document],
) -> None:
    coded = services(*specs)
    read = document(written=written, totals=totals, **({} if goals else {"goals": ()}))
    found = check(read, coded, propose(coded, policy))
    assert found == check(read, coded, propose(coded, policy))
    ranks = [SEVERITIES.index(flag.severity) for flag in found]
    assert ranks == sorted(ranks)
    for flag in found:
        assert (flag.start is None) is (flag.end is None)
        assert flag.start is None or 0 <= flag.start < flag.end <= len(read.text)
        assert flag.message
        assert flag.severity == FLAGS[flag.id].severity


# ---- the flag list

FIELDS = {"one": ("code",), "two": ()}
GOOD = """
[header]
version = "1"
source = "somewhere"
reviewed = "2026-01-31"
reviewed_by = "someone"
[thresholds.low_confidence]
value = 0.6
source = "somewhere"
[thresholds.content_contradicts]
value = 0.8
source = "somewhere"
[better_code]
of = "97530"
share = 0.5
source = "somewhere"
[[better_code.rule]]
code = "97112"
prefixes = ["ei."]
[disciplines]
PT = ["PTA"]
OT = ["COTA"]
[credentials]
PT = ["DPT"]
OT = ["OTR"]
[words]
other_service = "another"
no_unit = "none"
one_unit = "one"
some_units = "{count}"
and = "and"
in_all = "{total}"
in_all_unknown = "but "
modifier_discipline = "{names}"
modifier_assistant = "{names}"
modifier_assistant_unknown = "{names}"
modifier_threshold = "{amount}"
modifier_list = "{names}"
threshold_of_PT = "PT"
threshold_of_OT = "OT"
threshold_of_SLP = "SLP"
threshold_of_any = "any"
modifier_no_threshold = "unknown"
[[flag]]
id = "one"
severity = "warning"
meaning = "one"
message = "One {code}."
action = "Do."
source = "somewhere"
variants = { more = "More." }
[[flag]]
id = "two"
severity = "info"
meaning = "two"
message = "Two."
action = "Do."
source = "somewhere"
"""

BAD = [
    ('severity = "warning"', 'severity = "warn"', "one", "severity must be one of error, warning, info"),
    ('severity = "warning"', "", "one", "severity is missing"),
    ('id = "two"', 'id = "three"', "three", "no function"),
    ('id = "two"', 'id = "one"', "one", "stands twice"),
    ('meaning = "two"', 'meaning = "two"\ncolour = "red"', "two", "unknown key colour"),
    ("One {code}.", "One {minutes}.", "one", r"asks for \{minutes\}; the values of this flag are: code"),
    ("Two.", "Two {code}.", "two", "the values of this flag are: none"),
    ("More.", "More {}.", "one", r"asks for \{\}"),
    ("One {code}.", "One {code.", "one", "brace"),
    ('"More."', "1", "variants", "more must be text"),
    ('id = "two"', 'id = "two"\nactions = { more = "Do more." }', "two", "there is no variant more"),
    ('id = "two"', 'id = "two"\nrules = []', "two", "rules must be a list of texts"),
    ("value = 0.6", "value = 1.5", "low_confidence", "0, 1"),
    ("value = 0.6", "value = 1", "low_confidence", "decimal point"),
    ("[thresholds.low_confidence]", "[thresholds.low]", "thresholds", "low_confidence is missing"),
    ('code = "97112"', 'code = "12345"', "12345", "no code"),
    ('of = "97530"', 'of = "x"', "better_code", "no code"),
    ('prefixes = ["ei."]', "prefixes = []", "97112", "prefixes must be a list"),
    ('OT = ["COTA"]', 'AT = ["COTA"]', "disciplines", "OT is missing"),
    ('PT = ["DPT"]', 'PT = ["DPT("]', "credentials", "PT holds an expression that cannot be read"),
    ('no_unit = "none"', "", "words", "no_unit is missing"),
]


def test_a_good_flag_list() -> None:
    flags = parse_flags(GOOD, FIELDS)
    assert dict(flags.kinds["one"].messages) == {"": "One {code}.", "more": "More."}
    assert flags.thresholds == {"low_confidence": 0.6, "content_contradicts": 0.8}
    assert dict(flags.better_code.prefixes) == {"97112": ("ei.",)}


@pytest.mark.parametrize(("old", "new", "entry", "reason"), BAD)
def test_a_bad_flag_list_is_refused_by_name(old: str, new: str, entry: str, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(LexiconError, match=reason) as caught:
        parse_flags(GOOD.replace(old, new, 1), FIELDS)
    assert (caught.value.file, caught.value.entry) == ("flags.toml", entry)


def test_a_flag_that_code_raises_must_stand_in_the_list() -> None:
    with pytest.raises(LexiconError, match="id three"):
        parse_flags(GOOD, FIELDS | {"three": ()})


def test_better_code_names_entries_that_the_lexicon_has() -> None:
    lexicon = tomllib.loads((files("nlp") / "lexicons" / "activities.toml").read_text(encoding="utf-8"))
    entries = {entry["id"]: entry for entry in lexicon["entry"]}
    for rule in tomllib.loads(data.read("flags.toml"))["better_code"]["rule"]:
        for prefix in rule["prefixes"]:
            found = [entry for name, entry in entries.items() if name.startswith(prefix)]
            assert found, prefix
            assert all(entry["label"] == "either" or entry["code"] == rule["code"] for entry in found), prefix
