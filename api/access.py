"""Who asks: the principal that signed in, and which roles and scopes a route is for.

Nothing signs in yet, so that every route behind `current_principal` answers 401.

Examples
--------
>>> Principal(uuid.UUID(int=1), Actor("key", uuid.UUID(int=2)), None, frozenset({"queue"})).person_id is None
True
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.audit import Actor
from api.db import values
from api.db.errors import ScopeMissing
from nlp.errors import TherapyCoderError


class SignInRequired(TherapyCoderError):
    """Nobody signed in."""

    def __init__(self) -> None:
        super().__init__("Sign in, or send an API key.")


class NotAllowed(TherapyCoderError):
    """Somebody signed in whose role may not do this."""

    def __init__(self) -> None:
        super().__init__("Your role may not do this.")


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a program's key, and what it may do; ``role`` is ``None`` for a key."""

    clinic_id: uuid.UUID
    actor: Actor
    role: values.Role | None
    scopes: frozenset[values.Scope]

    @property
    def person_id(self) -> uuid.UUID | None:
        """The person's id, ``None`` for a key."""
        return self.actor.id if self.actor.kind == "person" else None


def current_principal(_request: Request) -> Principal:
    """Return who asks.

    Raises
    ------
    SignInRequired
        Nobody signed in.
    """
    raise SignInRequired


def allowed(*roles: values.Role, scope: values.Scope | None = None) -> Callable[..., Principal]:
    """Return the dependency that lets people of these roles in, and keys with that scope (``None``: no key)."""

    def check(principal: Annotated[Principal, Depends(current_principal)]) -> Principal:
        if principal.role is None:
            if scope is None or scope not in principal.scopes:
                raise ScopeMissing(scope or "none")
        elif principal.role not in roles:
            raise NotAllowed
        return principal

    return check
