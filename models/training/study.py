"""Which classifier, on which features, from how many notes, calibrated how: ``python -m models.training.study``.

Everything is measured on writers that the model did not see (outer folds of writers); what a candidate may choose, it chooses on
inner folds of the other writers. As in training, each block is learnt twice, with the code that the note states and without.
Measured are labelled blocks, and blocks as they were made out by a reader that had not seen the writer; the latter decide, since
the product sees those. Candidates are ranked by log loss, so that being sure and wrong costs most. Nothing is trained for use here.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from models.billing.codes import HEADLINE
from models.classifier import CLASSES, softmax
from models.training.conformal import conformal_threshold, prediction_sets, risk_threshold
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.figures import calibration_error, macro_f1
from models.training.groups import setting_group
from models.training.tagger import cross_see, writer_folds
from models.training.train import FOLDS, SEED, Row, block_rows, cross_read, fit_temperature, read_rows, read_scores

Array = NDArray[np.float64]
OUTER, INNER = 5, 3
SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
REPEATS = 5
ALPHAS = (0.01, 0.02, 0.05, 0.1)
RISKS = ((0.01, 0.1), (0.02, 0.1), (0.05, 0.1))

# What is hidden, by the beginning of the features' names.
ABLATIONS: Mapping[str, tuple[str, ...]] = {
    "nothing": (),
    "stated code": ("stated:",),
    "headings": ("h:", "stated:"),
    "purpose words": ("c:",),
    "goals": ("goal:",),
    "encoder hints": ("read:",),
    "words of the activities": ("a:", "a1:", "a2:", "ae:", "ap:"),
    "lexicon": ("lex:", "fam:", "ent:", "share:", "sign:"),
    "doses": ("dose:",),
    "setting": ("set:",),
}
# Features that are words, too many for trees; trees get them as a few directions instead.
_WORDY = ("a:", "a1:", "a2:", "ae:", "ap:", "c:", "ent:", "h:")
_DIRECTIONS = 60
_LEAST = 1e-6
_TEMPERATURES = np.geomspace(0.2, 10.0, 200).tolist()


@dataclass(frozen=True, slots=True)
class Item:
    """A block with its note, its writer, its group of care settings, and whether it is one as read or one as labelled."""

    row: Row
    note: int
    setting: str
    is_read: bool

    @property
    def writer(self) -> str:
        """Who wrote its note."""
        return self.row.writer


Values = Mapping[str, float]


class Model(Protocol):
    """What a candidate leaves after fitting."""

    def scores(self, rows: Sequence[Values]) -> Array:
        """Scores of shape (rows, 3), columns as `CLASSES`; the larger the likelier."""
        ...


class Candidate(NamedTuple):
    """A kind of classifier: its name, the settings it may choose from, how it is fitted with one, and how it is calibrated."""

    name: str
    settings: tuple[float, ...]
    fit: Callable[[Sequence[Values], Sequence[str], float], Model]
    calibrate: Callable[[Array, NDArray[np.int_]], Calibrator]


Calibrator = Callable[[Array], Array]


# ---- candidates


@dataclass(frozen=True, slots=True)
class _Linear:
    vectorizer: DictVectorizer
    estimator: Any

    def scores(self, rows: Sequence[Values]) -> Array:
        found = np.asarray(self.estimator.decision_function(_matrix(self.vectorizer, rows)), dtype=float)
        return _columns(self.estimator.classes_, np.column_stack([-found / 2, found / 2]) if found.ndim == 1 else found)


@dataclass(frozen=True, slots=True)
class _Trees:
    structure: DictVectorizer
    words: DictVectorizer
    directions: TruncatedSVD
    estimator: Any

    def scores(self, rows: Sequence[Values]) -> Array:
        chances = self.estimator.predict_proba(self.table(rows))
        return _columns(self.estimator.classes_, np.log(np.maximum(chances, _LEAST)))

    def table(self, rows: Sequence[Values]) -> Array:
        plain = self.structure.transform([_part(row, wordy=False) for row in rows])
        words = self.directions.transform(_matrix(self.words, [_part(row, wordy=True) for row in rows]))
        return np.hstack([np.asarray(plain), words])


def _columns(known: Sequence[str], scores: Array) -> Array:
    """Scores with a column for each class; one that a small sample did not hold is unlikely."""
    out = np.full((len(scores), len(CLASSES)), math.log(_LEAST))
    out[:, [CLASSES.index(code) for code in known]] = scores
    return out


def _matrix(vectorizer: DictVectorizer, rows: Sequence[Values], *, fit: bool = False) -> Any:
    matrix: Any = vectorizer.fit_transform(rows) if fit else vectorizer.transform(rows)
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return matrix


def _part(row: Values, *, wordy: bool) -> dict[str, float]:
    return {name: value for name, value in row.items() if name.startswith(_WORDY) is wordy}


def fit_logistic(rows: Sequence[Values], labels: Sequence[str], strength: float) -> Model:
    """Multinomial logistic regression; ``strength`` is the inverse of its squared penalty."""
    vectorizer = DictVectorizer()
    matrix = _matrix(vectorizer, rows, fit=True)
    return _Linear(vectorizer, LogisticRegression(C=strength, max_iter=2000, random_state=SEED).fit(matrix, labels))


def fit_svm(rows: Sequence[Values], labels: Sequence[str], strength: float) -> Model:
    """Linear support vector machine, one class against the rest."""
    vectorizer = DictVectorizer()
    matrix = _matrix(vectorizer, rows, fit=True)
    return _Linear(vectorizer, LinearSVC(C=strength, max_iter=5000, random_state=SEED).fit(matrix, labels))


def fit_trees(rows: Sequence[Values], labels: Sequence[str], rate: float) -> Model:
    """Gradient boosting on the structural features and a few directions of the words; ``rate`` is its learning rate."""
    structure, words = DictVectorizer(sparse=False), DictVectorizer()
    structure.fit([_part(row, wordy=False) for row in rows])
    matrix = _matrix(words, [_part(row, wordy=True) for row in rows], fit=True)
    directions = TruncatedSVD(min(_DIRECTIONS, matrix.shape[1] - 1), random_state=SEED).fit(matrix)
    # So few rows are below the number from which it would stop early.
    trees = HistGradientBoostingClassifier(
        learning_rate=rate, max_iter=80, max_leaf_nodes=8, l2_regularization=1.0, random_state=SEED
    )
    model = _Trees(structure, words, directions, trees)
    trees.fit(model.table(rows), labels)
    return model


def by_temperature(scores: Array, labels: NDArray[np.int_]) -> Calibrator:
    """One number that the scores are divided by."""
    losses = [log_loss(softmax(scores / temperature), labels) for temperature in _TEMPERATURES]
    best = _TEMPERATURES[int(np.argmin(losses))]
    return lambda new: softmax(new / best)


def by_sigmoid(scores: Array, labels: NDArray[np.int_]) -> Calibrator:
    """A sigmoid a class over its own score, then made to sum to one."""
    fitted = [
        LogisticRegression(C=1.0, max_iter=1000).fit(_log_odds(scores, k), labels == k) for k in range(scores.shape[1])
    ]

    def apply(new: Array) -> Array:
        return _normalised(
            np.column_stack([each.predict_proba(_log_odds(new, k))[:, 1] for k, each in enumerate(fitted)])
        )

    return apply


def by_isotonic(scores: Array, labels: NDArray[np.int_]) -> Calibrator:
    """A rising step function a class over its own score, then made to sum to one."""
    fitted = [
        IsotonicRegression(y_min=_LEAST, y_max=1.0, out_of_bounds="clip").fit(_log_odds(scores, k)[:, 0], labels == k)
        for k in range(scores.shape[1])
    ]

    def apply(new: Array) -> Array:
        return _normalised(np.column_stack([each.predict(_log_odds(new, k)[:, 0]) for k, each in enumerate(fitted)]))

    return apply


def uncalibrated(scores: Array, labels: NDArray[np.int_]) -> Calibrator:
    """The scores as they are."""
    del labels, scores
    return lambda new: softmax(new)


def _log_odds(scores: Array, column: int) -> Array:
    """Log-odds of one class against the others, shape (n, 1): what a calibration of one class works on."""
    chances = np.clip(softmax(scores)[:, column], _LEAST, 1.0 - _LEAST)
    return np.log(chances / (1.0 - chances))[:, None]


def _normalised(chances: Array) -> Array:
    bounded = np.maximum(chances, _LEAST)
    return bounded / bounded.sum(axis=1, keepdims=True)


CANDIDATES = (
    Candidate("logistic regression", (0.3, 1.0, 3.0), fit_logistic, by_temperature),
    Candidate("linear SVM, sigmoid", (0.03, 0.1, 0.3), fit_svm, by_sigmoid),
    Candidate("gradient boosting", (0.05, 0.1), fit_trees, by_temperature),
)
STACK = "stack of the three"
CALIBRATIONS: Mapping[str, Callable[[Array, NDArray[np.int_]], Calibrator]] = {
    "none": uncalibrated,
    "temperature": by_temperature,
    "sigmoid": by_sigmoid,
    "isotonic": by_isotonic,
}


# ---- measures


class Measures(NamedTuple):
    """On how many blocks, and how well: log loss in nats, the rest in [0, 1]; accuracy counts any code that could be defended."""

    blocks: int
    log_loss: float
    accuracy: float
    macro_f1: float
    ece: float


def log_loss(probabilities: Array, labels: NDArray[np.int_]) -> float:
    """Mean negative log probability of the labels."""
    chances = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chances, _LEAST)).mean()) if len(labels) else 0.0


def labels_of(items: Sequence[Item]) -> NDArray[np.int_]:
    """Column number of each block's label."""
    return np.array([CLASSES.index(item.row.code) for item in items], dtype=int)


