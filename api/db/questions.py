"""The SQL of what therapists and coders ask and see of notes; as in `api.db.queue`, session and clinic come first, none commits."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from api.audit import Actor, Entry, record
from api.db.errors import NotClaimable, UnknownRow
from api.db.queue import UNDECIDED, locked, move
from api.db.repository import now
from api.db.tables import Note, Question, QueueItem, ResultRow


def blinded(session: Session, clinic_id: uuid.UUID, note_id: uuid.UUID) -> bool:
    """Return whether a second reading of a note is still open: earlier decisions and questions are then not for coders."""
    note = select(Note.id).where(Note.clinic_id == clinic_id, Note.id == note_id, _blind(Note.clinic_id, Note.id, Note))
    return session.scalar(note) is not None


def _blind(clinic_id: Any, note_id: Any, outer: Any) -> ColumnElement[bool]:
    pending = aliased(Question)
    asked = exists(
        select(pending.id)
        .where(
            pending.clinic_id == QueueItem.clinic_id,
            pending.note_id == QueueItem.note_id,
            pending.queue_item_id == QueueItem.id,
            pending.answered_at.is_(None),
            pending.body.is_not(None),
        )
        .correlate(QueueItem)
    )
    return exists(
        select(QueueItem.id)
        .where(
            QueueItem.clinic_id == clinic_id,
            QueueItem.note_id == note_id,
            QueueItem.reading == "second",
            or_(QueueItem.state.in_(UNDECIDED), asked),
        )
        .correlate(outer)
    )


def ask(session: Session, clinic_id: uuid.UUID, item: QueueItem, person_id: uuid.UUID, body: str) -> Question:
    """Keep a coder's question about the note of an entry."""
    question = Question(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        note_id=item.note_id,
        queue_item_id=item.id,
        asked_by=person_id,
        asked_at=now(),
        body=body,
    )
    session.add(question)
    session.flush()
    by = Actor("person", person_id)
    record(session, clinic_id, Entry(by, "question.asked", "question", question.id, {"note": str(item.note_id)}))
    return question


def asked_last(session: Session, clinic_id: uuid.UUID, item: QueueItem) -> str | None:
    """Return the last question of an entry, to compare it with one that is sent again: nobody reads it."""
    return session.scalar(
        select(Question.body)
        .where(Question.clinic_id == clinic_id, Question.note_id == item.note_id, Question.queue_item_id == item.id)
        .order_by(Question.asked_at.desc(), Question.id)
        .limit(1)
    )


def unask(session: Session, clinic_id: uuid.UUID, item: QueueItem) -> None:
    """Empty the open question of an entry, which was taken back; without a body it is none any more."""
    session.execute(
        update(Question)
        .where(
            Question.clinic_id == clinic_id,
            Question.note_id == item.note_id,
            Question.queue_item_id == item.id,
            Question.answered_at.is_(None),
        )
        .values(body=None)
    )


def questions(
    session: Session,
    clinic_id: uuid.UUID,
    *,
    by: Actor,
    therapist: uuid.UUID | None = None,
    note_id: uuid.UUID | None = None,
    item_id: uuid.UUID | None = None,
    open_only: bool = False,
) -> Sequence[Question]:
    """Return questions with their words, the oldest first; that is written down, and a therapist's look is marked (``seen_at``).

    ``therapist`` gives those on that person's notes alone, ``note_id`` and ``item_id`` those on one note or entry. Unless a
    therapist or an entry is given, others' questions on a note that is still to be read blind are left out.
    """
    statement = (
        select(Question)
        .join(Note, and_(Note.clinic_id == Question.clinic_id, Note.id == Question.note_id))
        .where(Question.clinic_id == clinic_id, Question.body.is_not(None))
        .order_by(Question.asked_at, Question.id)
    )
    if therapist is not None:
        statement = statement.where(Note.person_id == therapist)
    if note_id is not None:
        statement = statement.where(Question.note_id == note_id)
    if item_id is not None:
        statement = statement.where(Question.queue_item_id == item_id)
    if therapist is None and item_id is None:
        hidden = _blind(Question.clinic_id, Question.note_id, Question)
        statement = statement.where(or_(Question.asked_by == by.id, ~hidden))
    if open_only:
        statement = statement.where(Question.answered_at.is_(None))
    found = session.scalars(statement).all()
    at = now()
    for question in found:
        if therapist is not None and question.seen_at is None:
            question.seen_at = at
        record(session, clinic_id, Entry(by, "question.read", "question", question.id))
    session.flush()
    return found


