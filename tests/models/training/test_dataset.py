"""Labelled notes: what is refused and how, and the corpus itself."""

import ast
import csv
import json
import re
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


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"hard": [], "pair": None},
        {"hard": ["group", "co_treat"]},
        {"pair": {"id": "p1", "family": "status"}},
    ],
)
def test_hard_and_pair_are_optional(tmp_path, extra):
    note = next(dataset.read_notes(write(tmp_path, {**NOTE, **extra})))
    assert note.hard == tuple(extra.get("hard", ()))
    assert (note.pair and note.pair.family) == (extra.get("pair") and "status")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"hard": ["difficult"]}, "hard.0"),
        ({"hard": None}, "hard"),
        ({"pair": {"id": "p1", "family": "colour"}}, "pair.family"),
        ({"pair": {"id": "", "family": "status"}}, "pair.id"),
        ({"pair": {"id": "p1", "family": "status", "half": 1}}, "pair.half"),
    ],
)
def test_a_wrong_kind_or_family_is_refused(tmp_path, extra, said):
    with pytest.raises(DatasetError, match=f"line 1: {said}"):
        list(dataset.read_notes(write(tmp_path, {**NOTE, **extra})))


def raw(note_id, writer="w", layout="l", setting="s", pair=None, family="status"):
    linked = {} if pair is None else {"pair": {"id": pair, "family": family}}
    return {**NOTE, "id": note_id, "writer": writer, "layout": layout, "setting": setting, **linked}


def labelled(*arguments, **named):
    return dataset.LabelledNote.model_validate(raw(*arguments, **named))


def corpus(tmp_path, open_notes, sealed_notes=(), splits=()):
    """A folder as ``training_data`` is."""
    for name, notes in (("notes", open_notes), ("sealed", sealed_notes)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, *notes)
    rows = "".join(f"{note_id},{split}\n" for note_id, split in splits)
    (tmp_path / "splits.csv").write_text("id,split\n" + rows, encoding="utf-8")
    return tmp_path


PLACES = {"a": "train", "b": "development", "c": "sealed"}


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ([labelled("a", "w", "l"), labelled("b", "v", "l"), labelled("c", "u", "m")], None),
        ([labelled("a", "w", "pair_1"), labelled("c", "u", "pair_1")], None),
        ([labelled("b", "v", "m"), labelled("c", "u", "m")], None),
        ([labelled("a", "w", "l"), labelled("b", "w", "m")], "writer in train and development: w"),
        ([labelled("a", "w", "l"), labelled("c", "w", "m")], "writer in train and sealed: w"),
        ([labelled("b", "v", "l"), labelled("c", "v", "m")], "writer in development and sealed: v"),
        ([labelled("a", "w", "l"), labelled("c", "u", "l")], "layout in train and sealed: l"),
        ([labelled("a", "w", "my_pair_1"), labelled("c", "u", "my_pair_1")], "layout in train and sealed"),
        ([labelled("a", pair="p"), labelled("b", "v", "m", pair="p")], "pair torn between splits: p"),
        ([labelled("z")], "no split for z"),
    ],
)
def test_a_leak_across_the_split_is_refused(notes, said):
    if said is None:
        assert [note.id for note in dataset.select(notes, PLACES, "train")] == [n.id for n in notes if n.id == "a"]
        return
    with pytest.raises(DatasetError, match=said):
        dataset.select(notes, PLACES, "train")


def test_the_share_of_sealed_notes_in_settings_that_no_model_saw():
    notes = [labelled("a"), labelled("b", setting="home"), labelled("c")]
    assert dataset.unseen_settings(notes[:2], PLACES) is None
    assert dataset.unseen_settings(notes, PLACES) == 0.0
    twins = [*notes, labelled("d", setting="home"), labelled("e", setting="school"), labelled("f")]
    assert dataset.unseen_settings(twins, {**PLACES, "d": "sealed", "e": "sealed", "f": "sealed"}) == 0.5


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("id,split\na,held_out\n", "line 2: split must be one of train, development, sealed"),
        ("id,split\na,train\na,train\n", "line 3: id 'a' stands twice"),
        ("id,split\n,train\n", "line 2: the row has no id"),
        ("id\na\n", "line 2: split must be"),
    ],
)
def test_a_wrong_row_of_the_splits_is_named(tmp_path, rows, said):
    (tmp_path / "splits.csv").write_text(rows, encoding="utf-8")
    with pytest.raises(DatasetError, match=said):
        dataset.read_splits(tmp_path)


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ([raw("a", pair="p"), raw("b", pair="p")], None),
        ([raw("a", pair="p"), raw("b")], "pair 'p' stands on 1 notes"),
        ([raw("a", pair="p"), raw("b", pair="p"), raw("c", pair="p")], "pair 'p' stands on 3 notes"),
        ([raw("a", pair="p"), raw("b", pair="p", family="minutes")], "pair 'p' is of two families: minutes, status"),
        ([raw("a"), raw("a")], "id 'a' stands 2 times"),
    ],
)
def test_a_corpus_holds_whole_pairs_and_each_id_once(tmp_path, notes, said):
    folder = corpus(tmp_path, notes)
    if said is None:
        assert len(dataset.read_corpus(folder)) == len(notes)
        return
    with pytest.raises(DatasetError, match=said):
        dataset.read_corpus(folder)


