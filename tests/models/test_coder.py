"""One note in, one result out: the contract's example, order, sameness, privacy."""

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.coder import Coder
from models.errors import UnknownRisk
from models.note import Note
from models.result import Result
from models.training.dataset import read_corpus, read_splits, select
from nlp.errors import NoteTooLong, TherapyCoderError, UnreadableText

CODER = Coder.load()
DATA = Path(__file__).parents[2] / "training_data"
EXAMPLE = (
    "O: Ther ex x 15 min: bridging 3x10, heel raises BLE. Plan: stairs w/ rail next visit. "
    "STG: up and down 12 steps with one rail in 4 wks"
)


def test_the_contract_example():
    result = CODER.code(Note(text=EXAMPLE, note_id="n1"))
    assert (result.note_id, result.proposal.code, result.proposal.status) == ("n1", "97110", "suggested")
    service = result.services[0]
    assert (service.start, service.end, service.minutes, service.duration.kind) == (3, 51, 15, "stated")
    assert [a.text for a in service.activities] == ["bridging", "heel raises BLE"]
    assert [(m.text, m.status) for m in result.mentions] == [("stairs w/ rail", "planned")]
    assert [g.text for g in result.goals] == ["up and down 12 steps with one rail in 4 wks"]
    assert result.units == {policy: {"97110": 1} for policy in ("full_15", "cms_8_minute", "ama_midpoint")}


def test_many_give_what_one_gives_in_order():
    notes = [EXAMPLE, "", "TE 20 min: SLR, bridges", "HEP: bridges", "TA 30 min: car transfer, toilet transfer"] * 20
    assert list(CODER.code_many(notes)) == [CODER.code(note) for note in notes]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=400))
def test_any_text_gives_a_result_or_a_documented_error(text):
    try:
        result = CODER.code(text)
    except TherapyCoderError:
        return
    assert CODER.code(text) == result
    assert Result.model_validate(result.model_dump()) == result
    spans = [*result.services, *result.mentions, *result.goals]
    for service in result.services:
        spans += [*service.activities, *service.reasons, *([service.duration] if service.duration else [])]
    assert all(text[s.start : s.end] == s.text for s in spans)


@pytest.mark.parametrize("text", ["", "   \n", "Bonjour, le patient va bien.", "<p>hello</p>", "Weather is fine."])
def test_a_note_without_treatment_says_so(text):
    result = CODER.code(text)
    assert (result.proposal.code, result.proposal.status, result.services) == (None, "no_code", ())
    assert "no_treatment" in {flag.id for flag in result.flags}


@pytest.mark.parametrize(("text", "error"), [("x" * 1_000_000, NoteTooLong), ("SLR \ud800", UnreadableText)])
def test_what_cannot_be_read_is_refused_without_its_text(text, error):
    with pytest.raises(error) as caught:
        CODER.code(text)
    assert "SLR" not in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_no_word_of_the_note_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    CODER.code("TE 15 min: SLR zebrafinch 3x10")
    assert "zebrafinch" not in caplog.text


def test_profiles_read_with_and_without_the_encoder():
    assert set(CODER.readers) == {"accurate", "fast"}
    notes = [Note(text="TE 15 min: SLR 3x10", profile=profile) for profile in ("accurate", "fast", "accurate")]
    results = list(CODER.code_many(notes))
    assert [r.model.profile for r in results] == ["accurate", "fast", "accurate"]
    assert [CODER.code(note) for note in notes] == results


@pytest.mark.parametrize("profile", ["accurate", "fast"])
def test_a_profile_alone_reads_every_note_as_beside_the_other(profile):
    alone = Coder.load(profile=profile, alone=True)
    assert set(alone.readers) == set(alone.classifiers) == {profile}
    notes = [Note(text="TE 15 min: SLR 3x10. Stairs next visit.", profile=each) for each in ("accurate", "fast")]
    expected = CODER.code(Note(text=notes[0].text, profile=profile))
    assert [alone.code(note) for note in notes] == [expected, expected]


def test_the_less_may_be_wrong_the_more_must_be_looked_at():
    strict, usual = Coder.load(risk=1), Coder.load()
    least = [coder.classifier.calibration.least for coder in (strict, usual, Coder.load(risk=5))]
    assert least == sorted(least, reverse=True)
    assert 0 < least[-1] < least[0] < 1
    notes = [n.text for n in select(read_corpus(DATA), read_splits(DATA), "development")[:60]]
    pairs = list(zip(strict.code_many(notes), usual.code_many(notes), strict=True))
    assert all(a.proposal.confidence == b.proposal.confidence for a, b in pairs)
    flagged = [[result.proposal.status == "flagged" for result in both] for both in pairs]
    assert all(first >= second for first, second in flagged)
    assert sum(first for first, _ in flagged) > sum(second for _, second in flagged)


@pytest.mark.parametrize("risk", [3, 0, "1"])
def test_a_risk_without_a_threshold_is_refused(risk):
    with pytest.raises(UnknownRisk, match="choose 1, 2, 5"):
        Coder.load(risk=risk)


def test_the_result_names_the_profile_that_was_asked_for():
    assert CODER.code(Note(text="", profile="fast")).model.profile == "fast"
    assert CODER.code("").model.profile == "accurate"
    assert Coder.load(profile="fast").code("").model.profile == "fast"
