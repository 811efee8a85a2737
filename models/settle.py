"""Charges apart from their work: "97110 15 min" at the foot of a note whose exercises stand above without minutes.

The reader leaves such a charge as a block without activities. Here its minutes go to the work of that code, so that a
block has both; where no work or more than one block fits, the charge stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.service import Service


def _is_charge(service: Service) -> bool:
    return not service.block.activities and service.block.stated is not None and service.block.duration is not None


def _wants_minutes(service: Service) -> bool:
    return bool(service.block.activities) and service.block.duration is None


def settle(services: Sequence[Service]) -> tuple[Service, ...]:
    """Give each charge's minutes and stated code to the one block without minutes whose code it names.

    A block that states the charge's code is preferred to one that is coded so by content. Charges and blocks left over
    are matched too where exactly one of each remains: the charge then contradicts the content, which is flagged.
    """
    out: list[Service | None] = list(services)
    charges = [i for i, s in enumerate(services) if _is_charge(s)]
    takers = [i for i, s in enumerate(services) if _wants_minutes(s)]

    def take(charge: int, taker: int) -> None:
        paid, work = services[charge], services[taker]
        block = replace(
            work.block,
            duration=paid.block.duration,
            minutes=paid.block.minutes,
            stated=work.block.stated or paid.block.stated,
        )
        out[taker] = replace(work, block=block)
        out[charge] = None
        charges.remove(charge)
        takers.remove(taker)

    for charge in list(charges):
        stated = services[charge].block.stated
        code = stated.code if stated is not None else ""
        same = [t for t in takers if (s := services[t].block.stated) is not None and s.code == code]
        fits = same or [t for t in takers if services[t].block.stated is None and services[t].billed_code == code]
        if len(fits) == 1:
            take(charge, fits[0])
    if len(charges) == 1 and len(takers) == 1 and services[takers[0]].block.stated is None:
        take(charges[0], takers[0])
    return tuple(s for s in out if s is not None)
