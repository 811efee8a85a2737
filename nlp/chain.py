"""Linear-chain models as plain arrays: scores of named features, transitions, and the best label sequence.

Used for the activity tagger and for the grouping of activities and durations into blocks. A model file is an ``.npz`` of a
string array and two float arrays, read without pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]


class Chain:
    """A fitted linear-chain model.

    Parameters
    ----------
    labels
        The L labels.
    names
        The F feature names.
    weights
        Array of shape (F, L): what each feature adds to each label's score.
    transitions
        Array of shape (L, L): what going from one label (row) to the next (column) adds.
    """

    def __init__(self, labels: Sequence[str], names: Sequence[str], weights: Scores, transitions: Scores) -> None:
        self.labels = tuple(labels)
        self.weights = np.vstack([weights, np.zeros((1, len(labels)), dtype=np.float32)]).astype(np.float32)
        self.transitions = transitions.astype(np.float32)
        self.index = {str(name): row for row, name in enumerate(names)}

    @classmethod
    def load(cls, path: Path) -> Chain:
        """Read a model file; nothing in it is executed."""
        with np.load(path, allow_pickle=False) as data:
            return cls(
                [str(x) for x in data["labels"]], [str(x) for x in data["names"]], data["weights"], data["transitions"]
            )

    def save(self, path: Path) -> None:
        """Write the model file."""
        np.savez_compressed(
            path,
            labels=np.array(self.labels),
            names=np.array(list(self.index)),
            weights=self.weights[:-1].astype(np.float16),
            transitions=self.transitions,
        )

    def rows(self, names: Sequence[str]) -> list[int]:
        """Rows of the named features that the model knows."""
        index = self.index
        return [row for name in names if (row := index.get(name)) is not None]

    def scores(self, features: Sequence[Sequence[str]]) -> Scores:
        """Scores of shape (n, L) for n items given by their feature names."""
        flat: list[int] = []
        starts: list[int] = []
        last = len(self.weights) - 1
        for names in features:
            starts.append(len(flat))
            flat += self.rows(names)
            flat.append(last)  # reduceat wants at least one row each
        if not starts:
            return np.zeros((0, len(self.labels)), dtype=np.float32)
        return np.add.reduceat(self.weights[flat], starts, axis=0)

    def decode(self, scores: Scores) -> list[int]:
        """The best label sequence (indexes into ``labels``) for scores of shape (n, L)."""
        count = len(scores)
        if not count:
            return []
        transitions = self.transitions.T.tolist()
        rows = scores.tolist()
        best = rows[0]
        back: list[list[int]] = []
        span = range(len(self.labels))
        for row in rows[1:]:
            pointers, values = [], []
            for label in span:
                into = transitions[label]
                top, at = best[0] + into[0], 0
                for previous in span:
                    value = best[previous] + into[previous]
                    if value > top:
                        top, at = value, previous
                pointers.append(at)
                values.append(top + row[label])
            back.append(pointers)
            best = values
        label = max(span, key=best.__getitem__)
        path = [label]
        for pointers in reversed(back):
            label = pointers[label]
            path.append(label)
        path.reverse()
        return path

    def certainty(self, scores: Scores, path: Sequence[int]) -> list[float]:
        """Probability, in [0, 1], of each label of ``path`` at its place, by the sums over all label sequences.

        ``scores`` has shape (n, L), ``path`` n indexes into ``labels``.
        """
        count = len(scores)
        if not count:
            return []
        ahead = np.empty((count, len(self.labels)))
        ahead[0] = scores[0]
        for at in range(1, count):
            ahead[at] = scores[at] + np.logaddexp.reduce(ahead[at - 1][:, None] + self.transitions, axis=0)
        whole = np.logaddexp.reduce(ahead[-1])
        behind = np.zeros(len(self.labels))
        out = [0.0] * count
        for at in range(count - 1, -1, -1):
            out[at] = float(np.exp(min(0.0, ahead[at, path[at]] + behind[path[at]] - whole)))
            behind = np.logaddexp.reduce(self.transitions + scores[at] + behind, axis=1)
        return out

    def decode_many(self, batch: Sequence[Scores]) -> list[list[int]]:
        """`decode` for a batch, all sequences a step at a time."""
        if not batch:
            return []
        if len(batch) == 1:
            return [self.decode(batch[0])]
        lengths = [len(scores) for scores in batch]
        longest = max(lengths)
        width = len(self.labels)
        if longest == 0:
            return [[] for _ in batch]
        padded = np.zeros((longest, len(batch), width), dtype=np.float32)
        for column, scores in enumerate(batch):
            padded[: len(scores), column] = scores
        best = padded[0]
        back = np.zeros((longest, len(batch), width), dtype=np.int8)
        final = np.zeros((len(batch), width), dtype=np.float32)
        done = {length: [c for c, x in enumerate(lengths) if x == length] for length in set(lengths)}
        for column in done.get(1, ()):
            final[column] = best[column]
        for step in range(1, longest):
            candidates = best[:, :, None] + self.transitions[None]
            back[step] = candidates.argmax(axis=1)
            best = candidates.max(axis=1) + padded[step]
            for column in done.get(step + 1, ()):
                final[column] = best[column]
        out = []
        for column, length in enumerate(lengths):
            if not length:
                out.append([])
                continue
            label = int(final[column].argmax())
            path = [label]
            pointers = back[:length, column].tolist()
            for step in range(length - 1, 0, -1):
                label = pointers[step][label]
                path.append(label)
            path.reverse()
            out.append(path)
        return out
