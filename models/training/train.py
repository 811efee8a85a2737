"""Labelled notes to a model version: ``python -m models.training.train``. Seeded; the same data give the same figures."""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import joblib
import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from models import features, registry
from models.billing.flags import check
from models.billing.proposal import SIGNS, UNCALIBRATED, chance, propose, signs
from models.classifier import CLASSES, Classifier, Fitted, softmax
from models.errors import UntrustedModel
from models.features import as_dict, block_features, settings_of
from models.note import Risk
from models.settle import settle
from models.training.conformal import class_thresholds, plain_threshold
from models.training.dataset import LabelledNote, headline_of, read_corpus, read_splits, select
from models.training.perturb import relaid_notes
from models.training.tagger import (
    Seen,
    context_of_note,
    cross_see,
    fit_grouper,
    fit_tagger,
    gold_found,
    owners,
    token_range,
    writer_folds,
)
from nlp import tagging
from nlp.chain import Scores
from nlp.components.blocks import BlockGrouper
from nlp.context import Context
from nlp.document import Document, Goal
from nlp.encoder import OUTPUTS
from nlp.events import Candidate
from nlp.grouping import Found
from nlp.pipeline import ENCODER_FILE, ENCODER_GROUPER_FILE, GROUPER_FILE, TAGGER_FILE, VOCABULARY_FILE
from nlp.read import content_words, make_block
from nlp.tokens import Tokens, kept_tokens

SEED = 20261124
SCORES_FILE = "scores.npz"  # of an encoder, out of fold
_PENALTY = 1.0  # inverse strength of the classifier's squared penalty
_COLDEST = 0.3  # a temperature below it would mean a broken fit
FOLDS = 3  # of writers
_FOLDS_BEHIND_ENCODER = 2  # its scores come from half of the writers too; a third fold takes a minute and a half
_CALIBRATION_FOLDS = 6  # of writers; twelve took a minute longer, one a writer ten
_CALIBRATION_PENALTY = 1.0
_MAY_BE_LOST = 0.02  # share of blocks whose right class may be missing from those that remain possible
_NONE_PASSES = 2.0  # a threshold that no confidence reaches: where no threshold keeps a risk, every note is looked at
_POLICY = "full_15"  # the default


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled block as the classifier sees it, with and without the code that the note states."""

    writer: str
    code: str
    accept: tuple[str, ...]
    full: dict[str, float]
    content: dict[str, float]


def block_rows(notes: Sequence[LabelledNote], scores: Mapping[str, Scores] | None = None) -> list[Row]:
    """Every labelled block with its gold activities, minutes and stated code; ``scores`` are an encoder's, by note id."""
    rows = []
    for note in notes:
        context = context_of_note(note, scores)
        found = gold_found(note, context)
        goals = [token_range(context.tokens, g.start, g.end) for g in note.goals]
        rows += _rows(note, context, [(f, n) for n, f in enumerate(found) if f is not None], goals)
    return rows


@dataclass(frozen=True, slots=True)
class Reading:
    """A note as the reader makes it out without having seen its writer: context, blocks and goals."""

    context: Context
    blocks: tuple[Found, ...]
    goals: list[tuple[int, int]]
    certainty: float


def cross_read(
    notes: Sequence[LabelledNote],
    seen: Sequence[Seen],
    folds: Sequence[Sequence[int]],
    scores: Mapping[str, Scores] | None = None,
    relaid: Sequence[tuple[LabelledNote, Seen]] = (),
) -> list[Reading]:
    """Blocks of every note by a grouper fitted on the other folds, and on ``relaid`` notes of their writers."""
    out: dict[int, Reading] = {}
    for fold in folds:
        members = set(fold)
        writers = {notes[i].writer for i in fold}
        rest = [(notes[i], seen[i]) for i in range(len(notes)) if i not in members]
        rest += [pair for pair in relaid if pair[0].writer not in writers]
        grouper = BlockGrouper(fit_grouper([note for note, _ in rest], [sight for _, sight in rest], scores))
        for index in fold:
            context = context_of_note(notes[index], scores)
            grouping = grouper.process(context, seen[index].candidates, seen[index].goals)
            out[index] = Reading(context, grouping.blocks, seen[index].goals, grouping.certainty)
    return [out[i] for i in range(len(notes))]


def read_rows(note: LabelledNote, reading: Reading) -> list[Row]:
    """Blocks as read, each with the label of the service most of its activities belong to; blocks of none are left out."""
    pairs = []
    for found in reading.blocks:
        candidates = [Candidate(e.start, e.end, "ACT") for e in found.activities]
        owned = [o for o in owners(note, reading.context.tokens, candidates) if o is not None]
        if owned:
            pairs.append((found, max(sorted(set(owned)), key=owned.count)))
    return _rows(note, reading.context, pairs, reading.goals)


