"""Services to minutes, units and the headline code with its confidence.

Examples
--------
>>> propose((), "full_15").code is None
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.billing.codes import CODES, HEADLINE
from models.billing.errors import UnknownPolicy
from models.billing.units import POLICIES, all_units
from models.service import Service

_LEAST = 0.007  # log-odds of about -5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Slope and offset in log-odds for notes with a headline code and for notes without one."""

    code: tuple[float, float]
    none: tuple[float, float]


UNCALIBRATED = Calibration((1.0, 0.0), (1.0, 0.0))


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a note bills.

    ``code`` is the headline code, ``None`` where the note documents neither; ``confidence`` lies in [0, 1]; ``minutes``
    are whole minutes per timed code; ``units`` are units per policy and code. ``policy`` is the chosen one.
    """

    code: str | None
    confidence: float
    policy: str
    minutes: Mapping[str, int]
    units: Mapping[str, Mapping[str, int]]


def minutes_by_code(services: Sequence[Service]) -> dict[str, int]:
    """Return the minutes of each timed code, summed over its blocks, by number.

    Blocks without minutes, untimed codes, and other services whose code is not known are left out.
    """
    minutes: dict[str, int] = {}
    for service in services:
        code = CODES.get(service.billed_code or "")
        if code is not None and code.timed and service.block.minutes is not None:
            minutes[code.number] = minutes.get(code.number, 0) + service.block.minutes
    return dict(sorted(minutes.items()))


def propose(services: Sequence[Service], policy: str, *, calibration: Calibration = UNCALIBRATED) -> Proposal:
    """Return the proposal for one note.

    The headline code is the one with the most minutes; without minutes, or with equal minutes, that of the block with
    the highest confidence, the earlier of equals. Its confidence is the mean of its blocks' confidences, weighted by
    their minutes where any has minutes. Where no block has a headline code, the confidence is the probability that the
    block likeliest to have one has none; 1 where there is no block.

    Parameters
    ----------
    services : Sequence[Service]
        The coded blocks, in text order.
    policy : str
        The chosen unit policy; it decides no minutes and no code, and is kept for the flags.
    calibration : Calibration
        Slope and offset, in log-odds, that turn the blocks' confidence into that of the note (fitted in training: a
        block may be read wrongly too), for notes with and without a headline code; the default leaves it as it is.

    Raises
    ------
    UnknownPolicy
        No policy has this name.
    """
    if policy not in POLICIES:
        raise UnknownPolicy(policy, POLICIES)
    minutes = minutes_by_code(services)
    code = _headline_code(services, minutes)
    confidence = _no_code_confidence(services) if code is None else _code_confidence(services, code)
    slope, offset = calibration.none if code is None else calibration.code
    if (slope, offset) != (1.0, 0.0):
        confidence = 1.0 / (1.0 + math.exp(-(slope * log_odds(confidence) + offset)))
    return Proposal(code, confidence, policy, minutes, all_units(minutes))


def log_odds(probability: float) -> float:
    """Log-odds of a probability, kept within about +-5: beyond that a block's certainty says nothing about the note's."""
    bounded = min(max(probability, _LEAST), 1.0 - _LEAST)
    return math.log(bounded / (1.0 - bounded))


def _headline_code(services: Sequence[Service], minutes: Mapping[str, int]) -> str | None:
    bearers = [service for service in services if service.code in HEADLINE]
    if not bearers:
        return None
    most = max(minutes.get(service.code, 0) for service in bearers)
    leading = [service for service in bearers if minutes.get(service.code, 0) == most]
    return max(leading, key=lambda service: service.confidence).code


def _code_confidence(services: Sequence[Service], code: str) -> float:
    bearers = [service for service in services if service.code == code]
    weights = [service.block.minutes or 0 for service in bearers]
    if not any(weights):
        weights = [1] * len(bearers)
    weighted = (service.confidence * weight for service, weight in zip(bearers, weights, strict=True))
    return math.fsum(weighted) / sum(weights)


def _no_code_confidence(services: Sequence[Service]) -> float:
    either = (math.fsum(service.probabilities.get(code, 0.0) for code in HEADLINE) for service in services)
    # Probabilities that sum to 1 may exceed it by a last digit.
    return max(0.0, 1.0 - max(either, default=0.0))
