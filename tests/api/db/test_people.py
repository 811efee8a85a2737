"""Passwords, links, sessions, keys; roles; and that no function reaches into another clinic."""

from __future__ import annotations

import inspect
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from api import people
from api.audit import SYSTEM
from api.db import repository
from api.db.errors import (
    BadName,
    LastAdmin,
    NameTaken,
    PersonDisabled,
    ScopeMissing,
    SignInRefused,
    TooManyTries,
    UnknownKey,
    UnknownPerson,
    UnknownRow,
    WeakPassword,
)
from api.db.session import Database
from api.db.tables import Note

from .conftest import PASSWORD, give_password
from .test_storage import keep

AddPerson = Callable[..., uuid.UUID]
REAL = people._HASHER

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def try_password(database: Database, clinic: uuid.UUID, login: str, password: str) -> bool:
    compared = people.compare_password(database, clinic, login, password)
    with database.writing() as session:
        return people.admit(session, clinic, compared) is not None


def test_a_password(database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic, "Ana@Clinic.example")
    assert not try_password(database, clinic, "ana@clinic.example", PASSWORD)
    give_password(database, clinic, person)
    assert try_password(database, clinic, " ANA@clinic.example", PASSWORD)
    assert not try_password(database, clinic, "ana@clinic.example", PASSWORD + "x")
    assert not try_password(database, clinic, "nobody", PASSWORD)
    assert not try_password(database, other_clinic, "ana@clinic.example", PASSWORD)
    with database.reading() as session:
        hashed = repository.person(session, clinic, person).password_hash
    assert hashed is not None
    assert hashed.startswith("$argon2id$")
    assert PASSWORD not in hashed


def test_the_costs_are_not_those_of_the_tests():
    # OWASP's least: 46 MiB once, 19 MiB twice, or more passes with less.
    assert REAL.type.name == "ID"
    assert REAL.memory_cost >= 46 * 1024
    assert REAL.time_cost >= 1


@pytest.mark.parametrize("password", ["short", "x" * 257, "a" * 20, "Ana.LeeAna.Lee!", "ana.leeana.lee12345"])
def test_weak_passwords(password: str):
    with pytest.raises(WeakPassword):
        people.hash_password(password, "ana.lee@clinic.example")


