"""The rules as rows: what each must say, on which days it holds, how a bad file is refused, what a clinic may change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing import data
from models.billing.codes import CODES
from models.billing.errors import UnknownPayer, UnknownRule
from models.billing.payers import payer_named, payer_names, payer_units, terms_of
from models.billing.rows import KINDS, Rule
from models.billing.rules import assistant_marked, load_rules, problems_of
from models.billing.units import POLICIES
from nlp.errors import LexiconError

RULES = load_rules()
ROWS = list(RULES.rows.values())
DAY = timedelta(days=1)

HEADER = """
[header]
version = "7"
source = "our contracts"
reviewed = "2026-11-26"
reviewed_by = "the billing office"
"""
PAYER = """
[[payer]]
id = "acme"
name = "Acme Health"
policy = "ama_midpoint"
minimum_15 = false
tables = ["acme"]
modifiers = ["discipline"]
limits = false
day_cap = 4
assistants = "plain"
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
PAIR = """
[[pair]]
id = "acme.97110-97530"
table = "acme"
column_1 = ["97110"]
column_2 = ["97530"]
indicator = 1
from = 2026-01-01
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
THRESHOLD = """
[[threshold]]
id = "kx.2027"
name = "kx"
dollars = 2560
from = 2027-01-01
until = 2027-12-31
source = "a page of 2026-11-30"
checked = 2026-11-30
confirmed = true
"""
CODE = """
[[code]]
number = "S9999"
name = "our own programme"
timed = true
unit_minutes = 15
group = "procedure"
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
SHARE = """
[[share]]
id = "assistant.share"
text = "our contract's share"
percent = 12
from = 2020-01-01
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
GOOD = HEADER + PAYER + PAIR + THRESHOLD + CODE + SHARE


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


# ---- the rules that ship


def test_every_kind_has_rows_and_every_row_its_source() -> None:
    counted = {kind: len(RULES.of_kind(kind)) for kind in KINDS}
    assert counted == {
        "code": 88, "policy": 3, "counting": 6, "pair": 61, "limit": 21, "threshold": 10, "modifier": 25, "share": 5,
        "requirement": 27, "payer": 3,
    }  # fmt: skip
    assert all(rule.source and rule.checked <= date(2026, 11, 26) for rule in ROWS)


def test_what_was_not_confirmed_stays_marked() -> None:
    unconfirmed = [rule for rule in ROWS if not rule.confirmed]
    assert len(unconfirmed) == 78
    assert all(rule.confirmed is False for rule in ROWS if rule.source == "general knowledge")
    for id in ("97110-97530", "97150-97530", "mue.97110", "GA", "assistant.last_unit", "full_15", "strict_15", "97545"):
        assert not RULES.get(id).confirmed, id
    for id, field in (
        ("mue.97035", "until"), ("review.2018", "until"), ("97165-97140.2020-01", "until"),
    ):  # fmt: skip
        rule = RULES.get(id)
        assert rule.sure(), id
        assert not rule.sure(field), id


@pytest.mark.parametrize(
    "pair",
    [
        ("97530", "97116"), ("97140", "97530"), ("97530", "97164"), ("97150", "97110"), ("97110", "97164"),
        ("97112", "97164"), ("97113", "97164"), ("97116", "97164"), ("97140", "97164"), ("97150", "97112"),
        ("97150", "97116"), ("97150", "97164"), ("99285", "97168"),
    ],
)  # fmt: skip
def test_what_was_not_read_of_a_pair_s_past_is_no_day_without_an_edit(pair: tuple[str, str]) -> None:
    edits = [edit for day in (date(2018, 6, 1), date(2019, 12, 31)) for edit in RULES.edits(pair, day, ("ncci",))]
    assert [(edit.paid, edit.denied, edit.sure) for edit in edits] == [(*pair, False)] * 2


# Announced as new with 2020, so that nothing was edited before.
@pytest.mark.parametrize("pair", [("97161", "97530"), ("97161", "97150"), ("97161", "97140")])
def test_a_pair_that_was_new_with_2020_has_no_past(pair: tuple[str, str]) -> None:
    assert RULES.edits(pair, date(2019, 12, 31), ("ncci",)) == ()
    assert len(RULES.edits(pair, date(2020, 1, 1), ("ncci",))) == 1


def test_the_shipped_files_have_no_problem() -> None:
    assert problems_of(None) == ()


def test_every_code_of_the_list_is_a_rule() -> None:
    assert dict(RULES.codes) == dict(CODES)
    assert {rule.id for rule in RULES.of_kind("policy")} == set(POLICIES)


def changes() -> Iterator[Any]:
    for rule in ROWS:
        for day in (rule.start, rule.end):
            if day is not None:
                yield pytest.param(rule, day, id=f"{rule.id}-{day}")


@pytest.mark.parametrize(("rule", "day"), list(changes()))
def test_before_on_and_after_every_change(rule: Rule, day: date) -> None:
    if day == rule.start:
        assert (rule.holds(day - DAY), rule.holds(day)) == (False, True)
        assert rule.holds(day + DAY) is (rule.end is None or day < rule.end)
    if day == rule.end:
        assert (rule.holds(day), rule.holds(day + DAY)) == (True, False)
        assert rule.holds(day - DAY) is (rule.start is None or rule.start < day)


@pytest.mark.parametrize("rule", ROWS, ids=[rule.id for rule in ROWS])
def test_without_a_day_what_is_open_holds(rule: Rule) -> None:
    assert rule.holds(None) is (rule.end is None)


@pytest.mark.parametrize(
    ("day", "dollars"),
    [
        (date(2018, 1, 1), 2010),
        (date(2018, 12, 31), 2010),
        (date(2019, 6, 1), 2040),
        (date(2020, 1, 1), 2080),
        (date(2021, 12, 31), 2110),
        (date(2022, 1, 1), 2150),
        (date(2023, 7, 4), 2230),
        (date(2024, 2, 29), 2330),
        (date(2025, 12, 31), 2410),
        (date(2026, 1, 1), 2480),
        (date(2026, 12, 31), 2480),
    ],
)
def test_the_yearly_amount_of_a_day(day: date, dollars: int | None) -> None:
    found = [rule.number("dollars") for rule in RULES.on("threshold", day) if rule.text("name") == "kx"]
    assert found == ([] if dollars is None else [dollars])


@pytest.mark.parametrize(
    ("assistant", "minutes", "marked"),
    [(0, 30, False), (3, 30, False), (4, 30, True), (1, 10, False), (2, 19, True), (1, 9, True), (15, 15, True)],
)
def test_ten_percent_is_not_more_than_ten_percent(assistant: int, minutes: int, marked: bool) -> None:
    assert assistant_marked(assistant, minutes, RULES.get("assistant.share")) is marked


def test_the_assistant_s_share_begins_with_2020() -> None:
    assert RULES.assistant_share(date(2019, 12, 31)) is None
    assert RULES.assistant_share(date(2020, 1, 1)) is not None
    assert RULES.modifiers("assistant", "PT", date(2019, 12, 31)) == ()
    assert RULES.modifiers("assistant", "PT", date(2020, 1, 1)) == ("CQ",)
    assert RULES.modifiers("assistant", None, None) == ("CQ", "CO")


@given(st.dates(date(1999, 1, 1), date(2035, 1, 1)), st.sets(st.sampled_from(sorted(CODES)), max_size=8))
def test_an_expired_rule_never_fires(day: date, codes: set[str]) -> None:
    for edit in RULES.edits(codes, day, ("ncci",)):
        assert (edit.rule.start or day) <= day <= (edit.rule.end or day)
        assert {edit.paid, edit.denied} <= codes
        assert edit.rule.number("indicator") in (0, 1)
    for code in codes:
        limit = RULES.limit(code, day)
        assert limit is None or (limit.start or day) <= day <= (limit.end or day)


@given(st.dates(date(1999, 1, 1), date(2035, 1, 1)))
def test_no_pair_is_edited_twice_on_a_day(day: date) -> None:
    edits = RULES.edits(set(CODES), day, ("ncci",))
    assert len(edits) == len({frozenset((edit.paid, edit.denied)) for edit in edits})


def test_a_limit_of_a_payer_s_own_table_comes_before_medicare_s(tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    limit = """
[[limit]]
id = "acme.97530"
table = "acme"
code = "97530"
units = 2
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
    path.write_text(HEADER + PAYER + limit, encoding="utf-8")
    rules, day = load_rules(path), date(2026, 5, 4)
    acme, medicare = payer_named(rules, "acme", None), payer_named(rules, "medicare", None)
    assert (acme.limit_tables, medicare.limit_tables) == (("acme",), ("ncci", ""))

    def found(code: str, tables: tuple[str, ...]) -> str | None:
        rule = rules.limit(code, day, tables)
        return None if rule is None else rule.id

    assert [found("97530", tables) for tables in (acme.limit_tables, ("acme", ""), medicare.limit_tables)] == [
        "acme.97530", "acme.97530", "mue.97530",
    ]  # fmt: skip
    assert [found("97116", tables) for tables in (acme.limit_tables, ("acme", ""))] == [None, "mue.97116"]
    path.write_text(HEADER + PAYER + limit + limit.replace("acme.97530", "acme.again"), encoding="utf-8")
    assert [problem.entry for problem in problems_of(path)] == ["acme.again"]


