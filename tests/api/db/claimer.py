"""A program that claims in many threads at once: ``python -m tests.api.db.claimer URL CLINIC PERSON...``, a thread and a claim a person.

Its threads stand ready before it waits for a line on standard input, so that several programs begin together; it prints ids of
entries with their holders.
"""

from __future__ import annotations

import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from api.db import queue
from api.db.session import Database


def claim(database: Database, clinic: uuid.UUID, person: uuid.UUID) -> str:
    """Claim once, in a transaction of its own; ``-`` where nothing was left."""
    with database.writing() as session:
        item = queue.claim(session, clinic, person, role="coder", lease=timedelta(minutes=10))
        return "-" if item is None else f"{item.id} {person}"


def main(url: str, clinic: str, *people: str) -> None:
    start = threading.Barrier(len(people) + 1)

    def one(person: str) -> str:
        start.wait()
        return claim(database, uuid.UUID(clinic), uuid.UUID(person))

    with Database(url, busy_seconds=60) as database, ThreadPoolExecutor(len(people)) as pool:
        found = [pool.submit(one, person) for person in people]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        start.wait()
        sys.stdout.write("\n".join(each.result() for each in found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
