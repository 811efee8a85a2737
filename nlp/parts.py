"""Minutes told for a whole service beside minutes of its parts: ``bike 8 min, SLR, prone hang 3 min. TE 30 min`` is 30.

Settling steps (`nlp.settling`): a service's minutes that close the work above them, and those of a heading over a list; in both
the parts may not come to more than the whole, and work that speaks for another code is not counted in. And sentences in which the
minutes of each part stand in front of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from nlp.clock import is_blank
from nlp.codes import code_odds, headline
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import BEGINS, Event, begun_blocks, in_sentences, on_lines
from nlp.grouping import given_to_each
from nlp.headings import line_opening
from nlp.layout import NO_WORK, PLAIN_FORMS
from nlp.terms import listed

_FORMS = frozenset((*PLAIN_FORMS, "words", "head", "row"))
_CACHE = "named minutes"
_OTHER_CODE = 2.0  # log-odds by which work speaks for the other code than a service's
_LEADING_FORMS = frozenset(("unit", "tick", "letter", "words", "rest", "hours"))
_SEVERAL = 2  # parts of a sentence that minutes lead
_PARTING = frozenset((",", ";", ")", "&", "+", "/"))
_LEAD = 4  # words before the first of such minutes in their sentence
_BETWEEN = 5  # tokens between a service's name and its minutes, with blanks


class _Wholes:
    """The named minutes of one note and the work that they can be of."""

    def __init__(self, context: Context, events: Sequence[Event], labels: Sequence[str]) -> None:
        self.context, self.events, self.out = context, events, list(labels)
        self.line_of, self.sentence_of = context.tokens.line_of, context.sentence_of

    def pairs(self) -> list[tuple[int, int]]:
        """Numbers of each service's name and minutes right beside it, name and minutes; found once for all steps."""
        kept = self.context.cache.get(_CACHE)
        if kept is None or kept[0] is not self.events:
            kept = self.context.cache[_CACHE] = (self.events, list(self._pairs()))
        return [(name, timed) for name, timed in kept[1] if self.out[timed] != "S"]

    def _pairs(self) -> Iterator[tuple[int, int]]:
        taken: set[int] = set()
        for name, event in enumerate(self.events):
            if event.kind != "svc" or not event.code or self.context.sections[event.start] in NO_WORK:
                continue
            for timed in (name + 1, name - 1):
                if 0 <= timed < len(self.events) and timed not in taken and self._beside(name, timed):
                    taken.add(timed)
                    yield name, timed
                    break

    def _beside(self, name: int, timed: int) -> bool:
        one, other = self.events[name], self.events[timed]
        if (
            other.kind != "dur"
            or other.form not in _FORMS
            or self.sentence_of[one.start] != self.sentence_of[other.start]
        ):
            return False
        left, right = sorted((one, other), key=lambda event: event.start)
        words = self.context.tokens.lower[left.end : right.start]
        plain = all(not word.isalnum() or word in listed("whole_between") for word in words)
        free = find_status(self.context, other.start, other.end) is None
        return free and plain and len(words) <= _BETWEEN and not any("\n" in word for word in words)

    def is_work(self, number: int) -> bool:
        return self.events[number].kind == "act" and self.out[number] in ("B", "I", "J")

    def is_other(self, code: str, number: int) -> bool:
        """Whether a task speaks for another code than a service's."""
        event = self.events[number]
        if event.code and event.code != code:
            return True
        odds = code_odds(self.context, event)
        codes = headline()
        own = codes.index(code) if code in codes else len(codes)
        return bool(np.delete(odds, own).max() - odds[own] > _OTHER_CODE)

    def merge(self, name: int, timed: int, members: Sequence[int]) -> None:
        """Make one block of a service's name, its minutes and its work."""
        own = [n for n in members if self.events[n].kind != "dur" and self.out[n] in ("B", "I", "J")]
        for n in members:
            if self.events[n].kind == "dur":
                self.out[n] = "Q"
        for n in (name, *own):
            self.out[n] = "J" if timed < min(name, *own) else "I"
        self.out[timed] = "D-I"
        first = min(name, timed, *own)
        self.out[first] = "D-B" if first == timed else "B"

    def whole(self, code: str, members: Sequence[int], others: set[int]) -> bool:
        """Whether some events are work, and minutes of it, that a service of a code can have beside its own minutes."""
        inside = [n for n in members if self.out[n] not in ("O", "Q")]
        if any(self.out[n] == "S" or n in others or self.events[n].clock for n in inside):
            return False
        if any(self.events[n].kind == "svc" and self.events[n].code not in ("", code) for n in inside):
            return False
        if any(self.context.sections[self.events[n].start] in NO_WORK for n in inside):
            return False
        return not any(self.is_other(code, n) for n in inside if self.events[n].kind == "act")

    def parts(self, members: Sequence[int]) -> list[int]:
        """Numbers of the minutes among some events that are their block's."""
        return [n for n in members if self.out[n][:2] in ("D-", "P-") and self.events[n].kind == "dur"]

    def minutes(self, members: Sequence[int]) -> int:
        """What the minutes of some events add up to."""
        return sum(self.events[n].minutes for n in self.parts(members))


