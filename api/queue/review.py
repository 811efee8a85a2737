"""What a coder does with the queue: claim, decide, take back, and go on; and what the therapist of a note sees and answers.

Each function is one transaction. A decision is checked against the note before that transaction, since neither note nor result ever
changes; whether the claim still holds is checked inside it.

Whoever reads for several clinics acts on an entry as somebody of its clinic; claimed is the best entry over all clinics that are
wanted, each in its own order.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from api.access import Membership, Memberships, Principal
from api.db import questions as asking
from api.db import queue, repository, values
from api.db.errors import NotClaimable, UnknownRow
from api.db.session import Database
from api.db.tables import Note, Question, QueueItem, Review
from api.decisions import Decision, Reason
from api.errors import SignInRequired
from api.queue import copies, readings
from api.queue.changes import Changes, changes
from api.queue.copies import CopyShown
from api.queue.errors import DecisionRefused
from api.queue.waiting import Filters
from api.queue.words import QUEUE
from api.reviewed import accepted, labelled
from models.billing.units import all_units
from models.result import Result
from models.training.dataset import Header, Misfit, minutes_of

_NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no such character


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimNumber(_Frozen):
    """Which claim is meant: the number that claiming gave."""

    claims: int = Field(ge=1, description="The claim's number; another claim of the same entry has another one.")


class Wanted(Filters):
    """Which entry to claim: that one, or the best of those that the filters leave; without any, the best."""

    model_config = ConfigDict(extra="forbid")

    id: uuid.UUID | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.id is not None and any(getattr(self, name) is not None for name in Filters.model_fields):
            raise ValueError("id names the one entry: leave the filters out")
        return self


class NextFilters(Filters):
    """Which entry to claim next: the best of those that the filters leave."""

    model_config = ConfigDict(extra="forbid")


class DecisionRequest(_Frozen):
    """A decision on a claimed entry, or ``undo`` of one's own last one."""

    decision: Decision | None = Field(description="The whole decision; null takes the result as it was returned.")
    claims: int | None = Field(default=None, ge=1, description="The claim's number; undo needs none.")
    milliseconds: int | None = Field(default=None, ge=0, description="How long the reviewer looked at the note.")
    question: str | None = Field(
        default=None, min_length=1, max_length=2000, pattern=_NO_NUL, description="What the therapist is asked."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind == "question") != (self.question is not None):
            raise ValueError("question goes with a decision of kind question, and with that alone")
        if (self.kind == "undo") != (self.claims is None):
            raise ValueError("claims goes with every decision but undo")
        return self

    @property
    def kind(self) -> str:
        """The decision's kind."""
        return "accept" if self.decision is None else self.decision.kind


class DecisionAndNext(DecisionRequest):
    """A decision on a claimed entry, any but ``undo``, and which entry is wanted next."""

    next: NextFilters = Field(default=NextFilters(), description="Without filters, the best.")


class Answer(_Frozen):
    """A therapist's answer."""

    answer: str = Field(min_length=1, max_length=2000, pattern=_NO_NUL)


class Asked(_Frozen):
    """A question about a note, and its answer where there is one."""

    id: uuid.UUID
    note_id: uuid.UUID
    asked_at: datetime
    question: str | None
    answered_at: datetime | None
    answer: str | None


class Reading(_Frozen):
    """One decision that holds now."""

    reading: values.Reading
    decided_at: datetime
    decision: Decision


class Claim(_Frozen):
    """A claimed entry with all that is needed to decide it; of other readings nothing, unless it is there to settle them."""

    id: uuid.UUID
    clinic: str = Field(description="Short name of the clinic whose note it is.")
    claims: int = Field(description="The claim's number; send it with the decision.")
    lease_until: datetime = Field(description="Until then nobody else gets the note.")
    reading: values.Reading
    note_id: uuid.UUID
    external_id: str | None = Field(description="The note's name where it came from.")
    text: str
    discipline: str | None
    date_of_service: date | None
    result: Result
    questions: tuple[Asked, ...]
    readings: tuple[Reading, ...] = Field(description="Both readings, for an adjudication; else empty.")
    copied: CopyShown | None = Field(description="Where the note was copied forward from; null where it was not.")


