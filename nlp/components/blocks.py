"""Blocks of treatment: ``doc.spans["blocks"]``, each the activities, minutes and service name that belong together.

A linear-chain model labels the events of `nlp.events`; this component turns the labels into blocks, adds up
per-activity minutes where a block has none of its own, and spreads a shared duration over the blocks it names. An activity
that ends up in no block was not done today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain, groupby, pairwise
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.chain import Chain, Rows, Scores
from nlp.clock import is_blank
from nlp.components.activities import candidates_of
from nlp.components.durations import find_durations
from nlp.context import Context, context_of
from nlp.cues import find_status
from nlp.encoder import COLUMNS, LEAST_LOG, ROLES, bounded
from nlp.events import (
    EVENT_LABELS,
    Candidate,
    Event,
    event_traits,
    headed,
    make_events,
    shared_by_names,
    shared_by_words,
)
from nlp.tagging import label_columns
from nlp.terms import listed
from nlp.totals import total_kind

_BLOCKS = "therapy_blocks"
_BESIDE = 2  # marks between a service name and minutes that stand beside it
_NEAR_CUE = 3  # tokens between minutes and words that say "in all"
_HABIT = 2  # lines written alike that make a habit
_DOSE_WORDS = 6  # words of a dose between an activity and its minutes
_PLAIN_FORMS = frozenset(("unit", "tick", "bare", "bracket", "lead", "column", "range", "hours"))
_SPLIT = 2  # the least activities that can be two blocks
_LABELS, _KNOWN = ("exercise", "functional"), 3.0  # log-odds that a word list's label of an activity is worth
_SURER_CODES = 2.0  # log-odds by which work is two codes rather than one
_NEVER = 20.0  # taken off a score that structure rules out
_PLACED = 3.0  # taken off a label that the place of a sentence's only minutes speaks against
# Where the encoder is surer by this many log-odds that an activity was not done, it is so much likelier in no block: the
# grouper's own features knew the notes that they learnt from, so the encoder's weights came out small (`DECISIONS.md`, record 24).
_SURER, _UNDONE = 1.0, 4.0
_CLAIM_MINUTES = 2.0  # taken off the score of *no block* for minutes without a word against them
_CLAIM_NAMED = 6.0  # the same for minutes right behind a service's name, whatever else the sentence says
_CLAIM_WORK = 1.5  # the same for work that the tagger took for done; more finds more and leaks more
_NO_WORK = frozenset(
    ("plan", "home_program", "goals", "not_today", "previous", "history", "subjective", "education", "measures")
)


@dataclass(frozen=True, slots=True)
class Found:
    """One block as token ranges.

    ``durations`` are the events that give the minutes: one of its own, several that add up, or one that is shared
    (``shared``). ``services`` are the service names and codes in it, in text order. ``certainty`` is the least probability,
    in [0, 1], that the grouper gives one of its events in the place it has.
    """

    activities: tuple[Event, ...]
    durations: tuple[Event, ...] = ()
    services: tuple[Event, ...] = ()
    shared: bool = False
    certainty: float = 1.0

    @property
    def events(self) -> tuple[Event, ...]:
        """All that it is made of."""
        return (*self.activities, *self.durations, *self.services)

    @property
    def start(self) -> int:
        """First token."""
        return min(e.start for e in self.events)

    @property
    def end(self) -> int:
        """Token after the last."""
        return max(e.end for e in self.events)

    @property
    def minutes(self) -> int | None:
        """Whole minutes; ``None`` where there are none or they are shared."""
        return None if self.shared or not self.durations else sum(e.minutes for e in self.durations)


@dataclass(slots=True)
class _Open:
    activities: list[Event] = field(default_factory=list)
    own: list[Event] = field(default_factory=list)
    parts: list[Event] = field(default_factory=list)
    services: list[Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The blocks of one note, the durations that belong to none of them, and the least certainty of what was left out."""

    blocks: tuple[Found, ...]
    loose: tuple[Event, ...]
    services: tuple[Event, ...]
    certainty: float = 1.0


