"""Services to minutes, units and the headline code with its confidence.

Examples
--------
>>> propose((), "full_15").code is None
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from models.billing.codes import CODES, HEADLINE, Code
from models.billing.errors import UnknownPolicy
from models.billing.units import POLICIES, all_units

if TYPE_CHECKING:
    from models.service import Service

_LEAST = 0.007  # log-odds of about -5


class Calibration(NamedTuple):
    """What turns the signs of a reading (`signs`) into the note's confidence: a weight a sign, in log-odds.

    ``code`` is for notes with a headline code, ``none`` for notes without. A proposal with less than ``least`` is too unsure
    to pass unseen.
    """

    code: Mapping[str, float]
    none: Mapping[str, float]
    least: float = 0.0


UNCALIBRATED = Calibration({"code": 1.0}, {"code": 1.0})


class Proposal(NamedTuple):
    """What a note bills.

    ``code`` is the headline code, ``None`` where the note documents neither; ``confidence`` lies in [0, 1]; ``minutes``
    are whole minutes per timed code; ``units`` are units per policy and code. ``policy`` is the chosen one. ``unsure`` says
    that the confidence is below the least with which a proposal may pass unseen.
    """

    code: str | None
    confidence: float
    policy: str
    minutes: Mapping[str, int]
    units: Mapping[str, Mapping[str, int]]
    unsure: bool = False


def minutes_by_code(services: Sequence[Service], codes: Mapping[str, Code] = CODES) -> dict[str, int]:
    """Return the minutes of each timed code, summed over its blocks, by number.

    Blocks without minutes, untimed codes, other services whose code is not known, and minutes of which the note says that they
    were no skilled treatment (`Block.unskilled`) are left out.
    """
    minutes: dict[str, int] = {}
    for service in services:
        code = codes.get(service.billed_code or "")
        if code is not None and code.timed and service.block.skilled_minutes is not None:
            minutes[code.number] = minutes.get(code.number, 0) + service.block.skilled_minutes
    return dict(sorted(minutes.items()))


def propose(
    services: Sequence[Service],
    policy: str,
    *,
    calibration: Calibration = UNCALIBRATED,
    certainty: float = 1.0,
    codes: Mapping[str, Code] = CODES,
) -> Proposal:
    """Return the proposal for one note.

    The headline code is the one with the most minutes; without minutes, or with equal minutes, that of the block with
    the highest confidence as a result states it (`Service.stated_confidence`), of equals the one with the most tasks, then
    the earlier. Its confidence is the mean of its blocks' confidences, weighted by their minutes where any has minutes.
    Where no block has a headline code, the confidence is the probability that the block likeliest to have one has none; 1
    where there is no block.

    Parameters
    ----------
    services : Sequence[Service]
        The coded blocks, in text order.
    policy : str
        The chosen unit policy; it decides no minutes and no code, and is kept for the flags.
    calibration : Calibration
        The weights of the signs that make the blocks' confidence that of the note (fitted in training: a block may be read
        wrongly too); the default leaves it as it is.
    certainty : float
        The reader's certainty of what it left out (`Document.certainty`); 1 where there was nothing.
    codes : Mapping[str, Code]
        The code list; without it, the shipped one.

    Raises
    ------
    UnknownPolicy
        No policy has this name.
    """
    if policy not in POLICIES:
        raise UnknownPolicy(policy, POLICIES)
    minutes = minutes_by_code(services, codes)
    code = _headline_code(services, minutes)
    confidence = _no_code_confidence(services) if code is None else _code_confidence(services, code)
    weights = calibration.none if code is None else calibration.code
    # A note that holds nothing to weigh (no block, no task, no minutes left out) has no sign of its own worth.
    if weights != UNCALIBRATED.code and (services or certainty < 1.0):
        confidence = chance(signs(services, code, minutes, certainty), weights)
    return Proposal(code, confidence, policy, minutes, all_units(minutes, codes=codes), confidence < calibration.least)


def chance(seen: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Probability, in [0, 1], that a proposal with these signs is right.

    Examples
    --------
    >>> chance({"offset": 1.0, "code": 2.0}, {"offset": -1.0, "code": 0.5})
    0.5
    """
    return 1.0 / (1.0 + math.exp(-math.fsum(weight * seen[sign] for sign, weight in weights.items())))


SIGNS = ("offset", "code", "both", "lead", "needed", "outside", "untimed", "doubted")


def signs(
    services: Sequence[Service], code: str | None, minutes: Mapping[str, int], certainty: float
) -> dict[str, float]:
    """Return what a reading shows of its own worth, by the names in `SIGNS`.

    ``code``: log-odds of the blocks' confidence in the headline code (or in none); ``both``: whether there is work of both
    codes, so that one wrong number can turn the proposal; ``lead``: how far the headline code's minutes lead the other's, in
    [0, 1]; ``needed``: log-odds of the least certainty of a block without which the code would be another; ``outside``: that
    of the reader's least certainty of what it left out; ``untimed``: share of the blocks that count without minutes;
    ``doubted``: share that states a code other than its own; ``offset``: 1.
    """
    bearers = [service for service in services if service.code in HEADLINE] if code is not None else list(services)
    count = max(1, len(bearers))
    confidence = _no_code_confidence(services) if code is None else _code_confidence(services, code)
    both = [minutes.get(number, 0) for number in HEADLINE]
    stated = [service.block.stated for service in bearers]
    return {
        "offset": 1.0,
        "code": log_odds(confidence),
        "both": float(len({service.code for service in bearers} & set(HEADLINE)) == len(HEADLINE)),
        "lead": (max(both) - min(both)) / sum(both) if sum(both) else 0.0,
        "needed": log_odds(_needed(services, code, minutes)),
        "outside": log_odds(certainty),
        "untimed": sum(service.block.minutes is None for service in bearers) / count,
        "doubted": sum(
            said is not None and said.code != service.billed_code for said, service in zip(stated, bearers, strict=True)
        )
        / count,
    }


def _needed(services: Sequence[Service], code: str | None, minutes: Mapping[str, int]) -> float:
    """The least certainty, in [0, 1], that a block stands and has its code, of those without which the headline code could change.

    Such are the only block of the code, and each without whose minutes it leads the other code's no more. Where no block has a
    headline code each block counts: any of them could be work of one.
    """
    bearers = services if code is None else [service for service in services if service.code == code]
    if code is not None and len(bearers) > 1:
        beside = [service.code for service in services if service.code in HEADLINE and service.code != code]
        lead = minutes.get(code, 0) - minutes.get(beside[0], 0) if beside else math.inf
        bearers = [service for service in bearers if lead <= (service.block.skilled_minutes or 0)]
    return min((min(service.block.certainty, service.confidence) for service in bearers), default=1.0)


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
    return max(leading, key=lambda service: (service.stated_confidence, len(service.block.activities))).code


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
