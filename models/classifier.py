"""Blocks to services: a fitted multinomial logistic regression on named features, calibrated by one temperature.

The fitted file holds scikit-learn types alone (`DictVectorizer`, `LogisticRegression`) and plain numbers; at load the weights are
read into arrays, since for one block the estimators' call overhead costs more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.billing.codes import CODES
from models.billing.proposal import UNCALIBRATED, Calibration
from models.errors import UnknownRisk
from models.features import Feature, block_features, counted, settings_of, tells_code
from models.note import USUAL_RISK, Risk
from models.service import Reason, Service
from nlp.document import Block, Document
from nlp.terms import entries

CLASSES = ("97110", "97530", "other")
_REASONS = 6
# Codes of this group say how many were treated, not what was done: no content speaks against them.
_DELIVERY = "group"
_SURE = 3.5  # log-odds that such a block is no 97110 or 97530; of 34 labelled ones none was
_LEAST_WEIGHT = 0.15  # log-odds; a smaller push is no reason worth reading


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training leaves: vectoriser and estimator (scikit-learn), temperature, and what makes doubt honest.

    ``calibration`` holds the weights of the proposals' signs (with a headline code, without), ``least`` for each `Risk` the
    confidence below which a proposal does not pass unseen, ``possible`` the probability from which each class stays possible
    (conformal).
    """

    vectorizer: Any
    estimator: Any
    temperature: float
    calibration: tuple[dict[str, float], dict[str, float]] = (dict(UNCALIBRATED.code), dict(UNCALIBRATED.none))
    least: Mapping[int, float] = field(default_factory=dict)
    possible: tuple[float, ...] = (1.0, 1.0, 1.0)


def service_codes() -> dict[str, str]:
    """Lexicon entry id to the other service's code number."""
    return {entry.id: entry.data["code"] for entry in entries("activities") if entry.data["code"]}


def _by_delivery(block: Block) -> bool:
    """Whether the code that a note states for a block says how it was delivered: ``97150 group: bridges, dead bugs``."""
    return block.stated is not None and block.stated.code in CODES and CODES[block.stated.code].group == _DELIVERY


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row-wise softmax of an array of shape (n, classes)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _least(fitted: Mapping[int, float], risk: int) -> float:
    if not fitted:
        return 0.0
    if risk not in fitted:
        raise UnknownRisk(risk, tuple(sorted(fitted)))
    return float(fitted[risk])


