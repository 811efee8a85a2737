"""Why a note bills what it bills: each block's way from words to code to minutes to unit to flag, with rule and source.

Examples
--------
>>> from models.coder import Coder
>>> told = Coder.load().explain("Ther ex x 23 min: SLR 3x10, clamshells")
>>> [step.stage for step in told.blocks[0].steps][:4]
['words', 'code', 'code', 'code']
>>> [step.text for step in told.blocks[0].steps if step.stage == "unit"]
['The 23 minutes of 97110 make 1 x 97110 under the full-15-minute rule.']
>>> for unit in told.units:
...     print(unit.text)
Unit 1 of 97110: 15 min of block 1 (SLR, clamshells).
Left of 97110, without a unit: 8 min of block 1 (SLR, clamshells).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from models.billing import data
from models.billing.codes import Code, first_code, further_code
from models.billing.flags import FLAGS, Flag, named
from models.billing.parts import Part, units_made
from models.billing.payers import Terms
from models.billing.reasons import Calculation, LeftOut, amounts, count_under
from models.billing.units import MIDPOINT, POLICY_NAMES, POOLED, counts
from models.result import FlagResult, Result, ServiceResult
from models.service import Service
from nlp.document import Total

Stage = Literal["words", "code", "minutes", "unit", "flag"]

_KEYS = (
    "activities", "no_activities", "code", "because", "stated", "minutes_stated", "minutes_clock", "minutes_summed",
    "minutes_shared", "minutes_none", "unit_alone", "unit_with", "unit_without", "unit_none", "unit_untimed", "unit_other",
    "unit_unknown", "goes_into", "goes_nowhere", "made", "made_pooled", "made_untimed", "made_none", "part", "block",
    "and", "out_unskilled", "out_unknown", "total_timed", "total_visit", "held_timed", "held_untimed",
    "held_shared", "held_unskilled", "held_unknown", "held_none", "rest_open", "rest_more", "rest_without",
)  # fmt: skip
_SOURCES = ("words", "code", "because", "stated", "minutes", "shared")
_HELD: tuple[str, ...] = ("timed", "untimed", "shared", "unskilled", "unknown")
_UNSKILLED = "unskilled_minutes"
_FILE = data.parse(data.read_from(__name__, "explain.toml"), "explain.toml").closed(("words", "sources"))
_WORDS = _FILE.table("words").closed(_KEYS)
_FROM = {
    key: _FILE.table("sources").closed(_SOURCES).table(key).closed(("rule", "source")) for key in _SOURCES
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WayStep:
    """One step: its stage, what it says, and what is behind it.

    ``rule`` is the id of a billing rule, with that rule's source, or an id of the reading (``reading.*``) or of a word list's
    entries, with who read it; of a flag without a billing rule it is the flag's own id. ``rules`` are all ids, where there are
    several. ``flag`` is the flag's id, ``""`` for other steps.
    """

    stage: Stage
    text: str
    rule: str
    source: str
    rules: tuple[str, ...] = ()
    flag: str = ""


@dataclass(frozen=True, slots=True)
class BlockWay:
    """A block's way; ``[start, end)`` is its stretch of the note."""

    start: int
    end: int
    text: str
    code: str | None
    steps: tuple[WayStep, ...]


