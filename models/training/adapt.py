"""A fitted classifier moved towards new blocks without the notes that it was fitted on: what ``accurate`` learns from reviews.

Its encoder gives features that are honest only on notes that it never saw. It saw the corpus, so that the corpus cannot be used
again
without training encoders that leave notes out; it never saw reviewed notes. So the weights stay what the corpus made them, as a
Gaussian
prior (Laplace: each weight is held as firmly as the corpus determined it), and reviewed blocks move them. The temperature and the
thresholds stay: whether they still hold is for the gate to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer

from models.classifier import CLASSES, Fitted, softmax
from models.features import READ
from models.training.train import Row

_PENALTY = 1.0  # of a weight that the corpus says nothing about
_MOST_STEPS = 300
Array = NDArray[np.float64]


def adapt(fitted: Fitted, corpus: Sequence[Row], reviewed: Sequence[Row]) -> Fitted:
    """The classifier after it saw ``reviewed``, each block with and without its stated code, as training does.

    Parameters
    ----------
    fitted
        The classifier that the corpus made.
    corpus
        Its labelled blocks, without the encoder's signs; they say only how firmly each weight is held.
    reviewed
        Blocks of notes that neither classifier nor encoder saw, with the encoder's signs.
    """
    old: dict[str, int] = dict(fitted.vectorizer.vocabulary_)
    new = sorted({name for row in reviewed for name in row.full} | set(old))
    vectorizer = DictVectorizer(sparse=True).fit([dict.fromkeys(new, 1.0)])
    index: dict[str, int] = dict(vectorizer.vocabulary_)
    weights = np.zeros((len(new), len(CLASSES)))
    weights[[index[name] for name in old]] = fitted.estimator.coef_.T[list(old.values())]
    intercept = np.asarray(fitted.estimator.intercept_, dtype=np.float64)
    firm, firm_intercept = _firmness(vectorizer, weights, intercept, corpus)
    # The corpus's blocks are seen here without what the encoder makes of them; every block has it, as every block has an intercept.
    for name, at in index.items():
        if name.startswith(READ):
            firm[at] = firm_intercept + _PENALTY
    matrix = _matrix(vectorizer, reviewed)
    wanted = np.array([CLASSES.index(row.code) for row in reviewed] * 2, dtype=int)
    moved, moved_intercept = _move(matrix, wanted, weights, intercept, firm, firm_intercept)
    estimator: Any = clone(fitted.estimator)
    estimator.classes_ = fitted.estimator.classes_
    estimator.coef_, estimator.intercept_ = np.ascontiguousarray(moved.T), moved_intercept
    estimator.n_features_in_, estimator.n_iter_ = len(new), fitted.estimator.n_iter_
    return replace(fitted, vectorizer=vectorizer, estimator=estimator)


def _matrix(vectorizer: DictVectorizer, rows: Sequence[Row]) -> csr_matrix:
    return csr_matrix(vectorizer.transform([row.full for row in rows] + [row.content for row in rows]))


def _firmness(
    vectorizer: DictVectorizer, weights: Array, intercept: Array, corpus: Sequence[Row]
) -> tuple[Array, Array]:
    """How firmly the corpus holds each weight (the diagonal of the loss's second derivative), and each intercept."""
    matrix = _matrix(vectorizer, corpus)
    chances = softmax(np.asarray(matrix @ weights) + intercept)
    bends = chances * (1.0 - chances)
    return np.asarray(matrix.power(2).T @ bends) + _PENALTY, bends.sum(axis=0)


def _move(
    matrix: csr_matrix,
    wanted: NDArray[np.int_],
    weights: Array,
    intercept: Array,
    firm: Array,
    firm_intercept: Array,
) -> tuple[Array, Array]:
    start = np.vstack([weights, intercept])
    hold = np.vstack([firm, firm_intercept])
    truth = np.zeros((len(wanted), len(CLASSES)))
    truth[np.arange(len(wanted)), wanted] = 1.0

    def loss(flat: Array) -> tuple[float, Array]:
        at = flat.reshape(start.shape)
        logits = np.asarray(matrix @ at[:-1]) + at[-1]
        chances = softmax(logits)
        off = at - start
        value = -np.log(chances[np.arange(len(wanted)), wanted] + 1e-12).sum() + 0.5 * (hold * off**2).sum()
        slope = chances - truth
        gradient = np.vstack([np.asarray(matrix.T @ slope), slope.sum(axis=0)]) + hold * off
        return float(value), gradient.ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS})
    end = np.asarray(found.x).reshape(start.shape)
    return end[:-1], end[-1]
