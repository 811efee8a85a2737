"""Readers are compared on equal terms: one decoder, one grouper, writers that none of them saw."""

from pathlib import Path

import numpy as np
import pytest

from models.training.compare import READERS, DoubtScorer, PatternScorer, compare, table
from models.training.dataset import read_corpus, read_splits, select
from models.training.tagger import Remembered
from nlp.chain import Chain
from nlp.components.activities import ActivityTagger
from nlp.context import Context
from nlp.encoder import COLUMNS, OUTPUTS
from nlp.tagging import LABELS
from nlp.tokens import Tokens, kept_tokens

DATA = Path(__file__).parents[3] / "training_data"


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("TE 15 min: quad sets, heel slides", ["ACT", "ACT"]),
        ("Plan: quad sets", ["NOT"]),
        ("refused quad sets", ["NOT"]),
        ("quad tendon sore", []),  # no term of the lexicon
    ],
)
def test_patterns_alone_read_the_lexicon_and_its_cues(text, tags):
    (found,) = ActivityTagger(PatternScorer()).tag([Context(Tokens.of(text))])
    assert [candidate.tag for candidate in found] == tags


def test_the_encoder_counts_only_on_lines_where_the_linear_tagger_is_unsure():
    text = "alpha\nbeta"
    tokens = Tokens.of(text)
    context = Context(tokens, np.zeros((len(kept_tokens(tokens)), OUTPUTS), dtype=np.float32))
    context.encoded[:, COLUMNS["tag"].start + 1] = 10.0
    names = ["0|w=alpha", "0|w=beta"]
    weights = np.zeros((2, len(LABELS)), dtype=np.float32)
    weights[0, 0] = 9.0  # sure that alpha is nothing
    still = np.zeros((len(LABELS), len(LABELS)), dtype=np.float32)
    (rows,) = DoubtScorer(Chain(LABELS, names, weights, still), Remembered()).score([context])
    labels = rows.argmax(axis=1).tolist()
    assert labels[0] == 0
    assert labels[-1] == 1


@pytest.mark.slow
def test_every_reader_without_an_encoder_has_a_row():
    notes = select(read_corpus(DATA), read_splits(DATA), "train")
    some = [n for w in ("writer_a", "writer_b", "writer_p") for n in [m for m in notes if m.writer == w][:12]]
    rows = compare(some, None)
    assert list(rows) == [name for name, kind in READERS.items() if not kind.encoded]
    assert all(0 <= value <= 1 for row in rows.values() for value in vars_of(row))
    assert table(rows).count("\n") == 1 + len(rows)


def vars_of(row):
    return [getattr(row, name) for name in row.__slots__]
