"""Charges told in a list apart from the work: which lines are such a list, and what the reader makes of them."""

import pytest

from models.coder import Coder
from nlp.charged import charge_lists
from nlp.tokens import Tokens

CODER = Coder.load()
LISTS: list[tuple[str, list[tuple[str, int]]]] = [
    # a line that announces minutes
    ("Minutes: exercise 14 / func activities 9 / total 23", [("97110", 14), ("97530", 9)]),
    ("POD1 mins: exercise 11, activity 16", [("97110", 11), ("97530", 16)]),
    ("Billing minutes: Eval 30 (untimed) | Exercise 12 | Theract 8", [("97110", 12), ("97530", 8)]),
    ("PT split 18 te / 9 gait", [("97110", 18), ("97116", 9)]),
    ("Min: TE 16 / TA 21 / Gait 8 = 45", [("97110", 16), ("97530", 21), ("97116", 8)]),
    ("Min: 97110-12 / 97140-9 / 97530-17. Tot 38.", [("97110", 12), ("97140", 9), ("97530", 17)]),
    ("Time: TE 15 / TA 22", [("97110", 15), ("97530", 22)]),
    ("Charges (min): TE 16, MT 9, TA 13", [("97110", 16), ("97140", 9), ("97530", 13)]),
    ("Minutes today - exercise 16, function 24.", [("97110", 16), ("97530", 24)]),
    # names of services over numbers
    ("TE    MT    TA    total\n21    8     13    42", [("97110", 21), ("97140", 8), ("97530", 13)]),
    ("| TE | MT | TA |\n| 21 | -- | 13 |", [("97110", 21), ("97530", 13)]),
    ("97110   97530\n20 min  18 min", [("97110", 20), ("97530", 18)]),
    # rows with a column of today
    (
        "             last (4/30)   today (5/4)\nther ex         25             16\nther act        10             24",
        [("97110", 16), ("97530", 24)],
    ),
    ("        today   prior visit\nTE       18      25\nTA       20      15", [("97110", 18), ("97530", 20)]),
    # shares of a whole
    ("Tx time 44 min (27 TE/17 TA).", [("97110", 27), ("97530", 17)]),
    ("Seen 44 min (TE 27, TA 17)", [("97110", 27), ("97530", 17)]),
    ("Tx time 44 min (27 TE/12 TA).", []),
    ("Walked 44 ft (27 TE/17 TA was not told)", []),
    # a line for each
    ("Minutes of exercise: 26\nMinutes of activity: 16", [("97110", 26), ("97530", 16)]),
    ("TE time: 26 min\nTA time: 16 min", [("97110", 26), ("97530", 16)]),
    ("- 97110: 26 min\n- 97140: 9 min\n- 97530: 16 min\nTotal 51 min", [("97110", 26), ("97140", 9), ("97530", 16)]),
    ("Ther ex 26'\nTher act 16'", [("97110", 26), ("97530", 16)]),
    ("TE: 26\nTA: 16", []),
    ("97110 2\n97530 1", []),
    ("TE time: 26 min\nBP 128/76 after.", []),
    ("Bike: 6 min\nNuStep: 8 min", []),
    # units, totals that are another's, names of no service, one name, no list at all
    ("CHARGES: 97110 1, 97530 2", []),
    ("Units: TE 1 / TA 2", []),
    ("Goals: exercise 20 min daily, walk 10 min", []),
    ("Minutes: 45", []),
    ("Minutes: kettle 18, laundry 12", []),
    ("TE    MT    TA    total\n21    8     13    52", []),
    ("TE    MT    TA\n2     1     1", []),
    ("TE   knee   TA\n21   90     13", []),
    ("TE and TA today.\n21 reps of each", []),
    ("        last visit   visit before\nTE       18      25", []),
    ("        today   prior visit\nknee flex   98      90\nknee ext    -4      -8", []),
    ("Units billed\nTE   TA   MT   total\n12    8    6    26", []),
    ("TE   TA   total\n2    1    3", []),
    ("Measure   prior   today\nBalance      38       44\nTransfers     9       12", []),
    ("FIM\nTransfers   Gait   ADL\n5           5      6", []),
    ("              4/30   today\nGait          150    200\nROM           85     95", []),
    # other times, assistance, counts, scores
    ("Last time: TE 30 / TA 10", []),
    ("Next visit minutes: TE 15, TA 30", []),
    ("Cert period minutes: exercise 90, activities 75", []),
    ("Nursing restorative time: exercise 15 / activities 15", []),
    ("Hold time: exercise 30, activity 10", []),
    ("Min A: gait 5, adl 10", []),
    ("Cues needed (min): gait 8, adl 9", []),
    ("Number of times: gait 5, adl 8", []),
    ("Unit breakdown: TE 2, TA 1", []),
    ("Time: TE 2 / TA 1 / MT 1", []),
    ("Start times: TE 905, TA 925", []),
    ("Split squats 10, exercise 12", []),
    ("Functional mobility distances:\nGait: 50 m\nADL: 8 m", []),
]


