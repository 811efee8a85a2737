"""An explanation as people read it on the terminal, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from api.commands.calculator import show_allocation
from api.summary import clean
from api.words import service_name, words
from models.explain import Explanation, WayStep

_HEADINGS = {"words": "Words", "code": "Code", "minutes": "Minutes", "unit": "Unit", "flag": "Flag"}


def as_json(told: Explanation) -> str:
    """Return an explanation as a JSON document."""
    return json.dumps(asdict(told), indent=2, ensure_ascii=False)


def show_explanation(console: Console, told: Explanation) -> None:
    """Print each block's way, then the arithmetic of the chosen policy, then what concerns the note as a whole.

    The sources stand at the end, by their numbers.

    Parameters
    ----------
    console
        Where to.
    told
        The explanation of one note.
    """
    sources: dict[str, int] = {}
    if not told.blocks:
        console.print("No treatment done today was found in this note.")
    for block in told.blocks:
        name = service_name("other", block.code)
        console.print(Text(name, style="bold underline"))
        for step in block.steps:
            _show(console, step, sources)
        console.print()
    show_allocation(console, told.count.policies[told.policy])
    left_out = [left.text for left in (*told.left_out, *told.count.left_out)]
    units = [unit.text for unit in told.units]
    for line in (*units, *told.totals, *left_out, *told.count.gives_up_words, *told.count.dates):
        console.print(line, markup=False)
    if told.flags:
        console.print()
        console.print(Text("The note as a whole", style="bold underline"))
        for step in told.flags:
            _show(console, step, sources)
    console.print()
    if sources:
        console.print(Text("Sources", style="bold underline"))
    for source, number in sources.items():
        console.print(Padding(Text(f"{number}: {source}", style="dim"), (0, 0, 0, 2)))
    console.print()
    console.print(Text(f"Rules {told.count.rules}. {words()['disclaimer']}", style="italic"))


def _show(console: Console, step: WayStep, sources: dict[str, int]) -> None:
    """Print a step with its rules and the number of its source, which many steps share."""
    line = Text(f"{_HEADINGS[step.stage]}: {clean(step.text)}")
    if step.source:
        rule = f"rule {', '.join(step.rules)}, " if step.rules else ""
        line.append(f" [{rule}source {sources.setdefault(step.source, len(sources) + 1)}]", style="dim")
    console.print(Padding(line, (0, 0, 0, 2)))
