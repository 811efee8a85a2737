"""Copy-forward: what is flagged and what is not, on pairs that differ in one thing; spans, days and patients."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import pairwise

import pytest
from pydantic import ValidationError

from models.copied import Copy, Visit, find_copied

GOALS = (
    "STG: carry 10 lb of laundry up 12 steps with one rail in 4 weeks so that she can do laundry on her own\n"
    "LTG: walk 1000 ft to the store and back with rollator and no rest in 8 weeks\n"
)
BODY = (
    "S: Knee less sore on the front steps, slept through.\n"
    "O: TherEx 23 min: SLR 3x10 with 2 lb, clamshells with green band x 15 each side, cues for pelvis position.\n"
    "TA 20 min: sit to stand from 17 inch chair x 10, carrying laundry basket 30 ft with standby assistance.\n"
    "A: Quad lag 5 deg, weak in the last third, needs cues for hip hinge.\n"
)
OTHER = (
    "S: Tired after a poor night, hip aches 5/10 since Sunday.\n"
    "O: TherEx 15 min: bridges 2x12, side stepping with red band 3 laps, rest twice for fatigue.\n"
    "TA 30 min: tub transfer with bench x 4, min A for legs, floor pick-ups with reacher x 8.\n"
    "A: Hip abductors 3+/5, trunk leans to the right when stepping over the tub.\n"
)


PROSE = (
    "Knee less sore on the front steps and she slept through. She did straight leg raises with 2 lb three times ten, and "
    "I held the pelvis level because it dropped. The last third of extension is still weak and lags five degrees.\n"
)


def visit(number: int, text: str, *, patient: str = "p1", day: int | None = None) -> Visit:
    on = date(2026, 1, 5) + timedelta(days=number if day is None else day)
    return Visit(note_id=f"n{number}", patient_ref=patient, text=text, date_of_service=on)


def found(*visits: Visit) -> list[Copy]:
    return list(find_copied(visits))


LIST = (
    "1. carry 10 lb of laundry up 12 steps with one rail in 4 weeks so that she can do laundry on her own\n"
    "2. walk 1000 ft to the store and back with rollator and no rest in 8 weeks\n"
    "3. get up from the floor alone within 2 weeks using the couch\n"
)
PLAIN = LIST.replace("1. ", "").replace("2. ", "").replace("3. ", "")
FIRST = (
    "O: SLR 3x10 with 2 lb, clamshells with green band x 15 each side.\nA: Quad lag 5 deg, weak in the last third.\n"
)
SECOND = "O: bridges 2x12, side stepping with red band 3 laps.\nA: Hip abductors 3+/5, trunk leans to the right.\n"

PAIRS = [
    # repeated goals are no copy, however they are laid out
    ("a numbered list of goals, other bodies", "Goals:\n" + LIST + FIRST, "Goals:\n" + LIST + SECOND, False),
    ("the same behind the body", FIRST + "Goals:\n" + LIST, SECOND + "Goals:\n" + LIST, False),
    ("goals in plain lines under their heading", FIRST + "GOALS\n" + PLAIN, SECOND + "GOALS\n" + PLAIN, False),
    ("a list that begins on the heading's line", FIRST + "STGs: " + LIST, SECOND + "STGs: " + LIST, False),
    (
        "dashes",
        FIRST + "LTG:\n- " + LIST.replace("\n", "\n- "),
        SECOND + "LTG:\n- " + LIST.replace("\n", "\n- "),
        False,
    ),
    # and what stands under no heading of goals still counts
    ("the same body with a list of goals", "Goals:\n" + LIST + BODY, "Goals:\n" + LIST + BODY, True),
    ("another list of goals over the same body", "Goals:\n" + LIST + "\n" + BODY, "Goals:\n1. drive\n\n" + BODY, True),
    ("a body in prose behind a blank line", "Goals:\n" + LIST + "\n" + PROSE, "Goals:\n1. drive\n\n" + PROSE, True),
    ("a body in prose behind a goal's line", "LTG: drive to work\n" + PROSE, "LTG: walk 300 ft\n" + PROSE, True),
    ("a numbered list that is no goals", "Treatment:\n" + LIST + FIRST, "Treatment:\n" + LIST + SECOND, True),
    ("the same", BODY, BODY, True),
    ("a new date", "DOS 1/5/2026\n" + BODY, "DOS 1/8/2026\n" + BODY, True),
    ("another case and spacing", BODY, BODY.upper().replace(" ", "  "), True),
    ("one number", BODY, BODY.replace("5 deg", "4 deg"), True),
    ("two numbers and a sentence", BODY, BODY.replace("5 deg", "4 deg") + "Went home with daughter.", True),
    ("new goals over the same body", BODY + GOALS, BODY + "LTG: drive to work", True),
    ("another note", BODY, OTHER, False),
    ("another note with the same goals", GOALS + BODY, GOALS + OTHER, False),
    ("goals alone", GOALS + GOALS, GOALS + GOALS, False),
    ("the same exercises, new findings", BODY, BODY.splitlines()[1] + "\n" + OTHER, False),
    ("half of it copied", BODY, "\n".join([*BODY.splitlines()[:2], *OTHER.splitlines()[2:]]), False),
    ("too short to tell", "Cancelled, ill.", "Cancelled, ill.", False),
    ("no words", "", "", False),
]


@pytest.mark.parametrize(("first", "second", "flagged"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_pairs(first: str, second: str, flagged: bool) -> None:
    copies = found(visit(1, first), visit(2, second))
    assert [(copy.note_id, copy.earlier_id) for copy in copies] == ([("n2", "n1")] if flagged else [])


def test_other_patients_and_the_same_day_are_no_copy() -> None:
    assert found(visit(1, BODY), visit(2, BODY, patient="p2")) == []
    assert found(visit(1, BODY, day=0), visit(2, BODY, day=0)) == []


def test_the_order_of_lines_does_not_matter() -> None:
    visits = [visit(number, BODY) for number in range(6)]
    shuffled = visits.copy()
    random.Random(1).shuffle(shuffled)
    assert found(*visits) == found(*shuffled)


def test_the_last_of_several_like_it_is_named() -> None:
    copies = found(visit(1, BODY), visit(2, OTHER), visit(3, BODY), visit(4, BODY))
    assert [(copy.note_id, copy.earlier_id) for copy in copies] == [("n3", "n1"), ("n4", "n3")]
    # One that shares more wins, however old it is.
    copies = found(visit(1, BODY), visit(2, BODY.replace("5 deg", "4 deg")), visit(3, BODY))
    assert [(copy.note_id, copy.earlier_id) for copy in copies] == [("n2", "n1"), ("n3", "n1")]


def test_what_was_cloned_and_what_changed() -> None:
    later = BODY.replace("5 deg", "4 deg").replace(", slept through", "")
    [copy] = found(visit(1, BODY), visit(2, later))
    assert 0.8 <= copy.share < 1
    assert [(change.before, change.after) for change in copy.changes] == [("slept through", ""), ("5", "4")]
    for span in copy.copied:
        assert later[span.start : span.end] == span.text
        assert span.text in BODY
    for change in copy.changes:
        assert later[change.start : change.end] == change.after
    ends = sorted((s.start, s.end) for s in copy.copied)
    assert all(first[1] <= second[0] for first, second in pairwise(ends))


def test_a_patient_with_more_notes_than_are_compared_at_once() -> None:
    rng = random.Random(3)
    words = [f"word{number}" for number in range(3000)]
    visits = [visit(number, " ".join(rng.sample(words, 60))) for number in range(600)]
    # The copy lies in another stretch than its source.
    visits[550] = visit(550, visits[3].text)
    assert [(copy.note_id, copy.earlier_id, copy.share) for copy in found(*visits)] == [("n550", "n3", 1.0)]


@pytest.mark.parametrize(
    "fields",
    [
        {"note_id": ""},
        {"note_id": 3},
        {"patient_ref": ""},
        {"text": None},
        {"date_of_service": "1/5/2026"},
        {"date_of_service": None},
    ],
)
def test_a_line_that_is_no_note_is_refused(fields: dict[str, object]) -> None:
    good = {"note_id": "n1", "patient_ref": "p1", "text": BODY, "date_of_service": "2026-01-05"}
    assert Visit.model_validate(good).text == BODY
    with pytest.raises(ValidationError):
        Visit.model_validate({**good, **fields})