def measures(probabilities: Array, items: Sequence[Item]) -> Measures:
    """All measures of these blocks' probabilities, shape (blocks, 3)."""
    best = [CLASSES[k] for k in probabilities.argmax(axis=1)]
    right = [code in item.row.accept for code, item in zip(best, items, strict=True)]
    return Measures(
        blocks=len(items),
        log_loss=log_loss(probabilities, labels_of(items)),
        accuracy=sum(right) / max(1, len(right)),
        macro_f1=macro_f1([(code, item.row.code) for code, item in zip(best, items, strict=True)]),
        ece=calibration_error(probabilities.max(axis=1).tolist(), right),
    )


# ---- nested cross-validation


def fold_indexes(items: Sequence[Item], count: int) -> list[NDArray[np.int_]]:
    """Indexes of items in at most ``count`` folds of like size; a writer's items stay in one fold."""
    of_writer: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        of_writer.setdefault(item.writer, []).append(index)
    folds: list[list[int]] = [[] for _ in range(min(count, len(of_writer)))]
    for members in sorted(of_writer.values(), key=len, reverse=True):
        min(folds, key=len).extend(members)
    return [np.array(sorted(fold), dtype=int) for fold in folds]


def fit(candidate: Candidate, items: Sequence[Item], setting: float) -> Model:
    """Fit on every block twice, with and without the code that the note states."""
    rows = [item.row.full for item in items] + [item.row.content for item in items]
    return candidate.fit(rows, [item.row.code for item in items] * 2, setting)


