"""The findings on a note: one function a flag; its severity, words and source stand in ``flags.toml`` under its id.

To add a flag, write its entry there and a function here that yields a `Finding` for each place it concerns.

Examples
--------
>>> from models.billing.proposal import propose
>>> from nlp.document import Document
>>> [flag.id for flag in check(Document(text=""), (), propose((), "full_15"))]
['no_treatment']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from models.billing import data
from models.billing.codes import CODES, HEADLINE, Code
from models.billing.payers import Payer, Terms, not_paid, payer_units
from models.billing.proposal import Proposal
from models.billing.rules import Edit
from models.billing.units import ALONE, POLICY_NAMES, POOLED, STRICT, UNIT_MINUTES, counts, units
from models.billing.written import contradictions

if TYPE_CHECKING:
    from models.service import Service
    from nlp.document import Block, Document, Duration, ElementName, Notice, NoticeKind, Total, Unskilled, WrittenUnits

    Place = Block | Duration | Total | WrittenUnits | Notice | Unskilled

SEVERITIES = ("error", "warning", "info")

_EXERCISE, _FUNCTIONAL = "exercise", "functional"
_WORD_KEYS = (
    "other_service", "no_unit", "one_unit", "some_units", "and", "in_all", "in_all_unknown", "modifier_discipline",
    "modifier_assistant", "modifier_assistant_unknown", "modifier_threshold", "modifier_no_threshold", "modifier_list",
    "threshold_of_PT", "threshold_of_OT", "threshold_of_SLP", "threshold_of_any",
)  # fmt: skip
_FLAG_KEYS = ("id", "severity", "meaning", "message", "action", "source")
_FLAG_OPTIONAL = ("variants", "actions", "rules")

Field = int | str


class Flag(NamedTuple):
    """One finding with its words; ``[start, end)`` is the stretch of the note, ``None`` where it is the whole note.

    ``rules`` are the ids of the billing rules behind it; empty where there is none but the flag list's own entry.
    """

    id: str
    severity: str
    message: str
    action: str
    start: int | None
    end: int | None
    rules: tuple[str, ...] = ()


class FlagKind(NamedTuple):
    """An entry of the flag list; ``messages`` are templates by variant and ``actions`` too, ``""`` the usual one.

    ``rules`` are the ids of the billing rules behind it, where it is always the same ones.
    """

    id: str
    severity: str
    meaning: str
    messages: Mapping[str, str]
    actions: Mapping[str, str]
    source: str
    rules: tuple[str, ...]

    @property
    def action(self) -> str:
        """What is usually to be done about it."""
        return self.actions[""]


class BetterCode(NamedTuple):
    """Unstated blocks of ``of`` with more than ``share`` of their entries under ``prefixes`` may fit another code."""

    of: str
    share: float
    prefixes: Mapping[str, tuple[str, ...]]


class FlagList(NamedTuple):
    """What ``flags.toml`` holds: the kinds by id, thresholds (probabilities in [0, 1]) and words for messages.

    ``disciplines`` are the words of an assistant's notice in lower case, each with the discipline that it tells;
    ``credentials`` are the signatures of each discipline.
    """

    kinds: Mapping[str, FlagKind]
    thresholds: Mapping[str, float]
    better_code: BetterCode
    disciplines: Mapping[str, str]
    credentials: Mapping[str, re.Pattern[str]]
    words: Mapping[str, str]


class Case(NamedTuple):
    """What a flag's function looks at; ``terms`` is ``None`` where the request named neither payer nor day."""

    document: Document
    services: Sequence[Service]
    proposal: Proposal
    terms: Terms | None = None

    @property
    def headline(self) -> tuple[Service, ...]:
        """The services with a headline code."""
        return tuple(service for service in self.services if service.code in HEADLINE)

    @property
    def codes(self) -> Mapping[str, Code]:
        """The code list, with a clinic's own codes where the terms bring its rules."""
        return CODES if self.terms is None else self.terms.rules.codes

    @property
    def earned(self) -> Mapping[str, int]:
        """Units per code under the chosen policy."""
        return self.proposal.units[self.proposal.policy]


