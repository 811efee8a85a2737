"""What routes are given: coder, settings, database and model versions of the app that serves them.

All are coroutines, since none has anything to wait for: a plain function would be handed to another thread, which costs more.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.db.session import Database
from api.errors import ModelNotReady, NoDatabase
from api.settings import Settings
from api.tries import Tries
from models.coder import Coder
from models.errors import UntrustedModel
from models.versions import Versions


async def coder(request: Request) -> Coder:
    """Return the loaded coder.

    Raises
    ------
    ModelNotReady
        It is not loaded yet.
    UntrustedModel
        It is missing or was changed.
    """
    loaded: Coder | None = request.app.state.coder
    refused: str | None = request.app.state.serving.refused
    if loaded is None:
        raise ModelNotReady if refused is None else UntrustedModel(refused, "it cannot be used")
    return loaded


async def settings(request: Request) -> Settings:
    """Return the app's settings."""
    return request.app.state.settings


async def database(request: Request) -> Database | None:
    """Return the app's database, ``None`` where the server runs without one."""
    return request.app.state.database


async def required_database(database: DatabaseDep) -> Database:
    """Return the app's database.

    Raises
    ------
    NoDatabase
        The server runs without one.
    """
    if database is None:
        raise NoDatabase
    return database


async def tries(request: Request) -> Tries:
    """Return the app's count of tries to sign in."""
    return request.app.state.tries


async def versions(request: Request) -> Versions:
    """Return the model versions of the app's folder."""
    return Versions(request.app.state.settings.models_folder)


CoderDep = Annotated[Coder, Depends(coder)]
DatabaseDep = Annotated[Database | None, Depends(database)]
RequiredDatabaseDep = Annotated[Database, Depends(required_database)]
SettingsDep = Annotated[Settings, Depends(settings)]
TriesDep = Annotated[Tries, Depends(tries)]
VersionsDep = Annotated[Versions, Depends(versions)]
