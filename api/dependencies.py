"""What routes are given: the coder, the settings and the database of the app that serves them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.db.errors import DatabaseUnavailable
from api.db.session import Database
from api.errors import ModelNotReady
from api.settings import Settings
from models.coder import Coder
from models.versions import Versions


def coder(request: Request) -> Coder:
    """Return the loaded coder.

    Raises
    ------
    ModelNotReady
        It is not loaded yet.
    """
    loaded: Coder | None = request.app.state.coder
    if loaded is None:
        raise ModelNotReady
    return loaded


def settings(request: Request) -> Settings:
    """Return the app's settings."""
    return request.app.state.settings


def database(request: Request) -> Database:
    """Return the app's database.

    Raises
    ------
    DatabaseUnavailable
        The app was started without one.
    """
    opened: Database | None = getattr(request.app.state, "database", None)
    if opened is None:
        raise DatabaseUnavailable("of this server", "none was opened")
    return opened


def versions(request: Request) -> Versions:
    """Return the model versions of the app's folder."""
    return Versions(request.app.state.settings.models_folder)


CoderDep = Annotated[Coder, Depends(coder)]
SettingsDep = Annotated[Settings, Depends(settings)]
DatabaseDep = Annotated[Database, Depends(database)]
VersionsDep = Annotated[Versions, Depends(versions)]
