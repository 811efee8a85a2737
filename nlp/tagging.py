"""Features of the linear-chain tagger, and its scoring from plain arrays.

Two kinds of features, both named strings, the same in training and at run time:

* *word* features of a token and its neighbours (``-1|w=quad``): looked up once a word and kept as rows of scores;
* *group* features of the piece of line a token stands in (its section, cues, dose, neighbours): once a piece.

Scores of a token are the sum over its features; `decode` finds the best label sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from threading import Lock

import numpy as np

from nlp.chain import Chain, Group, Scores, Sums, grown, names
from nlp.context import Context
from nlp.terms import listed, terms
from nlp.tokens import kept_tokens

LABELS = ("O", "B-ACT", "I-ACT", "B-NOT", "I-NOT", "B-GOAL", "I-GOAL")
OFFSETS = (-3, -2, -1, 0, 1, 2, 3)
FEATURES_VERSION = 1
_BEYOND = ""  # stands where no word is
_CUE_REACH = 80  # tokens; a status cue further off is no feature


def label_columns(kind: str) -> list[int]:
    """Indexes of the labels of a kind: ``ACT``, ``NOT`` or ``GOAL``; of *none* where it is empty.

    Examples
    --------
    >>> label_columns("NOT"), label_columns("")
    ([3, 4], [0])
    """
    return [number for number, label in enumerate(LABELS) if label[2:] == kind]


def shape(word: str) -> str:
    """Coarse shape of a word: digits by length, case of letters, or the mark itself."""
    if word.isdecimal():
        return "0" * min(len(word), 5)
    if word.isalpha():
        if word.isupper():
            return "A" if len(word) == 1 else "AA" if len(word) < 5 else "AAA"
        if word.islower():
            return "a" if len(word) == 1 else "aa"
        return "Aa"
    if word.isspace():
        return "⏎" if word[0] in "\r\n" else "_"
    return word[:1]


def word_atoms(word: str) -> list[str]:
    """Feature atoms of one word, whatever its neighbours."""
    kind = shape(word)
    if kind[0] == "0" or kind in "⏎_":
        return [f"w={kind}", f"h={kind}"]
    lower = word.lower()
    normal = terms().normal(word)
    atoms = [f"w={lower}", f"h={kind}"]
    if word.isalpha() and len(word) > 2:
        atoms += [f"n={normal}", f"s={lower[-3:]}", f"p={lower[:4]}"]
    return atoms


def word_features(word: str, offset: int) -> list[str]:
    """Features that a word gives to the token ``offset`` places before it (0: itself)."""
    return _at_offset(word_atoms(word), offset)


def _at_offset(atoms: list[str], offset: int) -> list[str]:
    if abs(offset) == 3:
        return [f"{offset}|{a}" for a in atoms if a[0] == "n"]
    if abs(offset) == 2:
        return [f"{offset}|{a}" for a in atoms if a[0] in "wn"]
    return [f"{offset}|{a}" for a in atoms]


def _bucket(value: int) -> str:
    return (
        str(value) if value < 4 else "4-6" if value < 7 else "7-10" if value < 11 else "11-20" if value < 21 else "21+"
    )


def _work(section: str, lexical: str, dose: bool) -> list[str]:
    return [
        "bias",
        f"sec={section}",
        f"sec={section}|lex={lexical}",
        f"lex={lexical}",
        f"lex={lexical}|dose={int(dose)}",
        f"dose={int(dose)}",
    ]


def _opening(first: str, second: str, ending: str) -> list[str]:
    return [f"f={first}", f"f2={first} {second}", f"fs={ending}"]


def _closing(last: str) -> list[str]:
    return [f"z={last}"]


def _extent(length: str, number: bool, where: str, position: int) -> list[str]:
    return [f"len={length}", f"num={int(number)}", f"where={where}", f"pos={position}"]


def _gaps(before: str, after: str) -> list[str]:
    return [f"gb={before}", f"ga={after}"]


def _neighbour(side: str, lexical: str, first: str, dose: bool) -> list[str]:
    return [f"{side}lex={lexical}", f"{side}f={first}", f"{side}dose={int(dose)}"]


def _line(codes: int, minutes: bool, first: str, opening: str, closing: str) -> list[str]:
    items = [f"l0={first}", f"lh={opening}", f"lend={closing}"]
    if minutes:
        items.append("lmin")
    return [*items, f"lcode={codes}"] if codes else items


def _line_above(codes: int, first: str) -> list[str]:
    return [f"^l0={first}", f"^lcode={codes}"] if codes else [f"^l0={first}"]


def _as_named(*features: str) -> list[str]:
    return list(features)


_NO_PIECE: Group = (_as_named, ("nopiece",))
_IN_SERVICE: Group = (_as_named, ("svc",))
_FIRST: Group = (_as_named, ("k=0",))
_SECOND: Group = (_as_named, ("k=1",))
_LAST: Group = (_as_named, ("k=z",))


def _cues(context: Context, start: int, end: int) -> list[str]:
    """Status cues of the sentence, before, in and behind a piece."""
    number = context.sentence_of[start]
    forward, backward = context.cues_forward.get(number), context.cues_backward.get(number)
    items: list[str] = []
    for m in context.window(forward, start - _CUE_REACH, end) if forward else ():
        if m.end <= start:
            items += (f"cf={m.entry.data['status']}", f"cfw={m.term}")
        elif m.start < end:
            items.append(f"ci={m.entry.data['status']}")
    for m in context.window(backward, start, end + _CUE_REACH) if backward else ():
        if m.start >= end:
            items += (f"cb={m.entry.data['status']}", f"cbw={m.term}")
        elif m.end > start:
            items.append(f"cj={m.entry.data['status']}")
    return list(dict.fromkeys(items))


def _lines(context: Context) -> list[tuple[int, bool, str, str, str]]:
    """Of every line: procedure codes (at most two), whether it has minutes, first word, shape of its first mark, last mark."""
    tokens = context.tokens
    words, lower, line_of = tokens.words, tokens.lower, tokens.line_of
    minute_words = listed("minute")
    timed = {line_of[i] for i, word in enumerate(lower) if word in minute_words}
    codes: dict[int, int] = {}
    for i, word in enumerate(words):
        if len(word) == 5 and word[0] == "9" and word.isdecimal():
            codes[line_of[i]] = codes.get(line_of[i], 0) + 1
    out = []
    for number, (start, end) in enumerate(tokens.lines):
        first = next((lower[i] for i in range(start, end) if lower[i].isalpha()), "")
        opening = ""
        if start < end:
            opening = shape(next((words[i] for i in range(start, end) if not words[i].isspace()), " "))
        closing = "colon" if start < end and lower[end - 1] == ":" else "x"
        out.append((min(codes.get(number, 0), 2), number in timed, first, opening, closing))
    return out


def piece_groups(context: Context) -> Iterator[list[Group]]:
    """Feature groups of every piece."""
    tokens = context.tokens
    words, lower, pieces, line_of, piece_of = tokens.words, tokens.lower, tokens.pieces, tokens.line_of, tokens.piece_of
    forms = context.forms
    dose_words = listed("dose")
    doses = {piece_of[i] for i, word in enumerate(lower) if word in dose_words}
    numbers = {piece_of[i] for i, word in enumerate(words) if word.isdecimal()}
    labels: dict[int, set[str]] = {}
    for m in context.found["activities"]:
        for i in range(m.start, m.end):
            labels.setdefault(piece_of[i], set()).add(m.entry.data["label"])
    summaries = [
        (
            "+".join(sorted(labels[number])) if number in labels else "-",
            forms[start],
            number in doses,
        )
        for number, (start, _) in enumerate(pieces)
    ]
    lines = _lines(context)
    spread = max(1, len(lines) - 1) + 1
    last_piece = len(pieces) - 1
    for number, (start, end) in enumerate(pieces):
        lexical, first, dose = summaries[number]
        line = line_of[start]
        before = number > 0 and line_of[pieces[number - 1][0]] == line
        after = number < last_piece and line_of[pieces[number + 1][0]] == line
        gap_before = words[start - 1] if start else "^"
        if gap_before == " " and start > 1:
            gap_before = words[start - 2]
        gap_after = words[end] if end < len(words) else "$"
        second = forms[start + 1] if start + 1 < end else ""
        where = f"{int(before)}{int(after)}"
        groups: list[Group] = [
            (_work, (context.sections[start], lexical, dose)),
            (_opening, (first, second, lower[start][-3:])),
            (_closing, (forms[end - 1],)),
            (_extent, (_bucket(end - start), number in numbers, where, min(4, 5 * line // spread))),
            (_gaps, (shape(gap_before), shape(gap_after))),
            (_line, lines[line]),
        ]
        if before:
            groups.append((_neighbour, ("p", *summaries[number - 1])))
        if after:
            groups.append((_neighbour, ("n", *summaries[number + 1])))
        if line > 0:
            groups.append((_line_above, (lines[line - 1][0], lines[line - 1][2])))
        cues = _cues(context, start, end)
        if cues:
            groups.append((_as_named, tuple(cues)))
        yield groups


def place_groups(context: Context) -> dict[Group, list[int]]:
    """Feature groups of single tokens, their place in the lexicon's terms and in their piece, each with the tokens it is of."""
    count = len(context.tokens)
    pieces = context.tokens.pieces
    out: dict[Group, list[int]] = {
        _FIRST: [start for start, _ in pieces],
        _SECOND: [start + 1 for start, end in pieces if start + 1 < end],
        _LAST: [end - 1 for _, end in pieces],
    }

    def add(feature: str, indexes: Iterable[int]) -> None:
        out.setdefault((_as_named, (feature,)), []).extend(indexes)

    for m in context.found["activities"]:
        label = m.entry.data["label"]
        add(f"L=B-{label}", (m.start,))
        if m.start + 1 < m.end:
            add(f"L=I-{label}", range(m.start + 1, m.end))
        if m.start > 0:
            add(f"L+1={label}", (m.start - 1,))
        if m.end < count:
            add(f"L-1={label}", (m.end,))
    for m in (*context.found["services"], *context.found["service_heads"]):
        add("svc", range(m.start, m.end))
    return out


