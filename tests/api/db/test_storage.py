"""What the database refuses and how that is told; what is in no log, error or audit row."""

from __future__ import annotations

import json
import logging
import sqlite3
import traceback
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from api.audit import SYSTEM, Actor
from api.db import migrate, repository
from api.db.errors import (
    AppendOnly,
    DatabaseBusy,
    DatabaseFailed,
    DatabaseFull,
    DatabaseReadOnly,
    NotPlain,
    RowRefused,
    StorageError,
)
from api.db.session import Database

from ..conftest import SENTINEL, FakeCoder

AddPerson = Callable[..., uuid.UUID]


DAY = date(2026, 3, 1)


def keep(database: Database, clinic: uuid.UUID, person: uuid.UUID, words: str = "bridging") -> dict[str, uuid.UUID]:
    """A note with its result and a review."""
    with database.writing() as session:
        by = Actor("person", person)
        note = repository.add_note(
            session, clinic, f"O: {words}", source="page", by=by, external_id=words, patient=words, visit_date=DAY
        )
        body = FakeCoder().code(note.text or "").model_dump_json()
        result = repository.add_result(session, clinic, note.id, body, rules_version="1", by=by)
        review = repository.add_review(
            session, clinic, result.id, person, {"action": "accept", "minutes": {"97110": 15}, "confidence": 0.5},
            reading="first", guide_version="1",
        )  # fmt: skip
        return {"note": note.id, "result": result.id, "review": review.id}


@pytest.fixture
def kept(database: Database, clinic: uuid.UUID, add_person: AddPerson) -> dict[str, uuid.UUID]:
    return keep(database, clinic, add_person(clinic))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reviews SET guide_version = 'x'",
        "DELETE FROM reviews",
        "UPDATE audit SET action = 'x'",
        "UPDATE audit SET action = action WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 1",
    ],
)
@pytest.mark.usefixtures("kept")
def test_reviews_and_audit_rows_stay(database: Database, statement: str):
    with pytest.raises(AppendOnly), database.writing() as session:
        session.execute(text(statement))
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM reviews")) == 1
        assert session.scalar(text("SELECT count(*) FROM audit WHERE action = 'x'")) == 0


@pytest.mark.parametrize("table", ["reviews", "audit"])
@pytest.mark.usefixtures("kept")
def test_no_way_around_the_triggers(database: Database, table: str):
    with pytest.raises(AppendOnly), database.writing() as session:
        if database.path is None:
            session.execute(text(f"TRUNCATE {table} CASCADE"))
        else:
            session.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))


@pytest.mark.usefixtures("kept")
def test_a_connection_without_our_settings_cannot_either(database: Database):
    if database.path is None:
        pytest.skip("PostgreSQL has no such settings")
    with sqlite3.connect(database.path) as connection:
        for statement in ("DELETE FROM audit", "INSERT OR REPLACE INTO audit SELECT * FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_the_database_itself_keeps_clinics_apart(
    database: Database, other_clinic: uuid.UUID, kept: dict[str, uuid.UUID], add_person: AddPerson
):
    stranger = add_person(other_clinic, "eve")
    with pytest.raises(RowRefused), database.writing() as session:
        session.execute(
            text("UPDATE notes SET person_id = :person"), {"person": stranger.hex if database.path else stranger}
        )


def test_a_review_is_superseded_once(database: Database, clinic: uuid.UUID, kept: dict[str, uuid.UUID]):
    def undo() -> None:
        with database.writing() as session:
            reviewer = repository.reviews(session, clinic, kept["note"])[0].reviewer_id
            repository.add_review(
                session, clinic, kept["result"], reviewer, {"action": "undo"},
                reading="first", guide_version="1", supersedes=kept["review"],
            )  # fmt: skip

    undo()
    # SQLite's trigger against INSERT OR REPLACE sees the second one first.
    with pytest.raises((RowRefused, AppendOnly)):
        undo()
    with database.reading() as session:
        assert [row.supersedes for row in repository.reviews(session, clinic, kept["note"])] == [None, kept["review"]]


