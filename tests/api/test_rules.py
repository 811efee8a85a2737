"""The billing rules from outside: their commands, the calculator, claims, explanations, and payers over HTTP."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.claims import COLUMNS
from api.cli import app
from models.billing.rules import load_rules
from models.coder import Coder
from models.result import Result

from .conftest import SENTINEL, Client

runner = CliRunner()
VERSION = load_rules().version
OWN = """
[header]
version = "3"
source = "our contracts"
reviewed = "2026-11-26"
reviewed_by = "the billing office"
[[payer]]
id = "acme"
name = "Acme Health"
policy = "ama_midpoint"
minimum_15 = false
modifiers = []
limits = false
assistants = "plain"
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
NOTE = (
    "O: TherEx 23 min: SLR 3x10, clamshells. TA 20 min: sit to stand from low chair x 10, carrying laundry basket 30 ft. "
    f"Gait training 15 min with RW 150 ft. {SENTINEL}\nLTG: carry laundry upstairs independently in 6 wks"
)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def refused(*arguments: str) -> str:
    ran = runner.invoke(app, [*arguments])
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    return ran.stderr


class TestRules:
    def test_list_is_one_line_a_rule(self) -> None:
        ran = runner.invoke(app, ["rules", "list"])
        assert ran.exit_code == 0
        assert len(ran.stdout.splitlines()) == len(load_rules().rows)
        assert ran.stderr.startswith(f"{len(load_rules().rows)} rules, 78 of them not confirmed; version {VERSION}.")

    def test_list_of_a_kind_on_a_day(self) -> None:
        ran = runner.invoke(app, ["rules", "list", "--kind", "threshold", "--date", "2024-02-29", "--json"])
        said = json.loads(ran.stdout)
        assert (said["version"], said["date"]) == (VERSION, "2024-02-29")
        assert [(rule["id"], rule["dollars"], rule["from"], rule["until"]) for rule in said["rules"]] == [
            ("kx.2024", 2330, "2024-01-01", "2024-12-31"),
            ("review.2018", 3000, "2018-01-01", "2027-12-31"),
        ]

    def test_show_says_everything(self) -> None:
        said = json.loads(
            runner.invoke(app, ["rules", "show", "97530-97116.2020-10", "--json", "--date", "2020-09-30"]).stdout
        )
        assert (said["kind"], said["indicator"], said["confirmed"], said["in_force"]) == ("pair", 1, True, False)
        assert said["source"].startswith("https://www.apta.org/")
        ran = runner.invoke(app, ["rules", "show", "mue.97110"])
        assert "confirmed: false\n" in ran.stdout
        assert "in_force: true\n" in ran.stdout

    def test_what_is_not_there_is_told(self) -> None:
        assert "Did you mean kx.20" in refused("rules", "show", "kx.20")
        assert "is no kind of rule" in refused("rules", "list", "--kind", "pears")
        assert "no such date" in refused("rules", "list", "--date", "2026-02-30")
        assert "year-month-day" in refused("rules", "show", "medicare", "--date", "today")

    def test_check_names_file_row_and_reason(self, own: Path) -> None:
        assert runner.invoke(app, ["rules", "check"]).exit_code == 0
        good = runner.invoke(app, ["rules", "check", str(own)])
        assert (good.exit_code, good.stdout) == (0, "")
        assert f"{VERSION}+3-" in good.stderr
        own.write_text(OWN.replace("ama_midpoint", "ama").replace("limits = false", "limits = 0"), encoding="utf-8")
        ran = runner.invoke(app, ["rules", "check", str(own)])
        assert (ran.exit_code, ran.stdout) == (1, "clinic.toml, row acme: limits must be true or false\n")
        said = json.loads(runner.invoke(app, ["rules", "check", str(own), "--json"]).stdout)
        assert said["problems"] == [{"file": "clinic.toml", "row": "acme", "reason": "limits must be true or false"}]
        assert "no such file" in refused("rules", "check", str(own.with_name("none.toml")))

    def test_a_clinic_s_rules_by_option_and_by_setting(self, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        by_option = runner.invoke(app, ["rules", "show", "acme", "--rules", str(own)])
        monkeypatch.setenv("THERAPY_CODER_RULES", str(own))
        assert runner.invoke(app, ["rules", "show", "acme"]).stdout == by_option.stdout
        assert "name: Acme Health\n" in by_option.stdout
        own.with_name("bad.toml").write_text("[header]", encoding="utf-8")
        monkeypatch.setenv("THERAPY_CODER_RULES", str(own.with_name("bad.toml")))
        assert "the rules were refused: bad.toml" in refused("units", "97530=23")
        monkeypatch.setenv("THERAPY_CODER_RULES", "")
        assert runner.invoke(app, ["rules", "check"]).exit_code == 0


class TestUnits:
    def test_all_policies_side_by_side(self) -> None:
        ran = runner.invoke(app, ["units", "97530=23", "97110=15", "97161=30", "--payer", "medicare"])
        assert ran.exit_code == 0
        assert all(len(line) < 81 for line in ran.stdout.splitlines())
        for said in (
            "38 timed minutes together make 3 units (38 to 52 minutes do).",
            "Against Medicare's 8-minute rule the strict reading gives up one unit.",
            "97161 is untimed: one unit, whatever its 30 min.",
            "Medicare Part B (rule medicare): 1 x 97110, 2 x 97530; governs.",
            f"Rules {VERSION}.",
        ):
            assert said in ran.stdout

    def test_an_add_on_and_a_day_outside_the_rules(self) -> None:
        ran = runner.invoke(app, ["units", "97129=30", "--date", "2099-01-01"])
        assert [line.split()[0] for line in ran.stdout.splitlines() if line.startswith("97")] == ["97129", "97130"]
        assert "on 2099-01-01 others may hold." in " ".join(ran.stdout.split())
        assert "others may hold" not in runner.invoke(app, ["units", "97129=30", "--date", "2026-01-01"]).stdout

    def test_json(self) -> None:
        said = json.loads(runner.invoke(app, ["units", "97530=23", "97110=15", "--json"]).stdout)
        assert {policy: each["units"] for policy, each in said["policies"].items()} == {
            "full_15": {"97110": 1, "97530": 1},
            "cms_8_minute": {"97110": 1, "97530": 2},
            "ama_midpoint": {"97110": 1, "97530": 2},
        }
        assert said["gives_up"] == {"cms_8_minute": 1, "ama_midpoint": 1}

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["97530=-3"], "0 or more, not -3"),
            (["97530=7.5"], "with whole minutes"),
            (["97530"], "is no code with its minutes"),
            (["97530=8", "97530=7"], "given twice"),
            (["99999=15"], "There is no code"),
            (["97530=15", "--payer", "acme"], "no such payer"),
            (["97530=15", "--payer", "medicare", "--date", "2000-03-31"], "no such payer"),
            (["97530=15", "--date", "31.1.2026"], "year-month-day"),
        ],
    )
    def test_bad_input_is_one_clear_line(self, arguments: list[str], said: str) -> None:
        assert said in refused("units", *arguments)

    def test_over_http(self, client: Client) -> None:
        body = {"minutes": {"97530": 23, "97110": 15}, "payer": "medicare", "secondary_payer": "strict_15"}
        answer = client.post("/v1/units", json=body).json()
        assert answer["policies"]["cms_8_minute"]["units"] == {"97110": 1, "97530": 2}
        assert [(payer["id"], payer["governs"], payer["total"]) for payer in answer["payers"]] == [
            ("medicare", True, 3),
            ("strict_15", False, 2),
        ]
        assert answer["rules"] == VERSION

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"minutes": {"97530": -1}}, "invalid-minutes"),
            ({"minutes": {"97530": 7.5}}, "invalid-request"),
            ({"minutes": {"97530": "15"}}, "invalid-request"),
            ({"minutes": {"99999": 15}}, "unknown-code"),
            ({"minutes": {SENTINEL: 15}}, "invalid-request"),
            ({"minutes": {"97530": 15}, "payer": SENTINEL}, "unknown-payer"),
            ({"minutes": {"97530": 15}, "date_of_service": SENTINEL}, "invalid-request"),
            ({"minutes": {"97530": 15}, "payer": "medicare", "date_of_service": "2000-03-31"}, "unknown-payer"),
            ({}, "invalid-request"),
            ({"minutes": {}, "more": 1}, "invalid-request"),
        ],
    )
    def test_bad_requests(self, client: Client, body: dict[str, Any], kind: str) -> None:
        answer = client.post("/v1/units", json=body)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, kind)
        assert SENTINEL not in answer.text


