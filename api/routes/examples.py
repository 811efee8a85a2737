"""The examples that the API's description shows, from ``examples.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def examples() -> dict[str, Any]:
    """Return the examples by kind: ``notes``, ``batches``, ``result``."""
    return json.loads(files("api.routes").joinpath("examples.json").read_text(encoding="utf-8"))
