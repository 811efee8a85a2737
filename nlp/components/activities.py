"""The tagger: what was done today, what was not, and the goals: candidates decoded from one linear-chain model.

Writes ``doc.spans["activities"]`` (label ``ACT``: reads like done, ``NOT``: reads like not done; blocks decide) and leaves
the goals it saw for `therapy_goals`.
The interface behind it is small so that another scorer can take its place: an object with ``labels`` and
``score(docs) -> one array of shape (kept tokens, labels) a doc`` (see `Scorer`); the decoder and all after it are shared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from nlp.chain import Chain, Scores, Sums
from nlp.clock import duration_words, is_blank
from nlp.components.durations import find_durations
from nlp.context import Context, context_of
from nlp.cues import find_status, said_apart, word_count
from nlp.encoder import COLUMNS, Encoder
from nlp.events import LISTED_MARGIN, Candidate
from nlp.lexicon import Match
from nlp.minutes.reading import Candidate as Duration
from nlp.tagging import LABELS, WordScores, label_columns, tag_scores
from nlp.terms import HINTS, listed
from nlp.tokens import Tokens, is_code, kept_tokens, kept_words

_RAW = "therapy_tags"
GOAL = "GOAL"
# Taken off the score of *none*: the tagger proposes more than it believes, since the block decides what stays.
LENIENCE = 1.0
# Log-odds of done against not done with an activity's own words hidden, from which it was done whatever these are.
# The second is for notes without a word that anything was not done.
_DONE_ALL_THE_SAME, _DONE_IN_SILENCE = 0.5, -1.5
_SURELY_UNDONE = -4.0  # below it hiding the words changed nothing on development notes, and would cost a second pass
_FIRMLY = 2.0  # log-odds by which that is then certain for the components after this one
_DONE, _UNDONE = label_columns("ACT"), label_columns("NOT")
_WORK_SECTIONS = frozenset(("", "treatment", "objective", "billing"))
_SHORT = 6  # words of a clause that is nothing but a task and its minutes
# A span in a path of label numbers: begun by either label of its kind, gone on with by the second.
_SPAN = re.compile(b"[\x01\x02]\x02*|[\x03\x04]\x04*|[\x05\x06]\x06*")
_MARKED = re.compile(r"[|\t~]|\S[ \xa0]{2,}\S|\.{3}|\s--?\s")  # on a row of a table, or a line that is struck out
_GRADE = re.compile(r"[IViv1-5]+|[-–/]")
_LONGEST_PURPOSE = 3  # words behind "for"
_NEAR = 4  # tokens between minutes and what they were spent on
_EDGE = frozenset(".,;:-–—|/&+*•([>=")


class Scorer(Protocol):
    """Scores per kept token and label; `nlp.tagging.LABELS` fixes the labels' order."""

    def score(self, contexts: Sequence[Context]) -> list[Scores]:
        """One array of shape (kept tokens, len(LABELS)) a note."""
        ...

    def decode(self, scores: list[Scores]) -> list[list[int]]:
        """The best label sequence of each note."""
        ...

    def reconsidered(self, context: Context, work: list[Candidate]) -> list[Candidate]:
        """The activities of a note, those that only their own words made read as not done now done."""
        ...


class ChainScorer:
    """The linear-chain tagger."""

    def __init__(self, chain: Chain) -> None:
        if chain.labels != LABELS:
            raise ValueError("the tagger file holds other labels than this version's tagger")
        self.chain = chain
        self.words = WordScores(chain)
        self.sums = Sums(chain)

    def score(self, contexts: Sequence[Context]) -> list[Scores]:
        """See `Scorer`."""
        return tag_scores(self.words, self.sums, contexts)

    def decode(self, scores: list[Scores]) -> list[list[int]]:
        """See `Scorer`."""
        return self.chain.decode_many(scores)

    def reconsidered(self, context: Context, work: list[Candidate]) -> list[Candidate]:  # noqa: ARG002
        """See `Scorer`."""
        return work


class WordScorer(Protocol):
    """What scores the words of notes beside the linear tagger, as `nlp.encoder.Encoder` does."""

    def scores(self, notes: Sequence[Sequence[str]]) -> list[Scores]:
        """One array of shape (words, `nlp.encoder.OUTPUTS`) a note: log-probabilities, or zeros where it has nothing to say."""
        ...

    def without(self, words: Sequence[str], hidden: Collection[int]) -> Scores:
        """The same of one note of whose words some, by index, are hidden."""
        ...


