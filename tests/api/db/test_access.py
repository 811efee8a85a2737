"""Every route of the app is public on purpose, or refuses whoever may not use it.

The routes are those of the app, and who may use one is read off its guard, so that a new route is tried without a new test.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from api import people
from api.access import Allowed, AllowedInSomeClinic, csrf_token, current_principal
from api.audit import SYSTEM
from api.db import linked, repository, values
from api.db.session import Database
from api.db.tables import Base, Job, ModelVerdict, Promotion, Question, QueueItem
from api.main import create_app
from api.settings import Settings
from api.words import words

from ..conftest import Client
from .conftest import key_of, session_of
from .test_storage import keep

AddPerson = Callable[..., uuid.UUID]

# What anybody may ask for, signed in or not. A page is an empty form, so that those of words.toml are public too.
PUBLIC = {
    ("GET", "/openapi.json"),
    ("GET", "/static"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/sign-in"),
    ("GET", "/page/words"),
    ("GET", "/page/navigation"),
    ("GET", "/v1/models/current"),
    ("POST", "/v1/units"),
    ("POST", "/v1/sign-in"),
    ("POST", "/v1/sign-in/link"),
}
PAGES = {("GET", page["path"]) for page in words()["pages"]}
_DECISION = {"decision": None, "claims": 1}
# Bodies whose fields depend on one another, which a description cannot say.
BODIES = {"/v1/queue/{item_id}/decisions": _DECISION, "/v1/queue/{item_id}/accept-and-next": _DECISION}
# Routes with a part of the path that is no row's id, and so no clinic's.
NO_ROW = {("POST", "/v1/models/{version}/promote"), ("GET", "/v1/models/{version}/verdict")}


@dataclass(frozen=True)
class Route:
    """A route with its guard: the roles and the scope that may use it; no guard: ``roles`` is ``None``."""

    method: str
    path: str
    roles: frozenset[str] | None
    scopes: frozenset[str]
    of_some_clinic: bool
    """Whether the guard gives the caller in each clinic that they read for."""
    parameters: tuple[tuple[str, bool], ...]
    """Names of the path's parameters, and whether each is an id."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def at(self, id: uuid.UUID) -> str:
        return self.path.format_map({name: id for name, _ in self.parameters})


def _guard(dependant: Any) -> tuple[frozenset[str], frozenset[str]] | None:
    """Roles and scopes that the nearest guard lets through; a route that asks only who calls lets everybody through."""
    for each in dependant.dependencies:
        if isinstance(each.call, Allowed):
            return frozenset(each.call.roles), frozenset(() if each.call.scope is None else (each.call.scope,))
    if any(each.call is current_principal for each in dependant.dependencies):
        return frozenset(values.ROLES), frozenset(values.SCOPES)
    return next((found for each in dependant.dependencies if (found := _guard(each)) is not None), None)


def _routes(app: Any) -> Iterator[Route]:
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        guard = None if dependant is None else _guard(dependant)
        roles, scopes = guard or (None, frozenset())
        parameters = (
            ()
            if dependant is None
            else tuple((p.name, p.field_info.annotation is uuid.UUID) for p in dependant.path_params)
        )
        for method in sorted((context.methods or {"GET"}) - {"HEAD"}):
            of_some = dependant is not None and any(
                isinstance(d.call, AllowedInSomeClinic) for d in dependant.dependencies
            )
            yield Route(method, str(context.path), roles, scopes, of_some, parameters)


APP = create_app(Settings())
ROUTES = tuple(_routes(APP))
GUARDED = tuple(route for route in ROUTES if route.roles is not None)


def test_every_route_is_public_on_purpose_or_guarded():
    found = {(route.method, route.path) for route in ROUTES if route.roles is None}
    assert found - PUBLIC - PAGES == set()
    assert PUBLIC - found == set()
    assert len(GUARDED) > 10


def test_people_keys_and_trail_are_for_admins_alone():
    found = [route for route in ROUTES if route.path.startswith(("/v1/people", "/v1/keys", "/v1/audit"))]
    assert len(found) > 8
    assert {(route.roles, route.scopes) for route in found} == {(frozenset({"admin"}), frozenset())}


def test_every_path_with_a_parameter_names_a_row():
    assert {(r.method, r.path) for r in ROUTES if not all(is_id for _, is_id in r.parameters)} == NO_ROW


