"""What goes in: one note. Defaults for all but the text; anything unknown is refused."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Policy = Literal["full_15", "cms_8_minute", "ama_midpoint"]
Profile = Literal["accurate", "fast"]
Discipline = Literal["PT", "OT"]
# How many in 100 of the proposals that pass unflagged may be wrong, as measured on training notes of unseen writers.
Risk = Literal[1, 2, 5]
USUAL_RISK: Risk = 2


def day_of(text: str) -> date:
    """Return the date that a text writes as year-month-day.

    Raises
    ------
    ValueError
        It is written otherwise, or there is no such day.

    Examples
    --------
    >>> day_of("2026-01-31")
    datetime.date(2026, 1, 31)
    """
    # Other forms of ISO 8601 are too easily misread.
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise ValueError("write the date as year-month-day, for example 2026-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("there is no such date") from None


def _day(value: object) -> object:
    return day_of(value) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day)]
DayOfService = Annotated[date | None, BeforeValidator(_day)]


class Note(BaseModel):
    """A treatment note as the therapist wrote it.

    Examples
    --------
    >>> Note(text="Ther ex x 15 min: SLR 3x10").policy
    'full_15'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: str = Field(description="The whole note, exactly as written.")
    note_id: str | None = Field(
        default=None, max_length=200, description="Your own name for the note; comes back as it came."
    )
    discipline: Discipline | None = Field(default=None, description="PT or OT, where known.")
    policy: Policy = Field(default="full_15", description="The unit policy whose proposal and flags are wanted.")
    profile: Profile = Field(default="accurate", description="Which reader: accurate (default) or fast.")
    date_of_service: DayOfService = Field(
        default=None, description="Day of the visit, year-month-day; it picks the rules. Without one, those in force."
    )
    payer: str | None = Field(
        default=None,
        max_length=100,
        description="Id of the primary payer's profile; its policy is used where the request names none.",
    )
    secondary_payer: str | None = Field(
        default=None, max_length=100, description="Id of the secondary payer's profile."
    )
