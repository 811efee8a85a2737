"""The documentation audit of one note."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Body, Depends
from fastapi.exceptions import RequestValidationError

from api.access import allowed_once_opened
from api.db import values
from api.dependencies import CoderDep
from api.errors import (
    Forbidden,
    ModelNotReady,
    NoteTooLong,
    RequestTooLarge,
    SignInRequired,
    UnknownPayer,
    UnreadableText,
    WrongHost,
    documented,
)
from api.routes.examples import examples
from models.billing.audit import NoteAudit
from models.note import Note

router = APIRouter(
    prefix="/v1/documentation",
    tags=["documentation"],
    # What reads a note is guarded as the suggestions are.
    dependencies=[Depends(allowed_once_opened(*get_args(values.Role), scope="suggestions"))],
)


@router.post(
    "",
    summary="Audit a note's documentation",
    responses=documented(
        SignInRequired,
        Forbidden,
        WrongHost,
        RequestTooLarge,
        RequestValidationError,
        ModelNotReady,
        NoteTooLong,
        UnreadableText,
        UnknownPayer,
        Exception,
    ),
)
def audit(note: Annotated[Note, Body(openapi_examples=examples()["notes"])], coder: CoderDep) -> NoteAudit:
    """Say what a note's documentation holds and what it lacks, with an example for each lack. Nothing is kept."""
    return coder.audit(note)
