"""One row of a rule file: what every rule has, whatever it says, and how each kind of row is written.

A row has an id, a first and a last day (one that is left out is open), a source, the day on which that was read, and
whether it was confirmed. What else it says depends on its kind (`KINDS`).

Examples
--------
>>> from datetime import date
>>> rule = Rule("limit", "mue.1", "limits.toml", date(2020, 1, 1), None, "a page", date(2026, 1, 31), True, (), {"units": 4})
>>> rule.holds(date(2019, 12, 31)), rule.holds(date(2020, 1, 1)), rule.number("units")
(False, True, 4)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple, cast

from models.billing import data
from nlp.errors import LexiconError

Value = str | int | bool | tuple[str, ...]
# How a field is written: text, whole number, true or false, list of texts (it may be empty), or one of these words.
Form = Literal["text", "whole", "yes", "texts"] | tuple[str | int, ...]

GROUPS = ("procedure", "group", "evaluation", "test", "modality", "remote", "slp", "physician")
FAMILIES = ("discipline", "distinct", "threshold", "assistant", "other")
DISCIPLINES = ("PT", "OT", "SLP")
NUMBER = re.compile(r"[0-9A-Z][0-9]{4}")


class Kind(NamedTuple):
    """How the rows of one kind are written: their file, the key of their id, and their own fields."""

    file: str
    required: Mapping[str, Form]
    optional: Mapping[str, Form] = {}
    id: str = "id"


# Of these a row is one period of what its ``of`` names, of what its id names where it has none. Pairs, limits and thresholds
# name what they speak of in other fields; policies are the code's.
_OF: Mapping[str, Form] = {"of": "text"}

KINDS: Mapping[str, Kind] = {
    "code": Kind(
        "codes.toml",
        {"name": "text", "timed": "yes", "unit_minutes": "whole", "group": GROUPS},
        {
            "headline": "yes", "names": "texts", "add_on_to": "text", "max_units_day": "whole", "note": "text",
            "not_for": "texts", "not_for_discipline": DISCIPLINES, "instead": "text", **_OF,
        },
        "number",
    ),
    "policy": Kind("policies.toml", {"name": "text", "rule": "text"}),
    "counting": Kind("policies.toml", {"text": "text"}, _OF),
    "pair": Kind(
        "pairs.toml",
        {"table": "text", "column_1": "texts", "column_2": "texts", "indicator": (0, 1, 9)},
        {"disputed": "yes", "note": "text"},
    ),
    "limit": Kind("limits.toml", {"code": "text", "units": "whole"}, {"table": "text", "note": "text"}),
    "threshold": Kind("thresholds.toml", {"name": ("kx", "review"), "dollars": "whole"}, {"note": "text"}),
    "modifier": Kind(
        "modifiers.toml", {"family": FAMILIES, "meaning": "text"}, {"discipline": DISCIPLINES, "required": "text", **_OF}
    ),
    "share": Kind("modifiers.toml", {"text": "text"}, {"percent": "whole", **_OF}),
    "requirement": Kind(
        "documentation.toml",
        {
            "document": (
                "treatment_note", "progress_report", "plan_of_care", "evaluation", "re_evaluation", "discharge",
            ),
            "level": ("must", "should", "voluntary", "retired"),
            "text": "text",
        },
        {"note": "text", **_OF},
    ),
    "payer": Kind(
        "payers.toml",
        {
            "name": "text", "policy": "text", "minimum_15": "yes", "modifiers": "texts", "limits": "yes",
            "assistants": ("modifier", "plain", "none"),
        },
        {"tables": "texts", "day_cap": "whole", "note": "text", **_OF},
    ),
}  # fmt: skip
FILES: tuple[str, ...] = tuple(dict.fromkeys(kind.file for kind in KINDS.values()))

_COMMON = ("source", "checked", "confirmed")
_OPEN = ("from", "until", "unconfirmed_fields", "second_source")


class Rule(NamedTuple):
    """One rule; ``start`` and ``end`` are its first and last day of service, ``None`` where it is open on that side.

    ``second_source`` is one more page that says so, ``""`` where none was read.
    """

    kind: str
    id: str
    file: str
    start: date | None
    end: date | None
    source: str
    checked: date
    confirmed: bool
    unconfirmed_fields: tuple[str, ...]
    values: Mapping[str, Value]
    second_source: str = ""

    @property
    def subject(self) -> str:
        """What the row is a period of: a payer's, code's or modifier's name; its own id where it has no ``of``."""
        return self.text("of") or self.id

    def holds(self, day: date | None) -> bool:
        """Return whether the rule is in force on a day; without one, whether it is open at its end."""
        if day is None:
            return self.end is None
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    def text(self, key: str) -> str:
        """Return a text of the row, ``""`` where it has none."""
        return cast("str", self.values.get(key, ""))

    def number(self, key: str) -> int:
        """Return a whole number of the row, 0 where it has none."""
        return cast("int", self.values.get(key, 0))

    def yes(self, key: str) -> bool:
        """Return a yes or no of the row, no where it says nothing."""
        return cast("bool", self.values.get(key, False))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of the row, empty where it has none."""
        return cast("tuple[str, ...]", self.values.get(key, ()))

    def sure(self, *keys: str) -> bool:
        """Return whether the row is confirmed, and none of these fields is marked as unconfirmed."""
        return self.confirmed and not set(keys) & set(self.unconfirmed_fields)


def parse_rows(
    root: data.Entry, kinds: Iterable[str], problems: list[LexiconError] | None = None, *, partial: bool = False
) -> tuple[Rule, ...]:
    """Return the rows of a data file, in its order.

    Parameters
    ----------
    root : data.Entry
        The file, as `data.parse` returns it.
    kinds : Iterable[str]
        The kinds of rows it may hold.
    problems : list[LexiconError] | None
        Takes what is wrong with single rows; without it, the first such error is raised.
    partial : bool
        The file need not have rows of every kind.

    Raises
    ------
    LexiconError
        A row cannot be used; the error names the file, the row and the reason.
    """
    sources: Mapping[str, object] = root.table("sources").values if "sources" in root.values else {}
    rules: list[Rule] = []
    for kind in kinds:
        if partial and kind not in root.values:
            continue
        for entry in root.tables(kind, KINDS[kind].id):
            try:
                rules.append(_rule(entry, kind, sources))
            except LexiconError as error:
                if problems is None:
                    raise
                problems.append(error)
    return tuple(rules)


def _rule(entry: data.Entry, name: str, sources: Mapping[str, object]) -> Rule:
    kind = KINDS[name]
    entry.closed((kind.id, *kind.required, *_COMMON), (*kind.optional, *_OPEN))
    entry.get(kind.id, str)
    fields: dict[str, Form] = {**kind.required, **kind.optional}
    values = {key: _value(entry, key, form) for key, form in fields.items() if key in entry.values}
    start, end = entry.day("from"), entry.day("until")
    if start is not None and end is not None and end < start:
        raise entry.error("until lies before from")
    checked = entry.day("checked")
    assert checked is not None, "a required key is there"
    unconfirmed = entry.texts("unconfirmed_fields") if "unconfirmed_fields" in entry.values else ()
    if not set(unconfirmed) <= {*fields, "from", "until"}:
        raise entry.error(f"unconfirmed_fields must name some of {', '.join((*fields, 'from', 'until'))}")
    return Rule(
        kind=name,
        id=entry.name,
        file=entry.file,
        start=start,
        end=end,
        source=_source(entry, "source", sources),
        checked=checked,
        confirmed=entry.get("confirmed", bool),
        unconfirmed_fields=unconfirmed,
        values=MappingProxyType(values),
        second_source=_source(entry, "second_source", sources) if "second_source" in entry.values else "",
    )


def _value(entry: data.Entry, key: str, form: Form) -> Value:
    if form == "text":
        return entry.get(key, str)
    if form == "yes":
        return entry.get(key, bool)
    if form == "texts":
        return entry.texts(key) if entry.values[key] != [] else ()
    if form == "whole":
        number = entry.get(key, int)
        if number < 0:
            raise entry.error(f"{key} must be 0 or more")
        return number
    value = entry.get(key, str) if isinstance(form[0], str) else entry.get(key, int)
    if value not in form:
        raise entry.error(f"{key} must be one of {', '.join(str(each) for each in form)}")
    return value


def _source(entry: data.Entry, key: str, sources: Mapping[str, object]) -> str:
    """Return the source in words: a key of the file's sources, an address, or what stands there."""
    source = entry.get(key, str)
    if source in sources:
        return str(sources[source])
    # A single word is meant as a key.
    if " " not in source and "://" not in source:
        raise entry.error(f"{key} must be a key of [sources], an address, or words")
    return source
