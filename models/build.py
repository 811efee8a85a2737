"""Puts a `Result` together; the proposal's status is decided here, last, since a flag can turn *suggested* into *flagged*."""

from __future__ import annotations

from collections.abc import Sequence

from models.billing.codes import HEADLINE
from models.billing.flags import Flag
from models.billing.payers import Payer, Terms, payer_units
from models.billing.proposal import Proposal
from models.billing.rules import load_rules
from models.billing.units import POOLED
from models.note import Note, Profile
from models.result import (
    DocumentationElement,
    DurationSpan,
    FlagResult,
    MentionSpan,
    ModelInfo,
    PayerResult,
    ProposalResult,
    ReasonSpan,
    Result,
    ServiceResult,
    TextSpan,
)
from models.service import Service
from nlp.document import Document, Duration, Element, Span, Total


def _text_span(span: object) -> TextSpan:
    return TextSpan.model_construct(start=span.start, end=span.end, text=span.text)  # type: ignore[attr-defined]


def _service(service: Service) -> ServiceResult:
    block = service.block
    duration = block.duration
    return ServiceResult.model_construct(
        start=block.start,
        end=block.end,
        text=block.text,
        code=service.code,
        other_code=service.other_code,
        confidence=service.stated_confidence,
        probabilities=dict(service.probabilities),
        minutes=block.minutes,
        duration=None
        if duration is None
        else DurationSpan.model_construct(
            start=duration.start, end=duration.end, text=duration.text, kind=duration.kind
        ),
        stated_code=block.stated.code if block.stated is not None else None,
        activities=tuple(_text_span(activity) for activity in block.activities),
        goals=block.goals,
        reasons=tuple(
            ReasonSpan.model_construct(start=r.start, end=r.end, text=r.text, code=r.code, weight=r.weight)
            for r in service.reasons
        ),
    )


def _element(element: Element, services: Sequence[Service], totals: Sequence[Total]) -> DocumentationElement:
    span: Span | Total | Duration | None = element.span
    if element.name == "duration":
        # Minutes for the two headline codes' work are what this element asks for.
        headline = [service for service in services if service.code in HEADLINE]
        own = [service.block.duration for service in headline if service.block.duration is not None]
        span = next(iter((*own, *(totals if headline else ()))), None)
    start, end = (span.start, span.end) if span is not None else (None, None)
    return DocumentationElement.model_construct(element=element.name, documented=span is not None, start=start, end=end)


def _payer(payer: Payer, terms: Terms, proposal: Proposal) -> PayerResult:
    primary = payer is terms.payers[0] and terms.primary is not None
    return PayerResult.model_construct(
        id=payer.id,
        name=payer.name,
        role="primary" if primary else "secondary",
        governs=payer is terms.payers[0],
        policy=payer.policy,
        units=payer_units(proposal.minutes, payer, terms.rules.codes),
        confirmed=payer.rule.confirmed,
    )


def build_result(
    note: Note,
    document: Document,
    services: Sequence[Service],
    proposal: Proposal,
    flags: Sequence[Flag],
    *,
    version: str,
    profile: Profile,
    terms: Terms | None = None,
) -> Result:
    """The result of one note; without ``terms``, under the shipped rules and with no payer.

    Values are built without a second validation: they come from typed dataclasses of this program, and the tests validate
    whole results against the schema.
    """
    terms = Terms(load_rules()) if terms is None else terms
    needs_a_look = any(flag.severity in ("warning", "error") for flag in flags)
    # Where minutes are pooled, the total of the timed minutes is what has to be written.
    timed = [total for total in document.totals if total.kind == "timed"] if proposal.policy == POOLED else []
    status = "flagged" if needs_a_look else "no_code" if proposal.code is None else "suggested"
    return Result.model_construct(
        note_id=note.note_id,
        policy=proposal.policy,
        proposal=ProposalResult.model_construct(code=proposal.code, confidence=proposal.confidence, status=status),
        services=tuple(_service(service) for service in services),
        mentions=tuple(
            MentionSpan.model_construct(start=m.start, end=m.end, text=m.text, status=m.status)
            for m in document.mentions
        ),
        goals=tuple(_text_span(goal) for goal in document.goals),
        minutes=dict(proposal.minutes),
        units={policy: dict(units) for policy, units in proposal.units.items()},
        documentation=tuple(_element(element, services, timed) for element in document.elements),
        flags=tuple(
            FlagResult.model_construct(
                id=f.id, severity=f.severity, message=f.message, action=f.action, start=f.start, end=f.end
            )
            for f in flags
        ),
        date_of_service=note.date_of_service,
        payers=tuple(_payer(payer, terms, proposal) for payer in terms.payers),
        model=ModelInfo.model_construct(version=version, profile=profile, rules=terms.rules.version),
    )
