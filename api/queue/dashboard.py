"""What a clinic sees of its own work: figures over the last days, no word of a note."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.db import dashboard as rows
from api.db import queue, repository
from api.db.session import Database
from api.decisions import Decision
from api.queue.acceptance import Acceptance, Interval, acceptance, wilson
from api.queue.readings import kappas
from api.queue.trends import ReviewerTrend, TherapistTrend, reviewer_trends, therapist_trends
from api.queue.words import QUEUE


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Day(_Frozen):
    """A day in UTC."""

    day: date
    notes: int
    flagged: int


class Times(_Frozen):
    """Seconds; ``null`` where there is nothing to measure."""

    values: int
    median: float | None
    p90: float | None


class DayWait(_Frozen):
    """Entries decided on a day in UTC, and the seconds that the middle one of them had waited."""

    day: date
    decided: int
    median: float


class FlagCount(_Frozen):
    """How many results have a flag."""

    flag: str
    results: int


class KappaFigure(_Frozen):
    """Cohen's kappa of two readers on one code against the rest, over blocks that both found."""

    readers: tuple[uuid.UUID, uuid.UUID]
    names: tuple[str, str]
    code: str
    kappa: float | None = Field(description="Null where both gave one and the same code throughout.")
    blocks: int


class VersionFigures(_Frozen):
    """What one model version made."""

    version: str
    results: int
    flagged: int
    decided: int
    accepted: int
    share_accepted: float | None
    interval: Interval | None


class Dashboard(_Frozen):
    """A clinic's figures since an instant."""

    since: datetime
    notes: int
    share_flagged: float | None
    days: tuple[Day, ...]
    waiting: int = Field(description="Entries that nobody has decided yet.")
    waiting_since: datetime | None = Field(description="When the oldest of them entered.")
    waited_seconds: Times
    waits: tuple[DayWait, ...]
    review_seconds: Times
    acceptance: tuple[Acceptance, ...]
    top_flags: tuple[FlagCount, ...]
    kappa: tuple[KappaFigure, ...]
    therapists: tuple[TherapistTrend, ...]
    reviewers: tuple[ReviewerTrend, ...]
    versions: tuple[VersionFigures, ...]


def dashboard(database: Database, clinic_id: uuid.UUID, days: int) -> Dashboard:
    """Return a clinic's figures of the last ``days`` days, on one snapshot.

    Raises
    ------
    StorageError
        The database cannot be used.
    """
    since = repository.now() - timedelta(days=days)
    with database.reading() as session:
        by_day = rows.days(session, clinic_id, since)
        open_now = rows.waiting(session, clinic_id)
        notes = sum(day.notes for day in by_day)
        pairs = rows.pairs(session, clinic_id, since)
        decided = rows.decided(session, clinic_id, since)
        return Dashboard(
            since=since,
            notes=notes,
            share_flagged=sum(day.flagged for day in by_day) / notes if notes else None,
            days=tuple(Day(**day._asdict()) for day in by_day),
            waiting=open_now.entries,
            waiting_since=open_now.oldest,
            waited_seconds=Times(**rows.waits(session, clinic_id, since)._asdict()),
            waits=tuple(DayWait(**each._asdict()) for each in rows.waits_by_day(session, clinic_id, since)),
            review_seconds=Times(**rows.review_seconds(session, clinic_id, since)._asdict()),
            acceptance=tuple(
                acceptance(
                    rows.bands(session, clinic_id, since, QUEUE.bands), rows.first_readings(session, clinic_id, since)
                )
            ),
            top_flags=tuple(_top(rows.flags(session, clinic_id, since))),
            kappa=tuple(
                KappaFigure(**each._asdict(), names=_names(session, clinic_id, each.readers))
                for each in kappas(
                    [
                        (one, other, Decision.model_validate(ours), Decision.model_validate(theirs))
                        for one, other, ours, theirs in pairs
                    ]
                )
            ),
            therapists=tuple(therapist_trends(rows.weeks(session, clinic_id, since), decided, since)),
            reviewers=tuple(reviewer_trends(decided, since)),
            versions=tuple(
                VersionFigures(
                    **each._asdict(),
                    share_accepted=each.accepted / each.decided if each.decided else None,
                    interval=wilson(each.accepted, each.decided),
                )
                for each in rows.versions(session, clinic_id, since)
            ),
        )


def _names(session: Session, clinic_id: uuid.UUID, readers: tuple[uuid.UUID, uuid.UUID]) -> tuple[str, str]:
    one, other = (repository.person(session, clinic_id, each).name for each in readers)
    return one, other


def _top(counted: Sequence[tuple[str, int]]) -> list[FlagCount]:
    total: Counter[str] = Counter()
    for text, count in counted:
        for flag in queue.flag_list(text):
            total[flag] += count
    ordered = sorted(total.items(), key=lambda each: (-each[1], each[0]))
    return [FlagCount(flag=flag, results=count) for flag, count in ordered[: QUEUE.top_flags]]
