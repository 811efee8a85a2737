"""What lies behind the figures of confidence and codes: reliability, coverage against accuracy, confusion.

Examples
--------
>>> [full] = [bin for bin in reliability([Judged("block", 0.95, True), Judged("block", 0.97, False)]) if bin.count]
>>> full.count, full.right, f"{full.confidence:.2f}"
(2, 0.5, '0.96')
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.billing.codes import HEADLINE
from models.classifier import CLASSES
from models.intervals import wilson
from models.training.counting import WARNINGS, pair
from models.training.dataset import headline_of
from models.training.evaluate import Measured
from models.training.figures import BINS, Judged, Source, bin_of

NONE = "none"  # no block there, or neither code


@dataclass(frozen=True, slots=True)
class Bin:
    """Decisions with a confidence in ``[low, high)`` (the last bin: ``high`` too): their mean confidence and share right.

    ``least`` and ``most`` are the 95 % interval of the share (Wilson); all four are 0 where ``count`` is.
    """

    low: float
    high: float
    count: int
    confidence: float
    right: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Point:
    """Taking every decision with at least this ``confidence``: the share taken, and the share of these that is right."""

    coverage: float
    accuracy: float
    confidence: float

    @property
    def risk(self) -> float:
        """Share of wrong decisions among those taken."""
        return 1.0 - self.accuracy


def judged_of(measured: Iterable[Measured], source: Source) -> list[Judged]:
    """All decisions of one source, in the order of the notes."""
    return [one for each in measured for one in each.judged if one.source == source]


def reliability(judged: Sequence[Judged]) -> list[Bin]:
    """Ten bins of confidence, lowest first."""
    out = []
    for number in range(BINS):
        members = [one for one in judged if bin_of(one.confidence) == number]
        count, right = len(members), sum(one.right for one in members)
        mean = math.fsum(one.confidence for one in members) / max(1, count)
        least, most = wilson(right, count)
        out.append(Bin(number / BINS, (number + 1) / BINS, count, mean, right / max(1, count), least, most))
    return out


def coverage_curve(judged: Sequence[Judged]) -> list[Point]:
    """Accuracy against coverage, from the surest decision to all of them; decisions of one confidence are taken together."""
    ordered = sorted(judged, key=lambda one: -one.confidence)
    points: list[Point] = []
    right = 0
    for taken, one in enumerate(ordered, start=1):
        right += one.right
        if points and points[-1].confidence == one.confidence:
            points.pop()
        points.append(Point(taken / len(ordered), right / taken, one.confidence))
    return points


def area_of_risk(points: Sequence[Point]) -> float:
    """Mean risk over all coverages (area under the risk-coverage curve), in [0, 1]; smaller is better, 0 without points."""
    covered, area = 0.0, 0.0
    for point in points:
        area += point.risk * (point.coverage - covered)
        covered = point.coverage
    return area


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each labelled class (rows) was given each class (columns)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def total(self) -> int:
        """Number of decisions."""
        return sum(map(sum, self.counts))


def _confusion(pairs: Sequence[tuple[str, str]], rows: tuple[str, ...], columns: tuple[str, ...]) -> Confusion:
    counts = tuple(tuple(sum(p == (row, column) for p in pairs) for column in columns) for row in rows)
    return Confusion(rows, columns, counts)


def block_confusion(measured: Iterable[Measured]) -> Confusion:
    """Blocks: labelled against read; `NONE` for a block that was not read, or that no label has."""
    pairs = []
    for each in measured:
        read, labelled = each.result.services, each.note.services
        matched = pair(read, labelled)
        pairs += [(labelled[j].code, read[i].code) for i, j in matched]
        found, met = {i for i, _ in matched}, {j for _, j in matched}
        pairs += [(NONE, service.code) for i, service in enumerate(read) if i not in found]
        pairs += [(service.code, NONE) for j, service in enumerate(labelled) if j not in met]
    return _confusion(pairs, (*CLASSES, NONE), (*CLASSES, NONE))


def proposal_confusion(measured: Iterable[Measured]) -> Confusion:
    """Proposals of notes: labelled against given; `NONE` where a note documents neither code."""
    pairs = [(headline_of(each.note) or NONE, each.result.proposal.code or NONE) for each in measured]
    return _confusion(pairs, (*HEADLINE, NONE), (*HEADLINE, NONE))


@dataclass(frozen=True, slots=True)
class FlagCount:
    """On how many notes a warning is called for by the labels, raised by the program, and both."""

    id: str
    wanted: int
    found: int
    both: int


def flag_counts(measured: Sequence[Measured]) -> list[FlagCount]:
    """Each warning, in the order of the flag list."""

    def total(name: str, what: str) -> int:
        return int(sum(each.counts.get(f"flag:{name}:{what}", 0.0) for each in measured))

    return [FlagCount(name, total(name, "wanted"), total(name, "found"), total(name, "right")) for name in WARNINGS]
