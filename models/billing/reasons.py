"""Units with their reasons: the allocation in words, step by step, and what one minute more or less would change.

Examples
--------
>>> count = calculate({"97530": 23, "97110": 15})
>>> for step in count.policies["cms_8_minute"].steps:
...     print(step.text)
38 timed minutes together make 3 units (38 to 52 minutes do).
97110 holds 15: one whole 15, nothing left.
97530 holds 23: one whole 15, 8 left.
The whole 15s give 2 units: one more is left to give.
97530 has most left (8 min) and takes one unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from functools import cache

from models.billing import data
from models.billing.codes import Code, further_code
from models.billing.payers import Payer, Terms, not_paid, payer_units, terms_of
from models.billing.rules import Rules, load_rules
from models.billing.units import (
    MIDPOINT,
    POLICIES,
    POLICY_NAMES,
    POOLED,
    STRICT,
    UNIT_MINUTES,
    counted,
    counts,
    service_units,
    shared_out,
    units,
)

_KEYS = (
    "and", "or", "takes_all", "next", "next_all", "takes_tie_all", "left_empty",
    "no_whole", "one_whole", "wholes", "no_unit", "one_unit", "some_units", "pool", "pool_none", "no_minutes", "holds",
    "holds_strict", "holds_even", "holds_passes", "holds_short", "given_whole", "given_wholes", "given_all", "given_even",
    "unpaid", "unpaid_perhaps", "unpaid_instead", "unpaid_instead_perhaps", "takes",
    "takes_tie", "more", "less", "same", "untimed", "other_unit", "below_minimum", "gives_up", "gives_up_none",
    "outside", "not_yet", "retired", "perhaps_retired", "further",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a count: what it says, the id of the rule behind it, and the code it is about (``None``: all)."""

    text: str
    rule: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one minute more (``+1``) or less (``-1``) of a code would give."""

    code: str
    minutes: int
    units: Mapping[str, int]
    text: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """The units of one policy with its steps; ``total`` is their number, ``changes`` what one minute would change."""

    policy: str
    name: str
    units: Mapping[str, int]
    total: int
    steps: tuple[Step, ...]
    changes: tuple[Change, ...]
    no_change: str
    source: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Minutes that become no unit here, and why; ``payer`` is the one that leaves them out, ``None`` for every count."""

    code: str
    minutes: int
    text: str
    payer: str | None = None


@dataclass(frozen=True, slots=True)
class PayerCount:
    """What one payer makes of the minutes; ``governs``: the claim goes to it first."""

    id: str
    name: str
    governs: bool
    policy: str
    units: Mapping[str, int]
    total: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Calculation:
    """One day's minutes under all policies side by side.

    ``gives_up`` is what the strict reading bills less than each other policy, in units; ``gives_up_words`` says it.
    ``rules`` is the version of the rules, ``dates`` what they do not know or no longer bill on the day.
    """

    minutes: Mapping[str, int]
    timed_total: int
    left_out: tuple[LeftOut, ...]
    policies: Mapping[str, Allocation]
    gives_up: Mapping[str, int]
    gives_up_words: tuple[str, ...]
    payers: tuple[PayerCount, ...]
    rules: str
    dates: tuple[str, ...]


def calculate(
    minutes: Mapping[str, int],
    *,
    payer: str | None = None,
    secondary_payer: str | None = None,
    day: date | None = None,
    rules: Rules | None = None,
) -> Calculation:
    """Return the units of one day's minutes under every policy, with reasons.

    Parameters
    ----------
    minutes : Mapping[str, int]
        Whole treatment minutes per code, 0 or more.
    payer, secondary_payer : str | None
        Ids of payer profiles, whose own counts are wanted too; the primary governs.
    day : date | None
        Day of service, which picks the rules; without one, those in force.
    rules : Rules | None
        Without them, those that ship.

    Raises
    ------
    UnknownCode, InvalidMinutes, UnknownPayer
        All three are also ``ValueError``.

    Examples
    --------
    >>> calculate({"97110": 20, "97530": 18}).gives_up
    {'cms_8_minute': 1, 'ama_midpoint': 0}
    """
    rules = load_rules() if rules is None else rules
    return count_under(minutes, terms_of(rules, day=day, payer=payer, secondary=secondary_payer))


def count_under(minutes: Mapping[str, int], terms: Terms) -> Calculation:
    """Return the same under terms that stand already; errors as for `calculate`."""
    rules = terms.rules
    billable = {code: value for code, value in minutes.items() if not _retired(code, terms)}
    # All minutes are looked at first, so that wrong ones are refused whatever the day.
    pooled = dict(sorted(counted(minutes, rules.codes).items()))
    if len(billable) < len(minutes):
        pooled = dict(sorted(counted(billable, rules.codes).items()))
    policies = {policy: allocate(pooled, policy, rules) for policy in POLICIES}
    strict = policies[STRICT].total
    gives_up = {policy: each.total - strict for policy, each in policies.items() if policy != STRICT}
    return Calculation(
        minutes=dict(sorted(minutes.items())),
        timed_total=sum(pooled.values()),
        left_out=tuple(_left_out(minutes, pooled, terms)),
        dates=tuple(_dates(minutes, terms)),
        policies=policies,
        gives_up=gives_up,
        gives_up_words=tuple(
            _say("gives_up" if number else "gives_up_none", policy=POLICY_NAMES[policy], units=_units(number))
            for policy, number in gives_up.items()
            if any(pooled.values())
        ),
        payers=tuple(
            PayerCount(
                id=each.id,
                name=each.name,
                governs=each is terms.payers[0],
                policy=each.policy,
                units=(earned := payer_units(billable, each, rules.codes)),
                total=sum(earned.values()),
                confirmed=each.rule.confirmed,
            )
            for each in terms.payers
        ),
        rules=rules.version,
    )


