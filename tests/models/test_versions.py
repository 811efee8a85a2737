"""Which version serves: one pointer, replaced whole; what cannot be used is never pointed to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.errors import ModelsFolderFull, NothingToRollBack, UnknownVersion, UntrustedModel
from models.registry import CLASSIFIER_FILE, MANIFEST_FILE, shipped
from models.versions import POINTER, Versions

from .conftest import make_version


@pytest.fixture
def versions(versions_folder: Path) -> Versions:
    for name in ("v1", "v2"):
        make_version(versions_folder, name)
    return Versions(versions_folder)


def test_without_a_pointer_the_shipped_version_serves(versions: Versions):
    assert versions.current_path() == shipped()
    assert [known.version for known in versions.all()] == [versions.shipped.version, "v1", "v2"]


def test_there_and_back_again(versions: Versions):
    versions.promote("v1")
    assert versions.promote("v2").current.version == "v2"
    assert versions.current_path().name == "v2"
    assert versions.rollback().current.version == "v1"
    assert versions.rollback().current == versions.shipped
    assert versions.current_path() == shipped()
    with pytest.raises(NothingToRollBack):
        versions.rollback()


@pytest.mark.parametrize("version", ["v3", "", "..", "../models/v1", "v1/", "/", ".v1", "current.json"])
def test_only_names_of_versions_are_versions(versions: Versions, version: str):
    with pytest.raises(UnknownVersion):
        versions.promote(version)


def test_a_changed_file_is_never_promoted(versions: Versions):
    versions.promote("v1")
    with (versions.path("v2") / CLASSIFIER_FILE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(UntrustedModel, match="does not match its hash"):
        versions.promote("v2")
    assert versions.current().version == "v1"


def test_a_manifest_that_is_not_the_promoted_one_does_not_serve(versions: Versions):
    versions.promote("v1")
    path = versions.path("v1") / MANIFEST_FILE
    path.write_text(path.read_text().replace('"seed": ', '"seed":  '))
    with pytest.raises(UntrustedModel, match="not the one that was promoted"):
        versions.current_path()


def test_nobody_rolls_back_to_what_was_changed_meanwhile(versions: Versions):
    versions.promote("v1")
    versions.promote("v2")
    path = versions.path("v1") / MANIFEST_FILE
    path.write_text(path.read_text().replace('"seed": ', '"seed":  '))
    with pytest.raises(UntrustedModel, match="not the one that served before"):
        versions.rollback()
    assert versions.current().version == "v2"


def test_a_damaged_pointer_says_what_to_do(versions: Versions):
    versions.promote("v1")
    (versions.folder / POINTER).write_text("{")
    with pytest.raises(UntrustedModel, match="models promote"):
        versions.current()


def test_a_failed_replacement_leaves_the_old_pointer_and_nothing_else(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
):
    versions.promote("v1")
    before = sorted(path.name for path in versions.folder.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ModelsFolderFull, match="make room"):
        versions.promote("v2")
    monkeypatch.undo()
    assert versions.current().version == "v1"
    assert sorted(path.name for path in versions.folder.iterdir()) == before


def test_a_broken_version_is_not_listed(versions: Versions):
    (versions.folder / "v2" / MANIFEST_FILE).write_text("{}")
    assert [known.version for known in versions.all()] == [versions.shipped.version, "v1"]


def test_what_a_kill_left_over_goes_with_the_next_change(versions: Versions):
    versions.folder.mkdir(parents=True, exist_ok=True)
    old, young, other = (versions.folder / name for name in (f".{POINTER}.old", f".{POINTER}.young", ".made-elsewhere"))
    for path in (old, young, other):
        path.write_text("{", encoding="utf-8")
    for path in (old, other):
        os.utime(path, (0, 0))
    versions.restore(versions.pointer())
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)
    assert versions.tidy() == 0
