"""Builders: a note as a short table row, so that a test shows only what it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from models.billing.flags import Flag, check
from models.billing.payers import terms_of
from models.billing.proposal import Calibration, propose
from models.billing.rules import load_rules
from models.service import Service
from nlp.document import (
    ELEMENTS,
    Activity,
    Block,
    Document,
    Duration,
    Element,
    Goal,
    Notice,
    Span,
    StatedCode,
    Total,
    Unskilled,
    WrittenUnits,
)

TEXT = "q" * 1000
OTHER = "other"


def build_service(position: int = 0, **spec: Any) -> Service:
    """Block number ``position`` stands at ``[100 * position, 100 * position + 90)``, its duration at its start."""
    start = 100 * position
    code = spec.pop("code", "97110")
    minutes = spec.pop("minutes", None)
    shared = spec.pop("shared", None)
    confidence = spec.pop("confidence", 0.9)
    stated = spec.pop("stated", None)
    rest = (1 - confidence) / 2
    probabilities = {name: confidence if name == code else rest for name in ("97110", "97530", OTHER)}
    probabilities = spec.pop("probabilities", probabilities)
    duration = None
    if shared is not None:
        at, amount = shared
        duration = Duration(at, at + 6, TEXT[:6], amount, "shared")
    elif minutes is not None:
        duration = Duration(start, start + 6, TEXT[:6], minutes, "stated")
    block = Block(
        start=start,
        end=start + 90,
        text=TEXT[:90],
        activities=tuple(
            Activity(start + 10, start + 14, TEXT[:4], label, entry)
            for label, entry in spec.pop("activities", [("exercise", "ex.slr")])
        ),
        duration=duration,
        minutes=minutes,
        stated=None if stated is None else StatedCode(start + 20, start + 25, TEXT[:5], stated),
        goals=spec.pop("goals", (0,)),
    )
    block = replace(block, unskilled=tuple(_unskilled(start, each) for each in spec.pop("unskilled", ())))
    service = Service(
        block=block,
        code=code,
        other_code=spec.pop("other_code", None),
        confidence=probabilities[code],
        probabilities=probabilities,
        content_probabilities=spec.pop("content", probabilities),
        possible=spec.pop("possible", (code,)),
    )
    assert not spec, f"unknown keys {sorted(spec)}"
    return service


def _unskilled(start: int, minutes: int | None) -> Unskilled:
    return Unskilled(start + 30, start + 40, TEXT[:10], minutes, "unattended")


def build_document(**spec: Any) -> Document:
    missing = spec.pop("undocumented", ())
    document = Document(
        text=TEXT,
        goals=spec.pop("goals", (Goal(900, 910, TEXT[:10]),)),
        elements=tuple(Element(name, None if name in missing else Span(0, 1, "q")) for name in ELEMENTS),
        totals=tuple(Total(at, at + 6, TEXT[:6], minutes, kind) for at, minutes, kind in spec.pop("totals", ())),
        written_units=tuple(
            WrittenUnits(at, at + 6, TEXT[:6], number, code) for at, number, code in spec.pop("written", ())
        ),
        notices=tuple(Notice(kind, at, at + 6, TEXT[:6]) for at, kind in spec.pop("notices", ())),
    )
    assert not spec, f"unknown keys {sorted(spec)}"
    return document


@pytest.fixture(scope="session")
def services() -> Callable[..., tuple[Service, ...]]:
    def build(*specs: dict[str, Any]) -> tuple[Service, ...]:
        return tuple(build_service(position, **spec) for position, spec in enumerate(specs))

    return build


@pytest.fixture(scope="session")
def document() -> Callable[..., Document]:
    return build_document


@pytest.fixture(scope="session")
def flags(services: Callable[..., tuple[Service, ...]]) -> Callable[..., tuple[Flag, ...]]:
    """Flags of a note given as rows of services.

    Other keys are the document's, ``policy``, ``least`` (confidence) and ``terms`` (day, payers, discipline).
    """

    def build(
        *specs: dict[str, Any],
        policy: str = "full_15",
        least: float = 0.0,
        terms: dict[str, Any] | None = None,
        **document_spec: Any,
    ) -> tuple[Flag, ...]:
        coded = services(*specs)
        calibration = Calibration({"code": 1.0}, {"code": 1.0}, least)
        under = None if terms is None else terms_of(load_rules(), **terms)
        return check(build_document(**document_spec), coded, propose(coded, policy, calibration=calibration), under)

    return build
