"""Training is seeded, and folds keep writers whole."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.classifier import Classifier, Fitted
from models.coder import Coder
from models.errors import UntrustedModel
from models.registry import shipped
from models.training.dataset import read_corpus, read_splits, select
from models.training.perturb import relaid_notes
from models.training.tagger import writer_folds
from models.training.train import SCORES_FILE, Row, cross_fit, fit_classifier, out_of_fold, train
from nlp.encoder import Encoder
from nlp.pipeline import ENCODER_FILE, VOCABULARY_FILE
from nlp.tokens import Tokens, kept_tokens

DATA = Path(__file__).parents[3] / "training_data"


@dataclass(frozen=True)
class Written:
    writer: str


def sample():
    notes = select(read_corpus(DATA), read_splits(DATA), "train")
    return [
        note
        for writer in ("writer_a", "writer_b", "writer_p")
        for note in [n for n in notes if n.writer == writer][:12]
    ]


def test_a_writer_stays_in_one_fold():
    notes = sample()
    folds = writer_folds(notes, 2)
    assert sorted(index for fold in folds for index in fold) == list(range(len(notes)))
    assert [len({notes[i].writer for i in fold}) for fold in folds] in ([2, 1], [1, 2])
    where = {notes[i].writer: number for number, fold in enumerate(folds) for i in fold}
    assert all(where[notes[i].writer] == number for number, fold in enumerate(folds) for i in fold)


def test_folds_of_like_length():
    notes = [note for writer, count in (("a", 4), ("b", 3), ("c", 2)) for note in [Written(writer)] * count]
    assert writer_folds(notes, 2) == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
    assert writer_folds(notes, 2, sizes=[1.0] * 7 + [9.0, 9.0]) == [[7, 8], [0, 1, 2, 3, 4, 5, 6]]
    assert writer_folds(notes[:4], 2, sizes=[1.0] * 4) == [[0, 1, 2, 3]]


def rows_of(writers):
    """Two blocks a writer and code; one word each that only this writer has."""
    out = []
    for writer in range(writers):
        for code, word in (("97110", "squeeze"), ("97530", "kettle"), ("other", "massage")):
            for value in (1.0, 2.0):
                content = {f"word:{word}": value, f"word:own{writer}{word}": 1.0}
                out.append(Row(f"writer{writer}", code, (code,), content | {f"stated:{code}": 1.0}, content))
    return out


def test_a_folds_classifier_saw_no_block_of_its_writers():
    rows = rows_of(7)
    folds, *_ = cross_fit(rows)
    assert set().union(*(fold.writers for fold in folds)) == {row.writer for row in rows}
    assert sum(len(fold.writers) for fold in folds) == 7
    logits = out_of_fold(rows, folds)
    for fold in folds:
        rest = [row for row in rows if row.writer not in fold.writers]
        alone = Classifier(Fitted(*fit_classifier(rest), 1.0))
        mine = [number for number, row in enumerate(rows) if row.writer in fold.writers]
        assert logits[mine] == pytest.approx(alone.logits([rows[n].full for n in mine]), abs=1e-3)
        names = fold.fitted.vectorizer.vocabulary_
        own = [at for name, at in names.items() if name[8:].startswith(tuple(w[6:] for w in fold.writers))]
        assert own
        assert np.all(fold.fitted.estimator.coef_[:, own] == 0.0)
        others = [at for name, at in names.items() if name.startswith("word:own") and at not in own]
        assert np.all(np.any(fold.fitted.estimator.coef_[:, others] != 0.0, axis=0))


@pytest.mark.slow
def test_the_same_notes_give_the_same_model(tmp_path):
    first = train(sample(), tmp_path / "one")
    second = train(sample(), tmp_path / "two")
    assert first == second
    assert Coder.load(tmp_path / "one").code("TE 15 min: SLR").model.profile == "fast"


@pytest.fixture
def encoder(tmp_path):
    """An encoder's folder for the sample; its scores are not out of fold, which only figures would mind."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    for name in (ENCODER_FILE, VOCABULARY_FILE):
        shutil.copyfile(shipped() / name, folder / name)
    scores = {}
    for note in (*sample(), *relaid_notes(sample())):
        tokens = Tokens.of(note.text)
        scores[note.id] = [tokens.words[index] for index in kept_tokens(tokens)]
    rows = Encoder.load(folder / ENCODER_FILE, folder / VOCABULARY_FILE).scores(list(scores.values()))
    np.savez(folder / SCORES_FILE, **dict(zip(scores, rows, strict=True)))
    return folder


@pytest.mark.slow
def test_with_an_encoder_a_version_has_both_profiles(tmp_path, encoder):
    manifest = train(sample(), tmp_path / "out", encoder=encoder)
    assert manifest.profile == "accurate"
    assert set(Coder.load(tmp_path / "out").readers) == {"accurate", "fast"}


def test_an_encoder_of_other_notes_is_refused(tmp_path, encoder):
    changed = [note.model_copy(update={"id": "zz-01"}) for note in sample()[:1]]
    with pytest.raises(UntrustedModel, match="train the encoder first"):
        train(changed, tmp_path / "out", encoder=encoder)
