"""Break-downs: the kinds of notes for which figures are shown apart. Which words make which care setting stands in ``groups.toml``.

Examples
--------
>>> setting_group("SNF Part A stroke")
'skilled nursing and long-term care'
>>> length_group(120)
'100 to 149 words'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.billing import data
from models.training.counting import hard_kinds
from models.training.dataset import LabelledNote
from models.training.figures import read_text

OTHER_SETTING = "other settings"
ORDINARY = "ordinary notes"
_FILE = "groups.toml"


@dataclass(frozen=True, slots=True)
class Setting:
    """A group of care settings with the words by which it is known, and what it must and must not take."""

    id: str
    name: str
    pattern: re.Pattern[str]
    examples: tuple[str, ...]
    not_examples: tuple[str, ...]

    def takes(self, label: str) -> bool:
        """Whether one of its words stands in a setting's label."""
        return self.pattern.search(label) is not None


@dataclass(frozen=True, slots=True)
class Length:
    """A group of lengths: fewer words than ``below``; ``None``: any number."""

    id: str
    name: str
    below: int | None


def parse_groups(text: str, file: str = _FILE) -> tuple[tuple[Setting, ...], tuple[Length, ...]]:
    """Settings and lengths of a data file, in the order in which they are tried.

    Raises
    ------
    LexiconError
        Unknown or missing keys, lengths that do not grow, or a last length that leaves some notes out.
    """
    root = data.parse(text, file).closed(("setting", "length"))
    settings = []
    for entry in root.tables("setting", "id"):
        entry.closed(("id", "name", "words", "examples", "not_examples"))
        words = sorted(entry.texts("words"), key=len, reverse=True)
        pattern = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, words)) + r")(?![\w-])", re.IGNORECASE)
        texts = {key: entry.texts(key) for key in ("examples", "not_examples")}
        settings.append(Setting(entry.name, entry.get("name", str), pattern, **texts))
    lengths = []
    for entry in root.tables("length", "id"):
        entry.closed(("id", "name"), ("below",))
        below = entry.get("below", int) if "below" in entry.values else None
        if lengths and (lengths[-1].below is None or (below is not None and below <= lengths[-1].below)):
            raise entry.error("below must grow from entry to entry, and only the last one has none")
        lengths.append(Length(entry.name, entry.get("name", str), below))
    if lengths[-1].below is not None:
        raise root.error("the last [[length]] must have no below, so that every note has a length")
    return tuple(settings), tuple(lengths)


SETTINGS, LENGTHS = parse_groups(read_text(_FILE))


def setting_group(label: str) -> str:
    """Name of the group of care settings that a note's setting belongs to."""
    return next((setting.name for setting in SETTINGS if setting.takes(label)), OTHER_SETTING)


def length_group(words: int) -> str:
    """Name of the group of lengths that a number of words belongs to."""
    return next(length.name for length in LENGTHS if length.below is None or words < length.below)


# What a break-down is called, and the groups that a note stands in.
BREAKDOWNS: Mapping[str, Callable[[LabelledNote], Sequence[str]]] = {
    "setting": lambda note: (setting_group(note.setting),),
    "layout": lambda note: (note.layout,),
    "writer": lambda note: (note.writer,),
    "discipline": lambda note: (note.discipline,),
    "hard kind": lambda note: hard_kinds(note) or (ORDINARY,),
    "length": lambda note: (length_group(len(note.text.split())),),
}
