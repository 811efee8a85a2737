"""Measured figures as a table on the terminal, one column a profile."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from models.training.evaluate import Evaluation


def show_figures(console: Console, measured: Sequence[Evaluation]) -> None:
    """Print every figure with its interval, side by side for the profiles; ``-`` where there was nothing to measure.

    Parameters
    ----------
    console
        Where to.
    measured
        One evaluation a profile, all of the same notes; at least one.
    """
    first = measured[0]
    console.print(f"{first.notes} notes of {first.split}, model {first.version}; 95 % intervals", markup=False)
    table = Table("Figure", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for each in measured:
        table.add_column(each.profile, justify="right")
        table.add_column("interval")
    table.add_column("Items", justify="right")
    for row in zip(*(each.figures for each in measured), strict=True):
        cells = []
        for figure in row:
            cells += [f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}"] if figure.count else ["-", "-"]
        table.add_row(row[0].name, *cells, str(row[0].count))
    console.print(table)
