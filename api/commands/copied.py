"""The command that finds notes copied forward from earlier ones of the same patient."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import JsonOption
from api.exits import DONE, SOME_FAILED, fail

if TYPE_CHECKING:
    from models.copied import Copy, Visit

_SHOWN = 5  # changes of one note on the terminal; all of them with --json
_WIDTH = 60


def copied(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="NOTES.jsonl", help='One note a line: {"note_id", "patient_ref", "text", "date_of_service"}.'
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Find notes copied forward from an earlier one of the same patient: what was cloned, what changed; status 1 if any."""
    from models.copied import find_copied

    refused: list[int] = []
    try:
        found = list(find_copied(_visits(source, refused)))
    except OSError as error:
        fail(f"{source} cannot be read: {(error.strerror or 'unknown reason').lower()}.")
    if as_json:
        typer.echo(json.dumps([asdict(copy) for copy in found], indent=2, ensure_ascii=False, default=str))
    else:
        for copy in found:
            _show(copy)
    typer.echo(f"{len(found)} notes copied forward; {len(refused)} lines refused.", err=True)
    raise typer.Exit(SOME_FAILED if found or refused else DONE)


def _visits(source: Path, refused: list[int]) -> Iterator[Visit]:
    """Yield the notes of a file; a line that is none, or names one a second time, is told and costs no other."""
    from pydantic import ValidationError

    from api.batch.records import ErrorLine, parse
    from api.validation import sentence
    from models.copied import Visit

    seen: set[str] = set()
    with source.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            value = parse(line)
            try:
                if isinstance(value, ErrorLine):
                    reason = value.error
                else:
                    visit = Visit.model_validate(value)
                    if visit.note_id not in seen:
                        seen.add(visit.note_id)
                        yield visit
                        continue
                    reason = "note_id stands twice."
            except ValidationError as error:
                reason = sentence(error.errors())
            refused.append(number)
            typer.echo(f"line {number}: {reason}", err=True)


def _show(copy: Copy) -> None:
    typer.echo(
        f"{copy.note_id} ({copy.date_of_service}): {int(copy.share * 100)} % stands so in {copy.earlier_id} "
        f"({copy.earlier_date}); changes: {len(copy.changes)}"
    )
    for change in copy.changes[:_SHOWN]:
        typer.echo(f'  "{_short(change.before)}" -> "{_short(change.after)}"')
    if len(copy.changes) > _SHOWN:
        typer.echo(f"  and {len(copy.changes) - _SHOWN} more (--json)")


def _short(text: str) -> str:
    from api.summary import clean

    line = " ".join(clean(text).split())
    return line if len(line) < _WIDTH else f"{line[: _WIDTH - 4]} ..."