def allocate(minutes: Mapping[str, int], policy: str, rules: Rules) -> Allocation:
    """Return the units of one policy, step by step.

    Parameters
    ----------
    minutes : Mapping[str, int]
        Minutes of 15-minute codes alone (`models.billing.units.counted`).
    policy : str
        One of the unit policies.
    rules : Rules
        The rules whose code list and sources are used.

    Raises
    ------
    UnknownPolicy, UnknownCode, InvalidMinutes
        As for `models.billing.units.units`.
    """
    services = service_units(minutes, policy, codes=rules.codes)
    earned = shared_out(services, rules.codes)
    told = {code: value for code, value in sorted(minutes.items()) if value}
    if not told:
        steps = (Step(_say("no_minutes"), policy),)
    elif policy == POOLED:
        steps = _pooled_steps(told, services)
    else:
        steps = tuple(_alone(code, value, policy) for code, value in told.items())
    changes = tuple(_changes(minutes, earned, policy, rules.codes))
    return Allocation(
        policy=policy,
        name=POLICY_NAMES[policy],
        units=earned,
        total=sum(earned.values()),
        steps=(*steps, *_further(services, rules.codes)),
        changes=changes,
        no_change="" if changes or not told else _say("same"),
        source=rules.get(policy).source,
    )


def amounts(earned: Mapping[str, int]) -> str:
    """Return units in words.

    Examples
    --------
    >>> amounts({"97110": 2, "97530": 1}), amounts({})
    ('2 x 97110, 1 x 97530', 'no unit')
    """
    return ", ".join(f"{number} x {code}" for code, number in earned.items()) or _say("no_unit")


