"""Where a result differs from the labels, each difference with its cause; names of the causes stand in ``causes.toml``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from models.billing import data
from models.result import Result
from models.training.counting import WARNINGS, Stretch, overlap, pair, pair_blocks
from models.training.dataset import LabelledNote
from models.training.evaluate import Measured
from models.training.figures import read_text

CAUSE_IDS = (
    "missed",
    "leaked",
    "invented",
    "wrong_block",
    "wrong_minutes",
    "wrong_code",
    "goal_missed",
    "goal_invented",
    "flag_missed",
    "flag_wrong",
)
_FILE = "causes.toml"


@dataclass(frozen=True, slots=True)
class Cause:
    """What can go wrong, in words; ``tag`` is the short one that stands inside a note."""

    id: str
    name: str
    tag: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Miss:
    """One difference; ``[start, end)`` is its stretch of the note, ``None`` where it is the whole note.

    ``got`` and ``wanted`` are codes, minutes or flag ids as text; empty where the stretch says it all.
    """

    cause: str
    start: int | None = None
    end: int | None = None
    got: str = ""
    wanted: str = ""


def parse_causes(text: str, file: str = _FILE) -> Mapping[str, Cause]:
    """The causes of a data file, by id.

    Raises
    ------
    LexiconError
        Unknown or missing keys, a cause without a rule or the other way about.
    """
    root = data.parse(text, file).closed(("cause",))
    causes = {}
    for entry in root.tables("cause", "id"):
        entry.closed(("id", "name", "tag", "meaning"))
        if entry.name not in CAUSE_IDS:
            raise entry.error("no rule of misses.py has this id")
        causes[entry.name] = Cause(entry.name, entry.get("name", str), entry.get("tag", str), entry.get("meaning", str))
    for missing in CAUSE_IDS:
        if missing not in causes:
            raise root.error(f"there is no [[cause]] with id {missing}")
    return MappingProxyType(causes)


CAUSES = parse_causes(read_text(_FILE))


def misses(note: LabelledNote, result: Result, needed: Sequence[str]) -> tuple[Miss, ...]:
    """Every difference on one note, by cause in the order of the list, then by position.

    Parameters
    ----------
    note
        The labels.
    result
        What the program made of the note.
    needed
        Ids of the warnings that the labels raise.
    """
    found = [*_work(note, result), *_blocks(note, result), *_goals(note, result), *_flags(result, needed)]
    return tuple(sorted(found, key=lambda miss: (CAUSE_IDS.index(miss.cause), miss.start or 0)))


def cause_counts(measured: Iterable[Measured]) -> dict[str, int]:
    """How often each cause occurs, all causes included, in the order of the list."""
    counts = Counter(m.cause for each in measured for m in misses(each.note, each.result, each.needed))
    return {cause: counts[cause] for cause in CAUSES}


def _at(cause: str, place: Stretch, got: object = "", wanted: object = "") -> Miss:
    return Miss(cause, place.start, place.end, str(got), str(wanted))


def _work(note: LabelledNote, result: Result) -> Iterator[Miss]:
    found = [activity for service in result.services for activity in service.activities]
    matched = pair(found, note.activities)
    met, used = {j for _, j in matched}, {i for i, _ in matched}
    for j, activity in enumerate(note.activities):
        if j not in met:
            yield _at("missed", activity)
    for i, activity in enumerate(found):
        if any(overlap(activity, mention) for mention in note.mentions):
            yield _at("leaked", activity)
        elif i not in used and not any(overlap(activity, gold) for gold in note.activities):
            yield _at("invented", activity)


def _blocks(note: LabelledNote, result: Result) -> Iterator[Miss]:
    yield from _grouping(note, result)
    for got, gold in pair_blocks(note, result):
        if got.minutes != gold.minutes:
            place = got.duration if got.duration is not None and got.minutes is not None else gold
            yield _at("wrong_minutes", place, _minutes(got.minutes), _minutes(gold.minutes))
        if got.code not in gold.accept:
            yield _at("wrong_code", gold, got.code, gold.code)


def _grouping(note: LabelledNote, result: Result) -> Iterator[Miss]:
    """Labelled blocks whose tasks stand in several blocks as read, or in one with tasks of another labelled block."""
    found = [(number, activity) for number, service in enumerate(result.services) for activity in service.activities]
    wanted = [(number, activity) for number, service in enumerate(note.services) for activity in service.activities]
    where: dict[int, set[int]] = {}
    holds: dict[int, set[int]] = {}
    for i, j in pair([activity for _, activity in found], [activity for _, activity in wanted]):
        where.setdefault(wanted[j][0], set()).add(found[i][0])
        holds.setdefault(found[i][0], set()).add(wanted[j][0])
    for number, blocks in where.items():
        if len(blocks) > 1 or any(len(holds[block]) > 1 for block in blocks):
            yield _at("wrong_block", note.services[number])


def _minutes(minutes: int | None) -> str:
    return "none" if minutes is None else f"{minutes} min"


def _goals(note: LabelledNote, result: Result) -> Iterator[Miss]:
    matched = pair(result.goals, note.goals)
    used, met = {i for i, _ in matched}, {j for _, j in matched}
    for j, goal in enumerate(note.goals):
        if j not in met:
            yield _at("goal_missed", goal)
    for i, goal in enumerate(result.goals):
        if i not in used and not any(overlap(goal, gold) for gold in note.goals):
            yield _at("goal_invented", goal)


def _flags(result: Result, needed: Sequence[str]) -> Iterator[Miss]:
    raised = {flag.id for flag in result.flags if flag.id in WARNINGS}
    for name in WARNINGS:
        if name in needed and name not in raised:
            yield Miss("flag_missed", wanted=name)
        elif name in raised and name not in needed:
            yield Miss("flag_wrong", got=name)
