"""The documentation audit on whole notes: a table of elements, a table of goals, and what the audit says as a whole."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from models.billing import audit, data
from models.billing.audit import Item, NoteAudit, judge_goal
from models.billing.rules import load_rules
from models.coder import Coder
from models.note import Note
from nlp.errors import LexiconError

TABLE = tomllib.loads((Path(__file__).parent / "audit_cases.toml").read_text(encoding="utf-8"))
WHOLE = (
    "TherEx 23 min: SLR 3x10 2#, clamshells GTB x15 ea, vc for pelvis position.\n"
    "TA 20 min: sit to stand from low chair x 10, carrying laundry basket 30 ft.\nTolerated tx well.\n"
    "LTG: increase strength. STG: carry 10 lb laundry upstairs independently in 6 wks"
)


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder.load(profile="fast")


def items_of(done: NoteAudit, element: str) -> list[Item]:
    return [item for item in done.items if item.id == element]


@pytest.mark.parametrize("case", TABLE["case"], ids=lambda case: case["id"])
def test_the_table(coder: Coder, case: dict[str, Any]) -> None:
    done = coder.audit(case["note"])
    item = items_of(done, case["element"])[0]
    assert item.state == case["state"]
    assert all(case["note"][span.start : span.end] == span.text for span in item.spans)
    if case["shows"]:
        assert item.spans[0].text.startswith(case["shows"])
    assert bool(item.example) is (item.state == "missing")
    assert item.why or item.state == "present"
    assert item.source


@pytest.mark.parametrize("case", TABLE["whole"], ids=lambda case: case["id"])
def test_all_that_a_note_lacks(coder: Coder, case: dict[str, Any]) -> None:
    done = coder.audit(case["note"])
    missing = [item for item in done.items if item.state == "missing"]
    assert [item.id for item in missing] == case["missing"]
    examples = {item.id: item.example for item in reversed(missing)}
    assert {id: examples[id] for id in case.get("examples", {})} == case.get("examples", {})


def test_forty_cases_lack_something_and_every_element_is_missing_somewhere() -> None:
    lacking = [case for case in TABLE["case"] if case["state"] == "missing"]
    whole = [case for case in TABLE["whole"] if case["missing"]]
    assert len(lacking) + len(whole) >= 40
    assert len(whole) >= 6
    elsewhere = {element.id for element in audit._book().elements if element.finder == audit._ELSEWHERE}
    assert {case["element"] for case in lacking} == {element.id for element in audit._book().elements} - elsewhere


def test_every_element_that_one_note_can_show_is_in_the_table() -> None:
    tried = {case["element"] for case in TABLE["case"]}
    assert len(TABLE["case"]) >= 40
    assert tried == {element.id for element in audit._book().elements}


def test_every_row_of_the_rules_is_looked_for_but_these() -> None:
    asked = {
        rule.id
        for rule in load_rules().of_kind("requirement")
        if rule.text("document") in ("treatment_note", "progress_report", "plan_of_care")
    }
    looked_for = {element.requirement for element in audit._book().elements} - {""}
    assert looked_for <= asked
    assert asked - looked_for == {
        "treatment_note.response",  # the source document's demand for progress is the stricter one
        "progress_report.in_daily_notes",
        "progress_report.functional_g_codes",  # retired
        "plan_of_care.order_exception",  # stands in the file, not in the note
    }


@pytest.mark.parametrize("goal", TABLE["goal"], ids=lambda goal: goal["text"])
def test_goals(goal: dict[str, Any]) -> None:
    judged = judge_goal(goal["text"], start=7)
    assert judged.vague is goal["vague"]
    missing = [part.id for part in judged.parts if part.span is None]
    if "missing" in goal:
        assert missing == goal["missing"]
    for part in judged.parts:
        assert bool(part.add) is (part.span is None)
        if part.span is not None:
            assert goal["text"][part.span.start - 7 : part.span.end - 7] == part.span.text


@pytest.mark.parametrize(
    ("note", "missing"),
    [
        ("LTG 6 wks: lift 40 lb tote floor to waist alone.", False),
        ("LTG: lift 40 lb tote floor to waist alone in 6 wks.", False),
        ("Seen for 6 wks. LTG: lift 40 lb tote floor to waist alone.", True),
        ("LTG: lift 40 lb tote floor to waist alone.", True),
    ],
)
def test_a_goal_s_time_may_stand_in_its_heading(coder: Coder, note: str, missing: bool) -> None:
    text = f"TA 20 min: lifting 15 lb crate from floor to waist x 8 with cues.\n{note}"
    [goal] = coder.audit(text).goals
    [timed] = [part for part in goal.parts if part.id == "timed"]
    assert (timed.span is None, bool(timed.add)) == (missing, missing)
    if timed.span is not None:
        assert text[timed.span.start : timed.span.end] == timed.span.text
        assert "6 wks" in timed.span.text


def test_goals_behind_a_bare_g_are_found_and_are_no_assessment(coder: Coder) -> None:
    text = "TE x 30: pulleys, rows 3x15.\nA: Tolerated tx well.\nG: increase strength, decrease pain, improve ROM\nP: Cont POC"
    done = coder.audit(text)
    assert [(goal.text, goal.vague) for goal in done.goals] == [("increase strength, decrease pain, improve ROM", True)]
    [assessed] = items_of(done, "note.assessment")
    assert not any(span.start > text.index("G:") for span in assessed.spans)


def test_the_score_is_its_formula(coder: Coder) -> None:
    done = coder.audit(WHOLE)
    weights = {"must": 2, "should": 1, "voluntary": 0}
    applying = [item for item in done.items if item.state != "not_applicable"]
    points = sum(weights[item.level] for item in applying)
    got = sum(weights[item.level] for item in applying if item.state == "present")
    assert done.score == 100 * got // points
    assert done.formula.startswith(
        f"100 x {got} points of what is present / {points} points of what applies = {done.score}"
    )
    assert json.loads(json.dumps(asdict(done)))["score"] == done.score


def test_examples_speak_of_this_note(coder: Coder) -> None:
    done = coder.audit(WHOLE)
    [skill] = [item.example for item in done.services[1].items if item.id == "service.skill"]
    assert "sit to stand from low chair: [" in skill
    [total] = items_of(done, "note.timed_total")
    assert total.example == 'Write "Total timed 43 min".'
    [goals] = items_of(done, "note.smart_goals")
    assert '"increase strength"' in goals.example
    assert [span.text for span in done.empty_words] == ["Tolerated tx well"]
    assert [(goal.text, goal.vague) for goal in done.goals] == [
        ("increase strength", True),
        ("carry 10 lb laundry upstairs independently in 6 wks", False),
    ]


EXERCISES = "SLR 3x10 with 2 lb, clamshells 2x15 with green band"
TASKS = "sit to stand from 17-inch chair x 10, carrying laundry basket 30 ft"
GOAL_BLANK = '"Goal: [task] [how much] with [help] by [date]".'
SAID = [
    # a block's example is of its own code's work, and the note's pointer is named where the block has one
    ("Ther ex 15 min.", "service.activity", f'Name each task of this block, as in "{EXERCISES}", instead of a label.'),
    (
        "Ther ex 15 min per flow sheet.",
        "service.activity",
        f'Name each task of this block, as in "{EXERCISES}", instead of a label or "per flow sheet".',
    ),
    ("TherAct 20 min.", "service.activity", f'Name each task of this block, as in "{TASKS}", instead of a label.'),
    # what was done to the patient or tested is no task of the patient's
    (
        "Manual therapy 15 min: soft tissue mobilization to L UT.",
        "service.skill",
        'Say what you did that an untrained person could not: "manual therapy: [cues for ..., graded from ... to ..., because ...]".',
    ),
    (
        "PT evaluation 30 min, moderate complexity.",
        "note.assessment",
        'Say what you found: "[limit, error or measure] during [task], [help needed]".',
    ),
    (
        "97750 15 min: Berg balance. TherEx 15 min: clamshells 2x10",
        "note.goal",
        f"Name the task of daily life that this work is for (clamshells): {GOAL_BLANK}",
    ),
    ("MHP 10 min to low back.", "note.goal", f"Name a task of daily life that the patient wants back: {GOAL_BLANK}"),
    ("US 8 min to R shoulder.", "note.progress", 'Compare with an earlier day: "[task or measure]: ___ today, ___ on [date]".'),
    (
        "PT evaluation 97161 30 min. Ther ex 15 min: SLR 3x10.",
        "note.progress",
        'This is the first day, so compare before with after: "SLR: ___ before, ___ after [treatment]".',
    ),
    ("Ther ex 15 min: SLR 3x10.", "note.progress", 'Compare with an earlier day: "SLR: ___ today, ___ on [date]".'),
]  # fmt: skip


@pytest.mark.parametrize(("note", "element", "example"), SAID, ids=[f"{row[1]}-{row[0][:20]}" for row in SAID])
def test_examples_read_well_and_lead_to_no_other_code(coder: Coder, note: str, element: str, example: str) -> None:
    [item, *_] = [item for item in items_of(coder.audit(note), element) if item.state != "not_applicable"]
    assert item.example == example


@pytest.mark.parametrize(
    ("note", "state", "why"),
    [
        ("PT evaluation 30 min, moderate complexity.", "not_applicable", "an evaluation is skilled in itself"),
        ("PT re-eval 15 min.", "not_applicable", "an evaluation is skilled in itself"),
        ("97750 physical performance test 15 min: Berg 41/56.", "not_applicable", "a test is skilled in itself"),
        ("MHP 10 min to low back.", "not_applicable", "a modality's skill lies in its choice"),
        ("Manual therapy 15 min: soft tissue mobilization to L UT.", "missing", "not found"),
        ("Group exercise 30 min.", "missing", "not found"),
    ],
)
def test_skill_is_asked_of_each_kind_of_service_in_its_own_words(coder: Coder, note: str, state: str, why: str) -> None:
    [item] = items_of(coder.audit(note), "service.skill")
    assert item.state == state
    assert item.why.startswith(why)


def test_no_example_has_an_unfilled_field_or_a_gap(coder: Coder) -> None:
    notes = [row[0] for row in SAID] + [case["note"] for case in TABLE["case"]]
    examples = {item.example for note in dict.fromkeys(notes) for item in coder.audit(note).items if item.example}
    assert len(examples) > 40
    for example in examples:
        assert not set("{}") & set(example)
        assert '""' not in example
        assert example.endswith((".", '".'))


def test_what_an_example_asks_for_satisfies(coder: Coder) -> None:
    lacking = coder.audit(WHOLE)
    assert {"note.timed_total", "note.visit_total", "note.date", "note.signature"} <= {
        item.id for item in lacking.items if item.state == "missing"
    }
    better = coder.audit(
        WHOLE + "\nTotal timed 43 min. Total treatment time 50 min\nDate of service: 3/2/2026\nA. Roe, PT, DPT"
    )
    states = {item.id: item.state for item in better.note}
    for element in ("note.timed_total", "note.visit_total", "note.date", "note.signature"):
        assert states[element] == "present"
    assert (lacking.score or 0) < (better.score or 0)


@pytest.mark.parametrize(
    ("end", "treated"),
    [
        (" - goal met", True),
        (" - MET", True),
        (" - not met", False),
        (" - partially met", False),
        (" - until met", False),
        ("", False),
        (". Met with family to discuss.", False),
    ],
)
def test_a_goal_met_and_still_treated(coder: Coder, end: str, treated: bool) -> None:
    note = (
        "TA 20 min: sit to stand from low chair x 10, carrying laundry basket 30 ft.\n"
        "STG: carry 10 lb laundry upstairs independently in 6 wks"
    )
    done = coder.audit(note + end)
    assert any(service.finding for service in done.services) is treated


@pytest.mark.parametrize(
    ("request_", "state"),
    [
        ({}, "missing"),
        ({"payer": "medicare"}, "not_applicable"),
        ({"policy": "cms_8_minute"}, "not_applicable"),
        ({"policy": "ama_midpoint"}, "missing"),
        ({"payer": "commercial_ama"}, "missing"),
        # The policy that the request names goes before the payer's, as it does for the flags.
        ({"payer": "commercial_ama", "policy": "cms_8_minute"}, "not_applicable"),
        ({"payer": "medicare", "policy": "full_15"}, "missing"),
        ({"payer": "strict_15", "secondary_payer": "medicare"}, "missing"),
    ],
)
def test_under_medicare_s_count_a_timed_total_is_enough(coder: Coder, request_: dict[str, str], state: str) -> None:
    note = "TA: sit to stand from low chair x 10.\nTher ex: SLR 3x10.\nTotal timed 35 min"
    items = items_of(coder.audit(Note.model_validate({"text": note, **request_})), "service.minutes")
    assert {item.state for item in items} == {state}
    assert all(("voluntary" in item.why) is (state == "not_applicable") for item in items)


def test_a_day_in_the_request_is_a_date(coder: Coder) -> None:
    note = Note.model_validate({"text": WHOLE, "date_of_service": "2026-03-02"})
    [item] = items_of(coder.audit(note), "note.date")
    assert (item.state, item.spans, item.why) == ("present", (), "given with the request")


def test_a_day_outside_the_rules_is_told(coder: Coder) -> None:
    said = {
        day: coder.audit(Note.model_validate({"text": WHOLE, "date_of_service": day})).dates
        for day in ("2026-12-31", "2027-01-01")
    }
    assert said == {
        "2026-12-31": "",
        "2027-01-01": "The rules here speak of 2000-04-01 to 2026-12-31; on 2027-01-01 others may hold.",
    }
    assert coder.audit(WHOLE).dates == ""


def test_what_is_not_confirmed_stays_marked(coder: Coder) -> None:
    done = coder.audit(WHOLE)
    assert {item.id for item in done.items if not item.confirmed} == {
        "note.smart_goals", "note.date", "note.intervention",
    }  # fmt: skip


def test_a_row_that_is_not_in_force_is_left_out(coder: Coder, tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    path.write_text(
        '[header]\nversion = "1"\nsource = "a page"\nreviewed = "2026-11-26"\nreviewed_by = "us"\n'
        '[[requirement]]\nid = "treatment_note.total_minutes"\ndocument = "treatment_note"\nlevel = "must"\ntext = "t"\n'
        'until = 2025-12-31\nsource = "a page"\nchecked = 2026-11-26\nconfirmed = true\n',
        encoding="utf-8",
    )
    own = Coder(coder.readers, coder.classifiers, coder.manifest, profile="fast", rules=load_rules(path))
    for day, there in (("2025-12-31", 1), ("2026-01-01", 0)):
        note = Note.model_validate({"text": WHOLE, "date_of_service": day})
        assert len(items_of(own.audit(note), "note.visit_total")) == there


def test_the_audit_changes_no_result(coder: Coder) -> None:
    before = coder.code(WHOLE)
    coder.audit(WHOLE)
    assert coder.code(WHOLE) == before


@pytest.mark.parametrize(
    "text", ["", "   \n", "x" * 5000, "Goals:", "\x00\x1b[31mTA 20 min", "Ziele: Kräftigung. Übungen 20 min"]
)
def test_any_text_can_be_audited(coder: Coder, text: str) -> None:
    done = coder.audit(text)
    assert done.score is None or 0 <= done.score <= 100


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('scope = "service"', 'scope = "page"', "scope must be one of"),
        ('finder = "activity"', 'finder = "actvity"', "finder must be one of"),
        ('words = "date"', 'words = "day"', "no word list day"),
        ("97530 = ", "97535 = ", "97530 is missing"),
        ("must = 2", 'must = "2"', "must must be a whole number"),
        (r"patterns = ['\b(?:ltgs?", r"patterns = ['\b((?:ltgs?", "no regular expression"),
    ],
)
def test_a_typo_in_the_data_is_told(monkeypatch: pytest.MonkeyPatch, old: str, new: str, reason: str) -> None:
    text = data.read("audit.toml")
    assert old in text
    monkeypatch.setattr(data, "read", lambda file: text.replace(old, new, 1))
    with pytest.raises(LexiconError, match=reason):
        audit._book.__wrapped__()
