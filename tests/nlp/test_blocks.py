"""Labelled events become blocks."""

import numpy as np
import pytest

from nlp.components.blocks import structure
from nlp.components.durations import find_durations
from nlp.context import Context
from nlp.encoder import COLUMNS, OUTPUTS
from nlp.events import (
    EVENT_LABELS,
    Event,
    find_services,
    headed,
    shared_by_names,
    shared_by_words,
)
from nlp.grouping import given_to_each, group
from nlp.layout import begun_below, closing_lines
from nlp.settling import added_minutes, attach_names, own_minutes, parted_by_code, parted_lines
from nlp.tokens import Tokens

from .reading import events_of


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


@pytest.mark.parametrize(
    ("text", "each"),
    [
        ("97110 and 97530, 15 min each.", True),
        ("TE/TA 12 min ea", True),
        ("97110 and 97530, 15 min apiece; CGA", True),
        ("97110 and 97530, 15 min each leg", False),
        ("97110 and 97530, 15 min for each of the two.", True),
        ("97110 and 97530, 15 min for each of the legs.", False),
        ("97110 and 97530, 15 min each of two sessions.", False),
        ("97110 and 97530, 15 min", False),
        ("TE/TA 12 min\neach leg", False),
    ],
)
def test_minutes_for_two_may_be_those_of_either(text, each):
    context, events = events_of(text)
    (timed,) = [event for event in events if event.kind == "dur"]
    assert given_to_each(context, timed) is each


def test_minutes_given_to_each_are_each_blocks_own():
    events = [act(0), act(4), dur(8, 15)]
    found = group(events, ["B", "B", "S"], each={8})
    assert [(block.minutes, block.shared) for block in found.blocks] == [(15, False), (15, False)]


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("TE + TA = 38 min", True),
        ("97110/97530 30 min", True),
        ("25 minutes combined TherEx/TherAct.", True),
        ("Forty minutes of therapeutic exercise and therapeutic activities together", True),
        ("TE 15 min, TA 20 min", False),
        ("97110 97110 30 min", False),
        ("15 min TE / TA 20 min", False),
        ("15 min, pain 3 of 10. TE/TA", False),
    ],
)
def test_one_duration_on_two_names_is_shared(text, shared):
    context, events = events_of(text)
    found = shared_by_names(context, events)
    assert bool(found) is shared
    for timed, names in found.items():
        assert [events[n].kind for n in (timed, *names)] == ["dur", "svc", "svc"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("planned 60 min (30 TA, 30 TE). TE 9 min", ["TE", "9 min"]),
        ("30 min scheduled: 12 min given", ["12 min"]),
        ("30 min as planned", ["30 min"]),
        ("Scheduled: 60 min", ["60 min"]),
    ],
)
def test_minutes_set_beforehand_are_none(text, kept):
    context, events = events_of(text)
    assert [context.tokens.span(event.start, event.end) for event in events] == kept


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("bike\n19 min, 97110\nrows\n21 min, 97530", [1, 3]),
        ("bike\n97110 = 19 min\nrows\n97530 = 21 min\nGoals met", [1, 3]),
        # headings lead, a single line is no habit, work goes on below, a code stands above
        ("97110 19 min\nbike\n97530 21 min\nrows", []),
        ("bike\n19 min, 97110", []),
        ("bike\n19 min, 97110\nrows\n21 min, 97530\npress", []),
        ("97110: bike\n19 min, 97110\nrows\n21 min, 97530", []),
    ],
)
def test_lines_that_close_the_work_above_them(text, closing):
    context, events = events_of(text, *(w for w in ("bike", "rows", "press") if w in text))
    lines = closing_lines(context, events)
    assert [context.tokens.line_of[events[line[0]].start] for line in lines] == closing
    begun = begun_below(context, events, lines[:-1])
    assert [context.tokens.words[events[n].start] for n in begun] == ["rows"] * bool(closing)


def test_minutes_of_another_sentence_are_no_names_own():
    context, events = events_of("Seen for 45 min. TE: bike 20 min", "bike")
    assert own_minutes(context, events, ["O", "B", "I", "D-I"]) == ["O", "B", "I", "D-I"]


