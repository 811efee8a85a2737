"""The command that finds notes copied forward from earlier ones of the same patient."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import ClinicOption, JsonOption, chosen_clinic, opened
from api.exits import DONE, SOME_FAILED, fail

if TYPE_CHECKING:
    from models.copied import Copy, Visit

_SHOWN = 5  # changes of one note on the terminal; all of them with --json
_WIDTH = 60


def copied(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="NOTES.jsonl", help='One note a line: {"note_id", "patient_ref", "text", "date_of_service"}.'
        ),
    ] = None,
    kept: Annotated[
        bool, typer.Option("--kept", help="Compare the notes that the database keeps, instead of a file.")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="With --kept: copies of visits from that day on."),
    ] = None,
    clinic: ClinicOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find notes copied forward from an earlier one of the same patient: what was cloned, what changed; status 1 if any."""
    if kept == (source is not None):
        fail("Give a file of notes, or --kept for those that the database keeps.")
    if source is None:
        _kept(clinic, None if since is None else since.date(), as_json=as_json)
    elif since is not None or clinic is not None:
        fail("--since and --clinic go with --kept: a file is compared as it is.")
    else:
        _file(source, as_json=as_json)


def _kept(slug: str | None, since: date | None, *, as_json: bool) -> None:
    """Compare what the database keeps of a clinic."""
    with opened() as database:
        from api.audit import SYSTEM
        from api.queue import copies

        with database.reading() as session:
            clinic_id = chosen_clinic(session, slug).id
        found = copies.audit(database, clinic_id, since=since, by=SYSTEM)
    _tell(found.copies, found.names, as_json=as_json)
    typer.echo(f"{len(found.copies)} notes copied forward; {found.notes} compared.", err=True)
    raise typer.Exit(SOME_FAILED if found.copies else DONE)


def _file(source: Path, *, as_json: bool) -> None:
    """Compare the notes of a file."""
    from models.copied import find_copied

    refused: list[int] = []
    try:
        found = list(find_copied(_visits(source, refused)))
    except OSError as error:
        fail(f"{source} cannot be read: {(error.strerror or 'unknown reason').lower()}.")
    _tell(found, {}, as_json=as_json)
    typer.echo(f"{len(found)} notes copied forward; {len(refused)} lines refused.", err=True)
    raise typer.Exit(SOME_FAILED if found or refused else DONE)


def _tell(found: Sequence[Copy], names: Mapping[str, str], *, as_json: bool) -> None:
    """Print what was found; ``names`` are those by which people know a note, where that is not its id."""
    if as_json:
        told = [_named(asdict(copy), names) for copy in found]
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False, default=str))
    else:
        for copy in found:
            _show(copy, names)


def _named(copy: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if not names:
        return copy
    return {**copy, "external_id": names.get(copy["note_id"]), "earlier_external_id": names.get(copy["earlier_id"])}


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


def _show(copy: Copy, names: Mapping[str, str]) -> None:
    later, earlier = (_short(names.get(id, id)) for id in (copy.note_id, copy.earlier_id))
    typer.echo(
        f"{later} ({copy.date_of_service}): {int(copy.share * 100)} % stands so in {earlier} "
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
