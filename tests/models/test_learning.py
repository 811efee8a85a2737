"""When more notes would pay, by the learning curve."""

from __future__ import annotations

import itertools

import pytest

from models.billing import data
from models.learning import CURVE, Curve, parse, pays
from nlp.errors import LexiconError

LAW = Curve(tuple((n, 0.1 + 2.0 * n**-0.5) for n in (50.0, 100.0, 400.0, 1600.0, 3000.0)), 0.02, 20)


def test_the_law_is_found_again():
    assert LAW.law == pytest.approx((0.1, 2.0, 0.5), rel=1e-3)
    assert LAW.log_loss(900) == pytest.approx(0.1 + 2.0 / 30, rel=1e-3)


def test_more_notes_never_promise_less():
    losses = [CURVE.log_loss(n) for n in (1, 10, 100, 1000, 10_000)]
    assert all(after <= before for before, after in itertools.pairwise(losses))


def test_the_law_lies_near_the_measured_points():
    for notes, loss in CURVE.points:
        assert CURVE.log_loss(notes) == pytest.approx(loss, rel=0.05)


@pytest.mark.parametrize(
    ("learnt", "new", "state"),
    [(400, 19, "too_few"), (400, 100, "pays"), (400, 20, "steady"), (100_000, 1000, "steady")],
)
def test_it_pays_where_the_curve_falls_enough(learnt: int, new: int, state: str):
    found = pays(learnt, new, curve=LAW)
    assert found.state == state
    assert found.then <= found.now
    assert str(new) in found.sentence


def test_a_file_with_too_few_points_is_refused():
    text = data.read_from("models.learning", "learning.toml")
    head = text[: text.index("[[point]]")]
    with pytest.raises(LexiconError, match="four points"):
        parse(head + "[[point]]\nnotes = 10.0\nlog_loss = 0.3\n")
