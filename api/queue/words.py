"""The queue's data file, read once.

Examples
--------
>>> QUEUE.severity["warning"] > QUEUE.severity["info"]
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.db import values
from models.billing import data
from models.classifier import CLASSES

_FILE = "queue.toml"
_SEVERITIES = ("info", "warning", "error")


@dataclass(frozen=True, slots=True)
class QueueData:
    """What ``queue.toml`` says, by its own names; its comments say what each means."""

    guide_version: str
    worth: Mapping[str, float]
    severity: Mapping[str, float]
    reason: Mapping[str, float]
    doubt: float
    answered: float
    shingle_words: int
    visit_minutes: int
    bands: tuple[float, ...]
    confidence: float
    top_flags: int
    rising_p: float
    rising_notes: int
    rising_weeks: int


def parse(text: str, file: str = _FILE) -> QueueData:
    """Return the data of a file.

    Raises
    ------
    LexiconError
        The file cannot be used: a key is missing or unknown, a value of another kind, or the bands do not ascend from 0.
    """
    root = data.parse(text, file).closed(
        ("guide", "worth", "severity", "reason", "order", "variety", "visit", "figures", "rising")
    )

    def numbers(table: str, keys: tuple[str, ...]) -> dict[str, float]:
        entry = root.table(table).closed(keys)
        return {key: entry.get(key, float) for key in keys}

    figures = root.table("figures").closed(("bands", "confidence", "top_flags"))
    given = figures.values["bands"]
    bands = tuple(each for each in given if isinstance(each, float)) if isinstance(given, list) else ()
    if not bands or bands[0] != 0.0 or list(bands) != sorted(set(bands)) or bands[-1] > 1.0 or given != list(bands):
        raise figures.error("bands must be numbers with a decimal point, ascending from 0.0, none above 1.0")
    order = numbers("order", ("doubt", "answered"))
    rising = root.table("rising").closed(("p", "notes", "weeks"))
    return QueueData(
        guide_version=root.table("guide").closed(("version",)).get("version", str),
        worth=numbers("worth", tuple(CLASSES)),
        severity=numbers("severity", _SEVERITIES),
        reason=numbers("reason", values.QUEUE_REASONS),
        doubt=order["doubt"],
        answered=order["answered"],
        shingle_words=root.table("variety").closed(("words",)).get("words", int),
        visit_minutes=root.table("visit").closed(("minutes",)).get("minutes", int),
        bands=bands,
        confidence=figures.get("confidence", float),
        top_flags=figures.get("top_flags", int),
        rising_p=rising.get("p", float),
        rising_notes=rising.get("notes", int),
        rising_weeks=rising.get("weeks", int),
    )


QUEUE = parse(data.read_from(__name__, _FILE))
