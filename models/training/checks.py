"""What is wrong with labelled notes, all of it at once: by file, line, note and field, with what to do, never with text.

*Errors* are what no one may train or measure on. *Warnings* are what labellers get wrong now and then, and what a note may
well hold: look, and leave it where it is meant.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from models.billing.codes import CODES, HEADLINE
from models.errors import DatasetError
from models.training.dataset import (
    NOTES_FOLDER,
    SEALED_FOLDER,
    SPLITS_FILE,
    Header,
    LabelledNote,
    LabelledService,
    LabelledSpan,
    Misfit,
    UncheckedNote,
    check_splits,
    faults,
    lines_of,
    misfits,
    read_headers,
    read_splits,
)
from nlp.clock import duration_words
from nlp.components.durations import find_durations
from nlp.context import Context
from nlp.minutes.reading import MAX_MINUTES
from nlp.tokens import Tokens

Severity = Literal["error", "warning"]

_CLOCK = re.compile(r"(?<!\d)([01]?\d|2[0-3])[:.]?([0-5]\d)(?!\d)")
_HALF_DAY = 12 * 60


class Finding(NamedTuple):
    """One thing to look at in a note: the field as a dotted path, how bad it is, and what to do."""

    field: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with its place: ``line`` is 1-based and 0 for a whole file, ``note`` is empty where none is known."""

    file: str
    line: int
    note: str
    field: str
    severity: Severity
    message: str

    def __str__(self) -> str:
        """The problem as one line."""
        where = [self.file]
        if self.line:
            where.append(f"line {self.line}")
        if self.note:
            where.append(f"note {self.note}")
        if self.field:
            where.append(self.field)
        return f"{', '.join(where)}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class _Line:
    file: str
    number: int
    note: LabelledNote

    def problem(self, field: str, severity: Severity, message: str) -> Problem:
        return Problem(self.file, self.number, self.note.id, field, severity, message)


# ---- one note


def check_note(note: LabelledNote) -> Iterator[Finding]:
    """What the schema cannot see in one note."""
    yield from _activities_and_mentions(note)
    yield from _codes(note)
    yield from _minutes(note)
    yield from _elements(note)
    yield from _spans(note)


def _activities_and_mentions(note: LabelledNote) -> Iterator[Finding]:
    for i, service in enumerate(note.services):
        for j, activity in enumerate(service.activities):
            for k, mention in enumerate(note.mentions):
                if activity.start < mention.end and mention.start < activity.end:
                    yield Finding(
                        f"services.{i}.activities.{j}",
                        "error",
                        f"it overlaps mentions.{k}; the same words were done today or were not, so take one out",
                    )


def _codes(note: LabelledNote) -> Iterator[Finding]:
    for i, service in enumerate(note.services):
        field = f"services.{i}"
        if service.stated_code is not None and service.stated_code not in CODES:
            yield Finding(
                f"{field}.stated_code", "error", "codes.toml has no such code; correct it, or add the code there"
            )
        if service.stated is None and service.stated_code is not None:
            yield Finding(f"{field}.stated", "warning", "there is a stated_code but not the words that state it")
        if service.other_code is not None and service.code != "other":
            yield Finding(
                f"{field}.other_code", "error", f"the code is {service.code}; other_code is for other, so use null"
            )
        if service.code == "other" and service.other_code in HEADLINE:
            yield Finding(f"{field}.other_code", "error", "97110 and 97530 are codes of their own; write it into code")
        if service.other_code is not None and service.other_code not in CODES:
            yield Finding(
                f"{field}.other_code", "warning", "codes.toml has no such code; its minutes count for nothing"
            )


def _minutes(note: LabelledNote) -> Iterator[Finding]:
    for i, shared in enumerate(note.shared_minutes):
        if len(set(shared.blocks)) < 2:
            yield Finding(
                f"shared_minutes.{i}.blocks",
                "error",
                "minutes are shared by two services or more; name them, or give the minutes to the one service",
            )
    known = None
    for i, service in enumerate(note.services):
        if service.minutes is None:
            continue
        if known is None:
            known = _numbers(note.text)
        if service.minutes not in known and service.minutes not in _sums_within(note.text, service):
            yield Finding(
                f"services.{i}.minutes",
                "warning",
                f"{service.minutes} stands nowhere in the note, in digits, in words or as a sum or difference of times; "
                "see whether the note gives this service its minutes",
            )


