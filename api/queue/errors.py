"""What the review queue refuses; no message holds a word of a note.

Examples
--------
>>> DecisionRefused([Misfit("services.0", "span 5..9 lies outside the note")]).refused[0].field
'services.0'
"""

from __future__ import annotations

from collections.abc import Sequence

from models.training.dataset import Misfit
from nlp.errors import TherapyCoderError


class FieldsRefused(TherapyCoderError):
    """Fields of a request are well formed and yet not right here: ``refused`` names each and why."""

    def __init__(self, message: str, refused: Sequence[Misfit]) -> None:
        self.refused = tuple(refused)
        super().__init__(message)


class DecisionRefused(FieldsRefused):
    """A decision does not fit the note."""

    def __init__(self, refused: Sequence[Misfit]) -> None:
        super().__init__(
            "The decision does not fit the note. Nothing was kept; correct the fields and send it again.", refused
        )


class NotYourClinic(FieldsRefused):
    """The caller reads for no clinic of that short name; whether there is one is not told."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing was done: choose one of the clinics that the queue shows you, or leave the clinic out.",
            [Misfit("clinic", "you do not read for a clinic of this short name")],
        )


class NoSuchTherapist(FieldsRefused):
    """The clinic has no therapist of that login who may sign in."""

    def __init__(self) -> None:
        super().__init__(
            "The note was not kept: nobody of the clinic could be asked about it.",
            [Misfit("therapist", "the clinic has no therapist of this login")],
        )


class KeyReused(TherapyCoderError):
    """An idempotency key came before with another note."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came before with another note. Use a new key for a new note.")