class TestPayers:
    @pytest.fixture(autouse=True)
    def _load(self, real_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Coder, "load", lambda *_, **__: real_coder)

    def test_code_under_a_payer_on_a_day(self, tmp_path: Path) -> None:
        path = tmp_path / "note.txt"
        path.write_text(NOTE, encoding="utf-8")
        options = ["--payer", "medicare", "--secondary-payer", "strict_15", "--date", "2026-03-02", "--json"]
        result = Result.model_validate_json(runner.invoke(app, ["code", str(path), *options]).stdout)
        assert (result.policy, [payer.id for payer in result.payers]) == ("cms_8_minute", ["medicare", "strict_15"])
        told = runner.invoke(app, ["code", str(path), *options[:-1]]).stdout
        assert "Medicare Part B: 2 x 97110, 1 x 97116, 1 x 97530  (governs; rule medicare)" in told
        assert "(counts again after it; rule strict_15, not" in " ".join(told.split())
        assert "Payers" not in runner.invoke(app, ["code", str(path)]).stdout
        assert all(len(line) < 81 for line in told.splitlines())
        assert "no such payer" in refused("code", str(path), "--payer", "acme")
        assert "year-month-day" in refused("code", str(path), "--date", "2 March")

    def test_units_of_minutes_that_are_not_given_cannot_be_told(self, tmp_path: Path) -> None:
        path = tmp_path / "note.txt"
        path.write_text(
            "TE: SLR, clamshells 3x10.\nTA: sit to stand from low chair x 10, carrying laundry.", encoding="utf-8"
        )
        told = runner.invoke(app, ["code", str(path), "--payer", "medicare"]).stdout
        assert "Medicare Part B: cannot be told  (governs; rule medicare)" in told

    def test_a_batch_s_payer_is_for_lines_that_name_none(self, tmp_path: Path) -> None:
        source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        lines = [{"text": NOTE}, {"text": NOTE, "payer": "strict_15"}, {"text": NOTE, "payer": "acme"}]
        source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        assert runner.invoke(app, ["batch", str(source), str(target), "--payer", "medicare"]).exit_code == 1
        written = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
        assert [line.get("policy") for line in written] == ["cms_8_minute", "full_15", None]
        assert "no such payer" in written[2]["error"]

    def test_explain(self, tmp_path: Path) -> None:
        path = tmp_path / "note.txt"
        path.write_text(NOTE, encoding="utf-8")
        ran = runner.invoke(app, ["explain", str(path), "--payer", "medicare"])
        assert ran.exit_code == 0
        assert all(len(line) < 81 for line in ran.stdout.splitlines())
        for said in (
            "Words: The note says: SLR, clamshells.",
            "rule cms_8_minute",
            "[rule 97530-97116.2020-10, source ",
            "Sources",
            "Unit 1 of 97110:",
            VERSION,
        ):
            assert said in ran.stdout
        said = json.loads(runner.invoke(app, ["explain", str(path), "--json"]).stdout)
        assert [block["code"] for block in said["blocks"]] == ["97110", "97530", "97116"]
        assert runner.invoke(app, ["explain", "-"], input="Nothing done.").stdout.startswith("No treatment done today")


