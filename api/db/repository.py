"""The SQL of clinics, people, notes and audit.

The queue's stands beside it, in `api.db.queue`, `copies`, `questions` and `dashboard`, the loop's in `api.db.learning`; that of
people who read for several clinics in `api.db.linked`.

Every function takes the session and, but for those that find or make clinics, a clinic's id first.

Nothing here commits (`api.db.session` does). What shows a note, or changes one, a person or a key, records that in the audit trail
itself, so that no caller can forget it. A row of another clinic is an unknown row.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import Session

from api import audit
from api.audit import GENESIS, Actor, Entry, Head, Row, record
from api.db import values
from api.db.errors import (
    BadName,
    LastAdmin,
    NameTaken,
    NotePurged,
    PersonDisabled,
    SignsInElsewhere,
    UnknownClinic,
    UnknownKey,
    UnknownPerson,
    UnknownRow,
)
from api.db.tables import (
    ApiKey,
    AuditHead,
    AuditRow,
    Base,
    Clinic,
    Note,
    Person,
    Question,
    QueueItem,
    ResultRow,
    Review,
    SignInLink,
    SignInSession,
)
from models.result import Result

_Table = TypeVar("_Table", bound=Base)
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._%+@-]{1,199}")
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Queue states in which nobody has decided yet.
_OPEN = ("waiting", "claimed", "returned", "skipped")


def now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def sha256(text: str) -> str:
    """Return the hash of a text's UTF-8 bytes.

    Examples
    --------
    >>> sha256("")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


# ---- clinics


def clinics(session: Session) -> Sequence[Clinic]:
    """Return every clinic by name."""
    return session.scalars(select(Clinic).order_by(Clinic.slug)).all()


def clinic_named(session: Session, slug: str) -> Clinic:
    """Return a clinic by its short name.

    Raises
    ------
    UnknownClinic
        There is none.
    """
    found = session.scalar(select(Clinic).where(Clinic.slug == slug))
    if found is None:
        raise UnknownClinic(slug)
    return found


def clinic(session: Session, clinic_id: uuid.UUID) -> Clinic:
    """Return a clinic by id.

    Raises
    ------
    UnknownClinic
        There is none.
    """
    found = session.get(Clinic, clinic_id)
    if found is None:
        raise UnknownClinic(str(clinic_id))
    return found


def accounts(session: Session) -> values.Accounts:
    """Return whether, in any clinic, there is an account that is not disabled, and whether anybody ever opened one."""
    opened = select(SignInSession.id).union_all(select(Person.id).where(Person.password_hash.is_not(None))).limit(1)
    if session.scalar(opened) is not None:
        return "opened"
    there = session.scalar(select(Person.id).where(Person.disabled_at.is_(None)).limit(1))
    return "none" if there is None else "waiting"


def add_clinic(session: Session, slug: str, name: str, *, by: Actor) -> Clinic:
    """Add a clinic with an empty audit chain.

    Raises
    ------
    BadName, NameTaken
        ``slug`` is none (small letters, digits and hyphens, at most 40), or is there already.
    """
    if _SLUG.fullmatch(slug) is None:
        raise BadName("clinic", "small letters, digits and hyphens, at most 40")
    if session.scalar(select(Clinic.id).where(Clinic.slug == slug)) is not None:
        raise NameTaken("clinic", slug)
    clinic = Clinic(slug=slug, name=name.strip() or slug, reference_key=secrets.token_bytes(32), created_at=now())
    session.add(clinic)
    session.flush()
    session.add(AuditHead(clinic_id=clinic.id, seq=0, hash=GENESIS))
    session.flush()
    record(session, clinic.id, Entry(by, "clinic.added", "clinic", clinic.id, {"slug": slug}))
    return clinic


