"""What was billed against the notes: a CSV in, a report out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from api.access import allowed_once_opened
from api.claims import COLUMNS, ClaimsError, as_csv, as_html, check_claims, parse_claims, report_rows, totals
from api.dependencies import CoderDep, SettingsDep
from api.errors import (
    Forbidden,
    ModelNotReady,
    RequestTooLarge,
    SignInRequired,
    TooManyNotes,
    WrongHost,
    documented,
)

router = APIRouter(
    prefix="/v1/claims",
    tags=["claims"],
    # What is billed is no therapist's business; who may read every note of the clinic may hold claims against them.
    dependencies=[Depends(allowed_once_opened("coder", "trainer", "admin", scope="suggestions"))],
)

_CSV, _HTML, _JSON = "text/csv", "text/html", "application/json"
_EXAMPLE = 'note_id,text,code,units,modifiers\nv1,"Ther ex x 23 min: SLR 3x10, clamshells",97110,2,GP\n'


class PayerUnits(BaseModel):
    """What one payer's count gives a note's minutes."""

    id: str
    name: str
    governs: bool = Field(description="The claim goes to this payer first, in its count.")
    units: dict[str, int]


class TwoPayers(BaseModel):
    """A claim with two payers: what was billed, and what each of them counts, the one that governs first."""

    note_id: str
    billed: dict[str, int]
    payers: tuple[PayerUnits, ...]


class ClaimsReport(BaseModel):
    """The report: as rows, and as the CSV that the command writes. It holds no word of a note."""

    totals: dict[str, int] = Field(description="Claims by verdict, and units billed, not supported, and not billed.")
    columns: tuple[str, ...] = Field(description="Names of the cells of a row.")
    rows: list[dict[str, Any]] = Field(description="A row a finding, and one for each claim without any.")
    csv: str
    rules: str = Field(description="Version of the rules.")
    two_payers: list[TwoPayers] = Field(
        description="Claims that name a secondary payer, whether it counts otherwise or not."
    )


@router.post(
    "",
    summary="Check claims against their notes",
    response_model=ClaimsReport,
    responses=documented(
        SignInRequired, Forbidden, WrongHost, RequestTooLarge, RequestValidationError, ClaimsError, TooManyNotes, ModelNotReady,
        Exception,
    )
    | {
        200: {
            "description": "The report; as CSV or as a page where Accept asks for that.",
            "content": {_CSV: {"schema": {"type": "string"}}, _HTML: {"schema": {"type": "string"}}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A billed line a row. Columns: note_id, text, code, units; modifiers, assistant_minutes, "
            "date_of_service, payer, secondary_payer, discipline may be missing. A note's first row alone may have its text.",
            "content": {_CSV: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)  # fmt: skip
def check(
    content: Annotated[bytes, Body(media_type=_CSV)],
    coder: CoderDep,
    settings: SettingsDep,
    payer: Annotated[str, Query(max_length=100, description="Payer of the rows that name none.")] = "medicare",
    secondary_payer: Annotated[
        str | None, Query(max_length=100, description="Secondary payer of the rows that name none.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = _JSON,
) -> Any:
    """Hold what was billed against the notes: too much, too little, wrong form. Nothing is kept; a month is the command's."""
    claims = parse_claims(content, "claims", coder.rules, payer=payer, secondary=secondary_payer)
    if settings.max_batch_notes < len(claims):
        raise TooManyNotes(len(claims), settings.max_batch_notes)
    checked = list(check_claims(claims, coder))
    if accept.startswith(_CSV):
        return Response(as_csv(checked), media_type=_CSV, headers=_as_file("csv"))
    if accept.startswith(_HTML):
        # It brings its own styles, which our pages may not: a file to keep and to open.
        return Response(as_html(checked, coder.rules.version), media_type=_HTML, headers=_as_file("html"))
    rows = [row for each in checked for row in report_rows(each)]
    return ClaimsReport(
        totals=totals(checked),
        columns=COLUMNS,
        rows=rows,
        csv=as_csv(checked),
        rules=coder.rules.version,
        two_payers=[
            TwoPayers(
                note_id=each.claim.note.note_id or "",
                billed=dict(each.check.billed),
                payers=tuple(PayerUnits.model_validate(payer._asdict()) for payer in each.check.payers),
            )
            for each in checked
            if each.check is not None and len(each.check.payers) > 1
        ],
    )


def _as_file(ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="claims.{ending}"'}
