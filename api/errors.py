"""The one table from error class to problem document (RFC 9457), and the handlers that use it.

No document, and no log line, repeats anything of the request.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.access import NotAllowed, SignInRequired
from api.db.errors import (
    ClaimLost,
    DatabaseBusy,
    JobRunning,
    NotClaimable,
    NotePurged,
    NoVerdict,
    ScopeMissing,
    SignInRefused,
    StorageError,
    UnknownRow,
)
from api.queue.errors import FieldsRefused, KeyReused
from api.validation import Reason, reasons
from models.billing.errors import InvalidMinutes, UnknownCode, UnknownPayer, UnknownPolicy
from models.errors import NothingToRollBack, UnknownVersion, UntrustedModel
from nlp.errors import LexiconError, NoteTooLong, TherapyCoderError, UnreadableText

log = logging.getLogger("therapy_coder.api")

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:problem-type:therapy-coder:"


class ModelNotReady(TherapyCoderError):
    """The model is not loaded yet."""

    def __init__(self) -> None:
        super().__init__("The model is not loaded yet. Try again in a few seconds.")


class RequestTooLarge(TherapyCoderError):
    """A request's body is larger than the server takes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The request is larger than {limit} bytes. Send fewer or shorter notes.")


class TooManyNotes(TherapyCoderError):
    """A batch request holds more notes than the server takes at once."""

    def __init__(self, count: int, limit: int) -> None:
        self.count, self.limit = count, limit
        super().__init__(f"The batch has {count} notes; the limit is {limit}. Send it in parts.")


class WrongHost(TherapyCoderError):
    """A request was meant for another host (a page elsewhere must not reach a server on this computer)."""

    def __init__(self) -> None:
        super().__init__("This server answers to its own host names alone (setting THERAPY_CODER_ALLOWED_HOSTS).")


class NoCorpus(TherapyCoderError):
    """Retraining needs the program's own labelled notes, and this installation has none."""

    def __init__(self) -> None:
        super().__init__(
            "Retraining and the gate need the labelled notes that come with the program's source (folder training_data), "
            "which an installed package does not hold. Copy it here and set THERAPY_CODER_TRAINING_DATA to it."
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """How an error class is answered: status, stable name in the document's ``type``, title."""

    status: int
    name: str
    title: str


# A subclass stands before its base.
TABLE: Mapping[type[Exception], Kind] = {
    NoteTooLong: Kind(413, "note-too-long", "The note is too long"),
    RequestTooLarge: Kind(413, "request-too-large", "The request is too large"),
    TooManyNotes: Kind(422, "too-many-notes", "Too many notes in one request"),
    UnreadableText: Kind(422, "unreadable-text", "The note is not valid text"),
    UnknownPolicy: Kind(422, "unknown-policy", "There is no such unit policy"),
    UnknownPayer: Kind(422, "unknown-payer", "There is no such payer"),
    UnknownCode: Kind(422, "unknown-code", "There is no such code"),
    InvalidMinutes: Kind(422, "invalid-minutes", "Minutes are whole numbers of 0 or more"),
    RequestValidationError: Kind(422, "invalid-request", "The request is not as the API describes it"),
    SignInRequired: Kind(401, "sign-in-required", "Sign in first"),
    NotAllowed: Kind(403, "not-allowed", "This is not allowed to you"),
    ScopeMissing: Kind(403, "scope-missing", "This key is not allowed to do that"),
    UnknownRow: Kind(404, "unknown", "The clinic has nothing of this id"),
    ClaimLost: Kind(409, "claim-lost", "The claim is not yours any more"),
    NotClaimable: Kind(409, "not-possible-now", "This cannot be done as things stand"),
    NotePurged: Kind(410, "note-purged", "The note's text is gone"),
    FieldsRefused: Kind(422, "fields-refused", "What was sent does not fit"),
    KeyReused: Kind(422, "key-reused", "The Idempotency-Key was used before"),
    DatabaseBusy: Kind(503, "database-busy", "The database is busy; try again"),
    StorageError: Kind(503, "database-unavailable", "The database cannot be used"),
    WrongHost: Kind(421, "wrong-host", "The request was sent to the wrong host"),
    SignInRefused: Kind(401, "not-signed-in", "Nobody is signed in"),
    UnknownVersion: Kind(404, "unknown-version", "There is no such model version"),
    JobRunning: Kind(409, "job-running", "A job of this kind runs already"),
    NoVerdict: Kind(409, "no-verdict", "The gate did not let this version pass"),
    NothingToRollBack: Kind(409, "nothing-to-roll-back", "No version served before"),
    NoCorpus: Kind(409, "no-corpus", "The labelled notes are missing"),
    ModelNotReady: Kind(503, "model-not-ready", "The model is not loaded yet"),
    UntrustedModel: Kind(503, "model-refused", "The model was refused"),
    LexiconError: Kind(500, "internal-error", "Something went wrong on the server"),
    Exception: Kind(500, "internal-error", "Something went wrong on the server"),
}
# Statuses that the framework gives by itself, without a class of ours.
_HTTP_TITLES = {
    400: "The request cannot be read as JSON",
    404: "There is nothing at this address",
    405: "This address does not take this method",
}
# Their messages name files of the server.
_UNTOLD = (LexiconError, UntrustedModel, StorageError)


class FieldProblem(BaseModel):
    """One field that was refused."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="Path of the field; empty for the whole body.")
    reason: str = Field(description="Why it was refused; never what it held.")


class Problem(BaseModel):
    """A problem document (RFC 9457). It never holds note text."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Stable name of the kind of problem; about:blank where the status says it all.")
    title: str
    status: int
    detail: str | None
    errors: tuple[FieldProblem, ...] = Field(description="The refused fields, where the body was refused.")


