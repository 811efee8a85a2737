"""Promotion, rollback and the server that follows: on both engines, through the routes, with requests under way."""

from __future__ import annotations

import errno
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api import jobs, promotion
from api.access import Principal, current_principal
from api.audit import SYSTEM, Actor, verify
from api.cli import app as command_line
from api.db import learning, repository
from api.db.errors import NoVerdict, StorageError
from api.db.session import Database
from api.main import create_app
from api.promotion import promote, rollback
from api.settings import Settings
from models.coder import Coder
from models.errors import NothingToRollBack, UnknownVersion
from models.registry import CLASSIFIER_FILE
from models.training import afresh
from models.versions import Versions, known

from ...models.conftest import make_version
from ..conftest import Client

NOTE = "O: Ther ex x 15 min: bridging 3x10"
AddPerson = Callable[..., uuid.UUID]


@pytest.fixture
def versions(models_folder: Path) -> Versions:
    for name in ("v1", "v2"):
        make_version(models_folder, name)
    return Versions(models_folder)


@pytest.fixture
def trainer(clinic: uuid.UUID, add_person: AddPerson) -> Actor:
    return Actor("person", add_person(clinic, "tom", "trainer"))


@pytest.fixture
def judged(database: Database, clinic: uuid.UUID, versions: Versions) -> Callable[..., None]:
    """Keeps a verdict on a version, against the one that serves."""

    def keep(version: str, outcome: str = "pass", current: str | None = None) -> None:
        failed = [{"id": "leak", "name": "leak", "profile": "fast", "outcome": "fail", "reason": "It leaks."}]
        with database.writing() as session:
            learning.add_verdict(
                session, clinic, candidate=version, current=current or versions.current().version,
                manifest_sha256=known(versions.path(version)).manifest_sha256, outcome=outcome,  # type: ignore[arg-type]
                criteria={"criteria": failed if outcome == "fail" else []}, by=SYSTEM,
            )  # fmt: skip

    return keep


def test_promotion_needs_a_passed_verdict_on_these_files_against_this_version(
    database: Database, clinic: uuid.UUID, versions: Versions, trainer: Actor, judged: Callable[..., None]
):
    def told(version: str) -> str:
        with pytest.raises(NoVerdict) as error:
            promote(database, versions, clinic, version, by=trainer)
        return str(error.value)

    assert "has not judged these files" in told("v1")
    judged("v1", "fail")
    assert "It leaks" in told("v1")
    judged("v1", current="v9")
    assert "judged against v9" in told("v1")
    with pytest.raises(UnknownVersion):
        promote(database, versions, clinic, "v7", by=trainer)
    assert versions.current() == versions.shipped
    judged("v1")
    assert promote(database, versions, clinic, "v1", by=trainer).current.version == "v1"
    # Other files under the same name are another version.
    judged("v2")
    shutil.rmtree(versions.path("v2"))
    make_version(versions.folder, "v2", classifier={"x": 1})
    assert "has not judged these files" in told("v2")


def test_another_clinics_verdict_is_none(
    database: Database,
    other_clinic: uuid.UUID,
    versions: Versions,
    trainer: Actor,
    judged: Callable[..., None],
):
    judged("v1")
    with pytest.raises(NoVerdict):
        promote(database, versions, other_clinic, "v1", by=trainer)


def test_there_and_back_is_written_down(
    database: Database, clinic: uuid.UUID, versions: Versions, trainer: Actor, judged: Callable[..., None]
):
    judged("v1")
    promote(database, versions, clinic, "v1", by=trainer)
    rollback(database, versions, clinic, by=trainer)
    assert versions.current() == versions.shipped
    with pytest.raises(NothingToRollBack):
        rollback(database, versions, clinic, by=trainer)
    with database.reading() as session:
        changes = [(each.kind, each.version, each.person_id) for each in learning.promotions(session, clinic, 9)]
        assert changes == [("rollback", versions.shipped.version, trainer.id), ("promote", "v1", trainer.id)]
        head = repository.audit_head(session, clinic)
        assert verify(lambda: repository.audit_rows(session, clinic), head).findings == ()
        actions = [row.action for row in repository.audit_rows(session, clinic)]
    assert actions[-3:] == ["model.judged", "model.promote", "model.rollback"]


def test_what_cannot_be_written_down_is_undone(
    database: Database,
    clinic: uuid.UUID,
    versions: Versions,
    trainer: Actor,
    judged: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
):
    judged("v1")

    def full(*_: Any) -> None:
        raise StorageError("The disk is full.")

    # The last step before the commit.
    monkeypatch.setattr(repository, "append_audit", full)
    with pytest.raises(StorageError):
        promote(database, versions, clinic, "v1", by=trainer)
    assert versions.current() == versions.shipped


