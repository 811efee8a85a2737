"""A block's way from words to flag, and what coder and claims make of payers and days."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from models.billing.claims import Line
from models.billing.errors import UnknownPayer
from models.billing.rules import load_rules
from models.coder import Coder
from models.explain import explain
from models.note import Note
from nlp.document import Total
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
    [code] = [step for step in exercise.steps if step.stage == "code" and step.rule]
    assert (code.rule, code.source) == ("97110", load_rules().get("97110").source)
    [minutes] = [step.text for step in exercise.steps if step.stage == "minutes"]
    assert minutes == "23 minutes, written here: 23 min."
    [heat] = [step.text for step in told.blocks[3].steps if step.stage == "unit"]
    assert heat == "97010 is untimed: one unit, whatever its minutes."
    assert told.totals == ("The note writes 58 timed minutes; its timed blocks add up to 58.",)
    assert {step.rule for step in told.flags} >= {"pair_needs_modifier", "modifiers_wanted"}
    assert all(step.source for step in told.flags)
    assert json.loads(json.dumps(asdict(told)))["count"]["policies"]["full_15"]["total"] == 3


def test_every_flag_stands_once(coder: Coder) -> None:
    result = coder.code(note(payer="medicare"))
    told = coder.explain(note(payer="medicare"))
    steps = [*told.flags, *(step for block in told.blocks for step in block.steps if step.stage == "flag")]
    assert sorted(step.rule for step in steps) == sorted(flag.id for flag in result.flags)


def test_blocks_without_minutes_and_of_one_code(coder: Coder) -> None:
    told = coder.explain(
        "Ther ex x 15 min: SLR 3x10.\nTher ex x 8 min: clamshells 2x10.\n"
        "Therapeutic activities: car transfers, lifting a crate from the floor."
    )
    ways = [[step.text for step in block.steps if step.stage in ("minutes", "unit")] for block in told.blocks]
    assert (
        ways[0][1]
        == ways[1][1]
        == "With the other blocks of 97110 that is 23 minutes, which make 1 x 97110 under the full-15-minute rule."
    )
    assert ways[2][0] == "The note gives this block no minutes."


def test_totals_are_told_once(coder: Coder) -> None:
    result = coder.code(TEXT)
    from models.billing.payers import Terms

    totals = [Total(0, 1, "x", 58, "timed"), Total(5, 6, "x", 58, "timed"), Total(8, 9, "x", 70, "visit")]
    assert explain(result, Terms(load_rules()), totals).totals == (
        "The note writes 58 timed minutes; its timed blocks add up to 58.",
        "The note writes 70 minutes for the visit; its timed blocks add up to 58.",
    )


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