@pytest.mark.parametrize(
    ("text", "rows_begin"),
    [("TE/TA 40 min: bike, rows", True), ("TE/TA 40 min: bike, rows", False)],
)
def test_work_of_two_codes_that_shares_minutes_is_parted(text, rows_begin):
    context, events = events_of(text, "bike", "rows")
    assert parted_by_code(context, events, ["O", "O", "S", "B", "I"]) == ["O", "O", "S", "B", "I"]  # nothing was read
    context.encoded = np.full((len(context.tokens), OUTPUTS), -0.1, dtype=np.float32)
    codes = COLUMNS["code"]
    for number, code in ((3, 0), (4, 1 if rows_begin else 0)):
        row = context.encoded_rows(events[number].start, events[number].end)
        row[:, codes] = -6.0
        row[:, codes.start + code] = -0.1
    settled = ["O", "O", "S", "B", "B" if rows_begin else "I"]
    assert parted_by_code(context, events, ["O", "O", "S", "B", "I"]) == settled
    # The block has minutes of its own, or there is a second one to share with.
    assert parted_by_code(context, events, ["O", "O", "D-B", "J", "J"]) == ["O", "O", "D-B", "J", "J"]
    assert parted_by_code(context, events, ["O", "O", "S", "B", "B"]) == ["O", "O", "S", "B", "B"]


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
    # Each of two named minutes of a sentence is its own service's, and so is not shared.
    shared = structure(context, events)[:, EVENT_LABELS.index("S")]
    assert not shared[[0, 2]].any()
    assert (shared[[1, 3]] < 0).all()


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


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("bike   2x15   5 min   fatigue after set 2", True),
        ("bike | 5 min | tired before lunch", True),
        ("bike 5 min, tired after set 2", False),
        ("bike rest 5 min   3x10", False),
    ],
)
def test_what_stands_in_another_column_is_not_said_of_the_minutes(text, claimed):
    context, events = events_of(text, "bike")
    timed = next(number for number, event in enumerate(events) if event.kind == "dur")
    assert bool(structure(context, events)[timed, EVENT_LABELS.index("Q")] < 0) is claimed


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


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike 8 min, rows 3x12 10 min", "B D-I J Q", "B P-I J P-I"),
        ("a. bike   8 min\nb. rows   10 min", "B D-I J O", "B P-I J P-I"),
        # the block's own minutes lead, or read as its own a second time
        ("8 min: bike, rows 10 min", "D-B J J Q", "D-B J J Q"),
        ("bike 8 min, rows 10 min in all", "B D-I J D-I", "B D-I J D-I"),
        # a total, a test, a pause, another sentence far off, a form of another kind
        ("bike 8 min, rows. Total 18 min", "B D-I J Q", "B D-I J Q"),
        ("bike 8 min, rows, rest 10 min", "B D-I J Q", "B D-I J Q"),
        ("bike 8 min, rows\n\nknee sore for 10 min", "B D-I J Q", "B D-I J Q"),
        ("bike 8 min, rows 0905-0915", "B D-I J Q", "B D-I J Q"),
    ],
)
def test_minutes_behind_each_activity_add_up(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(added_minutes(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("Therapeutic exercise, 1:08-1:29: rows", "O D-B J", "B D-I J"),
        ("Therapeutic exercise: rows 10 min", "O B D-I", "B I D-I"),
        ("rows (97110), 10 min", "B O D-I", "B I D-I"),
        # another sentence, a block that names its service, a word between
        ("Continue therapeutic exercise. Did rows 10 min", "O B D-I", "O B D-I"),
        ("97110 per plan, TE: rows 10 min", "O B I D-I", "O B I D-I"),
        ("rows as part of therapeutic exercise", "B O", "B O"),
    ],
)
def test_a_name_beside_a_block_is_its_own(text, labels, settled):
    context, events = events_of(text, "rows")
    assert " ".join(attach_names(context, events, labels.split())) == settled


def test_names_of_shared_minutes_are_beside_no_block():
    context, events = events_of("TE + TA 38 min: rows", "rows")
    assert attach_names(context, events, ["O", "O", "S", "B"]) == ["O", "O", "S", "B"]


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike 10 min\nTransfers: rows 8 min", "B D-I Q J D-I", "B D-I Q B D-I"),
        ("bike 10 min\nTransfers: rows 8 min", "B D-I B I D-I", "B D-I B I D-I"),
        ("bike 10 min\nthen rows 8 min", "B D-I J D-I", "B D-I J D-I"),
        ("bike 10 min, transfers: rows 8 min", "B D-I Q J D-I", "B D-I Q J D-I"),
    ],
)
def test_work_behind_a_heading_parts_from_the_lines_above(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(parted_lines(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "number", "ruled_out"),
    [
        ("Did bike. For ten minutes rows", 1, {"D-I", "P-I"}),
        ("Did bike. Rows for ten minutes", 2, {"D-B", "P-B"}),
        ("Did bike. TE: ten minutes rows", 2, set()),
        ("Did bike. For ten minutes rows 8 min", 1, set()),
    ],
)
def test_the_place_of_a_sentences_only_minutes_rules_labels_out(text, number, ruled_out):
    context, events = events_of(text, *(w for w in ("bike", "rows", "Rows") if w in text))
    scores = structure(context, events)
    assert events[number].kind == "dur"
    assert {label for at, label in enumerate(EVENT_LABELS) if scores[number, at] <= -20} == ruled_out


@pytest.mark.parametrize(
    ("text", "ruled_out"),
    [
        ("SLR\nTA: bike", {"I", "J"}),
        ("TA: SLR\nTA: bike", {"I"}),
        ("SLR\nTA 15 min", set()),
        ("SLR, TA: bike", set()),
    ],
)
def test_a_name_that_opens_its_line_goes_on_in_no_block(text, ruled_out):
    context, events = events_of(text, *(w for w in ("SLR", "bike") if w in text))
    number = max(n for n, event in enumerate(events) if event.kind == "svc")
    scores = structure(context, events)
    assert {label for at, label in enumerate(EVENT_LABELS) if scores[number, at] <= -20} == ruled_out


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("te - SLR", ["97110"]),
        ("ta: stairs", ["97530"]),
        ("te 20 : SLR", ["97110"]),
        ("38' TE: bike", ["97110"]),
        ("38 min TE: bike", ["97110"]),
        ("minutes TE   16   11", ["97110"]),
        ("TE mins  14  16", ["97110"]),
        ("dressing (Self-care): min A", ["97535"]),
        ("mobs (97140). Mechanical traction 12 min", ["97140", "97012"]),
        ("97110 - ther ex 15 min", ["97110"]),
        ("Group, 45 min, five peers", ["97150"]),
        ("TE, 27 min in all: bike", ["97110"]),
        ("curls x10, stairs 12 steps", []),
        ("Group, five peers", []),
        ("heel slides - 25' TE", ["97110"]),
        ("14 min massage", []),
        ("Exercise 2: bridges", []),
        ("T.A. 10 min: getting off the floor", ["97530"]),
        ("the ta muscle - sore", []),
        ("join us - she said", []),
        ("gait is slow (self-care later)", []),
        ("te", []),
    ],
)
def test_service_names_are_found(text, codes):
    context = Context(Tokens.of(text))
    timed = [candidate.start for candidate in find_durations(context)]
    assert [event.code for event in find_services(context, timed)] == codes


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("97110, 28 min start to finish: SLR", True),
        ("TherEx 30 min (premed 1 h prior)", True),
        ("97110 held, 28 min", False),
        ("97110 last visit: 25 min", False),
        ("97110\n28 min", False),
        ("28 min of rest, 97110", False),
    ],
)
def test_minutes_right_behind_a_name_are_somebodys(text, claimed):
    context, events = events_of(text)
    timed = next(number for number, event in enumerate(events) if event.kind == "dur")
    scores = structure(context, events)
    assert bool(scores[timed, EVENT_LABELS.index("O")] <= -6.0) is claimed


