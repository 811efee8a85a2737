"""Labelled notes: the JSONL format, its checks, and the split.

One note a line, offsets half-open into ``text``. The JSON schema of `LabelledNote` is ``training_data/schema.json``.
Labels follow the labelling guide in ``training_data/LABELLING.md``.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.billing.codes import CODES, HEADLINE
from models.errors import DatasetError
from nlp.document import ELEMENTS, ElementName, Status

Split = Literal["train", "development", "held_out"]
ServiceCode = Literal["97110", "97530", "other"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledSpan(_Strict):
    """Half-open stretch of the note, with its text as a check against drift."""

    start: int = Field(ge=0)
    end: int
    text: str


class LabelledMention(LabelledSpan):
    """An activity not done today; ``status`` is ``None`` where the labeller gave none."""

    status: Status | None


class LabelledService(LabelledSpan):
    """One block of treatment done today.

    ``accept`` holds every code that a careful certified coder could defend, ``code`` among them. ``stated`` is the code
    or service name as the note puts it on the block, ``stated_code`` the number it stands for (``None``: none).
    """

    code: ServiceCode
    accept: tuple[ServiceCode, ...]
    other_code: str | None
    stated: str | None
    stated_code: str | None
    minutes: int | None = Field(default=None, gt=0, le=240)
    activities: tuple[LabelledSpan, ...]


class SharedMinutes(_Strict):
    """One duration given to several blocks (indexes into ``services``), not split."""

    minutes: int = Field(gt=0, le=480)
    blocks: tuple[int, ...]


class LabelledNote(_Strict):
    """An invented note with its labels."""

    id: str
    writer: str = Field(description="Who wrote it; a writer stands on one side of the split only.")
    layout: str = Field(description="How the note is laid out; a layout stands on one side of the split only.")
    discipline: Literal["PT", "OT"]
    setting: str
    style: str
    text: str
    services: tuple[LabelledService, ...]
    shared_minutes: tuple[SharedMinutes, ...]
    mentions: tuple[LabelledMention, ...]
    goals: tuple[LabelledSpan, ...]
    elements: dict[ElementName, bool]
    trap: str

    @model_validator(mode="after")
    def _spans_fit(self) -> Self:
        spans: list[LabelledSpan] = [*self.services, *self.mentions, *self.goals]
        for service in self.services:
            spans += service.activities
            if service.code not in service.accept:
                raise ValueError(f"service at {service.start}: code {service.code} is not in accept")
            for activity in service.activities:
                if activity.start < service.start or service.end < activity.end:
                    raise ValueError(f"activity at {activity.start} lies outside its service")
        for span in spans:
            if self.text[span.start : span.end] != span.text or span.start >= span.end:
                raise ValueError(f"span {span.start}..{span.end} does not match the text")
        done = sorted((a.start, a.end) for s in self.services for a in s.activities)
        for (_, end), (start, _) in itertools.pairwise(done):
            if start < end:
                raise ValueError(f"activities overlap at {start}")
        for shared in self.shared_minutes:
            for index in shared.blocks:
                if not 0 <= index < len(self.services):
                    raise ValueError(f"shared_minutes names service {index}, which does not exist")
                if self.services[index].minutes is not None:
                    raise ValueError(f"service {index} shares minutes and has minutes of its own")
        if set(self.elements) != set(ELEMENTS):
            raise ValueError(f"elements must be exactly {', '.join(ELEMENTS)}")
        return self

    @property
    def activities(self) -> tuple[LabelledSpan, ...]:
        """All activities done today, in text order."""
        return tuple(sorted((a for s in self.services for a in s.activities), key=lambda a: a.start))


def read_notes(path: Path) -> Iterator[LabelledNote]:
    """Read labelled notes from one JSONL file.

    Raises
    ------
    DatasetError
        A line is no labelled note; names file, line and reason, never the note's text.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield LabelledNote.model_validate_json(line)
            except ValidationError as error:
                first = error.errors(include_input=False, include_url=False)[0]
                where = ".".join(str(part) for part in first["loc"]) or "note"
                raise DatasetError(path.name, number, f"{where}: {first['msg']}") from None


def read_corpus(folder: Path) -> list[LabelledNote]:
    """Every note under ``folder/notes``, in file and line order; an id that stands twice is refused."""
    notes = [note for path in sorted((folder / "notes").glob("*.jsonl")) for note in read_notes(path)]
    for note_id, times in Counter(note.id for note in notes).items():
        if times > 1:
            raise DatasetError("notes", 0, f"id {note_id!r} stands {times} times")
    return notes


def read_splits(folder: Path) -> dict[str, Split]:
    """Note id to split, from ``folder/splits.csv`` (columns id, split)."""
    with (folder / "splits.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    allowed = ("train", "development", "held_out")
    for number, row in enumerate(rows, start=2):
        if row.get("split") not in allowed:
            raise DatasetError("splits.csv", number, f"split must be one of {', '.join(allowed)}")
    return {row["id"]: row["split"] for row in rows}  # type: ignore[misc]


def select(notes: Iterable[LabelledNote], splits: dict[str, Split], split: Split) -> list[LabelledNote]:
    """The notes of one split; refuses a leak (a writer or layout on both sides of train and held_out)."""
    notes = list(notes)
    missing = [note.id for note in notes if note.id not in splits]
    if missing:
        raise DatasetError("splits.csv", 0, f"no split for {', '.join(missing[:5])}")
    for side in ("writer", "layout"):
        train = {getattr(note, side) for note in notes if splits[note.id] == "train"}
        held = {getattr(note, side) for note in notes if splits[note.id] == "held_out"}
        if train & held:
            raise DatasetError("splits.csv", 0, f"{side} on both sides: {', '.join(sorted(train & held))}")
    return [note for note in notes if splits[note.id] == split]


def minutes_of(note: LabelledNote) -> dict[str, int]:
    """Minutes per timed code, as the contract counts them."""
    total: dict[str, int] = {}
    for service in note.services:
        number = service.other_code if service.code == "other" else service.code
        code = CODES.get(number or "")
        if code is not None and code.timed and service.minutes is not None:
            total[code.number] = total.get(code.number, 0) + service.minutes
    return total


def headline_of(note: LabelledNote) -> str | None:
    """The headline code by the contract's rule; with equal minutes or none, that of the block with most activities."""
    minutes = {code: minutes_of(note).get(code, 0) for code in HEADLINE}
    blocks = [s for s in note.services if s.code in HEADLINE]
    if not blocks:
        return None
    best = max(minutes.values())
    if best > 0 and list(minutes.values()).count(best) == 1:
        return max(minutes, key=minutes.__getitem__)
    return max(blocks, key=lambda s: len(s.activities)).code


def schema() -> str:
    """JSON schema of one labelled note, as text for ``training_data/schema.json``."""
    return json.dumps(LabelledNote.model_json_schema(), indent=2, sort_keys=True) + "\n"
