"""The house: directions of imports, empty ``__init__`` files, and what must not stand in code or in any file."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("nlp", "models", "api")
CODE_FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEADLINE = {"97110", "97530"}

# Level I numbers of physical medicine (97010-97799 and the tests 95851-95852, 96000 and up) and level II letters as therapy
# uses them, standing alone or inside a longer text.
CODE_NUMBER = re.compile(r"(?<![\w.])(?:9[5-9]\d{3}|[GS][089]\d{3})(?![\w.]*\d)")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def by_path(paths: list[Path]) -> list:
    return [pytest.param(path, id=relative(path)) for path in paths]


def docstrings(tree: ast.AST) -> set[int]:
    """Ids of the nodes that are docstrings: they explain and hold examples, nothing reads them."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr):
            found.add(id(node.body[0].value))
    return found


def code_numbers(source: str) -> Iterator[str]:
    """Every billing code number in the literals of ``source``, docstrings aside."""
    tree = ast.parse(source)
    skipped = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int) and id(node) not in skipped:
            yield from CODE_NUMBER.findall(str(node.value))


def printers(source: str) -> list[int]:
    """Lines that call ``print``."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def tracked_files() -> list[Path]:
    """Files that are, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return [path for name in answer.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_imports_go_one_way():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_there_are_code_files():
    assert len(CODE_FILES) > 20
    assert {relative(path).split("/")[0] for path in CODE_FILES} == set(PACKAGES)


@pytest.mark.parametrize("path", by_path([p for p in CODE_FILES if p.name == "__init__.py"]))
def test_init_files_hold_a_docstring_alone(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


@pytest.mark.parametrize("path", by_path([p.parent for p in CODE_FILES]))
def test_each_folder_of_code_is_a_package(path: Path):
    assert (path / "__init__.py").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package: str):
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize("path", by_path(CODE_FILES))
def test_billing_codes_stand_in_data_files(path: Path):
    """The two headline codes are labels in models and api; every other number is data, and nlp knows none at all."""
    allowed = set() if relative(path).startswith("nlp/") else HEADLINE
    found = set(code_numbers(path.read_text(encoding="utf-8")))
    assert found <= allowed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = '97140'", ["97140"]),
        ("x = 97140", ["97140"]),
        ("x = f'{n} of 97112'", ["97112"]),
        ("x = 'G0283 unattended'", ["G0283"]),
        ("x = 'see 97110, 97530'", ["97110", "97530"]),
        ("'''About 97140.'''\nx = 1", []),
        ("def f():\n    'About 97140.'\n    return 1", []),
        ("x = 250_000", []),
        ("x = 'abc971400'", []),
        ("x = 97.140", []),
        ("x = '2026-97140.5'", []),
    ],
)
def test_the_code_number_check_sees_and_spares(source: str, expected: list[str]):
    assert list(code_numbers(source)) == expected


@pytest.mark.parametrize("path", by_path(CODE_FILES))
def test_only_commands_print(path: Path):
    if relative(path) == "api/cli.py" or relative(path).startswith("models/training/"):
        return
    assert printers(path.read_text(encoding="utf-8")) == []


def test_the_print_check_sees_and_spares():
    assert printers("x = 1\nprint(x)\n") == [2]
    assert printers("'print(x)'\nconsole.print(x)\nprinter(x)\n") == []


# Written in parts, so that this file does not find itself.
FORBIDDEN = {
    "package registry": re.compile(
        "|".join(
            [
                "py" + r"pi\.org",
                "python" + "hosted",
                "npm" + r"js\.(?:org|com)",
                "ana" + r"conda\.org",
                r"\S+/sim" + "ple/",
            ]
        )
    ),
    "index address": re.compile(r"(?<!emit-)ind" + r"ex-url\s*[=\s]\s*\S*/"),
    "machine path": re.compile(r"(?<![\w.~-])/(?:wo" + "rk|ro" + "ot|ho" + "me|Us" + "ers|o" + r"pt)/\w"),
    "credentials in an address": re.compile(r"\w+://[^\s/'\"@]+:[^\s/'\"@]+@"),
}


def test_no_registry_address_and_no_machine_path_in_any_file():
    found = []
    for path in tracked_files():
        if b"\0" in (data := path.read_bytes()):
            continue
        text = data.decode("utf-8")
        found += [f"{relative(path)}: {what}" for what, pattern in FORBIDDEN.items() if pattern.search(text)]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text", "expected"),
    [
        ("package registry", "from https://py" + "pi.org/x", True),
        ("package registry", "PyPI serves the wheels", False),
        ("index address", "--extra-ind" + "ex-url https://host/x", True),
        ("index address", "--no-emit-index-url --output-file x", False),
        ("machine path", "open('/wo" + "rk/main')", True),
        ("machine path", "lift overhead/work/home tasks", False),
        ("machine path", "training_data/notes", False),
        ("credentials in an address", "https://me:secret" + "@host/", True),
        ("credentials in an address", "http://127.0.0.1:8000/", False),
    ],
)
def test_the_address_check_sees_and_spares(what: str, text: str, expected: bool):
    assert (FORBIDDEN[what].search(text) is not None) is expected


def test_top_level_folders_stay_six():
    folders = {relative(path).split("/")[0] for path in tracked_files() if "/" in relative(path)}
    assert {name for name in folders if not name.startswith(".")} == {
        "api", "models", "nlp", "notebooks", "tests", "training_data",
    }  # fmt: skip
