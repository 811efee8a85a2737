"""What an admin does over HTTP, what a database that is away does to the answers, and the header's links."""

from __future__ import annotations

import inspect
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from api import errors, people
from api.audit import SYSTEM
from api.db import errors as db
from api.db import migrate, repository
from api.db.session import Database
from api.db.values import ROLES, Role
from nlp.errors import TherapyCoderError

from ..conftest import Client
from .conftest import Server, key_of, session_of

pytestmark = pytest.mark.usefixtures("cheap_hashes")

AddPerson = Callable[..., uuid.UUID]
Headers = dict[str, str]


@pytest.fixture
def boss(database: Database, clinic: uuid.UUID, add_person: AddPerson) -> Headers:
    return session_of(database, clinic, add_person(clinic, "boss", "admin"))


# ---- people


def test_people(client: Client, database: Database, clinic: uuid.UUID, boss: Headers):
    made = client.post("/v1/people", json={"login": "Ana@x.example", "name": "Ana Lee", "role": "coder"}, headers=boss)
    assert made.status_code == 201
    person = made.json()["person"]
    assert (person["login"], person["name"], person["role"], person["state"]) == (
        "ana@x.example",
        "Ana Lee",
        "coder",
        "no_password",
    )
    page, _, secret = made.json()["link"].partition("#")
    assert page == "http://127.0.0.1:8000/sign-in"
    assert client.post("/v1/sign-in/link", json={"secret": secret}).json()["login"] == "ana@x.example"

    changed = client.request("PUT", f"/v1/people/{person['id']}/role", json={"role": "trainer"}, headers=boss)
    assert changed.json()["role"] == "trainer"
    reset = client.post(f"/v1/people/{person['id']}/reset", headers=boss)
    assert client.post("/v1/sign-in/link", json={"secret": reset.json()["link"].partition("#")[2]}).status_code == 200
    disabled = client.post(f"/v1/people/{person['id']}/disable", headers=boss)
    assert disabled.json()["state"] == "disabled"
    useless = client.post(f"/v1/people/{person['id']}/reset", headers=boss)
    assert (useless.status_code, useless.json()["type"]) == (409, "urn:problem-type:therapy-coder:person-disabled")
    assert "Enable it first" in useless.json()["detail"]
    enabled = client.post(f"/v1/people/{person['id']}/enable", headers=boss)
    assert enabled.json()["state"] == "no_password"
    client.post(f"/v1/people/{person['id']}/disable", headers=boss)
    listed = client.get("/v1/people", headers=boss).json()["people"]
    assert [(p["login"], p["role"], p["state"]) for p in listed] == [
        ("ana@x.example", "trainer", "disabled"),
        ("boss", "admin", "active"),
    ]
    with database.reading() as session:
        rows = repository.latest_audit(session, clinic, 100, subject_id=uuid.UUID(person["id"]))
    by = {row.action: row.actor_kind for row in rows}
    assert by.keys() >= {
        "person.added",
        "person.role",
        "person.reset",
        "person.disabled",
        "person.enabled",
        "link.made",
        "link.used",
    }
    assert set(by.values()) == {"person"}


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"login": "BOSS", "role": "coder"}, 409, "name-taken"),
        ({"login": "two words", "role": "coder"}, 422, "bad-name"),
        ({"login": "ana", "role": "boss"}, 422, "invalid-request"),
        ({"login": "ana"}, 422, "invalid-request"),
        ({"login": "ana", "role": "coder", "zzyx": 1}, 422, "invalid-request"),
    ],
)
def test_a_person_who_cannot_be_added(client: Client, boss: Headers, body: dict, status: int, kind: str):
    answer = client.post("/v1/people", json=body, headers=boss)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:problem-type:therapy-coder:{kind}")
    assert "zzyx" not in answer.text
    assert "BOSS" not in answer.text
    assert len(client.get("/v1/people", headers=boss).json()["people"]) == 1