def token_features(context: Context) -> list[list[str]]:
    """Every token's features in full, as training reads them."""
    tokens = context.tokens
    pieces = [names(groups) for groups in piece_groups(context)]
    words = tokens.words
    count = len(words)
    cache_: dict[tuple[str, int], list[str]] = {}
    rows: list[list[str]] = [[] for _ in words]
    for group, indexes in place_groups(context).items():
        for index in indexes:
            rows[index] += names([group])
    for index, row in enumerate(rows):
        for offset in OFFSETS:
            at = index + offset
            if 0 <= at < count:
                key = (words[at], offset)
                got = cache_.get(key)
                if got is None:
                    got = cache_[key] = word_features(words[at], offset)
                row += got
        piece = tokens.piece_of[index]
        row += pieces[piece] if piece >= 0 else names([_NO_PIECE])
    return rows


class WordScores:
    """Scores that each word of the vocabulary seen so far gives to its neighbours: one (offsets, labels) block a word."""

    LIMIT = 50_000

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.rows: dict[str, int] = {_BEYOND: 0}
        self.table = np.zeros((1024, len(OFFSETS), len(chain.labels)), dtype=np.float32)
        # As in `nlp.chain.Sums`: several threads read notes.
        self._lock = Lock()

    def blocks(self, words: list[str]) -> Scores:
        """The blocks of these words, of shape (words, offsets, labels); unknown words are scored and kept."""
        rows = self.rows
        with self._lock:
            if len(rows) > self.LIMIT:
                rows.clear()
                rows[_BEYOND] = 0
            new = dict.fromkeys(word for word in words if word not in rows)
            if new:
                self._add(list(new))
            return self.table[[rows[word] for word in words]]

    def _add(self, new: Sequence[str]) -> None:
        begin = len(self.rows)
        self.rows.update(zip(new, range(begin, begin + len(new)), strict=True))
        self.table = grown(self.table, len(self.rows))
        atoms = map(word_atoms, new)
        sums = self.chain.sums([_at_offset(each, offset) for each in atoms for offset in OFFSETS])
        self.table[begin : len(self.rows)] = sums.reshape(len(new), *self.table.shape[1:])


