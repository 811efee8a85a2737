"""What was billed against the note: does the note support it? Too much and too little are told alike, in units.

The words of each finding stand in ``claims.toml``. Where the pooled policy leaves the last unit to the therapist, any choice
is right; what nobody has confirmed is no ground for more than an advice.

Examples
--------
>>> from models.billing.payers import terms_of
>>> from models.billing.rules import load_rules
>>> terms = terms_of(load_rules(), payer="medicare", discipline="PT")
>>> check_claim([Line("97110", 2, ("GP",))], Document(text=""), (), terms).over_units
2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from string import Formatter
from types import MappingProxyType
from typing import NamedTuple

from models.billing import data
from models.billing.codes import HEADLINE
from models.billing.errors import InvalidUnits, UnknownCode
from models.billing.flags import named
from models.billing.payers import Payer, Terms, payer_minutes, payer_units
from models.billing.reasons import amounts
from models.billing.rules import Edit, assistant_marked
from models.billing.units import POLICY_NAMES, UNIT_MINUTES, counts, units
from models.billing.written import Tally, policy_gives
from models.service import Service
from nlp.document import Document, NoticeKind

DIRECTIONS = ("over", "under", "form", "unknown")
_GRADES = ("warning", "info")
_FIELDS = frozenset(
    ("code", "content", "billed", "supported", "minutes", "policy", "paid", "denied", "payer", "rule", "modifier",
     "percent", "day", "secondary", "first", "second")
)  # fmt: skip
_ONCE = ("evaluation", "modality", "group")
_ELSEWHERE = "physician"  # lines of another provider, whose note is not this one


class Line(NamedTuple):
    """One line of a claim.

    ``assistant_minutes`` are the minutes that an assistant gave apart from the therapist, ``None`` where not known.
    """

    code: str
    units: int
    modifiers: tuple[str, ...] = ()
    assistant_minutes: int | None = None


class ClaimFinding(NamedTuple):
    """One difference; ``units`` is how many it concerns, ``rule`` the id of the rule behind it (``""``: none)."""

    id: str
    direction: str
    severity: str
    code: str
    units: int
    message: str
    action: str
    source: str
    rule: str


class ClaimCheck(NamedTuple):
    """A claim against its note.

    ``supported`` are the units per code that the note's minutes give; a code whose minutes are not known is left out.
    ``over_units`` and ``under_units`` are units billed and not supported, and supported and not billed. ``rules`` is the version
    of the rules.
    """

    billed: Mapping[str, int]
    supported: Mapping[str, int]
    findings: tuple[ClaimFinding, ...]
    over_units: int
    under_units: int
    rules: str

    @property
    def agrees(self) -> bool:
        """Whether nothing was found that somebody must look at."""
        return not any(finding.severity == "warning" for finding in self.findings)


class _Kind(NamedTuple):
    direction: str
    severity: str
    messages: Mapping[str, str]
    action: str
    source: str


def parse_findings(text: str, file: str = "claims.toml") -> Mapping[str, _Kind]:
    """Return the findings of a data file by id.

    Raises
    ------
    LexiconError
        The file cannot be used: a missing or unknown key, a direction or severity that there is not, a message that asks
        for a value which no finding has.
    """
    kinds: dict[str, _Kind] = {}
    for entry in data.parse(text, file).closed(("finding",)).tables("finding", "id"):
        entry.closed(("id", "direction", "severity", "message", "action", "source"), ("variants",))
        messages = {"": entry.get("message", str)}
        if "variants" in entry.values:
            variants = entry.table("variants")
            messages |= {key: variants.get(key, str) for key in variants.values}
        for message in messages.values():
            if not {field for _, field, _, _ in Formatter().parse(message) if field is not None} <= _FIELDS:
                raise entry.error(f"message may ask for {', '.join(sorted(_FIELDS))}")
        direction, severity = entry.get("direction", str), entry.get("severity", str)
        if direction not in DIRECTIONS:
            raise entry.error(f"direction must be one of {', '.join(DIRECTIONS)}")
        if severity not in _GRADES:
            raise entry.error(f"severity must be one of {', '.join(_GRADES)}")
        kinds[entry.name] = _Kind(
            direction, severity, MappingProxyType(messages), entry.get("action", str), entry.get("source", str)
        )
    return MappingProxyType(kinds)


KINDS: Mapping[str, _Kind] = data.Lazy(lambda: parse_findings(data.read("claims.toml")))


def check_claim(
    lines: Sequence[Line], document: Document, services: Sequence[Service], terms: Terms, policy: str = "full_15"
) -> ClaimCheck:
    """Hold a claim against its note.

    Parameters
    ----------
    lines : Sequence[Line]
        What was billed; several lines of one code add up.
    document : Document
        What was read out of the note.
    services : Sequence[Service]
        Its coded blocks.
    terms : Terms
        Payers, day and rules; the primary payer governs, and where the secondary counts otherwise a finding says so.
    policy : str
        The unit policy where the terms name no payer.

    Raises
    ------
    UnknownCode, InvalidUnits
        A line's code is not in the code list, or its units are no whole number of 1 or more.
    """
    billed: dict[str, int] = {}
    for line in lines:
        if line.code not in terms.rules.codes:
            raise UnknownCode(line.code)
        if isinstance(line.units, bool) or line.units < 1:
            raise InvalidUnits(line.code, line.units)
        billed[line.code] = billed.get(line.code, 0) + line.units
    claim = _Claim(tuple(lines), billed, document, services, terms, terms.payers[0] if terms.payers else None, policy)
    findings = [finding for check in _CHECKS for finding in check(claim)]
    order = {severity: position for position, severity in enumerate(_GRADES)}
    findings.sort(key=lambda finding: (order[finding.severity], DIRECTIONS.index(finding.direction)))
    return ClaimCheck(
        billed=dict(sorted(billed.items())),
        supported=claim.supported,
        findings=tuple(findings),
        over_units=_sum(findings, "over", billed),
        under_units=_sum(findings, "under", billed),
        rules=terms.rules.version,
    )


def _sum(findings: Iterable[ClaimFinding], direction: str, billed: Mapping[str, int]) -> int:
    """Return the units of one direction; of a code never more than were billed too much: two findings may share units."""
    of_code: dict[str, int] = {}
    for each in findings:
        if each.direction == direction and each.severity == "warning":
            of_code[each.code] = of_code.get(each.code, 0) + each.units
    if direction != "over":
        return sum(of_code.values())
    return sum(min(number, billed.get(code, number)) for code, number in of_code.items())


class _Claim:
    """A claim with its note, and what the note supports."""

    def __init__(
        self,
        lines: tuple[Line, ...],
        billed: Mapping[str, int],
        document: Document,
        services: Sequence[Service],
        terms: Terms,
        payer: Payer | None,
        policy: str,
    ) -> None:
        self.lines, self.billed, self.document, self.terms, self.payer = lines, billed, document, terms, payer
        self.rules, self.codes = terms.rules, terms.rules.codes
        self.policy = policy if payer is None else payer.policy
        self.documented = {code for service in services if (code := _code(service)) is not None}
        self.swapped = dict(self._swaps())
        self.minutes: Mapping[str, int] = {}
        self.tally = self._tally(services)

    def _swaps(self) -> Iterator[tuple[str, str]]:
        """Yield a headline code that is billed for the other's work, with that other."""
        for code in HEADLINE:
            for other in HEADLINE:
                alone = code not in self.documented and other not in self.billed
                if code != other and code in self.billed and other in self.documented and alone:
                    yield code, other

    def _tally(self, services: Sequence[Service]) -> Tally:
        minutes: dict[str, int] = {}
        missing: set[str] = set()
        complete = True
        for service in services:
            code = _code(service)
            if code is None or code not in self.codes:
                complete = False
            elif counts(code, self.codes):
                if service.block.skilled_minutes is None:
                    complete = False
                    missing.add(code)
                else:
                    minutes[code] = minutes.get(code, 0) + service.block.skilled_minutes
        known = {code: value for code, value in minutes.items() if code not in missing}
        self.minutes = known
        # Minutes below a payer's least are there, and earn nothing.
        counted = payer_minutes(known, self.payer, self.codes)
        return Tally({code: counted.get(code, 0) for code in known}, missing, complete, untimed=0)

    @property
    def supported(self) -> dict[str, int]:
        return units(self.tally.minutes, self.policy, codes=self.codes)

    def units_of(self, code: str) -> int:
        """Units that are billed for the work of a documented code, under whatever headline code."""
        return self.billed.get(code, 0) + sum(
            self.billed[billed] for billed, content in self.swapped.items() if content == code
        )

    def modifiers(self, code: str) -> set[str]:
        return {modifier for line in self.lines if line.code == code for modifier in line.modifiers}

    def modifier_row(self, modifier: str) -> str:
        row = self.rules.of("modifier", modifier, self.terms.day)
        return "" if row is None else row.id

    def notices(self, kind: NoticeKind) -> bool:
        return any(notice.kind == kind for notice in self.document.notices)

    def edits(self) -> tuple[Edit, ...]:
        if self.payer is None:
            return ()
        return self.rules.edits(self.billed.keys(), self.terms.day, self.payer.tables)

    def find(
        self,
        id: str,
        code: str,
        values: Mapping[str, int | str | None] = MappingProxyType({}),
        *,
        units: int = 0,
        variant: str = "",
        rule: str = "",
    ) -> ClaimFinding:
        kind = KINDS[id]
        said: dict[str, int | str | None] = {
            "code": named(code), "policy": POLICY_NAMES[self.policy], "rule": rule, **values
        }  # fmt: skip
        if self.payer is not None:
            said["payer"] = self.payer.name
        message = kind.messages[variant].format(**said)
        return ClaimFinding(
            id=id,
            direction="under" if variant == "under" else kind.direction,
            severity="info" if variant == "unconfirmed" else kind.severity,
            code=code,
            units=units,
            message=message[0].upper() + message[1:],
            action=kind.action,
            source=kind.source,
            rule=rule,
        )