def problem(error: Exception) -> Problem:
    """Return the document for any exception.

    Examples
    --------
    >>> problem(NoteTooLong(9, 5)).status
    413
    >>> problem(KeyError("anything")).detail is None
    True
    """
    if isinstance(error, HTTPException):
        title = _HTTP_TITLES.get(error.status_code, HTTPStatus(error.status_code).phrase)
        return Problem(type="about:blank", title=title, status=error.status_code, detail=None, errors=())
    kind = next(kind for class_, kind in TABLE.items() if isinstance(error, class_))
    told = isinstance(error, TherapyCoderError) and not isinstance(error, _UNTOLD) and kind.status != 500
    refused = reasons(error.errors()) if isinstance(error, RequestValidationError) else []
    if isinstance(error, FieldsRefused):
        refused = [Reason(field=field, reason=reason) for field, reason in error.refused]
    return Problem(
        type=_TYPE + kind.name,
        title=kind.title,
        status=kind.status,
        detail=str(error) if told else None,
        errors=tuple(FieldProblem(**reason) for reason in refused),
    )


def response(error: Exception, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the answer for any exception."""
    document = problem(error)
    if document.status == 500 or (isinstance(error, StorageError) and not isinstance(error, DatabaseBusy)):
        log_unexpected(error)
    kept = dict(headers or getattr(error, "headers", None) or {})
    return JSONResponse(document.model_dump(), document.status, kept, MEDIA_TYPE)


def log_unexpected(error: Exception) -> None:
    """Log class and place of an exception; not its message, which may repeat the note."""
    places = " < ".join(
        f"{f.filename}:{f.lineno} {f.name}" for f in reversed(traceback.extract_tb(error.__traceback__)[-5:])
    )
    log.error("unexpected %s at %s", type(error).__name__, places or "an unknown place")


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""

    def handle(_request: Request, error: Exception) -> JSONResponse:
        return response(error)

    for class_ in (TherapyCoderError, RequestValidationError, HTTPException):
        app.add_exception_handler(class_, handle)


def documented(*classes: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for error classes of the table."""
    answers: dict[int | str, dict[str, Any]] = {}
    for class_ in classes:
        kind = TABLE[class_]
        told = answers.get(kind.status, {}).get("description")
        answers[kind.status] = {
            "description": f"{told}; {kind.title[0].lower()}{kind.title[1:]}" if told else kind.title,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return answers
