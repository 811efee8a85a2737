"""The order of reviews: the doubtful first, no two alike in a batch; both ways are measured on the same draws."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from models.training.active import Pool, Step, chart, compare, doubtful, fitted, table
from models.training.dataset import LabelledNote
from models.training.train import Row

from .conftest import labelled

WORDS = (("97110", "slr"), ("97530", "transfer"), ("other", "massage"))


def row(code: str, word: str) -> Row:
    return Row("w", code, (code,), {f"a:{word}": 1.0}, {f"a:{word}": 1.0})


@pytest.fixture
def pool() -> Pool:
    rows = [[row(*WORDS[n % 3])] for n in range(60)]
    rows[50] = [row("97530", "stairs")]  # nobody knows it
    notes: list[LabelledNote] = [labelled(id=f"n{n}", layout=f"l{n}") for n in range(60)]
    return Pool(notes, rows, [row("97530", "stairs"), row("97110", "slr")], 1.0)


def test_the_note_in_most_doubt_comes_first(pool: Pool):
    assert doubtful(pool, range(12), range(12, 60), 3)[0] == 50


def test_a_batch_holds_no_two_of_a_layout_unless_there_is_nothing_else(pool: Pool):
    alike = [note.model_copy(update={"layout": "same"}) if n >= 30 else note for n, note in enumerate(pool.notes)]
    taken = doubtful(replace(pool, notes=alike), range(12), range(12, 60), 10)
    assert sum(n >= 30 for n in taken) == 1
    everything = doubtful(replace(pool, notes=alike), range(12), range(12, 60), 48)
    assert sorted(everything) == list(range(12, 60))


def test_both_ways_begin_alike_and_a_doubtful_word_is_learnt_sooner(pool: Pool):
    steps = compare(pool, seeds=4, first=12, batch=3, batches=2)
    assert [step.notes for step in steps] == [12, 15, 18]
    assert steps[0].difference == 0.0
    assert steps[2].ordered < steps[2].random
    assert steps[2].low <= steps[2].difference <= steps[2].high
    assert fitted(pool, range(12)).probabilities([{"a:slr": 1.0}]).argmax() == 0


def test_table_and_chart_tell_the_figures():
    steps = [Step(10, 0.5, 0.5, 0.0, 0.0, 0.0), Step(20, 0.4, 0.3, -0.1, -0.15, -0.05)]
    assert table(steps).splitlines()[-1] == "| 20 | 0.4000 | 0.3000 | -0.1000 | -0.1500 to -0.0500 |"
    drawing = ET.fromstring(chart({"the queue": steps, "doubt alone": steps}))
    assert drawing.attrib["aria-label"] == (
        "After 20 reviewed notes the log loss is 0.400 at random, 0.300 with the queue, 0.300 with doubt alone."
    )
    shapes = [each for each in drawing.iter() if each.tag.rpartition("}")[2] in ("polyline", "polygon")]
    assert [each.attrib["class"] for each in shapes] == ["band line-1", "curve line-0", "curve line-1", "curve line-2"]
    band, random, queue, doubt = ([tuple(map(float, p.split(","))) for p in e.attrib["points"].split()] for e in shapes)
    assert queue == doubt
    assert random[0] == queue[0]
    # Less is lower; the band of the last step is around the queue's curve, and does not reach that at random.
    assert random[1][1] < queue[1][1]
    ends = sorted(y for x, y in band if x == queue[1][0])
    assert random[1][1] < ends[0] < queue[1][1] < ends[1]
