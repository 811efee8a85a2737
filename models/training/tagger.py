"""Labelled notes to the two linear-chain models that `nlp` loads: the activity tagger and the block grouper.

Fitting is CRFsuite's (L-BFGS with both penalties); what is kept are plain arrays (`nlp.chain.Chain`), never a pickle.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pycrfsuite

from models.training.dataset import LabelledNote
from nlp.chain import Chain, Scores
from nlp.components.activities import LENIENCE, ActivityTagger, ChainScorer, MixedScorer
from nlp.components.blocks import ENCODED, encoded_signs
from nlp.components.durations import find_durations
from nlp.components.goals import find_goals
from nlp.context import Context
from nlp.encoder import OUTPUTS
from nlp.events import EVENT_LABELS, Candidate, Event, event_features, make_events
from nlp.grouping import Found
from nlp.tagging import LABELS, token_features
from nlp.tokens import Tokens, kept_tokens

TAGGER_PENALTIES = (0.1, 0.05)
GROUPER_PENALTIES = (0.2, 3.0)
_OTHER_LENIENCES = (0.4, 1.6)
_ITERATIONS = 100
_CHARGE = 1000  # owners from here on are charge lines apart from their work
_GOLD_MARGIN = 2.0  # the tagger's usual margin on what it is sure of
_REACH = 60  # characters outside a block's quote within which its minutes may still stand


def token_range(tokens: Tokens, start: int, end: int) -> tuple[int, int]:
    """Half-open token range that covers the characters ``[start, end)``."""
    first = tokens.at(start)
    last = tokens.at(end - 1)
    return first, last + 1


def tag_labels(note: LabelledNote, tokens: Tokens) -> list[str]:
    """One label a token; an activity done wins over a goal it stands in."""
    labels = ["O"] * len(tokens)
    spans = [(g.start, g.end, "GOAL") for g in note.goals]
    spans += [(m.start, m.end, "NOT") for m in note.mentions]
    spans += [(a.start, a.end, "ACT") for a in note.activities]
    for start, end, kind in spans:
        first, last = token_range(tokens, start, end)
        for index in range(first, last):
            labels[index] = f"{'B' if index == first else 'I'}-{kind}"
    return labels


def fit_chain(
    rows: Iterable[tuple[Sequence[Sequence[str] | Mapping[str, float]], Sequence[str]]],
    labels: Sequence[str],
    *,
    c1: float,
    c2: float,
) -> Chain:
    """Fit a linear-chain CRF.

    Parameters
    ----------
    rows
        Sequences of (feature names per item, or names with values; label per item).
    labels
        The labels in the order wanted.
    c1, c2
        Weights of the absolute and the squared penalty.
    """
    trainer = pycrfsuite.Trainer(verbose=False)  # pyright: ignore[reportAttributeAccessIssue]  untyped extension
    for features, wanted in rows:
        if wanted:
            trainer.append(features, wanted)
    trainer.set_params({"c1": c1, "c2": c2, "max_iterations": _ITERATIONS, "feature.possible_transitions": True})
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "chain.crfsuite")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()  # pyright: ignore[reportAttributeAccessIssue]
        tagger.open(path)
        info = tagger.info()
        tagger.close()
    position = {label: number for number, label in enumerate(labels)}
    names = sorted({name for name, _ in info.state_features})
    index = {name: row for row, name in enumerate(names)}
    weights = np.zeros((len(names), len(labels)), dtype=np.float32)
    for (name, label), weight in info.state_features.items():
        weights[index[name], position[label]] = weight
    # A step never seen in training stays possible but dear.
    transitions = np.full((len(labels), len(labels)), -6.0, dtype=np.float32)
    for (before, after), weight in info.transitions.items():
        transitions[position[before], position[after]] = weight
    return Chain(labels, names, weights, transitions)


def tagger_rows(note: LabelledNote) -> tuple[list[list[str]], list[str]]:
    """Features and labels of the kept tokens of one note."""
    tokens = Tokens.of(note.text)
    features = token_features(Context(tokens))
    labels = tag_labels(note, tokens)
    kept = kept_tokens(tokens)
    return [features[index] for index in kept], [labels[index] for index in kept]


def gold_candidates(note: LabelledNote, tokens: Tokens) -> list[Candidate]:
    """What a perfect tagger would see: every activity as ``ACT``, every mention as ``NOT``."""
    done = [Candidate(*token_range(tokens, a.start, a.end), "ACT", _GOLD_MARGIN) for a in note.activities]
    taken = {i for c in done for i in range(c.start, c.end)}
    seen = [Candidate(*token_range(tokens, m.start, m.end), "NOT", _GOLD_MARGIN) for m in note.mentions]
    return sorted([*done, *(c for c in seen if not taken.intersection(range(c.start, c.end)))], key=lambda c: c.start)


def owners(note: LabelledNote, tokens: Tokens, candidates: Sequence[Candidate]) -> list[int | None]:
    """The service that each candidate belongs to: that of the labelled activity it overlaps most; ``None`` for none."""
    out: list[int | None] = []
    for c in candidates:
        start, end = tokens.starts[c.start], tokens.ends[c.end - 1]
        best, owner = 0, None
        for number, service in enumerate(note.services):
            for activity in service.activities:
                common = min(end, activity.end) - max(start, activity.start)
                if common > best:
                    best, owner = common, number
        out.append(owner)
    return out


def labelled_events(
    note: LabelledNote, context: Context, candidates: list[Candidate]
) -> tuple[list[Event], list[int | None], list[str]]:
    """Events of a note over these candidates: each with the service it belongs to and its role.

    Roles: ``A`` activity or service name of a block, ``D`` its own minutes, ``P`` one of several that add up, ``S``
    shared, ``O`` none.
    """
    tokens = context.tokens
    events = make_events(context, candidates, find_durations(context))
    work = [Candidate(e.start, e.end, e.tag) for e in events if e.kind == "act"]
    owner = {(c.start, c.end): number for c, number in zip(work, owners(note, tokens, work), strict=True)}
    belongs: list[int | None] = [None] * len(events)
    role = ["O"] * len(events)
    for position, event in enumerate(events):
        at = tokens.starts[event.start]
        if event.kind == "act":
            belongs[position] = owner[(event.start, event.end)]
            role[position] = "O" if belongs[position] is None else "A"
        elif event.kind == "svc":
            for number, service in enumerate(note.services):
                if service.start <= at < service.end and service.stated and event.code == (service.stated_code or ""):
                    belongs[position], role[position] = number, "A"
                    break
    for number, service in enumerate(note.services):
        if service.minutes is None:
            continue
        free = [p for p, e in enumerate(events) if e.kind == "dur" and belongs[p] is None and e.form != "in_out_open"]
        inside = [p for p in free if service.start - 1 <= tokens.starts[events[p].start] < service.end]
        equal = [p for p in inside if events[p].minutes == service.minutes]
        if not equal:
            equal = [
                p
                for p in free
                if events[p].minutes == service.minutes
                and (
                    -_REACH <= tokens.starts[events[p].start] - service.end <= _REACH
                    or 0 <= service.start - tokens.ends[events[p].end - 1] <= _REACH
                )
            ]
        if equal:
            belongs[equal[0]], role[equal[0]] = number, "D"
        elif len(inside) > 1 and sum(events[p].minutes for p in inside) == service.minutes:
            for p in inside:
                belongs[p], role[p] = number, "P"
    # A charge apart from the work: "97110 15 min" at the foot of the note. It is a block of its own here, without
    # activities; the classifier's stage gives its minutes to the work of that code.
    for number, service in enumerate(note.services):
        if service.minutes is None or any(b == number and r in "DP" for b, r in zip(belongs, role, strict=True)):
            continue
        for position, (event, following) in enumerate(itertools.pairwise(events)):
            pair_kinds = {event.kind, following.kind}
            timed, named = (event, following) if event.kind == "dur" else (following, event)
            if (
                pair_kinds == {"svc", "dur"}
                and belongs[position] is None
                and belongs[position + 1] is None
                and timed.minutes == service.minutes
                and named.code == (service.stated_code or service.other_code or service.code)
                and tokens.line_of[event.start] == tokens.line_of[following.start]
            ):
                for p in (position, position + 1):
                    belongs[p] = _CHARGE + number
                    role[p] = "D" if events[p].kind == "dur" else "A"
                break
    # Minutes far off, with no other block's work between: "46 min of hands-on work" at the head of the note.
    for number, service in enumerate(note.services):
        paid = any(b in (number, _CHARGE + number) and r in "DP" for b, r in zip(belongs, role, strict=True))
        if service.minutes is None or paid:
            continue
        for position, event in enumerate(events):
            near = event.kind == "dur" and event.minutes == service.minutes and event.form != "in_out_open"
            if near and belongs[position] is None and _neighbours(belongs, position, number):
                belongs[position], role[position] = number, "D"
                break
    for shared in note.shared_minutes:
        for position, event in enumerate(events):
            if (
                event.kind == "dur"
                and belongs[position] is None
                and event.minutes == shared.minutes
                and role[position] == "O"
            ):
                role[position] = "S"
                break
    return events, belongs, role


def _neighbours(belongs: Sequence[int | None], position: int, number: int) -> bool:
    """Whether the nearest owned event before or after a position is of service ``number``."""
    before = next((b for b in reversed(belongs[:position]) if b is not None), None)
    after = next((b for b in belongs[position + 1 :] if b is not None), None)
    return number in (before, after)


def group_labels(events: list[Event], belongs: list[int | None], role: list[str]) -> list[str]:
    """`nlp.events.EVENT_LABELS` of events with their owners and roles."""
    seen: set[int] = set()
    timed = False
    labels = []
    for event, owner, part in zip(events, belongs, role, strict=True):
        if part == "S":
            labels.append("S")
        elif owner is None:
            labels.append("Q" if timed else "O")
        else:
            begins = owner not in seen
            seen.add(owner)
            if event.kind == "dur":
                timed = True
                labels.append(f"{part}-{'B' if begins else 'I'}")
            elif begins:
                timed = False
                labels.append("B")
            else:
                labels.append("J" if timed else "I")
    return labels


def grouper_rows(
    note: LabelledNote, context: Context, candidates: list[Candidate], goals: list[tuple[int, int]]
) -> tuple[Sequence[Sequence[str] | Mapping[str, float]], list[str]]:
    """Features and labels of the events of one note over these candidates and goals."""
    events, belongs, role = labelled_events(note, context, candidates)
    names = event_features(context, events, goals)
    labels = group_labels(events, belongs, role)
    if context.encoded is None:
        return names, labels
    rows = [
        dict.fromkeys(row, 1.0) | dict(zip(ENCODED, values, strict=True))
        for row, values in zip(names, encoded_signs(context, events).tolist(), strict=True)
    ]
    return rows, labels


def gold_found(note: LabelledNote, context: Context) -> list[Found | None]:
    """Each service of a note as the block it should be read as; ``None`` for a service without any event."""
    events, belongs, role = labelled_events(note, context, gold_candidates(note, context.tokens))
    shared = {index: s.minutes for s in note.shared_minutes for index in s.blocks}
    out: list[Found | None] = []
    for number in range(len(note.services)):
        mine = [(e, r) for e, owner, r in zip(events, belongs, role, strict=True) if owner == number]
        durations = tuple(e for e, r in mine if r in "DP")
        is_shared = False
        if number in shared and not durations:
            durations = tuple(e for e, r in zip(events, role, strict=True) if r == "S" and e.minutes == shared[number])[
                :1
            ]
            is_shared = bool(durations)
        found = Found(
            activities=tuple(e for e, _ in mine if e.kind == "act"),
            durations=durations,
            services=tuple(e for e, _ in mine if e.kind == "svc"),
            shared=is_shared,
        )
        out.append(found if found.activities or found.services else None)
    return out


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tagger that never saw the note's writer makes of it: as the product would, and stricter and more lenient."""

    candidates: list[Candidate]
    goals: list[tuple[int, int]]
    others: tuple[list[Candidate], ...]


