"""Work outside the web process: ``python -m api.jobs CLINIC JOB`` does one job of the table and ends.

The worker alone speaks to the database: it moves the heartbeat on, keeps progress and log, and sees a wish to cancel. The work
itself is a
process group of its own (`models.training.retrain`), which ends when the worker's pipe breaks, so that nothing is left running
whoever is
killed. A worker that dies is found by its heartbeat (`LAPSE`), by whoever looks at jobs next. Nothing of a job touches the model
that serves.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from api.audit import SYSTEM, Actor
from api.db import learning
from api.db.errors import JobRunning, RowRefused, StorageError
from api.db.session import Database
from api.db.tables import Job
from api.db.values import JobState
from api.errors import NoCorpus, NoDatabase
from api.export import export
from api.settings import Settings
from models.errors import NoTrainingPackages, UnknownVersion, UntrustedModel
from models.registry import shipped
from models.training.afresh import can_train_encoder
from models.versions import Versions
from nlp.pipeline import load

HEARTBEAT = 3.0  # seconds
LAPSE = timedelta(seconds=60)
_LATE = 2.0  # seconds that a last line may take
_GRACE = 10.0  # seconds from a process's last line to its end
_HELD = "held "  # begins a line of the log; the page of models reads them too
_ENOUGH = 20  # jobs that are looked through for one that runs
Told = Callable[[str], None]


def corpus_folder(settings: Settings) -> Path:
    """Return the folder of the program's own labelled notes.

    Raises
    ------
    NoCorpus
        The setting names none, and the program was installed without.
    """
    folder = settings.training_data or Path(__file__).resolve().parents[1] / "training_data"
    if not (folder / "notes").is_dir():
        raise NoCorpus
    return folder


def ask(database: Database, settings: Settings, clinic_id: uuid.UUID, *, by: Actor, encoder: bool | None = None) -> Job:
    """Keep a job to retrain; who asked sees to it that a worker begins (`start`, `work`).

    ``encoder`` says whether the encoder is trained anew too; ``None``: where its packages are installed.

    Raises
    ------
    JobRunning
        One waits or runs.
    NoCorpus
        The program was installed without its labelled notes.
    NoTrainingPackages
        The encoder was to be trained, and its packages are not installed.
    """
    corpus_folder(settings)
    can = can_train_encoder()
    if encoder and not can:
        raise NoTrainingPackages
    with database.writing() as session:
        learning.fail_lapsed_jobs(session, clinic_id, after=LAPSE)
        for job in learning.jobs(session, clinic_id, _ENOUGH):
            if job.state in ("queued", "running", "cancelling"):
                raise JobRunning(str(job.id))
        return learning.add_job(session, clinic_id, "retrain", {"encoder": can if encoder is None else encoder}, by=by)


def look(database: Database, clinic_id: uuid.UUID, job_id: uuid.UUID) -> Job:
    """Return a job as it stands, failed where its worker is gone.

    Raises
    ------
    UnknownRow
        The clinic has no such job.
    """
    with database.writing() as session:
        learning.fail_lapsed_jobs(session, clinic_id, after=LAPSE)
        return learning.job(session, clinic_id, job_id)


def start(settings: Settings, clinic_id: uuid.UUID, job_id: uuid.UUID) -> subprocess.Popen[bytes]:
    """Begin a worker that outlives this process's requests, and return it.

    Raises
    ------
    NoDatabase
        The settings name none.
    """
    # The address may hold a password: it goes by the environment, which other users do not see, and not by the arguments.
    environment = os.environ | {"THERAPY_CODER_DATABASE_URL": _address(settings)}
    for name in ("models_folder", "training_data"):
        value = getattr(settings, name)
        if value is not None:
            environment[f"THERAPY_CODER_{name.upper()}"] = str(value)
    return subprocess.Popen(
        [sys.executable, "-m", "api.jobs", str(clinic_id), str(job_id)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )


def _address(settings: Settings) -> str:
    if settings.database_url is None:
        raise NoDatabase
    return settings.database_url.get_secret_value()


def retrain_command(settings: Settings, *, encoder: bool = False) -> list[str]:
    """Return the command that fits and judges a candidate.

    Raises
    ------
    NoCorpus, UnknownVersion, UntrustedModel
        The labelled notes or the current version are not there.
    """
    current = settings.model_path or Versions(settings.models_folder).current_path()
    arguments = {"data": corpus_folder(settings), "current": current, "models": settings.models_folder}
    given = [part for name, path in arguments.items() for part in (f"--{name}", str(path))]
    return [sys.executable, "-m", "models.training.retrain", *given, *(["--encoder"] if encoder else [])]


def work(
    database: Database,
    settings: Settings,
    clinic_id: uuid.UUID,
    job_id: uuid.UUID,
    *,
    command: Sequence[str] | None = None,
    told: Told = lambda _: None,
    heartbeat: float = HEARTBEAT,
) -> str:
    """Do a job and return the state that it ended in; ``told`` gets each line of its log.

    Raises
    ------
    StorageError
        The database cannot be used; the job fails when its heartbeat lapses.
    """
    try:
        with database.writing() as session:
            if not learning.start_job(session, clinic_id, job_id, f"{socket.gethostname()[:80]}:{os.getpid()}"):
                return learning.job(session, clinic_id, job_id).state
    except RowRefused:
        return _end(database, clinic_id, job_id, "failed", "AnotherRuns")
    try:
        documents = reviewed_documents(database, clinic_id)
        with database.reading() as session:
            encoder = learning.job(session, clinic_id, job_id).parameters.get("encoder") is True
        chosen = list(command) if command is not None else retrain_command(settings, encoder=encoder)
    except (NoCorpus, UnknownVersion, UntrustedModel) as error:
        return _end(database, clinic_id, job_id, "failed", type(error).__name__)
    return _Work(database, clinic_id, job_id, told, heartbeat).run(chosen, documents)


def give_up(database: Database, clinic_id: uuid.UUID, job_id: uuid.UUID) -> str:
    """End a job whose worker was interrupted, and return its state."""
    return _end(database, clinic_id, job_id, "cancelled", None)


def reviewed_documents(database: Database, clinic_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return what the work is given: reviewed notes in the order of their reviews, and the reviews that were released."""
    exported = export(database, clinic_id, load(shipped(), encoder=False).read, by=SYSTEM)
    with database.reading() as session:
        released = learning.released_labels(session, clinic_id)
    pairs = sorted(zip(exported.about, exported.notes, strict=True), key=lambda pair: (pair[0].at, pair[0].review))
    return [
        {"released": sorted(released)},
        *(
            {"note": note.model_dump(mode="json"), "review": about.review, "reviewer": about.reviewer}
            for about, note in pairs
        ),
    ]


