"""A result as a therapist reads it on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, ConsoleRenderable, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from api.words import code_name, confidence_word, percent, service_name, words
from models.billing.codes import HEADLINE
from models.result import FlagResult, Result, ServiceResult

_STATUS_STYLE = {"suggested": "bold green", "flagged": "bold yellow", "no_code": "bold"}
_SEVERITY_STYLE = {"error": "bold red", "warning": "bold yellow", "info": "dim"}


def show(console: Console, result: Result) -> None:
    """Print the summary of one result.

    Parameters
    ----------
    console
        Where to; its width and colours are used.
    result
        The result of one note.
    """
    console.print(_proposal(result))
    parts: list[tuple[str, ConsoleRenderable | None]] = [
        ("Done today", _services(result)),
        ("Minutes and units", _units(result)),
        ("Payers", _payers(result)),
        ("Not done today", _lines([(m.text, words()["mentions"][m.status]) for m in result.mentions])),
        ("Goals", _lines([(goal.text, "") for goal in result.goals])),
        ("Documentation", _documentation(result)),
        ("What to look at", _flags(result)),
    ]
    for heading, part in parts:
        if part is not None:
            console.print()
            console.print(Text(heading, style="bold underline"))
            console.print(part)
    console.print()
    console.print(Text(f"Model {result.model.version}, rules {result.model.rules}.", style="dim"))
    console.print(Text(words()["disclaimer"], style="italic"))


def clean(text: str) -> str:
    r"""Return text on one line without control characters, which could steer the terminal.

    Examples
    --------
    >>> clean("SLR\n\x1b[31m 3x10")
    'SLR [31m 3x10'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _proposal(result: Result) -> Text:
    proposal = result.proposal
    status = words()["proposal"][proposal.status]
    line = Text()
    if proposal.code is None:
        line.append(f"No {' or '.join(HEADLINE)} work found", style="bold")
    else:
        line.append(f"{proposal.code} {code_name(proposal.code)}", style="bold")
        line.append(f", {confidence_word(proposal.confidence)} ({percent(proposal.confidence)} %)")
    if proposal.status != "no_code":
        line.append(": ")
        line.append(status, style=_STATUS_STYLE[proposal.status])
    if result.note_id is not None:
        line.append(f"   [{clean(result.note_id)}]", style="dim")
    return line


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)


def _services(result: Result) -> Table | None:
    if not result.services:
        return None
    table = _table()
    table.add_column("Service", max_width=26)
    table.add_column("Min", justify="right", no_wrap=True)
    table.add_column("Units", justify="right", no_wrap=True)
    table.add_column("Sure", justify="right", no_wrap=True)
    table.add_column("Activities", ratio=1)
    for position, service in enumerate(result.services):
        activities = ", ".join(clean(activity.text) for activity in service.activities) or "none named"
        table.add_row(
            _name(service),
            _minutes(service),
            _code_units(result, position),
            f"{percent(service.confidence)} %",
            Text(activities),
        )
        if _code_units(result, position) == "^":
            table.caption, table.caption_justify = "^ counted with the same code above", "left"
    return table


def _name(service: ServiceResult) -> Text:
    name = Text(service_name(service.code, service.other_code))
    if service.stated_code is not None and service.stated_code != _billed(service):
        name.append(f"\nnote says {service.stated_code}", style="yellow")
    return name


def _minutes(service: ServiceResult) -> str:
    if service.minutes is not None:
        return str(service.minutes)
    return "shared" if service.duration is not None else "none"


def _billed(service: ServiceResult) -> str | None:
    return service.other_code if service.code == "other" else service.code


def _code_units(result: Result, position: int) -> str:
    """Units are earned by a code and not by a block: they stand on the code's first block that has minutes."""
    service = result.services[position]
    billed = _billed(service)
    if billed is None or billed not in result.minutes or service.minutes is None:
        return "-"
    earlier = any(_billed(s) == billed and s.minutes is not None for s in result.services[:position])
    return "^" if earlier else str(result.units[result.policy].get(billed, 0))


def _units(result: Result) -> Table | None:
    if not result.minutes:
        return None
    table = _table()
    table.add_column("Code")
    table.add_column("Minutes", justify="right")
    for policy in result.units:
        chosen = policy == result.policy
        table.add_column(
            words()["policies"][policy]["short"] + (" *" if chosen else ""),
            justify="right",
            style="bold" if chosen else "",
        )
    # An add-on may have units of minutes that stand under its first code.
    earning = {code for earned in result.units.values() for code in earned}
    for code in sorted({*result.minutes, *earning}):
        units = [str(earned.get(code, 0)) for earned in result.units.values()]
        table.add_row(f"{code} {code_name(code)}".rstrip(), str(result.minutes.get(code, "-")), *units)
    table.caption = "* the chosen policy"
    table.caption_justify = "left"
    return table


def _payers(result: Result) -> Group | None:
    """Say what each payer of the request counts, and which of them governs."""
    lines: list[Padding] = []
    # A block of which nobody knows the minutes is none without a unit.
    untold = any(flag.id in ("minutes_missing", "shared_minutes") for flag in result.flags)
    for payer in result.payers:
        counted = ", ".join(f"{number} x {code}" for code, number in payer.units.items())
        if untold:
            counted = f"{counted}, and what is not told" if counted else "cannot be told"
        counted = counted or "no unit"
        sure = "" if payer.confirmed else ", not confirmed"
        role = "governs" if payer.governs else "counts again after it"
        lines.append(Padding(_item(f"{payer.name}: {counted}", f"{role}; rule {payer.id}{sure}"), (0, 0, 0, 2)))
    return Group(*lines) if lines else None


def _lines(items: list[tuple[str, str]]) -> Group | None:
    lines = [Padding(_item(text, note), (0, 0, 0, 2)) for text, note in items]
    return Group(*lines) if lines else None


def _item(text: str, note: str) -> Text:
    line = Text(clean(text))
    if note:
        line.append(f"  ({note})", style="dim")
    return line


def _documentation(result: Result) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    for element in result.documentation:
        name = words()["elements"][element.element]
        table.add_row("  yes" if element.documented else Text("  missing", style="yellow"), name)
    return table


def _flags(result: Result) -> Group | None:
    severities = list(words()["severities"])
    ordered = sorted(result.flags, key=lambda flag: severities.index(flag.severity))
    return Group(*(_flag(flag, result) for flag in ordered)) if ordered else None


def _flag(flag: FlagResult, result: Result) -> Padding:
    line = Text()
    line.append(words()["severities"][flag.severity], style=_SEVERITY_STYLE[flag.severity])
    line.append(f": {flag.message}")
    where = _where(flag, result)
    if where:
        line.append(f" At: {where}.", style="dim")
    line.append(f"\nTo do: {flag.action}")
    return Padding(line, (0, 0, 0, 2))


def _where(flag: FlagResult, result: Result) -> str:
    """Return the flagged words, shortened, where the result holds them."""
    spans = [
        *result.services,
        *result.goals,
        *result.mentions,
        *(s.duration for s in result.services if s.duration is not None),
    ]
    found = next((span.text for span in spans if (span.start, span.end) == (flag.start, flag.end)), "")
    text = clean(found)
    return f'"{text[:40].rstrip()} ..."' if len(text) > 44 else f'"{text}"' if text else ""
