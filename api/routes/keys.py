"""The API keys of a clinic's programs, for its admins."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from api import people
from api.access import Principal, allowed
from api.db import repository, values
from api.db.errors import BadName, DatabaseUnavailable, NameTaken, UnknownKey
from api.db.tables import ApiKey
from api.dependencies import RequiredDatabaseDep
from api.errors import Forbidden, SignInRequired, documented

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Admin = Annotated[Principal, Depends(allowed("admin"))]
_ERRORS = (SignInRequired, Forbidden, DatabaseUnavailable)


class KeySummary(BaseModel):
    """A key, without the key."""

    id: uuid.UUID
    name: str
    hint: str = Field(description="Its first random characters, to tell keys apart.")
    scopes: tuple[values.Scope, ...]
    state: Literal["works", "over", "revoked"]
    created_at: datetime
    expires_at: datetime | None = Field(description="null where it works until it is revoked.")
    used_at: datetime | None = Field(description="When it was last used, to the minute; null where never.")


class Keys(BaseModel):
    """The clinic's keys by name, revoked ones included."""

    keys: list[KeySummary]


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100, description="What it is for: letters, digits and ._-")
    scopes: tuple[values.Scope, ...] = Field(min_length=1, description="What it may do.")
    expires_days: int | None = Field(
        default=None, ge=1, le=3650, description="Days that it works; null: until it is revoked."
    )


class MadeKey(BaseModel):
    """A key; the secret is shown this once."""

    key: KeySummary
    secret: str = Field(description="To be sent as Authorization: Bearer SECRET.")


@router.get("", summary="List the keys", responses=documented(*_ERRORS))
def list_keys(admin: Admin, database: RequiredDatabaseDep) -> Keys:
    """List the clinic's keys."""
    with database.reading() as session:
        return Keys(keys=[_summary(each) for each in repository.keys(session, admin.clinic_id)])


@router.post(
    "",
    summary="Make a key",
    status_code=201,
    responses=documented(*_ERRORS, RequestValidationError, BadName, NameTaken),
)
def add_key(new: NewKey, admin: Admin, database: RequiredDatabaseDep) -> MadeKey:
    """Make a key for a program, and return it, this once."""
    lifetime = None if new.expires_days is None else timedelta(days=new.expires_days)
    with database.writing() as session:
        secret = people.make_key(session, admin.clinic_id, new.name, new.scopes, lifetime, by=admin.actor)
        return MadeKey(key=_summary(people.find_key(session, secret)), secret=secret)


@router.post("/{key_id}/revoke", summary="End a key", responses=documented(*_ERRORS, UnknownKey))
def revoke(key_id: uuid.UUID, admin: Admin, database: RequiredDatabaseDep) -> KeySummary:
    """End a key at once."""
    with database.writing() as session:
        key = repository.key(session, admin.clinic_id, key_id)
        repository.revoke_key(session, admin.clinic_id, key.name, by=admin.actor)
        session.refresh(key)
        return _summary(key)


def _summary(key: ApiKey) -> KeySummary:
    if key.revoked_at is not None:
        state = "revoked"
    else:
        state = "over" if key.expires_at is not None and key.expires_at <= repository.now() else "works"
    return KeySummary(
        id=key.id,
        name=key.name,
        hint=key.hint,
        scopes=tuple(cast("list[values.Scope]", key.scopes)),
        state=state,
        created_at=key.created_at,
        expires_at=key.expires_at,
        used_at=key.used_at,
    )