def test_the_last_admin_stays(client: Client, boss: Headers):
    [own] = client.get("/v1/people", headers=boss).json()["people"]
    for answer in (
        client.post(f"/v1/people/{own['id']}/disable", headers=boss),
        client.request("PUT", f"/v1/people/{own['id']}/role", json={"role": "coder"}, headers=boss),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:problem-type:therapy-coder:last-admin")


# ---- keys


def test_keys(client: Client, boss: Headers):
    made = client.post("/v1/keys", json={"name": "ehr", "scopes": ["suggestions"], "expires_days": 30}, headers=boss)
    assert made.status_code == 201
    key, secret = made.json()["key"], made.json()["secret"]
    assert (key["state"], key["used_at"]) == ("works", None)
    assert secret.count(key["hint"]) == 1
    use = {"authorization": f"Bearer {secret}"}
    assert client.post("/v1/suggestions", json={"text": "a"}, headers=use).status_code == 200
    [listed] = client.get("/v1/keys", headers=boss).json()["keys"]
    assert listed["used_at"] is not None
    assert secret not in client.get("/v1/keys", headers=boss).text
    assert client.post("/v1/keys", json={"name": "ehr", "scopes": ["queue"]}, headers=boss).status_code == 409
    assert client.post("/v1/keys", json={"name": "none", "scopes": []}, headers=boss).status_code == 422
    assert client.post(f"/v1/keys/{key['id']}/revoke", headers=boss).json()["state"] == "revoked"
    assert client.post(f"/v1/keys/{key['id']}/revoke", headers=boss).status_code == 404
    assert client.post("/v1/suggestions", json={"text": "a"}, headers=use).status_code == 401


# ---- the audit trail


def test_the_audit_trail(
    client: Client, clinic: uuid.UUID, other_clinic: uuid.UUID, boss: Headers, tamper: Callable[..., None]
):
    client.post("/v1/keys", json={"name": "ehr", "scopes": ["suggestions"]}, headers=boss)
    rows = client.get("/v1/audit", params={"limit": 2}, headers=boss).json()["rows"]
    assert [row["action"] for row in rows] == ["session.begun", "key.added"]
    assert rows[-1]["detail"] == {"scopes": ["suggestions"]}
    assert client.get("/v1/audit", params={"subject_id": str(other_clinic)}, headers=boss).json() == {"rows": []}
    verdict = client.get("/v1/audit/verify", params={"expect": rows[0]["hash"]}, headers=boss).json()
    assert verdict == {
        "intact": True,
        "rows": rows[-1]["seq"],
        "last_hash": rows[-1]["hash"],
        "findings": [],
        "missing": [],
    }
    cut = client.get("/v1/audit/verify", params={"expect": "0" * 64}, headers=boss).json()
    assert (cut["intact"], cut["missing"]) == (False, ["0" * 64])
    assert client.get("/v1/audit/verify", params={"expect": "zzyx"}, headers=boss).status_code == 422
    tamper(f"UPDATE audit SET action = 'x' WHERE action = 'key.added'")  # noqa: F541
    broken = client.get("/v1/audit/verify", headers=boss).json()
    assert (broken["intact"], [f["kind"] for f in broken["findings"]]) == (False, ["changed"])


# ---- the header


@pytest.mark.parametrize("role", [*ROLES, None])
def test_the_header_links_to_the_roles_pages(
    client: Client, database: Database, clinic: uuid.UUID, add_person: AddPerson, role: Role | None
):
    headers = {} if role is None else session_of(database, clinic, add_person(clinic, "ana", role))
    shown = client.get("/page/navigation", headers=headers).json()
    paths = [page["path"] for page in shown["pages"]]
    assert paths[0] == "/"
    assert ("/people" in paths) is (role == "admin")
    assert all(client.get(path).status_code == 200 for path in paths)
    assert (shown["name"], shown["sign_in"]) == (None if role is None else "Ana", True)


# ---- a database that is away


@pytest.fixture
def take_away(
    database: Database, engine_name: str, request: pytest.FixtureRequest
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Two functions: one takes the database away, as a disk or a server goes, the other brings it back."""
    if engine_name == "sqlite":
        assert database.path is not None
        path, away = database.path, database.path.with_suffix(".away")
        return lambda: path.rename(away) and None, lambda: away.rename(path) and None
    server: Server = request.getfixturevalue("server")
    name = database.url.database

    def go() -> None:
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    return go, lambda: server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_readiness_follows_the_database(
    client: Client, boss: Headers, take_away: tuple[Callable[[], None], Callable[[], None]]
):
    assert client.get("/readyz").status_code == 200
    assert client.get("/v1/me", headers=boss).status_code == 200
    go, back = take_away
    go()
    for answer in (
        client.get("/readyz"),
        client.get("/v1/me", headers=boss),
        client.post("/v1/people", json={"login": "ana", "role": "coder"}, headers=boss),
        client.post("/v1/sign-in", json={"login": "ana", "password": "x"}),
        client.get("/page/navigation", headers=boss),
        # Whether it is open to everybody cannot be told, so that it is not.
        client.post("/v1/suggestions", json={"text": "a"}),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["title"] in {"The database cannot be reached", "There is no database where it should be"}
        assert answer.json()["detail"] is None
    assert client.get("/healthz").status_code == 200
    back()
    assert client.get("/readyz").status_code == 200
    assert client.get("/v1/me", headers=boss).status_code == 200
    assert client.post("/v1/people", json={"login": "ana", "role": "coder"}, headers=boss).status_code == 201


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_file_in_the_place_of_the_one_that_was_open(
    client: Client, database: Database, clinic: uuid.UUID, boss: Headers, migrated_sqlite: Path
):
    """A restore puts another file there: what is written afterwards must be in that one."""
    assert client.get("/v1/people", headers=boss).status_code == 200
    assert database.path is not None
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database.path}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(migrated_sqlite, database.path)
    assert client.get("/v1/people", headers=boss).status_code == 401
    with database.writing() as session:
        repository.add_clinic(session, "restored", "", by=SYSTEM)
    with Database(database.url) as fresh, fresh.reading() as session:
        assert [each.slug for each in repository.clinics(session)] == ["restored"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_reading_goes_on_while_nothing_can_be_written(
    client: Client, database: Database, clinic: uuid.UUID, boss: Headers, monkeypatch: pytest.MonkeyPatch
):
    key = key_of(database, clinic, "queue")

    def refuse(*_: object) -> None:
        raise db.DatabaseFull(database.where)

    monkeypatch.setattr(repository, "append_audit", refuse)
    assert client.get("/v1/me", headers=key).status_code == 200
    answer = client.post("/v1/people", json={"login": "ana", "role": "coder"}, headers=boss)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert answer.json()["title"] == "The disk of the database is full; nothing was changed"
    monkeypatch.undo()
    assert [p["login"] for p in client.get("/v1/people", headers=boss).json()["people"]] == ["boss"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_older_database_is_told(client: Client, database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(migrate, "head", lambda: "r9999")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["title"]) == (503, "The database is older than the program")


CLASSES = sorted(
    (
        each
        for _, each in inspect.getmembers(db, inspect.isclass)
        if issubclass(each, TherapyCoderError) and each not in {TherapyCoderError, db.StorageError}
    ),
    key=lambda each: each.__name__,
)


def made(class_: type[TherapyCoderError]) -> TherapyCoderError:
    count = len(inspect.signature(class_).parameters)
    numbers = class_ in {db.TooManyTries, db.WhichClinic}
    return class_(*([7] if numbers else [f"zzyx{number}" for number in range(count)]))


@pytest.mark.parametrize("class_", CLASSES, ids=lambda each: each.__name__)
def test_every_storage_error_has_its_answer(class_: type[TherapyCoderError]):
    assert class_ in errors.TABLE or class_ is db.DatabaseFailed
    answer = errors.response(made(class_))
    storage = issubclass(class_, db.StorageError) and class_ not in {db.AppendOnly, db.RowRefused}
    assert (answer.status_code == 503) is storage
    assert ("retry-after" in answer.headers) is (storage or class_ is db.TooManyTries)
    # These name what the caller sent, or an entry, a job or a version that the caller was shown, and a reason of ours.
    if class_ not in {db.BadName, db.WeakPassword, db.ClaimLost, db.NotClaimable, db.JobRunning, db.NoVerdict}:
        # No address of the database, no name that was asked for.
        assert b"zzyx" not in answer.body


def test_without_a_database_nobody_can_sign_in():
    from api.main import create_app
    from api.settings import Settings

    from ..conftest import FakeCoder

    with Client(create_app(Settings(), coder=FakeCoder())) as client:  # type: ignore[arg-type]
        for answer in (
            client.post("/v1/sign-in", json={"login": "ana", "password": "x"}),
            client.get("/v1/me", headers={"cookie": "therapy-coder=x"}),
        ):
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:problem-type:therapy-coder:no-database")
        assert client.get("/v1/me").status_code == 401
        assert client.get("/readyz").status_code == 200
        assert client.get("/page/navigation").json() == {
            "pages": [{"path": "/", "label": "Paste a note"}, {"path": "/units", "label": "Units calculator"}], "name": None, "sign_in": False,
        }  # fmt: skip


def test_the_lock_of_an_account_is_told(client: Client, database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    with database.writing() as session:
        repository.person(session, clinic, person).locked_until = repository.now() + people.LOCK
    answer = client.post("/v1/sign-in", json={"login": "ana", "password": "x"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 800
