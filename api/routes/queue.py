"""The review queue: list, claim, decide."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.exceptions import RequestValidationError

from api.access import Principal, allowed
from api.db.errors import ClaimLost, NotClaimable, NotePurged, StorageError, UnknownRow
from api.dependencies import RequiredDatabaseDep, SettingsDep
from api.errors import FieldsRefused, Forbidden, ForeignRequest, SignInRequired, documented
from api.queue import review, waiting
from api.queue.review import (
    Claimed,
    ClaimNumber,
    Decided,
    DecisionAndNext,
    DecisionRequest,
    LastDecision,
    Lease,
    Wanted,
)
from api.queue.waiting import Listing, WaitingList

router = APIRouter(prefix="/v1/queue", tags=["queue"])

Lister = Annotated[Principal, Depends(allowed("coder", "trainer", "admin", scope="queue"))]
Reviewer = Annotated[Principal, Depends(allowed("coder", "trainer"))]

_SIGNED_IN = (SignInRequired, Forbidden, ForeignRequest, RequestValidationError, StorageError)
_DECIDING = (*_SIGNED_IN, UnknownRow, ClaimLost, NotClaimable, NotePurged, FieldsRefused)


@router.get("", summary="List what waits", responses=documented(*_SIGNED_IN))
def list_waiting(principal: Lister, database: RequiredDatabaseDep, listing: Annotated[Listing, Query()]) -> WaitingList:
    """Entries that nobody has decided yet, in the order they are claimed, with counts for each flag; no word of a note."""
    return waiting.waiting(database, principal.clinic_id, principal.person_id, listing)


@router.post("/claim", summary="Claim a note", responses=documented(*_SIGNED_IN, UnknownRow, NotClaimable, NotePurged))
def claim(
    principal: Reviewer,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
    wanted: Annotated[Wanted | None, Body()] = None,
) -> Claimed:
    """Claim the best entry open to you, of those that the filters leave, or a given one; it is yours until the lease ends."""
    return Claimed(claim=review.claim(database, principal, lease=_lease(settings), wanted=wanted))


@router.get("/last", summary="What you decided last", responses=documented(*_SIGNED_IN))
def last(principal: Reviewer, database: RequiredDatabaseDep) -> LastDecision:
    """Your latest decision that undo takes back, whichever page or program made it, and what it came to."""
    return review.last(database, principal)


@router.post("/{item_id}/renew", summary="Keep a claim", responses=documented(*_SIGNED_IN, UnknownRow, ClaimLost))
def renew(
    item_id: uuid.UUID, claim: ClaimNumber, principal: Reviewer, database: RequiredDatabaseDep, settings: SettingsDep
) -> Lease:
    """Begin the lease anew."""
    return review.renew(database, principal, item_id, claim.claims, lease=_lease(settings))


@router.post(
    "/{item_id}/release",
    summary="Give a claim back",
    status_code=204,
    response_class=Response,
    responses=documented(*_SIGNED_IN, UnknownRow, ClaimLost),
)
def release(item_id: uuid.UUID, claim: ClaimNumber, principal: Reviewer, database: RequiredDatabaseDep) -> None:
    """Let somebody else have the note, undecided."""
    review.release(database, principal, item_id, claim.claims)


@router.post("/{item_id}/decisions", summary="Decide", responses=documented(*_DECIDING))
def decide(
    item_id: uuid.UUID,
    request: DecisionRequest,
    principal: Reviewer,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
) -> Decided:
    """Keep a decision on a claimed note, or take back one's last one; the answer says what it changes."""
    return review.decide(database, principal, item_id, request, lease=_lease(settings))


@router.post("/{item_id}/accept-and-next", summary="Decide and claim the next", responses=documented(*_DECIDING))
def decide_and_claim(
    item_id: uuid.UUID,
    request: DecisionAndNext,
    principal: Reviewer,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
) -> Decided:
    """Keep a decision (any but undo) and claim the next note that is wanted, in one transaction."""
    return review.decide(database, principal, item_id, request, lease=_lease(settings))


def _lease(settings: SettingsDep) -> timedelta:
    return timedelta(minutes=settings.claim_minutes)
