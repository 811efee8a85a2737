"""What a clinic sees of its own work: figures over the last days, no word of a note.

Examples
--------
>>> wilson(9, 10)
(0.596, 0.982)
>>> rising([(0, 20, 2), (1, 20, 5), (2, 20, 12)]) < 0.001 < rising([(0, 20, 9), (1, 20, 10), (2, 20, 9)])
True
"""

from __future__ import annotations

import math
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
from api.queue.readings import kappas
from api.queue.words import QUEUE
from models import intervals

Interval = tuple[float, float]


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


class Acceptance(_Frozen):
    """First readings that took the result as it was, by the result's confidence in ``[least, most)`` (the last one: to 1)."""

    least: float
    most: float
    decided: int
    accepted: int
    share: float | None
    interval: Interval | None = Field(description="95 %, Wilson.")


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


class WeekShare(_Frozen):
    """Week of the time that is shown, counted from 0: notes with one of the two codes, and the share with 97530."""

    week: int
    notes: int
    share: float


class TherapistTrend(_Frozen):
    """A therapist's share of 97530, week by week."""

    therapist: uuid.UUID
    name: str
    weeks: tuple[WeekShare, ...]
    p: float | None = Field(
        description="One-sided Cochran-Armitage test for a rising share, times the therapists tested; null: too few notes."
    )
    rising: bool


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
            acceptance=tuple(_acceptance(rows.bands(session, clinic_id, since, QUEUE.bands))),
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
            therapists=tuple(_trends(rows.weeks(session, clinic_id, since))),
            versions=tuple(
                VersionFigures(
                    **each._asdict(),
                    share_accepted=each.accepted / each.decided if each.decided else None,
                    interval=wilson(each.accepted, each.decided),
                )
                for each in rows.versions(session, clinic_id, since)
            ),
        )


def wilson(successes: int, count: int) -> Interval | None:
    """Return Wilson's interval of a share, with three decimals; ``None`` of nothing."""
    if not count:
        return None
    low, high = (float(f"{end:.3f}") for end in intervals.wilson(successes, count, QUEUE.confidence))
    return low, high


def rising(weeks: Sequence[tuple[int, int, int]]) -> float:
    """Return the one-sided p of the Cochran-Armitage test for a rising share.

    Parameters
    ----------
    weeks
        Week, notes, and how many of them have what is counted.

    Returns
    -------
    float
        In [0, 1]; 1 where nothing varies, so that there is no trend to find.
    """
    total, hits = sum(notes for _, notes, _ in weeks), sum(hit for _, _, hit in weeks)
    if not total:
        return 1.0
    mean = math.fsum(week * notes for week, notes, _ in weeks) / total
    share = hits / total
    spread = math.fsum(notes * (week - mean) ** 2 for week, notes, _ in weeks) * share * (1 - share)
    if spread <= 0:
        return 1.0
    score = math.fsum(hit * (week - mean) for week, _, hit in weeks)
    return 0.5 * math.erfc(score / math.sqrt(2 * spread))


def _names(session: Session, clinic_id: uuid.UUID, readers: tuple[uuid.UUID, uuid.UUID]) -> tuple[str, str]:
    one, other = (repository.person(session, clinic_id, each).name for each in readers)
    return one, other


def _acceptance(bands: Sequence[rows.Band]) -> list[Acceptance]:
    found = {band.least: band for band in bands}
    return [
        Acceptance(
            least=least,
            most=most,
            decided=band.decided,
            accepted=band.accepted,
            share=band.accepted / band.decided if band.decided else None,
            interval=wilson(band.accepted, band.decided),
        )
        for least, most in zip(QUEUE.bands, (*QUEUE.bands[1:], 1.0), strict=True)
        for band in [found.get(least, rows.Band(least, 0, 0))]
    ]


def _top(counted: Sequence[tuple[str, int]]) -> list[FlagCount]:
    total: Counter[str] = Counter()
    for text, count in counted:
        for flag in queue.flag_list(text):
            total[flag] += count
    ordered = sorted(total.items(), key=lambda each: (-each[1], each[0]))
    return [FlagCount(flag=flag, results=count) for flag, count in ordered[: QUEUE.top_flags]]


def _trends(weeks: Sequence[rows.Week]) -> list[TherapistTrend]:
    by_therapist: dict[tuple[uuid.UUID, str], list[rows.Week]] = {}
    for week in weeks:
        by_therapist.setdefault((week.therapist, week.name), []).append(week)
    tested = {
        who
        for who, own in by_therapist.items()
        if QUEUE.rising_notes <= sum(week.notes for week in own) and QUEUE.rising_weeks <= len(own)
    }
    trends = []
    for who, own in by_therapist.items():
        p = None
        if who in tested:
            p = min(1.0, len(tested) * rising([(week.week, week.notes, week.activities) for week in own]))
        trends.append(
            TherapistTrend(
                therapist=who[0],
                name=who[1],
                weeks=tuple(
                    WeekShare(week=week.week, notes=week.notes, share=week.activities / week.notes) for week in own
                ),
                p=p,
                rising=p is not None and p < QUEUE.rising_p,
            )
        )
    return trends
