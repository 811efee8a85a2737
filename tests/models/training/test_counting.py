"""What is counted on one note, and when a minimal pair is right."""

import pytest

from models.training.counting import (
    PAIR_RULES,
    WARNINGS,
    code_right,
    count_flags,
    count_note,
    count_pairs,
    hard_kinds,
    judge,
    minutes_right,
    pair,
    reading_right,
    twin_of,
    unit_of,
)
from models.training.figures import FAMILIES
from nlp.document import Span

from .conftest import TEXT, at, empty_handed, labelled, marked, perfect


@pytest.mark.parametrize(
    ("found", "wanted", "pairs"),
    [
        ([(0, 10), (12, 20)], [(4, 16)], [(0, 0)]),
        ([(4, 16)], [(0, 10), (12, 20)], [(0, 0)]),
        ([(0, 10)], [(12, 20)], []),
        ([(0, 10)], [(10, 20)], []),
        ([(0, 4), (5, 9)], [(5, 9), (0, 4)], [(0, 1), (1, 0)]),
        ([], [(0, 1)], []),
    ],
)
def test_spans_are_paired_once_each(found, wanted, pairs):
    assert pair([Span(a, b, "") for a, b in found], [Span(a, b, "") for a, b in wanted]) == pairs


def test_a_perfect_result_counts_everything_as_right():
    note = labelled()
    c = count_note(note, perfect(note), set())
    assert (c["act_found"], c["act_wanted"], c["act_right"], c["act_exact"], c["act_coded"]) == (3, 3, 3, 3, 3)
    assert (c["not_today"], c["leaked"], c["mention_right"], c["status_right"]) == (1, 0, 1, 1)
    assert (c["goal_found"], c["goal_wanted"], c["goal_right"]) == (1, 1, 1)
    assert (c["minutes_all"], c["minutes_headline"], c["units_all_full_15"]) == (True, True, True)
    assert (c["block_wanted"], c["block_paired"], c["block_exact"], c["block_unmatched"]) == (2, 2, 2, 0)
    assert (c["elements"], c["elements_right"], c["proposal_right"]) == (5, 5, True)


def test_an_empty_result_counts_nothing_as_right():
    note = labelled()
    c = count_note(note, empty_handed(note), set())
    assert (c["act_found"], c["act_wanted"], c["act_right"], c["act_coded"]) == (0, 3, 0, 0)
    assert (c["goal_right"], c["minutes_headline"], c["block_paired"], c["proposal_right"]) == (0, False, 0, False)
    assert (c["unflagged"], c["unflagged_wrong"]) == (True, True)


def test_work_not_done_that_is_read_as_done_leaks():
    done = labelled(services=[*labelled().model_dump()["services"], service("Stairs held", "Stairs")], mentions=[])
    c = count_note(labelled(), perfect(done), set())
    assert (c["leaked"], c["act_found"], c["act_right"]) == (1, 4, 3)


def service(part, *activities, code="97530", minutes=None, text=TEXT, accept=None, stated=None):
    return at(
        text,
        part,
        code=code,
        accept=accept or [code],
        other_code=None,
        stated=stated,
        stated_code=stated,
        minutes=minutes,
        activities=[at(text, activity) for activity in activities],
    )


@pytest.mark.parametrize(
    ("known", "wanted"),
    [(set(), 3), ({"slr"}, 2), ({"car"}, 2), ({"transfer"}, 2), ({"slr", "bridging", "car"}, 0)],
)
def test_unseen_are_activities_none_of_whose_words_is_known(known, wanted):
    note = labelled()
    c = count_note(note, perfect(note), known)
    assert (c["unseen_wanted"], c["unseen_right"]) == (wanted, wanted)