@pytest.mark.parametrize("by_the_next_change", [False, True])
def test_what_a_kill_kept_from_being_written_down_is_written_once(
    database: Database,
    clinic: uuid.UUID,
    other_clinic: uuid.UUID,
    versions: Versions,
    trainer: Actor,
    judged: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    by_the_next_change: bool,
):
    judged("v1")

    def killed(*_: Any) -> None:
        raise StorageError("Killed.")

    with monkeypatch.context() as patched:
        patched.setattr(repository, "append_audit", killed)
        patched.setattr(promotion, "_undone_on_error", lambda *_: nullcontext())
        with pytest.raises(StorageError):
            promote(database, versions, clinic, "v1", by=trainer)
    change = promotion.Change.model_validate(versions.pointer().change)
    assert (versions.current().version, change.by_id) == ("v1", trainer.id)
    with database.reading() as session:
        assert learning.promotions(session, clinic, 9) == []
        # It is no matter of a clinic, or of a database, that has not judged it.
        assert not learning.promotion_missing(session, other_clinic, change.id, change.verdict)
    if by_the_next_change:
        rollback(database, versions, clinic, by=trainer)
    else:
        assert promotion.write_down(database, versions)
    assert not promotion.write_down(database, versions)
    with database.reading() as session:
        changes = [(each.kind, each.version, each.person_id) for each in learning.promotions(session, clinic, 9)]
        head = repository.audit_head(session, clinic)
        assert verify(lambda: repository.audit_rows(session, clinic), head).findings == ()
    back = [("rollback", versions.shipped.version, trainer.id)] if by_the_next_change else []
    assert changes == [*back, ("promote", "v1", trainer.id)]


# ---- the server


@pytest.fixture
def client(database: Database, clinic: uuid.UUID, versions: Versions, trainer: Actor) -> Iterator[Client]:
    app = create_app(Settings(), coder=Coder.load(make_version(versions.folder, "v0")))
    app.state.database = database
    who = Principal(clinic, trainer, "trainer", frozenset())
    app.dependency_overrides[current_principal] = lambda: who
    with Client(app) as made:
        made.app = app  # type: ignore[attr-defined]
        yield made


def serving(client: Client) -> str:
    return client.post("/v1/suggestions", json={"text": NOTE}).json()["model"]["version"]


def wait_for(client: Client, version: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while serving(client) != version:
        assert time.monotonic() < end, version
        time.sleep(0.05)


def test_a_promotion_during_live_requests_loses_none(client: Client, judged: Callable[..., None], versions: Versions):
    for version in ("v1", "v2"):
        judged(version)
    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = client.post("/v1/suggestions", json={"text": NOTE})
            answers.append((answer.status_code, answer.json()["model"]["version"]))

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask) for _ in range(3)]
        try:
            assert client.post("/v1/models/v1/promote").json() == {
                "version": "v1",
                "previous": versions.shipped.version,
            }
            wait_for(client, "v1")
            judged("v2")
            assert client.post("/v1/models/v2/promote").status_code == 200
            wait_for(client, "v2")
            assert client.post("/v1/models/rollback").json() == {"version": "v1", "previous": "v2"}
            wait_for(client, "v1")
        finally:
            stop.set()
        for each in asked:
            each.result(30)
    assert {status for status, _ in answers} == {200}
    assert {version for _, version in answers} == {"v0", "v1", "v2"}


@pytest.mark.parametrize(
    ("number", "name"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "read-only"), (errno.EACCES, "read-only"), (errno.EIO, "failed")],
)
def test_a_models_folder_that_takes_no_writes_is_told_and_nothing_changes(
    client: Client,
    database: Database,
    clinic: uuid.UUID,
    judged: Callable[..., None],
    versions: Versions,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
    name: str,
):
    judged("v1")
    judged("v2", current="v1")

    def refuse(*_: Any) -> None:
        raise OSError(number, "as the system says")

    def asked(path: str) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("models.versions.os.replace", refuse)
            answer = client.post(path)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (503, f"models-folder-{name}")
        assert answer.json()["detail"] is None
        assert answer.headers["retry-after"] == "60"

    asked("/v1/models/v1/promote")
    assert versions.current() == versions.shipped
    # Where it lies, and what to do, is for whoever reads the log.
    assert str(versions.folder) in caplog.text
    # Once it takes writes again all goes on.
    assert client.post("/v1/models/v1/promote").status_code == 200
    asked("/v1/models/rollback")
    assert versions.current().version == "v1"
    with database.reading() as session:
        assert [each.kind for each in learning.promotions(session, clinic, 9)] == ["promote"]


