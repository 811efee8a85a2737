"""Units with reasons: the steps say what the arithmetic does, and each change is true."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing import data
from models.billing.codes import CODES
from models.billing.errors import InvalidMinutes, UnknownCode, UnknownPayer
from models.billing.payers import terms_of
from models.billing.reasons import allocate, amounts, calculate, count_under
from models.billing.rules import load_rules
from models.billing.units import POLICIES, all_units, counted, units

RULES = load_rules()
# An add-on's minutes stand under its first code, and a code that is retired has none.
COUNTED = sorted(
    number
    for number, code in CODES.items()
    if code.unit_minutes == 15 and not code.add_on_to and RULES.bills(number, None)
)
MINUTES = st.dictionaries(st.sampled_from(COUNTED), st.integers(0, 70), max_size=6)

STEPS = [
    ("full_15", {"97530": 23}, ["97530 holds 23: one whole 15; what is left (8) earns nothing."]),
    ("full_15", {"97530": 7}, ["97530 holds 7: no whole 15; what is left (7) earns nothing."]),
    ("full_15", {"97530": 45}, ["97530 holds 45: 3 whole 15s, nothing left."]),
    ("full_15", {"97530": 0}, ["No minutes of a 15-minute code, so there are no units to count."]),
    ("ama_midpoint", {"97530": 23}, ["97530 holds 23: one whole 15; what is left (8) reaches the middle (8) and earns one more."]),
    ("ama_midpoint", {"97530": 22}, ["97530 holds 22: one whole 15; what is left (7) does not reach the middle (8) and earns nothing."]),
    ("cms_8_minute", {"97530": 7}, ["7 timed minutes together make no unit: 8 is the least."]),
    (
        "cms_8_minute",
        {"97530": 8},
        [
            "8 timed minutes together make one unit (8 to 22 minutes do).",
            "97530 holds 8: no whole 15, 8 left.",
            "The whole 15s give no unit: one more is left to give.",
            "97530 has most left (8 min) and takes one unit.",
        ],
    ),
    (
        "cms_8_minute",
        {"97530": 23, "97110": 15},
        [
            "38 timed minutes together make 3 units (38 to 52 minutes do).",
            "97110 holds 15: one whole 15, nothing left.",
            "97530 holds 23: one whole 15, 8 left.",
            "The whole 15s give 2 units: one more is left to give.",
            "97530 has most left (8 min) and takes one unit.",
        ],
    ),
    (
        "cms_8_minute",
        {"97530": 20, "97110": 20, "97140": 20},
        [
            "60 timed minutes together make 4 units (53 to 67 minutes do).",
            "97110 holds 20: one whole 15, 5 left.",
            "97140 holds 20: one whole 15, 5 left.",
            "97530 holds 20: one whole 15, 5 left.",
            "The whole 15s give 3 units: one more is left to give.",
            "97110 takes one unit with 5 min left; 97140 or 97530 has as many left and may as well take it: the therapist chooses.",
        ],
    ),
    (
        "cms_8_minute",
        {"97530": 14, "97110": 13, "97140": 32},
        [
            "59 timed minutes together make 4 units (53 to 67 minutes do).",
            "97110 holds 13: no whole 15, 13 left.",
            "97140 holds 32: 2 whole 15s, 2 left.",
            "97530 holds 14: no whole 15, 14 left.",
            "The whole 15s give 2 units: 2 more are left to give.",
            "97530 has most left (14 min) and takes one unit.",
            "97110 is next (13 min left) and takes one unit.",
            "What is left of 97140 (2) earns nothing: the last unit goes to more minutes left, the 13 of 97110.",
        ],
    ),
    (
        "cms_8_minute",
        {"97530": 32, "97110": 3},
        [
            "35 timed minutes together make 2 units (23 to 37 minutes do).",
            "97110 holds 3: no whole 15, 3 left.",
            "97530 holds 32: 2 whole 15s, 2 left.",
            "The whole 15s give 2 units, which is all: minutes left over earn nothing.",
        ],
    ),
    # Who takes the units that are left is told in their order; equals together.
    (
        "cms_8_minute",
        {"97110": 14, "97530": 14, "97140": 14},
        [
            "42 timed minutes together make 3 units (38 to 52 minutes do).",
            "97110 holds 14: no whole 15, 14 left.",
            "97140 holds 14: no whole 15, 14 left.",
            "97530 holds 14: no whole 15, 14 left.",
            "The whole 15s give no unit: 3 more are left to give.",
            "97110, 97140 and 97530 have most left (14 min each) and take one unit each.",
        ],
    ),
    (
        "cms_8_minute",
        {"97110": 14, "97112": 12, "97140": 12, "97530": 3},
        [
            "41 timed minutes together make 3 units (38 to 52 minutes do).",
            "97110 holds 14: no whole 15, 14 left.",
            "97112 holds 12: no whole 15, 12 left.",
            "97140 holds 12: no whole 15, 12 left.",
            "97530 holds 3: no whole 15, 3 left.",
            "The whole 15s give no unit: 3 more are left to give.",
            "97110 has most left (14 min) and takes one unit.",
            "97112 and 97140 are next (12 min left each) and take one unit each.",
            "What is left of 97530 (3) earns nothing: the last unit goes to more minutes left, the 12 of 97112 and 97140.",
        ],
    ),
    (
        "cms_8_minute",
        {"97110": 8, "97530": 8, "97140": 8},
        [
            "24 timed minutes together make 2 units (23 to 37 minutes do).",
            "97110 holds 8: no whole 15, 8 left.",
            "97140 holds 8: no whole 15, 8 left.",
            "97530 holds 8: no whole 15, 8 left.",
            "The whole 15s give no unit: 2 more are left to give.",
            "97110 and 97140 take one unit each with 8 min left; 97530 has as many left and may as well take one: the therapist chooses.",
        ],
    ),
    # Why a code that would earn more alone gets nothing for what it has left.
    (
        "cms_8_minute",
        {"97110": 23, "97116": 12},
        [
            "35 timed minutes together make 2 units (23 to 37 minutes do).",
            "97110 holds 23: one whole 15, 8 left.",
            "97116 holds 12: no whole 15, 12 left.",
            "The whole 15s give one unit: one more is left to give.",
            "97116 has most left (12 min) and takes one unit.",
            "What is left of 97110 (8) earns nothing: the last unit goes to more minutes left, the 12 of 97116.",
        ],
    ),
]  # fmt: skip


@given(MINUTES)
def test_under_medicare_s_count_every_minute_left_is_accounted_for(minutes: dict[str, int]) -> None:
    # An add-on's minutes count under its first code.
    pooled = {code: value for code, value in counted(minutes).items() if value}
    allocation = allocate(pooled, "cms_8_minute", RULES)
    steps = [step.text for step in allocation.steps if step.rule == "cms_8_minute"]
    told = " ".join(steps[len(pooled) + 1 :])
    if allocation.total and "which is all" not in told:
        assert all((code in told) is bool(value % 15) for code, value in pooled.items())


@pytest.mark.parametrize(("policy", "minutes", "steps"), STEPS, ids=range(len(STEPS)))
def test_the_steps(policy: str, minutes: dict[str, int], steps: list[str]) -> None:
    allocation = allocate(minutes, policy, RULES)
    assert [step.text for step in allocation.steps] == steps
    assert {step.rule for step in allocation.steps} == {policy}
    assert allocation.units == units(minutes, policy)
    assert allocation.source == RULES.get(policy).source


def test_a_first_code_s_rest_goes_to_its_add_on() -> None:
    count = calculate({"97129": 23, "97130": 15})
    allocation = count.policies["cms_8_minute"]
    assert [(step.text, step.rule) for step in allocation.steps] == [
        ("38 timed minutes together make 3 units (38 to 52 minutes do).", "cms_8_minute"),
        ("97129 holds 38: 2 whole 15s, 8 left.", "cms_8_minute"),
        ("The whole 15s give 2 units: one more is left to give.", "cms_8_minute"),
        ("97129 has most left (8 min) and takes one unit.", "cms_8_minute"),
        ("97129 stands for the first part alone (one unit a day): 97130 takes 2 units.", "97129"),
    ]
    assert (allocation.units, allocation.total, count.left_out) == ({"97129": 1, "97130": 2}, 3, ())
    # one unit leaves nothing to the add-on
    one = calculate({"97129": 22}).policies["cms_8_minute"]
    assert (one.units, [step.rule for step in one.steps]) == ({"97129": 1}, ["cms_8_minute"] * 3)


OUTSIDE = "The rules here speak of 2000-04-01 to 2026-12-31; on {day} others may hold."

# minutes, day, what is said of dates, what is left out, units under Medicare's rule
DATED = [
    ({"97110": 15}, date(2026, 12, 31), (), (), {"97110": 1}),
    ({"97110": 15}, date(2027, 1, 1), (OUTSIDE.format(day="2027-01-01"),), (), {"97110": 1}),
    ({"97110": 15}, date(2099, 1, 1), (OUTSIDE.format(day="2099-01-01"),), (), {"97110": 1}),
    ({"97110": 15}, date(2000, 3, 31), (OUTSIDE.format(day="2000-03-31"),), (), {"97110": 1}),
    ({"97110": 15}, date(2000, 4, 1), (), (), {"97110": 1}),
    ({"97110": 15}, None, (), (), {"97110": 1}),
    ({"G0515": 15}, date(2019, 12, 31), (), (), {"G0515": 1}),
    ({"G0515": 15, "97110": 15}, date(2020, 1, 1), (),
     ("G0515 could be billed up to 2019-12-31 alone: its 15 minutes are left out.",), {"97110": 1}),
    ({"G0515": 15}, None, (), ("G0515 could be billed up to 2019-12-31 alone: its 15 minutes are left out.",), {}),
    ({"97129": 30}, date(2020, 1, 1), (), (), {"97129": 1, "97130": 1}),
    ({"97129": 30}, date(2019, 12, 31), (), ("97129 could not be billed before 2020-01-01: its 30 minutes are left out.",), {}),
    # dates that nobody has confirmed take no minutes away
    ({"97532": 15}, date(2018, 1, 1),
     ("97532 may not be in force on that day; nobody has confirmed its dates, so it is counted: look it up.",), (), {"97532": 1}),
    ({"97532": 15}, date(2017, 12, 31), (), (), {"97532": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("minutes", "day", "dates", "left_out", "earned"), DATED)
def test_what_the_day_says(
    minutes: dict[str, int],
    day: date | None,
    dates: tuple[str, ...],
    left_out: tuple[str, ...],
    earned: dict[str, int],
) -> None:
    count = calculate(minutes, day=day)
    assert (count.dates, tuple(left.text for left in count.left_out)) == (dates, left_out)
    assert count.policies["cms_8_minute"].units == earned


CHANGES = [
    ("full_15", {"97530": 14}, ["One minute more of 97530 (15): 1 x 97530 instead of no unit."]),
    ("full_15", {"97530": 15}, ["One minute less of 97530 (14): no unit instead of 1 x 97530."]),
    ("full_15", {"97530": 20}, []),
    (
        "cms_8_minute",
        {"97530": 20, "97110": 17},
        [
            "One minute more of 97110 (18): 1 x 97110, 2 x 97530 instead of 1 x 97110, 1 x 97530.",
            "One minute more of 97530 (21): 1 x 97110, 2 x 97530 instead of 1 x 97110, 1 x 97530.",
        ],
    ),
]


@pytest.mark.parametrize(("policy", "minutes", "changes"), CHANGES, ids=range(len(CHANGES)))
def test_what_one_minute_changes(policy: str, minutes: dict[str, int], changes: list[str]) -> None:
    allocation = allocate(minutes, policy, RULES)
    assert [change.text for change in allocation.changes] == changes
    assert allocation.no_change == ("" if changes else "One minute more or less of any one code changes nothing.")


@given(MINUTES)
def test_the_changes_are_all_there_are(minutes: dict[str, int]) -> None:
    for policy in POLICIES:
        allocation = allocate(minutes, policy, RULES)
        told = {(change.code, change.minutes): dict(change.units) for change in allocation.changes}
        for code, value in minutes.items():
            for step in (1, -1):
                if value + step >= 0:
                    after = units({**minutes, code: value + step}, policy)
                    assert told.get((code, step), allocation.units) == after


@given(MINUTES)
def test_the_calculation_is_the_arithmetic(minutes: dict[str, int]) -> None:
    count = calculate(minutes, payer="medicare", secondary_payer="strict_15")
    assert {policy: allocation.units for policy, allocation in count.policies.items()} == all_units(minutes)
    totals = {policy: sum(earned.values()) for policy, earned in all_units(minutes).items()}
    assert count.gives_up == {policy: totals[policy] - totals["full_15"] for policy in ("cms_8_minute", "ama_midpoint")}
    assert min(count.gives_up.values(), default=0) >= 0
    assert [dict(payer.units) for payer in count.payers] == [units(minutes, "cms_8_minute"), units(minutes, "full_15")]
    assert [payer.governs for payer in count.payers] == [True, False]
    # Medicare's units never exceed what the total allows: each of them stands for 8 minutes at least, and 15 but for the last.
    assert 15 * totals["cms_8_minute"] <= count.timed_total + 7


@pytest.mark.parametrize(
    ("minutes", "terms", "said"),
    [
        ({"97010": 10}, {"payer": "medicare"}, ["Medicare Part B does not pay 97010: bundled, never paid on its own."]),
        (
            {"97014": 15},
            {"payer": "medicare"},
            ["Medicare Part B may take G0283 in place of 97014 (not confirmed: look it up)."],
        ),
        (
            {"20560": 15},
            {"payer": "medicare", "discipline": "PT"},
            ["Medicare Part B does not pay 20560: sometimes therapy, not paid to a PT."],
        ),
        ({"20560": 15}, {"payer": "medicare", "discipline": "OT"}, []),
        ({"20560": 15}, {"payer": "medicare"}, []),
        ({"97010": 10}, {"payer": "commercial_ama"}, []),
        ({"97010": 10}, {}, []),
        ({"97012": 10}, {"payer": "medicare"}, []),
    ],
)
def test_what_a_payer_does_not_pay_is_told(minutes: dict[str, int], terms: dict[str, str], said: list[str]) -> None:
    count = count_under(minutes, terms_of(RULES, **terms))
    assert [left.text for left in count.left_out if "untimed" not in left.text] == said


def test_where_no_minutes_are_given_nothing_is_compared() -> None:
    count = calculate({"97161": 30})
    assert count.gives_up_words == ()
    assert [(each.no_change, each.changes) for each in count.policies.values()] == [("", ())] * 3
    assert len(calculate({"97110": 15}).gives_up_words) == 2


def test_what_is_left_out_and_why() -> None:
    count = calculate({"97161": 30, "97545": 120, "97110": 14, "97530": 0}, payer="strict_15")
    assert [(left.code, left.text, left.payer) for left in count.left_out] == [
        ("97161", "97161 is untimed: one unit, whatever its 30 min.", None),
        (
            "97545",
            "97545 counts in units of 120 minutes, outside the 15-minute count: its 120 minutes are left out.",
            None,
        ),
        (
            "97110",
            "97110 has 14 minutes, fewer than the 15 that the source document's strict reading asks for: it earns nothing there.",
            "strict_15",
        ),
    ]
    assert (count.timed_total, count.rules) == (14, RULES.version)


def test_the_strict_reading_always_says_what_it_gives_up() -> None:
    assert calculate({"97110": 20, "97530": 18}).gives_up_words == (
        "Against Medicare's 8-minute rule the strict reading gives up one unit.",
        "Against the AMA's midpoint rule the strict reading gives up nothing.",
    )
    # Without minutes there is nothing to compare, and "nothing given up" would be said of minutes that nobody knows.
    assert calculate({}).gives_up_words == ()


def test_bad_input_is_refused() -> None:
    with pytest.raises(InvalidMinutes):
        calculate({"97110": -1})
    with pytest.raises(InvalidMinutes):
        calculate({"97110": 7.5})  # type: ignore[dict-item]
    with pytest.raises(UnknownCode):
        calculate({"99999": 15})
    with pytest.raises(UnknownPayer):
        calculate({"97110": 15}, payer="acme")
    with pytest.raises(UnknownPayer):
        calculate({"97110": 15}, payer="medicare", day=date(2000, 3, 31))


def test_amounts() -> None:
    assert amounts({}) == "no unit"


def test_every_wording_is_used_by_a_test_or_the_code() -> None:
    source = data.read("reasons.py")
    assert all(f'"{key}"' in source for key in tomllib.loads(data.read("steps.toml"))["words"])
