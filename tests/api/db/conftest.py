"""The same tests on SQLite and on a real PostgreSQL: each test has a database of its own, copied from a migrated one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, text
from sqlalchemy.orm import Session

from api import people
from api.access import csrf_token
from api.audit import SYSTEM, Actor
from api.db import migrate, repository
from api.db.session import Database
from api.db.tables import Person
from api.db.values import Role, Scope
from api.main import create_app
from api.settings import Settings

from ..conftest import Client, FakeCoder

ENGINES = ("sqlite", "postgresql")
PASSWORD = "correct horse battery"
# Set by .ci/run: there, a missing PostgreSQL is a failure and no skip.
REQUIRED = os.environ.get("TEST_POSTGRESQL") == "required"


def _binaries() -> Path | None:
    """The folder of PostgreSQL's programs: Debian's newest, else whatever is on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: run it as somebody else then."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}


@dataclass(frozen=True)
class Server:
    """A server on a socket in its own folder, reached by no network."""

    folder: Path
    binaries: Path

    def url(self, database: str) -> URL:
        return URL.create("postgresql+psycopg", username="tester", database=database, query={"host": str(self.folder)})

    def control(self, *command: str) -> None:
        """Start or stop it: ``pg_ctl``."""
        subprocess.run(
            [str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-t", "120", *command],
            cwd=self.folder,
            check=True,
            capture_output=True,
            timeout=300,
            **_unprivileged(),
        )

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it as a crash does."""
        self.control("-m", "immediate", "stop")

    def run(self, statement: str) -> None:
        with psycopg.connect(host=str(self.folder), user="tester", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    binaries = _binaries()
    if binaries is None:
        if REQUIRED:
            pytest.fail("PostgreSQL is required here and not installed")
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    # Not pytest's own folder: its parents are closed to the other user, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="tc-pg-"))
    identity = _unprivileged()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    made = Server(folder, binaries)
    try:
        subprocess.run(
            [
                str(binaries / "initdb"),
                "-D",
                str(folder / "data"),
                "-U",
                "tester",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=300,
            **identity,
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "template.sqlite3"
    with Database(f"sqlite:///{path}", create=True) as database:
        migrate.upgrade(database)
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(server: Server) -> str:
    server.run("CREATE DATABASE migrated")
    with Database(server.url("migrated")) as database:
        migrate.upgrade(database)
    return "migrated"


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def empty(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database without tables."""
    yield from _made(engine_name, tmp_path, request, None)


@pytest.fixture
def database(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with the tables and no row."""
    template = request.getfixturevalue(f"migrated_{engine_name}")
    yield from _made(engine_name, tmp_path, request, template)


def _made(name: str, folder: Path, request: pytest.FixtureRequest, template: Any) -> Iterator[Database]:
    if name == "sqlite":
        path = folder / "test.sqlite3"
        if template is not None:
            shutil.copyfile(template, path)
        with Database(f"sqlite:///{path}", create=True) as made:
            yield made
        return
    server: Server = request.getfixturevalue("server")
    database = f"t{uuid.uuid4().hex}"
    server.run(f"CREATE DATABASE {database}" + (f" TEMPLATE {template}" if template else ""))
    with Database(server.url(database)) as made:
        yield made
    server.run(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture
def clinic(database: Database) -> uuid.UUID:
    with database.writing() as session:
        return repository.add_clinic(session, "main", "Main Street", by=SYSTEM).id


@pytest.fixture
def other_clinic(database: Database) -> uuid.UUID:
    with database.writing() as session:
        return repository.add_clinic(session, "other", "Other Street", by=SYSTEM).id


@pytest.fixture
def add_person(database: Database) -> Callable[..., uuid.UUID]:
    def add(clinic: uuid.UUID, login: str = "ana", role: Role = "coder") -> uuid.UUID:
        with database.writing() as session:
            return repository.add_person(session, clinic, login, login.title(), role, by=SYSTEM).id

    return add


@pytest.fixture
def tamper(database: Database) -> Callable[..., None]:
    """Runs statements as somebody would who owns the database: with the triggers switched off."""

    def run(*statements: str) -> None:
        with database.connection() as connection:
            if database.path is None:
                connection.execute(text("SET session_replication_role = replica"))
            else:
                for name in ("audit_no_update", "audit_no_delete", "audit_no_replace"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            for statement in statements:
                connection.exec_driver_sql(statement)
            if database.path is None:
                connection.execute(text("SET session_replication_role = DEFAULT"))

    return run


@pytest.fixture
def review(database: Database, clinic: uuid.UUID) -> Callable[..., uuid.UUID]:
    """Keeps a note as the fake coder codes it, and a review of it; a decision is given as its JSON."""

    def add(
        reviewer: uuid.UUID,
        text: str,
        decision: dict[str, Any],
        *,
        result: uuid.UUID | None = None,
        reading: str = "first",
        supersedes: uuid.UUID | None = None,
    ) -> uuid.UUID:
        with database.writing() as session:
            if result is None:
                note = repository.add_note(session, clinic, text, source="api", by=Actor("person", reviewer))
                body = FakeCoder().code(text).model_dump_json()
                result = repository.add_result(session, clinic, note.id, body, rules_version="1", by=SYSTEM).id
            return repository.add_review(
                session, clinic, result, reviewer, decision,
                reading=reading, guide_version="1", supersedes=supersedes,  # type: ignore[arg-type]
            ).id  # fmt: skip

    return add


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    """A client of the app with the database."""
    with Client(create_app(Settings(), coder=FakeCoder(), database=database)) as made:  # type: ignore[arg-type]
        yield made


def give_password(database: Database, clinic: uuid.UUID, person: uuid.UUID, password: str = PASSWORD) -> None:
    """Have a person choose a password, which ends their sessions and links."""
    with database.reading() as session:
        hashed = people.hash_password(password, repository.person(session, clinic, person).login)
    with database.writing() as session:
        repository.set_password_hash(session, clinic, person, hashed, by=Actor("person", person))


def with_password(session: Session, person: Person) -> str:
    """The secret of a session of somebody who has a password, if one that fits nothing."""
    person.password_hash = person.password_hash or "chosen"
    return people.begin_session(session, person)


def session_of(database: Database, clinic: uuid.UUID, person: uuid.UUID) -> dict[str, str]:
    """Headers of a browser in which that person is signed in, with a password, on our own page."""
    with database.writing() as session:
        secret = with_password(session, repository.person(session, clinic, person))
    return {"cookie": f"therapy-coder={secret}", "x-csrf-token": csrf_token(secret), "sec-fetch-site": "same-origin"}


def key_of(database: Database, clinic: uuid.UUID, *scopes: Scope) -> dict[str, str]:
    """Headers of a program with a new key."""
    with database.writing() as session:
        secret = people.make_key(session, clinic, f"k{uuid.uuid4().hex}", scopes, by=SYSTEM)
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real costs are 64 MiB and a tenth of a second each."""
    monkeypatch.setattr(people, "_HASHER", people.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    people._nobodys_hash.cache_clear()
