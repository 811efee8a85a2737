"""What labelled notes hold, and how far two labellings agree, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.training.agreement import Agreement
from models.training.stats import Labels, Part, Stats

NOTHING = "-"

_COUNTED: tuple[tuple[str, Callable[[Part], int]], ...] = (
    ("notes", lambda part: part.notes),
    ("writers", lambda part: part.writers),
    ("settings", lambda part: part.settings),
    ("layouts", lambda part: part.layouts),
    ("hard notes", lambda part: part.hard_notes),
)
_LABELLED: tuple[tuple[str, Callable[[Labels], int]], ...] = (
    ("words", lambda labels: labels.words),
    ("services", lambda labels: labels.services),
    ("services with minutes", lambda labels: labels.services_with_minutes),
    ("shared minutes", lambda labels: labels.shared_minutes),
    ("activities", lambda labels: labels.activities),
    ("mentions", lambda labels: labels.mentions),
    ("goals", lambda labels: labels.goals),
)


def show_stats(console: Console, stats: Stats) -> None:
    """Print one row a count and one column a split; ``-`` where labels stay shut."""
    parts = list(stats.parts.values())
    table = _table("", *stats.parts)
    for name, counted in _COUNTED:
        table.add_row(name, *(str(counted(part)) for part in parts))
    for name, labelled in _LABELLED:
        table.add_row(name, *(NOTHING if part.labels is None else str(labelled(part.labels)) for part in parts))
    for heading, tables in (
        ("discipline", [part.disciplines for part in parts]),
        ("block", [part.labels and part.labels.blocks for part in parts]),
        ("minutes of", [part.labels and part.labels.minutes for part in parts]),
        ("hard:", [part.hard for part in parts]),
        ("pairs:", [part.pairs for part in parts]),
    ):
        table.add_section()
        for name in dict.fromkeys(name for counts in tables for name in counts or ()):
            table.add_row(
                escape(f"{heading} {name}"),
                *(NOTHING if counts is None else str(counts.get(name, 0)) for counts in tables),
            )
    console.print(table)
    if stats.unseen_settings is not None:
        console.print(f"\n{stats.unseen_settings:.1%} of the sealed notes are of settings that no training note has.")


def show_agreement(console: Console, agreement: Agreement) -> None:
    """Print the measures, then one line for each difference; ``-`` where there was nothing to measure."""
    console.print(
        f"{agreement.notes} notes labelled twice; {agreement.only_first} in the first labelling alone, "
        f"{agreement.only_second} in the second alone",
        soft_wrap=True,
    )
    table = _table("measure", "value", "items")
    for measure in agreement.measures:
        table.add_row(measure.name, NOTHING if measure.value is None else f"{measure.value:.3f}", str(measure.count))
    console.print(table)
    for each in agreement.disagreements:
        first, second = (_side(place, label) for place, label in zip(each[2:4], each.labels, strict=True))
        console.print(f"{each.note}, {each.what}: {first} / {second}", markup=False, soft_wrap=True)


def _side(place: Sequence[int] | None, label: Any) -> str:
    """One labeller's side of a difference: where, and as what."""
    parts = [] if place is None else [f"{place[0]}..{place[1]}"]
    if label is not None:
        parts.append(str(label))
    return " ".join(parts) or NOTHING


def _table(first: str, *columns: str) -> Table:
    table = Table(first, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, justify="right")
    return table
