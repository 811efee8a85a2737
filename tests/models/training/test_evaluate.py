"""The figures of whole results: labels against themselves score exactly 1, nothing against labels scores 0."""

import csv
from pathlib import Path

import pytest

from models.coder import Coder
from models.errors import DatasetError, UntrustedModel
from models.training import evaluate
from models.training.counting import count_note
from models.training.dataset import read_corpus, read_splits, select
from models.training.figures import KINDS, figures, macro_f1

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


@pytest.mark.parametrize(
    ("items", "score"),
    [([("97110", "97110"), ("97530", "97530"), ("other", "other")], 1.0), ([("97110", "97530")], 0.0), ([], 0.0)],
)
def test_macro_f1(items, score):
    assert macro_f1(items) == score


def sealed_corpus(tmp_path, sealed=NOTES[40:42]):
    """A small corpus whose sealed notes are training notes under other names."""
    shut = [n.model_copy(update={"id": f"z-{n.id}", "writer": "z", "layout": f"z_{n.layout}"}) for n in sealed]
    for name, notes in (("notes", NOTES[:2]), ("sealed", shut)):
        (tmp_path / name).mkdir()
        lines = "".join(note.model_dump_json() + "\n" for note in notes)
        (tmp_path / name / "x.jsonl").write_text(lines, encoding="utf-8")
    rows = [f"{note.id},train\n" for note in NOTES[:2]] + [f"{note.id},sealed\n" for note in shut]
    (tmp_path / "splits.csv").write_text("id,split\n" + "".join(rows), encoding="utf-8")
    return tmp_path


def openings(folder):
    path = folder / "sealed_openings.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_sealed_notes_are_measured_and_the_opening_is_written_down(tmp_path):
    measured, fast = evaluate.run_sealed(sealed_corpus(tmp_path), reason="test, by me")
    assert (measured.split, measured.notes) == (fast.split, fast.notes) == ("sealed", 2)
    [row] = openings(tmp_path)
    assert (row["model"], row["notes"], row["reason"]) == (measured.version, "2", "test, by me")


def test_the_row_comes_before_the_reading(tmp_path):
    folder = sealed_corpus(tmp_path)
    (folder / "sealed" / "x.jsonl").write_text("not json\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"x.jsonl, line 1"):
        evaluate.run_sealed(folder, reason="test")
    assert len(openings(folder)) == 1


def test_a_refused_model_and_a_corpus_without_sealed_notes_open_nothing(tmp_path):
    with pytest.raises(UntrustedModel):
        evaluate.run_sealed(sealed_corpus(tmp_path), reason="test", model=tmp_path / "none")
    (tmp_path / "splits.csv").write_text("id,split\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="no note is in sealed"):
        evaluate.run_sealed(tmp_path, reason="test")
    assert openings(tmp_path) == []


def test_the_sealed_notes_of_one_writer_are_opened_alone(tmp_path):
    folder = sealed_corpus(tmp_path)
    path = folder / "sealed" / "x.jsonl"
    first, second = path.read_text(encoding="utf-8").splitlines()
    second = second.replace('"writer":"z"', '"writer":"y"')
    path.write_text(f"{first}\n{second}\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="no sealed note is by nobody; writers are y, z"):
        evaluate.run_sealed(folder, reason="test", writers=["z", "nobody"])
    assert openings(folder) == []
    [measured, _] = evaluate.run_sealed(folder, reason="test", writers=["y"])
    assert [each.note.writer for each in measured.measured] == ["y"]
    [row] = openings(folder)
    assert (row["notes"], row["reason"]) == ("1", "test (writers y alone)")


def test_an_empty_split_is_named(tmp_path):
    with pytest.raises(DatasetError, match="no note is in development"):
        evaluate.run(sealed_corpus(tmp_path), "development")


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
