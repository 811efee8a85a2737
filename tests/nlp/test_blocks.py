"""Labelled events become blocks."""

import pytest

from nlp.components.blocks import group, own_minutes, structure
from nlp.context import Context
from nlp.events import EVENT_LABELS, Event, find_services, headed, make_events, shared_by_names, shared_by_words
from nlp.tokens import Tokens


def act(at):
    return Event("act", at, at + 1)


def dur(at, minutes, **more):
    return Event("dur", at, at + 1, minutes=minutes, form="unit", **more)


def svc(at, code):
    return Event("svc", at, at + 1, code=code)


def test_own_minutes_win_over_those_inside():
    found = group([svc(0, "97110"), dur(1, 26), act(2), dur(3, 6)], ["B", "D-I", "J", "Q"])
    assert [block.minutes for block in found.blocks] == [26]
    assert [event.minutes for event in found.loose] == [6]


def test_minutes_of_activities_add_up():
    found = group([act(0), dur(1, 8), act(2), dur(3, 7)], ["B", "P-I", "J", "P-I"])
    assert [(len(block.activities), block.minutes) for block in found.blocks] == [(2, 15)]


def test_shared_minutes_go_to_two_blocks_and_to_neither():
    found = group([svc(0, "97110"), act(1), svc(2, "97530"), act(3), dur(4, 38)], ["B", "I", "B", "I", "S"])
    assert [(block.minutes, block.shared) for block in found.blocks] == [(None, True), (None, True)]


def test_shared_minutes_with_one_block_are_loose():
    found = group([act(0), dur(1, 38)], ["B", "S"])
    assert [block.durations for block in found.blocks] == [()]
    assert [event.minutes for event in found.loose] == [38]


def test_a_charge_apart_is_a_block_without_activities():
    found = group([act(0), svc(5, "97110"), dur(6, 15)], ["B", "B", "D-I"])
    assert [(len(block.activities), block.minutes) for block in found.blocks] == [(1, None), (0, 15)]


def test_minutes_of_nothing_are_no_block():
    found = group([dur(0, 15)], ["D-B"])
    assert found.blocks == ()


def test_timed_lines_under_a_heading_line_add_up():
    events = [svc(0, "97530"), act(2), dur(3, 15), act(5), dur(6, 20)]
    labels = ["B", "I", "D-I", "B", "D-I"]
    lines = [0, 0, 1, 1, 1, 2, 2]
    assert [b.minutes for b in group(events, labels, line_of=lines).blocks] == [35]
    assert [b.minutes for b in group(events, labels, line_of=[0, 0, 0, 0, 0, 1, 1]).blocks] == [15, 20]


def events_of(text):
    context = Context(Tokens.of(text))
    from nlp.components.durations import find_durations

    return context, make_events(context, [], find_durations(context))


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("TE + TA = 38 min", True),
        ("97110/97530 30 min", True),
        ("TE 15 min, TA 20 min", False),
        ("97110 97110 30 min", False),
    ],
)
def test_one_duration_on_two_names_is_shared(text, shared):
    context, events = events_of(text)
    assert any(shared_by_names(context, events)) is shared


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("SLR. Bed to chair. 23 min both parts.", True),
        ("34 min total, not split. MHP 10 min.", True),
        ("The two together came to forty minutes", True),
        ("20 min for both.", True),
        ("10 min for both shoulders", False),
        ("34 min total. Therapist not split", False),
        ("both hands on the bar, 10 min", False),
        ("26 min all together: rower, wall sits", False),
    ],
)
def test_minutes_whose_clause_says_two_are_shared(text, shared):
    context, events = events_of(text)
    assert any(shared_by_words(context, events)) is shared


def test_of_two_durations_the_nearer_is_shared():
    context, events = events_of("MHP 10 min, exercise and transfers 34 min both parts")
    assert [e.minutes for e, told in zip(events, shared_by_words(context, events), strict=True) if told] == [34]


def test_names_of_a_shared_duration_are_of_no_block():
    context, events = events_of("TE + TA = 38 min")
    labels = [EVENT_LABELS[number] for number in structure(context, events).argmax(axis=1)]
    assert labels == ["O", "O", "S"]
    context, events = events_of("TE 15 min, TA 23 min")
    assert not structure(context, events)[:, EVENT_LABELS.index("S")].any()


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("O: 15 min", True),
        ("O: total 15 min", False),
        ("O: 6 min walk test", False),
        ("Plan: 15 min", False),
        ("HEP: 15 min", False),
    ],
)
def test_minutes_are_claimed_where_nothing_speaks_against_them(text, claimed):
    context, events = events_of(text)
    scores = structure(context, events)
    assert [scores[n, EVENT_LABELS.index("O")] < 0 for n, e in enumerate(events) if e.kind == "dur"] == [claimed]


@pytest.mark.parametrize(
    ("text", "tag", "claimed"),
    [
        ("O: SLR 3x10", "ACT", True),
        ("O: SLR 3x10", "NOT", False),
        ("O: refused SLR", "ACT", False),
        ("Plan: SLR 3x10", "ACT", False),
    ],
)
def test_work_is_claimed_where_nothing_speaks_against_it(text, tag, claimed):
    context = Context(Tokens.of(text))
    at = context.tokens.at(text.index("SLR"))
    scores = structure(context, [Event("act", at, at + 1, tag=tag)])
    assert bool(scores[0, EVENT_LABELS.index("Q")] < 0) is claimed


def test_minutes_beside_the_name_win_over_smaller_ones():
    context, events = events_of("TE 38 min: bike 6 min")
    assert own_minutes(context, events, ["B", "Q", "D-I"]) == ["B", "D-I", "Q"]
    assert own_minutes(context, events, ["B", "D-I", "Q"]) == ["B", "D-I", "Q"]


def test_an_activity_under_a_heading_line_cannot_begin_a_block():
    text = "97110 Ther Ex 15 min\nSLR 3x10"
    context = Context(Tokens.of(text))
    at = context.tokens.at(text.index("SLR"))
    events = [*find_services(context), Event("act", at, at + 1)]
    assert headed(context, events) == [False, True]
    assert headed(context, [Event("act", 0, 1), Event("act", at, at + 1)]) == [False, False]
