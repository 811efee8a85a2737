"""Labelled events become blocks of treatment: the activities, minutes and service names that belong together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from nlp.context import Context
from nlp.events import BEGINS, Event
from nlp.terms import listed


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
    if event.form == "even" or announces_each(context, event):
        return True
    solid = [w for w in context.tokens.lower[event.end : event.end + 8] if not w.isspace() or "\n" in w]
    solid = solid[1:] if solid[:1] == ["for"] else solid
    if not solid or solid[0] not in listed("each"):
        return False
    if solid[1:2] == ["of"]:
        both = [w for w in solid[2:] if w != "the"]
        return bool(both) and both[0] in listed("both") and not (both[1:] and both[1].isalnum())
    return not (len(solid) > 1 and solid[1].isalnum())


def announces_each(context: Context, event: Event) -> bool:
    """Whether minutes of each of two parts stand in front of both: ``15 min each: rows; stairs``."""
    solid = [w for w in context.tokens.lower[event.end : event.end + 8] if not w.isspace()]
    at = next((n for n, word in enumerate(solid) if word in listed("each")), None)
    return (
        at is not None
        and solid[at + 1 : at + 2] == [":"]
        and all(word in listed("spent_beside") for word in solid[:at])
    )


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
        if label in BEGINS or not opened:
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