class Claimed(_Frozen):
    """What claiming gave; null where nothing waits for this person."""

    claim: Claim | None


class Lease(_Frozen):
    """A claim's new end."""

    lease_until: datetime


class Decided(_Frozen):
    """What was kept of a decision."""

    review_id: uuid.UUID
    state: values.QueueState
    minutes: dict[str, int] | None = Field(description="Per code, after the decision; null where it is no reading.")
    units: dict[str, dict[str, int]] | None = Field(description="The same, in units under every policy.")
    changes: Changes | None
    claim: Claim | None = Field(description="After undo, the entry claimed again; after accept-and-next, the next one.")


class Last(_Frozen):
    """One's own decision that `undo` takes back."""

    id: uuid.UUID = Field(description="Its entry; undo goes there.")
    note_id: uuid.UUID
    decided_at: datetime
    decision: Decision
    minutes: dict[str, int] | None = Field(description="Per code, after the decision; null where it is no reading.")
    units: dict[str, dict[str, int]] | None = Field(description="The same, in units under every policy.")
    changes: Changes | None


class LastDecision(_Frozen):
    """What can be taken back; null where there is nothing."""

    last: Last | None


# ---- claims


def claim(
    database: Database, memberships: Memberships, *, lease: timedelta, wanted: Wanted | None = None
) -> Claim | None:
    """Claim the entry that is wanted, or the best.

    Raises
    ------
    NotYourClinic
        The caller has none of the clinic's name.
    UnknownRow, NotClaimable
        As for `api.db.queue.claim`.
    """
    with database.writing() as session:
        if wanted is not None and wanted.id is not None:
            return _claim_one(session, _acting(session, memberships, wanted.id), wanted.id, lease=lease)
        return _claim_best(session, memberships, wanted or Filters(), lease=lease)


def _claim_one(session: Session, member: Membership, item_id: uuid.UUID, *, lease: timedelta) -> Claim | None:
    person_id, role = _reviewer(member)
    item = queue.claim(session, member.clinic_id, person_id, role=role, lease=lease, item_id=item_id)
    return None if item is None else _shown(session, member, item)


def _claim_best(session: Session, memberships: Memberships, filters: Filters, *, lease: timedelta) -> Claim | None:
    wanted, chosen = filters.at(repository.now()), filters.of(memberships)
    # What somebody has just read in one clinic is no news in another either.
    twins = queue.twins_of(queue.lately(session, each.clinic_id, _reviewer(each)[0]) for each in memberships)
    for member in _by_best(session, chosen, wanted, twins):
        person_id, role = _reviewer(member)
        # Where somebody else took what was best there, it is the next one of that clinic.
        item = queue.claim(session, member.clinic_id, person_id, role=role, lease=lease, wanted=wanted, twins=twins)
        if item is not None:
            return _shown(session, member, item)
    return None


def _by_best(
    session: Session, memberships: Memberships, wanted: queue.Filter, twins: Collection[str]
) -> Sequence[Membership]:
    """Return the clinics in which something is open to the caller, that of the best entry first."""
    if len(memberships) == 1:
        return memberships
    found: list[tuple[queue.Place, Membership]] = []
    for member in memberships:
        person_id, role = _reviewer(member)
        place = queue.best_place(session, member.clinic_id, person_id, role=role, wanted=wanted, twins=twins)
        if place is not None:
            found.append((place, member))
    return [member for _, member in sorted(found, key=itemgetter(0))]


def _acting(session: Session, memberships: Memberships, item_id: uuid.UUID) -> Membership:
    """Return as whom the caller acts on an entry: the one of its clinic.

    Raises
    ------
    UnknownRow
        None of the caller's clinics has such an entry.
    """
    if len(memberships) == 1:
        return memberships[0]
    for each in memberships:
        if queue.is_here(session, each.clinic_id, item_id):
            return each
    raise UnknownRow("queue entry", str(item_id))