def tag_scores(known: WordScores, sums: Sums, contexts: Sequence[Context]) -> list[Scores]:
    """Scores of shape (kept tokens, labels) of each note: the same sum that `token_features` gives name by name.

    The notes are laid end to end, with room between them that no word's reach crosses, and scored as one.
    """
    edge = [_BEYOND] * max(OFFSETS)
    words: list[str] = []
    piece_of: list[int] = []
    begins: list[int] = []
    places: dict[Group, list[int]] = {}
    first_piece = 1
    for context in contexts:
        begin = len(words)
        begins.append(begin)
        words += context.tokens.words
        words += edge
        # Row 0 is that of tokens outside all pieces.
        piece_of += [piece + first_piece if piece >= 0 else 0 for piece in context.tokens.piece_of]
        piece_of += [0] * len(edge)
        first_piece += len(context.tokens.pieces)
        for group, indexes in place_groups(context).items():
            places.setdefault(group, []).extend([begin + index for index in indexes])
    blocks = known.blocks(words)
    total = np.zeros((len(words), len(known.chain.labels)), dtype=np.float32)
    for position, offset in enumerate(OFFSETS):
        if offset < 0:
            total[-offset:] += blocks[:offset, position]
        else:
            total[: len(words) - offset] += blocks[offset:, position]
    total += sums.scores(chain([[_NO_PIECE]], *map(piece_groups, contexts)))[piece_of]
    placed = sums.scores([[group] for group in places])
    counts = [len(indexes) for indexes in places.values()]
    at = np.array([index for indexes in places.values() for index in indexes], dtype=np.intp)
    for label, weights in enumerate(np.repeat(placed, counts, axis=0).T):
        total[:, label] += np.bincount(at, weights, minlength=len(words))
    return [
        total[[begin + index for index in kept_tokens(context.tokens)]]
        for begin, context in zip(begins, contexts, strict=True)
    ]
