"""Linear-chain models as plain arrays: scores of named features, transitions, and the best label sequence.

Used for the activity tagger and for the grouping of activities and durations into blocks. A model file is an ``.npz`` of a
string array and two float arrays, read without pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

# A group of features: what names them, and the values it names them by. ``make(*values)`` is the list of names.
Group = tuple[Callable[..., list[str]], tuple[Hashable, ...]]
# A feature by name, or a group of them.
Trait = str | Group

_CHUNK = 16  # items decoded one after the other; a path rarely depends on what stands further off
_SCALE = 2.0**18


def _summed(table: Scores, flat: Sequence[int], starts: Sequence[int]) -> Scores:
    """Sums over runs of rows of ``table``, of shape (n, L); run ``n`` is ``flat`` from ``starts[n]`` to the next start."""
    if not starts:
        return np.zeros((0, table.shape[1]), dtype=np.float32)
    return np.add.reduceat(table[flat], starts, axis=0)


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
        span = float(np.ptp(self.transitions)) if self.transitions.size else 0.0
        # A label so far behind the best of its item is on no best path: no two transitions make up for it.
        self._hopeless = 2.0 * span + 1.0
        most = (_CHUNK + 2) * (self._hopeless + float(np.abs(self.transitions).max(initial=0.0)))
        self._bits = len(labels).bit_length()
        self._whole = np.int32 if most * _SCALE * (1 << self._bits) < np.iinfo(np.int32).max else np.int64
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
        return _summed(self.weights, flat, starts)

    def sums(self, features: Sequence[Sequence[str]]) -> Scores:
        """`scores` of items that have few features each, of shape (n, L), added in the order that they are named in.

        The items are added up side by side, since a call of numpy an item costs more than the item.
        """
        rows = [self.rows(names) for names in features]
        width = max(map(len, rows), default=0)
        last = len(self.weights) - 1  # adds nothing
        even = np.array([row + [last] * (width - len(row)) for row in rows], dtype=np.intp).reshape(len(rows), width)
        return self.weights[even].sum(axis=1)

    def certainty_many(self, batch: Sequence[Scores], paths: Sequence[Sequence[int]]) -> list[list[float]]:
        """Probability, in [0, 1], of each label of a path at its place, by the sums over all label sequences; a batch at once.

        ``batch`` holds scores of shape (n, L), ``paths`` n indexes into ``labels`` each.
        """
        lengths = [len(scores) for scores in batch]
        # Longest first: those that go on at a step are the first ones.
        order = sorted(range(len(batch)), key=lambda number: -lengths[number])
        longest = lengths[order[0]] if order else 0
        if not longest:
            return [[] for _ in batch]
        width = len(self.labels)
        rows = np.zeros((longest, len(batch), width), dtype=np.float32)
        chosen = np.zeros((longest, len(batch)), dtype=np.intp)
        for place, number in enumerate(order):
            rows[: lengths[number], place] = batch[number]
            chosen[: lengths[number], place] = paths[number]
        active = [sum(length > at for length in lengths) for at in range(longest)]
        ahead = np.empty((longest, len(batch), width))
        ahead[0] = rows[0]
        for at in range(1, longest):
            on = active[at]
            into = ahead[at - 1, :on, :, None] + self.transitions
            ahead[at, :on] = rows[at, :on] + np.logaddexp.reduce(into, axis=1)
        ends = np.array([max(0, lengths[number] - 1) for number in order])
        places = np.arange(len(order))
        whole = np.logaddexp.reduce(ahead[ends, places], axis=1)
        behind = np.zeros((len(batch), width))
        out = np.zeros((longest, len(batch)))
        for at in range(longest - 1, -1, -1):
            on = active[at]
            chance = (ahead[at, :on] + behind[:on])[places[:on], chosen[at, :on]] - whole[:on]
            out[at, :on] = np.exp(np.minimum(0.0, chance))
            behind[:on] = np.logaddexp.reduce(self.transitions + rows[at, :on, None, :] + behind[:on, None, :], axis=2)
        values = out.T.tolist()
        result: list[list[float]] = [[] for _ in batch]
        for place, number in enumerate(order):
            result[number] = values[place][: lengths[number]]
        return result

    def decode_many(self, batch: Sequence[Scores]) -> list[list[int]]:
        """The best label sequences (indexes into ``labels``) for scores of shape (n, L) each, a batch at once.

        Sequences are cut into chunks of `_CHUNK` items that are decoded side by side. What a chunk is entered with is guessed at
        first; chunks whose guess was wrong are decoded again until none is left, so the result is that of one pass from
        start to end. Scores are whole multiples of 1 / `_SCALE`, so that equal means equal and one maximum gives both the best
        value and, in the lowest bits, the label it came from.
        """
        lengths = [len(scores) for scores in batch]
        counts = [-(-length // _CHUNK) for length in lengths]
        firsts = [0, *accumulate(counts)]
        chunks = firsts.pop()
        if not chunks:
            return [[] for _ in batch]
        width, bits, whole = len(self.labels), self._bits, self._whole
        flat = np.zeros((chunks * _CHUNK, width), dtype=np.float32)
        for first, scores in zip(firsts, batch, strict=True):
            flat[first * _CHUNK : first * _CHUNK + len(scores)] = scores
        flat -= flat.max(axis=1, keepdims=True)
        cells = np.rint(np.maximum(flat, -self._hopeless) * _SCALE).astype(whole)
        cells = cells.reshape(chunks, _CHUNK, width).transpose(1, 2, 0)
        # Of equal values the earlier label wins: it has the higher mark.
        marks = np.arange(width - 1, -1, -1, dtype=whole)
        into = ((np.rint(self.transitions * _SCALE).astype(whole) << bits) + marks[:, None])[:, :, None]
        begins = np.zeros(chunks + 1, dtype=bool)
        begins[[first for first, count in zip(firsts, counts, strict=True) if count]] = begins[-1] = True
        came = np.zeros((_CHUNK, width, chunks), dtype=whole)
        entered = np.zeros((width, chunks), dtype=whole)
        left = np.zeros_like(entered)
        todo = np.arange(chunks)
        while len(todo):
            here = np.ascontiguousarray(cells[:, :, todo])
            packed = np.empty_like(here)
            best = entered[:, todo]
            for step in range(_CHUNK):
                ((best << bits)[:, None] + into).max(axis=0, out=packed[step])
                if step == 0:
                    packed[0][:, begins[todo]] = 0
                best = (packed[step] >> bits) + here[step]
            came[:, :, todo] = packed
            left[:, todo] = best - best.max(axis=0)
            behind = todo + 1
            behind = behind[~begins[behind]]
            todo = behind[(left[:, behind - 1] != entered[:, behind]).any(axis=0)]
            entered[:, todo] = left[:, todo - 1]
        pointers = (width - 1 - (came & ((1 << bits) - 1))).astype(np.int8).transpose(2, 0, 1).reshape(-1, width)
        values = ((came >> bits) + cells).transpose(2, 0, 1).reshape(-1, width)
        out = []
        for first, length in zip(firsts, lengths, strict=True):
            path: list[int] = []
            if length:
                begin = first * _CHUNK
                label = int(values[begin + length - 1].argmax())
                path.append(label)
                for row in reversed(pointers[begin + 1 : begin + length].tolist()):
                    label = row[label]
                    path.append(label)
                path.reverse()
            out.append(path)
        return out


class Rows:
    """The rows of features in a model's weights, kept by what the features are made of.

    Naming features and looking each name up costs far more than adding what they weigh. Features that are made of the same
    few values are one `Group`; a group that was seen before is one look-up.

    Parameters
    ----------
    chain
        The model whose weights are summed.
    """

    LIMIT = 50_000  # groups kept; when there are more, all are forgotten

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.known: dict[Trait, list[int]] = {}

    def scores(self, items: Iterable[Iterable[Trait]]) -> Scores:
        """`Chain.scores` of n items, of shape (n, L), from their features as groups."""
        if len(self.known) > self.LIMIT:
            self.known.clear()
        known, add = self.known.get, self._add
        last = len(self.chain.weights) - 1
        flat: list[int] = []
        starts: list[int] = []
        for traits in items:
            starts.append(len(flat))
            for trait in traits:
                rows = known(trait)
                flat += add(trait) if rows is None else rows
            flat.append(last)  # reduceat wants at least one row each
        return _summed(self.chain.weights, flat, starts)

    def _add(self, trait: Trait) -> list[int]:
        rows = self.known[trait] = self.chain.rows(names([trait]))
        return rows


class Sums:
    """Scores of feature groups, each summed once and kept by what it is made of.

    Naming features and looking each name up costs far more than adding what they weigh. Features that are made of the same
    few values are one `Group`; a group that was seen before is one look-up.

    Parameters
    ----------
    chain
        The model whose weights are summed.
    """

    LIMIT = 50_000  # groups kept; when there are more, all are forgotten

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.rows: dict[Group, int] = {}
        self.table = np.zeros((1024, len(chain.labels)), dtype=np.float32)
        # A server reads notes in several threads: a row's number is worth something only until the next one is added or all go.
        self._lock = Lock()

    def scores(self, items: Iterable[Iterable[Group]]) -> Scores:
        """Scores of shape (n, L) for n items of one or more groups each: what `Chain.scores` gives for all their names.

        Groups are read once and not kept, so that ``items`` may make them as it goes.
        """
        with self._lock:
            if len(self.rows) > self.LIMIT:
                self.rows.clear()
            known, rows = self.rows.get, self.rows
            flat: list[int] = []
            starts: list[int] = []
            new: list[Group] = []
            for groups in items:
                starts.append(len(flat))
                for group in groups:
                    row = known(group)
                    if row is None:
                        row = rows[group] = len(rows)
                        new.append(group)
                    flat.append(row)
            if new:
                self._add(new)
            return _summed(self.table, flat, starts)

    def _add(self, new: Sequence[Group]) -> None:
        """Fill the last rows, which are those of ``new``."""
        count = len(self.rows)
        self.table = grown(self.table, count)
        self.table[count - len(new) : count] = self.chain.sums([make(*values) for make, values in new])


def grown(table: Scores, count: int) -> Scores:
    """A table of at least ``count`` rows that begins as ``table`` does; twice as long where it has to be another."""
    if count <= len(table):
        return table
    return np.concatenate([table, np.zeros((max(count, 2 * len(table)) - len(table), *table.shape[1:]), table.dtype)])


def names(traits: Iterable[Trait]) -> list[str]:
    """Features by name, as training reads them."""
    out: list[str] = []
    for trait in traits:
        if isinstance(trait, str):
            out.append(trait)
        else:
            make, values = trait
            out += make(*values)
    return out
