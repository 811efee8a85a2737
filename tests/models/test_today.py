"""What was done today where the note first tells of what was not, or of another day (`DECISIONS.md`, record 58)."""

from __future__ import annotations

import pytest

from models.coder import Coder

CODER = Coder.load()
# The note, what was done, what was not done with its status.
NOTES: list[tuple[str, list[str], dict[str, str]]] = [
    (
        "Held leg press today d/t knee effusion. Performed quad sets, SLR, heel slides x 20 each.",
        ["quad sets", "SLR", "heel slides"],
        {"leg press": "held"},
    ),
    ("Skipped bridges b/c of back spasm. Hooklying LTR x20, SKTC 3x20s.", ["LTR", "SKTC"], {"bridges": "held"}),
    ("Held: box jumps, sprints.\nAlso lunges.", [], {"box jumps": "held", "sprints": "held"}),
    (
        "Last visit: UBE, scaption. This visit: seated rows 40# 3x10, push-ups on wall.",
        ["seated rows", "push-ups"],
        {"UBE": "past", "scaption": "past"},
    ),
    (
        "HEP: pec stretch, chin tucks. Rx today: rower 6 min, prone T's 3x12.",
        ["rower", "prone T's"],
        {"pec stretch": "home_program", "chin tucks": "home_program"},
    ),
    (
        "Elliptical 6 min, step downs 2x15, hop drills not performed.",
        ["Elliptical", "step downs"],
        {"hop drills": "held"},
    ),
    (
        "Pt refused stairs, performed sit to stand x 8 and bed to chair transfer x 3.",
        ["sit to stand", "bed to chair transfer"],
        {"stairs": "refused"},
    ),
    ("HEP performed in clinic: heel raises x15, towel scrunches x15.", ["heel raises", "towel scrunches"], {}),
    (
        "Reviewed HEP: pt demonstrated wall slides x10 and open books x10 with correct form.",
        ["wall slides", "open books"],
        {},
    ),
    (
        "HEP completed daily per pt: heel raises, towel scrunches. Treadmill 8 min.",
        ["Treadmill"],
        {"heel raises": "home_program", "towel scrunches": "home_program"},
    ),
    (
        "Home exercise program (Medbridge): wrist stretches, tendon glides 10x 3/day.\nTreatment: putty gripping, wrist curls 1# 2x15.",
        ["putty gripping", "wrist curls"],
        {"wrist stretches": "home_program", "tendon glides": "home_program"},
    ),
    (
        "HEP issued: ankle pumps, gluteal sets - pt demonstrated understanding.",
        [],
        {"ankle pumps": "home_program", "gluteal sets": "home_program"},
    ),
    (
        "HEP demonstrated to wife: hamstring stretch, heel cord stretch.",
        [],
        {"hamstring stretch": "home_program", "heel cord stretch": "home_program"},
    ),
    ("Planks 3x20s, side planks unable, bird dog x10.", ["Planks", "bird dog"], {"side planks": "unable"}),
    (
        "Deferred all of these today: pulleys, finger ladder, wand.",
        [],
        {"pulleys": "held", "finger ladder": "held", "wand": "held"},
    ),
]


@pytest.mark.parametrize(("text", "done", "not_done"), NOTES, ids=[text[:50] for text, _, _ in NOTES])
def test_what_was_done_today(text: str, done: list[str], not_done: dict[str, str]) -> None:
    result = CODER.code(text)
    found = [activity.text for service in result.services for activity in service.activities]
    mentions = {mention.text: mention.status for mention in result.mentions}
    assert all(any(task in span for span in found) for task in done)
    assert not any(task in span for span in found for task in not_done)
    assert {task for task in not_done if any(task in span for span in mentions)} == {*not_done}
