"""The README is true: its example prints what it says, and the commands that it names exist."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from typer.main import get_command

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n+(?:[^`\n][^\n]*\n+)?```text\n(.*?)```", TEXT, flags=re.DOTALL)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE)


def subcommands() -> set[str]:
    """Every command, those of a group with its name: ``data stats``."""
    from api.cli import app

    found = set()
    for name, command in get_command(app).commands.items():
        found |= {f"{name} {inner}" for inner in getattr(command, "commands", ())} or {name}
    return found


def test_every_python_block_has_its_output():
    assert len(EXAMPLES) == TEXT.count("```python\n") > 0


@pytest.mark.parametrize(("code", "expected"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_print_what_they_say(code: str, expected: str):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {})
    assert output.getvalue() == expected


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, flags=re.MULTILINE))))
def test_make_targets_exist(target: str):
    assert target in TARGETS


def test_the_two_commands_are_named():
    assert {"run", "test"} <= set(re.findall(r"^make ([a-z-]+)", TEXT, flags=re.MULTILINE))


def test_commands_are_those_of_the_command_line():
    assert set(re.findall(r"^\| `therapy-coder ([a-z]+(?: [a-z][a-z-]*)?)", TEXT, flags=re.MULTILINE)) == subcommands()


def test_each_make_target_has_a_line_of_help():
    documented = set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, flags=re.MULTILINE))
    assert documented == set(TARGETS) - {"install-dev"}
    assert {
        "install",
        "run",
        "test",
        "test-slow",
        "code",
        "format",
        "lint",
        "types",
        "bench",
        "train",
        "evaluate",
    } <= documented


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "DECISIONS.md"])
def test_files_that_the_documents_name_exist(document: str):
    named = re.findall(
        r"`((?:nlp|models|api|training_data|tests|notebooks)/[\w./*]+)`", (ROOT / document).read_text("utf-8")
    )
    assert named
    assert [path for path in named if not list(ROOT.glob(path))] == []


def test_notice_names_every_package_of_the_lock():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    packages = set(re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE))
    assert packages == set(re.findall(r"^([a-z0-9-]+) {2,}\S", notice, flags=re.MULTILINE))


def test_the_run_time_lock_is_part_of_the_other_one():
    run_time, tools = (
        set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert run_time < tools
