"""The pipeline as a whole: names, needs, refusals, and offsets for any text."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.registry import shipped
from models.training.dataset import read_corpus
from nlp.components.activities import with_limb
from nlp.errors import NoteTooLong, UnreadableText
from nlp.pipeline import COMPONENTS, MAX_CHARACTERS, load
from nlp.read import document_of, marked_of
from nlp.tokens import Tokens

DATA = Path(__file__).parents[2] / "training_data"
READER = load(shipped())
NAMES = json.loads((Path(__file__).parents[1] / "cases" / "components.json").read_text("utf-8"))
WORDS = [
    "TE",
    "97110",
    "97530",
    "15 min",
    "SLR 3x10",
    "bike",
    ":",
    "\n",
    "Plan",
    "HEP",
    "Goal: walk",
    "0905-0920",
    ",",
    ";",
    "|",
    "held",
    "(12)",
    "TA",
    "+",
    "=",
    "w/c",
]


def test_component_names_are_the_public_ones():
    assert list(COMPONENTS) == NAMES


def test_every_need_is_met():
    assert not any(READER.nlp.analyze_pipes()["problems"].values())


def test_too_long_says_the_limit():
    with pytest.raises(NoteTooLong, match=str(MAX_CHARACTERS)):
        READER.read("x" * (MAX_CHARACTERS + 1))


def test_lone_surrogate_says_where():
    with pytest.raises(UnreadableText, match="character 3"):
        READER.read("TE \ud800")


def spans_of(document):
    yield from document.sections
    yield from document.mentions
    yield from document.goals
    yield from document.totals
    yield from document.written_units
    yield from document.notices
    for element in document.elements:
        if element.span is not None:
            yield element.span
    for block in document.blocks:
        yield block
        yield from block.activities
        if block.duration is not None:
            yield block.duration
        if block.stated is not None:
            yield block.stated


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
        st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join),
    )
)
def test_every_span_is_its_text_and_a_note_reads_the_same_twice(text):
    document = READER.read(text)
    for span in spans_of(document):
        assert text[span.start : span.end] == span.text
    assert READER.read(text) == document


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_the_reader_reads_what_the_pipeline_writes(text):
    assert READER.read(text) == document_of(marked_of(READER.nlp(text)))


def test_notes_read_together_are_read_as_each_alone():
    texts = [note.text for note in read_corpus(DATA)[::12]]
    alone = [READER.read(text) for text in texts]
    assert list(READER.read_many(texts)) == alone
    assert list(READER.read_many(reversed(texts), batch_size=7)) == alone[::-1]
    assert [document_of(marked_of(doc)) for doc in READER.nlp.pipe(texts)] == alone


@pytest.mark.parametrize(
    "text", ["15 min " * 3000, "SLR 3x10, " * 3000, "x" * 60_000, "\n" * 20_000, "SLR 3x10 15 min\n" * 5000]
)
def test_long_and_odd_notes_are_read(text):
    assert READER.read(text).text == text


@pytest.mark.parametrize(
    ("text", "begun", "wanted"),
    [
        ("heel raises BLE", (), "heel raises BLE"),
        ("heel raises RUE BLE x10", (), "heel raises RUE BLE"),
        ("heel raises. BLE weak", (), "heel raises"),
        ("heel raises\nBLE weak", (), "heel raises"),
        ("heel raises able", (), "heel raises"),
        ("heel raises BLE", ("BLE",), "heel raises"),
    ],
)
def test_limbs_behind_an_activity_belong_to_it(text: str, begun: tuple[str, ...], wanted: str):
    tokens = Tokens.of(text)
    assert tokens.span(0, with_limb(tokens, 2, {tokens.words.index(word) for word in begun})) == wanted