class Finding(NamedTuple):
    """One place that a flag concerns (``None``: the whole note), the values of its message, the wording and the rules behind it.

    Without ``rules`` they are the one that the message names, else those of the flag list.
    """

    place: Place | None
    values: Mapping[str, Field] = {}
    variant: str = ""
    rules: tuple[str, ...] = ()


class _Registered(NamedTuple):
    find: Callable[[Case], Iterable[Finding]]
    fields: tuple[str, ...]


_REGISTRY: dict[str, _Registered] = {}


def check(
    document: Document, services: Sequence[Service], proposal: Proposal, terms: Terms | None = None
) -> tuple[Flag, ...]:
    """Return every finding on one note: by severity, then position (whole-note findings last), then list order.

    Parameters
    ----------
    document : Document
        What was read out of the note.
    services : Sequence[Service]
        Its coded blocks, in text order.
    proposal : Proposal
        What `models.billing.proposal.propose` made of them; its policy is the one that the flags speak of.
    terms : Terms | None
        Payers and day of service, where the request names any; some flags are raised with them alone.
    """
    case = Case(document, services, proposal, terms)
    flags = [_flag(kind, finding) for kind in FLAGS.values() for finding in _REGISTRY[kind.id].find(case)]
    end_of_note = len(document.text) + 1

    def place(flag: Flag) -> tuple[int, int, int]:
        start = end_of_note if flag.start is None else flag.start
        end = end_of_note if flag.end is None else flag.end
        return (SEVERITIES.index(flag.severity), start, end)

    return tuple(sorted(flags, key=place))


def parse_flags(text: str, fields: Mapping[str, Collection[str]], file: str = "flags.toml") -> FlagList:
    """Return the flag list of a data file.

    Parameters
    ----------
    text : str
        The file's content (TOML).
    fields : Mapping[str, Collection[str]]
        The flags that code raises, each with the values that it gives its message.
    file : str
        Its name, for errors.

    Raises
    ------
    LexiconError
        The file cannot be used: unknown or missing keys, a flag that no code raises or the other way about, an unknown
        severity, a message with a value that the flag does not give, a threshold outside [0, 1], an unknown code.
    """
    root = data.parse(text, file).closed(("thresholds", "better_code", "disciplines", "credentials", "words", "flag"))
    kinds = {entry.name: _kind(entry, fields) for entry in root.tables("flag", "id")}
    for missing in sorted(set(fields) - set(kinds)):
        raise root.error(f"there is no [[flag]] with id {missing}, which the code raises")
    words = root.table("words").closed(_WORD_KEYS)
    disciplines = root.table("disciplines").closed(("PT", "OT"))
    credentials = root.table("credentials").closed(("PT", "OT"))
    thresholds = root.table("thresholds").closed(("low_confidence", "content_contradicts"))
    return FlagList(
        kinds=MappingProxyType(kinds),
        thresholds={key: _threshold(thresholds.table(key)) for key in thresholds.values},
        better_code=_better(root.table("better_code").closed(("of", "share", "source", "rule"))),
        disciplines={word.lower(): name for name in disciplines.values for word in disciplines.texts(name)},
        credentials={name: _pattern(credentials, name) for name in credentials.values},
        words={key: words.get(key, str) for key in words.values},
    )


def _kind(entry: data.Entry, fields: Mapping[str, Collection[str]]) -> FlagKind:
    entry.closed(_FLAG_KEYS, _FLAG_OPTIONAL)
    if entry.name not in fields:
        raise entry.error("no function of flags.py raises this flag")
    severity = entry.get("severity", str)
    if severity not in SEVERITIES:
        raise entry.error(f"severity must be one of {', '.join(SEVERITIES)}")
    messages = _worded(entry, "message", "variants")
    actions = _worded(entry, "action", "actions")
    for variant in actions:
        if variant not in messages:
            raise entry.error(f"actions: there is no variant {variant}")
    for message in messages.values():
        try:
            used = data.asked(message)
        except ValueError as error:
            raise entry.error("message has a brace without its partner") from error
        for field in used:
            if field not in fields[entry.name]:
                known = ", ".join(fields[entry.name]) or "none"
                raise entry.error(f"message asks for {{{field}}}; the values of this flag are: {known}")
    return FlagKind(
        id=entry.name,
        severity=severity,
        meaning=entry.get("meaning", str),
        messages=MappingProxyType(messages),
        actions=MappingProxyType(actions),
        source=entry.get("source", str),
        rules=entry.texts("rules") if "rules" in entry.values else (),
    )