class MixedScorer(ChainScorer):
    """The linear-chain tagger with an encoder's log-probabilities added to its scores; its transitions decode both.

    Both count whole (cross-validated on the training writers; `DECISIONS.md`, record 24).
    """

    SHARE = 1.0  # of the encoder's log-probabilities

    def __init__(self, chain: Chain, encoder: WordScorer) -> None:
        super().__init__(chain)
        self.encoder = encoder

    def score(self, contexts: Sequence[Context]) -> list[Scores]:
        """See `Scorer`; leaves what the encoder read on the contexts, for the components after it."""
        unread = [c for c in contexts if c.encoded is None]
        notes = [kept_words(c.tokens) for c in unread]
        for context, words, rows in zip(unread, notes, self.encoder.scores(notes), strict=True):
            context.encoded = self._beside_copied(context, words, rows) if context.quoted else rows
        return [
            own if c.encoded is None else (own + self.SHARE * c.encoded[:, COLUMNS["tag"]]).astype(np.float32)
            for own, c in zip(super().score(contexts), contexts, strict=True)
        ]

    def _beside_copied(self, context: Context, words: list[str], rows: Scores) -> Scores:
        """The rows of a note in which text copied from another day stands: its own words are read as if that were not there."""
        own = [n for n, index in enumerate(kept_tokens(context.tokens)) if index not in context.quoted]
        out = rows.copy()
        if own:
            out[own] = self.encoder.scores([[words[n] for n in own]])[0]
        return out

    def reconsidered(self, context: Context, work: list[Candidate]) -> list[Candidate]:
        """See `Scorer`; what the encoder read of such an activity is turned round on the context too.

        Some tasks are named more often as not done than as done (of "stairs" two in three, in the training notes), and the encoder
        has learnt it. Where no word says so and the note with the task's words hidden reads as if it was done, it was.
        """
        if context.encoded is None:
            return work
        read = _done_odds(context.encoded)
        doubtful = [
            c
            for c in work
            if c.tag == "NOT"
            and read[context.kept_range(c.start, c.end)].mean() > _SURELY_UNDONE
            and _unsaid(context, c)
        ]
        if not doubtful:
            return work
        words = kept_words(context.tokens)
        places = {c: context.kept_range(c.start, c.end) for c in doubtful}
        seen = self.encoder.without(
            words, {index for place in places.values() for index in range(place.start, place.stop)}
        )
        odds = _done_odds(seen)
        silent = not (context.cues_forward or context.cues_backward or any(context.found[name] for name in HINTS))
        least = _DONE_IN_SILENCE if silent else _DONE_ALL_THE_SAME
        turned = {c for c, place in places.items() if odds[place].mean() > least}
        if turned:
            context.encoded = context.encoded.copy()
            for c in turned:
                rows = context.encoded[places[c]]
                tags = rows[:, COLUMNS["tag"]]
                both = tags[:, _DONE], tags[:, _UNDONE]
                tags[:, _DONE], tags[:, _UNDONE] = np.maximum(*both), np.minimum(*both) - _FIRMLY
                rows[:, COLUMNS["role"]] = seen[places[c], COLUMNS["role"]]
        return [replace(c, tag="ACT") if c in turned else c for c in work]


def _done_odds(rows: Scores) -> NDArray[np.float32]:
    """Log-odds of done against not done for each row of an encoder's."""
    tags = rows[:, COLUMNS["tag"]]
    return np.logaddexp.reduce(tags[:, _DONE], axis=1) - np.logaddexp.reduce(tags[:, _UNDONE], axis=1)


def _unsaid(context: Context, c: Candidate) -> bool:
    """Whether nothing where an activity stands says that it was not done today: no cue, box or row, no section, no other day.

    A row of a table may say so by marks.
    """
    at = c.start
    elsewhere = at in context.unticked or at in context.earlier or at in context.quoted
    told = elsewhere or said_apart(context, c.end) is not None
    first, last = context.tokens.lines[context.tokens.line_of[at]]
    marked = _MARKED.search(context.tokens.text[context.tokens.starts[first] : context.tokens.ends[last - 1]])
    return (
        not told
        and marked is None
        and context.sections[at] in _WORK_SECTIONS
        and find_status(context, at, c.end) is None
    )


def spans_from(path: list[int], kept: list[int], margins: list[float]) -> list[tuple[int, int, str, float]]:
    """Half-open token spans with label (``ACT``, ``NOT``, ``GOAL``) and mean margin over *none*, out of a label path.

    ``margins`` are those of the kept tokens' best labels over *none*.
    """
    found: list[tuple[int, int, str, float]] = []
    for match in _SPAN.finditer(bytes(path)):
        first, end = match.span()
        margin = sum(margins[first:end]) / (end - first)
        found.append((kept[first], kept[end - 1] + 1, LABELS[path[first]][2:], margin))
    return found


