"""What holds for any note: no rule speaks on a day that is not its own, and the order of blocks changes nothing but places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.billing.audit import audit_note
from models.billing.claims import ClaimCheck, Line, check_claim
from models.billing.errors import UnknownPayer
from models.billing.flags import Flag, check
from models.billing.payers import Terms, terms_of
from models.billing.proposal import propose
from models.billing.rules import load_rules
from models.build import build_result
from models.explain import explain
from models.note import Note
from models.service import Service
from nlp.document import Document

RULES = load_rules()
# Days at which rules begin or end, and those beside them: between them nothing changes.
EDGES = sorted({day for rule in RULES.rows.values() for day in (rule.start, rule.end) if day is not None})
DAYS = st.one_of(
    st.dates(date(1999, 1, 1), date(2035, 1, 1)),
    st.tuples(st.sampled_from(EDGES), st.integers(-1, 1)).map(lambda at: date.fromordinal(at[0].toordinal() + at[1])),
)
PAYERS = st.sampled_from([rule.id for rule in RULES.of_kind("payer")])
CODES = st.sampled_from(sorted(RULES.codes))
MODIFIERS = st.lists(st.sampled_from(["GP", "GO", "KX", "CQ", "CO", "59", "XS", "XU", "52"]), max_size=3, unique=True)
# The finding that a rule does not hold names the rule that does not.
NOT_IN_FORCE = "code_not_in_force"

Spec = dict[str, Any]


def spec_of(code: str, minutes: int | None) -> Spec:
    if code in ("97110", "97530"):
        return {"code": code, "minutes": minutes}
    return {"code": "other", "other_code": code, "minutes": minutes}


def terms_on(day: date, payer: str) -> Terms | None:
    try:
        return terms_of(RULES, day=day, payer=payer, discipline="PT")
    except UnknownPayer:
        return None  # the payer's own row does not hold


def expired(check: ClaimCheck, day: date) -> list[tuple[str, str]]:
    named = [(each.id, each.rule) for each in check.findings if each.rule and not each.id.endswith("not_in_force")]
    return [(id, rule) for id, rule in named if not RULES.rows[rule].holds(day)]


@given(
    day=DAYS,
    payer=PAYERS,
    billed=st.lists(
        st.tuples(CODES, st.integers(1, 9), MODIFIERS, st.one_of(st.none(), st.integers(0, 9))), max_size=5
    ),
    notices=st.lists(st.sampled_from(["group", "assistant"]), unique=True),
)
@example(day=date(2020, 9, 30), payer="medicare", billed=[(c, 1, ["GP"], None) for c in ("97116", "97530")], notices=[])
@example(day=date(2020, 1, 25), payer="medicare", billed=[(c, 1, ["GP"], None) for c in ("97161", "97530")], notices=[])
def test_every_rule_of_a_claim_s_findings_holds_on_the_day(
    day: date,
    payer: str,
    billed: list[tuple[str, int, list[str], int | None]],
    notices: list[str],
    services: Callable[..., tuple[Service, ...]],
    document: Callable[..., Document],
) -> None:
    terms = terms_on(day, payer)
    if terms is None:
        return
    note = services(*(spec_of(code, 15) for code, _, _, _ in billed))
    lines = [Line(code, number, tuple(modifiers), assistant) for code, number, modifiers, assistant in billed]
    read = document(notices=[(920 + at, kind) for at, kind in enumerate(notices)])
    checked = check_claim(lines, read, note, terms)
    assert expired(checked, day) == []
    late = {each.code for each in checked.findings if each.id == NOT_IN_FORCE}
    assert late == {code for code, _, _, _ in billed if not RULES.rows[code].holds(day)}


@pytest.mark.parametrize(("day", "there"), [(date(2020, 1, 24), True), (date(2020, 1, 25), False)])
def test_the_property_sees_a_pair_and_its_end(
    day: date, there: bool, services: Callable[..., tuple[Service, ...]]
) -> None:
    note = services(spec_of("97161", None), spec_of("97530", 15))
    checked = check_claim(
        [Line("97161", 1), Line("97530", 1)], Document(text=""), note, terms_on(day, "medicare") or ()
    )  # type: ignore[arg-type]
    assert ("97161-97530.2020-01" in {each.rule for each in checked.findings}) is there
    # Looked at a day too late, the same findings are expired ones.
    assert bool(expired(checked, date(2020, 1, 25))) is there


@given(day=DAYS, payer=PAYERS, blocks=st.lists(st.tuples(CODES, st.integers(0, 120)), max_size=6))
@example(day=date(2020, 9, 30), payer="medicare", blocks=[("97116", 15), ("97530", 15)])
@example(day=date(2020, 10, 1), payer="medicare", blocks=[("97116", 15), ("97530", 120)])
def test_every_rule_of_a_note_s_flags_holds_on_the_day(
    day: date,
    payer: str,
    blocks: list[tuple[str, int]],
    services: Callable[..., tuple[Service, ...]],
    document: Callable[..., Document],
) -> None:
    terms = terms_on(day, payer)
    if terms is None:
        return
    note = services(*(spec_of(code, minutes) for code, minutes in blocks))
    flags = check(document(), note, propose(note, "cms_8_minute"), terms)
    rules = {rule for flag in flags for rule in re.findall(r"\(rule ([^,)]+)", flag.message)}
    assert [rule for rule in rules if not RULES.rows[rule].holds(day)] == []
    if {code for code, _ in blocks} == {"97116", "97530"} and payer == "medicare" and all(m >= 15 for _, m in blocks):
        pair = {rule for rule in rules if rule.startswith("97530-97116")}
        assert pair == {
            rule.id
            for rule in RULES.on("pair", day)
            if rule.id.startswith("97530-97116.") and rule.number("indicator") == 1
        }


# ---- the order of blocks

# Equal minutes and equal confidence leave the headline code to the order of the text, as the contract says: here none are equal.
BLOCKS = st.lists(
    st.tuples(
        st.sampled_from(["97110", "97530", "97116", "97140", "97161", "97150"]),
        st.one_of(st.none(), st.integers(0, 60)),
        st.sampled_from(["97110", "97530", None]),
    ),
    min_size=1,
    max_size=6,
)


def _built(
    services: Callable[..., tuple[Service, ...]], blocks: list[tuple[int, tuple[str, int | None, str | None]]]
) -> tuple[Service, ...]:
    return services(
        *(
            {**spec_of(code, minutes), "stated": stated, "confidence": 0.5 + at / 100}
            for at, (code, minutes, stated) in blocks
        )
    )


def _told(flags: tuple[Flag, ...]) -> Counter[tuple[str, str, str]]:
    return Counter((flag.id, flag.severity, flag.message) for flag in flags)


def _whole(note: tuple[Service, ...], read: Document, policy: str) -> dict[str, Any]:
    """Return all that is said of a note but where it stands."""
    terms = terms_of(RULES, payer="medicare", day=date(2026, 5, 4), discipline="PT")
    proposal = propose(note, policy)
    flags = check(read, note, proposal, terms)
    audited = audit_note(read, note, terms)
    result = build_result(
        Note(text=read.text), read, note, proposal, flags, terms=terms, version="v", profile="fast"
    )  # fmt: skip
    way = explain(result, terms, read.totals)
    return {
        "proposal": (proposal.code, proposal.confidence, proposal.minutes, proposal.units, result.proposal.status),
        "flags": _told(flags),
        "score": audited.score,
        "items": Counter((item.id, item.state, item.why) for item in audited.items),
        "count": way.count,
        "totals": way.totals,
        # Into which of a code's units a block's minutes go follows the order of the text.
        "ways": Counter(
            (
                block.code,
                tuple(
                    (step.stage, step.text.partition("; this block")[0], step.rule)
                    for step in block.steps
                    if step.stage != "flag"
                ),
            )
            for block in way.blocks
        ),
    }


@settings(deadline=None)  # the audit reads its words at first use
@given(
    blocks=BLOCKS,
    random=st.randoms(use_true_random=False),
    policy=st.sampled_from(["full_15", "cms_8_minute", "ama_midpoint"]),
)
def test_the_order_of_blocks_never_matters(
    blocks: list[tuple[str, int | None, str | None]],
    random: Any,
    policy: str,
    services: Callable[..., tuple[Service, ...]],
    document: Callable[..., Document],
) -> None:
    numbered = list(enumerate(blocks))
    read = document(totals=[(900, 40, "timed")])
    one = _whole(_built(services, numbered), read, policy)
    random.shuffle(numbered)
    assert _whole(_built(services, numbered), read, policy) == one


def test_the_order_property_sees_a_difference(
    services: Callable[..., tuple[Service, ...]], document: Callable[..., Document]
) -> None:
    whole = [_whole(services(spec_of("97110", minutes)), document(), "full_15") for minutes in (15, 16)]
    assert {key for key in whole[0] if whole[0][key] != whole[1][key]} >= {"proposal", "count", "ways"}
