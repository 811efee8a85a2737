"""Notes in the formats of annotation tools: there and back without loss, and what people label there themselves."""

import json
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.billing.codes import CODES
from models.errors import NotConvertible
from models.training import formats
from models.training.dataset import HardKind, LabelledNote, PairFamily, read_corpus
from models.training.spans import Defaults, parse_label
from nlp.document import ELEMENTS, STATUSES

DATA = Path(__file__).parents[3] / "training_data"
TOOLS = ("prodigy", "label-studio", "doccano")
TO = {"prodigy": formats.to_prodigy, "label-studio": formats.to_label_studio, "doccano": formats.to_doccano}
FROM = {"prodigy": formats.from_prodigy, "label-studio": formats.from_label_studio, "doccano": formats.from_doccano}


def place(text, start, end):
    return {"start": start, "end": end, "text": text[start:end]}


# ---- there and back

TEXTS = st.text(
    st.sampled_from('ab 1:\r\n\t\u2028\x85é😀\U0001f468\u200d\u0301"\\{') | st.characters(codec="utf-8"),
    min_size=1,
    max_size=60,
)
WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
OTHER_CODES = st.none() | st.sampled_from(sorted(CODES)) | st.sampled_from(["", "99999", "x"])


@st.composite
def places(draw, text, low=0, high=None):
    high = len(text) if high is None else high
    start = draw(st.integers(low, high - 1))
    return start, draw(st.integers(start + 1, high))


@st.composite
def notes(draw):
    text = draw(TEXTS)
    services, done = [], []
    for _ in range(draw(st.integers(0, 4))):
        # Often the same place twice: what tools cannot tell apart by offsets.
        start, end = (
            draw(st.sampled_from([(s["start"], s["end"]) for s in services]))
            if services and draw(st.booleans())
            else draw(places(text))
        )
        code = draw(st.sampled_from(["97110", "97530", "other"]))
        activities = []
        for _ in range(draw(st.integers(0, 3))):
            one = draw(places(text, start, end))
            if all(one[1] <= a or b <= one[0] for a, b in done):
                done.append(one)
                activities.append(place(text, *one))
        services.append({
            **place(text, start, end), "code": code, "activities": activities,
            "accept": draw(st.lists(st.sampled_from(["97110", "97530", "other"]), max_size=3).map(lambda more, code=code: [*more, code])),
            "other_code": draw(OTHER_CODES), "stated": draw(st.none() | WORDS), "stated_code": draw(st.none() | WORDS),
            "minutes": draw(st.none() | st.integers(1, 240)),
        })  # fmt: skip
    free = [index for index, service in enumerate(services) if service["minutes"] is None]
    blocks = st.lists(st.sampled_from(free), max_size=3) if free else st.just([])
    spans = st.lists(places(text).map(lambda at: place(text, *at)), max_size=3)
    return LabelledNote.model_validate({
        "id": draw(WORDS), "writer": draw(WORDS), "layout": draw(WORDS), "discipline": draw(st.sampled_from(["PT", "OT"])),
        "setting": draw(WORDS), "style": draw(WORDS), "trap": draw(WORDS), "text": text, "services": services,
        "shared_minutes": draw(st.lists(st.fixed_dictionaries({"minutes": st.integers(1, 480), "blocks": blocks}), max_size=2)),
        "mentions": [{**span, "status": draw(st.none() | st.sampled_from(STATUSES))} for span in draw(spans)],
        "goals": draw(spans), "elements": {element: draw(st.booleans()) for element in ELEMENTS},
        "hard": draw(st.lists(st.sampled_from(get_args(HardKind)), max_size=2)),
        "pair": draw(st.none() | st.builds(dict, id=st.text(min_size=1, max_size=4), family=st.sampled_from(get_args(PairFamily)))),
    })  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
@settings(max_examples=150, deadline=None)
@given(note=notes())
def test_every_note_comes_back_as_it_went(tool, note):
    there = json.loads(json.dumps(TO[tool](note)))
    assert FROM[tool](there, fallback="none") == note


@settings(max_examples=50, deadline=None)
@given(note=notes())
def test_a_line_of_our_own_comes_back_as_it_went(note):
    line = formats.line_of(note)
    assert "\n" not in line
    assert formats.from_line(json.loads(line), fallback="none") == note


# ---- what the tools show

