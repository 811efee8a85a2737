"""The gate: a candidate against the current model on the same notes, criterion by criterion; thresholds stand in ``gate.toml``.

Both models code the same notes in the same process; notes are resampled together (the two of a minimal pair as one), so that
intervals are of the difference. Passing is no proof that a candidate is better: it says that nothing that is watched got worse by
more than is allowed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from models.billing import data
from models.coder import Coder
from models.errors import UnknownRisk, UntrustedModel
from models.note import Note, Profile
from models.registry import MANIFEST_FILE, sha256
from models.training.counting import count_confidence, count_note, count_pairs, judge, unit_of
from models.training.dataset import LabelledNote
from models.training.figures import FAMILIES, FORMULAS, Counts, Formula, Parts, Sums, code_count
from models.training.groups import setting_group

Outcome = Literal["pass", "fail", "not_applicable"]
Rule = Literal["interval", "value", "clear"]
_FILE = "gate.toml"
_RESAMPLES = 1000
_SEED = 7
_TAILS = (0.025, 0.975)
_LOWER_IS_BETTER = ("leak", "ece_read", "ece_proposal", "unflagged_wrong")
_MB = 1_000_000
_ROUNDING = 1e-9
_ON = ("frozen", "reviewed", "settings", "reviewed_settings", "pairs")
_WARM = 3  # notes coded before any is timed


@dataclass(frozen=True, slots=True)
class Watched:
    """A criterion of the data file."""

    id: str
    name: str
    figure: str
    rule: Rule
    margin: float
    on: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that are no differences of figures."""

    largest_mb: float
    slowest: float
    timed_notes: int
    least_notes: int
    least_pairs: int


@dataclass(frozen=True, slots=True)
class Criterion:
    """One outcome with both figures; ``low`` to ``high`` is the 95 % interval of the difference, ``items`` on how many.

    ``reason`` says in words why it failed, or why it does not apply; empty where it passed.
    """

    id: str
    name: str
    profile: str
    outcome: Outcome
    current: float | None = None
    candidate: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    items: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found; ``pass`` where no criterion failed."""

    candidate: str
    current: str
    manifest_sha256: str
    criteria: tuple[Criterion, ...]

    @property
    def outcome(self) -> Literal["pass", "fail"]:
        """Whether the candidate may serve."""
        return "fail" if self.refusals else "pass"

    @property
    def refusals(self) -> tuple[Criterion, ...]:
        """The criteria that failed."""
        return tuple(each for each in self.criteria if each.outcome == "fail")

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON, as ``model_verdicts.criteria`` holds it."""
        return {**asdict(self), "outcome": self.outcome}

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Verdict:
        """The verdict that `as_dict` gave."""
        criteria = tuple(Criterion(**each) for each in values["criteria"])
        return cls(values["candidate"], values["current"], values["manifest_sha256"], criteria)


def parse(text: str, file: str = _FILE) -> tuple[Limits, tuple[Watched, ...]]:
    """Limits and criteria of a data file.

    Raises
    ------
    LexiconError
        Unknown or missing keys, or an unknown rule or figure.
    """
    root = data.parse(text, file).closed(("limits", "criterion"))
    table = root.table("limits").closed(tuple(Limits.__dataclass_fields__))
    limits = Limits(
        largest_mb=table.get("largest_mb", float),
        slowest=table.get("slowest", float),
        timed_notes=table.get("timed_notes", int),
        least_notes=table.get("least_notes", int),
        least_pairs=table.get("least_pairs", int),
    )
    watched = []
    for entry in root.tables("criterion", "id"):
        entry.closed(("id", "name", "figure", "rule", "margin", "on"))
        rule, figure = entry.get("rule", str), entry.get("figure", str)
        if unknown := set(entry.texts("on")).difference(_ON):
            raise entry.error(f"on must be some of {', '.join(_ON)}, not {', '.join(sorted(unknown))}")
        if rule not in ("interval", "value", "clear"):
            raise entry.error("rule must be interval, value or clear")
        if figure not in FORMULAS and not figure.startswith("class:") and figure != "pairs":
            raise entry.error("figure must be one of models/training/figures.toml, class:CODE or pairs")
        watched += [
            Watched(entry.name, entry.get("name", str), figure, cast("Rule", rule), entry.get("margin", float), on)
            for on in entry.texts("on")
        ]
    return limits, tuple(watched)


LIMITS, WATCHED = parse(data.read_from(__name__, _FILE))


