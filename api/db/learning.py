"""The SQL of the learning loop, by the rules of `api.db.repository`: session and clinic's id first, no commit, audited."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from api.audit import Actor, Entry, record
from api.db import values
from api.db.queue import kind, superseded
from api.db.repository import now, row_of
from api.db.tables import AuditRow, Clinic, Job, ModelVerdict, Note, Promotion, Review

RELEASED = "label.released"
_ALIVE = ("running", "cancelling")


def reviewed_notes(session: Session, clinic_id: uuid.UUID) -> Sequence[tuple[Note, Review]]:
    """Return every review with its note, by note in the order of submission, the oldest review first."""
    found = session.execute(
        select(Note, Review)
        .join(Review, (Review.clinic_id == Note.clinic_id) & (Review.note_id == Note.id))
        .where(Note.clinic_id == clinic_id)
        .order_by(Note.submitted_at, Note.id, Review.created_at, Review.id)
    )
    return [(row.Note, row.Review) for row in found]


def standing_reviews(session: Session, clinic_id: uuid.UUID) -> Sequence[Review]:
    """Return decisions with a reading that nobody took back or replaced, of notes that have their text, the oldest first."""
    return session.scalars(
        select(Review)
        .join(Note, (Note.clinic_id == Review.clinic_id) & (Note.id == Review.note_id))
        .where(
            Review.clinic_id == clinic_id,
            kind(Review).in_(values.WHOLE),
            ~superseded(Review),
            Note.text.is_not(None),
        )
        .order_by(Review.created_at, Review.id)
    ).all()


def record_export(
    session: Session, clinic_id: uuid.UUID, note_ids: Iterable[uuid.UUID], counts: dict[str, Any], *, by: Actor
) -> None:
    """Write down that labelled notes left the database: each of them was read, so that its own trail says by whom."""
    for note_id in note_ids:
        record(session, clinic_id, Entry(by, "note.read", "note", note_id))
    record(session, clinic_id, Entry(by, "labels.exported", "clinic", clinic_id, counts))


def release_label(session: Session, clinic_id: uuid.UUID, review_id: uuid.UUID, *, by: Actor) -> None:
    """Let a label that the guard held train after all; the audit trail remembers it.

    Raises
    ------
    UnknownRow
        The clinic has no such review.
    """
    row_of(session, clinic_id, Review, "review", review_id)
    record(session, clinic_id, Entry(by, RELEASED, "review", review_id))


def released_labels(session: Session, clinic_id: uuid.UUID) -> frozenset[str]:
    """Return the ids of the reviews that were released."""
    found = session.scalars(
        select(AuditRow.subject_id).where(AuditRow.clinic_id == clinic_id, AuditRow.action == RELEASED)
    )
    return frozenset(each for each in found if each is not None)


def texts_since(session: Session, clinic_id: uuid.UUID, since: datetime, limit: int, *, by: Actor) -> Sequence[str]:
    """Return the latest texts submitted since an instant, at most ``limit``; that they were read is written down."""
    found = session.scalars(
        select(Note.text)
        .where(Note.clinic_id == clinic_id, Note.submitted_at >= since, Note.text.is_not(None))
        .order_by(Note.submitted_at.desc(), Note.id)
        .limit(limit)
    ).all()
    record(session, clinic_id, Entry(by, "drift.measured", "clinic", clinic_id, {"notes": len(found)}))
    return [text for text in found if text is not None]


# ---- jobs


def add_job(
    session: Session, clinic_id: uuid.UUID, kind: values.JobKind, parameters: dict[str, Any], *, by: Actor
) -> Job:
    """Keep a job that waits for a worker."""
    job = Job(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        kind=kind,
        state="queued",
        parameters=parameters,
        progress=0.0,
        log="",
        asked_by=by.id if by.kind == "person" else None,
        created_at=now(),
    )
    session.add(job)
    session.flush()
    record(session, clinic_id, Entry(by, "job.asked", "job", job.id, {"kind": kind}))
    return job


def job(session: Session, clinic_id: uuid.UUID, job_id: uuid.UUID) -> Job:
    """Return a job.

    Raises
    ------
    UnknownRow
        The clinic has no such job.
    """
    return row_of(session, clinic_id, Job, "job", job_id)


def jobs(session: Session, clinic_id: uuid.UUID, limit: int) -> Sequence[Job]:
    """Return the latest jobs, the newest first."""
    return session.scalars(
        select(Job).where(Job.clinic_id == clinic_id).order_by(Job.created_at.desc(), Job.id).limit(limit)
    ).all()


def fail_lapsed_jobs(session: Session, clinic_id: uuid.UUID, *, after: timedelta) -> int:
    """Fail every job of the machine whose worker gave no sign of life for so long, and return how many there were.

    A job waits for its worker no longer than a running one may be silent. Jobs of every clinic are looked at, since one that died
    would keep all others from starting; each is written down in its own clinic's trail. ``clinic_id`` is who looks.
    """
    del clinic_id
    at = now()
    lapsed = session.scalars(
        select(Job).where(
            or_(
                Job.state.in_(_ALIVE) & (Job.heartbeat_at < at - after),
                (Job.state == "queued") & (Job.created_at < at - after),
            )
        )
    ).all()
    return sum(
        finish_job(session, found.clinic_id, found.id, "failed", failure="WorkerLost", only_silent_since=at - after)
        for found in lapsed
    )


def start_job(session: Session, clinic_id: uuid.UUID, job_id: uuid.UUID, worker: str) -> bool:
    """Mark a waiting job as running; ``False`` where it waits no more.

    Raises
    ------
    RowRefused
        Another job of the kind runs (when the session flushes).
    """
    at = now()
    started = session.scalar(
        update(Job)
        .where(Job.clinic_id == clinic_id, Job.id == job_id, Job.state == "queued")
        .values(state="running", worker=worker, started_at=at, heartbeat_at=at)
        .returning(Job.id)
    )
    return started is not None


def beat(
    session: Session,
    clinic_id: uuid.UUID,
    job_id: uuid.UUID,
    *,
    progress: float | None = None,
    step: str | None = None,
    lines: Sequence[str] = (),
) -> str | None:
    """Move a running job's heartbeat on and return its state, ``None`` where it does not run any more."""
    changed: dict[str, Any] = {"heartbeat_at": now()}
    if progress is not None:
        changed["progress"] = min(max(progress, 0.0), 1.0)
    if step is not None:
        changed["step"] = step
    if lines:
        changed["log"] = Job.log + "".join(f"{line}\n" for line in lines)
    return session.scalar(
        update(Job)
        .where(Job.clinic_id == clinic_id, Job.id == job_id, Job.state.in_(_ALIVE))
        .values(**changed)
        .returning(Job.state)
    )


