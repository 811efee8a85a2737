"""A claim against its note: each finding fires where it should, its near twin does not, and both directions weigh alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing import data
from models.billing.claimed import KINDS, Line, parse_findings
from models.billing.claims import ClaimCheck, check_claim
from models.billing.errors import InvalidMinutes, InvalidUnits, UnknownCode
from models.billing.payers import terms_of
from models.billing.rows import Rule
from models.billing.rules import Rules, load_rules
from models.billing.units import units
from models.service import Service
from nlp.document import Document
from nlp.errors import LexiconError

RULES = load_rules()
# A payer that pays no assistants and holds to a limit of its own before Medicare's.
OWN = """
[header]
version = "1"
source = "our contracts"
reviewed = "2026-11-26"
reviewed_by = "the billing office"
[[payer]]
id = "acme"
name = "Acme Health"
policy = "ama_midpoint"
minimum_15 = false
tables = ["acme"]
modifiers = []
limits = true
assistants = "none"
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
[[limit]]
id = "acme.97530"
table = "acme"
code = "97530"
units = 2
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
DAY = date(2026, 5, 4)

TE = {"code": "97110", "minutes": 15}
TA = {"code": "97530", "minutes": 15}
GT = {"code": "other", "other_code": "97116", "minutes": 15}
MT = {"code": "other", "other_code": "97140", "minutes": 15}
GROUP = {"code": "other", "other_code": "97150"}
EVALUATION = {"code": "other", "other_code": "97161"}
UNTIMED_HEAT = {"code": "other", "other_code": "97010"}

COG = {"code": "other", "other_code": "97129", "minutes": 15}
HARDENING = {"code": "other", "other_code": "97545"}
STIM = {"code": "other", "other_code": "97014"}
MECHANICAL = {"code": "other", "other_code": "97012"}
SPEECH = {"code": "other", "other_code": "92526"}
NEEDLES = {"code": "other", "other_code": "20560"}
NONE = {"minutes": None}
SHARED = {"minutes": None, "shared": (5, 45)}

Check = Callable[..., ClaimCheck]


def line(code: str, units: int = 1, modifiers: str = "GP", assistant: int | None = None) -> Line:
    return Line(code, units, tuple(modifiers.split()), assistant)


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    path = tmp_path_factory.mktemp("rules") / "clinic.toml"
    path.write_text(OWN, encoding="utf-8")
    return load_rules(path)


@pytest.fixture
def check(services: Callable[..., tuple[Service, ...]], document: Callable[..., Document], own: Rules) -> Check:
    def build(note: list[dict[str, Any]], *lines: Line, terms: dict[str, Any] | None = None, **read: Any) -> ClaimCheck:
        given = {"payer": "medicare", "day": DAY, "discipline": "PT"} if terms is None else terms
        rules = own if given.get("payer") == "acme" else RULES
        return check_claim(lines, document(**read), services(*note), terms_of(rules, **given))

    return build


def case(note: list[dict[str, Any]], *lines: Line, **rest: Any) -> tuple[Any, ...]:
    return note, lines, rest


OT = {"terms": {"payer": "medicare", "day": DAY, "discipline": "OT"}}
NO_ASSISTANTS = {"terms": {"payer": "acme", "discipline": "PT"}}
AMA = {"terms": {"payer": "commercial_ama", "discipline": "PT"}}
BOTH: dict[str, Any] = {"payer": "medicare", "secondary": "strict_15", "day": DAY, "discipline": "PT"}
NO_PAYER: dict[str, Any] = {"terms": {}}
ASSISTANT = {"notices": [(920, "assistant")]}
IN_GROUP = {"notices": [(920, "group")]}


