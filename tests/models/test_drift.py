"""Drift: the same notes are steady, others are not, and each says so in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.drift import (
    LIMITS,
    REFERENCE_FILE,
    Outcome,
    counted_words,
    input_drift,
    known_words,
    measures,
    outcome_drift,
    parse,
    reference,
    vocabulary_distance,
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
        # The same words, but for the short ones that every note has.
        (lambda text: " ".join(word for word in text.split(" ") if len(word) > 5), {"vocabulary"}),
    ],
    ids=["shouting", "one line", "four times", "other words", "another mix"],
)
def test_other_notes_drift_and_say_so(texts: list[str], known: frozenset[str], change, drifted: set[str]):
    found = {signal.id: signal for signal in input_drift([change(text) for text in texts[::2]], known)}
    assert drifted <= {name for name, signal in found.items() if signal.state == "drift"}
    for name in drifted:
        assert ("the distance is" if name == "vocabulary" else "medians") in found[name].sentence


def test_few_notes_tell_nothing(texts: list[str], known: frozenset[str]):
    assert set(states([text.upper() for text in texts[:29]], known).values()) == {"too_few"}
    assert set(states([], known).values()) == {"too_few"}


def test_no_note_at_all_is_a_note_too(known: frozenset[str]):
    assert measures("", known) == dict.fromkeys(LIMITS.sentences, 0.0)
    assert states([""] * 40, known)["vocabulary"] == "too_few"


def test_the_reference_is_of_this_corpus(tmp_path: Path):
    write_reference(DATA, tmp_path / REFERENCE_FILE)
    from_file = reference()
    assert set(from_file.measures) == set(LIMITS.sentences)
    assert all(isinstance(value, float) for values in from_file.measures.values() for value in values)
    assert len(from_file.vocabulary) == LIMITS.common_words + 1
    assert (tmp_path / REFERENCE_FILE).read_text() == (
        Path(__file__).parents[2] / "models" / REFERENCE_FILE
    ).read_text()


def test_no_writer_of_the_development_notes_uses_words_in_another_mix(known: frozenset[str]):
    notes = select(read_corpus(DATA), read_splits(DATA), "development")
    counts = {
        writer: counted_words([n.text for n in notes if n.writer == writer], known)
        for writer in {n.writer for n in notes}
    }
    many = {writer for writer in counts if sum(n.writer == writer for n in notes) >= LIMITS.least_notes}
    against = {writer: vocabulary_distance(counts[writer], reference().vocabulary) for writer in many}
    assert len(against) > 5
    assert max(against.values()) < LIMITS.most_vocabulary


def test_the_mix_of_words_is_told_apart_from_unknown_words(texts: list[str], known: frozenset[str]):
    def distance(changed: list[str]) -> float:
        return next(signal.now for signal in input_drift(changed, known) if signal.id == "vocabulary")

    same = distance(texts)
    assert same == 0.0
    # Words that the model does not know change nothing in the mix of those that it knows.
    assert distance([f"{text} zqa zqb zqc" for text in texts]) == same
    assert distance([text.replace("min", "stairs") for text in texts]) > same


def decisions(confidence: float, taken: int, of: int) -> list[tuple[float, bool]]:
    return [(confidence, number < taken) for number in range(of)]


def outcome(share: float | None, promised: float, *, half: float = 0.05, decided: int = 100) -> Outcome:
    interval = None if share is None else (share - half, share + half)
    return Outcome(0.85, 0.95, promised, decided, share, interval)


@pytest.mark.parametrize(
    ("seen", "state", "told"),
    [
        (outcome(0.88, 0.9), "steady", "As the model says."),
        (
            outcome(0.6, 0.9),
            "drift",
            "people leave fewer codes as they were than it says: 0.60 (0.55 to 0.65, 100 read), it says 0.90",
        ),
        (outcome(0.99, 0.9), "drift", "people leave more codes"),
        (outcome(0.6, 0.9, decided=29), "too_few", "29 decisions are too few to tell; 30 are needed."),
        (outcome(0.6, 0.9, decided=30), "drift", "30 read"),
        (outcome(None, 0.9), "too_few", "without a flag none was read"),
    ],
)
def test_outcomes_are_held_against_what_the_model_says(seen: Outcome, state: str, told: str):
    [signal] = outcome_drift([seen])
    assert (signal.id, signal.state, signal.items) == ("confidence 0.85 to 0.95", state, seen.decided)
    assert told in signal.sentence


@pytest.mark.parametrize(("old", "new"), [("level = 0.001", "level = 1"), ('id = "words"', 'name = "words"')])
def test_a_slip_in_the_data_file_is_named(root: Path, old: str, new: str):
    text = (root / "models" / "drift.toml").read_text(encoding="utf-8")
    with pytest.raises(LexiconError):
        parse(text.replace(old, new, 1))
    assert parse(text) == LIMITS
