"""A clinic's reviewed notes as labelled ones, for people and programs that train or study."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError

from api.access import Principal, allowed
from api.db.errors import StorageError
from api.dependencies import CoderDep, RequiredDatabaseDep
from api.errors import Forbidden, ModelNotReady, SignInRequired, documented
from api.export import Labels, labels

router = APIRouter(prefix="/v1/labels", tags=["labels"])

Exporter = Annotated[Principal, Depends(allowed("trainer", scope="export"))]


@router.get(
    "",
    summary="Reviewed notes as labels",
    responses=documented(SignInRequired, Forbidden, RequestValidationError, StorageError, ModelNotReady),
)
def export_labels(principal: Exporter, database: RequiredDatabaseDep, coder: CoderDep) -> Labels:
    """Labelled notes with their words, and who decided when by which guide; that they left is written into the audit trail."""
    return labels(database, coder, principal.clinic_id, by=principal.actor)
