"""A program that claims in several threads at once: ``python -m tests.api.db.claimer URL CLINIC CLAIMS PERSON...``, a thread a person.

It waits for a line on standard input, so that several begin together, and prints ids of entries with their holders.
"""

from __future__ import annotations

import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from api.db import queue
from api.db.session import Database


def claims(database: Database, clinic: uuid.UUID, person: uuid.UUID, count: int) -> list[str]:
    """Claim so often, each in a transaction of its own; ``-`` where nothing was left."""
    taken = []
    for _ in range(count):
        with database.writing() as session:
            item = queue.claim(session, clinic, person, role="coder", lease=timedelta(minutes=10))
            taken.append("-" if item is None else f"{item.id} {person}")
    return taken


def main(url: str, clinic: str, count: str, *people: str) -> None:
    with Database(url, busy_seconds=60) as database:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        with ThreadPoolExecutor(len(people)) as pool:
            found = pool.map(lambda person: claims(database, uuid.UUID(clinic), uuid.UUID(person), int(count)), people)
            sys.stdout.write("\n".join(line for each in found for line in each) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
