"""The linear-chain decoder against brute force, and scores from cached words against the named features."""

import itertools
import math
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.registry import shipped
from nlp.chain import Chain, Sums
from nlp.context import Context
from nlp.pipeline import TAGGER_FILE
from nlp.tagging import WordScores, tag_scores, token_features
from nlp.tokens import Tokens, kept_tokens


def chain(rng, labels=3):
    weights = rng.normal(size=(4, labels)).astype(np.float32)
    return Chain(
        [str(n) for n in range(labels)],
        ["a", "b", "c", "d"],
        weights,
        rng.normal(size=(labels, labels)).astype(np.float32),
    )


def weigh(model, scores, path):
    steps = sum(float(model.transitions[a, b]) for a, b in itertools.pairwise(path))
    return steps + sum(float(scores[i, label]) for i, label in enumerate(path))


def brute(model, scores):
    paths = itertools.product(range(scores.shape[1]), repeat=len(scores))
    return list(max(paths, key=lambda path: weigh(model, scores, path)))


@pytest.mark.parametrize("seed", range(8))
def test_decode_finds_the_best_path(seed):
    rng = np.random.default_rng(seed)
    model = chain(rng)
    batch = [rng.normal(size=(length, 3)).astype(np.float32) for length in (5, 1, 3, 0, 4)]
    wanted = [brute(model, scores) if len(scores) else [] for scores in batch]
    assert model.decode_many(batch) == wanted


@pytest.mark.parametrize("seed", range(4))
def test_certainty_is_a_labels_share_of_all_paths(seed):
    rng = np.random.default_rng(seed)
    model = chain(rng)
    batch = [rng.normal(size=(length, 3)).astype(np.float32) for length in (2, 5, 0, 1, 4)]
    paths = model.decode_many(batch)
    for scores, path, found in zip(batch, paths, model.certainty_many(batch, paths), strict=True):
        every = list(itertools.product(range(3), repeat=len(scores)))
        weights = np.array([math.exp(weigh(model, scores, each)) for each in every])
        wanted = [weights[[each[at] == label for each in every]].sum() / weights.sum() for at, label in enumerate(path)]
        assert found == pytest.approx(wanted, abs=1e-5)


def test_no_sequence_no_certainty():
    model = chain(np.random.default_rng(1))
    assert model.certainty_many([], []) == []
    assert model.certainty_many([np.zeros((0, 3), dtype=np.float32)], [[]]) == [[]]


def test_a_file_round_trips(tmp_path):
    model = chain(np.random.default_rng(1))
    model.save(tmp_path / "m.npz")
    again = Chain.load(tmp_path / "m.npz")
    assert again.labels == model.labels
    assert np.allclose(again.weights, model.weights, atol=1e-2)
    assert np.array_equal(again.transitions, model.transitions)


def test_unknown_features_add_nothing():
    model = chain(np.random.default_rng(2))
    assert np.array_equal(model.scores([["zzz"]]), np.zeros((1, 3), dtype=np.float32))


@pytest.mark.parametrize(
    "text", ["TE 15 min: SLR 3x10, bike\nPlan: stairs", "x", "", "\n\n", "O: bed mob w/ rail; HEP bridges"]
)
def test_cached_scores_equal_the_sum_over_names(text):
    model = Chain.load(shipped() / TAGGER_FILE)
    context = Context(Tokens.of(text))
    kept = kept_tokens(context.tokens)
    features = token_features(context)
    summed = model.scores([features[index] for index in kept])
    assert np.allclose(tag_scores(WordScores(model), Sums(model), [context])[0], summed, atol=1e-4)


def slow(model):
    """Let another thread have its turn while a row is being scored."""
    rows = model.rows

    def later(names):
        time.sleep(0.002)
        return rows(names)

    model.rows = later
    return model


def test_sums_are_the_same_from_several_threads():
    """A server reads notes so: a row that one thread is still adding must not be used, or counted, by another one."""
    model = chain(np.random.default_rng(3), labels=2)
    groups = [(lambda *names: list(names), (name, other)) for name in "abcd" for other in "abcd"]
    expected = Sums(model).scores([[group] for group in groups])
    sums = Sums(slow(model))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(sums.scores, [[[group] for group in groups]] * 4))
    assert all(np.array_equal(each, expected) for each in found)


def test_word_scores_are_the_same_from_several_threads():
    model = Chain.load(shipped() / TAGGER_FILE)
    words = ["bridging", "stairs", "bike", "SLR"]
    expected = WordScores(model).blocks(words)
    known = WordScores(slow(model))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(known.blocks, [words] * 4))
    assert all(np.array_equal(each, expected) for each in found)
