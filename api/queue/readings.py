"""A second, blind reading of a share of the notes, and what becomes of the two.

Examples
--------
>>> one, other = (
...     Decision.model_validate({"kind": "accept", "services": [
...         {"start": 0, "end": 9, "code": code, "minutes": 15, "activities": [{"start": 0, "end": end}]}]})
...     for code, end in (("97110", 5), ("97530", 6))
... )
>>> differences(one, other)
('code', 'minutes')
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from api.audit import SYSTEM
from api.db import queue
from api.db.tables import QueueItem, Review
from api.decisions import Decision, Stretch
from api.queue.order import drawn
from api.queue.words import QUEUE
from models.classifier import CLASSES
from models.training.agreement import kappa
from models.training.counting import overlap, pair
from models.training.dataset import minutes_by_code


class Kappa(NamedTuple):
    """Cohen's kappa of two readers on one code against the rest; ``None`` where chance alone would have them agree."""

    readers: tuple[uuid.UUID, uuid.UUID]
    code: str
    kappa: float | None
    blocks: int


def differences(first: Decision, second: Decision) -> tuple[str, ...]:
    """Return in what two readings of one note disagree: ``code`` of a block, ``minutes`` of a code, what was ``done``.

    Other ends of a span, or one task marked as two, are no disagreement: a task counts as missing where no task of the other
    reading shares a character with it.
    """
    ours, theirs = first.services or (), second.services or ()
    pairs = [(ours[i], theirs[j]) for i, j in pair(ours, theirs)]
    found = {
        "code": any((a.code, a.other_code) != (b.code, b.other_code) for a, b in pairs),
        "minutes": minutes_by_code(ours) != minutes_by_code(theirs),
        "done": _missing(first, second) or _missing(second, first),
    }
    return tuple(name for name, differs in found.items() if differs)


def _tasks(decision: Decision) -> list[Stretch]:
    return [activity for service in decision.services or () for activity in service.activities]


def _missing(one: Decision, other: Decision) -> bool:
    theirs = _tasks(other)
    return any(not any(overlap(task, each) for each in theirs) for task in _tasks(one))


def standing(held: Sequence[Review]) -> list[Review]:
    """Return what a result's note is taken for: what settled it alone, else all its readings, or none where they differ.

    Parameters
    ----------
    held
        The decisions that hold now, one a reading (`api.db.queue.readings`).

    Raises
    ------
    ValidationError
        There are several, and one is no decision of this program.
    """
    settled = [review for review in held if review.reading == "adjudication"]
    if settled or len(held) < 2:
        return settled or list(held)
    decisions = [Decision.model_validate(review.decision) for review in held]
    differ = any(differences(one, other) for one, other in itertools.combinations(decisions, 2))
    return [] if differ else list(held)


def follow_up(session: Session, item: QueueItem) -> None:
    """Have what was just decided read a second time, or settled, where it is to be."""
    if item.reading == "adjudication":
        return
    queue.lock_result(session, item.clinic_id, item.result_id)
    held = queue.readings(session, item.clinic_id, item.result_id)
    if item.reading == "first" and "second" not in held:
        clinic = queue.clinic(session, item.clinic_id)
        if drawn(clinic.reference_key, "second", str(item.result_id), clinic.second_share):
            _enqueue(session, item, "second")
    elif "first" in held and "second" in held:
        first, second = (Decision.model_validate(held[name].decision) for name in ("first", "second"))
        if differences(first, second):
            _enqueue(session, item, "adjudication")


def _enqueue(session: Session, item: QueueItem, reading: queue.LaterReading) -> None:
    reason = "second_reading" if reading == "second" else "adjudication"
    queue.enqueue(
        session,
        item.clinic_id,
        item.result_id,
        reason=reason,
        reading=reading,
        # An answered question has put the first reading in front; what stood behind that is still at stake.
        priority=item.priority % QUEUE.answered + QUEUE.reason[reason],
        variety=item.variety,
        by=SYSTEM,
    )


def kappas(pairs: Sequence[tuple[uuid.UUID, uuid.UUID, Decision, Decision]]) -> list[Kappa]:
    """Return the agreement on block codes for each two readers and each code; blocks that only one found are left out.

    Parameters
    ----------
    pairs
        First reader, second reader and their decisions, a note each.
    """
    codes: dict[tuple[uuid.UUID, uuid.UUID], list[tuple[str, str]]] = {}
    for first_reader, second_reader, first, second in pairs:
        ours, theirs = first.services or (), second.services or ()
        both = [(ours[i].code, theirs[j].code) for i, j in pair(ours, theirs)]
        if second_reader < first_reader:
            first_reader, second_reader = second_reader, first_reader
            both = [(b, a) for a, b in both]
        codes.setdefault((first_reader, second_reader), []).extend(both)
    return [
        Kappa(readers, code, kappa([(_binary(a, code), _binary(b, code)) for a, b in both]), len(both))
        for readers, both in sorted(codes.items())
        for code in CLASSES
    ]


def _binary(found: str, code: str) -> str:
    """Return ``code`` itself or any one other class for all the rest."""
    rest = next(each for each in CLASSES if each != code)
    return code if found == code else rest