def set_clinic(
    session: Session,
    clinic_id: uuid.UUID,
    *,
    audit_share: float | None = None,
    second_share: float | None = None,
    retention_days: int | None = None,
    by: Actor,
) -> Clinic:
    """Set a clinic's shares, in [0, 1], and after how many days its notes are purged (0: not); what is ``None`` stays.

    Raises
    ------
    UnknownClinic, RowRefused
        There is no such clinic; or a share or the days are out of range.
    """
    changed = clinic(session, clinic_id)
    detail: dict[str, str | int] = {}
    if audit_share is not None:
        changed.audit_share, detail["audit_share"] = audit_share, f"{audit_share:g}"
    if second_share is not None:
        changed.second_share, detail["second_share"] = second_share, f"{second_share:g}"
    if retention_days is not None:
        changed.retention_days, detail["retention_days"] = retention_days or None, retention_days
    session.flush()
    if detail:
        record(session, clinic_id, Entry(by, "clinic.set", "clinic", clinic_id, detail))
    return changed


# ---- people


def people(session: Session, clinic_id: uuid.UUID) -> Sequence[Person]:
    """Return the clinic's people by login, disabled ones included."""
    return session.scalars(select(Person).where(Person.clinic_id == clinic_id).order_by(Person.login)).all()


def person(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> Person:
    """Return a person by id.

    Raises
    ------
    UnknownPerson
        The clinic has none of that id.
    """
    found = session.get(Person, (clinic_id, person_id))
    if found is None:
        raise UnknownPerson(str(person_id))
    return found


def person_named(session: Session, clinic_id: uuid.UUID, login: str) -> Person:
    """Return a person by login, in capitals or not.

    Raises
    ------
    UnknownPerson
        The clinic has none of that login.
    """
    found = session.scalar(select(Person).where(Person.clinic_id == clinic_id, Person.login == login.strip().lower()))
    if found is None:
        raise UnknownPerson(login)
    return found


def add_person(
    session: Session, clinic_id: uuid.UUID, login: str, name: str, role: values.Role, *, by: Actor
) -> Person:
    """Add a person who has no password yet.

    Raises
    ------
    BadName, NameTaken
        ``login`` is none (an e-mail address, or letters, digits and ``._%+@-``), or is there already.
    """
    login = login.strip().lower()
    if _LOGIN.fullmatch(login) is None:
        raise BadName("person", "an e-mail address, or 2 to 200 letters, digits and ._%+@-")
    if session.scalar(select(Person.id).where(Person.clinic_id == clinic_id, Person.login == login)) is not None:
        raise NameTaken("person", login)
    added = Person(
        clinic_id=clinic_id, id=uuid.uuid4(), login=login, name=name.strip() or login, role=role, created_at=now()
    )
    session.add(added)
    session.flush()
    record(session, clinic_id, Entry(by, "person.added", "person", added.id, {"role": role}))
    return added


def set_role(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, role: values.Role, *, by: Actor) -> None:
    """Give a person another role.

    Raises
    ------
    UnknownPerson, LastAdmin
        There is no such person, or nobody else could manage the clinic's people.
    SignsInElsewhere
        A therapist has to sign in here: there would be nobody to answer questions.
    """
    changed = person(session, clinic_id, person_id)
    if role == "therapist":
        _own_sign_in(changed)
    if role != "admin":
        another_admin(session, clinic_id, changed)
    before, changed.role = changed.role, role
    record(session, clinic_id, Entry(by, "person.role", "person", person_id, {"from": before, "to": role}))


def disable_person(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, *, by: Actor) -> None:
    """Shut a person out: sessions and links end at once, and claims go back to the queue. What was decided stays.

    Raises
    ------
    UnknownPerson, LastAdmin
        There is no such person, or nobody else could manage the clinic's people.
    """
    changed = person(session, clinic_id, person_id)
    another_admin(session, clinic_id, changed)
    changed.disabled_at = changed.disabled_at or now()
    end_access(session, clinic_id, person_id)
    record(session, clinic_id, Entry(by, "person.disabled", "person", person_id))


def enable_person(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, *, by: Actor) -> None:
    """Let a person in again who was shut out, with the role and the password that they had; others stay as they are.

    Raises
    ------
    UnknownPerson
        There is no such person.
    """
    changed = person(session, clinic_id, person_id)
    if changed.disabled_at is not None:
        changed.disabled_at, changed.failed_tries, changed.locked_until = None, 0, None
        record(session, clinic_id, Entry(by, "person.enabled", "person", person_id))


def reset_person(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, *, by: Actor) -> None:
    """Take a person's password away; sessions and links end at once.

    Raises
    ------
    UnknownPerson, SignsInElsewhere
        There is no such person, or they have no sign-in here.
    """
    changed = person(session, clinic_id, person_id)
    _own_sign_in(changed)
    changed.password_hash, changed.failed_tries, changed.locked_until = None, 0, None
    _end_sign_ins(session, clinic_id, person_id)
    record(session, clinic_id, Entry(by, "person.reset", "person", person_id))


def set_password_hash(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, hashed: str, *, by: Actor) -> None:
    """Keep the hash of a new password; sessions and links end at once, in case somebody else has one.

    Raises
    ------
    UnknownPerson, SignsInElsewhere
        There is no such person, or they have no sign-in here.
    """
    changed = person(session, clinic_id, person_id)
    _own_sign_in(changed)
    changed.password_hash, changed.failed_tries, changed.locked_until = hashed, 0, None
    _end_sign_ins(session, clinic_id, person_id)
    record(session, clinic_id, Entry(by, "person.password", "person", person_id))


def rehash_password(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, hashed: str) -> None:
    """Keep a hash of the same password, made with newer costs."""
    person(session, clinic_id, person_id).password_hash = hashed


def count_try(
    session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, *, right: bool, limit: int, lock: timedelta
) -> None:
    """Count a wrong password, and shut the account for ``lock`` at each ``limit`` of them; a right one starts anew."""
    counted = person(session, clinic_id, person_id)
    if right:
        counted.failed_tries, counted.locked_until = 0, None
        return
    # Counted by the database, so that tries at the same moment all count.
    counted.failed_tries = Person.failed_tries + 1  # type: ignore[assignment]
    session.flush()
    session.refresh(counted)
    if counted.failed_tries % limit == 0:
        counted.locked_until = now() + lock
        record(
            session,
            clinic_id,
            Entry(audit.SYSTEM, "person.locked", "person", person_id, {"tries": counted.failed_tries}),
        )


def another_admin(session: Session, clinic_id: uuid.UUID, changed: Person) -> None:
    """Make sure that somebody else may manage the clinic's people; one who signs in elsewhere may not.

    Raises
    ------
    LastAdmin
        ``changed`` is the last one who may.
    """
    if changed.role != "admin" or changed.disabled_at is not None or changed.main_id is not None:
        return
    # The rows are locked, so that two admins cannot disable each other at the same moment.
    admins = session.scalars(
        select(Person.id)
        .where(
            Person.clinic_id == clinic_id,
            Person.role == "admin",
            Person.disabled_at.is_(None),
            Person.main_id.is_(None),
        )
        .order_by(Person.id)
        .with_for_update()
    ).all()
    if len(admins) < 2:
        raise LastAdmin


def _own_sign_in(person: Person) -> None:
    if person.main_id is not None:
        raise SignsInElsewhere


def end_access(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> None:
    """End a person's sessions and links, and give what they hold back to the queue."""
    _end_sign_ins(session, clinic_id, person_id)
    session.execute(
        update(QueueItem)
        .where(QueueItem.clinic_id == clinic_id, QueueItem.claimed_by == person_id, QueueItem.state == "claimed")
        .values(state="waiting", claimed_by=None, lease_until=None)
    )


def _end_sign_ins(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> None:
    at = now()
    session.execute(
        update(SignInSession)
        .where(
            SignInSession.clinic_id == clinic_id, SignInSession.person_id == person_id, SignInSession.ended_at.is_(None)
        )
        .values(ended_at=at)
    )
    session.execute(
        update(SignInLink)
        .where(SignInLink.clinic_id == clinic_id, SignInLink.person_id == person_id, SignInLink.used_at.is_(None))
        .values(used_at=at)
    )


# ---- links, sessions, keys: only hashes of the secrets are seen here


def add_link(
    session: Session,
    clinic_id: uuid.UUID,
    person_id: uuid.UUID,
    token_hash: str,
    purpose: values.LinkPurpose,
    lifetime: timedelta,
    *,
    by: Actor,
) -> SignInLink:
    """Keep a one-time link's hash.

    Raises
    ------
    UnknownPerson, PersonDisabled, SignsInElsewhere
        There is no such person, or they could not sign in by it.
    """
    invited = person(session, clinic_id, person_id)
    _own_sign_in(invited)
    if invited.disabled_at is not None:
        raise PersonDisabled
    at = now()
    link = SignInLink(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        person_id=person_id,
        purpose=purpose,
        token_hash=token_hash,
        created_at=at,
        expires_at=at + lifetime,
    )
    session.add(link)
    session.flush()
    record(session, clinic_id, Entry(by, "link.made", "person", person_id, {"purpose": purpose}))
    return link


def use_link(session: Session, clinic_id: uuid.UUID, token_hash: str, *, at: datetime | None = None) -> Person | None:
    """Use a link up and return its person; ``None`` where it is unknown, used, or ``at`` (now) is not before its end."""
    at = at or now()
    # One statement both asks and marks, so that of two uses at the same moment one finds nothing.
    person_id = session.scalar(
        update(SignInLink)
        .where(
            SignInLink.clinic_id == clinic_id,
            SignInLink.token_hash == token_hash,
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > at,
        )
        .values(used_at=at)
        .returning(SignInLink.person_id)
    )
    found = None if person_id is None else session.get(Person, (clinic_id, person_id))
    if found is None or found.disabled_at is not None:
        return None
    record(session, clinic_id, Entry(Actor("person", found.id), "link.used", "person", found.id))
    return found


def add_session(
    session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, token_hash: str, lifetime: timedelta
) -> SignInSession:
    """Keep the hash of a new session's token.

    Raises
    ------
    UnknownPerson
        There is no such person.
    """
    person(session, clinic_id, person_id)
    at = now()
    added = SignInSession(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        person_id=person_id,
        token_hash=token_hash,
        created_at=at,
        seen_at=at,
        expires_at=at + lifetime,
    )
    session.add(added)
    session.flush()
    record(session, clinic_id, Entry(Actor("person", person_id), "session.begun", "session", added.id))
    return added


def find_session(
    session: Session, clinic_id: uuid.UUID, token_hash: str, idle: timedelta, *, at: datetime | None = None
) -> SignInSession | None:
    """Return a session that lasts ``at`` that instant (now).

    ``None`` where it is unknown, ended, at its end, unseen for ``idle``, or its person is disabled or signs in elsewhere.
    """
    at = at or now()
    return session.scalar(
        select(SignInSession)
        .join(Person, (SignInSession.clinic_id == Person.clinic_id) & (SignInSession.person_id == Person.id))
        .where(
            SignInSession.clinic_id == clinic_id,
            Person.disabled_at.is_(None),
            Person.main_id.is_(None),
            SignInSession.token_hash == token_hash,
            SignInSession.ended_at.is_(None),
            SignInSession.expires_at > at,
            SignInSession.seen_at > at - idle,
        )
    )


def mark_used(session: Session, clinic_id: uuid.UUID, kind: Literal["session", "key"], id: uuid.UUID) -> None:
    """Keep the present instant as the last at which a session or a key was used."""
    if kind == "session":
        change = update(SignInSession).where(SignInSession.clinic_id == clinic_id, SignInSession.id == id)
        session.execute(change.values(seen_at=now()))
    else:
        change = update(ApiKey).where(ApiKey.clinic_id == clinic_id, ApiKey.id == id)
        session.execute(change.values(used_at=now()))


def end_session(session: Session, clinic_id: uuid.UUID, token_hash: str) -> bool:
    """End a session; return whether there was one to end."""
    ended = session.execute(
        update(SignInSession)
        .where(
            SignInSession.clinic_id == clinic_id,
            SignInSession.token_hash == token_hash,
            SignInSession.ended_at.is_(None),
        )
        .values(ended_at=now())
        .returning(SignInSession.id, SignInSession.person_id)
    ).one_or_none()
    if ended is None:
        return False
    record(session, clinic_id, Entry(Actor("person", ended.person_id), "session.ended", "session", ended.id))
    return True


def keys(session: Session, clinic_id: uuid.UUID) -> Sequence[ApiKey]:
    """Return the clinic's keys by name, revoked ones included."""
    return session.scalars(select(ApiKey).where(ApiKey.clinic_id == clinic_id).order_by(ApiKey.name)).all()


def key(session: Session, clinic_id: uuid.UUID, key_id: uuid.UUID) -> ApiKey:
    """Return a key by id, revoked or not.

    Raises
    ------
    UnknownKey
        The clinic has none of that id.
    """
    found = session.get(ApiKey, (clinic_id, key_id))
    if found is None:
        raise UnknownKey(str(key_id))
    return found


def add_key(
    session: Session,
    clinic_id: uuid.UUID,
    name: str,
    hint: str,
    key_hash: str,
    scopes: Sequence[values.Scope],
    lifetime: timedelta | None,
    *,
    by: Actor,
) -> ApiKey:
    """Keep a key's hash. A name is used once, even after the key was revoked: the trail names it.

    Raises
    ------
    BadName, NameTaken
        ``name`` is none (letters, digits and ``._-``, at most 100), or is there already.
    """
    if _KEY_NAME.fullmatch(name) is None:
        raise BadName("key", "letters, digits and ._-, at most 100")
    if session.scalar(select(ApiKey.id).where(ApiKey.clinic_id == clinic_id, ApiKey.name == name)) is not None:
        raise NameTaken("key", name)
    at = now()
    kept = sorted(set(scopes))
    key = ApiKey(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        name=name,
        hint=hint,
        key_hash=key_hash,
        scopes=kept,
        created_at=at,
        expires_at=None if lifetime is None else at + lifetime,
    )
    session.add(key)
    session.flush()
    record(session, clinic_id, Entry(by, "key.added", "key", key.id, {"scopes": kept}))
    return key


def find_key(session: Session, clinic_id: uuid.UUID, key_hash: str, *, at: datetime | None = None) -> ApiKey | None:
    """Return a key that works ``at`` that instant (now); ``None`` where it is unknown, revoked or over."""
    at = at or now()
    return session.scalar(
        select(ApiKey).where(
            ApiKey.clinic_id == clinic_id,
            ApiKey.key_hash == key_hash,
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > at),
        )
    )


def revoke_key(session: Session, clinic_id: uuid.UUID, name: str, *, by: Actor) -> None:
    """End a key at once.

    Raises
    ------
    UnknownKey
        There is no such key, or it was revoked before.
    """
    key_id = session.scalar(
        update(ApiKey)
        .where(ApiKey.clinic_id == clinic_id, ApiKey.name == name, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(ApiKey.id)
    )
    if key_id is None:
        raise UnknownKey(name)
    record(session, clinic_id, Entry(by, "key.revoked", "key", key_id))


# ---- notes, results, reviews


def reference(session: Session, clinic_id: uuid.UUID, patient: str) -> str:
    """Return what a clinic's own name for a patient is kept as: its HMAC under the clinic's key.

    Raises
    ------
    UnknownClinic
        There is no such clinic.
    """
    return hmac.digest(clinic(session, clinic_id).reference_key, patient.encode("utf-8"), "sha256").hex()


def add_note(
    session: Session,
    clinic_id: uuid.UUID,
    text: str,
    *,
    source: values.Source,
    by: Actor,
    note_id: uuid.UUID | None = None,
    author_id: uuid.UUID | None = None,
    external_id: str | None = None,
    patient: str | None = None,
    submission_key: str | None = None,
    discipline: str | None = None,
    visit_date: date | None = None,
) -> Note:
    """Keep a note, under ``note_id`` where that was chosen before; ``author_id`` is whose it is where not ``by``'s.

    Of ``patient`` the `reference` alone is kept.

    A note with a ``submission_key`` that is there already is that note (`RowRefused` where both come at the same moment).

    Raises
    ------
    UnknownClinic
        There is no such clinic.
    """
    patient_ref = patient and reference(session, clinic_id, patient)
    if submission_key is not None:
        there = session.scalar(select(Note).where(Note.clinic_id == clinic_id, Note.submission_key == submission_key))
        if there is not None:
            return there
    note = Note(
        clinic_id=clinic_id,
        id=note_id or uuid.uuid4(),
        text=text,
        text_sha256=sha256(text),
        external_id=external_id,
        patient_ref=patient_ref,
        submission_key=submission_key,
        discipline=discipline,
        visit_date=visit_date,
        source=source,
        person_id=author_id or (by.id if by.kind == "person" else None),
        key_id=by.id if by.kind == "key" else None,
        submitted_at=now(),
    )
    session.add(note)
    session.flush()
    record(session, clinic_id, Entry(by, "note.submitted", "note", note.id, {"sha256": note.text_sha256}))
    return note


def read_note(session: Session, clinic_id: uuid.UUID, note_id: uuid.UUID, *, by: Actor) -> Note:
    """Return a note for somebody to read; that is written down, so that it needs a writing session.

    Raises
    ------
    UnknownRow, NotePurged
        The clinic has no such note, or its text is gone.
    """
    note = row_of(session, clinic_id, Note, "note", note_id)
    if note.purged_at is not None:
        raise NotePurged(str(note_id))
    record(session, clinic_id, Entry(by, "note.read", "note", note_id))
    return note


def add_result(
    session: Session,
    clinic_id: uuid.UUID,
    note_id: uuid.UUID,
    body: str,
    *,
    rules_version: str,
    by: Actor,
    result: Result | None = None,
) -> ResultRow:
    """Keep a result exactly as it was returned: ``body`` is its JSON document, and ``result`` what it says, where that is at hand.

    Raises
    ------
    UnknownRow
        The clinic has no such note.
    pydantic.ValidationError
        ``body`` is no result.
    """
    row_of(session, clinic_id, Note, "note", note_id)
    result = result or Result.model_validate_json(body)
    row = ResultRow(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        note_id=note_id,
        body=body,
        body_sha256=sha256(body),
        model_version=result.model.version,
        profile=result.model.profile,
        rules_version=rules_version,
        policy=result.policy,
        code=result.proposal.code,
        confidence=result.proposal.confidence,
        status=result.proposal.status,
        flags=[flag.id for flag in result.flags],
        created_at=now(),
    )
    session.add(row)
    session.flush()
    detail = {"note": str(note_id), "sha256": row.body_sha256, "model": row.model_version, "rules": rules_version}
    record(session, clinic_id, Entry(by, "result.kept", "result", row.id, detail))
    return row


def read_result(session: Session, clinic_id: uuid.UUID, result_id: uuid.UUID, *, by: Actor) -> ResultRow:
    """Return a result for somebody to read (it quotes the note); that is written down.

    Raises
    ------
    UnknownRow
        The clinic has no such result.
    """
    found = row_of(session, clinic_id, ResultRow, "result", result_id)
    record(session, clinic_id, Entry(by, "result.read", "result", result_id))
    return found


def add_review(
    session: Session,
    clinic_id: uuid.UUID,
    result_id: uuid.UUID,
    reviewer_id: uuid.UUID,
    decision: dict[str, Any],
    *,
    reading: values.Reading,
    guide_version: str,
    queue_item_id: uuid.UUID | None = None,
    supersedes: uuid.UUID | None = None,
    milliseconds: int | None = None,
) -> Review:
    """Append a decision on a result.

    Raises
    ------
    UnknownRow, UnknownPerson
        The clinic has no such result, earlier review or person.
    NotPlain
        The decision holds what may be words of the note: it names codes, minutes and offsets alone.
    """
    result = row_of(session, clinic_id, ResultRow, "result", result_id)
    person(session, clinic_id, reviewer_id)
    if supersedes is not None:
        row_of(session, clinic_id, Review, "review", supersedes)
    audit.check_plain(decision, floats=True)
    review = Review(
        clinic_id=clinic_id,
        id=uuid.uuid4(),
        note_id=result.note_id,
        result_id=result_id,
        queue_item_id=queue_item_id,
        reviewer_id=reviewer_id,
        reading=reading,
        decision=decision,
        model_version=result.model_version,
        guide_version=guide_version,
        supersedes=supersedes,
        milliseconds=milliseconds,
        created_at=now(),
    )
    session.add(review)
    session.flush()
    detail = {"note": str(result.note_id), "reading": reading, "decision": sha256(audit.canonical(decision))}
    if supersedes is not None:
        detail["supersedes"] = str(supersedes)
    record(session, clinic_id, Entry(Actor("person", reviewer_id), "review.added", "review", review.id, detail))
    return review


def reviews(session: Session, clinic_id: uuid.UUID, note_id: uuid.UUID) -> Sequence[Review]:
    """Return a note's reviews in the order they were made, superseded ones included; they hold no words of the note."""
    return session.scalars(
        select(Review)
        .where(Review.clinic_id == clinic_id, Review.note_id == note_id)
        .order_by(Review.created_at, Review.id)
    ).all()


def purgeable(session: Session, clinic_id: uuid.UUID, before: datetime) -> int:
    """Return how many notes were submitted before that instant and still have their text."""
    counted = select(func.count()).select_from(Note)
    return session.scalar(counted.where(*_purgeable(clinic_id, before))) or 0


def notes_to_purge(session: Session, clinic_id: uuid.UUID, before: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Return ids of at most ``limit`` such notes, the oldest first."""
    return session.scalars(
        select(Note.id).where(*_purgeable(clinic_id, before)).order_by(Note.submitted_at, Note.id).limit(limit)
    ).all()


def result_bodies(
    session: Session, clinic_id: uuid.UUID, note_ids: Sequence[uuid.UUID]
) -> Sequence[tuple[uuid.UUID, str]]:
    """Return id and document of the results of these notes, for a purge."""
    found = session.execute(
        select(ResultRow.id, ResultRow.body).where(ResultRow.clinic_id == clinic_id, ResultRow.note_id.in_(note_ids))
    )
    return [(row.id, row.body) for row in found]


def purge(
    session: Session,
    clinic_id: uuid.UUID,
    note_ids: Sequence[uuid.UUID],
    bodies: Sequence[tuple[uuid.UUID, str]],
    *,
    days: int,
    by: Actor,
) -> None:
    """Empty the text of notes, put ``bodies`` in the place of their results, empty questions, and close what waits for a person."""
    at = now()
    session.execute(
        update(Note)
        .where(Note.clinic_id == clinic_id, Note.id.in_(note_ids), Note.purged_at.is_(None))
        .values(text=None, external_id=None, visit_date=None, purged_at=at)
    )
    for result_id, body in bodies:
        session.execute(
            update(ResultRow)
            .where(ResultRow.clinic_id == clinic_id, ResultRow.id == result_id)
            .values(body=body, purged_at=at)
        )
    session.execute(
        update(Question)
        .where(Question.clinic_id == clinic_id, Question.note_id.in_(note_ids))
        .values(body=None, answer=None)
    )
    session.execute(
        update(QueueItem)
        .where(QueueItem.clinic_id == clinic_id, QueueItem.note_id.in_(note_ids), QueueItem.state.in_(_OPEN))
        .values(state="withdrawn", claimed_by=None, lease_until=None)
    )
    detail = {"notes": len(note_ids), "results": len(bodies), "older_than_days": days}
    record(session, clinic_id, Entry(by, "notes.purged", "clinic", clinic_id, detail))


def _purgeable(clinic_id: uuid.UUID, before: datetime) -> tuple[Any, ...]:
    return Note.clinic_id == clinic_id, Note.submitted_at < before, Note.purged_at.is_(None)


def row_of(session: Session, clinic_id: uuid.UUID, table: type[_Table], kind: str, row_id: uuid.UUID) -> _Table:
    """Return the clinic's row of that id in a table whose key is clinic and id; ``kind`` names it in the error.

    Raises
    ------
    UnknownRow
        The clinic has none.
    """
    found = session.get(table, (clinic_id, row_id))
    if found is None:
        raise UnknownRow(kind, str(row_id))
    return found


# ---- the audit trail


def append_audit(session: Session, entries: Sequence[tuple[uuid.UUID, Entry]]) -> None:
    """Continue each clinic's chain; called last in a transaction, since it locks the clinic's head until the commit.

    Raises
    ------
    UnknownClinic
        An entry names no clinic.
    """
    at = now()
    heads: dict[uuid.UUID, Head] = {}
    rows: list[dict[str, Any]] = []
    for clinic_id, entry in entries:
        head = heads.get(clinic_id)
        if head is None:
            # The lock makes the next writer wait and then see this one's row (SQLite: there is one writer in all).
            found = session.execute(
                select(AuditHead.seq, AuditHead.hash).where(AuditHead.clinic_id == clinic_id).with_for_update()
            ).one_or_none()
            if found is None:
                raise UnknownClinic(str(clinic_id))
            head = Head(found.seq, found.hash)
        row = audit.seal(clinic_id, head, entry, at)
        columns = {name: getattr(row, name) for name in Row.__dataclass_fields__}
        rows.append(columns | {"clinic_id": clinic_id})
        heads[clinic_id] = Head(row.seq, row.hash)
    if rows:
        session.execute(insert(AuditRow), rows)
    for clinic_id, head in heads.items():
        session.execute(update(AuditHead).where(AuditHead.clinic_id == clinic_id).values(seq=head.seq, hash=head.hash))


def audit_head(session: Session, clinic_id: uuid.UUID) -> Head | None:
    """Return where the clinic's chain ends, ``None`` where that row is missing."""
    found = session.execute(select(AuditHead.seq, AuditHead.hash).where(AuditHead.clinic_id == clinic_id)).one_or_none()
    return None if found is None else Head(found.seq, found.hash)


def audit_rows(session: Session, clinic_id: uuid.UUID) -> Iterator[Row]:
    """Yield the clinic's rows by number, a thousand in memory at a time."""
    statement = _audit_rows(clinic_id).order_by(AuditRow.seq).execution_options(yield_per=1000)
    for row in session.execute(statement):
        yield _row(row)


def latest_audit(
    session: Session, clinic_id: uuid.UUID, limit: int, *, subject_id: uuid.UUID | None = None
) -> Sequence[Row]:
    """Return the last rows of a clinic (about one subject), the newest last."""
    statement = _audit_rows(clinic_id).order_by(AuditRow.seq.desc()).limit(limit)
    if subject_id is not None:
        statement = statement.where(AuditRow.subject_id == str(subject_id))
    return [_row(row) for row in session.execute(statement)][::-1]


def _audit_rows(clinic_id: uuid.UUID) -> Any:
    return select(*(getattr(AuditRow, name) for name in Row.__dataclass_fields__)).where(
        AuditRow.clinic_id == clinic_id
    )


def _row(stored: Any) -> Row:
    # SQLite keeps any type in any column: what somebody put there is shown, not tripped over.
    return Row(
        clinic_id=str(stored.clinic_id),
        seq=stored.seq if isinstance(stored.seq, int) else 0,
        at=str(stored.at),
        actor_kind=str(stored.actor_kind),
        actor_id=None if stored.actor_id is None else str(stored.actor_id),
        action=str(stored.action),
        subject_kind=str(stored.subject_kind),
        subject_id=None if stored.subject_id is None else str(stored.subject_id),
        detail=str(stored.detail),
        previous_hash=str(stored.previous_hash),
        hash=str(stored.hash),
    )
