"""The dashboard's SQL: counts and quantiles over a clinic's rows since an instant, the same on both engines, no word of a note.

Quantiles are nearest-rank: the least value that at least so many in a hundred do not exceed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    Float,
    Integer,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.functions import FunctionElement

from api.db import values
from api.db.queue import UNDECIDED, kind, superseded
from api.db.tables import Note, Person, QueueItem, ResultRow, Review, UtcDateTime
from models.billing.codes import HEADLINE

WEEK = timedelta(days=7)


class Quantiles(NamedTuple):
    """How many values there are, their median and the value that nine in ten do not exceed; ``None`` without values."""

    values: int
    median: float | None
    p90: float | None


class Day(NamedTuple):
    """Notes submitted on a day (UTC), and how many of them are flagged."""

    day: date
    notes: int
    flagged: int


class Wait(NamedTuple):
    """Entries decided on a day (UTC), and the median of the seconds that they had waited."""

    day: date
    decided: int
    median: float


class Waiting(NamedTuple):
    """Entries that nobody has decided yet, and since when the oldest one waits."""

    entries: int
    oldest: datetime | None


class Band(NamedTuple):
    """Results whose confidence lies in the band that begins at ``least``, flagged or not, and the sum of their confidences."""

    least: float
    is_flagged: bool
    results: int
    confidence: float


class FirstReading(NamedTuple):
    """A result's confidence, whether it is flagged, its proposed code, and the first reader's decision."""

    confidence: float
    is_flagged: bool
    code: str | None
    decision: dict[str, Any]


class Decided(NamedTuple):
    """A decision that holds, with the proposed code, the note's therapist where it has one, and the reviewer's name."""

    review: Review
    code: str | None
    submitted_at: datetime
    therapist: uuid.UUID | None
    therapist_name: str | None
    reviewer_name: str


class Week(NamedTuple):
    """A therapist's notes with one of the two codes in a week after the first day, and how many of them have the second."""

    therapist: uuid.UUID
    name: str
    week: int
    notes: int
    activities: int


class Version(NamedTuple):
    """What one model version made: results, flagged ones, first readings of them, and how many accepted it as it was."""

    version: str
    results: int
    flagged: int
    decided: int
    accepted: int


class _Seconds(FunctionElement[float]):
    """Seconds from one instant to another."""

    type = Float()
    inherit_cache = True
    name = "seconds"


@compiles(_Seconds, "sqlite")
def _seconds_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    first, last = (compiler.process(each, **options) for each in element.clauses)
    return f"((julianday({last}) - julianday({first})) * 86400.0)"


@compiles(_Seconds, "postgresql")
def _seconds_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    first, last = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({last} - {first})) AS DOUBLE PRECISION)"


class _Weeks(FunctionElement[int]):
    """Whole weeks in a number of seconds, which is not negative."""

    type = Integer()
    inherit_cache = True
    name = "weeks"


@compiles(_Weeks, "sqlite")
def _weeks_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} / {WEEK.total_seconds()} AS INTEGER)"


@compiles(_Weeks, "postgresql")
def _weeks_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(FLOOR({compiler.process(element.clauses, **options)} / {WEEK.total_seconds()}) AS INTEGER)"


class _Day(FunctionElement[date]):
    """The day of an instant in UTC."""

    type = Date()
    inherit_cache = True
    name = "day"


@compiles(_Day, "sqlite")
def _day_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"date({compiler.process(element.clauses, **options)})"


@compiles(_Day, "postgresql")
def _day_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(({compiler.process(element.clauses, **options)}) AT TIME ZONE 'UTC' AS DATE)"


def days(session: Session, clinic_id: uuid.UUID, since: datetime) -> Sequence[Day]:
    """Return the notes of each day on which there were any."""
    # A literal in GROUP BY would be another parameter to PostgreSQL: the day is computed once, inside.
    each = (
        select(_Day(Note.submitted_at).label("day"), ResultRow.status)
        .join(ResultRow, and_(ResultRow.clinic_id == Note.clinic_id, ResultRow.note_id == Note.id))
        .where(Note.clinic_id == clinic_id, Note.submitted_at >= since)
        .subquery()
    )
    flagged = _count(each.c.status == "flagged")
    rows = session.execute(select(each.c.day, func.count(), flagged).group_by(each.c.day).order_by(each.c.day))
    return [Day(*row) for row in rows]


def waiting(session: Session, clinic_id: uuid.UUID) -> Waiting:
    """Return how many entries wait now."""
    row = session.execute(
        select(func.count(), func.min(QueueItem.created_at)).where(
            QueueItem.clinic_id == clinic_id, QueueItem.state.in_(UNDECIDED)
        )
    ).one()
    return Waiting(*row)


