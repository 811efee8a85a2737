"""Predictions against labels: every figure the project quotes, each with a bootstrap interval.

A figure is a ratio of sums over notes, so that resampling notes gives its interval. Spans are matched one to one by
overlap, in text order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from models.billing.codes import HEADLINE
from models.billing.units import POLICIES, units
from models.classifier import CLASSES, Classifier
from models.coder import Coder
from models.errors import DatasetError
from models.result import Result
from models.training.dataset import (
    SPLITS_FILE,
    LabelledNote,
    OpenSplit,
    headline_of,
    minutes_of,
    open_sealed,
    read_corpus,
    read_splits,
    select,
)
from models.training.train import block_rows, train
from nlp.lexicon import singular

_RESAMPLES = 1000
_SEED = 7
_BINS = 10
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure with its 95 % bootstrap interval over notes, and on how many items it stands."""

    name: str
    value: float
    low: float
    high: float
    count: int


Counts = dict[str, float]
Item = TypeVar("Item")


def _overlap(a: object, b: object) -> bool:
    return a.start < b.end and b.start < a.end  # type: ignore[attr-defined]


def pair(found: Sequence[object], wanted: Sequence[object]) -> list[tuple[int, int]]:
    """Index pairs of overlapping spans, each span used once; the pair that overlaps most goes first."""
    candidates = []
    for i, a in enumerate(found):
        for j, b in enumerate(wanted):
            common = min(a.end, b.end) - max(a.start, b.start)  # type: ignore[attr-defined]
            if common > 0:
                candidates.append((-common, i, j))
    pairs, left, right = [], set(), set()
    for _, i, j in sorted(candidates):
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            pairs.append((i, j))
    return pairs


def vocabulary(notes: Iterable[LabelledNote]) -> set[str]:
    """Words of the activities of these notes, in singular."""
    return {singular(word) for note in notes for a in note.activities for word in a.text.split() if word.isalpha()}


def _headline(minutes: Mapping[str, int]) -> dict[str, int]:
    return {code: number for code, number in minutes.items() if code in HEADLINE}


def count_note(note: LabelledNote, result: Result, known: set[str]) -> Counts:
    """Everything counted on one note; figures are ratios of sums of these."""
    found = [(a, s) for s in result.services for a in s.activities]
    wanted = [(a, s) for s in note.services for a in s.activities]
    pairs = pair([a for a, _ in found], [a for a, _ in wanted])
    c: Counter[str] = Counter()
    c["act_found"], c["act_wanted"], c["act_right"] = len(found), len(wanted), len(pairs)
    c["act_exact"] = sum(
        1 for i, j in pairs if (found[i][0].start, found[i][0].end) == (wanted[j][0].start, wanted[j][0].end)
    )
    c["act_coded"] = sum(1 for i, j in pairs if found[i][1].code in wanted[j][1].accept)
    matched = {j for _, j in pairs}
    for j, (activity, _) in enumerate(wanted):
        words = [singular(word) for word in activity.text.split() if word.isalpha() and len(word) > 2]
        if words and not any(word in known for word in words):
            c["unseen_wanted"] += 1
            c["unseen_right"] += j in matched
    c["not_today"] = len(note.mentions)
    c["leaked"] = sum(1 for m in note.mentions if any(_overlap(m, a) for a, _ in found))
    mention_pairs = pair(result.mentions, note.mentions)
    c["mention_found"], c["mention_right"] = len(result.mentions), len(mention_pairs)
    for i, j in mention_pairs:
        if note.mentions[j].status is not None:
            c["status_wanted"] += 1
            c["status_right"] += result.mentions[i].status == note.mentions[j].status
    c["goal_found"], c["goal_wanted"] = len(result.goals), len(note.goals)
    c["goal_right"] = len(pair(result.goals, note.goals))
    c["notes"] = 1
    wanted_minutes = minutes_of(note)
    c["minutes_all"] = result.minutes == wanted_minutes
    c["minutes_headline"] = _headline(result.minutes) == _headline(wanted_minutes)
    for policy in POLICIES:
        gold_units = units(wanted_minutes, policy)
        c[f"units_all_{policy}"] = dict(result.units[policy]) == gold_units
        c[f"units_headline_{policy}"] = _headline(result.units[policy]) == _headline(gold_units)
    c["elements"] = len(note.elements)
    c["elements_right"] = sum(e.documented == note.elements[e.element] for e in result.documentation)
    for element in result.documentation:
        c[f"element_{element.element}"] = element.documented == note.elements[element.element]
    headline = headline_of(note)
    c["proposal_right"] = result.proposal.code == headline
    blocks = pair(result.services, note.services)
    c["block_found"], c["block_wanted"] = len(result.services), len(note.services)
    for i, j in blocks:
        got, gold = result.services[i], note.services[j]
        same = {(a.start, a.end) for a in got.activities} == {(a.start, a.end) for a in gold.activities}
        c["block_minutes"] += got.minutes == gold.minutes
        c["block_exact"] += same and got.minutes == gold.minutes
        c["block_code"] += got.code in gold.accept
        c["stated_right"] += got.stated_code == gold.stated_code
        c["block_paired"] += 1
    return dict(c)


