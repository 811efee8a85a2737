"""When *both codes remain possible*, and how sure a proposal must be to pass unseen: thresholds with a stated risk.

Conformal sets (Vovk and others 2005; the score is Sadinle and others 2019, one minus the probability of the label) hold the right
class for at least ``1 - alpha`` of new blocks, whatever the classifier is, if new blocks are drawn as the ones that the threshold
comes from. Out-of-fold probabilities pooled over the folds make it cross-conformal: the promise is then nearly kept rather than
exactly. Blocks of one writer resemble each other, so measure it on writers left out (`models.training.study` does).

The risk of unseen errors is bounded as in Angelopoulos and others 2021 (learn then test, fixed sequence) with the exact binomial
bound of Clopper and Pearson. Own code: MAPIE wraps estimators, while all there is here is an array of probabilities.

Examples
--------
>>> probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.5, 0.5, 0.0], [0.1, 0.0, 0.9]])
>>> threshold = conformal_threshold(probabilities, [0, 1, 1, 2], alpha=0.25)
>>> threshold
0.5
>>> prediction_sets(np.array([[0.55, 0.5, 0.0], [0.4, 0.3, 0.3]]), threshold).tolist()
[[True, True, False], [True, False, False]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

_ROUNDING = 1e-9


def conformal_threshold(probabilities: ArrayLike, labels: Sequence[int] | NDArray[np.int_], alpha: float) -> float:
    """The least probability at which a class stays possible, so that at most ``alpha`` of new blocks lose their right class.

    Parameters
    ----------
    probabilities
        Shape (n, classes), from models that did not see the blocks.
    labels
        The right class of each block as a column number.
    alpha
        Share of new blocks whose right class may be missing, in (0, 1).

    Returns
    -------
    float
        In [0, 1]; 0 where there are too few blocks to rule anything out (fewer than ``1 / alpha - 1``).
    """
    of_label = _of_labels(probabilities, labels)
    # The (n + 1)-th block is the new one: its rank is counted in.
    rank = math.floor(alpha * (len(of_label) + 1) + _ROUNDING)
    return 0.0 if rank == 0 else float(np.sort(of_label)[rank - 1])


def class_thresholds(
    probabilities: ArrayLike, labels: Sequence[int] | NDArray[np.int_], alpha: float
) -> tuple[float, ...]:
    """`conformal_threshold` for each class from its own blocks: the promise then holds for each class apart."""
    values, wanted = np.asarray(probabilities, dtype=float), np.asarray(labels, dtype=int)
    return tuple(
        conformal_threshold(values[wanted == column], wanted[wanted == column], alpha)
        for column in range(values.shape[1])
    )


def prediction_sets(probabilities: ArrayLike, threshold: float | Sequence[float]) -> NDArray[np.bool_]:
    """Which classes remain possible: shape (n, classes); the likeliest class always does.

    Parameters
    ----------
    probabilities
        Shape (n, classes).
    threshold
        From `conformal_threshold`, or one a class from `class_thresholds`.
    """
    values = np.asarray(probabilities, dtype=float)
    possible = np.asarray(threshold, dtype=float) <= values
    possible[np.arange(len(values)), values.argmax(axis=1)] = True
    return possible


def set_coverage(sets: NDArray[np.bool_], labels: Sequence[int] | NDArray[np.int_]) -> float:
    """Share of the blocks whose set holds their right class; 0 where there are none."""
    return float(_of_labels(sets, labels).mean()) if len(sets) else 0.0


def _of_labels(values: ArrayLike, labels: Sequence[int] | NDArray[np.int_]) -> NDArray[np.float64]:
    table, wanted = np.asarray(values, dtype=float), np.asarray(labels, dtype=int)
    return table[np.arange(len(wanted)), wanted] if len(wanted) else np.zeros(0)


def risk_bound(wrong: int, accepted: int, delta: float) -> float:
    """Upper end of what the share of errors may be, exceeded with probability at most ``delta`` (Clopper and Pearson).

    Examples
    --------
    >>> f"{risk_bound(0, 299, 0.05):.4f}", f"{risk_bound(1, 299, 0.05):.4f}", risk_bound(0, 0, 0.05)
    ('0.0100', '0.0158', 1.0)
    """
    if wrong >= accepted:
        return 1.0
    return float(beta.ppf(1.0 - delta, wrong + 1, accepted - wrong))


class RiskThreshold(NamedTuple):
    """Decisions with a confidence of at least ``threshold`` pass: ``coverage`` of all, of which at most ``bound`` are wrong.

    ``threshold`` is infinite, ``coverage`` 0 and ``bound`` 1 where no threshold keeps the risk.
    """

    threshold: float
    coverage: float
    bound: float


_NONE = RiskThreshold(math.inf, 0.0, 1.0)


def risk_threshold(confidences: ArrayLike, right: Sequence[bool], risk: float, delta: float) -> RiskThreshold:
    """The lowest confidence above which at most ``risk`` of the decisions are wrong, true with probability ``1 - delta``.

    Thresholds are tried from the strictest that could pass at all (no error among the fewest decisions that prove anything)
    downwards, until one fails; that order is fixed before the data are seen, so that trying many costs no confidence.

    Parameters
    ----------
    confidences
        Shape (n,), of decisions by models that did not see them; those that are flagged anyway left out.
    right
        Whether each decision was right.
    risk
        Share of wrong decisions that may pass, in (0, 1).
    delta
        Probability, in (0, 1), with which the promise may be broken.

    Returns
    -------
    RiskThreshold
        With ``bound``, the upper end of the share of errors at ``delta``. For a risk of 0.01 and a delta of 0.1, 230 decisions
        without any error are the fewest that prove it; where there are fewer, nothing passes: see `plain_threshold`.
    """
    steps = _steps(confidences, right)
    total = steps[-1][1] if steps else 0
    fewest = math.ceil(math.log(delta) / math.log(1.0 - risk) - _ROUNDING)
    best = _NONE
    for confidence, accepted, wrong in steps:
        if accepted < fewest:
            continue
        bound = risk_bound(wrong, accepted, delta)
        if risk + _ROUNDING < bound:
            break
        best = RiskThreshold(confidence, accepted / total, bound)
    return best


def plain_threshold(confidences: ArrayLike, right: Sequence[bool], risk: float) -> RiskThreshold:
    """The lowest confidence above which at most ``risk`` of the decisions *were* wrong: an estimate that proves nothing.

    ``bound`` is the share that was wrong. Chosen among many on few decisions, it is too hopeful; say so where it is used.
    Parameters as in `risk_threshold`.
    """
    steps = _steps(confidences, right)
    total = steps[-1][1] if steps else 0
    passing = [step for step in steps if step[2] <= risk * step[1] + _ROUNDING]
    if not passing:
        return _NONE
    confidence, accepted, wrong = passing[-1]
    return RiskThreshold(confidence, accepted / total, wrong / accepted)


def _steps(confidences: ArrayLike, right: Sequence[bool]) -> list[tuple[float, int, int]]:
    """Each confidence that occurs, highest first, with how many decisions have at least it and how many of these are wrong."""
    ordered = sorted(zip(np.asarray(confidences, dtype=float).tolist(), right, strict=True), key=lambda pair: -pair[0])
    steps: list[tuple[float, int, int]] = []
    wrong = 0
    for accepted, (confidence, hit) in enumerate(ordered, start=1):
        wrong += not hit
        if steps and steps[-1][0] == confidence:
            steps.pop()
        steps.append((confidence, accepted, wrong))
    return steps
