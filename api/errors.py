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

from api.claims import ClaimsError
from api.db import errors as db
from api.queue.errors import FieldsRefused, KeyReused
from api.validation import Reason, reasons
from models.billing.errors import InvalidMinutes, UnknownCode, UnknownPayer, UnknownPolicy
from models.errors import (
    ModelsFolderError,
    ModelsFolderFull,
    ModelsFolderReadOnly,
    NothingToRollBack,
    NoTrainingPackages,
    UnknownVersion,
    UntrustedModel,
)
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


class NoDatabase(TherapyCoderError):
    """What was asked for needs a database, and the server runs without one."""

    def __init__(self) -> None:
        super().__init__("Set THERAPY_CODER_DATABASE_URL, or leave it out for a file of your own, and start again.")


class SignInRequired(TherapyCoderError):
    """Nobody is signed in, and no key was given."""

    def __init__(self) -> None:
        super().__init__("Sign in, or send an API key: Authorization: Bearer KEY.")


class Forbidden(TherapyCoderError):
    """Whoever asks is known and may not do that: another role, or another scope, may."""

    def __init__(self) -> None:
        super().__init__("Your role, or your key, does not allow this.")


class PasswordNeeded(TherapyCoderError):
    """Somebody who came by a one-time link has not chosen a password yet."""

    def __init__(self) -> None:
        super().__init__("Choose a password on the page /sign-in (POST /v1/password); then you can go on.")


class ForeignRequest(TherapyCoderError):
    """A browser sent a request that the program's own page did not make: another origin, or no token of the session."""

    def __init__(self) -> None:
        super().__init__("The request did not come from this program's own page. Load the page again.")


class WrongCurrentPassword(TherapyCoderError):
    """A password was to be changed, and the one that it takes the place of was wrong or missing."""

    def __init__(self) -> None:
        super().__init__("Give the password that you have now as well.")