def test_a_word_against_minutes_speaks_for_its_own_line():
    context, events = events_of("bike 9 min\nrest 2 min")
    scores = structure(context, events)[:, EVENT_LABELS.index("O")]
    assert [float(scores[n]) for n, e in enumerate(events) if e.kind == "dur"] == [-1.5, 0.0]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("TE/TA 30 min", ["97110", "97530"]),
        ("Group of 4, 25 min: ball toss", ["97150"]),
        ("Ther activ ......... 9 min", ["97530"]),
        ("TE/knee 30 min", []),
        ("a group of friends", []),
    ],
)
def test_names_of_services_are_found(text, codes):
    assert [event.code for event in find_services(Context(Tokens.of(text)))] == codes


@pytest.mark.parametrize(
    ("text", "elsewhere"),
    [
        ("2/03 | bike | 10 min\n2/06 | rows | 4 min", {"bike", "10 min"}),
        ("---- copied from last visit ----\n97110: bike 10 min\n--------\nrows 4 min", {"bike"}),
        ("Today 2/03: bike 10 min\nrows 4 min", set()),
    ],
)
def test_what_is_of_another_day_is_in_no_block(text, elsewhere):
    context, events = events_of(text, "bike", "rows")
    scores = structure(context, events)
    out = [n for n in range(len(events)) if scores[n, EVENT_LABELS.index("B")] <= -40]
    assert {context.tokens.span(events[n].start, events[n].end) for n in out} == elsewhere