def _shown(session: Session, member: Membership, item: QueueItem) -> Claim:
    """Return a claim with its note; reading it is written down."""
    clinic_id, by = member.clinic_id, member.principal.actor
    note = repository.read_note(session, clinic_id, item.note_id, by=by)
    result = repository.read_result(session, clinic_id, item.result_id, by=by)
    asked = asking.questions(session, clinic_id, by=by, item_id=item.id)
    others = queue.readings(session, clinic_id, item.result_id) if item.reading == "adjudication" else {}
    return Claim(
        id=item.id,
        clinic=member.slug,
        claims=item.claims,
        lease_until=item.lease_until or repository.now(),
        reading=_READING[item.reading],
        note_id=note.id,
        external_id=note.external_id,
        text=note.text or "",
        discipline=note.discipline,
        date_of_service=note.visit_date,
        result=Result.model_validate_json(result.body),
        questions=tuple(_asked(each) for each in asked),
        readings=tuple(_reading(each) for each in others.values()),
        copied=copies.shown(session, member.principal, note),
    )


_READING: dict[str, values.Reading] = {word: word for word in values.READINGS}


def _asked(question: Question) -> Asked:
    return Asked(
        id=question.id,
        note_id=question.note_id,
        asked_at=question.asked_at,
        question=question.body,
        answered_at=question.answered_at,
        answer=question.answer,
    )


def _reading(review: Review) -> Reading:
    return Reading(
        reading=_READING[review.reading],
        decided_at=review.created_at,
        decision=Decision.model_validate(review.decision),
    )


def renew(database: Database, memberships: Memberships, item_id: uuid.UUID, claims: int, *, lease: timedelta) -> Lease:
    """Begin a claim's lease anew; errors as for `api.db.queue.held`."""
    with database.writing() as session:
        member = _acting(session, memberships, item_id)
        person_id, _ = _reviewer(member)
        return Lease(lease_until=queue.renew(session, member.clinic_id, item_id, person_id, claims, lease=lease))


def release(database: Database, memberships: Memberships, item_id: uuid.UUID, claims: int) -> None:
    """Give a claim back; errors as for `api.db.queue.held`."""
    with database.writing() as session:
        member = _acting(session, memberships, item_id)
        person_id, _ = _reviewer(member)
        queue.release(session, member.clinic_id, item_id, person_id, claims)


def _reviewer(member: Membership) -> tuple[uuid.UUID, values.Role]:
    if member.principal.person_id is None or member.principal.role is None:
        raise SignInRequired
    return member.principal.person_id, member.principal.role


# ---- decisions


def decide(
    database: Database,
    memberships: Memberships,
    item_id: uuid.UUID,
    request: DecisionRequest,
    *,
    lease: timedelta,
) -> Decided:
    """Keep a decision; of a `DecisionAndNext` claim the next entry that it wants, of any clinic, in the same transaction.

    A decision that is sent again under the same claim is kept once and answered alike, a `DecisionAndNext` by the entry that the
    person holds since.

    Raises
    ------
    UnknownRow, NotePurged
        No clinic of the caller has such an entry, or its note is gone.
    DecisionRefused, NotYourClinic
        The decision does not fit the note; or the next one is wanted of a clinic that is none of the caller's.
    ClaimLost
        The entry is not claimed by this person under that number any more.
    NotClaimable
        There is nothing of one's own to take back, or it was settled meanwhile; or another decision was kept under this claim.
    """
    if isinstance(request, DecisionAndNext):
        request.next.of(memberships)
    with database.reading() as session:
        member = _acting(session, memberships, item_id)
        item, note, row = queue.material(session, member.clinic_id, item_id)
    person_id, _ = _reviewer(member)
    result = Result.model_validate_json(row.body)
    decision = _whole(request, result)
    made = _made(note, result, decision)
    with database.writing() as session:
        item = queue.locked(session, member.clinic_id, item_id)
        last, following = queue.head(session, member.clinic_id, item), None
        review = _made_before(session, item, last, person_id, request, decision)
        if review is None:
            review = _keep(session, item, last, person_id, request, decision, lease=lease)
        elif isinstance(request, DecisionAndNext):
            following = _held_last(session, memberships)
        claimed = None
        if decision.kind == "undo":
            claimed = _claim_one(session, member, item_id, lease=lease)
        elif following is not None:
            claimed = _claim_one(session, *following, lease=lease)
        elif isinstance(request, DecisionAndNext):
            claimed = _claim_best(session, memberships, request.next, lease=lease)
    return Decided(
        review_id=review.id,
        state=_BECOMES.get(decision.kind, "decided"),
        claim=claimed,
        **made._asdict(),
    )