class Remembered:
    """Stands where an encoder would: every context brings what an encoder that never saw its writer made of it."""

    def scores(self, notes: Sequence[Sequence[str]]) -> list[Scores]:
        """Nothing: no context is left to read."""
        assert not notes
        return []

    def without(self, words: Sequence[str], hidden: Collection[int]) -> Scores:  # noqa: ARG002
        """Nothing to say: the encoder that read the note is gone."""
        return np.zeros((len(words), OUTPUTS), dtype=np.float32)


def _see(
    rest: Sequence[LabelledNote],
    held: Sequence[LabelledNote],
    scores: Mapping[str, Scores] | None,
    relaid: Sequence[LabelledNote],
) -> tuple[list[Seen], list[Seen]]:
    chain = fit_tagger(rest)
    plain = look(ActivityTagger(ChainScorer(chain)), held, None)
    if scores is None:
        return plain, []
    return plain, look(ActivityTagger(MixedScorer(chain, Remembered())), [*held, *relaid], scores)


def context_of_note(note: LabelledNote, scores: Mapping[str, Scores] | None) -> Context:
    """A note's context, with an encoder's out-of-fold scores where there are any."""
    return Context(Tokens.of(note.text), None if scores is None else scores[note.id])


def look(tagger: ActivityTagger, held: Sequence[LabelledNote], scores: Mapping[str, Scores] | None) -> list[Seen]:
    """What a tagger sees in these notes; ``scores`` are an encoder's, by note id."""
    contexts = [context_of_note(note, scores) for note in held]
    sights = [tagger.tag(contexts, lenience=lenience) for lenience in (LENIENCE, *_OTHER_LENIENCES)]
    out = []
    for context, tagged, *others in zip(contexts, *sights, strict=True):
        goals = find_goals(context, [(c.start, c.end) for c in tagged if c.tag == "GOAL"])
        out.append(Seen(_work(tagged), goals, tuple(_work(other) for other in others)))
    return out


