"""What these commands share: the settings, an open database at the right step, the clinic, and errors as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.exits import DATABASE_REFUSED, TOLD, fail
from nlp.errors import TherapyCoderError

if TYPE_CHECKING:
    import uuid

    from sqlalchemy.orm import Session

    from api.db.session import Database
    from api.db.tables import Clinic, Person
    from api.settings import Settings

ClinicOption = Annotated[
    str | None, typer.Option("--clinic", help="Short name of the clinic; not needed where there is one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def group(help: str) -> typer.Typer:
    """Return a new group of commands."""
    # A traceback with local variables would print notes and passwords.
    return typer.Typer(help=help, epilog=TOLD, no_args_is_help=True, pretty_exceptions_enable=False)


def settings() -> Settings:
    """Return the settings; ends the program in one line where one of them is wrong."""
    from pydantic import ValidationError

    from api.settings import Settings, told

    try:
        return Settings()
    except ValidationError as error:
        fail(told(error))


@contextmanager
def errors_told() -> Iterator[None]:
    """End the program in one line on a documented error: status 4 where it is the database's, else 2."""
    from api.db.errors import StorageError

    try:
        yield
    except StorageError as error:
        fail(str(error), DATABASE_REFUSED)
    except TherapyCoderError as error:
        fail(str(error))


@contextmanager
def opened(*, at_head: bool = True, create: bool = False) -> Iterator[Database]:
    """Give the database of the settings, errors told; with ``at_head`` only where its tables are this program's."""
    chosen = settings()
    if chosen.database_url is None:
        fail(
            "THERAPY_CODER_DATABASE_URL is none. Give an address, or leave it out for a file of your own.",
            DATABASE_REFUSED,
        )
    from api.db import migrate
    from api.db.session import Database

    with errors_told(), Database(chosen.database_url.get_secret_value(), create=create) as database:
        if at_head:
            migrate.require(database)
        yield database


def chosen_clinic(session: Session, slug: str | None) -> Clinic:
    """Return the clinic of that short name, or the only one there is.

    Raises
    ------
    UnknownClinic, WhichClinic
        There is none of that name; or none was named and there is not exactly one.
    """
    from api.db import repository
    from api.db.errors import WhichClinic

    if slug is not None:
        return repository.clinic_named(session, slug)
    found = repository.clinics(session)
    if len(found) != 1:
        raise WhichClinic(len(found))
    return found[0]


def trainer(session: Session, clinic_id: uuid.UUID, login: str) -> Person:
    """Return the trainer or admin of that login, who answers for a change of the model.

    Raises
    ------
    UnknownPerson, NoTrainer
        There is none of that login, or the person may not.
    """
    from api.db import repository
    from api.db.errors import NoTrainer

    found = repository.person_named(session, clinic_id, login)
    if found.role not in ("trainer", "admin") or found.disabled_at is not None:
        raise NoTrainer(login)
    return found
