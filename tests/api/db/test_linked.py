"""One sign-in for several clinics: linking, what a reader sees and does in each, and what ends it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api import audit, people
from api.access import csrf_token
from api.audit import SYSTEM
from api.cli import app as commands
from api.db import linked, migrate, repository
from api.db.errors import LastAdmin, LinkRefused, PersonDisabled, RowRefused, SignInRefused, SignsInElsewhere
from api.db.session import Database
from api.db.tables import QueueItem, SignInSession
from api.db.values import Role
from api.main import create_app
from api.settings import Settings

from ..conftest import Client
from .conftest import PASSWORD, give_password, key_of, session_of
from .reviewing import ReviewCoder

pytestmark = pytest.mark.usefixtures("cheap_hashes")

Headers = dict[str, str]
# Of three clinics; each has a person of that login, of whom cora reads for the first two.
PEOPLE: tuple[tuple[str, str, Role], ...] = (
    ("west", "cora", "coder"),
    ("east", "cora", "coder"),
    ("north", "cora", "coder"),
    ("west", "adam", "admin"),
    ("east", "adam", "admin"),
    ("west", "theo", "therapist"),
    ("east", "theo", "therapist"),
    ("north", "theo", "therapist"),
)


@dataclass
class Office:
    """Three clinics on one server; cora of west reads for east too."""

    database: Database
    client: Client
    clinics: dict[str, uuid.UUID] = field(default_factory=dict)
    people: dict[tuple[str, str], uuid.UUID] = field(default_factory=dict)

    def add(self, clinic: str, login: str, role: Role) -> uuid.UUID:
        with self.database.writing() as session:
            added = repository.add_person(session, self.clinics[clinic], login, login.title(), role, by=SYSTEM)
            self.people[clinic, login] = added.id
            return added.id

    def link(self, clinic: str, login: str, *, to: str, as_: str | None = None) -> None:
        with self.database.writing() as session:
            main = repository.person(session, self.clinics[to], self.people[to, as_ or login])
            linked.link(session, self.clinics[clinic], self.people[clinic, login], main, by=SYSTEM)

    def unlink(self, clinic: str, login: str) -> None:
        with self.database.writing() as session:
            linked.unlink(session, self.clinics[clinic], self.people[clinic, login], by=SYSTEM)

    def disable(self, clinic: str, login: str) -> None:
        with self.database.writing() as session:
            repository.disable_person(session, self.clinics[clinic], self.people[clinic, login], by=SYSTEM)

    def enable(self, clinic: str, login: str) -> None:
        with self.database.writing() as session:
            repository.enable_person(session, self.clinics[clinic], self.people[clinic, login], by=SYSTEM)

    def headers(self, login: str, clinic: str = "west") -> Headers:
        return session_of(self.database, self.clinics[clinic], self.people[clinic, login])

    def submit(self, clinic: str, text: str) -> str:
        headers = self.headers("theo", clinic)
        return self.client.post("/v1/notes", json={"text": text}, headers=headers).json()["queue_item_id"]

    def sees(self, headers: Headers, **filters: str) -> list[str]:
        answer = self.client.get("/v1/queue", params=filters, headers=headers)
        assert answer.status_code == 200, answer.text
        return [entry["id"] for entry in answer.json()["entries"]]

    def post(self, headers: Headers, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.post(f"/v1/queue/{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def trail(self, clinic: str, *actions: str) -> list[tuple[str, str | None]]:
        """Action and actor of the clinic's rows of these actions, after checking the chain."""
        with self.database.reading() as session:
            rows = list(repository.audit_rows(session, self.clinics[clinic]))
            assert audit.verify(lambda: rows, repository.audit_head(session, self.clinics[clinic])).findings == ()
        return [(row.action, row.actor_id) for row in rows if row.action in actions]

    def item(self, item_id: str) -> QueueItem:
        with self.database.reading() as session:
            return session.query(QueueItem).filter_by(id=uuid.UUID(item_id)).one()


