"""Labelled notes small enough to read, and the results that a perfect or an empty-handed coder would give for them."""

from types import SimpleNamespace

from models.billing.flags import check
from models.billing.proposal import propose
from models.billing.units import all_units
from models.build import build_result
from models.note import Note
from models.training.dataset import LabelledNote, headline_of
from models.training.gold import labelled_document, labelled_services
from nlp.document import Document

ELEMENTS = {"activity": True, "duration": True, "goal": True, "assessment": False, "progress": False}
TEXT = "TE 20 min: SLR 3x10, bridging. TA 10 min: car transfers. Stairs held. STG: get into car alone."


def at(text, part, **values):
    start = text.index(part)
    return {"start": start, "end": start + len(part), "text": part, **values}


def labelled(text=TEXT, **changes):
    """The usual note, with keys changed; services etc. are given as the JSON of a labelled note."""
    values = {
        "id": "n1",
        "writer": "w",
        "layout": "l",
        "discipline": "PT",
        "setting": "outpatient ortho",
        "style": "",
        "text": text,
        "services": [
            at(
                text,
                "TE 20 min: SLR 3x10, bridging",
                code="97110",
                accept=["97110"],
                other_code=None,
                stated="TE",
                stated_code="97110",
                minutes=20,
                activities=[at(text, "SLR"), at(text, "bridging")],
            ),
            at(
                text,
                "TA 10 min: car transfers",
                code="97530",
                accept=["97530"],
                other_code=None,
                stated="TA",
                stated_code="97530",
                minutes=10,
                activities=[at(text, "car transfers")],
            ),
        ]
        if "services" not in changes
        else [],
        "shared_minutes": [],
        "mentions": [at(text, "Stairs", status="held")] if "mentions" not in changes else [],
        "goals": [at(text, "get into car alone")] if "goals" not in changes else [],
        "elements": ELEMENTS,
        "trap": "",
    }
    return LabelledNote.model_validate({**values, **changes})


class Marked(LabelledNote):
    """A note with the marks that hard notes and minimal pairs carry, whatever the corpus holds today."""

    hard: tuple[str, ...] = ()
    pair: object = None


def marked(note, *, hard=(), pair=None, **changes):
    """The note with its hard kinds and its minimal pair, given as (id, family)."""
    twin = None if pair is None else SimpleNamespace(id=pair[0], family=pair[1])
    return Marked.model_construct(**{**note.__dict__, **changes, "hard": hard, "pair": twin})


def perfect(note):
    """The result of a coder that reads exactly what is labelled."""
    document, services = labelled_document(note, Document(text=note.text)), labelled_services(note)
    # With equal minutes, or none, the labels go by the number of activities and the program by confidence.
    proposal = propose(services, "full_15")._replace(code=headline_of(note))
    flags = check(document, services, proposal)
    return build_result(Note(text=note.text), document, services, proposal, flags, version="gold", profile="accurate")


def empty_handed(note):
    """The result of a coder that finds nothing."""
    document = Document(text=note.text)
    proposal = propose((), "full_15")
    assert proposal.units == all_units({})
    return build_result(Note(text=note.text), document, (), proposal, (), version="none", profile="fast")