def timed(*minutes: int) -> dict[str, Any]:
    return {"totals": [(950 + 10 * number, value, "timed") for number, value in enumerate(minutes)]}


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
    ("modifier_unknown", "form", 0, case([TE], line("97110", modifiers="GP 98")), case([TE], line("97110", modifiers="GP 97"))),
    ("modifier_unknown", "form", 0, case([TE], line("97110", modifiers="GP R")), case([TE], line("97110", modifiers="GP RT"))),
    ("modifier_not_in_force", "form", 0, case([TE], line("97110", modifiers="GP XS"), **on(2014, 12, 31)),
     case([TE], line("97110", modifiers="GP XS"), **on(2015, 1, 1))),
    ("modifier_not_in_force", "form", 0, case([TE], line("97110", modifiers="GP CQ"), **on(2019, 12, 31)),
     case([TE], line("97110", modifiers="GP CQ"), **on(2020, 1, 1))),
    # first units and their add-ons: one service
    ("units_above_minutes", "over", 1, case([COG | {"minutes": 30}], line("97129"), line("97130", 2)),
     case([COG | {"minutes": 30}], line("97129"), line("97130"))),
    ("units_below_minutes", "under", 1, case([COG | {"minutes": 30}], line("97129")), case([COG | {"minutes": 22}], line("97129"))),
    ("not_billed", "under", 3, case([COG | {"minutes": 45}]), case([COG | {"minutes": 7}])),
    ("not_documented", "over", 1, case([TE], line("97110"), line("97130")), case([TE, COG | {"minutes": 30}], line("97110"), line("97129"), line("97130"))),
    ("first_code_repeated", "form", 0, case([COG | {"minutes": 30}], line("97129", 2)),
     case([COG | {"minutes": 30}], line("97129"), line("97130"))),
    ("add_on_alone", "form", 0, case([COG], line("97130")), case([COG], line("97129"))),
    ("add_on_alone", "form", 0, case([HARDENING], line("97546")), case([HARDENING], line("97545"), line("97546"))),
    # months of monitoring begin with another claim
    ("add_on_alone", "form", 0, case([COG], line("97130")), case([{"code": "other", "other_code": "98981"}], line("98981"))),
    ("code_not_paid", "form", 0, case([UNTIMED_HEAT], line("97010")), case([UNTIMED_HEAT], line("97010"), **AMA)),
    ("code_not_paid", "form", 0, case([STIM], line("97014")), case([STIM], line("G0283"))),
    ("code_not_paid", "form", 0, case([NEEDLES], line("20560")), case([NEEDLES], line("20560", modifiers="GO"), **OT)),
    ("not_documented", "over", 1, case([TE], line("97110"), line("G0283")), case([TE, STIM], line("97110"), line("G0283"))),
    # untimed work that the note holds and the claim does not
    ("not_billed", "under", 1, case([TE, EVALUATION], line("97110")), case([TE, EVALUATION], line("97110"), line("97161"))),
    ("not_billed", "under", 1, case([TE, EVALUATION], line("97110")), case([TE, EVALUATION], line("97110"), line("97163"))),
    ("not_billed", "under", 1, case([TE, UNTIMED_HEAT], line("97110", modifiers="GP"), **AMA), case([TE, UNTIMED_HEAT], line("97110"))),
    ("not_billed", "under", 1, case([TE, STIM], line("97110")), case([TE, STIM], line("97110"), line("G0283"))),
    ("not_billed", "under", 1, case([TE, MECHANICAL], line("97110")), case([TE, SPEECH], line("97110"))),
    # totals alone, where the policy asks for no more
    ("minutes_in_total", "unknown", 0, case([TE | NONE], line("97110"), **timed(15)), case([TE], line("97110"), **timed(15))),
    ("minutes_in_total", "unknown", 0, case([TE | NONE], line("97110"), **timed(15)), case([TE | NONE], line("97110"), **timed(15), **AMA)),
    ("minutes_in_total", "unknown", 0, case([TE | NONE], line("97110"), **timed(15)), case([TE | NONE], line("97110"), **timed(15, 30))),
    ("minutes_in_total", "unknown", 0, case([TE | NONE], line("97110"), **timed(15)), case([TE | NONE], line("97110"), totals=[(950, 15, "visit")])),
    ("minutes_unknown", "unknown", 0, case([TE | NONE], line("97110"), totals=[(950, 15, "visit")]), case([TE | NONE], line("97110"), **timed(15))),
    ("minutes_unknown", "unknown", 0, case([TE, TA | NONE], line("97110"), line("97530"), **timed(14)), case([TE, TA | NONE], line("97110"), line("97530"), **timed(30))),
    ("units_above_minutes", "over", 1, case([TE | NONE, GT | NONE], line("97110", 2), line("97116", 2), **timed(45)),
     case([TE | NONE, GT | NONE], line("97110", 2), line("97116"), **timed(45))),
    ("units_below_minutes", "under", 1, case([TE | NONE, GT | NONE], line("97110"), line("97116"), **timed(45)),
     case([TE | NONE, GT | NONE], line("97110"), line("97116"), **timed(37))),
    ("units_above_minutes", "over", 1, case([TE | SHARED, TA | SHARED], line("97110", 2), line("97530", 2)),
     case([TE | SHARED, TA | SHARED], line("97110", 2), line("97530"))),
    # an assistant's units: whole 15s, then what is left
    ("assistant_without_modifier", "form", 0, case([TE], line("97110", 1, "GP", 15)), case([TE], line("97110", 1, "GP CQ", 15))),
    ("assistant_without_modifier", "form", 0, case([TE | {"minutes": 45}], line("97110", 3, "GP", 15)),
     case([TE | {"minutes": 45}], line("97110", 2, "GP", 0), line("97110", 1, "GP CQ", 15))),
    ("assistant_without_modifier", "form", 0, case([TE], line("97110", 1, "GP", 15), **on(2020, 1, 1)), case([TE], line("97110", 1, "GP", 15), **on(2019, 12, 31))),
    ("assistant_without_modifier", "form", 0, case([TE], line("97110", 1, "GP", 15)), case([TE], line("97110", 1, "GP", 15), **AMA)),
    ("assistant_without_modifier", "form", 0, case([TE | {"minutes": 30}], line("97110", 2, "GP", 4), **on(2021, 12, 31)), case([TE | {"minutes": 30}], line("97110", 2, "GP", 4), **on(2022, 1, 1))),
    ("assistant_without_modifier", "form", 0, case([TE | {"minutes": 22}], line("97110", 1, "GP", 15)), case([TE | {"minutes": 22}], line("97110", 1, "GP", 2))),
    ("assistant_without_modifier", "form", 0, case([GROUP | {"minutes": 30}], line("97150", 1, "GP", 4)), case([GROUP | {"minutes": 30}], line("97150", 1, "GP", 3))),
    ("assistant_without_modifier", "form", 0, case([COG | {"minutes": 30}], line("97129", 1, "GP", 15), line("97130", 1, "GP")),
     case([COG | {"minutes": 30}], line("97129", 1, "GP", 0), line("97130", 1, "GP CQ", 15))),
    ("assistant_modifier_unneeded", "form", 0, case([TE | {"minutes": 45}], line("97110", 3, "GP CQ", 15)),
     case([TE | {"minutes": 45}], line("97110", 2), line("97110", 1, "GP CQ", 15))),
    ("assistant_modifier_unneeded", "form", 0, case([TE], line("97110", 1, "GP CQ", 1)), case([TE], line("97110", 1, "GP CQ", 2))),
    # the rule that would spare it is not confirmed, so that either claim is an advice
    ("assistant_last_unit", "form", 0, case([TE | {"minutes": 30}], line("97110", 2, "GP", 4)), case([TE | {"minutes": 30}], line("97110", 2, "GP", 3))),
    ("assistant_last_unit", "form", 0, case([TE | {"minutes": 30}], line("97110", 2, "GP", 4)), case([TE | {"minutes": 30}], line("97110", 2, "GP", 4), **on(2021, 12, 31))),
    ("assistant_last_unit", "form", 0, case([TE | {"minutes": 15}], line("97110", 1, "GP CQ", 7)), case([TE | {"minutes": 15}], line("97110", 1, "GP CQ", 8))),
    ("assistant_above_minutes", "form", 0, case([TE | {"minutes": 30}], line("97110", 2, "GP CQ", 31)), case([TE | {"minutes": 30}], line("97110", 2, "GP CQ", 30))),
    ("assistant_above_minutes", "form", 0, case([TE | {"minutes": 30}], line("97110", 1, "GP CQ", 20), line("97110", 1, "GP CQ", 20)),
     case([TE | {"minutes": 30}], line("97110", 1, "GP CQ", 15), line("97110", 1, "GP CQ", 15))),
    ("assistant_unclear", "form", 0, case([TE], line("97110"), **ASSISTANT), case([TE], line("97110", modifiers="GP CQ"), **ASSISTANT)),
    ("assistant_unclear", "form", 0, case([TE], line("97110"), **ASSISTANT), case([TE], line("97110", 1, "GP", 0), **ASSISTANT)),
    ("assistant_not_paid", "over", 1, case([TE], line("97110", 1, "GP", 15), **NO_ASSISTANTS), case([TE], line("97110", 1, "GP", 0), **NO_ASSISTANTS)),
    ("assistant_not_paid", "over", 1, case([TE | {"minutes": 30}], line("97110", 1, "GP CQ"), line("97110"), **NO_ASSISTANTS),
     case([TE | {"minutes": 30}], line("97110", 2), **NO_ASSISTANTS)),
    ("assistant_not_paid", "over", 1, case([TE], line("97110", 1, "GP", 15), **NO_ASSISTANTS), case([TE], line("97110", 1, "GP", 15), **AMA)),
    ("assistant_perhaps_not_paid", "unknown", 0, case([TE], line("97110"), **NO_ASSISTANTS, **ASSISTANT), case([TE], line("97110"), **NO_ASSISTANTS)),
    ("assistant_perhaps_not_paid", "unknown", 0, case([TE], line("97110"), **NO_ASSISTANTS, **ASSISTANT), case([TE], line("97110", 1, "GP", 0), **NO_ASSISTANTS, **ASSISTANT)),
    ("over_daily_limit", "over", 1, case([TA | {"minutes": 105}], line("97530", 7)), case([TA | {"minutes": 90}], line("97530", 6))),
    # its own table's limit comes before Medicare's
    ("over_daily_limit", "over", 3, case([TA | {"minutes": 75}], line("97530", 5), **NO_ASSISTANTS), case([TA | {"minutes": 30}], line("97530", 2), **NO_ASSISTANTS)),
    ("over_daily_limit", "over", 1, case([GT | {"minutes": 75}], line("97116", 5), **NO_ASSISTANTS), case([GT | {"minutes": 60}], line("97116", 4), **NO_ASSISTANTS)),
    ("over_daily_limit", "over", 1, case([TA | {"minutes": 105}], line("97530", 7)), case([TA | {"minutes": 105}], line("97530", 7), **AMA)),
    ("payers_differ", "form", 0, case([TE | {"minutes": 23}], line("97110", 2), terms=BOTH), case([TE | {"minutes": 30}], line("97110", 2), terms=BOTH)),
    ("payers_differ", "form", 0, case([TE | {"minutes": 23}], line("97110", 2), terms=BOTH),
     case([TE | {"minutes": 23}], line("97110", 2), terms=BOTH | {"secondary": "commercial_ama"})),
    ("code_not_in_force", "form", 0, case([EVALUATION], line("97161"), **on(2016, 12, 31)), case([EVALUATION], line("97161"), **on(2017, 1, 1))),
    ("date_outside_rules", "unknown", 0, case([TE], line("97110"), **on(2027, 1, 1)), case([TE], line("97110"), **on(2026, 12, 31))),
    ("date_outside_rules", "unknown", 0, case([TE], line("97110"), terms={"day": date(2000, 3, 31)}), case([TE], line("97110"), **NO_PAYER)),
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


