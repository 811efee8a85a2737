"""Therapy Coder: from a treatment note to a billing proposal. The one public import name; re-exports only."""

from models.billing.errors import InvalidMinutes, UnknownCode, UnknownPayer, UnknownPolicy
from models.billing.reasons import calculate
from models.billing.units import units
from models.coder import Coder
from models.errors import DatasetError, UnknownRisk, UntrustedModel
from models.note import Note
from models.result import Result
from nlp.errors import LexiconError, NoteTooLong, TherapyCoderError, UnreadableText

__all__ = [
    "Coder",
    "DatasetError",
    "InvalidMinutes",
    "LexiconError",
    "Note",
    "NoteTooLong",
    "Result",
    "TherapyCoderError",
    "UnknownCode",
    "UnknownPayer",
    "UnknownPolicy",
    "UnknownRisk",
    "UnreadableText",
    "UntrustedModel",
    "calculate",
    "units",
]
