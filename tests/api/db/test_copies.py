"""Notes copied forward among those that are kept: found as they come in, shown to the coder, told for a year; on both engines."""

from __future__ import annotations

import inspect
import json
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner

from api.audit import SYSTEM
from api.cli import app
from api.db import copies, migrate, queue, repository, retention
from api.db.errors import RowRefused, UnknownClinic, UnknownRow
from api.db.session import Database
from api.db.tables import CopyRow, QueueItem
from api.queue.submit import submit_values
from models.copied import bounds

from ..conftest import SENTINEL
from .reviewing import Clinic, ReviewCoder, open_clinic
from .test_keep import age
from .test_storage import keep

BODY = (
    "S: Knee less sore on the front steps, slept through. O: bridging 20 with green band and cues for the pelvis, "
    f"heel slides on the board. A: Quad lag 5 deg, {SENTINEL} weak in the last third, needs hints for hip hinge."
)
NEXT = BODY.replace("5 deg", "4 deg")
OTHER = (
    "S: Tired after a poor night, hip aches since Sunday. O: stairs 15 with the rail on her right, rest twice for breath. "
    "A: Trunk leans to one side when stepping over the tub, abductors three plus of five."
)
GOALS = (
    "LTG: carry ten pounds of laundry up twelve steps with one rail in four weeks so that she can do laundry on her own\n"
    "STG: walk a thousand feet to the store and back with the rollator and no rest in eight weeks\n"
)


@pytest.fixture
def here(database: Database) -> Iterator[Clinic]:
    yield from open_clinic(database, "here")


@pytest.fixture
def there(database: Database) -> Iterator[Clinic]:
    yield from open_clinic(database, "there")


def visit(clinic: Clinic, words: str, day: str, login: str = "theo", **fields: Any) -> Any:
    return clinic.submit(words, login, **{"patient_ref": "p1", "date_of_service": f"2026-{day}", **fields})


def rows(clinic: Clinic) -> list[tuple[str, str]]:
    """Which note was copied from which."""
    with clinic.database.reading() as session:
        found = session.scalars(select(CopyRow).order_by(CopyRow.created_at, CopyRow.note_id))
        return [(str(row.note_id), str(row.earlier_id)) for row in found]


def reasons(clinic: Clinic) -> dict[str, str]:
    """Why each note waits."""
    with clinic.database.reading() as session:
        return {str(item.note_id): item.reason for item in session.scalars(select(QueueItem))}


# ---- as a note comes in


def test_a_copy_waits_and_says_of_what_and_its_result_is_as_ever(here: Clinic):
    first, copy = visit(here, BODY, "01-05", note_id="n1"), visit(here, NEXT, "01-08", note_id="n2")
    assert (first["waits"], first["copied_from"]) == (False, None)
    assert (copy["waits"], copy["copied_from"]) == (True, first["id"])
    assert rows(here) == [(copy["id"], first["id"])]
    assert reasons(here) == {copy["id"]: "copied"}
    # The result knows nothing of it, neither as answered nor as kept.
    alone = visit(here, NEXT, "01-08", patient_ref="p2", note_id="n2")
    assert alone["result"] == copy["result"]
    with here.database.reading() as session:
        kept = queue.kept(session, here.id, uuid.UUID(copy["id"]))
        assert json.loads(kept.result.body) == copy["result"]
    listed = here.get("cora", "/v1/queue?reason=copied")
    assert [(each["note_id"], each["reason"]) for each in listed["entries"]] == [(copy["id"], "copied")]
    assert (listed["reasons"], here.get("cora", "/v1/queue?reason=flagged")["entries"]) == ({"copied": 1}, [])


# What is no copy, a step away from what is one.
TWINS = {
    "the same day": {"day": "01-05"},
    "another patient": {"patient_ref": "p2"},
    "no patient": {"patient_ref": None},
    "no day": {"date_of_service": None},
    "other words": {"words": OTHER},
    "repeated goals": {"words": GOALS + OTHER},
    "too few words": {"words": "O: bridging 20"},
}