def test_a_broken_version_is_refused_and_the_old_one_serves_on(
    client: Client, versions: Versions, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.ERROR, logger="therapy_coder.api")
    versions.promote("v1")
    wait_for(client, "v1")
    versions.promote("v2")
    with (versions.path("v2") / CLASSIFIER_FILE).open("ab") as file:
        file.write(b"x")
    end = time.monotonic() + 30
    while client.app.state.serving.refused != "v2":  # type: ignore[attr-defined]
        # It may have been taken over before it was broken.
        if serving(client) == "v2":
            pytest.skip("the server was quicker than the damage")
        assert time.monotonic() < end
        time.sleep(0.02)
    assert serving(client) == "v1"
    listed = client.get("/v1/models").json()
    assert listed["refused"] == "v2"
    assert [each["version"] for each in listed["versions"] if each["serving"]] == ["v1"]
    assert "model v2 was refused: UntrustedModel" in caplog.text


def test_the_list_says_what_the_gate_found(client: Client, judged: Callable[..., None], versions: Versions):
    judged("v1", "fail")
    listed = {each["version"]: each for each in client.get("/v1/models").json()["versions"]}
    assert (listed["v1"]["verdict"], listed["v1"]["refusals"]) == ("fail", ["It leaks."])
    assert listed["v2"]["verdict"] is None
    verdict = client.get("/v1/models/v1/verdict").json()
    assert (verdict["candidate"], verdict["outcome"], verdict["current"]) == (
        "v1", "fail", versions.shipped.version,
    )  # fmt: skip
    nothing = dict.fromkeys(("current", "candidate", "low", "high", "margin", "items"))
    assert verdict["criteria"] == [
        {"id": "leak", "name": "leak", "profile": "fast", "outcome": "fail", "reason": "It leaks.", **nothing}
    ]
    assert client.get("/v1/models/v2/verdict").json()["type"].endswith("no-verdict")
    assert client.get("/v1/models/v9/verdict").status_code == 404
    refused = client.post("/v1/models/v1/promote")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "no-verdict")
    assert client.post("/v1/models/v9/promote").status_code == 404
    assert client.post("/v1/models/rollback").status_code == 409


def test_the_list_says_what_there_is_to_go_back_to(client: Client, judged: Callable[..., None], versions: Versions):
    def before() -> str | None:
        return client.get("/v1/models").json()["before"]

    assert before() is None
    judged("v1")
    assert client.post("/v1/models/v1/promote").status_code == 200
    assert before() == versions.shipped.version
    assert client.post("/v1/models/rollback").json()["version"] == versions.shipped.version
    assert before() is None


