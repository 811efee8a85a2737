"""The SQL of people who read for several clinics with one sign-in.

Such a person has a row in each clinic, with a role, a trail and decisions of that clinic. One row is the main account and signs in;
the others are *linked* to it: they name it and have neither password nor links nor sessions. Functions take session and clinic
first and none commits, as in `api.db.repository`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import Actor, Entry, record
from api.db.errors import LinkRefused, PersonDisabled, UnknownPerson
from api.db.repository import another_admin, clinic, end_access, person
from api.db.tables import Clinic, Person


class Member(NamedTuple):
    """A person with their clinic."""

    person: Person
    clinic: Clinic


def linked(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> Sequence[Member]:
    """Return who else somebody of this clinic is, in other clinics, by the clinics' short names; disabled ones left out."""
    found = session.execute(
        select(Person, Clinic)
        .join(Clinic, Clinic.id == Person.clinic_id)
        .where(Person.main_clinic_id == clinic_id, Person.main_id == person_id, Person.disabled_at.is_(None))
        .order_by(Clinic.slug)
    )
    return [Member(*each) for each in found]


def main_account(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> Member | None:
    """Return the account of another clinic that a person signs in with, ``None`` where it is their own.

    Raises
    ------
    UnknownPerson
        The clinic has none of that id.
    """
    found = person(session, clinic_id, person_id)
    if found.main_clinic_id is None or found.main_id is None:
        return None
    return Member(
        person(session, found.main_clinic_id, found.main_id),
        clinic(session, found.main_clinic_id),
    )


def link(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, main: Person, *, by: Actor) -> None:
    """Have a person sign in with ``main``, an account of another clinic, from now on.

    Their own password, sessions and links end at once, and what they hold goes back to the queue. Linked again to the same account,
    nothing changes.

    Raises
    ------
    UnknownPerson, LastAdmin
        The clinic has none of that id, or nobody else could manage its people.
    PersonDisabled
        One of the two is disabled.
    LinkRefused
        Both are of one clinic, one of them is linked already or others are linked to this one, the account has somebody in this
        clinic already, or one is a therapist, who reads no queue.
    """
    # Locked in one order, so that two links made at the same moment cannot become a chain.
    for place in sorted({(clinic_id, person_id), (main.clinic_id, main.id)}):
        _locked(session, *place)
    changed = person(session, clinic_id, person_id)
    if (changed.main_clinic_id, changed.main_id) == (main.clinic_id, main.id):
        return
    if changed.disabled_at is not None or main.disabled_at is not None:
        raise PersonDisabled
    reason = _why_not(session, clinic_id, changed, main)
    if reason is not None:
        raise LinkRefused(changed.login, reason)
    another_admin(session, clinic_id, changed)
    changed.password_hash, changed.failed_tries, changed.locked_until = None, 0, None
    changed.main_clinic_id, changed.main_id = main.clinic_id, main.id
    end_access(session, clinic_id, person_id)
    session.flush()
    _record(session, changed, main, "person.linked", by)


def unlink(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, *, by: Actor) -> None:
    """Part a person from the account that they sign in with; what they hold goes back to the queue.

    They stay a person of the clinic, without a password: a link gives them a sign-in of their own.

    Raises
    ------
    UnknownPerson
        The clinic has none of that id.
    LinkRefused
        They sign in with an account of this clinic.
    """
    changed = person(session, clinic_id, person_id)
    main = main_account(session, clinic_id, person_id)
    if main is None:
        raise LinkRefused(changed.login, "signs in with an account of this clinic")
    changed.main_clinic_id, changed.main_id = None, None
    end_access(session, clinic_id, person_id)
    session.flush()
    _record(session, changed, main.person, "person.unlinked", by)


def _why_not(session: Session, clinic_id: uuid.UUID, changed: Person, main: Person) -> str | None:
    if main.clinic_id == clinic_id:
        return "both accounts are of one clinic"
    if changed.main_id is not None:
        return "signs in with another account already; unlink it first"
    if main.main_id is not None:
        return f"{main.login!r} has no sign-in itself; name the account that they sign in with"
    if _others(session, clinic_id, changed.id):
        return "people of other clinics sign in with this account; unlink them first"
    if any(each.clinic_id == clinic_id for each in _others(session, main.clinic_id, main.id)):
        return f"{main.login!r} is somebody in this clinic already; unlink that one first"
    if "therapist" in (changed.role, main.role):
        return "therapists read no queue; give another role first"
    return None


def _others(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> Sequence[Person]:
    return session.scalars(select(Person).where(Person.main_clinic_id == clinic_id, Person.main_id == person_id)).all()


def _locked(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID) -> None:
    found = session.scalar(
        select(Person)
        .where(Person.clinic_id == clinic_id, Person.id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise UnknownPerson(str(person_id))


def _record(session: Session, changed: Person, main: Person, action: str, by: Actor) -> None:
    """Write it down in both clinics; each trail names its own person and, in the detail, the other clinic's."""
    for own, other, sign_in in ((changed, main, "there"), (main, changed, "here")):
        detail = {"clinic": clinic(session, other.clinic_id).slug, "person": str(other.id), "sign_in": sign_in}
        record(session, own.clinic_id, Entry(by, action, "person", own.id, detail))
