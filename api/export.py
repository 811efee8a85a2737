"""Reviewed notes to labelled notes: which decision of a note stands, and whether it may train.

Of a note's reviews those that a later one supersedes fall away, with them what was undone; an adjudication wins over both
readings; two readings that differ wait for one. What contradicts the text is refused with its reason and costs no other note.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.db import learning, values
from api.db.tables import Note, Review
from api.decisions import Decision
from api.queue.errors import DecisionRefused
from api.queue.readings import standing
from api.reviewed import labelled
from models.errors import NotConvertible
from models.features import settings_of
from models.training.dataset import Header, LabelledNote

if TYPE_CHECKING:
    from api.audit import Actor
    from api.db.session import Database
    from models.coder import Coder
    from nlp.document import Document

_LONGEST_VISIT = 480  # minutes
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class About:
    """Where a label comes from: ids are pseudonyms; ``discipline_given`` tells whether the note's discipline was known."""

    note: str
    review: str
    reviewer: str
    at: str
    reading: str
    guide_version: str
    model_version: str
    discipline_given: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A review that makes no labels, and why, without words of the note."""

    note: str
    review: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exported:
    """Labelled notes with their origins, in the order of submission, and what was left out.

    ``purged`` notes have no text any more, ``contested`` ones wait for an adjudication, ``open`` ones have no decision that stands.
    """

    notes: tuple[LabelledNote, ...]
    about: tuple[About, ...]
    refused: tuple[Refused, ...]
    purged: int
    contested: int
    open: int

    def counts(self) -> dict[str, int]:
        """Return how many notes were exported and left out."""
        return {
            "notes": len(self.notes),
            "refused": len(self.refused),
            "purged": self.purged,
            "contested": self.contested,
            "open": self.open,
        }

    def about_lines(self) -> str:
        """Return the origins as JSON lines."""
        return "".join(json.dumps(asdict(each)) + "\n" for each in self.about)


class Labels(BaseModel):
    """The same as an answer."""

    model_config = ConfigDict(frozen=True)

    notes: tuple[LabelledNote, ...] = Field(
        description="By the schema of the labelled notes, in the order of submission."
    )
    about: tuple[About, ...] = Field(
        description="Of each of them, who decided when, and by which version of the guide."
    )
    refused: tuple[Refused, ...]
    purged: int
    contested: int = Field(description="Notes whose readings differ, until they are settled.")
    open: int


def labels(database: Database, coder: Coder, clinic_id: uuid.UUID, *, by: Actor) -> Labels:
    """Return what `export` gives, read by a serving coder; errors as there."""
    # The quick reader: what it is wanted for is the length of the visit, which both find alike.
    reader = coder.readers.get("fast", coder.reader)
    return Labels.model_validate(export(database, clinic_id, reader.read, by=by), from_attributes=True)


def held(reviews: Sequence[Review]) -> list[Review]:
    """Return the decisions with labels that hold now: the adjudication alone where there is one, else one of each reading."""
    superseded = {review.supersedes for review in reviews}
    kept = {
        review.reading: review
        for review in reviews
        if review.id not in superseded and review.decision.get("kind") in values.WHOLE
    }
    return [kept["adjudication"]] if "adjudication" in kept else list(kept.values())


def export(database: Database, clinic_id: uuid.UUID, read: Callable[[str], Document], *, by: Actor) -> Exported:
    """Return the clinic's reviewed notes as labelled ones; that they were shown is written down first.

    ``read`` makes out a note, for the length of the visit that it writes.

    Raises
    ------
    StorageError
        The database cannot be used; nothing was shown.
    """
    with database.reading() as session:
        reviewed = learning.reviewed_notes(session, clinic_id)
    notes: list[LabelledNote] = []
    about: list[About] = []
    refused: list[Refused] = []
    purged = contested = still_open = 0
    for _, group in itertools.groupby(reviewed, key=lambda pair: pair[0].id):
        pairs = list(group)
        note, reviews = pairs[0][0], held([*map(itemgetter(1), pairs)])
        if note.text is None:
            purged += 1
        elif not reviews:
            still_open += 1
        else:
            try:
                agreed = _agreed(note, reviews)
                if agreed is None:
                    contested += 1
                    continue
                notes.append(_checked(note, agreed, read))
                about.append(_about(note, agreed))
            except NotConvertible as error:
                refused.append(Refused(str(note.id), str(reviews[0].id), error.reason))
    exported = Exported(tuple(notes), tuple(about), tuple(refused), purged, contested, still_open)
    with database.writing() as session:
        left = [uuid.UUID(each.note) for each in about]
        learning.record_export(session, clinic_id, left, exported.counts(), by=by)
    return exported


def _agreed(note: Note, reviews: Sequence[Review]) -> Review | None:
    """Return the review that makes the labels, ``None`` where two readings wait to be settled."""
    try:
        found = standing(reviews)
    except ValidationError:
        raise NotConvertible(str(note.id), "one of its readings is no decision of this program") from None
    return found[0] if found else None


def _checked(note: Note, review: Review, read: Callable[[str], Document]) -> LabelledNote:
    text = note.text or ""
    writer = f"clinic-{note.clinic_id}" if note.person_id is None else f"person-{note.person_id}"
    header = Header(
        id=str(note.id),
        writer=writer,
        layout=f"clinic-{note.clinic_id}",
        discipline="OT" if note.discipline == "OT" else "PT",
        setting=", ".join(settings_of(text)) or _UNKNOWN,
    )
    try:
        decision = Decision.model_validate(review.decision)
    except ValidationError:
        raise NotConvertible(header.id, "the decision is not one of this program") from None
    try:
        made = labelled(text, decision, header)
    except DecisionRefused as error:
        raise NotConvertible(header.id, "; ".join(f"{field}: {reason}" for field, reason in error.refused)) from None
    minutes = sum(service.minutes or 0 for service in made.services)
    visit = max((total.minutes for total in read(text).totals if total.kind == "visit"), default=_LONGEST_VISIT)
    if minutes > visit:
        raise NotConvertible(header.id, f"its blocks take {minutes} minutes, the visit {visit}")
    return made


def _about(note: Note, review: Review) -> About:
    return About(
        note=str(note.id),
        review=str(review.id),
        reviewer=str(review.reviewer_id),
        at=review.created_at.isoformat(timespec="seconds"),
        reading=review.reading,
        guide_version=review.guide_version,
        model_version=review.model_version,
        discipline_given=note.discipline is not None,
    )
