"""Who calls, and whether they may: the dependencies that guard routes.

A person has a session in a cookie, a program an API key in the header ``Authorization: Bearer KEY``. A route states who may use it
with ``principal: Annotated[Principal, Depends(allowed("admin"))]``; `tests/api/db/test_access.py` tries every route of the app.
"""

from __future__ import annotations

import contextlib
import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import people
from api.audit import Actor
from api.db import linked, repository, values
from api.db.errors import SignInRefused, StorageError
from api.db.session import Database
from api.dependencies import DatabaseDep, SettingsDep
from api.errors import Forbidden, ForeignRequest, NoDatabase, PasswordNeeded, SignInRequired
from api.settings import Settings, is_loopback
from api.start import accounts

CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# How often the last use of a session or key is written down: each request would make each reader a writer.
_MARK_EVERY = timedelta(minutes=1)

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description=f"An API key. A signed-in browser's session cookie does as well, with {CSRF_HEADER} where something is changed.",
)
BearerDep = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a signed-in person or a program with a key, of one clinic."""

    clinic_id: uuid.UUID
    actor: Actor
    role: values.Role | None
    """``None`` for a key."""
    scopes: frozenset[values.Scope]
    """Empty for a person."""
    password_needed: bool = False
    """Came by a one-time link and has no password yet: may choose one, and nothing else."""

    @property
    def person_id(self) -> uuid.UUID | None:
        """The person's id, ``None`` for a key."""
        return self.actor.id if self.actor.kind == "person" else None


def current_principal(request: Request, database: DatabaseDep, settings: SettingsDep, bearer: BearerDep) -> Principal:
    """Return who calls.

    Raises
    ------
    SignInRequired
        There is neither a session nor a key, or it is not valid any more.
    ForeignRequest
        A session's cookie came with a request that changes something and that our own page did not make.
    NoDatabase, StorageError
        There is no database, or it cannot be used.
    """
    secret = request.cookies.get(cookie_name(settings))
    if bearer is None and secret is None:
        raise SignInRequired
    if database is None:
        raise NoDatabase
    try:
        if bearer is not None:
            return _by_key(database, bearer.credentials)
        principal = _by_session(database, secret or "")
    except SignInRefused:
        raise SignInRequired from None
    if request.method not in _SAFE:
        own_page(request)
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), csrf_token(secret or "").encode()):
            raise ForeignRequest
    return principal


@dataclass(frozen=True)
class Allowed:
    """The dependency that `allowed` makes: lets through people of ``roles`` and keys with ``scope``."""

    roles: frozenset[values.Role]
    scope: values.Scope | None
    without_password: bool = False

    def __call__(self, principal: Annotated[Principal, Depends(current_principal)]) -> Principal:
        """Return who calls where they may.

        Raises
        ------
        Forbidden, PasswordNeeded
            They may not; or not before they have chosen a password.
        """
        return self.check(principal)

    def check(self, principal: Principal) -> Principal:
        """Return ``principal`` where it may, else raise `Forbidden` or `PasswordNeeded`."""
        if not self.fits(principal):
            raise Forbidden
        if principal.password_needed and not self.without_password:
            raise PasswordNeeded
        return principal

    def fits(self, principal: Principal) -> bool:
        """Return whether role or scope is one of those that may."""
        return principal.role in self.roles or self.scope in principal.scopes


class AllowedOnceOpened(Allowed):
    """As `Allowed`, but everybody on this computer may until somebody has opened an account; they are ``None``."""

    def __call__(  # type: ignore[override]
        self, request: Request, database: DatabaseDep, settings: SettingsDep, bearer: BearerDep
    ) -> Principal | None:
        """Return who calls where they may, ``None`` where nobody has to say so yet.

        Raises
        ------
        SignInRequired, Forbidden, PasswordNeeded, ForeignRequest
            As `current_principal` and `Allowed` raise them.
        """
        if _nobody_has_to_sign_in(request, database, settings):
            return None
        return self.check(current_principal(request, database, settings, bearer))


@dataclass(frozen=True, slots=True)
class Membership:
    """The caller as somebody of one clinic: whoever reads for several has one in each, with its own role."""

    principal: Principal
    slug: str
    """The clinic's short name."""
    name: str

    @property
    def clinic_id(self) -> uuid.UUID:
        """The clinic's id."""
        return self.principal.clinic_id


# Those in which the caller may do what is asked; never empty.
Memberships = tuple[Membership, ...]


