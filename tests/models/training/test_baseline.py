"""The gate: figures that fell out of their interval are named, with what they were and what they are."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import DatasetError
from models.training import baseline, evaluate
from models.training.evaluate import Evaluation
from models.training.figures import KINDS, Figure

DATA = Path(__file__).parents[3] / "training_data"


def evaluation(profile="accurate", digest="d", **values):
    figures = tuple(Figure(name, *numbers) for name, numbers in values.items())
    return Evaluation("v1", profile, "development", digest, (), figures)


BEFORE = evaluation(
    goals_f1=(0.9, 0.85, 0.95, 80),
    leak=(0.05, 0.02, 0.08, 50),
    mentions_f1=(0.5, 0.4, 0.6, 9),
    pairs_status=(0.0, 0.0, 0.0, 0),
)
MARKS = baseline.baseline_of([BEFORE])


def test_headline_figures_are_kept_and_only_those():
    assert set(MARKS.profiles["accurate"]) == {"goals_f1", "leak"}
    assert MARKS.profiles["accurate"]["leak"] == baseline.Mark(value=0.05, low=0.02, high=0.08, count=50)


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({"goals_f1": (0.9, 0, 1, 80), "leak": (0.05, 0, 1, 50)}, []),
        ({"goals_f1": (0.85, 0, 1, 80), "leak": (0.08, 0, 1, 50)}, []),
        ({"goals_f1": (0.99, 0, 1, 80), "leak": (0.0, 0, 1, 50)}, []),
        (
            {"goals_f1": (0.849, 0, 1, 80), "leak": (0.05, 0, 1, 50)},
            ["accurate: goals F1 (overlap) was 0.900 (0.850 to 0.950), is 0.849, below its interval"],
        ),
        (
            {"goals_f1": (0.9, 0, 1, 80), "leak": (0.081, 0, 1, 50)},
            ["accurate: not-today leak was 0.050 (0.020 to 0.080), is 0.081, above its interval"],
        ),
        ({"goals_f1": (0.9, 0, 1, 80)}, ["accurate: leak is measured no more; it was 0.050"]),
        (
            {"goals_f1": (0.0, 0, 0, 0), "leak": (0.05, 0, 1, 50)},
            ["accurate: goals_f1 is measured no more; it was 0.900"],
        ),
    ],
)
def test_what_fell_is_named(values, lines):
    assert baseline.fallen(MARKS, [evaluation(**values)]) == lines


def test_a_profile_that_went_is_named():
    assert baseline.fallen(MARKS, [replace(BEFORE, profile="fast")]) == [
        "accurate: the version has no such profile any more"
    ]


def test_other_notes_ask_for_another_baseline():
    [line] = baseline.fallen(MARKS, [replace(BEFORE, data_sha256="other")])
    assert "not those of the baseline" in line
    assert "--write-baseline" in line


def test_it_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "baseline.json"
    baseline.write([BEFORE, replace(BEFORE, profile="fast")], path)
    read = baseline.read(path)
    assert read == baseline.baseline_of([BEFORE, replace(BEFORE, profile="fast")])
    assert list(read.profiles) == ["accurate", "fast"]


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "missing"), ("{", "Invalid JSON"), ('{"version": "1"}', "split")]
)
def test_a_file_that_is_none_is_refused(tmp_path, content, reason):
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=reason):
        baseline.read(path)


def test_the_committed_baseline_holds_headline_figures_of_both_profiles():
    marks = baseline.read()
    assert marks.split == baseline.SPLIT
    assert list(marks.profiles) == ["accurate", "fast"]
    gated = {kind.id for kind in KINDS.values() if kind.gate}
    for figures in marks.profiles.values():
        assert set(figures) <= gated
        assert {"activities_f1", "minutes_headline", "proposal_code", "goals_f1"} <= set(figures)
        assert all(mark.low <= mark.value <= mark.high for mark in figures.values())


@pytest.mark.slow
def test_no_headline_figure_fell_out_of_its_interval():
    """Where a fall is meant: ``therapy-coder evaluate --split development --write-baseline``, and say why."""
    fell = baseline.fallen(baseline.read(), evaluate.run(DATA, baseline.SPLIT))
    assert not fell, "\n" + "\n".join(fell)
