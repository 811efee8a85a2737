"""Speed of the review queue on both engines, printed: ``make bench``. Nothing here fails on a slow machine."""

import asyncio
import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from pathlib import Path

import httpx
import pytest

from api.access import Principal, current_principal
from api.audit import SYSTEM, Actor
from api.db import queue, repository
from api.main import create_app
from api.queue import review
from api.queue.review import DecisionAndNext
from models.coder import Coder
from models.training.dataset import read_corpus

from ..api.db.conftest import database, engine_name, migrated_postgresql, migrated_sqlite, server
from ..api.db.reviewing import ReviewCoder, reading

ROOT = Path(__file__).parents[2]
NOTES = [note.text for note in read_corpus(ROOT / "training_data")]
WAITING, CLAIMS, USERS, SUBMISSIONS = 2000, 200, 50, 300
FIXTURES = (database, engine_name, migrated_postgresql, migrated_sqlite, server)

pytestmark = pytest.mark.slow


def open_clinic(database, people):
    with database.writing() as session:
        clinic = repository.add_clinic(session, "bench", "bench", by=SYSTEM).id
        ids = [
            repository.add_person(session, clinic, f"coder{n}", "Coder", "coder", by=SYSTEM).id for n in range(people)
        ]
    return clinic, [Principal(clinic, Actor("person", person), "coder", frozenset()) for person in ids]


def told(name, times):
    ordered = sorted(1000 * each for each in times)
    print(
        f"\n{name}: p50 {statistics.median(ordered):.0f} ms, p95 {ordered[int(0.95 * len(ordered))]:.0f} ms, p99 {ordered[int(0.99 * len(ordered))]:.0f} ms"
    )


def test_claims(database, engine_name):
    clinic, people = open_clinic(database, 20)
    with database.writing() as session:
        for n in range(WAITING):
            result = ReviewCoder().code(text := f"bridging {15 + n % 100} flag:no_unit")
            note = repository.add_note(session, clinic, text, source="batch", by=SYSTEM)
            row = repository.add_result(
                session, clinic, note.id, result.model_dump_json(), rules_version="1", by=SYSTEM
            )
            queue.enqueue(
                session, clinic, row.id, reason="flagged", reading="first", priority=float(n % 97), variety=str(n % 50), by=SYSTEM,
            )  # fmt: skip
    lease = timedelta(minutes=10)

    readers = [reading(clinic, principal.person_id) for principal in people]

    def claim(reader):
        started = time.perf_counter()
        claimed = review.claim(database, reader, lease=lease)
        assert claimed is not None
        return time.perf_counter() - started, claimed.id

    for count in (1, 20):
        started = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            done = list(pool.map(claim, islice((readers[n % count] for n in range(CLAIMS)), CLAIMS)))
        rate = CLAIMS / (time.perf_counter() - started)
        assert len({claimed for _, claimed in done}) == CLAIMS
        told(
            f"{engine_name}, {WAITING} waiting, {count} claiming at once: {rate:.0f} claims/s",
            [took for took, _ in done],
        )
    claimed, times = review.claim(database, readers[0], lease=lease), []
    for _ in range(100):
        started = time.perf_counter()
        request = DecisionAndNext(decision=None, claims=claimed.claims)
        claimed = review.decide(database, readers[0], claimed.id, request, lease=lease).claim
        times.append(time.perf_counter() - started)
    told(f"{engine_name}, accept and next, alone", times)


@pytest.mark.parametrize("profile", ["fast", "accurate"])
def test_submissions(database, engine_name, profile):
    _, [principal] = open_clinic(database, 1)
    app = create_app(coder=Coder.load(), database=database)
    app.dependency_overrides[current_principal] = lambda: principal
    texts = iter([text for text in NOTES if 100 <= len(text.split()) <= 250][:SUBMISSIONS])
    times, refused = [], []

    async def user(client):
        for text in texts:
            started = time.perf_counter()
            answer = await client.post(
                "/v1/notes", json={"text": text, "profile": profile}, headers={"Idempotency-Key": uuid.uuid4().hex}
            )
            times.append(time.perf_counter() - started)
            # A busy database asks to try again; anything else is wrong.
            assert answer.status_code in (200, 503), answer.text
            refused.append(answer.status_code == 503)

    async def measure():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=120) as client:
            await asyncio.gather(*(user(client) for _ in range(USERS)))

    started = time.perf_counter()
    asyncio.run(measure())
    rate = len(times) / (time.perf_counter() - started)
    told(
        f"{engine_name}, {profile}, {len(times)} submissions by {USERS} users at once: {rate:.0f}/s, {sum(refused)} refused as busy",
        times,
    )