def _headed_parts(blocks: list[Found], positions: list[int], line_of: Sequence[int]) -> tuple[list[Found], list[int]]:
    """Merge blocks of one timed activity a line under a heading line that names a service: their minutes add up.

    ``97530 / ladder: 15 min / crate lift: 20 min`` is one block of 35 minutes.
    """
    merged: list[Found] = []
    kept: list[int] = []
    open_heading = False
    for block, position in zip(blocks, positions, strict=True):
        single = len(block.activities) <= 2 and bool(block.durations) and not block.shared
        trailing = single and bool(block.activities) and block.durations[0].start > block.activities[0].start
        below = bool(merged) and line_of[block.start] - line_of[merged[-1].end - 1] == 1
        if open_heading and trailing and below and not block.services:
            last = merged[-1]
            merged[-1] = replace(
                last,
                activities=(*last.activities, *block.activities),
                durations=(*last.durations, *block.durations),
            )
            continue
        merged.append(block)
        kept.append(position)
        named = len({e.code for e in block.services if e.code}) == 1
        first = next((e.start for e in (*block.activities, *block.durations)), -1)
        # The heading's own minutes would stand before the first activity; here each activity has its own behind it.
        bare = not block.activities and bool(block.durations)
        open_heading = named and (trailing or bare) and line_of[block.services[0].start] < line_of[first]
    return merged, kept


def given_to_each(context: Context, event: Event) -> bool:
    """Whether minutes for two services are those of either: ``97110 and 97530, 15 min each``, but not ``15 min each leg``."""
    solid = [w for w in context.tokens.lower[event.end : event.end + 6] if not w.isspace() or "\n" in w][:2]
    return bool(solid) and solid[0] in listed("each") and not (len(solid) == 2 and solid[1].isalnum())


def group(
    events: list[Event], labels: list[str], *, line_of: Sequence[int] | None = None, each: Collection[int] = ()
) -> Grouping:
    """Turn labelled events into blocks.

    A duration of the block's own wins over the minutes inside it; two of its own (a clock range and the minutes it makes)
    count once where they agree. With ``line_of`` (the line of every token) timed activities a line under a service's
    heading are one block. A shared duration goes to the two or more blocks nearest to it that have none; where ``each`` holds
    its first token (`given_to_each`), as minutes of their own.
    """
    opened: list[_Open] = []
    shared: list[tuple[Event, int]] = []
    loose: list[Event] = []
    for event, label in zip(events, labels, strict=True):
        if label == "S" and event.kind == "dur":
            shared.append((event, len(opened)))
            continue
        if label in ("O", "Q", "S"):
            if event.kind == "dur":
                loose.append(event)
            continue
        if label in ("B", "D-B", "P-B") or not opened:
            opened.append(_Open())
        block = opened[-1]
        if event.kind == "act":
            block.activities.append(event)
        elif event.kind == "svc":
            block.services.append(event)
        elif label[0] == "D":
            block.own.append(event)
        else:
            block.parts.append(event)
    blocks: list[Found] = []
    positions: list[int] = []
    for number, block in enumerate(opened):
        if not block.activities and not any(e.code for e in block.services):
            loose += block.own + block.parts
            continue
        durations: tuple[Event, ...]
        durations = (max(block.own, key=lambda e: e.minutes),) if block.own else tuple(block.parts)
        blocks.append(Found(tuple(block.activities), durations, tuple(block.services)))
        positions.append(number)
    if line_of is not None:
        blocks, positions = _headed_parts(blocks, positions, line_of)
    for event, after in shared:
        free = [i for i, block in enumerate(blocks) if not block.durations]
        behind = [i for i in free if positions[i] < after][-2:]
        ahead = [i for i in free if positions[i] >= after][:2]
        chosen = behind if len(behind) == 2 else ahead if len(ahead) == 2 else behind + ahead
        if len(chosen) < 2:
            loose.append(event)
            continue
        for i in chosen:
            blocks[i] = replace(blocks[i], durations=(event,), shared=event.start not in each)
    return Grouping(tuple(blocks), tuple(loose), tuple(e for e in events if e.kind == "svc"))


def totals_of_parts(context: Context, events: list[Event]) -> set[int]:
    """Numbers of the minutes that are the sum of those beside two services' names or more, right before or behind on their line.

    ``45 min total: there-ex 15', there-act 15', gait 15'``
    """
    line_of = context.tokens.line_of
    out: set[int] = set()
    for _, members in groupby(range(len(events)), key=lambda n: line_of[events[n].start]):
        line = list(members)
        timed = [n for n in line if events[n].kind == "dur"]
        named = {
            n for n in timed if any(m in line and events[m].code and events[m].kind == "svc" for m in (n - 1, n + 1))
        }
        for place, number in enumerate(timed):
            for side in (timed[place + 1 :], timed[:place][::-1]):
                parts = 0
                for count, other in enumerate(side, 1):
                    if other not in named:
                        break
                    parts += events[other].minutes
                    if parts == events[number].minutes and count > 1:
                        out.add(number)
    return out


