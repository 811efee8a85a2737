"""Killed for real: server and worker end by SIGKILL at chosen steps and at random, and what was acknowledged is whole afterwards.

A real server on a real socket, real sessions, several people at once; after each death the whole database is compared with what
clients were told (`whole`), the server comes up again, and in the end the queue is cleared.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from api import jobs
from api.audit import SYSTEM, verify
from api.db import learning, repository, values
from api.db.session import Database
from api.db.tables import Note, Promotion, Question, QueueItem, ResultRow, Review
from api.decisions import Decision
from api.queue.readings import differences
from api.settings import Settings
from models.versions import Versions, known

from ...models.conftest import make_version
from .conftest import session_of
from .mortal import LEASE
from .reviewing import LOGINS, correct

pytestmark = pytest.mark.slow

SEED = 20261126
RANDOM_KILLS = 20
# A request and a step in whose midst the server ends: what it is to do is made ready first.
CHOSEN = (
    *(("submit", step) for step in (
        "before add_note", "after add_note", "after add_result", "after enqueue", "before append_audit",
        "after append_audit", "before commit", "after commit",
    )),
    *(("claim", step) for step in (
        "before claim", "after claim", "after read_note", "after read_result", "after append_audit", "after commit",
    )),
    *(("decide", step) for step in (
        "before add_review", "after add_review", "after move", "after follow_up", "before claim", "after claim",
        "after read_result", "after append_audit", "after commit",
    )),
    *(("ask", step) for step in ("after move", "after ask", "after commit")),
    *(("undo", step) for step in ("after add_review", "after take_back", "after commit")),
    *(("answer", step) for step in ("after move_answered", "after answer", "after commit")),
)  # fmt: skip
# Of a worker; its heartbeat's first call is the first thing that its command says.
OF_WORK = (
    "before start_job", "after start_job", "after export", "before beat", "after beat", "after add_verdict",
    "after finish_job", "before commit", "after append_audit",
)  # fmt: skip
OF_ASKING = ("before add_job", "after add_job", "after append_audit", "after commit", "start")
OF_PROMOTION = (
    "before add_promotion", "after add_promotion", "before point", "before replace", "after replace", "after point",
    "before append_audit", "before commit", "after commit",
)  # fmt: skip
VERDICT = {"criteria": [{"id": "size", "outcome": "pass", "reason": ""}], "outcome": "pass"}


@dataclass
class Book:
    """What clients sent, and what they were told was kept."""

    sent: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    reviews: dict[str, tuple[str, str]] = field(default_factory=dict)
    answers: set[str] = field(default_factory=set)
    claims: dict[str, int] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)


class Clinic:
    """A clinic of people who work over HTTP on a server that may be dead at any moment."""

    def __init__(self, database: Database, folder: Path, rng: random.Random) -> None:
        self.database, self.rng, self.book = database, rng, Book()
        self.models = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        with database.writing() as session:
            clinic = repository.add_clinic(session, "mortal", "mortal", by=SYSTEM)
            clinic.audit_share, clinic.second_share = 0.0, 1.0
            people = {
                login: repository.add_person(session, clinic.id, login, login.title(), role, by=SYSTEM).id  # type: ignore[arg-type]
                for login, role in LOGINS.items()
            }
        self.id, self.people = clinic.id, people
        self.headers = {login: session_of(database, clinic.id, person) for login, person in people.items()}
        environment = {
            **os.environ,
            "THERAPY_CODER_DATABASE_URL": database.url.render_as_string(hide_password=False),
            "THERAPY_CODER_MODELS_FOLDER": str(folder),
        }
        self.nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.api.db.mortal"],
            cwd=Path(__file__).parents[3], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.server: int | None = None
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def born(self, wanted: dict[str, Any]) -> int:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(wanted) + "\n")
        self.nursery.stdin.flush()
        return int(self.nursery.stdout.readline())

    def start(self) -> None:
        self.server = self.born({"port": self.port})
        waited(lambda: self.ready() == 200)

    def ready(self) -> int | None:
        try:
            return self.http.get("/readyz").status_code
        except httpx.TransportError:
            return None

    def dead(self, what: str) -> None:
        """Wait until the server is gone, and what the database still did for it."""
        assert self.server is not None
        gone(self.server)
        self.server = None
        self.rest()
        self.book.kills[what] += 1

    def rest(self) -> None:
        """Wait until no other connection is left: PostgreSQL ends a dead client's transaction when it notices."""
        if self.database.path is None:
            self.database.close()
            count = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

            def alone() -> bool:
                with self.database.reading() as session:
                    return session.scalar(text(count)) == 0

            waited(alone)

    def kill(self) -> None:
        assert self.server is not None
        os.kill(self.server, signal.SIGKILL)
        self.dead("random")

    def close(self) -> None:
        self.http.close()
        if self.server is not None:
            os.kill(self.server, signal.SIGKILL)
            gone(self.server)
        self.nursery.communicate(timeout=30)

    # ---- requests

    def ask(self, login: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Make a request as one of the people; raises `httpx.TransportError` where the server died of it."""
        answer = self.http.request(method, path, json=body, headers=self.headers[login] | headers)
        assert answer.status_code < 500, answer.text
        self.book.requests[path.rpartition("/")[2] if "queue" in path else path.split("/")[2]] += 1
        return answer

    def submit(self, key: str, **headers: str) -> Any:
        self.book.sent.setdefault(key, f"bridging {15 + len(self.book.sent) % 40} flag:no_unit {key}")
        answer = self.ask(
            "theo", "POST", "/v1/notes", {"text": self.book.sent[key]}, **{"idempotency-key": key}, **headers
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["queue_item_id"] is not None
        before = self.book.kept.setdefault(key, told)
        assert {**told, "waits": None} == {**before, "waits": None}
        return told

    def new(self, **headers: str) -> Any:
        return self.submit(uuid.UUID(int=self.rng.getrandbits(128)).hex, **headers)

    def claim(self, login: str, item: str | None = None, **headers: str) -> Any:
        answer = self.ask(login, "POST", "/v1/queue/claim", {"id": item} if item else None, **headers)
        return self.told(answer.json()["claim"]) if answer.status_code == 200 else None

    def told(self, claim: Any) -> Any:
        if claim is not None:
            self.book.claims[claim["id"]] = max(claim["claims"], self.book.claims.get(claim["id"], 0))
        return claim

    def decide(self, login: str, claim: Any, decision: Any = None, next: bool = False, **headers: str) -> Any:
        """Decide a claim; ``None`` where it was lost to another."""
        path = f"/v1/queue/{claim['id']}/{'accept-and-next' if next else 'decisions'}"
        body = {"decision": decision, "claims": claim["claims"]}
        if decision is not None and decision["kind"] == "question":
            body["question"] = "How long?"
        return self.kept(
            claim["id"],
            "accept" if decision is None else decision["kind"],
            self.ask(login, "POST", path, body, **headers),
        )

    def undo(self, login: str, item: str, **headers: str) -> Any:
        path = f"/v1/queue/{item}/decisions"
        return self.kept(item, "undo", self.ask(login, "POST", path, {"decision": {"kind": "undo"}}, **headers))

    def kept(self, item: str, kind: str, answer: httpx.Response) -> Any:
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 409:
            return None
        told = answer.json()
        self.book.reviews[told["review_id"]] = (item, kind)
        self.told(told["claim"])
        return told

    def open_questions(self) -> list[str]:
        return [each["id"] for each in self.ask("theo", "GET", "/v1/questions?open_only=true").json()]

    def answer(self, question: str, **headers: str) -> None:
        answer = self.ask("theo", "POST", f"/v1/questions/{question}/answer", {"answer": "Twenty."}, **headers)
        assert answer.status_code in (200, 404, 409)
        if answer.status_code == 200:
            self.book.answers.add(question)

    # ---- people at work

    def busy(self, login: str, rng: random.Random, stop: threading.Event) -> None:
        """Work as one person until the server dies or the day is over."""
        try:
            while not stop.is_set():
                if login == "theo":
                    self.submit(uuid.UUID(int=rng.getrandbits(128)).hex)
                    for question in self.open_questions()[:1]:
                        self.answer(question)
                    continue
                claim = self.claim(login)
                if claim is None:
                    continue
                luck = rng.random()
                if luck < 0.2:
                    self.decide(login, claim, {"kind": "question"})
                elif luck < 0.4:
                    self.decide(login, claim, correct(claim, minutes=rng.randrange(5, 60)))
                elif self.decide(login, claim, next=luck < 0.8) and luck < 0.5:
                    self.undo(login, claim["id"])
        except httpx.TransportError:
            return

    def at_work(self, meanwhile: Callable[[], Any], *logins: str) -> None:
        """Do something while these people work."""
        stop = threading.Event()
        with ThreadPoolExecutor(len(logins)) as pool:
            working = [pool.submit(self.busy, login, random.Random(self.rng.random()), stop) for login in logins]
            try:
                meanwhile()
            finally:
                stop.set()
            for each in working:
                each.result(60)


@pytest.fixture
def clinic(database: Database, models_folder: Path) -> Iterator[Clinic]:
    made = Clinic(database, models_folder, random.Random(SEED))
    try:
        yield made
    finally:
        made.close()


def waited(ready: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return found


def gone(process: int) -> None:
    def ended() -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        return False

    waited(ended)


# ---- what has to hold after every death


def whole(clinic: Clinic) -> None:
    """Compare the database with what clients were told, and each thing in it with all that belongs to it."""
    book = clinic.book
    with clinic.database.reading() as session:
        notes, results, entries, reviews, questions = (
            session.scalars(select(table).where(table.clinic_id == clinic.id)).all()
            for table in (Note, ResultRow, QueueItem, Review, Question)
        )
        rows = list(repository.audit_rows(session, clinic.id))
        assert verify(lambda: rows, repository.audit_head(session, clinic.id)).findings == ()
        if clinic.database.path is not None:
            assert session.execute(text("PRAGMA integrity_check")).all() == [("ok",)]
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    # Acknowledged is there.
    assert {each["id"] for each in book.kept.values()} <= {str(note.id) for note in notes}
    assert {each["result_id"] for each in book.kept.values()} <= {str(result.id) for result in results}
    assert {key: kind for key, (_, kind) in book.reviews.items()}.items() <= {
        str(review.id): review.decision["kind"] for review in reviews
    }.items()
    assert book.answers <= {str(question.id) for question in questions if question.answered_at}
    assert all(entry.claims >= book.claims.get(str(entry.id), 0) for entry in entries)
    # A note is one with its result and its first entry.
    ids = sorted(note.id for note in notes)
    assert len({note.submission_key for note in notes}) == len(notes) <= len(book.sent)
    assert {note.text for note in notes} <= set(book.sent.values())
    assert sorted(result.note_id for result in results) == ids
    assert sorted(entry.note_id for entry in entries if entry.reading == "first") == ids
    # A review is one with the state of its entry and with its question.
    next_of = {review.supersedes: review for review in reviews}
    heads: dict[uuid.UUID, Review] = {r.queue_item_id: r for r in reviews if r.id not in next_of}  # type: ignore[misc]
    assert len(heads) == len({review.queue_item_id for review in reviews})
    asked = {
        question.queue_item_id: question for question in sorted(questions, key=lambda q: q.asked_at) if question.body
    }
    for entry in entries:
        kind = heads[entry.id].decision["kind"] if entry.id in heads else "none"
        answered = kind == "question" and asked[entry.id].answered_at is not None
        possible = {"none": {"waiting", "claimed"}, "undo": {"claimed"}, "question": {"decided"}}.get(kind, {"decided"})
        if answered:
            possible = {"returned", "claimed"}
        if entry.reading == "adjudication":
            possible = possible | {"withdrawn"}
        assert entry.state in possible, (entry.reading, kind, answered)
        holder = (entry.claimed_by is None, entry.lease_until is None)
        assert holder == ((False, False) if entry.state == "claimed" else (True, True))
    kinds = Counter(review.decision["kind"] for review in reviews)
    # Readings lead to the next one.
    live = {(entry.result_id, entry.reading) for entry in entries if entry.state != "withdrawn"}
    held: dict[uuid.UUID, dict[str, Decision]] = {}
    for review in heads.values():
        if review.decision["kind"] in values.WHOLE:
            held.setdefault(review.result_id, {})[review.reading] = Decision.model_validate(review.decision)
    for result_id, readings in held.items():
        if "first" in readings:
            assert (result_id, "second") in live
        if "first" in readings and "second" in readings:
            assert bool(differences(readings["first"], readings["second"])) <= ((result_id, "adjudication") in live)
    # The trail tells each thing once.
    told = Counter((row.action, row.subject_id) for row in rows)
    for action, subjects in (
        ("note.submitted", notes), ("result.kept", results), ("review.added", reviews), ("question.asked", questions),
        ("question.answered", [each for each in questions if each.answered_at]),
    ):  # fmt: skip
        assert {key: n for key, n in told.items() if key[0] == action} == {(action, str(s.id)): 1 for s in subjects}
    claimed = sum(n for (action, _), n in told.items() if action == "queue.claimed")
    assert claimed + kinds["undo"] == sum(entry.claims for entry in entries)


def repeated(clinic: Clinic) -> None:
    """Send again what got no answer, and one that did: it is the same note."""
    unknown = [key for key in clinic.book.sent if key not in clinic.book.kept]
    with clinic.database.reading() as session:
        before = set(session.scalars(select(Note.text).where(Note.clinic_id == clinic.id)))
    for key in (*unknown, *clinic.rng.sample(sorted(clinic.book.kept), min(2, len(clinic.book.kept)))):
        clinic.submit(key)
    with clinic.database.reading() as session:
        after = session.scalars(select(Note.text).where(Note.clinic_id == clinic.id)).all()
    assert len(after) == len(set(after)) == len(before | {clinic.book.sent[key] for key in unknown})


def cleared(clinic: Clinic) -> int:
    """Answer, claim and decide to the end; return how many decisions that took."""
    for question in clinic.open_questions():
        clinic.answer(question)
    decisions, end = 0, time.monotonic() + 120
    while clinic.ask("cora", "GET", "/v1/queue").json()["total"]:
        assert time.monotonic() < end, "a claim hangs"
        for login in ("cora", "carl", "tina"):
            claim = clinic.claim(login)
            while claim is not None:
                decided = clinic.decide(login, claim, next=True)
                assert decided is not None
                decisions, claim = decisions + 1, decided["claim"]
    whole(clinic)
    with clinic.database.reading() as session:
        states = set(session.scalars(select(QueueItem.state).where(QueueItem.clinic_id == clinic.id)))
    assert states <= {"decided", "withdrawn"}
    return decisions


# ---- submit, claim, decide


def killed_within(clinic: Clinic, request: str, step: str) -> None:
    """Let the server end at a step of one request, while others work; see what that request left."""
    claim: Any = None

    def attempt() -> None:
        """Make ready and ask; another may be quicker where the lease was over, and then nobody dies."""
        nonlocal claim
        at = {"x-kill": step}
        if request == "submit":
            clinic.new(**at)
            return
        clinic.new()
        if request == "claim":
            clinic.claim("cora", **at)
            return
        claim = clinic.claim("cora")
        if claim is None:
            return
        question = {"kind": "question"}
        if request == "decide":
            clinic.decide("cora", claim, next=True, **at)
        elif request == "ask":
            clinic.decide("cora", claim, question, **at)
        elif request == "undo" and clinic.decide("cora", claim):
            clinic.undo("cora", claim["id"], **at)
        elif request == "answer" and clinic.decide("cora", claim, question):
            for each in clinic.open_questions()[:1]:
                clinic.answer(each, **at)

    def fatal() -> None:
        with pytest.raises(httpx.TransportError):
            for _ in range(20):
                attempt()

    clinic.at_work(fatal, *(["carl"] if request == "answer" else ["carl", "theo"]))
    clinic.dead(request)
    whole(clinic)
    if request in ("decide", "ask"):

        def reviews() -> list[str]:
            with clinic.database.reading() as session:
                return [str(each.id) for each in repository.reviews(session, clinic.id, uuid.UUID(claim["note_id"]))]

        with clinic.database.reading() as session:
            entry = session.get(QueueItem, (clinic.id, uuid.UUID(claim["id"])))
        assert entry is not None
        kept = entry.state == "decided" and entry.claims == claim["claims"]
        assert kept <= (step == "after commit")
        before = reviews()
        clinic.start()
        # Sent again it is kept once: the same review where it was kept before, refused where another has taken the note since.
        again = clinic.decide("cora", claim, {"kind": "question"} if request == "ask" else None)
        assert again or entry.claims > claim["claims"]
        if kept:
            assert again["review_id"] == before[-1]
            assert reviews() == before
    else:
        clinic.start()


def test_killed_at_every_step_and_at_random(clinic: Clinic):
    began = time.monotonic()
    plan: list[tuple[str, str]] = [*CHOSEN, *[("random", "")] * RANDOM_KILLS]
    clinic.rng.shuffle(plan)
    clinic.start()
    for request, step in plan:
        if request == "random":
            clinic.at_work(lambda: (time.sleep(clinic.rng.uniform(0.05, 0.6)), clinic.kill()), "theo", "cora", "carl")
            whole(clinic)
            clinic.start()
        else:
            killed_within(clinic, request, step)
        repeated(clinic)
    killed = time.monotonic() - began
    # Claims of the dead come back.
    time.sleep(LEASE.total_seconds())
    decisions = cleared(clinic)
    book = clinic.book
    sys.stdout.write(
        f"{clinic.database.url.get_backend_name()}: {sum(book.kills.values())} kills {dict(book.kills)} in {killed:.0f} s; "
        f"{len(book.kept)} notes and {len(book.reviews)} reviews acknowledged and kept; cleared by {decisions} decisions; "
        f"requests {dict(book.requests)}\n"
    )
    assert sum(book.kills.values()) == len(plan) >= 50
    assert set(book.kept) == set(book.sent)


def test_a_claim_of_the_dead_comes_back_after_its_lease_and_not_before(clinic: Clinic):
    clinic.start()
    clinic.new()
    claimed = time.monotonic()
    claim = clinic.claim("cora")
    with pytest.raises(httpx.TransportError):
        clinic.claim("carl", **{"x-kill": "before claim"})
    clinic.dead("claim")
    clinic.start()
    early = clinic.claim("carl", claim["id"])
    if time.monotonic() - claimed < LEASE.total_seconds():
        assert early is None
    taken = waited(lambda: clinic.claim("carl", claim["id"]))
    assert time.monotonic() - claimed >= LEASE.total_seconds()
    assert taken["claims"] == claim["claims"] + 1
    # Whoever held it cannot decide it any more.
    assert clinic.decide("cora", claim) is None
    assert clinic.decide("carl", taken)
    whole(clinic)


# ---- retrain


def saying(verdict: dict[str, Any]) -> list[str]:
    """A command that reads its input, says a verdict, and lives as long as its pipe."""
    said = [{"step": "fit", "progress": 0.5}, {"verdict": verdict}]
    lines = "".join(f"print({json.dumps(json.dumps(each))}, flush=True)\n" for each in said)
    return [sys.executable, "-c", f"import sys\nfor line in sys.stdin:\n    if not line.strip(): break\n{lines}"]


def test_a_worker_killed_at_a_step_leaves_a_job_that_failed_and_room_for_the_next(clinic: Clinic):
    make_version(clinic.models, "v1")
    versions = Versions(clinic.models)
    manifest = known(versions.path("v1")).manifest_sha256
    verdict = {**VERDICT, "candidate": "v1", "current": versions.current().version, "manifest_sha256": manifest}
    settings = Settings(models_folder=clinic.models)

    def worked(step: str | None) -> uuid.UUID:
        job = jobs.ask(clinic.database, settings, clinic.id, by=SYSTEM).id
        gone(clinic.born({"clinic": str(clinic.id), "job": str(job), "command": saying(verdict), "step": step}))
        clinic.rest()
        return job

    for step in OF_WORK:
        job = worked(step)
        with clinic.database.reading() as session:
            assert learning.job(session, clinic.id, job).state in ("queued", "running"), step
            assert learning.verdict_of_job(session, clinic.id, job) is None
            rows = list(repository.audit_rows(session, clinic.id))
            assert verify(lambda rows=rows: rows, repository.audit_head(session, clinic.id)).findings == ()
            assert ("job.ended", str(job)) not in {(row.action, row.subject_id) for row in rows}
        assert versions.current() == versions.shipped
        # Its heartbeat stopped: when that lapses it has failed.
        with clinic.database.writing() as session:
            learning.fail_lapsed_jobs(session, clinic.id, after=-jobs.LAPSE)
        assert jobs.look(clinic.database, clinic.id, job).failure == "WorkerLost"
    last = worked(None)
    assert jobs.look(clinic.database, clinic.id, last).state == "done"
    with clinic.database.reading() as session:
        assert learning.verdict_of_job(session, clinic.id, last) is not None


def test_a_server_killed_as_it_was_asked_to_retrain(clinic: Clinic):
    for step in OF_ASKING:
        clinic.start()
        with pytest.raises(httpx.TransportError):
            clinic.ask("tina", "POST", "/v1/jobs", {"kind": "retrain"}, **{"x-kill": step})
        clinic.dead("jobs")
        with clinic.database.writing() as session:
            latest = [job.state for job in learning.jobs(session, clinic.id, 99)]
            assert latest.count("queued") == (step in ("after commit", "start")), step
            # A job whose worker never began waits no longer than a silent one may run.
            learning.fail_lapsed_jobs(session, clinic.id, after=timedelta(0))
        clinic.start()
        asked = clinic.ask("tina", "POST", "/v1/jobs", {"kind": "retrain"})
        assert asked.status_code == 202, step
        assert clinic.ask("tina", "POST", f"/v1/jobs/{asked.json()['id']}/cancel").json()["state"] == "cancelled"
        clinic.kill()


# ---- promote and roll back


def serving(clinic: Clinic) -> str:
    return clinic.http.get("/v1/models/current").json()["version"]


def recorded(clinic: Clinic) -> list[tuple[str, str]]:
    """Return what became the serving version and how, the latest last, and see that the trail says the same."""
    with clinic.database.reading() as session:
        rows = list(repository.audit_rows(session, clinic.id))
        assert verify(lambda: rows, repository.audit_head(session, clinic.id)).findings == ()
        kept = session.scalars(
            select(Promotion).where(Promotion.clinic_id == clinic.id).order_by(Promotion.created_at)
        ).all()
    trail = [row.subject_id for row in rows if row.action in ("model.promote", "model.rollback")]
    assert trail == [str(each.id) for each in kept]
    assert {each.person_id for each in kept} <= {clinic.people["tina"]}
    return [(each.kind, each.version) for each in kept]


def judged(clinic: Clinic, versions: Versions) -> None:
    with clinic.database.writing() as session:
        learning.add_verdict(
            session, clinic.id, candidate="v1", current=versions.current().version,
            manifest_sha256=known(versions.path("v1")).manifest_sha256, outcome="pass", criteria=VERDICT, by=SYSTEM,
        )  # fmt: skip


def test_killed_while_another_version_takes_over(clinic: Clinic):
    make_version(clinic.models, "v1")
    versions = Versions(clinic.models)
    shipped = versions.shipped.version
    changed: list[tuple[str, str]] = []
    clinic.start()
    for step in OF_PROMOTION:
        for path, kind, before, after in (
            ("v1/promote", "promote", shipped, "v1"),
            ("rollback", "rollback", "v1", shipped),
        ):
            if kind == "promote":
                judged(clinic, versions)
            with pytest.raises(httpx.TransportError):
                clinic.ask("tina", "POST", f"/v1/models/{path}", **{"x-kill": step})
            clinic.dead(kind)
            clinic.start()
            # The old or the new one, never none; and what serves is written down.
            found = serving(clinic)
            assert found in (before, after)
            assert versions.current().version == found
            if found == after:
                changed.append((kind, after))
            assert recorded(clinic) == changed, (kind, step)
            if found == before:
                answer = clinic.ask("tina", "POST", f"/v1/models/{path}")
                assert answer.json() == {"version": after, "previous": before}
                waited(lambda after=after: serving(clinic) == after)
                changed.append((kind, after))
                assert recorded(clinic) == changed
    assert len(changed) == 2 * len(OF_PROMOTION)
    sys.stdout.write(f"{clinic.database.url.get_backend_name()}: {dict(clinic.book.kills)}\n")
