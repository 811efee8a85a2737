"""Drift: the same notes are steady, others are not, and each says so in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.drift import (
    LIMITS,
    REFERENCE_FILE,
    input_drift,
    known_words,
    measures,
    outcome_drift,
    parse,
    reference,
    write_reference,
)
from models.training.dataset import read_corpus, read_splits, select
from nlp.errors import LexiconError

DATA = Path(__file__).parents[2] / "training_data"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [note.text for note in select(read_corpus(DATA), read_splits(DATA), "development")]


@pytest.fixture(scope="module")
def known() -> frozenset[str]:
    return known_words()


def states(texts: list[str], known: frozenset[str]) -> dict[str, str]:
    return {signal.id: signal.state for signal in input_drift(texts, known)}


def test_the_notes_of_the_reference_are_steady(texts: list[str], known: frozenset[str]):
    assert set(states(texts[::2], known).values()) == {"steady"}


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        (str.upper, {"capitals"}),
        (lambda text: " ".join(text.split()), {"lines"}),
        (lambda text: f"{text}\n" * 4, {"words", "lines"}),
        (lambda text: " ".join(f"zq{word}" for word in text.split(" ")), {"unknown"}),
    ],
    ids=["shouting", "one line", "four times", "other words"],
)
def test_other_notes_drift_and_say_so(texts: list[str], known: frozenset[str], change, drifted: set[str]):
    found = {signal.id: signal for signal in input_drift([change(text) for text in texts[::2]], known)}
    assert drifted <= {name for name, signal in found.items() if signal.state == "drift"}
    for name in drifted:
        assert "medians" in found[name].sentence


def test_few_notes_tell_nothing(texts: list[str], known: frozenset[str]):
    assert set(states([text.upper() for text in texts[:29]], known).values()) == {"too_few"}
    assert set(states([], known).values()) == {"too_few"}


def test_no_note_at_all_is_a_note_too(known: frozenset[str]):
    assert measures("", known) == dict.fromkeys(LIMITS.sentences, 0.0)


def test_the_reference_is_of_this_corpus_and_holds_numbers_alone(tmp_path: Path):
    write_reference(DATA, tmp_path / REFERENCE_FILE)
    from_file = reference()
    assert set(from_file) == set(LIMITS.sentences)
    assert all(isinstance(value, float) for values in from_file.values() for value in values)
    assert (tmp_path / REFERENCE_FILE).read_text() == (
        Path(__file__).parents[2] / "models" / REFERENCE_FILE
    ).read_text()


def decisions(confidence: float, taken: int, of: int) -> list[tuple[float, bool]]:
    return [(confidence, number < taken) for number in range(of)]


def test_outcomes_as_the_model_says_are_steady():
    steady = outcome_drift([*decisions(0.9, 90, 100), *decisions(0.97, 97, 100)])
    assert [signal.state for signal in steady] == ["too_few", "too_few", "steady", "steady"]


def test_people_who_take_less_than_it_says_are_told():
    signal = outcome_drift(decisions(0.9, 60, 100))[2]
    assert (signal.state, signal.now, signal.items) == ("drift", 0.6, 100)
    assert "people take less than it says: 60 of 100 (0.50 to 0.69), it says 0.90" in signal.sentence
    assert "more than it says" in outcome_drift(decisions(0.5, 99, 100))[0].sentence


@pytest.mark.parametrize(("old", "new"), [("level = 0.001", "level = 1"), ('id = "words"', 'name = "words"')])
def test_a_slip_in_the_data_file_is_named(root: Path, old: str, new: str):
    text = (root / "models" / "drift.toml").read_text(encoding="utf-8")
    with pytest.raises(LexiconError):
        parse(text.replace(old, new, 1))
    assert parse(text) == LIMITS