def document_of_reading(note: LabelledNote, reading: Reading) -> Document:
    """The blocks and goals of a reading as a `Document`."""
    words = [content_words(reading.context, start, end) for start, end in reading.goals]
    tokens = reading.context.tokens
    return Document(
        text=note.text,
        blocks=tuple(make_block(reading.context, found, words) for found in reading.blocks),
        goals=tuple(Goal(tokens.starts[s], tokens.ends[e - 1], tokens.span(s, e)) for s, e in reading.goals),
        certainty=reading.certainty,
    )


@dataclass(frozen=True, slots=True)
class Proposed:
    """A note's proposal by models that saw no note of its writer.

    ``flagged`` says whether a warning sends it to a person whatever its confidence is.
    """

    code: str | None
    signs: dict[str, float]
    right: bool
    flagged: bool


@dataclass(frozen=True, slots=True)
class Fold:
    """Some writers, and a classifier that saw no block of theirs."""

    writers: frozenset[str]
    fitted: Fitted


def cross_propose(
    notes: Sequence[LabelledNote],
    readings: Sequence[Reading],
    folds: Sequence[Fold],
    temperature: float,
) -> list[Proposed]:
    """The proposal for each note, in order, by a classifier that saw no block of its writer."""
    number = {writer: at for at, fold in enumerate(folds) for writer in fold.writers}
    # A writer without any block is in no fold, so that no classifier saw one.
    by_fold: dict[int, list[int]] = {}
    for i, note in enumerate(notes):
        by_fold.setdefault(number.get(note.writer, 0), []).append(i)
    out: dict[int, Proposed] = {}
    for at, members in by_fold.items():
        classifier = Classifier(replace(folds[at].fitted, temperature=temperature))
        documents = [document_of_reading(notes[i], readings[i]) for i in members]
        for i, document, services in zip(members, documents, classifier.classify_many(documents), strict=True):
            settled = settle(services)
            proposal = propose(settled, _POLICY)
            seen = signs(settled, proposal.code, proposal.minutes, document.certainty)
            warned = any(flag.severity == "warning" for flag in check(document, settled, proposal))
            out[i] = Proposed(proposal.code, seen, proposal.code == headline_of(notes[i]), warned)
    return [out[i] for i in range(len(notes))]


def fit_signs(proposed: Sequence[Proposed]) -> dict[str, float]:
    """Weights of the signs (log-odds) that make the confidence of these proposals honest on notes of unseen writers."""
    right = [item.right for item in proposed]
    if len(set(right)) < 2:
        return dict(UNCALIBRATED.code)
    names = [name for name in SIGNS if name != "offset"]
    fitted = LogisticRegression(C=_CALIBRATION_PENALTY, max_iter=1000).fit(
        np.array([[item.signs[name] for name in names] for item in proposed]), right
    )
    weights = dict(zip(names, fitted.coef_[0].tolist(), strict=True))
    return {"offset": float(fitted.intercept_[0]), **weights}


def _rows(
    note: LabelledNote, context: Context, pairs: Sequence[tuple[Found, int]], goals: Sequence[tuple[int, int]]
) -> list[Row]:
    words = [content_words(context, start, end) for start, end in goals]
    document = Document(text=note.text)
    settings = settings_of(note.text)
    rows = []
    for found, number in pairs:
        service = note.services[number]
        values = list(block_features(make_block(context, found, words), document, settings))
        rows.append(Row(note.writer, service.code, service.accept, as_dict(values), as_dict(values, stated=False)))
    return rows


def fit_classifier(rows: Sequence[Row]) -> tuple[DictVectorizer, LogisticRegression]:
    """Fit on every block twice, with and without its stated code, so that the content must carry the decision."""
    vectorizer, matrix = _matrix(rows)
    return vectorizer, _fit(matrix, [row.code for row in rows])


def _matrix(rows: Sequence[Row]) -> tuple[DictVectorizer, Any]:
    """A row of features for each block as it stands, then one for each without its stated code."""
    vectorizer = DictVectorizer(sparse=True)
    matrix = vectorizer.fit_transform([row.full for row in rows] + [row.content for row in rows])
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return vectorizer, matrix


def _fit(matrix: Any, codes: list[str]) -> LogisticRegression:
    return LogisticRegression(C=_PENALTY, max_iter=2000, random_state=SEED).fit(matrix, codes * 2)


