"""A clinic's drift: its latest notes and decisions against what the model was made for (`models.drift`); would retraining pay."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.db import learning, values
from api.db.repository import now
from models.billing.codes import HEADLINE
from models.drift import Signal, input_drift, known_words, outcome_drift
from models.learning import pays
from models.registry import read_manifest, shipped, stated

if TYPE_CHECKING:
    from api.audit import Actor
    from api.db.session import Database

_MOST_NOTES = 2000


def measured(database: Database, clinic_id: uuid.UUID, model: Path, days: int, *, by: Actor) -> list[Signal]:
    """Return the signals of the last ``days``, inputs first, and whether retraining would pay; that notes were read is kept.

    Raises
    ------
    UntrustedModel
        The model was changed.
    StorageError
        The database cannot be used.
    """
    manifest = read_manifest(model)
    since = now() - timedelta(days=days)
    # Comparing takes seconds, in which nobody should wait to write.
    with database.writing() as session:
        texts = learning.texts_since(session, clinic_id, since, _MOST_NOTES, by=by)
        decisions = [
            (result.confidence, _taken(result.code, review.decision))
            for result, review in learning.outcomes(session, clinic_id, since)
            if review.decision.get("kind") in values.WHOLE
        ]
        reviewed = learning.reviewed_count(session, clinic_id)
    return [
        *input_drift(texts, known_words(model)),
        *outcome_drift(decisions),
        _outlook(manifest.notes, reviewed),
    ]


def _outlook(learnt: int, reviewed: int) -> Signal:
    """Whether the clinic's reviewed notes would pay: a version knows those that it learnt beside the program's own."""
    new = max(0, stated(shipped()).notes + reviewed - learnt)
    found = pays(learnt, new)
    return Signal("retraining", found.state, found.then, found.now, new, found.sentence)


def _taken(proposed: str | None, decision: dict[str, Any]) -> bool:
    """Return whether the proposed code is among those that the reviewer left, or there was none and none was put in."""
    if decision.get("kind") == "accept":
        return True
    codes = {service.get("code") for service in decision.get("services") or ()}
    return proposed in codes if proposed is not None else not codes & set(HEADLINE)
