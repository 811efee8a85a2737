"""How the command line ends: its exit statuses, and the one line that says why."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

DONE, SOME_FAILED, UNREADABLE, MODEL_REFUSED, DATABASE_REFUSED = 0, 1, 2, 3, 4
TOLD = (
    "Exit status: 0 done; 1 some lines of a batch failed, notes or a candidate were refused, or something was found "
    "(by claims, copied or rules, in the audit trail, by models drift); "
    "2 wrong usage or input that cannot be read; 3 the model was refused; 4 the database cannot be used."
)


def fail(message: str, status: int = UNREADABLE) -> NoReturn:
    """End the program with one line on standard error."""
    sys.stderr.write(f"therapy-coder: {' '.join(message.split())}\n")
    raise typer.Exit(status)