TEXT = "97530 x 15 min: transfers, TE: SLR. Plan: stairs. STG: walk"
NOTE = LabelledNote.model_validate({
    "id": "t-1", "writer": "w", "layout": "l", "discipline": "PT", "setting": "clinic", "style": "s", "trap": "t", "text": TEXT,
    "services": [
        {**place(TEXT, 0, 25), "code": "97530", "accept": ["97530"], "other_code": None, "stated": "97530", "stated_code": "97530",
         "minutes": 15, "activities": [place(TEXT, 16, 25)]},
        {**place(TEXT, 27, 34), "code": "other", "accept": ["other"], "other_code": "97112", "stated": None, "stated_code": None,
         "minutes": None, "activities": [place(TEXT, 31, 34)]},
    ],
    "shared_minutes": [], "mentions": [{**place(TEXT, 42, 48), "status": "planned"}], "goals": [place(TEXT, 55, 59)],
    "elements": {"activity": True, "duration": True, "goal": True, "assessment": False, "progress": False},
})  # fmt: skip
META = {"id": "t-1", "writer": "w", "layout": "l", "discipline": "PT", "setting": "clinic", "style": "s", "trap": "t"}
STORED = [
    {"start": 0, "end": 25, "label": "SERVICE:97530", "stated": "97530", "stated_code": "97530", "minutes": 15},
    {"start": 27, "end": 34, "label": "SERVICE:97112"},
]
SPANS = [
    (0, 25, "SERVICE:97530"), (16, 25, "ACTIVITY"), (27, 34, "SERVICE:97112"), (31, 34, "ACTIVITY"),
    (42, 48, "MENTION:planned"), (55, 59, "GOAL"),
]  # fmt: skip


def test_a_prodigy_task():
    assert formats.to_prodigy(NOTE) == {
        "text": TEXT,
        "spans": [{"start": start, "end": end, "label": label} for start, end, label in SPANS],
        "cats": {"activity": 1.0, "duration": 1.0, "goal": 1.0, "assessment": 0.0, "progress": 0.0},
        "meta": {**META, "services": STORED},
    }


def test_a_doccano_example():
    assert formats.to_doccano(NOTE) == {
        "text": TEXT,
        "entities": [
            {"id": n, "start_offset": start, "end_offset": end, "label": label}
            for n, (start, end, label) in enumerate(SPANS)
        ],
        "relations": [],
        "Comments": [],
        "cats": ["activity", "duration", "goal"],
        "meta": {**META, "services": STORED},
    }


def test_a_label_studio_task():
    task = formats.to_label_studio(NOTE)
    [annotation] = task["annotations"]
    assert task["data"] == {"text": TEXT, "note_id": "t-1"}
    assert task["meta"] == {key: value for key, value in META.items() if key != "id"}
    told = [(r["id"], r["from_name"], r["type"], r["value"]) for r in annotation["result"]]
    first = {"start": 0, "end": 25}
    assert told[:6] == [
        ("service-0", "label", "labels", {**first, "text": TEXT[:25], "labels": ["SERVICE"]}),
        ("service-0", "code", "choices", {**first, "choices": ["97530"]}),
        ("service-0", "minutes", "number", {**first, "number": 15}),
        ("service-0", "stated", "textarea", {**first, "text": ["97530"]}),
        ("service-0", "stated_code", "textarea", {**first, "text": ["97530"]}),
        ("activity-1", "label", "labels", {"start": 16, "end": 25, "text": "transfers", "labels": ["ACTIVITY"]}),
    ]
    assert told[-1] == ("elements", "elements", "choices", {"choices": ["activity", "duration", "goal"]})
    assert {r["to_name"] for r in annotation["result"]} == {"text"}


def test_the_label_studio_configuration_names_every_control_and_choice_of_a_task():
    root = ElementTree.fromstring(formats.label_studio_config())
    controls = {e.get("name"): e for e in root.iter() if e.get("toName") == "text"}
    choices = {name: {child.get("value") for child in e} for name, e in controls.items()}
    assert choices["label"] == {"SERVICE", "ACTIVITY", "MENTION", "GOAL"}
    assert choices["code"] == choices["accept"] == {"97110", "97530", "other"}
    assert choices["status"] == set(STATUSES)
    assert choices["elements"] == {*ELEMENTS, "none"}
    assert set(controls) - set(choices) == set()
    for result in formats.to_label_studio(NOTE)["annotations"][0]["result"]:
        assert result["from_name"] in controls
        assert controls[result["from_name"]].tag.lower() == result["type"]
        assert set(result["value"].get("choices", ())) <= choices[result["from_name"]]
    assert root.find("Text").attrib == {"name": "text", "value": "$text", "granularity": "symbol"}


