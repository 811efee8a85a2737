"""Reads the data files beside the billing rules; where one cannot be used, says which file, which entry and why.

Examples
--------
>>> Entry("codes.toml", "97110", {"timed": 1}).get("timed", bool)
Traceback (most recent call last):
nlp.errors.LexiconError: codes.toml, entry '97110': timed must be true or false
"""

from __future__ import annotations

import pkgutil
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from functools import cache
from typing import NamedTuple, TypeVar, cast

from nlp.errors import LexiconError

T = TypeVar("T", str, int, float, bool)
V = TypeVar("V")

_WORDS = {str: "text in quotes", int: "a whole number", float: "a number with a decimal point", bool: "true or false"}
_HEADER = ("version", "source", "reviewed", "reviewed_by")


class Lazy(Mapping[str, V]):
    """A mapping that ``load`` gives when it is first looked into: loading the rules' modules reads no large file.

    Examples
    --------
    >>> Lazy(lambda: {"GP": 1})["GP"]
    1
    """

    def __init__(self, load: Callable[[], Mapping[str, V]]) -> None:
        self._load = cache(load)

    def __getitem__(self, key: str) -> V:
        return self._load()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())


class Entry(NamedTuple):
    """A table of a data file with the name by which errors call it."""

    file: str
    name: str
    values: Mapping[str, object]

    def error(self, reason: str) -> LexiconError:
        """Return the error that names this entry."""
        return LexiconError(self.file, self.name, reason)

    def closed(self, required: Collection[str], optional: Collection[str] = ()) -> Entry:
        """Return the entry itself, after checking that it has every required key and none that nobody reads.

        Raises
        ------
        LexiconError
            A key is missing or unknown.
        """
        for key in required:
            if key not in self.values:
                raise self.error(f"{key} is missing")
        for key in self.values:
            if key not in required and key not in optional:
                raise self.error(f"unknown key {key}; use {', '.join((*required, *optional))}")
        return self

    def get(self, key: str, kind: type[T]) -> T:
        """Return the value of ``key``, which must be of ``kind`` exactly and, where it is text, not empty.

        Raises
        ------
        LexiconError
            The key is missing or its value is of another kind.
        """
        value = self.values.get(key)
        # In Python true is also the number 1; in a data file it is a slip.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool) or value == "":
            raise self.error(f"{key} must be {_WORDS[kind]}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the list of texts under ``key``.

        Raises
        ------
        LexiconError
            It is missing, empty, or holds anything but text.
        """
        value = self.values.get(key)
        items = cast("list[object]", value) if isinstance(value, list) else []
        texts = tuple(item for item in items if isinstance(item, str) and item)
        if not texts or len(texts) < len(items):
            raise self.error(f"{key} must be a list of texts in quotes")
        return texts

    def day(self, key: str) -> date | None:
        """Return the date under ``key``, ``None`` where there is none.

        Raises
        ------
        LexiconError
            It is no date, or stands in quotes.
        """
        value = self.values.get(key)
        if value is not None and type(value) is not date:
            raise self.error(f"{key} must be a date, year-month-day, without quotes")
        return value

    def table(self, key: str) -> Entry:
        """Return the table under ``key``, named after it.

        Raises
        ------
        LexiconError
            There is no such table.
        """
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self.error(f"there must be a table [{key}]")
        return Entry(self.file, key, cast("dict[str, object]", value))

    def tables(self, key: str, name: str) -> tuple[Entry, ...]:
        """Return the tables ``[[key]]``, each called by its own value of ``name``.

        Raises
        ------
        LexiconError
            There is none, or two have the same name.
        """
        value = self.values.get(key)
        items = cast("list[object]", value) if isinstance(value, list) else []
        if not items or not all(isinstance(item, dict) for item in items):
            raise self.error(f"there must be tables [[{key}]]")
        found: dict[str, Entry] = {}
        for position, item in enumerate(items, start=1):
            values = cast("dict[str, object]", item)
            entry = Entry(self.file, str(values.get(name, f"{key} number {position}")), values)
            if entry.name in found:
                raise entry.error(f"{name} stands twice")
            found[entry.name] = entry
        return tuple(found.values())


def read(file: str) -> str:
    """Return the text of a data file of this package."""
    return read_from(__name__, file)


def read_from(module: str, file: str) -> str:
    """Return the text of a data file that lies beside a module."""
    # pkgutil and not importlib.resources, which takes a fifth of this package's whole import time.
    data = pkgutil.get_data(module, file)
    if data is None:
        raise LexiconError(file, "", "the file cannot be read from where the package is installed")
    return data.decode()


def asked(template: str) -> list[str]:
    """Return the values that a message asks for.

    Raises
    ------
    ValueError
        It has a brace without its partner.

    Examples
    --------
    >>> asked("{code} lacks {modifier}.")
    ['code', 'modifier']
    """
    from string import Formatter  # needed where files of messages are read alone

    return [field for _, field, _, _ in Formatter().parse(template) if field is not None]


def parse(text: str, file: str) -> Entry:
    """Return a data file as one entry, its ``[header]`` checked and taken off.

    Raises
    ------
    LexiconError
        It is no TOML, or its header lacks the version, the source, the date reviewed or by whom.
    """
    values = _loaded(text, file)
    _header(values, file)
    return Entry(file, "", {key: value for key, value in values.items() if key != "header"})


def header(text: str, file: str) -> Entry:
    """Return the checked ``[header]`` of a data file; errors as for `parse`."""
    return _header(_loaded(text, file), file)


def _loaded(text: str, file: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LexiconError(file, "", f"not valid TOML: {error}") from error


def _header(values: Mapping[str, object], file: str) -> Entry:
    header = Entry(file, "", values).table("header").closed(_HEADER)
    for key in _HEADER:
        header.get(key, str)
    try:
        date.fromisoformat(header.get("reviewed", str))
    except ValueError as error:
        raise header.error("reviewed must be a date, year-month-day") from error
    return header
