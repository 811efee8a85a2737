"""Making a version: what is told where the folder takes no writes, and what a kill leaves behind."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import ModelsFolderError, ModelsFolderFull, ModelsFolderReadOnly
from models.making import PREFIX, making, tidy, writing_to

# Makes a folder in the one that is named, says so, and waits.
MAKER = """
import sys, time
from pathlib import Path
from models.making import making
with making(Path(sys.argv[1])) as made:
    (made / "part").write_text("half")
    print(made, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, ModelsFolderFull),
        (errno.EDQUOT, ModelsFolderFull),
        (errno.EROFS, ModelsFolderReadOnly),
        (errno.EACCES, ModelsFolderReadOnly),
        (errno.EIO, ModelsFolderError),
    ],
)
def test_what_the_system_says_gets_a_name(tmp_path: Path, number: int, error: type[ModelsFolderError]):
    with pytest.raises(ModelsFolderError, match="The version that serves goes on") as found, writing_to(tmp_path):
        raise OSError(number, os.strerror(number))
    assert type(found.value) is error


def test_what_is_made_is_there_meanwhile_alone(tmp_path: Path):
    with making(tmp_path) as made:
        assert list(tmp_path.iterdir()) == [made]
        assert made.name.startswith(PREFIX)
    with pytest.raises(KeyError), making(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def aged(path: Path) -> None:
    os.utime(path, (0, 0))


def test_what_a_killed_maker_left_goes_and_what_a_living_one_makes_stays(tmp_path: Path):
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        )
        for _ in range(2)
    ]
    try:
        for maker in makers:
            assert maker.stdout is not None
            aged(Path(maker.stdout.readline().strip()))
        assert tidy(tmp_path) == 0
        makers[0].kill()
        makers[0].wait(30)
        assert tidy(tmp_path) == 1
        [left] = tmp_path.iterdir()
        assert (left / "part").read_text() == "half"
    finally:
        for maker in makers:
            maker.kill()
            maker.communicate(timeout=30)
    # The next one to make anything takes the rest away.
    with making(tmp_path) as made:
        assert list(tmp_path.iterdir()) == [made]


def test_only_folders_of_makers_go_and_young_ones_may_not_be_locked_yet(tmp_path: Path):
    young, other, link = tmp_path / f"{PREFIX}young", tmp_path / "v1", tmp_path / f"{PREFIX}link"
    for path in (young, other):
        path.mkdir()
    link.symlink_to(other)
    aged(other)
    assert tidy(tmp_path) == 0
    aged(young)
    assert tidy(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [link.name, "v1"]
    shutil.rmtree(other)
