"""The audit trail, for a clinic's admins."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from api import audit
from api.access import Principal, allowed
from api.db import repository
from api.db.errors import DatabaseUnavailable
from api.dependencies import RequiredDatabaseDep
from api.errors import Forbidden, SignInRequired, documented

router = APIRouter(prefix="/v1/audit", tags=["audit"])

Admin = Annotated[Principal, Depends(allowed("admin"))]
_ERRORS = (SignInRequired, Forbidden, RequestValidationError, DatabaseUnavailable)


class AuditEntry(BaseModel):
    """A row: who did what to what; no words of a note."""

    seq: int
    at: str
    actor_kind: str
    actor_id: str | None
    action: str
    subject_kind: str
    subject_id: str | None
    detail: Any
    hash: str


class AuditTrail(BaseModel):
    """Rows of the clinic's trail, the newest last."""

    rows: list[AuditEntry]


class FindingSummary(BaseModel):
    """Something that is wrong with rows ``first`` to ``last``, both included."""

    kind: Literal["changed", "deleted", "inserted", "reordered", "head"]
    first: int
    last: int
    reason: str


class VerdictSummary(BaseModel):
    """What computing the chain again found."""

    intact: bool
    rows: int
    last_hash: str = Field(description="Write it down elsewhere, and give it back as expect.")
    findings: list[FindingSummary]
    missing: list[str] = Field(
        description="Those of the expected hashes that no row has: the end was cut off, or all is new."
    )


@router.get("", summary="Show the last rows", responses=documented(*_ERRORS))
def show(
    admin: Admin,
    database: RequiredDatabaseDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most rows.")] = 50,
    subject_id: Annotated[uuid.UUID | None, Query(description="Rows about this note, person, ... alone.")] = None,
) -> AuditTrail:
    """Show the last rows of the clinic's trail."""
    with database.reading() as session:
        rows = repository.latest_audit(session, admin.clinic_id, limit, subject_id=subject_id)
        return AuditTrail(rows=[_entry(row) for row in rows])


@router.get("/verify", summary="Compute the chain again", responses=documented(*_ERRORS))
def verify(
    admin: Admin,
    database: RequiredDatabaseDep,
    expect: Annotated[
        list[Annotated[str, Field(pattern="^[0-9a-f]{64}$")]],
        Query(max_length=100, description="Hashes that were written down earlier; a row must still have each."),
    ] = [],  # noqa: B006
) -> VerdictSummary:
    """Tell whether rows were changed, deleted, inserted or moved."""
    with database.reading() as session:
        verdict = audit.verify(
            lambda: repository.audit_rows(session, admin.clinic_id),
            repository.audit_head(session, admin.clinic_id),
            expect=expect,
        )
    missing = [each for each in expect if each not in verdict.expected]
    return VerdictSummary(
        intact=not verdict.findings and not missing,
        rows=verdict.rows,
        last_hash=verdict.last_hash,
        findings=[
            FindingSummary(kind=each.kind, first=each.first, last=each.last, reason=each.reason)
            for each in verdict.findings
        ],
        missing=missing,
    )


def _entry(row: audit.Row) -> AuditEntry:
    try:
        detail = json.loads(row.detail)
    except ValueError:
        # Somebody put something else there; `verify` names the row.
        detail = row.detail
    return AuditEntry(
        seq=row.seq,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        action=row.action,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        detail=detail,
        hash=row.hash,
    )