def cross_scores(candidate: Candidate, items: Sequence[Item], setting: float, folds: int) -> Array:
    """Scores of each block by a model that saw no note of its writer, shape (items, 3)."""
    out = np.zeros((len(items), len(CLASSES)))
    for fold in fold_indexes(items, folds):
        held = set(fold.tolist())
        model = fit(candidate, [item for index, item in enumerate(items) if index not in held], setting)
        out[fold] = model.scores([items[index].row.full for index in fold])
    return out


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate fitted with the setting that inner folds chose, its calibrator, and its inner scores calibrated."""

    model: Model
    setting: float
    calibrator: Calibrator
    inner: Array

    def probabilities(self, rows: Sequence[Values]) -> Array:
        """Calibrated probabilities of shape (rows, 3)."""
        return self.calibrator(self.model.scores(rows))


def choose(candidate: Candidate, items: Sequence[Item], folds: int = INNER) -> Chosen:
    """Choose a candidate's setting by calibrated log loss of blocks as read on inner folds, and fit it on all items."""
    seen = np.array([index for index, item in enumerate(items) if item.is_read] or range(len(items)), dtype=int)
    labels = labels_of(items)
    found: list[tuple[float, float, Array, Calibrator]] = []
    for setting in candidate.settings:
        scores = cross_scores(candidate, items, setting, folds)
        calibrator = candidate.calibrate(scores[seen], labels[seen])
        inner = calibrator(scores)
        found.append((log_loss(inner[seen], labels[seen]), setting, inner, calibrator))
    _, setting, inner, calibrator = min(found, key=lambda each: each[0])
    return Chosen(fit(candidate, items, setting), setting, calibrator, inner)