def _worded(entry: data.Entry, key: str, variants: str) -> dict[str, str]:
    """Return the usual words under ``""`` and those of the variants under their names."""
    words = {"": entry.get(key, str)}
    if variants in entry.values:
        table = entry.table(variants)
        words |= {variant: table.get(variant, str) for variant in table.values}
    return words


def _pattern(entry: data.Entry, key: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(entry.texts(key)))
    except re.error as error:
        raise entry.error(f"{key} holds an expression that cannot be read: {error}") from error


def _threshold(entry: data.Entry) -> float:
    entry.closed(("value", "source")).get("source", str)
    value = entry.get("value", float)
    if not 0 <= value <= 1:
        raise entry.error("value must lie in [0, 1]")
    return value


def _better(entry: data.Entry) -> BetterCode:
    entry.get("source", str)
    rules = entry.tables("rule", "code")
    for code, owner in ((entry.get("of", str), entry), *((rule.name, rule) for rule in rules)):
        if code not in CODES:
            raise owner.error("this is no code of codes.toml")
    prefixes = {rule.name: rule.closed(("code", "prefixes")).texts("prefixes") for rule in rules}
    return BetterCode(entry.get("of", str), entry.get("share", float), MappingProxyType(prefixes))


def _flag(kind: FlagKind, finding: Finding) -> Flag:
    place = finding.place
    message = kind.messages[finding.variant].format(**finding.values)
    return Flag(
        id=kind.id,
        severity=kind.severity,
        message=message[0].upper() + message[1:],
        action=kind.actions.get(finding.variant, kind.action),
        start=None if place is None else place.start,
        end=None if place is None else place.end,
        rules=finding.rules or ((str(finding.values["rule"]),) if "rule" in finding.values else kind.rules),
    )


def _raises(flag: str, *fields: str) -> Callable[[Callable[[Case], Iterable[Finding]]], None]:
    """Register a function as the one that raises ``flag`` and gives ``fields`` to its message."""

    def register(find: Callable[[Case], Iterable[Finding]]) -> None:
        _REGISTRY[flag] = _Registered(find, fields)

    return register


def named(code: str | None) -> str:
    """Return how messages call a code; ``None`` and ``"other"`` are another service."""
    if code is None or code == "other":
        return _WORDS["other_service"]
    return f"{CODES[code].name} ({code})" if code in CODES else code


def _minutes_place(service: Service) -> Place:
    return service.block.duration or service.block


def _shared(service: Service) -> Duration | None:
    duration = service.block.duration
    return duration if duration is not None and duration.kind == "shared" else None


# ---- warnings


@_raises("minutes_missing", "code", "total", "units", "in_all")
def _minutes_missing(case: Case) -> Iterator[Finding]:
    for service in case.headline:
        if service.block.minutes is None and _shared(service) is None:
            variant, values = _totals_alone(case)
            yield Finding(service.block, {"code": named(service.code), **values}, variant)


@_raises("shared_minutes", "minutes", "code", "total", "units", "in_all")
def _shared_minutes(case: Case) -> Iterator[Finding]:
    durations = {(shared.start, shared.end): shared for service in case.headline if (shared := _shared(service))}
    for duration in durations.values():
        variant, values = _totals_alone(case, duration)
        yield Finding(duration, {"code": "", "minutes": duration.minutes, **values}, variant)