def test_two_services_alike_need_a_link():
    first = NOTE.services[0]
    twin = first.model_copy(update={"code": "97110", "accept": ("97110",), "activities": ()})
    note = NOTE.model_copy(update={"services": (twin, first, *NOTE.services[1:])})
    assert formats.to_doccano(note)["relations"] == [{"id": 0, "from_id": 2, "to_id": 1, "type": "part_of"}]
    assert formats.to_prodigy(note)["meta"]["links"] == [{"activity": [16, 25], "service": [0, 25, 1]}]
    links = [r for r in formats.to_label_studio(note)["annotations"][0]["result"] if r["type"] == "relation"]
    assert links == [
        {"type": "relation", "from_id": "activity-2", "to_id": "service-1", "direction": "right", "labels": ["part_of"]}
    ]


# ---- what was changed in a tool wins over meta


def changed_label(record, old, new):
    return json.loads(json.dumps(record).replace(f'"{old}"', f'"{new}"'))


@pytest.mark.parametrize("tool", ["prodigy", "doccano"])
def test_a_block_coded_anew_keeps_its_minutes_and_loses_what_was_kept_for_the_other_code(tool):
    kept = NOTE.services[0].model_copy(update={"accept": ("97530", "97110")})
    record = TO[tool](NOTE.model_copy(update={"services": (kept, *NOTE.services[1:])}))
    spans = record["spans" if tool == "prodigy" else "entities"]
    spans[0]["label"] = "SERVICE:97140"
    service = FROM[tool](record, fallback="x").services[0]
    assert (service.code, service.other_code, service.accept) == ("other", "97140", ("other",))
    assert (service.minutes, service.stated_code) == (15, "97530")


@pytest.mark.parametrize("tool", ["prodigy", "doccano"])
@pytest.mark.parametrize(
    ("was", "label", "expected"),
    [
        ({"accept": ("97530", "97110")}, "SERVICE:97110", ("97110", None, ("97110",))),
        ({"accept": ("97530", "97110")}, "SERVICE:97530", ("97530", None, ("97530", "97110"))),
        ({"code": "other", "accept": ("other",), "other_code": "99999"}, "SERVICE:97110", ("97110", None, ("97110",))),
        (
            {"code": "other", "accept": ("other",), "other_code": "99999"},
            "SERVICE:other",
            ("other", "99999", ("other",)),
        ),
    ],
)
def test_what_was_kept_for_one_label_does_not_go_to_another(tool, was, label, expected):
    record = TO[tool](NOTE.model_copy(update={"services": (NOTE.services[0].model_copy(update=was),)}))
    record["spans" if tool == "prodigy" else "entities"][0]["label"] = label
    [service] = FROM[tool](record, fallback="x").services
    assert (service.code, service.other_code, service.accept) == expected


def test_a_span_taken_away_and_one_put_in():
    record = formats.to_prodigy(NOTE)
    del record["spans"][5]
    record["spans"].append({"start": 49, "end": 59, "label": "GOAL"})
    record["spans"].append({"start": 42, "end": 45, "label": "MENTION"})
    note = formats.from_prodigy(record, fallback="x")
    assert [(goal.start, goal.end) for goal in note.goals] == [(49, 59)]
    assert [mention.status for mention in note.mentions] == ["planned", None]
    assert note.services == NOTE.services


def test_minutes_in_label_studio_are_those_of_the_number():
    task = formats.to_label_studio(NOTE)
    next(r for r in task["annotations"][0]["result"] if r["type"] == "number")["value"]["number"] = 20.0
    assert [service.minutes for service in formats.from_label_studio(task, fallback="x").services] == [20, None]


def test_shared_minutes_follow_their_services():
    first = NOTE.services[0].model_copy(update={"minutes": None})
    shared = LabelledNote.model_validate(
        {
            **NOTE.model_dump(),
            "services": [first, NOTE.services[1]],
            "shared_minutes": [{"minutes": 30, "blocks": [0, 1]}],
        }
    )
    record = formats.to_doccano(shared)
    record["entities"] = record["entities"][2:]  # the first service and its activity are gone
    note = formats.from_doccano(record, fallback="x")
    assert [(entry.minutes, entry.blocks) for entry in note.shared_minutes] == [(30, (0,))]


# ---- labelled in the tool, without our meta

SHORT = "97110 (TE) 15 min: SLR, bridges. Then 20 min for lifting and HEP. Goal: stairs. Better today."
PT = Defaults(discipline="PT")