@dataclass(frozen=True, slots=True)
class UnitWay:
    """A unit with the minutes that it is made of.

    ``number`` counts a code's units from 1; ``None``: these minutes make no unit. ``parts`` are numbers of blocks (from 0) with
    whole minutes, 0 where a block of an untimed code has none.
    """

    code: str
    number: int | None
    parts: tuple[Part, ...]
    text: str
    rule: str
    source: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a note bills what it bills.

    ``model`` is the version that read the note, ``count`` holds the arithmetic of all policies with the untimed codes that it
    leaves out, ``units`` each unit under the chosen policy with its blocks, ``left_out`` the minutes that no count sees,
    ``totals`` the note's own totals against what its blocks hold, ``flags`` the findings on the note as a whole.
    """

    note_id: str | None
    policy: str
    model: str
    blocks: tuple[BlockWay, ...]
    units: tuple[UnitWay, ...]
    count: Calculation
    left_out: tuple[LeftOut, ...]
    totals: tuple[str, ...]
    flags: tuple[WayStep, ...]


class _Block(NamedTuple):
    """A block of the result with what only its reading holds; ``minutes`` are the skilled ones."""

    number: int
    service: ServiceResult
    code: str | None
    minutes: int | None
    read: Service | None

    @property
    def shared(self) -> tuple[int, int, int] | None:
        """Place and minutes of a duration that it shares with others."""
        duration = None if self.read is None else self.read.block.duration
        if duration is None or duration.kind != "shared":
            return None
        return duration.start, duration.end, duration.minutes


def explain(
    result: Result,
    terms: Terms,
    totals: Sequence[Total] = (),
    *,
    services: Sequence[Service] = (),
    flags: Sequence[Flag] = (),
) -> Explanation:
    """Return the way of each block of a result.

    Parameters
    ----------
    result : Result
        The result of one note.
    terms : Terms
        The rules, payers and day that it was made under.
    totals : Sequence[Total]
        The totals that the note writes.
    services : Sequence[Service]
        The blocks that the result was made of; without them unskilled and shared minutes are not known.
    flags : Sequence[Flag]
        The flags that the result was made of, with their rules; without them a flag names those of the flag list.
    """
    read: Sequence[Service | None] = services or [None] * len(result.services)
    blocks = [
        _Block(number, service, _billed(service), service.minutes if each is None else each.block.skilled_minutes, each)
        for number, (service, each) in enumerate(zip(result.services, read, strict=True))
    ]
    codes = terms.rules.codes
    untimed = _sums((b.code, b.minutes) for b in blocks if b.code in codes and not codes[b.code or ""].timed)
    count = count_under({**result.minutes, **untimed}, terms)
    rules = {(flag.id, flag.start, flag.end, flag.message): flag.rules for flag in flags}
    ways = [
        _Found(flag, rules.get((flag.id, flag.start, flag.end, flag.message), FLAGS[flag.id].rules))
        for flag in result.flags
    ]
    inside = [[way for way in ways if _is_of(block.service, way.flag, result)] for block in blocks]
    told = {id(way.flag) for own in inside for way in own}
    units = tuple(_units(blocks, result, terms))
    return Explanation(
        note_id=result.note_id,
        policy=result.policy,
        model=result.model.version,
        blocks=tuple(
            BlockWay(
                block.service.start,
                block.service.end,
                block.service.text,
                block.code,
                tuple(_way(block, blocks, own, units, result, terms)),
            )
            for block, own in zip(blocks, inside, strict=True)
        ),
        units=units,
        count=count,
        left_out=tuple(_left_out(blocks, terms)),
        totals=tuple(
            _total(kind, minutes, blocks, terms)
            for kind, minutes in dict.fromkeys((total.kind, total.minutes) for total in totals)
        ),
        flags=tuple(_flag(way, terms) for way in ways if id(way.flag) not in told),
    )


class _Found(NamedTuple):
    flag: FlagResult
    rules: tuple[str, ...]


def _sums(pairs: Iterable[tuple[str | None, int | None]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for code, minutes in pairs:
        if code is not None and minutes is not None:
            sums[code] = sums.get(code, 0) + minutes
    return sums


def _billed(service: ServiceResult) -> str | None:
    return service.other_code if service.code == "other" else service.code


def _is_of(service: ServiceResult, flag: FlagResult, result: Result) -> bool:
    """Whether a flag is about a block: it stands in it, or in the rest of its sentence where it is about its minutes."""
    if flag.start is not None and flag.end is not None and service.start <= flag.start and flag.end <= service.end:
        return True
    return flag.id == _UNSKILLED and service is _last_before(flag.start, result.services)


def _last_before(start: int | None, services: Sequence[ServiceResult]) -> ServiceResult | None:
    return next((each for each in reversed(services) if start is not None and each.start <= start), None)


# ---- a block's way


def _way(
    block: _Block,
    blocks: Sequence[_Block],
    flags: Sequence[_Found],
    units: Sequence[UnitWay],
    result: Result,
    terms: Terms,
) -> Iterator[WayStep]:
    model, service = result.model.version, block.service
    activities = ", ".join(activity.text for activity in service.activities)
    said = _say("activities" if activities else "no_activities", activities=activities)
    words = _from("words", "words", said, model)
    entries = (
        () if block.read is None else tuple(dict.fromkeys(a.entry for a in block.read.block.activities if a.entry))
    )
    # What a word list holds goes by its entry; the rest was learnt.
    yield words if not entries else replace(words, rule=entries[0], rules=entries)
    said = _say("code", code=named(block.code), confidence=round(service.confidence * 100))
    yield _by_rule("code", said, block.code, terms) or _from("code", "code", said, model)
    toward = [reason.text for reason in service.reasons if reason.code == service.code and reason.weight > 0]
    if toward:
        yield _from("code", "because", _say("because", words=", ".join(dict.fromkeys(toward))), model)
    if service.stated_code is not None:
        said = _say("stated", code=named(service.stated_code))
        yield _by_rule("code", said, service.stated_code, terms) or _from("code", "stated", said, model)
    yield _minutes(service, model)
    yield _unit(block, blocks, units, result, terms)
    yield from (_flag(way, terms) for way in flags)


def _by_rule(stage: Stage, said: str, id: str | None, terms: Terms) -> WayStep | None:
    row = terms.rules.of_code(id, terms.day) if id is not None and id in terms.rules.codes else None
    return None if row is None else WayStep(stage, said, row.id, row.source, (row.id,))


def _from(stage: Stage, key: str, said: str, model: str) -> WayStep:
    """Return a step that no billing rule is behind, with who read it."""
    rule = _FROM[key].get("rule", str)
    return WayStep(stage, said, rule, _FROM[key].get("source", str).format(model=model), (rule,))


def _minutes(service: ServiceResult, model: str) -> WayStep:
    if service.duration is None:
        return _from("minutes", "minutes", _say("minutes_none"), model)
    text = " ".join(service.duration.text.split())
    said = _say(f"minutes_{service.duration.kind}", minutes=service.minutes, text=text)
    return _from("minutes", "shared" if service.duration.kind == "shared" else "minutes", said, model)


def _unit(block: _Block, blocks: Sequence[_Block], units: Sequence[UnitWay], result: Result, terms: Terms) -> WayStep:
    codes, code = terms.rules.codes, block.code
    if code is None or code not in codes:
        return _from("unit", "code", _say("unit_unknown"), result.model.version)
    if not counts(code, codes):
        row = terms.rules.of_code(code, terms.day)
        key = "unit_other" if codes[code].timed else "unit_untimed"
        return WayStep("unit", _say(key, code=code, unit=codes[code].unit_minutes), row.id, row.source, (row.id,))
    first = first_code(code, codes)
    own = [each for each in blocks if each.code is not None and first_code(each.code, codes) == first]
    minutes = sum(each.minutes or 0 for each in own)
    earned = {each: number for each, number in result.units[result.policy].items() if each in _names(first, codes)}
    goes = [
        _say("goes_nowhere" if unit.number is None else "goes_into", minutes=part.minutes, number=unit.number)
        for unit in units
        for part in unit.parts
        if part.block == block.number
    ]
    key = "unit_none" if all(each.minutes is None for each in own) else "unit_alone" if len(own) == 1 else "unit_with"
    said = _say(
        "unit_without" if key == "unit_with" and not goes else key,
        code=first,
        count=len(own),
        minutes=minutes,
        units=amounts(earned),
        policy=POLICY_NAMES[result.policy],
        own=block.minutes,
        goes=", ".join(goes),
    )
    policy = terms.rules.get(result.policy)
    return WayStep("unit", said, policy.id, policy.source, (policy.id,))


def _names(code: str, codes: Mapping[str, Code]) -> tuple[str, ...]:
    """Return the codes of one service: its own, and that of its further units where there is one."""
    further = further_code(code, codes)
    return (code,) if further is None else (code, further)


def _flag(way: _Found, terms: Terms) -> WayStep:
    flag, rows = way.flag, [terms.rules.rows[id] for id in way.rules if id in terms.rules.rows]
    said = f"{flag.message} {flag.action}"
    if not rows:
        return WayStep("flag", said, flag.id, FLAGS[flag.id].source, (flag.id,), flag.id)
    sources = "; ".join(dict.fromkeys(row.source for row in rows))
    return WayStep("flag", said, rows[0].id, sources, tuple(row.id for row in rows), flag.id)


# ---- from blocks to units


def _units(blocks: Sequence[_Block], result: Result, terms: Terms) -> Iterator[UnitWay]:
    """Yield each unit with the minutes that make it, then those of its code that make none; untimed codes last."""
    codes, earned = terms.rules.codes, result.units[result.policy]
    policy = terms.rules.get(result.policy)
    known = [(each, each.code) for each in blocks if each.code is not None and each.code in codes]
    for first in sorted({first_code(code, codes) for _, code in known if counts(code, codes)}):
        own = [Part(each.number, each.minutes or 0) for each, code in known if first_code(code, codes) == first]
        made, left = units_made(own, [code for code in _names(first, codes) for _ in range(earned.get(code, 0))])
        for code, number, parts in made:
            lacks = result.policy == POOLED and sum(part.minutes for part in parts) < MIDPOINT
            said = _say("made_pooled" if lacks else "made", number=number, code=code, parts=_parts(parts, blocks))
            yield UnitWay(code, number, parts, said, policy.id, policy.source)
        if left:
            said = _say("made_none", code=first, parts=_parts(left, blocks))
            yield UnitWay(first, None, left, said, policy.id, policy.source)
    for untimed in sorted({code for _, code in known if not codes[code].timed}):
        own = [Part(each.number, each.minutes or 0) for each, code in known if code == untimed]
        said = _say("made_untimed", code=untimed, parts=_and([_block_name(blocks[part.block]) for part in own]))
        yield UnitWay(untimed, 1, tuple(own), said, untimed, terms.rules.of_code(untimed, terms.day).source)


def _parts(parts: Sequence[Part], blocks: Sequence[_Block]) -> str:
    return _and([_say("part", minutes=part.minutes, block=_block_name(blocks[part.block])) for part in parts])


def _and(texts: Sequence[str]) -> str:
    return f" {_say('and')} ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _block_name(block: _Block) -> str:
    words = ", ".join(activity.text for activity in block.service.activities) or block.service.text
    return _say("block", number=block.number + 1, words=" ".join(words.split()))


# ---- what no unit is made of, and totals


def _left_out(blocks: Sequence[_Block], terms: Terms) -> Iterator[LeftOut]:
    codes = terms.rules.codes
    for block in blocks:
        code = block.code or ""
        if code not in codes:
            if block.minutes is not None:
                yield LeftOut(code, block.minutes, _say("out_unknown", minutes=block.minutes))
        elif codes[code].timed and block.read is not None:
            for each in block.read.block.unskilled:
                if each.minutes:
                    said = _say("out_unskilled", minutes=each.minutes, code=code, what=each.what)
                    yield LeftOut(code, each.minutes, said)


def _total(kind: str, total: int, blocks: Sequence[_Block], terms: Terms) -> str:
    """Say what the blocks hold of a total, and how many minutes are unaccounted for.

    Unskilled minutes, and those of a service whose code is not known, may be in a total or not.
    """
    held = _held(blocks, terms)
    sure = held["timed"] + held["shared"] + (held["untimed"] if kind == "visit" else 0)
    doubtful = held["unskilled"] + held["unknown"]
    parts = [
        _say(f"held_{key}", minutes=minutes)
        for key, minutes in held.items()
        if minutes and (key != "untimed" or kind == "visit")
    ]
    rest = ""
    if sure + doubtful < total:
        rest = _say("rest_open", minutes=total - sure - doubtful)
    elif total < sure:
        rest = _say("rest_more", minutes=sure - total)
    without = sum(block.minutes is None and block.shared is None for block in blocks)
    if without:
        rest += _say("rest_without", count=without)
    return _say(f"total_{kind}", total=total, parts=_and(parts) if parts else _say("held_none"), rest=rest)


def _held(blocks: Sequence[_Block], terms: Terms) -> dict[str, int]:
    """Return the minutes that the blocks hold, by kind; a duration that several share counts once."""
    codes = terms.rules.codes
    held: dict[str, int] = dict.fromkeys(_HELD, 0)
    held["shared"] = sum(minutes for _, _, minutes in {block.shared for block in blocks if block.shared is not None})
    for block in blocks:
        code = codes.get(block.code or "")
        kind = "unknown" if code is None else "timed" if code.timed else "untimed"
        held[kind] += block.minutes or 0
        if kind == "timed":
            held["unskilled"] += (block.service.minutes or 0) - (block.minutes or 0)
    return held


def _say(key: str, **values: object) -> str:
    return _WORDS.get(key, str).format(**values)
