"""What access costs, printed: ``make bench``. On SQLite, through the app in memory, the real costs of a password."""

import asyncio
import statistics
import time
from pathlib import Path

import httpx
import pytest

from api import people
from api.audit import SYSTEM
from api.db import migrate, repository
from api.db.session import Database
from api.main import create_app
from api.settings import Settings

from ..api.db.conftest import PASSWORD, give_password

pytestmark = pytest.mark.slow


def test_sign_in_and_me(tmp_path: Path):
    with Database(f"sqlite:///{tmp_path}/bench.sqlite3", create=True) as database:
        migrate.upgrade(database)
        with database.writing() as session:
            clinic = repository.add_clinic(session, "main", "", by=SYSTEM).id
            person = repository.add_person(session, clinic, "ana", "", "coder", by=SYSTEM).id
            key = people.make_key(session, clinic, "ehr", ["queue"], by=SYSTEM)
        give_password(database, clinic, person)

        async def measure() -> None:
            transport = httpx.ASGITransport(create_app(Settings(), database=database))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                right, wrong = [], []
                for times, login in ((right, "ana"), (wrong, "ana"), (wrong, "nobody")) * 5:
                    given = {"login": login, "password": PASSWORD if times is right else "wrong"}
                    began = time.perf_counter()
                    answer = await client.post("/v1/sign-in", json=given)
                    times.append((time.perf_counter() - began) * 1000)
                    assert answer.status_code == (200 if times is right else 401)
                print(f"\nsign-in: right {statistics.median(right):.0f} ms, at most {max(right):.0f} ms")
                print(f"sign-in: refused {min(wrong):.0f} to {max(wrong):.0f} ms (known and unknown login)")
                for name, headers in (("session", {}), ("key", {"authorization": f"Bearer {key}"})):
                    for workers in (1, 8):

                        async def ask(count: int, headers: dict[str, str]) -> None:
                            for _ in range(count):
                                assert (await client.get("/v1/me", headers=headers)).status_code == 200

                        began = time.perf_counter()
                        await asyncio.gather(*(ask(400 // workers, headers) for _ in range(workers)))
                        rate = 400 / (time.perf_counter() - began)
                        print(f"GET /v1/me by {name}, {workers} at a time: {rate:.0f} requests/s")

        asyncio.run(measure())
