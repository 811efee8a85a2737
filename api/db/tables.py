"""The tables, for the review queue and the learning loop alike.

Every row belongs to a clinic. The clinic stands first in every primary key and in every foreign key, so that the database itself
refuses a row that refers to another clinic's. Nothing is ever deleted but by hand: people are disabled, notes are purged of their
text, reviews and audit rows are only added (triggers, see ``migrations``). Free text stands in five columns alone, which a purge
empties: ``notes.text``, ``notes.external_id``, ``results.body``, ``questions.body`` and ``questions.answer``. What was copied
forward is kept as offsets into texts, and so goes with them.

Times are UTC with microseconds; hashes are SHA-256 in lower-case hexadecimal.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from api.db import values


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: UTC with its zone in Python; ``timestamptz`` in PostgreSQL, UTC without a zone in SQLite.

    Raises
    ------
    ValueError
        An instant without a zone is written.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant as the database takes it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Names of constraints follow one rule, so that migrations and errors can name them on both engines."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[list[int]]: JSON,
        uuid.UUID: Uuid,
    }


def _one_of(column: str, words: Sequence[str]) -> CheckConstraint:
    """The column holds one of ``words``, or nothing where it may be empty."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(word) for word in words)})", name=column)


def _share(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} >= 0 AND {column} <= 1", name=column)


def _of(table: str, column: str) -> ForeignKeyConstraint:
    """``column`` names a row of ``table`` in the same clinic."""
    return ForeignKeyConstraint(["clinic_id", column], [f"{table}.clinic_id", f"{table}.id"])


def _id() -> Mapped[uuid.UUID]:
    return mapped_column(primary_key=True, default=uuid.uuid4)


def _clinic() -> Mapped[uuid.UUID]:
    return mapped_column(ForeignKey("clinics.id"), primary_key=True)


