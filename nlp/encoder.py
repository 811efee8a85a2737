"""The small transformer of the ``accurate`` profile: what each word is in its note, by five heads.

A MiniLM encoder fine-tuned on the labelled notes (`models.training.encoder`) and exported as an int8 ONNX graph. It runs in this
process, on one thread, and fetches nothing. Words are cut into the pieces of its vocabulary by the greedy longest match that
the vocabulary was made for (WordPiece; Wu and others 2016, arXiv 1609.08144).

The heads: ``tag`` (the tagger's labels, every word), ``role`` (what an activity, a duration or a service's name is in its block,
read at its first word), ``code`` (which code an activity's words speak for), ``status`` (why work was not done today) and
``element`` (whether the note holds an assessment and progress; the same on every word).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nlp.chain import Scores
from nlp.document import STATUSES
from nlp.tagging import LABELS

# Begins a block, goes on in it, its own minutes, a part of them, shared minutes, none of these.
ROLES = ("B", "I", "D", "P", "S", "O")
CODES = ("exercise", "activities", "other")  # in the order of `models.classifier.CLASSES`
READ_ELEMENTS = ("assessment", "progress")
HEADS = {"tag": LABELS, "role": ROLES, "code": CODES, "status": STATUSES, "element": READ_ELEMENTS}


def _columns() -> dict[str, slice]:
    out, at = {}, 0
    for name, labels in HEADS.items():
        out[name] = slice(at, at + len(labels))
        at += len(labels)
    return out


COLUMNS = _columns()  # of the encoder's output, by head
OUTPUTS = sum(len(labels) for labels in HEADS.values())
_START, _END, _UNKNOWN, _NEW_LINE, _MASK = "[CLS]", "[SEP]", "[UNK]", "[unused1]", "[MASK]"
_PIECES_A_WORD = 8
_WINDOW = 400  # pieces read at once; the encoder was trained with at most 510
_CACHE = 50_000
LEAST_LOG = -8.0
# Longer texts are read by the linear tagger alone: no note of one visit is that long, and the page must stay quick.
LONGEST = 6_000


class Pieces:
    """Words to numbers of vocabulary pieces."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.number = {piece: number for number, piece in enumerate(vocabulary)}
        self.start, self.end, self.new_line = (self.number[mark] for mark in (_START, _END, _NEW_LINE))
        self._seen: dict[str, list[int]] = {}

    @classmethod
    def load(cls, path: Path) -> Pieces:
        """Read a vocabulary: one piece a line, in order of their numbers."""
        return cls(path.read_text(encoding="utf-8").split("\n"))

    def of(self, word: str) -> list[int]:
        """Numbers of the pieces of a word; at least one, at most eight.

        Examples
        --------
        >>> Pieces(["[CLS]", "[SEP]", "[UNK]", "[unused1]", "heel", "##s"]).of("Heels")
        [4, 5]
        """
        seen = self._seen.get(word)
        if seen is None:
            if len(self._seen) > _CACHE:
                self._seen.clear()
            seen = self._seen[word] = self._cut(word)
        return seen

    def _cut(self, word: str) -> list[int]:
        if word[0] in "\r\n":
            return [self.new_line]
        plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        # The vocabulary was made of words parted at their marks.
        parts = re.split(r"(['’])", plain) if len(plain) > 1 else [plain]
        numbers = [number for part in parts if part for number in self._piece(part.replace("’", "'"))]
        return numbers[:_PIECES_A_WORD] or [self.number[_UNKNOWN]]

    def _piece(self, plain: str) -> list[int]:
        out: list[int] = []
        at = 0
        while at < len(plain) and len(out) < _PIECES_A_WORD:
            until = min(len(plain), at + 40)
            while until > at:
                number = self.number.get(plain[at:until] if at == 0 else f"##{plain[at:until]}")
                if number is not None:
                    out.append(number)
                    break
                until -= 1
            if until == at:
                return [self.number[_UNKNOWN]]
            at = until
        return out


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a note as the encoder reads it: pieces, its first word's index, and where each word's first piece stands."""

    pieces: list[int]
    first: int
    places: list[int]


def windows(pieces: Pieces, words: Sequence[str]) -> Iterator[Window]:
    """Windows over the words of a note; each begins three quarters into the one before, so that every word has neighbours."""
    flat: list[int] = []
    begins: list[int] = []
    for word in words:
        begins.append(len(flat))
        flat += pieces.of(word)
    at = 0
    while at < len(words):
        after = len(words)
        if len(flat) - begins[at] > _WINDOW:
            after = max(at + 1, bisect_right(begins, begins[at] + _WINDOW) - 1)
        last = begins[after] if after < len(words) else len(flat)
        offset = begins[at] - 1
        yield Window(
            [pieces.start, *flat[begins[at] : last], pieces.end], at, [place - offset for place in begins[at:after]]
        )
        if after == len(words):
            return
        at += max(1, (after - at) * 3 // 4)


def bounded(rows: Scores, head: str) -> Scores:
    """The columns of one head, no lower than `LEAST_LOG`: beyond that an encoder's certainty is worth no more."""
    return np.maximum(rows[:, COLUMNS[head]], LEAST_LOG)


