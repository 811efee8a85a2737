"""A clinic's own code in a note: it counts where the request's rules have it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from models.billing.audit import audit_note
from models.billing.claims import Line, check_claim
from models.billing.codes import CODES, Code
from models.billing.flags import check
from models.billing.payers import Terms, terms_of
from models.billing.proposal import minutes_by_code, propose
from models.billing.rules import load_rules
from models.billing.written import contradictions
from models.coder import Coder
from models.service import Service
from nlp.document import Document

ROW = """
[[code]]
number = "{number}"
name = "our own {number}"
timed = {timed}
unit_minutes = {minutes}
group = "{group}"
source = "contract of 2026"
checked = 2026-11-01
confirmed = true
"""
HEADER = '[header]\nversion = "1"\nsource = "our contracts"\nreviewed = "2026-11-26"\nreviewed_by = "us"\n'
OWN = {"code": "other", "other_code": "S9999", "minutes": 20}
GROUP = {"code": "other", "other_code": "S9998", "minutes": 20}
TE = {"code": "97110", "minutes": 15}

Services = Callable[..., tuple[Service, ...]]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "clinic.toml"
    rows = [
        ROW.format(number="S9999", timed="true", minutes=15, group="procedure"),
        ROW.format(number="S9998", timed="false", minutes=0, group="group"),
        ROW.format(number="97899", timed="true", minutes=15, group="procedure"),
    ]
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def terms(own: Path) -> Terms:
    return terms_of(load_rules(own), payer="medicare", day=date(2026, 5, 4), discipline="PT")


@pytest.fixture(scope="module")
def shipped() -> Terms:
    return terms_of(load_rules(), payer="medicare", day=date(2026, 5, 4), discipline="PT")


def test_its_minutes_and_units_count_with_the_rules_that_have_it(services: Services, terms: Terms) -> None:
    note = services(TE, OWN, GROUP)
    assert minutes_by_code(note, terms.rules.codes) == {"97110": 15, "S9999": 20}
    assert minutes_by_code(note) == {"97110": 15}
    assert propose(note, "full_15", codes=terms.rules.codes).units["cms_8_minute"] == {"97110": 1, "S9999": 1}
    assert propose(note, "full_15").units["cms_8_minute"] == {"97110": 1}


def flags_of(note: tuple[Service, ...], read: Document, under: Terms) -> dict[str, str]:
    proposal = propose(note, "cms_8_minute", codes=under.rules.codes)
    return {flag.id: flag.message for flag in check(read, note, proposal, under)}


def test_the_flags_know_it(services: Services, document: Callable[..., Document], terms: Terms, shipped: Terms) -> None:
    note = services(TE, OWN, GROUP)
    known, unknown = (flags_of(note, document(totals=[(900, 40, "timed")]), under) for under in (terms, shipped))
    assert "other_code_unknown" in unknown
    assert "other_code_unknown" not in known
    # It is group treatment by its own row, and untimed: 40 minutes are more than the timed ones.
    assert "group_session" in known
    assert "group_session" not in unknown
    assert "totals_differ" in known
    assert "totals_differ" not in unknown


@pytest.mark.parametrize(("minutes", "flagged"), [(7, True), (20, False)])
def test_it_may_earn_no_unit_beside_another(
    services: Services, document: Callable[..., Document], terms: Terms, minutes: int, flagged: bool
) -> None:
    found = flags_of(services(TE, OWN | {"minutes": minutes}), document(), terms)
    assert ("code_earns_no_unit" in found) is flagged


@pytest.mark.parametrize(("units", "wrong"), [(1, False), (2, False), (3, True)])
def test_written_units_of_it_are_held_against_its_minutes(
    services: Services, document: Callable[..., Document], terms: Terms, units: int, wrong: bool
) -> None:
    note = services(OWN | {"minutes": 23})
    written = document(written=[(500, units, "S9999")]).written_units

    def found(codes: Mapping[str, Code]) -> bool:
        return bool(contradictions(written, note, codes))

    assert found(terms.rules.codes) is wrong
    # Without its row nobody can say.
    assert not found(CODES)


@pytest.mark.parametrize(
    ("billed", "finding"), [(1, None), (2, "units_above_minutes"), (3, "units_above_minutes"), (0, "not_billed")]
)
def test_a_claim_with_it(services: Services, terms: Terms, billed: int, finding: str | None) -> None:
    lines = [Line("97110", 1, ("GP",)), *([Line("S9999", billed, ("GP",))] if billed else [])]
    checked = check_claim(lines, Document(text=""), services(TE, OWN), terms)
    assert {each.id for each in checked.findings} == ({finding} if finding else set())
    assert checked.supported == {"97110": 1, "S9999": 1}


def test_the_audit_asks_for_its_minutes(services: Services, terms: Terms, shipped: Terms) -> None:
    def state(under: Terms, spec: dict[str, Any]) -> str:
        [service] = audit_note(Document(text=""), services(spec), under).services
        return next(item.state for item in service.items if item.id == "service.minutes")

    assert state(terms, GROUP | {"minutes": None}) == "not_applicable"
    assert state(terms, OWN | {"minutes": None}) == "missing"


def test_a_note_that_writes_its_number(own: Path) -> None:
    coder = Coder.load(profile="fast", alone=True)
    with_own = Coder(coder.readers, coder.classifiers, coder.manifest, profile="fast", rules=load_rules(own))
    note = "97899 x 20 min: balance games.\nTher ex (97110) 15 min: SLR 3x10."
    known, unknown = with_own.code(note), coder.code(note)
    assert (known.minutes, unknown.minutes) == ({"97110": 15, "97899": 20}, {"97110": 15})
    assert known.units["cms_8_minute"] == {"97110": 1, "97899": 1}
    ids = [{flag.id for flag in result.flags} for result in (known, unknown)]
    assert ["other_code_unknown" in each for each in ids] == [False, True]
    steps = [step for block in with_own.explain(note).blocks for step in block.steps if step.rule == "97899"]
    assert steps
    assert steps[0].source == "contract of 2026"
