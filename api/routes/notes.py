"""Submit a note for review; see one's notes and what became of them."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.exceptions import RequestValidationError

from api.access import Principal, allowed
from api.db.errors import NotePurged, StorageError, UnknownRow
from api.dependencies import CoderDep, RequiredDatabaseDep
from api.errors import (
    FieldsRefused,
    Forbidden,
    ForeignRequest,
    KeyReused,
    ModelNotReady,
    NoteTooLong,
    SignInRequired,
    UnreadableText,
    documented,
)
from api.queue import review
from api.queue.review import NoteListed, NoteShown
from api.queue.submit import Submission, Submitted, submit

router = APIRouter(prefix="/v1/notes", tags=["notes"])

Submitter = Annotated[Principal, Depends(allowed("therapist", "coder", "trainer", "admin", scope="submit"))]
Reader = Annotated[Principal, Depends(allowed("therapist", "coder", "trainer"))]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Your own for this submission: sent again, it is the same note.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]

_SIGNED_IN = (SignInRequired, Forbidden, ForeignRequest, RequestValidationError, StorageError)


@router.post(
    "",
    summary="Submit a note for review",
    responses=documented(*_SIGNED_IN, ModelNotReady, NoteTooLong, UnreadableText, FieldsRefused, KeyReused),
)
def submit_note(
    submission: Submission, principal: Submitter, database: RequiredDatabaseDep, coder: CoderDep, key: Key = None
) -> Submitted:
    """Code a note and keep it with its result; it waits in the queue if flagged, copied forward or drawn for the sample."""
    if principal.role == "therapist" and submission.therapist is not None:
        raise Forbidden
    return submit(database, coder, principal.clinic_id, submission, by=principal.actor, source="api", key=key)


@router.get("", summary="List notes", responses=documented(*_SIGNED_IN))
def list_notes(
    principal: Reader, database: RequiredDatabaseDep, limit: Limit = 50, offset: Offset = 0
) -> list[NoteListed]:
    """Notes without their words, the latest first: a therapist's own, for coders any of the clinic."""
    return review.notes(database, principal, limit=limit, offset=offset)


@router.get("/{note_id}", summary="See a note", responses=documented(*_SIGNED_IN, UnknownRow, NotePurged))
def show_note(note_id: uuid.UUID, principal: Reader, database: RequiredDatabaseDep) -> NoteShown:
    """A note with its result, what decisions changed, and questions; reading it is written into the audit trail."""
    return review.note(database, principal, note_id)