def _marks_between(context: Context, one: Event, other: Event) -> list[str] | None:
    """The words and marks between two events side by side on a line, at most `_BESIDE`; ``None`` where they are further apart."""
    words, line_of = context.tokens.words, context.tokens.line_of
    left, right = sorted((one, other), key=lambda e: e.start)
    solid = [w for w in words[left.end : right.start] if not w.isspace()]
    return solid if line_of[left.start] == line_of[right.start] and len(solid) <= _BESIDE else None


def own_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes right beside a block's service name win over smaller ones inside the block.

    ``38' TE: rec bike 6', sled push`` is 38, not 6. Only minutes that belong to no block otherwise are taken.
    """
    out = list(labels)
    totals = totals_of_parts(context, events)
    begins = [n for n, label in enumerate(labels) if label in ("B", "D-B", "P-B")]
    for place, begin in enumerate(begins):
        end = begins[place + 1] if place + 1 < len(begins) else len(events)
        inner = [n for n in range(begin, end) if labels[n] in ("D-B", "D-I", "P-B", "P-I")]
        if not inner:
            continue
        for number in range(begin, end):
            event = events[number]
            if event.kind != "svc" or not event.code or labels[number] not in ("B", "I", "J"):
                continue
            for beside in (number - 1, number + 1):
                if not 0 <= beside < len(events) or events[beside].kind != "dur" or labels[beside] not in ("O", "Q"):
                    continue
                timed = events[beside]
                near = (
                    beside not in totals
                    and _marks_between(context, event, timed) is not None
                    and context.sentence_of[event.start] == context.sentence_of[timed.start]
                )
                if near and timed.form in _PLAIN_FORMS and timed.minutes > sum(events[n].minutes for n in inner):
                    for n in inner:
                        out[n] = "Q"
                    out[beside] = "D-I" if beside > begin else "D-B"
                    if beside < begin:
                        out[begin] = "J"
                    inner = [beside]
    return out


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


def undone(events: Sequence[Event], signs: Scores) -> Scores:
    """Scores to add, of shape (events, labels), for activities that the encoder is sure were not done; ``signs`` as above."""
    out = np.zeros((len(events), len(EVENT_LABELS)), dtype=np.float32)
    surer = signs[:, ENCODED.index("encoded:not_done")] - signs[:, ENCODED.index("encoded:done")] > _SURER
    rows = [number for number, event in enumerate(events) if event.kind == "act" and surer[number]]
    for label in ("O", "Q"):
        out[rows, EVENT_LABELS.index(label)] = _UNDONE
    return out


class _Covering:
    """Minutes beside a service's name, or that say *in all*, with the work around them that they are of."""

    def __init__(self, context: Context, events: list[Event], labels: list[str]) -> None:
        self.context, self.events, self.labels = context, events, labels
        self.totals = totals_of_parts(context, events)
        self.own = context.found["own"]

    def same(self, one: int, other: int, *, sentence: bool = True) -> bool:
        """Whether two events stand in one sentence, or on one line with no full stop between them."""
        first, second = sorted((self.events[one].start, self.events[other].start))
        if self.context.sentence_of[first] == self.context.sentence_of[second]:
            return True
        words = self.context.tokens.words
        stops = {
            words[at] for at in range(first, second) if self.context.sentence_of[at] != self.context.sentence_of[at + 1]
        }
        return not sentence and stops == {";"}

    def name(self, number: int, step: int) -> int | None:
        """The service's name beside minutes, ahead (-1) or behind (1)."""
        at = number + step
        if not 0 <= at < len(self.events):
            return None
        event = self.events[at]
        near = event.kind == "svc" and event.code and self.same(at, number)
        return at if near and _marks_between(self.context, event, self.events[number]) is not None else None

    def closes(self, name: int) -> bool:
        """Whether nothing of a service follows its name: no colon, no minutes."""
        tokens = self.context.tokens
        after = tokens.words[self.events[name].end : self.events[name].end + 1]
        timed = name + 1 < len(self.events) and self.events[name + 1].kind == "dur" and self.same(name, name + 1)
        return not timed and (not after or after[0][0] in ".;,)\r\n")

    def in_all(self, number: int) -> bool:
        event = self.events[number]
        first = self.name(number, -1)
        start = event.start if first is None else self.events[first].start
        return any(
            (start - _NEAR_CUE <= m.end <= start or event.end <= m.start <= event.end + _NEAR_CUE)
            and self.context.sentence_of[m.start] == self.context.sentence_of[event.start]
            for m in self.own
        )

    def added(self, number: int) -> bool:
        """Whether minutes come on top of others: ``20 min plus 6 min``."""
        start = self.events[number].start
        return self.context.tokens.lower[start - 1 : start] != [] and (
            self.context.tokens.lower[start - 1] in listed("on_top")
        )

    def part(self, scope: Sequence[int], number: int) -> tuple[list[int], list[int]]:
        """Work and minutes of a scope; both empty where these are no part of the minutes that stand apart."""
        timed = [n for n in scope if self.events[n].kind == "dur"]
        if any(self.events[n].clock or self.added(n) for n in (*timed, number)):
            return [], []
        acts = [n for n in scope if self.events[n].kind == "act" and self.labels[n] in ("B", "I", "J")]
        most = self.events[number].minutes
        minutes = [self.events[n].minutes for n in timed]
        if not timed or not acts or sum(minutes) > most or max(minutes) >= most:
            return [], []
        return acts, timed

    def scope(self, number: int, step: int) -> list[int]:
        """The events from some minutes on, up to another service's name or a full stop."""
        out: list[int] = []
        at = number + step
        while 0 <= at < len(self.events) and self.same(at, number, sentence=False):
            event = self.events[at]
            named = event.kind == "dur" and (self.name(at, -1) is not None or self.name(at, 1) is not None)
            if named or (event.kind == "svc" and event.code):
                break
            out.append(at)
            at += step
        return out