def test_a_second_source_is_kept() -> None:
    second = {rule.id for rule in ROWS if rule.second_source}
    assert second == {
        "kx.2025", "kx.2026", "treatment_note.minutes_per_intervention", "plan_of_care.type_amount_duration_frequency",
        "plan_of_care.recertified",
    }  # fmt: skip
    assert all(RULES.get(id).second_source.startswith("https://") for id in second)


def test_a_disputed_pair_is_shown_and_never_used() -> None:
    assert RULES.get("97530-97535").yes("disputed")
    assert RULES.edits({"97530", "97535"}, None, ("ncci",)) == ()


def test_an_unknown_rule_is_told_with_those_like_it() -> None:
    with pytest.raises(UnknownRule, match=r"97530-97116\.2020-01") as caught:
        RULES.get("97530-97116")
    assert caught.value.rule == "97530-97116"
    with pytest.raises(UnknownRule, match="medicare"):
        RULES.get("medicaer")


# ---- payers

PAYER_CASES = [
    ("medicare", {"97110": 20, "97530": 18}, {"97110": 2, "97530": 1}),
    ("commercial_ama", {"97110": 20, "97530": 18}, {"97110": 1, "97530": 1}),
    ("strict_15", {"97110": 20, "97530": 18}, {"97110": 1, "97530": 1}),
    ("medicare", {"97530": 8}, {"97530": 1}),
    ("commercial_ama", {"97530": 8}, {"97530": 1}),
    ("strict_15", {"97530": 14}, {}),
    ("medicare", {"97161": 30}, {}),
]


