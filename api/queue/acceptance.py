"""Is a proposal that is 0.9 sure right nine times in ten, here: how often reviewers left its code, by how sure it was.

Flagged notes are all read and of the others a sample: taken together as they come, flagged ones would count for more than they are.

Examples
--------
>>> wilson(9, 10)
(0.596, 0.982)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from api.db import dashboard as rows
from api.decisions import code_left
from api.queue.words import QUEUE
from models import intervals

Interval = tuple[float, float]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Kept(_Frozen):
    """Of results that were read first, how many kept the proposed code."""

    results: int = Field(description="Results of this kind in this time, read or not.")
    decided: int
    kept: int
    share: float | None
    interval: Interval | None = Field(description="95 %, Wilson.")


class Acceptance(_Frozen):
    """First readings that left the proposed code, by the result's confidence in ``[least, most)`` (the last one: to 1)."""

    least: float
    most: float
    promised: float | None = Field(description="Mean confidence of all results of the band; null: there are none.")
    flagged: Kept
    sampled: Kept = Field(description="Results without a flag, of which a sample is read.")
    decided: int
    accepted: int = Field(description="Of these, how many were taken as they were, minutes and spans included.")
    share: float | None = Field(
        description="Code kept, over all results of the band, each kind as frequent as it is; null: of one kind none was read."
    )
    interval: Interval | None = Field(description="Its 95 %, from both Wilson intervals (MOVER).")


def acceptance(
    counted: Sequence[rows.Band], readings: Sequence[rows.FirstReading], *, bands: Sequence[float] = QUEUE.bands
) -> list[Acceptance]:
    """Return the acceptance in each band, of ``queue.toml`` where no others are given.

    Parameters
    ----------
    counted
        How many results each band has, flagged and not.
    readings
        First readings, each with its result's confidence.
    bands
        Lower ends, ascending; those that ``counted`` was counted by.
    """
    return [
        _band(
            least,
            most,
            [each for each in counted if each.least == least],
            [each for each in readings if least <= each.confidence and (each.confidence < most or most == 1.0)],
        )
        for least, most in zip(bands, (*bands[1:], 1.0), strict=True)
    ]


def _band(least: float, most: float, counted: Sequence[rows.Band], readings: Sequence[rows.FirstReading]) -> Acceptance:
    kinds = {is_flagged: _kept(is_flagged, counted, readings) for is_flagged in (True, False)}
    results = sum(each.results for each in counted)
    share, interval = _together([each for each in kinds.values() if each.results])
    return Acceptance(
        least=least,
        most=most,
        promised=math.fsum(each.confidence for each in counted) / results if results else None,
        flagged=kinds[True],
        sampled=kinds[False],
        decided=len(readings),
        accepted=sum(each.decision["kind"] == "accept" for each in readings),
        share=share,
        interval=interval,
    )


def _kept(is_flagged: bool, counted: Sequence[rows.Band], readings: Sequence[rows.FirstReading]) -> Kept:
    own = [each for each in readings if each.is_flagged == is_flagged]
    kept = sum(code_left(each.code, each.decision) for each in own)
    return Kept(
        # One that was decided in this time may have been made before it.
        results=max(len(own), sum(each.results for each in counted if each.is_flagged == is_flagged)),
        decided=len(own),
        kept=kept,
        share=kept / len(own) if own else None,
        interval=wilson(kept, len(own)),
    )


def _together(kinds: Sequence[Kept]) -> tuple[float | None, Interval | None]:
    """Return the share over all results of these kinds with its interval (Zou and Donner 2008)."""
    total = sum(each.results for each in kinds)
    share, below, above = 0.0, 0.0, 0.0
    for each in kinds:
        if each.share is None or each.interval is None:
            return None, None
        weight = each.results / total
        share += weight * each.share
        below += (weight * (each.share - each.interval[0])) ** 2
        above += (weight * (each.interval[1] - each.share)) ** 2
    if not total:
        return None, None
    low, high = max(0.0, share - math.sqrt(below)), min(1.0, share + math.sqrt(above))
    return share, (float(f"{low:.3f}"), float(f"{high:.3f}"))


def wilson(successes: int, count: int) -> Interval | None:
    """Return Wilson's interval of a share, with three decimals; ``None`` of nothing."""
    if not count:
        return None
    low, high = (float(f"{end:.3f}") for end in intervals.wilson(successes, count, QUEUE.confidence))
    return low, high
