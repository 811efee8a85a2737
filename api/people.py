"""Passwords, one-time links, sessions and API keys: how somebody, or a program, proves who it is.

A secret is shown once and kept as a hash. Links, sessions and keys are 256 random bits, so that SHA-256 is enough; passwords go
through Argon2id. A secret begins with its clinic's id, so that it is looked up in that clinic alone.

Examples
--------
>>> secret = make_secret("link", uuid.UUID(int=7))
>>> clinic_of(secret, "link"), clinic_of(secret, "key")
(UUID('00000000-0000-0000-0000-000000000007'), None)
"""

from __future__ import annotations

import os
import secrets
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from threading import BoundedSemaphore
from typing import Literal, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from api.audit import Actor
from api.db import repository, values
from api.db.errors import ScopeMissing, SignInRefused, TooManyTries, UnknownPerson, WeakPassword
from api.db.session import Database
from api.db.tables import ApiKey, Person, SignInSession

LINK_LIFETIME = timedelta(hours=24)
# A session ends 12 hours after it began, and half an hour after it was last used.
SESSION_LIFETIME, SESSION_IDLE = timedelta(hours=12), timedelta(minutes=30)
# NIST SP 800-63B asks for 15 where a password stands alone and for no rule on its characters; the upper end keeps hashing cheap.
SHORTEST, LONGEST = 15, 256
# Wrong passwords before an account is shut, and for how long.
TRIES, LOCK = 10, timedelta(minutes=15)

_HASHER = PasswordHasher()  # Argon2id with the costs of RFC 9106's second choice: 64 MiB, 3 passes
# Each takes a core and 64 MiB: forty requests at once would not be quicker for taking 2.5 GiB.
_AT_ONCE = BoundedSemaphore(os.cpu_count() or 1)
_Kind = Literal["link", "session", "key"]
_Row = TypeVar("_Row")


def make_secret(kind: _Kind, clinic_id: uuid.UUID) -> str:
    """Return a new secret: kind, clinic and 256 random bits."""
    return f"tc{kind}_{clinic_id.hex}_{secrets.token_urlsafe(32)}"


def clinic_of(secret: str, kind: _Kind) -> uuid.UUID | None:
    """Return the clinic that a secret says it belongs to, ``None`` where it is no secret of that kind."""
    prefix, _, rest = secret.partition("_")
    clinic, _, random = rest.partition("_")
    if prefix != f"tc{kind}" or len(clinic) != 32 or not random:
        return None
    try:
        return uuid.UUID(hex=clinic)
    except ValueError:
        return None


def _proved(session: Session, secret: str, kind: _Kind, find: Callable[[Session, uuid.UUID, str], _Row | None]) -> _Row:
    """Return what ``find`` finds for a secret's clinic and hash.

    Raises
    ------
    SignInRefused
        It is no secret of that kind, or nothing is found.
    """
    clinic_id = clinic_of(secret, kind)
    found = None if clinic_id is None else find(session, clinic_id, repository.sha256(secret))
    if found is None:
        raise SignInRefused
    return found


# ---- passwords


def hash_password(password: str, login: str) -> str:
    """Return the Argon2id hash of a new password.

    Raises
    ------
    WeakPassword
        It has under 15 or over 256 characters, or is little else than the login or one character.
    """
    chosen = _normal(password)
    if not SHORTEST <= len(chosen) <= LONGEST:
        raise WeakPassword(f"it needs {SHORTEST} to {LONGEST} characters")
    if len(set(chosen)) < 4 or login.lower().split("@")[0] * 2 in chosen.lower() or chosen.lower() == login.lower():
        raise WeakPassword("it is too easy to guess")
    with _AT_ONCE:
        return _HASHER.hash(chosen)


@dataclass(frozen=True, slots=True)
class Compared:
    """A password that was compared with a person's; `admit` counts the try."""

    person_id: uuid.UUID | None
    """``None`` where the login is nobody's, or the account cannot be opened by a password."""
    hashed: str | None
    """What it was compared with: another password may be set meanwhile."""
    right: bool
    rehashed: str | None = None
    """A hash of the same password with newer costs, where the one that is kept is an older one's."""


def compare_password(database: Database, clinic_id: uuid.UUID, login: str, password: str) -> Compared:
    """Compare a password with that of a login, outside any transaction: that takes as long as dozens of writes.

    Raises
    ------
    TooManyTries
        The account is shut after 10 wrong passwords in a row, for 15 minutes; a right one is not even looked at.
    """
    with database.reading() as session:
        try:
            person = repository.person_named(session, clinic_id, login)
        except UnknownPerson:
            person = None
    if person is not None:
        _still_open(person)
    # An unknown login costs the same time as a wrong password, so that logins cannot be found by the clock.
    nobodys = _nobodys_hash()
    hashed = (person.password_hash if person else None) or nobodys
    normal = _normal(password)
    with _AT_ONCE:
        try:
            right = _HASHER.verify(hashed, normal)
        except (VerificationError, InvalidHashError):
            right = False
        if person is None or person.password_hash is None or person.disabled_at is not None:
            return Compared(None, None, right=False)
        newer = _HASHER.hash(normal) if right and _HASHER.check_needs_rehash(hashed) else None
    return Compared(person.id, hashed, right, newer)


