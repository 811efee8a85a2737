"""Flat labelled spans, as annotation tools hold them, to a labelled note and back.

Tools know spans with a label, links between two spans, categories of the whole text, and free *meta* data. A label is a
kind and, behind a colon, a value:

========================  ==========================================================================================
``SERVICE:97110``         a block of this code; any code of ``codes.toml``, or ``other`` where it is not known
``ACTIVITY``              a task done today, of the service that contains it (a link says so where two do)
``MENTION:planned``       a task not done today and its status; ``MENTION`` alone: no status
``GOAL``                  a goal
``MINUTES``               words that give the service around them its minutes; ``MINUTES:15`` where they are no number;
                          linked to several services: one duration that these share
``STATED``                the code or service name that the note puts on the service around it; ``STATED:97110``
``ASSESSMENT``            words that document an assessment; ``PROGRESS`` likewise
========================  ==========================================================================================

The last four are for notes labelled in a tool; `flatten` writes minutes, stated codes and elements as attributes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from models.billing.codes import CODES, HEADLINE
from models.errors import NotConvertible
from models.note import Discipline
from models.training.dataset import HardKind, LabelledNote, LabelledService, Pair, ServiceCode, told
from nlp.components.durations import find_durations
from nlp.context import Context
from nlp.document import ELEMENTS, STATUSES, ElementName
from nlp.terms import entries
from nlp.tokens import Tokens

Kind = Literal["SERVICE", "ACTIVITY", "MENTION", "GOAL", "MINUTES", "STATED", "ASSESSMENT", "PROGRESS"]
KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
OTHER = "other"

_LABEL = re.compile(rf"({'|'.join(KINDS)})(?:[:_ -](\w+))?", re.IGNORECASE)
_CODE = re.compile(r"(?<!\w)[0-9A-Z]\d{4}(?!\w)")
_INSIDE: tuple[Kind, ...] = ("ACTIVITY", "MINUTES", "STATED")  # what belongs to a service


class StoredService(BaseModel):
    """What a label cannot say of one service; ``start``, ``end`` and ``label`` tell which service it was."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    start: int
    end: int
    label: str
    accept: tuple[ServiceCode, ...] | None = None
    other_code: str | None = None
    stated: str | None = None
    stated_code: str | None = None
    minutes: int | None = None


class StoredShared(BaseModel):
    """Shared minutes; a service is named by start, end and its number among the services with these two."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    minutes: int
    blocks: tuple[tuple[int, int, int], ...]


class StoredLink(BaseModel):
    """The service of an activity that lies in two alike, for tools without links; named as in `StoredShared`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    activity: tuple[int, int]
    service: tuple[int, int, int]


class Meta(BaseModel):
    """What tools have no place for. Every field may be missing; keys of the tool's own are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str | None = None
    writer: str | None = None
    layout: str | None = None
    discipline: Discipline | None = None
    setting: str | None = None
    style: str | None = None
    trap: str | None = None
    hard: tuple[HardKind, ...] | None = None
    pair: Pair | None = None
    services: tuple[StoredService, ...] | None = None
    shared_minutes: tuple[StoredShared, ...] | None = None
    links: tuple[StoredLink, ...] | None = None

    def dump(self) -> dict[str, Any]:
        """Return what is there as plain JSON values."""
        return self.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A span ``[start, end)`` with its label, parsed; ``attributes`` as in `StoredService`, for services alone."""

    kind: Kind
    value: str | None
    start: int
    end: int
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The label as one word: ``SERVICE:97110``."""
        return self.kind if self.value is None else f"{self.kind}:{self.value}"

    @property
    def place(self) -> str:
        """How messages name the span."""
        return f"{self.kind} at {self.start}..{self.end}"


@dataclass(frozen=True, slots=True)
class Flat:
    """One note as spans, links between two of them (by index), elements where they are labelled, and meta."""

    text: str
    spans: tuple[Tagged, ...]
    links: tuple[tuple[int, int], ...] = ()
    elements: Mapping[ElementName, bool] | None = None
    meta: Meta = field(default_factory=Meta)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What to write where a tool's file does not say; a note without a discipline is refused."""

    writer: str = "imported"
    layout: str = "imported"
    setting: str = "unknown"
    style: str = "imported"
    discipline: Discipline | None = None


