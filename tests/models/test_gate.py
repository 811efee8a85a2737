"""The gate: what is clearly or possibly worse by more than the margin fails in words; what cannot be told does not apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.coder import Coder
from models.errors import UntrustedModel
from models.gate import LIMITS, WATCHED, Sample, Verdict, Watched, compare, judge_candidate, parse
from models.registry import CLASSIFIER_FILE, load_classifier, shipped
from models.training.counting import vocabulary
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.figures import FORMULAS
from nlp.errors import LexiconError

from .conftest import make_version
from .training.conftest import labelled

DATA = Path(__file__).parents[2] / "training_data"


def sample(current: list[float], candidate: list[float]) -> Sample:
    notes = [labelled(id=f"n{number}") for number in range(len(current))]
    tables = [[{"notes": 1.0, "proposal_right": value} for value in values] for values in (current, candidate)]
    return Sample(notes, *tables)


def outcome(rule: str, margin: float, current: list[float], candidate: list[float], least: int = 1) -> tuple[str, str]:
    watched = Watched("p", "code proposed", "proposal_code", rule, margin, "frozen")  # type: ignore[arg-type]
    found = compare(watched, "fast", sample(current, candidate), FORMULAS["proposal_code"], least=least)
    return found.outcome, found.reason


@pytest.mark.parametrize(
    ("rule", "margin", "changed", "expected"),
    [
        ("interval", 0.05, 0, "pass"),
        ("interval", 0.05, 1, "pass"),
        ("interval", 0.05, 8, "fail"),
        ("interval", 0.20, 8, "pass"),
        ("value", 0.05, 5, "pass"),
        ("value", 0.05, 6, "fail"),
        ("clear", 0.00, 1, "pass"),
        ("clear", 0.00, 12, "fail"),
        ("clear", 0.20, 12, "pass"),
    ],
)
def test_of_a_hundred_right_notes_so_many_are_wrong_now(rule: str, margin: float, changed: int, expected: str):
    before = [1.0] * 100
    assert outcome(rule, margin, before, [0.0] * changed + before[changed:])[0] == expected


def test_a_better_candidate_passes_every_rule():
    for rule in ("interval", "value", "clear"):
        assert outcome(rule, 0.0, [0.0] * 30, [1.0] * 30) == ("pass", "")


def test_a_refusal_tells_both_figures_and_the_margin():
    _, reason = outcome("value", 0.05, [1.0] * 10, [0.0] * 5 + [1.0] * 5)
    assert reason == (
        "code proposed: 0.500, the current model 1.000 (difference -0.500, -0.800 to -0.200); at most 0.05 worse is allowed."
    )


def test_too_few_notes_do_not_apply():
    assert outcome("interval", 0.05, [1.0] * 4, [0.0] * 4, least=15) == ("not_applicable", "too few to judge (4)")
    assert outcome("interval", 0.05, [], [])[0] == "not_applicable"


def test_lower_is_better_where_it_is():
    watched = next(each for each in WATCHED if each.id == "leak")
    notes = [labelled(id=f"n{number}") for number in range(40)]
    low, high = ([{"notes": 1.0, "not_today": 1.0, "leaked": value} for _ in notes] for value in (0.0, 1.0))
    assert compare(watched, "fast", Sample(notes, low, high), FORMULAS["leak"]).outcome == "fail"
    assert compare(watched, "fast", Sample(notes, high, low), FORMULAS["leak"]).outcome == "pass"


def test_reviewed_notes_are_watched_by_class_minutes_and_calibration_and_by_setting():
    on = {place: {each.figure for each in WATCHED if each.on == place} for place in ("reviewed", "reviewed_settings")}
    classes = {"class:97110", "class:97530", "class:other"}
    assert on["reviewed_settings"] == {"proposal_code"}
    assert on["reviewed"] == {*classes, "proposal_code", "minutes_headline", "ece_read", "ece_proposal"}
    assert {each.rule for each in WATCHED if each.on.startswith("reviewed")} == {"clear"}


# ---- whole candidates


@pytest.fixture(scope="module")
def development() -> list[LabelledNote]:
    return select(read_corpus(DATA), read_splits(DATA), "development")[:24]


@pytest.fixture
def current(versions_folder: Path) -> Coder:
    return Coder.load(make_version(versions_folder, "v1"))


def verdict_on(folder: Path, current: Coder, notes: list[LabelledNote]) -> Verdict:
    return judge_candidate(folder, current, notes, notes[:20], vocabulary(notes))


def test_the_same_model_passes(current: Coder, development: list[LabelledNote], versions_folder: Path):
    found = verdict_on(make_version(versions_folder, "v2"), current, development)
    assert (found.candidate, found.current, found.outcome, found.refusals) == ("v2", "v1", "pass", ())
    differences = [(each.current, each.candidate) for each in found.criteria if each.low is not None]
    assert len(differences) > 10
    assert all(before == after for before, after in differences)
    assert Verdict.of_dict(found.as_dict()) == found
    assert {"size", "loads", "speed"} <= {each.id for each in found.criteria}


def test_a_model_with_the_two_codes_exchanged_fails(
    current: Coder, development: list[LabelledNote], versions_folder: Path
):
    fitted = load_classifier(shipped())
    stored = {name: getattr(fitted, name) for name in type(fitted).__dataclass_fields__}
    fitted.estimator.coef_ = fitted.estimator.coef_[[1, 0, 2]]
    found = verdict_on(make_version(versions_folder, "v2", classifier=stored), current, development)
    assert found.outcome == "fail"
    failed = {each.id for each in found.refusals}
    assert {"code_97110", "code_97530", "proposal", "proposal_reviewed", "minutes_reviewed"} <= failed
    judged = {each.id for each in found.criteria if each.outcome != "not_applicable"}
    assert {"calibration_blocks_reviewed", "calibration_proposals_reviewed"} <= judged
    # Each setting of the twenty reviewed notes has too few of them.
    settings = [each for each in found.criteria if each.id.startswith("proposal_reviewed:")]
    assert len(settings) > 3
    assert {each.outcome for each in settings} == {"not_applicable"}
    assert all(each.reason for each in found.refusals)


def test_a_candidate_that_cannot_be_loaded_fails_unread(current: Coder, versions_folder: Path):
    folder = make_version(versions_folder, "v2")
    with (folder / CLASSIFIER_FILE).open("ab") as file:
        file.write(b"x")
    found = verdict_on(folder, current, [])
    assert [(each.id, each.outcome) for each in found.criteria] == [("loads", "fail")]
    assert "does not match its hash" in found.refusals[0].reason


def test_a_profile_that_is_gone_fails(development: list[LabelledNote], versions_folder: Path):
    found = verdict_on(make_version(versions_folder, "v2"), Coder.load(), development[:5])
    assert [each.id for each in found.refusals] == ["profile"]


def test_a_folder_without_a_manifest_is_no_candidate(current: Coder, tmp_path: Path):
    with pytest.raises(UntrustedModel, match="no manifest"):
        judge_candidate(tmp_path, current, [], [], ())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('rule = "value"', 'rule = "other"', "rule must be"),
        ('figure = "leak"', 'figure = "nothing"', "figure must be"),
        ('on = ["reviewed"]', 'on = ["latest"]', "on must be some of"),
        ("largest_mb = 40.0", "largest = 40.0", "largest"),
    ],
)
def test_a_slip_in_the_data_file_is_named(root: Path, old: str, new: str, told: str):
    text = (root / "models" / "gate.toml").read_text(encoding="utf-8")
    with pytest.raises(LexiconError, match=told):
        parse(text.replace(old, new, 1))
    assert parse(text) == (LIMITS, WATCHED)