def at(words, text=SHORT):
    return text.index(words), text.index(words) + len(words)


OWN = [
    ("97110 (TE) 15 min: SLR, bridges", "SERVICE:97110"), ("15 min", "MINUTES"), ("97110", "STATED"), ("SLR", "ACTIVITY"),
    ("bridges", "activity"), ("20 min for lifting", "service_97530"), ("20", "Minutes"), ("lifting", "ACTIVITY"),
    ("HEP", "MENTION:home_program"), ("stairs", "GOAL"), ("Better today", "PROGRESS"),
]  # fmt: skip


def own(tool, spans=OWN, text=SHORT, relations=(), **more):
    """The spans as a labeller of this tool leaves them: without meta."""
    found = [(*at(words, text), label) for words, label in spans]
    if tool == "prodigy":
        spans = [{"start": s, "end": e, "label": label, "token_start": 0, "token_end": 1} for s, e, label in found]
        links = [
            {"head": 0, "child": 1, "label": "X", "head_span": {**spans[b], "type": "span"}, "child_span": spans[a]}
            for a, b in relations
        ]
        return {
            "text": text,
            "spans": spans,
            "relations": links,
            "answer": "accept",
            "_view_id": "spans_manual",
            **more,
        }
    if tool == "doccano":
        entities = [
            {"id": 100 + n, "start_offset": s, "end_offset": e, "label": label} for n, (s, e, label) in enumerate(found)
        ]
        links = [{"id": n, "from_id": 100 + a, "to_id": 100 + b, "type": "x"} for n, (a, b) in enumerate(relations)]
        return {"id": 7, "text": text, "entities": entities, "relations": links, "Comments": [], **more}
    result = [
        {"id": f"r{n}", "from_name": "ner", "to_name": "txt", "type": "labels", "origin": "manual",
         "value": {"start": s, "end": e, "text": text[s:e], "labels": [label]}}
        for n, (s, e, label) in enumerate(found)
    ]  # fmt: skip
    result += [{"from_id": f"r{a}", "to_id": f"r{b}", "type": "relation", "direction": "right"} for a, b in relations]
    return {
        "id": 7,
        "data": {"text": text},
        "meta": {},
        "annotations": [{"id": 1, "result": result, "completed_by": 1}],
        **more,
    }


@pytest.mark.parametrize("tool", TOOLS)
def test_a_note_labelled_in_the_tool_alone(tool):
    note = FROM[tool](own(tool), fallback="file-1", defaults=PT)
    assert note.id == ("file-1" if tool == "prodigy" else "7")
    assert (note.writer, note.setting, note.discipline) == ("imported", "unknown", "PT")
    told = [
        (s.code, s.minutes, s.stated, s.stated_code, s.accept, [a.text for a in s.activities]) for s in note.services
    ]
    assert told == [
        ("97110", 15, "97110", "97110", ("97110",), ["SLR", "bridges"]),
        ("97530", 20, None, None, ("97530",), ["lifting"]),
    ]
    assert [(mention.text, mention.status) for mention in note.mentions] == [("HEP", "home_program")]
    assert note.elements == {"activity": True, "duration": True, "goal": True, "assessment": False, "progress": True}


@pytest.mark.parametrize("tool", TOOLS)
def test_minutes_linked_to_two_services_are_shared(tool):
    spans = [("97110 (TE) 15 min: SLR, bridges", "SERVICE:97110"), ("lifting", "SERVICE:97530"), ("20 min", "MINUTES")]
    note = FROM[tool](own(tool, spans, relations=[(2, 0), (1, 2)]), fallback="f", defaults=PT)
    assert [(entry.minutes, entry.blocks) for entry in note.shared_minutes] == [(20, (0, 1))]
    assert [service.minutes for service in note.services] == [None, None]
    assert note.elements["duration"]


