"""Totals at the foot of a note: what they are of, and whose minutes they are; numbers behind a service's name; where progress stands."""

import pytest

from models.registry import shipped
from nlp.pipeline import load

READER = load(shipped())
WORK = "O: Towel slides x 20, putty squeezes with red putty, fisting 3x10.\n"
NAMED = "TherEx 20 min: putty squeezes 3x10, fisting.\nTA 17 min: buttoning shirt, opening jars.\n"


@pytest.mark.parametrize(
    ("text", "minutes", "totals"),
    [
        # the only block has the timed minutes, in whatever order the totals stand and whatever else the foot says
        (WORK + "Timed minutes: 37. Total treatment time: 45 minutes.", [37], [(45, "visit")]),
        (WORK + "Total timed minutes: 37\nTotal treatment minutes: 45", [37], [(45, "visit")]),
        (WORK + "Timed code minutes: 37 minutes. Total treatment time: 45 minutes", [37], [(45, "visit")]),
        (WORK + "Timed: 37 min. Untimed: 8 min. Total treatment time: 45 minutes", [37], [(45, "visit")]),
        # a visit's total alone stays its minutes, and so do minutes of its own
        (WORK + "Total treatment time: 45 minutes", [45], []),
        (
            "O: TherEx 30 min: putty squeezes with red putty, fisting 3x10.\nTotal timed minutes: 37. Total time: 45 min",
            [30],
            [(37, "timed"), (45, "visit")],
        ),
        # of two blocks a total is neither's, whether they have minutes or not
        (
            "Interventions: therapeutic exercise - scapular retraction 2x10, wrist flexion 1 lb x15.\n"
            "Therapeutic activities - putting groceries into overhead cabinet, folding towels standing at counter.\n"
            "Timed code treatment minutes: 38   Total treatment time: 41 min",
            [None, None],
            [(38, "timed"), (41, "visit")],
        ),
        (NAMED + "Total timed minutes: 37. Total treatment time: 45 min", [20, 17], [(37, "timed"), (45, "visit")]),
    ],
)
def test_whose_minutes_a_total_is(text: str, minutes: list[int], totals: list[tuple[int, str]]) -> None:
    document = READER.read(text)
    assert [block.minutes for block in document.blocks] == minutes
    assert [(total.minutes, total.kind) for total in document.totals] == totals


@pytest.mark.parametrize(
    ("foot", "totals"),
    [
        ("Total treatment time: 45 min.", [45]),
        ("Total 40 min session.", [40]),
        ("Seen for 45 min.", [45]),
        ("40 min total, tolerated well.", [40]),
        ("Time in 10:05, time out 10:52.", [47]),
        # of one task, one service, a rest, a commute, a dose of a drug, a day at home
        ("Did tummy time 6 min total yesterday.", []),
        ("Crouch walking 6 min total last week.", []),
        ("TherAct total min 9", []),
        ("Rest periods of 7 minutes in addition, not billed.", []),
        ("Drive 25 min each way, mileage logged.", []),
        ("Seen 50 minutes into a dose of levodopa.", []),
        ("HEP: tummy time, 10 minutes total per day.", []),
        # how long somebody bears to stand
        ("Tol 20 min standing total vs 11 last week.", []),
        # a row's number is no total of the row's own column
        ("12   TOTAL MIN     29     41", []),
        # one discipline's is the visit's, of two neither
        ("PT total 39 min.", [39]),
        ("PT total 39 min. OT total 36 min.", []),
        ("PT portion billed: 23 min. OT: 22 min billed by OT.", []),
        ("Pt seen by PTA for a total of 45 min.", [45]),
        ("Pt seen bedside by OT for a total of 45 min.", [45]),
        # where and how the visit was says nothing against its length
        ("45 min session at home.", [45]),
        ("45 min total with rests as needed.", [45]),
        ("45 min total before lunch.", [45]),
        ("Total time today with patient was 45 min after a late start.", [45]),
        ("Seen 45 min in home for both.", [45]),
        ("45 total minutes.", [45]),
        ("45 min   total", [45]),
        ("PT total 39 min. 1st 20 min on the mat.", [39]),
        ("Plan: stairs.\nTotal time 42 min", [42]),
        ("Plan: total time 45 min next visit.", []),
        ("HEP: total of 30 min daily.", []),
        ("Total of 15 min each.", []),
        ("45 min total yesterday.", []),
        ("Seen 40 min after her pain pill.", []),
    ],
)
def test_a_total_of_something_else_is_none_of_the_visit(foot: str, totals: list[int]) -> None:
    document = READER.read(NAMED + foot)
    assert [block.minutes for block in document.blocks] == [20, 17]
    assert [total.minutes for total in document.totals if total.kind == "visit"] == totals


LED = "The first 20 went to wrist stretching, putty squeezes and towel slides; "


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        (f"Clinic time 45 min. {LED}everything else to hanging shirts on a high rail and opening jars.", [20, 25]),
        (f"Clinic time 45 min. {LED}then hanging shirts on a high rail and opening jars.", [20, None]),
        (f"{LED}everything else to hanging shirts on a high rail and opening jars.", [20, None]),
        (f"Clinic time 45 min. {LED}the remainder was paperwork with the adjuster.", [20]),
        (f"Scheduled 45 min. {LED}everything else to hanging shirts on a high rail and opening jars.", [20, None]),
        # work on top of a block's own minutes, a rest, work at home
        ("TherEx: putty squeezes, fisting 3x10. 24 min plus 6 min on the rower. Pain 2/10.", [30]),
        ("TherEx: putty squeezes, fisting 3x10. 24 min plus 6 min rest. Pain 2/10.", [24]),
        ("TherEx: putty squeezes, fisting 3x10, 24 min plus 10 min icing the hand.", [24]),
        ("TherEx: putty squeezes, fisting 3x10, 24 min plus 5 min BP checks, seated.", [24]),
        ("TherEx: putty squeezes, fisting 3x10. 24 min plus 6 min walk daily at home.", [24]),
    ],
)
def test_minutes_left_of_a_whole_and_minutes_on_top(text: str, minutes: list[int | None]) -> None:
    assert [block.minutes for block in READER.read(text).blocks] == minutes


@pytest.mark.parametrize(
    ("text", "minutes", "written"),
    [
        ("TE x 30: pulleys, wall slides, rows 3x15.\nTA x 8: reaching overhead to shelf w/ 2 lb.", [30, 8], []),
        ("TE 30 min: pulleys, wall slides, rows 3x15.\n97110 x 2", [30], [("97110", 2)]),
        ("TA 8 min: reaching overhead to shelf w/ 2 lb.\n97530 x 1", [8], [("97530", 1)]),
    ],
)
def test_a_block_s_minutes_are_no_units(text: str, minutes: list[int], written: list[tuple[str, int]]) -> None:
    document = READER.read(text)
    assert [block.minutes for block in document.blocks] == minutes
    assert [(each.code, each.units) for each in document.written_units] == written
