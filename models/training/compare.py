"""Which reader, on equal terms: ``python -m models.training.compare --encoder build/encoder``.

Each reader of `READERS` finds the activities and goals of the training notes without having seen their writers; the same decoder,
the same block grouper (fitted anew for each, on what that reader sees) and the same counts follow. The encoder's scores come
from encoders that never saw the note's writer either. Two things favour the shipped mixture a little: the lenience with which
candidates are proposed was chosen for its scale of scores, and each reader gets the lexicon's terms on timed lines where it saw
nothing. Nothing is trained for use here.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.training.counting import all_read, is_unseen, overlap, pair, twin_of, vocabulary
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.study import markdown_table
from models.training.tagger import (
    Remembered,
    Seen,
    context_of_note,
    fit_tagger,
    gold_candidates,
    look,
    token_range,
    writer_folds,
)
from models.training.train import FOLDS, cross_read, document_of_reading, read_scores
from nlp.chain import Chain, Scores
from nlp.components.activities import ActivityTagger, ChainScorer, MixedScorer, Scorer
from nlp.components.elements import find_elements
from nlp.context import Context
from nlp.cues import SECTION_STATUS, find_status, status_of, weighed
from nlp.document import STATUSES, Document, ElementName
from nlp.encoder import COLUMNS
from nlp.grouping import Grouping
from nlp.tagging import LABELS, label_columns
from nlp.tokens import kept_tokens

_SURE = 8.0  # a score, in log-odds, that nothing outweighs
_LEAST_MARGIN = 1.0  # in log-odds; below it the linear tagger is unsure of a word
_KINDS = tuple(map(label_columns, ("", "ACT", "NOT", "GOAL")))


def _legal() -> Scores:
    """Transitions that only rule out what cannot be: going on with a span that has not begun."""
    out = np.zeros((len(LABELS), len(LABELS)), dtype=np.float32)
    for before, first in enumerate(LABELS):
        for after, second in enumerate(LABELS):
            if second.startswith("I-") and first[2:] != second[2:]:
                out[before, after] = -_SURE * 4
    return out


def _empty() -> Chain:
    return Chain(LABELS, [], np.zeros((0, len(LABELS)), dtype=np.float32), _legal())


class PatternScorer(ChainScorer):
    """The lexicon's terms, with the status that cues and sections give them; nothing is learnt."""

    def __init__(self) -> None:
        super().__init__(_empty())

    def score(self, contexts: Sequence[Context]) -> list[Scores]:
        """See `nlp.components.activities.Scorer`."""
        out = []
        for context in contexts:
            place = {token: position for position, token in enumerate(kept_tokens(context.tokens))}
            rows = np.zeros((len(place), len(LABELS)), dtype=np.float32)
            rows[:, 0] = _SURE / 2
            for match in context.found["activities"]:
                undone = context.sections[match.start] in SECTION_STATUS
                undone = undone or find_status(context, match.start, match.end) is not None
                first = LABELS.index("B-NOT" if undone else "B-ACT")
                for index in range(match.start, match.end):
                    if index in place:
                        rows[place[index], first + (index > match.start)] = _SURE
            out.append(rows)
        return out


class EncoderScorer(MixedScorer):
    """The encoder's log-probabilities alone."""

    def __init__(self) -> None:
        super().__init__(_empty(), Remembered())


class HalfScorer(MixedScorer):
    """The linear tagger with half of the encoder's log-probabilities added."""

    SHARE = 0.5


def unsure_rows(chain: Chain, context: Context) -> NDArray[np.bool_]:
    """For each kept token, whether the linear tagger is unsure of a word of its line: done, not done, a goal or none of these."""
    (own,) = ChainScorer(chain).score([context])
    kinds = np.stack([own[:, columns].max(axis=1) for columns in _KINDS], axis=1)
    two = np.partition(kinds, -2, axis=1)[:, -2:]
    line_of = np.array([context.tokens.line_of[index] for index in kept_tokens(context.tokens)], dtype=np.intp)
    unsure = np.unique(line_of[two[:, 1] - two[:, 0] < _LEAST_MARGIN])
    return np.isin(line_of, unsure)


class Kind(NamedTuple):
    """A reader: what makes its scorer from a linear tagger, whether it has an encoder, and whether on unsure lines alone."""

    make: Callable[[Chain], Scorer]
    encoded: bool
    unsure: bool = False