class AllowedInSomeClinic(Allowed):
    """As `Allowed`, but it is enough that the caller may in one of the clinics that they read for."""

    def __call__(  # type: ignore[override]
        self, principal: Annotated[Principal, Depends(current_principal)], database: DatabaseDep
    ) -> Memberships:
        """Return the caller in each clinic where they may, that of the sign-in first.

        Raises
        ------
        NoDatabase, StorageError
            There is no database, or it cannot be used.
        Forbidden, PasswordNeeded
            They may in none; or not before they have chosen a password.
        """
        if database is None:
            raise NoDatabase
        found = tuple(each for each in _memberships(database, principal) if self.fits(each.principal))
        if not found:
            raise Forbidden
        if principal.password_needed:
            raise PasswordNeeded
        return found


def allowed(
    *roles: values.Role, scope: values.Scope | None = None, without_password: bool = False
) -> Callable[..., Principal]:
    """Return a dependency that lets through people of these roles, and keys with that scope (none: no key).

    Whoever came by a one-time link has to choose a password first, but where ``without_password`` says otherwise.

    Examples
    --------
    >>> admin = Principal(uuid.UUID(int=1), Actor("person", uuid.UUID(int=2)), "admin", frozenset())
    >>> allowed("admin", "coder")(admin) is admin
    True
    >>> allowed("coder")(admin)
    Traceback (most recent call last):
    api.errors.Forbidden: Your role, or your key, does not allow this.
    """
    return Allowed(frozenset(roles), scope, without_password)


def allowed_once_opened(*roles: values.Role, scope: values.Scope) -> Callable[..., Principal | None]:
    """Return a dependency as `allowed` does, which asks nothing on this computer until the first account was opened."""
    return AllowedOnceOpened(frozenset(roles), scope)


def allowed_in_some_clinic(*roles: values.Role, scope: values.Scope | None = None) -> Callable[..., Memberships]:
    """Return a dependency as `allowed` does, which gives the caller in each of their clinics in which they may."""
    return AllowedInSomeClinic(frozenset(roles), scope)


def own_page(request: Request) -> None:
    """Refuse a request that a browser says comes from another page than ours; a program says neither.

    Raises
    ------
    ForeignRequest
        ``Sec-Fetch-Site`` or ``Origin`` names another site.
    """
    origin = request.headers.get("origin")
    # The scheme is left out: behind a proxy that ends TLS it may differ.
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise ForeignRequest
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise ForeignRequest


def cookie_name(settings: Settings) -> str:
    """Return the name of the session's cookie; on TLS one that browsers tie to this very host."""
    return "__Host-therapy-coder" if settings.tls else "therapy-coder"


def csrf_token(secret: str) -> str:
    """Return the token of a session that only a page which may read our answers can know."""
    return hmac.digest(secret.encode(), b"csrf", "sha256").hex()


def _by_session(database: Database, secret: str) -> Principal:
    with database.reading() as session:
        person, found = people.signed_in(session, secret)
        principal = Principal(
            person.clinic_id,
            Actor("person", person.id),
            cast("values.Role", person.role),
            frozenset(),
            password_needed=person.password_hash is None,
        )
        last, session_id = found.seen_at, found.id
    _mark_used(database, principal.clinic_id, "session", session_id, last)
    return principal


def _memberships(database: Database, principal: Principal) -> Memberships:
    with database.reading() as session:
        own = repository.clinic(session, principal.clinic_id)
        found = [Membership(principal, own.slug, own.name)]
        # A key is one clinic's.
        if principal.person_id is not None:
            found += [
                Membership(
                    Principal(
                        each.clinic.id,
                        Actor("person", each.person.id),
                        cast("values.Role", each.person.role),
                        frozenset(),
                    ),
                    each.clinic.slug,
                    each.clinic.name,
                )
                for each in linked.linked(session, principal.clinic_id, principal.person_id)
            ]
    return tuple(found)


def _by_key(database: Database, secret: str) -> Principal:
    with database.reading() as session:
        key = people.find_key(session, secret)
        scopes = cast("list[values.Scope]", key.scopes)
        principal = Principal(key.clinic_id, Actor("key", key.id), None, frozenset(scopes))
        last, key_id = key.used_at, key.id
    _mark_used(database, principal.clinic_id, "key", key_id, last)
    return principal


def _mark_used(
    database: Database, clinic_id: uuid.UUID, kind: Literal["session", "key"], id: uuid.UUID, last: datetime | None
) -> None:
    if last is not None and repository.now() - last < _MARK_EVERY:
        return
    # A database that takes no writes right now is no reason to refuse to read.
    with contextlib.suppress(StorageError), database.writing() as session:
        repository.mark_used(session, clinic_id, kind, id)


def _nobody_has_to_sign_in(request: Request, database: Database | None, settings: Settings) -> bool:
    if settings.exposed or request.client is None or not is_loopback(request.client.host):
        return False
    if database is None:
        return True
    # Once opened, an account stays so.
    if not request.app.state.opened:
        request.app.state.opened = accounts(database) == "opened"
    return not request.app.state.opened
