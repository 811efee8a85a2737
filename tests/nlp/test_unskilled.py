"""Minutes that the note itself calls unskilled: every cue with its examples and twins, and whose minutes they are."""

from __future__ import annotations

import re
from dataclasses import replace

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


def blocks_of(text: str) -> list[Block]:
    """Blocks between bars: "| ... |"; the first number of minutes in each is its own."""
    found: list[Block] = []
    for part in re.finditer(r"(?<=\|)[^|]+(?=\|)", text):
        if found and found[-1].end + 1 == part.start():
            continue
        stated = re.search(r"\d+(?= min)", part.group())
        tasks = block(part.group(), None).activities
        moved = tuple(replace(task, start=task.start + part.start(), end=task.end + part.start()) for task in tasks)
        minutes = int(stated[0]) if stated else None
        found.append(Block(part.start(), part.end(), part.group(), moved, None, minutes, None))
        text = text[: part.end()] + " " + text[part.end() + 1 :]
    return found


# The note with its blocks between bars, and minutes and skilled minutes of each block that is left.
PARTS = [
    # called a part of what stands before it: put into that block
    ("|TherEx 23 min: SLR| 3x10. Last |8 min unattended on bike|.", [(23, 15)]),
    ("|TherEx 23 min: SLR| 3x10\nlast |8 min unattended on bike|", [(23, 15)]),
    ("|TherEx 23 min: SLR| 3x10, |8 min of this unattended on bike|", [(23, 15)]),
    ("|TherEx 23 min: SLR| 3x10, of these |8 min unattended on Nustep|", [(23, 15)]),
    ("|TherEx 23 min: SLR|, 8 of the |23 min unattended on bike|", [(23, 15)]),
    ("|TA 20 min: transfers|. |TherEx 23 min: SLR|, last |8 min unattended on bike|", [(20, 20), (23, 15)]),
    # no block of its own, in the next sentence or on the next line
    ("|TherEx 23 min: SLR| 3x10; last 8 min unattended on bike.", [(23, 15)]),
    ("|TherEx 23 min: SLR| 3x10. 8 min of that was on the bike unattended", [(23, 15)]),
    ("|TherEx 23 min: SLR|\nLast 8 min with tech only.", [(23, 15)]),
    ("|TherEx 23 min: SLR|, of this 8 min rest.", [(23, 15)]),
    # a time of its own is taken off nothing else
    ("|TherEx 23 min: SLR| 3x10. |Nustep 8 min unattended|.", [(23, 23), (8, 0)]),
    ("|TherEx 23 min: SLR| 3x10. Last visit |8 min unattended on bike|.", [(23, 23), (8, 0)]),
    # skilled, or longer than the time it would be a part of
    ("|TherEx 23 min: SLR| 3x10. Last |8 min on bike| with cues.", [(23, 23), (8, 8)]),
    ("|TherEx 23 min: SLR| 3x10; last 8 min on bike with cues.", [(23, 23)]),
    ("|TherEx 8 min: SLR| 3x10. Last |15 min unattended on bike|.", [(8, 8), (15, 0)]),
    ("|TherEx: SLR| 3x10. Last |8 min unattended on bike|.", [(None, None), (8, 0)]),
    # of which block above, the note leaves open
    ("|TA 20 min: transfers|\n|TherEx 23 min: SLR|\nLast |8 min unattended on bike|", [(20, 20), (23, 23), (8, 0)]),
    ("|TA 20 min: transfers|\n|TherEx 23 min: SLR|\nLast 8 min unattended on bike", [(20, 20), (23, 23)]),
    # never the next block's words
    ("|TherEx 23 min: SLR|. |TA 15 min: transfers|, last 8 min unattended", [(23, 23), (15, 7)]),
]


@pytest.mark.parametrize(("marked", "expected"), PARTS, ids=[row[0][:60] for row in PARTS])
def test_a_part_is_taken_off_the_time_that_it_is_of(marked: str, expected: list[tuple[int | None, int | None]]) -> None:
    text = marked.replace("|", " ")
    kept = with_unskilled(text, [replace(each, text=text[each.start : each.end]) for each in blocks_of(marked)])
    assert [(each.minutes, each.skilled_minutes) for each in kept] == expected
    assert all(text[each.start : each.end] == each.text for each in kept)
    assert sum(len(each.activities) for each in kept) == sum(len(each.activities) for each in blocks_of(marked))


def test_a_note_without_blocks_that_speaks_of_unskilled_minutes_is_read():
    assert with_unskilled("Slept through. 10 min unattended on the mat, rest of visit unsupervised.", []) == ()
