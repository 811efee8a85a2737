"""The engine, and the one place that commits.

`Database.writing` is one transaction: it flushes, appends the audit entries that were recorded, and commits; whatever is raised
inside rolls all of it back. `Database.reading` never commits. Both turn the drivers' errors into those of `api.db.errors`, whose
messages hold nothing of a statement's values.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from api import audit
from api.db import errors, repository

# How long a writer waits for another one, in seconds.
BUSY_SECONDS = 10.0
# How long a database that refused a write counts as one that takes none, in seconds, unless a write succeeds before.
REFUSED_SECONDS = 60.0
APPEND_ONLY_STATE = "TCAPO"
_WRITE = "therapy_coder_write"


class _NoRows(logging.Filter):
    """Drops what SQLAlchemy logs at DEBUG, wherever a logger is set to it: rows, and so notes."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


class Database:
    """A database by its address.

    Parameters
    ----------
    address
        ``sqlite:////absolute/path`` or ``postgresql+psycopg://...`` (`api.settings` checks it).
    create
        Make SQLite's file (mode 0600) and its folder (0700) where they are missing; else a missing file is an error.
    busy_seconds
        How long a write waits for another writer before it is refused.

    Examples
    --------
    >>> Database(URL.create("postgresql+psycopg", "me", "hidden", "db.example", database="clinic")).where.count("hidden")
    0
    """

    def __init__(self, address: str | URL, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = make_url(address)
        self.path = Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None
        shown = self.url.set(drivername=self.url.get_backend_name())
        self.where = shown.render_as_string(hide_password=True) if self.path is None else str(self.path)
        if create and self.path is not None:
            create_file(self.path)
        self.busy_seconds = busy_seconds
        self._writer = Lock()
        self._refused: tuple[type[errors.DatabaseFull | errors.DatabaseReadOnly], float] | None = None
        self.engine = self._engine(busy_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session on one snapshot; nothing is kept of what it writes.

        Raises
        ------
        errors.StorageError
            The database cannot be used.
        """
        with self.told(), Session(self.engine.execution_options(**{_WRITE: False})) as session:
            if self.path is None:
                # For this transaction alone: the driver's own switch would make the next one read-write, which a standby refuses.
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose transaction commits at the end, with what `api.audit.record` collected.

        Raises
        ------
        errors.StorageError
            The database cannot be used, or refused a row; nothing was kept.
        """
        bound = self.engine.execution_options(**{_WRITE: True})
        # Rows can be used after the commit; the session is over then, so that nothing stale is ever asked again.
        try:
            with self._turn(), self.told(), Session(bound, expire_on_commit=False) as session:
                yield session
                session.flush()
                repository.append_audit(session, audit.take_pending(session))
                session.commit()
        except (errors.DatabaseFull, errors.DatabaseReadOnly) as error:
            self._refused = type(error), time.monotonic() + REFUSED_SECONDS
            raise
        self._refused = None

    def require_writes(self) -> None:
        """Write, and take it back.

        A small write may get through where a note does not, and a disk is not asked before the commit: what was refused less than
        a minute ago counts until something is kept.

        Raises
        ------
        errors.StorageError
            It is read-only, full, busy or gone.
        """
        refused = self._refused
        if refused is not None and time.monotonic() < refused[1]:
            raise refused[0](self.where)
        bound = self.engine.execution_options(**{_WRITE: True})
        with self._turn(), self.told(), bound.connect() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
            connection.rollback()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let the writers of this process go one by one where the file takes one writer.

        SQLite itself makes a writer try again after ever longer pauses, so that of many some are never lucky.
        """
        if self.path is None:
            yield
            return
        if not self._writer.acquire(timeout=self.busy_seconds):
            raise errors.DatabaseBusy(self.where)
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Give a connection in one transaction, for migrations."""
        with self.told(), self.engine.execution_options(**{_WRITE: True}).begin() as connection:
            yield connection

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn errors of the driver into our own."""
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            # The chain is cut, since the driver's message may repeat the row.
            raise self.translate(error) from None

    def translate(self, error: DBAPIError | PoolTimeout) -> errors.StorageError:
        """Return the named error for one of the driver's, or for a pool without a free connection."""
        if isinstance(error, PoolTimeout):
            return errors.DatabaseBusy(self.where)
        driver = error.orig
        if isinstance(driver, sqlite3.Error):
            return self._from_sqlite(driver)
        state = getattr(driver, "sqlstate", None)
        if state is not None:
            return self._from_postgresql(state, driver)
        if error.connection_invalidated or type(driver).__name__ == "OperationalError":
            # Nothing was sent yet: the first line names host and reason alone.
            return errors.DatabaseUnavailable(self.where, (str(driver).splitlines() or ["no answer"])[0].rstrip(".:"))
        return errors.DatabaseFailed(self.where, type(driver or error).__name__)

    def _from_sqlite(self, error: sqlite3.Error) -> errors.StorageError:
        code = getattr(error, "sqlite_errorcode", None)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        primary = None if code is None else code & 0xFF
        if code == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
            return errors.AppendOnly()
        if primary == sqlite3.SQLITE_ERROR and "no such table" in str(error):
            return errors.SchemaMissing(self.where)
        if primary == sqlite3.SQLITE_CANTOPEN:
            missing = self.path is not None and not self.path.exists()
            return (
                errors.SchemaMissing(self.where)
                if missing
                else errors.DatabaseUnavailable(self.where, "the file cannot be opened")
            )
        if primary == sqlite3.SQLITE_CONSTRAINT:
            # "CHECK constraint failed: NAME", "UNIQUE constraint failed: table.column": names of ours, no values.
            return errors.RowRefused(str(error))
        simple: dict[
            int | None, type[errors.DatabaseBusy] | type[errors.DatabaseReadOnly] | type[errors.DatabaseFull]
        ] = {
            sqlite3.SQLITE_BUSY: errors.DatabaseBusy,
            sqlite3.SQLITE_LOCKED: errors.DatabaseBusy,
            sqlite3.SQLITE_READONLY: errors.DatabaseReadOnly,
            sqlite3.SQLITE_FULL: errors.DatabaseFull,
        }
        if primary in simple:
            return simple[primary](self.where)
        if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return errors.DatabaseCorrupt(self.where)
        return errors.DatabaseFailed(self.where, name)

    def _from_postgresql(self, state: str, error: Any) -> errors.StorageError:
        if state == APPEND_ONLY_STATE:
            return errors.AppendOnly()
        if state in {"42P01", "3F000"}:
            return errors.SchemaMissing(self.where)
        if state in {"25006", "42501"}:
            return errors.DatabaseReadOnly(self.where)
        if state in {"53100", "53200"}:
            return errors.DatabaseFull(self.where)
        if state in {"55P03", "57014", "40P01", "40001"}:
            return errors.DatabaseBusy(self.where)
        if state[:2] in {"08", "57", "28", "3D", "53"}:
            return errors.DatabaseUnavailable(self.where, f"PostgreSQL says {state}")
        if state.startswith("XX"):
            return errors.DatabaseCorrupt(self.where)
        if state.startswith("23"):
            # The detail would repeat the row; the constraint is a name of ours.
            return errors.RowRefused(error.diag.constraint_name or error.diag.column_name or state)
        return errors.DatabaseFailed(self.where, state)

    def _file(self) -> tuple[int, int] | None:
        """Return what tells SQLite's file from another one under the same name, ``None`` where there is none."""
        try:
            told = os.stat(self.path or "")
        except OSError:
            return None
        return told.st_dev, told.st_ino

    def _engine(self, busy_seconds: float) -> Engine:
        # Parameters are notes: they stand in no message and no log.
        common: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": True}
        logging.getLogger("sqlalchemy.engine.Engine").addFilter(_NO_ROWS)
        if self.path is None:
            engine = create_engine(self.url, connect_args={"connect_timeout": 10}, **common)

            @event.listens_for(engine, "connect")
            def _prepare_postgresql(connection: Any, _record: Any) -> None:
                with connection.cursor() as cursor:
                    cursor.execute(f"SET lock_timeout = {int(busy_seconds * 1000)}")
                connection.commit()

            return engine
        # "rw" never makes a file: only `create` does, with the right mode.
        options = {"mode": "rw"} | {name: str(value) for name, value in self.url.query.items()}
        uri = f"file:{quote(str(self.path))}?" + "&".join(f"{name}={value}" for name, value in options.items())

        def connect() -> sqlite3.Connection:
            # No isolation level: the driver begins no transaction by itself, the event below does.
            return sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)

        engine = create_engine(self.url.set(query={}), creator=connect, poolclass=QueuePool, **common)

        @event.listens_for(engine, "connect")
        def _prepare_sqlite(connection: Any, _record: Any) -> None:
            for pragma in ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON", "recursive_triggers = ON"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "checkout")
        def _same_file(_connection: Any, record: Any, _proxy: Any) -> None:
            # A connection that is kept open goes on in a file that was moved or replaced (db restore): what it wrote would be lost.
            there = self._file()
            if record.info.setdefault("file", there) != there or there is None:
                raise DisconnectionError

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # A transaction that reads first and writes later would be refused at once where another one wrote in between.
            write = connection.get_execution_options().get(_WRITE, True)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine


_NO_ROWS = _NoRows()


def create_file(path: Path) -> None:
    """Make SQLite's file with mode 0600 and its folder with 0700, where they are missing.

    Raises
    ------
    errors.DatabaseUnavailable
        They cannot be made.
    """
    try:
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise errors.DatabaseUnavailable(str(path), (error.strerror or "it cannot be made").lower()) from None