PELVIC = {"code": "other", "other_code": "90912", "minutes": 15}

# finding, claim in which it rests on what nobody has confirmed (info), and a twin whose rule is confirmed (warning)
ADVICE = [
    ("modifier_missing", case([TE], line("97110", modifiers=""), **AMA), case([TE], line("97110", modifiers=""))),
    ("units_above_minutes", case([PELVIC], line("90912"), line("90913")), case([COG], line("97129"), line("97130"))),
    ("first_code_repeated", case([PELVIC | {"minutes": 30}], line("90912", 2)), case([COG | {"minutes": 30}], line("97129", 2))),
    ("add_on_alone", case([HARDENING], line("97546")), case([COG], line("97130"))),
    ("code_not_in_force", case([COG | {"other_code": "97532"}], line("97532")), case([COG | {"other_code": "G0515"}], line("G0515"))),
    ("code_not_paid", case([STIM], line("97014")), case([UNTIMED_HEAT], line("97010"))),
    ("code_not_paid", case([NEEDLES], line("20560"), terms={"payer": "medicare"}), case([NEEDLES], line("20560"))),
    ("not_billed", case([TE, MECHANICAL | {"other_code": "97037"}], line("97110")), case([TE, MECHANICAL], line("97110"))),
    ("modifier_not_in_force", None, case([TE], line("97110", modifiers="GP CQ"), **on(2019, 12, 31))),
    ("modifier_unknown", case([TE], line("97110", modifiers="GP ZZ")), None),
    ("date_outside_rules", case([TE], line("97110"), **on(2027, 3, 2)), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("finding", "severity", "claim"),
    [
        pytest.param(finding, severity, claim, id=f"{number}-{finding}-{severity}")
        for number, (finding, *claims) in enumerate(ADVICE)
        for severity, claim in zip(("info", "warning"), claims, strict=True)
        if claim is not None
    ],
)
def test_what_is_not_confirmed_is_an_advice_alone(
    finding: str, severity: str, claim: tuple[Any, ...], check: Check
) -> None:
    note, lines, rest = claim
    checked = check(note, *lines, **rest)
    assert [each.severity for each in checked.findings if each.id == finding] == [severity]
    assert checked.agrees is (severity == "info")


def test_each_payer_s_count_is_told_whether_they_differ_or_not(check: Check) -> None:
    for minutes, first, second in ((23, 2, 1), (30, 2, 2)):
        told = check([TE | {"minutes": minutes}], line("97110", 2), terms=BOTH).payers
        assert [(each.id, each.governs, each.units) for each in told] == [
            ("medicare", True, {"97110": first}),
            ("strict_15", False, {"97110": second}),
        ]
    assert [each.id for each in check([TE], line("97110")).payers] == ["medicare"]
    assert check([TE], line("97110"), **NO_PAYER).payers == ()


def test_a_unit_policy_that_was_not_in_force_is_told(
    services: Callable[..., tuple[Service, ...]], document: Callable[..., Document], tmp_path: Path
) -> None:
    """A clinic's own payer may count as Medicare does, and its rows may go further back than Medicare's count."""
    path = tmp_path / "clinic.toml"
    early = OWN.replace('code = "97530"\n', 'code = "97530"\nfrom = 1999-01-01\n')
    path.write_text(early.replace('"ama_midpoint"', '"cms_8_minute"'), encoding="utf-8")
    rules, lines = load_rules(path), (line("97110"),)

    def told(day: date | None, **payers: str) -> list[tuple[str, str, str]]:
        terms = terms_of(rules, day=day, discipline="PT", **payers)
        found = check_claim(lines, document(), services(TE), terms).findings
        return [(each.severity, each.rule, each.message) for each in found if each.id == "date_outside_rules"]

    said = ("info", "cms_8_minute", "Medicare's 8-minute rule was not in force on 2000-03-31 (rule cms_8_minute).")
    assert told(date(2000, 3, 31), payer="acme") == [said]
    assert told(date(2000, 3, 31), payer="strict_15", secondary="acme") == [said]
    assert told(date(2000, 3, 31), payer="acme", secondary="strict_15") == [said]
    assert told(date(2000, 4, 1), payer="acme") == []
    assert told(date(2000, 3, 31), payer="strict_15") == []
    assert told(date(2000, 3, 31)) == []
    assert told(None, payer="acme") == []
    # Of a day of which no rule says anything, that is said and no more.
    [(_, rule, message)] = told(date(1998, 12, 31), payer="acme")
    assert (rule, message.partition(";")[0]) == ("", "The rules here speak of 1999-01-01 to 2026-12-31")


def test_an_advice_says_that_nobody_has_confirmed_it(check: Check) -> None:
    [found] = check([TE], line("97110", modifiers=""), **AMA).findings
    assert found.message == (
        "Therapeutic exercise (97110) lacks GP, which a commercial plan (AMA's count) wants on each line. "
        "Nobody has confirmed the rule behind this: look it up."
    )
    [found] = check([TE | {"minutes": 105}], line("97110", 7)).findings
    assert (found.id, found.severity, found.rule) == ("over_daily_limit", "info", "mue.97110")
    assert "not confirmed" in found.message


@pytest.mark.parametrize("modifiers", ["GP", "GP 59"])
def test_a_payer_whose_tables_nobody_has_confirmed_only_advises_on_pairs(check: Check, modifiers: str) -> None:
    """The pair that Medicare never pays, and one that a modifier allows: each an advice, the second only without it."""
    never = {"terms": {"payer": "commercial_ama", "day": date(2020, 1, 24), "discipline": "PT"}}
    checked = check([EVALUATION, TA], line("97161"), line("97530", modifiers=modifiers), **never)
    assert [(each.id, each.severity) for each in checked.findings] == [("pair_unconfirmed", "info")]
    checked = check([TA, GT], line("97530"), line("97116", modifiers=modifiers), **AMA)
    assert [each.id for each in checked.findings] == ([] if "59" in modifiers else ["pair_unconfirmed"])


# 97110, assistant's minutes of all, units, line with the modifier; then what is told, on a day before and after the last unit's rule
ASSISTED = [
    # the source's own example (cq-1): one whole 15 is the assistant's; where the last unit goes was cut off in the text read
    (36, 23, 2, 1, "assistant_without_modifier", "assistant_last_unit"),
    (36, 23, 2, 2, "", "assistant_last_unit"),
    (36, 23, 2, 0, "assistant_without_modifier", "assistant_without_modifier"),
    (45, 15, 3, 1, "", ""),
    (45, 15, 3, 3, "assistant_modifier_unneeded", "assistant_modifier_unneeded"),
    (45, 15, 3, 0, "assistant_without_modifier", "assistant_without_modifier"),
    (30, 3, 2, 0, "", ""),
    # 3 of 15 minutes of the last unit, 3 of 30 of all: the share is said of "that service's minutes", so either is right
    (30, 3, 2, 1, "", ""),
    (30, 4, 2, 0, "assistant_without_modifier", "assistant_last_unit"),
    (30, 4, 2, 1, "", "assistant_last_unit"),
    (30, 4, 2, 2, "assistant_modifier_unneeded", "assistant_modifier_unneeded"),
    (22, 15, 1, 1, "", ""),
    (22, 15, 1, 0, "assistant_without_modifier", "assistant_without_modifier"),
    # 7 and 8 minutes of the therapist's own in the last unit
    (22, 14, 1, 0, "assistant_without_modifier", "assistant_last_unit"),
    (21, 14, 1, 0, "assistant_without_modifier", "assistant_without_modifier"),
    # two units left of 14 and 14 minutes: one of them at least is the assistant's
    (28, 14, 2, 1, "", ""),
    (28, 14, 2, 2, "", ""),
    (28, 14, 2, 0, "assistant_without_modifier", "assistant_without_modifier"),
    # one whole 15 of each, one unit billed: whose was left off is open
    (30, 15, 1, 0, "", ""),
    (30, 15, 1, 1, "", ""),
    (30, 30, 2, 2, "", ""),
    (30, 30, 2, 1, "assistant_without_modifier", "assistant_without_modifier"),
    (30, 0, 2, 1, "assistant_modifier_unneeded", "assistant_modifier_unneeded"),
    (30, 31, 2, 2, "assistant_above_minutes", "assistant_above_minutes"),
]  # fmt: skip


@pytest.mark.parametrize(("minutes", "assistant", "units", "marked", "before", "after"), ASSISTED)
def test_units_of_an_assistant(
    check: Check, minutes: int, assistant: int, units: int, marked: int, before: str, after: str
) -> None:
    lines = [
        line("97110", number, modifiers) for number, modifiers in ((units - marked, "GP"), (marked, "GP CQ")) if number
    ]
    lines[0] = lines[0]._replace(assistant_minutes=assistant)
    for day, told in ((date(2021, 12, 31), before), (date(2022, 1, 1), after)):
        checked = check([TE | {"minutes": minutes}], *lines, **on(day.year, day.month, day.day))
        found = [each for each in checked.findings if each.id.startswith("assistant")]
        assert [each.id for each in found] == ([told] if told else [])
        assert [each.severity for each in found if each.id == "assistant_last_unit"] == ["info"] * (
            told == "assistant_last_unit"
        )


def test_a_confirmed_rule_of_the_last_unit_decides(
    tmp_path: Path, services: Callable[..., tuple[Service, ...]]
) -> None:
    path = tmp_path / "clinic.toml"
    share = """
[[share]]
id = "assistant.last_unit"
text = "as read in the manual"
from = 2022-01-01
source = "the manual, section 20.1"
checked = 2026-11-26
confirmed = true
"""
    path.write_text(OWN.partition("[[payer]]")[0] + share, encoding="utf-8")
    terms = terms_of(load_rules(path), payer="medicare", day=DAY, discipline="PT")
    note = services(TE | {"minutes": 30})

    def told(*lines: Line) -> list[str]:
        return [each.id for each in check_claim(lines, Document(text=""), note, terms).findings]

    assert told(line("97110", 2, "GP", 4)) == []
    assert told(line("97110", 1, "GP", 4), line("97110", 1, "GP CQ", 0)) == ["assistant_modifier_unneeded"]


def test_an_assistant_s_finding_says_how_many_units(check: Check) -> None:
    [found] = check([TE | {"minutes": 45}], line("97110", 3, "GP CQ", 15)).findings
    assert found.message == (
        "An assistant gave 15 of 45 min of therapeutic exercise (97110): "
        "CQ belongs on 1 of 3 units at most, and 3 have it."
    )


def test_a_finding_cites_the_source_of_its_rule(check: Check) -> None:
    [found] = [each for each in check([TE | {"minutes": 22}], line("97110", 2)).findings if each.rule]
    assert found.source.endswith(f"; {RULES.rows['cms_8_minute'].source}")
    # a finding with no rule behind it has its own ground alone
    [unruled] = [each for each in check([MT], line("97140"), line("97012")).findings if each.id == "not_documented"]
    assert (unruled.rule, unruled.source) == ("", KINDS["not_documented"].source)


def test_no_finding_leaves_a_value_of_its_words_open(check: Check) -> None:
    for _, _, _, (note, lines, rest), _ in ROWS:
        for found in check(note, *lines, **rest).findings:
            assert "{" not in found.message + found.action
    [found] = [each for each in check([TE], line("97110"), **ASSISTANT).findings if each.id == "assistant_unclear"]
    assert found.action == "Find out whose minutes they were; the modifier is wanted above 10 percent."


def test_units_of_one_line_count_once(check: Check) -> None:
    checked = check([TE], line("97110", 3), **IN_GROUP)
    assert {each.id for each in checked.findings} == {"units_above_minutes", "group_billed_singly"}
    assert checked.over_units == 3


@pytest.mark.parametrize("bad", [-1, True])
def test_bad_minutes_of_an_assistant_are_refused(check: Check, bad: int) -> None:
    with pytest.raises(InvalidMinutes, match="whole number, 0 or more"):
        check([TE], line("97110", 1, "GP", bad))


def test_a_first_code_and_its_add_on_are_one_service(check: Check) -> None:
    """The claim that is right, and the units of one code moved to the other."""
    checked = check([COG | {"minutes": 30}], line("97129"), line("97130"))
    assert (checked.findings, checked.supported) == ((), {"97129": 1, "97130": 1})
    checked = check([COG | {"minutes": 30}], line("97129"), line("97130", 2))
    assert (checked.over_units, [each.code for each in checked.findings]) == (1, ["97130"])


def test_units_in_all_are_held_against_a_total(check: Check) -> None:
    """The note's own "Total timed 45 min": Medicare asks for no minutes of each service."""
    note = [TE | NONE, GT | NONE]
    checked = check(note, line("97110", 2), line("97116"), **timed(45))
    assert [(each.id, each.severity) for each in checked.findings] == [("minutes_in_total", "info")] * 2
    assert (checked.agrees, checked.over_units, checked.under_units) == (True, 0, 0)
    checked = check(note, line("97110", 2), line("97116", 2), **timed(45))
    assert (checked.over_units, checked.findings[0].message) == (
        1,
        "Timed units in all: 4 billed, 3 supported by the note's total of 45 timed minutes under Medicare's 8-minute rule.",
    )


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
    st.tuples(
        st.sampled_from(["97110", "97530", "97116", "97140", "97129", "97130", "97161"]),
        st.one_of(st.none(), st.integers(0, 60)),
    ),
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
    billed=st.dictionaries(st.sampled_from(["97110", "97530", "97116", "97129", "97130"]), st.integers(1, 5)),
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


@given(
    minutes=st.dictionaries(
        st.sampled_from(["97110", "97530", "97116", "97140", "97129", "97130"]), st.integers(0, 60), min_size=1
    )
)
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
        ("{percent} percent.", "{percnt} percent.", "assistant_unclear", "action may ask for"),
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
