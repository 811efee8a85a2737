"""What a corpus holds: notes, writers, settings, layouts, words, labels, hard kinds and pairs, split by split.

Of sealed notes only what their headers tell is counted (`models.training.dataset.Header`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from models.training.checks import note_files
from models.training.dataset import (
    NOTES_FOLDER,
    SPLITS_FILE,
    Header,
    LabelledNote,
    Split,
    check_pairs,
    check_splits,
    minutes_of,
    read_corpus,
    read_headers,
    read_notes,
    read_splits,
    unseen_settings,
)

ALL = "all"


class Labels(BaseModel):
    """Counts of what is labelled; ``minutes`` are the sum for each timed code, ``blocks`` the number for each code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: int
    services: int
    services_with_minutes: int
    shared_minutes: int
    activities: int
    mentions: int
    goals: int
    blocks: dict[str, int]
    minutes: dict[str, int]
    statuses: dict[str, int]
    elements: dict[str, int]


class Names(BaseModel):
    """Notes by writer, setting and layout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    writers: dict[str, int]
    settings: dict[str, int]
    layouts: dict[str, int]


class Part(BaseModel):
    """One part of a corpus; tables count notes by name, ``pairs`` whole pairs. Sealed notes: no ``names``, no ``labels``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notes: int
    writers: int
    settings: int
    layouts: int
    disciplines: dict[str, int]
    hard: dict[str, int]
    hard_notes: int
    pairs: dict[str, int]
    names: Names | None
    labels: Labels | None


class Stats(BaseModel):
    """Parts by split, in the order of the splits; ``all`` stands alone where there are no splits.

    ``unseen_settings`` is the share, in [0, 1], of sealed notes whose setting no training note has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: dict[str, Part]
    unseen_settings: float | None


def count(path: Path) -> Stats:
    """Count a corpus, a folder of files of notes, or one file.

    Raises
    ------
    DatasetError
        A file holds what is no labelled note, the split leaks, or there are no notes.
    OSError
        A file cannot be read.
    """
    if not (path / NOTES_FOLDER).is_dir():
        return Stats(
            parts={ALL: _part([n for file in note_files(path) for n in read_notes(file)])}, unseen_settings=None
        )
    notes, headers = read_corpus(path), read_headers(path)
    if not (path / SPLITS_FILE).is_file():
        return Stats(parts={ALL: _part(notes)}, unseen_settings=None)
    splits = read_splits(path)
    check_splits([*notes, *headers], splits)
    opened: tuple[Split, ...] = ("train", "development")
    parts = {split: _part([note for note in notes if splits[note.id] == split]) for split in opened}
    share = unseen_settings([*notes, *headers], splits)
    return Stats(
        parts={**parts, "sealed": _part(headers)},
        unseen_settings=None if share is None else float(f"{share:.4f}"),
    )


def _part(notes: Sequence[LabelledNote] | Sequence[Header]) -> Part:
    check_pairs(notes)
    families = Counter(note.pair.family for note in notes if note.pair is not None)
    labelled = [note for note in notes if isinstance(note, LabelledNote)]
    shut = len(labelled) < len(notes)
    names = Names(
        writers=_table(note.writer for note in notes),
        settings=_table(note.setting for note in notes),
        layouts=_table(note.layout for note in notes),
    )
    return Part(
        notes=len(notes),
        writers=len(names.writers),
        settings=len(names.settings),
        layouts=len(names.layouts),
        disciplines=_table(note.discipline for note in notes),
        hard=_table(kind for note in notes for kind in note.hard),
        hard_notes=sum(bool(note.hard) for note in notes),
        pairs={family: number // 2 for family, number in sorted(families.items())},
        names=None if shut else names,
        labels=None if shut else _labels(labelled),
    )


def _labels(notes: Sequence[LabelledNote]) -> Labels:
    services = [service for note in notes for service in note.services]
    minutes: Counter[str] = Counter()
    for note in notes:
        minutes.update(minutes_of(note))
    return Labels(
        words=sum(len(note.text.split()) for note in notes),
        services=len(services),
        services_with_minutes=sum(service.minutes is not None for service in services),
        shared_minutes=sum(len(note.shared_minutes) for note in notes),
        activities=sum(len(service.activities) for service in services),
        mentions=sum(len(note.mentions) for note in notes),
        goals=sum(len(note.goals) for note in notes),
        blocks=_table(service.code for service in services),
        minutes=dict(sorted(minutes.items())),
        statuses=_table(mention.status or "none" for note in notes for mention in note.mentions),
        elements=_table(element for note in notes for element, there in note.elements.items() if there),
    )


def _table(names: Iterable[str]) -> dict[str, int]:
    """Counts by name, the largest first, equal ones by name."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