def closing_wholes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a service's name and minutes close the work above them, whose parts have minutes of their own.

    ``NuStep 8 min``, ``heel slides``, ``prone hang 3 min`` and below them ``TE 30 min``: 30. Not where work of the name follows.
    """
    seen = _Wholes(context, events, labels)
    pairs = seen.pairs()
    named = {timed for _, timed in pairs}
    blocks = [*begun_blocks(seen.out)]
    for name, timed in pairs:
        first, last = sorted((name, timed))
        code, most = events[name].code, events[timed].minutes
        if not _closes(seen, first, last, named):
            continue
        members: list[int] = []
        for block in reversed(blocks[: bisect_left(blocks, first, key=lambda block: block.start)]):
            own = [n for n in block if n < first]
            more = [*own, *members]
            if not seen.whole(code, own, named) or seen.minutes(more) > most:
                break
            members = more
        parts = seen.parts(members)
        fits = parts and max(events[n].minutes for n in parts) < most
        if fits and (seen.minutes(members) == most or _has_untimed(seen, members)):
            seen.merge(name, timed, members)
            blocks = [*begun_blocks(seen.out)]
    return seen.out


def _has_untimed(seen: _Wholes, members: Sequence[int]) -> bool:
    """Whether a task has no minutes right behind it: ``car transfer 15 min. TE 30 min`` are two services."""
    return any(seen.is_work(n) and not (n + 1 in members and seen.events[n + 1].kind == "dur") for n in members)


def _closes(seen: _Wholes, first: int, last: int, named: set[int]) -> bool:
    """Whether no work of a service's own follows its name and minutes."""
    events, context = seen.events, seen.context
    tokens = context.tokens
    behind = tokens.words[events[last].end : events[last].end + _BETWEEN]
    mark = next((word for word in behind if word.strip(" \t)")), "\n")
    if mark in (":", "(", "|") or not listed("includes").isdisjoint(
        tokens.lower[events[last].end : events[last].end + 2]
    ):
        return False
    if last + 1 == len(events):
        return True
    after = events[last + 1]
    between = tokens.lower[events[first].end : events[last].start]
    line = seen.line_of[events[first].start]
    if not listed("charge_total").isdisjoint(between) and first and seen.line_of[events[first - 1].start] == line:
        return True
    if seen.sentence_of[after.start] == seen.sentence_of[events[last].start]:
        return False
    follows = after.kind == "svc" or last + 1 in named or context.sections[after.start] in NO_WORK
    apart = context.sections[after.start] != context.sections[events[last].start]
    return bool(follows or apart)


def heading_wholes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes of a service alone on its line are those of the list below, parts of it with minutes or not.

    ``ther act 28 min`` over ``supine to sit`` and ``standing 3 min at EOB``: 28.
    """
    seen = _Wholes(context, events, labels)
    pairs = seen.pairs()
    named = {timed for _, timed in pairs}
    for name, timed in pairs:
        first, last = sorted((name, timed))
        line = seen.line_of[events[last].start]
        alone = all(seen.line_of[events[n].start] != line for n in (first - 1, last + 1) if 0 <= n < len(events))
        if not alone:
            continue
        members: list[int] = []
        for n in range(last + 1, len(events)):
            here = seen.line_of[events[n].start]
            opens = line_opening(context.tokens, *context.tokens.lines[here]) == events[n].start
            if here > line + 1 or n in named or events[n].kind == "svc" or (opens and events[n].kind == "dur"):
                break
            line = here
            members.append(n)
        code, most = events[name].code, events[timed].minutes
        parts = seen.parts(members)
        begun = any(seen.out[n] in BEGINS for n in members)
        fits = parts and seen.minutes(members) < most
        if begun and fits and any(map(seen.is_work, members)) and seen.whole(code, members, named):
            seen.merge(name, timed, members)
    return seen.out


def leading_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels of sentences in which minutes stand in front of each part's work: ``15 min pulleys and wands, 30 min transfers``.

    Perhaps behind their sum: ``45 min OT: 15 min ...``. Minutes right behind a task within such a part are the task's.
    """
    seen = _Wholes(context, events, labels)
    for sentence in in_sentences(context, events):
        parts = _led_parts(seen, sentence)
        if not parts:
            continue
        if all(seen.out[timed] in BEGINS for timed, _, _ in parts):
            continue
        for timed, work, inner in parts:
            seen.out[timed] = "D-B"
            for n in work:
                seen.out[n] = "J"
            for n in inner:
                seen.out[n] = "Q"
    return seen.out


