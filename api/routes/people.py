"""A clinic's people, for its admins."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api import people
from api.access import Principal, allowed
from api.db import linked, repository, values
from api.db.errors import (
    BadName,
    DatabaseUnavailable,
    LastAdmin,
    NameTaken,
    PersonDisabled,
    SignsInElsewhere,
    UnknownPerson,
)
from api.db.tables import Person
from api.dependencies import RequiredDatabaseDep
from api.errors import Forbidden, SignInRequired, documented

router = APIRouter(prefix="/v1/people", tags=["people"])

Admin = Annotated[Principal, Depends(allowed("admin"))]
_ERRORS = (SignInRequired, Forbidden, DatabaseUnavailable)


class MainAccount(BaseModel):
    """An account of another clinic."""

    clinic: str = Field(description="The clinic's name, as people read it.")
    login: str


class PersonSummary(BaseModel):
    """A person of the clinic."""

    id: uuid.UUID
    login: str
    name: str
    role: values.Role
    state: people.State = Field(
        description="shut_elsewhere: disabled in the other clinic, whose account they sign in with."
    )
    main_account: MainAccount | None = Field(
        description="Whose account of another clinic they sign in with, to read the queue here too; null: their own."
    )
    created_at: datetime


class People(BaseModel):
    """Everybody of the clinic by login, disabled ones included."""

    people: list[PersonSummary]


class NewPerson(BaseModel):
    """Somebody to add."""

    model_config = ConfigDict(extra="forbid")

    login: str = Field(max_length=200, description="What they sign in with, such as an e-mail address.")
    name: str = Field(default="", max_length=200, description="The name that others read; without it, the login.")
    role: values.Role


class NewRole(BaseModel):
    """Another role."""

    model_config = ConfigDict(extra="forbid")

    role: values.Role


class Invited(BaseModel):
    """A person, and the link to give to them: it signs them in once, within 24 hours, and is shown this once."""

    person: PersonSummary
    link: str


@router.get("", summary="List the people", responses=documented(*_ERRORS))
def list_people(admin: Admin, database: RequiredDatabaseDep) -> People:
    """List the clinic's people."""
    with database.reading() as session:
        return People(people=[_summary(session, each) for each in repository.people(session, admin.clinic_id)])


@router.post(
    "",
    summary="Add a person",
    status_code=201,
    responses=documented(*_ERRORS, RequestValidationError, BadName, NameTaken),
)
def add_person(new: NewPerson, admin: Admin, request: Request, database: RequiredDatabaseDep) -> Invited:
    """Add a person, and return the link with which they choose a password."""
    with database.writing() as session:
        person = repository.add_person(session, admin.clinic_id, new.login, new.name, new.role, by=admin.actor)
        return _invited(session, person, "welcome", admin, request)


@router.put(
    "/{person_id}/role",
    summary="Give a person another role",
    responses=documented(*_ERRORS, RequestValidationError, UnknownPerson, LastAdmin, SignsInElsewhere),
)
def set_role(person_id: uuid.UUID, new: NewRole, admin: Admin, database: RequiredDatabaseDep) -> PersonSummary:
    """Change what a person may do, at once."""
    with database.writing() as session:
        repository.set_role(session, admin.clinic_id, person_id, new.role, by=admin.actor)
        return _summary(session, repository.person(session, admin.clinic_id, person_id))


@router.post(
    "/{person_id}/disable", summary="Shut a person out", responses=documented(*_ERRORS, UnknownPerson, LastAdmin)
)
def disable(person_id: uuid.UUID, admin: Admin, database: RequiredDatabaseDep) -> PersonSummary:
    """Shut a person out at once; what they decided stays."""
    with database.writing() as session:
        repository.disable_person(session, admin.clinic_id, person_id, by=admin.actor)
        return _summary(session, repository.person(session, admin.clinic_id, person_id))


@router.post("/{person_id}/enable", summary="Let a person in again", responses=documented(*_ERRORS, UnknownPerson))
def enable(person_id: uuid.UUID, admin: Admin, database: RequiredDatabaseDep) -> PersonSummary:
    """Let a person in again who was shut out, with the role and password that they had."""
    with database.writing() as session:
        repository.enable_person(session, admin.clinic_id, person_id, by=admin.actor)
        return _summary(session, repository.person(session, admin.clinic_id, person_id))


@router.post(
    "/{person_id}/reset",
    summary="Make a new link",
    responses=documented(*_ERRORS, UnknownPerson, PersonDisabled, SignsInElsewhere),
)
def reset(person_id: uuid.UUID, admin: Admin, request: Request, database: RequiredDatabaseDep) -> Invited:
    """Take a person's password and sessions away, and return a link with which they choose a new one."""
    with database.writing() as session:
        repository.reset_person(session, admin.clinic_id, person_id, by=admin.actor)
        return _invited(session, repository.person(session, admin.clinic_id, person_id), "reset", admin, request)


def _invited(
    session: Session, person: Person, purpose: values.LinkPurpose, admin: Principal, request: Request
) -> Invited:
    secret = people.make_link(session, admin.clinic_id, person.id, purpose, by=admin.actor)
    return Invited(person=_summary(session, person), link=f"{request.base_url}sign-in#{secret}")


def _summary(session: Session, person: Person) -> PersonSummary:
    main = linked.main_account(session, person.clinic_id, person.id)
    return PersonSummary(
        id=person.id,
        login=person.login,
        name=person.name,
        role=cast("values.Role", person.role),
        state=people.state_of(person, None if main is None else main.person),
        main_account=None if main is None else MainAccount(clinic=main.clinic.name, login=main.person.login),
        created_at=person.created_at,
    )