def cross_fit(rows: Sequence[Row]) -> tuple[list[Fold], DictVectorizer, LogisticRegression]:
    """A classifier for each fold of writers, fitted on the blocks of the others, not yet calibrated; and that of all blocks."""
    vectorizer, matrix = _matrix(rows)
    folds: list[Fold] = []
    for members in writer_folds(rows, _CALIBRATION_FOLDS):
        held = set(members)
        rest = [number for number in range(len(rows)) if number not in held]
        # A feature that only the fold's own blocks have is never there in the rest: it weighs nothing.
        estimator = _fit(matrix[[*rest, *(len(rows) + n for n in rest)]], [rows[n].code for n in rest])
        folds.append(Fold(frozenset(rows[n].writer for n in members), Fitted(vectorizer, estimator, 1.0)))
    return folds, vectorizer, _fit(matrix, [row.code for row in rows])


def out_of_fold(rows: Sequence[Row], folds: Sequence[Fold]) -> NDArray[np.float64]:
    """Uncalibrated scores of shape (rows, 3), each row scored by a model that saw no block of its writer."""
    logits = np.zeros((len(rows), len(CLASSES)))
    for fold in folds:
        members = [number for number, row in enumerate(rows) if row.writer in fold.writers]
        logits[members] = Classifier(fold.fitted).logits([rows[n].full for n in members])
    return logits


def log_loss(logits: NDArray[np.float64], rows: Sequence[Row], temperature: float) -> float:
    """Mean negative log probability of each row's label."""
    wanted = np.array([CLASSES.index(row.code) for row in rows])
    probabilities = softmax(logits / temperature)
    return float(-np.log(probabilities[np.arange(len(rows)), wanted] + 1e-12).mean())


def fit_temperature(logits: NDArray[np.float64], rows: Sequence[Row]) -> float:
    """The one number that makes out-of-fold probabilities honest (least log loss)."""
    best = minimize_scalar(lambda t: log_loss(logits, rows, t), bounds=(_COLDEST, 5.0), method="bounded")
    return float(best.x)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a profile's classifier was fitted to, as it is stored, and the figures measured out of fold."""

    fitted: dict[str, Any]
    scores: dict[str, float]


def decide(
    notes: Sequence[LabelledNote],
    seen: Sequence[Seen],
    folds: Sequence[Sequence[int]],
    scores: Mapping[str, Scores] | None = None,
    relaid: Sequence[tuple[LabelledNote, Seen]] = (),
) -> Decided:
    """Fit and calibrate the classifier on what one profile reads out of fold."""
    gold = block_rows(notes, scores)
    readings = cross_read(notes, seen, folds, scores, relaid)
    rows = gold + [row for note, reading in zip(notes, readings, strict=True) for row in read_rows(note, reading)]
    crossed, vectorizer, estimator = cross_fit(rows)
    logits = out_of_fold(rows, crossed)
    # Calibrated on blocks as the reader makes them out, which is what the product sees.
    as_seen = slice(len(gold), None)
    temperature = fit_temperature(logits[as_seen], rows[as_seen])
    proposed = cross_propose(notes, readings, crossed, temperature)
    weights = tuple(fit_signs([p for p in proposed if (p.code is None) is none]) for none in (False, True))
    passing = [p for p in proposed if not p.flagged]
    chances = [chance(p.signs, weights[p.code is None]) for p in passing]
    least = {risk: plain_threshold(chances, [p.right for p in passing], risk / 100) for risk in sorted(get_args(Risk))}
    thresholds = {risk: min(found.threshold, _NONE_PASSES) for risk, found in least.items()}
    rows, logits = rows[as_seen], logits[as_seen]
    possible = class_thresholds(softmax(logits / temperature), [CLASSES.index(row.code) for row in rows], _MAY_BE_LOST)
    right = np.mean([CLASSES[int(best)] == row.code for best, row in zip(logits.argmax(axis=1), rows, strict=True)])
    return Decided(
        {
            "vectorizer": vectorizer,
            "estimator": estimator,
            "temperature": temperature,
            "calibration": weights,
            "least": thresholds,
            "possible": possible,
        },
        {
            name: float(f"{value:.4f}")
            for name, value in {
                "blocks_out_of_fold_accuracy": float(right),
                "blocks_out_of_fold_log_loss": log_loss(logits, rows, temperature),
                "temperature": temperature,
                "proposals_right": float(np.mean([p.right for p in proposed])),
                **{
                    f"{name}_{risk}": value
                    for risk, found in least.items()
                    for name, value in (
                        ("unflagged_from", thresholds[risk]),
                        ("unflagged_share", found.coverage * len(passing) / len(proposed)),
                        ("unflagged_wrong", found.bound),
                    )
                },
            }.items()
        },
    )


