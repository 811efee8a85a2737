"""The schema: made from nothing, equal to the declared tables, and told when it is not there."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from api.db import migrate
from api.db.errors import DatabaseCorrupt, DatabaseUnavailable, SchemaAhead, SchemaBehind, SchemaMissing
from api.db.session import Database
from api.db.tables import Base


def test_from_nothing_to_the_declared_tables(empty: Database):
    assert migrate.current(empty) is None
    assert migrate.upgrade(empty) == (None, migrate.head())
    assert migrate.differences(empty) == []
    with empty.reading() as session:
        found = set(inspect(session.connection()).get_table_names())
    assert found == {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}
    migrate.require(empty)


def test_again_changes_nothing(database: Database):
    assert migrate.upgrade(database) == (migrate.head(), migrate.head())


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE notes ADD COLUMN extra INTEGER",
        "DROP INDEX ix_notes_clinic_id_text_sha256",
        "DROP TABLE questions",
    ],
)
def test_a_difference_is_seen(database: Database, statement: str):
    with database.connection() as connection:
        connection.execute(text(statement))
    assert migrate.differences(database) != []


def test_every_table_begins_with_the_clinic():
    for table in Base.metadata.sorted_tables:
        if table.name == "clinics":
            continue
        assert next(iter(table.primary_key.columns)).name == "clinic_id", table.name
        for key in table.foreign_key_constraints:
            assert key.column_keys[0] == "clinic_id", (table.name, key.column_keys)


def test_no_tables_says_what_to_run(empty: Database):
    with pytest.raises(SchemaMissing, match="therapy-coder db upgrade"):
        migrate.require(empty)


def test_a_query_without_tables_says_what_to_run(empty: Database):
    with pytest.raises(SchemaMissing, match="db upgrade"), empty.reading() as session:
        session.execute(text("SELECT * FROM notes"))


@pytest.mark.parametrize(("step", "error"), [("r9999", SchemaAhead), ("r0001", SchemaBehind)])
def test_another_step_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: str, error: type[Exception]
):
    if error is SchemaBehind:
        monkeypatch.setattr(migrate, "head", lambda: "r0002")
    with database.connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :step"), {"step": step})
    with pytest.raises(error, match=step):
        migrate.require(database)
    if error is SchemaAhead:
        with pytest.raises(SchemaAhead):
            migrate.upgrade(database)


def test_two_upgrades_at_once(empty: Database):
    told: list[tuple[str | None, str] | Exception] = []

    def run() -> None:
        try:
            with Database(empty.url) as own:
                told.append(migrate.upgrade(own))
        except Exception as error:
            told.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told, key=repr) == [(migrate.head(),) * 2] * 3 + [(None, migrate.head())]


def test_the_file_and_its_folder_are_the_users_own(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "x.sqlite3"
    with Database(f"sqlite:///{path}", create=True) as database:
        migrate.upgrade(database)
        with database.reading() as session:
            assert session.scalar(text("PRAGMA journal_mode")) == "wal"
            assert session.scalar(text("PRAGMA foreign_keys")) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in path.parents[:2]] == [0o700, 0o700]


def test_no_command_but_upgrade_makes_a_file(tmp_path: Path):
    path = tmp_path / "none.sqlite3"
    with Database(f"sqlite:///{path}") as database, pytest.raises(SchemaMissing):
        migrate.require(database)
    assert not path.exists()


def test_a_file_that_is_no_database(tmp_path: Path):
    path = tmp_path / "x.sqlite3"
    path.write_bytes(b"no database at all" * 500)
    with Database(f"sqlite:///{path}") as database, pytest.raises(DatabaseCorrupt):
        migrate.require(database)


def test_a_server_that_is_not_there(tmp_path: Path):
    with (
        Database("postgresql+psycopg://me:hidden" + f"@/x?host={tmp_path}") as database,
        pytest.raises(DatabaseUnavailable) as told,
    ):
        migrate.require(database)
    assert "hidden" not in str(told.value)
    assert told.value.reason
