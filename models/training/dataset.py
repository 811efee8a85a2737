"""Labelled notes: the JSONL format, its checks, and the split.

One note a line, offsets half-open into ``text``. The JSON schema of `LabelledNote` is ``training_data/schema.json``.
Labels follow the labelling guide in ``training_data/LABELLING.md``.

Sealed notes stand in a folder of their own. Their texts and labels are read by ``therapy-coder evaluate --sealed``
alone, which says so in ``sealed_openings.csv`` first (`open_sealed`); everyone else gets at most their `Header`.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.billing.codes import CODES, HEADLINE
from models.errors import DatasetError
from nlp.document import ELEMENTS, ElementName, Status

Format = Literal["prodigy", "label-studio", "doccano", "jsonl"]  # see `models.training.formats`
OpenSplit = Literal["train", "development"]
Split = Literal["train", "development", "sealed"]
_SPLITS: dict[str, Split] = {split: split for split in get_args(Split)}
ServiceCode = Literal["97110", "97530", "other"]
PairFamily = Literal["purpose", "status", "minutes"]
HardKind = Literal[
    "mislabelled_heading",
    "conflicting_purpose",
    "shared_minutes",
    "copied_forward",
    "contradictory_totals",
    "mixed_status_sentence",
    "code_numbers_only",
    "two_disciplines",
    "group",
    "co_treat",
    "cancelled",
    "evaluation_only",
    "other_hard",
]

NOTES_FOLDER, SEALED_FOLDER = "notes", "sealed"
SPLITS_FILE, OPENINGS_FILE = "splits.csv", "sealed_openings.csv"
_TO_DO = {
    "missing": "the field is missing; add it",
    "extra_forbidden": "no field of a labelled note is called so; take it out",
    "json_invalid": "the line is no JSON",
}
# Layouts of minimal pairs are generic (a line, a heading and a line): they tell nothing about how a writer lays out notes.
GENERIC_LAYOUT = "pair_"


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


class Pair(_Strict):
    """A minimal pair: two notes that differ in one phrase and therefore in a label; ``family`` says in which."""

    id: str = Field(min_length=1)
    family: PairFamily


class Header(BaseModel):
    """What may be known of a sealed note: where it belongs, not what it says or how it is labelled."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    writer: str
    layout: str
    discipline: Literal["PT", "OT"]
    setting: str
    hard: tuple[HardKind, ...] = ()
    pair: Pair | None = None


class Misfit(NamedTuple):
    """Labels that contradict the text or one another: the field, as a dotted path, and what is wrong with it."""

    field: str
    reason: str


class UncheckedNote(_Strict):
    """A note whose fields have the right types; whether its labels fit its text is for `misfits` to say."""

    id: str
    writer: str = Field(description="Who wrote it; a writer stands on one side of the split only.")
    layout: str = Field(description="How the note is laid out; no layout of a sealed note is one of a training note.")
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
    hard: tuple[HardKind, ...] = Field(default=(), description="What makes the note hard by design; empty: nothing.")
    pair: Pair | None = Field(default=None, description="The minimal pair that the note is one half of.")


