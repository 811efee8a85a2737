"""Two labellings of the same notes: how far they agree, and every place where they do not, for settling.

The figures are those that the corpus is judged by: Cohen's kappa on the codes of blocks found by both, F1 between the two on
spans (of which neither is the truth, so that precision and recall change places with the labellers and F1 does not), minutes
for each code exactly alike, documentation elements alike. A figure of nothing is ``None``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sklearn.metrics import cohen_kappa_score

from models.classifier import CLASSES
from models.errors import DatasetError
from models.training.counting import pair
from models.training.dataset import LabelledMention, LabelledNote, LabelledService, LabelledSpan, minutes_of
from nlp.document import ELEMENTS

_PLACES = 4  # decimals that figures are given with
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure in [0, 1] (kappa: [-1, 1]), ``None`` where nothing is there to measure, and on how many items it stands."""

    name: str
    value: float | None
    count: int


class Disagreement(NamedTuple):
    """Something to settle: in which note, what, and where each labeller has it (``None``: not at all) and as what."""

    note: str
    what: str
    first: Place | None
    second: Place | None
    labels: tuple[Any, Any] = (None, None)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two labellings agree on. ``only_first`` and ``only_second`` count notes that the other one lacks."""

    notes: int
    only_first: int
    only_second: int
    measures: tuple[Measure, ...]
    disagreements: tuple[Disagreement, ...]


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two labellers' codes, in [-1, 1]; ``None`` where it is undefined.

    It is undefined without pairs, and where both labellers gave one and the same code throughout: chance alone would have them
    agree then.

    Examples
    --------
    >>> kappa([("97110", "97110"), ("97530", "97530"), ("97110", "97530"), ("97530", "97110")])
    0.0
    >>> kappa([("97110", "97110")]) is None
    True
    """
    if len({label for both in pairs for label in both}) < 2:
        return None
    first, second = zip(*pairs, strict=True)
    return _rounded(float(cohen_kappa_score(first, second, labels=list(CLASSES))))


def _rounded(value: float) -> float:
    # Adding 0.0 makes a negative zero a plain one.
    return float(f"{value:.{_PLACES}f}") + 0.0


def _ratio(part: float, whole: float) -> float | None:
    return _rounded(part / whole) if whole else None