def cancel_job(session: Session, clinic_id: uuid.UUID, job_id: uuid.UUID, *, by: Actor) -> Job:
    """Ask a job to stop: a waiting one is over at once, a running one when its worker sees it; one that is over stays so.

    Raises
    ------
    UnknownRow
        The clinic has no such job.
    """
    found = job(session, clinic_id, job_id)
    for before, after in (("queued", "cancelled"), ("running", "cancelling")):
        over = {"finished_at": now()} if after == "cancelled" else {}
        changed = session.scalar(
            update(Job)
            .where(Job.clinic_id == clinic_id, Job.id == job_id, Job.state == before)
            .values(state=after, **over)
            .returning(Job.id)
        )
        if changed is not None:
            record(session, clinic_id, Entry(by, "job.cancelled", "job", job_id))
            break
    session.refresh(found)
    return found


def finish_job(
    session: Session,
    clinic_id: uuid.UUID,
    job_id: uuid.UUID,
    state: values.JobState,
    *,
    failure: str | None = None,
    only_silent_since: datetime | None = None,
) -> bool:
    """End a job that is not over yet, and write that down; ``False`` where it was over.

    With ``only_silent_since`` it is ended only where its worker gave no sign since then: it may have come back meanwhile.
    """
    where = [Job.clinic_id == clinic_id, Job.id == job_id, Job.state.in_(("queued", *_ALIVE))]
    if only_silent_since is not None:
        where.append(or_(Job.heartbeat_at.is_(None), Job.heartbeat_at < only_silent_since))
    done = {"progress": 1.0} if state == "done" else {}
    ended = session.scalar(
        update(Job).where(*where).values(state=state, failure=failure, finished_at=now(), **done).returning(Job.id)
    )
    if ended is None:
        return False
    detail = {"state": state} | ({} if failure is None else {"failure": failure})
    record(session, clinic_id, Entry(Actor("system", None), "job.ended", "job", job_id, detail))
    return True


