"""A block's way from words to flag, and what coder and claims make of payers and days."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from models.billing.claims import Line
from models.billing.errors import UnknownPayer
from models.billing.flags import FLAGS
from models.billing.payers import Terms
from models.billing.rules import load_rules
from models.coder import Coder
from models.explain import explain
from models.note import Note
from nlp.document import Duration, Total
from nlp.errors import LexiconError

TEXT = (
    "O: TherEx 23 min: SLR 3x10, clamshells. TA 20 min: sit to stand from low chair x 10, carrying laundry basket 30 ft. "
    "Gait training 15 min with RW 150 ft, cues for step length. MHP 10 min. Total timed 58 min.\n"
    "A: Quad control improving. LTG: carry laundry upstairs independently in 6 wks"
)
NEW_FLAGS = {
    "pair_not_together", "pair_needs_modifier", "over_daily_limit", "modifiers_wanted", "payers_differ", "date_outside_rules",
}  # fmt: skip


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder.load(profile="fast")


def note(**fields: object) -> Note:
    return Note.model_validate({"text": TEXT, **fields})


def test_each_block_has_its_whole_way(coder: Coder) -> None:
    told = coder.explain(note(payer="medicare", note_id="n1"))
    assert (told.note_id, told.policy) == ("n1", "cms_8_minute")
    assert [block.code for block in told.blocks] == ["97110", "97530", "97116", "97010"]
    for block in told.blocks:
        stages = [step.stage for step in block.steps]
        assert stages[0] == "words"
        assert {"words", "code", "minutes", "unit"} <= set(stages)
        assert TEXT[block.start : block.end] == block.text
    exercise = told.blocks[0]
    [unit] = [step for step in exercise.steps if step.stage == "unit"]
    assert unit.text == "The 23 minutes of 97110 make 2 x 97110 under Medicare's 8-minute rule."
    assert (unit.rule, unit.source) == ("cms_8_minute", load_rules().get("cms_8_minute").source)
    [code, *_] = [step for step in exercise.steps if step.stage == "code"]
    assert (code.rule, code.source) == ("97110", load_rules().get("97110").source)
    [minutes] = [step.text for step in exercise.steps if step.stage == "minutes"]
    assert minutes == "23 minutes, written here: 23 min."
    [heat] = [step.text for step in told.blocks[3].steps if step.stage == "unit"]
    assert heat == "97010 is untimed: one unit, whatever its minutes."
    assert told.totals == ("The note writes 58 timed minutes; its blocks hold 58 timed.",)
    assert {step.flag for step in told.flags} >= {"pair_needs_modifier", "modifiers_wanted"}
    steps = [*told.flags, *(step for block in told.blocks for step in block.steps)]
    assert all(step.rule and step.source and step.rule == step.rules[0] for step in steps)
    assert json.loads(json.dumps(asdict(told)))["count"]["policies"]["full_15"]["total"] == 3


def test_every_flag_stands_once(coder: Coder) -> None:
    result = coder.code(note(payer="medicare"))
    told = coder.explain(note(payer="medicare"))
    steps = [*told.flags, *(step for block in told.blocks for step in block.steps if step.stage == "flag")]
    assert sorted(step.flag for step in steps) == sorted(flag.id for flag in result.flags)


def test_blocks_without_minutes_and_of_one_code(coder: Coder) -> None:
    told = coder.explain(
        "Ther ex x 15 min: SLR 3x10.\nTher ex x 8 min: clamshells 2x10.\n"
        "Therapeutic activities: sit to stand, car transfers."
    )
    ways = [[step.text for step in block.steps if step.stage in ("minutes", "unit")] for block in told.blocks]
    both = "The 2 blocks of 97110 hold 23 minutes, which make 1 x 97110 under the full-15-minute rule; this block's "
    assert ways[0][1] == f"{both}15: 15 go into unit 1."
    assert ways[1][1] == f"{both}8: 8 earn nothing."
    assert ways[2] == [
        "The note gives this block no minutes.",
        "Without minutes of its own 97530 makes no unit that could be counted.",
    ]


# A note's blocks, the policy, and each unit with its blocks.
UNITS = [
    (
        "Ther ex x 10 min: SLR 3x10.\nTher ex x 13 min: clamshells 2x10.",
        "full_15",
        [
            "Unit 1 of 97110: 10 min of block 1 (SLR) and 5 min of block 2 (clamshells).",
            "Left of 97110, without a unit: 8 min of block 2 (clamshells).",
        ],
    ),
    (
        "Ther ex x 10 min: SLR 3x10.\nTher ex x 13 min: clamshells 2x10.",
        "cms_8_minute",
        [
            "Unit 1 of 97110: 10 min of block 1 (SLR) and 5 min of block 2 (clamshells).",
            "Unit 2 of 97110: 8 min of block 2 (clamshells).",
        ],
    ),
    # the last unit under the pooled count may hold fewer minutes than 8
    (
        "Ther ex x 20 min: SLR 3x10.\nManual therapy x 18 min: soft tissue mobilization.",
        "cms_8_minute",
        [
            "Unit 1 of 97110: 15 min of block 1 (SLR).",
            "Unit 2 of 97110: 5 min of block 1 (SLR); what it lacks are minutes that other codes have left.",
            "Unit 1 of 97140: 15 min of block 2 (soft tissue mobilization).",
            "Left of 97140, without a unit: 3 min of block 2 (soft tissue mobilization).",
        ],
    ),
    (
        "Ther ex x 15 min: SLR 3x10.\nMHP 10 min.\nMHP 5 min.",
        "full_15",
        [
            "Unit 1 of 97110: 15 min of block 1 (SLR).",
            "The unit of 97010, which is untimed: block 2 (MHP) and block 3 (MHP).",
        ],
    ),
    ("Ther ex: SLR 3x10.", "full_15", []),
    ("Nothing done.", "full_15", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "policy", "units"), UNITS, ids=range(len(UNITS)))
def test_which_block_s_words_made_each_unit(coder: Coder, text: str, policy: str, units: list[str]) -> None:
    told = coder.explain(note(text=text, policy=policy))
    assert [unit.text for unit in told.units] == units
    for unit in told.units:
        assert (unit.rule, unit.source) == (unit.rule, load_rules().get(unit.rule).source)
        assert all(told.blocks[part.block].code == unit.code for part in unit.parts)
    result = coder.code(note(text=text, policy=policy))
    timed = [unit for unit in told.units if unit.code in result.minutes]
    assert sum(part.minutes for unit in timed for part in unit.parts) == sum(result.minutes.values())
    made = [unit.code for unit in timed if unit.number is not None]
    assert {code: made.count(code) for code in made} == result.units[policy]


def test_what_is_left_out_is_told_with_its_reason(coder: Coder) -> None:
    told = coder.explain("TherEx 23 min: SLR 3x10, last 8 min unattended on bike.\nMHP 10 min.")
    assert [left.text for left in told.left_out] == [
        "8 minutes of 97110 were unattended, as the note says: no one-on-one skilled treatment, so they are left out."
    ]
    assert [left.text for left in told.count.left_out] == ["97010 is untimed: one unit, whatever its 10 min."]
    [unit] = [step.text for step in told.blocks[0].steps if step.stage == "unit"]
    assert unit == "The 15 minutes of 97110 make 1 x 97110 under the full-15-minute rule."


def test_a_flag_names_the_rules_behind_it_with_their_sources(coder: Coder) -> None:
    rules = load_rules()
    told = coder.explain(note(payer="medicare", date_of_service="2026-03-02"))
    steps = {step.flag: step for step in (*told.flags, *(s for b in told.blocks for s in b.steps)) if step.flag}
    pair, wanted = steps["pair_needs_modifier"], steps["modifiers_wanted"]
    assert (pair.rule, pair.source) == ("97530-97116.2020-10", rules.get("97530-97116.2020-10").source)
    assert wanted.rules == ("GP", "GO", "GN", "kx.2026", "medicare")
    assert all(rules.get(rule).source in wanted.source for rule in wanted.rules)
    # Where no billing rule is behind it, its own entry in the flag list is.
    assert (steps["goal_not_linked"].rule, steps["goal_not_linked"].source) == (
        "goal_not_linked", FLAGS["goal_not_linked"].source,
    )  # fmt: skip


def test_every_rule_that_the_flag_list_names_is_there() -> None:
    rules = load_rules()
    assert {rule for kind in FLAGS.values() for rule in kind.rules} <= set(rules.rows)
    assert any(kind.rules for kind in FLAGS.values())


T, U, S = ("TherEx 20 min: SLR 3x10.", "MHP 10 min.", "TherEx 23 min: SLR 3x10, last 8 min unattended on bike.")
TOTALS = [
    ([T, U], ("timed", 20), "The note writes 20 timed minutes; its blocks hold 20 timed."),
    ([T, U], ("timed", 25), "The note writes 25 timed minutes; its blocks hold 20 timed; 5 are unaccounted for."),
    ([T, U], ("timed", 15), "The note writes 15 timed minutes; its blocks hold 20 timed, which is 5 more."),
    ([T, U], ("visit", 30), "The note writes 30 minutes for the visit; its blocks hold 20 timed and 10 untimed."),
    (
        [T, U],
        ("visit", 32),
        "The note writes 32 minutes for the visit; its blocks hold 20 timed and 10 untimed; 2 are unaccounted for.",
    ),
    # unskilled minutes may be in a total or not
    ([S, U], ("timed", 15), "The note writes 15 timed minutes; its blocks hold 15 timed and 8 unskilled."),
    ([S, U], ("timed", 23), "The note writes 23 timed minutes; its blocks hold 15 timed and 8 unskilled."),
    (
        [S, U],
        ("visit", 40),
        "The note writes 40 minutes for the visit; its blocks hold 15 timed, 10 untimed and 8 unskilled; 7 are unaccounted for.",
    ),
    (
        ["TherEx: SLR 3x10."],
        ("timed", 30),
        "The note writes 30 timed minutes; its blocks hold none; 30 are unaccounted for; blocks without minutes of their own: 1.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "total", "said"), TOTALS, ids=range(len(TOTALS)))
def test_totals_against_what_the_blocks_hold(coder: Coder, lines: list[str], total: Any, said: str) -> None:
    made = Note(text="\n".join(lines))
    _, services = coder._read_one(made)
    kind, minutes = total
    totals = [Total(0, 1, "x", minutes, kind), Total(5, 6, "x", minutes, kind)]
    told = explain(coder.code(made), Terms(load_rules()), totals, services=services)
    assert told.totals == (said,)


def test_minutes_that_blocks_share_count_once(coder: Coder) -> None:
    made = Note(text="TherEx: SLR 3x10.\nTA: sit to stand from low chair x 10.")
    duration = Duration(0, 1, "x", 30, "shared")
    result, (_, read) = coder.code(made), coder._read_one(made)
    services = [replace(each, block=replace(each.block, duration=duration, minutes=None)) for each in read]
    assert len(services) == 2
    told = explain(result, Terms(load_rules()), [Total(0, 1, "x", 30, "timed")], services=services)
    assert told.totals == ("The note writes 30 timed minutes; its blocks hold 30 that several blocks share.",)


def test_payers_in_the_result(coder: Coder) -> None:
    result = coder.code(note(payer="medicare", secondary_payer="strict_15", date_of_service="2026-03-02"))
    assert (result.policy, result.date_of_service) == ("cms_8_minute", date(2026, 3, 2))
    assert [(p.id, p.role, p.governs, p.policy, p.units) for p in result.payers] == [
        ("medicare", "primary", True, "cms_8_minute", {"97110": 2, "97116": 1, "97530": 1}),
        ("strict_15", "secondary", False, "full_15", {"97110": 1, "97116": 1, "97530": 1}),
    ]
    assert {flag.id for flag in result.flags} & NEW_FLAGS == {
        "pair_needs_modifier",
        "modifiers_wanted",
        "payers_differ",
    }
    assert result.model.rules == load_rules().version


def test_a_policy_that_the_note_names_stays(coder: Coder) -> None:
    result = coder.code(note(payer="medicare", policy="full_15"))
    assert (result.policy, result.payers[0].policy) == ("full_15", "cms_8_minute")


def test_a_secondary_payer_alone_governs(coder: Coder) -> None:
    [payer] = coder.code(note(secondary_payer="medicare")).payers
    assert (payer.role, payer.governs) == ("secondary", True)


def test_without_the_new_fields_there_is_nothing_new(coder: Coder) -> None:
    result = coder.code(TEXT)
    assert (result.policy, result.payers, result.date_of_service) == ("full_15", (), None)
    assert not {flag.id for flag in result.flags} & NEW_FLAGS


def test_many_notes_keep_their_own_payers(coder: Coder) -> None:
    results = list(coder.code_many([note(payer="medicare"), note(), note(payer="commercial_ama")]))
    assert [[payer.id for payer in result.payers] for result in results] == [["medicare"], [], ["commercial_ama"]]
    assert results[0] == coder.code(note(payer="medicare"))


def test_an_unknown_payer(coder: Coder) -> None:
    with pytest.raises(UnknownPayer):
        coder.code(note(payer="acme"))
    with pytest.raises(UnknownPayer):
        list(coder.code_many([note(), note(secondary_payer="acme")]))


@pytest.mark.parametrize("day", ["2026-2-3", "20260203", "2026-W05-1", "yesterday", "2026-02-30", 0, 1.5, True])
def test_another_form_of_date_is_refused(day: object) -> None:
    with pytest.raises(ValueError, match="date"):
        note(date_of_service=day)


def test_a_claim_against_a_note(coder: Coder) -> None:
    lines = [
        Line("97110", 2, ("GP",)),
        Line("97530", 1, ("GP",)),
        Line("97116", 1, ("GP", "59")),
    ]
    checked, result = coder.check_claim(note(payer="medicare", discipline="PT"), lines)
    assert (checked.findings, result.policy) == ((), "cms_8_minute")
    checked, _ = coder.check_claim(note(payer="medicare", discipline="PT"), lines[:2])
    assert [(found.id, found.code) for found in checked.findings] == [("not_billed", "97116")]
    # The hot pack of the note is not missed on the claim, and not paid where it stands there.
    checked, _ = coder.check_claim(note(payer="medicare", discipline="PT"), [*lines, Line("97010", 1, ("GP",))])
    assert [(found.id, found.code) for found in checked.findings] == [("code_not_paid", "97010")]
    assert coder.check_claim(TEXT, [Line("97110", 2)])[0].over_units == 1


def test_a_policy_that_was_not_in_force_is_told(coder: Coder, tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    path.write_text(
        '[header]\nversion = "1"\nsource = "a page"\nreviewed = "2026-11-26"\nreviewed_by = "us"\n'
        '[[policy]]\nid = "full_15"\nname = "n"\nrule = "r"\nuntil = 2025-12-31\nsource = "a page"\n'
        "checked = 2026-11-26\nconfirmed = true\n",
        encoding="utf-8",
    )
    own = Coder(coder.readers, coder.classifiers, coder.manifest, profile="fast", rules=load_rules(path))

    def told(day: str) -> list[str]:
        flags = own.code(note(date_of_service=day)).flags
        return [flag.message for flag in flags if flag.id == "date_outside_rules"]

    assert told("2025-12-31") == []
    assert told("2026-01-01") == ["The full-15-minute rule was not in force on 2026-01-01."]


def test_a_clinic_s_rules_are_loaded_with_the_coder(tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    path.write_text('[header]\nversion = "1"\n', encoding="utf-8")
    with pytest.raises(LexiconError, match=r"clinic\.toml"):
        Coder.load(profile="fast", rules=path)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("TherEx 23 min: SLR 3x10, last 8 min unattended on bike", 15),
        ("TherEx 23 min: SLR 3x10. Last 8 min unattended on bike.", 15),
        ("TherEx 23 min: SLR 3x10, 8 min of this unattended on bike", 15),
        ("TherEx 23 min: SLR 3x10, bike, of this 8 min rest", 15),
        ("TherEx 23 min: SLR 3x10, last 8 min on bike with cues for cadence", 23),
        ("TherEx 23 min: SLR 3x10, bike, of this 8 min with resistance", 23),
    ],
)
def test_what_was_left_out_is_billed_nowhere(coder: Coder, text: str, minutes: int) -> None:
    result = coder.code(text)
    left_out = [flag for flag in result.flags if flag.id == "unskilled_minutes"]
    assert result.minutes == {"97110": minutes}
    assert len(left_out) == (minutes < 23)
    assert all("that 8 minutes" in flag.message for flag in left_out)
