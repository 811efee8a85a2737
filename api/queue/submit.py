"""A note comes in: it is coded, kept with its result exactly as returned, and, where a person has to look, put into the queue.

Note, result, queue entry and what was copied forward are one transaction. A repeated submission (same key) is the same note and
gives the same answer.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import islice
from threading import BoundedSemaphore

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.audit import SYSTEM, Actor
from api.batch.records import CHUNK, ErrorLine, as_note, code_values
from api.db import queue, repository
from api.db.copies import of_note
from api.db.errors import RowRefused, UnknownPerson
from api.db.session import Database
from api.db.tables import Person
from api.db.values import QueueReason, Source
from api.queue import copies
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
# What decides on units, proposal and flags and is no row of the rules, which have a version of their own.
_BESIDE_ROWS = ("policies.toml", "flags.toml")
_LONGEST_RULES = 60
_PLAIN = re.compile(rf"[A-Za-z0-9_.+-]{{1,{_LONGEST_RULES}}}")  # as audit rows hold it


class Submission(Note):
    """A note to keep, with what is known about it."""

    patient_ref: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Your own name for the patient; only a hash under the clinic's key is kept.",
    )
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
    copied_from: uuid.UUID | None = Field(
        description="The earlier note of the same patient that it was copied forward from; null where it was not."
    )
    result: Result = Field(description="The same as for a suggestion.")


def rules_version(rules: str) -> str:
    """Return by which rules a result was made.

    Parameters
    ----------
    rules
        The result's own ``model.rules``: rows that ship, and the clinic's.

    Returns
    -------
    str
        The same, or its hash where a clinic's version is too long or has blanks in it, and the versions of policies and flags with
        a hash of them: they are no rows.

    Examples
    --------
    >>> rules_version("2026-11-26-1a2b3c4d").split("/")[0]
    '2026-11-26-1a2b3c4d'
    """
    own = rules if _PLAIN.fullmatch(rules) else repository.sha256(rules)[:_LONGEST_RULES]
    return f"{own}/{_beside_rows()}"


@cache
def _beside_rows() -> str:
    texts = [data.read(name) for name in _BESIDE_ROWS]
    versions = [f"{name.removesuffix('.toml')}{_version(text)}" for name, text in zip(_BESIDE_ROWS, texts, strict=True)]
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
            return _again(database, clinic_id, there, submission, by=by)
    made = Made.of(submission, _coded(coder, submission.note()))
    with _AT_ONCE if submission.patient_ref else nullcontext():
        found = copies.find(database, clinic_id, [(made.note_id, submission)])
    try:
        with database.writing() as session:
            copied = any(each.note_id == made.note_id for each in found)
            there = _keep(session, clinic_id, submission, made, copied=copied, by=by, source=source, key=kept_key)
            copies.keep(session, clinic_id, found, {made.note_id: there.note.id}, by=by)
            copied_from = _copied_from(session, clinic_id, there)
    except RowRefused:
        # The same submission came at the same moment and was first.
        if kept_key is None:
            raise
        with database.reading() as session:
            there = queue.find_submission(session, clinic_id, kept_key)
        if there is None:
            raise
        return _again(database, clinic_id, there, submission, by=by)
    return _told(there, submission, copied_from)


def _again(
    database: Database, clinic_id: uuid.UUID, there: queue.Kept, submission: Submission, *, by: Actor
) -> Submitted:
    """Return what was kept before; that it was read is written down."""
    told = _told(there, submission, None)
    with database.writing() as session:
        repository.read_result(session, clinic_id, there.result.id, by=by)
        return told.model_copy(update={"copied_from": _copied_from(session, clinic_id, there)})


def _copied_from(session: Session, clinic_id: uuid.UUID, there: queue.Kept) -> uuid.UUID | None:
    found = of_note(session, clinic_id, there.note.id)
    return None if found is None else found[0].earlier_id


@dataclass(frozen=True, slots=True)
class Made:
    """A result, with what keeping it needs and takes time: made before other writers have to wait."""

    note_id: uuid.UUID
    result: Result
    body: str
    variety: str

    @classmethod
    def of(cls, submission: Submission, result: Result) -> Made:
        """Return a submission's result with the rest."""
        return cls(uuid.uuid4(), result, result.model_dump_json(), variety(submission.text, result))


