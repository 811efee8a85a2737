"""Notes in the wild: the same labelled note as another hand, scanner or export would have left it.

Each kind of `KINDS` changes a note's text by edits and moves every label with them, so that what the reader loses to a kind can be
measured: ``python -m models.training.perturb`` prints the drop of each on the development split. The changes are seeded by the
note's id: the same note is changed in the same way each time. Word pairs are in ``perturbations.toml``. The encoder is trained on
training notes with lines joined, lines broken and headings removed (`models.training.encoder`), so what these three cost on
development notes is what a kind of change costs that was met before, in other notes.
"""

from __future__ import annotations

import argparse
import random
import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from models.coder import Coder
from models.note import Note, Profile
from models.training.counting import count_note, vocabulary
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.figures import figures
from nlp.context import Context
from nlp.errors import LexiconError
from nlp.tokens import Tokens

_FILE = "perturbations.toml"
_SLIPS = 0.05  # share of words of five letters or more that are mistyped
_MISREAD = 0.02  # share of the places a scanner may misread that it does
_WIDTH = 60  # characters after which a broken line goes on in the next
_FIGURE = "found_coded"
_TARGET = 0.04  # what a kind may cost

Edit = tuple[int, int, str]  # replace [start, end) by the text


@cache
def pairs(kind: str) -> tuple[tuple[str, str], ...]:
    """The pairs of one kind of ``perturbations.toml``."""
    stored = tomllib.loads(files("models.training").joinpath(_FILE).read_text(encoding="utf-8"))
    out = []
    for entry in stored["entry"]:
        if entry["kind"] != kind:
            continue
        for line in entry["pairs"]:
            left, mark, right = line.partition(" = ")
            if not mark or not left or not right:
                raise LexiconError(_FILE, entry["id"], f"write {line!r} as left = right")
            out.append((left, right))
    return tuple(out)


def apply(note: LabelledNote, edits: Sequence[Edit]) -> LabelledNote:
    """The note with its text edited and every label moved along.

    Edits are half-open, in text order and do not overlap. An end of a label that falls inside an edit moves to that edit's
    end of the new text; a label of which nothing is left makes the whole note unusable.

    Raises
    ------
    ValueError
        Edits overlap or are out of order, or one removes a label.
    """
    if any(after[0] < before[1] for before, after in pairwise(edits)):
        raise ValueError("edits must be in text order and must not overlap")
    kept = [edit for edit in edits if note.text[edit[0] : edit[1]] != edit[2]]
    starts = [start for start, _, _ in kept]
    shifts = [0, *accumulate(len(text) - (end - start) for start, end, text in kept)]

    def moved(offset: int, *, is_end: bool) -> int:
        index = bisect_right(starts, offset - is_end) - 1
        if index < 0:
            return offset
        start, end, text = kept[index]
        if offset < end or (is_end and offset == end):
            return start + shifts[index] + (min(offset - start, len(text)) if not is_end else len(text))
        return offset + shifts[index + 1]

    out: list[str] = []
    at = 0
    for start, end, text in kept:
        out += [note.text[at:start], text]
        at = end
    whole = "".join([*out, note.text[at:]])

    def span(stored: dict[str, Any]) -> dict[str, Any]:
        start, end = moved(stored["start"], is_end=False), moved(stored["end"], is_end=True)
        return {**stored, "start": start, "end": end, "text": whole[start:end]}

    stored = note.model_dump()
    stored["text"] = whole
    for key in ("mentions", "goals"):
        stored[key] = [span(item) for item in stored[key]]
    stored["services"] = [
        {**span(service), "activities": [span(activity) for activity in service["activities"]]}
        for service in stored["services"]
    ]
    return LabelledNote.model_validate(stored)


def _words(text: str) -> list[re.Match[str]]:
    return list(re.finditer(r"[^\W\d_]{5,}", text))


def _typos(note: LabelledNote, dice: random.Random) -> list[Edit]:
    out = []
    for match in _words(note.text):
        if dice.random() < _SLIPS:
            word = match.group()
            at = dice.randrange(1, len(word) - 1)
            slips = (
                word[:at] + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at] + word[at:],
            )
            out.append((match.start(), match.end(), dice.choice(slips)))
    return out


def _scan(note: LabelledNote, dice: random.Random) -> list[Edit]:
    seen = dict(pairs("scan"))
    # A figure misread changes what the note says: digits inside numbers stay.
    pattern = re.compile("|".join(re.escape(left) for left in sorted(seen, key=len, reverse=True) if left.isalpha()))
    return [
        (match.start(), match.end(), seen[match.group()])
        for match in pattern.finditer(note.text)
        if dice.random() < _MISREAD
    ]


def _lower(note: LabelledNote, dice: random.Random) -> list[Edit]:  # noqa: ARG001
    return [(m.start(), m.end(), m.group().lower()) for m in re.finditer(r"[A-Z]+", note.text)]


def _upper(note: LabelledNote, dice: random.Random) -> list[Edit]:  # noqa: ARG001
    return [(m.start(), m.end(), m.group().upper()) for m in re.finditer(r"[a-z]+", note.text)]


def _swap(note: LabelledNote, table: dict[str, str]) -> list[Edit]:
    longest = sorted(table, key=len, reverse=True)
    pattern = re.compile(r"(?<![\w/])(?:" + "|".join(map(re.escape, longest)) + r")(?![\w/])", re.IGNORECASE)
    out = []
    for match in pattern.finditer(note.text):
        # "min A" is an assist level.
        if match.group().lower() == "min" and re.match(r"\s*(?:a\b|assist)", note.text[match.end() :], re.IGNORECASE):
            continue
        out.append((match.start(), match.end(), table[match.group().lower()]))
    return out


