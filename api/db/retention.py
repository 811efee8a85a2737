"""Takes the words out of old notes: what remains is that there was a note, its hashes, and what was decided.

Examples
--------
>>> redact('{"note_id":"n1","services":[{"start":3,"text":"bridging"}]}')
'{"note_id":null,"services":[{"start":3,"text":""}]}'
"""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from api.audit import Actor
from api.db import repository
from api.db.session import Database

# Notes in one transaction: other writers wait no longer than these take.
BATCH = 200


def purge(database: Database, clinic_id: uuid.UUID, days: int, *, by: Actor) -> int:
    """Purge the notes that were submitted more than ``days`` days ago; return how many.

    Text, the caller's own id, the day of the visit and quoted words go; hashes, codes, minutes, offsets, reviews and audit rows
    stay, and queue items that wait for a person are withdrawn. Each batch writes an audit row. SQLite's file is overwritten where
    the text stood and its log emptied; PostgreSQL's dead rows are vacuumed. Backups that were made before still hold the text.

    Raises
    ------
    ValueError
        ``days`` is below 0.
    StorageError
        The database cannot be used; batches that were done stay done.
    """
    if days < 0:
        raise ValueError("days below 0")
    before = repository.now() - timedelta(days=days)
    done = 0
    while True:
        with database.writing() as session:
            note_ids = repository.notes_to_purge(session, clinic_id, before, BATCH)
            if not note_ids:
                break
            bodies = [(id, redact(body)) for id, body in repository.result_bodies(session, clinic_id, note_ids)]
            repository.purge(session, clinic_id, note_ids, bodies, days=days, by=by)
        done += len(note_ids)
    if done:
        _forget(database)
    return done


def redact(body: str) -> str:
    """Return a result's document without the note's words: each ``text`` is empty, ``note_id`` and ``date_of_service`` are null.

    Offsets, codes, minutes and flags stay (messages of flags hold no words of a note, see ``models/billing/flags.toml``).
    """
    return json.dumps(_without_words(json.loads(body)), ensure_ascii=False, separators=(",", ":"))


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        emptied = {"text": "", "note_id": None, "date_of_service": None}
        return {key: emptied[key] if key in emptied else _without_words(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_words(inner) for inner in value]
    return value


def _forget(database: Database) -> None:
    """Have the database give up the old versions of the rows."""
    with database.told(), database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if database.path is None:
            for table in ("notes", "results", "questions"):
                connection.execute(text(f"VACUUM {table}"))
        else:
            # Outside SQLAlchemy's transaction, which the checkpoint would have to wait for.
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.rollback()
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
