"""Charges apart from their work: "97110 15 min" at the foot of a note whose exercises stand above without minutes.

The reader leaves such a charge as a block without activities. Here its minutes go to the work of that code, so that a
block has both; a charge that only repeats what its work says, or sums it up, is dropped. Where no work or more than one
block fits, the charge stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.billing.codes import HEADLINE
from models.service import Service


def _is_charge(service: Service) -> bool:
    return not service.block.activities and service.block.stated is not None and service.block.duration is not None


def _is_work(service: Service) -> bool:
    return bool(service.block.activities)


def _is_name(service: Service) -> bool:
    """Whether all the work of a timed block is its service's name: ``[X] Gait training 18 min``."""
    stated = service.block.stated
    if stated is None or service.block.duration is None:
        return False
    return all(stated.start <= a.start and a.end <= stated.end for a in service.block.activities)


def _shared(service: Service) -> bool:
    return service.block.duration is not None and service.block.minutes is None


class _Settling:
    """The services of one note while charges are given out; what is taken becomes ``None``."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.out: list[Service | None] = list(services)
        self.charges = [i for i, s in enumerate(services) if _is_charge(s) and not _shared(s)]
        self.works = [i for i, s in enumerate(services) if _is_work(s) and not _shared(s)]
        for name in [i for i in self.works if _is_name(services[i])]:
            # What the name stands for is told in another block: "Gait: with FWW on carpet".
            if len([w for w in self.bare(self.works) if w != name and self.states(w) == self.code(name)]) == 1:
                self.works.remove(name)
                self.charges.append(name)
        codes = [self.code(charge) for charge in self.charges]
        self.repeated = {code for code in codes if codes.count(code) > 1}

    def at(self, index: int) -> Service:
        service = self.out[index]
        assert service is not None
        return service

    def code(self, charge: int) -> str:
        stated = self.at(charge).block.stated
        return stated.code if stated is not None else ""

    def minutes(self, index: int) -> int:
        return self.at(index).block.minutes or 0

    def states(self, work: int) -> str | None:
        stated = self.at(work).block.stated
        return stated.code if stated is not None else None

    def bare(self, works: Sequence[int]) -> list[int]:
        """Those of the blocks that have no minutes."""
        return [w for w in works if self.at(w).block.duration is None]

    def of_code(self, code: str) -> list[int]:
        """Blocks of work that state the code, or are coded so by content and state none."""
        return [w for w in self.works if (self.states(w) or self.at(w).billed_code) == code]

    def apart(self, charge: int) -> bool:
        """Whether a charge stands before or behind all work but that which states another code, as a summary does."""
        block, code = self.at(charge).block, self.code(charge)
        works = [self.at(w).block for w in self.works if self.states(w) in (None, code)]
        return all(block.start >= w.end for w in works) or all(block.end <= w.start for w in works)

    def contradicts(self, charge: int, work: int) -> bool:
        """Whether a charge can be the wrong one for a block, and not that of work which the note does not tell."""
        return self.code(charge) in HEADLINE or self.at(work).code not in HEADLINE

    def drop(self, charge: int) -> None:
        self.out[charge] = None
        self.charges.remove(charge)

    def take(self, charge: int, work: int, minutes: int | None = None) -> None:
        """Give a charge to a block of work: its minutes, or ``minutes`` of them, and its code where the block states none."""
        paid, block = self.at(charge).block, self.at(work).block
        duration = paid.duration
        wanted = paid.minutes if minutes is None else minutes
        if duration is not None and wanted is not None:
            duration = replace(duration, minutes=wanted)
        given = replace(block, duration=duration, minutes=wanted, stated=block.stated or paid.stated)
        self.out[work] = replace(self.at(work), block=given)
        self.drop(charge)


def settle(services: Sequence[Service]) -> tuple[Service, ...]:
    """Give each charge's minutes and stated code to the block of work that it pays for.

    As many charges as blocks without minutes go in order where their codes allow it and do not tell more. Else a charge
    goes to the one block without minutes that states its code or is coded so by content, less the minutes that other
    blocks of the code have. A charge before or behind all the work is the total of its code: it is dropped where the
    work has these minutes, and it wins over the minutes inside the one block of the code. A charge and a block left over
    are matched too where exactly one of each remains: the charge then contradicts the content, which is flagged.
    """
    s = _Settling(services)
    _in_order(s)
    for charge in list(s.charges):
        _by_code(s, charge)
    takers = s.bare(s.works)
    if (
        len(s.charges) == 1
        and len(takers) == 1
        and s.states(takers[0]) is None
        and s.contradicts(s.charges[0], takers[0])
    ):
        s.take(s.charges[0], takers[0])
    return tuple(service for service in s.out if service is not None)


def _in_order(s: _Settling) -> None:
    """Charges of one code twice, as many in all as there are blocks without minutes: the first pays for the first."""
    takers = s.bare(s.works)
    if len(takers) != len(s.charges) or not s.repeated:
        return
    pairs = list(zip(list(s.charges), takers, strict=True))
    if all(s.states(taker) in (None, s.code(charge)) for charge, taker in pairs):
        for charge, taker in pairs:
            s.take(charge, taker)


def _by_code(s: _Settling, charge: int) -> None:
    code = s.code(charge)
    works = s.of_code(code)
    takers = s.bare(works)
    named = [t for t in takers if s.states(t) == code]
    takers = named if len(named) == 1 else takers
    paid = sum(s.minutes(w) for w in works)
    alone = code not in s.repeated
    if len(takers) == 1:
        if not paid or not s.apart(charge):
            s.take(charge, takers[0])
        elif s.minutes(charge) > paid and alone:
            s.take(charge, takers[0], s.minutes(charge) - paid)
        elif alone:
            s.drop(charge)
    elif not takers and works and alone and s.apart(charge):
        if len(works) == 1 and s.minutes(charge) != paid:
            s.take(charge, works[0])
        else:
            s.drop(charge)
