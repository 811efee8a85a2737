"""What one note holds, as plain frozen values: the only thing that `nlp` hands to `models`.

Offsets are character offsets into the note's text exactly as it came in, half-open (``text[start:end]`` is the span).
Minutes are whole minutes. Nothing here knows spaCy.

Examples
--------
>>> Span(0, 4, "SLRs").text
'SLRs'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["planned", "home_program", "refused", "held", "unable", "past", "history", "reported"]
DurationKind = Literal["stated", "clock", "summed", "shared"]
ElementName = Literal["activity", "duration", "goal", "assessment", "progress"]
NoticeKind = Literal["group", "co_treatment", "cancelled", "evaluation_only", "unspecific", "assistant"]

STATUSES: tuple[Status, ...] = ("planned", "home_program", "refused", "held", "unable", "past", "history", "reported")
ELEMENTS: tuple[ElementName, ...] = ("activity", "duration", "goal", "assessment", "progress")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch ``[start, end)`` of the note with its text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Activity:
    """A task the patient did today; ``label`` and ``entry`` name the lexicon entry, ``""`` where no list has it.

    ``hint`` is what the encoder makes of its code: log-probabilities of 97110, 97530 and another service, less their mean;
    empty in the fast profile.
    """

    start: int
    end: int
    text: str
    label: str = ""
    entry: str = ""
    hint: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Duration:
    """Minutes with the span that gives them; ``kind`` as in the result contract."""

    start: int
    end: int
    text: str
    minutes: int
    kind: DurationKind


@dataclass(frozen=True, slots=True)
class Mention:
    """An activity that was not done today, its status, and the cue that says so (``None``: the section or the tagger)."""

    start: int
    end: int
    text: str
    status: Status
    cue: Span | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """A functional objective, whoever set it."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class StatedCode:
    """The code that the note itself puts on a block: its number, or the service name and the number it stands for."""

    start: int
    end: int
    text: str
    code: str


@dataclass(frozen=True, slots=True)
class Element:
    """One documentation element; ``span`` is ``None`` where the note does not document it."""

    name: ElementName
    span: Span | None


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the note under one heading; ``label`` is a label of ``lexicons/sections.toml`` (``""``: none)."""

    start: int
    end: int
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Total:
    """Session minutes that the note states as a total: of all timed codes (``timed``) or of the visit (``visit``)."""

    start: int
    end: int
    text: str
    minutes: int
    kind: Literal["timed", "visit"]


@dataclass(frozen=True, slots=True)
class WrittenUnits:
    """Units as the note writes them; ``code`` is ``None`` where they are not tied to one code."""

    start: int
    end: int
    text: str
    units: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the visit that a coder wants to know (``kind``), with the words that say it."""

    kind: NoticeKind
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Unskilled:
    """Words that say that ``minutes`` of a block (``None``: not how many) were no skilled treatment, and ``what`` they were."""

    start: int
    end: int
    text: str
    minutes: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block of treatment done today.

    ``minutes`` is ``None`` where the note gives the block none or shares one duration over several blocks
    (``duration.kind == "shared"``). ``goals`` are indexes into `Document.goals`. ``section`` is the label of the
    section it stands in. ``heading`` is the text on the block's line before its first activity. ``certainty`` is the reader's
    own, in [0, 1]: the least probability that one of its parts stands in it as it does. ``unskilled`` are those of its minutes
    that the note itself says were no skilled treatment.
    """

    start: int
    end: int
    text: str
    activities: tuple[Activity, ...]
    duration: Duration | None
    minutes: int | None
    stated: StatedCode | None
    goals: tuple[int, ...] = ()
    section: str = ""
    heading: str = ""
    certainty: float = 1.0
    unskilled: tuple[Unskilled, ...] = ()

    @property
    def skilled_minutes(self) -> int | None:
        """The minutes that can become units: all but those of which the note says otherwise; ``None`` with ``minutes``."""
        return None if self.minutes is None else self.minutes - sum(each.minutes or 0 for each in self.unskilled)


@dataclass(frozen=True, slots=True)
class Document:
    """Everything read out of one note, in text order.

    ``certainty`` is the least probability, in [0, 1], that what was left out of the blocks belongs in none.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    mentions: tuple[Mention, ...] = ()
    goals: tuple[Goal, ...] = ()
    elements: tuple[Element, ...] = field(default_factory=lambda: tuple(Element(name, None) for name in ELEMENTS))
    sections: tuple[Section, ...] = ()
    totals: tuple[Total, ...] = ()
    written_units: tuple[WrittenUnits, ...] = ()
    notices: tuple[Notice, ...] = ()
    certainty: float = 1.0
