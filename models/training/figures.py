"""Counts on notes to figures with intervals: one formula a figure; names, meanings and targets stand in ``figures.toml``.

Almost every figure is a function of sums over notes, so that resampling the notes gives its interval; those that rank by confidence
carry what they rank along. To add one, write its entry there and its formula here.

Examples
--------
>>> [found] = figures([{"leaked": 1, "not_today": 4}, {"leaked": 0, "not_today": 4}], only={"leak"})
>>> found.name, found.value, found.count
('not-today leak', 0.125, 8)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from models.billing import data
from models.billing.codes import HEADLINE
from models.billing.units import POLICIES
from models.classifier import CLASSES
from nlp.document import ELEMENTS

Array = NDArray[np.float64]
Counts = dict[str, float]
Source = Literal["block", "read", "proposal"]  # labelled blocks, blocks as read, proposals of notes
SOURCES: tuple[Source, ...] = ("block", "read", "proposal")
Verdict = Literal["met", "open", "missed", "none"]
GROUPS = ("reading", "minutes", "codes", "confidence", "flags", "pairs")
FAMILIES = ("purpose", "status", "minutes")
BINS = 10

_FILE = "figures.toml"
_RESAMPLES = 1000
_SEED = 7
_TAIL = 0.025  # each side of a 95 % interval
_COVERED = 0.8
_ACCURATE = 0.99
_ROUNDING = 1e-9  # of sums that are whole numbers but for the last digit


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the list; ``target`` is ``None`` where nothing is asked for, ``place`` is 0 but at the head of the report."""

    id: str
    name: str
    group: str
    meaning: str
    better: Literal["higher", "lower"]
    target: float | None
    place: int
    of_100: str
    gate: bool
    groups: bool

    def reaches(self, value: float, mark: float) -> bool:
        """Whether ``value`` is at least as good as ``mark``."""
        return mark <= value if self.better == "higher" else value <= mark


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure with its 95 % interval, and on how many items it stands; ``count == 0``: nothing to measure."""

    id: str
    value: float
    low: float
    high: float
    count: int

    @property
    def kind(self) -> Kind:
        """What the list of figures says about it."""
        return KINDS[self.id]

    @property
    def name(self) -> str:
        """Its name in tables."""
        return self.kind.name

    @property
    def verdict(self) -> Verdict:
        """How it stands to its target: the whole interval beyond it (``met``), around it (``open``) or short of it (``missed``)."""
        target = self.kind.target
        if target is None or not self.count:
            return "none"
        ends = (self.low, self.high) if self.kind.better == "higher" else (self.high, self.low)
        if self.kind.reaches(ends[0], target):
            return "met"
        return "open" if self.kind.reaches(ends[1], target) else "missed"


class Judged(NamedTuple):
    """A decision with its confidence, in [0, 1], and whether it was right."""

    source: Source
    confidence: float
    right: bool


class Sums:
    """Sums of counts by name, each an array over resamples; a name that nobody counted is zero throughout."""

    def __init__(self, names: Sequence[str], table: Array) -> None:
        self._at = {name: column for column, name in enumerate(names)}
        self._table = table

    def __getitem__(self, name: str) -> Array:
        column = self._at.get(name)
        return np.zeros(len(self._table)) if column is None else self._table[:, column]


class Parts(NamedTuple):
    """A figure is ``top / bottom``; ``items`` is on how many it stands. ``share``: each item is right or wrong."""

    top: Array
    bottom: Array
    items: Array
    share: bool = True


Formula = Callable[[Sums], Parts]


def _ratio(top: str, bottom: str) -> Formula:
    return lambda sums: Parts(sums[top], sums[bottom], sums[bottom])


def _f1(right: str, found: str, wanted: str) -> Formula:
    return lambda sums: Parts(2 * sums[right], sums[found] + sums[wanted], sums[wanted])


def code_count(source: Source, label: str, what: Literal["right", "found", "wanted"], *, hidden: bool = False) -> str:
    """Name under which the codes of blocks are counted."""
    return f"code:{source}:{'hidden:' if hidden else ''}{label}:{what}"


def _macro(source: Source, *, hidden: bool = False) -> Formula:
    def parts(sums: Sums) -> Parts:
        top, bottom, items = (np.zeros_like(sums["notes"]) for _ in range(3))
        for label in CLASSES:
            right, found, wanted = (
                sums[code_count(source, label, what, hidden=hidden)] for what in ("right", "found", "wanted")
            )
            top += 2 * right / np.maximum(found + wanted, 1)
            bottom += found + wanted > 0
            items += wanted
        return Parts(top, bottom, items)

    return parts


def gap_count(source: Source, number: int) -> str:
    """Name under which confidence minus truth is summed for one bin of confidences."""
    return f"gap:{source}:{number}"


def _calibration(source: Source) -> Formula:
    def parts(sums: Sums) -> Parts:
        gaps = sum((np.abs(sums[gap_count(source, number)]) for number in range(BINS)), np.zeros_like(sums["notes"]))
        return Parts(gaps, sums[f"judged:{source}"], sums[f"judged:{source}"], share=False)

    return parts


FORMULAS: Mapping[str, Formula] = {
    "activities_f1": _f1("act_right", "act_found", "act_wanted"),
    "activities_f1_exact": _f1("act_exact", "act_found", "act_wanted"),
    "activities_precision": _ratio("act_right", "act_found"),
    "activities_recall": _ratio("act_right", "act_wanted"),
    "leak": _ratio("leaked", "not_today"),
    "found_coded": _ratio("act_coded", "act_wanted"),
    "unseen_recall": _ratio("unseen_right", "unseen_wanted"),
    "mentions_f1": _f1("mention_right", "mention_found", "not_today"),
    "mention_status": _ratio("status_right", "status_wanted"),
    "goals_f1": _f1("goal_right", "goal_found", "goal_wanted"),
    "elements": _ratio("elements_right", "elements"),
    **{f"element_{element}": _ratio(f"element_{element}", "notes") for element in ELEMENTS},
    "minutes_headline": _ratio("minutes_headline", "notes"),
    "minutes_all": _ratio("minutes_all", "notes"),
    **{f"units_headline_{policy}": _ratio(f"units_headline_{policy}", "notes") for policy in POLICIES},
    **{f"units_all_{policy}": _ratio(f"units_all_{policy}", "notes") for policy in POLICIES},
    "block_minutes": _ratio("block_minutes", "block_wanted"),
    "block_exact": _ratio("block_exact", "block_wanted"),
    "stated_code": _ratio("stated_right", "block_paired"),
    "proposal_code": _ratio("proposal_right", "notes"),
    "block_macro_f1": _macro("block"),
    "block_two": _ratio("two:block:right", "two:block"),
    "block_macro_f1_hidden": _macro("block", hidden=True),
    "block_two_hidden": _ratio("two:block:hidden:right", "two:block:hidden"),
    "block_macro_f1_read": _macro("read"),
    "block_two_read": _ratio("two:read:right", "two:read"),
    "block_unmatched": _ratio("block_unmatched", "block_found"),
    "ece_block": _calibration("block"),
    "ece_read": _calibration("read"),
    "ece_proposal": _calibration("proposal"),
    "flags_recall": _ratio("flag_right", "flag_wanted"),
    "flags_precision": _ratio("flag_right", "flag_found"),
    "flags_reason": _ratio("flag_reason", "flag_wanted"),
    "unflagged_wrong": _ratio("unflagged_wrong", "unflagged"),
    "unflagged_share": _ratio("unflagged", "notes"),
    **{f"pairs_{family}": _ratio(f"pair:{family}:right", f"pair:{family}") for family in FAMILIES},
}


class Ranked:
    """Decisions of one source, most confident first, with how often each resample holds them.

    Of equal confidences none goes first: they are taken together, each with the same part.
    """

    def __init__(self, items: Sequence[tuple[int, Judged]], drawn: Array) -> None:
        ordered = sorted(items, key=lambda item: -item[1].confidence)
        confidences = np.array([judged.confidence for _, judged in ordered])
        right = np.array([judged.right for _, judged in ordered], dtype=float)
        weights = drawn[:, [unit for unit, _ in ordered]]
        last = np.append(confidences[1:] != confidences[:-1], True) if ordered else np.zeros(0, dtype=bool)
        self.taken = np.cumsum(weights, axis=1)[:, last]
        self.right = np.cumsum(weights * right, axis=1)[:, last]
        self.confidences = confidences[last]

    def accuracy_at(self, coverage: float) -> Parts:
        """Share of right decisions among the most confident ``coverage`` of them."""
        if not self.confidences.size:
            return _nothing(len(self.taken))
        wanted = coverage * self.taken[:, -1]
        right = np.array(
            [
                np.interp(mark, np.append(0.0, taken), np.append(0.0, hits))
                for mark, taken, hits in zip(wanted, self.taken, self.right, strict=True)
            ]
        )
        return Parts(right, wanted, wanted)

    def coverage_at(self, accuracy: float) -> Parts:
        """Largest share, most confident first, among which ``accuracy`` of the decisions are right."""
        if not self.confidences.size:
            return _nothing(len(self.taken))
        enough = accuracy * self.taken <= self.right
        total = self.taken[:, -1]
        return Parts(np.where(enough, self.taken, 0.0).max(axis=1), total, total, share=False)


def _nothing(resamples: int) -> Parts:
    zero = np.zeros(resamples)
    return Parts(zero, zero, zero)


RANKINGS: Mapping[str, tuple[Source, Callable[[Ranked], Parts]]] = {
    **{f"accuracy_80_{source}": (source, lambda ranked: ranked.accuracy_at(_COVERED)) for source in SOURCES},
    **{f"coverage_99_{source}": (source, lambda ranked: ranked.coverage_at(_ACCURATE)) for source in SOURCES},
}


def figures(
    counts: Sequence[Counts],
    judged: Sequence[Sequence[Judged]] = (),
    *,
    units: Sequence[str] = (),
    only: Collection[str] | None = None,
) -> list[Figure]:
    """All figures over these notes, with intervals from resampling the notes.

    The interval of a share that is 0 or 1 in all resamples is that of Clopper and Pearson over its items: where no mistake was
    seen, the interval says how many there may be.

    Parameters
    ----------
    counts
        What `models.training.counting.count_note` counted on each note.
    judged
        Its decisions with their confidence, a sequence a note; without, no figure that ranks by confidence is measured.
    units
        A name a note; notes of the same name are drawn together (the two of a minimal pair). Without: each alone.
    only
        Ids of the figures wanted; without: all.
    """
    names = sorted({name for each in counts for name in each})
    owners = list(units) or [str(number) for number in range(len(counts))]
    order = {owner: row for row, owner in enumerate(dict.fromkeys(owners))}
    table = np.zeros((len(order), len(names)))
    for owner, each in zip(owners, counts, strict=True):
        table[order[owner]] += [float(each.get(name, 0.0)) for name in names]
    # The first row is the notes as they are, the others are the resamples.
    drawn: Array = np.ones((1 + _RESAMPLES, len(order)))
    if order:
        rng = np.random.default_rng(_SEED)
        drawn[1:] = rng.multinomial(len(order), [1 / len(order)] * len(order), size=_RESAMPLES)
    sums = Sums(names, drawn @ table)
    items = [(order[owner], one) for owner, each in zip(owners, judged, strict=False) for one in each]
    ranked = {source: Ranked([item for item in items if item[1].source == source], drawn) for source in SOURCES}
    out = []
    for kind in KINDS.values():
        if only is not None and kind.id not in only:
            continue
        if kind.id in FORMULAS:
            parts = FORMULAS[kind.id](sums)
        else:
            source, formula = RANKINGS[kind.id]
            parts = formula(ranked[source])
        out.append(_figure(kind.id, parts))
    return out


def _figure(name: str, parts: Parts) -> Figure:
    count = math.ceil(parts.items[0] - _ROUNDING)
    if parts.bottom[0] <= 0 or not count:
        return Figure(name, 0.0, 0.0, 0.0, 0)
    value = float(parts.top[0] / parts.bottom[0])
    some = parts.bottom > 0
    low, high = np.quantile(parts.top[some] / parts.bottom[some], (_TAIL, 1 - _TAIL)).tolist()
    if parts.share and low == high == value and value in (0.0, 1.0):
        spare = 1.0 - _TAIL ** (1.0 / count)
        low, high = (0.0, spare) if value == 0.0 else (1.0 - spare, 1.0)
    return Figure(name, value, min(low, value), max(high, value), count)


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error over ten equal-width bins, in [0, 1].

    Examples
    --------
    >>> calibration_error([0.9, 0.9], [True, True])
    0.1
    """
    gaps = [0.0] * BINS
    for confidence, hit in zip(confidences, right, strict=True):
        gaps[bin_of(confidence)] += confidence - hit
    return float(f"{sum(map(abs, gaps)) / max(1, len(confidences)):.6f}")


