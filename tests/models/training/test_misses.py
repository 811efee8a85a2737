"""Each way in which a result can differ from the labels is found, named and placed; a right result has none."""

import pytest

from models.training.misses import CAUSE_IDS, CAUSES, misses, parse_causes
from nlp.errors import LexiconError

from .conftest import TEXT, at, empty_handed, labelled, perfect

NOTE = labelled()
TE, TA = NOTE.model_dump(mode="json")["services"]
HEAD = '[header]\nversion = "1"\nsource = "s"\nreviewed = "2026-11-25"\nreviewed_by = "b"\n'


def found(gold, read, needed=()):
    return [
        (m.cause, None if m.start is None else gold.text[m.start : m.end], m.got, m.wanted)
        for m in misses(gold, perfect(read), needed)
    ]


def joined():
    """Both blocks read as one."""
    return TE | {
        "end": TA["end"],
        "text": TEXT[TE["start"] : TA["end"]],
        "activities": TE["activities"] + TA["activities"],
    }


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ({}, []),
        ({"services": [TE | {"activities": TE["activities"][:1]}, TA]}, [("missed", "bridging", "", "")]),
        ({"services": [TE, TA, TA | at(TEXT, "Stairs held") | {"activities": [at(TEXT, "Stairs")], "minutes": None}],
          "mentions": []}, [("leaked", "Stairs", "", ""), ("flag_wrong", None, "minutes_missing", "")]),
        ({"services": [TE | {"activities": [*TE["activities"], at(TEXT, "min")]}, TA]}, [("invented", "min", "", "")]),
        ({"services": [TE | {"minutes": 21}, TA]}, [("wrong_minutes", TE["text"], "21 min", "20 min")]),
        ({"services": [TE, TA | {"minutes": None}]},
         [("wrong_minutes", TA["text"], "none", "10 min"), ("flag_wrong", None, "minutes_missing", "")]),
        ({"services": [TE, TA | {"code": "other", "accept": ["other"]}]},
         [("wrong_code", TA["text"], "other", "97530"), ("flag_wrong", None, "code_mismatch", "")]),
        ({"services": [joined()]}, [("wrong_block", TE["text"], "", ""), ("wrong_block", TA["text"], "", "")]),
        ({"goals": []}, [("goal_missed", "get into car alone", "", ""), ("flag_wrong", None, "goal_missing", "")]),
        ({"goals": [at(TEXT, "get into car alone"), at(TEXT, "Stairs held")]}, [("goal_invented", "Stairs held", "", "")]),
    ],
)  # fmt: skip
def test_each_cause(read, expected):
    assert found(NOTE, labelled(**read)) == expected


def test_a_code_that_a_careful_coder_could_defend_is_no_miss():
    gold = labelled(services=[TE, TA | {"accept": ["97530", "other"]}])
    assert found(gold, labelled(services=[TE, TA | {"code": "other", "accept": ["other"]}])) == [
        ("flag_wrong", None, "code_mismatch", "")
    ]


def test_a_block_read_in_two_parts_is_grouped_wrongly_once():
    whole = labelled(services=[joined()])
    assert [m for m in found(whole, NOTE) if m[0] == "wrong_block"] == [("wrong_block", joined()["text"], "", "")]


def test_warnings_that_are_missing():
    assert found(NOTE, NOTE, needed=("goal_missing",)) == [("flag_missed", None, "", "goal_missing")]
    bare = labelled(goals=[])
    assert found(bare, bare, needed=("goal_missing",)) == []


def test_an_empty_result_misses_everything():
    causes = [m.cause for m in misses(NOTE, empty_handed(NOTE), ())]
    assert causes == ["missed", "missed", "missed", "goal_missed"]


def test_misses_come_by_cause_then_by_position():
    causes = [m.cause for m in misses(NOTE, perfect(labelled(services=[], goals=[])), ("no_unit",))]
    assert causes == sorted(causes, key=CAUSE_IDS.index)


def test_causes_have_their_words():
    assert tuple(CAUSES) == CAUSE_IDS
    assert all(cause.name and cause.tag and cause.meaning for cause in CAUSES.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + '[[cause]]\nid = "bad luck"\nname = "n"\ntag = "t"\nmeaning = "m"\n', "no rule"),
        (HEAD + '[[cause]]\nid = "missed"\nname = "n"\nmeaning = "m"\n', "tag is missing"),
        (HEAD + '[[cause]]\nid = "missed"\nname = "n"\ntag = "t"\nmeaning = "m"\n', "id leaked"),
    ],
)
def test_a_wrong_list_is_refused(text, reason):
    with pytest.raises(LexiconError, match=reason):
        parse_causes(text)