@pytest.fixture
def claims(tmp_path: Path, real_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, Path]]:
    """Run ``claims`` on lines of CSV; give what ran and the report's path."""
    monkeypatch.setattr(Coder, "load", lambda *_, **__: real_coder)
    (tmp_path / "n1.txt").write_text(NOTE, encoding="utf-8")

    def run(*lines: str, options: tuple[str, ...] = ()) -> tuple[Any, Path]:
        source, out = tmp_path / "check.csv", tmp_path / "report.csv"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return runner.invoke(app, ["claims", str(source), "--out", str(out), *options]), out

    return run


HEAD = "note_id,file,code,units,modifiers,date_of_service,discipline"
FINE = ("v1,n1.txt,97110,2,GP,2026-03-02,PT", "v1,,97530,1,GP,,", "v1,,97116,1,GP 59,,")


def report(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestClaims:
    def test_a_claim_that_is_supported(self, claims: Any) -> None:
        ran, out = claims(HEAD, *FINE)
        assert ran.exit_code == 0
        [row] = report(out)
        assert tuple(row) == COLUMNS
        assert (row["note_id"], row["payer"], row["verdict"], row["finding"]) == ("v1", "medicare", "supported", "")
        assert "1 claims: 1 supported, 0 to look at, 0 unreadable. Units: 4 billed, 0 not supported" in ran.stderr

    def test_too_much_and_too_little_are_counted_alike(self, claims: Any, tmp_path: Path) -> None:
        html = tmp_path / "report.html"
        over = ("=v2,n1.txt,97110,3,GP,2026-03-02,PT", "=v2,,97530,1,GP,,", "=v2,,97116,1,GP 59,,")
        under = ("v3<b>,n1.txt,97110,1,GP,2026-03-02,PT", "v3<b>,,97530,1,GP,,", "v3<b>,,97116,1,GP 59,,")
        ran, out = claims(HEAD, *FINE, *over, *under, options=("--html", str(html)))
        assert ran.exit_code == 1
        rows = [
            (row["note_id"], row["finding"], row["direction"], row["units"], row["billed"], row["supported"])
            for row in report(out)
        ]
        assert rows == [
            ("v1", "", "", "", "", ""),
            # A spreadsheet must not take an id for a formula.
            ("'=v2", "units_above_minutes", "over", "1", "3", "2"),
            ("v3<b>", "units_below_minutes", "under", "1", "1", "2"),
        ]
        assert "1 not supported, 1 supported and not billed" in ran.stderr
        page = html.read_text(encoding="utf-8")
        assert "v3&lt;b&gt;" in page
        assert "v3<b>" not in page
        assert not {"http-equiv", "<script", "src=", "@import"} & set(page.split())
        assert "Units supported and not billed: 1" in page

    def test_totals_alone_a_first_code_and_what_medicare_does_not_pay(self, claims: Any) -> None:
        total = '"Total timed 45 min. TherEx: SLR 3x10. Gait training with RW 150 ft."'
        ran, out = claims(
            "note_id,text,code,units,modifiers,date_of_service,discipline",
            f"v1,{total},97110,2,GP,2026-03-02,PT",
            "v1,,97116,1,GP,,",
            'v2,"Cognitive training 30 min: memory strategies.",97129,1,GO,2026-03-02,OT',
            "v2,,97130,1,GO,,",
            'v3,"TherEx 15 min: SLR 3x10. Moist hot pack 10 min.",97110,1,GP,2026-03-02,PT',
            "v3,,97010,1,GP,,",
        )
        assert [(row["note_id"], row["verdict"], row["finding"], row["severity"]) for row in report(out)] == [
            ("v1", "supported", "minutes_in_total", "info"),
            ("v1", "supported", "minutes_in_total", "info"),
            ("v2", "supported", "", ""),
            ("v3", "differs", "code_not_paid", "warning"),
        ]
        assert ran.exit_code == 1

    def test_no_word_of_a_note_is_in_the_report(self, claims: Any, tmp_path: Path) -> None:
        html = tmp_path / "report.html"
        ran, out = claims(HEAD, "v1,n1.txt,97110,3,GP,2026-03-02,PT", options=("--html", str(html)))
        for text in (out.read_text(encoding="utf-8"), html.read_text(encoding="utf-8"), ran.stderr):
            assert SENTINEL not in text
            assert "laundry" not in text

    def test_a_payer_of_its_own_and_a_note_as_text(self, claims: Any) -> None:
        head = "note_id,text,code,units,payer"
        ran, out = claims(
            head,
            'v1,"TherEx 14 min: SLR 3x10",97110,1,commercial_ama',
            'v2,"TherEx 14 min: SLR 3x10",97110,1,strict_15',
        )
        # What nobody has confirmed of a payer is no ground for more than an advice.
        assert [(row["note_id"], row["finding"], row["severity"], row["verdict"]) for row in report(out)] == [
            ("v1", "modifier_missing", "info", "supported"),
            ("v2", "units_above_minutes", "warning", "differs"),
        ]
        assert ran.exit_code == 1

    def test_every_row_names_the_rules(self, claims: Any, tmp_path: Path) -> None:
        (tmp_path / "long.txt").write_text("a " * 130_000, encoding="utf-8")
        _, out = claims(HEAD, *FINE, "v2,n1.txt,97110,3,GP,,", "v3,long.txt,97110,1,GP,,")
        rows = report(out)
        assert {row["verdict"] for row in rows} == {"supported", "differs", "unreadable"}
        assert {row["rules"] for row in rows} == {load_rules().version}

    @pytest.mark.parametrize(
        ("column", "options", "differs"),
        [
            ("", (), False),
            ("", ("--secondary-payer", "strict_15"), True),
            ("strict_15", (), True),
            ("strict_15", ("--secondary-payer", "medicare"), True),
            ("medicare", (), False),
            ("medicare", ("--secondary-payer", "strict_15"), False),
        ],
    )
    def test_a_secondary_payer_that_counts_otherwise_is_told(
        self, claims: Any, column: str, options: tuple[str, ...], differs: bool
    ) -> None:
        ran, out = claims(
            "note_id,text,code,units,modifiers,secondary_payer",
            f'v1,"TherEx 23 min: SLR 3x10",97110,2,GP,{column}',
            options=options,
        )
        assert ran.exit_code == 0
        [row] = report(out)
        assert (row["payer"], row["secondary_payer"]) == ("medicare", column or "".join(options[1:]))
        assert (row["finding"], row["severity"]) == (("payers_differ", "info") if differs else ("", ""))
        if differs:
            assert "supports 2 x 97110; the source document's strict reading" in row["message"]
            assert "supports 1 x 97110" in row["message"]

    @pytest.mark.parametrize(
        ("lines", "row", "said"),
        [
            ([HEAD + ",secondary_payer", "v1,n1.txt,97110,1,GP,,PT,nobody"], "2", "no such payer"),
            (
                [HEAD + ",secondary_payer", "v1,n1.txt,97110,1,GP,,PT,medicare", "v1,,97530,1,GP,,,strict_15"],
                "3",
                "secondary_payer differs",
            ),
            (["note_id,file,code,unit"], "1", "there is no column units"),
            (["note_id,code,units"], "1", "there must be a column text"),
            (["note_id,file,code,units,price"], "1", "column 5 is unknown"),
            ([HEAD], "-", "it holds no claim"),
            ([HEAD, "v1,n1.txt,97110,2.5,GP,,"], "2", "units must be a whole number"),
            ([HEAD, "v1,n1.txt,97110,-1,GP,,"], "2", "units must be a whole number"),
            ([HEAD, "v1,n1.txt,97110,0,GP,,"], "2", "units must be a whole number"),
            ([HEAD, "v1,n1.txt,9711,1,GP,,"], "2", "code is not in the code list"),
            ([HEAD, *FINE, "v1,,97140,x,GP,,"], "5", "units must be a whole number"),
            ([HEAD, ",n1.txt,97110,1,GP,,"], "2", "note_id is empty"),
            ([HEAD, "v1,none.txt,97110,1,GP,,"], "2", "file cannot be read: no such file"),
            ([HEAD, "v1,,97110,1,GP,,"], "2", "there is no note"),
            ([HEAD, "v1,n1.txt,97110,1,GP,2026-02-30,"], "2", "date"),
            ([HEAD, "v1,n1.txt,97110,1,GP,,SLP"], "2", "discipline"),
            ([HEAD, "v1,n1.txt,97110,1,GP,,PT", "v1,,97530,1,GP,,OT"], "3", "discipline differs"),
            ([HEAD, "v1,n1.txt,97110,1,GP"], "2", "other columns than the first row"),
            ([HEAD, "v1,n1.txt,97110,1,GP,,PT,more"], "2", "other columns than the first row"),
            ([HEAD, "v1,n1.txt,97110,1,GP,1999-01-01,PT"], "2", "no such payer"),
            ([HEAD + ",assistant_minutes", "v1,n1.txt,97110,1,GP,,PT,few"], "2", "assistant_minutes must be"),
        ],
    )
    def test_a_bad_file_is_refused_with_row_and_reason(
        self, claims: Any, lines: list[str], row: str, said: str
    ) -> None:
        ran, out = claims(*lines)
        assert ran.exit_code == 2
        assert f"check.csv, row {row}: " in ran.stderr
        assert said in ran.stderr
        assert not out.exists()

    def test_every_bad_row_is_told(self, claims: Any) -> None:
        ran, _ = claims(HEAD, "v1,n1.txt,97110,x,GP,,", "v2,n1.txt,9,1,GP,,")
        assert [line for line in ran.stderr.splitlines() if "row" in line][:2] == [
            "check.csv, row 2: units must be a whole number, 1 or more",
            "check.csv, row 3: code is not in the code list",
        ]

    def test_a_note_that_cannot_be_read_costs_no_other(self, claims: Any, tmp_path: Path) -> None:
        (tmp_path / "long.txt").write_text("a " * 130_000, encoding="utf-8")
        ran, out = claims(HEAD, "v0,long.txt,97110,1,GP,2026-03-02,PT", *FINE)
        assert ran.exit_code == 1
        assert [(row["note_id"], row["verdict"]) for row in report(out)] == [("v0", "unreadable"), ("v1", "supported")]

    def test_the_claims_are_not_overwritten(self, tmp_path: Path) -> None:
        source = tmp_path / "check.csv"
        source.write_text(HEAD, encoding="utf-8")
        assert "would be overwritten" in refused("claims", str(source), "--out", str(source))
        assert "cannot be read" in refused("claims", str(tmp_path / "none.csv"), "--out", str(source))
        source.write_bytes(b"\xff\xfe")
        assert (
            "nothing is written" in runner.invoke(app, ["claims", str(source), "--out", str(tmp_path / "o.csv")]).stderr
        )
