"""What every route that reads a note says alike: who may, and what it may answer instead."""

from __future__ import annotations

from typing import get_args

from fastapi import Depends
from fastapi.exceptions import RequestValidationError

from api.access import allowed_once_opened
from api.db import values
from api.errors import (
    Forbidden,
    ModelNotReady,
    NoteTooLong,
    RequestTooLarge,
    SignInRequired,
    UnknownPayer,
    UnreadableText,
    WrongHost,
)

GUARD = Depends(allowed_once_opened(*get_args(values.Role), scope="suggestions"))
# Whatever is read, and one note that cannot be.
ERRORS = (SignInRequired, Forbidden, WrongHost, RequestTooLarge, RequestValidationError, ModelNotReady, Exception)
NOTE_ERRORS = (NoteTooLong, UnreadableText, UnknownPayer)
