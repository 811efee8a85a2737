"""Labelled notes: what is refused and how, and the corpus itself."""

import json
from pathlib import Path

import pytest

from models.errors import DatasetError
from models.training import dataset

ROOT = Path(__file__).parents[3]
NOTE = {
    "id": "t-1", "writer": "w", "layout": "l", "discipline": "PT", "setting": "s", "style": "s", "text": "TE 15 min: zebra walks",
    "services": [{
        "start": 0, "end": 22, "text": "TE 15 min: zebra walks", "code": "97110", "accept": ["97110"], "other_code": None,
        "stated": "TE", "stated_code": "97110", "minutes": 15, "activities": [{"start": 11, "end": 22, "text": "zebra walks"}],
    }],
    "shared_minutes": [], "mentions": [], "goals": [], "trap": "t",
    "elements": {"activity": True, "duration": True, "goal": False, "assessment": False, "progress": False},
}  # fmt: skip


def write(tmp_path, *notes):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(note if isinstance(note, str) else json.dumps(note) for note in notes), encoding="utf-8")
    return path


def test_a_sound_note_is_read(tmp_path):
    assert next(dataset.read_notes(write(tmp_path, NOTE))).activities[0].text == "zebra walks"


def service(**changes):
    return {**NOTE, "services": [{**NOTE["services"][0], **changes}]}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("not json", "JSON"),
        ({**NOTE, "colour": 1}, "colour"),
        (service(code="97116"), "services.0.code"),
        (service(text="another text"), "does not match"),
        (service(end=21), "outside its service"),
        (service(minutes=-1), "services.0.minutes"),
        (service(accept=["97530"]), "not in accept"),
        ({**NOTE, "elements": {"goal": True}}, "elements must be"),
        ({**NOTE, "shared_minutes": [{"minutes": 30, "blocks": [4]}]}, "does not exist"),
        ({**NOTE, "goals": [{"start": 3, "end": 2, "text": ""}]}, "does not match"),
    ],
)
def test_a_bad_line_is_named_without_its_text(tmp_path, bad, said):
    with pytest.raises(DatasetError, match=said) as caught:
        list(dataset.read_notes(write(tmp_path, NOTE, bad)))
    assert "x.jsonl, line 2" in str(caught.value)
    assert "zebra" not in str(caught.value)


def labelled(note_id, writer, layout):
    return dataset.LabelledNote.model_validate({**NOTE, "id": note_id, "writer": writer, "layout": layout})


def test_a_leak_across_the_split_is_refused():
    splits = {"a": "train", "b": "held_out"}
    assert len(dataset.select([labelled("a", "w", "l"), labelled("b", "v", "m")], splits, "train")) == 1
    for twin in (labelled("b", "w", "m"), labelled("b", "v", "l")):
        with pytest.raises(DatasetError, match="on both sides"):
            dataset.select([labelled("a", "w", "l"), twin], splits, "train")


def test_a_note_without_split_is_named():
    with pytest.raises(DatasetError, match="no split for a"):
        dataset.select([labelled("a", "w", "l")], {}, "train")


def test_the_corpus_is_whole_and_split_cleanly():
    notes = dataset.read_corpus(ROOT / "training_data")
    splits = dataset.read_splits(ROOT / "training_data")
    assert len(notes) >= 188
    assert {note.id for note in notes} == set(splits)
    assert len(dataset.select(notes, splits, "held_out")) >= 40


def test_the_schema_file_is_that_of_the_classes():
    assert (ROOT / "training_data" / "schema.json").read_text("utf-8") == dataset.schema()
