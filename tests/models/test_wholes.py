"""Minutes of whole services, of their parts and of what a visit is divided into, from note to minutes by code.

Twins stand beside them: numbers that look alike and are no such minutes (`DECISIONS.md`, record 58).
"""

from __future__ import annotations

import pytest

from models.coder import Coder

CODER = Coder.load()
ROWS: list[tuple[str, dict[str, int]]] = [
    # names and numbers joined
    (
        "TE/TA 26/14 min: wall slides, rows, scaption; reaching to hang coats, loading a dishwasher",
        {"97110": 26, "97530": 14},
    ),
    ("97110/97530 = 26/14 min\nBridges, clams\nCar transfers, curb with groceries", {"97110": 26, "97530": 14}),
    (
        "MT/TE/TA 9/17/14. STM to forearm. Wrist curls, putty squeeze. Opening jars, pouring from a kettle.",
        {"97110": 17, "97140": 9, "97530": 14},
    ),
    ("18/12 min TE/TA. TE: heel raises, hip hikes. TA: getting in and out of the tub.", {"97110": 18, "97530": 12}),
    (
        "TE and TA performed, 17 min each. TE: bridges. TA: log roll out of bed, donning shoes.",
        {"97110": 17, "97530": 17},
    ),
    (
        "17 min each of ther ex and ther act. Ex - hand gripper, wrist ROM. Act - buttoning, tying laces.",
        {"97110": 17, "97530": 17},
    ),
    ("TE (SAQ, glute sets) and TA (car transfers, carrying a tray), 17 min each.", {"97110": 17, "97530": 17}),
    ("TE/TA 2/1 units: calf raises; toilet transfers", {}),
    # a service's minutes and those of its parts
    (
        "Stepper 9 min\nprone hang 3 min\nhamstring curls\nTE 29 min\nManual 8 min: patellar mobs",
        {"97110": 29, "97140": 8},
    ),
    ("Heel prop 5 min. Quad sets. Bike 8 min rocking. TE total 29 min.", {"97110": 29}),
    (
        "ther act 29 min\n-supine to sit\n-standing 3 min at EOB to pull up pants\n-bed to commode transfer",
        {"97530": 29},
    ),
    (
        "Thirty-one minutes of therapeutic exercise, including 9 min on the elliptical, lunges and leg curls.",
        {"97110": 31},
    ),
    ("TA - tub bench transfer, folded towels in standing (tolerated 6 min). TA time: 31 min.", {"97530": 31}),
    ("TE 16 min\nBridges\nClams\nTherapeutic activities\nSit to stand 12 min", {"97110": 16, "97530": 12}),
    # minutes in front of their work
    (
        "45 min OT: 15 min UE ther ex with dowel, 30 min IADL incl. loading dishwasher and folding laundry.",
        {"97110": 15, "97530": 30},
    ),
    (
        "14 min manual (STM to UT, suboccipital release) and 16 min exercise (chin tucks, rows).",
        {"97110": 16, "97140": 14},
    ),
    (
        "Tx: (24 min) Ther Ex - heel slides, SLR. (16 min) Ther Act - curb with cane, in/out of car.",
        {"97110": 24, "97530": 16},
    ),
    ("Bridges, rows 14 min, car transfers and curb 16 min.", {"97110": 14, "97530": 16}),
    # a whole divided
    (
        "Pt seen 29 min: 16 setting place mats, watering plants / 13 seated arm bike, shoulder circles.",
        {"97110": 13, "97530": 16},
    ),
    (
        "24 of the 40 min went to stand pivot transfers bed to chair, the rest to supine hip AAROM.",
        {"97110": 16, "97530": 24},
    ),
    ("Half of the 30 min was treadmill and half was carrying grocery bags up a flight.", {"97110": 15, "97530": 15}),
    (
        "40 minutes split evenly between pulleys, wall walks and putting plates on a high shelf.",
        {"97110": 20, "97530": 20},
    ),
    ("TE 30 min (15 squats, 15 heel raises).", {"97110": 30}),
    ("Gait training 20 min, cues to step evenly.", {"97116": 20}),
    ("97110/97530 - 8/10 visits used. Bridges, rows 26 min.", {"97110": 26}),
    ("45 min session: 15 bridges, 15 clams, 15 leg presses.", {"97110": 45}),
    ("40 min visit: toilet transfers and tub bench, remainder of day up in chair.", {"97530": 40}),
    ("Therapeutic exercises 30 min - 20 SLR, 10 bridges.", {"97110": 30}),
    ("Car transfers 15 min. Bridges, rows, TE 30 min.", {"97110": 30, "97530": 15}),
    # told apart from the work, in plain words
    ("Smart watch shows exercise 22 min, activity 45 min today. Rows, presses 18 min.", {"97110": 18}),
    (
        "Time was divided into 22 min exercise and 18 min activity. Exercise: hip slides, mini bridges. Activity: bed to commode transfer.",
        {"97110": 22, "97530": 18},
    ),
    (
        "Exercise 22 min | Activity 18 min\nExercise: pec stretch, band pull-aparts\nActivity: pushing a stroller, folding clothes",
        {"97110": 22, "97530": 18},
    ),
    (
        "Ther ex was 16 min: hip abduction, quad stretch. Ther act was 14: squatting to plant pots.",
        {"97110": 16, "97530": 14},
    ),
    # put right
    ("Ther act 20 min: error 12, correct 18 in pillbox.", {"97530": 20}),
    ("TE 32 min (error, actual 22 min): tendon glides, putty pinch.", {"97110": 22}),
    ("TA 40 min - entered in error, should be 25: rolling in bed, scooting to EOB.", {"97530": 25}),
]


@pytest.mark.parametrize(("text", "minutes"), ROWS, ids=[text[:50] for text, _ in ROWS])
def test_minutes(text: str, minutes: dict[str, int]) -> None:
    assert CODER.code(text).minutes == minutes
