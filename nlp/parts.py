"""Minutes told for a whole service beside minutes of its parts: ``bike 8 min, SLR, prone hang 3 min. TE 30 min`` is 30.

Two settling steps (`nlp.settling`): a service's minutes that close the work above them, and those of a heading over a list. In both
the parts may not come to more than the whole, and work that speaks for another code is not counted in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nlp.codes import HEADLINE, code_odds
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import BEGINS, Event, begun_blocks
from nlp.headings import line_opening
from nlp.layout import NO_WORK, PLAIN_FORMS
from nlp.terms import listed

_FORMS = frozenset((*PLAIN_FORMS, "words", "head", "row"))
_OTHER_CODE = 2.0  # log-odds by which work speaks for the other code than a service's
_BETWEEN = 5  # tokens between a service's name and its minutes, with blanks


class _Wholes:
    """The named minutes of one note and the work that they can be of."""

    def __init__(self, context: Context, events: Sequence[Event], labels: Sequence[str]) -> None:
        self.context, self.events, self.out = context, events, list(labels)
        self.line_of, self.sentence_of = context.tokens.line_of, context.sentence_of

    def pairs(self) -> list[tuple[int, int]]:
        """Numbers of each service's name and minutes right beside it, name and minutes."""
        found: list[tuple[int, int]] = []
        for name, event in enumerate(self.events):
            if event.kind != "svc" or not event.code or self.context.sections[event.start] in NO_WORK:
                continue
            for timed in (name + 1, name - 1):
                if 0 <= timed < len(self.events) and self._beside(name, timed) and timed not in {t for _, t in found}:
                    found.append((name, timed))
                    break
        return found

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
        free = self.out[timed] != "S" and find_status(self.context, other.start, other.end) is None
        return free and plain and len(words) <= _BETWEEN and not any("\n" in word for word in words)

    def is_work(self, number: int) -> bool:
        return self.events[number].kind == "act" and self.out[number] in ("B", "I", "J")

    def is_other(self, code: str, number: int) -> bool:
        """Whether a task speaks for another code than a service's."""
        event = self.events[number]
        if event.code and event.code != code:
            return True
        odds = code_odds(self.context, event)
        own = HEADLINE.index(code) if code in HEADLINE else len(HEADLINE)
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

    def minutes(self, members: Sequence[int]) -> int:
        """Minutes of a block's parts."""
        return sum(
            self.events[n].minutes for n in members if self.out[n][:2] in ("D-", "P-") and self.events[n].kind == "dur"
        )


def closing_wholes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a service's name and minutes close the work above them, whose parts have minutes of their own.

    ``NuStep 8 min``, ``heel slides``, ``prone hang 3 min`` and below them ``TE 30 min``: 30. Not where work of the name follows.
    """
    seen = _Wholes(context, events, labels)
    pairs = seen.pairs()
    named = {timed for _, timed in pairs}
    for name, timed in pairs:
        first, last = sorted((name, timed))
        code, most = events[name].code, events[timed].minutes
        if not _closes(seen, first, last, named):
            continue
        members: list[int] = []
        for block in reversed([*begun_blocks(seen.out)]):
            own = [n for n in block if n < first]
            if not own:
                continue
            more = [*own, *members]
            if not seen.whole(code, own, named) or seen.minutes(more) > most:
                break
            members = more
        parts = [n for n in members if seen.out[n][:2] in ("D-", "P-") and events[n].kind == "dur"]
        if any(map(seen.is_work, members)) and parts and max(events[n].minutes for n in parts) < most:
            seen.merge(name, timed, members)
    return seen.out


def _closes(seen: _Wholes, first: int, last: int, named: set[int]) -> bool:
    """Whether no work of a service's own follows its name and minutes."""
    events, context = seen.events, seen.context
    tokens = context.tokens
    mark = next((word for word in tokens.words[events[last].end :] if word.strip(" \t)")), "\n")
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
        parts = [n for n in members if seen.out[n][:2] in ("D-", "P-") and events[n].kind == "dur"]
        begun = any(seen.out[n] in BEGINS for n in members)
        fits = parts and sum(events[n].minutes for n in parts) < most
        if begun and fits and any(map(seen.is_work, members)) and seen.whole(code, members, named):
            seen.merge(name, timed, members)
    return seen.out
