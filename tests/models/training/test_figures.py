"""The arithmetic of figures: values, intervals, ranks and the list that names them."""

import math

import pytest

from models.training import figures as f
from models.training.figures import FORMULAS, KINDS, RANKINGS, Judged, calibration_error, figures, macro_f1, parse_kinds
from nlp.errors import LexiconError

HEAD = '[header]\nversion = "1"\nsource = "s"\nreviewed = "2026-11-25"\nreviewed_by = "b"\n'
ENTRY = '[[figure]]\nid = "leak"\nname = "n"\ngroup = "reading"\nmeaning = "m"\nbetter = "lower"\n'


def one(counts, name, judged=(), units=()):
    [figure] = figures(counts, judged, units=units, only={name})
    return figure


@pytest.mark.parametrize(
    ("name", "counts", "value", "items"),
    [
        ("activities_f1", [{"act_right": 3, "act_found": 4, "act_wanted": 5}], 6 / 9, 5),
        ("activities_f1", [{"act_right": 0, "act_found": 4, "act_wanted": 5}], 0.0, 5),
        ("activities_f1", [{"act_found": 4}], 0.0, 0),
        ("leak", [{"leaked": 1, "not_today": 4}, {"not_today": 4}], 0.125, 8),
        ("found_coded", [{"act_coded": 3, "act_wanted": 4}], 0.75, 4),
        ("unflagged_wrong", [{"unflagged": 1, "unflagged_wrong": 1}, {"unflagged": 3}], 0.25, 4),
        ("pairs_purpose", [{"pair:purpose": 1, "pair:purpose:right": 1}, {"pair:purpose": 1}], 0.5, 2),
        ("pairs_minutes", [{"pair:purpose": 1}], 0.0, 0),
        ("goals_f1", [], 0.0, 0),
    ],
)
def test_a_figure_is_a_ratio_of_sums(name, counts, value, items):
    figure = one(counts, name)
    assert figure.value == pytest.approx(value)
    assert figure.count == items
    assert figure.low <= figure.value <= figure.high


def test_all_figures_come_in_the_order_of_the_list():
    assert [figure.id for figure in figures([{"notes": 1}], [[Judged("proposal", 0.5, True)]])] == list(KINDS)


def test_an_interval_comes_from_resampling_the_notes():
    counts = [{"leaked": float(n % 4 == 0), "not_today": 1.0} for n in range(100)]
    figure = one(counts, "leak")
    error = math.sqrt(0.25 * 0.75 / 100)
    assert figure.value == 0.25
    assert figure.low == pytest.approx(0.25 - 1.96 * error, abs=0.02)
    assert figure.high == pytest.approx(0.25 + 1.96 * error, abs=0.02)


