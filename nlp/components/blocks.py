"""Blocks of treatment: ``doc.spans["blocks"]``, each the activities, minutes and service name that belong together.

A linear-chain model labels the events of `nlp.events`; this component turns the labels into blocks, adds up
per-activity minutes where a block has none of its own, and spreads a shared duration over the blocks it names. An activity
that ends up in no block was not done today.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, chain
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.chain import Chain, Rows, Scores
from nlp.charged import with_charges, without_others
from nlp.components.activities import candidates_of
from nlp.components.durations import find_durations
from nlp.context import Context, context_of
from nlp.cues import find_status, said_apart
from nlp.encoder import COLUMNS, LEAST_LOG, ROLES, bounded
from nlp.events import (
    BEGINS,
    EVENT_LABELS,
    Candidate,
    Event,
    event_traits,
    headed,
    in_sentences,
    make_events,
    shared_by_names,
    shared_by_words,
)
from nlp.grouping import Grouping, announces_each, given_to_each, group
from nlp.layout import (
    NO_WORK,
    announced,
    at_home,
    begun_below,
    behind_task,
    charge_lines,
    charged_apart,
    closing_lines,
    closing_names,
    closing_pairs,
    ends_list,
    heading_totals,
    is_rest,
    lone_minutes,
    of_another_day,
    opening_names,
    right_behind_name,
    spoken_against,
    timed_lines,
    totals_of_parts,
    trailing_brackets,
    unit_charges,
    visit_alone,
)
from nlp.leftout import left_out_items, left_out_lists
from nlp.settling import settled, times_tasks
from nlp.tagging import label_columns
from nlp.totals import rest_of_total, timed_total_alone, total_of_none

_BLOCKS = "therapy_blocks"
_NEVER = 20.0  # taken off a score that structure rules out
_PLACED = 3.0  # taken off a label that the place of a sentence's only minutes speaks against
# Where the encoder is surer by more than this many log-odds that an activity was not done, it is so much likelier in no block: the
# grouper's own features knew the notes that they learnt from, so the encoder's weights came out small (`DECISIONS.md`, record 24).
_SURER, _UNDONE = 0.0, 4.0
# The other way about: work that the encoder is as sure was done, and is a task. In a section without work it has to be surer, and
# counts for more: a plan's own features speak against its work (compared in `DECISIONS.md`, record 58).
_SURELY_DONE, _SURELY_TASK, _DONE = 2.0, 1.5, 4.0
_SURER_DONE, _DONE_APART = 3.0, 6.0
_CLAIM_MINUTES = 1.5  # taken off the score of *no block* for minutes without a word against them
_CLAIM_NAMED = 6.0  # the same for minutes right behind a service's name, whatever else the sentence says
_CLAIM_TICKED = (
    3.0  # the same for work that is ticked where other work is not, in a note without minutes: it may be an order
)
_CLAIM_WORK = 0.5  # the same for work that the tagger took for done; more finds more and leaks more
_NO_WORK = NO_WORK | {"measures"}


# Names of what `encoded_signs` gives, in the grouper's file.
ENCODED = (
    *(f"encoded:{role}" for role in ROLES),
    "encoded:done",
    "encoded:not_done",
    "encoded:no_task",
    "encoded:same_code",
)


# Columns of the tag head that say so: done, not done, no work.
_TAGS = tuple(map(label_columns, ("ACT", "NOT", "")))


def encoded_signs(context: Context, events: Sequence[Event]) -> Scores:
    """What the encoder makes of each event, of shape (events, len(ENCODED)).

    The log-probabilities of `ROLES` at its first word; the mean ones over its words of work done, work not done and no work;
    and how likely an activity has the code of the activity before it (0 for what is none, and for the first). All are 0 where
    the encoder had nothing to say (`nlp.encoder.Encoder.scores`).
    """
    out = np.zeros((len(events), len(ENCODED)), dtype=np.float32)
    if not events or not (context.encoded is not None and context.encoded.any()):
        return out
    rows, width = context.encoded, len(ROLES)
    at = [context.kept_range(e.start, e.end) for e in events]
    out[:, :width] = bounded(rows[[place.start for place in at]], "role")
    tags = rows[:, COLUMNS["tag"]]
    kinds = np.stack([np.logaddexp.reduce(tags[:, labels], axis=1) for labels in _TAGS], axis=1)
    out[:, width:-1] = np.maximum([kinds[place].mean(axis=0) for place in at], LEAST_LOG)
    silent = [not rows[place].any() for place in at]
    work = [number for number, event in enumerate(events) if event.kind == "act" and not silent[number]]
    if work:
        codes = np.exp([rows[at[number], COLUMNS["code"]].mean(axis=0) for number in work])
        codes /= codes.sum(axis=1, keepdims=True)
        out[work[1:], -1] = (codes[1:] * codes[:-1]).sum(axis=1)
    out[silent] = 0.0
    return out


def decided(context: Context, events: Sequence[Event], signs: Scores) -> Scores:
    """Scores to add, of shape (events, labels), for activities that the encoder is sure of; ``signs`` as above."""
    out = np.zeros((len(events), len(EVENT_LABELS)), dtype=np.float32)
    done, undone, no_task = (signs[:, ENCODED.index(f"encoded:{name}")] for name in ("done", "not_done", "no_task"))
    surely = (done - undone > _SURELY_DONE) & (done - no_task > _SURELY_TASK)
    amount = np.where(undone - done > _SURER, _UNDONE, 0.0)
    amount[ends_list(context, events)] = -_DONE
    for number in np.flatnonzero(surely).tolist():
        event = events[number]
        apart = context.sections[event.start] in _NO_WORK
        if event.tag == "ACT" and not (apart and done[number] - undone[number] <= _SURER_DONE):
            amount[number] = -(_DONE_APART if apart else _DONE)
    for number in left_out_items(context, events)[1]:
        if events[number].tag == "ACT" and done[number] > undone[number]:
            amount[number] = -_DONE_APART  # "planks held" says nothing of the rows beside it
    rows = [number for number, event in enumerate(events) if event.kind == "act"]
    for label in _NOBODYS:
        out[rows, EVENT_LABELS.index(label)] = amount[rows]
    return out


_OWN = ("D-B", "D-I", "P-B", "P-I")  # labels of minutes that are a block's
_NOBODYS = ("O", "Q")


class _Structure:
    """Scores of shape (events, labels) that the rules below fill."""

    def __init__(self, context: Context, events: list[Event]) -> None:
        self.context, self.events = context, events
        self.scores: Scores = np.zeros((len(events), len(EVENT_LABELS)), dtype=np.float32)

    def add(self, numbers: Iterable[int], labels: Sequence[str], amount: float) -> None:
        """Add to the scores that these events have these labels."""
        at = [EVENT_LABELS.index(label) for label in labels]
        self.scores[np.ix_(list(numbers), at)] += amount

    def forbid(self, numbers: Iterable[int], *labels: str) -> None:
        """Rule these labels out."""
        self.add(numbers, labels, -_NEVER)

    def demand(self, numbers: Iterable[int], *labels: str) -> None:
        """Rule these labels in."""
        self.add(numbers, labels, _NEVER)

    def not_done(self) -> None:
        """What an empty box says of, or a cue apart, is in no block, nor are a left-out row's minutes, nor another day's work."""
        context = self.context
        work = [(n, e) for n, e in enumerate(self.events) if e.kind == "act"]
        left_out = [n for n, e in work if e.start in context.unticked or said_apart(context, e.end) is not None]
        left_out += [*left_out_items(context, self.events)[0], *left_out_lists(context, self.events)]
        self.forbid(left_out, "B", "I", "J")
        here = [n for n, e in work if context.sentence_of[e.start] in context.practised and n not in left_out]
        self.forbid(here, *_NOBODYS)
        # A row's minutes go with its work; a form's row without work gives those of others.
        rows = {context.tokens.line_of[e.start] for _, e in work if e.start in context.unticked}
        minutes = ((n, e.start) for n, e in enumerate(self.events) if e.kind == "dur")
        lost = [n for n, at in minutes if at in context.unticked and context.tokens.line_of[at] in rows]
        self.forbid(lost, *_OWN, "S")
        earlier = context.earlier
        away = [
            n
            for n, e in enumerate(self.events)
            if e.start in earlier or e.start in context.quoted or (e.kind != "act" and of_another_day(context, e))
        ]
        self.add(away, [label for label in EVENT_LABELS if label not in _NOBODYS], -2 * _NEVER)

    def lines(self) -> None:
        """Where blocks begin and end by lines, brackets and names that open or close the work."""
        context, events = self.context, self.events
        closing = closing_lines(context, events)
        for line in closing:
            self.forbid(line, *BEGINS, "S", *_NOBODYS)
        pairs = closing_pairs(context, events)
        for pair in pairs:
            self.forbid(pair, *BEGINS, "P-I", "S", *_NOBODYS)
        begun = [*begun_below(context, events, closing[:-1] or closing), *begun_below(context, events, pairs[:-1])]
        self.demand(begun, "B")
        charged = charged_apart(context, events)
        for names in unit_charges(context, events):
            self.demand(names, *_NOBODYS)
        apart = {*begun, *charged}
        under = [n for n, is_headed in enumerate(headed(context, events)) if is_headed and n not in apart]
        self.forbid(under, "B")
        # "US 8 min": the name and the task that it is are one block's.
        same = [
            n
            for n, e in enumerate(events)
            if n and e.kind == "act" and events[n - 1].kind == "svc" and e.start == events[n - 1].start
        ]
        self.forbid(same, "B")
        for number in opening_names(context, events):
            # A line that opens with a service's name goes on in no block, but for a table's row of the same code.
            open_code = next((e.code for e in reversed(events[:number]) if e.kind == "svc" and e.code), "")
            self.forbid([number], *(("I",) if events[number].code == open_code else ("I", "J")))
        for line in charge_lines(context, events):
            first, second = line
            section = context.sections[events[first].start]
            worked = section not in _NO_WORK or (section == "home_program" and announced(context, events[first]))
            if worked and line not in closing:
                timed = events[first].kind == "dur"
                self.demand([first], "D-B" if timed else "B")
                self.demand([second], "J" if timed else "D-I")
        brackets, names = trailing_brackets(context, events), closing_names(context, events)
        self.forbid(brackets, "D-B", "P-B", "S", *_NOBODYS)
        self.forbid(names, "B")
        self.add([n for name in names for n in (name - 1, name)], _NOBODYS, -_CLAIM_NAMED)
        timed = timed_lines(context, events)
        self.forbid((line[-1] for line in timed), "S", *_NOBODYS)
        ended = [[n] for n in (*brackets, *names) if n + 1 < len(events) and events[n + 1].kind != "dur"]
        opened = {*charged, *begun_below(context, events, ended), *(line[0] for line in timed)}
        self.demand(opened - {*under}, "B")

    def minutes(self, goals: Sequence[tuple[int, int]]) -> None:
        """Whose minutes cannot be, because of what the note calls them or where in their sentence they stand."""
        context, events = self.context, self.events
        timed = [number for number, event in enumerate(events) if event.kind == "dur"]
        work = [event.start for event in events if event.tag == "ACT"]
        aims = {
            n
            for n in timed
            if any(g[0] <= events[n].start < g[1] and not any(g[0] <= at < g[1] for at in work) for g in goals)
        }
        no_time = aims | {n for n in timed if at_home(context, events[n])} | totals_of_parts(context, events)
        no_time |= {*visit_alone(context, events), *heading_totals(context, events)}
        self.forbid(no_time, *_OWN, "S")
        self.forbid((number for number in timed if is_rest(context, events[number])), "D-I", "P-I", *_NOBODYS)
        shared = shared_by_names(context, events)
        for number, names in shared.items():
            self.demand([number], "S")
            self.demand(names, *_NOBODYS)
        told = {number for number, said in enumerate(shared_by_words(context, events)) if said}
        told |= {n for n in timed if events[n].form == "even" or announces_each(context, events[n])}
        self.demand(told, "S")
        for sentence in in_sentences(context, events):
            named = [
                n for n in sentence if events[n].form in ("unit", "tick") and right_behind_name(context, events, n)
            ]
            if len(named) > 1:  # each is its own service's: "97535 18 min, 97530 20 min, rest 6 min"
                self.forbid((n for n in named if n not in shared and n not in told), "S")
        for number, acts, named, leads in lone_minutes(context, events):
            if leads:
                # Minutes that open their sentence are of the work that follows: they end no block before them.
                self.add(acts, ("B", "I"), -_PLACED)
                if not named:
                    self.forbid([number], "D-I", "P-I")
            else:
                self.add(acts, ("J",), -_PLACED)
                self.forbid([number], "D-B", "P-B")

    def claims(self) -> None:
        """Minutes and work without a word against them are somebody's."""
        context = self.context
        ticked = _CLAIM_NAMED if any(event.kind == "dur" for event in self.events) else _CLAIM_TICKED
        for number, event in enumerate(self.events):
            if context.sections[event.start] in _NO_WORK:
                continue
            if event.kind == "dur" and right_behind_name(context, self.events, number):
                self.add((number - 1, number), _NOBODYS, -_CLAIM_NAMED)
            elif event.kind == "dur" and (
                event.form == "column"
                or not spoken_against(context, event)
                or behind_task(context, self.events, number)
            ):
                self.add([number], _NOBODYS, -_CLAIM_MINUTES)
            elif event.kind == "act" and event.start in context.ticked:
                self.add([number], _NOBODYS, -ticked)
            elif event.tag == "ACT" and find_status(context, event.start, event.end) is None:
                self.add([number], _NOBODYS, -_CLAIM_WORK)