def _held_last(session: Session, memberships: Memberships) -> tuple[Membership, uuid.UUID] | None:
    """Return the entry whose claim by the caller ends last, with the one they hold it as; ``None`` where they hold none."""
    held = [
        (item.lease_until or item.created_at, member, item.id)
        for member in memberships
        if (item := queue.held_last(session, member.clinic_id, _reviewer(member)[0])) is not None
    ]
    return max(held, key=itemgetter(0))[1:] if held else None


def last(database: Database, memberships: Memberships) -> LastDecision:
    """Return the caller's latest decision that can still be taken back; of the note itself it tells nothing but offsets."""
    with database.reading() as session:
        found = [queue.last_of(session, each.clinic_id, _reviewer(each)[0]) for each in memberships]
        review = max((each for each in found if each is not None), key=attrgetter("created_at"), default=None)
        if review is None or review.queue_item_id is None:
            return LastDecision(last=None)
        _, note, row = queue.material(session, review.clinic_id, review.queue_item_id)
    decision = Decision.model_validate(review.decision)
    made = _made(note, Result.model_validate_json(row.body), decision)
    return LastDecision(
        last=Last(
            id=review.queue_item_id,
            note_id=note.id,
            decided_at=review.created_at,
            decision=decision,
            **made._asdict(),
        )
    )


class _Made(NamedTuple):
    """What a decision comes to; ``None`` throughout where it is no reading."""

    minutes: dict[str, int] | None
    units: dict[str, dict[str, int]] | None
    changes: Changes | None


def _made(note: Note, result: Result, decision: Decision) -> _Made:
    """Return what a decision comes to.

    Raises
    ------
    DecisionRefused
        It does not fit the note.
    """
    if decision.services is None:
        return _Made(None, None, None)
    reading = labelled(note.text or "", decision, header(note))
    minutes = minutes_of(reading)
    return _Made(minutes, all_units(minutes), changes(result, reading))


_BECOMES: dict[str, values.QueueState] = {"skip": "skipped", "undo": "claimed"}


def _made_before(
    session: Session,
    item: QueueItem,
    last: Review | None,
    person_id: uuid.UUID,
    request: DecisionRequest,
    decision: Decision,
) -> Review | None:
    """Return ``last``, an entry's last review, where this same request made it before: its answer was lost, and it is sent again.

    That it took longer to look at the note is no other decision. Where somebody has claimed the entry since, its number tells.

    Raises
    ------
    NotClaimable
        Under this claim the person decided otherwise.
    """
    if last is None or last.reviewer_id != person_id:
        return None
    undone = last.decision["kind"] == "undo"
    if decision.kind == "undo" or undone:
        return last if decision.kind == "undo" and undone and item.claimed_by == person_id else None
    if item.state not in ("decided", "skipped", "returned") or item.claims != request.claims:
        return None
    asked = None if request.question is None else asking.asked_last(session, item.clinic_id, item)
    if last.decision != decision.model_dump(mode="json") or asked != request.question:
        raise NotClaimable(str(item.id), "you decided it otherwise under this claim; take that back first")
    return last


