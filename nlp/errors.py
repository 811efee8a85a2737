"""The base of every documented error, and the reader's own: named classes that hold data, never the note's text."""

from __future__ import annotations


class TherapyCoderError(Exception):
    """Base of every documented error of this package."""


class LexiconError(TherapyCoderError):
    """A data file cannot be used; the message names the file, the entry and what to write instead."""

    def __init__(self, file: str, entry: str, reason: str) -> None:
        self.file, self.entry, self.reason = file, entry, reason
        super().__init__(f"{file}, entry {entry!r}: {reason}")


class NoteTooLong(TherapyCoderError):
    """The note is longer than the reader accepts."""

    def __init__(self, length: int, limit: int) -> None:
        self.length, self.limit = length, limit
        super().__init__(f"The note has {length} characters; the limit is {limit}. Split it into one note per visit.")


class UnreadableText(TherapyCoderError):
    """The note holds characters that are no text (lone surrogates)."""

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(f"The note is not valid Unicode text at character {position}. Copy it again from its source.")