@pytest.mark.parametrize(("payer", "minutes", "earned"), PAYER_CASES)
def test_what_a_payer_counts(payer: str, minutes: dict[str, int], earned: dict[str, int]) -> None:
    assert payer_units(minutes, payer_named(RULES, payer, None)) == earned


def test_a_minimum_leaves_short_codes_out_of_the_pool(tmp_path: Path) -> None:
    path = tmp_path / "minimum.toml"
    said = PAYER.replace('"ama_midpoint"', '"cms_8_minute"').replace("minimum_15 = false", "minimum_15 = true")
    path.write_text(HEADER + said + PAIR, encoding="utf-8")
    payer = payer_named(load_rules(path), "acme", None)
    assert payer_units({"97110": 33, "97530": 14}, payer) == {"97110": 2}
    assert payer_units({"97110": 33, "97530": 15}, payer) == {"97110": 2, "97530": 1}


def test_a_payer_that_is_not_there_on_the_day() -> None:
    with pytest.raises(UnknownPayer, match="medicare, commercial_ama, strict_15") as caught:
        payer_named(RULES, "acme", None)
    assert caught.value.payer == "acme"
    with pytest.raises(UnknownPayer):
        terms_of(RULES, day=date(2000, 3, 31), payer="medicare")
    assert terms_of(RULES, day=date(2000, 4, 1), payer="medicare").payers[0].id == "medicare"