def _numbers(text: str) -> set[int]:
    """Every number of minutes that a note could mean: digits, durations in words, what clock times give together."""
    found = {int(digits) for digits in re.findall(r"[0-9]{1,3}", text)}
    found |= {candidate.minutes for candidate in find_durations(Context(Tokens.of(text)))}
    clock = sorted({60 * (int(hour) % 12) + int(minute) for hour, minute in _CLOCK.findall(text)})
    apart = {(b - a) % _HALF_DAY for a, b in itertools.permutations(clock, 2)}
    return found | _sums(gap for gap in apart if gap <= MAX_MINUTES)


def _sums_within(text: str, service: LabelledService) -> set[int]:
    """Sums of the durations inside a service: where it has none of its own, its activities' add up."""
    tokens = Tokens.of(text[service.start : service.end])
    words = [word for word in tokens.lower if not word.isspace()]
    known = duration_words()
    units = known.minute | known.letter | known.tick
    plain = [int(word) for word, unit in itertools.pairwise(words) if word.isdecimal() and unit in units]
    return _sums(plain) | _sums(candidate.minutes for candidate in find_durations(Context(tokens)))


def _sums(parts: Iterable[int]) -> set[int]:
    """Every sum of some of the parts, each used once, up to the longest block."""
    sums = {0}
    for part in parts:
        sums |= {total + part for total in sums if total + part <= MAX_MINUTES}
    return sums


def _elements(note: LabelledNote) -> Iterator[Finding]:
    timed = [service for service in note.services if service.minutes is not None]
    timed += (note.services[block] for shared in note.shared_minutes for block in shared.blocks)
    labelled = {
        "activity": (bool(note.activities), "an activity"),
        "duration": (any(service.code in HEADLINE for service in timed), "97110 or 97530 work with minutes"),
        "goal": (bool(note.goals), "a goal"),
    }
    for element, (there, what) in labelled.items():
        if note.elements[element] and not there:  # type: ignore[index]
            yield Finding(f"elements.{element}", "warning", f"it is true, yet the note has no label of {what}")
        elif there and not note.elements[element]:  # type: ignore[index]
            yield Finding(f"elements.{element}", "warning", f"it is false, yet the note has a label of {what}")


def _spans(note: LabelledNote) -> Iterator[Finding]:
    for name, spans in (("services", note.services), ("mentions", note.mentions), ("goals", note.goals)):
        first: dict[tuple[int, int], int] = {}
        for i, span in enumerate(spans):
            place = (span.start, span.end)
            if place in first:
                yield Finding(f"{name}.{i}", "error", f"it stands where {name}.{first[place]} stands; take one out")
            first.setdefault(place, i)
            yield from _edges(f"{name}.{i}", span)
    for i, service in enumerate(note.services):
        for j, activity in enumerate(service.activities):
            yield from _edges(f"services.{i}.activities.{j}", activity)


def _edges(field: str, span: LabelledSpan) -> Iterator[Finding]:
    if span.text != span.text.strip():
        yield Finding(field, "warning", "it begins or ends with white space; narrow it")


# ---- a file, files, a corpus


def check_line(line: str) -> tuple[LabelledNote | None, str, list[Finding]]:
    """One line of a file: the note where it is one, its id where it has one, and everything that is wrong."""
    if not line.strip():
        return None, "", [Finding("", "error", "the line is empty; take it out")]
    try:
        unchecked = UncheckedNote.model_validate_json(line)
    except ValidationError as error:
        return None, _id(line), [Finding(field, "error", reason) for field, reason in faults(error)]
    wrong = [_with_place(unchecked, misfit) for misfit in misfits(unchecked)]
    if wrong:
        return None, unchecked.id, wrong
    note = LabelledNote.model_validate(unchecked.model_dump())
    return note, note.id, list(check_note(note))


def _id(line: str) -> str:
    """The id of a line that is no note, where it can be made out."""
    found = re.search(r'"id": ?"([\w.-]{1,40})"', line)
    return found[1] if found else ""


def _with_place(note: UncheckedNote, misfit: Misfit) -> Finding:
    """A misfit as a finding; where a span's words stand elsewhere, with that place."""
    reason = misfit.reason
    if "does not match the text" in reason:
        span: object = note
        for part in misfit.field.split("."):
            span = span[int(part)] if isinstance(span, tuple) else getattr(span, part)
        places = [m.start() for m in re.finditer(re.escape(span.text), note.text)] if span.text else []  # type: ignore[attr-defined]
        if places:
            nearest = min(places, key=lambda start: abs(start - span.start))  # type: ignore[attr-defined]
            reason += f"; its words stand at {nearest}..{nearest + len(span.text)}"  # type: ignore[attr-defined]
        else:
            reason += "; its words stand nowhere in the note"
    return Finding(misfit.field, "error", reason)


