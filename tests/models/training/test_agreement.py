"""Agreement of two labellings: figures worked out by hand, undefined ones, and every difference told once."""

import pytest

from models.errors import DatasetError
from models.training.agreement import agree, kappa
from models.training.dataset import LabelledNote

TEXT = "A squats B lifts C heat. Plan: stairs. Goal: run"


def at(words):
    start = TEXT.index(words)
    return {"start": start, "end": start + len(words), "text": words}


def block(words, code, minutes=None, stated=None, activities=()):
    return {
        **at(words), "code": code, "accept": [code], "other_code": "97140" if code == "other" else None, "stated": stated,
        "stated_code": stated, "minutes": minutes, "activities": [at(activity) for activity in activities],
    }  # fmt: skip


BLOCKS = [
    block("A squats", "97110", 15, activities=["squats"]),
    block("B lifts", "97530", 20, activities=["lifts"]),
    block("C heat", "other", 10),
]
ELEMENTS = {"activity": True, "duration": True, "goal": True, "assessment": False, "progress": False}


def note(note_id="n", services=BLOCKS, mentions=(("stairs", "planned"),), goals=("run",), shared=(), **elements):
    return LabelledNote.model_validate({
        "id": note_id, "writer": "w", "layout": "l", "discipline": "PT", "setting": "s", "style": "s", "text": TEXT,
        "services": list(services), "shared_minutes": list(shared), "trap": "t",
        "mentions": [{**at(words), "status": status} for words, status in mentions], "goals": [at(words) for words in goals],
        "elements": {**ELEMENTS, **elements},
    })  # fmt: skip


def measures(agreement):
    return {measure.name: (measure.value, measure.count) for measure in agreement.measures}


def test_a_labelling_agrees_with_itself():
    agreement = agree([note("a"), note("b")], [note("b"), note("a")])
    assert (agreement.notes, agreement.only_first, agreement.only_second) == (2, 0, 0)
    assert agreement.disagreements == ()
    assert measures(agreement) == {
        "block codes, Cohen's kappa": (1.0, 6), "block codes, the same": (1.0, 6),
        "blocks, F1 (overlap)": (1.0, 12), "blocks, F1 (exact)": (1.0, 12),
        "activities, F1 (overlap)": (1.0, 8), "activities, F1 (exact)": (1.0, 8),
        "mentions, F1 (overlap)": (1.0, 4), "mentions, F1 (exact)": (1.0, 4), "mentions, status the same": (1.0, 2),
        "goals, F1 (overlap)": (1.0, 4), "goals, F1 (exact)": (1.0, 4),
        "minutes of a code, the same": (1.0, 6), "minutes of every code the same, notes": (1.0, 2),
        "elements, the same": (1.0, 10),
    }  # fmt: skip


def test_nothing_labelled_gives_no_figure_and_no_nan():
    empty = note(services=[], mentions=(), goals=())
    found = measures(agree([empty], [empty]))
    assert {name for name, (value, _) in found.items() if value is not None} == {
        "minutes of every code the same, notes", "elements, the same",
    }  # fmt: skip
    assert all(value is None and count == 0 for value, count in measures(agree([], [])).values())
    assert agree([note("a")], [note("b")]).measures == agree([], []).measures


def test_notes_that_one_labeller_lacks_are_counted():
    agreement = agree([note("a"), note("b"), note("c")], [note("b"), note("d")])
    assert (agreement.notes, agreement.only_first, agreement.only_second) == (1, 2, 1)


