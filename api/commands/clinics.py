"""The commands on clinics: add, list."""

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