def nested(
    items: Sequence[Item], candidates: Sequence[Candidate] = CANDIDATES, outer: int = OUTER, inner: int = INNER
) -> tuple[dict[str, Array], dict[str, list[float]]]:
    """Probabilities by each candidate and by their stack, and the settings chosen, one an outer fold.

    The stack is a logistic regression on the candidates' calibrated log-probabilities of inner folds.
    """
    out = {name: np.zeros((len(items), len(CLASSES))) for name in (*(c.name for c in candidates), STACK)}
    settings: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
    for fold in fold_indexes(items, outer):
        held = set(fold.tolist())
        rest = [item for index, item in enumerate(items) if index not in held]
        rows = [items[index].row.full for index in fold]
        chosen = [choose(candidate, rest, inner) for candidate in candidates]
        for candidate, each in zip(candidates, chosen, strict=True):
            out[candidate.name][fold] = each.probabilities(rows)
            settings[candidate.name].append(each.setting)
        stacked = LogisticRegression(C=1.0, max_iter=2000).fit(
            np.hstack([np.log(np.maximum(each.inner, _LEAST)) for each in chosen]), labels_of(rest)
        )
        parts = [np.log(np.maximum(out[candidate.name][fold], _LEAST)) for candidate in candidates]
        out[STACK][fold] = stacked.predict_proba(np.hstack(parts))
    return out, settings


# ---- ablations, learning curve, calibration, sets


def hide(items: Sequence[Item], prefixes: tuple[str, ...]) -> list[Item]:
    """The items without the features whose names begin so."""

    def without(values: dict[str, float]) -> dict[str, float]:
        return {name: value for name, value in values.items() if not name.startswith(prefixes)}

    if not prefixes:
        return list(items)
    return [
        replace(item, row=replace(item.row, full=without(item.row.full), content=without(item.row.content)))
        for item in items
    ]


def has_feature(items: Sequence[Item], prefixes: tuple[str, ...]) -> bool:
    """Whether any block has a feature whose name begins so."""
    return any(name.startswith(prefixes) for item in items for name in item.row.full)


class Ablated(NamedTuple):
    """What hiding something costs: hidden in training too (blocks as read, labelled blocks), and missing in new notes alone."""

    hidden: str
    read: Measures
    labelled: Measures
    new: Measures


def ablation(items: Sequence[Item], candidate: Candidate, setting: float) -> list[Ablated]:
    """Each thing hidden in turn; what no block has is left out."""
    out = []
    read = np.array([index for index, item in enumerate(items) if item.is_read], dtype=int)
    gold = np.array([index for index, item in enumerate(items) if not item.is_read], dtype=int)
    for name, prefixes in ABLATIONS.items():
        if prefixes and not has_feature(items, prefixes):
            continue
        hidden = hide(items, prefixes)
        both = np.zeros((len(items), len(CLASSES)))
        new = np.zeros_like(both)
        for fold in fold_indexes(items, OUTER):
            held = set(fold.tolist())
            rest = [index for index in range(len(items)) if index not in held]
            rows = [hidden[index].row.full for index in fold]
            both[fold] = fit(candidate, [hidden[index] for index in rest], setting).scores(rows)
            new[fold] = fit(candidate, [items[index] for index in rest], setting).scores(rows)
        temperature = fit_temperature(both[read], [items[index].row for index in read])

        def measured(scores: Array, members: NDArray[np.int_], at: float = temperature) -> Measures:
            return measures(softmax(scores[members] / at), [items[index] for index in members])

        out.append(Ablated(name, measured(both, read), measured(both, gold), measured(new, read)))
    return out


class Learnt(NamedTuple):
    """Measures with a share of every training writer's notes: mean number of notes, mean and spread of the log loss."""

    share: float
    notes: float
    log_loss: float
    spread: float
    accuracy: float
    macro_f1: float


