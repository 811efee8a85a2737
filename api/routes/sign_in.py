"""Signing in and out, and the own account."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, cast, get_args

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api import people
from api.access import Principal, allowed, cookie_name, csrf_token, current_principal, own_page
from api.db import repository, values
from api.db.errors import (
    DatabaseUnavailable,
    SignInRefused,
    TooManyTries,
    UnknownClinic,
    WeakPassword,
    WhichClinic,
)
from api.db.tables import Person
from api.dependencies import RequiredDatabaseDep, SettingsDep, TriesDep
from api.errors import (
    ForeignRequest,
    NoDatabase,
    SignInRequired,
    TooManyRequests,
    WrongCurrentPassword,
    documented,
)
from api.settings import Settings
from nlp.errors import TherapyCoderError

router = APIRouter(prefix="/v1", tags=["sign-in"])

# No refusal is quicker than this, so that the clock does not tell which part was wrong. Longer than a right sign-in takes.
REFUSAL_SECONDS = 1.0
_STORAGE = (NoDatabase, DatabaseUnavailable)

Anybody = Annotated[Principal, Depends(current_principal)]
AnyPerson = Annotated[Principal, Depends(allowed(*get_args(values.Role), without_password=True))]
Secret = Annotated[str, Field(max_length=1000)]


class Credentials(BaseModel):
    """Login and password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    login: str = Field(max_length=200)
    password: Secret
    clinic: str | None = Field(default=None, max_length=40, description="Short name; not needed where there is one.")


class Link(BaseModel):
    """What stands behind ``#`` in a one-time link."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    secret: Secret


class NewPassword(BaseModel):
    """A password for the own account."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: Secret = Field(description="15 to 256 characters; any.")
    current: Secret | None = Field(default=None, description="The one it takes the place of, where there is one.")


class ClinicSummary(BaseModel):
    """A clinic."""

    id: uuid.UUID
    slug: str
    name: str


class Me(BaseModel):
    """Who is signed in, or whose key it is."""

    kind: Literal["person", "key"]
    id: uuid.UUID
    login: str | None = Field(description="null for a key.")
    name: str
    role: values.Role | None = Field(description="null for a key.")
    scopes: tuple[values.Scope, ...] = Field(description="Empty for a person.")
    clinic: ClinicSummary
    password_needed: bool = Field(description="Whether the person has no password yet, or not any more.")
    csrf_token: str | None = Field(
        description="To be sent as X-CSRF-Token with whatever changes something; null for a key."
    )


@router.post(
    "/sign-in",
    summary="Sign in with a password",
    dependencies=[Depends(own_page)],
    responses=documented(
        *_STORAGE, SignInRefused, ForeignRequest, WhichClinic, RequestValidationError, TooManyTries, TooManyRequests
    ),
)
def sign_in(
    credentials: Credentials,
    request: Request,
    response: Response,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
    tries: TriesDep,
) -> Me:
    """Begin a session; its secret comes as a cookie that no script can read."""
    tries.address(request.client and request.client.host)
    with _slow_refusal():
        with database.reading() as session:
            slug, clinic_id = _clinic(session, credentials.clinic)
        tries.login(slug, credentials.login)
        compared = people.compare_password(database, clinic_id, credentials.login, credentials.password)
        with database.writing() as session:
            person = people.admit(session, clinic_id, compared)
            me = None if person is None else _begin(session, person, request, response, settings)
        if me is None:
            raise SignInRefused
    tries.right(slug, credentials.login)
    return me


@router.post(
    "/sign-in/link",
    summary="Sign in with a one-time link",
    dependencies=[Depends(own_page)],
    responses=documented(*_STORAGE, SignInRefused, ForeignRequest, RequestValidationError, TooManyRequests),
)
def sign_in_by_link(
    link: Link,
    request: Request,
    response: Response,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
    tries: TriesDep,
) -> Me:
    """Use a link up and begin a session; where `password_needed` is true, choose one next."""
    tries.address(request.client and request.client.host)
    with database.writing() as session:
        return _begin(session, people.use_link(session, link.secret), request, response, settings)


