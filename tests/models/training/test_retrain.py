"""What retraining says where it cannot go on; the whole of it is tried in ``tests/api/db/test_loop.py``."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.coder import Coder
from models.errors import ModelsFolderError, ModelsFolderFull, NoTrainingPackages
from models.registry import read_manifest, sha256, shipped
from models.training import afresh, encoder, retrain
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.lessons import lesson
from models.training.perturb import relaid_notes
from models.training.train import SCORES_FILE
from nlp.encoder import Encoder
from nlp.pipeline import ENCODER_FILE, VOCABULARY_FILE

from .conftest import labelled

DATA = Path(__file__).parents[3] / "training_data"


def test_a_models_folder_that_cannot_be_written_to_is_told_before_anything_is_fitted():
    steps: list[str] = []
    notes = [labelled(id=f"n{number}") for number in range(retrain.LEAST_NOTES)]
    with pytest.raises(ModelsFolderError, match="/dev/null/models cannot be written to: Not a directory"):
        retrain.retrain([], notes, shipped(), Path("/dev/null/models"), told=lambda step, _: steps.append(step))
    assert steps == []


def test_without_the_packages_the_encoder_is_not_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(afresh, "_PACKAGES", ("no_such_package",))
    notes = [labelled(id=f"n{number}") for number in range(retrain.LEAST_NOTES)]
    with pytest.raises(NoTrainingPackages, match=r"requirements-train\.txt"):
        retrain.retrain([], notes, shipped(), tmp_path, told=lambda *_: None, encoder=True)
    assert list(tmp_path.iterdir()) == []


def test_elements_that_reviewers_are_not_asked_for_are_those_that_are_read():
    text = "TE 15 min: SLR 3x10. A: L quad 4-/5, was 3+/5 last week; extensor lag 5 degrees, limits stair descent."
    note = labelled(text, services=[], mentions=[], goals=[], elements=dict.fromkeys(labelled().elements, False))
    [made] = afresh.with_elements([note], shipped())
    given = {name for name, there in made.elements.items() if there}
    assert "assessment" in given
    # What the labels show is the labels' matter.
    assert not given & {"activity", "duration", "goal"}
    asked = note.model_copy(update={"elements": {**note.elements, "progress": True}})
    assert afresh.with_elements([asked], shipped())[0].elements["progress"]


@pytest.mark.slow
@pytest.mark.parametrize("asked", [False, True])
def test_the_encoder_is_trained_anew_where_it_is_asked_for_and_kept_where_not(
    asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    notes = select(read_corpus(DATA), read_splits(DATA), "train")
    chosen = [n for n in notes if n.writer in ("writer_c", "writer_e", "writer_p", "writer_a") and n.pair is None]
    corpus, reviewed = chosen[:50], chosen[50:75]
    taught: list[int] = []

    def fitted(mine: list[LabelledNote], out: Path) -> None:
        """The long fit, left out: the shipped encoder in its place, and what it says of the very notes that were handed over."""
        taught.append(len(mine))
        out.mkdir()
        for name in (ENCODER_FILE, VOCABULARY_FILE):
            (out / name).write_bytes((shipped() / name).read_bytes() + (b"" if name == ENCODER_FILE else b"\n"))
        reader = Encoder.load(shipped() / ENCODER_FILE, shipped() / VOCABULARY_FILE)
        shown: list[LabelledNote] = [*mine, *relaid_notes(mine)]
        scores = dict(zip((n.id for n in shown), reader.scores([lesson(n).words for n in shown]), strict=True))
        np.savez(out / SCORES_FILE, **scores)  # type: ignore[arg-type]

    # The packages are asked for before the fit that stands in here needs none.
    monkeypatch.setattr(afresh, "can_train_encoder", lambda: True)
    monkeypatch.setattr(encoder, "run", fitted)
    made = retrain.retrain(corpus, reviewed, shipped(), tmp_path, told=lambda *_: None, encoder=asked)
    manifest = read_manifest(made)
    assert manifest.version.endswith("e" if asked else "r")
    assert (manifest.profile, manifest.learnt) == ("accurate", tuple(note.id for note in reviewed))
    assert taught == ([75] if asked else [])
    assert (sha256(made / VOCABULARY_FILE) != sha256(shipped() / VOCABULARY_FILE)) is asked
    # Figures of `accurate` are its own, or named as the base's.
    assert ("proposals_right" in manifest.scores) is asked
    assert ("base_proposals_right" in manifest.scores) is not asked
    assert set(Coder.load(made).readers) == {"accurate", "fast"}
    assert [path.name for path in tmp_path.iterdir()] == [manifest.version]


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception) -> dict[str, Any]:
    """The last line of the process where its work ends with an error."""

    def run(*_: Any, **__: Any) -> None:
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
