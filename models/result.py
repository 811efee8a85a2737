"""What comes out: the coding result of one note, the same for Python, HTTP, command line and batch.

No field has a default: each is always there, so that a reader never has to guess. Offsets are into the text as it came.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.note import Policy, Profile

Code = Literal["97110", "97530"]
ServiceCode = Literal["97110", "97530", "other"]
Severity = Literal["info", "warning", "error"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextSpan(_Frozen):
    """Half-open stretch of the note: ``text[start:end]``."""

    start: int
    end: int
    text: str


class DurationSpan(TextSpan):
    """The span that gives a block's minutes."""

    kind: Literal["stated", "clock", "summed", "shared"]


class MentionSpan(TextSpan):
    """An activity not done today."""

    status: Literal["planned", "home_program", "refused", "held", "unable", "past", "history", "reported"]


class ReasonSpan(TextSpan):
    """Words that decided; ``weight`` in log-odds toward ``code`` (negative: against it)."""

    code: ServiceCode
    weight: float


class ProposalResult(_Frozen):
    """The note's headline code."""

    code: Code | None
    confidence: float = Field(ge=0, le=1)
    status: Literal["suggested", "flagged", "no_code"]


class ServiceResult(TextSpan):
    """One block of treatment done today."""

    code: ServiceCode
    other_code: str | None
    confidence: float = Field(ge=0, le=1)
    probabilities: dict[str, float]
    minutes: int | None
    duration: DurationSpan | None
    stated_code: str | None
    activities: tuple[TextSpan, ...]
    goals: tuple[int, ...]
    reasons: tuple[ReasonSpan, ...]


class DocumentationElement(_Frozen):
    """One of the five documentation elements, with the span that shows it."""

    element: Literal["activity", "duration", "goal", "assessment", "progress"]
    documented: bool
    start: int | None
    end: int | None


class FlagResult(_Frozen):
    """One finding: stable id, severity, message in plain words, what to do, and where (``None``: the whole note)."""

    id: str
    severity: Severity
    message: str
    action: str
    start: int | None
    end: int | None


class PayerResult(_Frozen):
    """What one payer of the request makes of the note's minutes; ``governs``: the claim goes to it first, in its count."""

    id: str
    name: str
    role: Literal["primary", "secondary"]
    governs: bool
    policy: Policy
    units: dict[str, int]
    confirmed: bool


class ModelInfo(_Frozen):
    """What made the result: the model, its profile, and the version of the billing rules."""

    version: str
    profile: Profile
    rules: str


class Result(_Frozen):
    """The coding result of one note."""

    note_id: str | None
    policy: Policy
    proposal: ProposalResult
    services: tuple[ServiceResult, ...]
    mentions: tuple[MentionSpan, ...]
    goals: tuple[TextSpan, ...]
    minutes: dict[str, int]
    units: dict[str, dict[str, int]]
    documentation: tuple[DocumentationElement, ...]
    flags: tuple[FlagResult, ...]
    date_of_service: date | None
    payers: tuple[PayerResult, ...]
    model: ModelInfo