def covering_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes beside a service's name, or *in all*, are those of all the work around them.

    ``38 minutes of therapeutic exercise: NuStep 15 min, UBE 5 min, press`` is 38, and so is what ends with ``38 min ther ex``.
    """
    out = list(labels)
    seen = _Covering(context, events, labels)
    for number, event in enumerate(events):
        plain = event.form in (*_PLAIN_FORMS, "words") and number not in seen.totals
        if event.kind != "dur" or not plain or labels[number] == "S":
            continue
        ahead, behind = seen.name(number, -1), seen.name(number, 1)
        before = seen.scope(number if ahead is None else ahead, -1)
        worked = any(events[n].kind == "act" for n in before)
        after = seen.scope(number if behind is None else behind, 1)
        if not worked and (ahead is not None or behind is not None):
            acts, timed = seen.part(after, number)
            if acts:
                out[number] = "D-B" if ahead is None else "D-I"
                if ahead is not None:
                    out[ahead] = "B"
                elif behind is not None:
                    out[behind] = "J"
                for n in acts:
                    out[n] = "J"
                for n in timed:
                    out[n] = "Q"
        elif worked and not any(events[n].kind == "act" for n in after):
            closing = behind is not None and ahead is None and seen.closes(behind)
            acts, timed = seen.part(before, number) if closing or seen.in_all(number) else ([], [])
            if acts:
                for n in acts:
                    out[n] = "I"
                out[min(acts)] = "B"
                for n in timed:
                    out[n] = "Q"
                out[number] = "D-I"
                for n in (ahead, behind):
                    if n is not None:
                        out[n] = "I" if n == ahead else "J"
    return out


def added_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where the minutes behind each of a block's activities add up: ``bike 8 min, press-outs, rows 10 min``.

    Only where the block's own minutes stand behind an activity too, and nothing in the clause of the others speaks against it.
    """
    words, sentence_of, line_of = context.tokens.words, context.sentence_of, context.tokens.line_of
    other = {i for cue in ("total", "not_treatment", "own") for m in context.found[cue] for i in range(m.start, m.end)}
    out = list(labels)
    begins = [n for n, label in enumerate(labels) if label in ("B", "D-B", "P-B")]
    for place, begin in enumerate(begins):
        end = begins[place + 1] if place + 1 < len(begins) else len(events)
        timed = [n for n in range(begin, end) if events[n].kind == "dur" and labels[n][0] in "DP"]
        if not timed or events[timed[0]].clock or labels[timed[0]] not in ("D-I", "P-I"):
            continue
        first = timed[0]
        acts = [n for n in range(begin, end) if events[n].kind == "act" and labels[n] in ("B", "I", "J")]
        if events[first - 1].kind != "act" or first - 1 not in acts:
            continue
        if any(labels[n] in ("D-I", "D-B") for n in timed[1:]):
            continue  # of two that read as the block's own the greater is
        parts = [first]
        for n in range(first + 1, end):
            event, last = events[n], events[parts[-1]]
            if event.kind == "svc":
                break
            if event.kind != "dur" or event.form != last.form:
                continue
            gap = range(events[n - 1].end, event.start)
            near = n - 1 in acts and sum(words[i].isalnum() for i in gap) <= _DOSE_WORDS
            near = near and (
                sentence_of[event.start] == sentence_of[last.start] or line_of[event.start] - line_of[last.start] == 1
            )
            if not near or any(i in other for i in range(gap.start, event.end + 3)):
                break
            parts.append(n)
        if len(parts) > 1:
            for n in timed:
                out[n] = "Q"
            for n in parts:
                out[n] = "P-I"
    return out