@dataclass(frozen=True, slots=True)
class Sample:
    """Notes with what was counted on them for both models."""

    notes: Sequence[LabelledNote]
    current: Sequence[Counts]
    candidate: Sequence[Counts]

    def part(self, wanted: Callable[[LabelledNote], bool]) -> Sample:
        """The notes that are wanted."""
        kept = [number for number, note in enumerate(self.notes) if wanted(note)]
        current, candidate = ([rows[number] for number in kept] for rows in (self.current, self.candidate))
        return Sample([self.notes[number] for number in kept], current, candidate)


def judge_candidate(
    candidate: Path,
    current: Coder,
    frozen: Sequence[LabelledNote],
    reviewed: Sequence[LabelledNote],
    known: Collection[str],
    *,
    told: Callable[[float], None] = lambda _: None,
) -> Verdict:
    """Judge the candidate in a folder.

    Parameters
    ----------
    candidate
        Its folder.
    current
        The model that serves.
    frozen
        The development notes.
    reviewed
        The latest reviewed notes, none of which either of the two learnt from.
    known
        Words of the training activities (`models.training.counting.vocabulary`).
    told
        Called with the share of the work that is done.

    Raises
    ------
    UntrustedModel
        The folder holds no manifest, so that not even its name can be told.
    """
    if not (candidate / MANIFEST_FILE).is_file():
        raise UntrustedModel(str(candidate), f"it has no {MANIFEST_FILE}")
    hashed = sha256(candidate / MANIFEST_FILE)
    try:
        coder = Coder.load(candidate)
    except (UntrustedModel, UnknownRisk) as error:
        failed = Criterion("loads", "loads in this program", "", "fail", reason=str(error))
        return Verdict(candidate.name, current.version, hashed, (failed,))
    criteria = [Criterion("loads", "loads in this program", "", "pass"), _size(candidate)]
    profiles: list[Profile] = [name for name in ("accurate", "fast") if name in current.readers]
    for number, profile in enumerate(profiles):
        if profile not in coder.readers:
            criteria.append(
                Criterion("profile", "has the profile", profile, "fail", reason="The candidate has no such profile.")
            )
            continue
        sample = _sample(current, coder, frozen, profile, known)
        told((number + 0.6) / len(profiles))
        latest = _sample(current, coder, reviewed, profile, known)
        for watched in WATCHED:
            criteria += _outcomes(watched, profile, sample, latest)
        criteria.append(_speed(current, coder, frozen, profile))
        told((number + 1.0) / len(profiles))
    return Verdict(coder.version, current.version, hashed, tuple(criteria))


def _counts(coder: Coder, notes: Sequence[LabelledNote], profile: Profile, known: Collection[str]) -> list[Counts]:
    results = list(coder.code_many([Note(text=note.text, profile=profile) for note in notes]))
    counts = [count_note(note, result, known) for note, result in zip(notes, results, strict=True)]
    count_pairs(notes, results, counts)
    for note, result, c in zip(notes, results, counts, strict=True):
        count_confidence(c, judge(note, result))
    return counts


def _sample(
    current: Coder, candidate: Coder, notes: Sequence[LabelledNote], profile: Profile, known: Collection[str]
) -> Sample:
    return Sample(notes, *(_counts(coder, notes, profile, known) for coder in (current, candidate)))


def _outcomes(watched: Watched, profile: str, frozen: Sample, reviewed: Sample) -> Iterator[Criterion]:
    """The criteria that an entry of the data file stands for."""
    if watched.on == "frozen":
        least = LIMITS.least_notes if watched.rule == "value" else 1
        yield compare(watched, profile, frozen, _formula(watched.figure), least=least)
    elif watched.on == "reviewed":
        yield compare(watched, profile, reviewed, _formula(watched.figure), least=LIMITS.least_notes)
    elif watched.on in ("settings", "reviewed_settings"):
        sample = frozen if watched.on == "settings" else reviewed
        for name in sorted({setting_group(note.setting) for note in sample.notes}):
            part = sample.part(lambda note, name=name: setting_group(note.setting) == name)
            yield compare(watched, profile, part, _formula(watched.figure), least=LIMITS.least_notes, group=name)
    else:
        for family in FAMILIES:
            formula = FORMULAS[f"pairs_{family}"]
            yield compare(watched, profile, frozen, formula, least=LIMITS.least_pairs, group=family)


def _formula(figure: str) -> Formula:
    if not figure.startswith("class:"):
        return FORMULAS[figure]
    label = figure.removeprefix("class:")

    def f1(sums: Sums) -> Parts:
        right, found, wanted = (sums[code_count("read", label, what)] for what in ("right", "found", "wanted"))
        return Parts(2 * right, found + wanted, wanted)

    return f1