def _keep(
    session: Session,
    item: QueueItem,
    last: Review | None,
    person_id: uuid.UUID,
    request: DecisionRequest,
    decision: Decision,
    *,
    lease: timedelta,
) -> Review:
    """Append a review of a locked entry, and do what follows from it."""
    clinic_id = item.clinic_id
    if request.claims is None:
        _undo(session, item, last, person_id)
    else:
        queue.held(session, clinic_id, item.id, person_id, request.claims)
    review = repository.add_review(
        session,
        clinic_id,
        item.result_id,
        person_id,
        decision.model_dump(mode="json"),
        reading=_READING[item.reading],
        guide_version=QUEUE.guide_version,
        queue_item_id=item.id,
        supersedes=None if last is None else last.id,
        milliseconds=request.milliseconds,
    )
    if decision.kind == "undo":
        queue.take_back(session, clinic_id, item, person_id, lease=lease)
        return review
    queue.move(session, clinic_id, item, _BECOMES.get(decision.kind, "decided"))
    if request.question is not None:
        asking.ask(session, clinic_id, item, person_id, request.question)
    if decision.services is not None:
        readings.follow_up(session, item)
    return review


def _whole(request: DecisionRequest, result: Result) -> Decision:
    """Return the decision itself; one that says accept has to be the result.

    Raises
    ------
    DecisionRefused
        It says accept and is something else: figures on acceptance would be wrong.
    """
    if request.decision is None:
        return accepted(result)
    decision = request.decision
    if decision.kind == "accept":
        returned = accepted(result)
        asked = {"elements": decision.elements, "reason": decision.reason}
        if decision != returned.model_copy(update=asked) or decision.elements not in (None, returned.elements):
            raise DecisionRefused([Misfit("decision.kind", "this is not the result as returned: send it as correct")])
    return decision


def _undo(session: Session, item: QueueItem, last: Review | None, person_id: uuid.UUID) -> None:
    """Close what followed from the last review of an entry, which is taken back."""
    skipped = last is not None and last.decision["kind"] == "skip" and item.state in ("skipped", "waiting")
    if last is None or last.reviewer_id != person_id or not (item.state == "decided" or skipped):
        raise NotClaimable(str(item.id), "there is no decision of yours to take back")
    if last.decision["kind"] == "question":
        asking.unask(session, item.clinic_id, item)
    elif item.reading != "adjudication":
        queue.lock_result(session, item.clinic_id, item.result_id)
        settling = queue.entry_of(session, item.clinic_id, item.result_id, "adjudication")
        if settling is not None and settling.state == "decided":
            raise NotClaimable(str(item.id), "the two readings were settled meanwhile")
        if settling is not None:
            queue.move(session, item.clinic_id, settling, "withdrawn")


def header(note: Note) -> Header:
    """Return the header of a clinic's note for its labels; writer and layout are the clinic's, whoever wrote it."""
    return Header(
        id=str(note.id),
        writer=str(note.clinic_id),
        layout="clinic",
        discipline="OT" if note.discipline == "OT" else "PT",
        setting="clinic",
    )


# ---- questions and notes


class NoteListed(_Frozen):
    """A note of the list, without its words."""

    id: uuid.UUID
    external_id: str | None
    submitted_at: datetime
    date_of_service: date | None
    discipline: str | None
    code: str | None
    status: str
    queue_state: str | None = Field(description="How far its reading has come; null where nobody has to look.")
    open_questions: int


class NoteReading(_Frozen):
    """A decision on a note, and what it made of the result."""

    reading: values.Reading
    decided_at: datetime
    kind: str
    reason: Reason | None
    changes: Changes
    decision: Decision = Field(description="The whole reading, to be marked in the note.")
    stands: bool = Field(
        description="Whether it is what the note is taken for now; of two readings that differ neither is, until they are settled."
    )


