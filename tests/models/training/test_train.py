"""Training is seeded, and folds keep writers whole."""

from pathlib import Path

import pytest

from models.training.dataset import read_corpus, read_splits, select
from models.training.tagger import writer_folds
from models.training.train import train

DATA = Path(__file__).parents[3] / "training_data"


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


@pytest.mark.slow
def test_the_same_notes_give_the_same_model(tmp_path):
    first = train(sample(), tmp_path / "one")
    second = train(sample(), tmp_path / "two")
    assert first == second
