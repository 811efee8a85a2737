"""The figures themselves: labels against themselves score exactly 1, nothing against labels scores 0."""

import csv
from pathlib import Path

import pytest

from models.billing.proposal import Proposal
from models.billing.units import all_units
from models.build import build_result
from models.errors import DatasetError, UntrustedModel
from models.note import Note
from models.service import Service
from models.training import evaluate
from models.training.dataset import headline_of, minutes_of, read_corpus, read_splits, select
from nlp.document import ELEMENTS, Activity, Block, Document, Duration, Element, Goal, Mention, Span, StatedCode

DATA = Path(__file__).parents[3] / "training_data"
NOTES = select(read_corpus(DATA), read_splits(DATA), "train")[:60]


def perfect(note):
    services, blocks = [], []
    for s in note.services:
        activities = tuple(Activity(a.start, a.end, a.text) for a in s.activities)
        duration = Duration(s.start, s.end, s.text, s.minutes, "stated") if s.minutes else None
        if duration is None and note.shared_minutes and note.elements["duration"]:
            duration = Duration(s.start, s.end, s.text, 1, "shared")
        stated = StatedCode(s.start, s.end, s.text, s.stated_code) if s.stated_code else None
        block = Block(s.start, s.end, s.text, activities, duration, s.minutes, stated)
        blocks.append(block)
        p = {code: float(code == s.code) for code in ("97110", "97530", "other")}
        services.append(Service(block, s.code, s.other_code, 1.0, p, p))
    here = Span(0, 1, note.text[:1])
    document = Document(
        text=note.text,
        blocks=tuple(blocks),
        mentions=tuple(Mention(m.start, m.end, m.text, m.status or "planned") for m in note.mentions),
        goals=tuple(Goal(g.start, g.end, g.text) for g in note.goals),
        elements=tuple(Element(name, here if note.elements[name] else None) for name in ELEMENTS),
    )
    minutes = minutes_of(note)
    proposal = Proposal(headline_of(note), 1.0, "full_15", minutes, all_units(minutes))
    return build_result(Note(text=note.text), document, services, proposal, (), version="gold", profile="accurate")


def figures(results):
    counts = [evaluate.count_note(note, result, set()) for note, result in zip(NOTES, results, strict=True)]
    return {figure.name: figure for figure in evaluate.figures(counts)}


def test_labels_against_themselves_score_one():
    found = figures([perfect(note) for note in NOTES])
    zero = {"not-today leak"}
    # A shared duration documents minutes only where the labels say so of 97110 or 97530 work; not built here.
    loose = {"elements accuracy", "element duration"}
    for name, figure in found.items():
        if name not in loose and figure.count:
            assert figure.value == (0.0 if name in zero else 1.0), name


def test_nothing_found_scores_nothing():
    empty = Document(text="")
    results = [
        build_result(
            Note(text=n.text),
            empty,
            (),
            Proposal(None, 1.0, "full_15", {}, all_units({})),
            (),
            version="none",
            profile="fast",
        )
        for n in NOTES
    ]
    found = figures(results)
    for name in ("activities F1 (overlap)", "goals F1 (overlap)", "found and rightly coded", "not-today leak"):
        assert found[name].value == 0.0


def test_an_interval_holds_its_figure():
    for figure in figures([perfect(note) for note in NOTES]).values():
        assert figure.low <= figure.value <= figure.high


def test_spans_are_paired_once_each():
    a, b, c = Span(0, 10, ""), Span(12, 20, ""), Span(4, 16, "")
    assert evaluate.pair([a, b], [c]) == [(0, 0)]
    assert evaluate.pair([c], [a, b]) == [(0, 0)]
    assert evaluate.pair([a], [b]) == []


@pytest.mark.parametrize(
    ("confidences", "right", "error"),
    [
        ([], [], 0.0),
        ([0.9, 0.9], [True, True], 0.1),
        ([0.5, 0.5], [True, False], 0.0),
        ([1.0, 0.2], [False, False], 0.6),
    ],
)
def test_calibration_error(confidences, right, error):
    assert evaluate.calibration_error(confidences, right) == pytest.approx(error)


@pytest.mark.parametrize(
    ("items", "score"),
    [([("97110", "97110"), ("97530", "97530"), ("other", "other")], 1.0), ([("97110", "97530")], 0.0), ([], 0.0)],
)
def test_macro_f1(items, score):
    assert evaluate.macro_f1(items) == score


def sealed_corpus(tmp_path, sealed=NOTES[40:42]):
    """A small corpus whose sealed notes are training notes under other names."""
    shut = [n.model_copy(update={"id": f"z-{n.id}", "writer": "z", "layout": f"z_{n.layout}"}) for n in sealed]
    for name, notes in (("notes", NOTES[:2]), ("sealed", shut)):
        (tmp_path / name).mkdir()
        lines = "".join(note.model_dump_json() + "\n" for note in notes)
        (tmp_path / name / "x.jsonl").write_text(lines, encoding="utf-8")
    rows = [f"{note.id},train\n" for note in NOTES[:2]] + [f"{note.id},sealed\n" for note in shut]
    (tmp_path / "splits.csv").write_text("id,split\n" + "".join(rows), encoding="utf-8")
    return tmp_path


def openings(folder):
    path = folder / "sealed_openings.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_sealed_notes_are_measured_and_the_opening_is_written_down(tmp_path):
    measured = evaluate.run_sealed(sealed_corpus(tmp_path), reason="test, by me")
    assert (measured.split, measured.notes) == ("sealed", 2)
    [row] = openings(tmp_path)
    assert (row["model"], row["notes"], row["reason"]) == (measured.version, "2", "test, by me")


def test_the_row_comes_before_the_reading(tmp_path):
    folder = sealed_corpus(tmp_path)
    (folder / "sealed" / "x.jsonl").write_text("not json\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"x.jsonl, line 1"):
        evaluate.run_sealed(folder, reason="test")
    assert len(openings(folder)) == 1


def test_a_refused_model_and_a_corpus_without_sealed_notes_open_nothing(tmp_path):
    with pytest.raises(UntrustedModel):
        evaluate.run_sealed(sealed_corpus(tmp_path), reason="test", model=tmp_path / "none")
    (tmp_path / "splits.csv").write_text("id,split\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="no note is in sealed"):
        evaluate.run_sealed(tmp_path, reason="test")
    assert openings(tmp_path) == []


def test_an_empty_split_is_named(tmp_path):
    with pytest.raises(DatasetError, match="no note is in development"):
        evaluate.run(sealed_corpus(tmp_path), "development")
