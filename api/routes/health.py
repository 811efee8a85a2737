"""Is the server alive, and can it answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.db import migrate
from api.db.errors import DatabaseUnavailable
from api.dependencies import CoderDep, DatabaseDep
from api.errors import ModelNotReady, documented

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The server's state."""

    status: Literal["ok"]


@router.get("/healthz", summary="Is the server alive")
def healthz() -> Health:
    """Answer as long as the server runs."""
    return Health(status="ok")


@router.get("/readyz", summary="Can the server do its work", responses=documented(ModelNotReady, DatabaseUnavailable))
def readyz(_coder: CoderDep, database: DatabaseDep) -> Health:
    """Answer 200 once the model is loaded and while the database, where there is one, takes writes; else 503 with the reason."""
    if database is not None:
        migrate.require(database)
        database.require_writes()
    return Health(status="ok")
