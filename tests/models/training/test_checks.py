"""What the validator says of notes: each fault by its field, none by the note's words, and nothing of sound notes."""

import json
from pathlib import Path

import pytest

from models.errors import DatasetError
from models.training import checks
from models.training.dataset import LabelledNote

ROOT = Path(__file__).parents[3]
TEXT = "97110 15 min: zebra walks, okapi lunges. Plan: stairs. Goal: run"


def at(words, text=TEXT):
    start = text.index(words)
    return {"start": start, "end": start + len(words), "text": words}


SERVICE = {
    **at("97110 15 min: zebra walks, okapi lunges"), "code": "97110", "accept": ["97110"], "other_code": None, "stated": "97110",
    "stated_code": "97110", "minutes": 15, "activities": [at("zebra walks"), at("okapi lunges")],
}  # fmt: skip
ELEMENTS = {"activity": True, "duration": True, "goal": True, "assessment": False, "progress": False}
NOTE = {
    "id": "t-1", "writer": "w", "layout": "l", "discipline": "PT", "setting": "s", "style": "s", "text": TEXT, "services": [SERVICE],
    "shared_minutes": [], "mentions": [{**at("stairs"), "status": "planned"}], "goals": [at("run")], "trap": "t", "elements": ELEMENTS,
}  # fmt: skip


def line(note):
    return note if isinstance(note, str) else json.dumps(note, ensure_ascii=False)


def file(tmp_path, *notes, name="x.jsonl"):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(line(note) + "\n" for note in notes), encoding="utf-8")
    return path


def service(**changes):
    return {**NOTE, "services": [{**SERVICE, **changes}]}


def two(first=15, second=None, **changes):
    other = {**SERVICE, **at("okapi lunges"), "code": "97530", "accept": ["97530"], "minutes": second, "activities": []}
    return {**NOTE, "services": [{**SERVICE, "minutes": first}, other], **changes}


FREE = [{"minutes": 15, "blocks": [0, 1]}]


