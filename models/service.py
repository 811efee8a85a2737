"""A block with its code: what the classifier makes of `nlp.document.Block`.

Examples
--------
>>> Reason(0, 4, "SLRs", "97110", 1.8).code
'97110'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nlp.document import Block

_SUREST = 0.99


@dataclass(frozen=True, slots=True)
class Reason:
    """Words that moved the decision: toward ``code`` where ``weight`` is positive, away from it where negative (log-odds)."""

    start: int
    end: int
    text: str
    code: str
    weight: float


@dataclass(frozen=True, slots=True)
class Service:
    """A block of treatment with its proposed code.

    ``code`` is ``"97110"``, ``"97530"`` or ``"other"``; ``other_code`` is the other service's own number or ``None``.
    ``probabilities`` has exactly these three keys and sums to 1; ``confidence`` is the calibrated probability of ``code``,
    ``stated_confidence`` what a result says of it.
    ``content_probabilities`` are the same with the code that the note states hidden: what the content alone says.
    ``possible`` are the codes that remain possible at the risk the classifier was calibrated for, ``code`` among them.
    """

    block: Block
    code: str
    other_code: str | None
    confidence: float
    probabilities: Mapping[str, float]
    content_probabilities: Mapping[str, float]
    reasons: tuple[Reason, ...] = ()
    possible: tuple[str, ...] = ()

    @property
    def stated_confidence(self) -> float:
        """``confidence`` in hundredths, and no more than 0.99: of blocks given more, as many are wrong whatever it is."""
        return min(round(self.confidence, 2), _SUREST)

    @property
    def billed_code(self) -> str | None:
        """The number the minutes go under: ``code`` itself, or the other service's own; ``None`` where not known."""
        return self.other_code if self.code == "other" else self.code