def submit_values(
    values: Iterable[object],
    database: Database,
    coder: Coder,
    clinic_id: uuid.UUID,
    defaults: Mapping[str, str] | None = None,
) -> Iterator[Result | ErrorLine]:
    """Code and keep the submissions of a batch, in order; a chunk is one transaction.

    A line's key is its content, so that a batch that was broken off goes on where it stopped: what is kept already is neither
    coded nor kept again, and gives the result that was kept. A line that cannot be kept, such as one for a
    therapist whom the clinic does not have, gives an error line.
    """
    stream = iter(values)
    while chunk := [as_note(value, defaults, Submission) for value in islice(stream, CHUNK)]:
        lines = [_Line(item) for item in chunk]
        with database.reading() as session:
            for line in lines:
                line.look_up(session, clinic_id)
        new = [line for line in lines if line.done is None]
        coded = code_values((_storable(line.item) for line in new), coder)
        for line, result in zip(new, coded, strict=True):
            line.take(result)
        made = [(line.made.note_id, line.item) for line in new if line.made and not isinstance(line.item, ErrorLine)]
        found = copies.find(database, clinic_id, made)
        copied = {each.note_id for each in found}
        with database.writing() as session:
            ids: dict[uuid.UUID, uuid.UUID | None] = {}
            for line in lines:
                kept_as = line.keep(session, clinic_id, copied)
                if line.made is not None:
                    ids[line.made.note_id] = kept_as
            copies.keep(session, clinic_id, found, ids, by=SYSTEM)
        yield from (line.done for line in lines if line.done is not None)


class _Line:
    """A line of a batch on its way: what came, under which key it is kept, and what is answered once that is known."""

    def __init__(self, item: Submission | ErrorLine) -> None:
        self.item = item
        self.key = None if isinstance(item, ErrorLine) else submission_key(SYSTEM, _content(item))
        self.done: Result | ErrorLine | None = item if isinstance(item, ErrorLine) else None
        self.made: Made | None = None
        self.there: uuid.UUID | None = None

    def look_up(self, session: Session, clinic_id: uuid.UUID) -> None:
        """Take what was kept under the key before; a therapist who is not there is told before anything is coded."""
        if isinstance(self.item, ErrorLine) or self.key is None:
            return
        there = queue.find_submission(session, clinic_id, self.key)
        if there is not None:
            self.done, self.there = Result.model_validate_json(there.result.body), there.result.id
            return
        try:
            _author(session, clinic_id, self.item.therapist)
        except NoSuchTherapist as error:
            self.done = _refused(self.item, error)

    def take(self, result: Result | ErrorLine) -> None:
        """Take the result, with what keeping it needs."""
        if isinstance(result, ErrorLine) or isinstance(self.item, ErrorLine):
            self.done = result
        else:
            self.made = Made.of(self.item, result)

    def keep(self, session: Session, clinic_id: uuid.UUID, copied: Container[uuid.UUID]) -> uuid.UUID | None:
        """Keep note and result where there is one to keep, and return the note's id; where one was there, that it is read.

        Parameters
        ----------
        copied
            Ids of the notes that were copied forward.
        """
        if self.there is not None:
            repository.read_result(session, clinic_id, self.there, by=SYSTEM)
        if self.made is None or isinstance(self.item, ErrorLine):
            return None
        is_copy = self.made.note_id in copied
        try:
            kept = _keep(
                session, clinic_id, self.item, self.made, copied=is_copy, by=SYSTEM, source="batch", key=self.key
            )
        except NoSuchTherapist as error:
            # Gone since it was looked up; nothing of the line was written yet.
            self.done = _refused(self.item, error)
            return None
        self.done = self.made.result
        return kept.note.id


