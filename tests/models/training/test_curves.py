"""What lies behind the figures of confidence and codes, on lists small enough to count by hand."""

from dataclasses import replace

import pytest

from models.intervals import wilson
from models.training.counting import count_flags, count_note
from models.training.curves import (
    NONE,
    FlagCount,
    Point,
    area_of_risk,
    block_confusion,
    coverage_curve,
    flag_counts,
    judged_of,
    proposal_confusion,
    reliability,
)
from models.training.evaluate import Measured
from models.training.figures import Judged

from .conftest import empty_handed, labelled, perfect


def judged(*pairs):
    return [Judged("proposal", confidence, right) for confidence, right in pairs]


def measured(note, result, needed=()):
    counts = count_note(note, result, set())
    count_flags(counts, needed, result)
    return Measured(note, result, needed, counts, ())


def test_reliability_has_ten_bins_and_keeps_every_decision():
    bins = reliability(judged((0.0, False), (0.05, True), (0.1, True), (0.95, True), (1.0, False)))
    assert [(each.low, each.count) for each in bins if each.count] == [(0.0, 2), (0.1, 1), (0.9, 2)]
    assert len(bins) == 10
    assert (bins[0].right, bins[0].confidence) == (0.5, 0.025)
    assert (bins[9].right, bins[9].confidence) == (0.5, 0.975)
    assert bins[0].least < 0.5 < bins[0].most
    assert (bins[5].count, bins[5].right, bins[5].least, bins[5].most) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763), (0, 0, 0.0, 0.0)],
)
def test_wilson(right, count, low, high):
    assert wilson(right, count) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize(
    ("pairs", "points"),
    [
        ([(0.6, False), (0.9, True)], [(0.5, 1.0), (1.0, 0.5)]),
        ([(0.9, False), (0.6, True)], [(0.5, 0.0), (1.0, 0.5)]),
        # Decisions of one confidence are taken together.
        ([(0.9, True), (0.9, False), (0.8, True), (0.7, True)], [(0.5, 0.5), (0.75, 2 / 3), (1.0, 0.75)]),
        ([], []),
    ],
)
def test_coverage_curve(pairs, points):
    assert [(p.coverage, p.accuracy) for p in coverage_curve(judged(*pairs))] == points


@pytest.mark.parametrize(
    ("points", "area"),
    [([], 0.0), ([(0.5, 1.0), (1.0, 0.5)], 0.25), ([(1.0, 0.9)], 0.1), ([(0.5, 1.0), (1.0, 1.0)], 0.0)],
)
def test_area_of_risk(points, area):
    assert area_of_risk([Point(c, a, 0.5) for c, a in points]) == pytest.approx(area)


def test_judged_of_takes_one_source():
    note = labelled()
    items = (Judged("block", 0.9, True), Judged("read", 0.8, False), Judged("block", 0.7, False))
    each = replace(measured(note, perfect(note)), judged=items)
    assert judged_of([each, each], "block") == [items[0], items[2]] * 2
    assert judged_of([each], "proposal") == []


def test_block_confusion_counts_each_block_once():
    note = labelled()
    other = labelled(services=[s | {"code": "other", "accept": ["other"]} for s in note.model_dump()["services"][:1]])
    right = block_confusion([measured(note, perfect(note))])
    assert right.rows == right.columns == ("97110", "97530", "other", NONE)
    assert right.counts == ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))
    # One block read with another code, one not read at all.
    assert block_confusion([measured(note, perfect(other))]).counts == (
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
    )
    # And the other way about: a block that no label has.
    assert block_confusion([measured(other, perfect(note))]).counts == (
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
    )
    assert right.total == 2


def test_proposal_confusion():
    note = labelled()
    both = [measured(note, perfect(note)), measured(note, empty_handed(note))]
    assert proposal_confusion(both).counts == ((1, 0, 1), (0, 0, 0), (0, 0, 0))


def test_flag_counts():
    note, bare = labelled(), labelled(goals=[])
    rows = [measured(bare, perfect(bare), ("goal_missing",)), measured(note, perfect(bare)), measured(bare, perfect(note), ("goal_missing",))]  # fmt: skip
    counts = {row.id: row for row in flag_counts(rows)}
    assert counts["goal_missing"] == FlagCount("goal_missing", wanted=2, found=2, both=1)
    assert counts["no_unit"] == FlagCount("no_unit", 0, 0, 0)
