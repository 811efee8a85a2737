"""Would more reviewed notes pay: the learning curve of the classifier, and what it says of a number of new notes.

The curve is log loss = floor + scale * notes ** -power (a power law, as learning curves are described by), fitted to the points of
``learning.toml``. Nothing here trains anything.

Examples
--------
>>> CURVE.log_loss(2000) < CURVE.log_loss(200)
True
>>> pays(2000, 0).state
'too_few'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
from scipy.optimize import curve_fit

from models.billing import data

_FILE = "learning.toml"
_HELD_OUT = 5  # the latest fifth of the reviewed notes trains nothing: the gate measures on it
Item = TypeVar("Item")


@dataclass(frozen=True)
class Curve:
    """Measured points (notes, log loss of blocks of unseen writers), and the law through them."""

    points: tuple[tuple[float, float], ...]
    least_gain: float
    least_notes: int

    @cached_property
    def law(self) -> tuple[float, float, float]:
        """Floor, scale and power of the law; none is negative."""
        notes, losses = (np.array(column) for column in zip(*self.points, strict=True))
        start = (0.9 * losses.min(), losses.max(), 0.5)
        fitted, _ = curve_fit(_law, notes, losses, p0=start, bounds=(0, [losses.min(), np.inf, 2.0]), maxfev=20_000)
        floor, scale, power = map(float, fitted)
        return floor, scale, power

    def log_loss(self, notes: float) -> float:
        """What the law gives for so many notes (1 or more)."""
        return float(_law(notes, *self.law))


def _law(notes: float, floor: float, scale: float, power: float) -> float:
    return floor + scale * notes**-power


@dataclass(frozen=True, slots=True)
class Outlook:
    """What retraining on ``new`` more notes promises: log loss now and then, and whether that is worth it."""

    state: Literal["pays", "steady", "too_few"]
    now: float
    then: float
    new: int
    sentence: str


def parse(text: str, file: str = _FILE) -> Curve:
    """The curve of a data file.

    Raises
    ------
    LexiconError
        A key is missing, unknown or of another kind, or there are fewer than four points.
    """
    root = data.parse(text, file).closed(("limits", "point"))
    limits = root.table("limits").closed(("least_gain", "least_notes"))
    points = [point.closed(("notes", "log_loss")) for point in root.tables("point", "notes")]
    if len(points) < 4:
        raise root.error("a law of three numbers needs at least four points")
    return Curve(
        tuple((point.get("notes", float), point.get("log_loss", float)) for point in points),
        limits.get("least_gain", float),
        limits.get("least_notes", int),
    )


CURVE = parse(data.read_from(__name__, _FILE))


def pays(learnt: int, new: int, *, curve: Curve = CURVE) -> Outlook:
    """Say whether ``new`` reviewed notes beside ``learnt`` ones promise enough to retrain."""
    before, after = curve.log_loss(max(1, learnt)), curve.log_loss(max(1, learnt + new))
    gain = 1 - after / before
    if new < curve.least_notes:
        told = f"{new} reviewed notes are new to the model; retraining takes {curve.least_notes}."
        return Outlook("too_few", before, after, new, told)
    told = (
        f"{new} reviewed notes are new to the model. By the learning curve they take {gain:.1%} off its log loss "
        f"({before:.4f} to {after:.4f})"
    )
    if gain < curve.least_gain:
        return Outlook("steady", before, after, new, f"{told}; below {curve.least_gain:.0%} it is better to wait.")
    return Outlook("pays", before, after, new, f"{told}. Retraining would pay.")


def parted(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Part reviewed notes in the order of time: what a candidate learns from, and the latest fifth, which measures it.

    Examples
    --------
    >>> learnt, latest = parted(range(11))
    >>> len(learnt), latest
    (9, [9, 10])
    """
    at = len(items) - len(items) // _HELD_OUT
    return list(items[:at]), list(items[at:])