def attach_names(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a service's name right before or behind a block that names none is that block's.

    ``Therapeutic exercise, 1:08-1:29: steps`` and ``dressing from locker (Self-care)``.
    """
    words, sentence_of = context.tokens.words, context.sentence_of
    out = list(labels)
    begins = [n for n, label in enumerate(labels) if label in ("B", "D-B", "P-B")]
    for place, begin in enumerate(begins):
        end = begins[place + 1] if place + 1 < len(begins) else len(events)
        inside = [n for n in range(begin, end) if labels[n] not in ("O", "Q", "S")]
        if any(events[n].kind == "svc" and events[n].code for n in inside):
            continue
        ahead, behind = begin - 1, inside[-1] + 1
        if (
            ahead >= 0
            and _free_name(events, out, ahead)
            and sentence_of[events[ahead].start] == sentence_of[events[begin].start]
        ):
            out[ahead] = "B"
            out[begin] = "I" if out[begin] == "B" else f"{out[begin][0]}-I"
            continue
        last = max((n for n in inside if events[n].kind == "act"), default=-1)
        name = last + 1
        if 0 < name <= behind and name < end and _free_name(events, out, name):
            between = [w for w in words[events[last].end : events[name].start] if not w.isspace()]
            if between in (["("], ["-"], ["–"], [","]):
                out[name] = "I"
    return out


def _free_name(events: list[Event], labels: list[str], number: int) -> bool:
    """Whether an event is a service's name that no block has and that shares no minutes."""
    shared = any(label == "S" for label in labels[number + 1 : number + 3])
    return events[number].kind == "svc" and bool(events[number].code) and labels[number] in ("O", "Q") and not shared


def _lone_minutes(context: Context, events: list[Event]) -> Iterator[tuple[int, list[int], bool, bool]]:
    """Every duration that is its sentence's only one and stands before or behind all its work.

    Yields the duration's number, the numbers of the work, whether a service's name stands before it, and whether the
    minutes lead.
    """
    sentence_of = context.sentence_of
    for _, group_ in groupby(range(len(events)), key=lambda n: sentence_of[events[n].start]):
        members = list(group_)
        timed = [n for n in members if events[n].kind == "dur"]
        acts = [n for n in members if events[n].kind == "act" and events[n].tag == "ACT"]
        if len(timed) != 1 or not acts:
            continue
        named = any(events[n].kind == "svc" for n in members if n < timed[0])
        if timed[0] < acts[0]:
            yield timed[0], acts, named, True
        elif timed[0] > acts[-1]:
            yield timed[0], acts, named, False


def opening_names(context: Context, events: list[Event]) -> list[int]:
    """Numbers of the names and headings that are their line's first event and have work behind them on it."""
    line_of = context.tokens.line_of
    out = []
    for _, group_ in groupby(range(len(events)), key=lambda n: line_of[events[n].start]):
        members = list(group_)
        if events[members[0]].kind == "svc" and any(events[n].kind == "act" for n in members):
            out.append(members[0])
    return out


def parted_lines(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where work behind a heading that opens its line does not go on in the block of the lines above."""
    line_of = context.tokens.line_of
    out = list(labels)
    for number in opening_names(context, events):
        if labels[number] not in ("O", "Q"):
            continue
        for n in range(number + 1, len(events)):
            if line_of[events[n].start] != line_of[events[number].start] or labels[n] in ("B", "D-B", "P-B", "S"):
                break
            if events[n].kind == "act" and labels[n] in ("I", "J"):
                out[n] = "B"
                break
    return out


def closing_lines(context: Context, events: list[Event]) -> list[list[int]]:
    """Numbers of the events of each line that gives the work above it a code and minutes: ``19 min, 97542``.

    A note writes so where two lines or more hold nothing but these, work of no code stands above the first of them, and none
    below the last.
    """
    line_of = context.tokens.line_of
    lines = [list(members) for _, members in groupby(range(len(events)), key=lambda n: line_of[events[n].start])]
    closing = []
    for place, line in enumerate(lines):
        kinds = [events[n].kind for n in line]
        if sorted(kinds) == ["dur", "svc"] and all(events[n].code for n in line if events[n].kind == "svc"):
            closing.append(place)
    if len(closing) < _HABIT:
        return []

    def worked(between: Sequence[list[int]]) -> bool:
        return any(events[n].tag == "ACT" for line in between for n in line)

    coded = any(events[n].kind == "svc" and events[n].code for line in lines[: closing[0]] for n in line)
    last = line_of[events[lines[closing[-1]][0]].start]
    below = [line for line in lines[closing[-1] + 1 :] if line_of[events[line[0]].start] == last + 1]
    each = all(worked(lines[first + 1 : second]) for first, second in pairwise((-1, *closing)))
    return [lines[place] for place in closing] if each and not coded and not worked(below) else []


def _at_home(context: Context, event: Event) -> bool:
    """Whether minutes are of a home programme that their sentence opens with: ``HEP squats, walking 15 min``."""
    found = find_status(context, event.start, event.end)
    if found is None or context.tokens.span(found.start, found.end).lower() not in listed("home_program"):
        return False
    before = found.start - 1
    return before < 0 or context.sentence_of[before] != context.sentence_of[event.start]


def trailing_brackets(context: Context, events: list[Event]) -> list[int]:
    """Numbers of bracketed minutes behind the full stop of their work: ``Tub transfer, Min A. (11 mins) Scap rows. (9 mins)``."""
    words, line_of = context.tokens.words, context.tokens.line_of
    out = []
    for number, event in enumerate(events):
        if event.kind != "dur" or words[max(0, event.start - 2) : event.start] != [".", "("]:
            continue
        if words[event.end : event.end + 1] != [")"] or words[event.end + 1 : event.end + 2] == [":"]:
            continue
        before = events[number - 1] if number else None
        if before is not None and before.kind == "act" and line_of[before.start] == line_of[event.start]:
            out.append(number)
    return out


def charged_apart(context: Context, events: list[Event]) -> list[int]:
    """Numbers of the activities that begin a block because minutes by code stand before them, apart from all work.

    ``97530: 8; 97110: 10.``, then the tasks: the last code is not theirs.
    """
    line_of, sentence_of = context.tokens.line_of, context.sentence_of
    out = []
    number = 0
    for is_work, members in groupby(range(len(events)), key=lambda n: events[n].kind == "act"):
        run = list(members)
        number = run[-1] + 1
        if is_work or number == len(events) or line_of[events[run[0]].start] != line_of[events[run[-1]].start]:
            continue
        codes = {events[n].code for n in run if events[n].kind == "svc" and events[n].code}
        timed = sum(events[n].kind == "dur" for n in run)
        if events[number].tag != "ACT":
            continue
        if min(len(codes), timed) >= _HABIT and sentence_of[events[run[-1]].start] != sentence_of[events[number].start]:
            out.append(number)
    return out


def begun_below(context: Context, events: list[Event], closing: Sequence[list[int]]) -> list[int]:
    """Numbers of the activities that begin a block because a closing line ends the one before."""
    out = []
    for line in closing:
        acts = (n for n in range(line[-1], len(events)) if events[n].tag == "ACT")
        out += [n for n in acts if events[n].start not in context.unticked][:1]
    return out


def parted_by_code(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where the work that shares one duration is two blocks, not one, where the encoder sees two codes in it.

    ``TE/TA 40 min: SLR, clamshells, car transfer``. Only where no second block without minutes is there to share with.
    """
    out = list(labels)
    if context.encoded is None or "S" not in labels:
        return out
    first = next((n for n, label in enumerate(labels) if label not in ("O", "Q", "S")), len(events))
    begins = [n for n, label in enumerate(labels) if n == first or label in ("B", "D-B", "P-B")]
    blocks = [range(begin, end) for begin, end in pairwise((*begins, len(events)))]
    free = [
        [n for n in block if events[n].kind == "act" and labels[n] in ("B", "I", "J")]
        for block in blocks
        if not any(events[n].kind == "dur" and labels[n][0] in "DP" for n in block)
    ]
    if len(free) != 1 or len(free[0]) < _SPLIT:
        return out
    acts = free[0]
    chances = np.array(
        [bounded(context.encoded_rows(events[n].start, events[n].end), "code").mean(axis=0)[:2] for n in acts]
    )
    for row, n in zip(chances, acts, strict=True):
        if events[n].label in _LABELS:
            row[_LABELS.index(events[n].label)] += _KNOWN
    ahead, behind = np.cumsum(chances, axis=0)[:-1], np.cumsum(chances[::-1], axis=0)[::-1][1:]
    parted = ahead + behind[:, ::-1]  # the one code up to a place, the other from there on
    if parted.max() - chances.sum(axis=0).max() > _SURER_CODES:
        out[acts[int(parted.max(axis=1).argmax()) + 1]] = "B"
    return out


def _right_behind_name(context: Context, events: list[Event], number: int) -> bool:
    """Whether an event is minutes that stand right behind a service's name: ``97110, 28 min start to finish``.

    Not where the note says that they were not given today ("TE 15 min next visit").
    """
    name, timed = events[number - 1], events[number]
    if number == 0 or name.kind != "svc" or not name.code or timed.form not in _PLAIN_FORMS:
        return False
    marks = _marks_between(context, name, timed)
    if marks is None or any(w.isalnum() for w in marks):
        return False
    return find_status(context, timed.start, timed.end) is None


def _spoken_against(context: Context, event: Event) -> bool:
    """Whether a word in the sentence of some minutes says that they are a total or no treatment: ``rested 5 min``.

    What stands in another column of a table is said of something else.
    """
    words, sentence_of, line_of = context.tokens.words, context.sentence_of, context.tokens.line_of
    place = sentence_of[event.start], line_of[event.start]
    for cue in ("total", "not_treatment"):
        for m in context.found[cue]:
            if (sentence_of[m.start], line_of[m.start]) == place:
                between = words[event.end : m.start] if event.end <= m.start else words[m.end : event.start]
                if not any(w == "|" or (is_blank(w)) for w in between):
                    return True
    return False


def structure(context: Context, events: list[Event]) -> Scores:
    """What structure rules out or in, as scores of shape (events, labels) to add to the model's.

    An activity under a service's heading line begins no block, one behind an empty check box stands in none; minutes that
    the note gives to two services at once are shared, and the names of these beside them are no block's. Minutes that
    nothing speaks against belong to some block more often than training notes, read with taggers of every lenience, make
    the model believe; so does work done.
    """
    at = {label: number for number, label in enumerate(EVENT_LABELS)}
    scores = np.zeros((len(events), len(EVENT_LABELS)), dtype=np.float32)
    closing = closing_lines(context, events)
    for line in closing:
        scores[np.ix_(line, [at["B"], at["D-B"], at["P-B"], at["S"], at["O"], at["Q"]])] -= _NEVER
    begun = begun_below(context, events, closing[:-1])
    scores[begun, at["B"]] += _NEVER
    under = [number for number, is_headed in enumerate(headed(context, events)) if is_headed and number not in begun]
    scores[under, at["B"]] -= _NEVER
    behind_box = [n for n, event in enumerate(events) if event.kind == "act" and event.start in context.unticked]
    scores[np.ix_(behind_box, [at["B"], at["I"], at["J"]])] -= _NEVER
    quoted = [(h.start, h.until) for h in context.headings if h.quoted]
    elsewhere = [
        number
        for number, event in enumerate(events)
        if event.start in context.earlier or any(start <= event.start < until for start, until in quoted)
    ]
    scores[np.ix_(elsewhere, [number for label, number in at.items() if label not in "OQ"])] -= 2 * _NEVER
    opening = opening_names(context, events)
    for number in opening:
        # A line that opens with a service's name goes on in no block, but for a table's row of the same code.
        same = any(
            events[m].code == events[number].code for m in range(number) if events[m].kind == "svc" and events[m].code
        )
        scores[number, at["I"]] -= _NEVER
        if not same:
            scores[number, at["J"]] -= _NEVER
    no_time = totals_of_parts(context, events)
    no_time |= {number for number, event in enumerate(events) if event.kind == "dur" and _at_home(context, event)}
    scores[np.ix_(list(no_time), [at[label] for label in ("D-B", "D-I", "P-B", "P-I", "S")])] -= _NEVER
    closed = trailing_brackets(context, events)
    scores[np.ix_(closed, [at["D-B"], at["P-B"]])] -= _NEVER
    scores[[*charged_apart(context, events), *begun_below(context, events, [[n] for n in closed])], at["B"]] += _NEVER
    for number, names in shared_by_names(context, events).items():
        scores[number, at["S"]] += _NEVER
        scores[np.ix_(names, [at["O"], at["Q"]])] += _NEVER
    told = [number for number, is_shared in enumerate(shared_by_words(context, events)) if is_shared]
    scores[told, at["S"]] += _NEVER
    for timed, acts, named, leads in _lone_minutes(context, events):
        if leads:
            # Minutes that open their sentence are of the work that follows: they end no block before them.
            scores[acts, at["B"]] -= _PLACED
            scores[acts, at["I"]] -= _PLACED
            if not named:
                scores[timed, [at["D-I"], at["P-I"]]] -= _NEVER
        else:
            scores[acts, at["J"]] -= _PLACED
            scores[timed, [at["D-B"], at["P-B"]]] -= _NEVER
    unclaimed = [at["O"], at["Q"]]
    for number, event in enumerate(events):
        if context.sections[event.start] in _NO_WORK:
            continue
        if event.kind == "dur" and _right_behind_name(context, events, number):
            scores[number - 1 : number + 1, unclaimed] -= _CLAIM_NAMED
        elif event.kind == "dur" and (event.form == "column" or not _spoken_against(context, event)):
            scores[number, unclaimed] -= _CLAIM_MINUTES
        elif event.tag == "ACT" and find_status(context, event.start, event.end) is None:
            scores[number, unclaimed] -= _CLAIM_WORK
    return scores


def total_of_none(context: Context, grouping: Grouping) -> Grouping:
    """Take a closing total from the block that holds it where another block has no minutes: it is of all work above it.

    ``Timed code minutes: 38  Total treatment time: 41 min`` on a line of its own, under two services without minutes.
    """
    line_of = context.tokens.line_of
    work = {line_of[event.start] for block in grouping.blocks for event in (*block.activities, *block.services)}

    def closes(block: Found) -> bool:
        if len(block.durations) != 1 or block.shared or line_of[block.durations[0].start] <= max(work):
            return False
        return total_kind(context, block.durations[0]) is not None

    closing = [number for number, block in enumerate(grouping.blocks) if closes(block)]
    if len(closing) != 1 or all(block.durations for block in grouping.blocks):
        return grouping
    blocks, [number] = list(grouping.blocks), closing
    loose = (*grouping.loose, *blocks[number].durations)
    blocks[number] = replace(blocks[number], durations=())
    return replace(grouping, blocks=tuple(blocks), loose=tuple(sorted(loose, key=lambda event: event.start)))


def timed_total_alone(context: Context, grouping: Grouping) -> Grouping:
    """Give a note's only block the total of its timed minutes where it holds a total of the visit, or what stands behind it.

    ``Timed minutes: 37. Total treatment time: 45 min`` under work that has no minutes of its own is 37 minutes of it.
    """
    if len(grouping.blocks) != 1 or len(grouping.blocks[0].durations) != 1:
        return grouping
    [block] = grouping.blocks
    [given] = block.durations
    timed = [event for event in grouping.loose if total_kind(context, event) == "timed"]
    if len({event.minutes for event in timed}) != 1 or total_kind(context, given) == "timed":
        return grouping
    total = timed[0]
    work = max(event.end for event in (*block.activities, *block.services))
    visit = total_kind(context, given) == "visit" and total.minutes <= given.minutes
    if not visit and not work <= total.start < given.start:
        return grouping
    loose = (given if event is total else event for event in grouping.loose)
    return replace(
        grouping,
        blocks=(replace(block, durations=(total,)),),
        loose=tuple(sorted(loose, key=lambda event: event.start)),
    )


def _grouping(context: Context, events: list[Event], path: list[int], certainty: list[float]) -> Grouping:
    labels = [EVENT_LABELS[number] for number in path]
    for settle_labels in (parted_lines, covering_minutes, own_minutes, added_minutes, attach_names, parted_by_code):
        labels = settle_labels(context, events, labels)
    given = (event for event, label in zip(events, labels, strict=True) if label == "S" and event.kind == "dur")
    each = {event.start for event in given if given_to_each(context, event)}
    grouping = group(events, labels, line_of=context.tokens.line_of, each=each)
    grouping = timed_total_alone(context, total_of_none(context, grouping))
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
        for context, mine, start, end in zip(contexts, events, ends, ends[1:], strict=False):
            rows = flat[start:end] + structure(context, mine)
            if context.encoded is not None:
                signs = encoded_signs(context, mine)
                rows += signs @ self.encoded + undone(mine, signs)
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
