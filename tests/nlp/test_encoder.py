"""The encoder of the accurate profile: pieces, windows and scores; every array has a row for each word."""

import numpy as np
import pytest

from models.registry import shipped
from nlp.encoder import LONGEST, Encoder, windows
from nlp.pipeline import ENCODER_FILE, VOCABULARY_FILE
from nlp.tagging import LABELS

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
    ],
)
def test_a_word_is_cut_as_the_vocabulary_was_made(word, pieces):
    assert names(word) == pieces


def test_an_endless_word_has_at_most_eight_pieces():
    assert len(PIECES.of("qzx" * 400)) == 8


@pytest.mark.parametrize("count", [1, 200, 383, 384, 385, 1500])
def test_windows_hold_every_word_and_fit(count):
    words = ["heel", "théraband", "3"] * (count // 3 + 1)
    words = words[:count]
    seen = set()
    for window in windows(PIECES, words):
        assert len(window.pieces) <= 384 + 8 + 2
        for index, place in enumerate(window.places, window.first):
            assert window.pieces[place] == PIECES.of(words[index])[0]
            seen.add(index)
    assert seen == set(range(count))


def test_no_words_no_windows():
    assert list(windows(PIECES, [])) == []


def test_scores_are_log_probabilities_of_every_word():
    words = ["SLR", "3x10", ",", "heel", "raises"]
    (rows,) = ENCODER.scores([words])
    assert rows.shape == (len(words), len(LABELS))
    assert np.allclose(np.exp(rows).sum(axis=1), 1.0, atol=1e-3)


def test_a_note_reads_the_same_whatever_stands_beside_it():
    short, long = ["SLR", "3", "x", "10"], ["heel", "raises", "done"] * 300
    alone = ENCODER.scores([short])[0]
    beside = ENCODER.scores([long, short])[1]
    assert np.array_equal(alone, beside)


def test_a_text_too_long_for_it_gets_zeros():
    (rows,) = ENCODER.scores([["heel"] * (LONGEST + 1)])
    assert not rows.any()
