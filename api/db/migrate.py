"""Brings a database to the present tables, and tells whether it is there.

Examples
--------
>>> head() in revisions()
True
"""

from __future__ import annotations

import sqlite3
import time
from functools import cache
from importlib.resources import files

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, inspect, text
from sqlalchemy.exc import OperationalError

from api.db.errors import DatabaseBusy, SchemaAhead, SchemaBehind, SchemaMissing
from api.db.session import BUSY_SECONDS, Database
from api.db.tables import Base

# Any number, as long as nobody else uses it: two programs that upgrade at the same moment wait for each other.
_LOCK = 7_291_530_044


def upgrade(database: Database, target: str = "head") -> tuple[str | None, str]:
    """Run the missing steps in one transaction; return the step before and after (``None``: there was nothing).

    Raises
    ------
    SchemaAhead
        The database is newer than this program; nothing is changed.
    StorageError
        The database cannot be used; nothing is changed.
    """
    if database.path is not None:
        _keep_a_log(database)
    with database.connection() as connection:
        if database.path is None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _revision(connection)
        if before is not None and before not in revisions():
            raise SchemaAhead(before, head())
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, target)
        return before, _revision(connection) or "base"


def current(database: Database) -> str | None:
    """Return the step that the database is at, ``None`` where it has none of our tables.

    Raises
    ------
    StorageError
        The database cannot be used.
    """
    with database.told(), database.engine.connect() as connection:
        return _revision(connection)


def require(database: Database) -> None:
    """Make sure that the tables are those of this program.

    Raises
    ------
    SchemaMissing, SchemaBehind, SchemaAhead
        They are not; the message says what to run.
    StorageError
        The database cannot be used.
    """
    found = current(database)
    if found is None:
        raise SchemaMissing(database.where)
    if found not in revisions():
        raise SchemaAhead(found, head())
    if found != head():
        raise SchemaBehind(found, head())


def differences(database: Database) -> list[str]:
    """Return how the database's tables differ from those that the program declares, one line each.

    Raises
    ------
    StorageError
        The database cannot be used.
    """
    with database.told(), database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [repr(each) for each in compare_metadata(context, Base.metadata)]
        inspector = inspect(connection)
        there = set(inspector.get_table_names())
        # Alembic does not compare check constraints.
        for table in Base.metadata.sorted_tables:
            if table.name not in there:
                continue
            names = {check["name"] for check in inspector.get_check_constraints(table.name)}
            wanted = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
            found += [f"check constraint {name} of {table.name}" for name in sorted(map(str, names ^ wanted))]
        return found


def intact(database: Database) -> bool:
    """Return whether SQLite finds its file whole and every reference answered."""
    with database.told(), database.engine.connect() as connection:
        [(told,)] = connection.execute(text("PRAGMA integrity_check(1)")).all()
        return told == "ok" and not connection.execute(text("PRAGMA foreign_key_check")).all()


@cache
def revisions() -> tuple[str, ...]:
    """Return every step that this program knows, the oldest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())[::-1]


def head() -> str:
    """Return the step that this program needs."""
    return revisions()[-1]


def _keep_a_log(database: Database) -> None:
    """Have SQLite write to a log beside its file, so that readers never wait for the writer; the file remembers it.

    That is not possible inside a transaction, and where two programs do it at the same moment SQLite refuses one at once, whatever
    its time-out: that one asks again for as long as a writer would wait.
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with database.told():
                raw = database.engine.raw_connection()
                try:
                    raw.cursor().execute("PRAGMA journal_mode = WAL")
                except sqlite3.Error as error:
                    raise OperationalError(None, None, error) from None
                finally:
                    raw.close()
        except DatabaseBusy:
            if until <= time.monotonic():
                raise
            time.sleep(0.05)
        else:
            return


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("api.db").joinpath("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