def parse_label(label: str) -> tuple[Kind, str | None]:
    """Kind and value of a label; letters may be of either case, the mark between them a colon, dash, ``_`` or blank.

    Raises
    ------
    ValueError
        It is none of the labels above.

    Examples
    --------
    >>> parse_label("SERVICE:97110"), parse_label("mention_home_program"), parse_label("Goal")
    (('SERVICE', '97110'), ('MENTION', 'home_program'), ('GOAL', None))
    """
    match = _LABEL.fullmatch(label.strip())
    if match is None:
        raise ValueError(f"the label {label[:40]!r} is none of {', '.join(KINDS)}")
    kind, value = KINDS[match[1].upper()], match[2]
    if value is None:
        return kind, None
    if kind == "SERVICE":
        value = OTHER if value.lower() == OTHER else value.upper()
        if value not in (*CODES, OTHER):
            raise ValueError(f"SERVICE:{value} names no known code; write its number, or SERVICE:{OTHER}")
    elif kind == "MENTION":
        value = value.lower()
        if value not in STATUSES:
            raise ValueError(f"MENTION:{value} names no status; use one of {', '.join(STATUSES)}")
    elif kind == "STATED":
        value = value.upper()
        if value not in CODES:
            raise ValueError(f"STATED:{value} names no known code")
    elif kind == "MINUTES":
        if not value.isdecimal():
            raise ValueError(f"MINUTES:{value} is no number of minutes")
    else:
        raise ValueError(f"the label {kind} takes no value")
    return kind, value


# ---- a labelled note to flat spans


def flatten(note: LabelledNote) -> Flat:
    """A labelled note as flat spans: each service followed by its activities, then mentions and goals.

    A link stands only where containment alone would not tell the service of an activity.
    """
    spans: list[Tagged] = []
    owners: list[tuple[int, int]] = []
    for service in note.services:
        own = len(spans)
        spans.append(Tagged("SERVICE", _value(service), service.start, service.end, _attributes(service)))
        for activity in service.activities:
            owners.append((len(spans), own))
            spans.append(Tagged("ACTIVITY", None, activity.start, activity.end))
    links = tuple((one, own) for one, own in owners if _home(spans[one], spans) != own)
    spans += (Tagged("MENTION", mention.status, mention.start, mention.end) for mention in note.mentions)
    spans += (Tagged("GOAL", None, goal.start, goal.end) for goal in note.goals)
    names = _names([(service.start, service.end) for service in note.services])
    meta = Meta(
        id=note.id,
        writer=note.writer,
        layout=note.layout,
        discipline=note.discipline,
        setting=note.setting,
        style=note.style,
        trap=note.trap,
        hard=note.hard or None,
        pair=note.pair,
        shared_minutes=tuple(
            StoredShared(minutes=shared.minutes, blocks=tuple(names[block] for block in shared.blocks))
            for shared in note.shared_minutes
        )
        or None,
    )
    return Flat(note.text, tuple(spans), links, dict(note.elements), meta)


def stored_services(flat: Flat) -> tuple[StoredService, ...] | None:
    """Every service with its attributes, for tools whose spans have none; ``None`` where no service has any."""
    services = [span for span in flat.spans if span.kind == "SERVICE"]
    if not any(span.attributes for span in services):
        return None
    return tuple(StoredService(start=s.start, end=s.end, label=s.label, **s.attributes) for s in services)


def stored_links(flat: Flat) -> tuple[StoredLink, ...] | None:
    """The links of activities to services, for tools that have none; ``None`` where there are none."""
    indexes = [index for index, span in enumerate(flat.spans) if span.kind == "SERVICE"]
    names = dict(zip(indexes, _names([(flat.spans[i].start, flat.spans[i].end) for i in indexes]), strict=True))
    links = ((flat.spans[one], names[own]) for one, own in flat.links)
    return tuple(StoredLink(activity=(span.start, span.end), service=name) for span, name in links) or None


def _value(service: LabelledService) -> str:
    """The code as a label names it: its number where the label can say it, else ``other``."""
    if service.code in HEADLINE:
        return service.code
    known = service.other_code in CODES and service.other_code not in HEADLINE
    return service.other_code if known and service.other_code else OTHER


def _codes(value: str) -> tuple[ServiceCode, str | None]:
    """Code and other code that a label's value stands for."""
    if value == "97110" or value == "97530":
        return value, None
    return "other", None if value == OTHER else value


def _attributes(service: LabelledService) -> dict[str, Any]:
    code, other = _codes(_value(service))
    found: dict[str, Any] = {}
    if service.accept != (code,):
        found["accept"] = service.accept
    if service.other_code != other:
        found["other_code"] = service.other_code
    for name in ("stated", "stated_code", "minutes"):
        if (value := getattr(service, name)) is not None:
            found[name] = value
    return found


