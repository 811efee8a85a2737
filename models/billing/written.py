"""Units that a note writes, against what its minutes can give under any of the three policies.

Every doubt goes to the note's side, since a contradiction is a warning: minutes count under the proposed code or under
the code that the note states, several writings may be parts or a sum, of equal remainders any may take the last unit of
the pooled policy, and a code whose minutes are not all known is not checked.

Examples
--------
>>> policy_gives({"97110": {2}}, Tally({"97110": 33}, set(), complete=True, untimed=0), "full_15")
True
>>> policy_gives({"97110": {3}}, Tally({"97110": 33}, set(), complete=True, untimed=0), "ama_midpoint")
False
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from models.billing.codes import CODES, Code, first_code, further_code
from models.billing.units import POLICIES, POOLED, UNIT_MINUTES, counts, earned

if TYPE_CHECKING:
    from models.service import Service
    from nlp.document import WrittenUnits


class Tally(NamedTuple):
    """What the blocks give to the unit arithmetic.

    ``minutes`` are those of the 15-minute codes whose every block has minutes, ``missing`` the other 15-minute codes;
    ``complete`` says that the pool lacks no block's minutes; ``untimed`` is the number of blocks that minutes make no
    units of.
    """

    minutes: Mapping[str, int]
    missing: AbstractSet[str]
    complete: bool
    untimed: int


class Contradiction(NamedTuple):
    """Written units that no policy gives, with the minutes that should give them.

    ``variant`` is ``""`` (units of one code), ``"together"`` (only all codes' units at once) or ``"total"``.
    """

    written: WrittenUnits
    minutes: int
    variant: str


def contradictions(
    written: Sequence[WrittenUnits], services: Sequence[Service], codes: Mapping[str, Code] = CODES
) -> tuple[Contradiction, ...]:
    """Return the written units that the minutes give under no policy, each statement once; ``codes`` is the code list."""
    tallies = (_tally(services, _proposed, codes), _tally(services, _stated, codes))
    return (*_of_codes(written, services, tallies, codes), *_of_total(written, services, tallies, codes))


def policy_gives(options: Mapping[str, AbstractSet[int]], tally: Tally, policy: str) -> bool:
    """Return whether one policy gives, for every code of ``options``, one of its units, all at once.

    Codes of which the tally does not have all minutes are passed over; units of an add-on count with those of its first code.
    """
    known = {code: values for code, values in options.items() if code in tally.minutes}
    if policy != POOLED:
        given = earned(tally.minutes, policy)
        return all(given.get(code, 0) in values for code, values in known.items())
    whole = {code: value // UNIT_MINUTES for code, value in tally.minutes.items()}
    rest = {code: value % UNIT_MINUTES for code, value in tally.minutes.items()}
    if not tally.complete:
        # Minutes that the note does not give could lift or lower any remainder's rank, and nothing else.
        return all(values & {whole[code], whole[code] + (rest[code] > 0)} for code, values in known.items())
    left = sum(earned(tally.minutes, policy).values()) - sum(whole.values())
    last = sorted(rest.values(), reverse=True)[left - 1] if left else UNIT_MINUTES
    spare = left - sum(last < value for value in rest.values())
    least = most = 0
    for code, remainder in rest.items():
        without, with_one = whole[code], whole[code] + 1
        if remainder != last:
            if code in known and (with_one if last < remainder else without) not in known[code]:
                return False
            continue
        may_lack = code not in known or without in known[code]
        may_have = code not in known or with_one in known[code]
        if not (may_lack or may_have):
            return False
        least += not may_lack
        most += may_have
    return least <= spare <= most


def _proposed(service: Service) -> str | None:
    return service.billed_code


def _stated(service: Service) -> str | None:
    return service.billed_code if service.block.stated is None else service.block.stated.code


def _tally(services: Sequence[Service], code_of: Callable[[Service], str | None], codes: Mapping[str, Code]) -> Tally:
    minutes: dict[str, int] = {}
    missing: set[str] = set()
    complete, untimed = True, 0
    for service in services:
        code = code_of(service)
        if code is None or code not in codes:
            complete = False
        elif not counts(code, codes):
            untimed += 1
        elif service.block.minutes is None:
            complete = False
            missing.add(first_code(code, codes))
        else:
            first = first_code(code, codes)
            minutes[first] = minutes.get(first, 0) + service.block.minutes
    known = {code: value for code, value in minutes.items() if code not in missing}
    return Tally(known, missing, complete, untimed)


def _block_of(statement: WrittenUnits, services: Sequence[Service]) -> int | None:
    for position, service in enumerate(services):
        if service.block.start <= statement.start and statement.end <= service.block.end:
            return position
    return None


def _readings(statements: Sequence[WrittenUnits], services: Sequence[Service], *, blocks: int) -> set[int]:
    """Return what several writings can mean: one statement (repeated), parts of a sum, or parts with their sum.

    The same number twice is one statement, but may be two parts where there is more than one of the ``blocks``.
    """
    values = [statement.units for statement in statements]
    outside = {statement.units for statement in statements if _block_of(statement, services) is None}
    readings = {sum(set(values)), sum(outside)}
    if blocks > 1:
        readings.add(sum(values))
    if sum(values) == 2 * max(values):
        readings.add(max(values))
    # A reading below one of the statements would pass over it.
    return {reading for reading in readings if reading >= max(values)}


def _options(
    of_code: Mapping[str, Sequence[WrittenUnits]], services: Sequence[Service], codes: Mapping[str, Code]
) -> dict[str, set[int]]:
    """Return the units that the writings can mean, those of an add-on together with those of its first code."""
    readings = {
        code: _readings(statements, services, blocks=sum(code in (_proposed(each), _stated(each)) for each in services))
        for code, statements in of_code.items()
    }
    options: dict[str, set[int]] = {}
    for code, values in readings.items():
        further = further_code(first_code(code, codes), codes)
        if further is None:
            options[code] = values
        # One of the two alone says nothing of the other's units.
        elif further in readings and code != further:
            options[code] = {one + other for one in values for other in readings[further]}
    return options


def _of_codes(
    written: Sequence[WrittenUnits], services: Sequence[Service], tallies: Sequence[Tally], codes: Mapping[str, Code]
) -> list[Contradiction]:
    of_code: dict[str, list[WrittenUnits]] = {}
    for statement in written:
        code = statement.code
        if code is not None and code in codes and counts(code, codes):
            of_code.setdefault(code, []).append(statement)
    known = {code: tally.minutes[code] for tally in reversed(tallies) for code in of_code if code in tally.minutes}
    options = {code: values for code, values in _options(of_code, services, codes).items() if code in known}

    def given(asked: Mapping[str, AbstractSet[int]]) -> bool:
        # A tally without any block of a code says nothing of its units.
        asking = [tally for tally in tallies if asked.keys() <= tally.minutes.keys() | tally.missing]
        return not asking or any(policy_gives(asked, tally, policy) for tally in asking for policy in POLICIES)

    largest = {code: max(of_code[code], key=lambda statement: statement.units) for code in options}
    alone = [code for code, values in options.items() if not given({code: values})]
    if alone:
        return [Contradiction(largest[code], known[code], "") for code in alone]
    if given(options):
        return []
    first = next(iter(options))
    return [Contradiction(largest[first], known[first], "together")]


def _of_total(
    written: Sequence[WrittenUnits], services: Sequence[Service], tallies: Sequence[Tally], codes: Mapping[str, Code]
) -> list[Contradiction]:
    totals = [statement for statement in written if statement.code is None]
    if not totals or not all(tally.complete and tally.minutes for tally in tallies):
        return []
    sums = {
        sum(earned(tally.minutes, policy).values()) + others
        for tally in tallies
        for policy in POLICIES
        for others in range(tally.untimed + 1)
    }
    if sums & _readings(totals, services, blocks=len(services)):
        return []
    wrong: dict[int, Contradiction] = {}
    for statement in totals:
        if statement.units not in sums and not _fits_its_block(statement, services, codes):
            wrong.setdefault(statement.units, Contradiction(statement, sum(tallies[0].minutes.values()), "total"))
    return list(wrong.values())


def _fits_its_block(statement: WrittenUnits, services: Sequence[Service], codes: Mapping[str, Code]) -> bool:
    """Return whether units that stand inside a block, with no code, can be that block's own."""
    position = _block_of(statement, services)
    if position is None:
        return False
    code, minutes = services[position].billed_code, services[position].block.minutes
    if code is None or minutes is None or code not in codes or not counts(code, codes):
        return True
    whole = minutes // UNIT_MINUTES
    return statement.units in (whole, whole + (minutes % UNIT_MINUTES > 0))