def _pooled_steps(minutes: Mapping[str, int], earned: Mapping[str, int]) -> tuple[Step, ...]:
    total, number = sum(minutes.values()), sum(earned.values())
    least = UNIT_MINUTES * (number - 1) + MIDPOINT
    if not number:
        return (Step(_say("pool_none", total=total, midpoint=MIDPOINT), POOLED),)
    steps = [
        Step(_say("pool", total=total, units=_units(number), least=least, most=least + UNIT_MINUTES - 1), POOLED),
        *(_alone(code, value, POOLED) for code, value in minutes.items()),
    ]
    whole = sum(value // UNIT_MINUTES for value in minutes.values())
    left = number - whole
    even = not any(value % UNIT_MINUTES for value in minutes.values())
    key = "given_even" if even else "given_all" if not left else "given_whole" if left == 1 else "given_wholes"
    steps.append(Step(_say(key, whole=_units(whole), left=left), POOLED))
    takers = {code for code, value in minutes.items() if value // UNIT_MINUTES < earned.get(code, 0)}
    return (*steps, *_taken(minutes, takers))


def _taken(minutes: Mapping[str, int], takers: AbstractSet[str]) -> Iterator[Step]:
    """Yield who takes the units that the whole 15s leave, most minutes left first, and whose minutes left come too late."""
    rests = {code: value % UNIT_MINUTES for code, value in minutes.items()}
    last = min((rests[code] for code in takers), default=0)
    for rest in sorted({rests[code] for code in takers}, reverse=True):
        taking = [code for code in rests if code in takers and rests[code] == rest]
        # Codes that got nothing with as many minutes left: the manual leaves the choice to the therapist.
        tied = [code for code in rests if code not in takers and rests[code] == rest]
        key = "takes_tie" if tied else "takes" if rest == max(rests.values()) else "next"
        key = key if len(taking) == 1 else f"{key}_all"
        said = _say(key, codes=_listed(taking, "and"), left=rest, others=_listed(tied, "or"))
        yield Step(said, POOLED, taking[0] if len(taking) == 1 else None)
    taker = _listed([code for code in rests if code in takers and rests[code] == last], "and")
    for code, rest in rests.items():
        if takers and 0 < rest < last:
            yield Step(_say("left_empty", code=code, left=rest, most=last, taker=taker), POOLED, code)


def _listed(codes: Sequence[str], word: str) -> str:
    """Return codes as a list in words: "97110, 97140 and 97530"."""
    return f" {_say(word)} ".join([", ".join(codes[:-1]), codes[-1]] if len(codes) > 1 else codes)


def outside_words(terms: Terms) -> str:
    """Return what to say of a day of which no rule says anything, ``""`` of any other.

    Examples
    --------
    >>> outside_words(Terms(load_rules(), date(2099, 1, 1))).partition(" on ")[2]
    '2099-01-01 others may hold.'
    """
    rules, day = terms.rules, terms.day
    if day is None or not rules.outside(day):
        return ""
    return _say("outside", day=day.isoformat(), first=rules.first.isoformat(), last=rules.last.isoformat())


def _further(services: Mapping[str, int], codes: Mapping[str, Code]) -> Iterator[Step]:
    """Yield how the units of a first code go to its add-on."""
    for code, number in services.items():
        further = further_code(code, codes)
        if further is not None and codes[code].max_units_day < number:
            first = codes[code].max_units_day
            said = _say("further", code=code, first=_units(first), further=further, rest=_units(number - first))
            yield Step(said, code, code)


def _retired(code: str, terms: Terms) -> bool:
    """Return whether a code surely may not be billed on the day; a day that nobody has confirmed takes no minutes."""
    rows = terms.rules.periods("code", code)
    return not terms.rules.bills(code, terms.day) and all(row.sure("from", "until") for row in rows)


def _dates(minutes: Mapping[str, int], terms: Terms) -> Iterator[str]:
    if outside := outside_words(terms):
        yield outside
    for code in sorted(minutes):
        if not terms.rules.bills(code, terms.day) and not _retired(code, terms):
            yield _say("perhaps_retired", code=code)


def _not_billed(code: str, minutes: int, terms: Terms) -> LeftOut:
    first, last = _life(code, terms)
    early = terms.day is not None and first is not None and terms.day < first
    key, limit = ("not_yet", first) if early else ("retired", last)
    return LeftOut(
        code, minutes, _say(key, code=code, minutes=minutes, limit="" if limit is None else limit.isoformat())
    )


def _life(code: str, terms: Terms) -> tuple[date | None, date | None]:
    rows = terms.rules.periods("code", code)
    starts, ends = [row.start for row in rows if row.start], [row.end for row in rows if row.end]
    return min(starts, default=None), max(ends, default=None)


def _alone(code: str, minutes: int, policy: str) -> Step:
    whole, left = divmod(minutes, UNIT_MINUTES)
    if not left:
        key = "holds_even"
    elif policy == POOLED:
        key = "holds"
    elif policy == STRICT:
        key = "holds_strict"
    else:
        key = "holds_passes" if left >= MIDPOINT else "holds_short"
    words = _say("no_whole" if not whole else "one_whole" if whole == 1 else "wholes", count=whole)
    return Step(_say(key, code=code, minutes=minutes, whole=words, left=left, midpoint=MIDPOINT), policy, code)


def _changes(
    minutes: Mapping[str, int], earned: Mapping[str, int], policy: str, codes: Mapping[str, Code]
) -> list[Change]:
    changes: list[Change] = []
    for code, value in sorted(minutes.items()):
        for step, key in ((1, "more"), (-1, "less")):
            if value + step < 0:
                continue
            after = units({**minutes, code: value + step}, policy, codes=codes)
            if after != earned:
                text = _say(key, code=code, minutes=value + step, after=amounts(after), before=amounts(earned))
                changes.append(Change(code, step, after, text))
    return changes


def _left_out(minutes: Mapping[str, int], pooled: Mapping[str, int], terms: Terms) -> list[LeftOut]:
    left: list[LeftOut] = []
    for code, value in sorted(minutes.items()):
        if _retired(code, terms):
            left.append(_not_billed(code, value, terms))
        elif not counts(code, terms.rules.codes):
            known = terms.rules.codes[code]
            key = "other_unit" if known.timed else "untimed"
            left.append(LeftOut(code, value, _say(key, code=code, minutes=value, unit=known.unit_minutes)))
    for payer in terms.payers:
        for code, value in pooled.items():
            if payer.minimum_15 and 0 < value < UNIT_MINUTES:
                text = _say("below_minimum", code=code, minutes=value, payer=payer.name)
                left.append(LeftOut(code, value, text, payer.id))
        left += _unpaid(minutes, payer, terms)
    return left


def _unpaid(minutes: Mapping[str, int], payer: Payer, terms: Terms) -> Iterator[LeftOut]:
    """Yield the codes that a payer does not pay, with what it takes in their place; a row of one discipline is a claim's matter."""
    for code, value in sorted(minutes.items()):
        row = not_paid(terms, payer, code)
        if row is None or not row.holds(terms.day) or (row.text("not_for_discipline") and terms.discipline is None):
            continue
        key = ("unpaid_instead" if row.text("instead") else "unpaid") + ("" if row.sure("not_for") else "_perhaps")
        said = _say(key, code=code, payer=payer.name, instead=row.text("instead"), note=row.text("note"))
        yield LeftOut(code, value, said, payer.id)


def _units(number: int) -> str:
    return _say("no_unit" if not number else "one_unit" if number == 1 else "some_units", count=number)


@cache
def _words() -> data.Entry:
    return data.parse(data.read("steps.toml"), "steps.toml").table("words").closed(_KEYS)


def _say(key: str, **values: str | int) -> str:
    return _words().get(key, str).format(**values)
