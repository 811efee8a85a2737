"""The share of 97530 over weeks: as proposed, after decisions, by therapist and by reviewer.

What reviewers make of proposals is what the next model learns, so that a share that rises through their edits would go on rising.

Examples
--------
>>> rising([(0, 20, 2), (1, 20, 5), (2, 20, 12)]) < 0.001 < rising([(0, 20, 9), (1, 20, 10), (2, 20, 9)])
True
"""

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.db import dashboard as rows
from api.decisions import Decision
from api.queue.readings import standing
from api.queue.words import QUEUE
from api.reviewed import decided_code
from models.billing.codes import HEADLINE

_FIRST, _SECOND = HEADLINE
Person = tuple[uuid.UUID, str]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class WeekShare(_Frozen):
    """Week of the time that is shown, counted from 0: notes with one of the two codes, and the share with 97530."""

    week: int
    notes: int
    share: float


class Trend(_Frozen):
    """A share of 97530, week by week."""

    weeks: tuple[WeekShare, ...]
    p: float | None = Field(
        description="One-sided Cochran-Armitage test for a rising share, times the people tested; null: too few notes."
    )
    rising: bool


class TherapistTrend(Trend):
    """A therapist's notes by the week they were submitted, as proposed."""

    therapist: uuid.UUID
    name: str
    after: Trend = Field(description="The same notes after decisions; where none stands, as proposed.")


class ReviewerTrend(Trend):
    """A reviewer's readings by the week they were decided, after the decision."""

    reviewer: uuid.UUID
    name: str
    before: tuple[WeekShare, ...] = Field(description="The same notes as they were proposed.")
    to_97530: int = Field(description="Notes proposed with 97110 that have 97530 after the decision.")
    to_97110: int = Field(description="Notes proposed with 97530 that have 97110 after the decision.")


class _Weeks:
    """Notes and those with 97530, by week."""

    def __init__(self) -> None:
        self.notes: Counter[int] = Counter()
        self.second: Counter[int] = Counter()

    def add(self, week: int, code: str | None, times: int = 1) -> None:
        """Count a note with a code, or take one out; other codes do not count."""
        if code in HEADLINE:
            self.notes[week] += times
            self.second[week] += times * (code == _SECOND)

    def shares(self) -> tuple[WeekShare, ...]:
        """Return the weeks with notes, in order."""
        return tuple(
            WeekShare(week=week, notes=notes, share=self.second[week] / notes)
            for week, notes in sorted(self.notes.items())
            if notes
        )


def therapist_trends(
    weeks: Sequence[rows.Week], decided: Sequence[rows.Decided], since: datetime
) -> list[TherapistTrend]:
    """Return each therapist's share, as proposed and after decisions, by name.

    Parameters
    ----------
    weeks
        Notes as proposed.
    decided
        Decisions that hold; of two that differ on a note neither counts.
    since
        When week 0 begins.
    """
    before: dict[Person, _Weeks] = {}
    after: dict[Person, _Weeks] = {}
    for each in weeks:
        for counted in (before, after):
            own = counted.setdefault((each.therapist, each.name), _Weeks())
            own.add(each.week, _SECOND, each.activities)
            own.add(each.week, _FIRST, each.notes - each.activities)
    by_result: dict[uuid.UUID, list[rows.Decided]] = {}
    for each in decided:
        if each.therapist is not None and since <= each.submitted_at:
            by_result.setdefault(each.review.result_id, []).append(each)
    for readings in by_result.values():
        agreed = standing([each.review for each in readings])
        one = readings[0]
        if agreed and one.therapist is not None:
            own = after.setdefault((one.therapist, one.therapist_name or ""), _Weeks())
            week = _week(one.submitted_at, since)
            own.add(week, one.code, -1)
            own.add(week, _code(agreed[0].decision))
    told, told_after = _tested(before), _tested(after)
    nothing = Trend(weeks=(), p=None, rising=False)
    return [
        TherapistTrend(therapist=who[0], name=who[1], after=each, **dict(told.get(who, nothing)))
        for who, each in sorted(told_after.items(), key=lambda item: (item[0][1], item[0][0]))
    ]


def reviewer_trends(decided: Sequence[rows.Decided], since: datetime) -> list[ReviewerTrend]:
    """Return each reviewer's share before and after their decisions that hold, by name."""
    before: dict[Person, _Weeks] = {}
    after: dict[Person, _Weeks] = {}
    moved: Counter[tuple[Person, str | None, str | None]] = Counter()
    for each in decided:
        who, week = (each.review.reviewer_id, each.reviewer_name), _week(each.review.created_at, since)
        code = _code(each.review.decision)
        before.setdefault(who, _Weeks()).add(week, each.code)
        after.setdefault(who, _Weeks()).add(week, code)
        moved[who, each.code, code] += 1
    return [
        ReviewerTrend(
            reviewer=who[0],
            name=who[1],
            before=before[who].shares(),
            to_97530=moved[who, _FIRST, _SECOND],
            to_97110=moved[who, _SECOND, _FIRST],
            **dict(each),
        )
        for who, each in sorted(_tested(after).items(), key=lambda item: (item[0][1], item[0][0]))
    ]


def _week(at: datetime, since: datetime) -> int:
    return (at - since) // rows.WEEK


def _code(decision: Mapping[str, object]) -> str | None:
    return decided_code(Decision.model_validate(decision))


def _tested(people: Mapping[Person, _Weeks]) -> dict[Person, Trend]:
    """Return the trends; each p is taken times the number of people with enough notes to test."""
    shares = {who: counted.shares() for who, counted in people.items()}
    tested = {
        who
        for who, own in shares.items()
        if QUEUE.rising_notes <= sum(week.notes for week in own) and QUEUE.rising_weeks <= len(own)
    }
    trends = {}
    for who, own in shares.items():
        p = None
        if who in tested:
            counts = [(week.week, week.notes, people[who].second[week.week]) for week in own]
            p = min(1.0, len(tested) * rising(counts))
        trends[who] = Trend(weeks=own, p=p, rising=p is not None and p < QUEUE.rising_p)
    return trends


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
