"""Backup and restore of an SQLite database while it is in use; for PostgreSQL, the commands that do it there.

Examples
--------
>>> pg_dump(URL.create("postgresql+psycopg", "me", "hidden", "db.example", 5433, "clinic"), "clinic.dump")
'pg_dump --format=custom --file=clinic.dump --dbname=postgresql://me@db.example:5433/clinic'
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL

from api.db import migrate
from api.db.errors import BackupRefused, DatabaseBusy, DatabaseFull, DatabaseUnavailable, SchemaMissing
from api.db.session import Database, create_file

# A copy waits for writers; it is given up after this many seconds without a step forward.
_PATIENCE = 30.0


def backup(database: Database, target: Path) -> None:
    """Copy an SQLite database to a new file (mode 0600) by the online backup API, whole or not at all.

    Raises
    ------
    BackupRefused
        The target is there already, cannot be written, or the copy is not intact.
    SchemaMissing
        There is no database to copy.
    """
    source = _sqlite(database)
    if not source.exists():
        raise SchemaMissing(database.where)
    if target.exists():
        raise BackupRefused(str(target), "is there already; a backup never overwrites.")
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(source, unfinished, database)
        # One file and no log beside it, so that it can be carried away.
        _set_journal(unfinished, "DELETE")
        _check(unfinished, str(target))
        with unfinished.open("rb") as copied:
            os.fsync(copied.fileno())
        # A link, not a rename: it never replaces a file that somebody made meanwhile.
        os.link(unfinished, target)
    except OSError as error:
        raise BackupRefused(str(target), f"{error.strerror or 'it cannot be written'}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def restore(database: Database, source: Path, *, replace: bool = False) -> Path | None:
    """Put a backup in the place of an SQLite database; return where the replaced one was kept (``None``: there was none).

    The backup is checked before anything is touched. Programs that have the database open see the restored one at their next
    transaction.

    Raises
    ------
    BackupRefused
        The file is no intact backup of this program's tables, or there is a database already and ``replace`` was not given.
    DatabaseBusy, DatabaseFull
        The database is in use for longer than we wait, or its disk is full; it is as it was.
    """
    target = _sqlite(database)
    if not source.is_file():
        raise BackupRefused(str(source), "is no file.")
    _check(source, str(source))
    kept = None
    if target.exists():
        if not replace:
            raise BackupRefused(
                str(target), "there is a database already; add --replace to put the backup in its place."
            )
        kept = target.with_name(f"{target.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        if target.stat().st_size:
            database.engine.dispose()
            _keep_aside(database, target, kept)
        else:
            kept = None
    create_file(target)
    _copy(source, target, database)
    _set_journal(target, "WAL")
    return kept


def pg_dump(url: URL, target: str) -> str:
    """Return the command that backs a PostgreSQL database up; the password is not in it (libpq takes PGPASSWORD or ~/.pgpass)."""
    return shlex.join(["pg_dump", "--format=custom", f"--file={target}", f"--dbname={_libpq(url)}"])


def pg_restore(url: URL, source: str) -> str:
    """Return the command that restores it into an empty database.

    Examples
    --------
    >>> pg_restore(URL.create("postgresql+psycopg", database="clinic"), "clinic.dump")
    'pg_restore --exit-on-error --single-transaction --dbname=postgresql:///clinic clinic.dump'
    """
    return shlex.join(["pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={_libpq(url)}", source])


def _libpq(url: URL) -> str:
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return bare.render_as_string(hide_password=False)


def _sqlite(database: Database) -> Path:
    if database.path is None:
        raise ValueError("PostgreSQL is backed up by pg_dump")
    return database.path


def _keep_aside(database: Database, target: Path, kept: Path) -> None:
    """Keep what is about to be replaced: as a copy where it can be read, else the damaged file itself."""
    try:
        backup(database, kept)
    except BackupRefused:
        for suffix in ("", "-wal", "-shm"):
            file = target.with_name(target.name + suffix)
            if file.exists():
                file.rename(kept.with_name(kept.name + suffix))


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, timeout=_PATIENCE)


def _copy(source: Path, target: Path, database: Database) -> None:
    try:
        with closing(_open(source, "ro")) as reading, closing(_open(target, "rw")) as writing:
            # One step for all pages: the copy is one moment of the source.
            reading.backup(writing)
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise DatabaseBusy(database.where) from None
        if code == sqlite3.SQLITE_FULL:
            raise DatabaseFull(str(target)) from None
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise BackupRefused(str(source), "is no intact database.") from None
        raise DatabaseUnavailable(str(target), getattr(error, "sqlite_errorname", "it failed")) from None


def _set_journal(path: Path, mode: str) -> None:
    with closing(_open(path, "rw")) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")


def _check(path: Path, name: str) -> None:
    """Refuse a file that is no whole database of ours, or a newer program's."""
    try:
        with closing(_open(path, "ro")) as connection:
            [(intact,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
            if intact != "ok":
                raise BackupRefused(name, "is damaged.")
            [(step,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except (sqlite3.Error, ValueError):
        raise BackupRefused(name, "is no backup of Therapy Coder.") from None
    if step not in migrate.revisions():
        raise BackupRefused(name, f"is of step {step}, which this program does not know; update it first.")
