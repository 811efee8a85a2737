"""The SQL of the review queue; as in `api.db.repository`, every function takes session and clinic first and none commits.

A claim is one statement: on PostgreSQL ``FOR UPDATE SKIP LOCKED`` lets each of many callers take another row, on SQLite there is
one writer. Every other step of one entry locks its row first (`locked`), so that what it checks still holds when it writes. The
reviews of an entry are one chain: each supersedes the one before, whoever made it, and its end is what counts (`head`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from api.audit import Actor, Entry, record
from api.db import values
from api.db.errors import ClaimLost, NotClaimable, NotePurged, UnknownRow
from api.db.repository import now, row_of
from api.db.tables import Clinic, Note, Person, QueueItem, ResultRow, Review

# Nobody has the entry; who may take it is another question (`_open_to`).
_FREE = ("waiting", "returned", "skipped")
# Nobody has decided it yet.
UNDECIDED = (*_FREE, "claimed")
# Decisions that hold a reading of the note.
REVIEWERS: tuple[values.Role, ...] = ("coder", "trainer")


LaterReading = Literal["second", "adjudication"]


class Kept(NamedTuple):
    """A submitted note with its latest result and, where it has one, that result's entry for a first reading."""

    note: Note
    result: ResultRow
    item: QueueItem | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows, or is claimed; ``None``: no matter. ``before``: only what entered earlier than that instant."""

    flag: str | None = None
    discipline: str | None = None
    code: str | None = None
    reason: str | None = None
    before: datetime | None = None


# ---- submitting


def find_submission(session: Session, clinic_id: uuid.UUID, submission_key: str) -> Kept | None:
    """Return what was kept under a submission key, ``None`` where it is new."""
    note = session.scalar(select(Note).where(Note.clinic_id == clinic_id, Note.submission_key == submission_key))
    return None if note is None else kept(session, clinic_id, note.id)


def kept(session: Session, clinic_id: uuid.UUID, note_id: uuid.UUID) -> Kept:
    """Return a note with its latest result and that one's first entry, for the program itself: nobody reads it.

    Raises
    ------
    UnknownRow
        The clinic has no such note, or none with a result.
    """
    found = session.execute(
        select(Note, ResultRow, QueueItem)
        .join(ResultRow, and_(ResultRow.clinic_id == Note.clinic_id, ResultRow.note_id == Note.id))
        .outerjoin(
            QueueItem,
            and_(
                QueueItem.clinic_id == Note.clinic_id, QueueItem.result_id == ResultRow.id, QueueItem.reading == "first"
            ),
        )
        .where(Note.clinic_id == clinic_id, Note.id == note_id)
        .order_by(ResultRow.created_at.desc(), ResultRow.id)
        .limit(1)
    ).one_or_none()
    if found is None:
        raise UnknownRow("note", str(note_id))
    return Kept(*found)


def clinic(session: Session, clinic_id: uuid.UUID) -> Clinic:
    """Return the clinic itself: its shares and its key.

    Raises
    ------
    UnknownRow
        There is none.
    """
    found = session.get(Clinic, clinic_id)
    if found is None:
        raise UnknownRow("clinic", str(clinic_id))
    return found


def enqueue(
    session: Session,
    clinic_id: uuid.UUID,
    result_id: uuid.UUID,
    *,
    reason: values.QueueReason,
    reading: values.Reading,
    priority: float,
    variety: str | None,
    by: Actor,
) -> QueueItem:
    """Have a result wait for a reading; one that was withdrawn waits again, one that is there stays as it is.

    Raises
    ------
    UnknownRow
        The clinic has no such result.
    """
    result = row_of(session, clinic_id, ResultRow, "result", result_id)
    # Not locked: its reader may hold it and wait for the result, which the caller holds.
    there = session.scalar(_of_result(clinic_id, result_id, reading))
    if there is None:
        there = QueueItem(
            clinic_id=clinic_id,
            id=uuid.uuid4(),
            note_id=result.note_id,
            result_id=result_id,
            reason=reason,
            reading=reading,
            state="waiting",
            priority=priority,
            variety=variety,
            claims=0,
            created_at=now(),
        )
        session.add(there)
    elif there.state == "withdrawn":
        there.state, there.decided_at = "waiting", None
    else:
        return there
    session.flush()
    detail = {"note": str(result.note_id), "reason": reason, "reading": reading}
    record(session, clinic_id, Entry(by, "queue.added", "queue_item", there.id, detail))
    return there


# ---- the list


def waiting(
    session: Session, clinic_id: uuid.UUID, wanted: Filter, *, limit: int, offset: int
) -> Sequence[tuple[QueueItem, ResultRow, Note]]:
    """Return the undecided entries in the order they are claimed, with result and note; nothing of their words is for showing."""
    statement = (
        _listed(select(QueueItem, ResultRow, Note), clinic_id, wanted)
        .order_by(QueueItem.priority.desc(), QueueItem.created_at, QueueItem.id)
        .limit(limit)
        .offset(offset)
    )
    return [tuple(row) for row in session.execute(statement)]


class Place(NamedTuple):
    """Where an entry stands in the order that all clinics share; the least is first."""

    is_twin: bool
    """A near-twin of what somebody has just read, so that it comes after all others; in the list it does not count."""
    falling_priority: float
    created_at: datetime
    id: uuid.UUID


def places(session: Session, clinic_id: uuid.UUID, wanted: Filter, *, limit: int) -> Sequence[Place]:
    """Return the places of the first undecided entries, in their order."""
    columns = select(QueueItem.priority, QueueItem.created_at, QueueItem.id)
    statement = (
        _listed(columns, clinic_id, wanted)
        .order_by(QueueItem.priority.desc(), QueueItem.created_at, QueueItem.id)
        .limit(limit)
    )
    return [Place(False, -priority, *rest) for priority, *rest in session.execute(statement)]


class Group(NamedTuple):
    """How many undecided entries have these flags, this discipline, this code (``none``: neither of the two) and this reason."""

    flags: list[str]
    discipline: str | None
    code: str
    reason: str
    entries: int


def groups(session: Session, clinic_id: uuid.UUID, wanted: Filter) -> Sequence[Group]:
    """Return how many undecided entries there are of each kind that the list can be filtered by."""
    columns = (
        cast(ResultRow.flags, Text).label("flags"),
        Note.discipline,
        func.coalesce(ResultRow.code, "none").label("code"),
        QueueItem.reason,
    )
    each = _listed(select(*columns).select_from(QueueItem), clinic_id, wanted).subquery()
    statement = select(*each.c, func.count()).group_by(*each.c)
    return [Group(flag_list(flags), *rest) for flags, *rest in session.execute(statement)]


def flag_list(text: str) -> list[str]:
    """Return the flags in a column's text.

    Examples
    --------
    >>> flag_list('["no_unit", "goal_missing"]')
    ['no_unit', 'goal_missing']
    """
    return json.loads(text)


def _listed(statement: Any, clinic_id: uuid.UUID, wanted: Filter) -> Any:
    return _wanted(statement, QueueItem, wanted).where(QueueItem.clinic_id == clinic_id, QueueItem.state.in_(UNDECIDED))


def _wanted(statement: Any, item: Any, wanted: Filter) -> Any:
    """Join result and note to a statement about entries and keep what the filters leave."""
    statement = statement.join(
        ResultRow, and_(ResultRow.clinic_id == item.clinic_id, ResultRow.id == item.result_id)
    ).join(Note, and_(Note.clinic_id == item.clinic_id, Note.id == item.note_id))
    if wanted.flag is not None:
        # The column's text is compared, which both engines can; names of flags hold no quotes.
        statement = statement.where(cast(ResultRow.flags, Text).contains(f'"{wanted.flag}"', autoescape=True))
    if wanted.discipline is not None:
        statement = statement.where(Note.discipline == wanted.discipline)
    if wanted.code is not None:
        # Of notes in which neither code was found it is "none".
        statement = statement.where(
            ResultRow.code.is_(None) if wanted.code == "none" else ResultRow.code == wanted.code
        )
    if wanted.reason is not None:
        statement = statement.where(item.reason == wanted.reason)
    if wanted.before is not None:
        statement = statement.where(item.created_at < wanted.before)
    return statement


# ---- claims


def claim(
    session: Session,
    clinic_id: uuid.UUID,
    person_id: uuid.UUID,
    *,
    role: values.Role,
    lease: timedelta,
    item_id: uuid.UUID | None = None,
    wanted: Filter | None = None,
    twins: Collection[str] | None = None,
    at: datetime | None = None,
) -> QueueItem | None:
    """Claim one entry for a person: that one, or the best that is open to them; ``None`` where nothing is.

    The best has the highest priority, the oldest of equals, and is no near-twin of what the person read last or holds, unless
    nothing else is left (``twins``: groups of near-twins where these are known, as they are for who reads for several clinics);
    ``wanted`` leaves only some to choose from. One that the person holds already is given again where its id
    is named, with a new lease and the same number.

    Raises
    ------
    UnknownRow
        The clinic has no such entry.
    NotClaimable
        That entry is another's, decided, or not for this person, who skipped it or read it before.
    """
    at = at or now()
    candidate = aliased(QueueItem)
    if item_id is not None:
        own = locked(session, clinic_id, item_id)
        if own.state == "claimed" and own.claimed_by == person_id:
            own.lease_until = at + lease
            session.flush()
            return own
        open_to = _open_to(candidate, clinic_id, person_id, role, at)
        best = select(candidate.id).where(candidate.clinic_id == clinic_id, candidate.id == item_id, *open_to)
    else:
        best = _best(
            select(candidate.id),
            candidate,
            clinic_id,
            person_id,
            role,
            wanted,
            twins_of([lately(session, clinic_id, person_id)]) if twins is None else twins,
            at,
        )
    best = best.with_for_update(of=candidate, skip_locked=True)
    taken = session.scalar(
        update(QueueItem)
        .where(QueueItem.clinic_id == clinic_id, QueueItem.id == best.scalar_subquery())
        .values(state="claimed", claimed_by=person_id, lease_until=at + lease, claims=QueueItem.claims + 1)
        .returning(QueueItem)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if taken is not None:
        detail = {"note": str(taken.note_id), "claims": taken.claims}
        record(session, clinic_id, Entry(Actor("person", person_id), "queue.claimed", "queue_item", taken.id, detail))
    elif item_id is not None:
        raise NotClaimable(str(item_id), _why_not(locked(session, clinic_id, item_id), at))
    return taken


def best_place(
    session: Session,
    clinic_id: uuid.UUID,
    person_id: uuid.UUID,
    *,
    role: values.Role,
    wanted: Filter | None = None,
    twins: Collection[str],
    at: datetime | None = None,
) -> Place | None:
    """Return the place of the entry that `claim` would take, ``None`` where it would take none; nothing is claimed."""
    item = aliased(QueueItem)
    columns = select(item.variety, item.priority, item.created_at, item.id)
    best = _best(columns, item, clinic_id, person_id, role, wanted, twins, at or now())
    found: Any = session.execute(best).one_or_none()
    if found is None:
        return None
    variety, priority, created_at, id = found
    return Place(variety in twins, -priority, created_at, id)


def _best(
    statement: Any,
    item: Any,
    clinic_id: uuid.UUID,
    person_id: uuid.UUID,
    role: values.Role,
    wanted: Filter | None,
    twins: Collection[str],
    at: datetime,
) -> Any:
    """Keep of a statement about entries the one that is best for a person."""
    statement = statement.where(item.clinic_id == clinic_id, *_open_to(item, clinic_id, person_id, role, at)).limit(1)
    if wanted is not None and wanted != Filter():
        statement = _wanted(statement, item, wanted)
    if twins:
        statement = statement.order_by(case((item.variety.in_(twins), 1), else_=0))
    return statement.order_by(item.priority.desc(), item.created_at, item.id)


def _why_not(item: QueueItem, at: datetime) -> str:
    if item.state == "claimed" and item.lease_until is not None and at < item.lease_until:
        return "somebody else is reading it"
    if item.state not in UNDECIDED:
        return "it is decided, or its note is gone"
    return "it is for somebody else, since you read this note before or skipped it"


def _open_to(
    item: Any, clinic_id: uuid.UUID, person_id: uuid.UUID, role: values.Role, at: datetime
) -> list[ColumnElement[bool]]:
    """What has to hold of an entry for this person to claim it."""
    free = or_(item.state.in_(_FREE), and_(item.state == "claimed", item.lease_until <= at))
    me = Review.reviewer_id == person_id
    skipped, before = _skipped(item, clinic_id, me), _read_otherwise(item, clinic_id, me)
    if role == "trainer":
        # Where nobody else is left, a trainer may settle what they themselves read.
        they = Review.reviewer_id == Person.id
        third = exists(
            select(Person.id)
            .where(
                Person.clinic_id == clinic_id,
                Person.disabled_at.is_(None),
                Person.role.in_(REVIEWERS),
                ~_read_otherwise(item, clinic_id, they, Person),
                ~_skipped(item, clinic_id, they, Person),
            )
            .correlate(item)
        )
        before = and_(before, or_(item.reading != "adjudication", third))
    return [free, ~skipped, ~before]


def _skipped(item: Any, clinic_id: uuid.UUID, who: ColumnElement[bool], *outer: Any) -> ColumnElement[bool]:
    """Somebody skipped the entry and did not take that back."""
    undone = aliased(Review)
    return exists(
        select(Review.id)
        .where(
            Review.clinic_id == clinic_id,
            Review.note_id == item.note_id,
            Review.queue_item_id == item.id,
            kind(Review) == "skip",
            ~exists(
                select(undone.id)
                .where(undone.clinic_id == clinic_id, undone.supersedes == Review.id, kind(undone) == "undo")
                .correlate(Review)
            ),
            who,
        )
        .correlate(item, *outer)
    )


def _read_otherwise(item: Any, clinic_id: uuid.UUID, who: ColumnElement[bool], *outer: Any) -> ColumnElement[bool]:
    """Somebody decided, or asked about, the same result in another reading, even if they took it back."""
    return exists(
        select(Review.id)
        .where(
            Review.clinic_id == clinic_id,
            Review.note_id == item.note_id,
            Review.result_id == item.result_id,
            Review.reading != item.reading,
            kind(Review).in_((*values.WHOLE, "question")),
            who,
        )
        .correlate(item, *outer)
    )


class Lately(NamedTuple):
    """The near-twin groups of what a person holds in a clinic, and of what they reviewed last there, with the instant."""

    held: frozenset[str]
    last: str | None
    at: datetime | None


def lately(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> Lately:
    """Return what a person holds and reviewed last in a clinic."""
    held = session.scalars(
        select(QueueItem.variety).where(
            QueueItem.clinic_id == clinic_id, QueueItem.state == "claimed", QueueItem.claimed_by == person_id
        )
    )
    last = session.execute(
        select(QueueItem.variety, Review.created_at)
        .join(Review, and_(Review.clinic_id == QueueItem.clinic_id, Review.queue_item_id == QueueItem.id))
        .where(Review.clinic_id == clinic_id, Review.reviewer_id == person_id)
        .order_by(Review.created_at.desc())
        .limit(1)
    ).one_or_none()
    return Lately(frozenset(each for each in held if each is not None), *(last or (None, None)))


def twins_of(found: Iterable[Lately]) -> frozenset[str]:
    """Return the groups that should not follow for a reader of one or several clinics: of all they hold and of the last they read.

    Examples
    --------
    >>> early, late = datetime(2026, 1, 1), datetime(2026, 1, 2)
    >>> sorted(twins_of([Lately(frozenset({"a"}), "b", early), Lately(frozenset(), "c", late)]))
    ['a', 'c']
    """
    each = list(found)
    latest = max((one for one in each if one.at is not None), key=lambda one: one.at or datetime.min, default=None)
    last = frozenset() if latest is None or latest.last is None else {latest.last}
    return frozenset().union(last, *(one.held for one in each))


def locked(session: Session, clinic_id: uuid.UUID, item_id: uuid.UUID) -> QueueItem:
    """Return an entry that nobody else changes until this transaction ends.

    Raises
    ------
    UnknownRow
        The clinic has no such entry.
    """
    found = session.scalar(
        select(QueueItem)
        .where(QueueItem.clinic_id == clinic_id, QueueItem.id == item_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise UnknownRow("queue entry", str(item_id))
    return found


def held(session: Session, clinic_id: uuid.UUID, item_id: uuid.UUID, person_id: uuid.UUID, claims: int) -> QueueItem:
    """Return an entry, locked, that this person claimed under that number.

    A lease that lapsed is no matter as long as nobody else has claimed since: the number tells.

    Raises
    ------
    UnknownRow, ClaimLost
        The clinic has no such entry, or the claim is not theirs any more.
    """
    item = locked(session, clinic_id, item_id)
    if (item.state, item.claimed_by, item.claims) != ("claimed", person_id, claims):
        raise ClaimLost(str(item_id))
    return item


def is_here(session: Session, clinic_id: uuid.UUID, item_id: uuid.UUID) -> bool:
    """Return whether an entry is the clinic's."""
    return (
        session.scalar(select(QueueItem.id).where(QueueItem.clinic_id == clinic_id, QueueItem.id == item_id))
        is not None
    )


