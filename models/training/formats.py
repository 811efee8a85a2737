"""Labelled notes in the formats of annotation tools, both ways: Prodigy, Label Studio, doccano, and our own JSONL.

Every tool's file holds what the tool itself shows and edits: spans, and where it has them categories, numbers and
links. What it has no place for stands in ``meta``, so that a note comes back exactly as it was; what was changed in the
tool wins over ``meta`` (`models.training.spans.gather`). Offsets are character offsets (code points), half-open, in all of
them. Field names are those of Prodigy's ``spans_manual`` tasks, of Label Studio's task JSON and of doccano's sequence
labelling with relations.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.billing.codes import HEADLINE
from models.errors import NotConvertible
from models.training.dataset import Format, LabelledNote, lines_of, text_of, told
from models.training.spans import (
    OTHER,
    Defaults,
    Flat,
    Kind,
    Meta,
    Tagged,
    flatten,
    gather,
    parse_label,
    stored_links,
    stored_services,
)
from nlp.document import ELEMENTS, STATUSES, ElementName

Json = dict[str, Any]

PART_OF = "part_of"  # an activity, minutes or stated span to its service
NONE = "none"  # the choice that says that no element is documented
_TEXT = "text"


class _Record(BaseModel):
    """Part of a tool's file; what else the tool writes there is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


Part = TypeVar("Part", bound=_Record)


def _parse(model: type[Part], record: object, fallback: str) -> Part:
    try:
        return model.model_validate(record)
    except ValidationError as error:
        raise NotConvertible(fallback, told(error)[0]) from None