@pytest.mark.parametrize("fields", TWINS.values(), ids=TWINS)
def test_what_is_no_copy_waits_for_nobody(here: Clinic, fields: dict[str, Any]):
    fields = dict(fields)
    visit(here, GOALS + BODY, "01-05")
    if "words" in fields and len(fields["words"]) < 20:
        visit(here, fields["words"], "01-06")
    answer = visit(here, fields.pop("words", GOALS + NEXT), fields.pop("day", "01-08"), **fields)
    assert (answer["waits"], answer["copied_from"], rows(here)) == (False, None, [])


def test_another_clinics_patient_of_that_name_is_another_patient(here: Clinic, there: Clinic):
    first = visit(here, BODY, "01-05")
    assert visit(there, NEXT, "01-08")["copied_from"] is None
    assert rows(here) == []
    assert visit(here, NEXT, "01-08")["copied_from"] == first["id"]


def test_a_purged_note_is_compared_with_nothing(here: Clinic):
    first = visit(here, BODY, "01-05")
    age(here.database, uuid.UUID(first["id"]), 40)
    retention.purge(here.database, here.id, 30, by=SYSTEM)
    assert visit(here, NEXT, "01-08")["copied_from"] is None


def test_a_flagged_copy_waits_as_a_copy_and_weighs_more(here: Clinic):
    visit(here, BODY, "01-05")
    flagged = visit(here, OTHER + " flag:no_unit", "01-06")
    both = visit(here, NEXT + " flag:no_unit", "01-08")
    assert reasons(here) == {flagged["id"]: "flagged", both["id"]: "copied"}
    first, second = here.get("cora", "/v1/queue")["entries"]
    assert (first["note_id"], first["flags"]) == (both["id"], ["no_unit"])
    assert first["priority"] > second["priority"]


@pytest.mark.parametrize(("drawn", "reason", "sampled"), [(1.0, "audit_sample", 2), (0.0, "copied", 0)])
def test_a_copy_that_is_drawn_stays_of_the_sample_and_others_are_no_sample(
    database: Database, drawn: float, reason: str, sampled: int
):
    for clinic in open_clinic(database, "here", audit_share=drawn):
        visit(clinic, BODY, "01-05")
        copy = visit(clinic, NEXT, "01-08")
        assert reasons(clinic)[copy["id"]] == reason
        while claim := clinic.claim("cora"):
            clinic.decide("cora", claim)
        bands = clinic.get("cora", "/v1/dashboard")["acceptance"]
        assert sum(band["sampled"]["decided"] for band in bands) == sampled