def held(jobs: Sequence[Job]) -> frozenset[str]:
    """Return the ids of the reviews that the guard held in the first of ``jobs`` that was done, by its log.

    Examples
    --------
    >>> held([Job(state="failed", log=""), Job(state="done", log="held r1 reviewer: 9 of 10 blocks differ")])
    frozenset({'r1'})
    """
    log = next((job.log for job in jobs if job.state == "done"), "")
    return frozenset(line.split()[1] for line in log.splitlines() if line.startswith(_HELD))


class _Work:
    """One job's process, watched."""

    def __init__(
        self, database: Database, clinic_id: uuid.UUID, job_id: uuid.UUID, told: Told, heartbeat: float
    ) -> None:
        self.database, self.clinic_id, self.job_id = database, clinic_id, job_id
        self.told, self.heartbeat = told, heartbeat
        self.verdict: dict[str, Any] | None = None
        self.failure: str | None = None

    def run(self, command: Sequence[str], documents: Sequence[dict[str, Any]]) -> str:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A traceback could quote what was read.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        lines: queue.Queue[bytes | None] = queue.Queue()
        helpers = [
            threading.Thread(target=_pass_on, args=(process, lines), daemon=True),
            threading.Thread(target=_give, args=(process, documents), daemon=True),
        ]
        state: str | None = None
        with process:
            for helper in helpers:
                helper.start()
            try:
                state = self._watch(process, lines)
            finally:
                code = _ended(process, _GRACE if state == "running" else 0.0)
                for helper in helpers:
                    helper.join()
                assert process.stdin is not None
                with suppress(BrokenPipeError):
                    process.stdin.close()
        if state == "cancelling":
            return self._end("cancelled", None)
        if self.verdict is None:
            reason = self.failure or (f"Killed{-code}" if code < 0 else "Crashed")
            return self._end("failed", reason)
        return self._end("done", None)

    def _watch(self, process: subprocess.Popen[bytes], lines: queue.Queue[bytes | None]) -> str | None:
        """Keep progress until the process ends (``running``), or the job is to stop (``cancelling``) or was ended (``None``)."""
        while True:
            try:
                line = lines.get(timeout=self.heartbeat)
            except queue.Empty:
                # Children that a killed process left over keep its output open.
                line = _late(lines) if process.poll() is not None else b""
            if line is None:
                return "running"
            progress, step, told = self._understood(line)
            for each in told:
                self.told(each)
            try:
                with self.database.writing() as session:
                    state = learning.beat(
                        session, self.clinic_id, self.job_id, progress=progress, step=step, lines=told
                    )
            except StorageError:
                # One missed beat costs nothing; the next one may get through.
                continue
            if state != "running":
                return state

    def _understood(self, line: bytes) -> tuple[float | None, str | None, list[str]]:
        try:
            document: dict[str, Any] = json.loads(line) if line else {}
        except ValueError:
            return None, None, []
        if "step" in document:
            return float(document["progress"]), str(document["step"]), [f"step {document['step']}"]
        if "held" in document:
            found = document["held"]
            return None, None, [f"{_HELD}{found['review']} {found['reason']}: {found['told']}"]
        if "counts" in document:
            return None, None, [", ".join(f"{name} {number}" for name, number in document["counts"].items())]
        if "verdict" in document:
            verdict: dict[str, Any] = document["verdict"]
            self.verdict = verdict
            refused = [f"refused: {each['reason']}" for each in verdict["criteria"] if each["outcome"] == "fail"]
            return 1.0, "judged", [f"candidate {verdict['candidate']}: {verdict['outcome']}", *refused]
        if "failed" in document:
            self.failure = str(document["failed"])
            return None, None, [f"failed: {document['why'] or document['failed']}"]
        return None, None, []

    def _end(self, state: JobState, failure: str | None) -> str:
        with self.database.writing() as session:
            if state == "done" and self.verdict is not None:
                keep_verdict(session, self.clinic_id, self.verdict, job_id=self.job_id, by=SYSTEM)
            learning.finish_job(session, self.clinic_id, self.job_id, state, failure=failure)
            return learning.job(session, self.clinic_id, self.job_id).state


