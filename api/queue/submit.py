"""A note comes in: it is coded, kept with its result exactly as returned, and, where a person has to look, put into the queue.

Note, result and queue entry are one transaction. A repeated submission (same key) is the same note and gives the same answer.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import islice
from threading import BoundedSemaphore

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.audit import SYSTEM, Actor
from api.batch.records import CHUNK, ErrorLine, as_note, code_values
from api.db import queue, repository
from api.db.errors import RowRefused, UnknownPerson
from api.db.session import Database
from api.db.values import QueueReason, Source
from api.queue.errors import KeyReused, NoSuchTherapist
from api.queue.order import drawn, priority, variety
from models.billing import data
from models.coder import Coder
from models.note import Note
from models.result import Result
from nlp.errors import UnreadableText

# Reading keeps an interpreter busy: with forty at once, whoever holds the database's one write lock waits for all of them at each
# statement, and everybody else for them.
_AT_ONCE = BoundedSemaphore(os.cpu_count() or 1)
_RULES = ("codes.toml", "policies.toml", "flags.toml")


class Submission(Note):
    """A note to keep, with what is known about it."""

    patient_ref: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Your own name for the patient; only a hash under the clinic's key is kept.",
    )
    date_of_service: date | None = Field(default=None, strict=False, description="Day of the visit.")
    therapist: str | None = Field(
        default=None,
        max_length=200,
        description="Login of the therapist whose note it is; without it, the one who submits. Questions go there.",
    )

    def note(self) -> Note:
        """Return what is coded."""
        return Note.model_validate(self.model_dump(include=set(Note.model_fields), exclude_unset=True))


class Submitted(BaseModel):
    """What was kept."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID = Field(description="The note's id here.")
    result_id: uuid.UUID
    queue_item_id: uuid.UUID | None = Field(description="Its entry in the queue; null where it has none.")
    waits: bool = Field(description="Whether a person still has to decide.")
    result: Result = Field(description="The same as for a suggestion.")


@cache
def rules_version() -> str:
    """Return which billing rules results are made by: the version of each data file, and a hash of all.

    Examples
    --------
    >>> rules_version().count("-")
    3
    """
    texts = [data.read(name) for name in _RULES]
    versions = [f"{name.removesuffix('.toml')}{_version(text)}" for name, text in zip(_RULES, texts, strict=True)]
    return "-".join([*versions, hashlib.sha256("".join(texts).encode("utf-8")).hexdigest()[:8]])


def _version(text: str) -> str:
    return tomllib.loads(text)["header"]["version"]


def submission_key(by: Actor, key: str) -> str:
    """Return what a caller's key is kept as: nobody gets another's note by using the same key.

    Examples
    --------
    >>> len(submission_key(SYSTEM, "visit 7"))
    64
    """
    return repository.sha256(f"{by.kind}:{by.id}:{key}")


def submit(
    database: Database,
    coder: Coder,
    clinic_id: uuid.UUID,
    submission: Submission,
    *,
    by: Actor,
    source: Source,
    key: str | None = None,
) -> Submitted:
    """Code and keep one note.

    Parameters
    ----------
    key
        The caller's own for this submission; a repeated one gives what was kept, without coding again.

    Raises
    ------
    KeyReused
        The key came before with another text.
    NoSuchTherapist
        The clinic has no such therapist.
    NoteTooLong, UnreadableText
        The text cannot be read or kept.
    StorageError
        The database cannot be used; nothing was kept.
    """
    kept_key = None if key is None else submission_key(by, key)
    if kept_key is not None:
        with database.reading() as session:
            there = queue.find_submission(session, clinic_id, kept_key)
        if there is not None:
            return _told(there, submission)
    made = Made.of(submission, _coded(coder, submission.note()))
    try:
        with database.writing() as session:
            there = _keep(session, clinic_id, submission, made, by=by, source=source, key=kept_key)
    except RowRefused:
        # The same submission came at the same moment and was first.
        if kept_key is None:
            raise
        with database.reading() as session:
            there = queue.find_submission(session, clinic_id, kept_key)
        if there is None:
            raise
    return _told(there, submission)


@dataclass(frozen=True, slots=True)
class Made:
    """A result, with what keeping it needs and takes time: made before other writers have to wait."""

    result: Result
    body: str
    variety: str

    @classmethod
    def of(cls, submission: Submission, result: Result) -> Made:
        """Return a submission's result with the rest."""
        return cls(result, result.model_dump_json(), variety(submission.text, result))