@pytest.fixture
def headers(database: Database, clinic: uuid.UUID, add_person: AddPerson) -> Callable[[str], dict[str, str]]:
    """A new session of a person of that role."""
    ids = {role: add_person(clinic, f"the-{role}", role) for role in values.ROLES}
    return lambda role: session_of(database, clinic, ids[role])


def test_without_sign_in(client: Client, headers: Callable[[str], dict[str, str]]):
    headers("admin")  # an account was opened
    wrong: dict[str, dict[str, str]] = {
        "nothing": {},
        "cookie": {"cookie": "therapy-coder=x"},
        "key": {"authorization": f"Bearer tckey_{'0' * 32}_x"},
        "other": {"authorization": "Basic eDp4"},
    }
    answers = {
        f"{route} with {name}": client.request(route.method, route.at(uuid.uuid4()), json={}, headers=each)
        for route in GUARDED
        for name, each in wrong.items()
    }
    assert {told: answer.status_code for told, answer in answers.items() if answer.status_code != 401} == {}
    for answer in answers.values():
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


def test_wrong_roles_and_scopes(
    client: Client, database: Database, clinic: uuid.UUID, headers: Callable[[str], dict[str, str]]
):
    keys = {scope: key_of(database, clinic, scope) for scope in values.SCOPES}
    wrong, right = {}, {}
    for route in GUARDED:
        callers = {role: headers(role) for role in values.ROLES} | keys
        for name, each in callers.items():
            allowed = name in (route.roles or ()) or name in route.scopes
            # Only what changes nothing is tried by those who may: another route may begin hours of work.
            if not allowed or route.method == "GET":
                answer = client.request(route.method, route.at(uuid.uuid4()), json={}, headers=each)
                (right if allowed else wrong)[f"{route} as {name}"] = answer.status_code
    assert {told: status for told, status in wrong.items() if status != 403} == {}
    assert len(wrong) > 20
    assert {told: status for told, status in right.items() if status in {401, 403} or status >= 500} == {}
    assert len(right) > 5


def test_nothing_but_choosing_a_password_before_there_is_one(
    client: Client, database: Database, clinic: uuid.UUID, add_person: AddPerson
):
    ids = {role: add_person(clinic, f"the-{role}", role) for role in values.ROLES}
    told = {}
    for route in GUARDED:
        for role in sorted(route.roles or ()):
            with database.writing() as session:
                secret = people.begin_session(session, repository.person(session, clinic, ids[role]))
            own = {"cookie": f"therapy-coder={secret}", "x-csrf-token": csrf_token(secret)}
            answer = client.request(route.method, route.at(uuid.uuid4()), json={}, headers=own)
            needed = answer.status_code == 403 and answer.json()["type"].endswith(":password-needed")
            told.setdefault(str(route), set()).add(needed)
    assert {route for route, needed in told.items() if needed != {True}} == {
        "GET /v1/me",
        "POST /v1/password",
        "POST /v1/sign-out",
    }


# ---- another clinic's rows


def rows_of(database: Database, clinic: uuid.UUID, person: uuid.UUID) -> dict[str, uuid.UUID]:
    """A row in every table whose rows have an id; returns the ids."""
    ids = {"people": person} | {f"{name}s": id for name, id in keep(database, clinic, person).items()}
    at = repository.now()
    with database.writing() as session:
        people.make_link(session, clinic, person, "reset", by=SYSTEM)
        people.begin_session(session, repository.person(session, clinic, person))
        people.make_key(session, clinic, "ehr", ["submit"], by=SYSTEM)
        own: dict[str, Any] = {"clinic_id": clinic}
        about: dict[str, Any] = own | {"note_id": ids["notes"]}
        verdict = uuid.uuid4()
        session.add(
            ModelVerdict(
                **own,
                id=verdict,
                candidate="a",
                current="b",
                manifest_sha256="0",
                outcome="pass",
                criteria={},
                created_at=at,
            )
        )
        session.flush()
        session.add_all(
            [
                QueueItem(**about, result_id=ids["results"], reason="flagged", reading="first", priority=1.0, created_at=at),
                Question(**about, asked_by=person, asked_at=at, body="why"),
                Job(**own, kind="export", parameters={}, created_at=at),
                Promotion(**own, kind="promote", version="a", previous="b", verdict_id=verdict, created_at=at),
            ]
        )  # fmt: skip
        session.flush()
        for table in Base.metadata.sorted_tables:
            if "id" in table.c and "clinic_id" in table.c:
                found = session.scalars(
                    table.select().where(table.c.clinic_id == clinic).with_only_columns(table.c.id)
                ).first()
                assert found is not None, f"add a row of {table.name}"
                ids.setdefault(table.name, found)
    return ids