def keep_verdict(
    session: Any, clinic_id: uuid.UUID, verdict: dict[str, Any], *, by: Actor, job_id: uuid.UUID | None = None
) -> None:
    """Keep a verdict as `models.gate.Verdict.as_dict` gave it."""
    learning.add_verdict(
        session,
        clinic_id,
        candidate=verdict["candidate"],
        current=verdict["current"],
        manifest_sha256=verdict["manifest_sha256"],
        outcome=verdict["outcome"],
        criteria={"criteria": verdict["criteria"]},
        job_id=job_id,
        by=by,
    )


def _end(database: Database, clinic_id: uuid.UUID, job_id: uuid.UUID, state: JobState, failure: str | None) -> str:
    with database.writing() as session:
        learning.finish_job(session, clinic_id, job_id, state, failure=failure)
        return learning.job(session, clinic_id, job_id).state


def _pass_on(process: subprocess.Popen[bytes], lines: queue.Queue[bytes | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _late(lines: queue.Queue[bytes | None]) -> bytes | None:
    """Return a line that was said before the process ended and not yet passed on."""
    try:
        return lines.get(timeout=_LATE)
    except queue.Empty:
        return None


def _give(process: subprocess.Popen[bytes], documents: Sequence[dict[str, Any]]) -> None:
    """Write the documents and an empty line, and leave the pipe open: its end is the end of the work."""
    assert process.stdin is not None
    # Why the work ended early, its exit status says.
    with suppress(BrokenPipeError):
        for document in documents:
            process.stdin.write(json.dumps(document).encode("ascii") + b"\n")
        process.stdin.write(b"\n")
        process.stdin.flush()


def _ended(process: subprocess.Popen[bytes], grace: float) -> int:
    """End a process, after ``grace`` seconds to end by itself, with all the children it has or left; return its exit status."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def main() -> None:
    """Do the job that the arguments name."""
    settings = Settings()
    clinic_id, job_id = map(uuid.UUID, sys.argv[1:3])
    with Database(_address(settings)) as database:
        work(database, settings, clinic_id, job_id)


if __name__ == "__main__":
    main()