@pytest.fixture
def office(database: Database) -> Iterator[Office]:
    app = create_app(Settings(), coder=ReviewCoder(), database=database)  # type: ignore[arg-type]
    with Client(app) as client:
        made = Office(database, client)
        with database.writing() as session:
            for slug in ("west", "east", "north"):
                clinic = repository.add_clinic(session, slug, f"{slug.title()} Clinic", by=SYSTEM)
                clinic.audit_share = clinic.second_share = 0.0
                made.clinics[slug] = clinic.id
        for clinic, login, role in PEOPLE:
            made.add(clinic, login, role)
        made.link("east", "cora", to="west")
        yield made


# ---- what a reader of two clinics sees and does


def test_the_list_is_of_both_clinics_and_is_filtered_by_clinic(office: Office):
    low, high = (
        office.submit("west", "stairs 9 flag:no_unit"),
        office.submit("west", "bridging 95 conf:0.5 flag:no_unit"),
    )
    middle = office.submit("east", "bridging 40 conf:0.6 rail flag:no_unit")
    hidden = office.submit("north", "stairs 15 lobby flag:no_unit")
    cora = office.headers("cora")
    assert office.sees(cora) == [high, middle, low]
    assert office.sees(cora, clinic="west") == [high, low]
    assert office.sees(cora, clinic="east") == [middle]
    assert office.sees(office.headers("cora", "north")) == [hidden]
    listed = office.client.get("/v1/queue", params={"clinic": "east"}, headers=cora).json()
    # How many wait in each is told whichever is chosen; all else counts what is shown.
    assert listed["clinics"] == [
        {"slug": "west", "name": "West Clinic", "role": "coder", "entries": 2},
        {"slug": "east", "name": "East Clinic", "role": "coder", "entries": 1},
    ]
    assert (listed["total"], listed["codes"], listed["entries"][0]["clinic"]) == (1, {"97110": 1}, "east")
    with_code = office.client.get("/v1/queue", params={"code": "97530"}, headers=cora).json()
    assert [each["entries"] for each in with_code["clinics"]] == [1, 0]


def test_a_clinic_that_is_not_theirs_is_refused_as_an_unknown_one(office: Office):
    item = office.submit("west", "bridging 30 flag:no_unit")
    cora = office.headers("cora")
    claim = office.post(cora, "claim", {"id": item})["claim"]
    told = {}
    for clinic in ("north", "nowhere", "", "WEST"):
        decision = {"decision": None, "claims": claim["claims"], "next": {"clinic": clinic}}
        answers = (
            office.client.get("/v1/queue", params={"clinic": clinic}, headers=cora),
            office.client.post("/v1/queue/claim", json={"clinic": clinic}, headers=cora),
            office.client.post(f"/v1/queue/{item}/accept-and-next", json=decision, headers=cora),
        )
        told[clinic] = [(answer.status_code, answer.json()) for answer in answers]
    assert len({repr(each) for each in told.values()}) == 1
    status, problem = told["north"][0]
    assert (status, problem["type"]) == (422, "urn:problem-type:therapy-coder:fields-refused")
    assert problem["errors"] == [{"field": "clinic", "reason": "you do not read for a clinic of this short name"}]
    assert office.item(item).state == "claimed"  # nothing was decided


def test_pages_of_several_clinics_are_one_list(office: Office):
    for n in range(7):
        office.submit("west", f"bridging {10 + 7 * n} conf:0.{5 + n % 4} flag:no_unit")
        office.submit("east", f"stairs {12 + 5 * n} conf:0.{6 + n % 3} flag:no_unit")
    cora = office.headers("cora")
    whole = office.client.get("/v1/queue", params={"limit": 200}, headers=cora).json()
    rows = [(-each["priority"], each["created_at"], each["id"]) for each in whole["entries"]]
    assert rows == sorted(rows)
    assert (len(rows), whole["total"]) == (14, 14)
    paged = []
    for offset in range(0, 16, 3):
        paged += office.sees(cora, limit="3", offset=str(offset))
    assert paged == [id for *_, id in rows]


