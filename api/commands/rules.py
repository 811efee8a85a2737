"""The commands on the billing rules (list, show, check), and what commands that use rules share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonOption, group
from api.exits import DONE, SOME_FAILED, TOLD, fail

if TYPE_CHECKING:
    from models.billing.rows import Rule
    from models.billing.rules import Rules

rules = group("The billing rules: codes, pairs, limits, modifiers, payers, each with its dates and its source.")

DateOption = Annotated[
    str | None,
    typer.Option(
        "--date", metavar="YYYY-MM-DD", help="Day of service; it picks the rules. Without it, those in force."
    ),
]
PayerOption = Annotated[
    str | None,
    typer.Option(help="Id of the primary payer's profile: medicare, commercial_ama, strict_15, or your own."),
]
SecondaryOption = Annotated[str | None, typer.Option(help="Id of the secondary payer's profile.")]
RulesOption = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        envvar="THERAPY_CODER_RULES",
        show_envvar=False,
        help="Your own rule file, added to the rules that ship (or the setting THERAPY_CODER_RULES).",
    ),
]


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given a value."""
    return {name: value for name, value in options.items() if value is not None}


def rules_path(path: Path | None) -> Path | None:
    """Return a rule file's path; an empty setting is none."""
    return None if path is None or not path.name else path


@contextmanager
def rules_told() -> Iterator[None]:
    """End the program in one line where a rule file cannot be read or used."""
    from nlp.errors import LexiconError

    try:
        yield
    except LexiconError as error:
        fail(f"the rules were refused: {error}")
    except OSError as error:
        fail(f"{error.filename}: {(error.strerror or 'cannot be read').lower()}.")


def loaded(path: Path | None) -> Rules:
    """Return the rules with a clinic's own, errors told."""
    from models.billing.rules import load_rules

    with rules_told():
        return load_rules(rules_path(path))


def chosen_day(text: str | None) -> date | None:
    """Return the day that an option names; ends the program where it is none."""
    from models.note import day_of

    try:
        return None if text is None else day_of(text)
    except ValueError as error:
        fail(f"--date: {error}.")


def as_json(rule: Rule) -> dict[str, Any]:
    """Return a row as JSON has it: what every row says, then its own fields."""
    return {
        "id": rule.id,
        "kind": rule.kind,
        "file": rule.file,
        "from": None if rule.start is None else rule.start.isoformat(),
        "until": None if rule.end is None else rule.end.isoformat(),
        "source": rule.source,
        **({"second_source": rule.second_source} if rule.second_source else {}),
        "checked": rule.checked.isoformat(),
        "confirmed": rule.confirmed,
        "unconfirmed_fields": rule.unconfirmed_fields,
        **rule.values,
    }


@rules.command("list", epilog=TOLD)
def list_(
    kind: Annotated[str | None, typer.Option(help="One kind of row: code, pair, limit, payer, ...")] = None,
    date: DateOption = None,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """List the rules, one a line: id, kind, dates, what it says; ? marks what is not confirmed."""
    from models.billing.rows import KINDS

    found = loaded(rules)
    day = chosen_day(date)
    if kind is not None and kind not in KINDS:
        fail(f"{kind} is no kind of rule; use one of {', '.join(KINDS)}.")
    rows = [rule for rule in found.rows.values() if kind in (None, rule.kind) and (day is None or rule.holds(day))]
    if json:
        _print({"version": found.version, "date": date, "rules": [as_json(rule) for rule in rows]})
        return
    for rule in rows:
        typer.echo(f"{rule.id}\t{rule.kind}\t{_dates(rule)}\t{_says(rule)}{'' if rule.sure(*rule.values) else ' ?'}")
    unconfirmed = sum(not rule.confirmed for rule in rows)
    typer.echo(f"{len(rows)} rules, {unconfirmed} of them not confirmed; version {found.version}.", err=True)


@rules.command(epilog=TOLD)
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a rule, as rules list and results name it.")],
    date: DateOption = None,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """Show one rule with everything it says, its source and whether it holds on a day."""
    from models.billing.errors import UnknownRule

    found = loaded(rules)
    day = chosen_day(date)
    try:
        rule = found.get(id)
    except UnknownRule as error:
        fail(str(error))
    said: dict[str, Any] = {**as_json(rule), "in_force": rule.holds(day), "version": found.version}
    if json:
        _print(said)
        return
    for name, value in said.items():
        text = ", ".join(value) if isinstance(value, tuple) else "-" if value is None else value
        typer.echo(f"{name}: {str(text).lower() if isinstance(text, bool) else text}")


@rules.command(epilog=TOLD)
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Your own rule file; without it, the rules that ship.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check a rule file: every row's form, its dates, what it refers to, and that no two rows overlap; status 1 if not."""
    from models.billing.rules import load_rules, problems_of

    with rules_told():
        problems = problems_of(file)
        good = None if problems else load_rules(file)
    rows = [{"file": each.file, "row": each.entry, "reason": each.reason} for each in problems]
    if json:
        _print({"version": None if good is None else good.version, "problems": rows})
    else:
        for row in rows:
            typer.echo(f"{row['file']}, row {row['row'] or '-'}: {row['reason']}")
        typer.echo(f"{len(rows)} problems." if good is None else f"No problem; version {good.version}.", err=True)
    raise typer.Exit(SOME_FAILED if rows else DONE)


def _dates(rule: Rule) -> str:
    if rule.start is None and rule.end is None:
        return "always"
    return f"{rule.start or ''}..{rule.end or ''}"


def _says(rule: Rule) -> str:
    """Return the gist of a row on one line."""
    parts = [f"{name}={' '.join(value) if isinstance(value, tuple) else value}" for name, value in rule.values.items()]
    line = "; ".join(part for part in parts if not part.startswith(("names=", "note=")))
    return line if len(line) < 160 else f"{line[:156].rstrip()} ..."


def _print(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
