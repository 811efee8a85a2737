"""A JSONL file of notes to a JSONL file of results on this computer, in the same order, whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from api.batch.records import ErrorLine, parse
from models.result import Result

Coding = Callable[[Iterator[object]], Iterator[Result | ErrorLine]]

# Twice what the longest note the reader takes needs where each letter is an escape.
MAX_LINE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines read, and how many of them gave an error line."""

    lines: int
    errors: int


def run(
    source: Path,
    target: Path,
    coding: Coding,
    *,
    progress: Callable[[int], None] | None = None,
) -> Counts:
    """Code ``source`` line by line into ``target``.

    The output is written beside the target, readable by its owner alone since it holds notes' words, and renamed when
    it is whole; until then, and after any error, an older target stays as it was.

    Parameters
    ----------
    source
        JSONL, a note a line.
    target
        File to write; results and error lines, one for each line of ``source``.
    coding
        Makes a result or an error line of each JSON value, in order (`api.batch.records.code_values` with a coder).
    progress
        Called after each line with the number of bytes of ``source`` read so far.

    Raises
    ------
    OSError
        A file cannot be read or written, or ``target`` is no regular file.
    """
    if target.exists() and not target.is_file():
        raise OSError("the output must be a regular file")
    lines = errors = 0
    with source.open("rb") as reading:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        made = Path(name)
        try:
            with os.fdopen(handle, "wb") as writing:
                for item in coding(_values(reading)):
                    writing.write(json.dumps(item.model_dump(mode="json"), ensure_ascii=False).encode("utf-8") + b"\n")
                    lines += 1
                    errors += isinstance(item, ErrorLine)
                    if progress is not None:
                        progress(reading.tell())
                writing.flush()
                os.fsync(writing.fileno())
            made.replace(target)
        finally:
            made.unlink(missing_ok=True)
    return Counts(lines, errors)


def _values(reading: BinaryIO) -> Iterator[object]:
    first = True
    while line := reading.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := reading.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield ErrorLine(note_id=None, error=f"The line is longer than {MAX_LINE_BYTES} bytes.")
        else:
            # Some programs begin a file with a byte-order mark; it is no part of the first note.
            yield parse(line.removeprefix(b"\xef\xbb\xbf") if first else line)
        first = False