@given(st.dictionaries(st.sampled_from(sorted(CODES)), st.integers(0, 120), max_size=6), st.data())
def test_a_minute_more_never_bills_less_in_all_at_any_payer(minutes: dict[str, int], draw: st.DataObject) -> None:
    code = draw.draw(st.sampled_from(sorted(CODES)))
    more = minutes | {code: minutes.get(code, 0) + 1}
    for rule in RULES.on("payer", None):
        payer = payer_named(RULES, rule.id, None)
        assert sum(payer_units(minutes, payer).values()) <= sum(payer_units(more, payer).values())


# ---- a clinic's own file


def test_a_clinic_adds_rows_and_puts_them_in_place_of_others(own: Path) -> None:
    rules = load_rules(own)
    assert set(rules.rows) - set(RULES.rows) == {"acme", "acme.97110-97530", "kx.2027", "S9999"}
    assert rules.codes["S9999"].unit_minutes == 15
    assert rules.last == date(2027, 12, 31)
    assert [edit.rule.id for edit in rules.edits({"97110", "97530"}, None, ("acme",))] == ["acme.97110-97530"]
    assert rules.edits({"97110", "97530"}, None, ("ncci",)) == ()
    replaced = own.with_name("replaced.toml")
    limit = '[[limit]]\nid = "mue.97110"\ncode = "97110"\nunits = 8\nsource = "table of 2027"\nchecked = 2027-01-02\nconfirmed = true\n'
    replaced.write_text(HEADER + limit, encoding="utf-8")
    assert load_rules(replaced).get("mue.97110").number("units") == 8
    assert len(load_rules(replaced).rows) == len(RULES.rows)


def test_the_version_names_the_rows_exactly(own: Path, tmp_path: Path) -> None:
    version = load_rules(own).version
    assert version.startswith(f"{RULES.version}+7-")
    other = tmp_path / "other.toml"
    other.write_text(GOOD.replace("day_cap = 4", "day_cap = 5"), encoding="utf-8")
    assert load_rules(other).version not in (version, RULES.version)


