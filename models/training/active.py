"""Which notes should people review first: ``python -m models.training.active``.

With a budget of reviews, notes are taken in an order or at random. After each batch the classifier of labelled blocks is fitted
on what was reviewed, and measured on the development notes. Both ways begin with the same notes; intervals are over the draws,
each way paired with the other. The order here is that of doubt alone (`doubtful`); that of the review queue, which knows money and
warnings too, is measured by ``tests/benchmarks/test_order.py``. Nothing is trained for use here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from models.classifier import Classifier, Fitted
from models.registry import load_classifier, shipped
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.study import markdown_table
from models.training.svg import Measured, measured_chart
from models.training.train import SEED, Row, block_rows, fit_classifier, log_loss

FIRST, BATCH, BATCHES, SEEDS = 60, 40, 8, 10
_TAIL = 0.975


@dataclass(frozen=True, slots=True)
class Pool:
    """Notes that may be reviewed, with their labelled blocks, and the blocks that are measured on."""

    notes: Sequence[LabelledNote]
    rows: Sequence[Sequence[Row]]
    shown: Sequence[Row]
    temperature: float


Order = Callable[[Pool, Sequence[int], Sequence[int], int], list[int]]
"""Which of the notes that are left to take next: the pool, what was reviewed, what is left, and how many."""


class Step(NamedTuple):
    """After so many reviewed notes: mean log loss of both ways, and mean difference (ordered minus random) with its interval."""

    notes: int
    random: float
    ordered: float
    difference: float
    low: float
    high: float


def fitted(pool: Pool, chosen: Sequence[int]) -> Classifier:
    """The classifier after these notes were reviewed."""
    return Classifier(Fitted(*fit_classifier([row for n in chosen for row in pool.rows[n]]), pool.temperature))


def doubtful(pool: Pool, chosen: Sequence[int], left: Sequence[int], size: int) -> list[int]:
    """The least certain notes first, no two of one layout or one pair; where these run out, the rest in order."""
    classifier = fitted(pool, chosen)
    doubt = {n: 1.0 - min(classifier.probabilities([row.content for row in pool.rows[n]]).max(axis=1)) for n in left}
    ordered = sorted(left, key=lambda n: -doubt[n])
    taken: list[int] = []
    kinds: set[str] = set()
    for n in ordered:
        note = pool.notes[n]
        mine = {f"{note.writer} {note.layout}"} | ({note.pair.id} if note.pair else set())
        if not mine & kinds:
            taken.append(n)
            kinds |= mine
        if len(taken) == size:
            return taken
    return [*taken, *(n for n in ordered if n not in taken)][:size]


def losses(pool: Pool, seed: int, *, order: Order | None, first: int, batch: int, batches: int) -> list[float]:
    """Log loss on the blocks shown after each batch of one draw; without an order, at random."""
    rng = np.random.default_rng(SEED + seed)
    drawn = [int(n) for n in rng.permutation(len(pool.notes))]
    chosen, left = drawn[:first], drawn[first:]
    out = []
    for number in range(batches + 1):
        logits = fitted(pool, chosen).logits([row.full for row in pool.shown])
        out.append(log_loss(logits, pool.shown, pool.temperature))
        if number < batches:
            more = left[:batch] if order is None else order(pool, chosen, left, batch)
            chosen = [*chosen, *more]
            left = [n for n in left if n not in set(more)]
    return out


def compare(
    pool: Pool,
    order: Order = doubtful,
    *,
    seeds: int = SEEDS,
    first: int = FIRST,
    batch: int = BATCH,
    batches: int = BATCHES,
) -> list[Step]:
    """An order and chance over all draws."""
    tables = [
        np.array([losses(pool, s, order=each, first=first, batch=batch, batches=batches) for s in range(seeds)])
        for each in (None, order)
    ]
    out = []
    for number in range(batches + 1):
        plain, ordered = (table[:, number] for table in tables)
        gaps = ordered - plain
        half = float(t.ppf(_TAIL, seeds - 1) * gaps.std(ddof=1) / seeds**0.5)
        mean = float(gaps.mean())
        out.append(
            Step(first + number * batch, float(plain.mean()), float(ordered.mean()), mean, mean - half, mean + half)
        )
    return out


def table(steps: Sequence[Step]) -> str:
    """The steps as a Markdown table."""
    heads = ["reviewed notes", "log loss, random", "log loss, ordered", "difference", "95 % interval"]
    rows = [
        [str(s.notes), f"{s.random:.4f}", f"{s.ordered:.4f}", f"{s.difference:+.4f}", f"{s.low:+.4f} to {s.high:+.4f}"]
        for s in steps
    ]
    return markdown_table(heads, rows)


def chart(orders: Mapping[str, Sequence[Step]]) -> str:
    """Log loss over reviewed notes, at random and in each order (two at most), as an SVG file.

    Each order goes with the same draws at random. The band around the first is the interval of its difference from these.
    """
    first, *_ = orders.values()
    lines = [Measured("at random", [(step.notes, step.random) for step in first])]
    for name, steps in orders.items():
        lines.append(Measured(name, [(step.notes, step.ordered) for step in steps]))
    lines[1] = lines[1]._replace(band=[(s.notes, s.random + s.low, s.random + s.high) for s in first])
    ends = ", ".join(f"{steps[-1].ordered:.3f} with {name}" for name, steps in orders.items())
    told = f"After {first[-1].notes} reviewed notes the log loss is {first[-1].random:.3f} at random, {ends}."
    return measured_chart(lines, told, across="reviewed notes", up="log loss on notes of other writers")


def main() -> None:
    """Command line of ``python -m models.training.active``."""
    parser = argparse.ArgumentParser(description="Compare the order of doubt with a random one.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    parser.add_argument("--svg", type=Path, help="file to write the curves to")
    arguments = parser.parse_args()
    notes, splits = read_corpus(arguments.data), read_splits(arguments.data)
    train = [note for note in select(notes, splits, "train") if note.services]
    rows = [block_rows([note]) for note in train]
    kept = [n for n, mine in enumerate(rows) if mine]
    pool = Pool(
        [train[n] for n in kept],
        [rows[n] for n in kept],
        block_rows(select(notes, splits, "development")),
        load_classifier(shipped()).temperature,
    )
    steps = compare(pool)
    if arguments.svg is not None:
        arguments.svg.write_text(chart({"doubt alone": steps}) + "\n", encoding="utf-8")
    print(f"{len(pool.notes)} notes to choose from, {len(pool.shown)} blocks measured, {SEEDS} draws")
    print(table(steps))


if __name__ == "__main__":
    main()
