"""Thresholds with a stated risk: exact values on small tables, and the promises kept on drawn data."""

import math

import numpy as np
import pytest

from models.training.conformal import (
    class_thresholds,
    conformal_threshold,
    plain_threshold,
    prediction_sets,
    risk_bound,
    risk_threshold,
    set_coverage,
)


def binary(*of_label):
    """Probabilities of two classes; class 0 is always right and has the given ones."""
    return np.array([[p, 1 - p] for p in of_label]), [0] * len(of_label)


@pytest.mark.parametrize(
    ("of_label", "alpha", "threshold"),
    [
        # n = 9, alpha 0.1: one of the ten ranks may be lost, so the lowest probability that was seen still counts.
        ([0.9, 0.8, 0.7, 0.6, 0.55, 0.95, 0.99, 0.85, 0.75], 0.1, 0.55),
        ([0.9, 0.8, 0.7, 0.6, 0.55, 0.95, 0.99, 0.85, 0.75], 0.2, 0.6),
        ([0.9, 0.8, 0.7, 0.6, 0.55, 0.95, 0.99, 0.85, 0.75], 0.5, 0.8),
        # Eight blocks prove nothing at 0.1: everything stays possible.
        ([0.9, 0.8, 0.7, 0.6, 0.55, 0.95, 0.99, 0.85], 0.1, 0.0),
        ([], 0.5, 0.0),
        ([0.3, 0.3, 0.3], 0.5, 0.3),
    ],
)
def test_conformal_threshold(of_label, alpha, threshold):
    probabilities, labels = binary(*of_label)
    assert conformal_threshold(probabilities, labels, alpha) == pytest.approx(threshold)


def test_the_label_counts_not_the_likeliest_class():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.1, 0.0, 0.9]])
    assert conformal_threshold(probabilities, [1, 0, 0], 0.25) == pytest.approx(0.1)
    assert conformal_threshold(probabilities, [0, 1, 2], 0.25) == pytest.approx(0.7)


def test_each_class_has_a_threshold_from_its_own_blocks():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    assert class_thresholds(probabilities, [0, 0, 0, 1, 1], 0.34) == pytest.approx((0.6, 0.7))
    assert class_thresholds(probabilities, [0, 0, 0, 1, 1], 0.25) == pytest.approx((0.6, 0.0))


@pytest.mark.parametrize(
    ("row", "threshold", "expected"),
    [
        ([0.5, 0.4, 0.1], 0.4, [True, True, False]),
        ([0.5, 0.4, 0.1], 0.41, [True, False, False]),
        ([0.5, 0.4, 0.1], 0.0, [True, True, True]),
        ([0.5, 0.4, 0.1], 1.0, [True, False, False]),
        ([0.5, 0.4, 0.1], (0.6, 0.3, 0.2), [True, True, False]),
        ([0.1, 0.4, 0.5], (0.05, 0.5, 0.9), [True, False, True]),
    ],
)
def test_prediction_sets(row, threshold, expected):
    assert prediction_sets([row], threshold).tolist() == [expected]


def test_set_coverage():
    sets = np.array([[True, False], [False, True], [True, True]])
    assert set_coverage(sets, [0, 0, 1]) == pytest.approx(2 / 3)
    assert set_coverage(sets[:0], []) == 0.0


def test_sets_hold_the_right_class_as_often_as_promised():
    rng = np.random.default_rng(3)
    alpha, covered = 0.1, []
    for _ in range(200):
        truth = rng.dirichlet((0.5, 0.5, 0.5), size=140)
        labels = np.array([rng.choice(3, p=p) for p in truth])
        told = truth**0.4  # a classifier that is less sure than it should be: the promise does not mind
        told /= told.sum(axis=1, keepdims=True)
        threshold = conformal_threshold(told[:100], labels[:100], alpha)
        covered.append(set_coverage(prediction_sets(told[100:], threshold), labels[100:]))
    assert 1 - alpha - 0.01 < np.mean(covered) < 1 - alpha + 0.03


@pytest.mark.parametrize(
    ("wrong", "accepted", "delta", "bound"),
    [
        (0, 230, 0.1, 0.00996),
        (0, 229, 0.1, 0.01000),
        (1, 388, 0.1, 0.00999),
        (5, 100, 0.05, 0.10225),
        (3, 3, 0.1, 1.0),
        (0, 0, 0.1, 1.0),
    ],
)
def test_risk_bound(wrong, accepted, delta, bound):
    assert risk_bound(wrong, accepted, delta) == pytest.approx(bound, abs=1e-5)


def decisions(rights, step=0.001):
    """Confidences that fall by ``step``, and whether each decision was right."""
    return [1 - step * number for number in range(len(rights))], rights


@pytest.mark.parametrize(
    ("rights", "threshold", "coverage"),
    [
        # 22 decisions without an error are the fewest that prove 10 % at 0.1.
        ([True] * 21, math.inf, 0.0),
        ([True] * 22, 0.979, 1.0),
        # One error right after: the 23rd fails, so the 22 stand.
        ([True] * 22 + [False] * 8, 0.979, 22 / 30),
        # An error among the first 22 ends it at once.
        ([False] + [True] * 29, math.inf, 0.0),
        ([], math.inf, 0.0),
    ],
)
def test_risk_threshold(rights, threshold, coverage):
    found = risk_threshold(*decisions(rights), risk=0.1, delta=0.1)
    assert found.threshold == pytest.approx(threshold)
    assert found.coverage == pytest.approx(coverage)
    assert found.bound == 1.0 if coverage == 0.0 else found.bound <= 0.1


def test_decisions_of_one_confidence_pass_together_or_not_at_all():
    confidences, rights = [0.9] * 30 + [0.5] * 5, [True] * 30 + [False] + [True] * 4
    assert risk_threshold(confidences, rights, 0.1, 0.1)[:2] == (0.9, pytest.approx(30 / 35))
    assert risk_threshold([0.9] * 30, [True] * 26 + [False] * 4, 0.1, 0.1) == (math.inf, 0.0, 1.0)


def test_order_of_decisions_does_not_matter():
    confidences, rights = decisions([True] * 40 + [False] * 4)
    turned = risk_threshold(confidences[::-1], rights[::-1], 0.1, 0.1)
    assert turned == risk_threshold(confidences, rights, 0.1, 0.1)


def test_the_risk_is_kept_as_often_as_promised():
    rng = np.random.default_rng(5)
    risk, delta, broken, used = 0.1, 0.2, 0, 0
    for _ in range(400):
        confidences = rng.uniform(0.5, 1.0, size=150)
        found = risk_threshold(confidences, (rng.uniform(size=150) < confidences).tolist(), risk, delta)
        # Confidences are true here: above a threshold t the mean error is (1 - t) / 2.
        broken += found.threshold < 1.0 and (1.0 - found.threshold) / 2 > risk
        used += found.threshold < 1.0
    assert used > 100
    assert broken <= delta * 400


@pytest.mark.parametrize(
    ("rights", "threshold", "coverage", "observed"),
    [
        ([True, True, True, False], 0.998, 0.75, 0.0),
        ([False, True, True, True], math.inf, 0.0, 1.0),
        ([True] * 9 + [False], 0.991, 1.0, 0.1),
        ([True] * 8 + [False] * 2, 0.993, 0.8, 0.0),
        ([False] + [True] * 9, 0.991, 1.0, 0.1),
        ([], math.inf, 0.0, 1.0),
    ],
)
def test_plain_threshold(rights, threshold, coverage, observed):
    assert plain_threshold(*decisions(rights), risk=0.1) == pytest.approx((threshold, coverage, observed))
