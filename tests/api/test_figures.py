"""``therapy-coder evaluate`` on three notes: the table, and the files that it is asked to write."""

import csv
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli import app
from api.figures import show_figures
from models.training.evaluate import Evaluation
from models.training.figures import Figure

DATA = Path(__file__).parents[2] / "training_data"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "notes").mkdir()
    rows = []
    for name, split in (("a", "train"), ("b", "development")):
        lines = (DATA / "notes" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:3]
        (folder / "notes" / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        rows += [(f"{name}-0{number}", split) for number in (1, 2, 3)]
    with (folder / "splits.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "split"), *rows])
    return folder


def test_it_prints_both_profiles_and_writes_what_it_is_asked_to(data: Path, tmp_path: Path):
    ran = CliRunner().invoke(
        app, ["evaluate", "--data", str(data), "--split", "development", "--report", str(tmp_path / "out")]
    )
    assert ran.exit_code == 0, ran.output
    assert "3 notes of development" in ran.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", "model_card.md"}
    assert str(tmp_path / "out") in "".join(ran.stdout.split("\n")[-3:])


def test_a_report_that_cannot_be_written_is_told(data: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    ran = CliRunner().invoke(
        app, ["evaluate", "--data", str(data), "--split", "development", "--report", str(tmp_path / "file" / "out")]
    )
    assert ran.exit_code == 2
    assert "Not a directory" in ran.stderr or "exists" in ran.stderr


def evaluation(profile, value, count):
    return Evaluation("v", profile, "development", "", (), (Figure("leak", value, value, value, count),))


def test_the_table_has_a_column_a_profile(capsys: pytest.CaptureFixture[str]):
    show_figures(Console(width=120), [evaluation("accurate", 0.25, 4), evaluation("fast", 0.5, 4)])
    [row] = [line.split() for line in capsys.readouterr().out.splitlines() if "leak" in line]
    assert row == ["not-today", "leak", "0.250", "0.250", "to", "0.250", "0.500", "0.500", "to", "0.500", "4"]


def test_what_was_not_measured_is_a_dash(capsys: pytest.CaptureFixture[str]):
    show_figures(Console(width=120), [evaluation("fast", 0.0, 0)])
    [row] = [line.split() for line in capsys.readouterr().out.splitlines() if "leak" in line]
    assert row == ["not-today", "leak", "-", "-", "0"]


def test_the_baseline_is_of_the_development_notes_alone(data: Path):
    ran = CliRunner().invoke(app, ["evaluate", "--data", str(data), "--split", "train", "--write-baseline"])
    assert ran.exit_code == 2
    assert "--split development" in ran.stderr


def test_the_baseline_is_written_when_asked_for(data: Path, monkeypatch: pytest.MonkeyPatch):
    written = []
    monkeypatch.setattr("models.training.baseline.write", written.append)
    command = ["evaluate", "--data", str(data), "--split", "development"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert written == []
    assert CliRunner().invoke(app, [*command, "--write-baseline"]).exit_code == 0
    [evaluations] = written
    assert [each.profile for each in evaluations] == ["accurate", "fast"]
