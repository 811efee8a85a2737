"""The command line: exit statuses, what is printed where, and a server that answers."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import MAX_BYTES, app
from api.main import create_app
from api.settings import Settings
from models.coder import Coder
from models.note import USUAL_RISK
from models.result import Result
from nlp.pipeline import MAX_CHARACTERS

from .conftest import SENTINEL, Client

runner = CliRunner()
DISCLAIMER = "Suggestion for review; nothing is billed."


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("O: bridging", encoding="utf-8")
    return path


@pytest.mark.usefixtures("fake_load")
class TestCode:
    def test_summary(self, note: Path) -> None:
        ran = runner.invoke(app, ["code", str(note), "--note-id", "n1"])
        assert ran.exit_code == 0
        assert ran.stdout.startswith("97110 therapeutic exercise, sure (90 %): suggested   [n1]\n")
        assert ran.stdout.rstrip().endswith(DISCLAIMER)
        assert "Model fake, rules fake." in " ".join(ran.stdout.split())
        assert "\x1b" not in ran.stdout
        assert all(len(line) < 81 for line in ran.stdout.splitlines())

    def test_json_is_the_result(self, note: Path) -> None:
        ran = runner.invoke(
            app, ["code", str(note), "--json", "--policy", "cms_8_minute", "--profile", "fast", "--discipline", "OT"]
        )
        result = Result.model_validate_json(ran.stdout)
        assert (result.policy, result.model.profile, result.services[0].start) == ("cms_8_minute", "fast", 3)

    def test_the_stated_risk_reaches_the_coder(self, note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[int] = []
        load = Coder.load
        monkeypatch.setattr(Coder, "load", lambda path=None, **given: (asked.append(given["risk"]), load(path))[1])
        lines = note.with_name("in.jsonl")
        lines.write_text('{"note_id": "n", "text": "bridging"}\n')
        for command in (["code", str(note)], ["batch", str(lines), str(note.with_name("out.jsonl"))]):
            assert [runner.invoke(app, [*command, *more]).exit_code for more in ([], ["--risk", "1"])] == [0, 0]
            assert asked == [USUAL_RISK, 1]
            asked.clear()
        with Client(create_app(Settings(risk=5))):
            assert asked == [5]
        assert runner.invoke(app, ["code", str(note), "--risk", "3"]).exit_code == 2

    def test_standard_input_keeps_every_character(self) -> None:
        ran = runner.invoke(app, ["code", "-", "--json"], input="\r\n😀 bridging".encode())
        assert Result.model_validate_json(ran.stdout).services[0].start == 4

    def test_a_note_of_blanks_gives_a_result_that_says_so(self) -> None:
        ran = runner.invoke(app, ["code", "-"], input=" \n")
        assert ran.exit_code == 0
        assert ran.stdout.startswith("No 97110 or 97530 work found")
        assert "None found." in ran.stdout

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b"\x7fELF\0\0", "is not a text file"),
            (b"caf\xe9 bridging", "is not UTF-8 text (byte 3)"),
            (b"x" * (MAX_CHARACTERS + 1), "limit is"),
            (b"x" * (MAX_BYTES + 1), "too long"),
            (None, "cannot be read: no such file"),
        ],
    )
    def test_bad_input_is_one_clear_line(self, tmp_path: Path, content: bytes | None, said: str) -> None:
        path = tmp_path / "bad.txt"
        if content is not None:
            path.write_bytes(content)
        ran = runner.invoke(app, ["code", str(path)])
        assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
        assert said in ran.stderr

    def test_a_folder_is_no_note(self, tmp_path: Path) -> None:
        assert runner.invoke(app, ["code", str(tmp_path)]).exit_code == 2

    def test_wrong_usage(self, note: Path) -> None:
        assert runner.invoke(app, ["code", str(note), "--policy", "none"]).exit_code == 2
        assert runner.invoke(app, ["code"]).exit_code == 2

    def test_a_refused_model(self, note: Path) -> None:
        ran = runner.invoke(app, ["code", str(note), "--model", "refused"])
        assert (ran.exit_code, ran.stderr.count("\n")) == (3, 1)

    def test_nothing_of_the_note_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        ran = runner.invoke(app, ["code", "-"], input=f"{SENTINEL} bridging")
        assert ran.exit_code == 0
        assert SENTINEL not in caplog.text + ran.stderr


@pytest.mark.usefixtures("fake_load")
class TestBatch:
    @pytest.mark.parametrize(("second", "status"), [('{"text": "bridging"}', 0), ('{"text": 1}', 1)])
    def test_status_tells_whether_a_line_failed(self, tmp_path: Path, second: str, status: int) -> None:
        source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        source.write_text('{"note_id": "a", "text": "bridging"}\n' + second + "\n")
        ran = runner.invoke(app, ["batch", str(source), str(target), "--policy", "ama_midpoint"])
        assert (ran.exit_code, ran.stdout) == (status, "")
        assert f"2 lines: {2 - status} coded, {status} errors." in ran.stderr
        first = json.loads(target.read_text().splitlines()[0])
        assert (first["note_id"], first["policy"]) == ("a", "ama_midpoint")

    def test_no_input_or_no_place_for_the_output(self, tmp_path: Path) -> None:
        source = tmp_path / "in.jsonl"
        source.write_text("{}\n")
        for arguments in (
            [str(tmp_path / "no"), "out"],
            [str(source), str(source)],
            [str(source), str(tmp_path / "no" / "out")],
            [str(source), str(tmp_path)],
        ):
            ran = runner.invoke(app, ["batch", *arguments])
            assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1)
        assert source.read_text() == "{}\n"


class TestServe:
    def test_other_computers_are_let_in_only_on_purpose(self) -> None:
        ran = runner.invoke(app, ["serve", "--host", "0.0.0.0"])
        assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1)
        assert "--allow-remote" in ran.stderr

    @pytest.mark.parametrize("proxy", [False, True])
    def test_other_computers_need_tls_and_accounts(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake_load: None, proxy: bool
    ) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        if proxy:
            monkeypatch.setenv("THERAPY_CODER_TLS_PROXY", "127.0.0.1")
        arguments = ["serve", "--port", "0", *([] if proxy else ["--host", "0.0.0.0", "--allow-remote"])]
        ran = runner.invoke(app, arguments)
        assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1)
        assert ("therapy-coder people add" if proxy else "THERAPY_CODER_TLS_CERT") in ran.stderr
        monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", "none")
        assert runner.invoke(app, arguments).exit_code == 2

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"TLS_CERT": "cert.pem"}, "go together"),
            ({"TLS_CERT": "no.pem", "TLS_KEY": "cert.pem"}, "cannot be read"),
            ({"TLS_CERT": "cert.pem", "TLS_KEY": "cert.pem"}, "are no certificate"),
            ({"TLS_PROXY": "everybody"}, "addresses such as"),
            ({"TLS_PROXY": "10.0.0.7/24"}, "addresses such as"),
            ({"DATABASE_URL": "sqlite:////dev/null/x.sqlite3"}, "cannot be reached"),
        ],
    )
    def test_what_cannot_be_used_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake_load: None, settings: dict[str, str], said: str
    ) -> None:
        (tmp_path / "cert.pem").write_text("no certificate")
        monkeypatch.chdir(tmp_path)
        for name, value in settings.items():
            monkeypatch.setenv(f"THERAPY_CODER_{name}", value)
        ran = runner.invoke(app, ["serve", "--port", "0"])
        assert ran.exit_code in {2, 4}
        assert ran.stderr.count("\n") == 1
        assert said in ran.stderr

    def test_a_taken_port_is_told(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            ran = runner.invoke(app, ["serve", "--port", str(taken.getsockname()[1])])
        assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1)
        assert "is taken" in ran.stderr

    @pytest.mark.parametrize(("told", "risk"), [("1", 1), ("5", 5)])
    def test_the_stated_risk_is_a_setting(self, monkeypatch: pytest.MonkeyPatch, told: str, risk: int) -> None:
        monkeypatch.setenv("THERAPY_CODER_RISK", told)
        assert Settings().risk == risk

    @pytest.mark.parametrize("told", ["3", "", "one", "0.05"])
    def test_another_risk_is_refused(self, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
        monkeypatch.setenv("THERAPY_CODER_RISK", told)
        ran = runner.invoke(app, ["serve", "--port", "0"])
        assert ran.exit_code == 2
        assert "THERAPY_CODER_RISK" in ran.stderr

    def test_a_wrong_setting_stops_the_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("THERAPY_CODER_PORT", "http")
        ran = runner.invoke(app, ["serve"])
        assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1)
        assert "THERAPY_CODER_PORT" in ran.stderr

    @pytest.mark.usefixtures("fake_load")
    def test_a_refused_model(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("THERAPY_CODER_MODEL_PATH", "refused")
        assert runner.invoke(app, ["serve", "--port", "0"]).exit_code == 3

    def test_without_the_version_that_should_serve_it_waits_for_it(self, models_folder: Path) -> None:
        models_folder.mkdir()
        pointer = {"current": {"version": "v9", "manifest_sha256": "0" * 64}, "before": []}
        (models_folder / "current.json").write_text(json.dumps(pointer), encoding="utf-8")
        with serving(THERAPY_CODER_DATABASE_URL="none") as (server, address):
            assert server.stderr is not None
            assert "models rollback" in server.stderr.readline()
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{address}/readyz")
            assert (refused.value.code, refused.value.headers["retry-after"]) == (503, "60")
            refused.value.close()
            (models_folder / "current.json").unlink()
            assert _until_ready(address)
            assert post(address, "/v1/suggestions", NOTE)["minutes"] == {"97110": 15}
            server.terminate()
            server.communicate(timeout=20)

    def test_without_a_database_it_prints_its_address_alone_and_answers(self) -> None:
        with serving(THERAPY_CODER_DATABASE_URL="none") as (server, address):
            assert post(address, "/v1/suggestions", NOTE)["minutes"] == {"97110": 15}
            server.terminate()
            assert server.communicate(timeout=20) == ("", "")

    def test_a_first_run(self, tmp_path: Path) -> None:
        with serving(XDG_DATA_HOME=str(tmp_path)) as (server, address):
            assert server.stderr is not None
            page, _, secret = server.stderr.readline().split()[-1].partition("#")
            assert page == f"{address}/sign-in"
            assert post(address, "/v1/suggestions", NOTE)["minutes"] == {"97110": 15}
            assert post(address, "/v1/sign-in/link", {"secret": secret})["role"] == "admin"
            with pytest.raises(urllib.error.HTTPError) as refused:
                post(address, "/v1/suggestions", NOTE)
            assert refused.value.code == 401
            refused.value.close()
            server.terminate()
            assert server.communicate(timeout=20) == ("", "")
        [file] = (tmp_path / "therapy-coder").glob("*.sqlite3")
        assert file.stat().st_mode & 0o077 == 0

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
    def test_tls(self, tmp_path: Path) -> None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
        trusted = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        files = {
            "THERAPY_CODER_TLS_CERT": str(tmp_path / "cert.pem"),
            "THERAPY_CODER_TLS_KEY": str(tmp_path / "key.pem"),
        }
        with serving(XDG_DATA_HOME=str(tmp_path), **files) as (server, address):
            assert address.startswith("https://")
            assert server.stderr is not None
            secret = server.stderr.readline().partition("#")[2].strip()
            request = urllib.request.Request(
                f"{address}/v1/sign-in/link",
                json.dumps({"secret": secret}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, context=trusted) as answer:
                assert answer.headers["set-cookie"].startswith("__Host-therapy-coder=")
                assert "; Secure" in answer.headers["set-cookie"]
                assert answer.headers["strict-transport-security"] == "max-age=31536000"
            server.terminate()
            server.communicate(timeout=20)


NOTE = {"text": f"O: Ther ex x 15 min: bridging 3x10 {SENTINEL}"}


@contextmanager
def serving(**environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", "from api.cli import app; app()", "serve", "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": root, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield server, server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def _until_ready(address: str) -> bool:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/readyz") as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            error.close()
        time.sleep(0.2)
    return False


def post(address: str, path: str, body: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sealed"], "--sealed needs --reason"),
        (["--sealed", "--reason", "  "], "--sealed needs --reason"),
        (["--reason", "curious"], "--reason goes with --sealed"),
        (["--writer", "writer_z"], "--writer goes with --sealed"),
        (["--split", "sealed"], None),
        (["--sealed", "--reason", "test"], "no note is in sealed"),
    ],
)
def test_sealed_notes_are_opened_on_purpose_only(tmp_path: Path, arguments: list[str], said: str | None) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "splits.csv").write_text("id,split\n", encoding="utf-8")
    ran = runner.invoke(app, ["evaluate", "--data", str(tmp_path), *arguments])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert (said or "is not one of") in ran.stderr
    assert not (tmp_path / "sealed_openings.csv").exists()


def test_starting_reads_nothing_heavy() -> None:
    code = "import sys; from api.cli import app; print(sorted({'spacy', 'sklearn', 'fastapi', 'numpy', 'uvicorn'} & set(sys.modules)))"
    root = str(Path(__file__).parents[2])
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"


def test_help_tells_the_exit_statuses() -> None:
    data = [["data", name] for name in ("validate", "stats", "export", "import", "agreement")]
    for command in ([], ["code"], ["batch"], ["serve"], ["train"], ["evaluate"], ["data"], *data):
        ran = runner.invoke(app, [*command, "--help"])
        assert ran.exit_code == 0
        assert "Exit status" in ran.stdout


@pytest.mark.parametrize("field", ["activities", "goals", "note_id"])
def test_the_summary_never_steers_the_terminal_nor_reads_markup(field: str) -> None:
    import io

    from rich.console import Console

    from api.summary import show

    from .conftest import FakeCoder

    result = FakeCoder().code("bridging")
    text = "[red]x[/red]\x1b[31m\x07y\x9b"
    span = {"start": 0, "end": 1, "text": text}
    raw = result.model_dump()
    if field == "note_id":
        raw["note_id"] = text
    elif field == "goals":
        raw["goals"] = [span]
    else:
        raw["services"][0]["activities"] = [span]
    printed = io.StringIO()
    show(Console(file=printed, width=80), Result.model_validate(raw))
    assert "[red]x[/red]" in printed.getvalue()
    assert not {"\x1b", "\x07", "\x9b"} & set(printed.getvalue())


def test_the_real_summary_fits_eighty_columns(real_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.words import words

    monkeypatch.setattr(Coder, "load", lambda *_, **__: real_coder)
    ran = runner.invoke(
        app, ["code", "-"], input=words()["example"]["note"] + "\n[red]" + "\x1b[31m bridging 3x10 " * 3
    )
    assert ran.exit_code == 0
    assert "\x1b" not in ran.stdout
    assert all(len(line) < 81 for line in ran.stdout.splitlines())
    assert DISCLAIMER in ran.stdout