def trim(tokens: Tokens, start: int, end: int) -> tuple[int, int]:
    """Take marks, blanks and list words off the edges of a span; ``(start, start)`` where nothing is left."""
    words, leading = tokens.words, listed("leading")
    while start < end and (words[start].isspace() or words[start] in _EDGE or tokens.lower[start] in leading):
        if (
            words[start].isalpha()
            and start + 1 < end
            and words[start + 1] == "/"
            and tokens.ends[start] == tokens.starts[start + 1]
        ):
            break  # "w/c"
        start += 1
    # A span never begins or ends inside "w/c" or "R/L".
    while (
        start > 1
        and words[start - 1] == "/"
        and tokens.ends[start - 1] == tokens.starts[start]
        and tokens.ends[start - 2] == tokens.starts[start - 1]
    ):
        if not (words[start].isalpha() and words[start - 2].isalpha() and len(words[start - 2]) <= 2):
            break
        start -= 2
    while start < end and (words[end - 1].isspace() or words[end - 1] in ".,;:-–—|/&+*•(["):
        end -= 1
    if (
        start + 1 < end
        and words[end - 1] == '"'
        and not words[end - 2].isdecimal()
        and words[start:end].count('"') == 1
    ):
        end -= 1  # the quote that closes a cell, no inches
    if (
        start < end
        and "(" in words[start:end]
        and ")" not in words[start:end]
        and end < len(words)
        and words[end] == ")"
    ):
        end += 1
    return start, end


def dose_off(tokens: Tokens, start: int, end: int) -> int:
    """Where a task's name ends once dose, help, purpose and resistance behind it are taken off (labelling guide, edges of spans).

    ``long arc quads with a 3 lb cuff``, ``SAQ to 40 deg``, ``rolling both ways CGA``, ``step-downs for quad control``.
    """
    words = tokens.words
    gaps = (
        at
        for at in range(start + 1, end)
        if is_blank(words[at]) and len(words[at]) > 1 and words[at - 1][0] not in "\r\n"
    )
    end = next(gaps, end)
    while True:
        solid = [at for at in range(start, end) if not words[at].isspace()]
        cut = min(tail(tokens, solid, end) for tail in (_dose, _purpose, _marked))
        _, cut = trim(tokens, start, cut)
        names = (w for w in tokens.lower[start:cut] if w.isalpha() and len(w) > 1)
        if cut == end or not any(w not in duration_words().numbers and w not in listed("edge_lead") for w in names):
            return end
        end = cut


def _led(tokens: Tokens, start: int, at: int) -> int:
    """The place from which words that lead to what stands at ``at`` begin."""
    while at > start and (tokens.words[at - 1].isspace() or tokens.lower[at - 1] in listed("edge_lead")):
        at -= 1
    return at


def _dose(tokens: Tokens, solid: Sequence[int], end: int) -> int:
    """Where a load, an angle, a pace or the grade of a mobilisation begins that ends a span of these tokens; ``end`` for none."""
    lower, numbers = tokens.lower, duration_words().numbers
    place = len(solid) - 1
    while place > 0 and lower[solid[place]] in listed("edge_weight"):
        place -= 1
    if place < 1:
        return end
    if lower[solid[place]] in listed("edge_unit"):
        place -= 2 if lower[solid[place - 1]] == "-" else 1
        number = solid[max(0, place)]
        # "2.5 lb", "0-90 degrees", "90/90 deg": one figure in parts.
        while place > 1 and lower[solid[place - 1]] in ".-/" and lower[solid[place - 2]].isdecimal():
            place -= 2
        first = solid[max(0, place)]
        return _led(tokens, solid[0], first) if lower[number].isdecimal() or lower[number] in numbers else end
    grades = [at for at in solid[1:] if lower[at] in listed("edge_grade")]
    told = (
        grades and solid[-1] > grades[-1] and all(_GRADE.fullmatch(tokens.words[at]) for at in solid if at > grades[-1])
    )
    return _led(tokens, solid[0], grades[-1]) if told else end


def _purpose(tokens: Tokens, solid: Sequence[int], end: int) -> int:
    """Where ``for quad strength`` begins that ends a span of these tokens; ``end`` for none."""
    if len(solid) < _LONGEST_PURPOSE or tokens.lower[solid[-1]] not in listed("edge_quality"):
        return end
    return next((at for at in solid[-_LONGEST_PURPOSE - 1 : -1] if tokens.lower[at] == "for" and at > solid[0]), end)