ONE, TWO, THREE = BLOCKS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"services": [{**ONE, "code": "97530", "accept": ["97530"]}, TWO, THREE]}, [
            ("block code", (0, 8), (0, 8), ("97110", "97530")),
            ("minutes of 97110", None, None, (15, None)), ("minutes of 97530", None, None, (20, 35)),
        ]),
        ({"services": [{**ONE, "minutes": None}, TWO, THREE]}, [
            ("block minutes", (0, 8), (0, 8), (15, None)), ("minutes of 97110", None, None, (15, None)),
        ]),
        ({"services": [{**ONE, "stated_code": "97530"}, TWO, THREE]}, [("stated code", (0, 8), (0, 8), (None, "97530"))]),
        ({"services": [ONE, TWO]}, [("blocks", (17, 23), None, (None, None)), ("minutes of 97140", None, None, (10, None))]),
        ({"services": [{**ONE, "activities": [at("A squats")]}, TWO, THREE]}, [
            ("activities: extent", (2, 8), (0, 8), (None, None)),
        ]),
        ({"services": [{**ONE, "activities": []}, TWO, THREE]}, [("activities", (2, 8), None, (None, None))]),
        ({"mentions": [("stairs", None)]}, [("mention status", (31, 37), (31, 37), ("planned", None))]),
        ({"mentions": [("stairs", "planned"), ("heat", "held")]}, [("mentions", None, (19, 23), (None, None))]),
        ({"goals": ["Goal: run"]}, [("goals: extent", (45, 48), (39, 48), (None, None))]),
        ({"progress": True}, [("element progress", None, None, (False, True))]),
        ({"services": [{**ONE, "minutes": None}, {**TWO, "minutes": None}, THREE], "shared": [{"minutes": 35, "blocks": [0, 1]}]}, [
            ("block minutes", (0, 8), (0, 8), (15, None)), ("block minutes", (9, 16), (9, 16), (20, None)),
            ("minutes of 97110", None, None, (15, None)), ("minutes of 97530", None, None, (20, None)),
            ("shared minutes", None, None, ([], [(35, [(0, 8), (9, 16)])])),
        ]),
    ],
)  # fmt: skip
def test_every_difference_is_told_with_both_labels(changes, expected):
    told = agree([note()], [note(**changes)]).disagreements
    assert [(d.what, d.first, d.second, d.labels) for d in told] == expected
    mirrored = agree([note(**changes)], [note()]).disagreements
    assert sorted((d.what, d.second, d.first, d.labels[::-1]) for d in mirrored if d.first) == sorted(
        e for e in expected if e[2]
    )


def test_figures_of_two_that_differ():
    other = note(
        services=[{**ONE, "code": "97530", "accept": ["97530"], "minutes": None}, TWO],
        goals=["Goal: run"],
        progress=True,
    )
    assert measures(agree([note()], [other])) == {
        # Codes 97110/97530 and 97530/97530: 1 of 2 alike, and chance gives 1 of 2 (1/2 x 0 + 1/2 x 1).
        "block codes, Cohen's kappa": (0.0, 2), "block codes, the same": (0.5, 2),
        "blocks, F1 (overlap)": (0.8, 5), "blocks, F1 (exact)": (0.8, 5),
        "activities, F1 (overlap)": (1.0, 4), "activities, F1 (exact)": (1.0, 4),
        "mentions, F1 (overlap)": (1.0, 2), "mentions, F1 (exact)": (1.0, 2), "mentions, status the same": (1.0, 1),
        "goals, F1 (overlap)": (1.0, 2), "goals, F1 (exact)": (0.0, 2),
        "minutes of a code, the same": (0.3333, 3), "minutes of every code the same, notes": (0.0, 1),
        "elements, the same": (0.8, 5),
    }  # fmt: skip


A, B, C = "97110", "97530", "other"


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([], None),
        ([(A, A)] * 5, None),
        ([(A, A), (B, B)], 1.0),
        ([(A, B), (B, A)], -1.0),
        ([(A, B)], 0.0),
        # 11 of 12 alike; chance: (5 x 4 + 4 x 5 + 3 x 3) / 144.
        ([(A, A)] * 4 + [(B, B)] * 4 + [(C, C)] * 2 + [(A, B), (C, C)], 0.8737),
    ],
)
def test_kappa(pairs, value):
    assert kappa(pairs) == value


def test_another_text_or_an_id_twice_is_refused():
    changed = note().model_copy(update={"text": TEXT + "."})
    with pytest.raises(DatasetError, match="note n has another text"):
        agree([note()], [changed])
    with pytest.raises(DatasetError, match="first: id 'n' stands twice"):
        agree([note(), note()], [])
