"""Many at once: each note goes to one coder and is decided once, from threads and from separate processes, on both engines."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from api.access import Principal, current_principal
from api.audit import SYSTEM, Actor
from api.db import queue, repository
from api.db.errors import NotClaimable
from api.db.session import Database
from api.decisions import Decision
from api.main import create_app
from api.queue import review
from api.queue.order import priority, variety
from api.queue.review import DecisionRequest, Wanted
from api.settings import Settings

from ..conftest import Client
from .claimer import claim
from .reviewing import ReviewCoder, reading

ROOT = Path(__file__).parents[3]
# Two hundred people with a request each: two other programs, this one, and a server.
NOTES, GROUPS, EACH = 160, 4, 50
LEASE = timedelta(minutes=10)


def fill(database: Database, clinic: uuid.UUID, count: int) -> None:
    with database.writing() as session:
        for n in range(count):
            text = f"bridging {15 + n} flag:no_unit {n}"
            result = ReviewCoder().code(text)
            note = repository.add_note(session, clinic, text, source="batch", by=SYSTEM)
            row = repository.add_result(
                session, clinic, note.id, result.model_dump_json(), rules_version="1", by=SYSTEM
            )
            queue.enqueue(
                session, clinic, row.id, reason="flagged", reading="first",
                priority=priority(result, "flagged"), variety=variety(text, result), by=SYSTEM,
            )  # fmt: skip


@pytest.fixture
def clinic_and_people(database: Database) -> tuple[uuid.UUID, list[uuid.UUID]]:
    with database.writing() as session:
        clinic = repository.add_clinic(session, "busy", "busy", by=SYSTEM).id
        people = [
            repository.add_person(session, clinic, f"coder{n}", "Coder", "coder", by=SYSTEM).id
            for n in range(GROUPS * EACH)
        ]
    return clinic, people


def server_of(database: Database, clinic: uuid.UUID) -> Any:
    """An app that takes who asks from a header."""
    app = create_app(Settings(), coder=ReviewCoder(), database=database)  # type: ignore[arg-type]

    def principal(request: Request) -> Principal:
        return Principal(clinic, Actor("person", uuid.UUID(request.headers["x-person"])), "coder", frozenset())

    app.dependency_overrides[current_principal] = principal
    return app


def test_two_hundred_claims_at_once_give_each_note_to_one_coder(
    database: Database, clinic_and_people: tuple[uuid.UUID, list[uuid.UUID]]
):
    """All requests stand behind one barrier: from threads here, over HTTP, and from two more programs."""
    clinic, people = clinic_and_people
    fill(database, clinic, NOTES)
    assert len(people) == 200 > NOTES
    url = database.url.render_as_string(hide_password=False)
    here, over_http, *groups = (people[n * EACH : (n + 1) * EACH] for n in range(GROUPS))
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.api.db.claimer", url, str(clinic), *map(str, group)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for group in groups
    ]  # fmt: skip
    start = threading.Barrier(2 * EACH + 1)
    with (
        Database(database.url, busy_seconds=60) as own,
        Client(server_of(own, clinic)) as client,
        ThreadPoolExecutor(2 * EACH) as pool,
    ):

        def by_hand(person: uuid.UUID) -> str:
            start.wait()
            return claim(own, clinic, person)

        def by_http(person: uuid.UUID) -> str:
            start.wait()
            answer = client.request("POST", "/v1/queue/claim", json={}, headers={"x-person": str(person)})
            assert answer.status_code == 200, answer.text
            claimed = answer.json()["claim"]
            return "-" if claimed is None else f"{claimed['id']} {person}"

        asked = [pool.submit(by_hand, person) for person in here] + [pool.submit(by_http, each) for each in over_http]
        for program in programs:
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
        for program in programs:
            assert program.stdin is not None
            program.stdin.write("go\n")
            program.stdin.flush()
        start.wait()
        lines = [each.result() for each in asked]
    for program in programs:
        told, _ = program.communicate(timeout=300)
        assert program.returncode == 0
        lines += told.splitlines()
    assert len(lines) == 200
    taken = Counter(line.split()[0] for line in lines)
    assert taken.pop("-") == len(lines) - NOTES
    assert len(taken) == NOTES
    assert set(taken.values()) == {1}
    with database.reading() as session:
        rows = session.query(queue.QueueItem).filter_by(clinic_id=clinic).all()
        verdict = repository.audit.verify(
            lambda: repository.audit_rows(session, clinic), repository.audit_head(session, clinic)
        )
        claimed = [row.action for row in repository.audit_rows(session, clinic)].count("queue.claimed")
    assert {f"{row.id} {row.claimed_by}" for row in rows} == {line for line in lines if line != "-"}
    assert {(row.state, row.claims) for row in rows} == {("claimed", 1)}
    assert (verdict.findings, claimed) == ((), NOTES)


def test_one_claim_is_decided_once(database: Database, clinic_and_people: tuple[uuid.UUID, list[uuid.UUID]]):
    clinic, people = clinic_and_people
    fill(database, clinic, 1)
    coder = reading(clinic, people[0])
    claim = review.claim(database, coder, lease=LEASE)
    assert claim is not None
    start, outcomes = threading.Barrier(6), []

    skip = Decision(kind="skip", reason="unclear_note")

    def decide(decision: Decision | None) -> None:
        start.wait()
        try:
            request = DecisionRequest(decision=decision, claims=claim.claims)
            outcomes.append(str(review.decide(database, coder, claim.id, request, lease=LEASE).review_id))
        except NotClaimable:
            outcomes.append("otherwise")

    threads = [threading.Thread(target=decide, args=(each,)) for each in (None, skip) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        [kept] = repository.reviews(session, clinic, claim.note_id)
    # Sent again at the same moment it is the same; the other one is refused.
    assert sorted(outcomes) == sorted([str(kept.id)] * 3 + ["otherwise"] * 3)


def test_two_readings_at_the_same_moment_are_compared(
    database: Database, clinic_and_people: tuple[uuid.UUID, list[uuid.UUID]]
):
    """The first is taken back and decided anew while the second is decided: one of them sees the other."""
    clinic, people = clinic_and_people
    with database.writing() as session:
        queue.clinic(session, clinic).second_share = 1.0
    fill(database, clinic, 5)
    first, second = (reading(clinic, person) for person in people[:2])
    for _ in range(5):
        one = review.claim(database, first, lease=LEASE)
        assert one is not None
        review.decide(database, first, one.id, DecisionRequest(decision=None, claims=one.claims), lease=LEASE)
        with database.reading() as session:
            item = (
                session.query(queue.QueueItem)
                .filter_by(clinic_id=clinic, result_id=_result(database, one.id), reading="second")
                .one()
            )
        two = review.claim(database, second, lease=LEASE, wanted=Wanted(id=item.id))
        undo = DecisionRequest.model_validate({"decision": {"kind": "undo"}})
        back = review.decide(database, first, one.id, undo, lease=LEASE).claim
        assert two is not None
        assert back is not None
        other = {"kind": "correct", "reason": "wrong_code", "services": []}
        jobs = [
            (first, back.id, DecisionRequest(decision=None, claims=back.claims)),
            (second, two.id, DecisionRequest.model_validate({"decision": other, "claims": two.claims})),
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job: review.decide(database, *job, lease=LEASE), jobs))
    with database.reading() as session:
        assert session.query(queue.QueueItem).filter_by(clinic_id=clinic, reading="adjudication").count() == 5


def _result(database: Database, item_id: uuid.UUID) -> uuid.UUID:
    with database.reading() as session:
        return session.query(queue.QueueItem).filter_by(id=item_id).one().result_id