BAD = [
    ("day_cap = 4", "day_cap = -4", "acme", "day_cap must be 0 or more"),
    ("day_cap = 4", "day_cap = 4.5", "acme", "day_cap must be a whole number"),
    ("day_cap = 4", "day_kap = 4", "acme", "unknown key day_kap"),
    ('policy = "ama_midpoint"', 'policy = "ama"', "acme", "policy must be one of"),
    ('tables = ["acme"]', 'tables = ["nowhere"]', "acme", "no pair and no limit stands in a table nowhere"),
    ('modifiers = ["discipline"]', 'modifiers = ["GP"]', "acme", "modifiers must be families"),
    ('assistants = "plain"', 'assistants = "yes"', "acme", "assistants must be one of"),
    ("minimum_15 = false", "minimum_15 = 0", "acme", "minimum_15 must be true or false"),
    ('column_1 = ["97110"]', "column_1 = []", "acme.97110-97530", "lists of code numbers"),
    ('column_1 = ["97110"]', 'column_1 = ["9711"]', "acme.97110-97530", "lists of code numbers"),
    ('column_1 = ["97110"]\ncolumn_2 = ["97530"]', 'column_1 = ["97111"]\ncolumn_2 = ["97531"]', "acme.97110-97530", "has no 97111, 97531"),
    ('column_2 = ["97530"]', 'column_2 = ["97141"]', "acme.97110-97530", "has no 97141; where it is right"),
    ('column_2 = ["97530"]', 'column_2 = ["97530", "97141", "99213"]', "acme.97110-97530", "has no 97141;"),
    ('column_1 = ["97110"]', 'column_1 = ["97141"]', "acme.97110-97530", "has no 97141;"),
    ('column_2 = ["97530"]', 'column_2 = ["97110"]', "acme.97110-97530", "97110 stands twice"),
    ('column_2 = ["97530"]', 'column_2 = ["97530", "97530"]', "acme.97110-97530", "97530 stands twice"),
    ('column_2 = ["97530"]', 'column_2 = ["97530", "97110"]', "acme.97110-97530", "97110 stands twice"),
    ("percent = 12\n", "", "assistant.share", "percent is missing"),
    ("percent = 12", "percent = 0", "assistant.share", r"percent must lie in \[1, 100\]"),
    ("percent = 12", "percent = 101", "assistant.share", r"percent must lie in \[1, 100\]"),
    ("indicator = 1", "indicator = 2", "acme.97110-97530", "indicator must be one of 0, 1, 9"),
    ("indicator = 1", 'indicator = "1"', "acme.97110-97530", "indicator must be a whole number"),
    ("from = 2026-01-01", "from = 2026-01-01\nuntil = 2025-12-31", "acme.97110-97530", "until lies before from"),
    ("from = 2026-01-01", 'from = "2026-01-01"', "acme.97110-97530", "from must be a date"),
    ("from = 2026-01-01", "form = 2026-01-01", "acme.97110-97530", "unknown key form"),
    ("dollars = 2560", "dollars = 0", "kx.2027", "dollars must be 1 or more"),
    ("from = 2027-01-01", "from = 2026-12-31", "kx.2027", r"overlap those of kx\.2026"),
    ("from = 2027-01-01\nuntil = 2027-12-31", "", "kx.2027", "overlap those of kx"),
    ('id = "kx.2027"', 'id = "medicare"', "medicare", "this is the id of a payer row"),
    ('id = "kx.2027"', 'id = "acme"', "acme", "another kind of row has the same id"),
    ('number = "S9999"', 'number = "97161"', "97161", "cannot be changed"),
    ('number = "S9999"', 'number = "s9999"', "s9999", "five digits"),
    ("unit_minutes = 15", "unit_minutes = 0", "S9999", "unit_minutes must be above 0"),
    ('group = "procedure"', 'group = "procedure"\nheadline = true', "S9999", "headline code is one that the model"),
    ('group = "procedure"', 'group = "procedure"\nadd_on_to = "12345"', "S9999", "code list has no 12345"),
    ('group = "procedure"', 'group = "procedure"\nadd_on_to = "S9999"', "S9999", "no add-on to itself"),
    ('group = "procedure"', 'group = "procedure"\ninstead = "12345"', "S9999", "instead: the code list has no 12345"),
    ('group = "procedure"', 'group = "procedure"\nnot_for = ["aetna"]', "S9999", "not_for: there is no payer aetna"),
    ('group = "procedure"', 'group = "procedure"\nnot_for_discipline = "XX"', "S9999", "not_for_discipline must be one of"),
    ('group = "procedure"', 'group = "procedure"\nmax_units_day = -1', "S9999", "max_units_day must be 0 or more"),
    # what a shipped code is made of may not be left out either
    ('number = "S9999"', 'number = "97129"', "97129", "cannot be changed"),
    ('source = "a page of 2026-11-30"', 'source = "a page of 2026-11-30"\nsecond_source = "page"', "kx.2027", "second_source must be a key"),
    ('source = "our contracts"', "", "header", "source is missing"),
    ("[[payer]]", "[[payor]]", "", "unknown key payor"),
    ("[[payer]]", "[payer]", "", "there must be tables"),
    ("day_cap = 4", "day_cap = four", "", "not valid TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "row", "reason"), BAD)
def test_a_bad_file_is_refused_with_file_row_and_reason(
    tmp_path: Path, old: str, new: str, row: str, reason: str
) -> None:
    assert old in GOOD
    path = tmp_path / "clinic.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LexiconError, match=reason) as caught:
        load_rules(path)
    assert (caught.value.file, caught.value.entry) == ("clinic.toml", row)
    assert problems_of(path)[0].entry == row


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # a partner that the code list leaves out, since other providers bill it
        ('column_2 = ["97530"]', 'column_2 = ["99213"]'),
        ('column_2 = ["97530"]', 'column_2 = ["97140", "97530"]'),
        # a rule in words needs no number
        (
            'id = "assistant.share"\ntext = "our contract\'s share"\npercent = 12',
            'id = "assistant.together"\ntext = "t"',
        ),
        ("percent = 12", "percent = 100"),
        # a shipped row in the place of which the clinic's stands
        (
            'id = "kx.2027"\nname = "kx"\ndollars = 2560\nfrom = 2027-01-01\nuntil = 2027-12-31',
            'id = "kx.2026"\nname = "kx"\ndollars = 2481\nfrom = 2026-01-01\nuntil = 2026-12-31',
        ),
        ('number = "S9999"', 'number = "97140"'),
        ('number = "S9999"', 'number = "97129"\nmax_units_day = 1'),
        (
            'group = "procedure"',
            'group = "procedure"\ninstead = "97110"\nnot_for = ["acme", "medicare"]\nnot_for_discipline = "PT"',
        ),
        ('source = "a page of 2026-11-30"', 'source = "a page of 2026-11-30"\nsecond_source = "one more page"'),
        ('tables = ["acme"]', "tables = []"),
        ('tables = ["acme"]', ""),
        ("day_cap = 4\n", ""),
    ],
)
def test_near_twins_of_bad_files_are_taken(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    path = tmp_path / "clinic.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    assert problems_of(path) == ()


def test_every_problem_of_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    path.write_text(
        GOOD.replace("day_cap = 4", "day_cap = -1").replace("dollars = 2560", "dollars = 0"), encoding="utf-8"
    )
    assert [problem.entry for problem in problems_of(path)] == ["acme", "kx.2027"]


def test_a_file_without_rows_or_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    path.write_text(HEADER, encoding="utf-8")
    assert ["no row" in problem.reason for problem in problems_of(path)] == [True]
    path.write_bytes(b"\xff\xfe")
    assert [problem.reason for problem in problems_of(path)] == ["not UTF-8 text (byte 0)"]
    with pytest.raises(FileNotFoundError):
        load_rules(tmp_path / "none.toml")


def test_a_row_twice_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    path.write_text(GOOD + THRESHOLD, encoding="utf-8")
    assert [problem.reason for problem in problems_of(path)] == ["id stands twice"]


def test_a_policy_s_words_and_dates_may_be_the_clinic_s_but_not_a_new_policy(tmp_path: Path) -> None:
    row = '[[policy]]\nid = "{id}"\nname = "n"\nrule = "r"\nsource = "a page"\nchecked = 2026-11-01\nconfirmed = true\n'
    path = tmp_path / "clinic.toml"
    path.write_text(HEADER + row.format(id="ours"), encoding="utf-8")
    assert ["the policies are" in problem.reason for problem in problems_of(path)] == [True]
    path.write_text(HEADER + row.format(id="full_15"), encoding="utf-8")
    assert problems_of(path) == ()


def test_two_shipped_files_that_are_read_together_name_their_row() -> None:
    text = data.read("pairs.toml").replace("from = 2020-10-01", "from = 2020-09-30", 1)
    from models.billing.rows import parse_rows
    from models.billing.rules import _overlapping

    rows = parse_rows(data.parse(text, "pairs.toml"), ("pair",))
    assert [(problem.entry, problem.reason) for problem in _overlapping(rows)] == [
        ("97530-97116.2020-10", "its dates overlap those of 97530-97116.2020-04")
    ]


# ---- two periods of one thing

_FIELDS = {
    "payer": 'name = "Acme"\npolicy = "{value}"\nminimum_15 = false\nmodifiers = []\nlimits = false\nassistants = "plain"',
    "modifier": 'family = "distinct"\nmeaning = "{value}"',
    "share": 'text = "t"\npercent = {value}',
    "requirement": 'document = "treatment_note"\nlevel = "must"\ntext = "{value}"',
    "counting": 'text = "{value}"',
    "code": 'name = "{value}"\ntimed = true\nunit_minutes = 15\ngroup = "procedure"',
}


def period(kind: str, id: str, of: str, value: str, first: str = "", last: str = "") -> str:
    said = [f"[[{kind}]]", f'{"number" if kind == "code" else "id"} = "{id}"', _FIELDS[kind].format(value=value)]
    said += [f'of = "{of}"'] if of else []
    said += [f"from = {first}"] if first else []
    said += [f"until = {last}"] if last else []
    return "\n".join([*said, 'source = "contract of 2026"', "checked = 2026-11-01", "confirmed = true"]) + "\n"


# kind, what it is a period of, the value of 2026 and that of 2027
PERIODS = [
    ("payer", "acme", "full_15", "ama_midpoint"),
    ("modifier", "ZZ", "a", "b"),
    ("share", "assistant.share", "10", "12"),
    ("requirement", "treatment_note.signature", "a", "b"),
    ("counting", "minutes.rest", "a", "b"),
    ("code", "S9999", "ours", "ours, renamed"),
]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: str) -> Path:
        path = tmp_path / "clinic.toml"
        path.write_text(HEADER + "".join(rows), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(("kind", "subject", "old", "new"), PERIODS)
def test_two_periods_of_one_thing(written: Callable[..., Path], kind: str, subject: str, old: str, new: str) -> None:
    # The first keeps the id of the shipped row, where there is one, and gets its last day; the second has an id of its own.
    path = written(
        period(kind, subject, "", old, last="2026-12-31"), period(kind, f"{subject}.2027", subject, new, "2027-01-01")
    )
    assert problems_of(path) == ()
    rules = load_rules(path)
    for day, id in (
        (date(2026, 12, 30), subject), (date(2026, 12, 31), subject), (date(2027, 1, 1), f"{subject}.2027"),
        (date(2027, 1, 2), f"{subject}.2027"), (None, f"{subject}.2027"),
    ):  # fmt: skip
        found = rules.of(kind, subject, day)
        assert found is not None
        assert found.id == id, day
    assert [rule.id for rule in rules.periods(kind, subject)] == [subject, f"{subject}.2027"]


@pytest.mark.parametrize(("kind", "subject", "old", "new"), PERIODS)
def test_periods_of_one_thing_may_not_overlap(
    written: Callable[..., Path], kind: str, subject: str, old: str, new: str
) -> None:
    path = written(
        period(kind, subject, "", old, last="2027-01-01"), period(kind, f"{subject}.2027", subject, new, "2027-01-01")
    )
    assert [(each.entry, each.reason) for each in problems_of(path)] == [
        (f"{subject}.2027", f"its dates overlap those of {subject}")
    ]


def test_a_shipped_row_that_is_open_leaves_no_room_for_another(written: Callable[..., Path]) -> None:
    path = written(period("payer", "medicare.2027", "medicare", "full_15", "2027-01-01"))
    assert [each.reason for each in problems_of(path)] == ["its dates overlap those of medicare"]


def test_a_payer_whose_contract_changes_counts_otherwise_from_that_day(written: Callable[..., Path]) -> None:
    path = written(
        period("payer", "acme.2026", "acme", "full_15", last="2026-12-31"),
        period("payer", "acme.2027", "acme", "ama_midpoint", "2027-01-01"),
    )
    rules = load_rules(path)
    for day, units in ((date(2026, 12, 31), {"97110": 1}), (date(2027, 1, 1), {"97110": 2}), (None, {"97110": 2})):
        payer = payer_named(rules, "acme", day)
        assert payer_units({"97110": 23}, payer) == units
        assert payer.id == "acme"
        assert terms_of(rules, day=day, payer="acme").payers[0].rule is payer.rule
    assert list(payer_names(rules)) == ["medicare", "commercial_ama", "strict_15", "acme"]
    with pytest.raises(UnknownPayer):
        payer_named(rules, "acme.2027", None)


def test_a_share_that_changes_is_read_on_its_days(written: Callable[..., Path]) -> None:
    path = written(
        period("share", "assistant.share", "", "10", "2020-01-01", "2026-12-31"),
        period("share", "share.2027", "assistant.share", "20", "2027-01-01"),
    )
    rules = load_rules(path)
    for day, percent in ((date(2026, 12, 31), 10), (date(2027, 1, 1), 20)):
        share = rules.assistant_share(day)
        assert share is not None
        assert share.number("percent") == percent
    assert rules.assistant_share(date(2019, 12, 31)) is None


def test_a_modifier_with_two_periods_keeps_its_name(written: Callable[..., Path]) -> None:
    path = written(
        period("modifier", "ZZ.old", "ZZ", "a", "2015-01-01", "2019-12-31"),
        period("modifier", "ZZ.new", "ZZ", "b", "2026-01-01"),
    )
    rules = load_rules(path)
    for day, known in ((date(2019, 12, 31), True), (date(2020, 1, 1), False), (date(2026, 1, 1), True)):
        assert ("ZZ" in rules.modifiers("distinct", None, day)) is known


def test_a_code_may_rest_for_some_years(written: Callable[..., Path]) -> None:
    path = written(
        period("code", "S9999", "", "ours", last="2019-12-31"),
        period("code", "S9999.2026", "S9999", "ours", "2026-01-01"),
    )
    rules = load_rules(path)
    assert [number for number in rules.codes if number.startswith("S9999")] == ["S9999"]
    days = (date(2019, 12, 31), date(2020, 1, 1), date(2025, 12, 31), date(2026, 1, 1))
    assert [rules.bills("S9999", day) for day in days] == [True, False, False, True]


@pytest.mark.parametrize(
    ("row", "entry", "reason"),
    [
        (period("share", "our.share", "", "20"), "our.share", "nothing reads such a share; its id, or its of, must be one of"),
        (period("share", "share.2027", "our.share", "20"), "share.2027", "nothing reads such a share"),
        (period("payer", "acme", "GP", "full_15"), "acme", "of names a modifier row"),
        (period("modifier", "ZZ", "medicare", "a"), "ZZ", "of names a payer row"),
        (period("payer", "medicare.2027", "medicaer", "full_15", "2027-01-01"), "medicare.2027", "of names medicaer, of which there is no other"),
        (period("code", "S9999.2027", "s9999", "a"), "S9999.2027", "five digits"),
        (period("code", "S9999.2027", "", "a"), "S9999.2027", "five digits"),
        (period("code", "97161.2027", "97161", "a"), "97161.2027", "cannot be changed"),
        (
            period("code", "S9999", "", "a", last="2026-12-31")
            + period("code", "S9999.2027", "S9999", "a", "2027-01-01").replace("unit_minutes = 15", "unit_minutes = 30"),
            "S9999.2027",
            "must be those of the other periods of S9999",
        ),
    ],
)  # fmt: skip
def test_a_bad_period_is_refused(written: Callable[..., Path], row: str, entry: str, reason: str) -> None:
    path = written(row)
    problem = problems_of(path)[0]
    assert problem.entry == entry
    assert reason in problem.reason
    with pytest.raises(LexiconError):
        load_rules(path)