def submit_values(
    values: Iterable[object],
    database: Database,
    coder: Coder,
    clinic_id: uuid.UUID,
    defaults: Mapping[str, str] | None = None,
) -> Iterator[Result | ErrorLine]:
    """Code and keep the notes of a batch, in order; a chunk is one transaction.

    A line's key is its content, so that a batch that was broken off goes on where it stopped: what is kept already is neither
    coded nor kept again, and gives the result that was kept.
    """
    stream = iter(values)
    while chunk := [as_note(value, defaults) for value in islice(stream, CHUNK)]:
        keys = [submission_key(SYSTEM, item.model_dump_json()) if isinstance(item, Note) else None for item in chunk]
        with database.reading() as session:
            there = {key: queue.find_submission(session, clinic_id, key) for key in keys if key is not None}
        new = [item for item, key in zip(chunk, keys, strict=True) if key is None or there[key] is None]
        coded = code_values((_storable(item) for item in new), coder)
        done: list[Result | ErrorLine] = []
        keep: list[tuple[Submission, Made, str | None]] = []
        for item, key in zip(chunk, keys, strict=True):
            before = None if key is None else there[key]
            result = next(coded) if before is None else Result.model_validate_json(before.result.body)
            if before is None and isinstance(item, Note) and isinstance(result, Result):
                submission = Submission.model_validate(item.model_dump(exclude_unset=True))
                keep.append((submission, Made.of(submission, result), key))
            done.append(result)
        with database.writing() as session:
            for submission, made, key in keep:
                _keep(session, clinic_id, submission, made, by=SYSTEM, source="batch", key=key)
        yield from done


def _storable(item: Note | ErrorLine) -> object:
    # Code values take JSON values: a note as its own fields, so that what was left out stays so.
    if isinstance(item, ErrorLine):
        return item
    if "\0" in item.text or "\0" in (item.note_id or ""):
        return ErrorLine(note_id=None, error=str(UnreadableText(max(0, item.text.find("\0")))))
    return item.model_dump(exclude_unset=True)


def _coded(coder: Coder, note: Note) -> Result:
    # PostgreSQL keeps no such character, and no note has one.
    if "\0" in note.text or "\0" in (note.note_id or ""):
        raise UnreadableText(max(0, note.text.find("\0")))
    with _AT_ONCE:
        return coder.code(note)


def _keep(
    session: Session,
    clinic_id: uuid.UUID,
    submission: Submission,
    made: Made,
    *,
    by: Actor,
    source: Source,
    key: str | None,
) -> queue.Kept:
    """Keep note and result, and have it wait where it is flagged or drawn for the sample."""
    there = None if key is None else queue.find_submission(session, clinic_id, key)
    if there is not None:
        return there
    author = None
    if submission.therapist is not None:
        try:
            author = repository.person_named(session, clinic_id, submission.therapist)
        except UnknownPerson:
            raise NoSuchTherapist from None
        if author.role != "therapist" or author.disabled_at is not None:
            raise NoSuchTherapist
    note = repository.add_note(
        session,
        clinic_id,
        submission.text,
        source=source,
        by=by,
        author_id=None if author is None else author.id,
        external_id=submission.note_id,
        patient=submission.patient_ref,
        submission_key=key,
        discipline=submission.discipline,
        visit_date=submission.date_of_service,
    )
    row = repository.add_result(
        session, clinic_id, note.id, made.body, rules_version=rules_version(), by=by, result=made.result
    )
    reason = _reason(session, clinic_id, note.text_sha256, made.result)
    item = None
    if reason is not None:
        item = queue.enqueue(
            session,
            clinic_id,
            row.id,
            reason=reason,
            reading="first",
            priority=priority(made.result, reason),
            variety=made.variety,
            by=by,
        )
    return queue.Kept(note, row, item)


def _reason(session: Session, clinic_id: uuid.UUID, text_sha256: str, result: Result) -> QueueReason | None:
    if result.proposal.status == "flagged":
        return "flagged"
    clinic = queue.clinic(session, clinic_id)
    return "audit_sample" if drawn(clinic.reference_key, "audit", text_sha256, clinic.audit_share) else None


def _told(kept: queue.Kept, submission: Submission) -> Submitted:
    if kept.note.text_sha256 != repository.sha256(submission.text):
        raise KeyReused
    return Submitted(
        id=kept.note.id,
        result_id=kept.result.id,
        queue_item_id=None if kept.item is None else kept.item.id,
        waits=kept.item is not None and kept.item.state in queue.UNDECIDED,
        result=Result.model_validate_json(kept.result.body),
    )
