"""A changed note keeps every label on the words it was on; what is not that kind's business stays."""

import random
from pathlib import Path

import pytest

from models.training.dataset import LabelledNote, read_corpus
from models.training.perturb import KINDS, apply, pairs, perturbed

NOTES = read_corpus(Path(__file__).parents[3] / "training_data")[::9]


def note(text, *activities):
    at = [(text.index(a), text.index(a) + len(a)) for a in activities]
    return LabelledNote.model_validate(
        {
            "id": "x-01",
            "writer": "x",
            "layout": "x",
            "discipline": "PT",
            "setting": "x",
            "style": "x",
            "text": text,
            "services": [
                {
                    "start": 0,
                    "end": len(text),
                    "text": text,
                    "code": "97110",
                    "accept": ["97110"],
                    "other_code": None,
                    "stated": None,
                    "stated_code": None,
                    "minutes": 15,
                    "activities": [{"start": s, "end": e, "text": text[s:e]} for s, e in at],
                }
            ],
            "shared_minutes": [],
            "mentions": [],
            "goals": [],
            "elements": dict.fromkeys(("activity", "duration", "goal", "assessment", "progress"), True),
            "trap": "",
        }
    )


@pytest.mark.parametrize(
    ("edits", "text", "activities"),
    [
        ([], "TE: SLR, bridges 15 min", ["SLR", "bridges"]),
        ([(0, 2, "Ther ex")], "Ther ex: SLR, bridges 15 min", ["SLR", "bridges"]),  # before every label
        ([(4, 7, "straight leg raise")], "TE: straight leg raise, bridges 15 min", ["straight leg raise", "bridges"]),
        ([(9, 10, "B")], "TE: SLR, Bridges 15 min", ["SLR", "Bridges"]),  # a label's first letter
        ([(15, 17, "S")], "TE: SLR, bridgeS15 min", ["SLR", "bridgeS"]),  # over a label's end: all of it belongs
        ([(17, 23, "15'")], "TE: SLR, bridges 15'", ["SLR", "bridges"]),  # behind
        ([(7, 9, "; "), (4, 7, "SLRs")], None, None),  # out of order is a caller's mistake
    ],
)
def test_labels_move_with_the_text(edits, text, activities):
    start = note("TE: SLR, bridges 15 min", "SLR", "bridges")
    if text is None:
        with pytest.raises(ValueError, match="in text order"):
            apply(start, edits)
        return
    changed = apply(start, edits)
    assert changed.text == text
    assert [a.text for a in changed.activities] == activities


def test_an_edit_that_removes_a_label_is_refused():
    with pytest.raises(ValueError, match="does not match the text"):
        apply(note("TE: SLR, bridges 15 min", "SLR", "bridges"), [(4, 9, "")])


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("lower case", "TE: SLR", "te: slr"),
        ("upper case", "te: slr", "TE: SLR"),
        ("abbreviations expanded", "SLR w/ band, min A, 15 min", "SLR with band, min A, 15 minutes"),
        ("abbreviations contracted", "SLR with band 15 minutes", "SLR w/ band 15 min"),
        ("lines joined", "SLR\n  bridges\n", "SLR bridges\n"),
        ("lines joined", "SLR bridges", "SLR bridges"),
        ("headings removed", "Treatment: SLR\nTherapeutic exercise: bridges", "SLR\nTherapeutic exercise: bridges"),
    ],
)
def test_a_kind_does_what_it_says(kind, text, wanted):
    assert apply(note(text), KINDS[kind](note(text), random.Random(1))).text == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_labels_of_real_layouts_and_does_something(kind):
    changed = [perturbed(n, kind) for n in NOTES]
    assert sum(a.text != b.text for a, b in zip(NOTES, changed, strict=True)) > len(NOTES) // 5
    for before, after in zip(NOTES, changed, strict=True):
        assert [s.minutes for s in before.services] == [s.minutes for s in after.services]
        assert len(before.activities) == len(after.activities)
        assert perturbed(before, kind) == after  # seeded by the note


def test_an_unknown_kind_is_no_kind():
    with pytest.raises(KeyError):
        perturbed(NOTES[0], "upside down")


def test_pairs_mean_one_thing():
    shorts = [short.lower() for short, _ in pairs("abbreviation")]
    assert len(shorts) == len(set(shorts))
