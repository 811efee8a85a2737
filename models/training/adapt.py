"""A fitted classifier moved towards new blocks, its own answers on the old ones kept: what ``accurate`` learns from reviews.

Its encoder gives signs that are honest only on notes that it never saw. It saw the corpus, so that the classifier cannot be
fitted on the
corpus again without training encoders that leave notes out; it never saw reviewed notes. So what the encoder's signs are worth
stays as it
was. All other weights are fitted anew on reviewed blocks with their labels and on the corpus's blocks without the encoder's
signs, with
what the classifier said of them as targets: old and new blocks have a voice each. Temperature and thresholds stay: whether they
still hold is for the gate to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, vstack
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer

from models.classifier import CLASSES, Fitted, softmax
from models.features import READ
from models.training.train import Row

_PENALTY = 1.0  # on what a weight moves; the classifier's own on what it is
_MOST_STEPS = 500
Array = NDArray[np.float64]


def adapt(fitted: Fitted, corpus: Sequence[Row], reviewed: Sequence[Row]) -> Fitted:
    """The classifier after it saw ``reviewed``, each block with and without its stated code, as training does.

    Parameters
    ----------
    fitted
        The classifier that the corpus made.
    corpus
        Its labelled blocks, without the encoder's signs.
    reviewed
        Blocks of notes that neither classifier nor encoder saw, with the encoder's signs.
    """
    old: dict[str, int] = dict(fitted.vectorizer.vocabulary_)
    new = sorted({name for row in reviewed for name in row.full} | set(old))
    vectorizer = DictVectorizer(sparse=True).fit([dict.fromkeys(new, 1.0)])
    index: dict[str, int] = dict(vectorizer.vocabulary_)
    start = np.zeros((len(new) + 1, len(CLASSES)))  # the last row is the intercept
    start[[index[name] for name in old]] = fitted.estimator.coef_.T[list(old.values())]
    start[-1] = fitted.estimator.intercept_
    before, after = _matrix(vectorizer, corpus), _matrix(vectorizer, reviewed)
    truth = np.zeros((2 * len(reviewed), len(CLASSES)))
    truth[np.arange(len(truth)), [CLASSES.index(row.code) for row in reviewed] * 2] = 1.0
    kept = softmax(np.asarray(before @ start[:-1]) + start[-1])
    free = np.array([not name.startswith(READ) for name in new] + [True])
    end = _fit(csr_matrix(vstack([before, after])), np.vstack([kept, truth]), start, free)
    estimator: Any = clone(fitted.estimator)
    estimator.classes_ = fitted.estimator.classes_
    estimator.coef_, estimator.intercept_ = np.ascontiguousarray(end[:-1].T), end[-1].copy()
    estimator.n_features_in_, estimator.n_iter_ = len(new), fitted.estimator.n_iter_
    return replace(fitted, vectorizer=vectorizer, estimator=estimator)


def _matrix(vectorizer: DictVectorizer, rows: Sequence[Row]) -> csr_matrix:
    return csr_matrix(vectorizer.transform([row.full for row in rows] + [row.content for row in rows]))


def _fit(matrix: csr_matrix, targets: Array, start: Array, free: NDArray[np.bool_]) -> Array:
    """Weights of least cross-entropy to the targets plus a squared penalty on what moves; those that are not free stay."""

    def loss(flat: Array) -> tuple[float, Array]:
        at = flat.reshape(start.shape)
        chances = softmax(np.asarray(matrix @ at[:-1]) + at[-1])
        off = at - start
        off[-1] = 0.0  # an intercept costs nothing, as in training
        value = -(targets * np.log(chances + 1e-12)).sum() + 0.5 * _PENALTY * (off**2).sum()
        slope = chances - targets
        gradient = np.vstack([np.asarray(matrix.T @ slope), slope.sum(axis=0)]) + _PENALTY * off
        return float(value), (gradient * free[:, None]).ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS})
    return np.asarray(found.x).reshape(start.shape)
