"""The documentation audit of one note."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from api.dependencies import CoderDep
from api.errors import documented
from api.routes.examples import examples
from api.routes.reading import ERRORS, GUARD, NOTE_ERRORS
from models.billing.audit import NoteAudit
from models.note import Note

router = APIRouter(
    prefix="/v1/documentation",
    tags=["documentation"],
    dependencies=[GUARD],
)


@router.post(
    "",
    summary="Audit a note's documentation",
    responses=documented(*ERRORS, *NOTE_ERRORS),
)
def audit(note: Annotated[Note, Body(openapi_examples=examples()["notes"])], coder: CoderDep) -> NoteAudit:
    """Say what a note's documentation holds and what it lacks, with an example for each lack. Nothing is kept."""
    return coder.audit(note)
