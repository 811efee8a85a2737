"""The figures of whole results: labels against themselves score exactly 1, nothing against labels scores 0."""

from pathlib import Path

import pytest

from models.coder import Coder
from models.training import evaluate
from models.training.counting import count_note
from models.training.dataset import read_corpus, read_splits, select
from models.training.figures import KINDS, figures

from .conftest import empty_handed, perfect

DATA = Path(__file__).parents[3] / "training_data"
NOTES = select(read_corpus(DATA), read_splits(DATA), "train")[:60]


def measured(results):
    counts = [count_note(note, result, set()) for note, result in zip(NOTES, results, strict=True)]
    return {figure.id: figure for figure in figures(counts)}


def test_labels_against_themselves_score_one():
    found = measured([perfect(note) for note in NOTES])
    # A shared duration documents minutes only where the labels say so of 97110 or 97530 work; not built here.
    loose = {"elements", "element_duration", "unflagged_share"}
    for name, figure in found.items():
        if name not in loose and figure.count:
            assert figure.value == (0.0 if figure.kind.better == "lower" else 1.0), name


def test_nothing_found_scores_nothing():
    found = measured([empty_handed(note) for note in NOTES])
    for name in ("activities_f1", "goals_f1", "found_coded", "leak", "block_minutes"):
        assert found[name].count
        assert found[name].value == 0.0


def test_an_interval_holds_its_figure():
    for figure in measured([perfect(note) for note in NOTES]).values():
        assert figure.low <= figure.value <= figure.high


@pytest.fixture(scope="module")
def both():
    return evaluate.evaluate_profiles(Coder.load(), NOTES[:12], split="train", known=set())


def test_each_profile_is_measured_on_the_same_notes(both):
    assert [each.profile for each in both] == ["accurate", "fast"]
    assert {each.notes for each in both} == {12}
    for each in both:
        assert [figure.id for figure in each.figures] == list(KINDS)
        assert {m.result.model.profile for m in each.measured} == {each.profile}
    # Which notes need a look is read off the labels.
    assert [m.needed for m in both[0].measured] == [m.needed for m in both[1].measured]


def test_shipped_model_reads_notes_that_it_was_trained_on(both):
    for each in both:
        assert each.figure("activities_f1").value > 0.9
        assert each.figure("block_macro_f1").value > 0.9
        assert each.figure("block_macro_f1").count == sum(len(note.services) for note in NOTES[:12])


def test_groups_divide_the_notes(both):
    for by in ("setting", "layout", "writer", "discipline", "length"):
        groups = evaluate.break_down(both[0].measured, by, only={"leak", "found_coded"})
        assert sum(notes for notes, _ in groups.values()) == 12
        assert [notes for notes, _ in groups.values()] == sorted((n for n, _ in groups.values()), reverse=True)
        for _, shown in groups.values():
            assert [figure.id for figure in shown] == ["leak", "found_coded"]
