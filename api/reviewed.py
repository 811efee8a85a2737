"""A note and what a reviewer decided on it, as a labelled note of the corpus.

Examples
--------
>>> decision = Decision.model_validate(
...     {
...         "kind": "correct",
...         "services": [
...             {"start": 0, "end": 15, "code": "97110", "minutes": 15, "activities": [{"start": 12, "end": 15}]}
...         ],
...     }
... )
>>> note = labelled("TE 15 min: SLR", decision, NoteHeader("n1", "clinic-1", "clinic-1", "PT", "hand", "reviewed"))
Traceback (most recent call last):
models.errors.NotConvertible: note n1: span 0..15 lies outside the text
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import ValidationError

from api.decisions import Decision, Stretch
from models.errors import NotConvertible
from models.note import Discipline
from models.training.dataset import LabelledNote, told
from nlp.document import ELEMENTS


class NoteHeader(NamedTuple):
    """What a labelled note says beside its labels; ``writer`` is a pseudonym (a clinic's or a person's id)."""

    id: str
    writer: str
    layout: str
    discipline: Discipline
    setting: str
    style: str


def labelled(note_text: str, decision: Decision, header: NoteHeader) -> LabelledNote:
    """Return the note with its decision as labels. Elements that the reviewer was not asked about follow from the rest.

    Raises
    ------
    NotConvertible
        The decision takes no reading over (a question, a skip, an undo), or contradicts the text.
    """
    if decision.services is None:
        raise NotConvertible(header.id, f"a decision of kind {decision.kind} holds no labels")

    def span(at: Stretch) -> dict[str, Any]:
        if at.end > len(note_text):
            raise NotConvertible(header.id, f"span {at.start}..{at.end} lies outside the text")
        return {"start": at.start, "end": at.end, "text": note_text[at.start : at.end]}

    documented = decision.elements
    if documented is None:
        there = {
            "activity": any(service.activities for service in decision.services),
            "duration": any(service.minutes is not None for service in decision.services),
            "goal": bool(decision.goals),
        }
        documented = tuple(name for name in ELEMENTS if there.get(name))
    try:
        return LabelledNote.model_validate(
            {
                **header._asdict(),
                "text": note_text,
                "services": [
                    {
                        **span(service),
                        "code": service.code,
                        "accept": [service.code],
                        "other_code": service.other_code,
                        "stated": None,
                        "stated_code": None,
                        "minutes": service.minutes,
                        "activities": [span(activity) for activity in service.activities],
                    }
                    for service in decision.services
                ],
                "shared_minutes": [],
                "mentions": [{**span(mention), "status": mention.status} for mention in decision.mentions],
                "goals": [span(goal) for goal in decision.goals],
                "elements": {name: name in documented for name in ELEMENTS},
                "trap": "",
            }
        )
    except ValidationError as error:
        raise NotConvertible(header.id, told(error)[0]) from None