@router.post(
    "/password",
    summary="Choose a password",
    responses=documented(
        *_STORAGE,
        SignInRequired,
        ForeignRequest,
        RequestValidationError,
        WeakPassword,
        WrongCurrentPassword,
        TooManyTries,
    ),
)
def choose_password(
    chosen: NewPassword,
    principal: AnyPerson,
    request: Request,
    response: Response,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
) -> Me:
    """Set the own password. Every session of the account ends, and this browser gets a new one."""
    clinic_id, person_id = principal.clinic_id, cast("uuid.UUID", principal.person_id)
    with database.reading() as session:
        person = repository.person(session, clinic_id, person_id)
    compared = None
    if person.password_hash is not None:
        compared = people.compare_password(database, clinic_id, person.login, chosen.current or "")
    hashed = people.hash_password(chosen.password, person.login)
    me = None
    with database.writing() as session:
        if _proved(session, clinic_id, person_id, compared):
            repository.set_password_hash(session, clinic_id, person_id, hashed, by=principal.actor)
            me = _begin(session, repository.person(session, clinic_id, person_id), request, response, settings)
    # Refused after the commit: a wrong one is counted.
    if me is None:
        raise WrongCurrentPassword
    return me


def _proved(session: Session, clinic_id: uuid.UUID, person_id: uuid.UUID, compared: people.Compared | None) -> bool:
    """Return whether a person gave the password that they have, or has none."""
    if compared is None:
        return repository.person(session, clinic_id, person_id).password_hash is None
    return people.admit(session, clinic_id, compared) is not None


@router.post(
    "/sign-out", summary="Sign out", status_code=204, responses=documented(*_STORAGE, SignInRequired, ForeignRequest)
)
def sign_out(_principal: AnyPerson, request: Request, database: RequiredDatabaseDep, settings: SettingsDep) -> Response:
    """End the session."""
    with database.writing() as session:
        people.end_session(session, request.cookies[cookie_name(settings)])
    response = Response(status_code=204)
    response.delete_cookie(cookie_name(settings), secure=settings.tls, httponly=True, samesite="strict")
    return response


@router.get("/me", summary="Who am I", responses=documented(*_STORAGE, SignInRequired))
def me(principal: Anybody, request: Request, database: RequiredDatabaseDep, settings: SettingsDep) -> Me:
    """Say who is signed in, as what, in which clinic."""
    with database.reading() as session:
        if principal.person_id is not None:
            person = repository.person(session, principal.clinic_id, principal.person_id)
            return _me(session, person, request.cookies[cookie_name(settings)])
        key = repository.key(session, principal.clinic_id, cast("uuid.UUID", principal.actor.id))
        return Me(
            kind="key",
            id=key.id,
            login=None,
            name=key.name,
            role=None,
            scopes=tuple(sorted(principal.scopes)),
            clinic=_summary(session, principal.clinic_id),
            password_needed=False,
            csrf_token=None,
        )


def _begin(session: Session, person: Person, request: Request, response: Response, settings: Settings) -> Me:
    """Begin a session in the place of the one that the browser may have."""
    name = cookie_name(settings)
    people.end_session(session, request.cookies.get(name, ""))
    secret = people.begin_session(session, person)
    response.set_cookie(
        name,
        secret,
        max_age=int(people.SESSION_LIFETIME.total_seconds()),
        secure=settings.tls,
        httponly=True,
        samesite="strict",
    )
    return _me(session, person, secret)


def _me(session: Session, person: Person, secret: str) -> Me:
    return Me(
        kind="person",
        id=person.id,
        login=person.login,
        name=person.name,
        role=cast("values.Role", person.role),
        scopes=(),
        clinic=_summary(session, person.clinic_id),
        password_needed=person.password_hash is None,
        csrf_token=csrf_token(secret),
    )


def _summary(session: Session, clinic_id: uuid.UUID) -> ClinicSummary:
    found = repository.clinic(session, clinic_id)
    return ClinicSummary(id=found.id, slug=found.slug, name=found.name)


def _clinic(session: Session, slug: str | None) -> tuple[str, uuid.UUID]:
    """Return the named clinic, or the only one; a made-up id where there is none, which costs as much time to refuse."""
    if slug is not None:
        try:
            return slug, repository.clinic_named(session, slug).id
        except UnknownClinic:
            return slug, uuid.uuid4()
    found = repository.clinics(session)
    if len(found) > 1:
        raise WhichClinic(len(found))
    return (found[0].slug, found[0].id) if found else ("", uuid.uuid4())


@contextmanager
def _slow_refusal() -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    except TherapyCoderError:
        time.sleep(max(0.0, started + REFUSAL_SECONDS - time.monotonic()))
        raise
