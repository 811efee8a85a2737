"""The documentation audit and the search for copied notes from outside: commands and HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.main import create_app
from api.settings import Settings
from models.coder import Coder

from .conftest import SENTINEL, Client

runner = CliRunner()
NOTE = (
    "TherEx 23 min: SLR 3x10, clamshells, vc for pelvis position.\n"
    f"TA 20 min: sit to stand from low chair x 10, carrying laundry basket 30 ft. {SENTINEL}\nTolerated tx well.\n"
    "LTG: increase strength. STG: carry laundry upstairs independently in 6 wks - goal met"
)


@pytest.fixture
def note(tmp_path: Path, real_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Coder, "load", lambda *_, **__: real_coder)
    path = tmp_path / "note.txt"
    path.write_text(NOTE, encoding="utf-8")
    return str(path)


class TestDocument:
    def test_it_says_what_is_there_and_what_is_missing(self, note: str, real_coder: Coder) -> None:
        ran = runner.invoke(app, ["document", note])
        assert ran.exit_code == 0
        lines = [line.rstrip() for line in ran.stdout.splitlines()]
        assert all(len(line) < 81 for line in lines)
        done = real_coder.audit(NOTE)
        assert lines[0] == f"Documentation: {done.score} of 100"
        for said in (
            '+ activities named one by one: "SLR", "clamshells"',
            'Write "Total timed 43 min".',
            "! This goal is said to be met",
            '"increase strength" - vague',
            '! "Tolerated tx well"',
            "must, not confirmed: treatment_note.date",
            "Write only what happened.",
        ):
            assert said in ran.stdout

    def test_json_is_the_python_result(self, note: str, real_coder: Coder) -> None:
        said = json.loads(runner.invoke(app, ["document", note, "--json", "--date", "2026-03-02"]).stdout)
        assert said["score"] > (real_coder.audit(NOTE).score or 0)
        assert [service["code"] for service in said["services"]] == ["97110", "97530"]
        assert said["goals"][0]["parts"][0].keys() == {"id", "name", "span", "add"}

    def test_a_payer_changes_what_applies(self, tmp_path: Path, note: str) -> None:
        text = "TA: sit to stand from low chair x 10.\nTher ex: SLR 3x10.\nTotal timed 35 min"
        Path(note).write_text(text, encoding="utf-8")
        states = []
        for payer in ((), ("--payer", "medicare")):
            said = json.loads(runner.invoke(app, ["document", note, "--json", *payer]).stdout)
            states.append([i["state"] for s in said["services"] for i in s["items"] if i["id"] == "service.minutes"])
        assert states == [["missing", "missing"], ["not_applicable", "not_applicable"]]

    @pytest.mark.parametrize("options", [("--payer", "acme"), ("--date", "1/5/2026")])
    def test_bad_input_is_one_line(self, note: str, options: tuple[str, ...]) -> None:
        ran = runner.invoke(app, ["document", note, *options])
        assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
        assert SENTINEL not in ran.stderr


class TestRoute:
    def test_it_answers_as_python_does(self, real_coder: Coder) -> None:
        with Client(create_app(Settings(), coder=real_coder)) as client:
            answer = client.post("/v1/documentation", json={"text": NOTE})
        done = real_coder.audit(NOTE)
        assert answer.status_code == 200
        said = answer.json()
        assert (said["score"], said["formula"]) == (done.score, done.formula)
        assert [item["state"] for item in said["note"]] == [item.state for item in done.note]
        assert said["goals"][1]["met"]["text"] == "goal met"

    @pytest.mark.parametrize(
        "body", [{}, {"text": 3}, {"text": SENTINEL, "x": SENTINEL}, {"text": SENTINEL, "payer": "acme"}]
    )
    def test_errors_hold_no_word_of_the_note(self, real_coder: Coder, body: Any) -> None:
        with Client(create_app(Settings(), coder=real_coder)) as client:
            answer = client.post("/v1/documentation", json=body)
        assert answer.status_code == 422
        assert SENTINEL not in answer.text


def line(number: int, text: str = NOTE, **fields: object) -> str:
    values = {"note_id": f"n{number}", "patient_ref": "p1", "text": text, "date_of_service": f"2026-01-0{number}"}
    return json.dumps({**values, **fields}) + "\n"


class TestCopied:
    def run(self, tmp_path: Path, *lines: str, options: tuple[str, ...] = ()) -> Any:
        path = tmp_path / "notes.jsonl"
        path.write_text("".join(lines), encoding="utf-8")
        return runner.invoke(app, ["copied", str(path), *options])

    def test_a_copy_is_told_with_what_changed(self, tmp_path: Path) -> None:
        ran = self.run(tmp_path, line(1), line(2, NOTE.replace("30 ft", "40 ft")))
        assert ran.exit_code == 1
        assert ran.stdout.splitlines() == [
            "n2 (2026-01-02): 89 % stands so in n1 (2026-01-01); changes: 1",
            '  "30" -> "40"',
        ]
        assert ran.stderr == "1 notes copied forward; 0 lines refused.\n"

    def test_json_holds_the_spans(self, tmp_path: Path) -> None:
        later = NOTE.replace("30 ft", "40 ft")
        [copy] = json.loads(self.run(tmp_path, line(1), line(2, later), options=("--json",)).stdout)
        assert (copy["note_id"], copy["earlier_id"], copy["earlier_date"]) == ("n2", "n1", "2026-01-01")
        assert all(later[span["start"] : span["end"]] == span["text"] for span in copy["copied"])

    def test_nothing_found_is_status_0(self, tmp_path: Path) -> None:
        ran = self.run(tmp_path, line(1), "\n", line(2, patient_ref="p2"))
        assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "0 notes copied forward; 0 lines refused.\n")

    def test_a_line_that_is_no_note_costs_no_other(self, tmp_path: Path) -> None:
        ran = self.run(tmp_path, line(1), "{\n", line(2, date_of_service="1/2/2026"), line(1), line(3))
        assert ran.exit_code == 1
        assert ran.stdout.startswith("n3 (2026-01-03): 100 % stands so in n1")
        assert [said.partition(":")[0] for said in ran.stderr.splitlines()[:3]] == ["line 2", "line 3", "line 4"]
        assert "1 notes copied forward; 3 lines refused." in ran.stderr
        assert SENTINEL not in ran.stderr

    def test_a_missing_file(self, tmp_path: Path) -> None:
        ran = runner.invoke(app, ["copied", str(tmp_path / "none.jsonl")])
        assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