def _content(submission: Submission) -> str:
    """Return what makes a line the same line: fields that it does not use change nothing, so that older batches go on as well."""
    own = submission.model_dump_json(include={"patient_ref", "therapist"}, exclude_none=True)
    return submission.note().model_dump_json() + ("" if own == "{}" else own)


def _refused(submission: Submission, error: NoSuchTherapist) -> ErrorLine:
    return ErrorLine(
        note_id=submission.note_id, error="; ".join(f"{field}: {reason}" for field, reason in error.refused)
    )


def _storable(item: Submission | ErrorLine) -> object:
    # Code values take JSON values: a note as its own fields, so that what was left out stays so.
    if isinstance(item, ErrorLine):
        return item
    if any("\0" in text for text in (item.text, item.note_id or "", item.patient_ref or "")):
        return ErrorLine(note_id=None, error=str(UnreadableText(max(0, item.text.find("\0")))))
    return item.note().model_dump(exclude_unset=True)


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
    copied: bool,
    by: Actor,
    source: Source,
    key: str | None,
) -> queue.Kept:
    """Keep note and result, and have it wait where it is flagged, drawn for the sample or copied forward."""
    there = None if key is None else queue.find_submission(session, clinic_id, key)
    if there is not None:
        repository.read_result(session, clinic_id, there.result.id, by=by)
        return there
    author = _author(session, clinic_id, submission.therapist)
    note = repository.add_note(
        session,
        clinic_id,
        submission.text,
        source=source,
        by=by,
        note_id=made.note_id,
        author_id=None if author is None else author.id,
        external_id=submission.note_id,
        patient=submission.patient_ref,
        submission_key=key,
        discipline=submission.discipline,
        visit_date=submission.date_of_service,
    )
    row = repository.add_result(
        session,
        clinic_id,
        note.id,
        made.body,
        rules_version=rules_version(made.result.model.rules),
        by=by,
        result=made.result,
    )
    reason = _reason(session, clinic_id, note.text_sha256, made.result, copied=copied)
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


def _author(session: Session, clinic_id: uuid.UUID, login: str | None) -> Person | None:
    """Return the therapist whose note it is, ``None`` where none is named.

    Raises
    ------
    NoSuchTherapist
        The clinic has none of that login who works there.
    """
    if login is None:
        return None
    try:
        found = repository.person_named(session, clinic_id, login)
    except UnknownPerson:
        raise NoSuchTherapist from None
    if found.role != "therapist" or found.disabled_at is not None:
        raise NoSuchTherapist
    return found


def _reason(
    session: Session, clinic_id: uuid.UUID, text_sha256: str, result: Result, *, copied: bool
) -> QueueReason | None:
    """Return why a note waits; ``None`` where it does not.

    That it was copied says more than that it is flagged, which its flags say themselves. One that is drawn for the sample stays of
    it: without the copies it would be no sample of the unflagged.
    """
    if result.proposal.status != "flagged":
        clinic = queue.clinic(session, clinic_id)
        if drawn(clinic.reference_key, "audit", text_sha256, clinic.audit_share):
            return "audit_sample"
        return "copied" if copied else None
    return "copied" if copied else "flagged"


def _told(kept: queue.Kept, submission: Submission, copied_from: uuid.UUID | None) -> Submitted:
    if kept.note.text_sha256 != repository.sha256(submission.text):
        raise KeyReused
    return Submitted(
        id=kept.note.id,
        result_id=kept.result.id,
        queue_item_id=None if kept.item is None else kept.item.id,
        waits=kept.item is not None and kept.item.state in queue.UNDECIDED,
        copied_from=copied_from,
        result=Result.model_validate_json(kept.result.body),
    )
