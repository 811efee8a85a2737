"""Who asks, and whether they may: the interface that routes use; signing in itself comes with the accounts' routes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from api.audit import Actor
from api.db.errors import ScopeMissing, SignInRefused
from api.db.values import Role, Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """A person (with a role) or a program's key (with scopes), of one clinic."""

    clinic_id: uuid.UUID
    actor: Actor
    role: Role | None
    scopes: tuple[Scope, ...]
    person_id: uuid.UUID | None


def current_principal() -> Principal:
    """Return who asks.

    Raises
    ------
    SignInRefused
        Nobody is signed in.
    """
    raise SignInRefused


def allowed(*roles: Role, scope: Scope | None = None) -> Callable[..., Principal]:
    """Return a dependency that gives who asks, where they have one of the roles or, a key, the scope."""

    def check(principal: Annotated[Principal, Depends(current_principal)]) -> Principal:
        if principal.role in roles or (scope is not None and scope in principal.scopes):
            return principal
        raise ScopeMissing(scope or "-")

    return check
