"""Jobs outside the web process: one at a time, seen to live, cancelled, and never a danger to the version that serves."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql

from api import jobs
from api.audit import SYSTEM
from api.db import learning, repository
from api.db.errors import JobRunning, UnknownRow
from api.db.session import Database
from api.errors import NoCorpus
from api.settings import Settings
from models.versions import Versions

VERDICT = {
    "candidate": "v2",
    "current": "v1",
    "manifest_sha256": "0" * 64,
    "criteria": [{"id": "size", "outcome": "pass", "reason": ""}],
    "outcome": "pass",
}
BEAT = 0.05


@pytest.fixture
def settings(database: Database, models_folder: Path) -> Settings:
    return Settings(database_url=database.url.render_as_string(hide_password=False))  # type: ignore[arg-type]


@pytest.fixture
def job(database: Database, settings: Settings, clinic: uuid.UUID) -> uuid.UUID:
    return jobs.ask(database, settings, clinic, by=SYSTEM).id


def saying(*documents: dict[str, Any], then: str = "", folder: Path | None = None) -> list[str]:
    """A command that reads its input, says these documents, does ``then`` and writes its process number where asked."""
    lines = "".join(f"print({json.dumps(json.dumps(each))}, flush=True)\n" for each in documents)
    mark = "" if folder is None else f"open({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    source = f"import os, sys, time\nfor line in sys.stdin:\n    if not line.strip(): break\n{lines}{mark}{then}"
    return [sys.executable, "-c", source]


def do(database: Database, settings: Settings, clinic: uuid.UUID, job: uuid.UUID, command: list[str]) -> str:
    return jobs.work(database, settings, clinic, job, command=command, heartbeat=BEAT)


def waited(ready: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.02)
    pytest.fail("it did not happen")


def test_a_job_is_done_and_its_verdict_kept(database: Database, settings: Settings, clinic: uuid.UUID, job: uuid.UUID):
    said = [
        {"step": "fit", "progress": 0.5},
        {"held": {"review": "r1", "note": "n1", "reason": "reviewer", "told": "9 of 10 blocks differ"}},
        {"counts": {"reviewed": 30, "held": 1}},
        {"verdict": VERDICT},
    ]
    assert do(database, settings, clinic, job, saying(*said)) == "done"
    found = jobs.look(database, clinic, job)
    assert (found.state, found.progress, found.failure) == ("done", 1.0, None)
    assert found.log.splitlines() == [
        "step fit",
        "held r1 reviewer: 9 of 10 blocks differ",
        "reviewed 30, held 1",
        "candidate v2: pass",
    ]
    with database.reading() as session:
        verdict = learning.verdict_on(session, clinic, "0" * 64)
        assert verdict is not None
        assert (verdict.job_id, verdict.candidate, verdict.outcome) == (job, "v2", "pass")
        actions = [row.action for row in repository.audit_rows(session, clinic)]
    assert actions[-4:] == ["job.asked", "labels.exported", "model.judged", "job.ended"]


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        (saying({"failed": "NothingToLearn", "why": "3 notes"}, then="sys.exit(1)"), "NothingToLearn"),
        (saying(then="raise KeyError('words of a note')"), "Crashed"),
        (saying(then="print('no json')"), "Crashed"),
        (saying(then="os.kill(os.getpid(), 9)"), "Killed9"),
        ([sys.executable, "-c", ""], "Crashed"),
    ],
    ids=["refused", "raises", "says nothing", "killed", "reads nothing"],
)
def test_a_job_that_does_not_end_well_failed(
    database: Database, settings: Settings, clinic: uuid.UUID, job: uuid.UUID, command: list[str], failure: str
):
    assert do(database, settings, clinic, job, command) == "failed"
    found = jobs.look(database, clinic, job)
    assert (found.failure, found.finished_at is None) == (failure, False)
    assert "words" not in found.log
    # Another may be asked for at once.
    jobs.ask(database, settings, clinic, by=SYSTEM)


@pytest.mark.parametrize("step", ["read", "screen", "fit", "adapt", "save", "judge"])
def test_killed_at_any_step_the_current_version_serves_on(
    database: Database, settings: Settings, clinic: uuid.UUID, job: uuid.UUID, step: str, tmp_path: Path
):
    versions = Versions(settings.models_folder)
    before = versions.current()
    command = saying({"step": step, "progress": 0.4}, then="time.sleep(600)", folder=tmp_path)
    ended: list[str] = []
    worker = threading.Thread(target=lambda: ended.append(do(database, settings, clinic, job, command)))
    worker.start()
    waited(lambda: jobs.look(database, clinic, job).step == step)
    os.kill(int(waited(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())), signal.SIGKILL)
    worker.join(30)
    assert ended == ["failed"]
    assert jobs.look(database, clinic, job).failure == "Killed9"
    assert versions.current() == before


def test_cancelling_ends_the_process(
    database: Database, settings: Settings, clinic: uuid.UUID, job: uuid.UUID, tmp_path: Path
):
    command = saying({"step": "fit", "progress": 0.4}, then="time.sleep(600)", folder=tmp_path)
    ended: list[str] = []
    worker = threading.Thread(target=lambda: ended.append(do(database, settings, clinic, job, command)))
    worker.start()
    number = int(waited(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text()))
    with database.writing() as session:
        assert learning.cancel_job(session, clinic, job, by=SYSTEM).state == "cancelling"
    worker.join(30)
    assert ended == ["cancelled"]
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_waiting_job_is_cancelled_at_once_and_never_begins(
    database: Database, settings: Settings, clinic: uuid.UUID, job: uuid.UUID
):
    with database.writing() as session:
        assert learning.cancel_job(session, clinic, job, by=SYSTEM).state == "cancelled"
    assert do(database, settings, clinic, job, saying({"verdict": VERDICT})) == "cancelled"
    with database.reading() as session:
        assert learning.verdict_on(session, clinic, "0" * 64) is None


def test_one_at_a_time(
    database: Database, settings: Settings, clinic: uuid.UUID, other_clinic: uuid.UUID, job: uuid.UUID
):
    with pytest.raises(JobRunning):
        jobs.ask(database, settings, clinic, by=SYSTEM)
    # The machine has one model: another clinic's job may wait, but not run beside it.
    other = jobs.ask(database, settings, other_clinic, by=SYSTEM).id
    with database.writing() as session:
        learning.start_job(session, clinic, job, "w")
    assert do(database, settings, other_clinic, other, saying({"verdict": VERDICT})) == "failed"
    assert jobs.look(database, other_clinic, other).failure == "AnotherRuns"
    assert jobs.look(database, clinic, job).state == "running"


def test_a_worker_that_gives_no_sign_has_failed(
    database: Database, settings: Settings, clinic: uuid.UUID, other_clinic: uuid.UUID, job: uuid.UUID
):
    with database.writing() as session:
        learning.start_job(session, clinic, job, "w")
        session.execute(sql("UPDATE jobs SET heartbeat_at = :at"), {"at": _before(database, jobs.LAPSE)})
    # Whoever asks next finds it, in whatever clinic.
    jobs.ask(database, settings, other_clinic, by=SYSTEM)
    found = jobs.look(database, clinic, job)
    assert (found.state, found.failure) == ("failed", "WorkerLost")
    with database.writing() as session:
        assert learning.beat(session, clinic, job) is None


def test_a_worker_that_lives_is_left_alone(database: Database, clinic: uuid.UUID, job: uuid.UUID):
    with database.writing() as session:
        learning.start_job(session, clinic, job, "w")
        session.execute(sql("UPDATE jobs SET heartbeat_at = :at"), {"at": _before(database, jobs.LAPSE / 2)})
    assert jobs.look(database, clinic, job).state == "running"


def _before(database: Database, ago: timedelta) -> Any:
    at = repository.now() - ago - timedelta(seconds=1)
    return at.replace(tzinfo=None).isoformat(" ") if database.path else at


def test_a_job_of_another_clinic_is_unknown(
    database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID, job: uuid.UUID
):
    with database.writing() as session:
        for call in (
            lambda: learning.job(session, other_clinic, job),
            lambda: learning.cancel_job(session, other_clinic, job, by=SYSTEM),
        ):
            with pytest.raises(UnknownRow):
                call()
        assert not learning.start_job(session, other_clinic, job, "w")
        assert learning.beat(session, other_clinic, job) is None
        assert not learning.finish_job(session, other_clinic, job, "failed")
        assert learning.jobs(session, other_clinic, 5) == []
        assert learning.verdict_of_job(session, other_clinic, job) is None
        assert learning.promotions(session, other_clinic, 5) == []
    assert jobs.look(database, clinic, job).state == "queued"


def test_without_the_corpus_it_says_what_is_needed(
    database: Database, settings: Settings, clinic: uuid.UUID, tmp_path: Path
):
    bare = settings.model_copy(update={"training_data": tmp_path})
    with pytest.raises(NoCorpus, match="THERAPY_CODER_TRAINING_DATA"):
        jobs.ask(database, bare, clinic, by=SYSTEM)
    with database.reading() as session:
        assert learning.jobs(session, clinic, 5) == []
