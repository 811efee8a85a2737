"""The encoder of the accurate profile: pieces, windows and scores; every array has a row for each word."""

import numpy as np
import pytest

from models.registry import shipped
from nlp.encoder import COLUMNS, LONGEST, OUTPUTS, Encoder, log_probabilities, windows
from nlp.pipeline import ENCODER_FILE, VOCABULARY_FILE

ENCODER = Encoder.load(shipped() / ENCODER_FILE, shipped() / VOCABULARY_FILE)
PIECES = ENCODER.pieces


def names(word):
    vocabulary = {number: piece for piece, number in PIECES.number.items()}
    return [vocabulary[number] for number in PIECES.of(word)]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("heel", ["heel"]),
        ("HEEL", ["heel"]),
        ("théraband", ["the", "##ra", "##band"]),
        ("\n", ["[unused1]"]),
        ("☃☃☃", ["[UNK]"]),
        ("won't", ["won", "'", "t"]),
        ("pt’s", ["pt", "'", "s"]),
        ("'", ["'"]),
    ],
)
def test_a_word_is_cut_as_the_vocabulary_was_made(word, pieces):
    assert names(word) == pieces


def test_an_endless_word_has_at_most_eight_pieces():
    assert len(PIECES.of("qzx" * 400)) == 8


@pytest.mark.parametrize("count", [1, 200, 399, 400, 401, 1500])
def test_windows_hold_every_word_and_fit(count):
    words = ["heel", "théraband", "3"] * (count // 3 + 1)
    words = words[:count]
    seen = set()
    for window in windows(PIECES, words):
        assert len(window.pieces) <= 400 + 8 + 2
        for index, place in enumerate(window.places, window.first):
            assert window.pieces[place] == PIECES.of(words[index])[0]
            seen.add(index)
    assert seen == set(range(count))


def test_no_words_no_windows():
    assert list(windows(PIECES, [])) == []


def test_scores_are_log_probabilities_of_every_word():
    words = ["SLR", "3x10", ",", "heel", "raises"]
    (rows,) = ENCODER.scores([words])
    assert rows.shape == (len(words), OUTPUTS)
    for name in ("tag", "role", "code", "status"):
        assert np.allclose(np.exp(rows[:, COLUMNS[name]]).sum(axis=1), 1.0, atol=1e-3), name
    assert (rows[:, COLUMNS["element"]] <= 0).all()
    assert (rows[:, COLUMNS["element"]] == rows[0, COLUMNS["element"]]).all()


def test_heads_are_apart_and_cover_the_output():
    taken = [index for at in COLUMNS.values() for index in range(at.start, at.stop)]
    assert taken == list(range(OUTPUTS))


def test_one_head_says_nothing_of_another():
    outputs = np.zeros((1, OUTPUTS), dtype=np.float32)
    before = log_probabilities(outputs)
    outputs[0, COLUMNS["code"].start] = 5.0
    after = log_probabilities(outputs)
    changed = {index for index in range(OUTPUTS) if before[0, index] != after[0, index]}
    assert changed == set(range(COLUMNS["code"].start, COLUMNS["code"].stop))


def test_a_note_reads_the_same_whatever_stands_beside_it():
    short, long = ["SLR", "3", "x", "10"], ["heel", "raises", "done"] * 300
    alone = ENCODER.scores([short])[0]
    beside = ENCODER.scores([long, short])[1]
    assert np.array_equal(alone, beside)


def test_a_text_too_long_for_it_gets_zeros():
    (rows,) = ENCODER.scores([["heel"] * (LONGEST + 1)])
    assert not rows.any()


def test_hidden_words_are_read_by_what_stands_around_them():
    words = ["SLR", "3x10", ",", "heel", "raises", "deferred"]
    (seen,) = ENCODER.scores([words])
    assert np.array_equal(ENCODER.without(words, set()), seen)
    hidden = ENCODER.without(words, {3, 4})
    other = [*words[:3], "calf", "stretch", "deferred"]
    assert hidden.shape == seen.shape
    assert not np.array_equal(hidden, seen)
    assert np.array_equal(ENCODER.without(other, {3, 4}), hidden)  # one piece a word in both