class LabelledNote(UncheckedNote):
    """An invented note with its labels."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for field, reason in misfits(self):
            raise ValueError(f"{field}: {reason}")
        return self

    @property
    def activities(self) -> tuple[LabelledSpan, ...]:
        """All activities done today, in text order."""
        return tuple(sorted((a for s in self.services for a in s.activities), key=lambda a: a.start))


def misfits(note: UncheckedNote) -> Iterator[Misfit]:
    """Every place where the labels of a note contradict its text or one another, none of them quoting it."""
    spans: list[tuple[str, LabelledSpan]] = []
    for i, service in enumerate(note.services):
        spans.append((f"services.{i}", service))
        spans += ((f"services.{i}.activities.{j}", activity) for j, activity in enumerate(service.activities))
        if service.code not in service.accept:
            yield Misfit(f"services.{i}.accept", f"code {service.code} is not in accept")
        for j, activity in enumerate(service.activities):
            if activity.start < service.start or service.end < activity.end:
                yield Misfit(f"services.{i}.activities.{j}", f"activity at {activity.start} lies outside its service")
    spans += ((f"mentions.{i}", mention) for i, mention in enumerate(note.mentions))
    spans += ((f"goals.{i}", goal) for i, goal in enumerate(note.goals))
    for field, span in spans:
        if note.text[span.start : span.end] != span.text or span.start >= span.end:
            yield Misfit(field, f"span {span.start}..{span.end} does not match the text")
    done = sorted((span.start, span.end, field) for field, span in spans if ".activities." in field)
    for (_, end, _), (start, _, field) in itertools.pairwise(done):
        if start < end:
            yield Misfit(field, f"activities overlap at {start}")
    for i, shared in enumerate(note.shared_minutes):
        for index in shared.blocks:
            if not 0 <= index < len(note.services):
                yield Misfit(f"shared_minutes.{i}.blocks", f"names service {index}, which does not exist")
            elif note.services[index].minutes is not None:
                yield Misfit(f"services.{index}.minutes", "the service shares minutes and has minutes of its own")
    if set(note.elements) != set(ELEMENTS):
        yield Misfit("elements", f"elements must be exactly {', '.join(ELEMENTS)}")


def read_notes(path: Path) -> Iterator[LabelledNote]:
    """Read labelled notes from one JSONL file.

    Raises
    ------
    DatasetError
        A line is no labelled note; names file, line and reason, never the note's text.
    """
    return _read(path, LabelledNote)


Model = TypeVar("Model", bound=BaseModel)


def _read(path: Path, model: type[Model]) -> Iterator[Model]:
    for number, line in enumerate(lines_of(path), start=1):
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            raise DatasetError(path.name, number, told(error)[0]) from None


def text_of(path: Path) -> str:
    """The text of a file, without the byte-order mark that some programs begin it with.

    Raises
    ------
    DatasetError
        It is no UTF-8.
    OSError
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(path.name, 0, f"it is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def lines_of(path: Path) -> list[str]:
    """The lines of a JSONL file, without their ends; raises as `text_of` does."""
    # Not splitlines, which also breaks at marks that JSON leaves inside a text.
    lines = text_of(path).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def faults(error: ValidationError) -> list[Misfit]:
    """Each fault that pydantic found, with what to do about it and without the value that is wrong."""
    found = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        reason = _TO_DO.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        found.append(Misfit(".".join(str(part) for part in fault["loc"]), reason))
    return found


def told(error: ValidationError) -> list[str]:
    """Each fault that pydantic found as one line, ``field: what is wrong``."""
    return [f"{field}: {reason}" if field else reason for field, reason in faults(error)]


def read_corpus(folder: Path, sealed: bool = False) -> list[LabelledNote]:
    """Every labelled note under ``folder``, in file and line order, without the sealed ones unless ``sealed``.

    Only `models.training.evaluate.run_sealed` sets ``sealed``, after `open_sealed`.

    Raises
    ------
    DatasetError
        A line is no labelled note, an id stands twice, a pair is no pair, or a note stands in the wrong folder.
    """
    folders = (NOTES_FOLDER, SEALED_FOLDER) if sealed else (NOTES_FOLDER,)
    notes = [note for name in folders for note in _read_folder(folder, name, LabelledNote)]
    for note_id, times in Counter(note.id for note in notes).items():
        if times > 1:
            raise DatasetError(NOTES_FOLDER, 0, f"id {note_id!r} stands {times} times")
    check_pairs(notes)
    return notes


def read_headers(folder: Path) -> list[Header]:
    """What may be known of the sealed notes under ``folder``: their headers."""
    return list(_read_folder(folder, SEALED_FOLDER, Header))


NoteModel = TypeVar("NoteModel", LabelledNote, Header)


def _read_folder(folder: Path, name: str, model: type[NoteModel]) -> Iterator[NoteModel]:
    """Notes of one of the two folders; a sealed note in the open one, or the other way round, is refused."""
    splits = read_splits(folder) if (folder / SPLITS_FILE).is_file() else {}
    for path in sorted((folder / name).glob("*.jsonl")):
        for number, note in enumerate(_read(path, model), start=1):
            split = splits.get(note.id)
            if split is not None and (split == "sealed") is not (name == SEALED_FOLDER):
                right = SEALED_FOLDER if split == "sealed" else NOTES_FOLDER
                raise DatasetError(f"{name}/{path.name}", number, f"{note.id} is {split}: it belongs in {right}/")
            yield note


def check_pairs(notes: Iterable[LabelledNote | Header]) -> None:
    """Refuse a pair id that does not stand on exactly two notes of one family."""
    pairs: dict[str, list[PairFamily]] = {}
    for note in notes:
        if note.pair is not None:
            pairs.setdefault(note.pair.id, []).append(note.pair.family)
    for pair_id, families in pairs.items():
        if len(families) != 2:
            raise DatasetError(NOTES_FOLDER, 0, f"pair {pair_id!r} stands on {len(families)} notes, not on two")
        if families[0] != families[1]:
            raise DatasetError(NOTES_FOLDER, 0, f"pair {pair_id!r} is of two families: {', '.join(sorted(families))}")


def read_splits(folder: Path) -> dict[str, Split]:
    """Note id to split, from ``folder/splits.csv`` (columns id, split)."""
    with (folder / SPLITS_FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    splits: dict[str, Split] = {}
    for number, row in enumerate(rows, start=2):
        note_id, split = row.get("id"), _SPLITS.get(row.get("split") or "")
        if not note_id:
            raise DatasetError(SPLITS_FILE, number, "the row has no id")
        if split is None:
            raise DatasetError(SPLITS_FILE, number, f"split must be one of {', '.join(_SPLITS)}")
        if note_id in splits:
            raise DatasetError(SPLITS_FILE, number, f"id {note_id!r} stands twice")
        splits[note_id] = split
    return splits


def check_splits(notes: Sequence[LabelledNote | Header], splits: Mapping[str, Split]) -> None:
    """Refuse a split that leaks: what is measured must not resemble what trains.

    A writer of training notes writes no others; a writer of sealed notes writes no others; no sealed note has a layout
    of a training note, generic ones (``pair_...``) aside; both notes of a pair are in one split. Of sealed notes a
    `Header` is enough.

    Raises
    ------
    DatasetError
        The split leaks, or a note has none.
    """
    missing = [note.id for note in notes if note.id not in splits]
    if missing:
        raise DatasetError(SPLITS_FILE, 0, f"no split for {', '.join(missing[:5])}")
    writers: dict[str, set[str]] = {split: set() for split in _SPLITS}
    layouts: dict[str, set[str]] = {split: set() for split in _SPLITS}
    pairs: dict[str, set[str]] = {}
    for note in notes:
        split = splits[note.id]
        writers[split].add(note.writer)
        layouts[split].add(note.layout)
        if note.pair is not None:
            pairs.setdefault(note.pair.id, set()).add(split)
    for one, other in itertools.combinations(_SPLITS, 2):
        if both := writers[one] & writers[other]:
            raise DatasetError(SPLITS_FILE, 0, f"writer in {one} and {other}: {', '.join(sorted(both))}")
    shared = {name for name in layouts["train"] & layouts["sealed"] if not name.startswith(GENERIC_LAYOUT)}
    if shared:
        raise DatasetError(SPLITS_FILE, 0, f"layout in train and sealed: {', '.join(sorted(shared))}")
    if torn := sorted(pair_id for pair_id, sides in pairs.items() if len(sides) > 1):
        raise DatasetError(SPLITS_FILE, 0, f"pair torn between splits: {', '.join(torn)}")


def unseen_settings(notes: Sequence[LabelledNote | Header], splits: Mapping[str, Split]) -> float | None:
    """Share of the sealed notes whose setting no training note has, in [0, 1]; ``None`` without sealed notes."""
    known = {note.setting for note in notes if splits[note.id] == "train"}
    sealed = [note.setting not in known for note in notes if splits[note.id] == "sealed"]
    return sum(sealed) / len(sealed) if sealed else None


def select(notes: Iterable[LabelledNote], splits: Mapping[str, Split], split: Split) -> list[LabelledNote]:
    """The notes of one split; refuses a split that leaks, as far as these notes show it (`check_splits`)."""
    notes = list(notes)
    check_splits(notes, splits)
    return [note for note in notes if splits[note.id] == split]


def open_sealed(folder: Path, *, model: str, notes: int, reason: str) -> None:
    """Write down that the sealed notes are opened now: time in UTC, model version, number of notes, who and why.

    The row is on the disk when this returns; the notes are read after it.

    Raises
    ------
    ValueError
        No reason is given.
    OSError
        The row cannot be written; the notes stay shut then.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise ValueError("a reason is needed: who opens the sealed notes, and why")
    path = folder / OPENINGS_FILE
    row = io.StringIO()
    writer = csv.writer(row, lineterminator="\n")
    if not path.exists():
        writer.writerow(("utc", "model", "notes", "reason"))
    writer.writerow((datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), model, notes, reason))
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(row.getvalue())
        file.flush()
        os.fsync(file.fileno())


class Billed(Protocol):
    """What has a code and minutes: a labelled block, or one as a reviewer decided it."""

    @property
    def code(self) -> str:
        """97110, 97530 or other."""
        ...

    @property
    def other_code(self) -> str | None:
        """The other service's own number."""
        ...

    @property
    def minutes(self) -> int | None:
        """Whole minutes."""
        ...


def minutes_of(note: LabelledNote) -> dict[str, int]:
    """Minutes per timed code, as the contract counts them."""
    return minutes_by_code(note.services)


def minutes_by_code(services: Iterable[Billed]) -> dict[str, int]:
    """The same of blocks alone."""
    total: dict[str, int] = {}
    for service in services:
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
