"""What a corpus holds, counted: by split, and of sealed notes no more than their headers tell."""

import json
from pathlib import Path

import pytest

from models.errors import DatasetError
from models.training.stats import count

from .conftest import labelled

ROOT = Path(__file__).parents[3]


def lines(path, notes):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(note) + "\n" for note in notes), encoding="utf-8")


def raw(note_id, **changes):
    return {**labelled().model_dump(mode="json"), "id": note_id, **changes}


def corpus(tmp_path):
    hard, pair = ["group", "cancelled"], [{"id": "p", "family": "status"}] * 2
    lines(tmp_path / "notes" / "a.jsonl", [
        raw("a", pair=pair[0]), raw("b", pair=pair[1], hard=hard), raw("c", writer="v", layout="m", setting="home", discipline="OT"),
    ])  # fmt: skip
    shut = [
        raw("x", writer="u", layout="n", setting=s, services="broken") for s in ("outpatient ortho", "secret setting")
    ]
    lines(tmp_path / "sealed" / "s.jsonl", [shut[0], {**shut[1], "id": "y", "hard": hard[:1]}])
    splits = "a,train\nb,train\nc,development\nx,sealed\ny,sealed\n"
    (tmp_path / "splits.csv").write_text("id,split\n" + splits, encoding="utf-8")
    return tmp_path


def test_each_split_is_counted_apart(tmp_path):
    stats = count(corpus(tmp_path))
    assert list(stats.parts) == ["train", "development", "sealed"]
    assert stats.unseen_settings == 0.5
    train, development = stats.parts["train"], stats.parts["development"]
    assert (train.notes, train.writers, train.settings, train.layouts) == (2, 1, 1, 1)
    assert train.hard == {"cancelled": 1, "group": 1}
    assert (train.hard_notes, train.pairs, train.disciplines) == (1, {"status": 1}, {"PT": 2})
    assert train.names.model_dump() == {"writers": {"w": 2}, "settings": {"outpatient ortho": 2}, "layouts": {"l": 2}}
    assert (development.notes, development.disciplines, development.pairs) == (1, {"OT": 1}, {})
    assert development.labels.model_dump() == {
        "words": 18, "services": 2, "services_with_minutes": 2, "shared_minutes": 0, "activities": 3, "mentions": 1, "goals": 1,
        "blocks": {"97110": 1, "97530": 1}, "minutes": {"97110": 20, "97530": 10}, "statuses": {"held": 1},
        "elements": {"activity": 1, "duration": 1, "goal": 1},
    }  # fmt: skip


def test_of_sealed_notes_the_headers_alone_are_counted_and_no_name_is_told(tmp_path):
    stats = count(corpus(tmp_path))
    sealed = stats.parts["sealed"]
    assert (sealed.notes, sealed.writers, sealed.settings, sealed.layouts, sealed.hard) == (2, 1, 2, 1, {"group": 1})
    assert (sealed.names, sealed.labels) == (None, None)
    assert "secret" not in stats.model_dump_json()


def test_a_file_or_a_folder_of_files_is_one_part(tmp_path):
    folder = corpus(tmp_path)
    for path in (folder / "notes", folder / "notes" / "a.jsonl"):
        stats = count(path)
        assert (list(stats.parts), stats.parts["all"].notes, stats.unseen_settings) == (["all"], 3, None)
    (folder / "splits.csv").unlink()
    assert count(folder).parts["all"].notes == 3


def test_sealed_notes_stay_shut(tmp_path):
    with pytest.raises(DatasetError, match="stay shut"):
        count(corpus(tmp_path) / "sealed")


def test_a_split_that_leaks_is_refused(tmp_path):
    folder = corpus(tmp_path)
    lines(folder / "notes" / "b.jsonl", [raw("d", writer="u")])
    with (folder / "splits.csv").open("a") as splits:
        splits.write("d,train\n")
    with pytest.raises(DatasetError, match="writer in train and sealed: u"):
        count(folder)


def test_the_corpus_counts_up():
    stats = count(ROOT / "training_data")
    for split in ("train", "development"):
        part = stats.parts[split]
        assert sum(part.disciplines.values()) == sum(part.names.layouts.values()) == part.notes > 0
        assert sum(part.labels.blocks.values()) == part.labels.services
