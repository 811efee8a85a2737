"""Explanation and claims over HTTP: as Python and the command answer, and nothing of a note or of this computer in an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.claims import COLUMNS
from api.main import create_app
from api.settings import Settings

from .conftest import SENTINEL, Client, FakeCoder

HEAD = "note_id,text,code,units,modifiers"
LINES = f"{HEAD}\nv1,bridging 20,97110,4,GP\nv1,,97530,1,GP\nv2,bridging {SENTINEL},97110,1,GP\n"


def post(client: Client, content: str | bytes, path: str = "/v1/claims", **headers: str) -> Any:
    return client.request("POST", path, content=content, headers={"content-type": "text/csv", **headers})


class TestExplanation:
    def test_it_tells_the_way_of_each_block(self, client: Client) -> None:
        told = client.post("/v1/explanations", json={"text": "bridging", "payer": "medicare"}).json()
        [block] = told["blocks"]
        assert [step["stage"] for step in block["steps"]] == ["words", "code", "minutes", "unit"]
        assert block["steps"][1]["rule"] == "97110"
        assert (told["model"], told["policy"]) == ("fake", "full_15")
        assert told["count"]["policies"]["full_15"]["units"] == {"97110": 1}

    @pytest.mark.parametrize("body", [{}, {"text": SENTINEL, "x": 1}, {"text": f"{SENTINEL} broken"}])
    def test_errors_hold_no_word_of_the_note(self, client: Client, body: Any) -> None:
        answer = client.post("/v1/explanations", json=body)
        assert answer.status_code in (422, 500)
        assert SENTINEL not in answer.text


class TestClaims:
    def test_a_report_as_rows_and_as_the_commands_csv(self, client: Client) -> None:
        report = post(client, LINES).json()
        assert (report["totals"]["claims"], report["totals"]["units_billed"]) == (2, 6)
        assert {row["note_id"] for row in report["rows"]} == {"v1", "v2"}
        assert report["columns"] == list(COLUMNS)
        assert post(client, LINES, accept="text/csv").text == report["csv"]

    def test_the_rules_and_the_secondary_payer_stand_in_each_row(self, client: Client) -> None:
        report = post(client, LINES, "/v1/claims?secondary_payer=strict_15").json()
        assert {(row["rules"], row["secondary_payer"]) for row in report["rows"]} == {(report["rules"], "strict_15")}
        assert {row["secondary_payer"] for row in post(client, LINES).json()["rows"]} == {""}
        assert post(client, LINES, "/v1/claims?secondary_payer=acme").status_code == 422

    def test_two_payers_are_both_counted_and_the_first_governs(self, client: Client) -> None:
        lines = f"{HEAD},secondary_payer\nv1,bridging 20,97110,1,GP,strict_15\nv2,bridging 20,97110,1,GP,\n"
        [told] = post(client, lines).json()["two_payers"]
        assert (told["note_id"], told["billed"]) == ("v1", {"97110": 1})
        assert [(each["id"], each["governs"], each["units"]) for each in told["payers"]] == [
            ("medicare", True, {}),
            ("strict_15", False, {}),
        ]
        assert post(client, LINES).json()["two_payers"] == []

    @pytest.mark.parametrize(("type", "begins"), [("text/csv", "note_id,"), ("text/html", "<!doctype html>")])
    def test_a_file_to_keep(self, client: Client, type: str, begins: str) -> None:
        answer = post(client, LINES, accept=type)
        assert answer.headers["content-type"].startswith(type)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.text.startswith(begins)

    def test_no_word_of_a_note_comes_back(self, client: Client) -> None:
        for type in ("application/json", "text/csv", "text/html"):
            assert SENTINEL not in post(client, LINES, accept=type).text

    @pytest.mark.parametrize(
        ("content", "field", "reason"),
        [
            ("note_id,file,code,units\nv1,/etc/hostname,97110,1\n", "row 1", "files are read by the command alone"),
            (f"{HEAD},{SENTINEL}\n", "row 1", "column 6 is unknown"),
            (f"{SENTINEL}\n", "row 1", "there is no column note_id"),
            (f"{HEAD}\nv1,{SENTINEL},97110,x,GP\n", "row 2", "units must be a whole number"),
            (f"{HEAD}\nv1,{SENTINEL},{SENTINEL},1,GP\n", "row 2", "code is not in the code list"),
            (f"{HEAD}\nv1,{SENTINEL}\n", "row 2", "other columns"),
            (b"\xff\xfe", "", "not UTF-8"),
            (f"{HEAD}\n", "", "it holds no claim"),
        ],
    )
    def test_bad_rows_are_refused_by_row_and_reason(
        self, client: Client, content: str | bytes, field: str, reason: str
    ) -> None:
        answer = post(client, content)
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("claims-refused")
        [told] = answer.json()["errors"]
        assert told["field"] == field
        assert reason in told["reason"]
        assert SENTINEL not in answer.text

    def test_a_payer_that_there_is_not(self, client: Client) -> None:
        answer = post(client, LINES, "/v1/claims?payer=acme")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "claims-refused")

    def test_a_month_is_the_commands(self, tmp_path: Path) -> None:
        app = create_app(Settings(max_batch_notes=1), coder=FakeCoder())  # type: ignore[arg-type]
        with Client(app) as client:
            answer = post(client, LINES)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "too-many-notes")


def test_the_calculator_has_payers_and_codes_to_choose_from(client: Client) -> None:
    words = client.get("/page/words").json()
    assert words["payers"]["medicare"]
    assert set(words["verdicts"]) == {"supported", "differs", "unreadable"}
