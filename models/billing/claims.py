"""What was billed against the note: does the note support it? Too much and too little are told alike, in units.

The words of each finding stand in ``claims.toml``. Where the pooled policy leaves the last unit to the therapist, any choice
is right; what nobody has confirmed is no ground for more than an advice. Which policy counts is the request's own choice and
no such ground: a payer's profile is asked for its tables, modifiers and assistants alone.

Examples
--------
>>> from models.billing.payers import terms_of
>>> from models.billing.rules import load_rules
>>> from nlp.document import Document
>>> terms = terms_of(load_rules(), payer="medicare", discipline="PT")
>>> check_claim([Line("97110", 2, ("GP",))], Document(text=""), (), terms).over_units
2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from models.billing.assistants import Marks, marks, marks_of_whole
from models.billing.claimed import DIRECTIONS, GRADES, Claim, ClaimFinding, Line
from models.billing.codes import HEADLINE, further_code
from models.billing.errors import InvalidMinutes, InvalidUnits, UnknownCode
from models.billing.flags import named
from models.billing.payers import Payer, Terms, payer_units
from models.billing.reasons import amounts, outside_words
from models.billing.rows import Rule
from models.billing.units import POLICY_NAMES, UNIT_MINUTES, counts, units
from models.billing.written import policy_gives

if TYPE_CHECKING:
    from models.service import Service
    from nlp.document import Document

_ONCE = ("evaluation", "modality", "group")
_PHYSICIAN = "physician"  # lines of another provider, whose note is not this one
# Months of monitoring, and another profession's work in the same note, are no part of this claim.
_NOT_OF_THE_VISIT = ("remote", "slp", _PHYSICIAN)


class Support(NamedTuple):
    """The units per code that one payer's count gives the note's minutes; the claim goes first to the one that ``governs``."""

    id: str
    name: str
    governs: bool
    units: Mapping[str, int]


class ClaimCheck(NamedTuple):
    """A claim against its note.

    ``supported`` are the units per code that the note's minutes give; a code whose minutes are not known is left out.
    ``over_units`` and ``under_units`` are units billed and not supported, and supported and not billed. ``rules`` is the version
    of the rules, ``payers`` what each payer of the terms counts, the one that governs first.
    """

    billed: Mapping[str, int]
    supported: Mapping[str, int]
    findings: tuple[ClaimFinding, ...]
    over_units: int
    under_units: int
    rules: str
    payers: tuple[Support, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing was found that somebody must look at."""
        return not any(finding.severity == "warning" for finding in self.findings)


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
    UnknownCode, InvalidUnits, InvalidMinutes
        A line's code is not in the code list, its units are no whole number of 1 or more, or its assistant's minutes none of 0
        or more.
    """
    billed: dict[str, int] = {}
    for line in lines:
        if line.code not in terms.rules.codes:
            raise UnknownCode(line.code)
        if isinstance(line.units, bool) or line.units < 1:
            raise InvalidUnits(line.code, line.units)
        minutes = line.assistant_minutes
        if minutes is not None and (isinstance(minutes, bool) or minutes < 0):
            raise InvalidMinutes(line.code, minutes)
        billed[line.code] = billed.get(line.code, 0) + line.units
    claim = Claim(tuple(lines), billed, document, services, terms, policy)
    findings = [finding for check in _CHECKS for finding in check(claim)]
    order = {severity: position for position, severity in enumerate(GRADES)}
    findings.sort(key=lambda finding: (order[finding.severity], DIRECTIONS.index(finding.direction)))
    return ClaimCheck(
        billed=dict(sorted(billed.items())),
        supported=claim.supported,
        findings=tuple(findings),
        over_units=_sum(findings, "over", billed),
        under_units=_sum(findings, "under", billed),
        rules=terms.rules.version,
        payers=tuple(_counts(claim)),
    )


def _counts(claim: Claim) -> Iterator[Support]:
    for place, payer in enumerate(claim.terms.payers):
        governs = place == 0
        units = claim.supported if governs else payer_units(claim.spent, payer, claim.codes)
        yield Support(payer.id, payer.name, governs, units)


def _sum(findings: Iterable[ClaimFinding], direction: str, billed: Mapping[str, int]) -> int:
    """Return the units of one direction; of a code never more than were billed too much: two findings may share units."""
    of_code: dict[str, int] = {}
    for each in findings:
        if each.direction == direction and each.severity == "warning":
            of_code[each.code] = of_code.get(each.code, 0) + each.units
    if direction != "over":
        return sum(of_code.values())
    return sum(min(number, billed.get(code, number)) for code, number in of_code.items())


# ---- the work: is it in the note, is it on the claim


def _documented(claim: Claim) -> Iterator[ClaimFinding]:
    for code, number in claim.billed.items():
        if claim.codes[code].group == _PHYSICIAN:
            continue
        if code in claim.swapped:
            content = claim.swapped[code]
            # The headline codes stand in the order of the list; which of the two pays more is not looked at.
            variant = "under" if HEADLINE.index(code) < HEADLINE.index(content) else ""
            yield claim.find("other_code_documented", code, {"content": named(content)}, units=number, variant=variant)
        elif not claim.documents(code):
            yield claim.find("not_documented", code, {"billed": number}, units=number)
        elif claim.service(code) in claim.tally.missing:
            if claim.total is None:
                yield claim.find("minutes_unknown", code, {"billed": number})
            else:
                yield claim.find("minutes_in_total", code, {"billed": number, "total": claim.total}, rule=_TOTALS)
        elif claim.codes[code].group in _ONCE and not claim.codes[code].timed and number > 1:
            sure = claim.sure(code, "timed")
            values = {"billed": number}
            yield claim.find("units_above_minutes", code, values, units=number - 1, variant="untimed", sure=sure)


def _untimed_left_off(claim: Claim) -> Iterator[ClaimFinding]:
    """Yield untimed work that the note holds and the claim does not: the other side of work that is billed and not there."""
    for code in sorted(claim.documented & claim.codes.keys()):
        group = claim.codes[code].group
        # Which of several evaluations it was is the therapist's call.
        billed = any(claim.codes[each].group == group == "evaluation" for each in claim.billed)
        if claim.codes[code].timed or group in _NOT_OF_THE_VISIT or billed or claim.alike(code) & claim.billed.keys():
            continue
        if claim.not_for(code) is None or claim.row(code).text("instead"):
            yield claim.find("not_billed", code, units=1, variant="untimed", sure=claim.sure(code, "timed"))


def _units(claim: Claim) -> Iterator[ClaimFinding]:
    """Hold the billed units against the minutes; every code alone, and where each is right, all together."""
    tally, policy, found = claim.tally, claim.policy, False
    for code, counting in sorted(tally.minutes.items()):
        billed, whole = claim.units_of(code), counting // UNIT_MINUTES
        right = [number for number in (whole, whole + 1) if policy_gives({code: {number}}, tally, policy)]
        if right[0] <= billed <= right[-1]:
            continue
        found = True
        supported = right[-1] if billed > right[-1] else right[0]
        values = {
            "code": claim.named(code), "billed": billed, "supported": supported, "minutes": claim.spent[code],
        }  # fmt: skip
        id = "units_above_minutes" if billed > supported else "units_below_minutes" if billed else "not_billed"
        place = claim.over(code, billed - supported) if billed > supported else code
        sure = claim.sure(code, "timed", "unit_minutes", "max_units_day")
        yield claim.find(id, place, values, units=abs(billed - supported), rule=policy, sure=sure)
    if found:
        return
    if claim.total is not None:
        yield from _against_total(claim, claim.total)
        return
    asked = {code: {claim.units_of(code)} for code in tally.minutes}
    if asked and not policy_gives(asked, tally, policy):
        billed, supported = sum(claim.units_of(code) for code in tally.minutes), sum(claim.supported.values())
        values = {"billed": billed, "supported": supported, "minutes": sum(claim.spent[code] for code in asked)}
        yield _in_all(claim, values, "together", claim.tally.minutes)


def _against_total(claim: Claim, total: int) -> Iterator[ClaimFinding]:
    """Hold the units of all timed services against the note's total, where the policy asks for no minutes of each."""
    timed = {*claim.tally.minutes, *claim.tally.missing}
    billed = sum(claim.units_of(code) for code in timed)
    supported = sum(units({min(timed): total}, claim.policy, codes=claim.codes).values())
    if billed != supported:
        yield _in_all(claim, {"billed": billed, "supported": supported, "total": total}, "total", timed)


