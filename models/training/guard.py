"""The poison guard: which reviewed labels do not train until a trainer has looked at them; thresholds stand in ``guard.toml``.

A label is compared with what a classifier says that saw no label of its reviewer. Held are

* ``implausible``: a label to which that classifier gives next to no chance;
* ``reviewer``: the differing labels of a reviewer who differs more often than chance explains;
* ``one_sided``: a reviewer's differences towards the dearer code, where they go that way more often than the clinic's do; and
  everybody's, where those of all go that way more often than half: for that the classifier has seen no label of the clinic;
* ``repeated``: copies of a note beyond the first few;
* ``out_of_range``: minutes or numbers of blocks that no visit has, and codes that nobody knows.

Nothing is thrown away: a held label stays where it is, with its reason, and trains once it is released. A guard of this kind
finds what differs from the rest; a mistake that the model shares passes it, and one that all reviewers make does unless it goes
one way.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import binomtest

from models.billing import data
from models.billing.codes import CODES, HEADLINE
from models.classifier import CLASSES, Classifier, Fitted
from models.training.dataset import LabelledNote
from models.training.train import Row, block_rows, fit_classifier

Reason = Literal["implausible", "reviewer", "one_sided", "repeated", "out_of_range"]
_FILE = "guard.toml"
_FOLDS = 4  # of reviewers; each fold is judged by a classifier of the others
_RUN = 5  # words
_WORD = re.compile(r"\w+")


class Reviewed(NamedTuple):
    """A reviewed note with the review that labelled it and who made that (ids)."""

    note: LabelledNote
    review: str
    reviewer: str


class Held(NamedTuple):
    """A label that may not train yet, and why; ``told`` holds numbers alone."""

    review: str
    note: str
    reason: Reason
    told: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds of the data file."""

    level: float
    usual: float
    implausible: float
    one_sided_level: float
    alike: float
    least_blocks: int
    copies: int
    most_minutes: int
    most_blocks: int
    dearer: str


def parse(text: str, file: str = _FILE) -> Limits:
    """The thresholds of a data file.

    Raises
    ------
    LexiconError
        A key is missing, unknown or of another kind.
    """
    root = data.parse(text, file).closed(("limits", "codes"))
    table = root.table("limits").closed(tuple(name for name in Limits.__dataclass_fields__ if name != "dearer"))
    codes = root.table("codes").closed(("dearer",))
    if codes.get("dearer", str) not in HEADLINE:
        raise codes.error(f"dearer must be one of {', '.join(HEADLINE)}")
    return Limits(
        level=table.get("level", float),
        usual=table.get("usual", float),
        implausible=table.get("implausible", float),
        one_sided_level=table.get("one_sided_level", float),
        alike=table.get("alike", float),
        least_blocks=table.get("least_blocks", int),
        copies=table.get("copies", int),
        most_minutes=table.get("most_minutes", int),
        most_blocks=table.get("most_blocks", int),
        dearer=codes.get("dearer", str),
    )


LIMITS = parse(data.read_from(__name__, _FILE))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A labelled block as a classifier sees it that saw no label of its reviewer."""

    item: int
    label: str
    guess: str
    chance: float


def screen(
    items: Sequence[Reviewed],
    corpus: Sequence[Row],
    temperature: float,
    *,
    released: Collection[str] = (),
    rows: Sequence[Sequence[Row]] | None = None,
    limits: Limits = LIMITS,
) -> list[Held]:
    """The labels that are held, each once and with its gravest reason, in the order of ``items``.

    Parameters
    ----------
    items
        The reviewed notes.
    corpus
        Labelled blocks of the corpus, which no reviewer wrote.
    temperature
        Of the classifier (`models.training.train.fit_temperature`).
    released
        Reviews that a trainer let through.
    rows
        Labelled blocks of each item, where they are there already.
    limits
        The thresholds.
    """
    found: dict[int, Held] = {}

    def hold(number: int, reason: Reason, told: str) -> None:
        item = items[number]
        if item.review not in released:
            found.setdefault(number, Held(item.review, item.note.id, reason, told))

    for number, told in _out_of_range(items, limits):
        hold(number, "out_of_range", told)
    for number, told in _repeated(items, limits):
        hold(number, "repeated", told)
    blocks = rows or [block_rows([item.note]) for item in items]
    seen = _look(items, blocks, corpus, temperature)
    one_sided, differing = _one_sided(items, seen, limits), _differing(items, seen, limits)
    for reviewer, told in one_sided.items():
        for block in seen:
            if items[block.item].reviewer == reviewer and _is_dearer(block, limits):
                hold(block.item, "one_sided", told)
    for reviewer, told in differing.items():
        for block in seen:
            if items[block.item].reviewer == reviewer and block.label != block.guess:
                hold(block.item, "reviewer", told)
    # One reviewer who is found already is not what all do.
    others = [n for n, item in enumerate(items) if item.reviewer not in one_sided.keys() | differing.keys()]
    shared, told = _shared(others, blocks, corpus, temperature, limits)
    for number in shared:
        hold(number, "one_sided", told)
    for block in seen:
        if block.chance < limits.implausible:
            hold(block.item, "implausible", f"chance {block.chance:.3f}")
    return [found[number] for number in sorted(found)]


def _out_of_range(items: Sequence[Reviewed], limits: Limits) -> Iterator[tuple[int, str]]:
    for number, item in enumerate(items):
        services = item.note.services
        most = max((service.minutes or 0 for service in services), default=0)
        unknown = sum(service.other_code not in (None, *CODES) for service in services)
        if most > limits.most_minutes:
            yield number, f"{most} minutes in one block"
        elif len(services) > limits.most_blocks:
            yield number, f"{len(services)} blocks"
        elif unknown:
            yield number, f"{unknown} codes that are not known"


def _runs(text: str) -> frozenset[int]:
    """Hashes of every run of five words, figures alike."""
    words = [re.sub(r"\d", "0", word.lower()) for word in _WORD.findall(text)]
    runs = (" ".join(words[at : at + _RUN]) for at in range(max(1, len(words) - _RUN + 1)))
    return frozenset(
        int.from_bytes(hashlib.blake2b(run.encode("utf-8"), digest_size=8).digest(), "big") for run in runs
    )


def _repeated(items: Sequence[Reviewed], limits: Limits) -> Iterator[tuple[int, str]]:
    """Copies beyond those that may train; a note is a copy of the earliest one that it is like."""
    originals: list[frozenset[int]] = []
    copies: Counter[int] = Counter()
    holders: dict[int, list[int]] = {}
    for number, item in enumerate(items):
        runs = _runs(item.note.text)
        shared = Counter(at for run in runs for at in holders.get(run, ()))
        like = [at for at, common in shared.items() if common >= limits.alike * len(runs | originals[at])]
        if not like:
            for run in runs:
                holders.setdefault(run, []).append(len(originals))
            copies[len(originals)] = 1
            originals.append(runs)
            continue
        first = min(like)
        copies[first] += 1
        if copies[first] > limits.copies:
            yield number, f"copy {copies[first]} of a note"


def _look(
    items: Sequence[Reviewed], rows: Sequence[Sequence[Row]], corpus: Sequence[Row], temperature: float
) -> list[_Seen]:
    """Every reviewed block by a classifier fitted on the corpus and on the other reviewers' labels."""
    reviewers = sorted({item.reviewer for item in items})
    folds = [set(reviewers[start::_FOLDS]) for start in range(min(_FOLDS, len(reviewers)))]
    out: list[_Seen] = []
    for fold in folds:
        mine = [(number, row) for number, item in enumerate(items) if item.reviewer in fold for row in rows[number]]
        others = [row for number, item in enumerate(items) if item.reviewer not in fold for row in rows[number]]
        if not mine:
            continue
        out += _judged(mine, [*corpus, *others], temperature)
    return out


