"""The SQL of notes copied forward; as in `api.db.queue`, session and clinic come first, none commits."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from api.audit import Actor, Entry, record
from api.db.repository import clinic, now, row_of
from api.db.tables import CopyRow, Note


class Kept(NamedTuple):
    """What a kept note is compared by; ``patient_ref`` is the hash that it is kept with."""

    id: uuid.UUID
    patient_ref: str
    text: str
    visit_date: date
    external_id: str | None = None


class Found(NamedTuple):
    """That ``note_id`` was copied from ``earlier_id``; the rest as `api.db.tables.CopyRow` has it."""

    note_id: uuid.UUID
    earlier_id: uuid.UUID
    share: float
    compared: int
    cloned: list[list[int]]
    changes: list[list[int]]


def earlier(session: Session, clinic_id: uuid.UUID, patient_ref: str, day: date, limit: int) -> Sequence[Kept]:
    """Return a patient's notes of days before that one which have their words, the nearest days first."""
    of_patient = _kept(clinic_id).where(Note.patient_ref == patient_ref, Note.visit_date < day)
    found = session.execute(of_patient.order_by(Note.visit_date.desc(), Note.submitted_at.desc(), Note.id).limit(limit))
    return [Kept(*row) for row in found]


def later(session: Session, clinic_id: uuid.UUID, patient_ref: str, day: date, limit: int) -> Sequence[Kept]:
    """Return a patient's notes of days after that one which have their words and pass for no copy yet, the nearest days first."""
    found = session.execute(
        _kept(clinic_id)
        .outerjoin(CopyRow, and_(CopyRow.clinic_id == Note.clinic_id, CopyRow.note_id == Note.id))
        .where(Note.patient_ref == patient_ref, Note.visit_date > day, CopyRow.note_id.is_(None))
        .order_by(Note.visit_date, Note.submitted_at, Note.id)
        .limit(limit)
    )
    return [Kept(*row) for row in found]


def all_kept(session: Session, clinic_id: uuid.UUID) -> Sequence[Kept]:
    """Return all notes of a clinic that can be compared, patient by patient; what is shown of them, `compared` writes down."""
    found = session.execute(_kept(clinic_id).order_by(Note.patient_ref, Note.visit_date, Note.submitted_at, Note.id))
    return [Kept(*row) for row in found]


def compared(
    session: Session, clinic_id: uuid.UUID, *, notes: int, shown: Sequence[tuple[uuid.UUID, uuid.UUID]], by: Actor
) -> None:
    """Write down that so many notes of a clinic were compared, and of which copies and earlier notes words are shown.

    Raises
    ------
    UnknownClinic
        There is no such clinic.
    """
    clinic(session, clinic_id)
    for note_id, earlier_id in shown:
        record(session, clinic_id, Entry(by, "note.read", "note", note_id))
        quoted(session, clinic_id, earlier_id, note_id, by=by)
    detail = {"notes": notes, "copies": len(shown)}
    record(session, clinic_id, Entry(by, "notes.compared", "clinic", clinic_id, detail))


def add(session: Session, clinic_id: uuid.UUID, found: Found, *, by: Actor) -> CopyRow | None:
    """Keep that a note was copied forward; ``None`` where one was found before: what is kept stays.

    Raises
    ------
    UnknownRow
        The clinic has no such notes.
    """
    for note_id in (found.note_id, found.earlier_id):
        row_of(session, clinic_id, Note, "note", note_id)
    if session.get(CopyRow, (clinic_id, found.note_id)) is not None:
        return None
    row = CopyRow(clinic_id=clinic_id, **found._asdict(), created_at=now())
    session.add(row)
    session.flush()
    detail = {
        "earlier": str(found.earlier_id), "percent": int(found.share * 100), "compared": found.compared,
        "changes": len(found.changes),
    }  # fmt: skip
    record(session, clinic_id, Entry(by, "note.copied", "note", found.note_id, detail))
    return row


def of_note(session: Session, clinic_id: uuid.UUID, note_id: uuid.UUID) -> tuple[CopyRow, Note] | None:
    """Return from which note one was copied, with that note, for the program itself; ``None`` where it was not."""
    found = session.execute(
        select(CopyRow, Note)
        .join(Note, and_(Note.clinic_id == CopyRow.clinic_id, Note.id == CopyRow.earlier_id))
        .where(CopyRow.clinic_id == clinic_id, CopyRow.note_id == note_id)
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def quoted(session: Session, clinic_id: uuid.UUID, earlier_id: uuid.UUID, note_id: uuid.UUID, *, by: Actor) -> None:
    """Write down that somebody was shown words of a note beside the one that was copied from it.

    Raises
    ------
    UnknownRow
        The clinic has no such note.
    """
    row_of(session, clinic_id, Note, "note", earlier_id)
    record(session, clinic_id, Entry(by, "note.quoted", "note", earlier_id, {"copy": str(note_id)}))


def _kept(clinic_id: uuid.UUID) -> Any:
    return select(Note.id, Note.patient_ref, Note.text, Note.visit_date, Note.external_id).where(
        Note.clinic_id == clinic_id,
        Note.patient_ref.is_not(None),
        Note.visit_date.is_not(None),
        Note.purged_at.is_(None),
    )
