"""Which notes need a look: the project's own billing checks, run on the labels instead of on what was read.

A labelled block's code has probability 1. Where a careful coder could defend both headline codes, each has a half: nobody could
tell. What labels do not hold (units and totals that the note writes, and notices) comes from the reader.
"""

from __future__ import annotations

from models.billing.codes import HEADLINE
from models.billing.flags import Flag, check
from models.billing.proposal import propose
from models.classifier import CLASSES
from models.note import Policy
from models.service import Service
from models.training.dataset import LabelledNote, LabelledService
from nlp.document import ELEMENTS, Activity, Block, Document, Duration, Element, Goal, Mention, Span, StatedCode

_POLICY: Policy = "full_15"  # the default, under which notes are measured


def labelled_services(note: LabelledNote) -> tuple[Service, ...]:
    """The labelled blocks as services, in the order of the labels."""
    shared = {
        index: Duration(
            note.services[group.blocks[0]].start,
            note.services[group.blocks[0]].end,
            note.services[group.blocks[0]].text,
            group.minutes,
            "shared",
        )
        for group in note.shared_minutes
        if group.blocks
        for index in group.blocks
    }
    return tuple(_service(service, shared.get(index)) for index, service in enumerate(note.services))


def _service(labelled: LabelledService, shared: Duration | None) -> Service:
    start, end, text = labelled.start, labelled.end, labelled.text
    duration = shared
    if labelled.minutes is not None:
        duration = Duration(start, end, text, labelled.minutes, "stated")
    block = Block(
        start=start,
        end=end,
        text=text,
        activities=tuple(Activity(a.start, a.end, a.text) for a in labelled.activities),
        duration=duration,
        minutes=labelled.minutes,
        stated=None if labelled.stated_code is None else StatedCode(start, end, text, labelled.stated_code),
    )
    possible = [code for code in HEADLINE if code in labelled.accept]
    likely = possible if len(possible) > 1 else [labelled.code]
    probabilities = {code: (1.0 / len(likely) if code in likely else 0.0) for code in CLASSES}
    return Service(
        block, labelled.code, labelled.other_code, probabilities[labelled.code], probabilities, probabilities
    )


def labelled_document(note: LabelledNote, read: Document) -> Document:
    """The labels of a note as a `Document`; written units, totals and notices are those that were ``read``."""
    shown = Span(0, len(note.text), note.text)
    return Document(
        text=note.text,
        blocks=tuple(service.block for service in labelled_services(note)),
        mentions=tuple(Mention(m.start, m.end, m.text, m.status or "planned") for m in note.mentions),
        goals=tuple(Goal(g.start, g.end, g.text) for g in note.goals),
        elements=tuple(Element(name, shown if note.elements[name] else None) for name in ELEMENTS),
        totals=read.totals,
        written_units=read.written_units,
        notices=read.notices,
    )


def labelled_flags(note: LabelledNote, read: Document) -> tuple[Flag, ...]:
    """Every finding on the labels of a note, in the order of `models.billing.flags.check`."""
    services = labelled_services(note)
    flags = check(labelled_document(note, read), services, propose(services, _POLICY))
    # A stated code that a careful coder could defend contradicts nothing.
    defended = {(s.start, s.end) for s in note.services if _label_of(s.stated_code) in s.accept}
    return tuple(flag for flag in flags if flag.id != "code_mismatch" or (flag.start, flag.end) not in defended)


def _label_of(stated: str | None) -> str:
    if stated is None:
        return ""
    return stated if stated in HEADLINE else "other"


def needs_look(note: LabelledNote, read: Document) -> tuple[str, ...]:
    """Ids of the warnings that a note's labels raise, each once; empty where it may pass unseen."""
    return tuple(dict.fromkeys(flag.id for flag in labelled_flags(note, read) if flag.severity in ("warning", "error")))