def data_hash(notes: Sequence[LabelledNote]) -> str:
    """SHA-256 over the notes, in order."""
    digest = hashlib.sha256()
    for note in notes:
        digest.update(note.model_dump_json().encode())
    return digest.hexdigest()


def read_scores(encoder: Path, notes: Sequence[LabelledNote]) -> dict[str, Scores]:
    """An encoder's out-of-fold scores of these notes, by id."""
    try:
        with np.load(encoder / SCORES_FILE, allow_pickle=False) as stored:
            scores = {note.id: stored[note.id].astype(np.float32) for note in notes}
    except (OSError, KeyError):
        raise UntrustedModel(str(encoder), "it holds no scores for these notes; train the encoder first") from None
    if any(scores[note.id].shape != (len(kept_tokens(Tokens.of(note.text))), OUTPUTS) for note in notes):
        raise UntrustedModel(str(encoder), "it was trained on other texts of these notes; train the encoder first")
    return scores


def run(data: Path, out: Path, *, encoder: Path | None = None) -> registry.Manifest:
    """Train on the ``train`` split under ``data`` and write the version to ``out``; ``encoder`` as in `train`."""
    notes = select(read_corpus(data), read_splits(data), "train")
    return train(notes, out, encoder=encoder)


def train(notes: Sequence[LabelledNote], out: Path, *, encoder: Path | None = None) -> registry.Manifest:
    """Train on these notes and write the version to ``out``, whole or not at all.

    ``encoder`` is the folder that `models.training.encoder` wrote for the same notes; without it the version has the
    ``fast`` profile only.

    Raises
    ------
    UntrustedModel
        The encoder was trained on other notes.
    """
    # The encoder was shown such notes, so that its scores of them mean something; `fast` learns from notes as they are.
    relaid = [] if encoder is None else relaid_notes(notes)
    shown = [*notes, *relaid]
    scores = None if encoder is None else read_scores(encoder, shown)
    count = FOLDS if scores is None else _FOLDS_BEHIND_ENCODER
    folds = writer_folds(notes, count, sizes=[len(note.text) for note in notes])
    with ProcessPoolExecutor(max_workers=2) as pool:
        fast, accurate = cross_see(notes, folds, pool, scores, relaid)
        encoded = None
        if scores is not None:  # the longest job first, so that both cores end together
            laid = [*zip(relaid, accurate[len(notes) :], strict=True)]
            encoded = (
                pool.submit(decide, notes, accurate, folds, scores, laid),
                pool.submit(fit_grouper, shown, accurate, scores),
            )
        linear = pool.submit(decide, notes, fast, folds), pool.submit(fit_grouper, notes, fast)
        tagger = pool.submit(fit_tagger, notes).result()
        plain, grouper = linear[0].result(), linear[1].result()
        both, encoded_grouper = (plain, grouper) if encoded is None else (encoded[0].result(), encoded[1].result())
    hashed = data_hash(notes)
    with tempfile.TemporaryDirectory() as temporary:
        parts = Path(temporary)
        tagger.save(parts / TAGGER_FILE)
        grouper.save(parts / GROUPER_FILE)
        joblib.dump(plain.fitted, parts / registry.CLASSIFIER_FILE, compress=3)
        if encoder is not None:
            encoded_grouper.save(parts / ENCODER_GROUPER_FILE)
            joblib.dump(both.fitted, parts / registry.ENCODER_CLASSIFIER_FILE, compress=3)
            for name in (ENCODER_FILE, VOCABULARY_FILE):
                shutil.copyfile(encoder / name, parts / name)
        return registry.save(
            out,
            parts=parts,
            manifest={
                "version": registry.named_after(parts),
                "profile": "fast" if encoder is None else "accurate",
                "feature_version": features.FEATURES_VERSION,
                "tagger_feature_version": tagging.FEATURES_VERSION,
                "scikit_learn": sklearn.__version__,
                "python": platform.python_version(),
                "data_sha256": hashed,
                "notes": len(notes),
                "seed": SEED,
                "scores": {
                    **both.scores,
                    **({} if encoder is None else {f"fast_{name}": value for name, value in plain.scores.items()}),
                },
            },
        )


def main() -> None:
    """Command line of ``python -m models.training.train``."""
    parser = argparse.ArgumentParser(description="Rebuild the model from labelled notes.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    parser.add_argument("--out", type=Path, default=registry.shipped(), help="folder to write the version to")
    parser.add_argument("--encoder", type=Path, help="folder that models.training.encoder wrote; without it: fast only")
    arguments = parser.parse_args()
    manifest = run(arguments.data, arguments.out, encoder=arguments.encoder)
    print(f"version {manifest.version}: {manifest.notes} notes, {manifest.scores}")


if __name__ == "__main__":
    main()
