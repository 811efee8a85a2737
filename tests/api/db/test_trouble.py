"""A disk that is full, a database that takes no writes or goes away and returns, a model that is missing: told, and over by itself."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event, select

from api.db import session as database_session
from api.db.session import Database
from api.db.tables import Note, QueueItem, Review
from api.main import create_app
from api.settings import Settings
from models.coder import Coder
from models.versions import Versions

from ...models.conftest import make_version
from ..conftest import Client
from .conftest import Server, session_of
from .mortal import load
from .reviewing import LOGINS, ReviewCoder

Asked = Callable[..., httpx.Response]
FULL = "urn:problem-type:therapy-coder:database-full"
READ_ONLY = "urn:problem-type:therapy-coder:database-read-only"
GONE = ("urn:problem-type:therapy-coder:database-unavailable", "urn:problem-type:therapy-coder:database-missing")
NOTE = "bridging 20 flag:no_unit"


class People:
    """People who are signed in on an app."""

    def __init__(self, app: Any, database: Database, clinic: uuid.UUID, people: dict[str, uuid.UUID]) -> None:
        self.clinic = clinic
        self.headers = {login: session_of(database, clinic, person) for login, person in people.items()}
        self.client = Client(app)

    def ask(self, login: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.client.request(method, path, json=body, headers=self.headers[login] | headers)

    def submit(self, text: str = NOTE, key: str = "k") -> httpx.Response:
        return self.ask("theo", "POST", "/v1/notes", {"text": text}, **{"idempotency-key": key})

    def claim(self) -> httpx.Response:
        return self.ask("cora", "POST", "/v1/queue/claim")

    def decide(self, claim: Any) -> httpx.Response:
        body = {"decision": None, "claims": claim["claims"]}
        return self.ask("cora", "POST", f"/v1/queue/{claim['id']}/accept-and-next", body)

    def ready(self) -> tuple[int, str | None]:
        answer = self.client.get("/readyz")
        return answer.status_code, answer.json().get("type")


@pytest.fixture
def people(database: Database, clinic: uuid.UUID, add_person: Callable[..., uuid.UUID]) -> Iterator[People]:
    persons = {login: add_person(clinic, login, role) for login, role in LOGINS.items()}
    app = create_app(Settings(), coder=ReviewCoder(), database=database)  # type: ignore[arg-type]
    made = People(app, database, clinic, persons)
    with made.client:
        yield made


def told(answer: httpx.Response, *kinds: str) -> None:
    """See that an answer says 503, what is wrong and when to come again, and nothing of the note or the database's place."""
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    document = answer.json()
    assert document["type"] in kinds
    assert int(answer.headers["retry-after"]) > 0
    assert (document["detail"], document["errors"]) == (None, [])


def kept(database: Database, *tables: type[Any]) -> list[int]:
    with database.reading() as session:
        return [len(session.scalars(select(table)).all()) for table in tables]


