"""The list of what waits, with counts for each flag and no word of a note."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.db import queue, repository, values
from api.db.queue import Filter
from api.db.session import Database
from models.note import Discipline
from models.result import Code

CodeFilter = Literal[Code, "none"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Filters(_Frozen):
    """Which entries are wanted; what is left out is no matter."""

    flag: str | None = Field(
        default=None, max_length=60, pattern="^[a-z_]+$", description="Results with this flag, by its id."
    )
    discipline: Discipline | None = None
    code: CodeFilter | None = Field(default=None, description="Results with this proposed code; none: with neither.")
    reason: values.QueueReason | None = Field(default=None, description="Why they wait.")
    hours: int | None = Field(
        default=None, ge=0, le=100_000, description="Only what has waited longer than so many hours."
    )

    def at(self, now: datetime) -> Filter:
        """Return the same for the database, at an instant."""
        before = None if self.hours is None else now - timedelta(hours=self.hours)
        return Filter(flag=self.flag, discipline=self.discipline, code=self.code, reason=self.reason, before=before)


class Listing(Filters):
    """A page of the list that is wanted."""

    limit: int = Field(default=50, ge=1, le=200)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class Entry(_Frozen):
    """An entry of the queue."""

    id: uuid.UUID
    note_id: uuid.UUID
    reason: str
    reading: str
    state: str = Field(
        description="waiting, claimed, skipped (another coder's turn) or returned (its question is answered)."
    )
    lease_until: datetime | None
    yours: bool = Field(description="Whether the caller holds its claim, which claiming gives again.")
    priority: float
    created_at: datetime
    discipline: str | None
    code: str | None
    confidence: float
    flags: list[str]
    model_version: str


class WaitingList(_Frozen):
    """A page of the list."""

    total: int = Field(description="Entries that the filters leave, on all pages.")
    flags: dict[str, int] = Field(description="How many of them have each flag.")
    disciplines: dict[str, int] = Field(description="How many are of each discipline; those without one are left out.")
    codes: dict[str, int] = Field(description="How many of them are proposed with each code; none: with neither.")
    reasons: dict[str, int] = Field(description="How many of them wait for each reason.")
    entries: tuple[Entry, ...]


def waiting(database: Database, clinic_id: uuid.UUID, person_id: uuid.UUID | None, listing: Listing) -> WaitingList:
    """Return a page of what waits; ``person_id`` is who asks."""
    now = repository.now()
    wanted = listing.at(now)
    with database.reading() as session:
        groups = queue.groups(session, clinic_id, wanted)
        page = queue.waiting(session, clinic_id, wanted, limit=listing.limit, offset=listing.offset)
    flags, disciplines, codes, reasons = (Counter[str]() for _ in range(4))
    for group in groups:
        for name in group.flags:
            flags[name] += group.entries
        if group.discipline is not None:
            disciplines[group.discipline] += group.entries
        codes[group.code] += group.entries
        reasons[group.reason] += group.entries
    return WaitingList(
        total=sum(group.entries for group in groups),
        flags=dict(sorted(flags.items())),
        disciplines=dict(sorted(disciplines.items())),
        codes=dict(sorted(codes.items())),
        reasons=dict(sorted(reasons.items())),
        entries=tuple(
            Entry(
                id=item.id,
                note_id=item.note_id,
                reason=item.reason,
                reading=item.reading,
                # A lease that ended frees the entry by itself.
                state="waiting" if item.lease_until is not None and item.lease_until <= now else item.state,
                lease_until=item.lease_until,
                yours=item.state == "claimed" and item.claimed_by == person_id,
                priority=item.priority,
                created_at=item.created_at,
                discipline=note.discipline,
                code=result.code,
                confidence=result.confidence,
                flags=result.flags,
                model_version=result.model_version,
            )
            for item, result, note in page
        ),
    )
