"""What is kept and what goes: purge, backup, restore."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import stat
import subprocess
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, text

from api import audit
from api.audit import SYSTEM
from api.db import backup, migrate, repository, retention
from api.db.errors import AppendOnly, BackupRefused, NotePurged, SchemaMissing
from api.db.session import Database
from models.result import Result

from ..conftest import SENTINEL, FakeCoder
from .conftest import Server
from .test_storage import DAY, keep

AddPerson = Callable[..., uuid.UUID]


def age(database: Database, note: uuid.UUID, days: int) -> None:
    with database.writing() as session:
        session.execute(
            text("UPDATE notes SET submitted_at = :at WHERE id = :id"),
            {
                "at": (repository.now() - timedelta(days=days)).replace(tzinfo=None).isoformat(" ")
                if database.path else repository.now() - timedelta(days=days),
                "id": note.hex if database.path else note,
            },
        )  # fmt: skip


def intact(database: Database, clinic: uuid.UUID) -> bool:
    with database.reading() as session:
        return not audit.verify(
            lambda: repository.audit_rows(session, clinic), repository.audit_head(session, clinic)
        ).findings


# ---- purge


def test_a_purge_takes_the_words_and_leaves_the_rest(
    database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson
):
    person, stranger = add_person(clinic), add_person(other_clinic)
    old, young = keep(database, clinic, person, f"bridging {SENTINEL}"), keep(database, clinic, person, "bridging")
    foreign = keep(database, other_clinic, stranger, "bridging")
    age(database, old["note"], 31)
    age(database, young["note"], 29)
    age(database, foreign["note"], 400)
    with database.writing() as session:
        before = repository.read_result(session, clinic, old["result"], by=SYSTEM)
        body, body_sha256 = Result.model_validate_json(before.body), before.body_sha256
        assert repository.purgeable(session, clinic, repository.now() - timedelta(days=30)) == 1
        item, question = uuid.uuid4(), uuid.uuid4()
        session.add_all(
            [
                repository.QueueItem(
                    clinic_id=clinic, id=item, note_id=old["note"], result_id=old["result"], reason="flagged",
                    reading="first", priority=1.0, created_at=repository.now(),
                ),
                repository.Question(
                    clinic_id=clinic, id=question, note_id=old["note"], asked_by=person, asked_at=repository.now(),
                    body=f"Was {SENTINEL} done?", answer=SENTINEL,
                ),
            ]
        )  # fmt: skip
    assert retention.purge(database, clinic, 30, by=SYSTEM) == 1
    assert retention.purge(database, clinic, 30, by=SYSTEM) == 0

    with database.writing() as session:
        with pytest.raises(NotePurged):
            repository.read_note(session, clinic, old["note"], by=SYSTEM)
        row = repository.read_result(session, clinic, old["result"], by=SYSTEM)
        assert row.body_sha256 == body_sha256
        purged = Result.model_validate_json(row.body)
        assert (purged.minutes, purged.units, purged.flags) == (body.minutes, body.units, body.flags)
        assert [(s.start, s.end, s.code, s.text) for s in purged.services] == [
            (s.start, s.end, s.code, "") for s in body.services
        ]
        [review] = repository.reviews(session, clinic, old["note"])
        assert review.decision["minutes"] == {"97110": 15}
        note = session.get(repository.Note, (clinic, old["note"]))
        assert note is not None
        assert (note.text, note.external_id, note.visit_date) == (None, None, None)
        assert note.text_sha256 == repository.sha256(f"O: bridging {SENTINEL}")
        assert note.patient_ref is not None
        state = session.get(repository.QueueItem, (clinic, item))
        asked = session.get(repository.Question, (clinic, question))
        assert state is not None
        assert asked is not None
        assert (state.state, asked.body, asked.answer) == ("withdrawn", None, None)
        younger = repository.read_note(session, clinic, young["note"], by=SYSTEM)
        assert (younger.text, younger.visit_date) == ("O: bridging", DAY)
        assert repository.read_note(session, other_clinic, foreign["note"], by=SYSTEM).text == "O: bridging"
        [written] = [row for row in repository.audit_rows(session, clinic) if row.action == "notes.purged"]
        assert written.detail == '{"notes":1,"older_than_days":30,"results":1}'
        everything = [
            repr(session.execute(text(f"SELECT * FROM {table}")).all())
            for table in ("notes", "results", "reviews", "questions", "queue_items", "audit")
        ]
    assert SENTINEL not in "".join(everything)
    assert intact(database, clinic)


def test_purged_words_are_not_in_the_file_either(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    if database.path is None:
        pytest.skip("PostgreSQL keeps its own files")
    kept = keep(database, clinic, add_person(clinic), f"bridging {SENTINEL} " + "stairs " * 2000)
    age(database, kept["note"], 2)

    def content() -> bytes:
        assert database.path is not None
        return b"".join(path.read_bytes() for path in sorted(database.path.parent.glob("test.sqlite3*")))

    assert SENTINEL.encode() in content()
    retention.purge(database, clinic, 1, by=SYSTEM)
    assert SENTINEL.encode() not in content()


def test_a_purge_goes_on_after_its_first_batch(database: Database, clinic: uuid.UUID, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        with database.writing() as session:
            note = repository.add_note(session, clinic, f"O: {number}", source="batch", by=SYSTEM).id
        age(database, note, 2)
    assert retention.purge(database, clinic, 1, by=SYSTEM) == 5
    with database.reading() as session:
        assert [row.action for row in repository.audit_rows(session, clinic)].count("notes.purged") == 3


def test_no_text_of_a_real_result_survives():
    body = FakeCoder().code(f"O: bridging {SENTINEL}").model_copy(update={"note_id": SENTINEL}).model_dump_json()
    assert SENTINEL in body
    assert "bridging" in body
    emptied = retention.redact(body)
    assert SENTINEL not in emptied
    assert "bridging" not in emptied
    Result.model_validate_json(emptied)


# Strings of a result that are no words of a note: ids, codes, and sentences of the rules' own files.
OWN_STRINGS = {
    "policy", "proposal.code", "proposal.status", "services.code", "services.other_code", "services.stated_code",
    "services.duration.kind", "services.reasons.code", "mentions.status", "documentation.element", "flags.id",
    "flags.severity", "flags.message", "flags.action", "payers.id", "payers.name", "payers.role", "payers.policy",
    "model.version", "model.profile", "model.rules",
}  # fmt: skip


def strings(schema: dict[str, Any], schemas: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths at which the description allows a string."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for choice in schema.get("anyOf", ()):
        yield from strings(choice, schemas, path)
    if schema.get("type") == "string":
        yield path
    for part in [schema["items"]] if "items" in schema else []:
        yield from strings(part, schemas, path)
    for name, part in schema.get("properties", {}).items():
        yield from strings(part, schemas, f"{path}.{name}".lstrip("."))


def test_every_string_of_a_result_is_emptied_or_no_word_of_a_note():
    schema = Result.model_json_schema()
    there = set(strings(schema, schema["$defs"]))
    assert {"services.reasons.text", "services.text", "goals.text"} <= there

    def emptied(path: str) -> bool:
        document: Any = SENTINEL
        for name in reversed(path.split(".")):
            document = {name: document}
        return SENTINEL not in retention.redact(json.dumps(document))

    assert {path for path in there if not emptied(path)} == OWN_STRINGS


def test_days_below_zero(database: Database, clinic: uuid.UUID):
    with pytest.raises(ValueError, match="below 0"):
        retention.purge(database, clinic, -1, by=SYSTEM)


# ---- backup and restore


@pytest.fixture
def sqlite_only(database: Database) -> Path:
    if database.path is None:
        pytest.skip("PostgreSQL makes its own backups")
    return database.path


def test_there_and_back(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, sqlite_only: Path, tmp_path: Path
):
    kept = keep(database, clinic, add_person(clinic))
    target = tmp_path / "away" / "copy.sqlite3"
    target.parent.mkdir()
    with database.writing() as session:  # in use, and not committed
        repository.add_note(session, clinic, "O: later", source="api", by=SYSTEM)
        session.flush()
        backup.backup(database, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["copy.sqlite3"]

    with database.writing() as session:
        repository.add_note(session, clinic, "O: lost with the restore", source="api", by=SYSTEM)
    aside = backup.restore(database, target, replace=True)
    assert aside is not None
    migrate.require(database)
    assert intact(database, clinic)
    with database.writing() as session:
        assert session.scalar(text("SELECT count(*) FROM notes")) == 1
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert repository.read_note(session, clinic, kept["note"], by=SYSTEM).text == "O: bridging"
    with Database(f"sqlite:///{aside}") as replaced, replaced.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM notes")) == 3


def test_restored_where_there_was_nothing(database: Database, clinic: uuid.UUID, sqlite_only: Path, tmp_path: Path):
    backup.backup(database, tmp_path / "copy")
    with Database(f"sqlite:///{tmp_path / 'new' / 'x.sqlite3'}") as fresh:
        assert backup.restore(fresh, tmp_path / "copy") is None
        migrate.require(fresh)
        assert intact(fresh, clinic)
        assert fresh.path is not None
        assert stat.S_IMODE(fresh.path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("sqlite_only")
def test_a_backup_never_overwrites(database: Database, tmp_path: Path):
    target = tmp_path / "copy"
    target.write_text("mine")
    with pytest.raises(BackupRefused, match="never overwrites"):
        backup.backup(database, target)
    assert target.read_text() == "mine"
    with pytest.raises(BackupRefused):
        backup.backup(database, tmp_path / "no such folder" / "copy")


@pytest.mark.usefixtures("sqlite_only")
def test_nothing_to_back_up(tmp_path: Path):
    with Database(f"sqlite:///{tmp_path / 'none'}") as missing, pytest.raises(SchemaMissing):
        backup.backup(missing, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("content", ["text", "empty", "other", "torn", "newer", "missing"])
def test_what_is_no_backup_is_refused(
    database: Database, clinic: uuid.UUID, sqlite_only: Path, tmp_path: Path, content: str
):
    source = tmp_path / "copy"
    if content in {"torn", "newer"}:
        backup.backup(database, source)
    if content == "text":
        source.write_text("no database" * 1000)
    elif content == "empty":
        source.touch()
    elif content == "torn":
        os.truncate(source, source.stat().st_size // 2)
    elif content in {"other", "newer"}:
        with sqlite3.connect(source) as connection:
            connection.execute(
                "CREATE TABLE x (y)" if content == "other" else "UPDATE alembic_version SET version_num = 'r9999'"
            )
        connection.close()
    with pytest.raises(BackupRefused):
        backup.restore(database, source, replace=True)
    with database.reading() as session:
        assert repository.clinics(session)[0].id == clinic
    assert not list(tmp_path.glob("*before-restore*"))


def test_a_restore_asks_before_it_replaces(database: Database, sqlite_only: Path, tmp_path: Path):
    backup.backup(database, tmp_path / "copy")
    with pytest.raises(BackupRefused, match="--replace"):
        backup.restore(database, tmp_path / "copy")


def test_a_damaged_database_is_replaced_and_kept(
    database: Database, clinic: uuid.UUID, sqlite_only: Path, tmp_path: Path
):
    backup.backup(database, tmp_path / "copy")
    database.close()
    for path in tmp_path.glob("test.sqlite3-*"):
        path.unlink()
    sqlite_only.write_bytes(b"damaged" * 1000)
    aside = backup.restore(database, tmp_path / "copy", replace=True)
    assert aside is not None
    assert aside.read_bytes() == b"damaged" * 1000
    assert intact(database, clinic)


def test_commands_for_postgresql_hold_no_password():
    url = URL.create(
        "postgresql+psycopg", "me", "hidden", "db.example", database="clinic", query={"host": "/run/postgresql"}
    )
    for command in (backup.pg_dump(url, "a b.dump"), backup.pg_restore(url, "a b.dump")):
        assert "hidden" not in command
        assert "'a b.dump'" in command or "'--file=a b.dump'" in command
        assert "+psycopg" not in command


def test_the_commands_for_postgresql_work(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, tmp_path: Path, request: pytest.FixtureRequest
):
    if database.path is not None:
        pytest.skip("SQLite has its own backup")
    server: Server = request.getfixturevalue("server")
    kept = keep(database, clinic, add_person(clinic))
    target, fresh = tmp_path / "clinic.dump", f"t{uuid.uuid4().hex}"
    server.run(f"CREATE DATABASE {fresh}")
    url = server.url(fresh)
    for line in (backup.pg_dump(database.url, str(target)), backup.pg_restore(url, str(target))):
        program, *arguments = shlex.split(line)
        ran = subprocess.run([server.binaries / program, *arguments], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")
    with Database(url) as restored:
        migrate.require(restored)
        assert migrate.differences(restored) == []
        assert intact(restored, clinic)
        with restored.writing() as session:
            assert repository.read_note(session, clinic, kept["note"], by=SYSTEM).text == "O: bridging"
        with pytest.raises(AppendOnly), restored.writing() as session:
            session.execute(text("DELETE FROM reviews"))
    server.run(f"DROP DATABASE {fresh} WITH (FORCE)")
