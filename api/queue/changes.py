"""What a decision makes of a result, down to single spans; offsets, codes and numbers alone, no word of the note.

Examples
--------
>>> one, moved, other = (Stretch(start=start, end=end) for start, end in ((0, 5), (0, 9), (20, 25)))
>>> difference([one, other], [moved]).changed == ((one, moved),)
True
>>> difference([one, other], [moved]).removed == (other,)
True
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.decisions import DecidedMention, Stretch
from models.billing.units import all_units
from models.result import Result, ServiceResult
from models.training.counting import pair
from models.training.dataset import LabelledNote, LabelledService, ServiceCode, headline_of, minutes_of


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Block(Stretch):
    """A block of treatment done today, without its tasks."""

    code: ServiceCode
    other_code: str | None
    minutes: int | None


T = TypeVar("T", bound=Stretch)


class Difference(_Frozen, Generic[T]):
    """What was put in, what was taken out, and before and after of what stayed in its place but is not the same."""

    added: tuple[T, ...]
    removed: tuple[T, ...]
    changed: tuple[tuple[T, T], ...]

    @property
    def is_some(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.changed)


class Changes(_Frozen):
    """What a decision makes of a result: before and after of everything that differs, and of nothing else."""

    code: tuple[str | None, str | None] | None
    minutes: dict[str, tuple[int | None, int | None]]
    units: dict[str, dict[str, tuple[int, int]]]
    blocks: Difference[Block] = Field(description="Blocks with their codes and minutes; a split adds one.")
    tasks: Difference[Stretch] = Field(description="Tasks done today, of all blocks.")
    mentions: Difference[DecidedMention] = Field(description="Tasks not done today.")
    goals: Difference[Stretch]


def changes(result: Result, reading: LabelledNote) -> Changes:
    """Return what a reading makes of a result."""
    after = minutes_of(reading)
    units = all_units(after)
    code = headline_of(reading)
    blocks = difference(_blocks(result.services), _blocks(reading.services))
    # Of equal minutes the result proposes the surer block, which labels cannot tell: as long as no block differs, it stands.
    same = code == result.proposal.code or not blocks.is_some
    return Changes(
        code=None if same else (result.proposal.code, code),
        minutes={
            each: (result.minutes.get(each), after.get(each))
            for each in sorted({*result.minutes, *after})
            if result.minutes.get(each) != after.get(each)
        },
        units={
            policy: {
                each: (before.get(each, 0), units[policy].get(each, 0))
                for each in sorted({*before, *units[policy]})
                if before.get(each, 0) != units[policy].get(each, 0)
            }
            for policy, before in result.units.items()
        },
        blocks=blocks,
        tasks=difference(_tasks(result.services), _tasks(reading.services)),
        mentions=difference(
            *(
                [
                    DecidedMention.model_validate({"start": each.start, "end": each.end, "status": each.status})
                    for each in mentions
                ]
                for mentions in (result.mentions, reading.mentions)
            )
        ),
        goals=difference(
            *([Stretch(start=each.start, end=each.end) for each in goals] for goals in (result.goals, reading.goals))
        ),
    )


def difference(before: Sequence[T], after: Sequence[T]) -> Difference[T]:
    """Return how two lists of stretches differ; those that overlap and are not alike are one that changed."""
    gone = [each for each in before if each not in after]
    new = [each for each in after if each not in before]
    both = sorted(pair(gone, new))
    left, right = ({ends[side] for ends in both} for side in (0, 1))
    return Difference(
        added=tuple(each for at, each in enumerate(new) if at not in right),
        removed=tuple(each for at, each in enumerate(gone) if at not in left),
        changed=tuple((gone[i], new[j]) for i, j in both),
    )


def _blocks(services: Iterable[ServiceResult | LabelledService]) -> list[Block]:
    return [
        Block(start=each.start, end=each.end, code=each.code, other_code=each.other_code, minutes=each.minutes)
        for each in services
    ]


def _tasks(services: Iterable[ServiceResult | LabelledService]) -> list[Stretch]:
    return [Stretch(start=task.start, end=task.end) for each in services for task in each.activities]