class NoteShown(_Frozen):
    """A note with its latest result, what was decided on it and what was asked."""

    id: uuid.UUID
    external_id: str | None
    text: str
    submitted_at: datetime
    date_of_service: date | None
    discipline: str | None
    result: Result
    readings: tuple[NoteReading, ...] = Field(
        description="Empty for coders as long as a second, blind reading is open, but for their own."
    )
    questions: tuple[Asked, ...]
    copied: CopyShown | None = Field(description="Where the note was copied forward from; null where it was not.")


def questions(database: Database, principal: Principal, *, open_only: bool) -> list[Asked]:
    """Return the clinic's questions, for a therapist those on their own notes."""
    with database.writing() as session:
        found = asking.questions(
            session, principal.clinic_id, by=principal.actor, therapist=_own(principal), open_only=open_only
        )
        return [_asked(each) for each in found]


def answer(database: Database, principal: Principal, question_id: uuid.UUID, body: str) -> Asked:
    """Keep an answer; errors as for `api.db.queue.answer`."""
    if principal.person_id is None:
        raise SignInRequired
    with database.writing() as session:
        return _asked(
            asking.answer(
                session,
                principal.clinic_id,
                question_id,
                principal.person_id,
                body,
                boost=QUEUE.answered,
                own_only=principal.role == "therapist",
            )
        )


def notes(database: Database, principal: Principal, *, limit: int, offset: int) -> list[NoteListed]:
    """Return the clinic's notes, for a therapist their own, the latest first."""
    with database.reading() as session:
        return [
            NoteListed(
                id=each.note.id,
                external_id=each.note.external_id,
                submitted_at=each.note.submitted_at,
                date_of_service=each.note.visit_date,
                discipline=each.note.discipline,
                code=each.result.code,
                status=each.result.status,
                queue_state=each.state,
                open_questions=each.open_questions,
            )
            for each in asking.notes(
                session, principal.clinic_id, therapist=_own(principal), limit=limit, offset=offset
            )
        ]


def note(database: Database, principal: Principal, note_id: uuid.UUID) -> NoteShown:
    """Return one note; reading it is written down.

    Raises
    ------
    UnknownRow, NotePurged
        The clinic has no such note, or it is another therapist's; or its text is gone.
    """
    with database.writing() as session:
        kept = queue.kept(session, principal.clinic_id, note_id)
        own = _own(principal)
        if own is not None and kept.note.person_id != own:
            raise UnknownRow("note", str(note_id))
        read = repository.read_note(session, principal.clinic_id, note_id, by=principal.actor)
        row = repository.read_result(session, principal.clinic_id, kept.result.id, by=principal.actor)
        # A coder may yet read it blind; its therapist never does.
        blind = own is None and asking.blinded(session, principal.clinic_id, note_id)
        held = list(queue.readings(session, principal.clinic_id, row.id).values())
        standing = {review.id for review in readings.standing(held)}
        shown = [review for review in held if not blind or review.reviewer_id == principal.person_id]
        asked = asking.questions(session, principal.clinic_id, by=principal.actor, therapist=own, note_id=note_id)
        copied = copies.shown(session, principal, read)
    result = Result.model_validate_json(row.body)
    return NoteShown(
        id=read.id,
        external_id=read.external_id,
        text=read.text or "",
        submitted_at=read.submitted_at,
        date_of_service=read.visit_date,
        discipline=read.discipline,
        result=result,
        readings=tuple(_note_reading(read, result, each, each.id in standing) for each in shown),
        questions=tuple(_asked(each) for each in asked),
        copied=copied,
    )


def _note_reading(note: Note, result: Result, review: Review, stands: bool) -> NoteReading:
    decision = Decision.model_validate(review.decision)
    return NoteReading(
        reading=_READING[review.reading],
        decided_at=review.created_at,
        kind=decision.kind,
        reason=decision.reason,
        changes=changes(result, labelled(note.text or "", decision, header(note))),
        decision=decision,
        stands=stands,
    )


def _own(principal: Principal) -> uuid.UUID | None:
    """Return whose notes alone a principal may see; ``None``: any of the clinic."""
    return principal.person_id if principal.role == "therapist" else None
