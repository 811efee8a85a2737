"""Code one note, or many."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from api.batch.records import ErrorLine, code_values
from api.dependencies import CoderDep, SettingsDep
from api.errors import (
    TooManyNotes,
    documented,
)
from api.routes.examples import examples
from api.routes.reading import ERRORS, GUARD, NOTE_ERRORS
from models.note import Note
from models.result import Result

router = APIRouter(
    prefix="/v1/suggestions",
    tags=["suggestions"],
    dependencies=[GUARD],
)


class Batch(BaseModel):
    """Notes to code; each is checked alone, so that a wrong one costs no other."""

    model_config = ConfigDict(extra="forbid")

    notes: list[Any] = Field(
        description="Notes, each as for one suggestion.",
        json_schema_extra={"items": {"$ref": "#/components/schemas/Note"}},
    )


class BatchResult(BaseModel):
    """One answer for each note, in the same order."""

    results: list[Result | ErrorLine]


@router.post(
    "",
    summary="Code one note",
    responses=documented(*ERRORS, *NOTE_ERRORS),
)
def suggest(note: Annotated[Note, Body(openapi_examples=examples()["notes"])], coder: CoderDep) -> Result:
    """Suggest what a treatment note bills. Nothing is billed and nothing is kept."""
    return coder.code(note)


@router.post(
    "/batch",
    summary="Code many notes",
    responses=documented(*ERRORS, TooManyNotes),
)
def suggest_batch(
    batch: Annotated[Batch, Body(openapi_examples=examples()["batches"])], coder: CoderDep, settings: SettingsDep
) -> BatchResult:
    """Code each note; a note that cannot be coded gets ``{"note_id", "error"}`` in its place."""
    if settings.max_batch_notes < len(batch.notes):
        raise TooManyNotes(len(batch.notes), settings.max_batch_notes)
    return BatchResult(results=list(code_values(batch.notes, coder)))
