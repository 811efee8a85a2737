"""A claim against its note: each finding fires where it should, its near twin does not, and both directions weigh alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing import data
from models.billing.claims import KINDS, ClaimCheck, Line, check_claim, parse_findings
from models.billing.errors import InvalidUnits, UnknownCode
from models.billing.payers import terms_of
from models.billing.rows import Rule
from models.billing.rules import load_rules
from models.billing.units import units
from models.service import Service
from nlp.document import Document
from nlp.errors import LexiconError

RULES = load_rules()
DAY = date(2026, 5, 4)

TE = {"code": "97110", "minutes": 15}
TA = {"code": "97530", "minutes": 15}
GT = {"code": "other", "other_code": "97116", "minutes": 15}
MT = {"code": "other", "other_code": "97140", "minutes": 15}
GROUP = {"code": "other", "other_code": "97150"}
EVALUATION = {"code": "other", "other_code": "97161"}
UNTIMED_HEAT = {"code": "other", "other_code": "97010"}

Check = Callable[..., ClaimCheck]


def line(code: str, units: int = 1, modifiers: str = "GP", assistant: int | None = None) -> Line:
    return Line(code, units, tuple(modifiers.split()), assistant)


@pytest.fixture
def check(services: Callable[..., tuple[Service, ...]], document: Callable[..., Document]) -> Check:
    def build(note: list[dict[str, Any]], *lines: Line, terms: dict[str, Any] | None = None, **read: Any) -> ClaimCheck:
        given = {"payer": "medicare", "day": DAY, "discipline": "PT"} if terms is None else terms
        return check_claim(lines, document(**read), services(*note), terms_of(RULES, **given))

    return build


def case(note: list[dict[str, Any]], *lines: Line, **rest: Any) -> tuple[Any, ...]:
    return note, lines, rest


AMA = {"terms": {"payer": "commercial_ama", "discipline": "PT"}}
BOTH: dict[str, Any] = {"payer": "medicare", "secondary": "strict_15", "day": DAY, "discipline": "PT"}
NO_PAYER: dict[str, Any] = {"terms": {}}
ASSISTANT = {"notices": [(920, "assistant")]}
IN_GROUP = {"notices": [(920, "group")]}


def on(*day: int) -> dict[str, Any]:
    return {"terms": {"payer": "medicare", "day": date(*day), "discipline": "PT"}}


# finding, direction, units, claim in which it is raised, and a twin in which it is not
ROWS = [
    ("not_documented", "over", 2, case([TE], line("97110"), line("97140", 2)), case([TE, MT], line("97110"), line("97140"))),
    ("not_documented", "over", 1, case([], line("97530")), case([TA], line("97530"))),
    # 97530 over exercises, and functional work as 97110: the same finding, in both directions
    ("other_code_documented", "over", 1, case([TE], line("97530")), case([TA], line("97530"))),
    ("other_code_documented", "under", 1, case([TA], line("97110")), case([TE], line("97110"))),
    ("other_code_documented", "over", 1, case([TE], line("97530")), case([TE, TA], line("97110"), line("97530"))),
    ("other_code_documented", "over", 1, case([TE | {"possible": ("97110", "97530")}], line("97530")),
     case([TE | {"possible": ("97110", "97530"), "stated": "97530"}], line("97530"))),
    ("units_above_minutes", "over", 1, case([TE | {"minutes": 22}], line("97110", 2)), case([TE | {"minutes": 23}], line("97110", 2))),
    ("units_above_minutes", "over", 2, case([TE], line("97110", 3)), case([TE], line("97110"))),
    ("units_above_minutes", "over", 1, case([TE | {"minutes": 7}], line("97110")), case([TE | {"minutes": 8}], line("97110"))),
    ("units_above_minutes", "over", 1, case([TE | {"minutes": 23}, MT | {"minutes": 24}], line("97110", 2), line("97140", 2)),
     case([TE | {"minutes": 23}, MT | {"minutes": 24}], line("97110", 2), line("97140", 2), **AMA)),
    ("units_above_minutes", "over", 1, case([TE | {"minutes": 14}], line("97110"), terms={"payer": "strict_15"}),
     case([TE | {"minutes": 15}], line("97110"), terms={"payer": "strict_15"})),
    # of equal remainders either may take the last unit, but not both
    ("units_above_minutes", "over", 1, case([TE | {"minutes": 20}, TA | {"minutes": 20}], line("97110", 2), line("97530", 2)),
     case([TE | {"minutes": 20}, TA | {"minutes": 20}], line("97110"), line("97530", 2))),
    ("units_below_minutes", "under", 1, case([TE | {"minutes": 20}, TA | {"minutes": 20}], line("97110"), line("97530")),
     case([TE | {"minutes": 20}, TA | {"minutes": 20}], line("97110", 2), line("97530"))),
    ("units_below_minutes", "under", 1, case([TE | {"minutes": 23}], line("97110")), case([TE | {"minutes": 22}], line("97110"))),
    ("units_below_minutes", "under", 1, case([TE | {"minutes": 30}], line("97110"), **NO_PAYER), case([TE | {"minutes": 29}], line("97110"), **NO_PAYER)),
    ("units_above_minutes", "over", 1, case([EVALUATION], line("97161", 2)), case([EVALUATION], line("97161"))),
    ("units_above_minutes", "over", 2, case([UNTIMED_HEAT], line("97010", 3)), case([UNTIMED_HEAT], line("97010"))),
    ("not_billed", "under", 1, case([TE, GT], line("97110")), case([TE, GT], line("97110"), line("97116"))),
    ("not_billed", "under", 1, case([TE, GT | {"minutes": 8}], line("97110")), case([TE, GT | {"minutes": 7}], line("97110"))),
    ("not_billed", "under", 2, case([TE | {"minutes": 30}]), case([TE | {"minutes": 7}])),
    ("minutes_unknown", "unknown", 0, case([TE | {"minutes": None}], line("97110")), case([TE], line("97110"))),
    ("minutes_unknown", "unknown", 0, case([TE, TE | {"minutes": None}], line("97110")), case([TE, TE], line("97110", 2))),
    ("group_billed_singly", "over", 1, case([TE], line("97110"), **IN_GROUP), case([TE], line("97110"))),
    ("group_billed_singly", "over", 1, case([TE], line("97110"), **IN_GROUP),
     case([TE, GROUP], line("97110"), line("97150", modifiers="GP 59"), **IN_GROUP)),
    ("pair_never", "over", 1, case([EVALUATION, TA], line("97161"), line("97530", modifiers="GP 59"), **on(2020, 1, 24)),
     case([EVALUATION, TA], line("97161"), line("97530", modifiers="GP 59"), **on(2020, 1, 25))),
    ("pair_without_modifier", "form", 0, case([TA, GT], line("97530"), line("97116")),
     case([TA, GT], line("97530"), line("97116", modifiers="GP 59"))),
    ("pair_without_modifier", "form", 0, case([TA, GT], line("97530", modifiers="GP 59"), line("97116")),
     case([TA, GT], line("97530"), line("97116", modifiers="XS GP"))),
    ("pair_without_modifier", "form", 0, case([TA, GT], line("97530"), line("97116")),
     case([TA, GT], line("97530"), line("97116"), terms={"payer": "strict_15"})),
    ("pair_without_modifier", "form", 0, case([TA, GT], line("97530"), line("97116"), **on(2020, 10, 1)),
     case([TA, GT], line("97530"), line("97116"), **on(2020, 9, 30))),
    ("pair_unconfirmed", "form", 0, case([TA, MT | {"other_code": "97537"}], line("97530"), line("97537")),
     case([TA, MT | {"other_code": "97537"}], line("97530"), line("97537", modifiers="GP 59"))),
    ("pair_unconfirmed", "form", 0, case([TA, GT], line("97530"), line("97116"), **on(2019, 6, 1)),
     case([TA, GT], line("97530"), line("97116", modifiers="GP 59"), **on(2019, 6, 1))),
    ("pair_unconfirmed", "form", 0, case([TA, MT], line("97140"), line("97530"), **on(2020, 3, 31)),
     case([TA, MT], line("97140"), line("97530"), **on(2020, 4, 1))),
    ("modifier_without_pair", "form", 0, case([TE], line("97110", modifiers="GP 59")), case([TA, GT], line("97530"), line("97116", modifiers="GP 59"))),
    ("modifier_without_pair", "form", 0, case([TE], line("97110", modifiers="GP XU")), case([TE], line("97110", modifiers="GP XU"), terms={"payer": "strict_15"})),
    ("modifier_missing", "form", 0, case([TE], line("97110", modifiers="")), case([TE], line("97110", modifiers="GP"))),
    ("modifier_missing", "form", 0, case([TE], line("97110", modifiers="GO")), case([TE], line("97110", modifiers="GO"), terms={"payer": "medicare", "discipline": "OT"})),
    ("modifier_missing", "form", 0, case([TE], line("97110", modifiers="KX")), case([TE], line("97110", modifiers="GO"), terms={"payer": "medicare"})),
    ("modifier_unknown", "form", 0, case([TE], line("97110", modifiers="GP GQQ")), case([TE], line("97110", modifiers="GP KX"))),
    ("modifier_unknown", "form", 0, case([TE], line("97110", modifiers="GP XS"), **on(2014, 12, 31)),
     case([TE], line("97110", modifiers="GP XS"), **on(2015, 1, 1))),
    ("assistant_without_modifier", "form", 0, case([TE | {"minutes": 30}], line("97110", 2, "GP", 4)), case([TE | {"minutes": 30}], line("97110", 2, "GP", 3))),
    ("assistant_without_modifier", "form", 0, case([TE], line("97110", 1, "GP", 15)), case([TE], line("97110", 1, "GP CQ", 15))),
    ("assistant_without_modifier", "form", 0, case([TE], line("97110", 1, "GP", 15), **on(2020, 1, 1)), case([TE], line("97110", 1, "GP", 15), **on(2019, 12, 31))),
    ("assistant_without_modifier", "form", 0, case([TE], line("97110", 1, "GP", 15)), case([TE], line("97110", 1, "GP", 15), **AMA)),
    ("assistant_modifier_unneeded", "form", 0, case([TE], line("97110", 1, "GP CQ", 1)), case([TE], line("97110", 1, "GP CQ", 2))),
    ("assistant_unclear", "form", 0, case([TE], line("97110"), **ASSISTANT), case([TE], line("97110", modifiers="GP CQ"), **ASSISTANT)),
    ("assistant_unclear", "form", 0, case([TE], line("97110"), **ASSISTANT), case([TE], line("97110", 1, "GP", 0), **ASSISTANT)),
    ("over_daily_limit", "over", 1, case([TA | {"minutes": 105}], line("97530", 7)), case([TA | {"minutes": 90}], line("97530", 6))),
    ("over_daily_limit", "over", 1, case([TA | {"minutes": 105}], line("97530", 7)), case([TA | {"minutes": 105}], line("97530", 7), **AMA)),
    ("payers_differ", "form", 0, case([TE | {"minutes": 23}], line("97110", 2), terms=BOTH), case([TE | {"minutes": 30}], line("97110", 2), terms=BOTH)),
    ("payers_differ", "form", 0, case([TE | {"minutes": 23}], line("97110", 2), terms=BOTH),
     case([TE | {"minutes": 23}], line("97110", 2), terms=BOTH | {"secondary": "commercial_ama"})),
    ("code_not_in_force", "form", 0, case([EVALUATION], line("97161"), **on(2016, 12, 31)), case([EVALUATION], line("97161"), **on(2017, 1, 1))),
    ("code_not_in_force", "form", 0, case([EVALUATION | {"other_code": "97001"}], line("97001")),
     case([EVALUATION | {"other_code": "97001"}], line("97001"), **on(2016, 12, 31))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("finding", "direction", "number", "fires", "silent"), ROWS, ids=[f"{n}-{row[0]}" for n, row in enumerate(ROWS)]
)
def test_finding_and_twin(
    finding: str, direction: str, number: int, fires: tuple[Any, ...], silent: tuple[Any, ...], check: Check
) -> None:
    note, lines, rest = fires
    found = [each for each in check(note, *lines, **rest).findings if each.id == finding]
    assert [(each.direction, each.units) for each in found] == [(direction, number)]
    note, lines, rest = silent
    assert [each for each in check(note, *lines, **rest).findings if each.id == finding] == []


def test_every_finding_has_a_row() -> None:
    assert {row[0] for row in ROWS} == set(KINDS)


def test_a_claim_that_its_note_supports_has_no_finding(check: Check) -> None:
    checked = check([TE | {"minutes": 23}, TA | {"minutes": 15}], line("97110", 2), line("97530"))
    assert (checked.findings, checked.agrees, checked.over_units, checked.under_units) == ((), True, 0, 0)
    assert checked.rules == RULES.version
    assert (checked.billed, checked.supported) == ({"97110": 2, "97530": 1}, {"97110": 2, "97530": 1})


def test_lines_of_a_code_add_up_and_one_of_them_may_be_the_assistant_s(check: Check) -> None:
    note = [TE | {"minutes": 30}]
    assert check(note, line("97110", 1, "GP CQ", 15), line("97110", 1, "GP", 0)).findings == ()
    assert check(note, line("97110", 1, "GP"), line("97110", 1, "GP")).findings == ()


def test_the_messages_name_units_and_never_money(check: Check) -> None:
    [found] = check([TE | {"minutes": 22}], line("97110", 2)).findings
    assert found.message == (
        "Units of therapeutic exercise (97110): 2 billed, 1 supported by its minutes (22) under Medicare's 8-minute rule."
    )
    assert (found.rule, found.severity) == ("cms_8_minute", "warning")
    [found] = check([TE | {"minutes": 23}], line("97110", 1)).findings
    assert found.message == (
        "Units of therapeutic exercise (97110): 1 billed, 2 supported by its minutes (23) under Medicare's 8-minute rule."
    )
    text = data.read("claims.toml").lower()
    assert not [word for word in ("$", "dollar", "revenue", "profit", "earn more", "higher-paid") if word in text]


def test_what_is_not_confirmed_is_an_advice_alone(check: Check) -> None:
    [found] = check([TE | {"minutes": 105}], line("97110", 7)).findings
    assert (found.id, found.severity, found.rule) == ("over_daily_limit", "info", "mue.97110")
    assert "not confirmed" in found.message


def test_units_of_one_line_count_once(check: Check) -> None:
    checked = check([TE], line("97110", 3), **IN_GROUP)
    assert {each.id for each in checked.findings} == {"units_above_minutes", "group_billed_singly"}
    assert checked.over_units == 3


@pytest.mark.parametrize("bad", [0, -1, True])
def test_bad_units_are_refused(check: Check, bad: int) -> None:
    with pytest.raises(InvalidUnits, match="whole number, 1 or more"):
        check([TE], line("97110", bad))


def test_an_unknown_code_is_refused(check: Check) -> None:
    with pytest.raises(UnknownCode):
        check([TE], line("99999"))


# ---- every pair of the rules, in both orders, with and without its modifier


def pair_rows() -> list[Any]:
    return [
        pytest.param(rule, paid, denied, id=f"{rule.id}-{paid}-{denied}")
        for rule in RULES.of_kind("pair")
        for paid in rule.texts("column_1")
        for denied in rule.texts("column_2")
    ]


@pytest.mark.parametrize(("rule", "paid", "denied"), pair_rows())
def test_every_pair_in_both_orders_with_and_without_modifier(rule: Rule, paid: str, denied: str) -> None:
    day = rule.end or rule.start or DAY
    terms = terms_of(RULES, payer="medicare", day=day, discipline=None)

    def found(*lines: Line) -> list[str]:
        checked = check_claim(lines, Document(text=""), (), terms)
        return [each.id for each in checked.findings if each.rule == rule.id]

    sure = rule.sure("indicator", "from", "until")
    indicator = rule.number("indicator")
    if indicator == 9 or rule.yes("disputed"):
        without, with_one = [], []
    elif indicator == 0:
        without = with_one = ["pair_never"]
    else:
        without, with_one = (["pair_without_modifier"] if sure else ["pair_unconfirmed"]), []
    first, second, marked = line(paid), line(denied), line(denied, modifiers="GP 59")
    for lines in ((first, second), (second, first)):
        assert found(*lines) == without
    for lines in ((first, marked), (marked, first)):
        assert found(*lines) == with_one
    # On the other column it helps only where nobody has confirmed which is which.
    other = found(line(paid, modifiers="GP 59"), second)
    assert other == (with_one if indicator == 1 and not rule.sure("column_1", "column_2") else without)
    assert found(first) == found(second) == []


def test_there_are_as_many_pairs_as_the_rules_have() -> None:
    assert len(pair_rows()) == 206


CHANGES = sorted(
    {
        (paid, denied, day)
        for rule in RULES.of_kind("pair")
        for paid in rule.texts("column_1")[:1]
        for denied in rule.texts("column_2")[:1]
        for day in (rule.start, rule.end)
        if day is not None
    }
)


def pair_findings(paid: str, denied: str, day: date) -> list[tuple[str, str]]:
    terms = terms_of(RULES, payer="medicare", day=day)
    findings = check_claim([line(denied), line(paid)], Document(text=""), (), terms).findings
    return [(each.id, each.rule) for each in findings if each.id.startswith("pair_")]


@pytest.mark.parametrize(("paid", "denied", "day"), CHANGES, ids=[f"{a}-{b}-{day}" for a, b, day in CHANGES])
def test_a_claim_before_on_and_after_every_change_of_a_pair(paid: str, denied: str, day: date) -> None:
    rows = [
        rule
        for rule in RULES.of_kind("pair")
        if {paid, denied} <= {*rule.texts("column_1"), *rule.texts("column_2")} and not rule.yes("disputed")
    ]
    for each in (day - timedelta(days=1), day, day + timedelta(days=1)):
        [rule] = [r for r in rows if (r.start or date.min) <= each <= (r.end or date.max)] or [None]
        if rule is None or rule.number("indicator") == 9:
            expected = []
        elif not rule.sure("indicator", "from", "until"):
            expected = [("pair_unconfirmed", rule.id)]
        else:
            expected = [(("pair_never", "pair_without_modifier")[rule.number("indicator")], rule.id)]
        assert pair_findings(paid, denied, each) == expected


def test_a_physician_s_line_makes_its_pair_and_no_other_finding(check: Check) -> None:
    checked = check([EVALUATION], line("97161"), line("99281", modifiers=""))
    assert [(each.id, each.severity, each.rule) for each in checked.findings] == [
        ("pair_unconfirmed", "info", "99281-97161.2020-10")
    ]
    assert check([EVALUATION], line("97161")).findings == ()


# ---- what must hold for any note and claim

BLOCKS = st.lists(
    st.tuples(st.sampled_from(["97110", "97530", "97116", "97140"]), st.one_of(st.none(), st.integers(0, 60))),
    max_size=5,
)


def _services(
    services: Callable[..., tuple[Service, ...]], blocks: list[tuple[str, int | None]]
) -> tuple[Service, ...]:
    return services(
        *(
            {"code": code, "minutes": minutes}
            if code in ("97110", "97530")
            else {"code": "other", "other_code": code, "minutes": minutes}
            for code, minutes in blocks
        )
    )


@given(
    blocks=BLOCKS,
    billed=st.dictionaries(st.sampled_from(["97110", "97530", "97116"]), st.integers(1, 5)),
    random=st.randoms(),
)
def test_the_order_of_blocks_and_lines_never_matters(
    blocks: list[tuple[str, int | None]],
    billed: dict[str, int],
    random: Any,
    services: Callable[..., tuple[Service, ...]],
) -> None:
    terms = terms_of(RULES, payer="medicare", day=DAY, discipline="PT")
    lines = [line(code, number) for code, number in billed.items()]
    one = check_claim(lines, Document(text=""), _services(services, blocks), terms)
    random.shuffle(blocks)
    random.shuffle(lines)
    other = check_claim(lines, Document(text=""), _services(services, blocks), terms)
    assert (one.over_units, one.under_units, one.supported) == (other.over_units, other.under_units, other.supported)
    assert sorted(each.message for each in one.findings) == sorted(each.message for each in other.findings)


@given(minutes=st.dictionaries(st.sampled_from(["97110", "97530", "97116", "97140"]), st.integers(0, 60), min_size=1))
def test_what_the_arithmetic_gives_is_always_supported(
    minutes: dict[str, int], services: Callable[..., tuple[Service, ...]]
) -> None:
    for payer, policy in (("medicare", "cms_8_minute"), ("commercial_ama", "ama_midpoint"), ("strict_15", "full_15")):
        terms = terms_of(RULES, payer=payer, discipline="PT")
        lines = [line(code, number) for code, number in units(minutes, policy).items()]
        checked = check_claim(lines, Document(text=""), _services(services, list(minutes.items())), terms)
        assert (checked.over_units, checked.under_units) == (0, 0)


# ---- the file of findings


@pytest.mark.parametrize(
    ("old", "new", "row", "reason"),
    [
        ('direction = "over"', 'direction = "up"', "not_documented", "direction must be one of"),
        ('severity = "warning"', 'severity = "error"', "not_documented", "severity must be one of"),
        ("{billed} billed", "{billled} billed", "not_documented", "message may ask for"),
        ('action = "Take', 'acton = "Take', "not_documented", "action is missing"),
        ('id = "other_code_documented"', 'id = "not_documented"', "not_documented", "stands twice"),
    ],
)
def test_a_bad_file_of_findings_is_refused(old: str, new: str, row: str, reason: str) -> None:
    text = data.read("claims.toml")
    assert old in text
    with pytest.raises(LexiconError, match=reason) as caught:
        parse_findings(text.replace(old, new, 1))
    assert caught.value.entry == row