@pytest.fixture
def limited(database: Database, engine_name: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Two functions: one fills the disk for notes, the other makes room."""
    if engine_name == "postgresql":

        def fill() -> None:
            with database.connection() as connection:
                connection.exec_driver_sql(
                    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"
                )
                connection.exec_driver_sql("CREATE TRIGGER no_room BEFORE INSERT ON notes EXECUTE FUNCTION no_room()")

        def empty() -> None:
            with database.connection() as connection:
                connection.exec_driver_sql("DROP TRIGGER no_room ON notes")

        return fill, empty

    def limit(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill_file() -> None:
        event.listen(database.engine, "connect", limit)
        database.close()

    def empty_file() -> None:
        event.remove(database.engine, "connect", limit)
        database.close()

    return fill_file, empty_file


def test_a_full_disk_is_told_and_over_when_there_is_room(
    people: People, database: Database, limited: tuple[Callable[[], None], Callable[[], None]]
):
    fill, empty = limited
    assert people.submit(key="before").status_code == 200
    assert people.ready() == (200, None)
    before = kept(database, Note, QueueItem)
    fill()
    large = NOTE + " word" * 18_000
    told(people.submit(large), FULL)
    assert people.ready() == (503, FULL)
    # What is there can be seen.
    assert people.ask("cora", "GET", "/v1/queue").json()["total"] == 1
    assert kept(database, Note, QueueItem) == before
    empty()
    assert people.submit(large).status_code == 200
    assert people.ready() == (200, None)
    assert kept(database, Note, QueueItem) == [2, 2]


def test_a_full_disk_is_tried_again_without_a_write(
    people: People, limited: tuple[Callable[[], None], Callable[[], None]], monkeypatch: pytest.MonkeyPatch
):
    """Who asks readiness before sending anything would else wait for ever."""
    fill, empty = limited
    monkeypatch.setattr(database_session, "REFUSED_SECONDS", 2.0)
    fill()
    told(people.submit(NOTE + " word" * 18_000), FULL)
    refused = time.monotonic()
    empty()
    if time.monotonic() - refused < 1:
        assert people.ready() == (503, FULL)
    time.sleep(2.0)
    assert people.ready() == (200, None)


@pytest.fixture
def closed(
    database: Database, engine_name: str, request: pytest.FixtureRequest
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Two functions: one makes the database read-only for every new connection, the other takes that back."""
    if engine_name == "postgresql":
        server: Server = request.getfixturevalue("server")

        def set_to(value: str) -> None:
            server.run(f"ALTER DATABASE {database.url.database} SET default_transaction_read_only = {value}")
            database.close()

        return lambda: set_to("on"), lambda: set_to("off")

    def forbid(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA query_only = ON")

    def close() -> None:
        event.listen(database.engine, "connect", forbid)
        database.close()

    def reopen() -> None:
        event.remove(database.engine, "connect", forbid)
        database.close()

    return close, reopen


def test_a_read_only_database_is_told_before_anything_is_sent(
    people: People, database: Database, closed: tuple[Callable[[], None], Callable[[], None]]
):
    close, reopen = closed
    assert people.submit().status_code == 200
    close()
    assert people.ready() == (503, READ_ONLY)
    told(people.submit(key="other"), READ_ONLY)
    told(people.claim(), READ_ONLY)
    # It is kept already, but nobody reads a result without a row of the trail.
    told(people.submit(), READ_ONLY)
    assert people.ask("cora", "GET", "/v1/queue").json()["total"] == 1
    reopen()
    claim = people.claim().json()["claim"]
    assert people.ready() == (200, None)
    assert people.decide(claim).status_code == 200
    assert kept(database, Note, Review) == [1, 1]


@pytest.mark.parametrize("while_away", [True, False], ids=["asked meanwhile", "asked after"])
def test_a_database_that_went_away_and_returned(
    people: People, database: Database, engine_name: str, request: pytest.FixtureRequest, while_away: bool
):
    """PostgreSQL crashes and is started; SQLite's file is moved away and back."""
    assert people.submit(key="a").status_code == 200
    claim = people.claim().json()["claim"]
    if engine_name == "postgresql":
        server: Server = request.getfixturevalue("server")
        go, back = server.stop, server.start
    else:
        assert database.path is not None
        path, away = database.path, database.path.with_suffix(".away")
        go, back = lambda: path.rename(away) and None, lambda: away.rename(path) and None
    go()
    try:
        if while_away:
            status, kind = people.ready()
            assert (status, kind in GONE) == (503, True)
            for answer in (
                people.submit(key="b"),
                people.claim(),
                people.decide(claim),
                people.ask("cora", "GET", "/v1/queue"),
                people.ask("theo", "GET", "/v1/questions"),
                people.ask("theo", "GET", f"/v1/notes/{claim['note_id']}"),
            ):
                told(answer, *GONE)
            assert people.client.get("/healthz").status_code == 200
    finally:
        back()
    assert people.ready() == (200, None)
    assert people.decide(claim).json()["state"] == "decided"
    assert people.submit(key="a").json()["id"] == claim["note_id"]
    assert people.submit(key="b").status_code == 200
    assert kept(database, Note, Review) == [2, 1]


@pytest.mark.parametrize("returns", ["the files", "an older version"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_missing_model(
    database: Database,
    clinic: uuid.UUID,
    add_person: Callable[..., uuid.UUID],
    models_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    returns: str,
):
    monkeypatch.setattr(Coder, "load", load)
    make_version(models_folder, "v1")
    versions = Versions(models_folder)
    versions.promote("v1")
    folder, away = versions.path("v1"), models_folder / ".away"
    folder.rename(away)
    persons = {login: add_person(clinic, login, role) for login, role in LOGINS.items()}
    people = People(create_app(Settings(), database=database), database, clinic, persons)
    refused = "urn:problem-type:therapy-coder:model-refused"
    with people.client as client:
        assert people.ready() == (503, refused)
        told(people.submit(), refused)
        told(client.get("/v1/models/current"), refused)
        # What needs no model goes on, and shows what there is to go back to.
        assert people.ask("cora", "GET", "/v1/queue").status_code == 200
        listed = people.ask("tina", "GET", "/v1/models").json()["versions"]
        assert [(each["version"], each["serving"]) for each in listed] == [(versions.shipped.version, False)]
        assert kept(database, Note) == [0]
        if returns == "the files":
            away.rename(folder)
        else:
            assert people.ask("tina", "POST", "/v1/models/rollback").status_code == 200
        end = time.monotonic() + 30
        while people.ready() != (200, None):
            assert time.monotonic() < end
            time.sleep(0.05)
        version = "v1" if returns == "the files" else versions.shipped.version
        assert client.get("/v1/models/current").json()["version"] == version
        assert people.submit().json()["result"]["model"]["version"] == version


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_model_that_was_set_and_is_missing_stops_the_start(database: Database, tmp_path: Path):
    app = create_app(Settings(model_path=tmp_path / "none"), database=database)
    with pytest.raises(Exception, match="none"), Client(app):
        pass