def bin_of(confidence: float) -> int:
    """Which of the ten bins a confidence falls into; each holds its lower end, the last one both."""
    return min(int(confidence * BINS), BINS - 1)


def macro_f1(items: Sequence[tuple[str, str]]) -> float:
    """Mean F1 over the classes that occur among these (predicted, wanted) pairs; 0 where there are none."""
    scores = []
    for label in CLASSES:
        right = sum(p == w == label for p, w in items)
        found, wanted = sum(p == label for p, _ in items), sum(w == label for _, w in items)
        if found + wanted:
            scores.append(2 * right / (found + wanted))
    return sum(scores) / len(scores) if scores else 0.0


def count_codes(counts: Counts, source: Source, got: str, wanted: str, *, hidden: bool = False) -> None:
    """Add one block's predicted and labelled code to the counts."""
    _add(counts, code_count(source, wanted, "wanted", hidden=hidden))
    _add(counts, code_count(source, got, "found", hidden=hidden))
    if got == wanted:
        _add(counts, code_count(source, wanted, "right", hidden=hidden))


def count_two(counts: Counts, source: Source, likelier: str, wanted: str, *, hidden: bool = False) -> None:
    """Add which of the two headline codes was likelier for a block that is one of them; others are passed over."""
    if wanted in HEADLINE:
        name = f"two:{source}{':hidden' if hidden else ''}"
        _add(counts, name)
        _add(counts, f"{name}:right", likelier == wanted)


