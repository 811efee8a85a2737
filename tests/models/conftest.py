"""Versions made of the shipped model's linear half: small enough to copy in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest

from models.registry import CLASSIFIER_FILE, MODEL_FILES, read_manifest, save, shipped

MakeVersion = Callable[..., Path]


def make_version(folder: Path, version: str, *, classifier: dict[str, Any] | None = None, **told: Any) -> Path:
    """A version with the ``fast`` profile alone; its classifier, and what its manifest tells, may be another one."""
    parts = folder / f".parts-{version}"
    parts.mkdir(parents=True)
    for name in MODEL_FILES:
        (parts / name).write_bytes((shipped() / name).read_bytes())
    if classifier is not None:
        joblib.dump(classifier, parts / CLASSIFIER_FILE)
    manifest = read_manifest(shipped()).model_dump(exclude={"format", "files"})
    save(folder / version, parts=parts, manifest=manifest | {"version": version, "profile": "fast"} | told)
    for path in parts.iterdir():
        path.unlink()
    parts.rmdir()
    return folder / version


@pytest.fixture
def versions_folder(tmp_path: Path) -> Path:
    return tmp_path / "models"
