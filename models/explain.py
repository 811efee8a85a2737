"""Why a note bills what it bills: each block's way from words to code to minutes to unit to flag, with rule and source.

Examples
--------
>>> from models.coder import Coder
>>> told = Coder.load().explain("Ther ex x 23 min: SLR 3x10, clamshells")
>>> [step.stage for step in told.blocks[0].steps][:4]
['words', 'code', 'code', 'code']
>>> [step.text for step in told.blocks[0].steps if step.stage == "unit"]
['The 23 minutes of 97110 make 1 x 97110 under full 15 minutes.']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from models.billing import data
from models.billing.flags import FLAGS, named
from models.billing.payers import Terms
from models.billing.reasons import Calculation, amounts, count_under
from models.billing.units import POLICY_NAMES, counts
from models.result import FlagResult, Result, ServiceResult
from nlp.document import Total

Stage = Literal["words", "code", "minutes", "unit", "flag"]

_KEYS = (
    "activities", "no_activities", "code", "because", "stated", "minutes_stated", "minutes_clock", "minutes_summed",
    "minutes_shared", "minutes_none", "unit_alone", "unit_with", "unit_untimed", "unit_other",
    "unit_unknown", "total_timed", "total_visit",
)  # fmt: skip
_UNSKILLED = "unskilled_minutes"
_WORDS = data.parse(data.read_from(__name__, "explain.toml"), "explain.toml").table("words").closed(_KEYS)


@dataclass(frozen=True, slots=True)
class WayStep:
    """One step: its stage, what it says, the id of the rule behind it (``""``: the model's reading) and that rule's source."""

    stage: Stage
    text: str
    rule: str
    source: str


@dataclass(frozen=True, slots=True)
class BlockWay:
    """A block's way; ``[start, end)`` is its stretch of the note."""

    start: int
    end: int
    text: str
    code: str | None
    steps: tuple[WayStep, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a note bills what it bills.

    ``model`` is the version that read the note, ``count`` holds the arithmetic of all policies, ``totals`` the note's own totals
    against the sum of its blocks, ``flags`` the findings on the note as a whole.
    """

    note_id: str | None
    policy: str
    model: str
    blocks: tuple[BlockWay, ...]
    count: Calculation
    totals: tuple[str, ...]
    flags: tuple[WayStep, ...]


def explain(result: Result, terms: Terms, totals: Sequence[Total] = ()) -> Explanation:
    """Return the way of each block of a result.

    Parameters
    ----------
    result : Result
        The result of one note.
    terms : Terms
        The rules, payers and day that it was made under.
    totals : Sequence[Total]
        The totals that the note writes.
    """
    count = count_under(result.minutes, terms)
    inside = [_flags_of(service, result) for service in result.services]
    told = {id(flag) for flags in inside for flag in flags}
    return Explanation(
        note_id=result.note_id,
        policy=result.policy,
        model=result.model.version,
        blocks=tuple(
            BlockWay(
                service.start, service.end, service.text, _billed(service), tuple(_way(service, flags, result, terms))
            )
            for service, flags in zip(result.services, inside, strict=True)
        ),
        count=count,
        totals=tuple(
            _say(f"total_{kind}", total=minutes, minutes=count.timed_total)
            for kind, minutes in dict.fromkeys((total.kind, total.minutes) for total in totals)
        ),
        flags=tuple(_flag(flag) for flag in result.flags if id(flag) not in told),
    )


def _billed(service: ServiceResult) -> str | None:
    return service.other_code if service.code == "other" else service.code


def _flags_of(service: ServiceResult, result: Result) -> list[FlagResult]:
    return [
        flag
        for flag in result.flags
        if (flag.start is not None and flag.end is not None and service.start <= flag.start and flag.end <= service.end)
        # Words on a block's minutes may stand in the rest of its sentence.
        or (flag.id == _UNSKILLED and service is _last_before(flag.start, result.services))
    ]


def _last_before(start: int | None, services: Sequence[ServiceResult]) -> ServiceResult | None:
    return next((each for each in reversed(services) if start is not None and each.start <= start), None)


def _way(service: ServiceResult, flags: Sequence[FlagResult], result: Result, terms: Terms) -> Iterator[WayStep]:
    code = _billed(service)
    activities = ", ".join(activity.text for activity in service.activities)
    yield WayStep("words", _say("activities" if activities else "no_activities", activities=activities), "", "")
    row = terms.rules.row_of("code", code or "", terms.day)
    said = _say("code", code=named(code), confidence=int(service.confidence * 100))
    yield WayStep("code", said, "", "") if row is None else WayStep("code", said, row.id, row.source)
    toward = [reason.text for reason in service.reasons if reason.code == service.code and reason.weight > 0]
    if toward:
        yield WayStep("code", _say("because", words=", ".join(dict.fromkeys(toward))), "", "")
    if service.stated_code is not None:
        yield WayStep("code", _say("stated", code=named(service.stated_code)), "", "")
    yield _minutes(service)
    yield _unit(code, result, terms)
    yield from (_flag(flag) for flag in flags)


def _minutes(service: ServiceResult) -> WayStep:
    if service.duration is None:
        return WayStep("minutes", _say("minutes_none"), "", "")
    text = " ".join(service.duration.text.split())
    said = _say(f"minutes_{service.duration.kind}", minutes=service.minutes, text=text)
    return WayStep("minutes", said, "", "")


def _unit(code: str | None, result: Result, terms: Terms) -> WayStep:
    codes = terms.rules.codes
    if code is None or code not in codes:
        return WayStep("unit", _say("unit_unknown"), "", "")
    if not counts(code, codes):
        key = "unit_other" if codes[code].timed else "unit_untimed"
        row = terms.rules.row_of("code", code, terms.day)
        assert row is not None, "it is in the code list"
        return WayStep("unit", _say(key, code=code, unit=codes[code].unit_minutes), row.id, row.source)
    policy = terms.rules.get(result.policy)
    minutes = result.minutes.get(code, 0)
    earned = result.units[result.policy].get(code, 0)
    units = amounts({code: earned} if earned else {})
    key = "unit_alone" if len([each for each in result.services if _billed(each) == code]) == 1 else "unit_with"
    said = _say(key, code=code, minutes=minutes, units=units, policy=POLICY_NAMES[result.policy])
    return WayStep("unit", said, policy.id, policy.source)


def _flag(flag: FlagResult) -> WayStep:
    return WayStep("flag", f"{flag.message} {flag.action}", flag.id, FLAGS[flag.id].source)


def _say(key: str, **values: object) -> str:
    return _WORDS.get(key, str).format(**values)