def _marked(tokens: Tokens, solid: Sequence[int], end: int) -> int:
    """Where help, resistance behind a comma or a word that ends nothing begins; ``end`` for none."""
    lower = tokens.lower
    if len(solid) < 2:
        return end
    levels = [lower[at] for at in solid[-2:]]
    if levels[1] in listed("edge_assistance"):
        return _led(tokens, solid[0], solid[-1])
    if levels[0] in listed("edge_level") and levels[1] in duration_words().assistance:
        return _led(tokens, solid[0], solid[-2])
    if lower[solid[-1]] in listed("edge_dangling") and tokens.ends[solid[-2]] < tokens.starts[solid[-1]]:
        return solid[-1]
    resisted = lower[solid[-1]] in listed("edge_resistance") and len(solid) > _LONGEST_PURPOSE
    comma, colour = solid[-3:-1] if resisted else (solid[0], solid[0])
    return comma if lower[comma] == "," and lower[colour] in listed("edge_colour") else end


def with_limb(tokens: Tokens, end: int, begun: set[int]) -> int:
    """Where an activity ends that is followed by the limbs that did it ("heel raises BLE"), unless a span begins with them."""
    while (
        0 < end < len(tokens.words)
        and end not in begun
        and tokens.lower[end] in listed("limb")
        and tokens.line_of[end] == tokens.line_of[end - 1]
    ):
        end += 1
    return end


def _by_lines(words: Sequence[str], span: tuple[int, int, str, float]) -> Iterator[tuple[int, int, str, float]]:
    """A span, or its parts where a line in it begins with a capital: a task that runs on over lines goes on in small letters."""
    first, end, label, margin = span
    start = first
    for at in range(first, end):
        if words[at][0] in "\r\n":
            begins = next((i for i in range(at, end) if not words[i].isspace()), end)
            if begins < end and words[begins][0].isupper():
                yield start, at, label, margin
                start = begins
    yield start, end, label, margin


def _listed(context: Context, taken: set[int]) -> list[Candidate]:
    """Terms of the lexicon that the tagger did not see, on lines with minutes ("bike x 8 min") or beside these ("5 min SLR;")."""
    line_of, sentence_of, words = context.tokens.line_of, context.sentence_of, context.tokens.words
    timed = find_durations(context)
    lines = {line_of[c.start] for c in timed} - {line_of[index] for index in taken}
    size = Counter(number for number, word in zip(sentence_of, words, strict=True) if word.isalnum())
    listing = {number + step for number, word in zip(sentence_of, words, strict=True) if word == ";" for step in (0, 1)}
    listing |= {number for number, word in zip(sentence_of, words, strict=True) if is_code(word)}
    short = {number for number in {sentence_of[c.start] for c in timed} & listing if size[number] <= _SHORT}
    short -= {sentence_of[index] for index in taken}
    count = Counter(sentence_of[c.start] for c in timed)
    several = {sentence for sentence, number in count.items() if number > 1}
    # An exercise and its minutes that are a whole sentence measure nothing: "AROM 10 min."
    length = {
        sentence_of[c.start]: word_count(context, c.start, c.end) for c in timed if count[sentence_of[c.start]] == 1
    }
    lower, spent = context.tokens.lower, _spent(context.tokens, timed)
    return [
        Candidate(m.start, m.end, "ACT", LISTED_MARGIN)
        for m in context.found["activities"]
        if (
            m.entry.data["label"] == "exercise"
            and context.sections[m.start] in (*_WORK_SECTIONS, "measures")
            and size[sentence_of[m.start]] == length.get(sentence_of[m.start], -1) + word_count(context, m.start, m.end)
            and taken.isdisjoint(range(m.start, m.end))
        )
        or (
            context.sections[m.start] in _WORK_SECTIONS
            and (
                line_of[m.start] in lines
                or (m.start in spent and taken.isdisjoint(range(m.start, m.end)))
                or (sentence_of[m.start] in short and _beside(m, timed))
                or (
                    sentence_of[m.start] in several
                    and _timed(m, timed, lower)
                    and taken.isdisjoint(range(m.start, m.end))
                )
            )
        )
    ]


def _beside(match: Match, timed: Sequence[Duration]) -> bool:
    """Whether minutes stand right before or behind a term, with a sign between at the most."""
    return any(0 <= match.start - c.end <= 1 or 0 <= c.start - match.end <= 1 for c in timed)


def _timed(match: Match, timed: Sequence[Duration], lower: Sequence[str]) -> bool:
    """Whether minutes stand right behind a term: ``bike for 7 minutes, then heel prop 3 minutes``."""
    for c in timed:
        between = lower[match.end : c.start] if c.start >= match.end else ["?"]
        if not between or between in (["for"], ["x"], ["-"], [":"], ["("]):
            return True
    return False


