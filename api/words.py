"""What people read on the terminal and on the page, from ``words.toml``.

Examples
--------
>>> words()["proposal"]["flagged"]
'needs a look'
>>> percent(0.999), confidence_word(0.999)
(99, 'very sure')
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from models.billing.codes import CODES


@cache
def words() -> dict[str, Any]:
    """Return the whole file; callers only read it."""
    return tomllib.loads(files("api").joinpath("words.toml").read_text(encoding="utf-8"))


def percent(probability: float) -> int:
    """Return whole per cent in [0, 100], cut and not rounded, so that only certainty reads 100."""
    return int(probability * 100)


def confidence_word(probability: float) -> str:
    """Return the word for a calibrated probability in [0, 1]."""
    return next(entry["word"] for entry in words()["confidence"] if entry["from"] <= probability)


def code_name(number: str) -> str:
    """Return a code's plain name, ``""`` where the code list has it not."""
    return CODES[number].name if number in CODES else ""


def service_name(code: str, other_code: str | None) -> str:
    """Return number and name of a service as people read it.

    Examples
    --------
    >>> service_name("other", None)
    'another service'
    """
    if code != "other":
        return f"{code} {code_name(code)}".rstrip()
    return "another service" if other_code is None else f"{other_code} {code_name(other_code)}".rstrip()