def _totals_alone(case: Case, shared: Duration | None = None) -> tuple[str, dict[str, Field]]:
    """Return the wording for Medicare, which asks for totals and leaves minutes per code to the therapist.

    ``""`` where no total of the timed minutes stands, else ``one_code`` where they can only be one code's, ``totals`` where the
    total treatment time stands too and ``timed_total`` where it does not. A duration that all that is timed shares is such a
    total.
    """
    values: dict[str, Field] = {"total": 0, "units": "", "in_all": _WORDS["in_all_unknown"]}
    timed = {total.minutes for total in case.document.totals if total.kind == "timed"}
    blocks = [(code, service) for service in case.services if (code := _timed_code(service, case.codes)) != ""]
    if not timed and shared is not None and all(_shared(service) == shared for _, service in blocks):
        timed = {shared.minutes}
    if not timed or case.proposal.policy != POOLED:
        return "", values
    codes = {code for code, _ in blocks}
    [total, *others] = timed
    [code] = codes if len(codes) == 1 else [None]
    if code is not None and not others and case.proposal.minutes.get(code, 0) <= total:
        earned = units({code: total}, POOLED)
        return "one_code", {**values, "code": named(code), "total": total, "units": _amounts(earned)}
    if not others:
        # Which code the minutes are of does not matter to how many units they make together.
        number = sum(units({HEADLINE[0]: total}, POOLED).values())
        said = _WORDS["one_unit" if number == 1 else "some_units"].format(count=number) if number else _WORDS["no_unit"]
        values["in_all"] = _WORDS["in_all"].format(total=total, units=said)
    visit = any(total.kind == "visit" for total in case.document.totals)
    return "totals" if visit else "timed_total", values


def _timed_code(service: Service, codes: Mapping[str, Code]) -> str | None:
    """Return the code of a block that is or may be timed, ``None`` where it is not known; ``""`` where it is untimed."""
    code = codes.get(service.billed_code or "")
    return None if code is None else code.number if code.timed else ""


@_raises("no_unit", "policy", "code", "rival")
def _no_unit(case: Case) -> Iterator[Finding]:
    given = [service for service in case.headline if service.block.minutes is not None]
    if given and not any(code in case.earned for code in HEADLINE):
        policy = case.proposal.policy
        # Of equal minutes left the therapist may give either code the last unit: then it is not sure that these earn none.
        ties = {code: rivals for code in HEADLINE if (rivals := _rivals(case, code))}
        values = {"policy": POLICY_NAMES[policy], "code": "", "rival": ""}
        for code, rivals in list(ties.items())[:1]:
            values |= {"code": named(code), "rival": _joined(rivals)}
        yield Finding(_minutes_place(given[0]), values, "tie" if ties else "", (policy,))


def _rivals(case: Case, code: str) -> list[str]:
    """Return the codes that took a last unit with as many minutes left as ``code``, which got none, has."""
    minutes, earned = case.proposal.minutes, case.earned
    if case.proposal.policy != POOLED or code in earned or not minutes.get(code, 0) % UNIT_MINUTES:
        return []
    return [
        other
        for other, number in earned.items()
        if number > minutes.get(other, 0) // UNIT_MINUTES
        and minutes.get(other, 0) % UNIT_MINUTES == minutes[code] % UNIT_MINUTES
    ]


def _joined(codes: Sequence[str]) -> str:
    return _WORDS["and"].join(named(code) for code in codes)


@_raises("code_mismatch", "stated", "content")
def _code_mismatch(case: Case) -> Iterator[Finding]:
    for service in case.services:
        stated = service.block.stated
        if stated is None:
            continue
        label = stated.code if stated.code in HEADLINE else "other"
        content = service.content_probabilities
        likeliest = max(content, key=lambda code: content[code])
        if service.code != label:
            read_as = service.billed_code
        elif label in HEADLINE and likeliest != label and content[likeliest] >= _THRESHOLDS["content_contradicts"]:
            read_as = likeliest
        else:
            continue
        yield Finding(service.block, {"stated": named(stated.code), "content": named(read_as)})


@_raises("units_impossible", "units", "code", "minutes")
def _units_impossible(case: Case) -> Iterator[Finding]:
    for written, minutes, variant in contradictions(case.document.written_units, case.services, case.codes):
        values: dict[str, Field] = {"units": written.units, "code": named(written.code), "minutes": minutes}
        yield Finding(written, values, variant)


@_raises("goal_missing")
def _goal_missing(case: Case) -> Iterator[Finding]:
    if case.headline and not case.document.goals:
        yield Finding(None)