def test_the_best_of_all_clinics_is_claimed_as_somebody_of_its_clinic(office: Office):
    low, high = (
        office.submit("west", "stairs 9 flag:no_unit"),
        office.submit("east", "bridging 90 conf:0.5 flag:no_unit"),
    )
    own = office.submit("west", "ramp and curb outside, bridging 60 flag:no_unit")
    cora = office.headers("cora")
    claim = office.post(cora, "claim")["claim"]
    assert (claim["id"], claim["clinic"]) == (high, "east")
    assert office.item(high).claimed_by == office.people["east", "cora"]
    assert [e["yours"] for e in office.client.get("/v1/queue", headers=cora).json()["entries"]] == [True, False, False]
    office.post(cora, f"{high}/renew", {"claims": 1})
    # The next one is of the other clinic; sent again it is the same.
    body = {"decision": None, "claims": 1, "next": {}}
    for _ in range(2):
        decided = office.post(cora, f"{high}/accept-and-next", body)
        assert (decided["claim"]["id"], decided["claim"]["clinic"]) == (own, "west")
    assert office.client.get("/v1/queue/last", headers=cora).json()["last"]["id"] == high
    office.post(cora, f"{own}/decisions", {"decision": None, "claims": 1})
    assert office.client.get("/v1/queue/last", headers=cora).json()["last"]["id"] == own
    # Each is taken back by its own id, whichever came last.
    undone = office.post(cora, f"{high}/decisions", {"decision": {"kind": "undo"}})
    assert (undone["claim"]["id"], undone["claim"]["clinic"]) == (high, "east")
    office.post(cora, f"{high}/release", {"claims": undone["claim"]["claims"]}, 204)
    assert office.post(cora, "claim", {"clinic": "west"})["claim"]["id"] == low
    assert office.post(cora, "claim", {"clinic": "west"})["claim"] is None
    # Each clinic's trail names its own person.
    done = ("queue.claimed", "note.read", "result.read", "review.added", "queue.released")
    west, east = (office.trail(clinic, *done) for clinic in ("west", "east"))
    assert {actor for _, actor in west} == {str(office.people["west", "cora"])}
    assert {actor for _, actor in east} == {str(office.people["east", "cora"])}
    assert [action for action, _ in west].count("queue.claimed") == 2


def test_what_is_wanted_next_may_be_of_one_clinic(office: Office):
    first = office.submit("west", "bridging 20 flag:no_unit")
    office.submit("west", "bridging 95 conf:0.5 stool flag:no_unit")
    other = office.submit("east", "stairs 9 hallway flag:no_unit")
    cora = office.headers("cora")
    office.post(cora, "claim", {"id": first})
    body = {"decision": None, "claims": 1, "next": {"clinic": "east"}}
    assert office.post(cora, f"{first}/accept-and-next", body)["claim"]["id"] == other


def test_a_near_twin_waits_for_what_is_best_in_another_clinic(office: Office):
    for minutes in (95, 90):
        office.submit("west", f"bridging {minutes} conf:0.5 flag:no_unit")
    other = office.submit("east", "stairs 9 hallway walk flag:no_unit")
    cora = office.headers("cora")
    first, second, third = (office.post(cora, "claim")["claim"] for _ in range(3))
    assert [each["clinic"] for each in (first, second, third)] == ["west", "east", "west"]
    assert second["id"] == other


def test_near_twins_of_two_clinics_do_not_follow_each_other(office: Office):
    for clinic in ("west", "east", "west", "east"):
        office.submit(clinic, "bridging 95 conf:0.5 flag:no_unit")
    others = [office.submit("west", f"stairs {n} hallway walk flag:no_unit") for n in (9, 12)]
    cora = office.headers("cora")
    order, claim = [], office.post(cora, "claim")["claim"]
    while claim:
        order.append((claim["clinic"], claim["id"] in others))
        body = {"decision": None, "claims": claim["claims"], "next": {}}
        claim = office.post(cora, f"{claim['id']}/accept-and-next", body)["claim"]
    # In turn as long as there is something else, whichever clinic the twins are of.
    assert [other for _, other in order] == [False, True, False, True, False, False]
    assert {clinic for clinic, other in order if not other} == {"west", "east"}


