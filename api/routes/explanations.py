"""Why a note bills what it bills, step by step."""

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
from models.explain import Explanation
from models.note import Note

router = APIRouter(
    prefix="/v1/explanations",
    tags=["explanations"],
    # What reads a note is guarded as the suggestions are.
    dependencies=[Depends(allowed_once_opened(*get_args(values.Role), scope="suggestions"))],
)


@router.post(
    "",
    summary="Explain what a note bills",
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
def explain(note: Annotated[Note, Body(openapi_examples=examples()["notes"])], coder: CoderDep) -> Explanation:
    """Say how each block of a note goes from words to code, minutes, units and flags, with rule and source. Nothing is kept."""
    return coder.explain(note)
