"""What a payer makes of the same minutes: its policy, its least minutes, the pairs and modifiers that it asks for.

Examples
--------
>>> from models.billing.rules import load_rules
>>> payer_units({"97110": 20, "97530": 18}, payer_named(load_rules(), "medicare", None))
{'97110': 2, '97530': 1}
>>> payer_units({"97110": 20, "97530": 18}, payer_named(load_rules(), "strict_15", None))
{'97110': 1, '97530': 1}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from models.billing.codes import CODES, Code
from models.billing.errors import UnknownPayer
from models.billing.rows import Rule
from models.billing.rules import USUAL_LIMITS, Rules
from models.billing.units import UNIT_MINUTES, counted, units


class Payer(NamedTuple):
    """A payer's profile; ``day_cap`` is the most timed units a day, 0 where it has none. ``rule`` is its row."""

    rule: Rule
    name: str
    policy: str
    minimum_15: bool
    tables: tuple[str, ...]
    modifiers: tuple[str, ...]
    limits: bool
    day_cap: int
    assistants: str

    @property
    def id(self) -> str:
        """Its name in requests; the row of the day may have an id of its own."""
        return self.rule.subject

    @property
    def limit_tables(self) -> tuple[str, ...]:
        """Tables whose daily limits it holds to, its own before Medicare's."""
        return (*self.tables, USUAL_LIMITS) if self.limits else self.tables


class Terms(NamedTuple):
    """Under which rules a note or a claim is looked at; without payer and day, those of the unit policy alone.

    The primary payer governs: the claim goes to it first, in its count. ``discipline`` is PT, OT or ``None``.
    """

    rules: Rules
    day: date | None = None
    primary: Payer | None = None
    secondary: Payer | None = None
    discipline: str | None = None

    @property
    def payers(self) -> tuple[Payer, ...]:
        """The payers, the one that governs first."""
        return tuple(payer for payer in (self.primary, self.secondary) if payer is not None)


def payer_named(rules: Rules, id: str, day: date | None) -> Payer:
    """Return the profile of a payer on a day.

    Raises
    ------
    UnknownPayer
        The rules have none of this id for the day.
    """
    rule = rules.of("payer", id, day)
    if rule is None:
        raise UnknownPayer(id, list(payer_names(rules, day)))
    return Payer(
        rule=rule,
        name=rule.text("name"),
        policy=rule.text("policy"),
        minimum_15=rule.yes("minimum_15"),
        tables=rule.texts("tables"),
        modifiers=rule.texts("modifiers"),
        limits=rule.yes("limits"),
        day_cap=rule.number("day_cap"),
        assistants=rule.text("assistants"),
    )


def payer_names(rules: Rules, day: date | None = None) -> dict[str, str]:
    """Return the names of the payers of a day, by id.

    Examples
    --------
    >>> from models.billing.rules import load_rules
    >>> payer_names(load_rules())["medicare"]
    'Medicare Part B'
    """
    return {rule.subject: rule.text("name") for rule in rules.on("payer", day)}


def terms_of(
    rules: Rules,
    *,
    day: date | None = None,
    payer: str | None = None,
    secondary: str | None = None,
    discipline: str | None = None,
) -> Terms:
    """Return the terms for payers named by their ids.

    Raises
    ------
    UnknownPayer
        The rules have no such payer for the day.
    """
    primary, second = (None if id is None else payer_named(rules, id, day) for id in (payer, secondary))
    return Terms(rules, day, primary, second, discipline)


def not_paid(terms: Terms, payer: Payer, code: str, *, discipline: str | None = None) -> Rule | None:
    """Return the row of a code of the list that a payer does not pay, ``None`` where nothing says so.

    A row for one discipline alone speaks of that one, and of a claim whose discipline is not known.
    """
    row = terms.rules.of_code(code, terms.day)
    alone, whose = row.text("not_for_discipline"), discipline or terms.discipline
    spoken = payer.id in row.texts("not_for") and not (alone and whose is not None and whose != alone)
    return row if spoken else None


def payer_minutes(minutes: Mapping[str, int], payer: Payer | None, codes: Mapping[str, Code] = CODES) -> dict[str, int]:
    """Return the minutes that a payer counts: of 15-minute codes, without those below its minimum.

    Raises
    ------
    UnknownCode, InvalidMinutes
        As for `models.billing.units.units`.
    """
    least = UNIT_MINUTES if payer is not None and payer.minimum_15 else 0
    return {code: value for code, value in counted(minutes, codes).items() if value >= least}


def payer_units(minutes: Mapping[str, int], payer: Payer, codes: Mapping[str, Code] = CODES) -> dict[str, int]:
    """Return the units of one day's minutes as a payer counts them; errors as for `payer_minutes`."""
    return units(payer_minutes(minutes, payer, codes), payer.policy, codes=codes)
