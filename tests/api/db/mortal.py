"""A server, or a worker of a job, that can be killed at a chosen step: ``python -m tests.api.db.mortal``, settings in the environment.

It loads the program once and forks a process for each line on standard input, so that a life costs no second of imports: ``{"port": N}``
serves, ``{"clinic": ID, "job": ID, "command": [...], "step": S}`` works. It prints the process's number. A request that has the
header ``x-kill`` with a step's name ends the process there, as SIGKILL does: from within a transaction, between any two of its calls.
Nothing of the program knows of it: the steps are wrapped here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy.orm import Session

from api import jobs
from api.db import learning, migrate, questions, queue, repository
from api.db.session import Database
from api.main import create_app
from api.queue import readings
from api.routes import queue as queue_routes
from api.settings import Settings
from models import versions
from models.coder import Coder
from models.registry import read_manifest

from .reviewing import ReviewCoder

LEASE = timedelta(seconds=1)
_PLACE: ContextVar[str | None] = ContextVar("place", default=None)
# What a request or a worker calls, in whose midst it may end.
STEPS: tuple[tuple[str, Any, str], ...] = (
    ("add_note", repository, "add_note"),
    ("add_result", repository, "add_result"),
    ("enqueue", queue, "enqueue"),
    ("claim", queue, "claim"),
    ("read_note", repository, "read_note"),
    ("read_result", repository, "read_result"),
    ("add_review", repository, "add_review"),
    ("move", queue, "move"),
    ("take_back", queue, "take_back"),
    ("ask", questions, "ask"),
    ("unask", questions, "unask"),
    ("answer", questions, "answer"),
    ("move_answered", questions, "move"),
    ("follow_up", readings, "follow_up"),
    ("append_audit", repository, "append_audit"),
    ("commit", Session, "commit"),
    ("add_job", learning, "add_job"),
    ("start_job", learning, "start_job"),
    ("export", jobs, "export"),
    ("beat", learning, "beat"),
    ("add_verdict", learning, "add_verdict"),
    ("finish_job", learning, "finish_job"),
    ("add_promotion", learning, "add_promotion"),
    ("point", versions.Versions, "_point"),
    ("replace", os, "replace"),
)


def wrap(name: str, owner: Any, attribute: str) -> None:
    """Let the process end before or after that function where it is to."""
    wrapped: Callable[..., Any] = getattr(owner, attribute)

    def called(*arguments: Any, **named: Any) -> Any:
        die_at(f"before {name}")
        returned = wrapped(*arguments, **named)
        die_at(f"after {name}")
        return returned

    setattr(owner, attribute, called)


def die_at(place: str) -> None:
    if _PLACE.get() == place:
        os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """Reads the header; what a request calls in another thread has its context."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            place = dict(scope["headers"]).get(b"x-kill")
            _PLACE.set(None if place is None else place.decode())
        await self.app(scope, receive, send)


def load(path: Path, **_: Any) -> ReviewCoder:
    """A coder that says which version's folder it was loaded from, after the version's own checks of the files."""
    coder = ReviewCoder()
    coder.manifest = read_manifest(path)
    coder.version = coder.manifest.version
    return coder


def serve(port: int) -> None:
    uvicorn.run(Mortal(create_app(Settings())), host="127.0.0.1", port=port, log_level="error", access_log=False)


def work(wanted: dict[str, Any]) -> None:
    _PLACE.set(wanted["step"])
    settings = Settings()
    assert settings.database_url is not None
    with Database(settings.database_url.get_secret_value()) as database:
        clinic, job = uuid.UUID(wanted["clinic"]), uuid.UUID(wanted["job"])
        jobs.work(database, settings, clinic, job, command=wanted["command"], heartbeat=0.05)


def main() -> None:
    for step in STEPS:
        wrap(*step)
    Coder.load = load  # type: ignore[method-assign,assignment]
    queue_routes._lease = lambda _settings: LEASE
    # The worker of a job is another process, which the test begins itself.
    jobs.start = lambda *_: die_at("start")  # type: ignore[assignment,return-value]
    migrate.head()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        wanted = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                serve(wanted["port"]) if "port" in wanted else work(wanted)
            finally:
                os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
