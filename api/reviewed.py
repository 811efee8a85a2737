"""Between decisions, results and labelled notes: the one place that turns one into another.

Examples
--------
>>> service = {"start": 0, "end": 11, "code": "97110", "minutes": 15, "activities": [{"start": 0, "end": 3}]}
>>> decision = Decision.model_validate({"kind": "correct", "services": [service]})
>>> header = Header(id="n1", writer="clinic", layout="clinic", discipline="PT", setting="clinic")
>>> labelled("SLR, 15 min", decision, header).services[0].activities[0].text
'SLR'
>>> labelled("SLR", decision, header)
Traceback (most recent call last):
api.queue.errors.DecisionRefused: The decision does not fit the note. Nothing was kept; correct the fields and send it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from pydantic import ValidationError

from api.decisions import Decision, Stretch
from api.queue.errors import DecisionRefused
from api.queue.words import QUEUE
from models.billing.codes import CODES, HEADLINE
from models.result import Result
from models.training.dataset import (
    Header,
    LabelledMention,
    LabelledNote,
    LabelledService,
    LabelledSpan,
    Misfit,
    UncheckedNote,
    faults,
    headline_of,
    misfits,
)
from nlp.document import ELEMENTS


def labelled(note_text: str, decision: Decision, header: Header) -> LabelledNote:
    """Return the note with the labels that a decision gives it.

    Parameters
    ----------
    note_text
        The note exactly as it came.
    decision
        One with a whole reading (accept or correct).
    header
        Names the note; writer and layout are for the caller to make up.

    Returns
    -------
    LabelledNote
        A block accepts its own code alone and states none. Where the reviewer was not asked for the elements, they are what the
        labels show, and assessment and progress are false: do not learn elements from such a note.

    Raises
    ------
    DecisionRefused
        The decision has no reading, or it does not fit the text: each field with its reason.
    """
    if decision.services is None:
        raise DecisionRefused([Misfit("kind", f"{decision.kind} holds no reading of the note")])
    note = UncheckedNote(
        **header.model_dump(include={"id", "writer", "layout", "discipline", "setting", "hard"}),
        pair=header.pair,
        style="reviewed",
        text=note_text,
        services=tuple(
            LabelledService(
                **_span(note_text, service).model_dump(),
                code=service.code,
                accept=(service.code,),
                other_code=service.other_code,
                stated=None,
                stated_code=None,
                minutes=service.minutes,
                activities=tuple(_span(note_text, activity) for activity in service.activities),
            )
            for service in decision.services
        ),
        shared_minutes=(),
        mentions=tuple(
            LabelledMention(**_span(note_text, mention).model_dump(), status=mention.status)
            for mention in decision.mentions
        ),
        goals=tuple(_span(note_text, goal) for goal in decision.goals),
        elements={element: element in _elements(decision) for element in ELEMENTS},
        trap="",
    )
    refused = [*_beyond(note_text, decision), *_unbillable(decision), *misfits(note)]
    if refused:
        # A span beyond the text is also one that does not match it; one reason a field is enough.
        raise DecisionRefused(list({each.field: each for each in reversed(refused)}.values())[::-1])
    return LabelledNote.model_validate(note.model_dump())


def accepted(result: Result) -> Decision:
    """Return the decision that takes a result as it was returned.

    Raises
    ------
    DecisionRefused
        Nobody could decide so: a block has more minutes than one may have.
    """
    try:
        return Decision.model_validate(
            {
                "kind": "accept",
                "services": [
                    {
                        "start": service.start,
                        "end": service.end,
                        "code": service.code,
                        "other_code": service.other_code,
                        "minutes": service.minutes,
                        "activities": [{"start": each.start, "end": each.end} for each in service.activities],
                    }
                    for service in result.services
                ],
                "mentions": [{"start": each.start, "end": each.end, "status": each.status} for each in result.mentions],
                "goals": [{"start": each.start, "end": each.end} for each in result.goals],
                "elements": [each.element for each in result.documentation if each.documented],
            }
        )
    except ValidationError as error:
        raise DecisionRefused(faults(error)) from None


def decided_code(decision: Decision) -> str | None:
    """Return the note's code by a decision with a whole reading: 97110, 97530, or ``None`` where it has neither.

    Examples
    --------
    >>> block = {"start": 0, "end": 9, "code": "97530", "minutes": 15, "activities": []}
    >>> decided_code(Decision.model_validate({"kind": "correct", "services": [block]}))
    '97530'
    """
    # The rule looks at blocks alone, which a decision has in the same terms; of a purged note there is nothing else.
    return headline_of(cast(LabelledNote, decision))


def _span(text: str, stretch: Stretch) -> LabelledSpan:
    return LabelledSpan(start=stretch.start, end=stretch.end, text=text[stretch.start : stretch.end])


def _elements(decision: Decision) -> set[str]:
    if decision.elements is not None:
        return set(decision.elements)
    services = decision.services or ()
    shown = {
        "activity": any(service.activities for service in services),
        "duration": any(service.minutes is not None for service in services),
        "goal": bool(decision.goals),
    }
    return {element for element, there in shown.items() if there}


def _beyond(text: str, decision: Decision) -> Iterator[Misfit]:
    """Every stretch that ends behind the note; slicing would cut it off without a word."""
    for index, service in enumerate(decision.services or ()):
        inner = ((f"services.{index}.activities.{n}", activity) for n, activity in enumerate(service.activities))
        yield from _outside(text, [(f"services.{index}", service), *inner])
    yield from _outside(text, [(f"mentions.{n}", mention) for n, mention in enumerate(decision.mentions)])
    yield from _outside(text, [(f"goals.{n}", goal) for n, goal in enumerate(decision.goals)])


def _outside(text: str, stretches: list[tuple[str, Stretch]]) -> Iterator[Misfit]:
    for field, stretch in stretches:
        if len(text) < stretch.end:
            yield Misfit(
                field, f"span {stretch.start}..{stretch.end} ends behind the note, which has {len(text)} characters"
            )


def _unbillable(decision: Decision) -> Iterator[Misfit]:
    services = decision.services or ()
    for index, service in enumerate(services):
        if service.code != "other" and service.other_code is not None:
            yield Misfit(f"services.{index}.other_code", "only a block of another service has a code of its own")
        elif service.other_code in HEADLINE:
            yield Misfit(f"services.{index}.other_code", "this code belongs into code")
        elif service.other_code is not None and service.other_code not in CODES:
            yield Misfit(f"services.{index}.other_code", "the code list has no such code")
    given = sum(service.minutes or 0 for service in services)
    if QUEUE.visit_minutes < given:
        yield Misfit("services", f"the blocks have {given} minutes together; a visit has at most {QUEUE.visit_minutes}")