def held_last(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> QueueItem | None:
    """Return the entry whose claim by this person ends last, ``None`` where they hold none."""
    return session.scalar(
        select(QueueItem)
        .where(QueueItem.clinic_id == clinic_id, QueueItem.state == "claimed", QueueItem.claimed_by == person_id)
        .where(QueueItem.lease_until > now())
        .order_by(QueueItem.lease_until.desc(), QueueItem.id)
        .limit(1)
    )


def renew(
    session: Session, clinic_id: uuid.UUID, item_id: uuid.UUID, person_id: uuid.UUID, claims: int, *, lease: timedelta
) -> datetime:
    """Begin the lease of a claim anew and return its end; errors as for `held`."""
    item = held(session, clinic_id, item_id, person_id, claims)
    item.lease_until = until = now() + lease
    session.flush()
    return until


def release(session: Session, clinic_id: uuid.UUID, item_id: uuid.UUID, person_id: uuid.UUID, claims: int) -> None:
    """Give a claim back undecided; errors as for `held`."""
    item = held(session, clinic_id, item_id, person_id, claims)
    move(session, clinic_id, item, "waiting")
    record(session, clinic_id, Entry(Actor("person", person_id), "queue.released", "queue_item", item_id))


def move(session: Session, clinic_id: uuid.UUID, item: QueueItem, state: values.QueueState) -> None:
    """Put an entry of the clinic that is locked into a state without a holder.

    Raises
    ------
    UnknownRow
        The entry is another clinic's.
    """
    _own(clinic_id, item)
    item.state, item.claimed_by, item.lease_until = state, None, None
    item.decided_at = now() if state == "decided" else None
    session.flush()


# ---- decisions


def head(session: Session, clinic_id: uuid.UUID, item: QueueItem) -> Review | None:
    """Return the last review of an entry, ``None`` where it has none."""
    return session.scalar(
        select(Review).where(
            Review.clinic_id == clinic_id,
            Review.note_id == item.note_id,
            Review.queue_item_id == item.id,
            ~superseded(Review),
        )
    )


def last_of(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> Review | None:
    """Return the latest decision of a person that may still be taken back, ``None`` where there is none: nobody reads it.

    That is one that nothing supersedes and whose entry stands as it left it; the readings of its note may be settled meanwhile.
    """
    stands = or_(
        QueueItem.state == "decided", and_(kind(Review) == "skip", QueueItem.state.in_(("skipped", "waiting")))
    )
    return session.scalar(
        select(Review)
        .join(QueueItem, and_(QueueItem.clinic_id == Review.clinic_id, QueueItem.id == Review.queue_item_id))
        .join(Note, and_(Note.clinic_id == Review.clinic_id, Note.id == Review.note_id))
        .where(
            Review.clinic_id == clinic_id,
            Review.reviewer_id == person_id,
            kind(Review) != "undo",
            Note.purged_at.is_(None),
            ~superseded(Review),
            stands,
        )
        .order_by(Review.created_at.desc(), Review.id)
        .limit(1)
    )


def take_back(
    session: Session, clinic_id: uuid.UUID, item: QueueItem, person_id: uuid.UUID, *, lease: timedelta
) -> None:
    """Give a locked entry back to the one whose last review of it was just undone, claimed under a new number.

    Raises
    ------
    UnknownRow
        The entry is another clinic's.
    """
    _own(clinic_id, item)
    item.state, item.claimed_by, item.lease_until = "claimed", person_id, now() + lease
    item.claims, item.decided_at = item.claims + 1, None
    session.flush()


def entry_of(session: Session, clinic_id: uuid.UUID, result_id: uuid.UUID, reading: values.Reading) -> QueueItem | None:
    """Return a result's entry for a reading, locked; ``None`` where there is none."""
    return session.scalar(
        _of_result(clinic_id, result_id, reading).with_for_update().execution_options(populate_existing=True)
    )


def lock_result(session: Session, clinic_id: uuid.UUID, result_id: uuid.UUID) -> None:
    """Let nobody else look at how the readings of a result stand until this transaction ends; taken after an entry's own lock.

    Without it two readers who decide at the same moment would each not see the other's decision, and nobody compare them.
    """
    # Weaker than a plain lock: new rows may still refer to this one.
    session.execute(
        select(ResultRow.id)
        .where(ResultRow.clinic_id == clinic_id, ResultRow.id == result_id)
        .with_for_update(key_share=True)
    )


def readings(session: Session, clinic_id: uuid.UUID, result_id: uuid.UUID) -> Mapping[str, Review]:
    """Return the decisions that hold now, by reading: those with a reading of the note that nothing supersedes."""
    found = session.scalars(
        select(Review)
        .where(
            Review.clinic_id == clinic_id,
            Review.result_id == result_id,
            kind(Review).in_(values.WHOLE),
            ~superseded(Review),
        )
        .order_by(Review.created_at, Review.id)
    )
    return {review.reading: review for review in found}


def material(session: Session, clinic_id: uuid.UUID, item_id: uuid.UUID) -> tuple[QueueItem, Note, ResultRow]:
    """Return an entry with note and result, for checks by the program: nobody reads it.

    Raises
    ------
    UnknownRow, NotePurged
        The clinic has no such entry, or its note is purged.
    """
    found = session.execute(
        select(QueueItem, Note, ResultRow)
        .join(Note, and_(Note.clinic_id == QueueItem.clinic_id, Note.id == QueueItem.note_id))
        .join(ResultRow, and_(ResultRow.clinic_id == QueueItem.clinic_id, ResultRow.id == QueueItem.result_id))
        .where(QueueItem.clinic_id == clinic_id, QueueItem.id == item_id)
    ).one_or_none()
    if found is None:
        raise UnknownRow("queue entry", str(item_id))
    item, note, result = found
    if note.purged_at is not None:
        raise NotePurged(str(note.id))
    return item, note, result


# ---- parts of statements


def kind(review: Any) -> Any:
    """A review's kind, as an expression."""
    return review.decision["kind"].as_string()


def superseded(review: Any) -> ColumnElement[bool]:
    """Whether a later review stands in a review's place, as an expression."""
    later = aliased(Review)
    return exists(
        select(later.id).where(later.clinic_id == review.clinic_id, later.supersedes == review.id).correlate(review)
    )


def _of_result(clinic_id: uuid.UUID, result_id: uuid.UUID, reading: values.Reading) -> Select[QueueItem]:
    return select(QueueItem).where(
        QueueItem.clinic_id == clinic_id, QueueItem.result_id == result_id, QueueItem.reading == reading
    )


def _own(clinic_id: uuid.UUID, item: QueueItem) -> None:
    if item.clinic_id != clinic_id:
        raise UnknownRow("queue entry", str(item.id))