def test_a_sound_note_has_no_finding():
    note, note_id, findings = checks.check_line(line(NOTE))
    assert (note, note_id, findings) == (LabelledNote.model_validate(NOTE), "t-1", [])


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("", [("", "the line is empty")]),
        ("{", [("", "the line is no JSON")]),
        ({**NOTE, "colour": 1}, [("colour", "no field of a labelled note is called so; take it out")]),
        (
            {key: value for key, value in NOTE.items() if key not in ("writer", "goals")},
            [("writer", "the field is missing; add it"), ("goals", "the field is missing; add it")],
        ),
        (
            {**service(code="97112", minutes=0), "discipline": "SLP"},
            [
                ("discipline", "Input should be 'PT' or 'OT'"),
                ("services.0.code", "Input should be '97110', '97530' or 'other'"),
                ("services.0.minutes", "Input should be greater than 0"),
            ],
        ),
        (
            service(accept=["97530"], activities=[{**at("zebra walks"), "end": 20}, at("stairs")]),
            [
                ("services.0.accept", "code 97110 is not in accept"),
                ("services.0.activities.1", "activity at 47 lies outside its service"),
                ("services.0.activities.0", "span 14..20 does not match the text; its words stand at 14..25"),
            ],
        ),
        ({**NOTE, "goals": [{"start": 0, "end": 3, "text": "gnu"}]}, [("goals.0", "span 0..3 does not match the text; its words stand nowhere")]),
        ({**NOTE, "goals": [{"start": 3, "end": 3, "text": ""}]}, [("goals.0", "span 3..3 does not match the text; its words stand nowhere")]),
        (service(activities=[at("zebra walks"), at("walks, okapi")]), [("services.0.activities.1", "activities overlap at 20")]),
        ({**NOTE, "shared_minutes": [{"minutes": 30, "blocks": [0, 4]}]}, [
            ("services.0.minutes", "the service shares minutes and has minutes of its own"),
            ("shared_minutes.0.blocks", "names service 4, which does not exist"),
        ]),
    ],
)  # fmt: skip
def test_every_error_of_a_line_is_told(note, expected):
    found, _, findings = checks.check_line(line(note))
    assert found is None
    assert [
        (f.field, f.message[: len(message)]) for f, (_, message) in zip(findings, expected, strict=True)
    ] == expected
    assert {finding.severity for finding in findings} == {"error"}


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ({**NOTE, "mentions": [{**at("zebra"), "status": "held"}]}, [("services.0.activities.0", "error", "it overlaps mentions.0")]),
        ({**NOTE, "mentions": [{**at(": zebra"), "end": 14, "text": ": ", "status": "held"}]}, [("mentions.0", "warning", "it begins or ends")]),
        (service(stated_code="97999"), [("services.0.stated_code", "error", "codes.toml has no such code")]),
        (service(stated=None), [("services.0.stated", "warning", "there is a stated_code but not the words")]),
        (service(other_code="97140"), [("services.0.other_code", "error", "the code is 97110; other_code is for other")]),
        (service(code="other", accept=["other"], other_code="97140"), [("elements.duration", "warning", "it is true, yet")]),
        (service(code="other", accept=["other"], other_code="97110"), [
            ("services.0.other_code", "error", "97110 and 97530 are codes"), ("elements.duration", "warning", "it is true, yet"),
        ]),
        (service(code="other", accept=["other"], other_code="12345"), [
            ("services.0.other_code", "warning", "codes.toml has no such code"), ("elements.duration", "warning", "it is true, yet"),
        ]),
        (two(), []),
        (two(None, shared_minutes=FREE), []),
        (two(None, shared_minutes=[{"minutes": 15, "blocks": [1, 1]}]), [("shared_minutes.0.blocks", "error", "minutes are shared by two")]),
        (two(None, shared_minutes=[{"minutes": 15, "blocks": []}]), [
            ("shared_minutes.0.blocks", "error", "minutes are shared by two"), ("elements.duration", "warning", "it is true, yet"),
        ]),
        ({**NOTE, "services": [SERVICE, {**SERVICE, "activities": []}]}, [("services.1", "error", "it stands where services.0 stands")]),
        ({**NOTE, "goals": [at("run"), at("run")]}, [("goals.1", "error", "it stands where goals.0 stands; take one out")]),
        ({**NOTE, "elements": {**ELEMENTS, "activity": False, "goal": False, "duration": False}}, [
            ("elements.activity", "warning", "it is false, yet the note has a label of an activity"),
            ("elements.duration", "warning", "it is false, yet the note has a label of 97110 or 97530 work with minutes"),
            ("elements.goal", "warning", "it is false, yet the note has a label of a goal"),
        ]),
        ({**service(activities=[], minutes=None), "goals": []}, [
            ("elements.activity", "warning", "it is true, yet"), ("elements.duration", "warning", "it is true, yet"),
            ("elements.goal", "warning", "it is true, yet"),
        ]),
        (service(minutes=16), [("services.0.minutes", "warning", "16 stands nowhere in the note")]),
    ],
)  # fmt: skip
def test_what_the_schema_cannot_see(note, expected):
    found, _, findings = checks.check_line(line(note))
    assert found is not None
    assert [(f.field, f.severity, f.message[: len(e[2])]) for f, e in zip(findings, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("words", "minutes", "known"),
    [
        ("TE 15 min", 15, True), ("TE 15 min", 16, False), ("TE fifteen minutes", 15, True), ("TE fifty minutes", 15, False),
        ("TE 9:05-9:20", 15, True), ("TE 0905 to 0920", 15, True), ("TE 9:05 until 9:21", 15, False),
        ("TE 9:05-9:20, again 10:00-10:10", 25, True), ("TE 11:50-12:10", 20, True), ("TE 12:50 to 1:10", 20, True),
        ("TE bike 8 min, bands 12 min", 20, True), ("TE bike 8 min, bands 12 min", 21, False), ("TE bike 6' and 7'", 13, True),
        ("TE 45 min in all, half an hour of it mat work", 30, True), ("SLR 3x10, hold 20 sec", 30, False), ("TE: in gym at 9:05, bands, in room at 9:20", 15, True), ("TE: in gym at 9:05, bands, in room at 9:21", 15, False),
    ],
)  # fmt: skip
def test_where_minutes_may_come_from(words, minutes, known):
    block = {**SERVICE, "start": 0, "end": len(words), "text": words, "minutes": minutes, "activities": []}
    note = LabelledNote.model_validate({**NOTE, "text": words, "services": [block], "mentions": [], "goals": []})
    told = [finding.field for finding in checks.check_note(note) if finding.field.endswith("minutes")]
    assert told == ([] if known else ["services.0.minutes"])


def half(note_id, family="minutes", pair="p", **changes):
    return {**NOTE, "id": note_id, "pair": {"id": pair, "family": family}, **changes}


LONGER = TEXT + " 5 km"


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ([half("a"), half("b", text=LONGER, services=[{**SERVICE, "minutes": None}], elements={**ELEMENTS, "duration": False})], []),
        ([half("a"), half("b", text=LONGER)], [(2, "b", "pair.family", "warning", "the labels of the two notes do not differ in minutes")]),
        ([half("a", "purpose"), half("b", "purpose", text=LONGER)], [(2, "b", "pair.family", "warning", "the labels of the two notes do not")]),
        ([half("a", "status"), half("b", "status", text=LONGER, mentions=[])], []),
        ([half("a", "status"), half("b", "purpose", text=LONGER)], [(2, "b", "pair.family", "error", "the two notes name different families")]),
        ([half("a")], [(1, "a", "pair.id", "error", "its other half is missing")]),
        ([half("a"), half("b", text=LONGER), half("c", text=LONGER + "s")], [
            (n, note_id, "pair.id", "error", "it stands on 3 notes") for n, note_id in ((1, "a"), (2, "b"), (3, "c"))
        ]),
        ([NOTE, {**NOTE, "text": LONGER}], [(2, "t-1", "id", "error", "it stands in x.jsonl, line 1 too")]),
        ([NOTE, {**NOTE, "id": "t-2"}], [(2, "t-2", "text", "error", "it is that of x.jsonl, line 1")]),
        ([NOTE, {**NOTE, "id": "t-2", "text": LONGER}], []),
    ],
)  # fmt: skip
def test_what_only_several_notes_show(tmp_path, notes, expected):
    problems = checks.check_paths([file(tmp_path, *notes)])
    told = [
        (p.line, p.note, p.field, p.severity, p.message[: len(e[4])]) for p, e in zip(problems, expected, strict=True)
    ]
    assert told == expected