def _work(tagged: Sequence[Candidate]) -> list[Candidate]:
    return [c for c in tagged if c.tag != "GOAL"]


def cross_see(
    notes: Sequence[LabelledNote],
    folds: Sequence[Sequence[int]],
    pool: Executor,
    scores: Mapping[str, Scores] | None = None,
    relaid: Sequence[LabelledNote] = (),
) -> tuple[list[Seen], list[Seen]]:
    """Each note as a tagger fitted on the other folds sees it, a fold a job of ``pool``.

    The first list is the linear tagger's alone, the second (empty without ``scores``) with an encoder's out-of-fold
    scores, by note id; in it ``relaid`` notes, of the same writers, follow the others.
    """
    jobs = []
    for fold in folds:
        members = set(fold)
        rest = [note for i, note in enumerate(notes) if i not in members]
        held = [notes[i] for i in fold]
        writers = {note.writer for note in held}
        more = [note for note in relaid if note.writer in writers]
        jobs.append((held, more, pool.submit(_see, rest, held, scores, more)))
    plain: dict[str, Seen] = {}
    encoded: dict[str, Seen] = {}
    for held, more, job in jobs:
        without, with_encoder = job.result()
        plain.update(zip((note.id for note in held), without, strict=True))
        if with_encoder:
            encoded.update(zip((note.id for note in (*held, *more)), with_encoder, strict=True))
    accurate = [encoded[note.id] for note in (*notes, *relaid)] if encoded else []
    return [plain[note.id] for note in notes], accurate


