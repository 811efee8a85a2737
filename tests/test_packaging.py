"""What is built and installed: the wheel's content, and a note coded from it offline, in an empty environment."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("nlp", "models", "api")
NOTE = "O: Ther ex x 15 min: bridging 3x10, heel raises BLE. Plan: stairs next visit. STG: climb 12 steps in 4 wks"

# Imported by a .pth file at start (Debian's Python has a sitecustomize of its own): every connection fails.
NO_NETWORK = """
import socket

def refuse(self, address):
    raise OSError("the network is off in this test")

socket.socket.connect = socket.socket.connect_ex = refuse
"""


def run(*command: str | Path, cwd: Path, text: str | None = None) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    answer = subprocess.run(command, cwd=cwd, input=text, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=ROOT)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment that holds the wheel and what it asks for, and cannot reach the network."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    run(folder / "bin" / "pip", "install", "--quiet", wheel, cwd=folder.parent)
    [site] = folder.glob("lib/python3.*/site-packages")
    (site / "no_network.py").write_text(NO_NETWORK, encoding="utf-8")
    (site / "no_network.pth").write_text("import no_network\n", encoding="utf-8")
    return folder / "bin"


@pytest.mark.slow
def test_top_level_names(names: set[str]):
    assert {PurePosixPath(name).parts[0] for name in names} == {
        "nlp", "models", "api", "therapy_coder.py", "therapy_coder-0.1.0.dist-info",
    }  # fmt: skip


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_the_wheel(names: set[str]):
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"nlp/lexicons/activities.toml", "models/shipped/manifest.json", "api/py.typed"} <= sources
    assert {name for name in names if name.split("/")[0] in PACKAGES} == sources


@pytest.mark.slow
def test_licence_and_notices_are_in_the_wheel(names: set[str]):
    licences = {PurePosixPath(name).name for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}


@pytest.mark.slow
def test_the_network_is_off(environment: Path, tmp_path: Path):
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    answer = subprocess.run(
        [environment / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "the network is off in this test" in answer.stderr


@pytest.mark.slow
def test_the_command_codes_a_note(environment: Path, tmp_path: Path):
    summary = run(environment / "therapy-coder", "code", "-", cwd=tmp_path, text=NOTE)
    assert "97110" in summary
    result = json.loads(run(environment / "therapy-coder", "code", "-", "--json", cwd=tmp_path, text=NOTE))
    assert result["minutes"] == {"97110": 15}


@pytest.mark.slow
def test_the_python_name_codes_a_note(environment: Path, tmp_path: Path):
    code = (
        "import sys, therapy_coder; from therapy_coder import Coder; "
        "print(therapy_coder.__file__); print(Coder.load().code(sys.stdin.read()).minutes)"
    )
    place, minutes = run(environment / "python", "-c", code, cwd=tmp_path, text=NOTE).splitlines()
    assert Path(place).is_relative_to(environment.parent)
    assert minutes == "{'97110': 15}"
