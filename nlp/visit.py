"""How long the visit was, by the note: which of the minutes that it calls a total are of the visit, and of nothing less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property

from nlp.clock import duration_words, is_blank
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import Event
from nlp.grouping import Grouping
from nlp.lexicon import Match
from nlp.terms import listed
from nlp.tokens import Tokens
from nlp.totals import AFTER, BEFORE, ELSEWHEN, PARTS, Kind, is_end, led_from, total_kind, whose

_BESIDE = 3  # tokens in front of the words that call a number a total in which the task stands that it is of
_ENDS = frozenset((*PARTS, ".", ":", "-", "–", "—"))  # what the tasks end at that a total in the same words is of


def told_totals(context: Context, grouping: Grouping, tasks: Iterable[tuple[int, int]]) -> Iterator[tuple[Event, Kind]]:
    """Minutes of no block that the note calls a total of its timed codes or of the visit.

    ``tasks`` are all tasks named in the note, as token ranges: a total of one of them (``crouching 6 min total``), of one
    service, of another day, of a rest or of one of two disciplines is none of the visit.
    """
    called: list[tuple[Event, Kind]] = [
        (event, kind) for event in grouping.loose if (kind := total_kind(context, event))
    ]
    if not any(kind == "visit" for _, kind in called):
        yield from called
        return
    services = (*grouping.services, *(event for block in grouping.blocks for event in block.services))
    named = {index for start, end in tasks for index in range(start, end)}
    named |= {index for event in services for index in range(event.start, event.end)}
    timed = [event for block in grouping.blocks for event in block.durations]
    apart = len({name for event in (*timed, *grouping.loose) for name in whose(context, event)}) > 1
    for event, kind in called:
        if kind == "timed" or (not (apart and whose(context, event)) and _Claim(context, event, named).holds()):
            yield event, kind


@dataclass(frozen=True)
class _Claim:
    """That some minutes, which the note calls a total and not one of its timed codes, are the visit's.

    ``named`` are the tokens of all tasks and services.
    """

    context: Context
    event: Event
    named: Set[int]

    def holds(self) -> bool:
        """Whether words for a whole lead straight to the number, or stand beside it and nothing else is said of it."""
        if self._denied():
            return False
        for cue in self._before:
            if cue.term not in listed("weak_total") and self._close(cue.end, self.event.start):
                # A section may have ended without a heading: "Plan: stairs. Total time 42 min".
                head, sentence_of = self._elsewhen, self.context.sentence_of
                inside = head is not None and sentence_of[head] == sentence_of[self.event.start]
                return not inside and self.named.isdisjoint(self._led_from(cue.start)[-_BESIDE:])
        return bool(self._before or self._behind) and self._elsewhen is None and not self._of_something_else()

    def _denied(self) -> bool:
        """Whether the words behind the number rule the visit out: ``daily``, ``not billed``, ``each``, ``next visit``."""
        after = any(m.start >= self.event.end and m.term in listed("never_total") for m in self._against)
        found = find_status(self.context, self.event.start, self.event.end)
        other_day = found is not None and found.status in ("planned", "past")
        return after or other_day or not listed("no_total_after").isdisjoint(self._then)

    def _of_something_else(self) -> bool:
        """Whether the words around minutes with no more than a cue beside them make them a task's, a rest's or a part's."""
        cues = (*self._before, *self._behind)
        if all(cue.term in listed("weak_total") for cue in cues) and not listed("seen_after").isdisjoint(self._then):
            return True
        lower, around = self.context.tokens.lower, self._around
        words = lower[around.start : around.stop]
        called = {i for cue in self._before for i in range(cue.start, cue.end)}
        called |= {i - 1 for i in around if lower[i] in listed("home_setting")}  # "home visit 45 min"
        resting = any(m.start < self.event.end and m.start not in called for m in self._against)
        # "Crouch 6 min total" is of whatever that is, though no task was seen in it.
        plain = listed("leads_total") | listed("discipline") | listed("home_setting") | listed("whole_visit")
        worded = not (self._before or plain.issuperset(word for word in words if word.isalpha()))
        return resting or worded or not (duration_words().rests.isdisjoint(words) and self.named.isdisjoint(around))

    @cached_property
    def _line(self) -> tuple[int, int]:
        tokens = self.context.tokens
        return tokens.lines[tokens.line_of[self.event.start]]

    @cached_property
    def _around(self) -> range:
        return self._led_from(self.event.start)

    @cached_property
    def _before(self) -> list[Match]:
        start = self.event.start
        found = self._cues(max(self._line[0], start - BEFORE), start)
        return [m for m in found if not _counted(self.context.tokens, m.end, start)]

    @cached_property
    def _behind(self) -> list[Match]:
        # "45 total minutes" holds its own cue.
        found = self._cues(self.event.start, min(self._line[1], self.event.end + AFTER))
        return [m for m in found if self._close(self.event.end, m.start) and not _heads(self.context.tokens, m.end)]

    @cached_property
    def _against(self) -> list[Match]:
        """Words of no treatment from where the number's own words begin to where they end."""
        first, last = self._around.start, self.event.end
        while last < self._line[1] and not is_end(self.context.tokens, last, _ENDS, self.named):
            last += 1
        return [m for m in self.context.found["not_treatment"] if first <= m.start < last]

    @cached_property
    def _elsewhen(self) -> int | None:
        """Where the heading stands of a section that is of no visit today."""
        at = self.event.start
        heads = (h for h in self.context.headings if h.start <= at < h.until and h.label in ELSEWHEN)
        return next((h.start for h in heads), None)

    @property
    def _then(self) -> list[str]:
        return self.context.tokens.lower[self.event.end : self.event.end + 1]

    def _cues(self, start: int, end: int) -> list[Match]:
        return [m for m in self.context.found["total"] if start <= m.start < end]

    def _led_from(self, start: int) -> range:
        """The tokens in front of a place that belong to it."""
        return led_from(self.context.tokens, start, _ENDS, self.named)

    def _close(self, start: int, end: int) -> bool:
        """Whether nothing but words that lead from a total to its number stands between two places."""
        return listed("leads_total").issuperset(w for w in self.context.tokens.lower[start:end] if not is_blank(w))


def _counted(tokens: Tokens, start: int, end: int) -> bool:
    """Whether another number stands between two token places, but for one of units: ``TOTAL   3 u   55 min``."""
    numbers = [i for i in range(start, end) if tokens.words[i].isdecimal()]
    behind = (next((i for i in range(n + 1, len(tokens)) if not is_blank(tokens.words[i])), None) for n in numbers)
    return any(at is None or tokens.lower[at] not in listed("unit") for at in behind)


def _heads(tokens: Tokens, end: int) -> bool:
    """Whether a cue heads a row of numbers: ``12   TOTAL MIN   29   41``."""
    words = tokens.words
    while end < len(words) and tokens.lower[end] in listed("minute"):
        end += 1
    return end + 1 < len(words) and is_blank(words[end]) and words[end + 1].isdecimal()