def test_files_are_taken_together_and_problems_have_their_place(tmp_path):
    first = file(tmp_path, half("a"), name="a.jsonl")
    second = file(tmp_path, "{", half("b", text=LONGER), {"id": "b-2"}, name="b.jsonl")
    problems = checks.check_paths([first, second])
    assert {(p.file, p.line, p.note) for p in problems} == {
        ("b.jsonl", 1, ""),
        ("b.jsonl", 2, "b"),
        ("b.jsonl", 3, "b-2"),
    }
    assert str(problems[0]) == "b.jsonl, line 1: error: the line is no JSON"
    assert str(problems[1]) == "b.jsonl, line 3, note b-2, writer: error: the field is missing; add it"
    assert checks.check_paths([tmp_path]) == problems


def test_no_problem_holds_a_word_of_a_note(tmp_path):
    bad = [
        {**service(accept=["97530"]), "goals": [{**at("run"), "start": 5}], "zebra": 1},
        service(activities=[{**at("zebra walks"), "text": "okapi"}]),
        {**NOTE, "elements": {"zebra": True}},
        {**NOTE, "id": "t-9", "mentions": [{**at("zebra"), "status": "okapi"}]},
        half("t-3", text=TEXT + " zebra"),
    ]
    told = "\n".join(str(problem) for problem in checks.check_paths([file(tmp_path, *bad)]))
    assert "okapi" not in told
    assert told.count("zebra") == 2  # field names that the file made up, not text
    assert "walks" not in told


def folder(tmp_path, splits, sealed=()):
    file(tmp_path, NOTE, name="notes/x.jsonl")
    file(tmp_path, *sealed, name="sealed/s.jsonl")
    (tmp_path / "splits.csv").write_text("id,split\n" + splits, encoding="utf-8")
    return tmp_path


SHUT = {**NOTE, "id": "z-1", "writer": "z", "layout": "z", "text": "sealed", "services": "broken on purpose"}


@pytest.mark.parametrize(
    ("splits", "sealed", "expected"),
    [
        ("t-1,train\n", [], []),
        ("t-1,train\nz-1,sealed\n", [SHUT], []),
        ("", [], ["splits.csv: error: no split for t-1"]),
        ("t-1,train\nt-2,train\n", [], ["splits.csv, note t-2: error: the row has no note; take it out"]),
        ("t-1,train\nz-1,sealed\n", [{**SHUT, "writer": "w"}], ["splits.csv: error: writer in train and sealed: w"]),
        ("t-1,train\nz-1,train\n", [SHUT], ["sealed/s.jsonl, line 1: error: z-1 is train: it belongs in notes/"]),
    ],
)
def test_a_corpus_is_checked_with_its_splits_and_the_headers_of_its_sealed_notes(tmp_path, splits, sealed, expected):
    problems = [str(problem) for problem in checks.check_paths([folder(tmp_path, splits, sealed)])]
    assert problems[: len(expected)] == expected
    assert bool(problems) is bool(expected)


@pytest.mark.parametrize("inside", ["sealed", "sealed/s.jsonl"])
def test_sealed_notes_stay_shut(tmp_path, inside):
    with pytest.raises(DatasetError, match="sealed notes stay shut"):
        checks.check_paths([folder(tmp_path, "t-1,train\n", [SHUT]) / inside])


def test_a_folder_without_notes_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no \.jsonl file"):
        checks.check_paths([tmp_path])


def test_the_corpus_has_no_error_and_few_warnings():
    problems = checks.check_paths([ROOT / "training_data"])
    assert [str(problem) for problem in problems if problem.severity == "error"] == []
    notes = sum(path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "training_data").rglob("*.jsonl"))
    assert len(problems) < notes / 40