class TooManyRequests(TherapyCoderError):
    """Too many sign-ins from one address."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"Too many sign-ins from this address. Try again in {seconds} seconds.")


@dataclass(frozen=True, slots=True)
class Kind:
    """How an error class is answered: status, stable name in the document's ``type``, title, seconds to wait where it may pass."""

    status: int
    name: str
    title: str
    retry_after: int | None = None


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
    db.ClaimLost: Kind(409, "claim-lost", "The claim is not yours any more"),
    db.NotClaimable: Kind(409, "not-possible-now", "This cannot be done as things stand"),
    FieldsRefused: Kind(422, "fields-refused", "What was sent does not fit"),
    ClaimsError: Kind(422, "claims-refused", "The claims cannot be used; nothing was checked"),
    KeyReused: Kind(422, "key-reused", "The Idempotency-Key was used before"),
    WrongHost: Kind(421, "wrong-host", "The request was sent to the wrong host"),
    SignInRequired: Kind(401, "sign-in-required", "Sign in first"),
    db.SignInRefused: Kind(401, "sign-in-refused", "This sign-in was refused"),
    Forbidden: Kind(403, "forbidden", "You may not do this"),
    PasswordNeeded: Kind(403, "password-needed", "Choose a password first"),
    ForeignRequest: Kind(403, "foreign-request", "The request came from elsewhere"),
    db.ScopeMissing: Kind(403, "forbidden", "You may not do this"),
    db.TooManyTries: Kind(429, "too-many-tries", "Too many wrong passwords"),
    TooManyRequests: Kind(429, "too-many-sign-ins", "Too many sign-ins"),
    db.UnknownClinic: Kind(404, "unknown-clinic", "There is no such clinic"),
    db.UnknownPerson: Kind(404, "unknown-person", "The clinic has no such person"),
    db.UnknownKey: Kind(404, "unknown-key", "The clinic has no such key that works"),
    db.UnknownRow: Kind(404, "unknown-row", "The clinic has nothing of that id"),
    db.NotePurged: Kind(410, "note-purged", "The text of the note was purged"),
    db.PersonDisabled: Kind(409, "person-disabled", "The account is disabled"),
    db.SignsInElsewhere: Kind(409, "signs-in-elsewhere", "The person signs in with another clinic's account"),
    db.LinkRefused: Kind(409, "link-refused", "These two accounts cannot be linked"),
    db.LastAdmin: Kind(409, "last-admin", "The clinic needs an admin"),
    db.NoTrainer: Kind(403, "forbidden", "You may not do this"),
    db.NameTaken: Kind(409, "name-taken", "That name is taken"),
    db.AppendOnly: Kind(409, "append-only", "What was decided stays"),
    db.RowRefused: Kind(409, "row-refused", "The database refused this, as it contradicts what is there"),
    db.BadName: Kind(422, "bad-name", "The name cannot be used"),
    db.WeakPassword: Kind(422, "weak-password", "The password cannot be used"),
    WrongCurrentPassword: Kind(422, "wrong-current-password", "The current password is wrong"),
    db.WhichClinic: Kind(422, "which-clinic", "Say which clinic"),
    db.NotPlain: Kind(422, "not-plain", "A value holds what may be words of a note"),
    NoDatabase: Kind(503, "no-database", "The server runs without a database"),
    db.DatabaseBusy: Kind(503, "database-busy", "The database is busy", 2),
    db.DatabaseUnavailable: Kind(503, "database-unavailable", "The database cannot be reached", 10),
    db.DatabaseReadOnly: Kind(503, "database-read-only", "The database takes no writes", 60),
    db.DatabaseFull: Kind(503, "database-full", "The disk of the database is full; nothing was changed", 60),
    db.DatabaseCorrupt: Kind(503, "database-corrupt", "The database is damaged", 60),
    db.SchemaMissing: Kind(503, "database-missing", "There is no database where it should be", 60),
    db.SchemaBehind: Kind(503, "database-behind", "The database is older than the program", 60),
    db.SchemaAhead: Kind(503, "database-ahead", "The database is newer than the program", 60),
    db.StorageError: Kind(503, "database-failed", "The database failed", 60),
    db.BackupRefused: Kind(500, "internal-error", "Something went wrong on the server"),
    UnknownVersion: Kind(404, "unknown-version", "There is no such model version"),
    db.JobRunning: Kind(409, "job-running", "A job of this kind runs already"),
    db.NoVerdict: Kind(409, "no-verdict", "The gate did not let this version pass"),
    NothingToRollBack: Kind(409, "nothing-to-roll-back", "No version served before"),
    ModelsFolderFull: Kind(503, "models-folder-full", "The disk of the models is full; nothing was changed", 60),
    ModelsFolderReadOnly: Kind(
        503, "models-folder-read-only", "The models folder takes no writes; nothing was changed", 60
    ),
    ModelsFolderError: Kind(
        503, "models-folder-failed", "The models folder cannot be written to; nothing was changed", 60
    ),
    NoTrainingPackages: Kind(409, "no-training-packages", "What trains the encoder is not installed"),
    NoCorpus: Kind(409, "no-corpus", "The labelled notes are missing"),
    ModelNotReady: Kind(503, "model-not-ready", "The model is not loaded yet", 5),
    UntrustedModel: Kind(503, "model-refused", "The model was refused", 60),
    LexiconError: Kind(500, "internal-error", "Something went wrong on the server"),
    Exception: Kind(500, "internal-error", "Something went wrong on the server"),
}
# Statuses that the framework gives by itself, without a class of ours.
HTTP_TITLES = {
    400: "The request cannot be read as JSON",
    404: "There is nothing at this address",
    405: "This address does not take this method",
}
# Their messages name files of the server, say what to type on it, or repeat what was asked for.
_UNTOLD = (
    LexiconError, UntrustedModel, ModelsFolderError, db.StorageError, db.UnknownClinic, db.WhichClinic, db.UnknownPerson,
    db.UnknownKey, db.UnknownRow, db.NotePurged, db.NameTaken, db.NotPlain, db.ScopeMissing, db.NoTrainer, db.LinkRefused,
)  # fmt: skip


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
        title = HTTP_TITLES.get(error.status_code, HTTPStatus(error.status_code).phrase)
        return Problem(type="about:blank", title=title, status=error.status_code, detail=None, errors=())
    kind = _kind(error)
    told = isinstance(error, TherapyCoderError) and not isinstance(error, _UNTOLD) and kind.status != 500
    refused = reasons(error.errors()) if isinstance(error, RequestValidationError) else []
    if isinstance(error, FieldsRefused):
        refused = [Reason(field=field, reason=reason) for field, reason in error.refused]
    if isinstance(error, ClaimsError):
        refused = [Reason(field=f"row {row}" if row else "", reason=reason) for row, reason in error.problems]
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
    if document.status == 500:
        log_unexpected(error)
    if isinstance(error, (db.StorageError, ModelsFolderError)):
        # Where it is and what to do is for whoever runs the server; no message of these holds words of a note.
        log.error("%s", error)
    kept = dict(headers or getattr(error, "headers", None) or {})
    if document.status == 401:
        kept["WWW-Authenticate"] = "Bearer"
    wait = getattr(error, "seconds", None) or (None if isinstance(error, HTTPException) else _kind(error).retry_after)
    if wait is not None:
        kept["Retry-After"] = str(wait)
    return JSONResponse(document.model_dump(), document.status, kept, MEDIA_TYPE)


def _kind(error: Exception) -> Kind:
    return next(kind for class_, kind in TABLE.items() if isinstance(error, class_))


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
        answers[kind.status] = answer(f"{told}; {kind.title[0].lower()}{kind.title[1:]}" if told else kind.title)
    return answers


def answer(description: str) -> dict[str, Any]:
    """Return the OpenAPI response of a problem document."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
