"""Which code a task speaks for, by the encoder and the word lists, and where work of one code ends and the other begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nlp.context import Context
from nlp.encoder import bounded
from nlp.events import Event
from nlp.terms import listed

_LABELS = ("exercise", "functional", "service")
_KNOWN = 3.0  # log-odds that a word list's label of an activity is worth
_SURER = 2.0  # log-odds by which work is two codes rather than one


@cache
def headline() -> tuple[str, str]:
    """The codes of exercise and of functional work, in this order."""
    [exercise], [functional] = listed("exercise_code"), listed("functional_code")
    return exercise, functional


def code_odds(context: Context, event: Event) -> NDArray[np.float32]:
    """Log-odds of exercise, functional and other work for an activity, by the encoder and the word list."""
    out = np.zeros(len(_LABELS), dtype=np.float32)
    if context.encoded is not None:
        out = bounded(context.encoded_rows(event.start, event.end), "code").mean(axis=0)
    if event.kind == "svc":
        out[-1] += _KNOWN
    elif event.label in _LABELS:
        out[_LABELS.index(event.label)] += _KNOWN
    return out


def code_boundary(context: Context, tasks: Sequence[Event]) -> int:
    """Before which of some tasks, in text order, work of one code ends and work of the other begins; 0 where it is of one."""
    if len(tasks) < 2:
        return 0
    odds = np.array([code_odds(context, task)[:2] for task in tasks])
    ahead, behind = np.cumsum(odds, axis=0)[:-1], np.cumsum(odds[::-1], axis=0)[::-1][1:]
    parted = ahead + behind[:, ::-1]  # the one code up to a place, the other from there on
    return int(parted.max(axis=1).argmax()) + 1 if parted.max() - odds.sum(axis=0).max() > _SURER else 0
