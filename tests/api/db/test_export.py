"""Reviewed notes to labelled notes: which decision stands, and what contradicts the text."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql
from typer.testing import CliRunner

from api.audit import SYSTEM
from api.cli import app
from api.db import learning, repository
from api.db.errors import UnknownRow
from api.db.session import Database
from api.decisions import Decision
from api.export import Exported, export
from api.queue.errors import DecisionRefused
from api.reviewed import labelled
from models.registry import shipped
from models.training.checks import check_paths
from models.training.dataset import Header, LabelledNote
from nlp.pipeline import Reader, load

from ..conftest import SENTINEL, Client
from .conftest import key_of, session_of

AddPerson = Callable[..., uuid.UUID]
AddReview = Callable[..., uuid.UUID]
TEXT = "TE 15 min: SLR 3x10. TA 10 min: car transfers."


def at(part: str, text: str = TEXT, **values: Any) -> dict[str, Any]:
    start = text.index(part)
    return {"start": start, "end": start + len(part), **values}


def decision(code: str = "97110", minutes: int | None = 15, **changes: Any) -> dict[str, Any]:
    service = at("TE 15 min: SLR 3x10", code=code, other_code=None, minutes=minutes, activities=[at("SLR")])
    return {"kind": "correct", "services": [service], "mentions": [], "goals": [], **changes}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load(shipped(), encoder=False)


@pytest.fixture
def exported(database: Database, clinic: uuid.UUID, reader: Reader) -> Callable[[], Exported]:
    def run() -> Exported:
        return export(database, clinic, reader.read, by=SYSTEM)

    return run


def only_result(database: Database) -> uuid.UUID:
    """The result that was reviewed."""
    with database.reading() as session:
        return uuid.UUID(str(session.scalar(sql("SELECT result_id FROM reviews"))))


def reviewed(database: Database, clinic: uuid.UUID) -> int:
    with database.reading() as session:
        return len(learning.standing_reviews(session, clinic))


HEADER = Header(id="n1", writer="clinic-1", layout="clinic-1", discipline="PT", setting="hand")


def test_a_decision_becomes_labels():
    made = labelled(TEXT, Decision.model_validate(decision(goals=[at("car")])), HEADER)
    [service] = made.services
    assert (service.text, service.code, service.accept, service.minutes) == (
        "TE 15 min: SLR 3x10",
        "97110",
        ("97110",),
        15,
    )
    assert [activity.text for activity in service.activities] == ["SLR"]
    assert {name for name, there in made.elements.items() if there} == {"activity", "duration", "goal"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"goals": [{"start": 40, "end": 400}]}, "ends behind the note"),
        ({"kind": "skip", "services": None, "reason": "unclear_note"}, "skip holds no reading"),
        (
            {"services": [{"start": 0, "end": 5, "code": "97110", "activities": [{"start": 11, "end": 14}]}]},
            "outside its service",
        ),
    ],
)
def test_what_contradicts_the_text_is_no_label(changed: dict[str, Any], told: str):
    with pytest.raises(DecisionRefused) as error:
        labelled(TEXT, Decision.model_validate(decision(**changed)), HEADER)
    reasons = "; ".join(reason for _, reason in error.value.refused)
    assert told in reasons
    assert "car" not in reasons


def test_the_latest_standing_decision_is_exported(
    exported: Callable[[], Exported], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    ana = add_person(clinic)
    first = review(ana, TEXT, decision())
    with database.reading() as session:
        result = session.scalar(sql("SELECT result_id FROM reviews"))
    result = uuid.UUID(str(result))
    second = review(ana, TEXT, decision("97530"), result=result, supersedes=first)
    found = exported()
    assert [note.services[0].code for note in found.notes] == ["97530"]
    assert reviewed(database, clinic) == 1
    assert [(about.review, about.reviewer, about.reading, about.guide_version) for about in found.about] == [
        (str(second), str(ana), "first", "1")
    ]
    review(ana, TEXT, {"kind": "undo"}, result=result, supersedes=second)
    assert exported().counts() == {"notes": 0, "refused": 0, "purged": 0, "contested": 0, "open": 1}
    assert reviewed(database, clinic) == 0


def test_an_adjudication_wins_and_readings_that_differ_wait_for_one(
    exported: Callable[[], Exported], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    people = [add_person(clinic, login) for login in ("ana", "ben", "eve")]
    review(people[0], TEXT, decision())
    result = only_result(database)
    review(people[1], TEXT, decision("97530"), result=result, reading="second")
    assert exported().counts() == {"notes": 0, "refused": 0, "purged": 0, "contested": 1, "open": 0}
    review(people[2], TEXT, decision("97530", 10), result=result, reading="adjudication")
    [note] = exported().notes
    assert (note.services[0].code, note.services[0].minutes) == ("97530", 10)


def test_what_was_done_is_compared_too_and_ends_of_spans_are_not(
    exported: Callable[[], Exported], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    """What the queue has settled by a third person is not exported before; a span that ends elsewhere is no disagreement."""
    ana, ben = add_person(clinic), add_person(clinic, "ben")
    review(ana, TEXT, decision())
    result = only_result(database)
    longer = decision()
    longer["services"][0]["activities"] = [at("SLR 3x10")]
    second = review(ben, TEXT, longer, result=result, reading="second")
    assert exported().counts()["notes"] == 1
    nothing = decision()
    nothing["services"][0]["activities"] = []
    review(ben, TEXT, nothing, result=result, reading="second", supersedes=second)
    assert exported().counts() == {"notes": 0, "refused": 0, "purged": 0, "contested": 1, "open": 0}


def test_two_readings_of_which_one_is_no_decision_are_refused(
    exported: Callable[[], Exported], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    ana, ben = add_person(clinic), add_person(clinic, "ben")
    review(ana, TEXT, decision())
    result = only_result(database)
    review(ben, TEXT, {"kind": "correct", "services": [{"code": "99999"}]}, result=result, reading="second")
    [refused] = exported().refused
    assert refused.reason == "one of its readings is no decision of this program"


def test_nobody_waits_while_notes_are_read(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview, reader: Reader
):
    review(add_person(clinic), TEXT, decision())
    written: list[uuid.UUID] = []

    def read(text: str) -> Any:
        with Database(database.url, busy_seconds=0.1) as other, other.writing() as session:
            written.append(repository.add_person(session, clinic, "bea", "", "coder", by=SYSTEM).id)
        return reader.read(text)

    assert export(database, clinic, read, by=SYSTEM).counts()["notes"] == 1
    assert len(written) == 1


def test_readings_that_agree_are_one_label(
    exported: Callable[[], Exported], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    ana, ben = add_person(clinic), add_person(clinic, "ben")
    review(ana, TEXT, decision())
    result = only_result(database)
    review(ben, TEXT, decision(), result=result, reading="second")
    assert exported().counts()["notes"] == 1


def test_contradictions_are_refused_and_counted_and_the_rest_goes_on(
    exported: Callable[[], Exported], clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    ana = add_person(clinic)
    visit = f"{TEXT} Total treatment time: 25 minutes."
    wrong = [
        review(ana, TEXT, decision(goals=[{"start": 0, "end": 4000}])),
        review(ana, visit, decision(minutes=60)),
        review(ana, TEXT, {"kind": "correct", "services": [{"code": "99999"}]}),
    ]
    review(ana, visit, decision(minutes=15))
    found = exported()
    assert [refused.review for refused in found.refused] == [str(each) for each in wrong]
    assert [refused.reason for refused in found.refused] == [
        f"goals.0: span 0..4000 ends behind the note, which has {len(TEXT)} characters",
        "its blocks take 60 minutes, the visit 25",
        "the decision is not one of this program",
    ]
    assert found.counts() == {"notes": 1, "refused": 3, "purged": 0, "contested": 0, "open": 0}


def test_purged_notes_are_left_out(
    exported: Callable[[], Exported], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    review(add_person(clinic), TEXT, decision())
    with database.writing() as session:
        note = session.scalar(sql("SELECT id FROM notes"))
        repository.purge(session, clinic, [uuid.UUID(str(note))], [], days=1, by=SYSTEM)
    assert exported().counts() == {"notes": 0, "refused": 0, "purged": 1, "contested": 0, "open": 0}


def test_another_clinics_reviews_are_not_there(
    database: Database,
    clinic: uuid.UUID,
    other_clinic: uuid.UUID,
    add_person: AddPerson,
    review: AddReview,
    reader: Reader,
):
    held = review(add_person(clinic), TEXT, decision())
    assert export(database, other_clinic, reader.read, by=SYSTEM).counts()["notes"] == 0
    with database.writing() as session:
        assert learning.standing_reviews(session, other_clinic) == []
        with pytest.raises(UnknownRow):
            learning.release_label(session, other_clinic, held, by=SYSTEM)
        assert learning.reviewed_notes(session, other_clinic) == []
        assert learning.released_labels(session, other_clinic) == frozenset()
        assert learning.texts_since(session, other_clinic, repository.now() - timedelta(days=1), 5, by=SYSTEM) == []


# ---- the route


def test_a_program_fetches_labels_with_the_scope_for_it(
    client: Client,
    database: Database,
    clinic: uuid.UUID,
    other_clinic: uuid.UUID,
    add_person: AddPerson,
    review: AddReview,
):
    ana, tom = add_person(clinic), add_person(clinic, "tom", "trainer")
    review(ana, TEXT, decision())
    review(ana, f"{SENTINEL}: {TEXT}", decision(goals=[{"start": 0, "end": 4000}]))

    def get(headers: dict[str, str]) -> Any:
        return client.request("GET", "/v1/labels", headers=headers)

    answer = get(key_of(database, clinic, "export"))
    assert answer.status_code == 200
    told = answer.json()
    assert SENTINEL not in answer.text
    [note], [about], [refused] = told["notes"], told["about"], told["refused"]
    assert LabelledNote.model_validate(note).text == TEXT
    assert (about["note"], about["reviewer"], about["guide_version"]) == (note["id"], str(ana), "1")
    assert "ends behind the note" in refused["reason"]
    assert {name: told[name] for name in ("purged", "contested", "open")} == {"purged": 0, "contested": 0, "open": 0}
    with database.reading() as session:
        [*_, read, row] = repository.audit_rows(session, clinic)
        # The note that left says by whom it was read; the one that was refused did not leave.
        reads = [each for each in repository.audit_rows(session, clinic) if each.action == "note.read"]
    assert (row.action, row.actor_kind, json.loads(row.detail)["notes"]) == ("labels.exported", "key", 1)
    assert (
        [(each.subject_id, each.actor_id) for each in reads]
        == [(note["id"], row.actor_id)]
        == [(read.subject_id, read.actor_id)]
    )
    assert get(session_of(database, clinic, tom)).json() == told
    assert get(session_of(database, clinic, ana)).status_code == 403
    assert get(key_of(database, clinic, "models", "queue", "submit")).status_code == 403
    assert get(key_of(database, other_clinic, "export")).json()["notes"] == []


# ---- the command


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", database.url.render_as_string(hide_password=False))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_the_command_writes_notes_that_the_corpus_takes(
    run: Callable[..., Any],
    database: Database,
    clinic: uuid.UUID,
    add_person: AddPerson,
    review: AddReview,
    tmp_path: Path,
):
    ana = add_person(clinic)
    review(ana, TEXT, decision())
    review(ana, f"{SENTINEL}: {TEXT}", decision(goals=[{"start": 0, "end": 4000}]))
    out = tmp_path / "reviewed.jsonl"
    answer = run("data", "export", "--reviewed", "main", str(out))
    assert answer.exit_code == 1
    assert "1 notes written; left out: 1 refused" in answer.stderr
    assert SENTINEL not in answer.output + answer.stderr
    [note] = [LabelledNote.model_validate_json(line) for line in out.read_text().splitlines()]
    assert [problem for problem in check_paths([out]) if problem.severity == "error"] == []
    [about] = [json.loads(line) for line in Path(f"{out}.about.jsonl").read_text().splitlines()]
    assert (about["note"], about["reviewer"], about["guide_version"]) == (note.id, str(ana), "1")
    assert out.stat().st_mode & 0o077 == 0
    with database.reading() as session:
        row = list(repository.audit_rows(session, clinic))[-1]
    assert (row.action, json.loads(row.detail)["notes"]) == ("labels.exported", 1)


def test_the_command_prints_notes_where_no_file_is_named(
    run: Callable[..., Any], clinic: uuid.UUID, add_person: AddPerson, review: AddReview, tmp_path: Path
):
    held = review(add_person(clinic), TEXT, decision())
    about = tmp_path / "about.jsonl"
    answer = run("data", "export", "--reviewed", "main", "--about", str(about))
    assert answer.exit_code == 0
    assert LabelledNote.model_validate_json(answer.stdout).text == TEXT
    assert json.loads(about.read_text())["review"] == str(held)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--reviewed", "nowhere", "a"), "no clinic 'nowhere'"),
        (("--reviewed", "main", "a", "b"), "one file to write"),
        (("--reviewed", "main"), "who decided when"),
        (("--about", "x"), "--about goes with --reviewed"),
        ((), "Name IN, OUT and --to, or --reviewed CLINIC"),
    ],
)
@pytest.mark.usefixtures("clinic")
def test_the_command_says_how_it_is_written(run: Callable[..., Any], arguments: tuple[str, ...], told: str):
    answer = run("data", "export", *arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert told in answer.stderr


def test_a_trainer_releases_a_label(
    run: Callable[..., Any], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    held = review(add_person(clinic), TEXT, decision())
    trainer = add_person(clinic, "tom", "trainer")
    assert run("data", "release", str(held), "--by", "tom").exit_code == 0
    assert "no working trainer" in run("data", "release", str(held), "--by", "ana").stderr
    assert "no review" in run("data", "release", str(uuid.uuid4()), "--by", "tom").stderr
    assert "is no id" in run("data", "release", "x", "--by", "tom").stderr
    with database.reading() as session:
        assert learning.released_labels(session, clinic) == {str(held)}
        row = list(repository.audit_rows(session, clinic))[-1]
    assert (row.action, row.actor_id, row.subject_id) == ("label.released", str(trainer), str(held))


def test_drift_of_a_clinic(
    run: Callable[..., Any], database: Database, clinic: uuid.UUID, add_person: AddPerson, review: AddReview
):
    ana = add_person(clinic)
    for number in range(31):
        review(ana, f"O: {SENTINEL} bridging {number}", decision("97530" if number % 2 else "97110"))
    answer = run("models", "drift", "main")
    assert answer.exit_code == 1
    assert SENTINEL not in answer.output
    lines = {line.split("\t")[1]: line.split("\t")[0] for line in answer.stdout.splitlines()}
    assert (lines["words"], lines["confidence 0.85 to 0.95"], lines["confidence 0 to 0.7"]) == (
        "drift",
        "drift",
        "too few",
    )
    assert "25 reviewed notes are new to the model" in answer.stdout
    assert lines["retraining"] in ("steady", "pays")
    with database.reading() as session:
        row = list(repository.audit_rows(session, clinic))[-1]
    assert (row.action, json.loads(row.detail)) == ("drift.measured", {"notes": 31})
