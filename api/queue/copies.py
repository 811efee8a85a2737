"""Notes copied forward among those that are kept: a note that comes in is compared with the same patient's others.

What counts is the day of service, not which came first: a note of an earlier day that comes in later may be what one that is kept
already was copied from, and that one is marked then. Notes that come in at the same moment in two requests do not see each other;
`copied --kept` compares all that is kept.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.access import Principal
from api.audit import Actor
from api.db import copies, queue, repository
from api.db.copies import Found, Kept
from api.db.session import Database
from api.db.tables import CopyRow, Note
from api.decisions import Stretch
from api.queue.order import priority, variety
from models.copied import Bounds, Copy, Visit, bounds, find_copied, find_copy
from models.result import Result

if TYPE_CHECKING:
    from api.queue.submit import Submission


class CopyChange(BaseModel):
    """What changed: words of the earlier note, and what stands in their place."""

    model_config = ConfigDict(frozen=True)

    start: int = Field(description="Where in this note; where words were only taken away, start is end.")
    end: int
    before: str | None = Field(description="Null where the earlier note was purged or is not for who asks.")
    after: str


class CopyShown(BaseModel):
    """From which earlier note of the same patient a note was copied forward, what was cloned and what changed."""

    model_config = ConfigDict(frozen=True)

    note_id: uuid.UUID = Field(description="The earlier note.")
    external_id: str | None = Field(description="Its name where it came from.")
    date_of_service: date | None = Field(description="Null where it was purged.")
    share: float = Field(description="How much of this note stands so in it, in [0, 1].")
    compared: int = Field(description="With how many notes this one was compared, the nearest days first.")
    cloned: tuple[Stretch, ...] = Field(description="Where this note has the earlier one's words.")
    changes: tuple[CopyChange, ...]


class _Question(NamedTuple):
    """Whether ``later`` was copied from one of ``others``, which are of earlier days."""

    later: Kept
    others: Sequence[Kept]


# ---- what comes in


def find(
    database: Database, clinic_id: uuid.UUID, incoming: Sequence[tuple[uuid.UUID, Submission]]
) -> tuple[Found, ...]:
    """Return which of these notes, and which kept ones of later days, were copied forward; nothing is kept yet.

    Parameters
    ----------
    incoming
        Notes by the ids that they will have; those without a patient or a day are compared with nothing.

    Raises
    ------
    StorageError
        The database cannot be used.
    """
    if not any(each.patient_ref and each.date_of_service for _, each in incoming):
        return ()
    with database.reading() as session:
        questions = list(_questions(session, clinic_id, [*_known(session, clinic_id, incoming)], bounds()))
    return tuple(_answers(questions))


def _known(session: Session, clinic_id: uuid.UUID, incoming: Iterable[tuple[uuid.UUID, Submission]]) -> Iterator[Kept]:
    for note_id, each in incoming:
        if each.patient_ref and each.date_of_service:
            reference = repository.reference(session, clinic_id, each.patient_ref)
            yield Kept(note_id, reference, each.text, each.date_of_service)


def _questions(session: Session, clinic_id: uuid.UUID, new: Sequence[Kept], most: Bounds) -> Iterator[_Question]:
    """Yield what has to be compared: each new note with those before it, and each kept one after it with the new ones."""
    kept_later: dict[uuid.UUID, Kept] = {}
    for each in new:
        own = (each.patient_ref, each.visit_date, most.notes)
        kept_later |= {one.id: one for one in copies.later(session, clinic_id, *own)}
        others = [*copies.earlier(session, clinic_id, *own), *_before(each, new)]
        # Of one day what is kept comes first, as it came.
        nearest = sorted(others, key=lambda one: one.visit_date, reverse=True)
        yield _Question(each, _bounded(nearest, most))
    for each in kept_later.values():
        yield _Question(each, _bounded(_before(each, new), most))


def _before(later: Kept, others: Iterable[Kept]) -> list[Kept]:
    return [each for each in others if each.patient_ref == later.patient_ref and each.visit_date < later.visit_date]


def _bounded(notes: Sequence[Kept], most: Bounds) -> list[Kept]:
    taken: list[Kept] = []
    characters = 0
    for each in notes[: most.notes]:
        characters += len(each.text)
        if taken and characters > most.characters:
            break
        taken.append(each)
    return taken


def _answers(questions: Iterable[_Question]) -> Iterator[Found]:
    for later, others in questions:
        copy = find_copy(_visit(later), map(_visit, others))
        if copy is not None:
            yield Found(
                note_id=later.id,
                earlier_id=uuid.UUID(copy.earlier_id),
                share=copy.share,
                compared=len(others),
                cloned=[[span.start, span.end] for span in copy.copied],
                changes=[[each.start, each.end, each.earlier_start, each.earlier_end] for each in copy.changes],
            )


def _visit(kept: Kept) -> Visit:
    # They were checked when they came in.
    return Visit.model_construct(
        note_id=str(kept.id), patient_ref=kept.patient_ref, text=kept.text, date_of_service=kept.visit_date
    )


# ---- keeping


def keep(
    session: Session,
    clinic_id: uuid.UUID,
    found: Iterable[Found],
    ids: Mapping[uuid.UUID, uuid.UUID | None],
    *,
    by: Actor,
) -> None:
    """Keep what was found, after the notes themselves; a kept note that turns out to be a copy waits in the queue from now on.

    Parameters
    ----------
    ids
        What became of the notes that came in: the id that each is kept under, ``None`` where it is not.
    """
    for each in found:
        note_id, earlier_id = ids.get(each.note_id, each.note_id), ids.get(each.earlier_id, each.earlier_id)
        if note_id is None or earlier_id is None:
            continue
        row = copies.add(session, clinic_id, each._replace(note_id=note_id, earlier_id=earlier_id), by=by)
        if row is not None and each.note_id not in ids:
            _wait(session, clinic_id, note_id, by=by)


def _wait(session: Session, clinic_id: uuid.UUID, note_id: uuid.UUID, *, by: Actor) -> None:
    """Have a kept note wait that turned out to be a copy; one that waits or was read already stays as it is."""
    kept = queue.kept(session, clinic_id, note_id)
    if kept.item is not None or kept.note.text is None:
        return
    result = Result.model_validate_json(kept.result.body)
    queue.enqueue(
        session,
        clinic_id,
        kept.result.id,
        reason="copied",
        reading="first",
        priority=priority(result, "copied"),
        variety=variety(kept.note.text, result),
        by=by,
    )


# ---- showing


def shown(session: Session, principal: Principal, note: Note) -> CopyShown | None:
    """Return from what a note was copied, ``None`` where it was not; that words of the earlier note are read is written down.

    A therapist is shown words of own notes alone: of another's that it was copied from only when it was.
    """
    found = copies.of_note(session, principal.clinic_id, note.id)
    if found is None:
        return None
    row, earlier = found
    readable = principal.role != "therapist" or earlier.person_id == principal.person_id
    if readable and earlier.text is not None and row.changes:
        copies.quoted(session, principal.clinic_id, earlier.id, note.id, by=principal.actor)
    return CopyShown(
        note_id=earlier.id,
        external_id=earlier.external_id if readable else None,
        date_of_service=earlier.visit_date,
        share=row.share,
        compared=row.compared,
        cloned=tuple(Stretch(start=start, end=end) for start, end in row.cloned),
        changes=tuple(_changes(row, note.text or "", earlier.text if readable else None)),
    )


def _changes(row: CopyRow, text: str, earlier: str | None) -> Iterator[CopyChange]:
    for start, end, earlier_start, earlier_end in row.changes:
        before = None if earlier is None else earlier[earlier_start:earlier_end]
        yield CopyChange(start=start, end=end, before=before, after=text[start:end])


# ---- a year of a clinic


class Audited(NamedTuple):
    """What the comparison of all kept notes gave: how many there are, the copies, and notes' names where they came from, by id."""

    notes: int
    copies: list[Copy]
    names: Mapping[str, str]


def audit(database: Database, clinic_id: uuid.UUID, *, since: date | None = None, by: Actor) -> Audited:
    """Compare all kept notes of a clinic and return the copies, patient by patient, day by day; that it was done is written down.

    Parameters
    ----------
    since
        The first day of service of a copy that is told; what it was copied from may be older.

    Raises
    ------
    StorageError
        The database cannot be used.
    """
    with database.reading() as session:
        kept = copies.all_kept(session, clinic_id)
    found = [copy for copy in find_copied(map(_visit, kept)) if since is None or since <= copy.date_of_service]
    with database.writing() as session:
        shown = [(uuid.UUID(copy.note_id), uuid.UUID(copy.earlier_id)) for copy in found]
        copies.compared(session, clinic_id, notes=len(kept), shown=shown, by=by)
    return Audited(len(kept), found, {str(each.id): each.external_id for each in kept if each.external_id})
