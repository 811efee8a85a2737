"""What happens once, when a server starts."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from api import people, start
from api.audit import SYSTEM
from api.db import migrate, repository
from api.db.errors import DatabaseUnavailable, SchemaAhead, StorageError
from api.db.session import Database
from api.main import create_app
from api.settings import Settings

from ..conftest import Client, FakeCoder

AddPerson = Callable[..., uuid.UUID]


def address(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


# ---- the database


def test_an_empty_one_gets_its_tables(empty: Database):
    settings = Settings(database_url=address(empty))
    for _ in range(2):
        opened = start.open_database(settings)
        assert opened is not None
        with opened:
            migrate.require(opened)


def test_the_app_opens_the_one_that_it_is_given(empty: Database):
    app = create_app(Settings(database_url=address(empty)), coder=FakeCoder())  # type: ignore[arg-type]
    with Client(app) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/page/navigation").json()["sign_in"] is True
    migrate.require(empty)


def test_a_newer_one_is_refused(database: Database):
    with database.connection() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")
    with pytest.raises(SchemaAhead):
        start.open_database(Settings(database_url=address(database)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path


def test_several_servers_may_start_at_once(home: Path):
    found: list[object] = []
    begin = threading.Barrier(6)

    def run() -> None:
        begin.wait()
        try:
            opened = start.open_database(Settings())
            assert opened is not None
            with opened:
                found.append(start.first_link(opened) is not None)
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 6
    with Database(f"sqlite:///{home}/therapy-coder/therapy-coder.sqlite3") as database, database.reading() as session:
        [clinic] = repository.clinics(session)
        assert [(p.login, p.role) for p in repository.people(session, clinic.id)] == [("admin", "admin")]


def test_none_is_none():
    assert start.open_database(Settings(database_url="none")) is None


def test_no_place_for_a_file_is_no_database(home: Path):
    (home / "therapy-coder").write_text("a file where the folder should be")
    assert start.open_database(Settings()) is None
    with pytest.raises(DatabaseUnavailable):
        start.open_database(Settings(database_url=f"sqlite:///{home}/therapy-coder/named.sqlite3"))


def test_something_else_in_the_place_of_the_file_is_no_reason_to_go_on_without(home: Path):
    (home / "therapy-coder" / "therapy-coder.sqlite3").mkdir(parents=True)
    with pytest.raises(DatabaseUnavailable):
        start.open_database(Settings())
    (home / "therapy-coder" / "therapy-coder.sqlite3").rmdir()
    (home / "therapy-coder" / "therapy-coder.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError):
        start.open_database(Settings())


@pytest.mark.parametrize(
    ("settings", "page"),
    [
        ({}, "http://127.0.0.1:8000/sign-in"),
        ({"allowed_hosts": "coder.example"}, "http://127.0.0.1:8000/sign-in"),
        ({"allowed_hosts": "coder.example", "tls_proxy": "127.0.0.1"}, "https://coder.example/sign-in"),
        ({"allowed_hosts": "coder.example", "tls_cert": "a", "tls_key": "b"}, "https://coder.example:8000/sign-in"),
        ({"allowed_hosts": "*", "tls_cert": "a", "tls_key": "b"}, "https://127.0.0.1:8000/sign-in"),
    ],
)
def test_a_link_names_the_server_as_people_reach_it(settings: dict[str, str], page: str):
    assert start.sign_in_address(Settings(**settings), 8000, "x") == f"{page}#x"  # type: ignore[arg-type]


# ---- the first account


def test_a_first_start_makes_an_admin(database: Database):
    assert start.accounts(database) == "none"
    secrets = [start.first_link(database) for _ in range(2)]
    assert None not in secrets
    assert start.accounts(database) == "waiting"
    with database.writing() as session:
        person = people.use_link(session, secrets[1] or "")
        assert (person.login, person.role) == ("admin", "admin")
        assert len(repository.people(session, person.clinic_id)) == 1
        people.begin_session(session, person)
    assert start.accounts(database) == "opened"
    assert start.first_link(database) is None


def test_the_admin_that_there_is_gets_the_link(
    database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson
):
    add_person(clinic, "ana", "coder")
    boss = add_person(other_clinic, "boss", "admin")
    secret = start.first_link(database)
    with database.writing() as session:
        assert people.use_link(session, secret or "").id == boss
        assert len(repository.people(session, clinic)) == 1


def test_without_an_admin_there_is_no_link(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    add_person(clinic, "ana", "coder")
    assert start.first_link(database) is None


def test_an_account_that_was_opened_stays_so(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic, "boss", "admin")
    with database.writing() as session:
        people.begin_session(session, repository.person(session, clinic, person))
        repository.reset_person(session, clinic, person, by=SYSTEM)
    assert start.first_link(database) is None
