"""What coders ask the therapist of a note, and the answers."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError

from api.access import Principal, allowed
from api.db.errors import NotClaimable, StorageError, UnknownRow
from api.dependencies import RequiredDatabaseDep
from api.errors import Forbidden, ForeignRequest, SignInRequired, documented
from api.queue import review
from api.queue.review import Answer, Asked

router = APIRouter(prefix="/v1/questions", tags=["questions"])

Reader = Annotated[Principal, Depends(allowed("therapist", "coder", "trainer"))]

_SIGNED_IN = (SignInRequired, Forbidden, ForeignRequest, RequestValidationError, StorageError)


@router.get("", summary="List questions", responses=documented(*_SIGNED_IN))
def list_questions(principal: Reader, database: RequiredDatabaseDep, open_only: bool = False) -> list[Asked]:
    """The clinic's questions, the oldest first; a therapist sees those on their own notes."""
    return review.questions(database, principal, open_only=open_only)


@router.post(
    "/{question_id}/answer",
    summary="Answer a question",
    responses=documented(*_SIGNED_IN, UnknownRow, NotClaimable),
)
def answer(question_id: uuid.UUID, body: Answer, principal: Reader, database: RequiredDatabaseDep) -> Asked:
    """Keep the answer; the note goes back to the front of the queue."""
    return review.answer(database, principal, question_id, body.answer)