def waits(session: Session, clinic_id: uuid.UUID, since: datetime) -> Quantiles:
    """Return how many seconds entries waited that were decided in this time."""
    return _quantiles(
        session,
        select(_Seconds(QueueItem.created_at, QueueItem.decided_at).label("value")).where(
            QueueItem.clinic_id == clinic_id, QueueItem.state == "decided", QueueItem.decided_at >= since
        ),
    )


def waits_by_day(session: Session, clinic_id: uuid.UUID, since: datetime) -> Sequence[Wait]:
    """Return, for each day on which entries were decided, how many and the median of the seconds that they had waited."""
    each = (
        select(
            _Day(QueueItem.decided_at).label("day"), _Seconds(QueueItem.created_at, QueueItem.decided_at).label("value")
        )
        .where(QueueItem.clinic_id == clinic_id, QueueItem.state == "decided", QueueItem.decided_at >= since)
        .subquery()
    )
    ranked = select(
        each.c.day,
        each.c.value,
        func.row_number().over(partition_by=each.c.day, order_by=each.c.value).label("rank"),
        func.count().over(partition_by=each.c.day).label("total"),
    ).subquery()
    rows = session.execute(
        select(ranked.c.day, ranked.c.total, ranked.c.value)
        .where(ranked.c.rank == (ranked.c.total + 1) // 2)
        .order_by(ranked.c.day)
    )
    return [Wait(day, total, float(value)) for day, total, value in rows]


def review_seconds(session: Session, clinic_id: uuid.UUID, since: datetime) -> Quantiles:
    """Return how many seconds reviewers took for a reading of a note, as their pages measured it."""
    return _quantiles(
        session,
        select((Review.milliseconds / 1000.0).label("value")).where(
            Review.clinic_id == clinic_id,
            Review.created_at >= since,
            Review.milliseconds.is_not(None),
            kind(Review).in_(values.WHOLE),
        ),
    )


def _quantiles(session: Session, values: Any) -> Quantiles:
    each = values.subquery()
    ranked = select(
        each.c.value,
        func.row_number().over(order_by=each.c.value).label("rank"),
        func.count().over().label("total"),
    ).subquery()
    median, p90 = ((ranked.c.total * percent + 99) // 100 for percent in (50, 90))
    rows = session.execute(
        select(ranked.c.value, ranked.c.total, ranked.c.rank == median, ranked.c.rank == p90).where(
            or_(ranked.c.rank == median, ranked.c.rank == p90)
        )
    ).all()
    if not rows:
        return Quantiles(0, None, None)
    return Quantiles(
        rows[0][1],
        next(float(value) for value, _, is_median, _ in rows if is_median),
        next(float(value) for value, _, _, is_p90 in rows if is_p90),
    )


def bands(session: Session, clinic_id: uuid.UUID, since: datetime, least: Sequence[float]) -> Sequence[Band]:
    """Return results by their confidence, flagged and not; ``least`` are the bands' lower ends, ascending."""
    begins = case(*((ResultRow.confidence >= each, each) for each in reversed(least)), else_=least[0])
    each = (
        select(
            begins.label("least"),
            case((ResultRow.status == "flagged", 1), else_=0).label("flagged"),
            ResultRow.confidence,
        )
        .where(ResultRow.clinic_id == clinic_id, ResultRow.created_at >= since)
        .subquery()
    )
    found = session.execute(
        select(each.c.least, each.c.flagged, func.count(), func.sum(each.c.confidence))
        .group_by(each.c.least, each.c.flagged)
        .order_by(each.c.least, each.c.flagged)
    )
    return [Band(begin, bool(flagged), count, float(total)) for begin, flagged, count, total in found]


def first_readings(session: Session, clinic_id: uuid.UUID, since: datetime) -> Sequence[FirstReading]:
    """Return the first readings that hold, with what they were about.

    Unflagged notes that were read because they were copied forward are left out: they were not drawn for the sample.
    """
    columns = (ResultRow.confidence, ResultRow.status == "flagged", ResultRow.code, Review.decision)
    copied = exists(
        select(QueueItem.id).where(
            QueueItem.clinic_id == clinic_id, QueueItem.id == Review.queue_item_id, QueueItem.reason == "copied"
        )
    )
    drawn = _first_readings(select(*columns), clinic_id, since).where(or_(ResultRow.status == "flagged", ~copied))
    found = session.execute(drawn.order_by(Review.created_at, Review.id))
    return [FirstReading(*row) for row in found]


def flags(session: Session, clinic_id: uuid.UUID, since: datetime) -> Sequence[tuple[str, int]]:
    """Return the lists of flags of results, as their column's text, and how often each occurs."""
    each = (
        select(cast(ResultRow.flags, Text).label("flags"))
        .where(ResultRow.clinic_id == clinic_id, ResultRow.created_at >= since)
        .subquery()
    )
    return [(text, count) for text, count in session.execute(select(each.c.flags, func.count()).group_by(each.c.flags))]


def versions(session: Session, clinic_id: uuid.UUID, since: datetime) -> Sequence[Version]:
    """Return what each model version made in this time."""
    made = session.execute(
        select(ResultRow.model_version, func.count(), _count(ResultRow.status == "flagged"))
        .where(ResultRow.clinic_id == clinic_id, ResultRow.created_at >= since)
        .group_by(ResultRow.model_version)
        .order_by(ResultRow.model_version)
    ).all()
    each = _first_readings(select(Review.model_version, kind(Review).label("kind")), clinic_id, since).subquery()
    read = session.execute(
        select(each.c.model_version, func.count(), _count(each.c.kind == "accept")).group_by(each.c.model_version)
    )
    decided = {version: (count, accepted) for version, count, accepted in read}
    return [Version(version, count, flagged, *decided.get(version, (0, 0))) for version, count, flagged in made]


def weeks(session: Session, clinic_id: uuid.UUID, since: datetime) -> Sequence[Week]:
    """Return each therapist's notes with one of the two codes, week by week from ``since`` on."""
    first, second = HEADLINE
    elapsed = _Seconds(literal(since, UtcDateTime), Note.submitted_at)
    each = (
        select(
            Note.person_id.label("therapist"),
            Person.name,
            _Weeks(elapsed).label("week"),
            ResultRow.code,
        )
        .join(ResultRow, and_(ResultRow.clinic_id == Note.clinic_id, ResultRow.note_id == Note.id))
        .join(Person, and_(Person.clinic_id == Note.clinic_id, Person.id == Note.person_id))
        .where(
            Note.clinic_id == clinic_id,
            Note.submitted_at >= since,
            Person.role == "therapist",
            ResultRow.code.in_((first, second)),
        )
        .subquery()
    )
    keys = (each.c.therapist, each.c.name, each.c.week)
    rows = session.execute(
        select(*keys, func.count(), _count(each.c.code == second)).group_by(*keys).order_by(each.c.name, *keys)
    )
    return [Week(*row) for row in rows]


def decided(session: Session, clinic_id: uuid.UUID, since: datetime) -> Sequence[Decided]:
    """Return the decisions of this time that hold now, in every reading, the oldest first."""
    therapist, reviewer = aliased(Person), aliased(Person)
    found = session.execute(
        select(Review, ResultRow.code, Note.submitted_at, therapist.id, therapist.name, reviewer.name)
        .join(ResultRow, and_(ResultRow.clinic_id == Review.clinic_id, ResultRow.id == Review.result_id))
        .join(Note, and_(Note.clinic_id == Review.clinic_id, Note.id == Review.note_id))
        .join(reviewer, and_(reviewer.clinic_id == Review.clinic_id, reviewer.id == Review.reviewer_id))
        .outerjoin(
            therapist,
            and_(therapist.clinic_id == Note.clinic_id, therapist.id == Note.person_id, therapist.role == "therapist"),
        )
        .where(
            Review.clinic_id == clinic_id,
            Review.created_at >= since,
            kind(Review).in_(values.WHOLE),
            ~superseded(Review),
        )
        .order_by(Review.created_at, Review.id)
    )
    return [Decided(*row) for row in found]


def pairs(
    session: Session, clinic_id: uuid.UUID, since: datetime
) -> Sequence[tuple[uuid.UUID, uuid.UUID, dict[str, Any], dict[str, Any]]]:
    """Return both readers and both decisions of each result whose second reading was decided in this time."""
    first, second = aliased(Review), aliased(Review)
    rows = session.execute(
        select(first.reviewer_id, second.reviewer_id, first.decision, second.decision)
        .join(second, and_(second.clinic_id == first.clinic_id, second.result_id == first.result_id))
        .where(
            first.clinic_id == clinic_id,
            first.reading == "first",
            second.reading == "second",
            second.created_at >= since,
            kind(first).in_(values.WHOLE),
            kind(second).in_(values.WHOLE),
            ~superseded(first),
            ~superseded(second),
        )
        .order_by(second.created_at, second.id)
    )
    return [(one, other, ours, theirs) for one, other, ours, theirs in rows]


def _first_readings(statement: Any, clinic_id: uuid.UUID, since: datetime) -> Any:
    return statement.join(
        ResultRow, and_(ResultRow.clinic_id == Review.clinic_id, ResultRow.id == Review.result_id)
    ).where(
        Review.clinic_id == clinic_id,
        Review.created_at >= since,
        Review.reading == "first",
        kind(Review).in_(values.WHOLE),
        ~superseded(Review),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