def _judged(blocks: Sequence[tuple[int, Row]], taught: Sequence[Row], temperature: float) -> Iterator[_Seen]:
    """Blocks, each with its note's number, by a classifier fitted on ``taught``."""
    classifier = Classifier(Fitted(*fit_classifier(taught), temperature))
    chances = classifier.probabilities([row.full for _, row in blocks])
    for (number, row), each in zip(blocks, chances, strict=True):
        yield _Seen(number, row.code, CLASSES[int(np.argmax(each))], float(each[CLASSES.index(row.code)]))


def _differing(items: Sequence[Reviewed], seen: Sequence[_Seen], limits: Limits) -> Mapping[str, str]:
    """Reviewers who differ from the classifier more often than chance explains, and in numbers how often."""
    blocks = Counter(items[each.item].reviewer for each in seen)
    differ = Counter(items[each.item].reviewer for each in seen if each.label != each.guess)
    out = {}
    for reviewer, count in blocks.items():
        others = sum(blocks.values()) - count
        share = (sum(differ.values()) - differ[reviewer]) / others if others >= limits.least_blocks else 0.0
        usual = min(max(limits.usual, share), 1.0)
        if count < limits.least_blocks:
            continue
        chance = binomtest(differ[reviewer], count, usual, alternative="greater").pvalue
        if chance < limits.level / len(blocks):
            out[reviewer] = f"{differ[reviewer]} of {count} blocks differ, {usual:.3f} is usual"
    return out


def _is_dearer(block: _Seen, limits: Limits) -> bool:
    return block.label == limits.dearer and block.guess in HEADLINE and block.guess != block.label


def _one_sided(items: Sequence[Reviewed], seen: Sequence[_Seen], limits: Limits) -> Mapping[str, str]:
    """Reviewers whose differences go towards the dearer code more often than those of the clinic's others, or than half."""
    between = [each for each in seen if each.label != each.guess and {each.label, each.guess} <= set(HEADLINE)]
    count = Counter(items[each.item].reviewer for each in between)
    dearer = Counter(items[each.item].reviewer for each in between if _is_dearer(each, limits))
    out = {}
    for reviewer, mine in count.items():
        others = len(between) - mine
        share = (sum(dearer.values()) - dearer[reviewer]) / others if others >= limits.least_blocks else 0.5
        usual = max(0.5, share)
        if binomtest(dearer[reviewer], mine, usual, alternative="greater").pvalue < limits.one_sided_level / len(count):
            out[reviewer] = f"{dearer[reviewer]} of {mine} differences towards the dearer code, {usual:.2f} is usual"
    return out


def _shared(
    numbers: Sequence[int], rows: Sequence[Sequence[Row]], corpus: Sequence[Row], temperature: float, limits: Limits
) -> tuple[list[int], str]:
    """Notes with a difference towards the dearer code, where those of all together go that way more often than half; and that told.

    The classifier learns from the corpus alone: what all reviewers do, it would learn from them.
    """
    blocks = [(number, row) for number in numbers for row in rows[number] if row.code in HEADLINE]
    if len(blocks) < limits.least_blocks or not corpus:
        return [], ""
    between = [each for each in _judged(blocks, corpus, temperature) if {each.guess} <= set(HEADLINE) - {each.label}]
    dearer = [each.item for each in between if _is_dearer(each, limits)]
    if not between or limits.one_sided_level <= binomtest(len(dearer), len(between), alternative="greater").pvalue:
        return [], ""
    return (
        dearer,
        f"{len(dearer)} of {len(between)} differences of all reviewers towards the dearer code, half is usual",
    )
