"""Moving a classifier towards new blocks: nothing new leaves it as it was, and what it learns it learns without forgetting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.classifier import CLASSES, Classifier, Fitted
from models.training.adapt import adapt
from models.training.train import Row, fit_classifier


def row(code: str, *words: str) -> Row:
    values = {f"a:{word}": 1.0 for word in words}
    return Row("w", code, (code,), values | {"read:97110": 0.5}, values)


CORPUS = [
    row(code, word) for code, word in (("97110", "slr"), ("97530", "transfer"), ("other", "massage")) for _ in range(40)
]
BASE = Fitted(*fit_classifier(CORPUS), 1.0)


def chance(fitted: Fitted, of: Row) -> float:
    return float(Classifier(fitted).probabilities([of.full])[0][CLASSES.index(of.code)])


def test_a_new_word_is_learnt_and_the_old_ones_stay():
    new = row("97530", "stairs")
    moved = adapt(BASE, CORPUS, [new] * 10)
    assert chance(BASE, new) < 0.6 < 0.8 < chance(moved, new)
    for old in (CORPUS[0], CORPUS[40], CORPUS[80]):
        assert chance(moved, old) == pytest.approx(chance(BASE, old), abs=0.05)


def test_what_the_corpus_is_sure_of_is_held_firmly():
    against = replace(CORPUS[0], code="97530", accept=("97530",))
    moved = adapt(BASE, CORPUS, [against] * 3)
    assert chance(moved, CORPUS[0]) > 0.7
    # With as many voices as the corpus has, it gives way.
    assert chance(adapt(BASE, CORPUS, [against] * 200), CORPUS[0]) < 0.5


def test_blocks_that_say_nothing_new_move_nothing_much():
    moved = adapt(BASE, CORPUS, CORPUS[::10])
    before = Classifier(BASE).probabilities([each.full for each in CORPUS])
    after = Classifier(moved).probabilities([each.full for each in CORPUS])
    assert np.abs(before - after).max() < 0.05


def test_thresholds_and_temperature_stay():
    fitted = replace(BASE, temperature=1.5, least={5: 0.8}, possible=(0.1, 0.2, 0.3))
    moved = adapt(fitted, CORPUS, [row("97110", "x")])
    assert (moved.temperature, moved.least, moved.possible) == (1.5, {5: 0.8}, (0.1, 0.2, 0.3))


def test_what_the_encoders_signs_are_worth_stays():
    signed = Fitted(
        *fit_classifier([*CORPUS, *[replace(each, full=each.full | {"read:97530": 1.0}) for each in CORPUS]]), 1.0
    )
    moved = adapt(signed, CORPUS, [row("97530", "stairs")] * 10)
    for name in ("read:97110", "read:97530"):
        before, after = (each.estimator.coef_[:, each.vectorizer.vocabulary_[name]] for each in (signed, moved))
        assert before.tolist() == after.tolist()
