"""How many units of a service an assistant's modifier belongs on: first the whole 15s of each, then what is left.

Examples
--------
>>> from datetime import date
>>> from models.billing.rules import load_rules
>>> rules, day = load_rules(), date(2026, 5, 4)
>>> share, last = rules.get("assistant.share"), rules.last_unit(day)
>>> marks(15, 45, 3, share, last)
Marks(least=1, sure_least=1, most=1, last=(0, 0))
>>> marks(4, 30, 2, share, last)  # the last unit holds 11 minutes of the therapist and 4 of the assistant
Marks(least=0, sure_least=1, most=1, last=(11, 4))
"""

from __future__ import annotations

from typing import NamedTuple

from models.billing.rows import Rule
from models.billing.rules import assistant_marked
from models.billing.units import MIDPOINT, UNIT_MINUTES


class Marks(NamedTuple):
    """How many units may carry the modifier.

    With fewer than ``least`` one is missing, with more than ``most`` one is too much, by rules that are confirmed.
    ``sure_least`` is what they ask for without a rule that nobody has confirmed and that would spare the last unit. ``last``
    are the minutes that therapist and assistant have left for the last unit.
    """

    least: int
    sure_least: int
    most: int
    last: tuple[int, int] = (0, 0)


def marks(assistant: int, minutes: int, billed: int, share: Rule, last_unit: Rule | None) -> Marks:
    """Return on how many of the billed units of a 15-minute service the modifier belongs.

    Parameters
    ----------
    assistant : int
        Minutes that an assistant gave apart from the therapist, at most ``minutes``.
    minutes : int
        All minutes of the service.
    billed : int
        Its units, 1 or more.
    share : Rule
        The share that needs no modifier (`Rules.assistant_share`).
    last_unit : Rule | None
        The rule that spares a last unit with enough of the therapist's own minutes (`Rules.last_unit`).
    """
    therapist = minutes - assistant
    own, whole = therapist // UNIT_MINUTES, assistant // UNIT_MINUTES
    rest = billed - own - whole
    if rest <= 0:
        # Fewer units than whole 15s: whose were left off is open.
        least = max(0, billed - own)
        return Marks(least, least, min(whole, billed))
    left = (therapist % UNIT_MINUTES, assistant % UNIT_MINUTES)
    # The share is said of "that service's minutes": those of the unit, or of all units. Where the two differ, either is right.
    of_unit, of_all = assistant_marked(left[1], sum(left), share), assistant_marked(assistant, minutes, share)
    asked = int(of_unit and of_all)
    most = whole + (rest if left[1] and (of_unit or of_all) else 0)
    spared = last_unit is not None and rest == 1 and left[0] >= MIDPOINT
    if not spared:
        return Marks(whole + asked, whole + asked, most, left)
    if last_unit is not None and last_unit.sure():
        return Marks(whole, whole, whole, left)
    return Marks(whole, whole + asked, most, left)


def marks_of_whole(assistant: int, minutes: int, billed: int, share: Rule) -> Marks:
    """Return the same for a service whose units are not made of 15 minutes: all of them, or none.

    Examples
    --------
    >>> from models.billing.rules import load_rules
    >>> marks_of_whole(20, 40, 1, load_rules().get("assistant.share"))
    Marks(least=1, sure_least=1, most=1, last=(0, 0))
    """
    all_of_it = billed if assistant_marked(assistant, minutes, share) else 0
    return Marks(all_of_it, all_of_it, all_of_it)
