"""A charge apart from its work gives its minutes to that work, where only one fits."""

import pytest

from models.service import Service
from models.settle import settle
from nlp.document import Activity, Block, Duration, StatedCode

P = {"97110": 1.0, "97530": 0.0, "other": 0.0}


def charge(code, minutes, *, at=80):
    duration = Duration(at + 10, at + 12, "15", minutes, "stated")
    block = Block(at, at + 12, "x", (), duration, minutes, StatedCode(at, at + 5, code, code))
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


@pytest.mark.parametrize(
    ("services", "settled"),
    [
        # a total at the foot of the work: the same minutes, or smaller ones that stood inside the block
        ([work("97110", minutes=15), charge("97110", 15)], [("97110", 15, True)]),
        ([work("97530", minutes=5), charge("97530", 23)], [("97530", 23, True)]),
        ([charge("97530", 23, at=0), work("97530", at=40, minutes=5)], [("97530", 23, True)]),
        (
            [work("97110", minutes=10), work("97110", at=20, minutes=15), charge("97110", 25)],
            [("97110", 10, True), ("97110", 15, True)],
        ),
        # less what the other block of the code has
        (
            [work("97110", minutes=10), work("97110", at=20), charge("97110", 25)],
            [("97110", 10, True), ("97110", 15, True)],
        ),
        # no total: between the work, of another code, or one of two
        (
            [work("97110", minutes=10), charge("97110", 15, at=20), work("97530", at=40, minutes=20)],
            [("97110", 10, True), ("97110", 15, False), ("97530", 20, True)],
        ),
        ([work("97110", minutes=10), charge("97530", 15)], [("97110", 10, True), ("97530", 15, False)]),
        # a total, though work that states another code stands behind it
        (
            [work("97110", minutes=6), charge("97110", 25, at=20), work("97112", at=40, minutes=8, stated="97112")],
            [("97110", 25, True), ("97112", 8, True)],
        ),
        (
            [work("97110", minutes=10), charge("97110", 15), charge("97110", 20, at=100)],
            [("97110", 10, True), ("97110", 15, False), ("97110", 20, False)],
        ),
    ],
)
def test_a_charge_apart_is_the_total_of_its_code(services, settled):
    assert minutes(settle(services)) == settled


@pytest.mark.parametrize(
    ("works", "settled"),
    [
        ((work("97110"), work("97530", at=20)), [("97110", 24, True), ("97530", 19, True)]),
        ((work("97530"), work("97530", at=20)), [("97530", 24, True), ("97530", 19, True)]),
        # the second block states another code, so the two charges stay
        (
            (work("97110"), work("97140", at=20, stated="97140")),
            [("97110", None, True), ("97140", None, True), ("97530", 24, False), ("97530", 19, False)],
        ),
        # three blocks for two charges
        (
            (work("97110"), work("97116", at=20), work("97116", at=40)),
            [
                ("97110", None, True),
                ("97116", None, True),
                ("97116", None, True),
                ("97530", 24, False),
                ("97530", 19, False),
            ],
        ),
    ],
)
def test_two_charges_of_one_code_pay_in_order(works, settled):
    assert minutes(settle([*works, charge("97530", 24), charge("97530", 19, at=100)])) == settled


def test_the_last_charge_goes_to_the_last_work_and_its_code_is_stated():
    settled = settle([work("97530"), charge("97110", 15)])
    assert minutes(settled) == [("97530", 15, True)]
    assert settled[0].block.stated.code == "97110"


def test_work_that_states_another_code_is_not_given_the_last_charge():
    assert len(settle([work("97530", stated="97530"), charge("97110", 15)])) == 2


def test_a_charge_for_work_that_is_not_told_is_not_given_to_exercises():
    assert minutes(settle([work("97110"), charge("97116", 10)])) == [("97110", None, True), ("97116", 10, False)]


def named(code, minutes, *, at=60):
    """A block whose only task is its service's name: ``Gait training 18 min``."""
    name = StatedCode(at, at + 8, "gait trn", code)
    block = Block(
        at,
        at + 20,
        "z",
        (Activity(at, at + 8, "gait trn"),),
        Duration(at + 9, at + 11, "18", minutes, "stated"),
        minutes,
        name,
    )
    return Service(block, code, None, 0.9, P, P)


@pytest.mark.parametrize(
    ("services", "settled"),
    [
        # what the name stands for is told in another block
        ([named("97116", 18, at=0), work("97116", at=40, stated="97116")], [("97116", 18, True)]),
        # it has minutes of its own, names another service, or there are two
        (
            [named("97116", 18, at=0), work("97116", at=40, minutes=9, stated="97116")],
            [("97116", 18, True), ("97116", 9, True)],
        ),
        (
            [named("97116", 18, at=0), work("97110", at=40, stated="97110")],
            [("97116", 18, True), ("97110", None, True)],
        ),
        (
            [named("97116", 18, at=0), work("97116", at=30, stated="97116"), work("97116", at=50, stated="97116")],
            [("97116", 18, True), ("97116", None, True), ("97116", None, True)],
        ),
    ],
)
def test_a_name_with_minutes_pays_for_the_work_it_stands_for(services, settled):
    assert minutes(settle(services)) == settled
