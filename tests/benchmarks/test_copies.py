"""What comparing a note with its patient's earlier ones adds to keeping it, and a year of a clinic in the database: ``make bench``."""

from __future__ import annotations

import random
import re
import statistics
import time
from datetime import date, timedelta

import pytest

from api.audit import SYSTEM
from api.db import repository
from api.queue import copies
from api.queue.submit import Submission, submit, submit_values
from models.training.dataset import read_corpus

from ..api.db.reviewing import ReviewCoder
from .test_billing import ROOT, YEAR
from .test_queue import FIXTURES, database, engine_name, migrated_postgresql, migrated_sqlite, server

__all__ = ["FIXTURES", "database", "engine_name", "migrated_postgresql", "migrated_sqlite", "server"]
EARLIER, TIMES = 100, 30
NOTES = [note.text for note in read_corpus(ROOT / "training_data")]

pytestmark = pytest.mark.slow


def visits(count: int, patients: int, rng: random.Random, lengthen: int = 1) -> list[dict[str, str]]:
    """Notes as they come, with some numbers changed."""
    return [
        {
            "text": re.sub(
                r"[0-9]", lambda _: str(rng.randrange(10)), "\n".join(rng.choices(NOTES, k=lengthen)), count=3
            ),
            "note_id": str(at),
            "patient_ref": f"p{at % patients}",
            "date_of_service": str(date(2025, 1, 1) + timedelta(days=at * 364 // count)),
        }
        for at in range(count)
    ]


@pytest.mark.parametrize("lengthen", [1, 5], ids=["short", "long"])
def test_a_note_of_a_patient_with_a_hundred_earlier_ones(database, lengthen):
    rng, coder = random.Random(5), ReviewCoder()
    with database.writing() as session:
        clinic = repository.add_clinic(session, "bench", "bench", by=SYSTEM).id
    kept = visits(EARLIER, 1, rng, lengthen)
    list(submit_values(kept, database, coder, clinic))
    times = {"with": [], "without": []}
    for at in range(TIMES):
        for name, patient in (("with", "p0"), ("without", None)):
            note = {**rng.choice(kept), "note_id": None, "patient_ref": patient, "date_of_service": date(2026, 1, 1)}
            submission = Submission.model_validate({**note, "text": f"{note['text']} {name} {at}"})
            begun = time.perf_counter()
            submit(database, coder, clinic, submission, by=SYSTEM, source="api")
            times[name].append(1000 * (time.perf_counter() - begun))
    size = sum(len(each["text"]) for each in kept) // EARLIER
    middle = {name: statistics.median(each) for name, each in times.items()}
    print(
        f"\n{database.url.get_backend_name()}, {EARLIER} earlier notes of {size} characters: {middle['with']:.0f} ms at the median "
        f"({max(times['with']):.0f} at most), without a patient {middle['without']:.0f} ms"
    )


def test_a_year_in_the_database(database):
    rng, coder = random.Random(6), ReviewCoder()
    with database.writing() as session:
        clinic = repository.add_clinic(session, "bench", "bench", by=SYSTEM).id
    lines = visits(YEAR, max(1, YEAR // 20), rng)
    took = {}
    for name, given in (("without", [{**each, "patient_ref": None} for each in lines]), ("with", lines)):
        begun = time.perf_counter()
        assert sum(1 for _ in submit_values(given, database, coder, clinic)) == YEAR
        took[name] = time.perf_counter() - begun
    begun = time.perf_counter()
    found = copies.audit(database, clinic, by=SYSTEM)
    print(
        f"\n{database.url.get_backend_name()}, {YEAR} notes of {max(1, YEAR // 20)} patients: kept in {took['with']:.0f} s, without "
        f"patients in {took['without']:.0f} s; all compared in {time.perf_counter() - begun:.1f} s, {len(found.copies)} copies"
    )
