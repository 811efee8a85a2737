"""Pages in a real browser: Debian's Chromium, driven by Playwright, against a server in this process.

``TEST_BROWSER`` is the path of another Chromium; ``required`` (set by .ci/run) makes a missing one a failure and no skip.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from api.access import csrf_token
from api.audit import SYSTEM
from api.db import migrate, repository
from api.db.session import Database
from api.main import create_app
from api.settings import Settings

from ..api.db.conftest import with_password
from ..api.db.reviewing import LOGINS, ReviewCoder

SET = os.environ.get("TEST_BROWSER", "")
REQUIRED = SET == "required"
PATH = Path("/usr/bin/chromium" if SET in ("", "required") else SET)
NARROW = 360
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not PATH.is_file():
        if REQUIRED:
            pytest.fail("Chromium is required here and not installed")
        pytest.skip(
            "Chromium is not installed (Debian: apt-get install chromium; elsewhere set TEST_BROWSER to its path)"
        )
    # Chromium's own sandbox refuses to run as root.
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=PATH, args=arguments)


@dataclass
class Site:
    """A served clinic with two therapists, two coders, a trainer and an admin, and browsers in which they are signed in."""

    url: str
    browser: Browser
    database: Database
    settings: Settings
    clinic: uuid.UUID
    people: dict[str, uuid.UUID]
    faults: list[str] = field(default_factory=list)
    contexts: list[Any] = field(default_factory=list)

    def secret(self, login: str) -> str:
        with self.database.writing() as session:
            return with_password(session, repository.person(session, self.clinic, self.people[login]))

    def page(self, login: str | None, path: str, *, scheme: Scheme = "light", width: int = 1280) -> Page:
        """A page on which that person is signed in; faults of scripts and of the content security policy are kept."""
        context = self.browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, locale="en-GB", reduced_motion="reduce"
        )
        self.contexts.append(context)
        if login is not None:
            context.add_cookies([{"name": "therapy-coder", "value": self.secret(login), "url": self.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.goto(self.url + path)
        ready(page)
        return page

    def _heard(self, kind: str, text: str) -> None:
        # That an answer was 401 or 409 is what a test is about; all else is a fault.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.faults.append(text)

    def ask(self, login: str, method: str, path: str, body: Any = None) -> Any:
        """What the API answers to that person."""
        secret = self.secret(login)
        headers = {"cookie": f"therapy-coder={secret}", "x-csrf-token": csrf_token(secret)}
        answer = httpx.request(method, self.url + path, headers=headers, json=body)
        assert answer.status_code < 400, answer.text
        return answer.json()

    def submit(self, text: str, login: str = "theo", **more: Any) -> Any:
        return self.ask(login, "POST", "/v1/notes", {"text": text, **more})


def ready(page: Page) -> None:
    """Waits until the page has shown its links and what it asked for."""
    page.wait_for_function(
        "() => document.getElementById('navigation').childElementCount > 0"
        " && !document.getElementById('status').textContent.includes('…')"
    )


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The app on a free port of this computer."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < end
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "template.sqlite3"
    with Database(f"sqlite:///{path}", create=True) as database:
        migrate.upgrade(database)
    return path


@contextmanager
def open_site(browser: Browser, migrated: Path, folder: Path, **shares: float) -> Iterator[Site]:
    """A site on a database of its own; ``shares`` are those of the clinic."""
    path = folder / "test.sqlite3"
    shutil.copyfile(migrated, path)
    address = f"sqlite:///{path}"
    settings = Settings(database_url=address, models_folder=folder / "models")  # type: ignore[arg-type]
    with Database(address) as database:
        ids = {}
        with database.writing() as session:
            clinic = repository.add_clinic(session, "main", "Main Street", by=SYSTEM)
            clinic.audit_share, clinic.second_share = shares.get("audit_share", 0.0), shares.get("second_share", 0.0)
            for login, role in LOGINS.items():
                ids[login] = repository.add_person(session, clinic.id, login, login.title(), role, by=SYSTEM).id  # type: ignore[arg-type]
            clinic_id = clinic.id
        app = create_app(settings, coder=ReviewCoder(), database=database)  # type: ignore[arg-type]
        with served(app) as url:
            site = Site(url, browser, database, settings, clinic_id, ids)
            try:
                yield site
            finally:
                for context in site.contexts:
                    context.close()
            assert site.faults == []


@pytest.fixture
def site(browser: Browser, migrated: Path, tmp_path: Path) -> Iterator[Site]:
    with open_site(browser, migrated, tmp_path) as opened:
        yield opened
