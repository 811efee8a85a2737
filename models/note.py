"""What goes in: one note. Defaults for all but the text; anything unknown is refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Policy = Literal["full_15", "cms_8_minute", "ama_midpoint"]
Profile = Literal["accurate", "fast"]
Discipline = Literal["PT", "OT"]
# How many in 100 of the proposals that pass unflagged may be wrong, as measured on training notes of unseen writers.
Risk = Literal[1, 2, 5]
USUAL_RISK: Risk = 5


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