def learning_curve(
    items: Sequence[Item],
    candidate: Candidate,
    setting: float,
    *,
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
) -> list[Learnt]:
    """Blocks as read, from models that saw a share of the notes of each training writer; drawn ``repeats`` times."""
    out = []
    read = [index for index, item in enumerate(items) if item.is_read]
    shown = [items[index] for index in read]
    for share in shares:
        rows: list[Measures] = []
        sizes: list[int] = []
        for repeat in range(1 if share == 1.0 else repeats):
            rng = np.random.default_rng(SEED + repeat)
            scores = np.zeros((len(items), len(CLASSES)))
            for fold in fold_indexes(items, OUTER):
                held = set(fold.tolist())
                rest = [item for index, item in enumerate(items) if index not in held]
                kept = _draw_notes(rest, share, rng)
                sizes.append(len(kept))
                model = fit(candidate, [item for item in rest if item.note in kept], setting)
                scores[fold] = model.scores([items[index].row.full for index in fold])
            temperature = fit_temperature(scores[read], [item.row for item in shown])
            rows.append(measures(softmax(scores[read] / temperature), shown))
        losses = [row.log_loss for row in rows]
        out.append(
            Learnt(
                share=share,
                notes=float(np.mean(sizes)),
                log_loss=float(np.mean(losses)),
                spread=float(np.std(losses)),
                accuracy=float(np.mean([row.accuracy for row in rows])),
                macro_f1=float(np.mean([row.macro_f1 for row in rows])),
            )
        )
    return out


def _draw_notes(items: Sequence[Item], share: float, rng: np.random.Generator) -> set[int]:
    """A share of the notes of each writer, at least one each."""
    notes: dict[str, list[int]] = {}
    for item in items:
        mine = notes.setdefault(item.writer, [])
        if item.note not in mine:
            mine.append(item.note)
    kept: set[int] = set()
    for mine in notes.values():
        size = max(1, math.ceil(share * len(mine) - _LEAST))
        kept.update(int(number) for number in rng.choice(mine, size=size, replace=False))
    return kept


def calibrated(scores: Array, items: Sequence[Item], method: str) -> Array:
    """Probabilities of blocks by a calibration fitted on the other folds of writers."""
    out = np.zeros_like(scores)
    labels = labels_of(items)
    for fold in fold_indexes(items, OUTER):
        held = set(fold.tolist())
        rest = np.array([index for index in range(len(items)) if index not in held], dtype=int)
        out[fold] = CALIBRATIONS[method](scores[rest], labels[rest])(scores[fold])
    return out


def class_errors(probabilities: Array, items: Sequence[Item]) -> dict[str, float]:
    """Calibration error of each class's own probability, right being that the label is this class."""
    return {
        code: calibration_error(probabilities[:, k].tolist(), [item.row.code == code for item in items])
        for k, code in enumerate(CLASSES)
    }


def group_measures(probabilities: Array, items: Sequence[Item]) -> dict[str, Measures]:
    """Measures for each group of care settings, largest first."""
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(item.setting, []).append(index)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return {name: measures(probabilities[members], [items[i] for i in members]) for name, members in ordered}


class SetRow(NamedTuple):
    """Sets with at most ``alpha`` of the right classes missing, measured on writers whose blocks set no threshold.

    ``threshold`` is the mean over folds; ``covered`` the share of sets that hold the label; ``both`` that hold both headline codes;
    ``several`` that hold more than one class; ``wrong`` the share of wrong codes among blocks whose set does not hold both.
    """

    alpha: float
    threshold: float
    covered: float
    both: float
    several: float
    wrong: float


def set_table(probabilities: Array, items: Sequence[Item], alphas: Sequence[float] = ALPHAS) -> list[SetRow]:
    """Conformal sets at several ``alpha``, each fold of writers with the threshold of the others."""
    labels = labels_of(items)
    columns = [CLASSES.index(code) for code in HEADLINE]
    right = np.array(
        [CLASSES[k] in item.row.accept for k, item in zip(probabilities.argmax(axis=1), items, strict=True)]
    )
    out = []
    for alpha in alphas:
        sets = np.zeros(probabilities.shape, dtype=bool)
        thresholds = []
        for fold in fold_indexes(items, OUTER):
            held = set(fold.tolist())
            rest = np.array([index for index in range(len(items)) if index not in held], dtype=int)
            thresholds.append(conformal_threshold(probabilities[rest], labels[rest], alpha))
            sets[fold] = prediction_sets(probabilities[fold], thresholds[-1])
        both = sets[:, columns].all(axis=1)
        out.append(
            SetRow(
                alpha=alpha,
                threshold=float(np.mean(thresholds)),
                covered=float(sets[np.arange(len(items)), labels].mean()),
                both=float(both.mean()),
                several=float((sets.sum(axis=1) > 1).mean()),
                wrong=float((~right[~both]).mean()) if (~both).any() else 0.0,
            )
        )
    return out