def structure(context: Context, events: list[Event], goals: Sequence[tuple[int, int]] = ()) -> Scores:
    """What structure rules out or in, as scores of shape (events, labels) to add to the model's; ``goals`` are token ranges.

    An activity under a service's heading line begins no block, one behind an empty check box stands in none; minutes that
    the note gives to two services at once are shared, and the names of these beside them are no block's. Minutes that
    nothing speaks against belong to some block more often than training notes, read with taggers of every lenience, make
    the model believe; so does work done.
    """
    rules = _Structure(context, events)
    rules.not_done()
    rules.lines()
    rules.minutes(goals)
    rules.claims()
    return rules.scores


def _grouping(context: Context, events: list[Event], path: list[int], certainty: list[float]) -> Grouping:
    labels = [EVENT_LABELS[number] for number in path]
    labels = settled(context, events, labels)
    given = (event for event, label in zip(events, labels, strict=True) if label == "S" and event.kind == "dur")
    each = {event.start for event in given if given_to_each(context, event)}
    events = times_tasks(context, events, labels)
    grouping = group(events, labels, line_of=context.tokens.line_of, each=each)
    grouping = rest_of_total(context, timed_total_alone(context, total_of_none(context, grouping)))
    grouping = without_others(context, with_charges(context, grouping))
    sure = {id(event): value for event, value in zip(events, certainty, strict=True)}
    blocks = tuple(
        replace(block, certainty=min(sure.get(id(event), 1.0) for event in block.events)) for block in grouping.blocks
    )
    used = {id(event) for block in blocks for event in block.events}
    outside = (value for event, value in sure.items() if event not in used)
    return replace(grouping, blocks=blocks, certainty=min(outside, default=1.0))


