"""Does the review queue's own order teach the classifier more than chance: printed, ``make bench``; `DRAWN` is drawn where it is to be.

Every note waits in the queue with the priority and the group of near-twins that `api.queue.order` gives its result as it is
submitted, by the classifier of the first reviewed notes, and keeps them as the queue does; the one taken next has the highest priority
and is no near-twin of the one before. ``ORDER`` gives the number of notes, draws and batches; with ``ORDER_DRAWN=1`` the curves of
the README are drawn anew.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from api.queue.order import priority, variety
from models.billing.flags import check
from models.billing.payers import Terms
from models.billing.proposal import propose
from models.billing.rules import load_rules
from models.build import build_result
from models.classifier import Classifier
from models.note import Note
from models.registry import load_classifier, shipped
from models.settle import settle
from models.training.active import FIRST, Pool, chart, compare, doubtful, fitted, table
from models.training.dataset import read_corpus, read_splits, select
from models.training.train import block_rows
from nlp.pipeline import load

DATA = Path(__file__).parents[2] / "training_data"
POOL, SEEDS, BATCHES = (int(each) for each in os.environ.get("ORDER", "200 2 3").split())
TERMS = Terms(load_rules())
DRAWN = Path(__file__).with_name("review_order.svg")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Waiting:
    """The queue: notes as the reader of ``fast`` makes them out."""

    documents: list
    calibration: object
    reason: str = "flagged"

    def __call__(self, pool, chosen, left, size):
        # What was submitted keeps its place, whatever is learnt meanwhile.
        classifier = fitted(pool, chosen[:FIRST])
        seen = {}
        services = classifier.classify_many([self.documents[n] for n in left])
        for n, each in zip(left, services, strict=True):
            settled = settle(each)
            document = self.documents[n]
            proposal = propose(settled, "full_15", calibration=self.calibration, certainty=document.certainty)
            flags = check(document, settled, proposal, TERMS)
            note = Note(text=pool.notes[n].text)
            result = build_result(note, document, settled, proposal, flags, version="x", profile="fast")
            seen[n] = priority(result, self.reason), variety(note.text, result)
        return in_order(seen, size)


def in_order(waiting, size):
    """As `api.db.queue.claim` takes them for one coder."""
    ordered = sorted(waiting, key=lambda n: -waiting[n][0])
    taken = []
    while ordered and len(taken) < size:
        last = waiting[taken[-1]][1] if taken else None
        best = next((n for n in ordered if waiting[n][1] != last), ordered[0])
        taken.append(best)
        ordered.remove(best)
    return taken


def test_order():
    notes, splits = read_corpus(DATA), read_splits(DATA)
    train = [note for note in select(notes, splits, "train") if note.services]
    drawn = np.random.default_rng(3).permutation(len(train))[:POOL]
    train = [train[n] for n in sorted(drawn)]
    rows = [block_rows([note]) for note in train]
    kept = [n for n, mine in enumerate(rows) if mine]
    fast = load_classifier(shipped())
    pool = Pool(
        [train[n] for n in kept],
        [rows[n] for n in kept],
        block_rows(select(notes, splits, "development")),
        fast.temperature,
    )
    documents = list(load(shipped(), encoder=False).read_many([note.text for note in pool.notes], batch_size=64))
    orders = {}
    for name, order in (("the queue", Waiting(documents, Classifier(fast).calibration)), ("doubt alone", doubtful)):
        orders[name] = compare(pool, order, seeds=SEEDS, batches=BATCHES)
        print(f"\n{len(pool.notes)} notes to choose from, {len(pool.shown)} blocks measured, {SEEDS} draws; {name}")
        print(table(orders[name]), flush=True)
    drawing = chart(orders)
    if os.environ.get("ORDER_DRAWN"):
        DRAWN.write_text(drawing + "\n", encoding="utf-8")
    assert drawing.count("<polyline") == 3