def log_probabilities(outputs: Scores) -> Scores:
    """Outputs of shape (..., `OUTPUTS`) as log-probabilities: a softmax a head; ``element`` a probability a label."""
    out = np.empty_like(outputs)
    for name, at in COLUMNS.items():
        part = outputs[..., at]
        if name == "element":
            out[..., at] = -np.logaddexp(0.0, -part)
        else:
            part = part - part.max(axis=-1, keepdims=True)
            out[..., at] = part - np.log(np.exp(part).sum(axis=-1, keepdims=True))
    return out


class Encoder:
    """Log-probabilities of every head of `HEADS` for each word of a note.

    Parameters
    ----------
    graph
        Bytes of the ONNX graph: input ``pieces`` of shape (1, pieces), output ``scores`` of shape (1, pieces, `OUTPUTS`).
    pieces
        The vocabulary it was trained with.
    """

    def __init__(self, graph: bytes, pieces: Pieces) -> None:
        import onnxruntime  # half a second of start that the fast profile need not pay

        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Its fused sum and norm takes several times as long as the two apart.
        apart = ["SkipLayerNormFusion"]
        self._session: Any = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=apart
        )
        self.pieces = pieces

    @classmethod
    def load(cls, graph: Path, vocabulary: Path) -> Encoder:
        """Read both files; nothing in them is executed but the graph's arithmetic."""
        return cls(graph.read_bytes(), Pieces.load(vocabulary))

    def scores(self, notes: Sequence[Sequence[str]]) -> list[Scores]:
        """One array of shape (words, `OUTPUTS`) a note; zeros for a note of more than `LONGEST` words."""
        return [self._read(words) for words in notes]

    def without(self, words: Sequence[str], hidden: Collection[int]) -> Scores:
        """`scores` of one note of whose words some, by index, are hidden: what their surroundings alone say of them."""
        return self._read(words, hidden)

    def _read(self, words: Sequence[str], hidden: Collection[int] = ()) -> Scores:
        total = np.zeros((len(words), OUTPUTS), dtype=np.float32)
        if not words or len(words) > LONGEST:
            return total
        count = np.zeros((len(words), 1), dtype=np.float32)
        shown = np.full(len(READ_ELEMENTS), -np.inf, dtype=np.float32)
        # One window at a time: the graph scales what it computes over all that it is given, so a note's scores
        # would change with its neighbours.
        for window in windows(self.pieces, words):
            ids = np.array([self._covered(window, hidden)], dtype=np.int64)
            out = log_probabilities(self._session.run(None, {"pieces": ids})[0][0])
            span = slice(window.first, window.first + len(window.places))
            total[span] += out[window.places]
            count[span] += 1.0
            shown = np.maximum(shown, out[0, COLUMNS["element"]])
        total /= np.maximum(count, 1.0)
        total[:, COLUMNS["element"]] = shown
        return total

    def _covered(self, window: Window, hidden: Collection[int]) -> list[int]:
        """The pieces of a window, those of hidden words masked, as in training."""
        if not hidden:
            return window.pieces
        pieces = list(window.pieces)
        for place, (start, end) in enumerate(pairwise((*window.places, len(pieces) - 1))):
            if window.first + place in hidden:
                pieces[start:end] = [self.pieces.number[_MASK]] * (end - start)
        return pieces