class Classifier:
    """Gives each block its code, probabilities and reasons.

    Parameters
    ----------
    fitted
        What `models.training.train` made.
    risk
        How many in 100 of the proposals that pass unflagged may be wrong; it decides which are too unsure to pass. Where
        nothing was fitted, none is.

    Raises
    ------
    UnknownRisk
        Thresholds were fitted, but none for this risk.
    """

    def __init__(self, fitted: Fitted, *, risk: Risk = USUAL_RISK) -> None:
        if tuple(fitted.estimator.classes_) != CLASSES:
            raise ValueError("the classifier was fitted for other classes")
        self.index: dict[str, int] = dict(fitted.vectorizer.vocabulary_)
        self.telling = frozenset(at for name, at in self.index.items() if tells_code(name))
        self.weights = np.ascontiguousarray(fitted.estimator.coef_.T, dtype=np.float64)
        self.intercept = np.asarray(fitted.estimator.intercept_, dtype=np.float64)
        self.temperature = float(fitted.temperature)
        self.calibration = Calibration(*fitted.calibration, least=_least(fitted.least, risk))
        self.possible = tuple(float(value) for value in fitted.possible)
        self.codes = service_codes()
        total = self.weights.sum(axis=1)
        self.contrasts = {
            code: ((self.weights[:, k] - (total - self.weights[:, k]) / (len(CLASSES) - 1)) / self.temperature).tolist()
            for k, code in enumerate(CLASSES)
        }

    def logits(self, rows: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
        """Uncalibrated scores of shape (n, 3)."""
        index = self.index
        return self._logits([{index[name]: value for name, value in row.items() if name in index} for row in rows])

    def _logits(self, rows: Sequence[Mapping[int, float]]) -> NDArray[np.float64]:
        """`logits` of rows by feature number."""
        out = np.empty((len(rows), len(CLASSES)))
        for number, row in enumerate(rows):
            out[number] = self.intercept
            if row:
                out[number] += np.array(list(row.values())) @ self.weights[list(row)]
        return out

    def probabilities(self, rows: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
        """Calibrated probabilities of shape (n, 3), columns as `CLASSES`."""
        return softmax(self.logits(rows) / self.temperature)

    def _reasons(self, features: Sequence[tuple[int, Feature]], code: str, text: str) -> tuple[Reason, ...]:
        """The words that pushed hardest for ``code`` or against it, at most six, strongest first.

        The weight of a word is what its features add to the log-odds of ``code`` against the mean of the other two.
        """
        contrast = self.contrasts[code]
        pushes: dict[tuple[int, int], float] = {}
        for at, (_, value, start, end) in features:
            if start < end:
                key = (start, end)
                pushes[key] = pushes.get(key, 0.0) + contrast[at] * value
        strong = [(-abs(weight), key, weight) for key, weight in pushes.items() if abs(weight) >= _LEAST_WEIGHT]
        strong.sort()
        out: list[Reason] = []
        for _, (start, end), weight in strong:
            if len(out) == _REASONS:
                break
            if any(start < reason.end and reason.start < end for reason in out):
                continue  # one word, one reason
            out.append(Reason(start, end, text[start:end], code, float(f"{weight:.3f}")))
        return tuple(out)

    def other_code(self, block: Block) -> str | None:
        """The other service's own number: what the note states, else what most activities' lexicon entries say."""
        if block.stated is not None and block.stated.code not in CLASSES:
            return block.stated.code
        votes: dict[str, int] = {}
        for activity in block.activities:
            code = self.codes.get(activity.entry)
            if code is not None:
                votes[code] = votes.get(code, 0) + 1
        if not votes:
            return None
        return max(sorted(votes), key=votes.__getitem__)

    def classify(self, document: Document) -> tuple[Service, ...]:
        """Every block of a document as a service, in text order."""
        return self.classify_many([document])[0]

    def classify_many(self, documents: Sequence[Document]) -> list[tuple[Service, ...]]:
        """`classify` for many documents, their blocks scored together."""
        index = self.index
        known: list[list[tuple[int, Feature]]] = []  # features of each block that the weights know, by number
        owners: list[tuple[int, Block]] = []
        for number, document in enumerate(documents):
            settings = settings_of(document.text) if document.blocks else ()
            for block in document.blocks:
                features = block_features(block, document, settings)
                known.append([(at, feature) for feature in features if (at := index.get(feature.name)) is not None])
                owners.append((number, block))
        rows = [self._row(features) for features in known]
        content = [{at: row[at] for at in row if at not in self.telling} for row in rows]
        scores, bare = (self._logits(each) / self.temperature for each in (rows, content))
        told = [number for number, (_, block) in enumerate(owners) if _by_delivery(block)]
        scores[told, -1] = np.maximum(scores[told, -1], np.logaddexp.reduce(scores[told, :-1], axis=1) + _SURE)
        full, hidden = softmax(scores).tolist(), softmax(bare).tolist()
        out: list[list[Service]] = [[] for _ in documents]
        for (number, block), features, chances, others in zip(owners, known, full, hidden, strict=True):
            best = max(range(len(CLASSES)), key=chances.__getitem__)
            code = CLASSES[best]
            out[number].append(
                Service(
                    block=block,
                    code=code,
                    other_code=self.other_code(block) if code == "other" else None,
                    confidence=chances[best],
                    probabilities=dict(zip(CLASSES, chances, strict=True)),
                    content_probabilities=dict(zip(CLASSES, others, strict=True)),
                    reasons=self._reasons(features, code, documents[number].text),
                    possible=tuple(
                        c
                        for c, p, least in zip(CLASSES, chances, self.possible, strict=True)
                        if c == code or p >= least
                    ),
                )
            )
        return [tuple(services) for services in out]

    @staticmethod
    def _row(features: Iterable[tuple[int, Feature]]) -> dict[int, float]:
        row: dict[int, float] = {}
        for at, feature in features:
            row[at] = counted(row.get(at), feature)
        return row
