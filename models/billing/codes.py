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
    """One code; ``unit_minutes`` is the minutes in one unit, 0 where the code is untimed."""

    number: str
    name: str
    timed: bool
    unit_minutes: int
    group: str
    headline: bool


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
    return ""


def _unlike(code: Code, other: Code | None) -> str:
    # Minutes become units without a day: what decides that is the same in every period.
    if other is not None and code != other._replace(name=code.name):
        return f"timed, unit_minutes, group and headline must be those of the other periods of {code.number}"
    return ""


CODES: Mapping[str, Code] = data.Lazy(lambda: parse_codes(data.read("codes.toml")))
# The labels that the model was trained for; they stand here too, so that a process that asks for them alone does not read the file.
HEADLINE: tuple[str, ...] = ("97110", "97530")
