"""The list of what waits, with counts for each flag and no word of a note."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.access import Membership, Memberships
from api.db import queue, repository, values
from api.db.queue import Filter
from api.db.session import Database
from api.db.tables import Note, QueueItem, ResultRow
from api.queue.errors import NotYourClinic
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
    clinic: str | None = Field(
        default=None,
        max_length=40,
        description="Notes of this clinic, by its short name: one of those that you read for. Without it, of all of them.",
    )
    hours: int | None = Field(
        default=None, ge=0, le=100_000, description="Only what has waited longer than so many hours."
    )

    def of(self, memberships: Memberships) -> Memberships:
        """Return of the caller's clinics those that are wanted.

        Raises
        ------
        NotYourClinic
            The caller has none of that name.
        """
        found = tuple(each for each in memberships if self.clinic in (None, each.slug))
        if not found:
            raise NotYourClinic
        return found

    def at(self, now: datetime) -> Filter:
        """Return the same for the database, at an instant; the clinics are asked one by one."""
        before = None if self.hours is None else now - timedelta(hours=self.hours)
        return Filter(flag=self.flag, discipline=self.discipline, code=self.code, reason=self.reason, before=before)


class Listing(Filters):
    """A page of the list that is wanted."""

    limit: int = Field(default=50, ge=1, le=200)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class Entry(_Frozen):
    """An entry of the queue."""

    id: uuid.UUID
    clinic: str = Field(description="Short name of the clinic whose note it is.")
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


class ClinicWaiting(_Frozen):
    """A clinic that the caller reads for."""

    slug: str = Field(description="Its short name, which the filter takes.")
    name: str
    role: values.Role | None = Field(description="The caller's there; null for a key.")
    entries: int = Field(
        description="How many of its entries the other filters leave, also where another clinic is chosen."
    )


class WaitingList(_Frozen):
    """A page of the list."""

    clinics: tuple[ClinicWaiting, ...] = Field(
        description="Those whose queue the caller sees, that of the sign-in first."
    )
    total: int = Field(description="Entries that the filters leave, on all pages.")
    flags: dict[str, int] = Field(description="How many of them have each flag.")
    disciplines: dict[str, int] = Field(description="How many are of each discipline; those without one are left out.")
    codes: dict[str, int] = Field(description="How many of them are proposed with each code; none: with neither.")
    reasons: dict[str, int] = Field(description="How many of them wait for each reason.")
    entries: tuple[Entry, ...]


def waiting(database: Database, memberships: Memberships, listing: Listing) -> WaitingList:
    """Return a page of what waits in the clinics of the caller that are wanted.

    Raises
    ------
    NotYourClinic
        The caller has none of the clinic's name.
    """
    now = repository.now()
    wanted, chosen = listing.at(now), listing.of(memberships)
    with database.reading() as session:
        groups = {each.slug: queue.groups(session, each.clinic_id, wanted) for each in memberships}
        entries = list(_page(session, chosen, wanted, listing, now))
    flags, disciplines, codes, reasons = (Counter[str]() for _ in range(4))
    for group in (group for each in chosen for group in groups[each.slug]):
        for name in group.flags:
            flags[name] += group.entries
        if group.discipline is not None:
            disciplines[group.discipline] += group.entries
        codes[group.code] += group.entries
        reasons[group.reason] += group.entries
    return WaitingList(
        clinics=tuple(
            ClinicWaiting(
                slug=each.slug,
                name=each.name,
                role=each.principal.role,
                entries=sum(group.entries for group in groups[each.slug]),
            )
            for each in memberships
        ),
        total=sum(reasons.values()),
        flags=dict(sorted(flags.items())),
        disciplines=dict(sorted(disciplines.items())),
        codes=dict(sorted(codes.items())),
        reasons=dict(sorted(reasons.items())),
        entries=tuple(entries),
    )


def _page(session: Session, chosen: Memberships, wanted: Filter, listing: Listing, now: datetime) -> Iterator[Entry]:
    """Give a page of the entries of some clinics, in the order that they share."""
    first, end = listing.offset, listing.offset + listing.limit
    if len(chosen) == 1:
        stretches = {chosen[0]: (first, end)}
    else:
        # A page of all is, of each clinic, one stretch of its own list: how much of it stands before the page, and up to its end.
        places = [
            [(place, each) for place in queue.places(session, each.clinic_id, wanted, limit=end)] for each in chosen
        ]
        order = [each for _, each in islice(merge(*places, key=itemgetter(0)), end)]
        before, until = Counter(order[:first]), Counter(order)
        stretches = {each: (before[each], until[each]) for each in chosen if before[each] < until[each]}
    found = [
        [
            (queue.Place(False, -item.priority, item.created_at, item.id), _entry(each, item, result, note, now))
            for item, result, note in queue.waiting(
                session, each.clinic_id, wanted, limit=until - before, offset=before
            )
        ]
        for each, (before, until) in stretches.items()
    ]
    for _, entry in merge(*found, key=itemgetter(0)):
        yield entry


def _entry(member: Membership, item: QueueItem, result: ResultRow, note: Note, now: datetime) -> Entry:
    return Entry(
        id=item.id,
        clinic=member.slug,
        note_id=item.note_id,
        reason=item.reason,
        reading=item.reading,
        # A lease that ended frees the entry by itself.
        state="waiting" if item.lease_until is not None and item.lease_until <= now else item.state,
        lease_until=item.lease_until,
        yours=item.state == "claimed" and item.claimed_by == member.principal.person_id,
        priority=item.priority,
        created_at=item.created_at,
        discipline=note.discipline,
        code=result.code,
        confidence=result.confidence,
        flags=result.flags,
        model_version=result.model_version,
    )
