"""What other programs rely on: the result's fields, the components' names, the flags. A snapshot changes only on purpose."""

import json
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from nlp.pipeline import COMPONENTS
from therapy_coder import Coder, Note, Result

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = Path(__file__).with_name("result.schema.json")
TEXT = (
    "O: Ther ex x 15 min: bridging 3x10, heel raises BLE. Plan: stairs w/ rail next visit. "
    "STG: up and down 12 steps with one rail in 4 wks"
)
FIELDS = {
    "": {
        "note_id", "policy", "proposal", "services", "mentions", "goals", "minutes", "units", "documentation", "flags", "model",
        "date_of_service", "payers",
    },
    "proposal": {"code", "confidence", "status"},
    "services": {
        "start", "end", "text", "code", "other_code", "confidence", "probabilities", "minutes", "duration", "stated_code",
        "activities", "goals", "reasons",
    },
    "mentions": {"start", "end", "text", "status"},
    "goals": {"start", "end", "text"},
    "documentation": {"element", "documented", "start", "end"},
    "flags": {"id", "severity", "message", "start", "end", "action"},
    "model": {"version", "profile", "rules"},
}  # fmt: skip


@pytest.fixture(scope="module")
def result() -> dict:
    return json.loads(Coder.load().code(Note(note_id="n1", text=TEXT)).model_dump_json())


def test_schema_is_the_snapshot():
    """Where the change is meant: ``python tests/test_contract.py`` writes it anew; say so in CHANGELOG.md."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == Result.model_json_schema()


def test_every_field_is_required():
    schema = Result.model_json_schema()
    for name, part in {**schema["$defs"], "Result": schema}.items():
        assert set(part["required"]) == set(part["properties"]), name
        assert part["additionalProperties"] is False, name


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_the_example_has_exactly_the_documented_fields(result: dict, field: str):
    value = result[field] if field else result
    rows = value if isinstance(value, list) else [value]
    assert rows
    for row in rows:
        assert set(row) == FIELDS[field]


def test_the_example_gives_the_documented_values(result: dict):
    [service] = result["services"]
    assert result["note_id"] == "n1"
    assert result["policy"] == "full_15"
    assert (result["proposal"]["code"], result["proposal"]["status"]) == ("97110", "suggested")
    assert (service["start"], service["end"], service["code"], service["other_code"]) == (3, 51, "97110", None)
    assert service["minutes"] == 15
    assert service["duration"] == {"start": 13, "end": 19, "text": "15 min", "kind": "stated"}
    assert service["stated_code"] == "97110"
    assert set(service["probabilities"]) == {"97110", "97530", "other"}
    assert service["activities"] == [
        {"start": 21, "end": 29, "text": "bridging"},
        {"start": 36, "end": 51, "text": "heel raises BLE"},
    ]
    assert set(service["reasons"][0]) == {"start", "end", "text", "code", "weight"}
    assert result["mentions"] == [{"start": 59, "end": 73, "text": "stairs w/ rail", "status": "planned"}]
    assert result["goals"] == [{"start": 91, "end": 134, "text": "up and down 12 steps with one rail in 4 wks"}]
    assert result["minutes"] == {"97110": 15}
    assert result["units"] == {policy: {"97110": 1} for policy in ("full_15", "cms_8_minute", "ama_midpoint")}
    assert result["documentation"][0] == {"element": "activity", "documented": True, "start": 21, "end": 29}
    assert [row["element"] for row in result["documentation"]] == [
        "activity",
        "duration",
        "goal",
        "assessment",
        "progress",
    ]
    progress = next(flag for flag in result["flags"] if flag["id"] == "progress_missing")
    assert (progress["severity"], progress["start"], progress["end"]) == ("info", None, None)
    assert result["model"]["profile"] == "accurate"


def test_component_names_are_the_snapshot():
    assert sorted(COMPONENTS) == [
        "therapy_activities",
        "therapy_blocks",
        "therapy_durations",
        "therapy_elements",
        "therapy_goals",
        "therapy_sections",
        "therapy_status",
    ]


def test_each_component_is_an_entry_point_and_the_other_way_round():
    found = {point.name: point for point in entry_points(group="spacy_factories") if point.name.startswith("therapy_")}
    assert set(found) == set(COMPONENTS)
    for name, point in found.items():
        assert point.value == f"nlp.components.{name.removeprefix('therapy_')}:create"
        assert callable(point.load())


def flag_rows() -> list[tuple[str, str, str]]:
    data = tomllib.loads((ROOT / "models/billing/flags.toml").read_text(encoding="utf-8"))
    return [(flag["id"], flag["severity"], flag["meaning"]) for flag in data["flag"]]


def test_the_readme_lists_every_flag():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (info|warning|error) \| (.+) \|$", readme, flags=re.MULTILINE)
    assert rows == flag_rows()


def test_severities_are_as_the_contract_grades_them():
    graded = {flag for flag, severity, _ in flag_rows() if severity != "info"}
    assert graded == {
        "minutes_missing",
        "shared_minutes",
        "no_unit",
        "code_mismatch",
        "units_impossible",
        "goal_missing",
        "low_confidence",
        # Raised only where the request names a payer.
        "pair_not_together",
    }


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(Result.model_json_schema(), indent=1) + "\n", encoding="utf-8")