def leading_brackets(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels of lines in which bracketed minutes stand in front of each part: ``(28 min) SLR, rows. (12 min) Stairs``."""
    seen = _Wholes(context, events, labels)
    words = context.tokens.words
    for line in on_lines(context, events):
        timed = [n for n in line if events[n].kind == "dur"]
        led = [words[events[n].start - 1] == "(" and words[events[n].end : events[n].end + 1] == [")"] for n in timed]
        if len(timed) < _SEVERAL or not all(led) or timed[0] != line[0] or timed[-1] == line[-1]:
            continue
        parts = [[m for m in line if first < m < last] for first, last in pairwise((*timed, line[-1] + 1))]
        ends = all(words[events[n].start - 2] in (".", ";") for n in timed[1:])
        if ends and all(any(map(seen.is_work, part)) for part in parts) and not any(seen.out[n] == "S" for n in line):
            for n, part in zip(timed, parts, strict=True):
                seen.out[n] = "D-B"
                for m in part:
                    seen.out[m] = "J" if seen.is_work(m) or events[m].kind == "svc" else seen.out[m]
    return seen.out


def including(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a service's minutes say that they include parts behind them: ``32 min of ther ex, including 10 min bike``."""
    seen = _Wholes(context, events, labels)
    pairs = seen.pairs()
    named = {timed for _, timed in pairs}
    for name, timed in pairs:
        last = max(name, timed)
        behind = context.tokens.lower[events[last].end : events[last].end + _BETWEEN]
        if listed("includes").isdisjoint(behind):
            continue
        sentence = seen.sentence_of[events[last].start]
        members = [n for n in range(last + 1, len(events)) if seen.sentence_of[events[n].start] == sentence]
        parts = [n for n in members if events[n].kind == "dur"]
        code, most = events[name].code, events[timed].minutes
        fits = parts and sum(events[n].minutes for n in parts) < most
        if fits and any(map(seen.is_work, members)) and seen.whole(code, members, named):
            seen.merge(name, timed, members)
    return seen.out


def each_of_named(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes that close a sentence are each of its services': ``TE (SLR, rows) and TA (car, curb), 15 min each``."""
    seen = _Wholes(context, events, labels)
    for sentence in in_sentences(context, events):
        last = sentence[-1]
        timed = [n for n in sentence if events[n].kind == "dur"]
        codes = [events[n].code for n in sentence if events[n].kind == "svc" and events[n].code]
        marks = [w for w in context.tokens.words[events[last - 1].end : events[last].start] if not is_blank(w)]
        if timed != [last] or len(codes) < _SEVERAL or len({*codes}) < len(codes) or ")" not in marks:
            continue
        blocks = [[n for n in block if n in sentence] for block in begun_blocks(seen.out)]
        worked = sum(any(map(seen.is_work, block)) for block in blocks)
        if worked == len(codes) == _SEVERAL and given_to_each(context, events[last]):
            seen.out[last] = "S"
    return seen.out


def _led_parts(seen: _Wholes, sentence: Sequence[int]) -> list[tuple[int, list[int], list[int]]]:
    """Minutes with the work behind them and the minutes inside it, of such a sentence; none of any other."""
    events, context = seen.events, seen.context
    timed = [n for n in sentence if events[n].kind == "dur"]
    if len(timed) < _SEVERAL or any(events[n].clock or events[n].form not in _LEADING_FORMS for n in timed):
        return []
    if any(seen.out[n] == "S" or given_to_each(context, events[n]) for n in timed):
        return []
    first = timed[0]
    if first + 1 == timed[1] and events[first].minutes == sum(events[n].minutes for n in timed[1:]):
        timed = timed[1:]
    start = events[first].start
    before = bisect_left(seen.sentence_of, seen.sentence_of[start])
    divided = all(events[n].form == "rest" for n in timed)
    led = divided or sum(word.isalpha() for word in context.tokens.words[before:start]) <= _LEAD
    if first != sentence[0] or len(timed) < _SEVERAL or not led:
        return []
    parts: list[tuple[int, list[int], list[int]]] = []
    for n in timed:
        behind_task = events[n - 1].kind == "act" and parts and not _parted(seen, n)
        if behind_task and events[n].minutes < events[parts[-1][0]].minutes and n != sentence[-1]:
            parts[-1][2].append(n)
        elif behind_task or (events[n - 1].kind == "svc" and parts):
            return []
        else:
            parts.append((n, [], []))
    ends = [*(n for n, _, _ in parts[1:]), sentence[-1] + 1]
    for (n, work, _), end in zip(parts, ends, strict=True):
        names = {events[m].start for m in range(n + 1, end) if events[m].kind == "svc" and seen.out[m] != "S"}
        work += [m for m in range(n + 1, end) if seen.is_work(m) or events[m].start in names]
    told = all(any(events[m].kind == "act" or events[m].code for m in work) for _, work, _ in parts)
    free = all(find_status(context, events[n].start, events[n].end) is None for n, _, _ in parts)
    return parts if told and free and len(parts) >= _SEVERAL else []


def _parted(seen: _Wholes, number: int) -> bool:
    """Whether a mark or a word parts minutes from the task before them."""
    tokens, events = seen.context.tokens, seen.events
    between = tokens.lower[events[number - 1].end : events[number].start]
    return any(word in _PARTING or word in listed("next_part_word") for word in between)
