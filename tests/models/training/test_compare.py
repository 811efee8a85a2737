"""Readers are compared on equal terms: one decoder, one grouper, writers that none of them saw."""

from pathlib import Path

import numpy as np
import pytest

from models.training.compare import READERS, PatternScorer, compare, counted, table, unsure_rows
from models.training.dataset import read_corpus, read_splits, select
from nlp.chain import Chain
from nlp.components.activities import ActivityTagger
from nlp.context import Context
from nlp.document import Activity, Block, Document
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


def test_lines_on_which_the_linear_tagger_is_unsure_of_a_word():
    context = Context(Tokens.of("alpha beta\ngamma\nbeta beta"))
    names = ["0|w=alpha", "0|w=beta", "0|w=gamma", "0|w=⏎"]
    weights = np.zeros((4, len(LABELS)), dtype=np.float32)
    weights[[1, 3], 0] = 9.0  # sure that beta and the line break are nothing
    weights[2, 1:3] = 9.0  # sure that gamma is work done, whether it begins it or goes on with it
    chain = Chain(LABELS, names, weights, np.zeros((len(LABELS), len(LABELS)), dtype=np.float32))
    words = [context.tokens.words[index] for index in kept_tokens(context.tokens)]
    assert [
        word for word, unsure in zip(words, unsure_rows(chain, context), strict=True) if unsure and word.strip()
    ] == [
        "alpha",
        "beta",
    ]


def read_as(note, done, minutes):
    block = Block(0, len(note.text), note.text, tuple(done), None, minutes, None)
    return Document(text=note.text, blocks=(block,))


def test_figures_of_a_pair_of_which_one_note_leaks():
    twins = [n for n in read_corpus(DATA) if n.pair is not None and n.pair.family == "status"]
    leaky = next(n for n in twins if len(n.mentions) == 1 and not n.goals and n.services and n.activities)
    both = [n for n in twins if n.pair == leaky.pair]
    documents = []
    for note in both:
        done = [Activity(s.start, s.end, s.text) for s in note.activities]
        if note is leaky:
            (mention,) = note.mentions
            done.append(Activity(mention.start, mention.end, mention.text))
        documents.append(read_as(note, done, note.services[0].minutes))
    row = counted(both, documents, [{"nothing"}] * 2)
    tasks, undone = (sum(len(getattr(n, name)) for n in both) for name in ("activities", "mentions"))
    assert row.f1 == pytest.approx(2 * tasks / (2 * tasks + 1))
    assert (row.recall, row.unseen, row.leak, row.pairs) == (1.0, 1.0, 1 / undone, 0.0)
    assert row.minutes == 2 / sum(len(n.services) for n in both)
    done_right = [read_as(n, [Activity(s.start, s.end, s.text) for s in n.activities], None) for n in both]
    assert counted(both, done_right, [set()] * 2).pairs == 1.0


@pytest.mark.slow
def test_every_reader_without_an_encoder_has_a_row():
    notes = select(read_corpus(DATA), read_splits(DATA), "train")
    some = [n for w in ("writer_a", "writer_b", "writer_p") for n in [m for m in notes if m.writer == w][:12]]
    rows = compare(some, None)
    assert list(rows) == [name for name, kind in READERS.items() if not kind.encoded]
    assert all(0 <= value <= 1 for row in rows.values() for value in vars_of(row))
    assert rows["linear tagger"].f1 > rows["lexicon and patterns"].f1
    assert table(rows).count("\n") == 1 + len(rows)


def vars_of(row):
    return [getattr(row, name) for name in row.__slots__]
