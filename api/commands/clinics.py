"""The commands on clinics: add, list, set."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commands.common import group, opened
from api.exits import TOLD

clinics = group("The clinics of this database. Each sees its own people, notes and decisions alone.")


@clinics.command(epilog=TOLD)
def add(
    slug: Annotated[str, typer.Argument(metavar="NAME", help="Short name: small letters, digits and hyphens.")],
    name: Annotated[str, typer.Option(help="The name that people read; without it, the short one.")] = "",
) -> None:
    """Add a clinic."""
    from api.audit import SYSTEM
    from api.db import repository

    with opened() as database, database.writing() as session:
        repository.add_clinic(session, slug, name, by=SYSTEM)
    typer.echo(f"Added {slug}. Next: therapy-coder people add LOGIN --role admin --clinic {slug}")


@clinics.command("list", epilog=TOLD)
def list_() -> None:
    """List the clinics by short name."""
    from api.db import repository

    with opened() as database, database.reading() as session:
        for clinic in repository.clinics(session):
            typer.echo(f"{clinic.slug}\t{clinic.name}")


@clinics.command("set", epilog=TOLD)
def set_(
    slug: Annotated[str, typer.Argument(metavar="NAME", help="Short name of the clinic.")],
    audit_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of unflagged notes that a coder looks at.")
    ] = None,
    second_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of decided notes that are read again, blind.")
    ] = None,
    keep_days: Annotated[
        int | None, typer.Option(min=0, help="Days after which db purge takes a note's words out; 0: kept.")
    ] = None,
) -> None:
    """Set what of a clinic's notes is looked at and how long they are kept; print what holds."""
    from api.audit import SYSTEM
    from api.db import repository

    with opened() as database, database.writing() as session:
        clinic_id = repository.clinic_named(session, slug).id
        held = repository.set_clinic(
            session, clinic_id, audit_share=audit_share, second_share=second_share, retention_days=keep_days, by=SYSTEM
        )
    typer.echo(f"audit share\t{held.audit_share:g}")
    typer.echo(f"second share\t{held.second_share:g}")
    typer.echo(f"days kept\t{held.retention_days or 'no end'}")
