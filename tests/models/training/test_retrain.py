"""What retraining says where it cannot go on; the whole of it is tried in ``tests/api/db/test_loop.py``."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelsFolderError, ModelsFolderFull
from models.registry import shipped
from models.training import retrain

from .conftest import labelled


def test_a_models_folder_that_cannot_be_written_to_is_told_before_anything_is_fitted():
    steps: list[str] = []
    notes = [labelled(id=f"n{number}") for number in range(retrain.LEAST_NOTES)]
    with pytest.raises(ModelsFolderError, match="/dev/null/models cannot be written to: Not a directory"):
        retrain.retrain([], notes, shipped(), Path("/dev/null/models"), told=lambda step, _: steps.append(step))
    assert steps == []


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception) -> dict[str, Any]:
    """The last line of the process where its work ends with an error."""

    def run(*_: Any) -> None:
        raise error

    monkeypatch.setattr(retrain, "run", run)
    monkeypatch.setattr("sys.argv", ["retrain", "--data", "d", "--models", "m"])
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    monkeypatch.setattr(os, "getpgrp", lambda: 0)
    with pytest.raises(SystemExit):
        retrain.main()
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_full_disk_is_told_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    found = said(monkeypatch, capsys, ModelsFolderFull("m"))
    assert found["failed"] == "ModelsFolderFull"
    assert "make room and try again" in found["why"]


def test_of_any_other_error_the_class_alone_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert said(monkeypatch, capsys, KeyError("words of a note")) == {"failed": "KeyError", "why": ""}
