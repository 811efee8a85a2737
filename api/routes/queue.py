"""The review queue: list, claim, decide; in each of the clinics that somebody reads for."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.exceptions import RequestValidationError

from api.access import Memberships, allowed_in_some_clinic
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

Listers = Annotated[Memberships, Depends(allowed_in_some_clinic("coder", "trainer", "admin", scope="queue"))]
Reviewers = Annotated[Memberships, Depends(allowed_in_some_clinic("coder", "trainer"))]

_SIGNED_IN = (SignInRequired, Forbidden, ForeignRequest, RequestValidationError, StorageError)
_CLAIMING = (*_SIGNED_IN, UnknownRow, NotClaimable, NotePurged, FieldsRefused)
_DECIDING = (*_CLAIMING, ClaimLost)


@router.get("", summary="List what waits", responses=documented(*_SIGNED_IN, FieldsRefused))
def list_waiting(listers: Listers, database: RequiredDatabaseDep, listing: Annotated[Listing, Query()]) -> WaitingList:
    """Entries that nobody has decided yet, of all your clinics, in the order they are claimed, with counts; no word of a note."""
    return waiting.waiting(database, listers, listing)


@router.post("/claim", summary="Claim a note", responses=documented(*_CLAIMING))
def claim(
    reviewers: Reviewers,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
    wanted: Annotated[Wanted | None, Body()] = None,
) -> Claimed:
    """Claim the best entry open to you, of those that the filters leave, or a given one; it is yours until the lease ends."""
    return Claimed(claim=review.claim(database, reviewers, lease=_lease(settings), wanted=wanted))


@router.get("/last", summary="What you decided last", responses=documented(*_SIGNED_IN))
def last(reviewers: Reviewers, database: RequiredDatabaseDep) -> LastDecision:
    """Your latest decision that undo takes back, whichever page or program made it, and what it came to."""
    return review.last(database, reviewers)


@router.post("/{item_id}/renew", summary="Keep a claim", responses=documented(*_SIGNED_IN, UnknownRow, ClaimLost))
def renew(
    item_id: uuid.UUID, claim: ClaimNumber, reviewers: Reviewers, database: RequiredDatabaseDep, settings: SettingsDep
) -> Lease:
    """Begin the lease anew."""
    return review.renew(database, reviewers, item_id, claim.claims, lease=_lease(settings))


@router.post(
    "/{item_id}/release",
    summary="Give a claim back",
    status_code=204,
    response_class=Response,
    responses=documented(*_SIGNED_IN, UnknownRow, ClaimLost),
)
def release(item_id: uuid.UUID, claim: ClaimNumber, reviewers: Reviewers, database: RequiredDatabaseDep) -> None:
    """Let somebody else have the note, undecided."""
    review.release(database, reviewers, item_id, claim.claims)


@router.post("/{item_id}/decisions", summary="Decide", responses=documented(*_DECIDING))
def decide(
    item_id: uuid.UUID,
    request: DecisionRequest,
    reviewers: Reviewers,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
) -> Decided:
    """Keep a decision on a claimed note, or take back one's last one; the answer says what it changes."""
    return review.decide(database, reviewers, item_id, request, lease=_lease(settings))


@router.post("/{item_id}/accept-and-next", summary="Decide and claim the next", responses=documented(*_DECIDING))
def decide_and_claim(
    item_id: uuid.UUID,
    request: DecisionAndNext,
    reviewers: Reviewers,
    database: RequiredDatabaseDep,
    settings: SettingsDep,
) -> Decided:
    """Keep a decision (any but undo) and claim the next note that is wanted, in one transaction."""
    return review.decide(database, reviewers, item_id, request, lease=_lease(settings))


def _lease(settings: SettingsDep) -> timedelta:
    return timedelta(minutes=settings.claim_minutes)
