"""One record in, one record out: the only logic of every batch, on files, over HTTP or on a cluster.

A record that is no note, or whose note cannot be coded, gives an `ErrorLine` in its place and costs no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.errors import log_unexpected
from api.validation import sentence
from models.coder import Coder
from models.note import Note
from models.result import Result
from nlp.errors import TherapyCoderError

CHUNK = 64
AnyNote = TypeVar("AnyNote", bound=Note)
_UNEXPECTED = "The note could not be coded (internal error)."


class ErrorLine(BaseModel):
    """What stands in place of a result; a result never has the key ``error``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note_id: str | int | None = Field(description="As it came; null where there was none that can be repeated.")
    error: str = Field(description="Why there is no result; never what the note held.")


def parse(line: str | bytes) -> object:
    """Return the JSON value of a line, or the error line that says why there is none."""
    try:
        return json.loads(line.decode("utf-8") if isinstance(line, bytes) else line)
    except UnicodeDecodeError:
        return ErrorLine(note_id=None, error="The line is not UTF-8.")
    except (ValueError, RecursionError):
        return ErrorLine(note_id=None, error="The line is not valid JSON.")


def as_note(
    value: object, defaults: Mapping[str, str] | None = None, kind: type[AnyNote] = Note
) -> AnyNote | ErrorLine:
    """Return the note that a JSON value is.

    Parameters
    ----------
    value
        The value; an error line comes back as it is.
    defaults
        Fields of `Note` for notes that do not give them.
    kind
        Which fields a note has: those of `Note`, or of a class of it with more.

    Examples
    --------
    >>> as_note({"note_id": "n1"})
    ErrorLine(note_id='n1', error='text: This field is required.')
    """
    if isinstance(value, ErrorLine):
        return value
    try:
        return kind.model_validate({**(defaults or {}), **value} if isinstance(value, dict) else value)
    except ValidationError as error:
        return ErrorLine(note_id=_note_id(value), error=sentence(error.errors()))


def code_values(
    values: Iterable[object], coder: Coder, defaults: Mapping[str, str] | None = None
) -> Iterator[Result | ErrorLine]:
    """Yield the result or the error line of each JSON value, in order, read and coded in chunks of `CHUNK`."""
    stream = iter(values)
    while chunk := [as_note(value, defaults) for value in islice(stream, CHUNK)]:
        notes = [item for item in chunk if isinstance(item, Note)]
        try:
            done: Iterator[Result | ErrorLine] = iter(list(coder.code_many(notes)))
        except Exception:
            # One of them cannot be coded: each alone, so that the others can.
            done = (_code_alone(note, coder) for note in notes)
        for item in chunk:
            yield next(done) if isinstance(item, Note) else item


def code_record(record: str | bytes, coder: Coder, defaults: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the output record of one input line (JSON): a result, or ``{"note_id", "error"}``.

    Parameters
    ----------
    record
        One line of a JSONL file, without its line end.
    coder
        Codes it.
    defaults
        Fields of `Note` for a note that does not give them.

    Examples
    --------
    >>> code_record("{", coder=None)
    {'note_id': None, 'error': 'The line is not valid JSON.'}
    """
    item = as_note(parse(record), defaults)
    return (_code_alone(item, coder) if isinstance(item, Note) else item).model_dump(mode="json")


def _code_alone(note: Note, coder: Coder) -> Result | ErrorLine:
    try:
        return coder.code(note)
    except TherapyCoderError as error:
        return ErrorLine(note_id=note.note_id, error=str(error))
    except Exception as error:
        log_unexpected(error)
        return ErrorLine(note_id=note.note_id, error=_UNEXPECTED)


def _note_id(value: object) -> str | int | None:
    """Return the id of a value that is no note, where it can be repeated: short text without surrogates, a number."""
    note_id = value.get("note_id") if isinstance(value, dict) else None
    if isinstance(note_id, str):
        return (
            note_id if len(note_id) <= 200 and not any("\ud800" <= letter <= "\udfff" for letter in note_id) else None
        )
    return note_id if isinstance(note_id, int) and not isinstance(note_id, bool) else None