# ---- the study


def items_of(notes: Sequence[LabelledNote], gold: Iterable[Sequence[Row]], read: Iterable[Sequence[Row]]) -> list[Item]:
    """Rows of each note, labelled and read, as items; both iterables run over ``notes``."""
    out = []
    for rows, is_read in ((gold, False), (read, True)):
        for number, (note, mine) in enumerate(zip(notes, rows, strict=True)):
            out += [Item(row, number, setting_group(note.setting), is_read) for row in mine]
    return out


def read_items(notes: Sequence[LabelledNote], encoder: Path | None = None) -> list[Item]:
    """Labelled blocks of these notes, and blocks as a reader made them out that had not seen their writer."""
    scores = None if encoder is None else read_scores(encoder, notes)
    folds = writer_folds(notes, FOLDS)
    with ProcessPoolExecutor(max_workers=2) as pool:
        fast, accurate = cross_see(notes, folds, pool, scores)
    readings = cross_read(notes, accurate or fast, folds, scores)
    read = [read_rows(note, reading) for note, reading in zip(notes, readings, strict=True)]
    return items_of(notes, [block_rows([note], scores) for note in notes], read)


def study(items: Sequence[Item]) -> str:
    """The whole study of these blocks, as Markdown."""
    read = [index for index, item in enumerate(items) if item.is_read]
    gold = [index for index, item in enumerate(items) if not item.is_read]
    parts = [
        "# Classifier study",
        f"{len(gold)} labelled blocks and {len(read)} blocks as read, of {len({i.note for i in items})} notes by "
        f"{len({i.writer for i in items})} writers; {OUTER} outer and {INNER} inner folds of whole writers.",
    ]
    probabilities, settings = nested(items)
    parts += _candidates(items, probabilities, settings, read, gold)
    plain = CANDIDATES[0]
    setting = max(sorted(set(settings[plain.name])), key=settings[plain.name].count)
    parts += _ablations(ablation(items, plain, setting), plain.name)
    parts += _curve(learning_curve(items, plain, setting), plain.name)
    scores = cross_scores(plain, items, setting, OUTER)[read]
    shown = [items[index] for index in read]
    best, lines = _calibrations(scores, shown)
    parts += lines
    parts += _sets(calibrated(scores, shown, best), shown)
    return "\n\n".join(parts) + "\n"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of these heads and rows."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(found: Measures) -> list[str]:
    return [f"{found.log_loss:.4f}", f"{found.accuracy:.3f}", f"{found.macro_f1:.3f}", f"{found.ece:.3f}"]


_HEADS = ("log loss", "accuracy", "macro-F1", "ECE")


def _candidates(
    items: Sequence[Item],
    probabilities: Mapping[str, Array],
    settings: Mapping[str, Sequence[float]],
    read: Sequence[int],
    gold: Sequence[int],
) -> list[str]:
    rows = []
    for name, chances in probabilities.items():
        as_read = measures(chances[read], [items[index] for index in read])
        labelled = measures(chances[gold], [items[index] for index in gold])
        chosen = ", ".join(f"{value:g}" for value in settings.get(name, ()))
        rows.append((as_read.log_loss, [name, *_cells(as_read), *_cells(labelled), chosen]))
    rows.sort(key=lambda row: row[0])
    heads = [
        "candidate",
        *(f"read: {head}" for head in _HEADS),
        *(f"labelled: {head}" for head in _HEADS),
        "settings chosen",
    ]
    return [
        "## Candidates",
        "Best log loss on blocks as read first. Differences of a hundredth in log loss are within the noise of so few writers.",
        markdown_table(heads, [row for _, row in rows]),
    ]


