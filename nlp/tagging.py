"""Features of the linear-chain tagger, and its scoring from plain arrays.

Two kinds of features, both named strings, the same in training and at run time:

* *word* features of a token and its neighbours (``-1|w=quad``): looked up once a word and kept as rows of scores;
* *group* features of the piece of line a token stands in (its section, cues, dose, neighbours): once a piece.

Scores of a token are the sum over its features; `decode` finds the best label sequence.
"""

from __future__ import annotations

import numpy as np

from nlp.chain import Chain, Scores
from nlp.context import Context
from nlp.terms import terms
from nlp.tokens import kept_tokens

LABELS = ("O", "B-ACT", "I-ACT", "B-NOT", "I-NOT", "B-GOAL", "I-GOAL")
OFFSETS = (-3, -2, -1, 0, 1, 2, 3)
FEATURES_VERSION = 1
_CUE_REACH = 80  # tokens; a status cue further off is no feature

_DOSE_WORDS = frozenset(
    [
        "x",
        "reps",
        "rep",
        "sets",
        "set",
        "lb",
        "lbs",
        "#",
        "kg",
        "sec",
        "s",
        "min",
        "mins",
        "minutes",
        "minute",
        "ea",
        "each",
        "ft",
        "feet",
        "times",
        "trials",
        "bouts",
        "laps",
        "level",
        "lvl",
    ]
)


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
    atoms = word_atoms(word)
    if abs(offset) == 3:
        return [f"{offset}|{a}" for a in atoms if a[0] == "n"]
    if abs(offset) == 2:
        return [f"{offset}|{a}" for a in atoms if a[0] in "wn"]
    return [f"{offset}|{a}" for a in atoms]


def _bucket(value: int) -> str:
    return (
        str(value) if value < 4 else "4-6" if value < 7 else "7-10" if value < 11 else "11-20" if value < 21 else "21+"
    )


def group_features(context: Context) -> tuple[list[list[str]], list[list[str]]]:
    """Features of every piece, and of every token's place in the lexicon and its piece."""
    tokens = context.tokens
    words, lower = tokens.words, tokens.lower
    pieces, lines, line_of = tokens.pieces, tokens.lines, tokens.line_of
    forms = context.forms
    count = len(pieces)
    # lexicon labels
    place: list[list[str]] = [[] for _ in words]
    lexical = ["" for _ in words]
    for m in context.found["activities"]:
        label = m.entry.data["label"]
        for i in range(m.start, m.end):
            lexical[i] = label
            place[i].append(f"L={'B' if i == m.start else 'I'}-{label}")
        if m.start > 0:
            place[m.start - 1].append(f"L+1={label}")
        if m.end < len(words):
            place[m.end].append(f"L-1={label}")
    for m in (*context.found["services"], *context.found["service_heads"]):
        for i in range(m.start, m.end):
            place[i].append("svc")
    sentence_of = context.sentence_of
    last_line = max(1, len(lines) - 1)
    line_info: list[list[str]] = []
    for start, end in lines:
        info = []
        low = lower[start:end]
        codes = sum(1 for w in low if len(w) == 5 and w.isdecimal() and w[0] == "9")
        if codes:
            info.append(f"lcode={min(codes, 2)}")
        if any(w in ("min", "mins", "minutes", "minute") for w in low):
            info.append("lmin")
        first = next((w for w in low if w.isalpha()), "")
        info.append(f"l0={first}")
        if low:
            info.append(f"lh={shape(next((w for w in words[start:end] if not w.isspace()), ' '))}")
        info.append(f"lend={'colon' if low and low[-1] == ':' else 'x'}")
        line_info.append(info)
    summaries = []
    for start, end in pieces:
        labels = sorted({lexical[i] for i in range(start, end) if lexical[i]})
        dose = any(
            lower[i] in _DOSE_WORDS or (words[i][0].isdecimal() and i + 1 < end and lower[i + 1] == "x")
            for i in range(start, end)
        )
        number = any(words[i].isdecimal() for i in range(start, end))
        summaries.append(("+".join(labels) or "-", dose, number, forms[start], forms[end - 1]))
    features: list[list[str]] = []
    for index, (start, end) in enumerate(pieces):
        lex, dose, number, first, last = summaries[index]
        line = line_of[start]
        section = context.sections[start]
        same_before = index > 0 and line_of[pieces[index - 1][0]] == line
        same_after = index + 1 < count and line_of[pieces[index + 1][0]] == line
        gap_before = words[start - 1] if start else "^"
        if gap_before == " " and start > 1:
            gap_before = words[start - 2]
        gap_after = words[end] if end < len(words) else "$"
        items = [
            "bias",
            f"sec={section}",
            f"sec={section}|lex={lex}",
            f"lex={lex}",
            f"lex={lex}|dose={int(dose)}",
            f"len={_bucket(end - start)}",
            f"dose={int(dose)}",
            f"num={int(number)}",
            f"f={first}",
            f"f2={first} {forms[start + 1] if start + 1 < end else ''}",
            f"fs={lower[start][-3:]}",
            f"z={last}",
            f"gb={shape(gap_before)}",
            f"ga={shape(gap_after)}",
            f"where={int(same_before)}{int(same_after)}",
            f"pos={min(4, 5 * line // (last_line + 1))}",
        ]
        if same_before:
            p = summaries[index - 1]
            items += [f"plex={p[0]}", f"pf={p[3]}", f"pdose={int(p[1])}"]
        if same_after:
            p = summaries[index + 1]
            items += [f"nlex={p[0]}", f"nf={p[3]}", f"ndose={int(p[1])}"]
        items += line_info[line]
        if line > 0:
            items += [f"^{x}" for x in line_info[line - 1] if x[:2] == "l0" or x[:5] == "lcode"]
        number_of = sentence_of[start]
        for m in context.window(context.cues_forward.get(number_of, []), start - _CUE_REACH, end):
            if m.end <= start:
                items.append(f"cf={m.entry.data['status']}")
                items.append(f"cfw={m.term}")
            elif m.start < end:
                items.append(f"ci={m.entry.data['status']}")
        for m in context.window(context.cues_backward.get(number_of, []), start, end + _CUE_REACH):
            if m.start >= end:
                items.append(f"cb={m.entry.data['status']}")
                items.append(f"cbw={m.term}")
            elif m.end > start:
                items.append(f"cj={m.entry.data['status']}")
        features.append(list(dict.fromkeys(items)))
        place[start].append("k=0")
        if start + 1 < end:
            place[start + 1].append("k=1")
        place[end - 1].append("k=z")
    return features, place