# ---- verdicts and promotions


def add_verdict(
    session: Session,
    clinic_id: uuid.UUID,
    *,
    candidate: str,
    current: str,
    manifest_sha256: str,
    outcome: values.Outcome,
    criteria: dict[str, Any],
    job_id: uuid.UUID | None = None,
    by: Actor,
) -> ModelVerdict:
    """Keep what the gate found."""
    verdict = ModelVerdict(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        job_id=job_id,
        candidate=candidate,
        current=current,
        manifest_sha256=manifest_sha256,
        outcome=outcome,
        criteria=criteria,
        created_at=now(),
    )
    session.add(verdict)
    session.flush()
    detail = {"candidate": candidate, "manifest": manifest_sha256, "outcome": outcome}
    record(session, clinic_id, Entry(by, "model.judged", "verdict", verdict.id, detail))
    return verdict


def verdict_on(session: Session, clinic_id: uuid.UUID, manifest_sha256: str) -> ModelVerdict | None:
    """Return the latest verdict on exactly these files, ``None`` where there is none."""
    return session.scalar(
        select(ModelVerdict)
        .where(ModelVerdict.clinic_id == clinic_id, ModelVerdict.manifest_sha256 == manifest_sha256)
        .order_by(ModelVerdict.created_at.desc(), ModelVerdict.id)
        .limit(1)
    )


def verdict_of_job(session: Session, clinic_id: uuid.UUID, job_id: uuid.UUID) -> ModelVerdict | None:
    """Return the verdict that a job ended in, ``None`` where it ended without."""
    return session.scalar(
        select(ModelVerdict).where(ModelVerdict.clinic_id == clinic_id, ModelVerdict.job_id == job_id)
    )


def add_promotion(
    session: Session,
    clinic_id: uuid.UUID,
    kind: values.PromotionKind,
    *,
    version: str,
    previous: str,
    verdict_id: uuid.UUID | None,
    by: Actor,
    promotion_id: uuid.UUID | None = None,
) -> Promotion:
    """Write down that another version serves from now on, under that id where one is given."""
    promotion = Promotion(
        clinic_id=clinic_id,
        id=promotion_id or uuid.uuid4(),
        kind=kind,
        version=version,
        previous=previous,
        verdict_id=verdict_id,
        person_id=by.id if by.kind == "person" else None,
        created_at=now(),
    )
    session.add(promotion)
    session.flush()
    detail = {"version": version, "previous": previous}
    record(session, clinic_id, Entry(by, f"model.{kind}", "promotion", promotion.id, detail))
    return promotion


def promotion_missing(
    session: Session, clinic_id: uuid.UUID, promotion_id: uuid.UUID, verdict_id: uuid.UUID | None
) -> bool:
    """Return whether a change is not written down and could be: its clinic, and the verdict that it names, are there."""
    return (
        session.get(Promotion, (clinic_id, promotion_id)) is None
        and session.get(Clinic, clinic_id) is not None
        and (verdict_id is None or session.get(ModelVerdict, (clinic_id, verdict_id)) is not None)
    )


def promotions(session: Session, clinic_id: uuid.UUID, limit: int) -> Sequence[Promotion]:
    """Return the latest promotions and rollbacks, the newest first."""
    return session.scalars(
        select(Promotion)
        .where(Promotion.clinic_id == clinic_id)
        .order_by(Promotion.created_at.desc(), Promotion.id)
        .limit(limit)
    ).all()
