"""The calculator: minutes to units, without a note."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from api.dependencies import CoderDep
from api.errors import (
    InvalidMinutes,
    ModelNotReady,
    RequestTooLarge,
    UnknownCode,
    UnknownPayer,
    WrongHost,
    documented,
)
from models.billing.payers import terms_of
from models.billing.reasons import Calculation, count_under
from models.note import DayOfService

router = APIRouter(prefix="/v1/units", tags=["units"])

Number = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z][0-9]{4}$")]


class Minutes(BaseModel):
    """One patient's minutes of one day, per code."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"minutes": {"97530": 23, "97110": 15}, "payer": "medicare"}}
    )

    minutes: dict[Number, StrictInt] = Field(max_length=50, description="Whole minutes per code, 0 or more.")
    payer: str | None = Field(default=None, max_length=100, description="Id of the primary payer's profile.")
    secondary_payer: str | None = Field(default=None, max_length=100, description="Id of the secondary payer's.")
    date_of_service: DayOfService = Field(default=None, description="Day of the visit; it picks the rules.")


@router.post(
    "",
    summary="Minutes to units, with reasons",
    responses=documented(
        WrongHost,
        RequestTooLarge,
        RequestValidationError,
        UnknownCode,
        InvalidMinutes,
        UnknownPayer,
        ModelNotReady,
    ),
)
def count(given: Minutes, coder: CoderDep) -> Calculation:
    """Count units under all policies side by side and say how, step by step."""
    terms = terms_of(coder.rules, day=given.date_of_service, payer=given.payer, secondary=given.secondary_payer)
    return count_under(given.minutes, terms)
