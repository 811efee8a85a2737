"""The commands on people: add, list, disable, enable, set-role, reset, link, unlink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import ClinicOption, chosen_clinic, group, opened
from api.db.values import Role
from api.exits import TOLD

if TYPE_CHECKING:
    from api.settings import Settings

people = group("Who may sign in, and as what: therapist, coder, trainer or admin.")

LoginArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The name they sign in with, such as an e-mail.")]
RoleOption = Annotated[Role, typer.Option(help="What they may do.")]


@people.command(epilog=TOLD)
def add(login: LoginArgument, role: RoleOption, name: str = "", clinic: ClinicOption = None) -> None:
    """Add a person and print a link that signs them in once, within 24 hours, to choose a password."""
    from api.audit import SYSTEM
    from api.db import repository
    from api.people import make_link

    with opened() as database:
        with database.writing() as session:
            clinic_id = chosen_clinic(session, clinic).id
            person = repository.add_person(session, clinic_id, login, name, role, by=SYSTEM)
            secret = make_link(session, clinic_id, person.id, "welcome", by=SYSTEM)
        # Shown after the commit: a link that is printed works.
        typer.echo(_address(secret))


@people.command("list", epilog=TOLD)
def list_(clinic: ClinicOption = None) -> None:
    """List a clinic's people: login, role, state, name, and with whose account they sign in where it is another clinic's."""
    from api.db import linked, repository
    from api.people import state_of
    from api.words import words

    with opened() as database, database.reading() as session:
        for person in repository.people(session, chosen_clinic(session, clinic).id):
            main = linked.main_account(session, person.clinic_id, person.id)
            state = words()["states"][state_of(person, None if main is None else main.person)]
            line = [person.login, person.role, state, person.name]
            if main is not None:
                line.append(f"signs in as {main.person.login} of {main.clinic.slug}")
            typer.echo("\t".join(line))


@people.command(epilog=TOLD)
def disable(login: LoginArgument, clinic: ClinicOption = None) -> None:
    """Shut a person out at once; what they decided stays."""
    from api.audit import SYSTEM
    from api.db import repository

    with opened() as database, database.writing() as session:
        clinic_id = chosen_clinic(session, clinic).id
        person = repository.person_named(session, clinic_id, login)
        repository.disable_person(session, clinic_id, person.id, by=SYSTEM)


@people.command(epilog=TOLD)
def enable(login: LoginArgument, clinic: ClinicOption = None) -> None:
    """Let a person in again who was shut out, with the role and password that they had."""
    from api.audit import SYSTEM
    from api.db import repository

    with opened() as database, database.writing() as session:
        clinic_id = chosen_clinic(session, clinic).id
        person = repository.person_named(session, clinic_id, login)
        repository.enable_person(session, clinic_id, person.id, by=SYSTEM)


@people.command("set-role", epilog=TOLD)
def set_role(
    login: LoginArgument,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="therapist, coder, trainer or admin.")],
    clinic: ClinicOption = None,
) -> None:
    """Give a person another role."""
    from api.audit import SYSTEM
    from api.db import repository

    with opened() as database, database.writing() as session:
        clinic_id = chosen_clinic(session, clinic).id
        person = repository.person_named(session, clinic_id, login)
        repository.set_role(session, clinic_id, person.id, role, by=SYSTEM)


@people.command(epilog=TOLD)
def reset(login: LoginArgument, clinic: ClinicOption = None) -> None:
    """Take a person's password and sessions away and print a link that signs them in once."""
    from api.audit import SYSTEM
    from api.db import repository
    from api.people import make_link

    with opened() as database:
        with database.writing() as session:
            clinic_id = chosen_clinic(session, clinic).id
            person = repository.person_named(session, clinic_id, login)
            repository.reset_person(session, clinic_id, person.id, by=SYSTEM)
            secret = make_link(session, clinic_id, person.id, "reset", by=SYSTEM)
        typer.echo(_address(secret))


@people.command(epilog=TOLD)
def link(
    login: LoginArgument,
    signs_in_at: Annotated[
        str, typer.Option(metavar="CLINIC", help="Short name of the clinic whose account they use.")
    ],
    signs_in_as: Annotated[
        str | None, typer.Option(metavar="LOGIN", help="Their login there; without it, the same.")
    ] = None,
    clinic: ClinicOption = None,
) -> None:
    """Have a person of a clinic sign in with the account that they have in another, and read for both.

    Their password, sessions and links in this clinic end.
    """
    from api.audit import SYSTEM
    from api.db import linked, repository

    with opened() as database, database.writing() as session:
        clinic_id = chosen_clinic(session, clinic).id
        person = repository.person_named(session, clinic_id, login)
        there = repository.clinic_named(session, signs_in_at)
        main = repository.person_named(session, there.id, login if signs_in_as is None else signs_in_as)
        linked.link(session, clinic_id, person.id, main, by=SYSTEM)


@people.command(epilog=TOLD)
def unlink(login: LoginArgument, clinic: ClinicOption = None) -> None:
    """End that a person signs in with another clinic's account; reset gives them one of their own."""
    from api.audit import SYSTEM
    from api.db import linked, repository

    with opened() as database, database.writing() as session:
        clinic_id = chosen_clinic(session, clinic).id
        person = repository.person_named(session, clinic_id, login)
        linked.unlink(session, clinic_id, person.id, by=SYSTEM)


def _address(secret: str) -> str:
    """Return the link; the secret stands behind #, which a browser sends to no server and no log."""
    from api.commands.common import settings
    from api.start import sign_in_address

    chosen: Settings = settings()
    return sign_in_address(chosen, chosen.port, secret)