BLOCK = ("97110 (TE) 15 min: SLR, bridges", "SERVICE:97110")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([("SLR", "ACTIVITY")], "ACTIVITY at 19..22 lies in no SERVICE span"),
        ([BLOCK, BLOCK, ("SLR", "ACTIVITY")], "or in two alike"),
        ([(BLOCK[0], "SERVICE")], "SERVICE at 0..31 has no code; label it SERVICE:97110"),
        ([(BLOCK[0], "SERVICE:99999")], "SERVICE:99999 names no known code"),
        ([("HEP", "MENTION:tomorrow")], "MENTION:tomorrow names no status; use one of planned"),
        ([("HEP", "GOAL:short")], "the label GOAL takes no value"),
        ([("HEP", "MINUTES:ten")], "MINUTES:ten is no number"),
        ([("HEP", "STATED:ten")], "STATED:TEN names no known code"),
        ([("HEP", "ACTVITY")], "the label 'ACTVITY' is none of SERVICE, ACTIVITY"),
        ([BLOCK, ("SLR", "MINUTES")], "MINUTES at 19..22 gives no single number"),
        ([BLOCK, ("97110", "STATED"), ("TE", "STATED")], "holds 2 STATED spans"),
        ([BLOCK, ("SLR", "ACTIVITY"), ("SLR, bridges", "ACTIVITY")], "activities overlap at 19"),
    ],
)
def test_what_makes_no_note_is_refused_by_name_and_reason(tool, spans, said):
    with pytest.raises(NotConvertible) as caught:
        FROM[tool](own(tool, spans), fallback="7", defaults=PT)
    assert said in str(caught.value)
    assert str(caught.value).startswith("note 7: ")
    assert "bridges" not in str(caught.value)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "its discipline is not given"),
        ({"meta": {"discipline": "Physio"}}, "meta.discipline: Input should be 'PT' or 'OT'"),
    ],
)
def test_a_note_without_a_known_discipline_is_refused(tool, change, said):
    with pytest.raises(NotConvertible, match=said):
        FROM[tool](own(tool, **change), fallback="f")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("start", "end"), [(-1, 3), (5, 5), (5, 4), (90, 94)])
def test_offsets_outside_the_text_are_refused(tool, start, end):
    record = own(tool, [("HEP", "GOAL")])
    text = json.dumps(record)
    first, last = at("HEP")
    text = text.replace(f": {first},", f": {start},").replace(f": {last},", f": {end},").replace('"text": "HEP", ', "")
    with pytest.raises(NotConvertible, match=f"GOAL at {start}..{end} lies outside the text of 93"):
        FROM[tool](json.loads(text), fallback="f", defaults=PT)


def test_offsets_in_utf_16_are_noticed_where_the_tool_says_what_it_saw():
    text = "😀 SLR"
    task = own("label-studio", [("SLR", "GOAL")], text=text)
    assert formats.from_label_studio(task, fallback="f", defaults=PT).goals[0].text == "SLR"
    value = task["annotations"][0]["result"][0]["value"]
    value["start"], value["end"] = 3, 6
    with pytest.raises(NotConvertible, match=r"GOAL at 3\.\.6: the text there is not what the tool saw"):
        formats.from_label_studio(task, fallback="f", defaults=PT)


@pytest.mark.parametrize(
    ("words", "label", "minutes"),
    [
        ("15 min", "MINUTES", 15), ("9:05-9:20", "MINUTES", 15), ("half an hour", "MINUTES", 30), ("1 hr", "MINUTES", 60),
        ("15", "MINUTES", 15), ("some time", "MINUTES:12", 12),
    ],
)  # fmt: skip
def test_minutes_as_notes_write_them(words, label, minutes):
    text = f"TE {words}: SLR"
    record = own("prodigy", [(text, "SERVICE:97110"), (words, label)], text=text)
    assert formats.from_prodigy(record, fallback="f", defaults=PT).services[0].minutes == minutes


@pytest.mark.parametrize(
    ("words", "code"),
    [("97110", "97110"), ("CPT 97530-59", "97530"), ("ther ex", "97110"), ("TA", "97530"), ("legs", None)],
)
def test_stated_codes_as_notes_write_them(words, code):
    text = f"{words}: SLR"
    record = own("doccano", [(text, "SERVICE:97110"), (words, "STATED")], text=text)
    service = formats.from_doccano(record, fallback="f", defaults=PT).services[0]
    assert (service.stated, service.stated_code) == (words, code)


def test_a_doccano_project_without_relations():
    record = {"id": 3, "text": SHORT, "label": [[*at("HEP"), "MENTION"], [*at("stairs"), "GOAL"]]}
    note = formats.from_doccano(record, fallback="f", defaults=PT)
    assert ([m.text for m in note.mentions], [g.text for g in note.goals]) == (["HEP"], ["stairs"])


@pytest.mark.parametrize(
    ("cats", "progress"),
    [({"progress": 1.0}, True), ({"progress": 0.0, "goal": 1}, False), ({"urgent": 1.0}, True), ({}, True)],
)
def test_elements_come_from_categories_or_else_from_spans(cats, progress):
    note = formats.from_prodigy(own("prodigy", cats=cats), fallback="f", defaults=PT)
    assert note.elements["progress"] is progress


