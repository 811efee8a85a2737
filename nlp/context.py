"""What every component reads of a note: tokens, terms, headings, sentences. Made once a note."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from typing import Any

from spacy.tokens import Doc

from nlp.boxes import ticked, unticked
from nlp.chain import Scores
from nlp.headings import find_headings, section_labels
from nlp.lexicon import Match
from nlp.rows import earlier_rows, told_rows
from nlp.terms import listed, terms
from nlp.tokens import Tokens, kept_tokens, tokens_of
from nlp.unskilled import untimed_parts

_SHAFTS = frozenset("-–—=>")
_CONTEXT = "therapy_context"
_KEPT = "kept"
_FEWEST = 5  # repetitions that somebody was seen to do
_SUBJECT = 6  # tokens before *lasted* within which what lasted stands


class Context:
    """One note's tokens with all that the lexicons find in them; every list is parallel to the tokens.

    ``found`` holds the matches by the names of `nlp.terms.terms`; status cues inside a pseudo cue are left out.
    ``sentence_of`` numbers sentences, which end at a full stop, a semicolon or a line break; a question answered by "no" is one
    with its answer. ``unticked`` gives each token behind an empty check box its box, and each of a table's row that was
    not done the mark that says so; ``ticked`` are those behind a ticked box, or of a row that says that it was done;
    ``earlier`` gives each of a log's row of an earlier day its date; ``quoted`` are the tokens of text copied from another note;
    ``untimed`` those that tell of a rest or the like inside treatment or beside it; ``practised`` are the sentences of a home
    programme that was gone through in this visit.
    """

    def __init__(self, tokens: Tokens, encoded: Scores | None = None) -> None:
        self.tokens = tokens
        # What the encoder makes of each kept token (`nlp.encoder.HEADS`); None in the fast profile.
        self.encoded = encoded
        matcher = terms()
        self.forms = matcher.forms(tokens.words)
        self.found = matcher.find(tokens)
        self.headings = find_headings(tokens, self.found)
        self.sections = section_labels(tokens, self.headings)
        self.untimed = frozenset(
            index
            for start, end in untimed_parts(tokens.text)
            for index in range(tokens.at(start), tokens.at(end - 1) + 1)
        )
        # What a rest is called that the minutes beside it do not hold says nothing against them.
        against = [m for m in self.found["not_treatment"] if m.start not in self.untimed]
        self.found["not_treatment"] = [m for m in against if not (_is_arrow(tokens, m) or _of_a_part(tokens, m))]
        blocked = {i for m in self.found["pseudo"] for i in range(m.start, m.end)}
        # Cues in copied text tell of that text alone, which is of another day as a whole.
        self.quoted = frozenset(i for h in self.headings if h.quoted for i in range(h.start, h.until))
        blocked |= self.quoted
        self.forward: list[Match] = [m for m in self.found["forward"] if m.start not in blocked]
        self.backward: list[Match] = [m for m in self.found["backward"] if m.start not in blocked]
        named = {i for kind in ("services", "service_heads") for m in self.found[kind] for i in range(m.start, m.end)}
        self.sentence_of = _sentences(tokens, named)
        self.practised = self._practised()
        if self.practised:
            here = [number in self.practised for number in self.sentence_of]
            self.sections = ["treatment" if at else label for at, label in zip(here, self.sections, strict=True)]
            self.forward = [m for m in self.forward if not (here[m.start] and m.entry.data["status"] == "home_program")]
            self.backward = [
                m for m in self.backward if not (here[m.start] and m.entry.data["status"] == "home_program")
            ]
        undone, done = told_rows(tokens)
        self.unticked = undone | unticked(tokens)
        self.ticked = done | ticked(tokens)
        self.earlier = earlier_rows(tokens)
        self.cache: dict[str, Any] = {}  # what a component reads once and others use again
        self.cues_forward = self._by_sentence(self.forward)
        self.cues_backward = self._by_sentence(self.backward)

    def _practised(self) -> frozenset[int]:
        """Sentences of a home programme that was gone through in this visit: ``HEP performed in clinic: bridges x15``.

        Not where they tell how often, or of home: ``HEP performed daily``.
        """
        lower, sentence_of = self.tokens.lower, self.sentence_of
        cues = [m for m in self.forward if m.term.lower() in listed("home_program")]
        inside = {at for m in cues for at in range(m.start, m.end)}
        out: list[int] = []
        for sentence in {sentence_of[m.start] for m in cues}:
            own = range(bisect_left(sentence_of, sentence), bisect_right(sentence_of, sentence))
            told = any(lower[at] in listed("practised") and not self._negated(at) for at in own)
            elsewhere = any(lower[at] in listed("practised_elsewhere") and at not in inside for at in own)
            if (
                told
                and not elsewhere
                and any(lower[at] in listed("practised_here") or _is_dose(lower, at) for at in own)
            ):
                out.append(sentence)
        return frozenset(out)

    def _negated(self, at: int) -> bool:
        """Whether the word right before a verb makes it no work of this visit: ``not performed``, ``to be completed``."""
        before = reversed(self.tokens.lower[max(0, at - _SUBJECT) : at])
        return next((word for word in before if not word.isspace()), "") in listed("not_practised")

    def encoded_rows(self, start: int, end: int) -> Scores:
        """The encoder's rows of the kept tokens in ``[start, end)``; only where ``encoded`` is there."""
        assert self.encoded is not None
        return self.encoded[self.kept_range(start, end)]

    def kept_range(self, start: int, end: int) -> slice:
        """Where the kept tokens in ``[start, end)`` stand among all kept ones; never empty."""
        kept = self.cache.get(_KEPT)
        if kept is None:
            kept = self.cache[_KEPT] = kept_tokens(self.tokens)
        first = bisect_left(kept, start)
        return slice(first, max(first + 1, bisect_left(kept, end)))

    @staticmethod
    def window(cues: list[Match], first: int, last: int) -> list[Match]:
        """Those of ``cues`` (in token order) that start in the half-open token range ``[first, last)``."""
        if len(cues) < 8:
            return [m for m in cues if first <= m.start < last]
        return cues[bisect_left(cues, first, key=_start) : bisect_left(cues, last, key=_start)]

    def _by_sentence(self, matches: list[Match]) -> dict[int, list[Match]]:
        out: dict[int, list[Match]] = {}
        for m in matches:
            out.setdefault(self.sentence_of[m.start], []).append(m)
        return out


