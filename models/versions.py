"""The versions that a machine has, and which of them serves: a folder a version, and one small file that names the current one.

The file (`POINTER`) is replaced as a whole, so that a reader sees the old version or the new one and never half of either.
Without it the version that came with the program serves. No version is deleted here.

Examples
--------
>>> import tempfile
>>> versions = Versions(Path(tempfile.mkdtemp()))
>>> versions.current() == versions.shipped, [known.version for known in versions.all()] == [versions.shipped.version]
(True, True)
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import NothingToRollBack, UnknownVersion, UntrustedModel
from models.making import writing_to
from models.registry import MANIFEST_FILE, read_manifest, sha256, shipped, stated

POINTER = "current.json"
# A pointer is written and put in its place within a moment; older ones are left over.
_LEFT_SECONDS = 60.0
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")


class Known(BaseModel):
    """A version and the hash of its manifest, which holds the hashes of all its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    manifest_sha256: str


class Pointer(BaseModel):
    """Which version serves, and those that did before, the latest last.

    ``change`` is whatever the one who made the last change needs to write it down, where a kill kept that from being done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    current: Known
    before: tuple[Known, ...]
    change: dict[str, str | None] | None = None


class Versions:
    """The versions under ``folder``, and the shipped one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def shipped(self) -> Known:
        """The version that came with the program."""
        return known(shipped())

    def path(self, version: str) -> Path:
        """Folder of a version.

        Raises
        ------
        UnknownVersion
            There is none of that name.
        """
        if _VERSION.fullmatch(version) is not None:
            if (self.folder / version / MANIFEST_FILE).is_file():
                return self.folder / version
            if version == self.shipped.version:
                return shipped()
        raise UnknownVersion(version)

    def all(self) -> list[Known]:
        """Every version that can be read, the shipped one first, the others by name; broken ones are left out."""
        found = {self.shipped.version: self.shipped}
        for path in sorted(self.folder.glob(f"*/{MANIFEST_FILE}")):
            try:
                each = known(path.parent)
            except UntrustedModel:
                continue
            if each.version == path.parent.name:
                found.setdefault(each.version, each)
        return list(found.values())

    def pointer(self) -> Pointer:
        """Which version serves and which did before.

        Raises
        ------
        UntrustedModel
            The file that says so is damaged.
        """
        path = self.folder / POINTER
        try:
            return Pointer.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Pointer(current=self.shipped, before=())
        except (ValidationError, OSError):
            raise UntrustedModel(str(path), "it names no version; run: therapy-coder models promote VERSION") from None

    def current(self) -> Known:
        """The version that serves; raises as `pointer` does."""
        return self.pointer().current

    def current_path(self) -> Path:
        """Folder of the version that serves.

        Raises
        ------
        UnknownVersion, UntrustedModel
            It is gone, or its manifest is not the one that was promoted.
        """
        wanted = self.current()
        path = self.path(wanted.version)
        if sha256(path / MANIFEST_FILE) != wanted.manifest_sha256:
            raise UntrustedModel(str(path), "its manifest is not the one that was promoted")
        return path

    def promote(self, version: str, *, change: dict[str, str | None] | None = None) -> Pointer:
        """Let a version serve; its files are compared with their hashes first, and ``change`` goes into the pointer.

        Raises
        ------
        UnknownVersion, UntrustedModel
            There is none of that name, or it cannot be used; the current one goes on.
        ModelsFolderError
            The folder cannot be written to; the current one goes on.
        """
        path = self.path(version)
        read_manifest(path)
        before = self.pointer()
        return self._point(Pointer(current=known(path), before=(*before.before, before.current), change=change))

    def rollback(self, *, change: dict[str, str | None] | None = None) -> Pointer:
        """Let the version serve again that served before the current one; ``change`` goes into the pointer.

        Raises
        ------
        NothingToRollBack
            None did.
        UnknownVersion, UntrustedModel
            It is gone or was changed; the current one goes on.
        ModelsFolderError
            The folder cannot be written to; the current one goes on.
        """
        now = self.pointer()
        if not now.before:
            raise NothingToRollBack(now.current.version)
        *earlier, back = now.before
        path = self.path(back.version)
        read_manifest(path)
        if known(path) != back:
            raise UntrustedModel(str(path), "its manifest is not the one that served before")
        return self._point(Pointer(current=back, before=tuple(earlier), change=change))

    def restore(self, pointer: Pointer) -> None:
        """Put back what `pointer` said before a change that could not be written down."""
        self._point(pointer)

    def tidy(self) -> int:
        """Remove pointers that a kill kept from being put in their place, and return how many; young ones may yet be put there."""
        before = time.time() - _LEFT_SECONDS
        removed = 0
        for path in self.folder.glob(f".{POINTER}.*"):
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        return removed

    def _point(self, pointer: Pointer) -> Pointer:
        with writing_to(self.folder):
            self._replace(pointer)
        return pointer

    def _replace(self, pointer: Pointer) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.tidy()
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=f".{POINTER}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(pointer.model_dump(mode="json"), file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.folder / POINTER)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        directory = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def known(folder: Path) -> Known:
    """What identifies the version in ``folder``; its files are not looked at.

    Raises
    ------
    UntrustedModel
        It has no manifest of this program.
    """
    return Known(version=stated(folder).version, manifest_sha256=sha256(folder / MANIFEST_FILE))