def check_paths(paths: Sequence[Path]) -> list[Problem]:
    """Every problem of these files and folders, taken together.

    A folder with ``notes/`` is a corpus: its notes and its splits are checked, its sealed notes only as `Header`. Any
    other folder stands for its ``*.jsonl`` files.

    Raises
    ------
    DatasetError
        A path is inside a folder of sealed notes, holds no file of notes, or a file is no UTF-8.
    OSError
        A file cannot be read.
    """
    problems: list[Problem] = []
    lines: list[_Line] = []
    headers: list[Header] = []
    for path in paths:
        for file in note_files(path):
            found, notes = _check_file(file)
            problems += found
            lines += notes
        if (path / NOTES_FOLDER).is_dir():
            headers += _headers(path, problems)
            problems += _check_splits(path, [line.note for line in lines], headers)
    return problems + list(_check_together(lines, headers))


def note_files(path: Path) -> list[Path]:
    """The files of notes that a path stands for: itself, a corpus's open notes, or a folder's ``*.jsonl``.

    Raises
    ------
    DatasetError
        The path is in a folder of sealed notes, or there is no file.
    """
    folder = path / NOTES_FOLDER if (path / NOTES_FOLDER).is_dir() else path
    if SEALED_FOLDER in (path.name, path.resolve().parent.name):
        raise DatasetError(path.name, 0, "sealed notes stay shut; only evaluate --sealed reads them")
    files = sorted(folder.glob("*.jsonl")) if folder.is_dir() else [path]
    if not files:
        raise DatasetError(path.name, 0, "the folder holds no .jsonl file")
    return files


def _check_file(path: Path) -> tuple[list[Problem], list[_Line]]:
    problems: list[Problem] = []
    notes: list[_Line] = []
    for number, line in enumerate(lines_of(path), start=1):
        note, note_id, findings = check_line(line)
        problems += (Problem(path.name, number, note_id, *finding) for finding in findings)
        if note is not None:
            notes.append(_Line(path.name, number, note))
    return problems, notes


def _headers(folder: Path, problems: list[Problem]) -> list[Header]:
    try:
        return read_headers(folder)
    except DatasetError as error:
        problems.append(Problem(error.file, error.line, "", "", "error", error.reason))
        return []


def _check_splits(folder: Path, notes: Sequence[LabelledNote], headers: Sequence[Header]) -> Iterator[Problem]:
    try:
        splits = read_splits(folder)
        check_splits([*notes, *headers], splits)
    except DatasetError as error:
        yield Problem(error.file, error.line, "", "", "error", error.reason)
        return
    for note_id in sorted(set(splits) - {note.id for note in [*notes, *headers]}):
        yield Problem(SPLITS_FILE, 0, note_id, "", "error", "the row has no note; take it out")


def _check_together(lines: Sequence[_Line], headers: Sequence[Header]) -> Iterator[Problem]:
    """What only several notes show: an id or a text that stands twice, a pair that is none."""
    ids: dict[str, str] = {header.id: SEALED_FOLDER for header in headers}
    texts: dict[str, str] = {}
    pairs: dict[str, list[_Line]] = {}
    for line in lines:
        note, where = line.note, f"{line.file}, line {line.number}"
        if note.id in ids:
            yield line.problem("id", "error", f"it stands in {ids[note.id]} too; give one of the two another")
        if note.text in texts:
            yield line.problem("text", "error", f"it is that of {texts[note.text]}; take one out")
        ids.setdefault(note.id, where)
        texts.setdefault(note.text, where)
        if note.pair is not None:
            pairs.setdefault(note.pair.id, []).append(line)
    for members in pairs.values():
        yield from _check_pair(members)


def _check_pair(members: Sequence[_Line]) -> Iterator[Problem]:
    first = members[0]
    if len(members) != 2:
        for line in members:
            number = "its other half is missing" if len(members) == 1 else f"it stands on {len(members)} notes"
            yield line.problem("pair.id", "error", f"{number}; a pair is two notes with one pair id")
        return
    other = members[1]
    assert first.note.pair is not None
    assert other.note.pair is not None
    family = first.note.pair.family
    if family != other.note.pair.family:
        yield other.problem("pair.family", "error", "the two notes name different families; agree on one")
    elif _aspect(first.note, family) == _aspect(other.note, family):
        yield other.problem("pair.family", "warning", f"the labels of the two notes do not differ in {family}")


def _aspect(note: LabelledNote, family: str) -> object:
    """That of the labels in which the two notes of a pair differ."""
    if family == "purpose":
        return [service.code for service in note.services]
    if family == "status":
        return [len(service.activities) for service in note.services], [mention.status for mention in note.mentions]
    shared = [(entry.minutes, entry.blocks) for entry in note.shared_minutes]
    return [(service.code, service.minutes) for service in note.services], shared
