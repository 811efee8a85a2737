"""Files of notes: one line in, one line out, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.batch import local
from api.batch.records import CHUNK, code_record, code_values
from models.coder import Coder

from .conftest import SENTINEL, FakeCoder

LINES = [
    b'{"note_id": "a", "text": "bridging"}',
    b"{",
    b"",
    b'{"note_id": "c", "text": "broken zzyxsentinel"}',
    b"\xff\xfe",
    '{"note_id": "d", "text": "😀 bridging", "policy": "cms_8_minute"}\r'.encode(),
    b'{"note_id": 17, "text": "x"}',
    b'{"note_id": "e", "text": "x", "policy": "none"}',
    b'{"note_id": "f", "text": "\\ud800"}',
    b'["bridging"]',
    b'{"note_id": "g", "text": "bridging"}',
]
IDS = ["a", None, None, "c", None, "d", 17, "e", "f", None, "g"]
FAILED = [False, True, True, True, True, False, True, True, True, True, False]


def coding(coder: Coder) -> local.Coding:
    return lambda values: code_values(values, coder)


@pytest.fixture
def fake() -> Coder:
    return FakeCoder()  # type: ignore[return-value]


@pytest.mark.parametrize("copies", [1, CHUNK])
def test_lines_keep_their_order_and_a_bad_one_costs_no_other(tmp_path: Path, fake: Coder, copies: int) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\n".join(LINES * copies) + b"\n")
    counts = local.run(source, target, coding(fake))
    written = [json.loads(line) for line in target.read_bytes().splitlines()]
    assert [line["note_id"] for line in written] == IDS * copies
    assert ["error" in line for line in written] == FAILED * copies
    assert (counts.lines, counts.errors) == (len(LINES) * copies, sum(FAILED) * copies)
    assert SENTINEL.encode() not in target.read_bytes()
    assert written[5]["policy"] == "cms_8_minute"


def test_the_file_says_what_one_record_says(tmp_path: Path, fake: Coder) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\n".join(LINES))
    local.run(source, target, coding(fake))
    assert [json.loads(line) for line in target.read_bytes().splitlines()] == [
        code_record(line, fake) for line in LINES
    ]


def test_defaults_are_for_lines_that_name_none(fake: Coder) -> None:
    lines = ['{"text": "a"}', '{"text": "a", "policy": "full_15"}']
    assert [code_record(line, fake, {"policy": "ama_midpoint"})["policy"] for line in lines] == [
        "ama_midpoint",
        "full_15",
    ]


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path, fake: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_LINE_BYTES", 100)
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + LINES[0] + b"\n" + b"x" * 1000 + b"\n" + LINES[-1])
    local.run(source, target, coding(fake))
    written = [json.loads(line) for line in target.read_bytes().splitlines()]
    assert [line["note_id"] for line in written] == ["a", None, "g"]


def test_an_error_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path: Path, fake: Coder) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(LINES[0])
    target.write_text("old")

    def stop(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.run(source, target, coding(fake), progress=stop)
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}


def test_the_output_must_be_a_regular_file(tmp_path: Path, fake: Coder) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(LINES[0])
    with pytest.raises(OSError, match="regular file"):
        local.run(source, tmp_path, coding(fake))