def test_roles_are_those_of_each_clinic(office: Office):
    office.add("east", "ada", "coder")
    office.link("east", "ada", to="west", as_="adam")
    mine, theirs = office.submit("west", "stairs 20 flag:no_unit"), office.submit("east", "bridging 20 flag:no_unit")
    ada = office.headers("adam")
    assert set(office.sees(ada)) == {mine, theirs}
    roles = {each["slug"]: each["role"] for each in office.client.get("/v1/queue", headers=ada).json()["clinics"]}
    assert roles == {"west": "admin", "east": "coder"}
    # As an admin of west she looks; she reads in east alone.
    office.post(ada, "claim", {"id": mine}, 404)
    office.post(ada, "claim", {"clinic": "west"}, 422)
    assert office.post(ada, "claim")["claim"]["id"] == theirs
    # All else stays with the clinic of the sign-in.
    assert {each["login"] for each in office.client.get("/v1/people", headers=ada).json()["people"]} == {
        "adam",
        "cora",
        "theo",
    }
    assert office.client.get("/v1/me", headers=ada).json()["clinic"]["slug"] == "west"
    note = office.client.get(f"/v1/notes/{office.item(theirs).note_id}", headers=office.headers("cora"))
    assert note.status_code == 404


def test_the_same_login_elsewhere_is_nobody_of_here(office: Office):
    office.submit("west", "bridging 20 flag:no_unit")
    north = office.headers("cora", "north")
    assert office.sees(north) == []
    listed = office.client.get("/v1/queue", headers=north).json()
    assert [each["slug"] for each in listed["clinics"]] == ["north"]


def test_a_key_stays_of_one_clinic(office: Office):
    east = office.submit("east", "bridging 20 flag:no_unit")
    west = office.submit("west", "stairs 20 flag:no_unit")
    key = key_of(office.database, office.clinics["west"], "queue")
    assert office.sees(key) == office.sees(key, clinic="west") == [west]
    assert office.client.get("/v1/queue", params={"clinic": "east"}, headers=key).status_code == 422
    assert office.client.get("/v1/queue", headers=key).json()["clinics"][0]["role"] is None
    assert east not in office.sees(key)