def body_of(route: Route) -> Any:
    """The least body that the route's description allows; ``None`` where it takes none."""
    if route.path in BODIES:
        return BODIES[route.path]
    described = APP.openapi()
    operation = described["paths"].get(route.path, {}).get(route.method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return None if content is None else _example(content["schema"], described["components"]["schemas"])


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for choice in ("anyOf", "oneOf", "allOf"):
        if {"type": "null"} in schema.get(choice, ()):
            return None
        if choice in schema:
            return _example(schema[choice][0], schemas)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type", "object"):
        case "object":
            return {name: _example(schema["properties"][name], schemas) for name in schema.get("required", ())}
        case "array":
            return [_example(schema["items"], schemas)] * schema.get("minItems", 0)
        case "string":
            formats = {"uuid": str(uuid.uuid4()), "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}
            return formats.get(schema.get("format", ""), "a" * schema.get("minLength", 1))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case _:
            return None


@pytest.mark.parametrize(
    "route", [route for route in GUARDED if route.parameters and all(i for _, i in route.parameters)], ids=str
)
def test_another_clinics_rows_are_not_there(
    client: Client, database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson, route: Route
):
    own = {role: add_person(clinic, f"the-{role}", role) for role in values.ROLES}
    ours = rows_of(database, clinic, own["coder"])
    add_person(other_clinic, "an-admin", "admin")
    theirs = rows_of(database, other_clinic, add_person(other_clinic))
    body = body_of(route)

    def statuses(ids: dict[str, uuid.UUID]) -> dict[str, int]:
        callers = [session_of(database, clinic, own[role]) for role in sorted(route.roles or ())]
        callers += [key_of(database, clinic, scope) for scope in sorted(route.scopes)]  # type: ignore[arg-type]
        return {
            f"{name} {number}": client.request(route.method, route.at(id), json=body, headers=each).status_code
            for name, id in ids.items()
            for number, each in enumerate(callers)
        }

    assert {told: status for told, status in statuses(theirs).items() if status != 404} == {}
    # The same with the own clinic's rows: else nothing is shown by all those 404.
    assert set(statuses(ours).values()) & {200, 201, 204, 409}


# The one part of a clinic that somebody who signs in elsewhere reaches: its queue.
OF_THE_QUEUE = {route for route in GUARDED if route.path.startswith("/v1/queue/") and route.parameters}


@pytest.mark.parametrize("route", [r for r in GUARDED if r.parameters and all(i for _, i in r.parameters)], ids=str)
@pytest.mark.parametrize("disabled", [False, True])
def test_who_reads_for_two_clinics_reaches_the_others_queue_alone(
    client: Client,
    database: Database,
    clinic: uuid.UUID,
    other_clinic: uuid.UUID,
    add_person: AddPerson,
    route: Route,
    disabled: bool,
):
    with database.writing() as session:
        third = repository.add_clinic(session, "third", "Third Street", by=SYSTEM).id
    add_person(other_clinic, "an-admin", "admin")
    own, there = add_person(clinic, "ana", "trainer"), add_person(other_clinic, "ana", "trainer")
    linked_rows = rows_of(database, other_clinic, add_person(other_clinic, "ben"))
    thirds = rows_of(database, third, add_person(third))
    with database.writing() as session:
        linked.link(session, other_clinic, there, repository.person(session, clinic, own), by=SYSTEM)
        if disabled:
            repository.disable_person(session, other_clinic, there, by=SYSTEM)
    headers = session_of(database, clinic, own)
    body = body_of(route)

    def statuses(ids: dict[str, uuid.UUID]) -> dict[str, int]:
        return {
            name: client.request(route.method, route.at(id), json=body, headers=headers).status_code
            for name, id in ids.items()
        }

    refused = {403} if "trainer" not in (route.roles or ()) else {404}
    assert set(statuses(thirds).values()) == refused
    reached = {name for name, status in statuses(linked_rows).items() if {status} != refused}
    assert reached == ({"queue_items"} if route in OF_THE_QUEUE and not disabled else set())


def test_the_queue_is_told_the_clinics_of_the_caller_and_nothing_else_is():
    """A route of the queue takes memberships, all others one clinic: both lists are read off the guards."""
    assert {str(route) for route in GUARDED if route.of_some_clinic} == {
        str(route) for route in GUARDED if route.path.startswith("/v1/queue")
    }
    assert len(OF_THE_QUEUE) == 4