def test_a_result_is_kept_to_the_letter(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    with database.writing() as session:
        by = Actor("person", person)
        note = repository.add_note(session, clinic, "O: bridging é 😀", source="api", by=by)
        body = FakeCoder().code(note.text or "").model_dump_json(indent=3)
        result_id = repository.add_result(session, clinic, note.id, body, rules_version="7", by=by).id
    with database.writing() as session:
        row = repository.read_result(session, clinic, result_id, by=by)
        assert (row.body, row.body_sha256) == (body, repository.sha256(body))
        assert (row.model_version, row.rules_version, row.code, row.flags) == ("fake", "7", "97110", [])


def test_a_submission_twice_is_one_note(database: Database, clinic: uuid.UUID):
    ids = []
    for _ in range(2):
        with database.writing() as session:
            note = repository.add_note(session, clinic, "O: x", source="api", by=SYSTEM, submission_key="k1")
            ids.append(note.id)
    assert ids[0] == ids[1]


def test_an_error_keeps_nothing(database: Database, clinic: uuid.UUID):
    with pytest.raises(ZeroDivisionError), database.writing() as session:
        repository.add_note(session, clinic, "O: x", source="api", by=SYSTEM)
        session.flush()
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM notes")) == 0
        assert [row.action for row in repository.audit_rows(session, clinic)] == ["clinic.added"]


@pytest.mark.parametrize(
    "decision",
    [
        {"reason": "patient was tired"},
        {"text": "bridging"},
        {"spans": [{"start": 1, "note": "sit to stand"}]},
        {"sit to stand": 1},
        {"word": "é"},
        {"long": "x" * 101},
    ],
)
def test_a_decision_holds_no_words(database: Database, clinic: uuid.UUID, kept: dict[str, uuid.UUID], decision: dict):
    with pytest.raises(NotPlain) as told, database.writing() as session:
        reviewer = repository.reviews(session, clinic, kept["note"])[0].reviewer_id
        repository.add_review(session, clinic, kept["result"], reviewer, decision, reading="first", guide_version="1")
    assert not any(word in str(told.value) for word in ("tired", "bridging", "sit to", "é"))


# ---- what can be wrong with a database


def test_a_full_disk(database: Database, clinic: uuid.UUID):
    with pytest.raises(DatabaseFull, match="full"), database.writing() as session:
        if database.path is None:
            # As the server itself says it.
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"))
        pages = session.scalar(text("PRAGMA page_count"))
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        repository.add_note(session, clinic, "O: " + "x" * 100_000, source="api", by=SYSTEM)
    database.close()
    with database.writing() as session:
        assert session.scalar(text("SELECT count(*) FROM notes")) == 0
        repository.add_note(session, clinic, "O: there is room again", source="api", by=SYSTEM)


def test_a_read_only_database(database: Database, clinic: uuid.UUID):
    query = {"mode": "ro"} if database.path else {"options": "-c default_transaction_read_only=on"}
    with Database(database.url.update_query_dict(query)) as closed:
        migrate.require(closed)
        with closed.reading() as session:
            assert len(repository.clinics(session)) == 1
        with pytest.raises(DatabaseReadOnly, match="read-only"), closed.writing() as session:
            repository.add_note(session, clinic, "O: x", source="api", by=SYSTEM)
        with pytest.raises(DatabaseReadOnly):
            closed.require_writes()


def test_a_busy_database(database: Database, clinic: uuid.UUID):
    with database.writing() as first, Database(database.url, busy_seconds=0.2) as second:
        repository.append_audit(first, [])
        first.execute(text("UPDATE audit_heads SET seq = seq"))
        with pytest.raises(DatabaseBusy, match="Try again"), second.writing() as session:
            repository.add_note(session, clinic, "O: x", source="api", by=SYSTEM)


def test_a_server_that_cut_the_connections_is_reached_again(database: Database, clinic: uuid.UUID):
    if database.path is not None:
        pytest.skip("SQLite has no server")
    with database.reading() as session:
        repository.clinics(session)
    with Database(database.url) as other, other.writing() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    with database.reading() as session:
        assert repository.clinics(session)[0].id == clinic


def test_a_reader_writes_nothing(database: Database, clinic: uuid.UUID):
    if database.path is None:
        with pytest.raises(DatabaseReadOnly), database.reading() as session:
            session.execute(text("UPDATE clinics SET name = 'x'"))
    else:
        with database.reading() as session:
            session.execute(text("UPDATE clinics SET name = 'x'"))
    with database.reading() as session:
        assert repository.clinics(session)[0].name == "Main Street"


# ---- no words of a note anywhere but in its columns


def test_no_note_text_in_logs_errors_or_audit(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.Engine", "alembic", "psycopg"):
        caplog.set_level(logging.DEBUG, logger=name)
    person = add_person(clinic)
    kept = keep(database, clinic, person, SENTINEL)
    with database.writing() as session:
        assert SENTINEL in (repository.read_note(session, clinic, kept["note"], by=Actor("person", person)).text or "")
    told = []
    broken = (
        "INSERT INTO notes (clinic_id, id, text) VALUES (:clinic, :clinic, :words)",  # not null
        "UPDATE notes SET source = :words",  # check
        "UPDATE notes SET text = :words WHERE no_such_column = 1",  # syntax
    )
    for statement in broken:
        with pytest.raises(StorageError) as error, database.writing() as session:
            session.execute(
                text(statement), {"clinic": clinic.hex if database.path else clinic, "words": SENTINEL[:20]}
                if ":clinic" in statement else {"words": SENTINEL[:20]},
            )  # fmt: skip
        told += traceback.format_exception(error.value)
        told.append(repr(error.value))
    with database.reading() as session:
        rows = list(repository.audit_rows(session, clinic))
    assert [row.action for row in rows][2:] == ["note.submitted", "result.kept", "review.added", "note.read"]
    assert "INSERT INTO notes" in caplog.text
    for where in (caplog.text, "".join(told), json.dumps([row.detail for row in rows])):
        assert SENTINEL not in where


def test_errors_without_a_class_name_the_engines_code(database: Database):
    with pytest.raises(DatabaseFailed) as told, database.reading() as session:
        session.execute(text("SELECT no_such_column FROM clinics"))
    assert told.value.code == ("SQLITE_ERROR" if database.path else "42703")


def test_addresses_are_shown_without_password(tmp_path: Path):
    with Database(URL.create("postgresql+psycopg", "me", "hidden", "db.example", database="x")) as database:
        assert database.where == "postgresql://me:***" + "@db.example/x"