def _is_dose(lower: Sequence[str], at: int) -> bool:
    """Whether the number of repetitions in a dose stands at a token: the 15 of ``x15`` and ``2 x 15``."""
    number = lower[at]
    before = next((word for word in reversed(lower[max(0, at - 2) : at]) if not word.isspace()), "")
    return number.isdecimal() and int(number) >= _FEWEST and before in ("x", "×")


def _start(match: Match) -> int:
    return match.start


def _is_arrow(tokens: Tokens, match: Match) -> bool:
    """Whether a sign is the head of an arrow behind words: ``rows, presses -> 15 min TE``, not ``sits 10 -> 15 min``."""
    words = tokens.words
    if words[match.start] != ">":
        return False
    at = match.start
    while at and words[at - 1] in _SHAFTS:
        at -= 1
    arrow = match.start - at > 0 or words[match.end : match.end + 1] == [">"]
    before = next((word for word in reversed(words[:at]) if not word.isspace()), "")
    return arrow and not before.isdecimal()


def _of_a_part(tokens: Tokens, match: Match) -> bool:
    """Whether what lasted is a part of the visit: ``This portion of the visit lasted 19 minutes``, not ``her pain lasted``."""
    before = tokens.lower[max(0, match.start - _SUBJECT) : match.start]
    return tokens.lower[match.start] in listed("lasted") and not listed("visit_part").isdisjoint(before)


def _sentences(tokens: Tokens, named: Collection[int]) -> list[int]:
    """The number of each token's sentence; a full stop of a service's name ("T.A. 10 min") ends none."""
    words, starts, ends = tokens.words, tokens.starts, tokens.ends
    last = len(words) - 1
    out: list[int] = []
    sentence = 0
    for index, word in enumerate(words):
        out.append(sentence)
        first = word[0]
        if first in "\n\r;!" or (first == "?" and words[index + 1 : index + 2] not in (["no"], ["No"], ["NO"])):
            sentence += 1
        elif first == "." and (index == last or starts[index + 1] > ends[index] or words[index + 1][0] in "\n\r"):
            # A row of dots leads to a column: "body blade ....... skip".
            sentence += index not in named and words[index - 3 : index] != [".", ".", "."]
    return out


def context_of(doc: Doc) -> Context:
    """The context of a doc, made once."""
    context = doc.user_data.get(_CONTEXT)
    if context is None:
        context = doc.user_data[_CONTEXT] = Context(tokens_of(doc))
    return context
