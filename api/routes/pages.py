"""The pages, and the words they show. A page is an empty form: what it shows it asks of the API, which knows who may."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel
from starlette.routing import Match

from api.access import BearerDep, Principal, current_principal
from api.db import repository, values
from api.dependencies import DatabaseDep, SettingsDep
from api.errors import NoDatabase, SignInRequired
from api.words import words
from models.billing.codes import CODES, HEADLINE
from models.billing.payers import payer_names
from models.coder import Coder
from models.note import Discipline

FOLDER = Path(str(files("api.pages")))

router = APIRouter(include_in_schema=False)


# Address and file of each page.
_PAGES = {
    "/": "index.html",
    "/sign-in": "sign-in.html",
    "/people": "people.html",
    "/notes": "notes.html",
    "/queue": "queue.html",
    "/units": "units.html",
    "/claims": "claims.html",
    "/dashboard": "dashboard.html",
    "/models": "models.html",
}


def _page(name: str) -> Callable[[], FileResponse]:
    return lambda: FileResponse(FOLDER / name)


for _path, _name in _PAGES.items():
    router.add_api_route(_path, _page(_name), response_class=FileResponse)


class PageLink(BaseModel):
    """A page to go to."""

    path: str
    label: str


class Navigation(BaseModel):
    """What the header of every page shows."""

    pages: list[PageLink]
    name: str | None
    """Of whoever is signed in."""
    sign_in: bool
    """Whether there is somewhere to sign in."""


@router.get("/page/navigation")
def navigation(request: Request, database: DatabaseDep, settings: SettingsDep, bearer: BearerDep) -> Navigation:
    """Return the pages of whoever asks, signed in or not."""
    principal, name = None, None
    with contextlib.suppress(SignInRequired, NoDatabase):
        principal = current_principal(request, database, settings, bearer)
    if database is not None and principal is not None and principal.person_id is not None:
        with database.reading() as session:
            name = repository.person(session, principal.clinic_id, principal.person_id).name
    return Navigation(pages=_pages(request, principal), name=name, sign_in=database is not None)


def _pages(request: Request, principal: Principal | None) -> list[PageLink]:
    """Return those pages of ``words.toml`` that there are, and that the caller's role uses."""
    role = None if principal is None or principal.password_needed else principal.role
    return [
        PageLink(path=page["path"], label=page["label"])
        for page in words()["pages"]
        if (not page["roles"] or role in page["roles"]) and _there(request, page["path"])
    ]


def _there(request: Request, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": [], "app": request.app}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


@router.get("/page/words")
def page_words(request: Request) -> dict[str, Any]:
    """Return the words of ``words.toml`` and the names of codes and payers, which the page has no copy of."""
    coder: Coder | None = request.app.state.coder
    listed = CODES if coder is None else coder.rules.codes
    # Another provider's codes are known for their pairs alone.
    codes = {code.number: code.name for code in listed.values() if code.group != "physician"}
    lists = {"disciplines": get_args(Discipline), "roles": values.ROLES, "scopes": values.SCOPES}
    payers = {} if coder is None else payer_names(coder.rules)
    # A label cannot hold a clinic's own code.
    own = [number for number in codes if number not in CODES]
    return {**words(), "codes": codes, "own_codes": own, "headline": HEADLINE, "payers": payers, **lists}