def _ratio(top: str, *bottom: str) -> Callable[[Mapping[str, float]], tuple[float, float]]:
    return lambda sums: (sums.get(top, 0.0), sum(sums.get(b, 0.0) for b in bottom))


def _f1(right: str, found: str, wanted: str) -> Callable[[Mapping[str, float]], tuple[float, float]]:
    return lambda sums: (2 * sums.get(right, 0.0), sums.get(found, 0.0) + sums.get(wanted, 0.0))


FIGURES: dict[str, Callable[[Mapping[str, float]], tuple[float, float]]] = {
    "activities F1 (overlap)": _f1("act_right", "act_found", "act_wanted"),
    "activities precision": _ratio("act_right", "act_found"),
    "activities recall": _ratio("act_right", "act_wanted"),
    "activities F1 (exact)": _f1("act_exact", "act_found", "act_wanted"),
    "not-today leak": _ratio("leaked", "not_today"),
    "found and rightly coded": _ratio("act_coded", "act_wanted"),
    "recall on unseen words": _ratio("unseen_right", "unseen_wanted"),
    "not-today mentions F1": _f1("mention_right", "mention_found", "not_today"),
    "status of mentions found": _ratio("status_right", "status_wanted"),
    "goals F1 (overlap)": _f1("goal_right", "goal_found", "goal_wanted"),
    "minutes per code exact (97110, 97530)": _ratio("minutes_headline", "notes"),
    "minutes per code exact (all codes)": _ratio("minutes_all", "notes"),
    **{f"units exact {p} (97110, 97530)": _ratio(f"units_headline_{p}", "notes") for p in POLICIES},
    **{f"units exact {p} (all codes)": _ratio(f"units_all_{p}", "notes") for p in POLICIES},
    "blocks found with their minutes": _ratio("block_minutes", "block_wanted"),
    "blocks exact (activities and minutes)": _ratio("block_exact", "block_wanted"),
    "stated code of paired blocks": _ratio("stated_right", "block_paired"),
    "elements accuracy": _ratio("elements_right", "elements"),
    **{
        f"element {e}": _ratio(f"element_{e}", "notes")
        for e in ("activity", "duration", "goal", "assessment", "progress")
    },
    "proposal code": _ratio("proposal_right", "notes"),
}


def figures(counts: Sequence[Counts]) -> list[Figure]:
    """All figures over these notes, with intervals from resampling the notes."""
    keys = sorted({key for c in counts for key in c})
    table = np.array([[float(c.get(key, 0.0)) for key in keys] for c in counts])
    draws = np.random.default_rng(_SEED).integers(0, len(counts), size=(_RESAMPLES, len(counts)))
    resampled = np.stack([table[draw].sum(axis=0) for draw in draws])
    out = []
    for name, formula in FIGURES.items():
        top, bottom = formula(dict(zip(keys, table.sum(axis=0).tolist(), strict=True)))
        values = []
        for row in resampled:
            t, b = formula(dict(zip(keys, row.tolist(), strict=True)))
            if b:
                values.append(t / b)
        low, high = np.percentile(values, _INTERVAL) if values else (0.0, 0.0)
        out.append(Figure(name, top / bottom if bottom else 0.0, float(low), float(high), int(bottom)))
    return out


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error over ten equal-width bins, in [0, 1].

    Examples
    --------
    >>> calibration_error([0.9, 0.9], [True, True])
    0.1
    """
    if not confidences:
        return 0.0
    total = 0.0
    for number in range(_BINS):
        members = [i for i, c in enumerate(confidences) if min(int(c * _BINS), _BINS - 1) == number]
        if members:
            gap = sum(confidences[i] for i in members) - sum(right[i] for i in members)
            total += abs(gap)
    return float(f"{total / len(confidences):.6f}")


def _bootstrap(name: str, items: Sequence[tuple[str, Item]], figure: Callable[[list[Item]], float]) -> Figure:
    """A figure that is no ratio of sums, with its interval from resampling notes; items are (note id, item)."""
    ids = sorted({note_id for note_id, _ in items})
    groups = {note_id: [item for i, item in items if i == note_id] for note_id in ids}
    if not ids:
        return Figure(name, 0.0, 0.0, 0.0, 0)
    rng = np.random.default_rng(_SEED)
    values = []
    for _ in range(_RESAMPLES // 4):
        drawn = [item for i in rng.integers(0, len(ids), len(ids)) for item in groups[ids[int(i)]]]
        values.append(figure(drawn))
    low, high = np.percentile(values, _INTERVAL)
    return Figure(name, figure([item for _, item in items]), float(low), float(high), len(items))


def _share(items: Sequence[bool]) -> float:
    return sum(items) / len(items) if items else 0.0


def _calibration(items: Sequence[tuple[float, bool]]) -> float:
    return calibration_error([confidence for confidence, _ in items], [right for _, right in items])


def macro_f1(items: Sequence[tuple[str, str]]) -> float:
    """Mean F1 over the three classes of (predicted, wanted) pairs."""
    scores = []
    for label in CLASSES:
        right = sum(p == w == label for p, w in items)
        found, wanted = sum(p == label for p, _ in items), sum(w == label for _, w in items)
        if found + wanted:
            scores.append(2 * right / (found + wanted))
    return sum(scores) / len(scores) if scores else 0.0


def classifier_figures(classifier: Classifier, notes: Sequence[LabelledNote]) -> list[Figure]:
    """Codes of gold blocks: what the classifier alone does, with and without the code that the note states."""
    out = []
    for suffix, stated in (("", True), (", stated code hidden", False)):
        items: list[tuple[str, tuple[str, str]]] = []
        two: list[tuple[str, bool]] = []
        sure: list[tuple[str, tuple[float, bool]]] = []
        for note in notes:
            rows = block_rows([note])
            if not rows:
                continue
            probabilities = classifier.probabilities([row.full if stated else row.content for row in rows])
            for row, p in zip(rows, probabilities, strict=True):
                best = CLASSES[int(p.argmax())]
                items.append((note.id, (best, row.code)))
                sure.append((note.id, (float(p.max()), best in row.accept)))
                if row.code in HEADLINE:
                    two.append((note.id, CLASSES[int(p[:2].argmax())] == row.code))
        out.append(_bootstrap(f"block code macro-F1{suffix}", items, macro_f1))
        out.append(_bootstrap(f"97110 against 97530{suffix}", two, _share))
        if stated:
            out.append(_bootstrap("ECE, block", sure, _calibration))
    return out


def proposal_figures(notes: Sequence[LabelledNote], results: Sequence[Result]) -> list[Figure]:
    """Calibration of the proposals."""
    items = [
        (note.id, (result.proposal.confidence, result.proposal.code == headline_of(note)))
        for note, result in zip(notes, results, strict=True)
    ]
    return [_bootstrap("ECE, proposal", items, _calibration)]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured, on how many notes, with which version."""

    version: str
    split: str
    notes: int
    figures: tuple[Figure, ...]


