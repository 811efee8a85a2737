"""What a reviewer decides on a note, in the terms of the corpus: blocks, tasks not done today, goals; offsets and numbers alone.

A decision says what is right as a whole, not what was altered, so that it can be exported as it stands. `Decision` is what
``reviews.decision`` holds.

Examples
--------
>>> Decision.model_validate({"kind": "skip", "reason": "unclear_note"}).kind
'skip'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.db.values import WHOLE
from models.billing.codes import HEADLINE
from models.training.dataset import ServiceCode
from nlp.document import ElementName, Status

Kind = Literal["accept", "correct", "question", "skip", "undo"]
# Why a decision was taken that is no plain acceptance; codes, since words about a note are words of a note.
Reason = Literal[
    "wrong_code",
    "wrong_minutes",
    "wrong_blocks",
    "not_done_today",
    "missed_task",
    "wrong_span",
    "wrong_goal",
    "unclear_note",
    "not_my_field",
    "not_a_note",
    "mistake",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
REASONS: tuple[Reason, ...] = get_args(Reason)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stretch(_Strict):
    """Half-open stretch of the note in characters."""

    start: int = Field(ge=0)
    end: int = Field(ge=1)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be behind start")
        return self


class DecidedMention(Stretch):
    """A task that was not done today."""

    status: Status


class DecidedService(Stretch):
    """A block of treatment done today: its code, its whole minutes (``None``: the note gives none) and its tasks."""

    code: ServiceCode
    other_code: str | None = Field(default=None, pattern=r"^[0-9A-Z]{4,7}$")
    minutes: int | None = Field(default=None, gt=0, le=240)
    activities: tuple[Stretch, ...]


class Decision(_Strict):
    """One decision.

    ``accept`` takes the result as returned, ``correct`` puts ``services``, ``mentions`` and ``goals`` in its place, ``question``
    sends the note back to its therapist, ``skip`` leaves it to another coder, ``undo`` takes back the review that
    ``reviews.supersedes`` names. Both ``accept`` and ``correct`` carry the whole reading. ``elements`` are the documented ones;
    ``None``: the reviewer was not asked.
    """

    kind: Kind
    reason: Reason | None = None
    services: tuple[DecidedService, ...] | None = None
    mentions: tuple[DecidedMention, ...] = ()
    goals: tuple[Stretch, ...] = ()
    elements: tuple[ElementName, ...] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        whole = self.kind in WHOLE
        if whole != (self.services is not None):
            raise ValueError("services go with accept and correct, and with those alone")
        if not whole and (self.mentions or self.goals or self.elements is not None):
            raise ValueError("mentions, goals and elements go with accept and correct alone")
        if self.kind == "skip" and self.reason is None:
            raise ValueError("a skipped note needs a reason")
        return self


def code_left(proposed: str | None, decision: Mapping[str, Any]) -> bool:
    """Return whether the proposed code is among those that a reviewer left, or there was none and none was put in.

    Parameters
    ----------
    proposed
        The result's code.
    decision
        A whole reading, as ``reviews.decision`` holds it.

    Examples
    --------
    >>> code_left("97110", {"kind": "correct", "services": [{"code": "97530"}]}), code_left(None, {"kind": "accept"})
    (False, True)
    """
    if decision.get("kind") == "accept":
        return True
    codes = {service.get("code") for service in decision.get("services") or ()}
    return proposed in codes if proposed is not None else not codes & set(HEADLINE)
