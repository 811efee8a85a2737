"""The web application: `create_app` puts settings, coder, routes and middleware together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles

from api import errors
from api.db.errors import StorageError
from api.db.session import Database
from api.middleware import Guard, HostCheck, SizeLimit
from api.promotion import write_down
from api.routes import (
    audit,
    claims,
    dashboard,
    documentation,
    explanations,
    health,
    jobs,
    keys,
    labels,
    models,
    notes,
    pages,
    people,
    questions,
    queue,
    sign_in,
    suggestions,
    units,
)  # fmt: skip
from api.routes.examples import examples
from api.serving import Serving
from api.settings import LOOPBACK_NAMES, Settings
from api.start import open_database
from api.tries import Tries
from models.coder import Coder
from models.errors import UnknownVersion, UntrustedModel
from models.versions import Versions

log = logging.getLogger("therapy_coder.api")

_ABOUT = (
    "Reads a PT or OT treatment note and suggests what it bills: code, minutes, units, reasons and what is missing. "
    "A suggestion for review: nothing is billed, and no note is kept but those that are submitted for review. "
    "Errors are problem documents (RFC 9457) without note text."
)


def create_app(
    settings: Settings | None = None, *, coder: Coder | None = None, database: Database | None = None
) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    settings
        Read from the environment where not given.
    coder
        Used as it is; where not given, the model is loaded once when the application starts.
    database
        Used as it is; where not given, the one whose address the settings were given is opened when the application starts, and
        without an address the application keeps nothing.

    Raises
    ------
    pydantic.ValidationError
        A setting in the environment is wrong.
    """
    chosen = Settings() if settings is None else settings
    versions = Versions(chosen.models_folder)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if app.state.coder is None:
            try:
                path = chosen.model_path or versions.current_path()
                app.state.coder = await run_in_threadpool(Coder.load, path, risk=chosen.risk, rules=chosen.rules)
            except (UnknownVersion, UntrustedModel) as error:
                if chosen.model_path is not None:
                    raise
                # It may be there again in a moment, or a trainer may go back to the version before, for which the pages are needed.
                app.state.serving.refuse("unknown", error)
        await run_in_threadpool(versions.tidy)
        own = None
        if database is None and "database_url" in chosen.model_fields_set:
            own = app.state.database = await run_in_threadpool(open_database, chosen)
        if app.state.database is not None:
            try:
                await run_in_threadpool(write_down, app.state.database, versions)
            except (StorageError, UntrustedModel) as error:
                # Nothing that serving needs; the next start or the next change does it.
                log.error("the last change of the model could not be looked at: %s", type(error).__name__)
        # A version that is set stays: it was chosen for this server, not for the machine.
        watching = None if chosen.model_path is not None else asyncio.create_task(app.state.serving.watch())
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
            if own is not None:
                own.close()

    # The framework's own documentation pages load scripts from elsewhere; /openapi.json stays.
    app = FastAPI(
        title="Therapy Coder", version="1", description=_ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.settings, app.state.coder, app.state.database = chosen, coder, database
    app.state.tries, app.state.opened = Tries(), False
    app.state.serving = Serving(app, versions, chosen.risk, chosen.rules)
    for module in (
        suggestions, explanations, documentation, units, claims, notes, queue, questions, dashboard, models, jobs, labels, sign_in,
        people, keys, audit, health, pages,
    ):  # fmt: skip
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=pages.FOLDER / "static"))
    errors.install(app)
    # The last one added runs first.
    app.add_middleware(SizeLimit, limit=chosen.max_request_bytes)
    app.add_middleware(HostCheck, hosts=(*LOOPBACK_NAMES, chosen.host, *chosen.allowed_hosts))
    app.add_middleware(Guard, tls=chosen.tls)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the API's description with what the framework leaves out.

    That is the problem document, which no route returns by itself, and the example result, whose nulls it would drop; and what any
    route may answer, whether it says so or not.
    """
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        problem = errors.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = schema["components"]["schemas"]
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        for operation in (each for path in schema["paths"].values() for each in path.values()):
            _documented(operation)
        answer = schema["paths"]["/v1/suggestions"]["post"]["responses"]["200"]["content"]["application/json"]
        answer["example"] = examples()["result"]
        app.openapi_schema = schema
    return app.openapi_schema


def _documented(operation: dict[str, Any]) -> None:
    """Add what is answered before a route is reached: a body that is no JSON, and fields that are refused."""
    answers: dict[str, Any] = operation["responses"]
    if "requestBody" in operation:
        answers["400"] = errors.answer(errors.HTTP_TITLES[400])
    # The framework's own is of another type than ours.
    if errors.MEDIA_TYPE not in answers.get("422", {}).get("content", {errors.MEDIA_TYPE: None}):
        answers.update({str(status): told for status, told in errors.documented(RequestValidationError).items()})