def answer(
    session: Session,
    clinic_id: uuid.UUID,
    question_id: uuid.UUID,
    person_id: uuid.UUID,
    body: str,
    *,
    boost: float,
    own_only: bool,
) -> Question:
    """Keep the answer to a question and put its entry back in front of the queue; the same one again changes nothing.

    Parameters
    ----------
    boost
        Added to the entry's priority.
    own_only
        Only the therapist of the note may answer; else anybody where the note has none.

    Raises
    ------
    UnknownRow
        The clinic has no such question, or it is not for this person.
    NotClaimable
        It was answered or taken back before.
    """
    found = session.execute(
        select(Question, Note.person_id)
        .join(Note, and_(Note.clinic_id == Question.clinic_id, Note.id == Question.note_id))
        .where(Question.clinic_id == clinic_id, Question.id == question_id)
        .with_for_update(of=Question)
    ).one_or_none()
    if found is None:
        raise UnknownRow("question", str(question_id))
    question, therapist = found
    if therapist != person_id and (own_only or therapist is not None):
        raise UnknownRow("question", str(question_id))
    if (question.answered_by, question.answer) == (person_id, body):
        return question  # sent again, since its answer was lost
    if question.answered_at is not None or question.body is None or question.queue_item_id is None:
        raise NotClaimable(str(question.queue_item_id), "its question was answered or taken back before")
    question.answered_by, question.answered_at, question.answer = person_id, now(), body
    item = locked(session, clinic_id, question.queue_item_id)
    # A note that was purged in between waits for nobody.
    if item.state == "decided":
        move(session, clinic_id, item, "returned")
        item.priority += boost
        session.flush()
    detail = {"note": str(question.note_id)}
    by = Actor("person", person_id)
    record(session, clinic_id, Entry(by, "question.answered", "question", question_id, detail))
    return question


# ---- notes


class Listed(NamedTuple):
    """A note of the list: its latest result, the state of that one's first entry, and how many questions are open."""

    note: Note
    result: ResultRow
    state: str | None
    open_questions: int


def notes(
    session: Session, clinic_id: uuid.UUID, *, therapist: uuid.UUID | None, limit: int, offset: int
) -> Sequence[Listed]:
    """Return notes, the latest first, ``therapist``'s alone where given; nothing of their words is for showing."""
    newer = aliased(ResultRow)
    open_questions = (
        select(func.count())
        .where(
            Question.clinic_id == Note.clinic_id,
            Question.note_id == Note.id,
            Question.answered_at.is_(None),
            Question.body.is_not(None),
        )
        .correlate(Note)
        .scalar_subquery()
    )
    statement = (
        select(Note, ResultRow, QueueItem.state, open_questions)
        .join(ResultRow, and_(ResultRow.clinic_id == Note.clinic_id, ResultRow.note_id == Note.id))
        .outerjoin(
            QueueItem,
            and_(
                QueueItem.clinic_id == Note.clinic_id, QueueItem.result_id == ResultRow.id, QueueItem.reading == "first"
            ),
        )
        .where(
            Note.clinic_id == clinic_id,
            ~exists(
                select(newer.id)
                .where(
                    newer.clinic_id == clinic_id,
                    newer.note_id == Note.id,
                    or_(
                        newer.created_at > ResultRow.created_at,
                        and_(newer.created_at == ResultRow.created_at, newer.id > ResultRow.id),
                    ),
                )
                .correlate(Note, ResultRow)
            ),
        )
        .order_by(Note.submitted_at.desc(), Note.id)
        .limit(limit)
        .offset(offset)
    )
    if therapist is not None:
        statement = statement.where(Note.person_id == therapist)
    return [Listed(*row) for row in session.execute(statement)]
