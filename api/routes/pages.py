"""The page, and the words it shows."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from fastapi import APIRouter
from fastapi.responses import FileResponse

from api.words import words
from models.billing.codes import CODES, HEADLINE
from models.note import Discipline

FOLDER = Path(str(files("api.pages")))

router = APIRouter(include_in_schema=False)


@router.get("/")
def page() -> FileResponse:
    """Return the page."""
    return FileResponse(FOLDER / "index.html")


@router.get("/page/words")
def page_words() -> dict[str, Any]:
    """Return the words of ``words.toml`` and the names of the codes, which the page has no copy of."""
    codes = {code.number: code.name for code in CODES.values()}
    return {**words(), "codes": codes, "headline": HEADLINE, "disciplines": get_args(Discipline)}