SEALED = raw("c", "u", "m", "school")


def test_sealed_notes_stay_shut_unless_asked_for(tmp_path):
    folder = corpus(tmp_path, [raw("a")], [SEALED], {"a": "train", "c": "sealed"}.items())
    assert [note.id for note in dataset.read_corpus(folder)] == ["a"]
    assert [note.id for note in dataset.read_corpus(folder, sealed=True)] == ["a", "c"]


def test_a_broken_sealed_line_is_not_even_looked_at(tmp_path):
    folder = corpus(tmp_path, [raw("a")], ["not json"], {"a": "train"}.items())
    assert len(dataset.read_corpus(folder)) == 1


def test_a_header_tells_neither_text_nor_labels(tmp_path):
    folder = corpus(tmp_path, [raw("a")], [SEALED], {"a": "train", "c": "sealed"}.items())
    [header] = dataset.read_headers(folder)
    assert set(header.model_dump()) == {"id", "writer", "layout", "discipline", "setting", "hard", "pair"}
    assert "zebra" not in repr(header)


@pytest.mark.parametrize(
    ("split", "said"), [("sealed", r"notes/x.jsonl, line 1: a is sealed: it belongs in sealed/"), ("train", None)]
)
def test_a_sealed_note_in_the_open_folder_is_refused(tmp_path, split, said):
    folder = corpus(tmp_path, [raw("a")], (), {"a": split}.items())
    if said is None:
        assert len(dataset.read_corpus(folder)) == 1
        return
    with pytest.raises(DatasetError, match=said):
        dataset.read_corpus(folder)


def test_an_open_note_in_the_sealed_folder_is_refused(tmp_path):
    folder = corpus(tmp_path, [raw("a")], [SEALED], {"a": "train", "c": "development"}.items())
    with pytest.raises(DatasetError, match=r"sealed/x.jsonl, line 1: c is development: it belongs in notes/"):
        dataset.read_headers(folder)


def test_an_opening_is_a_row_of_its_own(tmp_path):
    dataset.open_sealed(tmp_path, model="2.1-ab", notes=3, reason="first\nrelease, by J. Doe")
    dataset.open_sealed(tmp_path, model="2.2-cd", notes=3, reason="second")
    with (tmp_path / "sealed_openings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["notes"], row["reason"]) for row in rows] == [
        ("2.1-ab", "3", "first release, by J. Doe"),
        ("2.2-cd", "3", "second"),
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[0]["utc"])


def test_no_opening_without_a_reason(tmp_path):
    with pytest.raises(ValueError, match="reason"):
        dataset.open_sealed(tmp_path, model="m", notes=1, reason=" \n")
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_the_sealed_evaluation_opens_sealed_notes():
    callers = []
    for folder in ("nlp", "models", "api", "notebooks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            names = [(c, getattr(c.func, "attr", None) or getattr(c.func, "id", None)) for c in calls]
            if any(name == "read_corpus" and (len(c.args) > 1 or c.keywords) for c, name in names):
                callers.append(path.relative_to(ROOT).as_posix())
    assert callers == ["models/training/evaluate.py", "tests/models/training/test_dataset.py"]


def test_the_corpus_is_whole_and_split_cleanly():
    folder = ROOT / "training_data"
    notes, headers = dataset.read_corpus(folder), dataset.read_headers(folder)
    splits = dataset.read_splits(folder)
    assert len(notes) >= 188
    assert {note.id for note in [*notes, *headers]} == set(splits)
    dataset.check_splits([*notes, *headers], splits)
    assert len(dataset.select(notes, splits, "development")) >= 40


def test_the_schema_file_is_that_of_the_classes():
    assert (ROOT / "training_data" / "schema.json").read_text("utf-8") == dataset.schema()