def _spent(tokens: Tokens, timed: Sequence[Duration]) -> set[int]:
    """First tokens of what minutes without a unit were spent on: ``the remaining twenty-five to toilet transfers``."""
    out: set[int] = set()
    for c in timed:
        if c.form == "rest":
            solid = [at for at in range(c.end, min(c.end + _NEAR, len(tokens.words))) if not tokens.words[at].isspace()]
            out.update(solid[1:2] if solid and tokens.lower[solid[0]] in ("to", "of", "on") else ())
    return out


class ActivityTagger:
    """The ``therapy_activities`` component."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    def process(self, docs: list[Doc]) -> list[list[Candidate]]:
        """What the tagger sees in each doc, goals included; writes nothing."""
        return self.tag([context_of(doc) for doc in docs])

    def tag(self, contexts: Sequence[Context], *, lenience: float = LENIENCE) -> list[list[Candidate]]:
        """`process` on contexts; ``lenience`` is taken off the score of *none* for activities, goals are read strictly."""
        allowance = np.array([lenience] + [0.0] * (len(LABELS) - 1), dtype=np.float32)
        scores = self.scorer.score(contexts)
        paths = self.scorer.decode([*scores, *(rows - allowance for rows in scores)])
        strict, lenient = paths[: len(scores)], paths[len(scores) :]
        out = []
        for context, sure, loose, rows in zip(contexts, strict, lenient, scores, strict=True):
            kept = kept_tokens(context.tokens)
            margins: list[float] = (rows.max(axis=1) - rows[:, 0]).tolist() if kept else []
            goals = self._candidates(context, spans_from(sure, kept, margins), goals=True)
            taken = {index for goal in goals for index in range(goal.start, goal.end)}
            work = [
                c
                for c in self._candidates(context, spans_from(loose, kept, margins), goals=False)
                if taken.isdisjoint(range(c.start, c.end))
            ]
            work = self.scorer.reconsidered(context, work)
            taken |= {index for c in work for index in range(c.start, c.end)}
            out.append(sorted([*goals, *work, *_listed(context, taken)], key=lambda c: c.start))
        return out

    @staticmethod
    def _candidates(context: Context, spans: list[tuple[int, int, str, float]], *, goals: bool) -> list[Candidate]:
        """The goals of these spans, or all but the goals, with their edges trimmed."""
        words = context.tokens.words
        found = []
        begun = {start for start, *_ in spans}
        for start, end, label, margin in chain.from_iterable(_by_lines(words, span) for span in spans):
            if (label == GOAL) is goals:
                start, end = trim(context.tokens, start, end)
                if not goals:
                    end = dose_off(context.tokens, start, end)
                    end = with_limb(context.tokens, end, begun)
                if any(map(str.isalnum, words[start:end])):
                    found.append(Candidate(start, end, label, margin))
        return found

    def write(self, doc: Doc, seen: list[Candidate]) -> Doc:
        """Put the spans on the doc."""
        doc.user_data[_RAW] = seen
        doc.spans["activities"] = [Span(doc, c.start, c.end, label=c.tag) for c in seen if c.tag != GOAL]
        return doc

    def __call__(self, doc: Doc) -> Doc:
        """Tag one doc."""
        return self.write(doc, self.process([doc])[0])

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Tag a stream, a batch at a time."""
        for docs in minibatch(stream, size=batch_size):
            for doc, spans in zip(docs, self.process(docs), strict=True):
                yield self.write(doc, spans)


def candidates_of(doc: Doc) -> list[Candidate]:
    """The activities that the tagger saw in a doc, done or not."""
    return [c for c in doc.user_data.get(_RAW, ()) if c.tag != GOAL]


def tagged_goals(doc: Doc) -> list[tuple[int, int]]:
    """Token ranges of the goals that the tagger saw in a doc."""
    return [(c.start, c.end) for c in doc.user_data.get(_RAW, ()) if c.tag == GOAL]


@Language.factory(
    "therapy_activities",
    requires=["doc.spans"],
    assigns=["doc.spans"],
    default_config={"tagger": "", "encoder": "", "vocabulary": ""},
)
def create(nlp: Language, name: str, tagger: str, encoder: str, vocabulary: str) -> ActivityTagger:  # noqa: ARG001
    """Make the component from the tagger file at ``tagger`` and, where named, the encoder's graph and vocabulary."""
    chain = Chain.load(Path(tagger))
    if not encoder:
        return ActivityTagger(ChainScorer(chain))
    return ActivityTagger(MixedScorer(chain, Encoder.load(Path(encoder), Path(vocabulary))))
