"""The commands on labelled notes: exit statuses, what is printed where, and that nothing is half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from models.training.dataset import read_notes
from models.training.formats import label_studio_config

from .conftest import SENTINEL

runner = CliRunner()
TEXT = f"97110 15 min: {SENTINEL} walks. Goal: run 5 km"
NOTE: dict[str, Any] = {
    "id": "t-1", "writer": "w", "layout": "l", "discipline": "PT", "setting": "s", "style": "s", "text": TEXT,
    "services": [{
        "start": 0, "end": 32, "text": TEXT[:32], "code": "97110", "accept": ["97110"], "other_code": None, "stated": "97110",
        "stated_code": "97110", "minutes": 15, "activities": [{"start": 14, "end": 32, "text": TEXT[14:32]}],
    }],
    "shared_minutes": [], "mentions": [], "goals": [{"start": 40, "end": 48, "text": "run 5 km"}], "trap": "t",
    "elements": {"activity": True, "duration": True, "goal": True, "assessment": False, "progress": False},
}  # fmt: skip


def write(path: Path, *notes: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        "".join((note if isinstance(note, str) else json.dumps(note)) + "\n" for note in notes), encoding="utf-8"
    )
    return path


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return write(tmp_path / "in.jsonl", NOTE, {**NOTE, "id": "t-2", "text": TEXT + "."})


def run(*arguments: object) -> Any:
    return runner.invoke(app, ["data", *(str(argument) for argument in arguments)])


class TestValidate:
    def test_sound_notes(self, notes: Path) -> None:
        ran = run("validate", notes)
        assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "0 errors, 0 warnings.\n")

    def test_a_warning_refuses_nothing(self, tmp_path: Path) -> None:
        ran = run("validate", write(tmp_path / "x.jsonl", {**NOTE, "goals": []}))
        assert (ran.exit_code, ran.stderr) == (0, "0 errors, 1 warnings.\n")
        assert ran.stdout == (
            "x.jsonl, line 1, note t-1, elements.goal: warning: it is true, yet the note has no label of a goal\n"
        )

    def test_every_error_is_a_line_without_the_note_s_words(self, notes: Path, tmp_path: Path) -> None:
        bad = write(
            tmp_path / "bad.jsonl", "no json", {**NOTE, "goals": [{"start": 0, "end": 3, "text": "run"}], "id": "t-3"}
        )
        ran = run("validate", notes, bad)
        assert (ran.exit_code, ran.stderr) == (1, "2 errors, 0 warnings.\n")
        assert ran.stdout.splitlines() == [
            "bad.jsonl, line 1: error: the line is no JSON",
            "bad.jsonl, line 2, note t-3, goals.0: error: span 0..3 does not match the text; its words stand at 40..43",
        ]
        assert SENTINEL not in ran.output

    def test_json(self, tmp_path: Path) -> None:
        ran = run("validate", "--json", write(tmp_path / "x.jsonl", "no json"))
        assert (ran.exit_code, ran.stderr) == (1, "")
        assert json.loads(ran.stdout) == [
            {
                "file": "x.jsonl",
                "line": 1,
                "note": "",
                "field": "",
                "severity": "error",
                "message": "the line is no JSON",
            }
        ]

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("none.jsonl", None, "no such file"),
            ("x.jsonl", b"caf\xe9", "x.jsonl: it is not UTF-8 text (byte 3); save it as UTF-8"),
            ("sealed/x.jsonl", b"{}", "sealed notes stay shut"),
            ("empty", None, "no such file"),
        ],
    )
    def test_what_cannot_be_read_is_one_line(self, tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
        path = tmp_path / name
        if content is not None:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        ran = run("validate", path)
        assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
        assert said in ran.stderr.lower() or said in ran.stderr

    def test_wrong_usage(self) -> None:
        assert run("validate").exit_code == 2
        assert run("nothing").exit_code == 2


class TestStats:
    def test_table_and_json(self, tmp_path: Path) -> None:
        write(tmp_path / "notes" / "a.jsonl", {**NOTE, "hard": ["group"]}, {**NOTE, "id": "t-2", "text": TEXT + "."})
        (tmp_path / "splits.csv").write_text("id,split\nt-1,train\nt-2,train\n")
        ran = run("stats", tmp_path)
        assert ran.exit_code == 0
        rows = {tuple(line.split()) for line in ran.stdout.splitlines()}
        assert {
            ("train", "development", "sealed"), ("notes", "2", "0", "0"), ("hard:", "group", "1", "0", "0"),
            ("block", "97110", "2", "0", "0"), ("minutes", "of", "97110", "30", "0", "0"), ("discipline", "PT", "2", "0", "0"),
        } <= rows  # fmt: skip
        told = json.loads(run("stats", tmp_path, "--json").stdout)
        assert (told["parts"]["train"]["labels"]["minutes"], told["unseen_settings"]) == ({"97110": 30}, None)
        assert SENTINEL not in ran.output

    def test_a_broken_corpus_is_named(self, tmp_path: Path) -> None:
        ran = run("stats", write(tmp_path / "x.jsonl", "no json"))
        assert (ran.exit_code, ran.stdout, ran.stderr) == (
            2,
            "",
            "therapy-coder: x.jsonl, line 1: the line is no JSON\n",
        )


@pytest.mark.parametrize("tool", ["prodigy", "label-studio", "doccano", "jsonl"])
class TestThereAndBack:
    def test_notes_come_back_as_they_went(self, notes: Path, tmp_path: Path, tool: str) -> None:
        there, back = tmp_path / "there.json", tmp_path / "back.jsonl"
        ran = run("export", "--to", tool, notes, there)
        assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "2 notes written.\n")
        ran = run("import", "--from", tool, there, back)
        assert (ran.exit_code, ran.stdout) == (0, "")
        assert list(read_notes(back)) == list(read_notes(notes))
        made = {"in.jsonl", "there.json", "back.jsonl"} | ({"there.json.xml"} if tool == "label-studio" else set())
        assert {path.name for path in tmp_path.iterdir()} == made

    def test_one_bad_note_refuses_the_file_and_leaves_the_older_one(self, tmp_path: Path, tool: str) -> None:
        source, target = (
            write(tmp_path / "in.jsonl", NOTE, {**NOTE, "text": "x"}, "no json"),
            write(tmp_path / "out", "old"),
        )
        ran = run("export", "--to", tool, source, target)
        assert (ran.exit_code, ran.stdout, target.read_text()) == (1, "", "old\n")
        assert ran.stderr.splitlines() == [
            "in.jsonl, line 2: note t-1: services.0: span 0..32 does not match the text",
            "in.jsonl, line 3: the line is no JSON",
            "therapy-coder: 2 notes were refused; nothing is written.",
        ]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out"]

    @pytest.mark.parametrize("command", ["export", "import"])
    def test_no_input_or_no_place_for_the_output(self, notes: Path, tmp_path: Path, tool: str, command: str) -> None:
        option = "--to" if command == "export" else "--from"
        exported = tmp_path / "exported"
        assert run("export", "--to", tool, notes, exported).exit_code == 0
        source = notes if command == "export" else exported
        for arguments in (
            [tmp_path / "no", "out"],
            [source, source],
            [source, tmp_path / "no" / "out"],
            [source, tmp_path],
        ):
            before = source.read_bytes()
            ran = run(command, option, tool, *arguments)
            assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
            assert source.read_bytes() == before


def test_a_folder_is_exported_and_its_sealed_notes_are_not(tmp_path: Path) -> None:
    write(tmp_path / "notes" / "a.jsonl", NOTE)
    write(tmp_path / "sealed" / "s.jsonl", {**NOTE, "id": "z-1"})
    out = tmp_path / "out.jsonl"
    assert run("export", "--to", "jsonl", tmp_path, out).exit_code == 0
    assert [note.id for note in read_notes(out)] == ["t-1"]
    for command in (["export", "--to", "jsonl"], ["import", "--from", "jsonl"]):
        ran = run(*command, tmp_path / "sealed" / "s.jsonl", tmp_path / "out2.jsonl")
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert "sealed notes stay shut" in ran.stderr


def test_the_label_studio_configuration_is_written_beside(notes: Path, tmp_path: Path) -> None:
    assert run("export", "--to", "label-studio", notes, tmp_path / "tasks.json").exit_code == 0
    assert (tmp_path / "tasks.json.xml").read_text(encoding="utf-8") == label_studio_config()


def test_notes_labelled_in_a_tool_take_what_the_options_say(tmp_path: Path) -> None:
    tasks = [
        {"text": TEXT, "spans": [{"start": 40, "end": 48, "label": "GOAL"}], "answer": "accept"},
        {"text": TEXT, "spans": [], "answer": "reject"},
    ]
    source, target = write(tmp_path / "tool.jsonl", *tasks), tmp_path / "out.jsonl"
    ran = run("import", "--from", "prodigy", source, target)
    assert (ran.exit_code, target.exists()) == (1, False)
    assert ran.stderr.splitlines()[0] == (
        "tool.jsonl, line 1: note tool-1: its discipline is not given; write PT or OT into meta, or name one for the file"
    )
    options = ["--discipline", "OT", "--writer", "clinic-1", "--layout", "form", "--setting", "hand"]
    ran = run("import", "--from", "prodigy", source, target, *options)
    assert ran.exit_code == 0
    assert "1 notes written, 1 passed over by their labeller." in ran.stderr
    [note] = read_notes(target)
    told = (note.id, note.discipline, note.writer, note.layout, note.setting)
    assert told == ("tool-1", "OT", "clinic-1", "form", "hand")


class TestAgreement:
    @pytest.fixture
    def second(self, tmp_path: Path) -> Path:
        recoded = [{**NOTE["services"][0], "code": "97530", "accept": ["97530"]}]
        return write(tmp_path / "second.jsonl", {**NOTE, "services": recoded, "goals": []})

    def test_table_and_differences(self, notes: Path, second: Path) -> None:
        ran = run("agreement", notes, second)
        assert ran.exit_code == 0
        lines = ran.stdout.splitlines()
        assert lines[0] == "1 notes labelled twice; 1 in the first labelling alone, 0 in the second alone"
        rows = [line.split("  ")[0] + "|" + "|".join(line.split()[-2:]) for line in lines]
        assert {"block codes, the same|0.000|1", "mentions, F1 (overlap)|-|0"} <= set(rows)
        assert lines[-4:] == [
            "t-1, block code: 0..32 97110 / 0..32 97530",
            "t-1, goals: 40..48 / -",
            "t-1, minutes of 97110: 15 / -",
            "t-1, minutes of 97530: - / 15",
        ]
        assert SENTINEL not in ran.output

    def test_json(self, notes: Path, second: Path) -> None:
        told = json.loads(run("agreement", "--json", notes, second).stdout)
        values = {measure["name"]: measure["value"] for measure in told["measures"]}
        assert (told["notes"], values["block codes, Cohen's kappa"], values["goals, F1 (exact)"]) == (1, 0.0, 0.0)
        assert len(told["disagreements"]) == 4

    def test_another_text_is_refused(self, notes: Path, tmp_path: Path) -> None:
        ran = run("agreement", notes, write(tmp_path / "x.jsonl", {**NOTE, "text": TEXT + "!"}))
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert ran.stderr == "therapy-coder: second: note t-1 has another text than in the first labelling\n"
