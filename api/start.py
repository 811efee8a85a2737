"""What happens once, when a server starts: its database is opened, and the first account is made.

Examples
--------
>>> sign_in_address(Settings(host="::1"), 8000, "tclink_x")
'http://[::1]:8000/sign-in#tclink_x'
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url

from api.audit import SYSTEM
from api.db import migrate, repository, values
from api.db.errors import DatabaseUnavailable
from api.db.session import Database
from api.people import make_link
from api.settings import Settings

# Of the account that a first start makes; its person may be renamed, others added.
_CLINIC, _CLINIC_NAME, _LOGIN, _NAME = "main", "Main clinic", "admin", "Administrator"


def open_database(settings: Settings) -> Database | None:
    """Return the database of the settings, made and brought to this program's tables where needed.

    ``None`` where the settings say none, and where nobody named one and there is no place for a file of the user's own: notes can
    be coded then, and nothing is kept.

    Raises
    ------
    StorageError
        The database is there, or was named, and cannot be used.
    """
    if settings.database_url is None:
        return None
    named = "database_url" in settings.model_fields_set
    try:
        database = Database(settings.database_url.get_secret_value(), create=True)
    except DatabaseUnavailable:
        # A file that is there but closed to us is no reason to go on without its accounts.
        if named or not _absent(Path(make_url(settings.database_url.get_secret_value()).database or "")):
            raise
        return None
    try:
        if migrate.current(database) != migrate.head():
            migrate.upgrade(database)
    except BaseException:
        database.close()
        raise
    return database


def accounts(database: Database) -> values.Accounts:
    """Return whether there is an account, and whether one was ever opened.

    Raises
    ------
    StorageError
        The database cannot be used.
    """
    with database.reading() as session:
        return repository.accounts(session)


def first_link(database: Database) -> str | None:
    """Return the secret of a link that opens the first account, made where there is none.

    ``None`` where an account was opened before, or all were made on the command line and none of them is an admin.

    Raises
    ------
    StorageError
        The database cannot be used.
    """
    with database.writing() as session:
        state = repository.accounts(session)
        if state == "opened":
            return None
        clinics = repository.clinics(session)
        if state == "none":
            clinic = clinics[0] if clinics else repository.add_clinic(session, _CLINIC, _CLINIC_NAME, by=SYSTEM)
            admin = repository.add_person(session, clinic.id, _LOGIN, _NAME, "admin", by=SYSTEM)
            return make_link(session, clinic.id, admin.id, "welcome", by=SYSTEM)
        for clinic in clinics:
            for person in repository.people(session, clinic.id):
                if person.role == "admin" and person.disabled_at is None:
                    return make_link(session, clinic.id, person.id, "welcome", by=SYSTEM)
    return None


def server_address(settings: Settings, port: int) -> str:
    """Return the address at which a browser on this computer reaches the server."""
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls_cert else 'http'}://{name}:{port}"


def sign_in_address(settings: Settings, port: int, secret: str) -> str:
    """Return a one-time link; the secret stands behind #, which a browser sends to no server and no log.

    On TLS it names the first of the allowed hosts, where there is one: the name that the certificate is for.
    """
    if settings.tls and settings.allowed_hosts and settings.allowed_hosts[0] != "*":
        place = f"https://{settings.allowed_hosts[0]}" + ("" if settings.tls_proxy else f":{port}")
    else:
        place = server_address(settings, port)
    return f"{place}/sign-in#{secret}"


def _absent(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