@_raises("low_confidence", "code", "rival")
def _low_confidence(case: Case) -> Iterator[Finding]:
    for service in case.services:
        chances = service.probabilities
        rival = max((code for code in chances if code != service.code), key=lambda code: chances[code])
        values = {"code": named(service.billed_code), "rival": named(rival)}
        if service.code not in HEADLINE and rival not in HEADLINE:
            continue
        if all(code in service.possible for code in HEADLINE):
            yield Finding(service.block, values, "both")
        elif service.confidence < _THRESHOLDS["low_confidence"]:
            yield Finding(service.block, values)
    if case.proposal.unsure:
        yield Finding(None, {}, "note")


# ---- info


@_raises("code_earns_no_unit", "code", "minutes", "policy", "rival")
def _code_earns_no_unit(case: Case) -> Iterator[Finding]:
    counted = {code: value for code, value in case.proposal.minutes.items() if counts(code, case.codes)}
    headline_earns = any(code in case.earned for code in HEADLINE)
    if len(counted) < 2:
        return
    for code, value in counted.items():
        # Where neither headline code earns a unit, no_unit says so.
        if code not in case.earned and (headline_earns or code not in HEADLINE):
            bearers = (service for service in case.services if service.billed_code == code)
            first = next(service for service in bearers if service.block.minutes is not None)
            policy = case.proposal.policy
            rivals = _rivals(case, code)
            values: dict[str, Field] = {
                "code": named(code), "minutes": value, "policy": POLICY_NAMES[policy], "rival": _joined(rivals)
            }  # fmt: skip
            yield Finding(_minutes_place(first), values, "tie" if rivals else "", (policy,))


@_raises("totals_differ", "total", "minutes")
def _totals_differ(case: Case) -> Iterator[Finding]:
    least, most = _timed_minutes(case.services, case.codes)
    seen: set[tuple[str, int]] = set()
    for total in case.document.totals if case.services else ():
        if (total.kind, total.minutes) in seen:
            continue
        seen.add((total.kind, total.minutes))
        if total.minutes < least or (total.kind == "timed" and most is not None and most < total.minutes):
            minutes = least if most is None or total.minutes < least else most
            variant = "visit" if total.kind == "visit" else ""
            yield Finding(total, {"total": total.minutes, "minutes": minutes}, variant)


def _timed_minutes(services: Sequence[Service], codes: Mapping[str, Code]) -> tuple[int, int | None]:
    """Return the least and the most that the timed minutes can add up to (most: ``None`` where some are not given).

    A shared duration counts once. Minutes of a service whose code is not known may be timed or not.
    """
    amounts: dict[tuple[int, int], tuple[int, int, bool]] = {}
    complete = True
    for service in services:
        code = codes.get(service.billed_code or "")
        if code is not None and not code.timed:
            continue
        shared = _shared(service)
        if shared is not None:
            key = (shared.start, shared.end)
            minutes = skilled = shared.minutes
        else:
            key = (service.block.start, service.block.end)
            # A total may count what was no skilled treatment, or not.
            minutes, skilled = service.block.minutes, service.block.skilled_minutes
        if minutes is None or skilled is None:
            complete = False
            continue
        _, _, surely_timed = amounts.get(key, (0, 0, True))
        amounts[key] = (skilled, minutes, surely_timed and code is not None)
    least = sum(skilled for skilled, _, surely_timed in amounts.values() if surely_timed)
    return least, sum(minutes for _, minutes, _ in amounts.values()) if complete else None


@_raises("goal_not_linked", "code")
def _goal_not_linked(case: Case) -> Iterator[Finding]:
    for service in case.headline if case.document.goals else ():
        if not service.block.goals:
            yield Finding(service.block, {"code": named(service.code)})


def _undocumented(case: Case, element: ElementName) -> Iterator[Finding]:
    shown = any(found.name == element and found.span is not None for found in case.document.elements)
    if case.headline and not shown:
        yield Finding(None)


@_raises("progress_missing")
def _progress_missing(case: Case) -> Iterator[Finding]:
    yield from _undocumented(case, "progress")


@_raises("assessment_missing")
def _assessment_missing(case: Case) -> Iterator[Finding]:
    yield from _undocumented(case, "assessment")


@_raises("activity_unspecific")
def _activity_unspecific(case: Case) -> Iterator[Finding]:
    empty = [service.block for service in case.headline if not service.block.activities]
    for block in empty:
        yield Finding(block)
    for notice in _notices(case, "unspecific"):
        if not any(block.start < notice.end and notice.start < block.end for block in empty):
            yield Finding(notice)