class Written(Protocol):
    """What was written by somebody: a note, or a block of one."""

    @property
    def writer(self) -> str:
        """Who wrote it."""
        ...


def writer_folds(notes: Sequence[Written], count: int, *, sizes: Sequence[float] | None = None) -> list[list[int]]:
    """Indexes of notes, or of what stands in them, in at most ``count`` folds of like size; a writer's notes stay in one fold.

    ``sizes`` are what each counts for, such as the length of a note's text; without them all count alike.
    """
    writers: dict[str, list[int]] = {}
    for index, note in enumerate(notes):
        writers.setdefault(note.writer, []).append(index)
    total = {writer: len(at) if sizes is None else sum(sizes[i] for i in at) for writer, at in writers.items()}
    folds: list[list[int]] = [[] for _ in range(min(count, len(writers)))]
    full = [0.0] * len(folds)
    for writer in sorted(writers, key=total.__getitem__, reverse=True):
        least = full.index(min(full))
        folds[least] += writers[writer]
        full[least] += total[writer]
    return folds


def fit_tagger(notes: Iterable[LabelledNote]) -> Chain:
    """The activity tagger from labelled notes."""
    return fit_chain((tagger_rows(note) for note in notes), LABELS, c1=TAGGER_PENALTIES[0], c2=TAGGER_PENALTIES[1])


def fit_grouper(
    notes: Sequence[LabelledNote], seen: Sequence[Seen], scores: Mapping[str, Scores] | None = None
) -> Chain:
    """The block grouper from labelled notes: over gold candidates and over what taggers of three leniences would see."""
    rows = []
    for note, sight in zip(notes, seen, strict=True):
        context = context_of_note(note, scores)
        goals = [token_range(context.tokens, g.start, g.end) for g in note.goals]
        rows.append(grouper_rows(note, context, gold_candidates(note, context.tokens), goals))
        rows += [grouper_rows(note, context, c, sight.goals) for c in (sight.candidates, *sight.others)]
    return fit_chain(rows, EVENT_LABELS, c1=GROUPER_PENALTIES[0], c2=GROUPER_PENALTIES[1])