def evaluate(coder: Coder, notes: Sequence[LabelledNote], *, split: str, known: set[str]) -> Evaluation:
    """Measure a coder on labelled notes; ``known`` are the words of the training activities."""
    results = list(coder.code_many([note.text for note in notes]))
    counts = [count_note(note, result, known) for note, result in zip(notes, results, strict=True)]
    measured = figures(counts) + classifier_figures(coder.classifier, notes) + proposal_figures(notes, results)
    return Evaluation(coder.version, split, len(notes), tuple(measured))


def run(data: Path, split: OpenSplit, *, model: Path | None = None) -> Evaluation:
    """Measure the shipped model, or the one in ``model``, on an open split of the corpus under ``data``."""
    corpus, splits = read_corpus(data), read_splits(data)
    notes = select(corpus, splits, split)
    if not notes:
        raise DatasetError(SPLITS_FILE, 0, f"no note is in {split}")
    known = vocabulary(select(corpus, splits, "train"))
    return evaluate(Coder.load(model), notes, split=split, known=known)


def run_sealed(data: Path, *, reason: str, model: Path | None = None) -> Evaluation:
    """Open the sealed notes under ``data`` and measure on them; a row in ``sealed_openings.csv`` comes first.

    Figures alone come out of it. A model that is refused, or a corpus without sealed notes, opens nothing.
    """
    splits = read_splits(data)
    sealed = list(splits.values()).count("sealed")
    if not sealed:
        raise DatasetError(SPLITS_FILE, 0, "no note is in sealed")
    coder = Coder.load(model)
    open_sealed(data, model=coder.version, notes=sealed, reason=reason)
    corpus = read_corpus(data, sealed=True)
    notes = select(corpus, splits, "sealed")
    return evaluate(coder, notes, split="sealed", known=vocabulary(select(corpus, splits, "train")))


def cross_validate(data: Path, folder: Path) -> Evaluation:
    """Train and measure on the ``train`` split by leaving out one writer at a time; models go under ``folder``."""
    notes = select(read_corpus(data), read_splits(data), "train")
    counts: list[Counts] = []
    measured: list[tuple[LabelledNote, Result]] = []
    for writer in sorted({note.writer for note in notes}):
        rest = [note for note in notes if note.writer != writer]
        mine = [note for note in notes if note.writer == writer]
        train(rest, folder / writer)
        results = list(Coder.load(folder / writer).code_many([note.text for note in mine]))
        known = vocabulary(rest)
        counts += [count_note(note, result, known) for note, result in zip(mine, results, strict=True)]
        measured += zip(mine, results, strict=True)
    proposals = proposal_figures([note for note, _ in measured], [result for _, result in measured])
    return Evaluation("cross-validation", "train", len(notes), tuple(figures(counts) + proposals))