class _Spans:
    """Spans and links of one note in a tool's file, parsed one by one; a wrong one refuses the note."""

    def __init__(self, note_id: str, text: str) -> None:
        self.note_id, self.text = note_id, text
        self.found: list[Tagged] = []
        self.links: list[tuple[int, int]] = []

    def error(self, reason: str) -> NotConvertible:
        return NotConvertible(self.note_id, reason)

    def add(
        self, label: str, start: int, end: int, words: object = None, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """Add a span; ``words`` are those that the tool saw there, where it says so."""
        try:
            kind, value = parse_label(label)
        except ValueError as error:
            raise self.error(str(error)) from None
        if isinstance(words, str) and self.text[start:end] != words:
            raise self.error(
                f"{kind} at {start}..{end}: the text there is not what the tool saw; offsets count code points"
            )
        self.found.append(Tagged(kind, value, start, end, attributes or {}))

    def link(self, one: int | None, other: int | None) -> None:
        """Link two spans by index; ``None`` where the file names a span that it does not hold."""
        if one is None or other is None:
            raise self.error("a relation of it names a span that is not there")
        self.links.append((one, other))

    def gather(
        self, elements: Mapping[ElementName, bool] | None, meta: Meta, defaults: Defaults | None
    ) -> LabelledNote:
        flat = Flat(self.text, tuple(self.found), tuple(self.links), elements, meta)
        return gather(flat, fallback=self.note_id, defaults=defaults)


def _elements(named: Mapping[str, float]) -> dict[ElementName, bool] | None:
    """Elements from categories with scores; ``None`` where the categories are about something else."""
    if named and not any(element in named for element in ELEMENTS):
        return None
    return {element: named.get(element, 0.0) >= 0.5 for element in ELEMENTS}


def _named(meta: Meta, *names: str | None) -> Meta:
    """Meta with the first id that there is: its own, else one of these."""
    return meta.model_copy(update={"id": next((name for name in (meta.id, *names) if name is not None), None)})


# ---- Prodigy: one task a line


class _ProdigySpan(_Record):
    start: int
    end: int
    label: str
    text: str | None = None


class _ProdigyRelation(_Record):
    head_span: _ProdigySpan
    child_span: _ProdigySpan


class _ProdigyTask(_Record):
    text: str
    spans: tuple[_ProdigySpan, ...] = ()
    relations: tuple[_ProdigyRelation, ...] = ()
    cats: dict[str, float] = Field(default_factory=dict)
    meta: Meta = Field(default_factory=Meta)
    answer: Literal["accept", "reject", "ignore"] = "accept"


def to_prodigy(note: LabelledNote) -> Json:
    """A Prodigy task for the ``spans_manual`` view, which allows spans within spans.

    Without ``relations``: their view shows no span within a span, and their heads are tokens, which Prodigy adds.
    """
    flat = flatten(note)
    return {
        "text": flat.text,
        "spans": [{"start": span.start, "end": span.end, "label": span.label} for span in flat.spans],
        "cats": {element: float(documented) for element, documented in (flat.elements or {}).items()},
        "meta": _with_services(flat).model_copy(update={"links": stored_links(flat)}).dump(),
    }


def from_prodigy(task: object, *, fallback: str, defaults: Defaults | None = None) -> LabelledNote | None:
    """A labelled note from a Prodigy task; ``None`` where its answer is ``reject`` or ``ignore``.

    Relations between a service and what belongs to it count, in either direction and under any name.

    Raises
    ------
    NotConvertible
        The task's labels do not make a note.
    """
    record = _parse(_ProdigyTask, task, fallback)
    if record.answer != "accept":
        return None
    spans = _Spans(record.meta.id or fallback, record.text)
    index = {(span.start, span.end, span.label): number for number, span in enumerate(record.spans)}
    for span in record.spans:
        spans.add(span.label, span.start, span.end, span.text)
    for relation in record.relations:
        ends = [index.get((end.start, end.end, end.label)) for end in (relation.head_span, relation.child_span)]
        spans.link(*ends)
    return spans.gather(_elements(record.cats) if record.cats else None, record.meta, defaults)


# ---- Label Studio: an array of tasks


class _Value(_Record):
    start: int | None = None
    end: int | None = None
    text: str | tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    number: float | None = None


class _Result(_Record):
    type: str
    id: str | None = None
    from_name: str | None = None
    value: _Value = Field(default_factory=_Value)
    from_id: str | None = None
    to_id: str | None = None


class _Annotation(_Record):
    result: tuple[_Result, ...] = ()
    was_cancelled: bool = False


class _Data(_Record):
    text: str
    note_id: str | None = None


class _Task(_Record):
    data: _Data
    id: str | None = None
    annotations: tuple[_Annotation, ...] = ()
    meta: Meta = Field(default_factory=Meta)


# Names of the controls of the labelling configuration, which are the ``from_name`` of results.
_LABELS, _CODE, _ACCEPT, _STATUS, _MINUTES, _ELEMENTS = "label", "code", "accept", "status", "minutes", "elements"
_WORDS = ("other_code", "stated", "stated_code")
_CONTROLS = (_CODE, _ACCEPT, _STATUS, _MINUTES, *_WORDS)  # of one region
_REGION_LABELS: tuple[Kind, ...] = ("SERVICE", "ACTIVITY", "MENTION", "GOAL")


def to_label_studio(note: LabelledNote) -> Json:
    """A Label Studio task with one annotation, for the configuration of `label_studio_config`."""
    flat = flatten(note)
    ids = [f"{span.kind.lower()}-{number}" for number, span in enumerate(flat.spans)]
    results: list[Json] = []

    def add(region: str, control: str, kind: str, value: Json, span: Tagged | None = None) -> None:
        place = {} if span is None else {"start": span.start, "end": span.end}
        results.append(
            {"id": region, "from_name": control, "to_name": _TEXT, "type": kind, "value": {**place, **value}}
        )

    for region, span in zip(ids, flat.spans, strict=True):
        words = flat.text[span.start : span.end]
        add(region, _LABELS, "labels", {"text": words, "labels": [span.kind]}, span)
        if span.kind == "MENTION" and span.value is not None:
            add(region, _STATUS, "choices", {"choices": [span.value]}, span)
        if span.kind != "SERVICE":
            continue
        attributes = dict(span.attributes)
        code = span.value if span.value in HEADLINE else OTHER
        if span.value != code:
            attributes["other_code"] = span.value
        add(region, _CODE, "choices", {"choices": [code]}, span)
        if "accept" in attributes:
            add(region, _ACCEPT, "choices", {"choices": list(attributes["accept"])}, span)
        if "minutes" in attributes:
            add(region, _MINUTES, "number", {"number": attributes["minutes"]}, span)
        for name in _WORDS:
            if name in attributes:
                add(region, name, "textarea", {"text": [attributes[name]]}, span)
    documented = [element for element, there in (flat.elements or {}).items() if there]
    add(_ELEMENTS, _ELEMENTS, "choices", {"choices": documented or [NONE]})
    results += (
        {"type": "relation", "from_id": ids[one], "to_id": ids[other], "direction": "right", "labels": [PART_OF]}
        for one, other in flat.links
    )
    return {
        "data": {"text": flat.text, "note_id": flat.meta.id},
        "meta": flat.meta.model_copy(update={"id": None}).dump(),
        "annotations": [{"result": results}],
    }


def from_label_studio(task: object, *, fallback: str, defaults: Defaults | None = None) -> LabelledNote | None:
    """A labelled note from a Label Studio task; ``None`` where its only annotation was skipped.

    Regions may be labelled with the configuration of `label_studio_config`, or with whole labels (``SERVICE:97110``).

    Raises
    ------
    NotConvertible
        The task has no annotation or several, or its labels do not make a note.
    """
    record = _parse(_Task, task, fallback)
    meta = _named(record.meta, record.data.note_id, record.id)
    spans = _Spans(meta.id or fallback, record.data.text)
    annotations = [annotation for annotation in record.annotations if not annotation.was_cancelled]
    if record.annotations and not annotations:
        return None
    if len(annotations) != 1:
        raise spans.error(f"it has {len(annotations)} annotations; export one labeller at a time")
    elements: dict[ElementName, bool] | None = None
    regions: dict[str, dict[str, Any]] = {}
    places: dict[str, _Result] = {}
    for result in annotations[0].result:
        control, value = result.from_name or "", result.value
        if result.type == "labels":
            if result.id is None or value.start is None or value.end is None or len(value.labels) != 1:
                raise spans.error("a region of it lacks its id, its offsets, or has not exactly one label")
            places[result.id] = result
        elif control == _ELEMENTS:
            elements = {element: element in value.choices for element in ELEMENTS}
        elif result.id is not None and control in _CONTROLS:
            regions.setdefault(result.id, {})[control] = _attribute(spans, result)
    index = {region: number for number, region in enumerate(places)}
    for region, result in places.items():
        label, attributes = _region_label(result.value.labels[0], regions.get(region, {}))
        spans.add(label, result.value.start or 0, result.value.end or 0, result.value.text, attributes)
    for result in annotations[0].result:
        if result.type == "relation":
            spans.link(index.get(result.from_id or ""), index.get(result.to_id or ""))
    return spans.gather(elements, meta, defaults)


def _attribute(spans: _Spans, result: _Result) -> Any:
    """The value of one control of a region."""
    value = result.value
    if result.type == "number":
        if value.number is None or value.number != int(value.number):
            raise spans.error(f"the {result.from_name} at {value.start}..{value.end} must be a whole number")
        return int(value.number)
    if result.type == "choices":
        return value.choices
    texts = (value.text,) if isinstance(value.text, str) else value.text or ()
    if len(texts) != 1:
        raise spans.error(
            f"the {result.from_name} at {value.start}..{value.end} holds {len(texts)} texts; one is allowed"
        )
    return texts[0]


def _region_label(label: str, controls: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A region's label with the value that its controls give, and the attributes that they give beside it."""
    attributes = {name: controls[name] for name in (_ACCEPT, _MINUTES, *_WORDS) if name in controls}
    for control in (_CODE, _STATUS):
        if len(controls.get(control, ())) == 1:
            return f"{label}:{controls[control][0]}", attributes
    return label, attributes


def label_studio_config() -> str:
    """The labelling configuration (XML) that matches `to_label_studio`.

    Examples
    --------
    >>> label_studio_config().splitlines()[4]
    '  <Labels name="label" toName="text">'
    """
    view = ElementTree.Element("View")

    def control(tag: str, name: str, options: Sequence[str] = (), **attributes: str) -> None:
        element = ElementTree.SubElement(view, tag, {"name": name, "toName": _TEXT, **attributes})
        for option in options:
            ElementTree.SubElement(element, tag.removesuffix("s"), value=option)

    def of(label: Kind) -> dict[str, str]:
        return {"perRegion": "true", "visibleWhen": "region-selected", "whenTagName": _LABELS, "whenLabelValue": label}

    relations = ElementTree.SubElement(view, "Relations")
    ElementTree.SubElement(relations, "Relation", value=PART_OF)
    control("Labels", _LABELS, _REGION_LABELS)
    ElementTree.SubElement(view, "Text", name=_TEXT, value="$text", granularity="symbol")
    codes = (*HEADLINE, OTHER)
    control("Choices", _CODE, codes, choice="single", **of("SERVICE"))
    control("Choices", _ACCEPT, codes, choice="multiple", **of("SERVICE"))
    control("Number", _MINUTES, min="1", max="240", **of("SERVICE"))
    for name in _WORDS:
        control("TextArea", name, maxSubmissions="1", placeholder=name, **of("SERVICE"))
    control("Choices", _STATUS, STATUSES, choice="single", **of("MENTION"))
    control("Choices", _ELEMENTS, (*ELEMENTS, NONE), choice="multiple", required="true")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


# ---- doccano: one example a line


class _Entity(_Record):
    id: int
    start_offset: int
    end_offset: int
    label: str


class _Relation(_Record):
    from_id: int
    to_id: int


class _Example(_Record):
    text: str
    id: str | None = None
    entities: tuple[_Entity, ...] | None = None
    relations: tuple[_Relation, ...] = ()
    label: tuple[tuple[int, int, str], ...] = ()
    cats: tuple[str, ...] | None = None
    meta: Meta = Field(default_factory=Meta)


def to_doccano(note: LabelledNote) -> Json:
    """A doccano example of a sequence labelling project with relations and overlapping entities.

    doccano keeps ``meta`` and, in such a project, ``cats`` beside the example and writes them out again.
    """
    flat = flatten(note)
    return {
        "text": flat.text,
        "entities": [
            {"id": number, "start_offset": span.start, "end_offset": span.end, "label": span.label}
            for number, span in enumerate(flat.spans)
        ],
        "relations": [
            {"id": number, "from_id": one, "to_id": other, "type": PART_OF}
            for number, (one, other) in enumerate(flat.links)
        ],
        "Comments": [],
        "cats": [element for element, documented in (flat.elements or {}).items() if documented],
        "meta": _with_services(flat).dump(),
    }


def from_doccano(example: object, *, fallback: str, defaults: Defaults | None = None) -> LabelledNote:
    """A labelled note from a doccano example; a project without relations writes ``label``, which is read too.

    Raises
    ------
    NotConvertible
        The example's labels do not make a note.
    """
    record = _parse(_Example, example, fallback)
    meta = _named(record.meta, record.id)
    spans = _Spans(meta.id or fallback, record.text)
    index: dict[int, int] = {}
    for entity in record.entities or ():
        index[entity.id] = len(spans.found)
        spans.add(entity.label, entity.start_offset, entity.end_offset)
    if record.entities is None:
        for start, end, label in record.label:
            spans.add(label, start, end)
    for relation in record.relations:
        spans.link(index.get(relation.from_id), index.get(relation.to_id))
    elements = None if record.cats is None else _elements(dict.fromkeys(record.cats, 1.0))
    return spans.gather(elements, meta, defaults)


def _with_services(flat: Flat) -> Meta:
    return flat.meta.model_copy(update={"services": stored_services(flat)})


# ---- our own lines


def line_of(note: LabelledNote) -> str:
    """One note as a line of JSON without its end, in the order of the schema; an empty ``hard`` or ``pair`` is left out."""
    values = note.model_dump(mode="json")
    if not note.hard:
        del values["hard"]
    if note.pair is None:
        del values["pair"]
    return json.dumps(values, ensure_ascii=False)


def from_line(record: object, *, fallback: str, defaults: Defaults | None = None) -> LabelledNote:  # noqa: ARG001
    """A labelled note from a parsed line of our own format; ``defaults`` change nothing, since nothing may be missing."""
    note_id = record.get("id") if isinstance(record, dict) else None
    try:
        return LabelledNote.model_validate(record)
    except ValidationError as error:
        raise NotConvertible(note_id if isinstance(note_id, str) else fallback, told(error)[0]) from None


# ---- files


_TO: dict[Format, Callable[[LabelledNote], Json]] = {
    "prodigy": to_prodigy,
    "label-studio": to_label_studio,
    "doccano": to_doccano,
}
_FROM: dict[Format, Callable[..., LabelledNote | None]] = {
    "prodigy": from_prodigy,
    "label-studio": from_label_studio,
    "doccano": from_doccano,
    "jsonl": from_line,
}


class Refusal(NamedTuple):
    """A record of a file that is no labelled note: its line (Label Studio: which task, from 1) and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a tool's file holds: notes, how many its labellers passed over, and what was refused."""

    notes: tuple[LabelledNote, ...]
    skipped: int
    refused: tuple[Refusal, ...]


def read(path: Path, form: Format, *, defaults: Defaults | None = None) -> Imported:
    """Read a tool's file whole. A note without an id is called after the file and its place in it.

    Raises
    ------
    OSError
        The file cannot be read.
    DatasetError
        It is no UTF-8.
    """
    notes: list[LabelledNote] = []
    refused: list[Refusal] = []
    skipped = 0
    seen: set[str] = set()
    for number, record in _records(path, form):
        if isinstance(record, Refusal):
            refused.append(record)
            continue
        try:
            note = _FROM[form](record, fallback=f"{path.stem}-{number}", defaults=defaults)
        except NotConvertible as error:
            refused.append(Refusal(number, str(error)))
            continue
        if note is None:
            skipped += 1
        elif note.id in seen:
            refused.append(Refusal(number, f"note {note.id}: its id stands twice in the file"))
        else:
            seen.add(note.id)
            notes.append(note)
    return Imported(tuple(notes), skipped, tuple(refused))


def _records(path: Path, form: Format) -> Iterator[tuple[int, object]]:
    """Each record of a file with its number; one that is no JSON as a `Refusal`. Empty lines are passed over."""
    if form == "label-studio":
        try:
            tasks = json.loads(text_of(path))
        except ValueError:
            tasks = None
        if not isinstance(tasks, list):
            yield 0, Refusal(0, "the file is no JSON array of tasks; export it from Label Studio as JSON")
            return
        yield from enumerate(tasks, start=1)
        return
    for number, line in enumerate(lines_of(path), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError:
                yield number, Refusal(number, "the line is no JSON")


def dump(notes: Iterable[LabelledNote], form: Format) -> str:
    """The content of a file of these notes, as the tool reads it."""
    if form == "jsonl":
        return "".join(line_of(note) + "\n" for note in notes)
    records = [_TO[form](note) for note in notes]
    if form == "label-studio":
        return json.dumps(records, ensure_ascii=False, indent=1) + "\n"
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def write_whole(path: Path, content: str) -> None:
    """Write a file beside its place and rename it, so that it is there whole or not at all.

    Readable by its owner alone, since it may hold notes.

    Raises
    ------
    OSError
        It cannot be written, or the place is taken by what is no file.
    """
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no regular file")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