def token_features(context: Context) -> list[list[str]]:
    """Every token's features in full, as training reads them."""
    tokens = context.tokens
    groups, place = group_features(context)
    words = tokens.words
    count = len(words)
    cache_: dict[tuple[str, int], list[str]] = {}
    rows = []
    for index in range(count):
        row = list(place[index])
        for offset in OFFSETS:
            at = index + offset
            if 0 <= at < count:
                key = (words[at], offset)
                got = cache_.get(key)
                if got is None:
                    got = cache_[key] = word_features(words[at], offset)
                row += got
        piece = tokens.piece_of[index]
        row += groups[piece] if piece >= 0 else ["nopiece"]
        rows.append(row)
    return rows


class WordScores:
    """Scores that each word of the vocabulary seen so far gives to its neighbours: one (offsets, labels) block a word."""

    LIMIT = 50_000

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.rows: dict[str, int] = {}
        self.table = np.zeros((1024, len(OFFSETS), len(chain.labels)), dtype=np.float32)

    def lookup(self, words: list[str]) -> list[int]:
        """Rows of ``table`` for these words; unknown ones are scored and kept."""
        rows = self.rows
        if len(rows) > self.LIMIT:
            rows.clear()
        out = []
        for word in words:
            row = rows.get(word)
            if row is None:
                row = rows[word] = len(rows)
                if row == len(self.table):
                    self.table = np.concatenate([self.table, np.zeros_like(self.table)])
                for position, offset in enumerate(OFFSETS):
                    self.table[row, position] = self.chain.weights[self.chain.rows(word_features(word, offset))].sum(
                        axis=0
                    )
            out.append(row)
        return out


def tag_scores(known: WordScores, context: Context) -> Scores:
    """Scores of shape (kept tokens, labels): the same sum that `token_features` gives name by name, from cached words."""
    chain = known.chain
    words = context.tokens.words
    count = len(words)
    if not count:
        return np.zeros((0, len(chain.labels)), dtype=np.float32)
    rows = known.lookup(words)
    gathered = known.table[rows]
    total = np.zeros((count, len(chain.labels)), dtype=np.float32)
    for position, offset in enumerate(OFFSETS):
        if offset < 0:
            total[-offset:] += gathered[:offset, position]
        elif offset > 0:
            total[:-offset] += gathered[offset:, position]
        else:
            total += gathered[:, position]
    groups, place = group_features(context)
    group_scores = np.vstack([chain.scores(groups), chain.scores([["nopiece"]])])
    total += group_scores[context.tokens.piece_of]
    places = [index for index, names in enumerate(place) if names]
    if places:
        total[places] += chain.scores([place[index] for index in places])
    return total[kept_tokens(context.tokens)]
