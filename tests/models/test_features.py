"""Named features of a block: what was done, what it was for and what the note states are told apart, each with its words."""

import math

import pytest

from models.coder import Coder
from models.features import STATED, Feature, as_dict, block_features, settings_of

CODER = Coder.load()


def features_of(text):
    document = CODER.reader.read(text)
    (block,) = document.blocks
    return list(block_features(block, document, settings_of(text)))


def names(features):
    return {feature.name for feature in features}


def test_what_was_done_and_what_it_was_for_have_names_of_their_own():
    exercise = names(features_of("97110 15 min: band rows 3x10 so that she can open the garage door."))
    task = names(features_of("97530 15 min: opened the garage door ten times, then carried a crate."))
    assert "a:row" in exercise
    assert "a:garage" not in exercise
    assert "a:garage" in task


def test_every_feature_with_a_place_quotes_the_words_it_was_read_from():
    text = "97110 15 min: band rows 3x10, biceps curls 2 lb."
    for feature in features_of(text):
        assert 0 <= feature.start <= feature.end <= len(text)
        if feature.name.startswith("a:"):
            assert text[feature.start : feature.end].lower().startswith(feature.name[2:5])


def test_the_stated_code_can_be_hidden():
    features = features_of("97110 15 min: band rows 3x10.")
    assert f"{STATED}97110" in as_dict(features)
    hidden = as_dict(features, stated=False)
    assert hidden
    assert not any(name.startswith(STATED) for name in hidden)


def test_a_note_that_states_no_code_has_no_stated_feature():
    assert not any(name.startswith(STATED) for name in names(features_of("Band rows 3x10, SLR 3x10, 15 min.")))


@pytest.mark.parametrize(("times", "value"), [(1, 1.0), (2, 1.5), (3, 2.0), (9, 2.0)])
def test_a_repeated_name_counts_half_more_each_time_up_to_twice(times, value):
    assert math.isclose(as_dict([Feature("a:row", 1.0)] * times)["a:row"], value)


@pytest.mark.parametrize(
    ("text", "found"),
    [("HAND CLINIC, wk 9 post-op", ("hand",)), ("Hands were cold.", ()), ("", ())],
)
def test_settings_are_read_at_the_head(text, found):
    assert settings_of(text) == found
