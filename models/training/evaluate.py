"""Predictions against labels: measures a version's profiles on labelled notes, every figure with its interval over notes.

What is counted on a note stands in `models.training.counting`, what becomes of the counts in `models.training.figures`, which notes
need a look in `models.training.gold`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.classifier import Classifier
from models.coder import Coder
from models.errors import DatasetError
from models.note import Note, Profile
from models.result import Result
from models.training.counting import (
    count_confidence,
    count_flags,
    count_gold_blocks,
    count_note,
    count_pairs,
    judge,
    unit_of,
    vocabulary,
)
from models.training.dataset import (
    SPLITS_FILE,
    LabelledNote,
    OpenSplit,
    open_sealed,
    read_corpus,
    read_headers,
    read_splits,
    select,
)
from models.training.figures import Counts, Figure, Judged, figures
from models.training.gold import needs_look
from models.training.groups import BREAKDOWNS
from models.training.train import block_rows, data_hash
from nlp.chain import Scores

PROFILES: tuple[Profile, ...] = ("accurate", "fast")


@dataclass(frozen=True, slots=True)
class Measured:
    """One note, its result, the warnings that its labels raise, and what was counted and judged on it."""

    note: LabelledNote
    result: Result
    needed: tuple[str, ...]
    counts: Counts
    judged: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one profile of a version does on the notes of a split."""

    version: str
    profile: Profile
    split: str
    data_sha256: str
    measured: tuple[Measured, ...]
    figures: tuple[Figure, ...]

    @property
    def notes(self) -> int:
        """On how many notes it was measured."""
        return len(self.measured)

    def figure(self, name: str) -> Figure:
        """The figure with this id."""
        return next(figure for figure in self.figures if figure.id == name)


def measure(
    coder: Coder, notes: Sequence[LabelledNote], profile: Profile, known: Collection[str]
) -> tuple[Measured, ...]:
    """Code these notes with one profile and count; ``known`` are the words of the training activities."""
    results = list(coder.code_many([Note(text=note.text, profile=profile) for note in notes]))
    # One reader for all profiles, so that which notes need a look does not depend on the profile that is measured.
    documents = coder.readers["fast"].read_many([note.text for note in notes])
    counts = [count_note(note, result, known) for note, result in zip(notes, results, strict=True)]
    count_pairs(notes, results, counts)
    classifier = coder.classifiers[profile]
    encoded = coder.readers[profile].encoded([note.text for note in notes])
    out = []
    for note, result, document, c, rows in zip(notes, results, documents, counts, encoded, strict=True):
        needed = needs_look(note, document)
        count_flags(c, needed, result)
        judged = [*judge(note, result), *_judge_gold(classifier, note, c, rows)]
        count_confidence(c, judged)
        out.append(Measured(note, result, needed, c, tuple(judged)))
    return tuple(out)


def _judge_gold(classifier: Classifier, note: LabelledNote, c: Counts, encoded: Scores | None) -> list[Judged]:
    rows = block_rows([note], None if encoded is None else {note.id: encoded})
    if not rows:
        return []
    full = classifier.probabilities([row.full for row in rows]).tolist()
    hidden = classifier.probabilities([row.content for row in rows]).tolist()
    return count_gold_blocks(c, [(row.code, row.accept) for row in rows], full, hidden)


def figures_of(measured: Sequence[Measured], *, only: Collection[str] | None = None) -> list[Figure]:
    """Figures over measured notes; the two notes of a minimal pair are resampled together."""
    return figures(
        [each.counts for each in measured],
        [each.judged for each in measured],
        units=[unit_of(each.note) for each in measured],
        only=only,
    )


def break_down(measured: Sequence[Measured], by: str, *, only: Collection[str]) -> dict[str, tuple[int, list[Figure]]]:
    """Figures for each group of notes, with the number of its notes; largest group first, then by name.

    Parameters
    ----------
    measured
        The notes.
    by
        A key of `models.training.groups.BREAKDOWNS`. A note with several hard kinds stands in each.
    only
        Ids of the figures wanted.
    """
    members: dict[str, list[Measured]] = {}
    for each in measured:
        for group in BREAKDOWNS[by](each.note):
            members.setdefault(group, []).append(each)
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    return {group: (len(notes), figures_of(notes, only=only)) for group, notes in ordered}


def evaluate(
    coder: Coder, notes: Sequence[LabelledNote], *, split: str, known: Collection[str], profile: Profile = "accurate"
) -> Evaluation:
    """Measure one profile of a coder on labelled notes; ``known`` are the words of the training activities."""
    measured = measure(coder, notes, profile, known)
    return Evaluation(coder.version, profile, split, data_hash(notes), measured, tuple(figures_of(measured)))


def evaluate_profiles(
    coder: Coder, notes: Sequence[LabelledNote], *, split: str, known: Collection[str]
) -> tuple[Evaluation, ...]:
    """`evaluate` for each profile that the version has, ``accurate`` first."""
    return tuple(
        evaluate(coder, notes, split=split, known=known, profile=profile)
        for profile in PROFILES
        if profile in coder.readers
    )


def run(data: Path, split: OpenSplit, *, model: Path | None = None) -> tuple[Evaluation, ...]:
    """Measure the shipped model, or the one in ``model``, on an open split of the corpus under ``data``, profile by profile."""
    corpus, splits = read_corpus(data), read_splits(data)
    notes = select(corpus, splits, split)
    if not notes:
        raise DatasetError(SPLITS_FILE, 0, f"no note is in {split}")
    known = vocabulary(select(corpus, splits, "train"))
    return evaluate_profiles(Coder.load(model), notes, split=split, known=known)


def run_sealed(
    data: Path, *, reason: str, model: Path | None = None, writers: Collection[str] = ()
) -> tuple[Evaluation, ...]:
    """Open the sealed notes under ``data``, or those of some ``writers``, and measure on them.

    A row in ``sealed_openings.csv`` comes first; the notes of other writers stay shut. Figures alone come out of it. A model that
    is refused, a writer of none of them, or a corpus without sealed notes opens nothing.
    """
    splits = read_splits(data)
    sealed = {note_id for note_id, split in splits.items() if split == "sealed"}
    if not sealed:
        raise DatasetError(SPLITS_FILE, 0, "no note is in sealed")
    if writers:
        headers = [header for header in read_headers(data) if header.id in sealed]
        unknown = sorted({*writers} - {header.writer for header in headers})
        if unknown:
            known = ", ".join(sorted({header.writer for header in headers}))
            raise DatasetError(SPLITS_FILE, 0, f"no sealed note is by {', '.join(unknown)}; writers are {known}")
        sealed = {header.id for header in headers if header.writer in writers}
        reason = f"{reason} (writers {', '.join(sorted(writers))} alone)"
    coder = Coder.load(model)
    open_sealed(data, model=coder.version, notes=len(sealed), reason=reason)
    corpus = read_corpus(data, sealed=True)
    notes = [note for note in select(corpus, splits, "sealed") if note.id in sealed]
    return evaluate_profiles(coder, notes, split="sealed", known=vocabulary(select(corpus, splits, "train")))
