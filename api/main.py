"""The web application: `create_app` puts settings, coder, routes and middleware together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles

from api import errors
from api.db.session import Database
from api.middleware import Guard, HostCheck, SizeLimit
from api.routes import dashboard, health, jobs, models, notes, pages, questions, queue, suggestions, units
from api.routes.examples import examples
from api.serving import Serving
from api.settings import LOOPBACK_NAMES, Settings
from models.coder import Coder
from models.versions import Versions

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
        Used as it is; where not given, the one that the settings name, opened by the first request that needs it.

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
            path = chosen.model_path or versions.current_path()
            app.state.coder = await run_in_threadpool(Coder.load, path, risk=chosen.risk, rules=chosen.rules)
        # A version that is set stays: it was chosen for this server, not for the machine.
        watching = None if chosen.model_path is not None else asyncio.create_task(app.state.serving.watch())
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
            if database is None:
                app.state.database.close()

    # The framework's own documentation pages load scripts from elsewhere; /openapi.json stays.
    app = FastAPI(
        title="Therapy Coder", version="1", description=_ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.settings, app.state.coder = chosen, coder
    app.state.database = database or Database(chosen.database_url.get_secret_value())
    app.state.serving = Serving(app, versions, chosen.risk, chosen.rules)
    for router in (
        suggestions.router,
        units.router,
        notes.router,
        queue.router,
        questions.router,
        dashboard.router,
        models.router,
        jobs.router,
        health.router,
        pages.router,
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=pages.FOLDER / "static"))
    errors.install(app)
    # The last one added runs first.
    app.add_middleware(SizeLimit, limit=chosen.max_request_bytes)
    app.add_middleware(HostCheck, hosts=(*LOOPBACK_NAMES, chosen.host, *chosen.allowed_hosts))
    app.add_middleware(Guard)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the API's description with what the framework leaves out.

    That is the problem document, which no route returns by itself, and the example result, whose nulls it would drop.
    """
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        problem = errors.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = schema["components"]["schemas"]
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        answer = schema["paths"]["/v1/suggestions"]["post"]["responses"]["200"]["content"]["application/json"]
        answer["example"] = examples()["result"]
        app.openapi_schema = schema
    return app.openapi_schema
