"""Each notebook opens as one and runs from top to bottom without a warning."""

import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").iterdir())


def test_there_are_these_notebooks_and_nothing_else():
    assert [path.name for path in NOTEBOOKS if path.is_file()] == [
        "01_walk_a_note.py",
        "02_evaluation.py",
        "03_corpus.py",
        "04_error_analysis.py",
        "05_calibration.py",
    ]


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in NOTEBOOKS if p.is_file()])
def test_notebook_opens(path: Path):
    cells = jupytext.read(path, fmt="py:percent").cells
    assert cells[0].cell_type == "markdown"
    assert sum(cell.cell_type == "code" for cell in cells) > 2


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in NOTEBOOKS if p.is_file()])
def test_notebook_runs(path: Path):
    command = [sys.executable, "-W", "error", path]
    answer = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout
