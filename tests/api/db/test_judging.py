"""The command that judges a version: on which reviewed notes it is measured."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql
from typer.testing import CliRunner

from api.audit import SYSTEM
from api.cli import app
from api.db import learning
from api.db.session import Database
from models import gate
from models.coder import Coder
from models.registry import MANIFEST_FILE, sha256
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.versions import Versions

from ...models.conftest import make_version
from .reviewing import write_corpus

DATA = Path(__file__).parents[3] / "training_data"
AddPerson = Callable[..., uuid.UUID]
AddReview = Callable[..., uuid.UUID]
NOTES, HELD = 30, 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty training notes and two development notes."""
    everything, splits = read_corpus(DATA), read_splits(DATA)
    parts = {name: [n for n in select(everything, splits, name) if n.pair is None] for name in ("train", "development")}
    return write_corpus(tmp_path_factory.mktemp("corpus"), parts["train"][:40], parts["development"][:2])


@pytest.fixture
def reviewed(database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview) -> list[str]:
    """Ids of reviewed notes in the order of the export; the last few have minutes that the guard holds."""
    ana = add_person(clinic)
    for number in range(NOTES):
        minutes = 130 if number >= NOTES - HELD else 15
        service = {"start": 3, "end": 11, "code": "97110", "other_code": None, "minutes": minutes, "activities": [{"start": 3, "end": 11}]}  # fmt: skip
        # Words of their own: notes that share them would pass for copies.
        own = f"{chr(97 + number // 10)}{chr(97 + number % 10)}"
        words = f"O: bridging {own}one {own}two {own}three, then rest"
        review(ana, words, {"kind": "correct", "services": [service], "mentions": [], "goals": []})
    with database.reading() as session:
        found = session.execute(sql("SELECT note_id FROM reviews ORDER BY created_at")).scalars().all()
    return [str(uuid.UUID(str(each))) for each in found]


@pytest.fixture
def measured(
    database: Database,
    reviewed: list[str],
    corpus: Path,
    models_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], set[str]]:
    """Judges a version with the command, and returns the ids of the reviewed notes that it was measured on."""
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("THERAPY_CODER_TRAINING_DATA", str(corpus))
    seen: list[set[str]] = []

    def judge(candidate: Path, current: Coder, frozen: Any, notes: Sequence[LabelledNote], known: Any) -> gate.Verdict:
        seen.append({note.id for note in notes})
        return gate.Verdict(candidate.name, current.version, sha256(candidate / MANIFEST_FILE), ())

    monkeypatch.setattr(gate, "judge_candidate", judge)

    def run(version: str) -> set[str]:
        answer = CliRunner().invoke(app, ("models", "gate", version, "--json"))
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout)["candidate"] == version
        return seen.pop()

    return run


def test_the_gate_measures_on_what_the_guard_keeps_and_nobody_learnt(
    measured: Callable[[str], set[str]],
    database: Database,
    clinic: uuid.UUID,
    reviewed: list[str],
    models_folder: Path,
):
    make_version(models_folder, "v0")
    Versions(models_folder).promote("v0")
    make_version(models_folder, "v1")
    held = set(reviewed[-HELD:])
    latest = measured("v1")
    assert len(latest) == (NOTES - HELD) // 5
    assert not latest & held
    # What the candidate learnt from, and what the version that serves did, measures neither.
    mine, theirs = sorted(latest)[:2]
    make_version(models_folder, "v2", learnt=(mine,))
    make_version(models_folder, "v3", learnt=(theirs,))
    assert measured("v2") == latest - {mine}
    Versions(models_folder).promote("v3")
    assert measured("v2") == latest - {mine, theirs}
    # What a trainer released measures as well.
    with database.writing() as session:
        for each in session.execute(sql("SELECT id, note_id FROM reviews")).all():
            if str(uuid.UUID(str(each.note_id))) in held:
                learning.release_label(session, clinic, uuid.UUID(str(each.id)), by=SYSTEM)
    Versions(models_folder).promote("v0")
    assert len(measured("v1")) == NOTES // 5
