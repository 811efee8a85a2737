"""Minutes to units: every boundary, every mixed remainder, every worked case, and what must hold for any minutes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing import data
from models.billing.codes import CODES, first_code, further_code
from models.billing.errors import InvalidMinutes, UnknownCode, UnknownPolicy
from models.billing.units import POLICIES, all_units, parse_policies, service_units, units
from nlp.errors import LexiconError, TherapyCoderError

# Worked examples: minutes, then the units under each policy. published_for: the policy for which the source gives them; the rest
# is arithmetic from the rules. cms_tie: any of these codes may take the last unit; ours is the one of the stated order.
with Path(__file__).with_name("unit_examples.csv").open(encoding="utf-8", newline="") as file:
    EXAMPLES = list(csv.DictReader(file))

# One code alone: minutes, then units under full_15, cms_8_minute and ama_midpoint.
BOUNDARIES = [
    (0, 0, 0, 0),
    (1, 0, 0, 0),
    (7, 0, 0, 0),
    (8, 0, 1, 1),
    (14, 0, 1, 1),
    (15, 1, 1, 1),
    (16, 1, 1, 1),
    (22, 1, 1, 1),
    (23, 1, 2, 2),
    (29, 1, 2, 2),
    (30, 2, 2, 2),
    (31, 2, 2, 2),
    (37, 2, 2, 2),
    (38, 2, 3, 3),
    (44, 2, 3, 3),
    (45, 3, 3, 3),
    (52, 3, 3, 3),
    (53, 3, 4, 4),
    (59, 3, 4, 4),
    (60, 4, 4, 4),
    (67, 4, 4, 4),
    (68, 4, 5, 5),
    (82, 5, 5, 5),
    (83, 5, 6, 6),
    (97, 6, 6, 6),
    (98, 6, 7, 7),
    (112, 7, 7, 7),
    (113, 7, 8, 8),
    (127, 8, 8, 8),
    (128, 8, 9, 9),
]

# Several codes: minutes, then what each policy gives.
MIXED = [
    ("33 + 7", {"97110": 33, "97140": 7}, {"97110": 2}, {"97110": 2, "97140": 1}, {"97110": 2}),
    ("33 + 7, other way", {"97110": 7, "97140": 33}, {"97140": 2}, {"97110": 1, "97140": 2}, {"97140": 2}),
    (
        "20 + 20: equal remainders and minutes, the lower number",
        {"97530": 20, "97112": 20},
        {"97530": 1, "97112": 1},
        {"97112": 2, "97530": 1},
        {"97530": 1, "97112": 1},
    ),
    (
        "20 + 35: equal remainders, the code with more minutes",
        {"97110": 20, "97530": 35},
        {"97110": 1, "97530": 2},
        {"97110": 1, "97530": 3},
        {"97110": 1, "97530": 2},
    ),
    (
        "35 + 20: the same with the codes exchanged",
        {"97110": 35, "97530": 20},
        {"97110": 2, "97530": 1},
        {"97110": 3, "97530": 1},
        {"97110": 2, "97530": 1},
    ),
    (
        "18 + 13 + 10",
        {"97110": 18, "97140": 13, "97116": 10},
        {"97110": 1},
        {"97110": 1, "97140": 1, "97116": 1},
        {"97110": 1, "97140": 1, "97116": 1},
    ),
    (
        "18 + 13 + 10 + 8",
        {"97110": 18, "97140": 13, "97116": 10, "97035": 8},
        {"97110": 1},
        {"97110": 1, "97140": 1, "97116": 1},
        {"97110": 1, "97140": 1, "97116": 1, "97035": 1},
    ),
    ("7 + 7 + 7: one unit between three", {"97140": 7, "97112": 7, "97530": 7}, {}, {"97112": 1}, {}),
    ("7 + 7", {"97110": 7, "97530": 7}, {}, {"97110": 1}, {}),
    ("7 + 5", {"97110": 5, "97530": 7}, {}, {"97530": 1}, {}),
    ("4 + 3: below the table", {"97110": 4, "97530": 3}, {}, {}, {}),
    ("4 + 4: just in the table", {"97110": 4, "97530": 4}, {}, {"97110": 1}, {}),
    (
        "24 + 23",
        {"97112": 24, "97110": 23},
        {"97112": 1, "97110": 1},
        {"97112": 2, "97110": 1},
        {"97112": 2, "97110": 2},
    ),
    (
        "8 + 8 + 8: two units between three",
        {"97530": 8, "97140": 8, "97110": 8},
        {},
        {"97110": 1, "97140": 1},
        {"97110": 1, "97140": 1, "97530": 1},
    ),
    (
        "14 four times: a spent remainder does not come again",
        {"97110": 14, "97530": 14, "97140": 14, "97112": 14},
        {},
        {"97110": 1, "97112": 1, "97140": 1, "97530": 1},
        {"97110": 1, "97112": 1, "97140": 1, "97530": 1},
    ),
    (
        "14 five times: five remainders, five units",
        {"97110": 14, "97530": 14, "97140": 14, "97112": 14, "97116": 14},
        {},
        {"97110": 1, "97112": 1, "97116": 1, "97140": 1, "97530": 1},
        {"97110": 1, "97112": 1, "97116": 1, "97140": 1, "97530": 1},
    ),
    (
        "29 + 29 + 5: two units left, one to each 14",
        {"97110": 29, "97530": 29, "97140": 5},
        {"97110": 1, "97530": 1},
        {"97110": 2, "97530": 2},
        {"97110": 2, "97530": 2},
    ),
    (
        "15 + 8",
        {"97110": 15, "97530": 8},
        {"97110": 1},
        {"97110": 1, "97530": 1},
        {"97110": 1, "97530": 1},
    ),
    ("15 + 7", {"97110": 15, "97530": 7}, {"97110": 1}, {"97110": 1}, {"97110": 1}),
    (
        "20 + 18",
        {"97110": 20, "97530": 18},
        {"97110": 1, "97530": 1},
        {"97110": 2, "97530": 1},
        {"97110": 1, "97530": 1},
    ),
    ("nothing left over", {"97110": 30, "97530": 15}, *[{"97110": 2, "97530": 1}] * 3),
    ("no code", {}, {}, {}, {}),
]


def _ids(rows: list[tuple[Any, ...]]) -> list[str]:
    return [str(row[0]) for row in rows]


@pytest.mark.parametrize("code", ["97110", "97530", "97140"])
@pytest.mark.parametrize(("minutes", "full", "cms", "ama"), BOUNDARIES, ids=_ids(BOUNDARIES))
def test_one_code_at_every_boundary(code: str, minutes: int, full: int, cms: int, ama: int) -> None:
    def of(number: int) -> dict[str, int]:
        return {code: number} if number else {}

    assert units({code: minutes}, "full_15") == of(full)
    assert units({code: minutes}, "cms_8_minute") == of(cms)
    assert units({code: minutes}, "ama_midpoint") == of(ama)


@pytest.mark.parametrize(("what", "minutes", "full", "cms", "ama"), MIXED, ids=_ids(MIXED))
def test_mixed_remainders(
    what: str, minutes: dict[str, int], full: dict[str, int], cms: dict[str, int], ama: dict[str, int]
) -> None:
    assert units(minutes, "full_15") == full, what
    assert units(minutes, "cms_8_minute") == cms, what
    assert units(minutes, "ama_midpoint") == ama, what


def _read(cell: str) -> dict[str, int]:
    return {code: int(number) for code, _, number in (part.partition("=") for part in cell.split())}


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["id"] for example in EXAMPLES])
def test_worked_example(example: dict[str, str]) -> None:
    minutes = _read(example["minutes"]) | dict.fromkeys(example["untimed"].split(), 20)
    for policy in POLICIES:
        assert units(minutes, policy) == _read(example[policy])
    if example["cms_tie"]:
        # Each tied code has as many minutes left over as the others.
        assert len({minutes[code] % 15 for code in example["cms_tie"].split()}) == 1


def test_there_are_enough_worked_examples_and_each_says_where_it_is_from() -> None:
    assert len(EXAMPLES) == len({example["id"] for example in EXAMPLES}) >= 60
    published = [example for example in EXAMPLES if example["published_for"]]
    assert len(published) == 32
    assert all(example["published_for"] in POLICIES and "http" in example["source"] for example in published)
    assert all(example["confirmed"] in {"yes", "partly", "no"} for example in EXAMPLES)
    assert not [example["id"] for example in EXAMPLES if not example["published_for"] and example["confirmed"] == "yes"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "code",
    ["97161", "97150", "97010", "G0283", "97545", "97546", "96125", "98980"],
)
def test_untimed_codes_and_other_units_earn_nothing_and_pool_nothing(code: str, policy: str) -> None:
    assert units({code: 60}, policy) == {}
    assert units({code: 60, "97110": 7}, policy) == {}
    assert units({code: 60, "97110": 15}, policy) == {"97110": 1}


@pytest.mark.parametrize("policy", ["", "FULL_15", "cms", "ama", "full_15 "])
def test_unknown_policy(policy: str) -> None:
    with pytest.raises(UnknownPolicy, match="Use one of: full_15, cms_8_minute, ama_midpoint") as caught:
        units({"97110": 15}, policy)
    assert caught.value.policy == policy
    assert isinstance(caught.value, (TherapyCoderError, ValueError))


@pytest.mark.parametrize("policy", [None, 15, ["full_15"]])
def test_a_policy_that_is_no_text(policy: Any) -> None:
    with pytest.raises(UnknownPolicy):
        units({}, policy)


@pytest.mark.parametrize("minutes", [-1, -15, 15.0, 7.5, "15", None, True, False])
@pytest.mark.parametrize("code", ["97110", "97161"])
def test_invalid_minutes(code: str, minutes: Any) -> None:
    with pytest.raises(InvalidMinutes, match=f"Minutes of {code}") as caught:
        units({"97530": 15, code: minutes}, "full_15")
    assert (caught.value.code, caught.value.minutes) == (code, minutes)
    with pytest.raises(InvalidMinutes):
        all_units({code: minutes})


@pytest.mark.parametrize("code", ["", "97 110", "99999", "other", None, 97110])
def test_unknown_code(code: Any) -> None:
    with pytest.raises(UnknownCode) as caught:
        units({code: 15}, "cms_8_minute")
    assert caught.value.code == code


@pytest.mark.parametrize("error", [UnknownPolicy, InvalidMinutes, UnknownCode])
def test_errors_are_documented_ones_and_value_errors(error: type[Exception]) -> None:
    assert issubclass(error, TherapyCoderError)
    assert issubclass(error, ValueError)


def test_all_units_has_every_policy() -> None:
    assert all_units({"97110": 33, "97140": 7}) == {
        "full_15": {"97110": 2},
        "cms_8_minute": {"97110": 2, "97140": 1},
        "ama_midpoint": {"97110": 2},
    }
    assert all_units({}) == {"full_15": {}, "cms_8_minute": {}, "ama_midpoint": {}}


def test_arguments_are_left_as_they_are() -> None:
    minutes = {"97530": 20, "97110": 20, "97161": 5}
    all_units(minutes)
    assert minutes == {"97530": 20, "97110": 20, "97161": 5}


# ---- what must hold for any minutes

COUNTED = sorted(number for number, code in CODES.items() if code.unit_minutes == 15)
ALL_MINUTES = st.dictionaries(st.sampled_from(COUNTED), st.integers(0, 120), max_size=8)
# Codes that share their units with no other.
ALONE = sorted(code for code in COUNTED if further_code(first_code(code, CODES), CODES) is None)
MINUTES_ALONE = st.dictionaries(st.sampled_from(ALONE), st.integers(0, 120), max_size=8)


# A first code and its add-on: minutes, then what each policy gives.
FIRST_AND_FURTHER = [
    ({"97129": 7}, {}, {}, {}),
    ({"97129": 8}, {}, {"97129": 1}, {"97129": 1}),
    ({"97129": 22}, {"97129": 1}, {"97129": 1}, {"97129": 1}),
    ({"97129": 23}, {"97129": 1}, {"97129": 1, "97130": 1}, {"97129": 1, "97130": 1}),
    ({"97129": 30}, *[{"97129": 1, "97130": 1}] * 3),
    ({"97129": 15, "97130": 15}, *[{"97129": 1, "97130": 1}] * 3),
    ({"97130": 30}, *[{"97129": 1, "97130": 1}] * 3),
    ({"97130": 60}, *[{"97129": 1, "97130": 3}] * 3),
    # one service: 8 and 8 minutes are 16 of it
    ({"97129": 8, "97130": 8}, *[{"97129": 1}] * 3),
    ({"97129": 20, "97110": 20}, {"97129": 1, "97110": 1}, {"97110": 2, "97129": 1}, {"97129": 1, "97110": 1}),
    ({"97129": 37, "97110": 16}, {"97129": 1, "97130": 1, "97110": 1}, {"97129": 1, "97130": 2, "97110": 1}, {"97129": 1, "97130": 1, "97110": 1}),
    ({"90912": 45}, *[{"90912": 1, "90913": 2}] * 3),
    # add-ons of other units stand outside the count
    ({"97545": 120, "97546": 60}, {}, {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("minutes", "full", "cms", "ama"), FIRST_AND_FURTHER)
def test_the_first_unit_is_the_first_code_s(
    minutes: dict[str, int], full: dict[str, int], cms: dict[str, int], ama: dict[str, int]
) -> None:
    assert list(all_units(minutes).values()) == [full, cms, ama]
    for policy in POLICIES:
        earned = service_units(minutes, policy)
        assert sum(earned.values()) == sum(units(minutes, policy).values())
        assert not {"97130", "90913"} & earned.keys()


@given(ALL_MINUTES)
def test_an_add_on_never_stands_without_its_first_code(minutes: dict[str, int]) -> None:
    for policy in POLICIES:
        earned = units(minutes, policy)
        for first, further in (("97129", "97130"), ("90912", "90913")):
            assert earned.get(first, 0) <= 1
            assert further not in earned or earned[first] == 1


def _cms_table(total: int) -> int:
    """Read the units off the table as the manual prints it: 8-22 one, and each further one 15 minutes later."""
    number, last = 0, 7
    while last < total:
        number, last = number + 1, last + 15
    return number


@given(ALL_MINUTES, st.data())
def test_a_minute_more_never_bills_less_in_all(minutes: dict[str, int], draw: st.DataObject) -> None:
    code = draw.draw(st.sampled_from(COUNTED))
    more = minutes | {code: minutes.get(code, 0) + 1}
    for policy in POLICIES:
        assert sum(units(minutes, policy).values()) <= sum(units(more, policy).values())


@given(ALL_MINUTES, st.randoms(use_true_random=False))
def test_the_order_of_codes_never_matters(minutes: dict[str, int], random: Any) -> None:
    items = list(minutes.items())
    random.shuffle(items)
    for policy in POLICIES:
        assert list(units(dict(items), policy).items()) == list(units(minutes, policy).items())


@given(ALL_MINUTES)
def test_the_pooled_total_is_the_table_s(minutes: dict[str, int]) -> None:
    assert sum(units(minutes, "cms_8_minute").values()) == _cms_table(sum(minutes.values()))


@given(MINUTES_ALONE)
def test_whole_units_are_the_least_under_every_policy(minutes: dict[str, int]) -> None:
    full = units(minutes, "full_15")
    for policy in ("cms_8_minute", "ama_midpoint"):
        earned = units(minutes, policy)
        for code, value in minutes.items():
            assert full.get(code, 0) <= earned.get(code, 0) <= full.get(code, 0) + (value % 15 > 0)


@given(MINUTES_ALONE)
def test_the_pool_gives_the_last_units_to_the_largest_remainders(minutes: dict[str, int]) -> None:
    earned = units(minutes, "cms_8_minute")
    extra = [value % 15 for code, value in minutes.items() if earned.get(code, 0) > value // 15]
    none = [value % 15 for code, value in minutes.items() if earned.get(code, 0) == value // 15]
    assert not extra or not none or min(extra) >= max(none)


@given(ALL_MINUTES)
def test_no_code_without_a_unit_is_named(minutes: dict[str, int]) -> None:
    for policy in POLICIES:
        assert all(number >= 1 for number in units(minutes, policy).values())


@given(MINUTES_ALONE)
def test_each_code_alone_where_the_policy_says_so(minutes: dict[str, int]) -> None:
    for policy in ("full_15", "ama_midpoint"):
        alone: dict[str, int] = {}
        for code, value in minutes.items():
            alone |= units({code: value}, policy)
        assert units(minutes, policy) == alone


# ---- the policy file

BAD_POLICIES = [
    ("value = 15", "value = true", "unit_minutes", "whole number"),
    ("value = 15", "value = 8", "constants", "less than unit_minutes"),
    ("value = 8\n", "value = 0\n", "constants", "at least 1"),
    ('id = "ama_midpoint"', 'id = "ama"', "", "the policies must be full_15"),
    ('id = "ama_midpoint"', 'id = "full_15"', "full_15", "stands twice"),
    ('name = "the full-15-minute rule"', 'nmae = "the full-15-minute rule"', "full_15", "name is missing"),
    ('version = "2"', "", "header", "version is missing"),
    ('reviewed = "2026-11-26"', 'reviewed = "yesterday"', "header", "date"),
    ("[header]", "[header", "", "not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "entry", "reason"), BAD_POLICIES)
def test_a_bad_policy_file_is_refused(old: str, new: str, entry: str, reason: str) -> None:
    text = data.read("policies.toml")
    assert old in text
    with pytest.raises(LexiconError, match=reason) as caught:
        parse_policies(text.replace(old, new, 1))
    assert (caught.value.file, caught.value.entry) == ("policies.toml", entry)