def _names(places: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Each place with its number among equal ones before it."""
    seen: Counter[tuple[int, int]] = Counter()
    names = []
    for place in places:
        names.append((*place, seen[place]))
        seen[place] += 1
    return names


def _home(span: Tagged, spans: Sequence[Tagged]) -> int | None:
    """Index of the shortest service that contains ``span``; ``None`` without one, or with two as short."""
    around = [
        (other.end - other.start, index)
        for index, other in enumerate(spans)
        if other.kind == "SERVICE" and other.start <= span.start and span.end <= other.end
    ]
    shortest = min(around, default=None)
    if shortest is None or sum(length == shortest[0] for length, _ in around) > 1:
        return None
    return shortest[1]


# ---- flat spans to a labelled note


def gather(flat: Flat, *, fallback: str, defaults: Defaults | None = None) -> LabelledNote:
    """A labelled note from flat spans. What is labelled wins; meta gives what labels cannot say.

    Of meta, attributes go to the service with the same place, and a code kept for another label is dropped. Elements
    that are not labelled come from the spans: an activity, minutes of 97110 or 97530 work, a goal, an assessment and
    progress are documented where something is labelled so.

    Parameters
    ----------
    flat
        The note.
    fallback
        Its id where meta has none.
    defaults
        Writer, layout, setting, style and discipline where meta has none.

    Raises
    ------
    NotConvertible
        The labels do not make a note; names it and says why, never with words of the note.
    """
    note_id = fallback if flat.meta.id is None else flat.meta.id
    try:
        return _gather(flat, note_id, defaults or Defaults())
    except ValidationError as error:
        raise NotConvertible(note_id, told(error)[0]) from None
    except ValueError as error:
        raise NotConvertible(note_id, str(error)) from None


def _gather(flat: Flat, note_id: str, defaults: Defaults) -> LabelledNote:
    text, spans, meta = flat.text, flat.spans, flat.meta
    for span in spans:
        if not 0 <= span.start < span.end <= len(text):
            raise ValueError(f"{span.place} lies outside the text of {len(text)} characters")
    discipline = meta.discipline or defaults.discipline
    if discipline is None:
        raise ValueError("its discipline is not given; write PT or OT into meta, or name one for the file")
    indexes = [index for index, span in enumerate(spans) if span.kind == "SERVICE"]
    names = _names([(spans[index].start, spans[index].end) for index in indexes])
    remembered = {
        link.activity: indexes[names.index(link.service)] for link in meta.links or () if link.service in names
    }
    owners = _owners(spans, flat.links, remembered)
    stored = _stored(meta)
    services = [
        _service(text, spans, index, owners, stored.get(name)) for index, name in zip(indexes, names, strict=True)
    ]
    shared = [
        {"minutes": _minutes(text, spans[one]), "blocks": [indexes.index(own) for own in own_by]}
        for one, own_by in owners.items()
        if spans[one].kind == "MINUTES" and len(own_by) > 1
    ]
    for entry in meta.shared_minutes or ():
        blocks = [names.index(block) for block in entry.blocks if block in names]
        if blocks or not entry.blocks:
            shared.append({"minutes": entry.minutes, "blocks": blocks})

    def given(name: str) -> Any:
        value = getattr(meta, name)
        return getattr(defaults, name) if value is None else value

    def place(span: Tagged) -> dict[str, Any]:
        return {"start": span.start, "end": span.end, "text": text[span.start : span.end]}

    return LabelledNote.model_validate(
        {
            "id": note_id,
            "writer": given("writer"),
            "layout": given("layout"),
            "discipline": discipline,
            "setting": given("setting"),
            "style": given("style"),
            "text": text,
            "services": services,
            "shared_minutes": shared,
            "mentions": [{**place(span), "status": span.value} for span in spans if span.kind == "MENTION"],
            "goals": [place(span) for span in spans if span.kind == "GOAL"],
            "elements": _elements(flat, services, shared) if flat.elements is None else flat.elements,
            "trap": meta.trap or "",
            "hard": meta.hard or (),
            "pair": meta.pair,
        }
    )


def _owners(
    spans: Sequence[Tagged], links: Sequence[tuple[int, int]], remembered: Mapping[tuple[int, int], int]
) -> dict[int, list[int]]:
    """The services of each activity, minutes and stated span, by index: as linked, else as meta has it, else around."""
    owners: dict[int, list[int]] = {index: [] for index, span in enumerate(spans) if span.kind in _INSIDE}
    for pair in links:
        for one, other in (pair, pair[::-1]):
            if one in owners and spans[other].kind == "SERVICE" and other not in owners[one]:
                owners[one].append(other)
    for index, own_by in owners.items():
        span = spans[index]
        if not own_by:
            place = (span.start, span.end)
            home = remembered[place] if span.kind == "ACTIVITY" and place in remembered else _home(span, spans)
            if home is None:
                raise ValueError(f"{span.place} lies in no SERVICE span, or in two alike; link it to its service")
            own_by.append(home)
        if len(own_by) > 1 and span.kind != "MINUTES":
            raise ValueError(f"{span.place} is linked to {len(own_by)} services; one is allowed")
    return owners


def _stored(meta: Meta) -> dict[tuple[int, int, int], StoredService]:
    services = meta.services or ()
    return dict(zip(_names([(s.start, s.end) for s in services]), services, strict=True))


def _service(
    text: str,
    spans: Sequence[Tagged],
    index: int,
    owners: Mapping[int, Sequence[int]],
    stored: StoredService | None,
) -> dict[str, Any]:
    span = spans[index]
    if span.value is None:
        raise ValueError(f"{span.place} has no code; label it SERVICE:97110, SERVICE:97530 or SERVICE:{OTHER}")
    attributes: dict[str, Any] = {}
    if stored is not None:
        attributes = stored.model_dump(exclude_none=True, exclude={"start", "end", "label"})
        if stored.label != span.label:  # coded anew in the tool
            attributes = {key: value for key, value in attributes.items() if key not in ("accept", "other_code")}
    attributes |= span.attributes
    code, other = _codes(span.value)
    accept = attributes.get("accept") or (code,)
    mine = [spans[one] for one, own_by in owners.items() if list(own_by) == [index]]
    minutes = [_minutes(text, one) for one in mine if one.kind == "MINUTES"]
    stated = [one for one in mine if one.kind == "STATED"]
    if len(stated) > 1:
        raise ValueError(f"{span.place} holds {len(stated)} STATED spans; one is allowed")
    words = text[stated[0].start : stated[0].end] if stated else attributes.get("stated")
    number = (stated[0].value or _number(words or "")) if stated else attributes.get("stated_code")
    return {
        "start": span.start,
        "end": span.end,
        "text": text[span.start : span.end],
        "code": code,
        "accept": accept if code in accept else (code,),
        "other_code": attributes.get("other_code", other),
        "stated": words,
        "stated_code": number,
        "minutes": sum(minutes) if minutes else attributes.get("minutes"),
        "activities": [
            {"start": one.start, "end": one.end, "text": text[one.start : one.end]}
            for one in mine
            if one.kind == "ACTIVITY"
        ],
    }


def _minutes(text: str, span: Tagged) -> int:
    """The number that a MINUTES span gives: its label's, what the duration reader reads, or the only one in it."""
    if span.value is not None:
        return int(span.value)
    words = text[span.start : span.end]
    read = {candidate.minutes for candidate in find_durations(Context(Tokens.of(words)))}
    read = read or {int(digits) for digits in re.findall(r"[0-9]+", words)}
    if len(read) != 1:
        raise ValueError(f"{span.place} gives no single number of minutes; label it MINUTES: and the number")
    return read.pop()


def _number(words: str) -> str | None:
    """The code that a note's words name: a known number in them, or the service that they are a name of."""
    for number in _CODE.findall(words):
        if number in CODES:
            return number
    name = words.strip().casefold()
    for entry in entries("services"):
        if name in (term.casefold() for term in (*entry.terms, *entry.data["head_terms"])):
            return entry.data["code"]
    return None


def _elements(
    flat: Flat, services: Sequence[Mapping[str, Any]], shared: Sequence[Mapping[str, Any]]
) -> dict[ElementName, bool]:
    kinds = {span.kind for span in flat.spans}
    timed = {i for i, service in enumerate(services) if service["minutes"] is not None}
    timed.update(block for entry in shared for block in entry["blocks"])
    found: dict[ElementName, bool] = {
        "activity": "ACTIVITY" in kinds,
        "duration": any(services[i]["code"] in HEADLINE for i in timed),
        "goal": "GOAL" in kinds,
        "assessment": "ASSESSMENT" in kinds,
        "progress": "PROGRESS" in kinds,
    }
    return {element: found[element] for element in ELEMENTS}
