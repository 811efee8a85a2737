"""The codes that notes name: timed or not, minutes in a unit, and which two the project proposes.

Examples
--------
>>> CODES["97110"].name, CODES["97110"].unit_minutes
('therapeutic exercise', 15)
>>> HEADLINE
('97110', '97530')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from models.billing import data
from models.billing.rows import NUMBER, Rule, parse_rows
from nlp.errors import LexiconError


class Code(NamedTuple):
    """One code; ``unit_minutes`` is the minutes in one unit, 0 where the code is untimed.

    ``add_on_to`` is the code that must stand beside it (``""``: none), ``max_units_day`` the most units that it has on one day
    by its own definition (0: no such number): the units above go to its add-on.
    """

    number: str
    name: str
    timed: bool
    unit_minutes: int
    group: str
    headline: bool
    add_on_to: str = ""
    max_units_day: int = 0


def parse_codes(text: str, file: str = "codes.toml") -> Mapping[str, Code]:
    """Return the codes of a data file by number, in its order.

    Parameters
    ----------
    text : str
        The file's content (TOML).
    file : str
        Its name, for errors.

    Raises
    ------
    LexiconError
        The file cannot be used: a row that is no rule (`models.billing.rows`), a number twice or ill-formed, a unit that
        does not fit ``timed``, no headline code or an untimed one.
    """
    root = data.parse(text, file).closed(("sources", "code"))
    codes = codes_of(parse_rows(root, ("code",)))
    if not any(code.headline for code in codes.values()):
        raise root.error("at least one code must have headline = true")
    return codes


def codes_of(rules: Iterable[Rule]) -> Mapping[str, Code]:
    """Return the codes of rows by number, in their order.

    Raises
    ------
    LexiconError
        A number is ill-formed, a unit does not fit ``timed``, a headline code is untimed, or two periods of a code differ in what
        the arithmetic is made of.
    """
    codes: dict[str, Code] = {}
    for rule in rules:
        code = Code(
            number=rule.subject,
            name=rule.text("name"),
            timed=rule.yes("timed"),
            unit_minutes=rule.number("unit_minutes"),
            group=rule.text("group"),
            headline=rule.yes("headline"),
            add_on_to=rule.text("add_on_to"),
            max_units_day=rule.number("max_units_day"),
        )
        reason = _wrong(code) or _unlike(code, codes.get(code.number))
        if reason:
            raise LexiconError(rule.file, rule.id, reason)
        codes[code.number] = code
    return MappingProxyType(codes)


def _wrong(code: Code) -> str:
    if not NUMBER.fullmatch(code.number):
        return "number must be five digits, or a capital letter and four digits"
    if code.timed is not (code.unit_minutes > 0):
        return "unit_minutes must be above 0 where the code is timed and 0 where it is not"
    if code.headline and not code.timed:
        return "a headline code must be timed"
    if code.add_on_to == code.number:
        return "a code is no add-on to itself"
    return ""


def first_code(code: str, codes: Mapping[str, Code]) -> str:
    """Return the code under which the minutes of a code are counted: for an add-on, the code of the first unit.

    Only where that code's own definition ends with its first units is the work of both one service; other add-ons stand alone.
    """
    known = codes.get(code)
    first = None if known is None else codes.get(known.add_on_to)
    if known is None or first is None or not first.max_units_day or first.unit_minutes != known.unit_minutes:
        return code
    return first.number


def further_code(code: str, codes: Mapping[str, Code]) -> str | None:
    """Return the add-on that takes the units which a code cannot have, ``None`` where there is none."""
    if code not in codes or not codes[code].max_units_day:
        return None
    return next((other for other in codes if other != code and first_code(other, codes) == code), None)


def _unlike(code: Code, other: Code | None) -> str:
    # Minutes become units without a day: what decides that is the same in every period.
    if other is not None and code != other._replace(name=code.name):
        return (
            "timed, unit_minutes, group, headline, add_on_to and max_units_day "
            f"must be those of the other periods of {code.number}"
        )
    return ""


CODES: Mapping[str, Code] = data.Lazy(lambda: parse_codes(data.read("codes.toml")))
# The labels that the model was trained for; they stand here too, so that a process that asks for them alone does not read the file.
HEADLINE: tuple[str, ...] = ("97110", "97530")
