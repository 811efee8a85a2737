"""A clinic's own figures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError

from api.access import Principal, allowed
from api.db.errors import StorageError
from api.dependencies import RequiredDatabaseDep
from api.errors import Forbidden, SignInRequired, documented
from api.queue.dashboard import Dashboard, dashboard

router = APIRouter(prefix="/v1/dashboard", tags=["dashboard"])

Reader = Annotated[Principal, Depends(allowed("coder", "trainer", "admin", scope="queue"))]


@router.get(
    "",
    summary="A clinic's figures",
    responses=documented(SignInRequired, Forbidden, RequestValidationError, StorageError),
)
def figures(
    principal: Reader, database: RequiredDatabaseDep, days: Annotated[int, Query(ge=1, le=3660)] = 30
) -> Dashboard:
    """Volume, waiting, flags, acceptance, agreement and trends of the last days; no word of a note."""
    return dashboard(database, principal.clinic_id, days)
