"""Minutes that the note itself calls unskilled: every cue with its examples and twins, and whose minutes they are."""

from __future__ import annotations

import re

import pytest

from nlp.document import Activity, Block, Unskilled
from nlp.terms import entries
from nlp.unskilled import find_unskilled, with_unskilled

_TASKS = re.compile(
    r"bike|nustep|UBE|SLR|bridg\w+|exercises|ther ex|transfers|training|walks|set-up and", re.IGNORECASE
)


def block(text: str, minutes: int | None, end: int | None = None) -> Block:
    tasks = tuple(
        Activity(found.start(), found.end(), found.group(), "exercise", None)
        for found in _TASKS.finditer(text, 0, len(text) if end is None else end)
        if not found.group().lower().startswith("ther ex")
    )
    end = len(text) if end is None else end
    return Block(0, end, text[:end], tasks, None, minutes, None)


def found_in(text: str, minutes: int | None, end: int | None = None) -> list[Unskilled]:
    return list(find_unskilled(text, block(text, minutes, end), len(text)))


CASES = [(entry.id, example) for entry in entries("unskilled") for example in (*entry.examples, *entry.not_examples)]


@pytest.mark.parametrize(("entry", "example"), CASES, ids=[f"{id}-{text[:30]}" for id, text in CASES])
def test_every_cue_and_its_twins(entry: str, example: str) -> None:
    text, arrow, left_out = example.partition(" => ")
    expected = [] if not arrow else [None] if left_out == "?" else [int(left_out)]
    stated = re.search(r"\d+(?= min)", text)
    found = found_in(text, int(stated[0]) if stated else None)
    assert [each.minutes for each in found] == expected
    assert all(text[each.start : each.end] == each.text for each in found)


def test_there_are_as_many_twins_as_cues_that_fire() -> None:
    assert all(len(e.not_examples) >= 3 for e in entries("unskilled") if e.data["role"] in ("whole", "part"))


@pytest.mark.parametrize(
    ("text", "minutes", "left_out"),
    [
        ("Bike 10 min unattended, SLR 3x10 8 min", 18, [10]),  # its own clause
        ("Ther ex 15 min: SLR, bridging, bike unattended", 15, [None]),  # one of several tasks
        ("Ther ex 15 min: bike unattended", 15, [15]),  # the only task
        ("0900-0910 bike, unattended", 10, [10]),  # from the clock
        ("Bike, unattended", None, [None]),
        ("Ther ex 12 min: bike 20 min unattended", 12, [12]),  # never more than the block has
        ("Bike 10 min unattended. SLR 3x10 8 min.", 18, [10]),
        ("Ther ex 20 min incl 5 min rest, incl 3 min set-up", 20, [5, 3]),
    ],
)
def test_whose_minutes_they_are(text: str, minutes: int | None, left_out: list[int | None]) -> None:
    assert [each.minutes for each in found_in(text, minutes)] == left_out


def test_the_rest_of_the_sentence_counts_and_the_next_does_not() -> None:
    assert len(found_in("Bike x 10 min, unattended", 10, end=13)) == 1
    assert found_in("Bike x 10 min. Room was left unattended", 10, end=13) == []
    assert found_in("Bike x 10 min.\nUnattended parking", 10, end=13) == []


def test_a_block_stops_where_the_next_begins() -> None:
    text = "SLR 10 min bike 8 min unattended"
    blocks = (Block(0, 10, text[:10], (), None, 10, None), Block(11, 21, text[11:21], (), None, 8, None))
    first, second = with_unskilled(text, blocks)
    assert (first.skilled_minutes, second.skilled_minutes) == (10, 0)
    plain = Block(0, 3, "SLR", (), None, None, None)
    assert plain.skilled_minutes is None
    assert with_unskilled("SLR", [plain]) == (plain,)