def test_many_who_read_for_two_clinics_get_each_note_once(office: Office):
    readers = []
    for n in range(4):
        office.add("west", f"reader{n}", "coder")
        office.add("east", f"reader{n}", "coder")
        office.link("east", f"reader{n}", to="west")
        readers.append(office.headers(f"reader{n}"))
    waiting = {office.submit(("west", "east")[n % 2], f"bridging {20 + n} flag:no_unit") for n in range(12)}
    start = threading.Barrier(4)

    def claim(headers: Headers) -> list[str]:
        start.wait()
        return [office.post(headers, "claim")["claim"]["id"] for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        claimed = [id for each in pool.map(claim, readers) for id in each]
    assert sorted(claimed) == sorted(waiting)


# ---- signing in, and what ends it


def signed_in(office: Office, clinic: str, login: str, password: str = PASSWORD) -> Any:
    return office.client.post("/v1/sign-in", json={"login": login, "password": password, "clinic": clinic})


def cookie(answer: Any) -> Headers:
    secret = answer.cookies["therapy-coder"]
    return {"cookie": f"therapy-coder={secret}", "x-csrf-token": csrf_token(secret)}


def test_one_sign_in_at_the_main_clinic_alone(office: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.routes.sign_in.REFUSAL_SECONDS", 0.0)
    give_password(office.database, office.clinics["west"], office.people["west", "cora"])
    item = office.submit("east", "bridging 20 flag:no_unit")
    answer = signed_in(office, "west", "cora")
    headers = cookie(answer)
    assert office.sees(headers) == [item]
    # There is nothing to sign in with in the other clinic, and a wrong password is refused alike.
    refused = [signed_in(office, "east", "cora"), signed_in(office, "west", "cora", "wrong")]
    assert [(each.status_code, each.json()) for each in refused] == [(401, refused[0].json())] * 2
    with pytest.raises(SignsInElsewhere):
        give_password(office.database, office.clinics["east"], office.people["east", "cora"])
    # Another password, and signing out, end it for all clinics.
    give_password(office.database, office.clinics["west"], office.people["west", "cora"], PASSWORD + "x")
    assert office.client.get("/v1/queue", headers=headers).status_code == 401
    anew = cookie(signed_in(office, "west", "cora", PASSWORD + "x"))
    assert office.sees(anew) == [item]
    assert office.client.post("/v1/sign-out", headers=anew).status_code == 204
    assert office.client.get("/v1/queue", headers=anew).status_code == 401


def test_before_there_is_a_password_no_clinic_is_read(office: Office):
    with office.database.writing() as session:
        secret = people.begin_session(
            session, repository.person(session, office.clinics["west"], office.people["west", "cora"])
        )
    headers = {"cookie": f"therapy-coder={secret}"}
    answer = office.client.get("/v1/queue", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:problem-type:therapy-coder:password-needed")


def test_an_old_session_ends_for_all_clinics(office: Office):
    cora = office.headers("cora")
    assert office.client.get("/v1/queue", headers=cora).status_code == 200
    with office.database.writing() as session:
        for each in session.query(SignInSession).filter_by(person_id=office.people["west", "cora"]):
            each.seen_at -= people.SESSION_IDLE + timedelta(seconds=1)
    assert office.client.get("/v1/queue", headers=cora).status_code == 401


@pytest.mark.parametrize("how", ["disabled", "unlinked"])
def test_who_is_shut_out_of_one_clinic_reads_for_the_other(office: Office, how: str):
    east, west = office.submit("east", "bridging 20 flag:no_unit"), office.submit("west", "stairs 20 flag:no_unit")
    cora = office.headers("cora")
    claim = office.post(cora, "claim", {"id": east})["claim"]
    (office.disable if how == "disabled" else office.unlink)("east", "cora")
    # At once, with the session that was open: the claim went back, and the clinic is not theirs any more.
    assert office.item(east).state == "waiting"
    assert office.sees(cora) == [west]
    office.post(cora, f"{east}/decisions", {"decision": None, "claims": claim["claims"]}, 404)
    office.post(cora, "claim", {"clinic": "east"}, 422)
    office.post(cora, "claim", {"id": east}, 404)
    assert office.post(cora, "claim")["claim"]["id"] == west
    if how == "disabled":
        office.enable("east", "cora")
        assert set(office.sees(cora)) == {east, west}


def test_the_main_account_opens_all_or_nothing(office: Office):
    east = office.submit("east", "bridging 20 flag:no_unit")
    cora, boss = office.headers("cora"), office.headers("adam", "east")
    office.post(cora, "claim", {"id": east})

    def state() -> str:
        listed = office.client.get("/v1/people", headers=boss).json()["people"]
        return next(each["state"] for each in listed if each["login"] == "cora")

    assert state() == "active"
    office.disable("west", "cora")
    assert office.client.get("/v1/queue", headers=cora).status_code == 401
    assert state() == "shut_elsewhere"
    # Nothing of the other clinic is changed from here: what they hold there comes free when its time is over.
    assert office.item(east).state == "claimed"
    office.enable("west", "cora")
    assert office.sees(office.headers("cora")) == [east]
    with office.database.writing() as session:
        repository.reset_person(session, office.clinics["west"], office.people["west", "cora"], by=SYSTEM)
    assert state() == "no_password"


# ---- linking


def test_linking_ends_the_sign_in_that_was_and_is_in_both_trails(office: Office):
    north, cora = office.clinics["north"], office.people["north", "cora"]
    give_password(office.database, north, cora)
    with office.database.writing() as session:
        link = people.make_link(session, north, cora, "reset", by=SYSTEM)
        secret = people.begin_session(session, repository.person(session, north, cora))
    item = office.submit("north", "bridging 20 flag:no_unit")
    office.post(office.headers("cora", "north"), "claim")
    office.link("north", "cora", to="west")
    office.link("north", "cora", to="west")  # again: nothing
    assert office.item(item).state == "waiting"
    with office.database.writing() as session:
        assert repository.person(session, north, cora).password_hash is None
        for refused in (lambda: people.signed_in(session, secret), lambda: people.use_link(session, link)):
            with pytest.raises(SignInRefused):
                refused()
    main = office.headers("cora")
    assert office.sees(main) == [item]
    assert [e["slug"] for e in office.client.get("/v1/queue", headers=main).json()["clinics"]] == [
        "west",
        "east",
        "north",
    ]
    office.unlink("north", "cora")
    assert office.sees(main) == []
    with office.database.reading() as session:
        told = [
            (row.action, row.subject_id, row.detail)
            for clinic in ("north", "west")
            for row in repository.audit_rows(session, office.clinics[clinic])
            if row.action in ("person.linked", "person.unlinked") and "east" not in row.detail
        ]
    here, there = str(cora), str(office.people["west", "cora"])
    in_north, in_west = (
        f'{{"clinic":"{clinic}","person":"{person}","sign_in":"{where}"}}'
        for clinic, person, where in (("west", there, "there"), ("north", here, "here"))
    )
    actions = ("person.linked", "person.unlinked")
    assert told == [(each, here, in_north) for each in actions] + [(each, there, in_west) for each in actions]
    # Somebody of the clinic still: a link opens the account for themselves.
    with office.database.writing() as session:
        assert people.use_link(session, people.make_link(session, north, cora, "reset", by=SYSTEM)).id == cora


@pytest.mark.parametrize(
    ("clinic", "login", "to", "as_", "error", "why"),
    [
        ("west", "theo", "west", "cora", LinkRefused, "of one clinic"),
        ("east", "cora", "north", "cora", LinkRefused, "another account already"),
        ("north", "cora", "east", "cora", LinkRefused, "has no sign-in itself"),
        ("west", "cora", "north", "cora", LinkRefused, "sign in with this account"),
        ("east", "adam", "west", "cora", LinkRefused, "somebody in this clinic already"),
        ("north", "theo", "west", "cora", LinkRefused, "therapists read no queue"),
        ("north", "cora", "west", "theo", LinkRefused, "therapists read no queue"),
        ("east", "adam", "west", "adam", LastAdmin, "last admin"),
        ("north", "gone", "west", "cora", PersonDisabled, "disabled"),
        ("north", "cora", "west", "gone", PersonDisabled, "disabled"),
    ],
)
def test_what_cannot_be_linked(
    office: Office, clinic: str, login: str, to: str, as_: str, error: type[Exception], why: str
):
    for where in ("north", "west"):
        office.add(where, "gone", "coder")
        office.disable(where, "gone")
    with pytest.raises(error, match=why):
        office.link(clinic, login, to=to, as_=as_)
    # Nothing was written down but that cora of east was linked to west.
    assert len(office.trail(clinic, "person.linked")) == (0 if clinic == "north" else 1)


def test_unlinking_somebody_who_is_not_linked(office: Office):
    with pytest.raises(LinkRefused, match="account of this clinic"):
        office.unlink("north", "cora")


def test_the_database_keeps_a_linked_person_without_a_password(office: Office):
    for statement in (
        "UPDATE people SET password_hash = 'x' WHERE id = :id",
        "UPDATE people SET main_clinic_id = NULL WHERE id = :id",
        "UPDATE people SET main_clinic_id = clinic_id WHERE id = :id",
    ):
        own: Any = office.people["east", "cora"]
        with pytest.raises(RowRefused), office.database.writing() as session:
            given = own.hex if office.database.path is not None else own
            session.execute(text(statement), {"id": given})


def test_an_admin_who_signs_in_elsewhere_does_not_manage_the_clinic(office: Office):
    office.add("east", "ada", "admin")
    office.link("east", "ada", to="west", as_="adam")
    with pytest.raises(LastAdmin):
        office.disable("east", "adam")
    office.disable("east", "ada")


def test_the_people_page_shows_who_signs_in_elsewhere(office: Office):
    boss = office.headers("adam", "east")
    listed = {each["login"]: each for each in office.client.get("/v1/people", headers=boss).json()["people"]}
    assert listed["cora"]["main_account"] == {"clinic": "West Clinic", "login": "cora"}
    assert listed["theo"]["main_account"] is None
    path = f"/v1/people/{listed['cora']['id']}"
    for answer in (
        office.client.post(f"{path}/reset", headers=boss),
        office.client.request("PUT", f"{path}/role", json={"role": "therapist"}, headers=boss),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:problem-type:therapy-coder:signs-in-elsewhere")
    assert (
        office.client.request("PUT", f"{path}/role", json={"role": "trainer"}, headers=boss).json()["role"] == "trainer"
    )
    assert office.client.post(f"{path}/disable", headers=boss).json()["state"] == "disabled"


def test_the_commands(office: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", office.database.url.render_as_string(hide_password=False))

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(commands, ["people", *arguments])
        return result.exit_code, result.output

    linking = ("link", "cora", "--clinic", "north", "--signs-in-at", "west")
    assert run(*linking) == (0, "")
    assert (
        run("list", "--clinic", "north")[1].splitlines()[0]
        == "cora\tcoder\tno password yet\tCora\tsigns in as cora of west"
    )
    office.disable("west", "cora")
    assert "\tdisabled in the clinic where they sign in\tCora" in run("list", "--clinic", "north")[1]
    assert "people unlink" in run("reset", "cora", "--clinic", "north")[1]
    assert run("unlink", "cora", "--clinic", "north") == (0, "")
    assert run("unlink", "cora", "--clinic", "north")[0] == 2
    assert "This account is disabled" in run(*linking)[1]
    assert "no clinic 'nowhere'" in run("link", "cora", "--clinic", "north", "--signs-in-at", "nowhere")[1]
    assert "no person 'eve'" in run(*linking, "--signs-in-as", "eve")[1]
    assert run("link", "cora", "--clinic", "north")[0] == 2


# ---- the step of the tables


def test_people_of_before_sign_in_as_before(empty: Database):
    migrate.upgrade(empty, "r0001")
    clinic, person = uuid.uuid4(), uuid.uuid4()
    as_kept: Callable[[uuid.UUID], Any] = (lambda id: id.hex) if empty.path is not None else (lambda id: id)
    with empty.connection() as connection:
        connection.execute(
            text("INSERT INTO clinics VALUES (:id, 'west', 'West', :key, 0.1, 0.1, NULL, '2026-11-26 00:00:00')"),
            {"id": as_kept(clinic), "key": b"k" * 32},
        )
        connection.execute(
            text(
                "INSERT INTO people (clinic_id, id, login, name, role, password_hash, failed_tries, created_at) "
                "VALUES (:clinic, :id, 'cora', 'Cora', 'coder', 'x', 0, '2026-11-26 00:00:00')"
            ),
            {"clinic": as_kept(clinic), "id": as_kept(person)},
        )
    assert migrate.upgrade(empty) == ("r0001", migrate.head())
    assert migrate.differences(empty) == []
    with empty.reading() as session:
        found = repository.person(session, clinic, person)
        assert (found.password_hash, found.main_clinic_id, found.main_id) == ("x", None, None)
