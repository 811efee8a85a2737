"""The break-downs: every entry's own examples, every note in a group, and files that cannot be used."""

from pathlib import Path

import pytest

from models.training.dataset import read_corpus
from models.training.groups import (
    BREAKDOWNS,
    LENGTHS,
    ORDINARY,
    OTHER_SETTING,
    SETTINGS,
    length_group,
    parse_groups,
    setting_group,
)
from nlp.errors import LexiconError

from .conftest import labelled, marked

DATA = Path(__file__).parents[3] / "training_data"
HEAD = '[header]\nversion = "1"\nsource = "s"\nreviewed = "2026-11-25"\nreviewed_by = "b"\n'
SETTING = '[[setting]]\nid = "a"\nname = "A"\nwords = ["x"]\nexamples = ["x"]\nnot_examples = ["y"]\n'
LENGTH = '[[length]]\nid = "l"\nname = "L"\n'


@pytest.mark.parametrize(
    ("label", "name"), [(label, setting.name) for setting in SETTINGS for label in setting.examples]
)
def test_examples_are_taken(label, name):
    assert setting_group(label) == name


@pytest.mark.parametrize(
    ("label", "name"), [(label, setting.name) for setting in SETTINGS for label in setting.not_examples]
)
def test_counter_examples_are_not(label, name):
    assert setting_group(label) != name


def test_a_setting_of_no_group():
    assert setting_group("space station") == OTHER_SETTING


def test_nearly_every_note_has_a_group_of_settings():
    notes = read_corpus(DATA)
    assert sum(setting_group(note.setting) == OTHER_SETTING for note in notes) <= len(notes) // 100


@pytest.mark.parametrize(
    ("words", "identity"),
    [(0, "tiny"), (49, "tiny"), (50, "short"), (249, "long"), (250, "very_long"), (9999, "very_long")],
)
def test_lengths(words, identity):
    assert length_group(words) == next(length.name for length in LENGTHS if length.id == identity)


def test_a_note_stands_in_each_of_its_hard_kinds():
    assert BREAKDOWNS["hard kind"](marked(labelled(), hard=("group", "co-treat"))) == ("group", "co-treat")
    assert BREAKDOWNS["hard kind"](labelled()) == (ORDINARY,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + SETTING + LENGTH.replace("L", "L") + "below = 5\n", "no below"),
        (HEAD + SETTING + LENGTH + LENGTH.replace('"l"', '"m"'), "must grow"),
        (HEAD + SETTING.replace('words = ["x"]\n', "") + LENGTH, "words is missing"),
        (HEAD + SETTING + SETTING + LENGTH, "stands twice"),
        (HEAD + LENGTH, "setting"),
    ],
)
def test_a_wrong_file_is_refused(text, reason):
    with pytest.raises(LexiconError, match=reason):
        parse_groups(text)
