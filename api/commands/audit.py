"""The commands on the audit trail: verify, show."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from api.commands.common import ClinicOption, JsonOption, chosen_clinic, group, opened
from api.exits import DONE, SOME_FAILED, TOLD

audit = group("Who read or decided what. Rows are chained by hashes and hold no words of a note.")


@audit.command(epilog=TOLD)
def verify(
    clinic: ClinicOption = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(metavar="HASH", help="A hash that this command printed earlier; a row must still have it."),
    ] = None,
) -> None:
    """Compute the chain of one clinic, or of all, again; status 1 where a row was changed, deleted, inserted or moved."""
    from api import audit as chain
    from api.db import repository

    wanted = [each.strip().lower() for each in expect or ()]
    expected: set[str] = set()
    broken = False
    with opened() as database, database.reading() as session:
        chosen = repository.clinics(session) if clinic is None else [repository.clinic_named(session, clinic)]
        # An empty database with a hash to expect was emptied.
        for each in chosen:
            clinic_id = each.id
            verdict = chain.verify(
                lambda clinic_id=clinic_id: repository.audit_rows(session, clinic_id),
                repository.audit_head(session, clinic_id),
                expect=wanted,
            )
            expected |= set(verdict.expected)
            broken = broken or bool(verdict.findings)
            state = "BROKEN" if verdict.findings else "intact"
            typer.echo(f"{each.slug}: {verdict.rows} rows, {state}, last hash {verdict.last_hash}")
            for finding in verdict.findings:
                typer.echo(f"{each.slug}: {finding}")
    for missing in wanted:
        if missing not in expected:
            broken = True
            typer.echo(
                f"No row has the expected hash {missing}: the end of a chain was cut off, or it was written anew."
            )
    raise typer.Exit(SOME_FAILED if broken else DONE)


@audit.command(epilog=TOLD)
def show(
    clinic: ClinicOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to show; the last ones.")] = 50,
    subject: Annotated[str | None, typer.Option(metavar="ID", help="Rows about this note, person, ... alone.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the last rows: number, time, who, action, subject, detail."""
    import uuid

    from api.db import repository
    from api.exits import fail

    try:
        subject_id = None if subject is None else uuid.UUID(subject)
    except ValueError:
        fail("--subject is no id.")
    with opened() as database, database.reading() as session:
        clinic_id = chosen_clinic(session, clinic).id
        for row in repository.latest_audit(session, clinic_id, limit, subject_id=subject_id):
            if as_json:
                typer.echo(json.dumps(asdict(row)))
                continue
            who = row.actor_kind if row.actor_id is None else f"{row.actor_kind} {row.actor_id}"
            what = row.subject_kind if row.subject_id is None else f"{row.subject_kind} {row.subject_id}"
            typer.echo(f"{row.seq}\t{row.at}\t{who}\t{row.action}\t{what}\t{row.detail}")
