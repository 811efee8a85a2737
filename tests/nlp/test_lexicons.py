"""Every entry of every lexicon runs its own examples; a broken file is refused with its name and entry."""

import pytest

from nlp.components.durations import find_durations
from nlp.context import Context
from nlp.errors import LexiconError
from nlp.events import find_services
from nlp.lexicon import Matcher, Terms, parse_lexicon, read_lexicon, singular
from nlp.terms import entries, listed, terms
from nlp.tokens import Tokens

PLAIN = ["activities", "elements", "notices", "status"]


def rows(names, key):
    return [
        pytest.param(name, entry, example, id=f"{entry.id}-{number}")
        for name in names
        for entry in entries(name)
        for number, example in enumerate(getattr(entry, key))
    ]


def ids_in(name, example):
    found = terms().find(Tokens.of(example))
    return {match.entry.id for matches in found.values() for match in matches}


def terms_of(entry, example):
    alone = Matcher({"one": Terms((entry,))})
    return alone.find(Tokens.of(example))["one"]


@pytest.mark.parametrize(("name", "entry", "example"), rows(PLAIN, "examples"))
def test_example_is_found(name, entry, example):
    assert terms_of(entry, example)


@pytest.mark.parametrize(("name", "entry", "example"), rows(["activities", "elements", "notices"], "not_examples"))
def test_twin_is_not_found(name, entry, example):
    assert entry.id not in ids_in(name, example)


@pytest.mark.parametrize(("name", "entry", "example"), rows(["sections"], "examples"))
def test_heading_opens_its_section(name, entry, example):
    assert entry.data["label"] in {heading.label for heading in Context(Tokens.of(example)).headings}


@pytest.mark.parametrize(("name", "entry", "example"), rows(["sections"], "not_examples"))
def test_word_in_a_sentence_opens_no_section(name, entry, example):
    assert entry.data["label"] not in {heading.label for heading in Context(Tokens.of(example)).headings}


@pytest.mark.parametrize(("name", "entry", "example"), rows(["services"], "examples"))
def test_service_name_stands_for_its_code(name, entry, example):
    assert entry.data["code"] in {event.code for event in find_services(Context(Tokens.of(example)))}


@pytest.mark.parametrize(("name", "entry", "example"), rows(["services"], "not_examples"))
def test_word_that_looks_like_a_service_is_none(name, entry, example):
    assert entry.data["code"] not in {event.code for event in find_services(Context(Tokens.of(example)))}


@pytest.mark.parametrize(("name", "entry", "example"), rows(["durations"], "examples"))
def test_duration_form_is_read(name, entry, example):
    note, arrow, minutes = example.partition(" => ")
    found = {candidate.minutes for candidate in find_durations(Context(Tokens.of(note)))}
    assert found if not arrow else int(minutes) in found


@pytest.mark.parametrize(("name", "entry", "example"), rows(["durations"], "not_examples"))
def test_what_is_no_duration_is_not_read(name, entry, example):
    plain = [c for c in find_durations(Context(Tokens.of(example))) if c.form != "hours"]
    assert plain == []


@pytest.mark.parametrize("entry", entries("lists"), ids=lambda entry: entry.id)
def test_a_list_holds_its_examples_and_not_their_twins(entry):
    words = listed(entry.id)
    assert words
    assert words.issuperset(entry.examples)
    assert words.isdisjoint(entry.not_examples)
    assert all(word == word.lower() for word in words)
    with pytest.raises(KeyError):
        listed("no such list")


@pytest.mark.parametrize(
    ("name", "role"), [("never_total", "not_treatment"), ("weak_total", "total"), ("allotted", "total")]
)
def test_a_list_of_some_terms_of_a_cue_holds_no_others(name, role):
    cues = {term for entry in entries("durations") if entry.data["role"] == role for term in entry.terms}
    assert listed(name) <= cues


def test_the_lexicon_of_activities_is_large_enough():
    listed = [(term, entry.data["label"]) for entry in entries("activities") for term in entry.terms]
    assert len(listed) >= 1000
    assert {label for _, label in listed} == {"exercise", "functional", "either", "service"}


HEADER = {"version": "1", "source": "s", "licence": "l", "reviewed": "2026-11-24", "reviewed_by": "r"}


def entry(**changes):
    return {"id": "a", "terms": ["bridge"], "examples": [], "not_examples": [], **changes}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"header": HEADER, "entry": [entry(colour="red")]}, "colour"),
        ({"header": HEADER, "entry": [entry(), entry(id="b")]}, "'bridge'"),
        ({"header": HEADER, "entry": [entry(), entry(id="b", terms=["Bridge"])]}, "'Bridge'"),
        ({"header": HEADER, "entry": [entry(terms=[" "])]}, "empty"),
        ({"header": HEADER, "entry": [entry(), entry(terms=["plank"])]}, "stands twice"),
        ({"header": {"version": "1"}, "entry": [entry()]}, "must have exactly"),
        ({"header": HEADER, "entry": [entry()], "more": 1}, "nothing else"),
    ],
)
def test_a_broken_file_is_refused_by_name(raw, said):
    with pytest.raises(LexiconError, match=said) as caught:
        parse_lexicon("mine.toml", raw)
    assert "mine.toml" in str(caught.value)


def test_a_sound_file_is_read():
    assert parse_lexicon("mine.toml", {"header": HEADER, "entry": [entry()]})[0].terms == ("bridge",)


def test_a_missing_file_is_named():
    with pytest.raises(LexiconError, match=r"nosuch\.toml"):
        read_lexicon("nosuch")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("quad sets 3x10", True),
        ("Quad-set", True),
        ("quadriceps sets", True),
        ("clamshels x 20", True),  # one letter off in a long word
        ("QS x 10", True),
        ("qs x 10", False),  # two letters want their case
        ("squad of players", False),
        ("reset the timer", False),
    ],
)
def test_variants_are_found_and_their_twins_are_not(text, found):
    assert bool(ids_in("activities", text)) is found


@pytest.mark.parametrize(
    ("word", "form"), [("SLRs", "slr"), ("stretches", "stretch"), ("biceps", "bicep"), ("pass", "pass"), ("is", "is")]
)
def test_singular(word, form):
    assert singular(word) == form
