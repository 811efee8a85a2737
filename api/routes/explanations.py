"""Why a note bills what it bills, step by step."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from api.dependencies import CoderDep
from api.errors import documented
from api.routes.examples import examples
from api.routes.reading import ERRORS, GUARD, NOTE_ERRORS
from models.explain import Explanation
from models.note import Note

router = APIRouter(
    prefix="/v1/explanations",
    tags=["explanations"],
    dependencies=[GUARD],
)


@router.post(
    "",
    summary="Explain what a note bills",
    responses=documented(*ERRORS, *NOTE_ERRORS),
)
def explain(note: Annotated[Note, Body(openapi_examples=examples()["notes"])], coder: CoderDep) -> Explanation:
    """Say how each block of a note goes from words to code, minutes, units and flags, with rule and source. Nothing is kept."""
    return coder.explain(note)