def _in_all(claim: Claim, values: Mapping[str, int], variant: str, codes: Iterable[str]) -> ClaimFinding:
    more = values["billed"] - values["supported"]
    id = "units_above_minutes" if more > 0 else "units_below_minutes"
    sure = all(claim.sure(code, "timed", "unit_minutes") for code in codes)
    return claim.find(id, "", values, units=abs(more), variant=variant, rule=claim.policy, sure=sure)


def _group(claim: Claim) -> Iterator[ClaimFinding]:
    if claim.notices("group") and not any(claim.codes[code].group == "group" for code in claim.billed):
        for code in claim.billed:
            if counts(code, claim.codes):
                yield claim.find("group_billed_singly", code, units=claim.billed[code], rule="minutes.one_on_one")


# ---- what the payer and the rules want of a line


def _pairs(claim: Claim) -> Iterator[ClaimFinding]:
    payer = claim.payer
    if payer is None:
        return
    distinct = set(claim.rules.modifiers("distinct", None, claim.terms.day))
    edits = claim.edits()
    for edit in edits:
        values = {"paid": named(edit.paid), "denied": named(edit.denied)}
        marked = bool(distinct & claim.modifiers(edit.denied))
        if not edit.rule.sure("column_1", "column_2"):
            marked = marked or bool(distinct & claim.modifiers(edit.paid))
        never = edit.rule.number("indicator") == 0
        # Whether this payer edits pairs may be as open as the pair itself.
        if not (edit.sure and payer.rule.sure("tables")):
            if never or not marked:
                yield claim.find("pair_unconfirmed", edit.denied, values, rule=edit.rule.id)
        elif never:
            number = claim.billed[edit.denied]
            yield claim.find("pair_never", edit.denied, values, units=number, rule=edit.rule.id)
        elif not marked:
            yield claim.find("pair_without_modifier", edit.denied, values, rule=edit.rule.id)
    edited = {code for edit in edits for code in (edit.paid, edit.denied)}
    for line in claim.lines if payer.tables else ():
        for modifier in line.modifiers:
            if modifier in distinct and line.code not in edited:
                rule = claim.modifier_row(modifier)
                yield claim.find("modifier_without_pair", line.code, {"modifier": modifier}, rule=rule)