class Clinic(Base):
    """A clinic and its own shares.

    ``audit_share`` in [0, 1] is the share of unflagged notes that enter the queue, ``second_share`` the share of decided ones that
    are read blind a second time; ``retention_days`` is after how many days notes may be purged (none: never by itself).
    ``reference_key`` keys the hashes of patient references, so that they cannot be looked up elsewhere.
    """

    __tablename__ = "clinics"
    __table_args__ = (
        UniqueConstraint("slug"),
        _share("audit_share"),
        _share("second_share"),
        CheckConstraint("retention_days >= 1", name="retention_days"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    reference_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    audit_share: Mapped[float] = mapped_column(Float, default=0.05)
    second_share: Mapped[float] = mapped_column(Float, default=0.1)
    retention_days: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime]


class Person(Base):
    """Somebody who signs in. Without ``password_hash`` only a one-time link opens the account; never deleted, only disabled.

    Whoever reads for several clinics is a person of each. One of these is the main account; the others name it in
    ``main_clinic_id`` and ``main_id`` and have no sign-in of their own (`api.db.linked`). These two are no foreign key: every key
    stays inside its clinic, and people are never deleted.
    """

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("clinic_id", "login"),
        _one_of("role", values.ROLES),
        CheckConstraint("failed_tries >= 0", name="failed_tries"),
        CheckConstraint(
            "(main_id IS NULL AND main_clinic_id IS NULL)"
            " OR (main_id IS NOT NULL AND main_clinic_id IS NOT NULL AND main_clinic_id <> clinic_id"
            " AND password_hash IS NULL)",
            name="main",
        ),
        # One person a clinic for each main account.
        Index("uq_people_main", "main_clinic_id", "main_id", "clinic_id", unique=True),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    login: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    failed_tries: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    main_clinic_id: Mapped[uuid.UUID | None]
    main_id: Mapped[uuid.UUID | None]


class SignInLink(Base):
    """A link that signs in once; the token itself is nowhere."""

    __tablename__ = "sign_in_links"
    __table_args__ = (
        _of("people", "person_id"),
        UniqueConstraint("token_hash"),
        _one_of("purpose", values.LINK_PURPOSES),
        Index(None, "clinic_id", "person_id"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    person_id: Mapped[uuid.UUID]
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInSession(Base):
    """A browser that is signed in; the CSRF token is derived from the session's own and needs no column."""

    __tablename__ = "sessions"
    __table_args__ = (
        _of("people", "person_id"),
        UniqueConstraint("token_hash"),
        Index(None, "clinic_id", "person_id"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    person_id: Mapped[uuid.UUID]
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ApiKey(Base):
    """A program's key: its hash, its first characters (to tell keys apart) and its scopes."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("key_hash"), UniqueConstraint("clinic_id", "name"))

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    name: Mapped[str] = mapped_column(String(100))
    hint: Mapped[str] = mapped_column(String(12))
    key_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Note(Base):
    """A note as submitted. A purge empties ``text``, ``external_id`` and ``visit_date``; ``text_sha256`` stays.

    ``patient_ref`` is an HMAC under the clinic's ``reference_key``, never the reference. ``submission_key`` is the caller's own, so
    that a submission repeated after a broken connection is the same note.
    """

    __tablename__ = "notes"
    __table_args__ = (
        _of("people", "person_id"),
        _of("api_keys", "key_id"),
        UniqueConstraint("clinic_id", "submission_key"),
        _one_of("discipline", ("PT", "OT")),
        _one_of("source", values.SOURCES),
        CheckConstraint("(text IS NULL) = (purged_at IS NOT NULL)", name="purged"),
        Index(None, "clinic_id", "submitted_at"),
        Index(None, "clinic_id", "text_sha256"),
        Index(None, "clinic_id", "patient_ref"),
        Index(None, "clinic_id", "person_id"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    text: Mapped[str | None] = mapped_column(Text)
    text_sha256: Mapped[str] = mapped_column(String(64))
    external_id: Mapped[str | None] = mapped_column(String(200))
    patient_ref: Mapped[str | None] = mapped_column(String(64))
    submission_key: Mapped[str | None] = mapped_column(String(64))
    discipline: Mapped[str | None] = mapped_column(String(2))
    visit_date: Mapped[date | None] = mapped_column(Date)
    source: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[uuid.UUID | None]
    key_id: Mapped[uuid.UUID | None]
    submitted_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]


class ResultRow(Base):
    """A result exactly as it was returned: ``body`` is the JSON document, character by character, ``body_sha256`` its hash.

    The other columns repeat what queue and dashboard select by. A purge takes the texts out of ``body``; the hash stays.
    """

    __tablename__ = "results"
    __table_args__ = (
        _of("notes", "note_id"),
        _share("confidence"),
        Index(None, "clinic_id", "note_id"),
        Index(None, "clinic_id", "model_version"),
        Index(None, "clinic_id", "created_at"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    note_id: Mapped[uuid.UUID]
    body: Mapped[str] = mapped_column(Text)
    body_sha256: Mapped[str] = mapped_column(String(64))
    model_version: Mapped[str] = mapped_column(String(100))
    profile: Mapped[str] = mapped_column(String(20))
    rules_version: Mapped[str] = mapped_column(String(100))
    policy: Mapped[str] = mapped_column(String(40))
    code: Mapped[str | None] = mapped_column(String(10))
    confidence: Mapped[float] = mapped_column(Float)
    status: Mapped[str] = mapped_column(String(20))
    flags: Mapped[list[str]]
    created_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]


class CopyRow(Base):
    """That a note was copied forward from an earlier one of the same patient, as it was found when the later of both was submitted.

    ``share`` in [0, 1] is how much of it stands in the earlier note, ``compared`` with how many notes it was compared. Words are
    not repeated: ``cloned`` holds ``[start, end)`` in the note, ``changes`` holds that and ``[start, end)`` in the earlier note,
    four numbers each, where no words are where ``start == end``.
    """

    __tablename__ = "copies"
    __table_args__ = (
        _of("notes", "note_id"),
        _of("notes", "earlier_id"),
        _share("share"),
        CheckConstraint("compared >= 1", name="compared"),
        CheckConstraint("note_id <> earlier_id", name="earlier"),
        Index(None, "clinic_id", "earlier_id"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    note_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    earlier_id: Mapped[uuid.UUID]
    share: Mapped[float] = mapped_column(Float)
    compared: Mapped[int] = mapped_column(Integer)
    cloned: Mapped[list[list[int]]]
    changes: Mapped[list[list[int]]]
    created_at: Mapped[datetime]


class QueueItem(Base):
    """A note that waits for a person.

    ``priority``: higher is sooner; ``variety`` names the group of near-twins that should not follow each other. A claim has a
    holder and ends at ``lease_until`` (not included). ``claims`` counts claims and fences: a decision names the count that it
    was claimed under, so that a holder whose lease lapsed cannot decide after another has claimed.
    """

    __tablename__ = "queue_items"
    __table_args__ = (
        _of("notes", "note_id"),
        _of("results", "result_id"),
        _of("people", "claimed_by"),
        UniqueConstraint("clinic_id", "result_id", "reading"),
        _one_of("reason", values.QUEUE_REASONS),
        _one_of("reading", values.READINGS),
        _one_of("state", values.QUEUE_STATES),
        CheckConstraint(
            "(state = 'claimed') = (claimed_by IS NOT NULL) AND (state = 'claimed') = (lease_until IS NOT NULL)",
            name="claim",
        ),
        CheckConstraint("claims >= 0", name="claims"),
        Index("ix_queue_items_order", "clinic_id", "state", "priority", "created_at"),
        Index(None, "clinic_id", "note_id"),
        Index(None, "clinic_id", "lease_until"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    note_id: Mapped[uuid.UUID]
    result_id: Mapped[uuid.UUID]
    reason: Mapped[str] = mapped_column(String(20))
    reading: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="waiting")
    priority: Mapped[float] = mapped_column(Float)
    variety: Mapped[str | None] = mapped_column(String(64))
    claimed_by: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    claims: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class Review(Base):
    """One decision, never changed: a later one names it in ``supersedes`` (an undo too), and only one can.

    ``decision`` holds codes, minutes and offsets into the note, never words: words could not be purged from here.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        _of("notes", "note_id"),
        _of("results", "result_id"),
        _of("queue_items", "queue_item_id"),
        _of("people", "reviewer_id"),
        _of("reviews", "supersedes"),
        UniqueConstraint("clinic_id", "supersedes"),
        _one_of("reading", values.READINGS),
        CheckConstraint("milliseconds >= 0", name="milliseconds"),
        Index(None, "clinic_id", "note_id"),
        Index(None, "clinic_id", "reviewer_id", "created_at"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    note_id: Mapped[uuid.UUID]
    result_id: Mapped[uuid.UUID]
    queue_item_id: Mapped[uuid.UUID | None]
    reviewer_id: Mapped[uuid.UUID]
    reading: Mapped[str] = mapped_column(String(20))
    decision: Mapped[dict[str, Any]]
    model_version: Mapped[str] = mapped_column(String(100))
    guide_version: Mapped[str] = mapped_column(String(100))
    supersedes: Mapped[uuid.UUID | None]
    milliseconds: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime]


class Question(Base):
    """What a coder asks the therapist about a note, and the answer: the one place for people's free text; a purge empties it."""

    __tablename__ = "questions"
    __table_args__ = (
        _of("notes", "note_id"),
        _of("queue_items", "queue_item_id"),
        _of("people", "asked_by"),
        _of("people", "answered_by"),
        Index(None, "clinic_id", "note_id"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    note_id: Mapped[uuid.UUID]
    queue_item_id: Mapped[uuid.UUID | None]
    asked_by: Mapped[uuid.UUID]
    asked_at: Mapped[datetime]
    body: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[uuid.UUID | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(Text)
    seen_at: Mapped[datetime | None]


class Job(Base):
    """Work outside the web process; of each kind one runs at a time.

    ``progress`` is in [0, 1]; a worker that lives moves ``heartbeat_at`` on. ``failure`` is the class of what stopped it; ``log``
    holds counts, times and versions, never words of a note.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        _of("people", "asked_by"),
        _one_of("kind", values.JOB_KINDS),
        _one_of("state", values.JOB_STATES),
        _share("progress"),
        # The machine has one model, so that two clinics cannot train at once either.
        Index(
            "uq_jobs_running",
            "kind",
            unique=True,
            sqlite_where=text("state IN ('running', 'cancelling')"),
            postgresql_where=text("state IN ('running', 'cancelling')"),
        ),
        Index(None, "clinic_id", "created_at"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="queued")
    parameters: Mapped[dict[str, Any]]
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    step: Mapped[str | None] = mapped_column(String(200))
    worker: Mapped[str | None] = mapped_column(String(100))
    heartbeat_at: Mapped[datetime | None]
    log: Mapped[str] = mapped_column(Text, default="")
    failure: Mapped[str | None] = mapped_column(String(200))
    asked_by: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ModelVerdict(Base):
    """What the gate found when a candidate met the current model; ``criteria`` holds each criterion's outcome and figures."""

    __tablename__ = "model_verdicts"
    __table_args__ = (
        _of("jobs", "job_id"),
        _one_of("outcome", values.OUTCOMES),
        Index(None, "clinic_id", "candidate"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    job_id: Mapped[uuid.UUID | None]
    candidate: Mapped[str] = mapped_column(String(100))
    current: Mapped[str] = mapped_column(String(100))
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(10))
    criteria: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Promotion(Base):
    """Which version became the one that serves, when and by whom; a promotion needs a verdict, a rollback does not."""

    __tablename__ = "promotions"
    __table_args__ = (
        _of("model_verdicts", "verdict_id"),
        _of("people", "person_id"),
        _one_of("kind", values.PROMOTION_KINDS),
        CheckConstraint("kind = 'rollback' OR verdict_id IS NOT NULL", name="verdict"),
        Index(None, "clinic_id", "created_at"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    id: Mapped[uuid.UUID] = _id()
    kind: Mapped[str] = mapped_column(String(10))
    version: Mapped[str] = mapped_column(String(100))
    previous: Mapped[str] = mapped_column(String(100))
    verdict_id: Mapped[uuid.UUID | None]
    person_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]


class AuditRow(Base):
    """One row of a clinic's audit chain, as `api.audit` hashes it.

    Every column but the number is the text that was hashed, so that whatever somebody puts into one can still be read and told.
    ``detail`` is canonical JSON. Actor and subject are no foreign keys: the trail must not depend on what it is about.
    """

    __tablename__ = "audit"
    __table_args__ = (
        # No two rows can follow the same one: a forked chain cannot be written.
        UniqueConstraint("clinic_id", "previous_hash"),
        _one_of("actor_kind", values.ACTOR_KINDS),
        CheckConstraint("seq >= 1", name="seq"),
        Index(None, "clinic_id", "subject_kind", "subject_id"),
    )

    clinic_id: Mapped[uuid.UUID] = _clinic()
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str | None] = mapped_column(String(36))
    action: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str | None] = mapped_column(String(36))
    detail: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """Where a clinic's chain ends: writers lock this row, and a tail that was cut off does not match it."""

    __tablename__ = "audit_heads"

    clinic_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))


# Rows of these are only ever added; the migration's triggers refuse the rest.
APPEND_ONLY = ("reviews", "audit")