class _Spans:
    """Spans of one kind, counted over notes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.first = self.second = self.both = self.exact = 0

    def add(self, note: str, first: Sequence[LabelledSpan], second: Sequence[LabelledSpan]) -> Iterable[Disagreement]:
        """Count the spans of one note; yields those that only one labeller has, and those with other ends."""
        pairs = pair(first, second)
        self.first += len(first)
        self.second += len(second)
        self.both += len(pairs)
        for i, j in pairs:
            if _place(first[i]) == _place(second[j]):
                self.exact += 1
            else:
                yield Disagreement(note, f"{self.name}: extent", _place(first[i]), _place(second[j]))
        paired = {i for i, _ in pairs}, {j for _, j in pairs}
        for i, span in enumerate(first):
            if i not in paired[0]:
                yield Disagreement(note, self.name, _place(span), None)
        for j, span in enumerate(second):
            if j not in paired[1]:
                yield Disagreement(note, self.name, None, _place(span))

    def measures(self) -> tuple[Measure, Measure]:
        """F1 with any overlap and with equal ends; the count is of the spans of both labellers."""
        count = self.first + self.second
        return (
            Measure(f"{self.name}, F1 (overlap)", _ratio(2 * self.both, count), count),
            Measure(f"{self.name}, F1 (exact)", _ratio(2 * self.exact, count), count),
        )


def _place(span: LabelledSpan) -> Place:
    return span.start, span.end


def agree(first: Iterable[LabelledNote], second: Iterable[LabelledNote]) -> Agreement:
    """Compare two labellings note by note; notes are matched by id.

    Raises
    ------
    DatasetError
        A note has another text in the second labelling, or an id stands twice in one.
    """
    one, other = _by_id(first, "first"), _by_id(second, "second")
    shared = [(note, other[note_id]) for note_id, note in one.items() if note_id in other]
    blocks, activities, mentions, goals = (_Spans(name) for name in ("blocks", "activities", "mentions", "goals"))
    codes: list[tuple[str, str]] = []
    statuses: list[bool] = []
    found: list[Disagreement] = []
    same_notes = same_elements = 0
    given: list[bool] = []
    for a, b in shared:
        if a.text != b.text:
            raise DatasetError("second", 0, f"note {a.id} has another text than in the first labelling")
        found += blocks.add(a.id, a.services, b.services)
        for i, j in pair(a.services, b.services):
            codes.append((a.services[i].code, b.services[j].code))
            found += _of_blocks(a.id, a.services[i], b.services[j])
        found += activities.add(a.id, a.activities, b.activities)
        found += mentions.add(a.id, a.mentions, b.mentions)
        for i, j in pair(a.mentions, b.mentions):
            differing = list(_of_mentions(a.id, a.mentions[i], b.mentions[j]))
            statuses.append(not differing)
            found += differing
        found += goals.add(a.id, a.goals, b.goals)
        minutes = minutes_of(a), minutes_of(b)
        same_notes += minutes[0] == minutes[1]
        for code in sorted(set(minutes[0]) | set(minutes[1])):
            given.append(minutes[0].get(code) == minutes[1].get(code))
            found += _differing(a.id, f"minutes of {code}", minutes[0].get(code), minutes[1].get(code))
        found += _differing(a.id, "shared minutes", _shared(a), _shared(b))
        for element in ELEMENTS:
            same_elements += a.elements[element] == b.elements[element]
            found += _differing(a.id, f"element {element}", a.elements[element], b.elements[element])
    count = len(shared)
    measures = (
        Measure("block codes, Cohen's kappa", kappa(codes), len(codes)),
        Measure("block codes, the same", _ratio(sum(x == y for x, y in codes), len(codes)), len(codes)),
        *blocks.measures(),
        *activities.measures(),
        *mentions.measures(),
        Measure("mentions, status the same", _ratio(sum(statuses), len(statuses)), len(statuses)),
        *goals.measures(),
        Measure("minutes of a code, the same", _ratio(sum(given), len(given)), len(given)),
        Measure("minutes of every code the same, notes", _ratio(same_notes, count), count),
        Measure("elements, the same", _ratio(same_elements, count * len(ELEMENTS)), count * len(ELEMENTS)),
    )
    return Agreement(count, len(one) - count, len(other) - count, measures, tuple(found))


def _shared(note: LabelledNote) -> list[tuple[int, list[Place]]]:
    """Shared minutes with the places of their blocks."""
    return sorted((s.minutes, [_place(note.services[block]) for block in s.blocks]) for s in note.shared_minutes)


def _by_id(notes: Iterable[LabelledNote], which: str) -> Mapping[str, LabelledNote]:
    found: dict[str, LabelledNote] = {}
    for note in notes:
        if note.id in found:
            raise DatasetError(which, 0, f"id {note.id!r} stands twice")
        found[note.id] = note
    return found


def _of_blocks(note: str, first: LabelledService, second: LabelledService) -> Iterable[Disagreement]:
    places = _place(first), _place(second)
    if first.code != second.code:
        yield Disagreement(note, "block code", *places, (first.code, second.code))
    if first.minutes != second.minutes:
        yield Disagreement(note, "block minutes", *places, (first.minutes, second.minutes))
    if first.stated_code != second.stated_code:
        yield Disagreement(note, "stated code", *places, (first.stated_code, second.stated_code))


def _of_mentions(note: str, first: LabelledMention, second: LabelledMention) -> Iterable[Disagreement]:
    if first.status != second.status:
        yield Disagreement(note, "mention status", _place(first), _place(second), (first.status, second.status))


def _differing(note: str, what: str, first: object, second: object) -> Iterable[Disagreement]:
    if first != second:
        yield Disagreement(note, what, None, None, (first, second))