def admit(session: Session, clinic_id: uuid.UUID, compared: Compared) -> Person | None:
    """Count a try; return the person whose password it was, else ``None``: the caller commits either way, and then refuses.

    Raising here would roll the count back.

    Raises
    ------
    TooManyTries
        The account was shut since the password was compared.
    """
    if compared.person_id is None:
        return None
    person = repository.person(session, clinic_id, compared.person_id)
    _still_open(person)
    # Disabled, or given another password, in between.
    right = compared.right and person.disabled_at is None and person.password_hash == compared.hashed
    repository.count_try(session, clinic_id, person.id, right=right, limit=TRIES, lock=LOCK)
    if not right:
        return None
    if compared.rehashed is not None:
        repository.rehash_password(session, clinic_id, person.id, compared.rehashed)
    return person


def _still_open(person: Person) -> None:
    left = 0.0 if person.locked_until is None else (person.locked_until - repository.now()).total_seconds()
    if left > 0:
        raise TooManyTries(int(left) + 1)


def _normal(password: str) -> str:
    # The same password typed on two keyboards may differ in how its accents are put together.
    return unicodedata.normalize("NFKC", password[: 4 * LONGEST])


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))


State = Literal["active", "no_password", "disabled", "shut_elsewhere"]


def state_of(person: Person, main: Person | None) -> State:
    """Return how far a person may sign in; ``main`` is the account of another clinic that they use, ``None``: their own."""
    if person.disabled_at is not None:
        return "disabled"
    if main is not None and main.disabled_at is not None:
        return "shut_elsewhere"
    return "no_password" if (main or person).password_hash is None else "active"


# ---- links and sessions


def make_link(
    session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, purpose: values.LinkPurpose, *, by: Actor
) -> str:
    """Return the secret of a new link that signs a person in once, within 24 hours.

    Raises
    ------
    UnknownPerson, PersonDisabled
        There is no such person, or they are shut out.
    """
    secret = make_secret("link", clinic_id)
    repository.add_link(session, clinic_id, person_id, repository.sha256(secret), purpose, LINK_LIFETIME, by=by)
    return secret


def use_link(session: Session, secret: str) -> Person:
    """Use a link up and return whom it signs in.

    Raises
    ------
    SignInRefused
        It is unknown, was used, or its time is over.
    """
    return _proved(session, secret, "link", repository.use_link)


def begin_session(session: Session, person: Person) -> str:
    """Return the secret of a new session of 12 hours, for the browser's cookie."""
    secret = make_secret("session", person.clinic_id)
    repository.add_session(session, person.clinic_id, person.id, repository.sha256(secret), SESSION_LIFETIME)
    return secret


def signed_in(session: Session, secret: str) -> tuple[Person, SignInSession]:
    """Return who is signed in with this session, and the session.

    Raises
    ------
    SignInRefused
        The session is unknown or over, was not used for half an hour, or the person was disabled.
    """
    found = _proved(session, secret, "session", partial(repository.find_session, idle=SESSION_IDLE))
    return repository.person(session, found.clinic_id, found.person_id), found


def end_session(session: Session, secret: str) -> None:
    """End a session; one that is over already stays so."""
    clinic_id = clinic_of(secret, "session")
    if clinic_id is not None:
        repository.end_session(session, clinic_id, repository.sha256(secret))


# ---- keys of programs


def make_key(
    session: Session,
    clinic_id: uuid.UUID,
    name: str,
    scopes: Sequence[values.Scope],
    lifetime: timedelta | None = None,
    *,
    by: Actor,
) -> str:
    """Return the secret of a new API key; without ``lifetime`` it works until it is revoked.

    Raises
    ------
    BadName, NameTaken
        The name is none, or was used before.
    """
    secret = make_secret("key", clinic_id)
    # Eight of the 43 random characters tell keys apart in a list and leave more than 200 bits.
    hint = secret.rpartition(f"{clinic_id.hex}_")[2][:8]
    repository.add_key(session, clinic_id, name, hint, repository.sha256(secret), scopes, lifetime, by=by)
    return secret


def find_key(session: Session, secret: str) -> ApiKey:
    """Return the key where it works.

    Raises
    ------
    SignInRefused
        It is unknown, revoked or over.
    """
    return _proved(session, secret, "key", repository.find_key)


def check_key(session: Session, secret: str, scope: values.Scope) -> ApiKey:
    """Return the key where it works and may do that.

    Raises
    ------
    SignInRefused, ScopeMissing
        It is unknown, revoked or over; or it lacks the scope.
    """
    key = find_key(session, secret)
    if scope not in key.scopes:
        raise ScopeMissing(scope)
    return key