def _expanded(note: LabelledNote, dice: random.Random) -> list[Edit]:  # noqa: ARG001
    return _swap(note, {short.lower(): long for short, long in pairs("abbreviation")})


def _abbreviated(note: LabelledNote, dice: random.Random) -> list[Edit]:  # noqa: ARG001
    table: dict[str, str] = {}
    for short, long in pairs("abbreviation"):
        table.setdefault(long.lower(), short)
    return _swap(note, table)


def _joined(note: LabelledNote, dice: random.Random) -> list[Edit]:  # noqa: ARG001
    return [(m.start(), m.end(), " ") for m in re.finditer(r"(?<=\S)[ \t]*(?:\r?\n)+[ \t]*(?=\S)", note.text)]


def _broken(note: LabelledNote, dice: random.Random) -> list[Edit]:  # noqa: ARG001
    out = []
    begin = 0
    for match in re.finditer(r"\n| (?=\S)", note.text):
        if match.group() == "\n":
            begin = match.end()
        elif match.start() - begin >= _WIDTH:
            out.append((match.start(), match.end(), "\n"))
            begin = match.end()
    return out


def _unheaded(note: LabelledNote, dice: random.Random) -> list[Edit]:  # noqa: ARG001
    """Headings of sections go; those that name a service stay, since they carry the code, and so do those inside a label."""
    context = Context(Tokens.of(note.text))
    tokens = context.tokens
    labels = [*note.goals, *note.mentions, *note.activities]
    out: list[Edit] = []
    for heading in context.headings:
        start, end = tokens.starts[heading.start], tokens.ends[heading.end - 1]
        while end < len(note.text) and note.text[end] in ": \t-":
            end += 1
        if any(start < label.end and label.start < end for label in labels) or (out and start < out[-1][1]):
            continue
        if any(
            s.start < end and start < s.end and s.stated and s.stated in note.text[start:end] for s in note.services
        ):
            continue
        if any(s.start >= start and s.end <= end for s in note.services):
            continue
        out.append((start, end, ""))
    return out


KINDS: dict[str, Callable[[LabelledNote, random.Random], list[Edit]]] = {
    "typos": _typos,
    "scanner noise": _scan,
    "lower case": _lower,
    "upper case": _upper,
    "abbreviations expanded": _expanded,
    "abbreviations contracted": _abbreviated,
    "lines joined": _joined,
    "lines broken": _broken,
    "headings removed": _unheaded,
}


def perturbed(note: LabelledNote, kind: str) -> LabelledNote:
    """The note changed in one way of `KINDS`.

    Raises
    ------
    KeyError
        There is no such kind.
    """
    return apply(note, KINDS[kind](note, random.Random(f"{kind} {note.id}")))


def relaid_notes(notes: Sequence[LabelledNote]) -> list[LabelledNote]:
    """About a quarter of the notes with lines joined and another with lines broken, where that changes them; ids say which.

    What learns from a reading's structure learns from these too: an export's lines say less than a therapist's own.
    """
    out = []
    for note in notes:
        kind = {0: "lines joined", 1: "lines broken"}.get(random.Random(note.id).randrange(4))
        changed = note if kind is None else perturbed(note, kind)
        if changed.text != note.text:
            out.append(changed.model_copy(update={"id": f"{note.id}, {kind}"}))
    return out


@dataclass(frozen=True, slots=True)
class Drop:
    """What one kind costs: the figure on the notes as they are and as changed, both in [0, 1], and how many notes changed."""

    kind: str
    changed: int
    before: float
    after: float

    @property
    def cost(self) -> float:
        """How much was lost; negative where the change helped."""
        return self.before - self.after


def drops(
    coder: Coder,
    notes: Sequence[LabelledNote],
    known: set[str],
    *,
    profile: Profile = "accurate",
    figure: str = _FIGURE,
) -> list[Drop]:
    """What each kind costs on these notes, by the id of a figure (``figures.toml``)."""

    def measure(some: Sequence[LabelledNote]) -> float:
        results = coder.code_many([Note(text=note.text, profile=profile) for note in some])
        counts = [count_note(note, result, known) for note, result in zip(some, results, strict=True)]
        return next(f.value for f in figures(counts, only=[figure]) if f.id == figure)

    before = measure(notes)
    out = []
    for kind in KINDS:
        changed = [perturbed(note, kind) for note in notes]
        number = sum(a.text != b.text for a, b in zip(notes, changed, strict=True))
        out.append(Drop(kind, number, before, measure(changed)))
    return out


def main() -> None:
    """Command line of ``python -m models.training.perturb``."""
    parser = argparse.ArgumentParser(description="Measure what sloppy typing, scanners and exports cost.")
    parser.add_argument("--data", type=Path, default=Path("training_data"))
    parser.add_argument("--profile", choices=("accurate", "fast"), default="accurate")
    parser.add_argument("--figure", default=_FIGURE)
    arguments = parser.parse_args()
    corpus, splits = read_corpus(arguments.data), read_splits(arguments.data)
    notes = select(corpus, splits, "development")
    known = vocabulary(select(corpus, splits, "train"))
    print(f"{arguments.figure}, {arguments.profile}, {len(notes)} development notes (a kind may cost {_TARGET:.2f})")
    for drop in drops(Coder.load(), notes, known, profile=arguments.profile, figure=arguments.figure):
        mark = "" if drop.cost <= _TARGET else "  over"
        print(
            f"{drop.kind:26s} {drop.before:.3f} -> {drop.after:.3f}  cost {drop.cost:+.3f}  ({drop.changed} notes changed){mark}"
        )


if __name__ == "__main__":
    main()