def test_notes_of_one_unit_are_drawn_together():
    counts = [{"leaked": float(n % 2), "not_today": 1.0} for n in range(40)]
    alone = one(counts, "leak")
    together = one(counts, "leak", units=[str(n // 2) for n in range(40)])
    assert alone.low < 0.5 < alone.high
    assert (together.value, together.low, together.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("wrong", "value", "low", "high"),
    [(0, 0.0, 0.0, 0.1684), (20, 1.0, 0.8316, 1.0)],
)
def test_where_no_mistake_was_seen_the_interval_is_no_point(wrong, value, low, high):
    figure = one([{"leaked": float(n < wrong), "not_today": 1.0} for n in range(20)], "leak")
    assert (figure.value, figure.low, figure.high) == pytest.approx((value, low, high), abs=1e-4)


def proposals(*pairs):
    return [[Judged("proposal", confidence, right)] for confidence, right in pairs]


@pytest.mark.parametrize(
    ("pairs", "accuracy"),
    [
        # The one wrong proposal is the least sure of five: the other four are all right.
        ([(0.9, True), (0.8, True), (0.7, True), (0.6, True), (0.5, False)], 1.0),
        # It is the surest: three of the four taken are right.
        ([(0.9, False), (0.8, True), (0.7, True), (0.6, True), (0.5, True)], 0.75),
        # All are equally sure: none goes first, so the four hold a part of each.
        ([(0.9, False), (0.9, True), (0.9, True), (0.9, True), (0.9, True)], 0.8),
    ],
)
def test_accuracy_at_80_percent_coverage(pairs, accuracy):
    judged = proposals(*pairs)
    figure = one([{"notes": 1}] * len(pairs), "accuracy_80_proposal", judged)
    assert figure.value == pytest.approx(accuracy)
    assert figure.count == 4


@pytest.mark.parametrize(
    ("pairs", "coverage"),
    [
        ([(0.9, True), (0.8, True), (0.7, False), (0.6, True)], 0.5),
        ([(0.9, True), (0.8, True), (0.7, True), (0.6, True)], 1.0),
        ([(0.9, False), (0.8, True), (0.7, True), (0.6, True)], 0.0),
        ([(0.9, True), (0.9, False), (0.7, True), (0.6, True)], 0.0),
    ],
)
def test_coverage_at_99_percent_accuracy(pairs, coverage):
    figure = one([{"notes": 1}] * len(pairs), "coverage_99_proposal", proposals(*pairs))
    assert figure.value == pytest.approx(coverage)


def test_blocks_and_proposals_are_ranked_apart():
    judged = [[Judged("block", 0.9, True), Judged("proposal", 0.9, False)]]
    assert one([{"notes": 1}], "accuracy_80_block", judged).value == 1.0
    assert one([{"notes": 1}], "accuracy_80_proposal", judged).value == 0.0
    assert one([{"notes": 1}], "accuracy_80_read", judged).count == 0


def test_calibration_from_sums_is_the_calibration_of_the_items():
    judged = proposals((0.95, True), (0.91, False), (0.3, False), (1.0, True), (0.0, False))
    counts = [{"notes": 1.0} for _ in judged]
    for each, [item] in zip(counts, judged, strict=True):
        f.count_judged(each, item)
    figure = one(counts, "ece_proposal")
    assert figure.value == pytest.approx(
        calibration_error([j.confidence for [j] in judged], [j.right for [j] in judged]), abs=1e-6
    )


def test_macro_f1_from_sums_is_that_of_the_items():
    items = [("97110", "97110"), ("97110", "97530"), ("97530", "97530"), ("other", "97110")]
    counts = [{"notes": 1.0} for _ in items]
    for each, (got, wanted) in zip(counts, items, strict=True):
        f.count_codes(each, "block", got, wanted)
    assert one(counts, "block_macro_f1").value == pytest.approx(macro_f1(items))
    assert one(counts, "block_macro_f1_hidden").count == 0


@pytest.mark.parametrize(
    ("likelier", "wanted", "items", "value"),
    [("97110", "97110", 1, 1.0), ("97110", "97530", 1, 0.0), ("97110", "other", 0, 0.0)],
)
def test_the_two_codes_are_compared_on_blocks_that_are_one_of_them(likelier, wanted, items, value):
    counts = {}
    f.count_two(counts, "read", likelier, wanted)
    figure = one([counts], "block_two_read")
    assert (figure.count, figure.value) == (items, value)


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
    assert calibration_error(confidences, right) == pytest.approx(error)


@pytest.mark.parametrize(
    ("items", "score"),
    [([("97110", "97110"), ("97530", "97530"), ("other", "other")], 1.0), ([("97110", "97530")], 0.0), ([], 0.0)],
)
def test_macro_f1(items, score):
    assert macro_f1(items) == score


@pytest.mark.parametrize(
    ("better", "value", "mark", "expected"),
    [
        ("higher", 0.9, 0.9, True),
        ("higher", 0.8, 0.9, False),
        ("lower", 0.03, 0.03, True),
        ("lower", 0.04, 0.03, False),
    ],
)
def test_which_side_of_a_mark_is_good(better, value, mark, expected):
    kind = KINDS["leak" if better == "lower" else "goals_f1"]
    assert kind.better == better
    assert kind.reaches(value, mark) is expected


def test_every_figure_has_its_entry_and_every_entry_its_formula():
    assert set(KINDS) == {*FORMULAS, *RANKINGS}
    assert len({kind.name for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + ENTRY.replace("leak", "leek"), "no formula"),
        (HEAD + ENTRY.replace('"lower"', '"smaller"'), "better must be"),
        (HEAD + ENTRY.replace("reading", "reeding"), "group must be"),
        (HEAD + ENTRY + "goal = 1\n", "unknown key goal"),
        (HEAD + ENTRY + 'target = "high"\n', "target must be"),
        (HEAD + ENTRY + "head = { place = 1 }\n", "of_100 is missing"),
        (HEAD + ENTRY + ENTRY, "stands twice"),
        (ENTRY, "header"),
    ],
)
def test_a_wrong_list_is_refused(text, reason):
    with pytest.raises(LexiconError, match=reason):
        parse_kinds(text, {"leak"})


def test_a_formula_without_an_entry_is_refused():
    with pytest.raises(LexiconError, match="id goals_f1"):
        parse_kinds(HEAD + ENTRY, {"leak", "goals_f1"})


def test_a_right_list_is_read():
    assert parse_kinds(HEAD + ENTRY + "target = 0.5\ngate = true\n", {"leak"})["leak"] == f.Kind(
        "leak", "n", "reading", "m", "lower", 0.5, 0, "", gate=True, groups=False
    )


@pytest.mark.parametrize(
    ("name", "low", "high", "verdict"),
    [
        ("goals_f1", 0.92, 0.95, "met"),
        ("goals_f1", 0.91, 0.95, "open"),
        ("goals_f1", 0.80, 0.92, "open"),
        ("goals_f1", 0.80, 0.91, "missed"),
        ("leak", 0.01, 0.03, "met"),
        ("leak", 0.01, 0.04, "open"),
        ("leak", 0.04, 0.10, "missed"),
        ("mentions_f1", 0.8, 0.9, "none"),
    ],
)
def test_verdicts(name, low, high, verdict):
    assert f.Figure(name, (low + high) / 2, low, high, 10).verdict == verdict
    assert f.Figure(name, 0.0, 0.0, 0.0, 0).verdict == "none"
