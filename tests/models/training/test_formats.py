"""Notes in the formats of annotation tools: there and back without loss, and what people label there themselves."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.billing.codes import CODES
from models.errors import NotConvertible
from models.training import formats
from models.training.dataset import HardKind, LabelledNote, PairFamily, get_args
from models.training.spans import Defaults, parse_label
from nlp.document import ELEMENTS, STATUSES

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
OTHER_CODES = st.none() | st.sampled_from(sorted(CODES)) | st.sampled_from(["", "29530", "x"])


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