def count_judged(counts: Counts, judged: Judged) -> None:
    """Add a decision to the sums that calibration is measured by."""
    _add(counts, f"judged:{judged.source}")
    _add(counts, gap_count(judged.source, bin_of(judged.confidence)), judged.confidence - judged.right)


def _add(counts: Counts, name: str, amount: float = 1.0) -> None:
    counts[name] = counts.get(name, 0.0) + amount


def parse_kinds(text: str, known: Collection[str], file: str = _FILE) -> Mapping[str, Kind]:
    """The list of figures, by id.

    Parameters
    ----------
    text
        The file's content (TOML).
    known
        Ids of the figures that have a formula.
    file
        Its name, for errors.

    Raises
    ------
    LexiconError
        Unknown or missing keys or values, a figure without a formula or the other way about.
    """
    root = data.parse(text, file).closed(("figure",))
    kinds = {entry.name: _kind(entry, known) for entry in root.tables("figure", "id")}
    for missing in sorted(set(known) - set(kinds)):
        raise root.error(f"there is no [[figure]] with id {missing}, which has a formula")
    return MappingProxyType(kinds)


def _kind(entry: data.Entry, known: Collection[str]) -> Kind:
    entry.closed(("id", "name", "group", "meaning", "better"), ("target", "head", "gate", "groups"))
    if entry.name not in known:
        raise entry.error("no formula of figures.py has this id")
    better, group = entry.get("better", str), entry.get("group", str)
    if better not in ("higher", "lower"):
        raise entry.error("better must be higher or lower")
    if group not in GROUPS:
        raise entry.error(f"group must be one of {', '.join(GROUPS)}")
    head = entry.table("head").closed(("place", "of_100")) if "head" in entry.values else None
    return Kind(
        id=entry.name,
        name=entry.get("name", str),
        group=group,
        meaning=entry.get("meaning", str),
        better=cast("Literal['higher', 'lower']", better),
        target=entry.get("target", float) if "target" in entry.values else None,
        place=head.get("place", int) if head else 0,
        of_100=head.get("of_100", str) if head else "",
        gate="gate" in entry.values and entry.get("gate", bool),
        groups="groups" in entry.values and entry.get("groups", bool),
    )


def read_text(file: str) -> str:
    """Text of a data file of this package."""
    return data.read_from(__name__, file)


KINDS: Mapping[str, Kind] = parse_kinds(read_text(_FILE), {*FORMULAS, *RANKINGS})