READERS: Mapping[str, Kind] = {
    "lexicon and patterns": Kind(lambda _: PatternScorer(), encoded=False),
    "linear tagger": Kind(ChainScorer, encoded=False),
    "transformer": Kind(lambda _: EncoderScorer(), encoded=True),
    "linear + half the transformer": Kind(lambda chain: HalfScorer(chain, Remembered()), encoded=True),
    "linear + transformer": Kind(lambda chain: MixedScorer(chain, Remembered()), encoded=True),
    "linear + transformer, on unsure lines": Kind(lambda c: MixedScorer(c, Remembered()), encoded=True, unsure=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What a reader does on notes of unseen writers, and the share of their words that an encoder reads; in [0, 1]."""

    f1: float
    recall: float
    unseen: float
    leak: float
    goals: float
    minutes: float
    pairs: float
    read: float = 0.0


class Sight(NamedTuple):
    """What a reader sees in notes, the encoder's scores that it may use, by note id, and the share of words that these hold."""

    seen: list[Seen]
    scores: Mapping[str, Scores] | None
    read: float


def _seen(
    rest: Sequence[LabelledNote], held: Sequence[LabelledNote], scores: Mapping[str, Scores] | None
) -> dict[str, Sight]:
    chain = fit_tagger(rest)
    out = {}
    for name, kind in READERS.items():
        if kind.encoded and scores is None:
            continue
        mine = {note.id: scores[note.id] for note in held} if kind.encoded and scores is not None else None
        if kind.unsure and mine is not None:
            for note in held:
                # Zeros are what an encoder leaves of a word that it has nothing to say of.
                mine[note.id] = mine[note.id] * unsure_rows(chain, context_of_note(note, None))[:, None]
        read = 0.0
        if mine is not None:
            rows = np.concatenate(list(mine.values()))
            read = float(rows.any(axis=1).mean())
        out[name] = Sight(look(ActivityTagger(kind.make(chain)), held, mine), mine, read)
    return out


def counted(notes: Sequence[LabelledNote], documents: Sequence[Document], known: Sequence[set[str]]) -> Row:
    """The figures of notes read as these documents; ``known`` are, for each note, words of activities that its reader learnt."""
    c: Counter[str] = Counter()
    pairs: dict[tuple[str, str], list[bool]] = {}
    for note, document, words in zip(notes, documents, known, strict=True):
        done = [activity for block in document.blocks for activity in block.activities]
        met = {j for _, j in pair(done, note.activities)}
        c["found"] += len(done)
        c["wanted"] += len(note.activities)
        c["right"] += len(met)
        strange = [j for j, activity in enumerate(note.activities) if is_unseen(activity.text, words)]
        c["strange"] += len(strange)
        c["strange_right"] += len(met.intersection(strange))
        c["undone"] += len(note.mentions)
        c["leaked"] += sum(any(overlap(mention, activity) for activity in done) for mention in note.mentions)
        c["goals"] += len(document.goals) + len(note.goals)
        c["goals_right"] += len(pair(document.goals, note.goals))
        c["blocks"] += len(note.services)
        c["timed"] += sum(
            document.blocks[i].minutes == note.services[j].minutes for i, j in pair(document.blocks, note.services)
        )
        twin = twin_of(note)
        if twin is not None and twin[1] == "status":
            pairs.setdefault(twin, []).append(all_read(note, done))
    return Row(
        2 * c["right"] / max(1, c["found"] + c["wanted"]),
        c["right"] / max(1, c["wanted"]),
        c["strange_right"] / max(1, c["strange"]),
        c["leaked"] / max(1, c["undone"]),
        2 * c["goals_right"] / max(1, c["goals"]),
        c["timed"] / max(1, c["blocks"]),
        sum(all(both) for both in pairs.values()) / max(1, len(pairs)),
    )


def compare(notes: Sequence[LabelledNote], scores: Mapping[str, Scores] | None) -> dict[str, Row]:
    """One row for each reader, in the order of `READERS`; those with an encoder only where there are ``scores``."""
    folds = writer_folds(notes, FOLDS)
    seen: dict[str, dict[int, Seen]] = {}
    used: dict[str, dict[str, Scores]] = {}
    shares: dict[str, list[float]] = {}
    with ProcessPoolExecutor(max_workers=2) as pool:
        jobs = []
        for fold in folds:
            members = set(fold)
            rest = [note for i, note in enumerate(notes) if i not in members]
            jobs.append(pool.submit(_seen, rest, [notes[i] for i in fold], scores))
        for fold, job in zip(folds, jobs, strict=True):
            for name, sight in job.result().items():
                seen.setdefault(name, {}).update(zip(fold, sight.seen, strict=True))
                used.setdefault(name, {}).update(sight.scores or {})
                shares.setdefault(name, []).append(sight.read * len(fold) / len(notes))
        rows = {
            name: pool.submit(_read, notes, [mine[i] for i in range(len(notes))], folds, used[name] or None)
            for name, mine in seen.items()
        }
        return {name: replace(job.result(), read=sum(shares[name])) for name, job in rows.items()}


def _read(
    notes: Sequence[LabelledNote],
    seen: Sequence[Seen],
    folds: Sequence[Sequence[int]],
    scores: Mapping[str, Scores] | None,
) -> Row:
    readings = cross_read(notes, seen, folds, scores)
    documents = [document_of_reading(note, reading) for note, reading in zip(notes, readings, strict=True)]
    known: dict[int, set[str]] = {}
    for fold in folds:
        members = set(fold)
        known |= dict.fromkeys(fold, vocabulary(note for i, note in enumerate(notes) if i not in members))
    return counted(notes, documents, [known[i] for i in range(len(notes))])


@dataclass(frozen=True, slots=True)
class Winner:
    """Shares right, in [0, 1], of one thing read by rules alone, learnt alone, and as the product reads it; and of how many."""

    what: str
    rules: float
    learnt: float
    both: float
    items: int


def winners(notes: Sequence[LabelledNote], scores: Mapping[str, Scores]) -> list[Winner]:
    """Rules against learning where the encoder has a head beside a rule: why work was not done, and the two elements it reads."""
    statuses: list[tuple[bool, bool, bool]] = []
    elements: dict[ElementName, list[tuple[bool, bool, bool]]] = {"assessment": [], "progress": []}
    for note in notes:
        plain, encoded = context_of_note(note, None), context_of_note(note, scores)
        for mention in note.mentions:
            if mention.status is not None:
                start, end = token_range(plain.tokens, mention.start, mention.end)
                rule = status_of(plain, start, end)
                best = int(encoded.encoded_rows(start, end)[:, COLUMNS["status"]].mean(axis=0).argmax())
                told = (rule.status, STATUSES[best], weighed(encoded, start, end, rule).status)
                statuses.append((told[0] == mention.status, told[1] == mention.status, told[2] == mention.status))
        goals = [token_range(plain.tokens, goal.start, goal.end) for goal in note.goals]
        work = [(c.start, c.end) for c in gold_candidates(note, plain.tokens)]
        ruled, weighed_up = (find_elements(c, Grouping((), (), ()), goals, work) for c in (plain, encoded))
        rows = scores[note.id]
        for number, (name, found) in enumerate(elements.items()):
            wanted = note.elements[name]
            learnt = len(rows) > 0 and bool(rows[0, COLUMNS["element"]][number] >= math.log(0.5))
            found.append(((name in ruled) == wanted, learnt == wanted, (name in weighed_up) == wanted))
    named = {"why work was not done": statuses, **{f"element {name}": found for name, found in elements.items()}}
    out = []
    for what, found in named.items():
        rules, learnt, both = (sum(row[n] for row in found) / max(1, len(found)) for n in range(3))
        out.append(Winner(what, rules, learnt, both, len(found)))
    return out


def table(rows: Mapping[str, Row]) -> str:
    """The rows as a Markdown table."""
    heads = [
        "reader",
        "activities F1",
        "recall",
        "unseen words",
        "leak",
        "goals F1",
        "blocks with their minutes",
        "status pairs",
        "words through the transformer",
    ]
    return markdown_table(
        heads,
        [
            [
                name,
                *(f"{value:.3f}" for value in (r.f1, r.recall, r.unseen, r.leak, r.goals, r.minutes, r.pairs, r.read)),
            ]
            for name, r in rows.items()
        ],
    )


def main() -> None:
    """Command line of ``python -m models.training.compare``."""
    parser = argparse.ArgumentParser(description="Compare readers on writers that they did not see.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    parser.add_argument("--encoder", type=Path, help="folder that models.training.encoder wrote")
    arguments = parser.parse_args()
    start = time.perf_counter()
    notes = select(read_corpus(arguments.data), read_splits(arguments.data), "train")
    scores = None if arguments.encoder is None else read_scores(arguments.encoder, notes)
    print(f"{len(notes)} training notes, {FOLDS} folds of writers\n")
    print(table(compare(notes, scores)))
    if scores is not None:
        heads = ["read", "rules", "learnt", "both", "items"]
        rows = [
            [w.what, *(f"{v:.3f}" for v in (w.rules, w.learnt, w.both)), str(w.items)] for w in winners(notes, scores)
        ]
        print(f"\n{markdown_table(heads, rows)}")
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
