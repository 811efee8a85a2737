"""The codes that notes name: timed or not, minutes in a unit, and which two the project proposes.

Examples
--------
>>> CODES["97110"].name, CODES["97110"].unit_minutes
('therapeutic exercise', 15)
>>> HEADLINE
('97110', '97530')
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.billing import data

GROUPS = ("procedure", "group", "evaluation", "test", "modality", "remote", "slp")

_NUMBER = re.compile(r"[0-9A-Z][0-9]{4}")
_REQUIRED = ("number", "name", "timed", "unit_minutes", "group")
_OPTIONAL = ("headline", "source", "unconfirmed", "unconfirmed_fields")


@dataclass(frozen=True, slots=True)
class Code:
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
        The file cannot be used: unknown or missing keys, a number twice or ill-formed, a unit that does not fit
        ``timed``, an unknown group, no source and not marked unconfirmed, no headline code or an untimed one.
    """
    root = data.parse(text, file).closed(("sources", "code"))
    sources = root.table("sources").values
    codes: dict[str, Code] = {}
    for entry in root.tables("code", "number"):
        entry.closed(_REQUIRED, _OPTIONAL)
        code = Code(
            number=entry.get("number", str),
            name=entry.get("name", str),
            timed=entry.get("timed", bool),
            unit_minutes=entry.get("unit_minutes", int),
            group=entry.get("group", str),
            headline="headline" in entry.values and entry.get("headline", bool),
        )
        if not _NUMBER.fullmatch(code.number):
            raise entry.error("number must be five digits, or a capital letter and four digits")
        if code.timed is not (code.unit_minutes > 0):
            raise entry.error("unit_minutes must be above 0 where the code is timed and 0 where it is not")
        if code.group not in GROUPS:
            raise entry.error(f"group must be one of {', '.join(GROUPS)}")
        if code.headline and not code.timed:
            raise entry.error("a headline code must be timed")
        if "unconfirmed_fields" in entry.values and not set(entry.texts("unconfirmed_fields")) < set(_REQUIRED):
            raise entry.error(f"unconfirmed_fields must name some of {', '.join(_REQUIRED)}")
        unconfirmed = "unconfirmed" in entry.values and entry.get("unconfirmed", bool)
        if "source" in entry.values:
            if entry.get("source", str) not in sources:
                raise entry.error("source must be a key of [sources]")
        elif not unconfirmed:
            raise entry.error("give a source, or say unconfirmed = true")
        codes[code.number] = code
    if not any(code.headline for code in codes.values()):
        raise root.error("at least one code must have headline = true")
    return MappingProxyType(codes)


CODES: Mapping[str, Code] = parse_codes(data.read("codes.toml"))
HEADLINE: tuple[str, ...] = tuple(number for number, code in CODES.items() if code.headline)