@pytest.mark.parametrize(("text", "charges"), LISTS)
def test_lists_of_charges(text: str, charges: list[tuple[str, int]]) -> None:
    found = [charge for told in charge_lists(Tokens.of(text)) for charge in told]
    assert [(charge.code, charge.minutes) for charge in found] == charges
    for charge in found:
        assert str(charge.minutes) in text[slice(*charge.number)]
        assert text[slice(*charge.name)].strip()


EXERCISE = "Wall slides 2x10, bridges 3x8 and clamshells with green band."
TASKS = "Carried laundry basket down the hall, loaded the dishwasher, got in and out of the tub with the grab bar."


@pytest.mark.parametrize(
    ("note", "minutes"),
    [
        (f"{EXERCISE}\n{TASKS}\nMinutes: exercise 14, activities 23, total 37", {"97110": 14, "97530": 23}),
        (f"{EXERCISE}\n{TASKS}\n\nTE    TA    total\n14    23    37", {"97110": 14, "97530": 23}),
        (
            f"        last   today\nTE       25      14\nTA       10      23\n\n{EXERCISE}\n{TASKS}",
            {"97110": 14, "97530": 23},
        ),
        (f"TE: {EXERCISE}\nTA: {TASKS}\nTE time: 14 min\nTA time: 23 min", {"97110": 14, "97530": 23}),
        # sentences in which names and minutes take turns, and the visit's total beside them
        (
            f"Provided 14 min ther ex and 23 min ther act. Exercises: {EXERCISE} Activities: {TASKS}",
            {"97110": 14, "97530": 23},
        ),
        (f"{EXERCISE} {TASKS} 97110 14 min 97530 23 min total 37 min", {"97110": 14, "97530": 23}),
        (f"Tx time 37 min (14 TE/23 TA). {EXERCISE} {TASKS}", {"97110": 14, "97530": 23}),
        (f"23 min of TE ({EXERCISE[:-1]}) and 14 min TA ({TASKS[:-1]}).", {"97110": 23, "97530": 14}),
        (f"PT 37 min. TE: {EXERCISE[:-1]} (14). TA: {TASKS[:-1]} (23).", {"97110": 14, "97530": 23}),
        (f"TE: {EXERCISE[:-1]} (14). TA: {TASKS[:-1]} (23). Total 45 min.", {}),
        # what stands behind the plan is still of today
        (f"O: {EXERCISE}\n{TASKS}\nP: cont 2x/wk.\nMin: TE 14 / TA 23", {"97110": 14, "97530": 23}),
        # a home programme's minutes are no charges
        (f"O: TE 14 min: {EXERCISE}\nHEP: calf stretch\nMin: exercise 20, activity 15", {"97110": 14}),
    ],
)
def test_charges_go_to_the_work_of_their_code(note: str, minutes: dict[str, int]) -> None:
    assert CODER.code(note).minutes == minutes


@pytest.mark.parametrize(
    "foot",
    [
        "Units\n97110   97530\n12      8",
        "TE    TA\n9     30",
        "TE time: 9 min\nTA time: 30 min",
        "P: cont.\nMinutes: exercise 9, activities 30",
    ],
)
def test_minutes_told_beside_the_work_win_over_a_list(foot: str) -> None:
    note = f"TE 14 min: {EXERCISE}\nTA 23 min: {TASKS}\n{foot}"
    assert CODER.code(note).minutes == {"97110": 14, "97530": 23}


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("Last visit: 14 min ther ex and 23 min ther act. Today: {}", {}),
        ("Per plan of care ther ex 14 min, ther act 23 min. {}", {"97110": 14, "97530": 23}),
        ("Tolerated more than last visit: 14 min ther ex, 23 min ther act. {}", {"97110": 14, "97530": 23}),
        ("Sore from yesterday but completed 14 min ther ex and 23 min ther act. {}", {"97110": 14, "97530": 23}),
        ("As planned, pt completed 14 min ther ex and 23 min ther act. {}", {"97110": 14, "97530": 23}),
        ("O: {} Plan to do 14 min ther ex and 23 min ther act next visit.", {}),
        ("14 min ther ex and 23 min ther act: less than was held last week. {}", {"97110": 14, "97530": 23}),
    ],
)
def test_charges_of_another_visit_are_nobodys(said: str, minutes: dict[str, int]) -> None:
    assert CODER.code(said.format(f"{EXERCISE} {TASKS}")).minutes == minutes


def test_the_block_keeps_its_place_and_shows_where_its_minutes_stand() -> None:
    note = f"{EXERCISE}\n{TASKS}\nMinutes: exercise 14, activities 23"
    for service in CODER.code(note).services:
        assert service.end <= note.index("Minutes:")
        assert service.duration is not None
        assert service.duration.text == str(service.minutes)