def _code(service: Service) -> str | None:
    """Return the code of a block's work; where both headline codes remain possible, the one that the note states."""
    stated = service.block.stated
    if stated is not None and stated.code in HEADLINE and all(code in service.possible for code in HEADLINE):
        return stated.code
    return service.billed_code


def _documented(claim: _Claim) -> Iterator[ClaimFinding]:
    for code, number in claim.billed.items():
        if claim.codes[code].group == _ELSEWHERE:
            continue
        if code in claim.swapped:
            content = claim.swapped[code]
            # The headline codes stand in the order of the list; which of the two pays more is not looked at.
            variant = "under" if HEADLINE.index(code) < HEADLINE.index(content) else ""
            yield claim.find("other_code_documented", code, {"content": named(content)}, units=number, variant=variant)
        elif code not in claim.documented:
            yield claim.find("not_documented", code, {"billed": number}, units=number)
        elif code in claim.tally.missing:
            yield claim.find("minutes_unknown", code, {"billed": number})
        elif claim.codes[code].group in _ONCE and not claim.codes[code].timed and number > 1:
            yield claim.find("units_above_minutes", code, {"billed": number}, units=number - 1, variant="untimed")


def _units(claim: _Claim) -> Iterator[ClaimFinding]:
    """Hold the billed units against the minutes; every code alone, and where each is right, all together."""
    tally, policy, found = claim.tally, claim.policy, False
    for code, counting in sorted(tally.minutes.items()):
        billed, whole = claim.units_of(code), counting // UNIT_MINUTES
        right = [number for number in (whole, whole + 1) if policy_gives({code: {number}}, tally, policy)]
        if right[0] <= billed <= right[-1]:
            continue
        found = True
        values = {"billed": billed, "minutes": claim.minutes[code]}
        if billed > right[-1]:
            more = billed - right[-1]
            yield claim.find("units_above_minutes", code, {**values, "supported": right[-1]}, units=more, rule=policy)
        else:
            id = "units_below_minutes" if billed else "not_billed"
            less = right[0] - billed
            yield claim.find(id, code, {**values, "supported": right[0]}, units=less, rule=policy)
    asked = {code: {claim.units_of(code)} for code in tally.minutes}
    if not found and asked and not policy_gives(asked, tally, policy):
        billed, supported = sum(claim.units_of(code) for code in tally.minutes), sum(claim.supported.values())
        id = "units_above_minutes" if billed > supported else "units_below_minutes"
        values = {"billed": billed, "supported": supported, "minutes": sum(claim.minutes.values())}
        more = abs(billed - supported)
        yield claim.find(id, "", values, units=more, variant="together", rule=policy)


