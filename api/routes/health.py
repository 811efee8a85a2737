"""Is the server alive, and can it answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.dependencies import CoderDep
from api.errors import ModelNotReady, documented

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The server's state."""

    status: Literal["ok"]


@router.get("/healthz", summary="Is the server alive")
def healthz() -> Health:
    """Answer as long as the server runs."""
    return Health(status="ok")


@router.get("/readyz", summary="Can the server code notes", responses=documented(ModelNotReady))
def readyz(_coder: CoderDep) -> Health:
    """Answer 200 once the model is loaded, 503 before."""
    return Health(status="ok")