@_raises("mixed_block", "code")
def _mixed_block(case: Case) -> Iterator[Finding]:
    for service in case.headline:
        if {_EXERCISE, _FUNCTIONAL} <= {activity.label for activity in service.block.activities}:
            yield Finding(service.block, {"code": named(service.code)})


def _notices(case: Case, kind: NoticeKind) -> list[Notice]:
    return [notice for notice in case.document.notices if notice.kind == kind]


def _first_of(case: Case, kind: NoticeKind, group: str = "") -> Iterator[Finding]:
    """Yield one finding at the first notice of ``kind``, else at the first block whose code is of ``group``."""
    blocks = [
        service.block
        for service in case.services
        if (code := case.codes.get(service.billed_code or "")) is not None and code.group == group
    ]
    for place in (*_notices(case, kind), *blocks)[:1]:
        yield Finding(place)


@_raises("group_session")
def _group_session(case: Case) -> Iterator[Finding]:
    yield from _first_of(case, "group", "group")


@_raises("co_treatment")
def _co_treatment(case: Case) -> Iterator[Finding]:
    yield from _first_of(case, "co_treatment")


@_raises("cancelled")
def _cancelled(case: Case) -> Iterator[Finding]:
    yield from _first_of(case, "cancelled")


@_raises("evaluation_only")
def _evaluation_only(case: Case) -> Iterator[Finding]:
    codes = [case.codes.get(service.billed_code or "") for service in case.services]
    only = all(code is not None and code.group == "evaluation" for code in codes)
    for finding in _first_of(case, "evaluation_only", "evaluation" if only else ""):
        yield finding if only else finding._replace(variant="beside")


@_raises("assistant")
def _assistant(case: Case) -> Iterator[Finding]:
    yield from _first_of(case, "assistant")


@_raises("better_code", "code", "current")
def _better_code(case: Case) -> Iterator[Finding]:
    better = _list().better_code
    for service in case.services:
        block = service.block
        if service.code != better.of or block.stated is not None:
            continue
        fitting = {
            code: sum(activity.entry.startswith(prefixes) for activity in block.activities)
            for code, prefixes in better.prefixes.items()
        }
        if better.share * len(block.activities) < sum(fitting.values()):
            best = max(fitting, key=lambda code: fitting[code])
            yield Finding(block, {"code": named(best), "current": named(service.code)})


@_raises("other_code_unknown", "minutes")
def _other_code_unknown(case: Case) -> Iterator[Finding]:
    for service in case.services:
        if service.billed_code not in case.codes and service.block.minutes is not None:
            yield Finding(_minutes_place(service), {"minutes": service.block.minutes})


@_raises("unskilled_minutes", "minutes", "code", "what")
def _unskilled_minutes(case: Case) -> Iterator[Finding]:
    for service in case.services:
        code = case.codes.get(service.billed_code or "")
        # Of an untimed code no minutes count anyway.
        if code is None or not code.timed or service.block.minutes is None:
            continue
        for each in service.block.unskilled:
            values: dict[str, Field] = {"minutes": each.minutes or 0, "code": named(code.number), "what": each.what}
            yield Finding(each, values, "" if each.minutes else "unknown")


@_raises("no_treatment")
def _no_treatment(case: Case) -> Iterator[Finding]:
    if not case.services:
        yield Finding(None)


@_raises("policy_difference", "policy", "others", "medicare", "ama")
def _policy_difference(case: Case) -> Iterator[Finding]:
    proposal = case.proposal
    others = [
        f"{POLICY_NAMES[policy]}: {_amounts(earned)}"
        for policy, earned in proposal.units.items()
        if earned != case.earned
    ]
    if others:
        here = f"{POLICY_NAMES[proposal.policy]}: {_amounts(case.earned)}"
        totals = {policy: sum(earned.values()) for policy, earned in proposal.units.items()}
        values: dict[str, Field] = {
            "policy": here,
            "others": "; ".join(others),
            "medicare": totals[POOLED] - totals[STRICT],
            "ama": totals[ALONE] - totals[STRICT],
        }
        rules = (proposal.policy, *(policy for policy in proposal.units if policy != proposal.policy))
        primary = None if case.terms is None else case.terms.primary
        # Who named the payer knows the policy.
        known = "payer" if primary is not None and primary.policy == proposal.policy else ""
        yield Finding(None, values, "strict" if proposal.policy == STRICT else known, rules)


