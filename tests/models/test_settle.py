"""A charge apart from its work gives its minutes to that work, where only one fits."""

from models.service import Service
from models.settle import settle
from nlp.document import Activity, Block, Duration, StatedCode

P = {"97110": 1.0, "97530": 0.0, "other": 0.0}


def charge(code, minutes):
    duration = Duration(90, 92, "15", minutes, "stated")
    block = Block(80, 92, "x", (), duration, minutes, StatedCode(80, 85, code, code))
    return Service(block, code, None, 0.9, P, P)


def work(code, *, at=0, minutes=None, stated=None):
    duration = Duration(at, at + 2, "15", minutes, "stated") if minutes else None
    named = StatedCode(at, at + 5, stated, stated) if stated else None
    block = Block(at, at + 9, "y", (Activity(at, at + 3, "SLR"),), duration, minutes, named)
    return Service(block, code, None, 0.9, P, P)


def minutes(services):
    return [(s.code, s.block.minutes, bool(s.block.activities)) for s in services]


def test_each_charge_goes_to_the_work_of_its_code():
    settled = settle([work("97110"), work("97530", at=20), charge("97530", 23), charge("97110", 15)])
    assert minutes(settled) == [("97110", 15, True), ("97530", 23, True)]
    assert [s.block.stated.code for s in settled] == ["97110", "97530"]


def test_two_blocks_of_the_code_leave_the_charge_alone():
    assert minutes(settle([work("97110"), work("97110", at=20), charge("97110", 30)]))[-1] == ("97110", 30, False)


def test_work_with_minutes_takes_none():
    assert minutes(settle([work("97110", minutes=10), charge("97110", 15)])) == [
        ("97110", 10, True),
        ("97110", 15, False),
    ]


def test_the_last_charge_goes_to_the_last_work_and_its_code_is_stated():
    settled = settle([work("97530"), charge("97110", 15)])
    assert minutes(settled) == [("97530", 15, True)]
    assert settled[0].block.stated.code == "97110"


def test_work_that_states_another_code_is_not_given_the_last_charge():
    assert len(settle([work("97530", stated="97530"), charge("97110", 15)])) == 2