def test_composed_and_decomposed_accents_are_one_password(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    give_password(database, clinic, person, "caf\u00e9 au lait, deux")
    assert try_password(database, clinic, "ana", "cafe\u0301 au lait, deux")


def test_wrong_passwords_shut_the_account_for_a_while(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    give_password(database, clinic, person)
    for _ in range(people.TRIES):
        assert not try_password(database, clinic, "ana", "wrong")
    with pytest.raises(TooManyTries) as told:
        try_password(database, clinic, "ana", PASSWORD)
    assert 0 < told.value.seconds <= people.LOCK.total_seconds() + 1
    with database.writing() as session:
        repository.person(session, clinic, person).locked_until = repository.now()
    assert try_password(database, clinic, "ana", PASSWORD)
    with database.reading() as session:
        assert repository.person(session, clinic, person).failed_tries == 0


def while_compared(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Do something at the moment at which a password is compared."""
    verify = people._HASHER.verify

    class Hasher:
        check_needs_rehash = people._HASHER.check_needs_rehash
        hash = people._HASHER.hash

        def verify(self, hashed: str, password: str) -> bool:
            monkeypatch.setattr(people, "_HASHER", self.before)
            meanwhile()
            return verify(hashed, password)

        before = people._HASHER

    monkeypatch.setattr(people, "_HASHER", Hasher())


def test_nobody_waits_for_a_password_to_be_compared(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, monkeypatch: pytest.MonkeyPatch
):
    give_password(database, clinic, add_person(clinic))
    written: list[uuid.UUID] = []

    def write() -> None:
        with Database(database.url, busy_seconds=0.1) as other, other.writing() as session:
            written.append(repository.add_person(session, clinic, "bea", "", "coder", by=SYSTEM).id)

    while_compared(monkeypatch, write)
    assert try_password(database, clinic, "ana", PASSWORD)
    assert len(written) == 1


@pytest.mark.parametrize("what", ["disabled", "another", "shut"])
def test_what_happens_while_a_password_is_compared_counts(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, monkeypatch: pytest.MonkeyPatch, what: str
):
    person = add_person(clinic)
    give_password(database, clinic, person)

    def change() -> None:
        if what == "another":
            return give_password(database, clinic, person, PASSWORD + "x")
        with database.writing() as session:
            if what == "disabled":
                return repository.disable_person(session, clinic, person, by=SYSTEM)
            repository.person(session, clinic, person).locked_until = repository.now() + timedelta(minutes=1)

    while_compared(monkeypatch, change)
    if what == "shut":
        with pytest.raises(TooManyTries):
            try_password(database, clinic, "ana", PASSWORD)
    else:
        assert not try_password(database, clinic, "ana", PASSWORD)


def test_an_older_hash_is_made_anew(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, monkeypatch: pytest.MonkeyPatch
):
    person = add_person(clinic)
    give_password(database, clinic, person)
    monkeypatch.setattr(people, "_HASHER", people.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    assert not try_password(database, clinic, "ana", "wrong")
    assert try_password(database, clinic, "ana", PASSWORD)
    with database.reading() as session:
        assert ",t=2," in (repository.person(session, clinic, person).password_hash or "")
    assert try_password(database, clinic, "ana", PASSWORD)


def test_a_link_works_once(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    with database.writing() as session:
        secret = people.make_link(session, clinic, person, "welcome", by=SYSTEM)
    used: list[uuid.UUID | None] = []
    start = threading.Barrier(4)

    def use() -> None:
        with Database(database.url, busy_seconds=60) as own:
            start.wait()
            try:
                with own.writing() as session:
                    used.append(people.use_link(session, secret).id)
            except SignInRefused:
                used.append(None)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(used, key=str) == sorted([person, None, None, None], key=str)
    with database.reading() as session:
        stored = session.execute(text("SELECT token_hash FROM sign_in_links")).scalars().all()
    assert stored == [repository.sha256(secret)]


@pytest.mark.parametrize(("late", "works"), [(timedelta(0), False), (timedelta(microseconds=-1), True)])
def test_a_link_ends(database: Database, clinic: uuid.UUID, add_person: AddPerson, late: timedelta, works: bool):
    person = add_person(clinic)
    with database.writing() as session:
        link = repository.add_link(session, clinic, person, "h" * 64, "welcome", timedelta(hours=1), by=SYSTEM)
        end = link.expires_at
    with database.writing() as session:
        assert (repository.use_link(session, clinic, "h" * 64, at=end + late) is not None) is works


@pytest.mark.parametrize("secret", ["", "x", "tclink_", "tclink_zz_x", f"tckey_{'0' * 32}_x", f"tclink_{'0' * 32}_x"])
def test_secrets_that_are_none(database: Database, clinic: uuid.UUID, secret: str):
    with pytest.raises(SignInRefused), database.writing() as session:
        people.use_link(session, secret)


def test_a_session(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    with database.writing() as session:
        secret = people.begin_session(session, repository.person(session, clinic, person))
        other = people.begin_session(session, repository.person(session, clinic, person))
    with database.reading() as session:
        assert people.signed_in(session, secret)[0].id == person
        found = people.signed_in(session, secret)[1]
        begun, hashed, hour = found.created_at, found.token_hash, timedelta(hours=1)
        for idle, at, lasts in (
            (24 * hour, people.SESSION_LIFETIME, False),
            (24 * hour, people.SESSION_LIFETIME - timedelta(microseconds=1), True),
            (hour, hour, False),
            (hour, hour - timedelta(microseconds=1), True),
        ):
            assert (repository.find_session(session, clinic, hashed, idle, at=begun + at) is not None) is lasts
    with database.writing() as session:
        people.end_session(session, secret)
    with database.reading() as session:
        assert people.signed_in(session, other)[0].id == person
        with pytest.raises(SignInRefused):
            people.signed_in(session, secret)


@pytest.mark.parametrize("how", ["disable", "reset", "password"])
def test_disabling_resetting_and_another_password_shut_everything(
    database: Database, clinic: uuid.UUID, add_person: AddPerson, how: str
):
    person = add_person(clinic)
    give_password(database, clinic, person)
    with database.writing() as session:
        secret = people.begin_session(session, repository.person(session, clinic, person))
        link = people.make_link(session, clinic, person, "reset", by=SYSTEM)
    if how == "password":
        give_password(database, clinic, person, PASSWORD + "x")
    else:
        shut = {"disable": repository.disable_person, "reset": repository.reset_person}[how]
        with database.writing() as session:
            shut(session, clinic, person, by=SYSTEM)
    assert not try_password(database, clinic, "ana", PASSWORD)
    with database.reading() as session, pytest.raises(SignInRefused):
        people.signed_in(session, secret)
    with database.writing() as session, pytest.raises(SignInRefused):
        people.use_link(session, link)


def test_a_disabled_person_gets_no_link_and_may_come_back(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    give_password(database, clinic, person)
    with database.writing() as session:
        repository.enable_person(session, clinic, person, by=SYSTEM)  # nobody had shut them out
        secret = people.begin_session(session, repository.person(session, clinic, person))
        repository.disable_person(session, clinic, person, by=SYSTEM)
    with pytest.raises(PersonDisabled, match="Enable it first"), database.writing() as session:
        repository.reset_person(session, clinic, person, by=SYSTEM)
        people.make_link(session, clinic, person, "reset", by=SYSTEM)
    assert not try_password(database, clinic, "ana", PASSWORD)
    with database.writing() as session:
        repository.enable_person(session, clinic, person, by=SYSTEM)
    assert try_password(database, clinic, "ana", PASSWORD)
    with database.reading() as session:
        with pytest.raises(SignInRefused):
            people.signed_in(session, secret)
        actions = [row.action for row in repository.audit_rows(session, clinic)]
    assert (actions.count("person.enabled"), actions.count("person.reset")) == (1, 0)


def test_accounts(database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson):
    def told() -> str:
        with database.reading() as session:
            return repository.accounts(session)

    assert told() == "none"
    add_person(clinic, "first", "admin")
    assert told() == "waiting"
    second = add_person(other_clinic, "second", "admin")
    with database.writing() as session:
        people.make_link(session, other_clinic, second, "welcome", by=SYSTEM)
    assert told() == "waiting"
    with database.writing() as session:
        secret = people.begin_session(session, repository.person(session, other_clinic, second))
    assert told() == "opened"
    with database.writing() as session:
        people.end_session(session, secret)
    assert told() == "opened"


def test_the_last_admin_stays(database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson):
    first = add_person(clinic, "first", "admin")
    add_person(other_clinic, "second", "admin")
    with pytest.raises(LastAdmin), database.writing() as session:
        repository.disable_person(session, clinic, first, by=SYSTEM)
    with pytest.raises(LastAdmin), database.writing() as session:
        repository.set_role(session, clinic, first, "coder", by=SYSTEM)
    add_person(clinic, "third", "admin")
    with database.writing() as session:
        repository.set_role(session, clinic, first, "coder", by=SYSTEM)
        assert [(p.login, p.role) for p in repository.people(session, clinic)] == [
            ("first", "coder"),
            ("third", "admin"),
        ]


def test_names(database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson):
    add_person(clinic)
    with pytest.raises(NameTaken):
        add_person(clinic, "ANA")
    add_person(other_clinic)
    for login in ("", "a", "two words", "-ana", "é@x"):
        with pytest.raises(BadName):
            add_person(clinic, login)


def test_a_key(database: Database, clinic: uuid.UUID):
    with database.writing() as session:
        secret = people.make_key(session, clinic, "ehr", ["submit", "submit"], timedelta(days=1), by=SYSTEM)
        [key] = repository.keys(session, clinic)
        assert (key.scopes, key.key_hash) == (["submit"], repository.sha256(secret))
        assert secret.count(key.hint) == 1
        assert len(key.hint) == 8
    with database.reading() as session:
        assert people.check_key(session, secret, "submit").name == "ehr"
        with pytest.raises(ScopeMissing, match="export"):
            people.check_key(session, secret, "export")
        with pytest.raises(SignInRefused):
            people.check_key(session, secret + "x", "submit")
        end = key.expires_at
        assert end is not None
        assert repository.find_key(session, clinic, key.key_hash, at=end) is None
    with database.writing() as session:
        repository.revoke_key(session, clinic, "ehr", by=SYSTEM)
    with database.reading() as session, pytest.raises(SignInRefused):
        people.check_key(session, secret, "submit")
    with database.writing() as session:
        with pytest.raises(UnknownKey):
            repository.revoke_key(session, clinic, "ehr", by=SYSTEM)
        with pytest.raises(NameTaken):
            people.make_key(session, clinic, "ehr", ["submit"], by=SYSTEM)


def test_nothing_secret_is_in_the_trail(database: Database, clinic: uuid.UUID, add_person: AddPerson):
    person = add_person(clinic)
    give_password(database, clinic, person)
    with database.writing() as session:
        secrets = [
            people.make_link(session, clinic, person, "welcome", by=SYSTEM),
            people.make_key(session, clinic, "ehr", ["submit"], by=SYSTEM),
        ]
    with database.reading() as session:
        trail = repr(list(repository.audit_rows(session, clinic)))
    for secret in (*secrets, *map(repository.sha256, secrets), PASSWORD, "argon2"):
        assert secret not in trail


# ---- clinics apart

NO_CLINIC_YET = {"now", "accounts", "sha256", "clinics", "clinic_named", "add_clinic", "append_audit"}


def public_functions() -> dict[str, Callable]:
    return {
        name: function
        for name, function in inspect.getmembers(repository, inspect.isfunction)
        if function.__module__ == repository.__name__ and not name.startswith("_")
    }


def test_every_function_takes_the_clinic_first():
    assert set(public_functions()) > NO_CLINIC_YET
    for name, function in public_functions().items():
        if name not in NO_CLINIC_YET:
            assert list(inspect.signature(function).parameters)[:2] == ["session", "clinic_id"], name


def test_another_clinics_rows_are_unknown(
    database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, add_person: AddPerson
):
    """Every function that names a row, asked with the wrong clinic; the list is compared with what there is."""
    person = add_person(clinic)
    kept = keep(database, clinic, person)
    with database.writing() as session:
        link = people.make_link(session, clinic, person, "welcome", by=SYSTEM)
        token = people.begin_session(session, repository.person(session, clinic, person))
        session_id = people.signed_in(session, token)[1].id
        key = people.make_key(session, clinic, "ehr", ["submit"], by=SYSTEM)
        key_id = people.find_key(session, key).id
        before = repr(session.execute(text("SELECT * FROM people")).all())
    long, hash_of, later = timedelta(hours=1), repository.sha256, repository.now() + timedelta(hours=1)
    r = repository
    refused = {
        "person": (UnknownPerson, lambda s: r.person(s, other_clinic, person)),
        "person_named": (UnknownPerson, lambda s: r.person_named(s, other_clinic, "ana")),
        "set_role": (UnknownPerson, lambda s: r.set_role(s, other_clinic, person, "admin", by=SYSTEM)),
        "disable_person": (UnknownPerson, lambda s: r.disable_person(s, other_clinic, person, by=SYSTEM)),
        "enable_person": (UnknownPerson, lambda s: r.enable_person(s, other_clinic, person, by=SYSTEM)),
        "reset_person": (UnknownPerson, lambda s: r.reset_person(s, other_clinic, person, by=SYSTEM)),
        "set_password_hash": (UnknownPerson, lambda s: r.set_password_hash(s, other_clinic, person, "x", by=SYSTEM)),
        "rehash_password": (UnknownPerson, lambda s: r.rehash_password(s, other_clinic, person, "x")),
        "count_try": (UnknownPerson, lambda s: r.count_try(s, other_clinic, person, right=False, limit=3, lock=long)),
        "add_link": (UnknownPerson, lambda s: r.add_link(s, other_clinic, person, "x", "reset", long, by=SYSTEM)),
        "add_session": (UnknownPerson, lambda s: r.add_session(s, other_clinic, person, "x", long)),
        "key": (UnknownKey, lambda s: r.key(s, other_clinic, key_id)),
        "revoke_key": (UnknownKey, lambda s: r.revoke_key(s, other_clinic, "ehr", by=SYSTEM)),
        "row_of": (UnknownRow, lambda s: r.row_of(s, other_clinic, Note, "note", kept["note"])),
        "read_note": (UnknownRow, lambda s: r.read_note(s, other_clinic, kept["note"], by=SYSTEM)),
        "add_result": (
            UnknownRow,
            lambda s: r.add_result(s, other_clinic, kept["note"], "{}", rules_version="1", by=SYSTEM),
        ),
        "read_result": (UnknownRow, lambda s: r.read_result(s, other_clinic, kept["result"], by=SYSTEM)),
        "add_review": (
            UnknownRow,
            lambda s: r.add_review(s, other_clinic, kept["result"], person, {}, reading="first", guide_version="1"),
        ),
    }
    empty = {
        "people": lambda s: r.people(s, other_clinic),
        "keys": lambda s: r.keys(s, other_clinic),
        "another_admin": lambda s: r.another_admin(s, other_clinic, r.person(s, clinic, person)),
        "end_access": lambda s: r.end_access(s, other_clinic, person),
        "use_link": lambda s: r.use_link(s, other_clinic, hash_of(link)),
        "find_session": lambda s: r.find_session(s, other_clinic, hash_of(token), long),
        "mark_used": lambda s: r.mark_used(s, other_clinic, "session", session_id),
        "end_session": lambda s: r.end_session(s, other_clinic, hash_of(token)),
        "find_key": lambda s: r.find_key(s, other_clinic, hash_of(key)),
        "reviews": lambda s: r.reviews(s, other_clinic, kept["note"]),
        "purgeable": lambda s: r.purgeable(s, other_clinic, later),
        "notes_to_purge": lambda s: r.notes_to_purge(s, other_clinic, later, 10),
        "result_bodies": lambda s: r.result_bodies(s, other_clinic, [kept["note"]]),
        "purge": lambda s: r.purge(s, other_clinic, [kept["note"]], [(kept["result"], "{}")], days=1, by=SYSTEM),
        "latest_audit": lambda s: r.latest_audit(s, other_clinic, 10, subject_id=kept["note"]),
    }
    # These only add rows under the clinic that they are given, or read its own chain (test_audit).
    own = {"clinic", "set_clinic", "add_person", "add_key", "reference", "add_note", "audit_head", "audit_rows"}
    assert set(refused) | set(empty) | own == set(public_functions()) - NO_CLINIC_YET
    for name, (error, call) in refused.items():
        with pytest.raises(error), database.writing() as session:
            call(session)
            pytest.fail(name)
    for name, call in empty.items():
        with database.writing() as session:
            assert not call(session), name
    with database.writing() as session:
        assert repr(session.execute(text("SELECT * FROM people")).all()) == before
        assert repository.read_note(session, clinic, kept["note"], by=SYSTEM).text == "O: bridging"
        assert "bridging" in repository.read_result(session, clinic, kept["result"], by=SYSTEM).body
        assert people.use_link(session, link).id == person
        assert people.check_key(session, key, "submit").name == "ehr"