# ---- only where the request names a payer or a day of service


def _billed(case: Case, payer: Payer) -> dict[str, int]:
    """Return the units that the note would bill to a payer, untimed codes with one each."""
    earned = payer_units(case.proposal.minutes, payer, case.codes)
    untimed = {
        code.number: 1
        for service in case.services
        if (code := case.codes.get(service.billed_code or "")) is not None and not code.timed
    }
    return {**earned, **untimed}


@_raises("date_outside_rules", "day", "first", "last", "policy", "code")
def _date_outside_rules(case: Case) -> Iterator[Finding]:
    if case.terms is None or case.terms.day is None:
        return
    rules, day = case.terms.rules, case.terms.day
    policy = case.proposal.policy
    values: dict[str, Field] = {
        "day": day.isoformat(), "first": rules.first.isoformat(), "last": rules.last.isoformat(),
        "policy": POLICY_NAMES[policy], "code": "",
    }  # fmt: skip
    if rules.outside(day):
        yield Finding(None, values)
    elif not rules.get(policy).holds(day):
        yield Finding(None, values, "policy", (policy,))
    for code in sorted({service.billed_code or "" for service in case.services}):
        if not rules.bills(code, day):
            yield Finding(None, {**values, "code": named(code)}, "code", (code,))


def _edits(case: Case, payer: Payer) -> Iterator[Edit]:
    assert case.terms is not None, "there is a payer"
    yield from case.terms.rules.edits(_billed(case, payer).keys(), case.terms.day, payer.tables)


def _sure(edit: Edit, payer: Payer) -> bool:
    """Return whether somebody has confirmed the pair, and that this payer edits it."""
    return edit.sure and payer.rule.sure("tables")


@_raises("pair_not_together", "paid", "denied", "payer", "rule")
def _pair_not_together(case: Case) -> Iterator[Finding]:
    for payer in case.terms.payers if case.terms is not None else ():
        for edit in _edits(case, payer):
            # What nobody has confirmed is no ground for more than an advice.
            if edit.rule.number("indicator") == 0 and _sure(edit, payer):
                yield Finding(None, _pair_values(edit, payer))


@_raises("pair_needs_modifier", "paid", "denied", "payer", "rule")
def _pair_needs_modifier(case: Case) -> Iterator[Finding]:
    for payer in case.terms.payers if case.terms is not None else ():
        for edit in _edits(case, payer):
            if edit.rule.number("indicator") == 1 or not _sure(edit, payer):
                variant = "" if _sure(edit, payer) else "unconfirmed"
                yield Finding(None, _pair_values(edit, payer), variant)


def _pair_values(edit: Edit, payer: Payer) -> dict[str, Field]:
    return {"paid": named(edit.paid), "denied": named(edit.denied), "payer": payer.name, "rule": edit.rule.id}


@_raises("code_not_paid", "code", "payer", "instead", "note", "rule")
def _code_not_paid(case: Case) -> Iterator[Finding]:
    for payer in case.terms.payers if case.terms is not None else ():
        assert case.terms is not None, "there is a payer"
        discipline = case.terms.discipline or _discipline(case)
        for code in _billed(case, payer):
            row = not_paid(case.terms, payer, code, discipline=discipline)
            # Where the note does not tell whose work it was, a row for one discipline says nothing.
            if row is None or not row.holds(case.terms.day) or (row.text("not_for_discipline") and discipline is None):
                continue
            instead = row.text("instead")
            values: dict[str, Field] = {
                "code": named(code), "payer": payer.name, "instead": named(instead) if instead else "",
                "note": row.text("note"), "rule": row.id,
            }  # fmt: skip
            variant = "instead" if instead else ""
            yield Finding(None, values, variant if row.sure("not_for") else f"{variant}_unconfirmed".strip("_"))