def _modifiers(claim: Claim) -> Iterator[ClaimFinding]:
    rules, day, payer = claim.rules, claim.terms.day, claim.payer
    known = {rule.subject: rule for rule in rules.of_kind("modifier")}
    in_force = {rule.subject: rule for rule in rules.on("modifier", day)}
    wanted = rules.modifiers("discipline", claim.terms.discipline, day)
    for line in claim.lines:
        for modifier in line.modifiers:
            if modifier not in known:
                yield claim.find("modifier_unknown", line.code, {"modifier": modifier})
            elif modifier not in in_force:
                row = known[modifier]
                sure = row.sure("from", "until")
                yield claim.find("modifier_not_in_force", line.code, {"modifier": modifier}, rule=row.id, sure=sure)
        if payer is None or claim.codes[line.code].group == _PHYSICIAN:
            continue
        if "discipline" in payer.modifiers and wanted and not set(wanted) & set(line.modifiers):
            sure = payer.rule.sure("modifiers") and all(in_force[each].sure() for each in wanted)
            values = {"modifier": " or ".join(wanted)}
            yield claim.find("modifier_missing", line.code, values, rule=in_force[wanted[0]].id, sure=sure)


def _add_ons(claim: Claim) -> Iterator[ClaimFinding]:
    for code, number in claim.billed.items():
        known, further = claim.codes[code], further_code(code, claim.codes)
        if not claim.rules.bills(code, claim.terms.day):
            continue
        if further is not None and number > known.max_units_day:
            values = {"billed": number, "supported": known.max_units_day, "further": named(further)}
            sure = claim.sure(code, "max_units_day")
            yield claim.find("first_code_repeated", code, values, rule=claim.row(code).id, sure=sure)
        # The months of monitoring begin with a claim that need not be this one.
        if known.add_on_to and known.group not in _NOT_OF_THE_VISIT and known.add_on_to not in claim.billed:
            values = {"first": named(known.add_on_to)}
            row = claim.row(code)
            yield claim.find("add_on_alone", code, values, rule=row.id, sure=row.sure("add_on_to"))


def _not_paid(claim: Claim) -> Iterator[ClaimFinding]:
    for code in claim.billed:
        row = claim.not_for(code)
        if row is not None and row.holds(claim.terms.day):
            instead = row.text("instead")
            sure = row.sure("not_for") and (not row.text("not_for_discipline") or claim.terms.discipline is not None)
            yield claim.find(
                "code_not_paid",
                code,
                {"instead": named(instead), "note": row.text("note")},
                variant="instead" if instead else "",
                rule=row.id,
                sure=sure,
            )


def _assistants(claim: Claim) -> Iterator[ClaimFinding]:
    rules, day, payer = claim.rules, claim.terms.day, claim.payer
    share = rules.assistant_share(day)
    if payer is None:
        return
    names = rules.modifiers("assistant", claim.terms.discipline, day)
    for code in dict.fromkeys(claim.service(line.code) for line in claim.lines):
        lines = [line for line in claim.lines if claim.service(line.code) == code]
        if payer.assistants == "none":
            yield from _assistant_not_paid(claim, code, lines, names, payer)
        elif payer.assistants == "modifier" and "assistant" in payer.modifiers and share is not None:
            yield from _assistant_of(claim, code, lines, names, share, payer)