class BlockGrouper:
    """The ``therapy_blocks`` component."""

    def __init__(self, chain: Chain) -> None:
        if chain.labels != EVENT_LABELS:
            raise ValueError("the grouper file holds other labels than this version's grouper")
        self.chain = chain
        self.rows = Rows(chain)
        self.encoded: Scores = chain.weights[[chain.index.get(name, -1) for name in ENCODED]]

    def process(self, context: Context, candidates: list[Candidate], goals: list[tuple[int, int]]) -> Grouping:
        """Blocks from the tagger's candidates and the goals' token ranges; writes nothing."""
        return self.process_many([context], [candidates], [goals])[0]

    def process_many(
        self,
        contexts: Sequence[Context],
        candidates: Sequence[list[Candidate]],
        goals: Sequence[list[tuple[int, int]]],
    ) -> list[Grouping]:
        """`process` for many notes, their events scored together."""
        events = [make_events(c, found, find_durations(c)) for c, found in zip(contexts, candidates, strict=True)]
        traits = (event_traits(*note) for note in zip(contexts, events, goals, strict=True))
        flat = self.rows.scores(chain.from_iterable(traits))
        ends = [0, *accumulate(map(len, events))]
        scores = []
        for context, mine, aims, start, end in zip(contexts, events, goals, ends, ends[1:], strict=False):
            rows = flat[start:end] + structure(context, mine, aims)
            if context.encoded is not None:
                signs = encoded_signs(context, mine)
                rows += signs @ self.encoded + decided(context, mine, signs)
            scores.append(rows)
        paths = self.chain.decode_many(scores)
        return [
            _grouping(context, mine, path, sure)
            for context, mine, path, sure in zip(
                contexts, events, paths, self.chain.certainty_many(scores, paths), strict=True
            )
        ]

    def __call__(self, doc: Doc) -> Doc:
        """Group one doc."""
        goals = [(span.start, span.end) for span in doc.spans["goals"]]
        grouping = self.process(context_of(doc), candidates_of(doc), goals)
        doc.user_data[_BLOCKS] = grouping
        doc.spans["blocks"] = [Span(doc, block.start, block.end, label="block") for block in grouping.blocks]
        return doc


def grouping_of(doc: Doc) -> Grouping:
    """The blocks that `BlockGrouper` found in a doc."""
    return doc.user_data.get(_BLOCKS) or Grouping((), (), ())


@Language.factory("therapy_blocks", requires=["doc.spans"], assigns=["doc.spans"], default_config={"grouper": ""})
def create(nlp: Language, name: str, grouper: str) -> BlockGrouper:  # noqa: ARG001
    """Make the component from the model file at ``grouper``."""
    return BlockGrouper(Chain.load(Path(grouper)))