ROUTES = [
    ("GET", "/v1/models"),
    ("POST", "/v1/models/rollback"),
    ("POST", "/v1/models/v1/promote"),
    ("GET", "/v1/models/v1/verdict"),
    ("POST", "/v1/jobs"),
    ("GET", "/v1/jobs"),
    ("GET", f"/v1/jobs/{uuid.UUID(int=1)}"),
    ("POST", f"/v1/jobs/{uuid.UUID(int=1)}/cancel"),
    ("POST", f"/v1/labels/{uuid.UUID(int=1)}/release"),
    ("GET", "/v1/drift"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_only_trainers_may(client: Client, clinic: uuid.UUID, method: str, path: str):
    body = {"json": {"kind": "retrain"}} if path == "/v1/jobs" and method == "POST" else {}
    overrides = client.app.dependency_overrides  # type: ignore[attr-defined]
    for role, scopes in (("coder", ()), ("therapist", ()), (None, ("submit", "queue"))):
        overrides[current_principal] = lambda role=role, scopes=scopes: Principal(
            clinic, SYSTEM, role, frozenset(scopes)
        )
        assert client.request(method, path, **body).status_code == 403, role
    overrides.clear()
    assert client.request(method, path, **body).status_code == 401


@pytest.mark.parametrize(
    "path", ["/v1/models/rollback", "/v1/models/v1/promote", f"/v1/labels/{uuid.UUID(int=1)}/release"]
)
def test_no_key_and_no_admin_decides_what_serves_or_trains(
    client: Client, clinic: uuid.UUID, judged: Callable[..., None], versions: Versions, path: str
):
    judged("v1")
    overrides = client.app.dependency_overrides  # type: ignore[attr-defined]
    for who in (
        Principal(clinic, SYSTEM, None, frozenset(("models",))),
        Principal(clinic, SYSTEM, "admin", frozenset()),
    ):
        overrides[current_principal] = lambda who=who: who
        assert client.post(path).status_code == 403
        # They may look, and have a candidate made.
        assert client.get("/v1/models").status_code == 200
        assert client.post("/v1/jobs", json={"kind": "purge"}).status_code == 422
    assert versions.current() == versions.shipped


def test_jobs_through_the_routes(
    client: Client, database: Database, clinic: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    begun: list[uuid.UUID] = []
    monkeypatch.setattr(jobs, "start", lambda _settings, _clinic, job_id: begun.append(job_id))
    answer = client.post("/v1/jobs", json={"kind": "retrain"})
    assert answer.status_code == 202
    job = answer.json()
    assert (begun, job["state"]) == ([uuid.UUID(job["id"])], "queued")
    assert client.post("/v1/jobs", json={"kind": "retrain"}).status_code == 409
    assert client.post("/v1/jobs", json={"kind": "purge"}).status_code == 422
    with database.writing() as session:
        learning.start_job(session, clinic, begun[0], "w")
        learning.beat(session, clinic, begun[0], progress=0.4, step="fit", lines=["step fit"])
    shown = client.get(f"/v1/jobs/{job['id']}").json()
    assert (shown["state"], shown["progress"], shown["step"], shown["log"]) == ("running", 0.4, "fit", "step fit\n")
    assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "cancelling"
    assert [each["id"] for each in client.get("/v1/jobs").json()["jobs"]] == [job["id"]]
    assert client.get(f"/v1/jobs/{uuid.uuid4()}").status_code == 404


def test_the_encoder_is_trained_where_it_can_be_unless_it_is_to_be_kept(
    client: Client, database: Database, clinic: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    begun: list[uuid.UUID] = []
    monkeypatch.setattr(jobs, "start", lambda _settings, _clinic, job_id: begun.append(job_id))

    def ask(**body: Any) -> Any:
        return client.post("/v1/jobs", json={"kind": "retrain", **body})

    def command() -> list[str]:
        """The command that the worker of the last job would run."""
        ran: list[list[str]] = []

        class Work:
            def __init__(self, *_: Any) -> None: ...

            def run(self, command: list[str], _: Any) -> str:
                ran.append(command)
                return "done"

        with monkeypatch.context() as patched:
            patched.setattr(jobs, "_Work", Work)
            assert jobs.work(database, Settings(), clinic, begun[-1]) == "done"
        with database.writing() as session:
            learning.finish_job(session, clinic, begun[-1], "done")
        return ran[0]

    monkeypatch.setattr(afresh, "_PACKAGES", ("no_such_package",))
    assert client.get("/v1/jobs").json()["encoder"] is False
    refused = ask(encoder=True)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "no-training-packages")
    assert "requirements-train.txt" in refused.json()["detail"]
    assert begun == []
    assert ask().status_code == 202
    assert "--encoder" not in command()
    monkeypatch.setattr(afresh, "_PACKAGES", ("json",))
    assert client.get("/v1/jobs").json()["encoder"] is True
    for body in ({"encoder": True}, {"encoder": None}, {}):
        assert ask(**body).status_code == 202
        assert command()[-1] == "--encoder", body
    assert ask(encoder=False).status_code == 202
    assert "--encoder" not in command()


# ---- the commands


def test_the_commands(
    database: Database,
    clinic: uuid.UUID,
    versions: Versions,
    trainer: Actor,
    judged: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", database.url.render_as_string(hide_password=False))

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(command_line, ("models", *arguments))

    judged("v1")
    shipped = versions.shipped.version
    assert run("list").stdout.splitlines() == [
        f"{shipped}\tserves, shipped, not judged",
        f"v1\tgate: pass against {shipped}",
        "v2\tnot judged",
    ]
    assert run("promote", "v1", "--by", "tom").stdout == f"v1 serves; before: {shipped}\n"
    assert "no person 'eve'" in run("promote", "v1", "--by", "eve").stderr
    with database.writing() as session:
        repository.add_person(session, clinic, "eve", "Eve", "coder", by=SYSTEM)
    assert "no working trainer" in run("promote", "v1", "--by", "eve").stderr
    assert "has not judged" in run("promote", "v2", "--by", "tom").stderr
    assert "no model version of that name" in run("promote", "v9", "--by", "tom").stderr
    assert run("show", "v1").stdout.splitlines()[-1] == f"v1 against {shipped}: pass"
    assert run("show", "v2").stdout.splitlines()[-1] == "The gate has not judged it."
    assert run("rollback").stdout == f"{shipped} serves\n"
    assert run("rollback").exit_code == 2