def test_a_decision_is_right_where_a_careful_coder_could_defend_it():
    note = labelled(services=[service("TA 10 min: car transfers", "car transfers", accept=["97530", "other"])])
    other = labelled(services=[service("TA 10 min: car transfers", "car transfers", code="other")])
    assert [one.right for one in judge(note, perfect(note))] == [True, True]
    # The block may be another service; the note's code is then wrong all the same.
    assert [one.right for one in judge(note, perfect(other))] == [True, False]
    assert [one.right for one in judge(other, perfect(note))] == [False, False]


@pytest.mark.parametrize(
    ("needed", "result", "flagged", "reason"),
    [
        (("goal_missing",), perfect(labelled(goals=[])), 1, 1),
        (("minutes_missing",), perfect(labelled(goals=[])), 1, 0),
        ((), perfect(labelled(goals=[])), 0, 0),
        (("goal_missing",), perfect(labelled()), 0, 0),
        ((), perfect(labelled()), 0, 0),
    ],
)
def test_flags_against_what_the_labels_raise(needed, result, flagged, reason):
    c = {}
    count_flags(c, needed, result)
    assert (c["flag_right"], c["flag_reason"], c["flag_wanted"]) == (flagged, reason, bool(needed))
    assert c["flag_found"] == (result.proposal.status == "flagged")
    assert c["flag:goal_missing:right"] == (reason and needed == ("goal_missing",))


def test_warnings_are_those_of_the_contract():
    assert set(WARNINGS) == {
        "minutes_missing", "shared_minutes", "no_unit", "code_mismatch", "units_impossible", "goal_missing", "low_confidence",
        "pair_not_together",  # raised only where the request names a payer
    }  # fmt: skip


LESS = labelled(services=[service("TE 20 min: SLR 3x10, bridging", "SLR", "bridging", code="97110", minutes=20)])
LATE = labelled(services=labelled(services=[service("TA 10 min: car transfers", "car transfers", minutes=9)]).services)


@pytest.mark.parametrize(
    ("rule", "result", "expected"),
    [
        (code_right, perfect(labelled()), True),
        (code_right, perfect(LESS), True),
        (code_right, perfect(LATE), False),
        (code_right, empty_handed(labelled()), False),
        (minutes_right, perfect(labelled()), True),
        (minutes_right, perfect(LESS), False),
        (minutes_right, perfect(LATE), False),
        (reading_right, perfect(labelled()), True),
        (reading_right, perfect(LESS), False),
        (reading_right, empty_handed(labelled()), False),
    ],
)
def test_rules_of_pairs(rule, result, expected):
    assert rule(labelled(), result) is expected


def test_a_note_with_a_leak_is_not_read_rightly():
    done = labelled(services=[*labelled().model_dump()["services"], service("Stairs held", "Stairs")], mentions=[])
    assert reading_right(labelled(), perfect(done)) is False


def test_every_family_has_its_rule_and_its_figure():
    assert set(PAIR_RULES) == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("both", "expected"), [(True, 1.0), (False, 0.0)])
def test_a_pair_is_right_when_both_notes_are(family, both, expected):
    notes = [marked(labelled(), id=name, pair=("p1", family)) for name in ("one", "two")]
    results = [perfect(notes[0]), perfect(notes[1]) if both else empty_handed(notes[1])]
    counts = [{}, {}]
    count_pairs(notes, results, counts)
    assert counts == [{f"pair:{family}": 1.0, f"pair:{family}:right": expected}, {}]


def test_half_a_pair_counts_nothing():
    notes = [marked(labelled(), id="one", pair=("p1", "purpose")), labelled(), marked(labelled(), id="two")]
    counts = [{}, {}, {}]
    count_pairs(notes, [perfect(note) for note in notes], counts)
    assert counts == [{}, {}, {}]


def test_marks_of_notes():
    plain, hard = labelled(), marked(labelled(), hard=("group",), pair=("p1", "status"))
    assert (hard_kinds(plain), twin_of(plain), unit_of(plain)) == ((), None, "note:n1")
    assert (hard_kinds(hard), twin_of(hard), unit_of(hard)) == (("group",), ("p1", "status"), "pair:p1")