@_raises("over_daily_limit", "code", "units", "limit", "payer", "rule")
def _over_daily_limit(case: Case) -> Iterator[Finding]:
    for payer in case.terms.payers if case.terms is not None else ():
        assert case.terms is not None, "there is a payer"
        billed = _billed(case, payer)
        for code, number in billed.items():
            limit = case.terms.rules.limit(code, case.terms.day, payer.limit_tables)
            if limit is not None and limit.number("units") < number:
                values: dict[str, Field] = {
                    "code": named(code), "units": number, "limit": limit.number("units"), "payer": payer.name,
                    "rule": limit.id,
                }  # fmt: skip
                yield Finding(None, values, "" if limit.sure("from", "until") else "unconfirmed")
        timed = sum(number for code, number in billed.items() if case.codes[code].timed)
        if 0 < payer.day_cap < timed:
            values = {"code": "", "units": timed, "limit": payer.day_cap, "payer": payer.name, "rule": payer.rule.id}
            yield Finding(None, values, "cap")


@_raises("modifiers_wanted", "modifiers", "payer")
def _modifiers_wanted(case: Case) -> Iterator[Finding]:
    for payer in case.terms.payers if case.terms is not None else ():
        assert case.terms is not None, "there is a payer"
        rules, day, discipline = case.terms.rules, case.terms.day, case.terms.discipline or _discipline(case)
        wanted: list[str] = []
        behind: list[str] = []
        for family in ("discipline", "assistant"):
            names = rules.modifiers(family, discipline, day)
            if family not in payer.modifiers or not names:
                continue
            if family != "assistant" or _notices(case, "assistant"):
                share = rules.assistant_share(day) if family == "assistant" else None
                percent = {} if share is None else {"percent": share.number("percent")}
                said = _WORDS[
                    "modifier_assistant_unknown" if family == "assistant" and not percent else f"modifier_{family}"
                ]
                wanted.append(said.format(names=_either(names), **percent))
                behind += [*names, *([] if share is None else [share.id])]
        if "threshold" in payer.modifiers and day is not None:
            known = [rule for rule in rules.on("threshold", day) if rule.text("name") == "kx"]
            amount = next((rule.number("dollars") for rule in known), 0)
            behind += [rule.id for rule in known]
            said = _WORDS["modifier_threshold" if amount else "modifier_no_threshold"]
            of = _WORDS[f"threshold_of_{discipline or 'any'}"]
            wanted.append(said.format(amount=amount, year=day.year, of=of))
        if wanted and _billed(case, payer):
            yield Finding(None, {"modifiers": "; ".join(wanted), "payer": payer.name}, rules=(*behind, payer.id))


def _discipline(case: Case) -> str | None:
    """Return the discipline of the assistants and the signatures in the note, ``None`` where it names none or both."""
    told = {_list().disciplines.get(notice.text.lower()) for notice in _notices(case, "assistant")} - {None}
    told |= {name for name, signed in _list().credentials.items() if signed.search(case.document.text)}
    return told.pop() if len(told) == 1 else None


def _either(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return _WORDS["modifier_list"].format(names=", ".join(names[:-1]), last=names[-1])


@_raises("payers_differ", "primary", "secondary", "first", "second")
def _payers_differ(case: Case) -> Iterator[Finding]:
    if case.terms is None or case.terms.primary is None or case.terms.secondary is None:
        return
    primary, secondary = case.terms.payers
    first, second = (payer_units(case.proposal.minutes, payer, case.codes) for payer in case.terms.payers)
    if first != second:
        values: dict[str, Field] = {
            "primary": primary.name, "secondary": secondary.name, "first": _amounts(first), "second": _amounts(second),
        }  # fmt: skip
        yield Finding(None, values, rules=(primary.id, secondary.id))


def _amounts(earned: Mapping[str, int]) -> str:
    return ", ".join(f"{number} x {code}" for code, number in earned.items()) or _WORDS["no_unit"]


@cache
def _list() -> FlagList:
    return parse_flags(data.read("flags.toml"), {flag: registered.fields for flag, registered in _REGISTRY.items()})


_THRESHOLDS = data.Lazy(lambda: _list().thresholds)
_WORDS = data.Lazy(lambda: _list().words)
FLAGS: Mapping[str, FlagKind] = data.Lazy(lambda: _list().kinds)