def _group(claim: _Claim) -> Iterator[ClaimFinding]:
    if claim.notices("group") and not any(claim.codes[code].group == "group" for code in claim.billed):
        for code in claim.billed:
            if counts(code, claim.codes):
                yield claim.find("group_billed_singly", code, units=claim.billed[code], rule="minutes.one_on_one")


def _pairs(claim: _Claim) -> Iterator[ClaimFinding]:
    distinct = set(claim.rules.modifiers("distinct", None, claim.terms.day))
    for edit in claim.edits():
        values = {"paid": named(edit.paid), "denied": named(edit.denied)}
        marked = bool(distinct & claim.modifiers(edit.denied))
        if not edit.rule.sure("column_1", "column_2"):
            marked = marked or bool(distinct & claim.modifiers(edit.paid))
        if edit.sure and edit.rule.number("indicator") == 0:
            number = claim.billed[edit.denied]
            yield claim.find("pair_never", edit.denied, values, units=number, rule=edit.rule.id)
        elif not marked:
            id = "pair_without_modifier" if edit.sure else "pair_unconfirmed"
            yield claim.find(id, edit.denied, values, rule=edit.rule.id)
    edited = {code for edit in claim.edits() for code in (edit.paid, edit.denied)}
    for line in claim.lines if claim.payer is not None and claim.payer.tables else ():
        for modifier in line.modifiers:
            if modifier in distinct and line.code not in edited:
                yield claim.find(
                    "modifier_without_pair", line.code, {"modifier": modifier}, rule=claim.modifier_row(modifier)
                )


