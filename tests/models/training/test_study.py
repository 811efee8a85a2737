"""The study keeps writers apart, hides what it says it hides, and calibrates to what it should."""

import numpy as np
import pytest

from models.classifier import CLASSES, softmax
from models.training import study as s
from models.training.train import Row

WRITERS = ("w1", "w2", "w3", "w4", "w5", "w6")


def items(per_writer=8, noise=0.15, seed=1):
    """Blocks whose class stands in one feature, wrongly for a few; half of them as read; two a note."""
    rng = np.random.default_rng(seed)
    out = []
    for number, writer in enumerate(WRITERS):
        for k in range(per_writer):
            code = CLASSES[k % 3]
            shown = CLASSES[int(rng.integers(3))] if rng.uniform() < noise else code
            full = {
                f"lex:{shown}": 1.0,
                f"a:{writer}": 1.0,
                "bias": 1.0,
                f"c:{rng.integers(5)}": 1.0,
                "dose:sets": float(k % 2),
            }
            stated = {f"stated:{code}": 1.0} if k % 2 else {}
            row = Row(writer, code, (code,), full | stated, full)
            out.append(s.Item(row, number * 100 + k // 2, f"setting {number % 2}", is_read=k % 4 < 2))
    return out


ITEMS = items()


def test_folds_hold_writers_whole_and_every_item_once():
    folds = s.fold_indexes(ITEMS, 4)
    assert sorted(np.concatenate(folds).tolist()) == list(range(len(ITEMS)))
    writers = [{ITEMS[i].writer for i in fold} for fold in folds]
    assert sum(map(len, writers)) == len(WRITERS)
    assert len(s.fold_indexes(ITEMS, 99)) == len(WRITERS)


class Spy:
    """A model that knows which writers it was fitted on and refuses to be asked about them."""

    seen = 0

    def __init__(self, rows):
        self.words = {name for row in rows for name in row if name.startswith("a:")}

    def scores(self, rows):
        assert not self.words & {name for row in rows for name in row}
        Spy.seen += len(rows)
        return np.tile([1.0, 0.0, 0.0], (len(rows), 1))


def test_no_model_is_asked_about_a_writer_that_it_saw():
    spy = s.Candidate("spy", (1.0, 2.0), lambda rows, labels, setting: Spy(rows), s.uncalibrated)
    Spy.seen = 0
    s.nested(ITEMS, (spy,), outer=3, inner=2)
    # Each outer fold: two settings on the other two thirds, then the fold itself.
    assert Spy.seen == 3 * 2 * 32 + len(ITEMS)


def test_a_block_is_learnt_with_and_without_its_stated_code():
    got = []
    spy = s.Candidate("spy", (1.0,), lambda rows, labels, setting: got.append((rows, labels)), s.uncalibrated)
    s.fit(spy, ITEMS[:3], 1.0)
    [(rows, labels)] = got
    assert rows == [item.row.full for item in ITEMS[:3]] + [item.row.content for item in ITEMS[:3]]
    assert labels == [item.row.code for item in ITEMS[:3]] * 2


class Oracle:
    """Right by as much as its setting says."""

    def __init__(self, setting):
        self.setting = setting

    def scores(self, rows):
        return np.array([[self.setting * (f"lex:{code}" in row) for code in CLASSES] for row in rows])


@pytest.mark.parametrize(("settings", "best"), [((0.0, 3.0), 3.0), ((3.0, 0.0), 3.0), ((-2.0, 0.0), 0.0)])
def test_the_setting_with_the_least_loss_is_chosen(settings, best):
    oracle = s.Candidate("oracle", settings, lambda rows, labels, setting: Oracle(setting), s.uncalibrated)
    assert s.choose(oracle, ITEMS, 3).setting == best


@pytest.mark.parametrize("candidate", s.CANDIDATES, ids=lambda candidate: candidate.name)
def test_each_candidate_learns_what_is_there(candidate):
    clean = items(per_writer=12, noise=0.0)
    scores = s.cross_scores(candidate, clean, candidate.settings[-1], 3)
    assert scores.shape == (len(clean), 3)
    assert (scores.argmax(axis=1) == s.labels_of(clean)).all()


def test_nested_gives_probabilities_for_every_block_and_candidate():
    plain = s.CANDIDATES[:2]
    probabilities, settings = s.nested(ITEMS, plain, outer=3, inner=2)
    assert list(probabilities) == [*(c.name for c in plain), s.STACK]
    for chances in probabilities.values():
        assert chances.sum(axis=1) == pytest.approx(np.ones(len(ITEMS)))
        assert s.measures(chances, ITEMS).accuracy > 0.7
    assert {name: len(chosen) for name, chosen in settings.items()} == {c.name: 3 for c in plain}


@pytest.mark.parametrize(
    ("prefixes", "left"),
    [
        ((), {"lex:97110", "a:w1", "bias", "c:1", "stated:97530"}),
        (("stated:",), {"lex:97110", "a:w1", "bias", "c:1"}),
        (("a:", "c:"), {"lex:97110", "bias", "stated:97530"}),
        (("read:",), {"lex:97110", "a:w1", "bias", "c:1", "stated:97530"}),
    ],
)
def test_hiding(prefixes, left):
    content = {"lex:97110": 1.0, "a:w1": 1.0, "bias": 1.0, "c:1": 1.0}
    item = s.Item(Row("w", "97110", ("97110",), content | {"stated:97530": 1.0}, content), 0, "s", is_read=True)
    [hidden] = s.hide([item], prefixes)
    assert set(hidden.row.full) == left
    assert set(hidden.row.content) == left - {"stated:97530"}
    assert s.has_feature([item], prefixes or ("lex:",)) is (prefixes != ("read:",))


def test_hiding_what_decides_costs_and_hiding_noise_does_not():
    found = {each.hidden: each for each in s.ablation(ITEMS, s.CANDIDATES[0], 1.0)}
    assert set(found) == {
        "nothing",
        "stated code",
        "headings",
        "purpose words",
        "words of the activities",
        "lexicon",
        "doses",
    }
    assert found["lexicon"].read.log_loss > found["nothing"].read.log_loss + 0.2
    assert abs(found["purpose words"].read.log_loss - found["nothing"].read.log_loss) < 0.1
    assert found["nothing"].new == found["nothing"].read
    assert found["nothing"].labelled.blocks + found["nothing"].read.blocks == len(ITEMS)


def test_the_learning_curve_takes_more_notes_each_time():
    curve = s.learning_curve(ITEMS, s.CANDIDATES[0], 1.0, shares=(0.25, 0.5, 1.0), repeats=2)
    # Four notes a writer, five writers in each training side (six folds of one at most: five folds here).
    assert [each.share for each in curve] == [0.25, 0.5, 1.0]
    assert curve[0].notes < curve[1].notes < curve[2].notes
    assert curve[2].notes == 4 * curve[0].notes
    assert (curve[2].spread, curve[0].spread > 0) == (0.0, True)
    assert curve[2].log_loss < curve[0].log_loss


SCORES = np.random.default_rng(2).normal(size=(600, 3))
TRUTH = np.array([np.random.default_rng(n).choice(3, p=p) for n, p in enumerate(softmax(SCORES))])


@pytest.mark.parametrize("method", s.CALIBRATIONS)
@pytest.mark.parametrize("factor", [1.0, 4.0, 0.25])
def test_a_calibration_mends_scores_that_are_too_sure_or_not_sure_enough(method, factor):
    told = s.CALIBRATIONS[method](SCORES * factor, TRUTH)(SCORES * factor)
    ideal, before = s.log_loss(softmax(SCORES), TRUTH), s.log_loss(softmax(SCORES * factor), TRUTH)
    after = s.log_loss(told, TRUTH)
    assert told.sum(axis=1) == pytest.approx(np.ones(len(TRUTH)))
    if method == "none":
        assert after == pytest.approx(before)
    else:
        assert after < ideal + 0.05
        assert after < before or factor == 1.0


def test_calibration_is_fitted_on_other_writers():
    scores = np.tile([3.0, 0.0, 0.0], (len(ITEMS), 1))
    # Were it fitted on itself, a writer whose blocks are all wrong would be known to be.
    for index, item in enumerate(ITEMS):
        if item.writer == "w1":
            scores[index] = [0.0, 0.0, 3.0]
        elif item.row.code != "97110":
            scores[index] = [0.0, 3.0, 0.0]
    told = s.calibrated(scores, ITEMS, "isotonic")
    mine = [index for index, item in enumerate(ITEMS) if item.writer == "w1"]
    assert (told[mine].argmax(axis=1) != 0).all()


def test_measures_count_what_could_be_defended():
    row = Row("w", "97110", ("97110", "other"), {}, {})
    item = s.Item(row, 0, "s", is_read=True)
    found = s.measures(np.array([[0.25, 0.0, 0.75]]), [item])
    assert (found.blocks, found.accuracy, found.macro_f1) == (1, 1.0, 0.0)
    assert found.log_loss == pytest.approx(-np.log(0.25))
    assert found.ece == pytest.approx(0.25)


def test_measures_by_class_and_group():
    chances = softmax(np.random.default_rng(0).normal(size=(len(ITEMS), 3)))
    assert set(s.class_errors(chances, ITEMS)) == set(CLASSES)
    groups = s.group_measures(chances, ITEMS)
    assert {name: each.blocks for name, each in groups.items()} == {"setting 0": 24, "setting 1": 24}


def test_sets_cover_what_they_promise_and_shrink_with_what_may_be_lost():
    sure = items(per_writer=60, noise=0.2)
    chances = s.calibrated(s.cross_scores(s.CANDIDATES[0], sure, 1.0, 3), sure, "temperature")
    rows = s.set_table(chances, sure, alphas=(0.02, 0.1, 0.3))
    assert all(row.covered >= 1 - row.alpha - 0.05 for row in rows)
    assert [row.several for row in rows] == sorted((row.several for row in rows), reverse=True)
    assert all(row.both <= row.several for row in rows)


def test_items_say_where_each_block_comes_from():
    from .conftest import labelled

    row = ITEMS[0].row
    notes = [labelled(setting="SNF"), labelled(id="n2", setting="school")]
    found = s.items_of(notes, [[row], []], [[row], [row, row]])
    assert [(item.note, item.is_read) for item in found] == [(0, False), (0, True), (1, True), (1, True)]
    assert [item.setting for item in found][1:3] == ["skilled nursing and long-term care", "paediatric and school"]


def test_the_study_is_one_markdown_text(monkeypatch):
    monkeypatch.setattr(s, "REPEATS", 2)
    text = s.study(ITEMS)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Classifier study", "## Candidates", "## What it leans on", "## From how many notes", "## Calibration",
        "## When both codes remain possible",
    ]  # fmt: skip
    for table in [block for block in text.split("\n\n") if block.startswith("|")]:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert all(candidate.name in text for candidate in s.CANDIDATES)
