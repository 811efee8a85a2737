"""A clinic's drift: its latest notes and decisions against what the model was made for (`models.drift`); would retraining pay."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from api.db import dashboard, learning
from api.db.repository import now
from api.jobs import held
from api.queue.acceptance import acceptance
from api.queue.readings import standing
from models.drift import LIMITS, Outcome, Signal, input_drift, known_words, outcome_drift
from models.learning import parted, pays
from models.registry import Manifest, read_manifest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from api.audit import Actor
    from api.db.session import Database
    from api.db.tables import Review

_MOST_NOTES = 2000
_JOBS = 20  # jobs that are looked through for the last one that was done


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
        outcomes = _outcomes(session, clinic_id, since)
        trainable = _trainable(session, clinic_id)
    return [
        *input_drift(texts, known_words(model)),
        *outcome_drift(outcomes),
        _outlook(manifest, trainable),
    ]


def _outcomes(session: Session, clinic_id: uuid.UUID, since: datetime) -> list[Outcome]:
    """The dashboard's acceptance, in the bands of ``drift.toml``."""
    least = [low for low, _ in LIMITS.bands]
    counted, readings = (
        dashboard.bands(session, clinic_id, since, least),
        dashboard.first_readings(session, clinic_id, since),
    )
    return [
        Outcome(each.least, each.most, each.promised, each.decided, each.share, each.interval)
        for each in acceptance(counted, readings, bands=least)
    ]


def _outlook(manifest: Manifest, trainable: Sequence[str]) -> Signal:
    """Whether the notes that would train would pay: the model knows those that it learnt, and a part would measure it."""
    learnt, _ = parted(trainable)
    new = len(set(learnt).difference(manifest.learnt))
    found = pays(manifest.notes, new)
    return Signal("retraining", found.state, found.then, found.now, new, found.sentence)


def _trainable(session: Session, clinic_id: uuid.UUID) -> list[str]:
    """Return the ids of notes whose label the last retraining did not hold, or that came since, in the order of reviews."""
    stopped = held(learning.jobs(session, clinic_id, _JOBS)) - learning.released_labels(session, clinic_id)
    reviews: dict[uuid.UUID, list[Review]] = {}
    for review in learning.standing_reviews(session, clinic_id):
        reviews.setdefault(review.note_id, []).append(review)
    labels = [each for note in reviews.values() if (each := _label(note)) is not None and str(each.id) not in stopped]
    # The order in which `api.jobs.reviewed_documents` hands them over.
    labels.sort(key=lambda each: (each.created_at.isoformat(timespec="seconds"), str(each.id)))
    return [str(each.note_id) for each in labels]


def _label(reviews: Sequence[Review]) -> Review | None:
    """Return the review that labels a note, ``None`` where its readings differ and nobody has settled that, or cannot be read."""
    try:
        return next(iter(standing(reviews)), None)
    except ValidationError:
        return None
