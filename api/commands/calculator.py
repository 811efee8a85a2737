"""The stand-alone calculator: minutes per code in, units under every policy out, with the reasons."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from api.commands.common import JsonOption
from api.commands.rules import DateOption, PayerOption, RulesOption, SecondaryOption, chosen_day, loaded
from api.exits import fail

if TYPE_CHECKING:
    from models.billing.reasons import Allocation, Calculation

_GIVEN = re.compile(r"([^=]+)=(-?[0-9]+)")


def units(
    minutes: Annotated[
        list[str], typer.Argument(metavar="CODE=MINUTES...", help="Minutes of one day, for example 97530=23 97110=15.")
    ],
    payer: PayerOption = None,
    secondary_payer: SecondaryOption = None,
    date: DateOption = None,
    rules: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count units under all policies side by side, and say how each of them comes about."""
    from models.billing.payers import terms_of
    from models.billing.reasons import count_under
    from nlp.errors import TherapyCoderError

    given: dict[str, int] = {}
    for each in minutes:
        read = _GIVEN.fullmatch(each)
        if read is None:
            fail(f"{each} is no code with its minutes; write 97530=23, with whole minutes.")
        code = read.group(1).strip()
        if code in given:
            fail(f"{code} is given twice; add its minutes up.")
        given[code] = int(read.group(2))
    found = loaded(rules)
    try:
        count = count_under(given, terms_of(found, day=chosen_day(date), payer=payer, secondary=secondary_payer))
    except TherapyCoderError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(asdict(count), indent=2, ensure_ascii=False))
        return
    show_calculation(Console(highlight=False, width=None if sys.stdout.isatty() else 80), count)


def show_calculation(console: Console, count: Calculation) -> None:
    """Print units side by side, then the steps of each policy, then what is left out and what payers count."""
    from api.words import code_name, words

    table = Table("Code", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Minutes", justify="right")
    for policy in count.policies:
        table.add_column(words()["policies"][policy]["short"], justify="right")
    left_out = {left.code for left in count.left_out if left.payer is None}
    # An add-on may have units of minutes that were given under its first code.
    earning = {code for allocation in count.policies.values() for code in allocation.units}
    for code in sorted({*count.minutes, *earning}):
        out = code in left_out
        each = ["-" if out else str(allocation.units.get(code, 0)) for allocation in count.policies.values()]
        table.add_row(f"{code} {code_name(code)}".rstrip(), str(count.minutes.get(code, "-")), *each)
    table.add_section()
    totals = [str(allocation.total) for allocation in count.policies.values()]
    table.add_row("timed, in all", str(count.timed_total), *totals)
    console.print(table)
    for allocation in count.policies.values():
        show_allocation(console, allocation)
    lines = [*(left.text for left in count.left_out), *count.gives_up_words, *count.dates]
    lines += [_payer_line(count, position) for position in range(len(count.payers))]
    console.print()
    for line in lines:
        console.print(line, markup=False)
    console.print(f"Rules {count.rules}.", style="dim", markup=False)


def show_allocation(console: Console, allocation: Allocation) -> None:
    """Print the steps of one policy."""
    console.print()
    console.print(
        f"{allocation.name[:1].upper()}{allocation.name[1:]} (rule {allocation.policy})", style="bold", markup=False
    )
    told = [step.text for step in allocation.steps]
    for text in (*told, *(change.text for change in allocation.changes), allocation.no_change):
        if text:
            console.print(Padding(Text(text), (0, 0, 0, 2)))


def _payer_line(count: Calculation, position: int) -> str:
    from models.billing.reasons import amounts

    payer = count.payers[position]
    role = "governs" if payer.governs else "counts again after it"
    sure = "" if payer.confirmed else ", not confirmed"
    return f"{payer.name} (rule {payer.id}{sure}): {amounts(payer.units)}; {role}."
