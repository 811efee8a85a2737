"""What wrong reviews do, with the guard and without: ``python -m models.training.poison``.

Some training writers stand for a clinic: their notes are dealt to reviewers who label them as the corpus does, but for a share of
the blocks of 97110 and 97530 that gets the other code: any block (*random*), blocks of one reviewer (*one reviewer*), or blocks of
exercise alone, by all reviewers (*one-sided*). The classifier of labelled blocks is fitted on the other writers' notes and on what
the guard lets through, and measured on the development notes. Nothing is trained for use here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from models.billing.codes import HEADLINE
from models.classifier import CLASSES, Classifier, Fitted
from models.registry import load_classifier, shipped
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.guard import LIMITS, Reviewed, screen
from models.training.study import markdown_table
from models.training.train import SEED, Row, block_rows, fit_classifier, log_loss

Attack = Literal["random", "one reviewer", "one-sided"]
SHARES = (0.0, 0.05, 0.1, 0.2)
REVIEWERS = 5
_CLINIC = 4  # every fourth writer's notes are the clinic's
_SEEDS = 3


class Measured(NamedTuple):
    """Means over the draws: shares in [0, 1], log loss in nats; ``caught`` of flipped blocks, ``held_clean`` of right notes."""

    attack: str
    share: float
    flipped: float
    caught: float
    held_clean: float
    accuracy: float
    log_loss: float
    accuracy_guarded: float
    log_loss_guarded: float


def flips(
    rows: Sequence[Sequence[Row]], reviewers: Sequence[str], attack: Attack, share: float, rng: np.random.Generator
) -> set[tuple[int, int]]:
    """Which blocks (note, number) get the other code: ``share`` of all blocks of the two codes, or as many as the attack has."""
    blocks = [(n, k) for n, mine in enumerate(rows) for k, row in enumerate(mine) if row.code in HEADLINE]
    wanted = round_half_up(share * len(blocks))
    if attack == "one reviewer":
        blocks = [(n, k) for n, k in blocks if reviewers[n] == reviewers[0]]
    elif attack == "one-sided":
        blocks = [(n, k) for n, k in blocks if rows[n][k].code != LIMITS.dearer]
    chosen = rng.permutation(len(blocks))[:wanted]
    return {blocks[int(at)] for at in chosen}


def round_half_up(value: float) -> int:
    """The nearest whole number.

    Examples
    --------
    >>> round_half_up(2.5), round_half_up(2.4)
    (3, 2)
    """
    return int(value + 0.5)


def other(code: str) -> str:
    """The other of the two headline codes."""
    return next(each for each in HEADLINE if each != code)


def scored(rows: Sequence[Row], shown: Sequence[Row], temperature: float) -> tuple[float, float]:
    """Accuracy and log loss on ``shown`` of a classifier fitted on ``rows``."""
    logits = Classifier(Fitted(*fit_classifier(rows), 1.0)).logits([row.full for row in shown])
    right = [CLASSES[int(best)] in row.accept for best, row in zip(logits.argmax(axis=1), shown, strict=True)]
    return float(np.mean(right)), log_loss(logits, shown, temperature)


def measure(
    clinic: Sequence[LabelledNote],
    rows: Sequence[Sequence[Row]],
    corpus: Sequence[Row],
    shown: Sequence[Row],
    attack: Attack,
    share: float,
    temperature: float,
    *,
    seeds: int = _SEEDS,
) -> Measured:
    """One attack at one share, drawn ``seeds`` times."""
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng(SEED + seed)
        reviewers = [f"r{number}" for number in rng.integers(0, REVIEWERS, len(clinic))]
        chosen = flips(rows, reviewers, attack, share, rng)
        poisoned = [
            [replace(row, code=other(row.code)) if (n, k) in chosen else row for k, row in enumerate(mine)]
            for n, mine in enumerate(rows)
        ]
        items = [Reviewed(note, str(n), reviewers[n]) for n, note in enumerate(clinic)]
        held = {int(each.review) for each in screen(items, corpus, temperature, rows=poisoned)}
        wrong = {n for n, _ in chosen}
        everything = [row for mine in poisoned for row in mine]
        passed = [row for n, mine in enumerate(poisoned) if n not in held for row in mine]
        headline = sum(row.code in HEADLINE for row in everything)
        found.append(
            (
                len(chosen) / max(1, headline),
                sum(n in held for n, _ in chosen) / max(1, len(chosen)),
                len(held - wrong) / max(1, len(clinic) - len(wrong)),
                *scored([*corpus, *everything], shown, temperature),
                *scored([*corpus, *passed], shown, temperature),
            )
        )
    return Measured(attack, share, *np.mean(found, axis=0).tolist())


def table(found: Sequence[Measured]) -> str:
    """The results as a Markdown table."""
    heads = [
        "attack",
        "flipped",
        "caught",
        "right notes held",
        "accuracy",
        "log loss",
        "guarded accuracy",
        "guarded log loss",
    ]
    rows = [
        [each.attack if each.share else "none"]
        + [f"{value:.3f}" for value in (each.flipped, each.caught, each.held_clean, each.accuracy)]
        + [f"{each.log_loss:.4f}", f"{each.accuracy_guarded:.3f}", f"{each.log_loss_guarded:.4f}"]
        for each in found
    ]
    return markdown_table(heads, rows)


def main() -> None:
    """Command line of ``python -m models.training.poison``."""
    parser = argparse.ArgumentParser(description="Measure what wrong reviews do, with the guard and without.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    arguments = parser.parse_args()
    start = time.perf_counter()
    notes, splits = read_corpus(arguments.data), read_splits(arguments.data)
    train = select(notes, splits, "train")
    writers = sorted({note.writer for note in train})
    mine = set(writers[::_CLINIC])
    clinic = [note for note in train if note.writer in mine]
    corpus = block_rows([note for note in train if note.writer not in mine])
    rows = [block_rows([note]) for note in clinic]
    shown = block_rows(select(notes, splits, "development"))
    temperature = load_classifier(shipped()).temperature
    without = scored(corpus, shown, temperature)
    print(f"{len(train) - len(clinic)} notes of the corpus, {len(clinic)} of the clinic, {len(shown)} blocks measured")
    print(f"without the clinic: accuracy {without[0]:.3f}, log loss {without[1]:.4f}")
    found = [measure(clinic, rows, corpus, shown, "random", 0.0, temperature)]
    for attack in get_args(Attack):
        found += [measure(clinic, rows, corpus, shown, attack, share, temperature) for share in SHARES if share]
        print(f"{attack}: {time.perf_counter() - start:.0f} s", flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
