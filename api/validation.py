"""Why a value was refused, in words that repeat nothing of the value itself: it may be, or hold, a note.

Examples
--------
>>> reasons([{"loc": ("body", "policy"), "type": "literal_error", "msg": "Input should be 'full_15'", "input": "x"}])
[{'field': 'policy', 'reason': "Input should be 'full_15'"}]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from models.note import Note

# A key that a client made up may itself be note text, so that only our own are repeated: of notes, submissions, decisions, lists.
_KNOWN = frozenset(
    (
        *Note.model_fields, "notes",
        "patient_ref", "date_of_service", "therapist", "Idempotency-Key",
        "decision", "claims", "milliseconds", "question", "answer", "id", "item_id", "note_id", "question_id",
        "kind", "reason", "services", "mentions", "goals", "elements", "activities", "start", "end", "status", "code",
        "other_code", "minutes",
        "flag", "hours", "limit", "offset", "days", "open_only",
        "clinic", "login", "password", "current", "secret", "name", "role", "scopes", "expires_days",
        "person_id", "key_id", "subject_id", "expect",
    )
)  # fmt: skip
_PLAIN = {
    "extra_forbidden": "There is no such field",
    "json_invalid": "This is not valid JSON",
    "missing": "This field is required",
    "model_attributes_type": "This must be a JSON object",
    "model_type": "This must be a JSON object",
    "string_unicode": "This is not valid Unicode text",
}


class Reason(TypedDict):
    """One refusal: the field's path (``""``: the whole value) and why."""

    field: str
    reason: str


def reasons(errors: Sequence[Mapping[str, Any]]) -> list[Reason]:
    """Return field and reason of pydantic's errors, without the values they name."""
    return [Reason(field=_path(error), reason=_PLAIN.get(error["type"], str(error["msg"]))) for error in errors]


def sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return the same as one line of text."""
    return "; ".join(f"{r['field']}: {r['reason']}" if r["field"] else r["reason"] for r in reasons(errors)) + "."


def _path(error: Mapping[str, Any]) -> str:
    # pydantic gives the byte at which JSON breaks as part of the place; it is no field.
    outer = ("body", "query", "path", "header")
    place = [part for part in error["loc"] if part not in outer] if error["type"] != "json_invalid" else []
    return ".".join(str(part) if isinstance(part, int) or part in _KNOWN else "(unknown)" for part in place)
