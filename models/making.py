"""Writing into the models folder: versions are made in hidden folders of it, and what keeps them from it is told by name."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import ModelsFolderError, ModelsFolderFull, ModelsFolderReadOnly

PREFIX = ".making-"
# Between making a folder and locking it passes a moment.
_YOUNG_SECONDS = 60.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Name what the system says while ``folder`` is written to.

    Raises
    ------
    ModelsFolderFull, ModelsFolderReadOnly, ModelsFolderError
        Its disk is full, it takes no writes, or something else is wrong with it.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ModelsFolderFull(str(folder)) from None
        if error.errno in _READ_ONLY:
            raise ModelsFolderReadOnly(str(folder)) from None
        raise ModelsFolderError(str(folder), error.strerror or type(error).__name__) from None


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Give an empty hidden folder in ``folder``, which goes when the block ends; those that a kill left behind go first.

    It is locked while its maker, or a child of it, lives: that is how others know.
    """
    tidy(folder)
    made = Path(tempfile.mkdtemp(dir=folder, prefix=PREFIX))
    try:
        lock = os.open(made, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield made
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def tidy(folder: Path) -> int:
    """Remove the folders of makers that are gone, and return how many there were."""
    return sum(_removed(path) for path in folder.glob(f"{PREFIX}*") if path.is_dir() and not path.is_symlink())


def _removed(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.time() - os.fstat(lock).st_mtime < _YOUNG_SECONDS:
            return False
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
