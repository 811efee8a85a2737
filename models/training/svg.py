"""Small charts as inline SVG: plain text, no library, no external file; colours are those of the page's theme.

To a screen reader every chart is an image with a sentence as its text alternative; the page gives the numbers in a table beside it.

Examples
--------
>>> interval_bar(0.9, 0.85, 0.95).startswith('<svg class="bar"')
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 360, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 22, 12, 40
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TENTHS = tuple(number / 10 for number in range(11))
_BAR_WIDTH, _BAR_HEIGHT = 120, 14
_LEAST_DOT, _MOST_DOT = 3.0, 9.0
_KEY = 190
_MOST_TICKS = 6
_STYLES = ("line-0", "line-1", "line-2")
# Of a file of its own, which no page lends its theme; a style of its own is in force for it alone.
_STYLE = """><style>
text { font: 11px system-ui, sans-serif; fill: #555; } .label, .key { font-size: 12px; fill: #222; }
.grid { stroke: #ddd; } .curve { fill: none; stroke-width: 2.5; } .band { stroke: none; opacity: .18; }
.curve.line-0 { stroke: #777; } .curve.line-1 { stroke: #0b62a8; } .curve.line-2 { stroke: #b4540a; stroke-dasharray: 7 4; }
.band.line-1 { fill: #0b62a8; } .band.line-2 { fill: #b4540a; }
@media (prefers-color-scheme: dark) { text { fill: #aaa; } .label, .key { fill: #eee; } .grid { stroke: #444; }
.curve.line-0 { stroke: #999; } .curve.line-1 { stroke: #6db3f2; } .curve.line-2 { stroke: #f0a35e; } .band { opacity: .25; }
.band.line-1 { fill: #6db3f2; } .band.line-2 { fill: #f0a35e; } }
</style>"""


@dataclass(frozen=True, slots=True)
class Dot:
    """A measured share at a position, its interval, and the number of items it stands on."""

    x: float
    y: float
    low: float
    high: float
    count: int


class Line(NamedTuple):
    """A named curve of (x, y); ``style`` is a class of the page's CSS."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str


@dataclass(slots=True)
class _Frame:
    """Axes of a chart of shares: across from 0 to 1, up from ``y0`` to 1."""

    y0: float = 0.0
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        return _LEFT + value * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.y0) / (1.0 - self.y0) * (_HEIGHT - _TOP - _BOTTOM)

    def line(self, a: tuple[float, float], b: tuple[float, float], style: str) -> None:
        self.parts.append(
            f'<line class="{style}" x1="{self.x(a[0]):.1f}" y1="{self.y(a[1]):.1f}"'
            f' x2="{self.x(b[0]):.1f}" y2="{self.y(b[1]):.1f}"/>'
        )

    def text(
        self, x: float, y: float, words: str, style: str = "tick", anchor: str = "middle", turned: bool = False
    ) -> None:
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
        self.parts.append(
            f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turn}>{escape(words)}</text>'
        )

    def axes(self, across: str, up: str) -> None:
        for at in _QUARTERS:
            self.text(self.x(at), _HEIGHT - _BOTTOM + 16, percent(at))
        for at in _QUARTERS if self.y0 == 0.0 else _TENTHS:
            if self.y0 <= at:
                self.line((0.0, at), (1.0, at), "grid")
                self.text(_LEFT - 6, self.y(at) + 4, percent(at), anchor="end")
        self.line((0.0, self.y0), (1.0, self.y0), "axis")
        self.line((0.0, self.y0), (0.0, 1.0), "axis")
        self.labels(across, up)

    def labels(self, across: str, up: str) -> None:
        self.text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 6, across, "label")
        self.text(11, _TOP + (_HEIGHT - _TOP - _BOTTOM) / 2, up, "label", turned=True)

    def done(self, told: str) -> str:
        inside = "".join(self.parts)
        return (
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(told)}">{inside}</svg>'
        )


def percent(share: float) -> str:
    """A share as whole per cent.

    Examples
    --------
    >>> percent(0.25)
    '25 %'
    """
    return f"{100 * share:.0f} %"


def reliability_chart(dots: Sequence[Dot], told: str, *, across: str, up: str) -> str:
    """Share right against confidence, with the diagonal on which both are equal; larger dots stand on more items.

    Parameters
    ----------
    dots
        One a bin that is not empty; shares in [0, 1].
    told
        The text alternative.
    across, up
        What the axes show.
    """
    frame = _Frame()
    frame.axes(across, up)
    frame.line((0.0, 0.0), (1.0, 1.0), "ideal")
    most = max((dot.count for dot in dots), default=1)
    for dot in dots:
        frame.line((dot.x, dot.low), (dot.x, dot.high), "whisker")
        radius = _LEAST_DOT + (_MOST_DOT - _LEAST_DOT) * (dot.count / most) ** 0.5
        frame.parts.append(
            f'<circle class="dot" cx="{frame.x(dot.x):.1f}" cy="{frame.y(dot.y):.1f}" r="{radius:.1f}"/>'
        )
    return frame.done(told)


def curve_chart(
    lines: Sequence[Line],
    told: str,
    *,
    across: str,
    up: str,
    least: float = 0.0,
    target: tuple[float, float] | None = None,
) -> str:
    """Named curves over shares from 0 to 1; the vertical axis begins at ``least``; a cross marks the target."""
    frame = _Frame(y0=least)
    frame.axes(across, up)
    for number, line in enumerate(lines):
        shown = [(x, y) for x, y in line.points if least <= y]
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in shown)
        frame.parts.append(f'<polyline class="curve {escape(line.style)}" points="{path}"/>')
        at = _HEIGHT - _BOTTOM - 14 - 16 * (len(lines) - 1 - number)
        frame.parts.append(
            f'<line class="curve {escape(line.style)}" x1="{_LEFT + 10}" y1="{at - 4}" x2="{_LEFT + 34}" y2="{at - 4}"/>'
        )
        frame.text(_LEFT + 40, at, line.name, "key", anchor="start")
    if target is not None:
        x, y = frame.x(target[0]), frame.y(target[1])
        frame.parts.append(f'<path class="target" d="M{x - 6:.1f} {y:.1f}h12M{x:.1f} {y - 6:.1f}v12"/>')
        frame.text(x, y + 18, "target", "key")
    return frame.done(told)


class Measured(NamedTuple):
    """A named curve of (x, y) in their own units; ``band`` holds (x, low, high) where an interval is known."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()


def measured_chart(lines: Sequence[Measured], told: str, *, across: str, up: str) -> str:
    """Curves in their own units, as an SVG file: with colours for light and dark, and axes that begin where the curves do.

    Parameters
    ----------
    lines
        At most three, with two points or more each, that do not all lie on one height.
    told
        The text alternative.
    across, up
        What the axes show.

    Examples
    --------
    >>> drawing = measured_chart([Measured("a", [(60, 0.2), (100, 0.1)])], "told", across="notes", up="loss")
    >>> ">60</text>" in drawing, ">0.14</text>" in drawing
    (True, True)
    """
    xs = sorted({x for line in lines for x, _ in line.points})
    ys = [y for line in lines for y in (*(y for _, y in line.points), *(end for _, *ends in line.band for end in ends))]
    step = _step(max(ys) - min(ys))
    ticks = range(math.floor(min(ys) / step), math.ceil(max(ys) / step) + 1)
    y0, y1 = ticks[0] * step, ticks[-1] * step
    frame = _Frame()

    def at(x: float, y: float) -> str:
        return f"{frame.x((x - xs[0]) / (xs[-1] - xs[0])):.1f},{frame.y((y - y0) / (y1 - y0)):.1f}"

    for tick in ticks:
        share = (tick * step - y0) / (y1 - y0)
        frame.line((0.0, share), (1.0, share), "grid")
        frame.text(_LEFT - 6, frame.y(share) + 4, f"{tick * step:.2f}", anchor="end")
    for x in xs[::2]:
        frame.text(frame.x((x - xs[0]) / (xs[-1] - xs[0])), _HEIGHT - _BOTTOM + 16, f"{x:g}")
    frame.labels(across, up)
    for line, style in zip(lines, _STYLES[: len(lines)], strict=True):
        around = [at(x, low) for x, low, _ in line.band] + [at(x, high) for x, _, high in reversed(line.band)]
        if around:
            frame.parts.append(f'<polygon class="band {style}" points="{" ".join(around)}"/>')
    for number, (line, style) in enumerate(zip(lines, _STYLES[: len(lines)], strict=True)):
        path = " ".join(at(*point) for point in line.points)
        frame.parts.append(f'<polyline class="curve {style}" points="{path}"/>')
        # The key stands at the top right: what is learnt falls from the left.
        y = _TOP + 14 + 16 * number
        frame.parts.append(f'<line class="curve {style}" x1="{_KEY}" y1="{y - 4}" x2="{_KEY + 24}" y2="{y - 4}"/>')
        frame.text(_KEY + 30, y, line.name, "key", anchor="start")
    return frame.done(told).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", _STYLE, 1)


def _step(spread: float) -> float:
    """The distance of the grid's lines: the least of .01, .02, .05, .1, ... that needs no more than `_MOST_TICKS` of them."""
    tens = 0.01
    while True:
        for step in (tens, 2 * tens, 5 * tens):
            if spread / step < _MOST_TICKS:
                return step
        tens *= 10


def interval_bar(value: float, low: float, high: float, *, target: float | None = None) -> str:
    """A share with its interval on a line from 0 to 1, with a tick at the target; says nothing that the cell beside it does not."""

    def x(share: float) -> float:
        return 2 + share * (_BAR_WIDTH - 4)

    middle = _BAR_HEIGHT / 2
    tick = "" if target is None else f'<path class="target" d="M{x(target):.1f} 1v{_BAR_HEIGHT - 2}"/>'
    return (
        f'<svg class="bar" viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" aria-hidden="true">'
        f'<path class="grid" d="M2 {middle}H{_BAR_WIDTH - 2}"/>{tick}'
        f'<path class="whisker" d="M{x(low):.1f} {middle}H{x(high):.1f}"/>'
        f'<circle class="dot" cx="{x(value):.1f}" cy="{middle}" r="3.5"/></svg>'
    )


def amount_bar(amount: float, most: float) -> str:
    """A plain bar, as long as ``amount`` is of ``most``."""
    width = 0.0 if most <= 0 else (_BAR_WIDTH - 4) * amount / most
    return (
        f'<svg class="bar" viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" aria-hidden="true">'
        f'<rect class="amount" x="2" y="3" width="{width:.1f}" height="{_BAR_HEIGHT - 6}"/></svg>'
    )