def _modifiers(claim: _Claim) -> Iterator[ClaimFinding]:
    rules, day, payer = claim.rules, claim.terms.day, claim.payer
    known = {rule.subject for rule in rules.on("modifier", day)}
    wanted = rules.modifiers("discipline", claim.terms.discipline, day)
    for line in claim.lines:
        for modifier in line.modifiers:
            if modifier not in known:
                yield claim.find("modifier_unknown", line.code, {"modifier": modifier})
        if payer is None or claim.codes[line.code].group == _ELSEWHERE:
            continue
        if wanted and "discipline" in payer.modifiers and not set(wanted) & set(line.modifiers):
            yield claim.find(
                "modifier_missing", line.code, {"modifier": " or ".join(wanted)}, rule=claim.modifier_row(wanted[0])
            )


def _assistants(claim: _Claim) -> Iterator[ClaimFinding]:
    rules, day, payer = claim.rules, claim.terms.day, claim.payer
    share = rules.assistant_share(day)
    if payer is None or share is None or payer.assistants != "modifier" or "assistant" not in payer.modifiers:
        return
    names = rules.modifiers("assistant", claim.terms.discipline, day)
    percent = share.number("percent")
    for line in claim.lines:
        marked = sorted(set(names) & set(line.modifiers))
        minutes = claim.minutes.get(line.code)
        values = {"modifier": " or ".join(marked or names), "percent": percent, "minutes": line.assistant_minutes}
        if line.assistant_minutes is None:
            if claim.notices("assistant") and not marked and claim.codes[line.code].timed:
                yield claim.find("assistant_unclear", line.code, values, rule=share.id)
        elif minutes is not None:
            needed = assistant_marked(line.assistant_minutes, minutes, share)
            # One of several lines of a code may rightly be the therapist's own.
            if needed and not set(names) & claim.modifiers(line.code):
                yield claim.find("assistant_without_modifier", line.code, values, rule=share.id)
            elif marked and not needed:
                yield claim.find("assistant_modifier_unneeded", line.code, values, rule=share.id)


def _limits(claim: _Claim) -> Iterator[ClaimFinding]:
    payer, day = claim.payer, claim.terms.day
    if payer is None:
        return
    for code, number in claim.billed.items() if payer.limits else ():
        limit = claim.rules.limit(code, day)
        if limit is not None and limit.number("units") < number:
            most = limit.number("units")
            variant = "" if limit.sure("from", "until") else "unconfirmed"
            values = {"billed": number, "supported": most}
            yield claim.find("over_daily_limit", code, values, units=number - most, variant=variant, rule=limit.id)
    timed = sum(number for code, number in claim.billed.items() if claim.codes[code].timed)
    if 0 < payer.day_cap < timed:
        more = timed - payer.day_cap
        values = {"billed": timed, "supported": payer.day_cap}
        yield claim.find("over_daily_limit", "", values, units=more, variant="cap", rule=payer.rule.id)


def _dates(claim: _Claim) -> Iterator[ClaimFinding]:
    for code in claim.billed:
        if not claim.rules.bills(code, claim.terms.day):
            day = "a day after the code's last" if claim.terms.day is None else claim.terms.day.isoformat()
            yield claim.find("code_not_in_force", code, {"day": day}, rule=code)


def _secondary(claim: _Claim) -> Iterator[ClaimFinding]:
    """Say what the payer that is asked next counts; its count changes no other finding."""
    for other in claim.terms.payers[1:]:
        second = payer_units(claim.minutes, other, claim.codes)
        if second != claim.supported:
            values = {"secondary": other.name, "first": amounts(claim.supported), "second": amounts(second)}
            yield claim.find("payers_differ", "", values, rule=other.rule.id)


_CHECKS: tuple[Callable[[_Claim], Iterable[ClaimFinding]], ...] = (
    _documented, _units, _group, _pairs, _modifiers, _assistants, _limits, _dates, _secondary,
)  # fmt: skip