def compare(
    watched: Watched, profile: str, sample: Sample, formula: Formula, *, least: int = 1, group: str = ""
) -> Criterion:
    """One criterion on one sample; ``least`` is on how many items it must stand to be judged."""
    name = f"{watched.name} ({group})" if group else watched.name
    key = f"{watched.id}:{group}" if group else watched.id
    units = [unit_of(note) for note in sample.notes]
    order = {unit: row for row, unit in enumerate(dict.fromkeys(units))}
    drawn = np.ones((1 + _RESAMPLES, len(order)))
    if order:
        rng = np.random.default_rng(_SEED)
        drawn[1:] = rng.multinomial(len(order), [1 / len(order)] * len(order), size=_RESAMPLES)
    values, counted = [], []
    for counts in (sample.current, sample.candidate):
        names = sorted({name for each in counts for name in each})
        table = np.zeros((len(order), len(names)))
        for unit, each in zip(units, counts, strict=True):
            table[order[unit]] += [float(each.get(name, 0.0)) for name in names]
        parts = formula(Sums(names, drawn @ table))
        counted.append(float(parts.items[0]) if len(parts.items) else 0.0)
        values.append(np.where(parts.bottom > 0, parts.top / np.maximum(parts.bottom, 1e-9), np.nan))
    # Which items stand under a figure can differ: of what passes unflagged a model may let hardly anything pass.
    items = min(counted) if watched.rule == "value" else max(counted)
    enough = min(int(items), len(sample.notes)) if least > 1 else int(items)
    if enough < least or np.isnan(values[0][0]) or np.isnan(values[1][0]):
        return Criterion(
            key, name, profile, "not_applicable", items=int(items), reason=f"too few to judge ({int(items)})"
        )
    differences = values[1] - values[0]
    low, high = np.quantile(differences[~np.isnan(differences)], _TAILS).tolist()
    before, after, change = float(values[0][0]), float(values[1][0]), float(differences[0])
    is_lower_better = watched.figure in _LOWER_IS_BETTER
    # From here on more is worse.
    worse, worse_low, worse_high = (change, low, high) if is_lower_better else (-change, -high, -low)
    if watched.rule == "interval":
        failed = worse_high > watched.margin + _ROUNDING
    elif watched.rule == "value":
        failed = worse > watched.margin + _ROUNDING
    else:
        failed = worse_low > _ROUNDING and worse > watched.margin
    reason = ""
    if failed:
        reason = (
            f"{name}: {after:.3f}, the current model {before:.3f} (difference {change:+.3f}, {low:+.3f} to {high:+.3f}); "
            f"{_allowed(watched)}."
        )
    numbers = (float(f"{value:.4f}") for value in (before, after, low, high, watched.margin))
    return Criterion(key, name, profile, "fail" if failed else "pass", *numbers, items=int(items), reason=reason)


def _allowed(watched: Watched) -> str:
    if watched.rule == "interval":
        return f"the interval may reach at most {watched.margin:g} on the worse side"
    if watched.rule == "value":
        return f"at most {watched.margin:g} worse is allowed"
    return "it may not be clearly worse"


def _size(folder: Path) -> Criterion:
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / _MB
    failed = size >= LIMITS.largest_mb
    reason = f"The candidate has {size:.1f} MB; less than {LIMITS.largest_mb:g} are allowed." if failed else ""
    return Criterion(
        "size",
        "size in MB",
        "",
        "fail" if failed else "pass",
        candidate=float(f"{size:.2f}"),
        margin=LIMITS.largest_mb,
        reason=reason,
    )


def _speed(current: Coder, candidate: Coder, notes: Sequence[LabelledNote], profile: Profile) -> Criterion:
    """The candidate's time over the current model's: each note by both in turn, the median of the ratios."""
    texts = [Note(text=note.text, profile=profile) for note in notes[: LIMITS.timed_notes]]
    if not texts:
        return Criterion("speed", "time over the current model's", profile, "not_applicable", reason="no notes")
    for note in texts[:_WARM]:
        current.code(note)
        candidate.code(note)
    spent: tuple[list[float], list[float]] = ([], [])
    for number, note in enumerate(texts):
        pair = [(current, spent[0]), (candidate, spent[1])]
        # Who goes second finds the caches warm: they take turns.
        for coder, times in pair if number % 2 else reversed(pair):
            begun = time.perf_counter()
            coder.code(note)
            times.append(time.perf_counter() - begun)
    ratio = statistics.median(after / before for before, after in zip(*spent, strict=True))
    failed = ratio > LIMITS.slowest
    reason = (
        f"The candidate takes {ratio:.2f} times as long ({profile}); {LIMITS.slowest:g} is allowed." if failed else ""
    )
    return Criterion(
        "speed",
        "time over the current model's",
        profile,
        "fail" if failed else "pass",
        current=1.0,
        candidate=float(f"{ratio:.3f}"),
        margin=LIMITS.slowest,
        items=len(texts),
        reason=reason,
    )
