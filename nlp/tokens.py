"""The tokenizer and the token table that every component reads.

The tokenizer is lossless (``doc.text == text``) and cheaper than spaCy's own English rules: letters, digits and single marks are
apart, so that ``3x10``, ``sit>stand`` and ``97530(23`` fall into the parts the reader needs. `Tokens` is computed once
a note and kept in ``doc.user_data``; it holds plain lists, since indexing a `Doc` token by token costs more than the work.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from spacy.tokens import Doc
from spacy.vocab import Vocab

_TOKEN = re.compile(
    r"([^\W\d_]+(?:['’](?:s|t|re|ve|ll|d|m)(?![^\W\d_]))?|\d+|\n|\r\n?|[ \t\xa0]+|.)( ?)", re.DOTALL | re.IGNORECASE
)

# Marks that part one piece of a line from the next; a full stop parts only before white space or the line's end.
_PIECE_MARKS = frozenset(",;:|•*·—–()[]{}\t/=")
_USER_KEY = "therapy_tokens"


class Tokenizer:
    """Callable that spaCy uses as ``nlp.tokenizer``: text to `Doc`, without loss.

    Examples
    --------
    >>> from spacy.vocab import Vocab
    >>> [token.text for token in Tokenizer(Vocab())("SLR 3x10, 15'")]
    ['SLR', '3', 'x', '10', ',', '15', "'"]
    """

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        """Cut a text into a doc."""
        pairs = _TOKEN.findall(text)
        doc = Doc(self.vocab, words=[word for word, _ in pairs], spaces=[bool(space) for _, space in pairs])
        doc.user_data[_USER_KEY] = Tokens.build(text, pairs)
        return doc

    def to_bytes(self, **_: object) -> bytes:
        """Nothing to store: the rule is code."""
        return b""

    def from_bytes(self, _: bytes, **__: object) -> Tokenizer:
        """Nothing to load."""
        return self


@dataclass(slots=True)
class Tokens:
    """The tokens of one note as parallel lists, with lines and pieces.

    A *line* is what stands between line breaks; a *piece* is what stands between punctuation marks within a line.
    ``line_of`` and ``piece_of`` give each token's; ``lines`` and ``pieces`` hold half-open token ranges without the marks at
    their edges. Blank tokens (white space) belong to a line and to no piece (``-1``).
    """

    text: str
    words: list[str]
    lower: list[str]
    starts: list[int]
    ends: list[int]
    line_of: list[int]
    lines: list[tuple[int, int]]
    piece_of: list[int]
    pieces: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, text: str) -> Tokens:
        """The table of a text, without a `Doc`."""
        return cls.build(text, _TOKEN.findall(text))

    @classmethod
    def build(cls, text: str, pairs: list[tuple[str, str]]) -> Tokens:
        """Make the table from (word, following space) pairs that add up to ``text``."""
        words = [word for word, _ in pairs]
        lower = [word.lower() for word in words]
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for word, space in pairs:
            starts.append(position)
            position += len(word)
            ends.append(position)
            if space:
                position += 1
        count = len(words)
        line_of = [0] * count
        piece_of = [-1] * count
        lines: list[tuple[int, int]] = []
        pieces: list[tuple[int, int]] = []
        line_start, piece_start = 0, -1
        for index, word in enumerate(words):
            line_of[index] = len(lines)
            first = word[0]
            if first == "\n" or first == "\r":
                if piece_start >= 0:
                    pieces.append((piece_start, index))
                    piece_start = -1
                lines.append((line_start, index))
                line_start = index + 1
                continue
            if first == " " or first == "\t" or first == "\xa0":
                # A wide gap parts the columns of a table.
                if piece_start >= 0 and (len(word) >= 2 or first == "\t"):
                    pieces.append((piece_start, index))
                    piece_start = -1
                continue
            mark = first in _PIECE_MARKS
            if first == "/" and index > 0 and ends[index - 1] == starts[index]:
                mark = False  # "w/c", "R/L", "w/ rail"; a slash after a gap parts pieces
            elif first == "." and (
                index + 1 == count or starts[index + 1] > ends[index] or words[index + 1][0] in "\n\r"
            ):
                mark = True
            elif (
                first == ":" and index + 1 < count and starts[index + 1] == ends[index] and words[index + 1].isdecimal()
            ):
                mark = False  # "9:05"
            elif (
                first == "," and index + 1 < count and starts[index + 1] == ends[index] and words[index + 1].isdecimal()
            ):
                mark = False  # "1,090"
            if mark:
                if piece_start >= 0:
                    pieces.append((piece_start, index))
                    piece_start = -1
                continue
            if piece_start < 0:
                piece_start = index
            piece_of[index] = len(pieces)
        if piece_start >= 0:
            pieces.append((piece_start, count))
        lines.append((line_start, count))
        return cls(text, words, lower, starts, ends, line_of, lines, piece_of, pieces)

    def at(self, offset: int) -> int:
        """Index of the token that covers or precedes character ``offset`` (0 for the first)."""
        return max(0, bisect_right(self.starts, offset) - 1)

    def span(self, start: int, end: int) -> str:
        """Text of the half-open token range."""
        return self.text[self.starts[start] : self.ends[end - 1]]


def kept_tokens(tokens: Tokens) -> list[int]:
    """Indexes of the tokens that are tagged: all but blanks; line breaks stay."""
    return [index for index, word in enumerate(tokens.words) if word[0] not in " \t\xa0"]


def kept_words(tokens: Tokens) -> list[str]:
    """The words of `kept_tokens`: what an encoder reads of a note.

    Examples
    --------
    >>> kept_words(Tokens.of("SLR  3x10"))
    ['SLR', '3', 'x', '10']
    """
    return [tokens.words[index] for index in kept_tokens(tokens)]


def tokens_of(doc: Doc) -> Tokens:
    """The token table of a `Doc`; built from the text where another tokenizer made the `Doc`."""
    table = doc.user_data.get(_USER_KEY)
    if table is None:
        pairs = [(token.text, token.whitespace_) for token in doc]
        table = doc.user_data[_USER_KEY] = Tokens.build(doc.text, pairs)
    return table


def is_code(word: str) -> bool:
    """Whether a token is written like a procedure code (five digits from 9, 20 or 29, or G and four)."""
    return len(word) == 5 and word.isdecimal() and (word[0] == "9" or word[:2] in ("20", "29"))
