"""Signing in, staying in, and what is asked of a browser."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from sqlalchemy import update

from api import people, tries
from api.access import csrf_token
from api.audit import SYSTEM
from api.db import repository
from api.db.session import Database
from api.db.tables import ApiKey, SignInSession
from api.main import create_app
from api.routes import sign_in
from api.settings import Settings

from ..conftest import Client, FakeCoder
from .conftest import PASSWORD, give_password, key_of, session_of

pytestmark = pytest.mark.usefixtures("cheap_hashes")

AddPerson = Callable[..., uuid.UUID]


@pytest.fixture(autouse=True)
def quick_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "REFUSAL_SECONDS", 0.0)


@pytest.fixture
def ana(database: Database, clinic: uuid.UUID, add_person: AddPerson) -> uuid.UUID:
    person = add_person(clinic)
    give_password(database, clinic, person)
    return person


def browser(answer: Any, name: str = "therapy-coder") -> dict[str, str]:
    """Headers that a browser with the answer's cookie sends from our own page."""
    secret = SimpleCookie(answer.headers["set-cookie"])[name].value
    return {"cookie": f"{name}={secret}", "x-csrf-token": answer.json()["csrf_token"], "sec-fetch-site": "same-origin"}


def try_password(client: Client, login: str = "ana", password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/v1/sign-in", json={"login": login, "password": password, **more})


@pytest.mark.usefixtures("ana")
def test_with_a_password(client: Client, clinic: uuid.UUID, ana: uuid.UUID):
    answer = try_password(client, " ANA", clinic="main")
    assert answer.status_code == 200
    cookie = SimpleCookie(answer.headers["set-cookie"])["therapy-coder"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"], cookie["domain"]) == (
        True,
        "strict",
        "/",
        "",
        "",
    )
    assert int(cookie["max-age"]) == people.SESSION_LIFETIME.total_seconds()
    headers = browser(answer)
    me = client.get("/v1/me", headers={"cookie": headers["cookie"]})
    assert me.json() == answer.json() == {
        "kind": "person", "id": str(ana), "login": "ana", "name": "Ana", "role": "coder", "scopes": [],
        "clinic": {"id": str(clinic), "slug": "main", "name": "Main Street"}, "password_needed": False,
        "csrf_token": csrf_token(cookie.value),
    }  # fmt: skip
    assert PASSWORD not in answer.text
    assert client.post("/v1/sign-out", headers=headers).status_code == 204
    assert client.get("/v1/me", headers=headers).status_code == 401


def test_the_cookie_on_tls(database: Database, ana: uuid.UUID):
    app = create_app(Settings(tls_proxy="10.0.0.7"), coder=FakeCoder(), database=database)  # type: ignore[arg-type]
    with Client(app) as client:
        answer = try_password(client)
        cookie = SimpleCookie(answer.headers["set-cookie"])["__Host-therapy-coder"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        headers = browser(answer, "__Host-therapy-coder")
        assert client.get("/v1/me", headers=headers).status_code == 200
        # Another program on this host could have set one without the prefix.
        assert client.get("/v1/me", headers={"cookie": headers["cookie"].removeprefix("__Host-")}).status_code == 401
        cleared = client.post("/v1/sign-out", headers=headers).headers["set-cookie"]
        assert cleared.startswith('__Host-therapy-coder=""')
        assert "Secure" in cleared


def test_refusals_tell_nothing(
    client: Client, database: Database, clinic: uuid.UUID, ana: uuid.UUID, add_person: AddPerson
):
    add_person(clinic, "new")
    gone = add_person(clinic, "gone")
    give_password(database, clinic, gone)
    with database.writing() as session:
        repository.disable_person(session, clinic, gone, by=SYSTEM)
    answers = [
        try_password(client, "ana", "wrong"),
        try_password(client, "nobody"),
        try_password(client, "new"),
        try_password(client, "gone"),
        try_password(client, clinic="nowhere"),
        try_password(client, ""),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert all("set-cookie" not in answer.headers for answer in answers)


@pytest.mark.parametrize("login", ["ana", "nobody"])
def test_no_refusal_is_quick(client: Client, ana: uuid.UUID, login: str, monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []
    monkeypatch.setattr(sign_in, "REFUSAL_SECONDS", 5.0)
    monkeypatch.setattr(sign_in.time, "sleep", slept.append)
    started = time.monotonic()
    try_password(client, login, "wrong")
    took = time.monotonic() - started
    assert 5.0 - took <= slept[0] < 5.0


def test_several_clinics(client: Client, ana: uuid.UUID, other_clinic: uuid.UUID):
    answer = try_password(client)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:problem-type:therapy-coder:which-clinic")
    assert answer.json()["detail"] is None
    assert try_password(client, clinic="other").status_code == 401
    assert try_password(client, clinic="main").status_code == 200


@pytest.mark.parametrize("login", ["ana", "nobody"])
def test_too_many_tries_at_a_login(client: Client, ana: uuid.UUID, login: str):
    for _ in range(people.TRIES):
        assert try_password(client, login, "wrong").status_code == 401
    answer = try_password(client, login.upper())
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= people.LOCK.total_seconds() + 1
    assert answer.json()["type"].endswith(":too-many-tries")
    assert try_password(client, "another", "wrong").status_code == 401


def test_right_passwords_do_not_add_up(client: Client, ana: uuid.UUID):
    assert {try_password(client).status_code for _ in range(people.TRIES + 2)} == {200}


def test_too_many_tries_from_an_address(client: Client, ana: uuid.UUID):
    for number in range(tries.BY_ADDRESS.amount):
        # A link counts as well as a password.
        answer = (
            client.post("/v1/sign-in/link", json={"secret": "x"}) if number % 2 else try_password(client, f"n{number}")
        )
        assert answer.status_code == 401
    answer = try_password(client)
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:problem-type:therapy-coder:too-many-sign-ins")
    assert 0 < int(answer.headers["retry-after"]) <= 301


def test_addresses_are_counted_apart():
    counted = tries.Tries()
    for _ in range(tries.BY_ADDRESS.amount):
        counted.address("2001:db8::1")
    with pytest.raises(tries.TooManyRequests):
        counted.address("2001:db8::ffff")
    for other in ("2001:db8:0:1::1", "192.0.2.1", None):
        counted.address(other)


# ---- links and passwords


def test_a_link_then_a_password(client: Client, database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    with database.writing() as session:
        secret = people.make_link(session, clinic, person, "welcome", by=SYSTEM)
        spare = people.make_link(session, clinic, person, "welcome", by=SYSTEM)
    answer = client.post("/v1/sign-in/link", json={"secret": secret})
    assert answer.status_code == 200
    assert answer.json()["password_needed"] is True
    assert client.post("/v1/sign-in/link", json={"secret": secret}).status_code == 401
    headers = browser(answer)
    early = client.get("/v1/queue", headers=headers)
    assert (early.status_code, early.json()["type"]) == (403, "urn:problem-type:therapy-coder:password-needed")
    assert (
        client.get("/page/navigation", headers=headers).json()["pages"]
        == client.get("/page/navigation").json()["pages"]
    )
    weak = client.post("/v1/password", json={"password": "short"}, headers=headers)
    assert (weak.status_code, weak.json()["type"]) == (422, "urn:problem-type:therapy-coder:weak-password")
    chosen = client.post("/v1/password", json={"password": PASSWORD}, headers=headers)
    assert chosen.status_code == 200
    assert chosen.json()["password_needed"] is False
    # The session is a new one, and whoever has another link or session is out.
    assert client.get("/v1/me", headers=headers).status_code == 401
    assert client.get("/v1/me", headers=browser(chosen)).status_code == 200
    assert client.get("/v1/queue", headers=browser(chosen)).status_code == 200
    assert client.post("/v1/sign-in/link", json={"secret": spare}).status_code == 401
    assert try_password(client).status_code == 200


def test_another_password_needs_the_one_there_is(client: Client, ana: uuid.UUID):
    headers = browser(try_password(client))
    new = {"password": "another horse battery"}
    for wrong in (new, new | {"current": "wrong"}):
        answer = client.post("/v1/password", json=wrong, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (
            422,
            "urn:problem-type:therapy-coder:wrong-current-password",
        )
    assert client.post("/v1/password", json=new | {"current": PASSWORD}, headers=headers).status_code == 200
    assert try_password(client).status_code == 401
    assert try_password(client, password=new["password"]).status_code == 200


def test_guessing_the_current_password_shuts_the_account(client: Client, ana: uuid.UUID):
    headers = browser(try_password(client))
    body = {"password": "another horse battery", "current": "wrong"}
    for _ in range(people.TRIES):
        assert client.post("/v1/password", json=body, headers=headers).status_code == 422
    answer = client.post("/v1/password", json=body | {"current": PASSWORD}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:problem-type:therapy-coder:too-many-tries")


def test_a_new_sign_in_ends_the_session_that_the_browser_had(client: Client, ana: uuid.UUID):
    first = browser(try_password(client))
    client.post("/v1/sign-in", json={"login": "ana", "password": PASSWORD}, headers={"cookie": first["cookie"]})
    assert client.get("/v1/me", headers=first).status_code == 401


# ---- how long a session lasts


@pytest.mark.parametrize(
    ("column", "limit"), [("seen_at", people.SESSION_IDLE), ("created_at", people.SESSION_LIFETIME)]
)
@pytest.mark.parametrize(("off", "status"), [(timedelta(seconds=-5), 200), (timedelta(0), 401)])
def test_a_session_ends(
    client: Client,
    database: Database,
    clinic: uuid.UUID,
    ana: uuid.UUID,
    column: str,
    limit: timedelta,
    off: timedelta,
    status: int,
):
    headers = session_of(database, clinic, ana)
    then = repository.now() - limit - off
    changed = {"seen_at": then} if column == "seen_at" else {"created_at": then, "expires_at": then + limit}
    with database.writing() as session:
        session.execute(update(SignInSession).values(changed))
    assert client.get("/v1/me", headers=headers).status_code == status


@pytest.mark.parametrize("who", ["person", "key"])
def test_the_last_use_is_kept_once_a_minute(
    client: Client, database: Database, clinic: uuid.UUID, ana: uuid.UUID, who: str
):
    headers = session_of(database, clinic, ana) if who == "person" else key_of(database, clinic, "queue")
    column = SignInSession.seen_at if who == "person" else ApiKey.used_at
    for ago, kept in ((timedelta(minutes=5), True), (timedelta(seconds=30), False)):
        then = repository.now() - ago
        with database.writing() as session:
            session.execute(update(column.class_).values({column.key: then}))
        assert client.get("/v1/me", headers=headers).status_code == 200
        with database.reading() as session:
            assert (session.query(column).scalar() > then) is kept


def test_a_role_and_a_disabled_account_count_at_once(
    client: Client, database: Database, clinic: uuid.UUID, ana: uuid.UUID, add_person: AddPerson
):
    add_person(clinic, "boss", "admin")
    headers = session_of(database, clinic, ana)
    assert client.get("/v1/people", headers=headers).status_code == 403
    with database.writing() as session:
        repository.set_role(session, clinic, ana, "admin", by=SYSTEM)
    assert client.get("/v1/people", headers=headers).status_code == 200
    with database.writing() as session:
        repository.disable_person(session, clinic, ana, by=SYSTEM)
    assert client.get("/v1/people", headers=headers).status_code == 401


# ---- requests that our own page did not make


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 204),
        ({"origin": "http://127.0.0.1:8000"}, 204),
        ({"sec-fetch-site": "none"}, 204),
        ({"x-csrf-token": ""}, 403),
        ({"x-csrf-token": csrf_token("another")}, 403),
        ({"x-csrf-token": "é"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_a_change_by_cookie_comes_from_our_page(
    client: Client, database: Database, clinic: uuid.UUID, ana: uuid.UUID, changed: dict[str, str], status: int
):
    headers = {name: value.encode() for name, value in (session_of(database, clinic, ana) | changed).items()}
    answer = client.post("/v1/sign-out", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"].endswith(":foreign-request")
        assert client.get("/v1/me", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/v1/sign-in", "/v1/sign-in/link"])
@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_nobody_is_signed_in_by_another_page(client: Client, ana: uuid.UUID, path: str, headers: dict[str, str]):
    assert client.post(path, json={"login": "ana", "password": PASSWORD}, headers=headers).status_code == 403


def test_a_key_needs_no_token(client: Client, database: Database, clinic: uuid.UUID, ana: uuid.UUID):
    session_of(database, clinic, ana)
    headers = key_of(database, clinic, "suggestions")
    assert client.post("/v1/suggestions", json={"text": "bridging"}, headers=headers).status_code == 200
    me = client.get("/v1/me", headers=headers).json()
    assert (me["kind"], me["scopes"], me["role"], me["csrf_token"]) == ("key", ["suggestions"], None, None)


# ---- notes may be coded without an account until there is one


@pytest.mark.parametrize("path", ["/v1/suggestions", "/v1/suggestions/batch"])
def test_open_until_the_first_account_is_opened(
    client: Client, database: Database, clinic: uuid.UUID, add_person: AddPerson, path: str
):
    body = {"notes": []} if path.endswith("batch") else {"text": "bridging"}
    person = add_person(clinic)
    with database.writing() as session:
        secret = people.make_link(session, clinic, person, "welcome", by=SYSTEM)
    assert client.post(path, json=body).status_code == 200
    opened = client.post("/v1/sign-in/link", json={"secret": secret})
    assert client.post(path, json=body).status_code == 401
    assert client.post(path, json=body, headers=browser(opened)).status_code == 403
    opened = client.post("/v1/password", json={"password": PASSWORD}, headers=browser(opened))
    assert client.post(path, json=body, headers=browser(opened)).status_code == 200
    assert client.post(path, json=body, headers=key_of(database, clinic, "suggestions")).status_code == 200
    assert client.post(path, json=body, headers=key_of(database, clinic, "queue")).status_code == 403
    assert client.post(path, json=body, headers=browser(opened) | {"x-csrf-token": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("peer", "settings", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.9", {}, 401),
        ("127.0.0.1", {"host": "0.0.0.0"}, 401),
        ("127.0.0.1", {"tls_proxy": "127.0.0.1"}, 401),
    ],
)
@pytest.mark.parametrize("with_database", [True, False])
def test_open_on_this_computer_alone(
    database: Database, peer: str, settings: dict[str, Any], status: int, with_database: bool
):
    used = database if with_database else None
    app = create_app(Settings(**settings), coder=FakeCoder(), database=used)  # type: ignore[arg-type]
    with Client(app, peer=peer) as client:
        assert client.post("/v1/suggestions", json={"text": "bridging"}).status_code == status


# ---- nothing secret is told


def test_no_log_holds_a_secret(
    client: Client, database: Database, clinic: uuid.UUID, ana: uuid.UUID, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with database.writing() as session:
        link = people.make_link(session, clinic, ana, "reset", by=SYSTEM)
    headers = browser(client.post("/v1/sign-in/link", json={"secret": link}))
    wrong = client.post("/v1/sign-in", json={"login": ["zzyx"], "password": 7, "zzyx": PASSWORD})
    assert wrong.status_code == 422
    try_password(client, "zzyx@clinic.example", "zzyx")
    key = key_of(database, clinic, "queue")
    client.get("/v1/me", headers=key)
    client.get(f"/v1/people/{uuid.uuid4()}/zzyx", headers=headers)
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore")))
    assert "POST /v1/sign-in/link 200" in ours
    for secret in (link, headers["cookie"].partition("=")[2], key["authorization"].split()[1], PASSWORD, "zzyx"):
        assert secret not in ours + wrong.text