def _assistant_not_paid(
    claim: Claim, code: str, lines: Sequence[Line], names: Sequence[str], payer: Payer
) -> Iterator[ClaimFinding]:
    given = [line for line in lines if line.assistant_minutes or set(names) & set(line.modifiers)]
    sure = payer.rule.sure("assistants")
    if given:
        number = sum(line.units for line in given)
        yield claim.find("assistant_not_paid", code, {"billed": number}, units=number, rule=payer.rule.id, sure=sure)
    elif claim.notices("assistant") and all(line.assistant_minutes is None for line in lines):
        yield claim.find("assistant_perhaps_not_paid", code, rule=payer.rule.id, sure=sure)


def _assistant_of(
    claim: Claim, code: str, lines: Sequence[Line], names: Sequence[str], share: Rule, payer: Payer
) -> Iterator[ClaimFinding]:
    """Hold the units that carry the assistants' modifier against the minutes that an assistant gave."""
    with_one = [line for line in lines if set(names) & set(line.modifiers)]
    used = sorted({modifier for line in with_one for modifier in line.modifiers if modifier in names})
    known = [line.assistant_minutes for line in lines if line.assistant_minutes is not None]
    assistant, total = sum(known), claim.spent.get(code)
    billed, marked = sum(line.units for line in lines), sum(line.units for line in with_one)
    values = {
        "code": claim.named(code), "modifier": " or ".join(used or names), "percent": share.number("percent"),
        "assistant": assistant, "total": total, "billed": billed, "marked": marked,
    }  # fmt: skip
    sure = payer.rule.sure("assistants", "modifiers") and share.sure("percent")
    if not known:
        if claim.notices("assistant") and not with_one and claim.codes[code].timed:
            yield claim.find("assistant_unclear", code, values, rule=share.id)
    elif total is None:
        return
    elif assistant > total:
        yield claim.find("assistant_above_minutes", code, values)
    else:
        right = _marks(claim, code, assistant, total, billed, share)
        yield from _marked(claim, code, right, values, share, sure=sure)


def _marks(claim: Claim, code: str, assistant: int, total: int, billed: int, share: Rule) -> Marks:
    if counts(code, claim.codes):
        return marks(assistant, total, billed, share, claim.rules.last_unit(claim.terms.day))
    return marks_of_whole(assistant, total, billed, share)


def _marked(
    claim: Claim, code: str, right: Marks, values: Mapping[str, int | str | None], share: Rule, *, sure: bool
) -> Iterator[ClaimFinding]:
    marked = values["marked"]
    assert isinstance(marked, int), "units are counted"
    if marked < right.least:
        said = {**values, "needed": right.least}
        yield claim.find("assistant_without_modifier", code, said, rule=share.id, sure=sure)
    elif marked > right.most:
        said = {**values, "needed": right.most}
        yield claim.find("assistant_modifier_unneeded", code, said, rule=share.id, sure=sure)
    elif right.least < right.sure_least:
        last = claim.rules.last_unit(claim.terms.day)
        said = {**values, "therapist": right.last[0], "assistant": right.last[1]}
        yield claim.find("assistant_last_unit", code, said, rule="" if last is None else last.id)


def _limits(claim: Claim) -> Iterator[ClaimFinding]:
    payer, day = claim.payer, claim.terms.day
    if payer is None:
        return
    for code, number in claim.billed.items():
        limit = claim.rules.limit(code, day, payer.limit_tables)
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


def _dates(claim: Claim) -> Iterator[ClaimFinding]:
    rules, day = claim.rules, claim.terms.day
    if outside := outside_words(claim.terms):
        yield claim.find("date_outside_rules", "", {"note": outside})
    elif day is not None:
        for policy in dict.fromkeys((claim.policy, *(payer.policy for payer in claim.terms.payers))):
            if not rules.get(policy).holds(day):
                values = {"policy": POLICY_NAMES[policy], "day": day.isoformat()}
                yield claim.find("date_outside_rules", "", values, variant="policy", rule=policy)
    for code in claim.billed:
        if not rules.bills(code, day):
            row = claim.row(code)
            values = {"day": "" if day is None else day.isoformat(), "last": "" if row.end is None else str(row.end)}
            variant = "undated" if day is None else ""
            sure = row.sure("from", "until")
            yield claim.find("code_not_in_force", code, values, variant=variant, rule=row.id, sure=sure)


def _secondary(claim: Claim) -> Iterator[ClaimFinding]:
    """Say what the payer that is asked next counts; its count changes no other finding."""
    for other, second in zip(claim.terms.payers[1:], [*_counts(claim)][1:], strict=True):
        if second.units != claim.supported:
            values = {"secondary": other.name, "first": amounts(claim.supported), "second": amounts(second.units)}
            yield claim.find("payers_differ", "", values, rule=other.rule.id)


_TOTALS = "minutes.totals"
_CHECKS: tuple[Callable[[Claim], Iterable[ClaimFinding]], ...] = (
    _documented, _untimed_left_off, _units, _group, _pairs, _modifiers, _add_ons, _not_paid, _assistants, _limits, _dates,
    _secondary,
)  # fmt: skip