@pytest.mark.parametrize(("answer", "read"), [("accept", True), ("reject", False), ("ignore", False)])
def test_prodigy_answers(answer, read):
    assert (formats.from_prodigy(own("prodigy", answer=answer), fallback="f", defaults=PT) is not None) is read


@pytest.mark.parametrize(
    ("annotations", "said"), [([], "0 annotations"), ([{"result": []}, {"result": []}], "2 annotations")]
)
def test_label_studio_tasks_with_no_annotation_or_several_are_refused(annotations, said):
    with pytest.raises(NotConvertible, match=said):
        formats.from_label_studio(own("label-studio", annotations=annotations), fallback="f", defaults=PT)


def test_a_skipped_label_studio_task_is_passed_over():
    task = own("label-studio", annotations=[{"result": [], "was_cancelled": True}])
    assert formats.from_label_studio(task, fallback="f", defaults=PT) is None


def test_a_link_to_nowhere_is_refused():
    record = own("doccano")
    record["relations"] = [{"from_id": 100, "to_id": 99, "type": "x"}]
    with pytest.raises(NotConvertible, match="names a span that is not there"):
        formats.from_doccano(record, fallback="f", defaults=PT)


# ---- files


@pytest.mark.parametrize("form", [*TOOLS, "jsonl"])
def test_a_file_comes_back_as_it_went(tmp_path, form):
    other = NOTE.model_copy(update={"id": "t-2", "text": TEXT.replace(" STG", "\u2028STG"), "hard": ("group",)})
    path = tmp_path / "notes.json"
    formats.write_whole(path, formats.dump([NOTE, other], form))
    read = formats.read(path, form)
    assert (read.notes, read.skipped, read.refused) == ((NOTE, other), 0, ())
    assert [p.name for p in tmp_path.iterdir()] == ["notes.json"]


def test_every_refusal_of_a_file_is_told_with_its_place(tmp_path):
    path = tmp_path / "n.jsonl"
    lines = [
        own("doccano"),
        "no json",
        own("doccano", [("HEP", "X")], id=8),
        own("doccano"),
        {"id": 9},
        own("doccano", id=10),
    ]
    path.write_text(
        "\n\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8-sig"
    )
    read = formats.read(path, "doccano", defaults=PT)
    assert [note.id for note in read.notes] == ["7", "10"]
    assert [(number, reason.split(";")[0][:60]) for number, reason in read.refused] == [
        (3, "the line is no JSON"),
        (5, "note 8: the label 'X' is none of SERVICE, ACTIVITY, MENTION,"),
        (7, "note 7: its id stands twice in the file"),
        (9, "note n-9: text: the field is missing"),
    ]


@pytest.mark.parametrize("content", ["{}", "[", '{"a": 1}\n{"a": 2}\n'])
def test_a_label_studio_file_is_an_array(tmp_path, content):
    path = tmp_path / "n.json"
    path.write_text(content, encoding="utf-8")
    [refusal] = formats.read(path, "label-studio").refused
    assert "no JSON array" in refusal.reason


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "n.jsonl"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        formats.write_whole(path, "new \ud800")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("n.jsonl", "old")]
    # The new file takes the old one's place; it is not written into it.
    before = path.stat().st_ino
    formats.write_whole(path, "new")
    assert (path.read_text(), path.stat().st_ino != before) == ("new", True)
    with pytest.raises(OSError, match="no regular file"):
        formats.write_whole(tmp_path, "new")


@pytest.mark.parametrize(
    ("label", "parsed"),
    [
        ("SERVICE:97110", ("SERVICE", "97110")), ("service-g0283", ("SERVICE", "G0283")), ("SERVICE:Other", ("SERVICE", "other")),
        ("MENTION", ("MENTION", None)), ("mention home_program", ("MENTION", "home_program")), (" GOAL ", ("GOAL", None)),
    ],
)  # fmt: skip
def test_labels(label, parsed):
    assert parse_label(label) == parsed


@pytest.mark.parametrize("label", ["", "SERVICES", "SERVICE:", "SERVICE::97110", "97110", "GOAL:", "MENTION:planned:x"])
def test_what_is_no_label(label):
    with pytest.raises(ValueError, match="is none of"):
        parse_label(label)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_open_note_of_the_corpus_comes_back_as_it_went(tool):
    for note in read_corpus(DATA):
        assert FROM[tool](json.loads(json.dumps(TO[tool](note))), fallback="none") == note
