"""The shipped classifier: honest sums, reasons out of the weights, and content over the stated code."""

import pytest

from models.coder import Coder

CODERS = {profile: Coder.load(profile=profile) for profile in ("accurate", "fast")}
CODER = CODERS["accurate"]
CONTENT = [
    (
        "97530 Therapeutic Activities 20 min: quad sets 3x10, SLR 3x10, clamshells, heel slides, ankle pumps",
        "97110",
        "97530",
    ),
    ("97530 15 min: band rows 3x10, biceps curls 2 lb, wall slides", "97110", "97530"),
    ("97112 15 min: quad sets, SLR 3x10, bridges 2x10", "97110", "97112"),
    (
        "97110 Ther Ex 20 min: car transfer, toilet transfer w/ grab bar, carrying laundry basket, sit to stand from recliner",
        "97530",
        "97110",
    ),
    (
        "97110 25 min: loading the dishwasher, carrying grocery bags to the counter, reaching into overhead cupboard",
        "97530",
        "97110",
    ),
    ("97110 20 min: QS, SLR, heel slides x 10", "97110", "97110"),
    ("97530 20 min: bed mobility, w/c to bed transfer, toilet transfer", "97530", "97530"),
]


@pytest.mark.parametrize("profile", CODERS)
@pytest.mark.parametrize(("text", "code", "stated"), CONTENT)
def test_content_decides_whatever_the_note_states(profile, text, code, stated):
    result = CODERS[profile].code(text)
    assert [(s.code, s.stated_code) for s in result.services] == [(code, stated)]
    assert ("code_mismatch" in {flag.id for flag in result.flags}) is (code != stated)


@pytest.mark.parametrize("profile", CODERS)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Ther ex 15 min: band rows 3x10 so that she can open the garage door", "97110"),
        ("15 min: opened the garage door ten times, lats weak", "97530"),
        ("US 8 min to R lateral epicondyle", "other"),
        ("97140 15 min: STM to upper traps, GH glides gr III", "other"),
    ],
)
def test_what_was_done_counts(profile, text, code):
    assert [s.code for s in CODERS[profile].code(text).services] == [code]


@pytest.mark.parametrize("profile", CODERS)
def test_no_content_speaks_against_a_group(profile: str):
    exercises = "cat-camel, pelvic tilts, dead bug, bird dog"
    [group] = CODERS[profile].code(f"97150 group, 30 min: {exercises}").services
    assert (group.code, group.other_code, group.stated_code) == ("other", "97150", "97150")
    assert group.confidence > 0.9
    assert [s.code for s in CODERS[profile].code(f"97110, 30 min: {exercises}").services] == ["97110"]


def test_probabilities_sum_to_one_and_confidence_is_that_of_the_code():
    for text, _, _ in CONTENT:
        for service in CODER.code(text).services:
            assert set(service.probabilities) == {"97110", "97530", "other"}
            assert sum(service.probabilities.values()) == pytest.approx(1)
            likeliest = max(service.probabilities.values())
            assert service.probabilities[service.code] == likeliest
            assert service.confidence == min(round(likeliest, 2), 0.99)


def test_reasons_are_words_of_the_note_with_weights_of_the_model():
    text = CONTENT[0][0]
    reasons = CODER.code(text).services[0].reasons
    assert reasons
    assert all(text[r.start : r.end] == r.text and abs(r.weight) >= 0.15 for r in reasons)
    by_word = {r.text: r.weight for r in reasons}
    assert max(by_word.values()) > 0


def test_without_weights_there_are_no_reasons():
    import copy

    blank = copy.copy(CODER.classifier)
    blank.contrasts = {code: [0.0] * len(values) for code, values in blank.contrasts.items()}
    document = CODER.reader.read(CONTENT[0][0])
    assert [service.reasons for service in blank.classify(document)] == [()]