def test_sent_again_it_is_the_same_copy(here: Clinic):
    first = visit(here, BODY, "01-05")
    fields = {"text": NEXT, "patient_ref": "p1", "date_of_service": "2026-01-08"}
    once, again = (here.post("theo", "/v1/notes", fields, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert once == again
    assert once["copied_from"] == first["id"]
    assert here.actions("note.copied") == ["note.copied"]


def test_no_word_is_in_the_row_or_in_the_trail(here: Clinic):
    first, copy = visit(here, BODY, "01-05"), visit(here, NEXT, "01-08")
    here.claim("cora")
    with here.database.reading() as session:
        kept = repr(session.execute(text("SELECT * FROM copies")).all())
        trail = {
            row.action: (row.subject_id, json.loads(row.detail)) for row in repository.audit_rows(session, here.id)
        }
    assert SENTINEL not in kept + repr(trail)
    assert trail["note.copied"] == (
        copy["id"], {"earlier": first["id"], "percent": 92, "compared": 1, "changes": 1},
    )  # fmt: skip
    assert trail["note.quoted"] == (first["id"], {"copy": copy["id"]})


# ---- days, not arrivals


def test_an_earlier_day_that_comes_in_later_marks_what_was_copied_from_it(here: Clinic):
    copy = visit(here, NEXT, "01-08")
    assert (copy["waits"], copy["copied_from"]) == (False, None)
    first = visit(here, BODY, "01-05")
    assert (first["waits"], first["copied_from"]) == (False, None)
    assert rows(here) == [(copy["id"], first["id"])]
    assert reasons(here) == {copy["id"]: "copied"}
    # What was found stays: a third one of a day between is a copy itself, and changes nothing of the other.
    between = visit(here, NEXT, "01-07")
    assert rows(here) == [(copy["id"], first["id"]), (between["id"], first["id"])]


def test_a_copy_that_was_decided_before_is_marked_and_does_not_wait_again(here: Clinic):
    copy = visit(here, NEXT + " flag:no_unit", "01-08")
    here.decide("cora", here.claim("cora"))
    first = visit(here, BODY, "01-05")
    assert rows(here) == [(copy["id"], first["id"])]
    assert here.claim("carl") is None
    assert here.get("cora", f"/v1/notes/{copy['id']}")["copied"]["note_id"] == first["id"]


def test_lines_of_one_batch_see_each_other_in_any_order(here: Clinic):
    lines = [
        {"text": words, "note_id": name, "patient_ref": patient, "date_of_service": f"2026-01-{day:02}"}
        for name, words, patient, day in (
            ("b", NEXT, "p1", 8), ("a", BODY, "p1", 5), ("c", NEXT, "p2", 9), ("d", NEXT + " Went home.", "p1", 12),
            ("e", OTHER, "p1", 13),
        )
    ]  # fmt: skip
    bad = {**lines[0], "note_id": "z", "therapist": "nobody"}
    done = list(submit_values([*lines, bad], here.database, ReviewCoder(), here.id))  # type: ignore[arg-type]
    assert [hasattr(each, "error") for each in done] == [False] * 5 + [True]
    with here.database.reading() as session:
        names = {str(note.id): note.external_id for note in session.scalars(select(repository.Note))}
    assert sorted((names[later], names[earlier]) for later, earlier in rows(here)) == [("b", "a"), ("d", "b")]
    assert {names[note]: reason for note, reason in reasons(here).items()} == {"b": "copied", "d": "copied"}
    # Broken off and begun again, it finds nothing twice.
    list(submit_values(lines, here.database, ReviewCoder(), here.id))  # type: ignore[arg-type]
    assert len(rows(here)) == 2


def test_a_note_is_compared_with_so_many_of_the_nearest(here: Clinic, monkeypatch: pytest.MonkeyPatch):
    few = bounds()._replace(notes=2)
    monkeypatch.setattr("api.queue.copies.bounds", lambda: few)
    visit(here, BODY, "01-05")
    for day in ("01-06", "01-07"):
        visit(here, " ".join(random.Random(day).sample(OTHER.split(), 25)), day)
    assert visit(here, NEXT, "01-08")["copied_from"] is None
    monkeypatch.setattr("api.queue.copies.bounds", lambda: few._replace(notes=5))
    later = visit(here, NEXT + " Went home.", "01-09")
    assert here.get("cora", f"/v1/notes/{later['id']}")["copied"]["compared"] == 4
    monkeypatch.setattr("api.queue.copies.bounds", lambda: few._replace(notes=5, characters=len(NEXT) + 20))
    last = visit(here, NEXT + " Went home.", "01-10")
    assert here.get("cora", f"/v1/notes/{last['id']}")["copied"]["compared"] == 1


# ---- shown


def test_the_coder_sees_what_was_cloned_and_what_changed(here: Clinic):
    first, copy = visit(here, BODY, "01-05", note_id="n1"), visit(here, NEXT, "01-08", note_id="n2")
    claim = here.claim("cora")
    told = claim["copied"]
    assert {name: told[name] for name in ("note_id", "external_id", "date_of_service", "compared")} == {
        "note_id": first["id"], "external_id": "n1", "date_of_service": "2026-01-05", "compared": 1,
    }  # fmt: skip
    assert 0.7 <= told["share"] < 1
    at = NEXT.index("4 deg")
    assert told["changes"] == [{"start": at, "end": at + 1, "before": "5", "after": "4"}]
    assert [NEXT[span["start"] : span["end"]] in BODY for span in told["cloned"]] == [True, True]
    assert here.get("carl", f"/v1/notes/{copy['id']}")["copied"] == told
    assert here.get("cora", f"/v1/notes/{first['id']}")["copied"] is None


def test_a_therapist_reads_own_words_alone(here: Clinic):
    visit(here, BODY, "01-05", "theo", note_id="n1")
    own, foreign = visit(here, NEXT, "01-08", "theo"), visit(here, NEXT + " Went home.", "01-09", "thea")
    told = here.get("theo", f"/v1/notes/{own['id']}")["copied"]
    assert [each["before"] for each in told["changes"]] == ["5"]
    told = here.get("thea", f"/v1/notes/{foreign['id']}")["copied"]
    assert (told["date_of_service"], told["external_id"]) == ("2026-01-08", None)
    assert [each["before"] for each in told["changes"]] == [None]
    here.get("thea", f"/v1/notes/{own['id']}", 404)


def test_another_clinic_and_nobody_are_refused(here: Clinic, there: Clinic):
    visit(here, BODY, "01-05")
    copy = visit(here, NEXT, "01-08")
    there.get("tina", f"/v1/notes/{copy['id']}", 404)
    there.get("nobody", f"/v1/notes/{copy['id']}", 401)
    here.get("adam", f"/v1/notes/{copy['id']}", 403)


def test_a_purge_takes_the_words_on_both_sides(here: Clinic):
    first, copy = visit(here, BODY, "01-05", note_id="n1"), visit(here, NEXT, "01-08")
    age(here.database, uuid.UUID(first["id"]), 40)
    assert retention.purge(here.database, here.id, 30, by=SYSTEM) == 1
    told = here.claim("cora")["copied"]
    assert (told["external_id"], told["date_of_service"]) == (None, None)
    assert [(each["before"], each["after"]) for each in told["changes"]] == [(None, "4")]
    assert here.actions("note.quoted") == []
    age(here.database, uuid.UUID(copy["id"]), 40)
    assert retention.purge(here.database, here.id, 30, by=SYSTEM) == 1
    here.get("cora", f"/v1/notes/{copy['id']}", 410)
    with here.database.reading() as session:
        everything = [
            repr(session.execute(text(f"SELECT * FROM {table}")).all()) for table in ("copies", "notes", "results")
        ]
    assert SENTINEL not in "".join(everything)
    assert rows(here) == [(copy["id"], first["id"])]


# ---- a year


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", database.url.render_as_string(hide_password=False))
    return lambda *arguments: CliRunner().invoke(app, ["copied", *arguments])


def test_the_command_compares_all_that_is_kept(here: Clinic, there: Clinic, run: Callable[..., Any], tmp_path: Path):
    visit(there, BODY, "01-05")
    for day, words, name in (("01-05", BODY, "n1"), ("02-08", NEXT, "n2"), ("03-09", NEXT + " Went home.", "n3")):
        visit(here, words, day, note_id=name)
    visit(here, BODY, "03-10", patient_ref="p2")
    ran = run("--kept", "--clinic", "here")
    assert (ran.exit_code, ran.stderr) == (1, "2 notes copied forward; 4 compared.\n")
    assert ran.stdout.splitlines() == [
        "n2 (2026-02-08): 92 % stands so in n1 (2026-01-05); changes: 1", '  "5" -> "4"',
        "n3 (2026-03-09): 95 % stands so in n2 (2026-02-08); changes: 1", '  "" -> "Went home"',
    ]  # fmt: skip
    [copy] = json.loads(run("--kept", "--clinic", "here", "--since", "2026-03-09", "--json").stdout)
    assert (copy["external_id"], copy["earlier_external_id"], copy["earlier_date"]) == ("n3", "n2", "2026-02-08")
    ran = run("--kept", "--clinic", "there")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "0 notes copied forward; 1 compared.\n")
    with here.database.reading() as session:
        rows = list(repository.audit_rows(session, here.id))
    told = [row for row in rows if row.action == "notes.compared"]
    assert [row.detail for row in told] == ['{"copies":2,"notes":4}', '{"copies":1,"notes":4}']
    # Each note of which words were shown says so, and only these.
    shown = [(row.action, row.subject_id) for row in rows if row.action in ("note.read", "note.quoted")]
    others = {subject for _, subject in shown} - {copy["note_id"]}
    assert [action for action, _ in shown] == ["note.read", "note.quoted"] * 3
    assert shown[-2:] == [("note.read", copy["note_id"]), ("note.quoted", copy["earlier_id"])]
    assert len(others) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Give a file of notes, or --kept"),
        (("notes.jsonl", "--kept"), "Give a file of notes, or --kept"),
        (("notes.jsonl", "--since", "2026-01-01"), "go with --kept"),
        (("--kept", "--clinic", "nowhere"), "nowhere"),
    ],
)
def test_what_the_command_refuses(here: Clinic, run: Callable[..., Any], arguments: tuple[str, ...], told: str):
    ran = run(*arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert told in ran.stderr


# ---- the database


def test_the_step_keeps_what_refers_to_the_queue(empty: Database):
    """On SQLite the table of the queue is made anew, with rows that reviews and questions refer to."""
    migrate.upgrade(empty, "r0002")
    with empty.writing() as session:
        clinic = repository.add_clinic(session, "here", "here", by=SYSTEM).id
        person = repository.add_person(session, clinic, "cora", "Cora", "coder", by=SYSTEM).id
    kept = keep(empty, clinic, person)
    with empty.writing() as session:
        item = queue.enqueue(
            session, clinic, kept["result"], reason="flagged", reading="first", priority=1.5, variety="v", by=SYSTEM
        )
        repository.add_review(
            session, clinic, kept["result"], person, {"kind": "accept"}, reading="first", guide_version="1",
            queue_item_id=item.id,
        )  # fmt: skip
        before = repr(session.execute(text("SELECT * FROM queue_items")).all())
    assert migrate.upgrade(empty) == ("r0002", migrate.head())
    assert migrate.differences(empty) == []
    assert empty.path is None or migrate.intact(empty)
    with empty.writing() as session:
        assert repr(session.execute(text("SELECT * FROM queue_items")).all()) == before
        session.get_one(QueueItem, (clinic, item.id)).reason = "copied"
    with pytest.raises(RowRefused), empty.writing() as session:
        session.get_one(QueueItem, (clinic, item.id)).reason = "whatever"


def test_functions_take_the_clinic_and_know_no_others_rows(here: Clinic, there: Clinic):
    first, copy = (uuid.UUID(visit(here, words, day)["id"]) for words, day in ((BODY, "01-05"), (NEXT, "01-08")))
    day = date(2026, 1, 6)
    with here.database.reading() as session:
        patient_ref = session.get_one(repository.Note, (here.id, first)).patient_ref or ""
    found = copies.Found(copy, first, 0.9, 1, [], [])
    refused = {
        "add": (UnknownRow, lambda s: copies.add(s, there.id, found, by=SYSTEM)),
        "quoted": (UnknownRow, lambda s: copies.quoted(s, there.id, first, copy, by=SYSTEM)),
        "compared": (UnknownClinic, lambda s: copies.compared(s, uuid.uuid4(), notes=1, shown=[], by=SYSTEM)),
    }
    empty = {
        "earlier": lambda s, id: copies.earlier(s, id, patient_ref, day, 9),
        "later": lambda s, id: copies.later(s, id, patient_ref, day - timedelta(days=9), 9),
        "all_kept": copies.all_kept,
        "of_note": lambda s, id: copies.of_note(s, id, copy),
    }
    functions = {
        name: function
        for name, function in inspect.getmembers(copies, inspect.isfunction)
        if function.__module__ == copies.__name__ and not name.startswith("_")
    }
    assert set(refused) | set(empty) == set(functions)
    for name, function in functions.items():
        assert list(inspect.signature(function).parameters)[:2] == ["session", "clinic_id"], name
    for error, call in refused.values():
        with pytest.raises(error), here.database.writing() as session:
            call(session)
    with here.database.writing() as session:
        for name, call in empty.items():
            assert not call(session, there.id), name
            assert call(session, here.id), name
        assert copies.add(session, here.id, found, by=SYSTEM) is None
        # A note of the day itself is no earlier one, and one that passes for a copy is looked at no more.
        own = (session, here.id, patient_ref)
        assert [each.id for each in copies.earlier(*own, date(2026, 1, 8), 9)] == [first]
        assert [each.id for each in copies.later(*own, date(2026, 1, 4), 9)] == [first]
        assert copies.later(*own, date(2026, 1, 5), 9) == []