def _ablations(found: Sequence[Ablated], name: str) -> list[str]:
    rows = [[each.hidden, *_cells(each.read), *_cells(each.labelled), *_cells(each.new)] for each in found]
    wheres = ("read", "labelled", "new notes alone")
    missing = [hidden for hidden in ABLATIONS if hidden not in {each.hidden for each in found}]
    told = f"{name}: what is lost when it was never there, and when only new notes (blocks as read) lack it."
    return [
        "## What it leans on",
        told + (f" No such features: {', '.join(missing)}." if missing else ""),
        markdown_table(["hidden", *(f"{where}: {head}" for where in wheres for head in _HEADS)], rows),
    ]


def _curve(found: Sequence[Learnt], name: str) -> list[str]:
    rows = [
        [
            f"{100 * each.share:.0f} %",
            f"{each.notes:.0f}",
            f"{each.log_loss:.4f}",
            f"{each.spread:.4f}",
            f"{each.accuracy:.3f}",
            f"{each.macro_f1:.3f}",
        ]
        for each in found
    ]
    heads = ["share of each writer's notes", "notes", "log loss", "spread", "accuracy", "macro-F1"]
    return [
        "## From how many notes",
        f"{name}, blocks as read; each share below all drawn {REPEATS} times.",
        markdown_table(heads, rows),
    ]


def _calibrations(scores: Array, items: Sequence[Item]) -> tuple[str, list[str]]:
    tables = {method: calibrated(scores, items, method) for method in CALIBRATIONS}
    found = {method: measures(chances, items) for method, chances in tables.items()}
    best = min((method for method in CALIBRATIONS if method != "none"), key=lambda method: found[method].log_loss)
    rows = [
        [method, *_cells(found[method]), *(f"{error:.3f}" for error in class_errors(chances, items).values())]
        for method, chances in tables.items()
    ]
    groups = {method: group_measures(chances, items) for method, chances in tables.items()}
    by_group = [
        [name, str(first.blocks), *(f"{groups[method][name].ece:.3f}" for method in CALIBRATIONS)]
        for name, first in groups[best].items()
    ]
    return best, [
        "## Calibration",
        f"Fitted on the other folds of writers. Least log loss: {best}. ECE of a class is of its own probability.",
        markdown_table(["calibration", *_HEADS, *(f"ECE {code}" for code in CLASSES)], rows),
        "ECE by group of care settings; a group of few blocks has a large one by chance.",
        markdown_table(["setting", "blocks", *CALIBRATIONS], by_group),
    ]


def _sets(probabilities: Array, items: Sequence[Item]) -> list[str]:
    rows = [[f"{value:.3f}" for value in row] for row in set_table(probabilities, items)]
    confidences = probabilities.max(axis=1)
    right = [CLASSES[k] in item.row.accept for k, item in zip(probabilities.argmax(axis=1), items, strict=True)]
    risks = []
    for risk, delta in RISKS:
        found = risk_threshold(confidences, right, risk, delta)
        passing = f"{found.threshold:.3f}" if found.coverage else "none"
        risks.append([f"{risk:.2f}", f"{delta:.2f}", passing, f"{found.coverage:.3f}", f"{found.bound:.3f}"])
    return [
        "## When both codes remain possible",
        "Sets by cross-conformal thresholds, each fold of writers with the threshold of the others.",
        markdown_table(["alpha", "threshold", "covered", "both codes", "several", "wrong among the rest"], rows),
        "Codes of blocks that pass unseen, so that at most this share is wrong, with this probability of a broken promise.",
        markdown_table(["risk", "delta", "least confidence", "coverage", "bound"], risks),
    ]


def main() -> None:
    """Command line of ``python -m models.training.study``."""
    parser = argparse.ArgumentParser(description="Compare classifiers on writers that they did not see.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    parser.add_argument("--encoder", type=Path, help="folder that models.training.encoder wrote; without it: fast only")
    parser.add_argument("--out", type=Path, help="file to write the Markdown to")
    arguments = parser.parse_args()
    start = time.perf_counter()
    notes = select(read_corpus(arguments.data), read_splits(arguments.data), "train")
    text = study(read_items(notes, arguments.encoder))
    if arguments.out is not None:
        arguments.out.write_text(text, encoding="utf-8")
    print(text)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
