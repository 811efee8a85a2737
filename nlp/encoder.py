"""The small transformer of the ``accurate`` profile: log-probabilities of the tagger's labels, a token at a time.

A MiniLM encoder fine-tuned on the labelled notes (`models.training.encoder`) and exported as an int8 ONNX graph. It runs in this
process, on one thread, and fetches nothing. Words are cut into the pieces of its vocabulary by the greedy longest match that
the vocabulary was made for (WordPiece; Wu and others 2016, arXiv 1609.08144).
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlp.chain import Scores
from nlp.tagging import LABELS

_START, _END, _UNKNOWN, _NEW_LINE = "[CLS]", "[SEP]", "[UNK]", "[unused1]"
_PIECES_A_WORD = 8
_WINDOW = 384  # pieces read at once; the encoder was trained with at most 510
_CACHE = 50_000
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
        return out or [self.number[_UNKNOWN]]


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


class Encoder:
    """Log-probabilities of `nlp.tagging.LABELS` for each word of a note.

    Parameters
    ----------
    graph
        Bytes of the ONNX graph: inputs ``pieces`` and ``mask`` of shape (windows, pieces), output ``scores`` of shape
        (windows, pieces, labels).
    pieces
        The vocabulary it was trained with.
    """

    def __init__(self, graph: bytes, pieces: Pieces) -> None:
        import onnxruntime  # half a second of start that the fast profile need not pay

        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.pieces = pieces

    @classmethod
    def load(cls, graph: Path, vocabulary: Path) -> Encoder:
        """Read both files; nothing in them is executed but the graph's arithmetic."""
        return cls(graph.read_bytes(), Pieces.load(vocabulary))

    def scores(self, notes: Sequence[Sequence[str]]) -> list[Scores]:
        """One array of shape (words, labels) a note; zeros for a note of more than `LONGEST` words."""
        totals = [np.zeros((len(words), len(LABELS)), dtype=np.float32) for words in notes]
        counts: list[Scores] = [np.zeros((len(words), 1), dtype=np.float32) for words in notes]
        for words, total, count in zip(notes, totals, counts, strict=True):
            if len(words) > LONGEST:
                continue
            # One window at a time: the graph scales what it computes over all that it is given, so a note's scores
            # would change with its neighbours.
            for window in windows(self.pieces, words):
                ids = np.array([window.pieces], dtype=np.int64)
                out = self._session.run(None, {"pieces": ids, "mask": np.ones(ids.shape, dtype=np.float32)})[0]
                span = slice(window.first, window.first + len(window.places))
                total[span] += out[0, window.places]
                count[span] += 1.0
        return [
            (total / np.maximum(count, 1.0)).astype(np.float32) for total, count in zip(totals, counts, strict=True)
        ]
