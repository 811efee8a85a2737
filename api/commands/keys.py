"""The commands on the API keys of programs: add, list, revoke."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from api.commands.common import ClinicOption, chosen_clinic, group, opened
from api.db.values import SCOPES, Scope
from api.exits import TOLD

keys = group("API keys for programs. A key is shown once; only its hash is kept.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the key is for: letters, digits and ._-")]


def _scopes(given: list[str]) -> list[str]:
    # typer takes no list of literals.
    for each in given:
        if each not in SCOPES:
            raise typer.BadParameter(f"{each!r} is none of {', '.join(SCOPES)}.")
    return given


@keys.command(epilog=TOLD)
def add(
    name: NameArgument,
    scope: Annotated[
        list[str], typer.Option(help=f"What it may do: {', '.join(SCOPES)}. Give it once for each.", callback=_scopes)
    ],
    expires: Annotated[int | None, typer.Option(min=1, metavar="DAYS", help="Days that it works; else always.")] = None,
    clinic: ClinicOption = None,
) -> None:
    """Make a key and print it, this once."""
    from datetime import timedelta

    from api.audit import SYSTEM
    from api.people import make_key

    scopes = cast("list[Scope]", scope)

    with opened() as database:
        with database.writing() as session:
            clinic_id = chosen_clinic(session, clinic).id
            lifetime = None if expires is None else timedelta(days=expires)
            secret = make_key(session, clinic_id, name, scopes, lifetime, by=SYSTEM)
        typer.echo(secret)


@keys.command("list", epilog=TOLD)
def list_(clinic: ClinicOption = None) -> None:
    """List a clinic's keys: name, first characters, scopes, state."""
    from api.db import repository

    with opened() as database, database.reading() as session:
        now = repository.now()
        for key in repository.keys(session, chosen_clinic(session, clinic).id):
            if key.revoked_at is not None:
                state = "revoked"
            elif key.expires_at is not None and key.expires_at <= now:
                state = "over"
            else:
                state = "works" if key.expires_at is None else f"works until {key.expires_at:%Y-%m-%d}"
            typer.echo(f"{key.name}\t{key.hint}\t{' '.join(key.scopes)}\t{state}")


@keys.command(epilog=TOLD)
def revoke(name: NameArgument, clinic: ClinicOption = None) -> None:
    """End a key at once."""
    from api.audit import SYSTEM
    from api.db import repository

    with opened() as database, database.writing() as session:
        repository.revoke_key(session, chosen_clinic(session, clinic).id, name, by=SYSTEM)
