"""Whose minutes are whose by where they stand; each rule with twins in which it says nothing."""

from dataclasses import replace

import pytest

from nlp.components.blocks import structure
from nlp.events import EVENT_LABELS
from nlp.layout import (
    behind_task,
    charge_lines,
    charged_apart,
    closing_names,
    closing_pairs,
    ends_list,
    heading_totals,
    of_another_day,
    timed_lines,
    totals_of_parts,
    trailing_brackets,
    unit_charges,
    visit_alone,
)
from nlp.settling import (
    bracketed_parts,
    bracketed_whole,
    closed_lines,
    column_minutes,
    covering_minutes,
    filled_services,
    leading_lines,
    led_names,
    line_parts,
    nested_minutes,
    net_minutes,
    one_code_a_block,
    row_minutes,
    sum_of_all,
    timed_parts,
    times_tasks,
    unshared,
)

from .reading import events_of


@pytest.mark.parametrize(
    ("text", "work", "kept"),
    [
        ("up and down 6 stairs (14 min)", "up and down 6 stairs", []),
        ("TA 15 min: stair training 4 steps", "stair training 4 steps", ["97530"]),
        ("stairs: 12 steps", "12 steps", [""]),
        ("TA 15 min:\n1. stair training\n2. car transfer", "car transfer", ["97530"]),
        ("TA 15 min:\n- stair training 8 min\n- car transfer", "car transfer", ["97530", "97116"]),
        ("| 97530 | car transfer | 15 |\n| 97116 | stair training | 8 |", "car transfer", ["97530", "97116", "97116"]),
        ("TA 15 min:\nbox\nstair training", "box", ["97530", "97116"]),
        ("gait training 10 min", "gait training", ["97116"]),
    ],
)
def test_a_headings_word_within_a_task_is_no_heading(text, work, kept):
    _, events = events_of(text, work)
    assert [event.code for event in events if event.kind == "svc"] == kept


@pytest.mark.parametrize(
    ("text", "totals"),
    [
        ("45 min total: there-ex 15 min, there-act 15 min, gait 15 min", ["45 min"]),
        ("97110 20 min, 97530 25 min, 45 min in all", ["45 min"]),
        # other than the sum, parts without a name, a single part, another line
        ("46 min total: there-ex 15 min, there-act 15 min, gait 15 min", []),
        ("13 min TE: bike 8 min, rower 5 min", []),
        ("15 min: TE 15 min", []),
        ("45 min\nTE 20 min, TA 25 min", []),
    ],
)
def test_minutes_that_are_the_sum_of_named_ones(text, totals):
    context, events = events_of(text)
    found = totals_of_parts(context, events)
    assert [context.tokens.span(events[n].start, events[n].end) for n in found] == totals
    scores = structure(context, events)
    assert all(scores[n, EVENT_LABELS.index("D-I")] <= -20 for n in found)


@pytest.mark.parametrize(
    ("text", "totals"),
    [
        # each name with its own work: as long as the other two by chance
        ("TA 16 min: curb. Gait 10 min: ramp. TE 6 min: SLR", []),
        # its parts have none
        ("TA 16 min: curb, ramp, SLR. Gait 10 min, TE 6 min", ["16 min"]),
    ],
)
def test_minutes_of_a_service_with_its_own_work_are_no_total(text, totals):
    context, events = events_of(text, "curb", "ramp", "SLR")
    found = totals_of_parts(context, events)
    assert [context.tokens.span(events[n].start, events[n].end) for n in found] == totals


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("38 min of ther ex: bike 15 min, rows", "D-B B I D-I J", "D-B J J Q J"),
        ("TE 27 min: bike 7 min; rows 4 min", "B D-I J D-B J D-B", "B D-I J Q J Q"),
        ("bike 8 min, rows - 25' TE", "B D-I B D-I J", "B Q I D-I J"),
        ("bike 8 min, rows, 25 min in all", "B D-I B D-I", "B Q I D-I"),
        ("bike 8 min; rows -> TE 18 min", "B D-I B I D-I", "B Q I I D-I"),
        ("TE: 30 min. bike 10 min, rows", "B D-I J D-B J", "B D-I J Q J"),
        ("TE: 30 min. bike 10 min. rows 5 min", "B D-I J D-B J D-I", "B D-I J Q J D-I"),
        ("Pt did TE: press. TE 30 min. bike 10 min, rows", "B I B D-I B D-B J", "B I B D-I B D-B J"),
        # more than the whole, another sentence, on top, a name of its own, the clock, no name at all
        ("TE 10 min: bike 8 min, rows 7 min", "B D-I J D-B J D-B", "B D-I J D-B J D-B"),
        ("TE 27 min: bike. Then rows 7 min", "B D-I J B D-I", "B D-I J B D-I"),
        ("TE 20 min plus 6 min: bike, rows", "B D-I P-I J J", "B D-I P-I J J"),
        ("30 min of ther act: bike, and 15 min of ther ex: rows", "D-B J J D-B J J", "D-B J J D-B J J"),
        ("TE 9:00-9:30: bike, 9:40-9:50 rows", "B D-I J D-B J", "B D-I J D-B J"),
        ("Quota 25 min: bike 8 min, rows", "D-B J D-B J", "D-B J Q J"),
        ("Quota 25 min. bike 8 min, rows", "D-B J D-B J", "D-B J D-B J"),
        ("bike 8 min, rows, 25 min", "B D-I B D-I", "B D-I B D-I"),
    ],
)
def test_minutes_of_a_name_cover_those_inside(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(covering_minutes(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("bike, Min A. (14 mins) rows. (9 mins)", [14, 9]),
        ("(14 mins) bike. (9 mins) rows", []),
        ("bike (14 mins). rows (9 mins)", []),
        ("bike. (9 mins): rows", []),
    ],
)
def test_bracketed_minutes_behind_a_full_stop(text, closed):
    context, events = events_of(text, "bike", "rows")
    assert [events[n].minutes for n in trailing_brackets(context, events)] == closed


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("97530: 8; 97110: 10.\nbike, rows", True),
        ("Seen 45 min (97110 20 min, 97530 25 min). bike, rows", True),
        ("Units: 97530 x 2\nMinutes: 97530 28, 97110 15\nbike, rows", True),
        ("Code: 97530   Minutes: 28\nCode: 97110   Minutes: 12\nbike, rows", True),
        # one code, work in the same sentence, not right below one another
        ("Code: 97530   Minutes: 28\n\n\nCode: 97110   Minutes: 12\nbike, rows", False),
        ("97110: 10.\nbike, rows", False),
        ("97530 8 min, 97110 10 min: bike, rows", False),
    ],
)
def test_work_below_minutes_by_code_begins_a_block(text, begins):
    context, events = events_of(text, "bike", "rows")
    assert [context.tokens.words[events[n].start] for n in charged_apart(context, events)] == ["bike"] * begins


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("bike, rows - 25 min ther ex. Then press", ["ther ex"]),
        ("bike, rows, 25 min ther ex: press", []),
        ("25 min ther ex. bike, rows, press", []),
        ("bike, rows. TE 25 min ther act. press", []),
    ],
)
def test_names_that_close_the_work_before_them(text, names):
    context, events = events_of(text, "bike", "rows", "press")
    found = closing_names(context, events)
    assert [context.tokens.span(events[n].start, events[n].end) for n in found] == names


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("bike 10 min\nrows 4 min\npress 5 min", 3),
        ("bike 10 min\nrows 4 min\npress", 0),
        ("TE 21 min\nbike 10 min\nrows 4 min\npress 5 min", 0),
        ("bike 10 min\nrows 4 min\nrest press 5 min", 0),
    ],
)
def test_lines_that_each_end_with_their_minutes(text, count):
    context, events = events_of(text, "bike", "rows", "press")
    assert len(timed_lines(context, events)) == count


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike 18 min (97530), rows 15 min (97535)", "B D-I J J Q J", "B D-I J B D-I J"),
        ("bike, rows 18 min (97530), 15 min (97535)", "B I D-I J Q J", "B I D-I J D-B J"),
        # one code, a code in front of its minutes, a shared duration
        ("bike 18 min (97530), rows 15 min (97530)", "B D-I J J Q J", "B D-I J J Q J"),
        ("97530 18 min bike, 97535 rows 15 min", "B D-I J J J Q", "B D-I J J J Q"),
        ("bike 18 min (97530), rows 15 min (97535)", "B S J J Q J", "B S J J Q J"),
    ],
)
def test_a_block_has_one_code(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(one_code_a_block(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike, rows, together 25 min", "B I S", "B I D-I"),
        ("bike, rows, together 25 min", "B B S", "B B S"),
        ("bike, rows, 25 min for the two of them", "B I S", "B I S"),
        ("TE/TA 25 min: bike, rows", "O O S B I", "O O S B I"),
        ("bike 8 min, rows, together 25 min", "B D-I I S", "B D-I I S"),
    ],
)
def test_minutes_of_one_block_are_not_shared(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(unshared(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "nobodys"),
    [
        ("SLR x10. HEP: walking 15 min", True),
        ("SLR x10. HEP walking 15 min", True),
        ("On her own bed, 15 min: SLR", False),
        ("Walking 15 min, HEP reviewed", False),
    ],
)
def test_minutes_of_a_home_programme_are_nobodys(text, nobodys):
    context, events = events_of(text)
    timed = next(n for n, event in enumerate(events) if event.kind == "dur")
    assert bool(structure(context, events)[timed, EVENT_LABELS.index("D-I")] <= -20) is nobodys


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("Ther ex: bike. Ther act: rows. Total 50 min.", True),
        ("Ther ex: bike. Ther act: rows.\n50 min", True),
        # one service, minutes beside a name or work, two durations
        ("Ther ex: bike, rows. Total 50 min.", False),
        ("Ther ex: bike. Ther act: rows 50 min.", False),
        ("Ther ex: bike. Ther act 50 min: rows.", False),
        ("Ther ex: bike 8 min. Ther act: rows. Total 50 min.", False),
    ],
)
def test_a_visits_minutes_alone_are_no_one_services(text, alone):
    context, events = events_of(text, "bike", "rows")
    assert bool(visit_alone(context, events)) is alone


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("15 min TE, 30 min TA", "D-B B D-I B", "D-B J D-B J"),
        ("15 min TE / 30 min TA", "D-B B D-I B", "D-B J D-B J"),
        ("TE 15 min, TA 30 min", "B D-I B D-I", "B D-I B D-I"),
        ("15 min TE, 30 min TE", "D-B B D-I B", "D-B B D-I B"),
        ("15 min TE", "D-B J", "D-B J"),
        ("15 min of ther ex with bike, then 30 min of ther act with rows", "O B I D-B J J", "D-B J J D-B J J"),
        # a whole in front of them, a name that its minutes follow, shared minutes
        ("45 min total: TE 15 min, TA 30 min", "O B D-I B D-I", "O B D-I B D-I"),
        ("15 min TE, 30 min TA 20 min", "D-B B D-I B D-I", "D-B B D-I B D-I"),
        ("15 min TE, 30 min TA", "S B D-I B", "S B D-I B"),
    ],
)
def test_minutes_in_front_of_each_name_are_its_own(text, labels, settled):
    context, events = events_of(text, *(w for w in ("bike", "rows") if w in text))
    assert " ".join(led_names(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike 15 min L3, rows 10 min", "B D-I J Q", "B P-I J P-I"),
        ("MHP 10 min, bike, rows 20 min", "B D-I J J Q", "B P-I B I P-I"),
        # a name of a service, its line above, minutes that lead, words against them, work behind the last minutes
        ("TE: bike 15 min, rows 10 min", "B I D-I J Q", "B I D-I J Q"),
        ("TE 30 min\nbike 15 min, rows 10 min", "B D-I J Q J Q", "B D-I J Q J Q"),
        ("15 min bike, 10 min rows", "D-B J Q J", "D-B J Q J"),
        ("bike 15 min, rows rest 10 min", "B D-I J Q", "B D-I J Q"),
        ("bike 15 min, rows 10 min, press", "B D-I J Q J", "B D-I J Q J"),
    ],
)
def test_minutes_behind_each_task_of_a_sentence(text, labels, settled):
    context, events = events_of(text, *(w for w in ("bike", "rows", "press") if w in text))
    assert " ".join(timed_parts(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike 6 min\nTE 30 min (bike included): rows", "B D-I B D-I J", "B Q I D-I J"),
        ("bike 6 min\nTE 30 min: rows", "B D-I B D-I J", "B D-I B D-I J"),
        ("bike 6 min\nTA 30 min. Pain included a spasm. rows", "B D-I B D-I J", "B D-I B D-I J"),
    ],
)
def test_minutes_that_include_the_warm_up(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(covering_minutes(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("TA 30 min minus 6 min rest = 24 min: bike", "B D-I Q Q J", "B Q Q D-I J"),
        ("TA 30 min minus 6 min rest = 24 min: bike", "B D-I P-I D-I J", "B Q Q D-I J"),
        ("TA 10:00-10:30, 24 min billable: bike", "B D-I Q J", "B Q D-I J"),
        ("30 min less 6 min rest = 24 min TA: bike", "D-B Q Q J J", "Q Q D-B J J"),
        # more than they were, no sign, two of their own
        ("TA 10 min = 24 min: bike", "B D-I Q J", "B D-I Q J"),
        ("TA 30 min, 24 min: bike", "B D-I Q J", "B D-I Q J"),
        ("TA 30 min, TE 26 min = 24 min", "B D-I B D-I Q", "B D-I B D-I Q"),
    ],
)
def test_what_is_left_of_minutes(text, labels, settled):
    context, events = events_of(text, *(w for w in ("bike",) if w in text))
    assert " ".join(net_minutes(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike 6 min, rows 4 min. 15 min billed", "B P-I J P-I Q", "B Q J Q D-I"),
        # fewer than the parts, not called billed, two blocks
        ("bike 6 min, rows 4 min. 8 min billed", "B P-I J P-I Q", "B P-I J P-I Q"),
        ("bike 6 min, rows 4 min. 15 min rest", "B P-I J P-I Q", "B P-I J P-I Q"),
        ("bike 6 min, rows 4 min. 15 min billed", "B D-I B D-I Q", "B D-I B D-I Q"),
    ],
)
def test_what_is_billed_of_a_notes_only_block(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(net_minutes(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("TA\nbike (6 min)\nrows (9 min)", "B I D-I I D-I", "B I P-I I P-I"),
        ("TA\nbike (6 min)\nrows (9 min)", "B I O I D-I", "B I P-I I P-I"),
        ("TA\nbike (6 min)\nrows, rested (9 min)", "B I D-I I O", "B I D-I I O"),
        # one line, minutes in the heading, minutes alone on a line, clock times
        ("TA\nbike 6 min, rows 9 min", "B I D-I I D-I", "B I D-I I D-I"),
        ("TA 15 min\nbike (6 min)\nrows (9 min)", "B D-I J D-I J D-I", "B D-I J D-I J D-I"),
        ("TA\nbike, rows\n6 min\n15 min", "B I I D-I D-I", "B I I D-I D-I"),
        ("TA\nbike 9:00-9:10\nrows 9:10-9:20", "B I D-I I D-I", "B I D-I I D-I"),
    ],
)
def test_minutes_that_close_the_lines_of_a_block_add_up(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(line_parts(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("97140, 97535 total timed 38 min\nbike 20 min\nrows 18 min", "B I D-I B D-I B D-I", "B I Q B D-I B D-I"),
        # not their sum, not called a total, a block's with work of its own
        ("Total TE 38 min: press\nbike 20 min\nrows 18 min", "B D-I J B D-I B D-I", "B D-I J B D-I B D-I"),
        ("97140, 97535 total timed 40 min\nbike 20 min\nrows 18 min", "B I D-I B D-I B D-I", "B I D-I B D-I B D-I"),
        ("97140, 97535 38 min\nbike 20 min\nrows 18 min", "B I D-I B D-I B D-I", "B I D-I B D-I B D-I"),
    ],
)
def test_a_total_of_all_blocks_is_no_blocks(text, labels, settled):
    context, events = events_of(text, *(w for w in ("press", "bike", "rows") if w in text))
    assert " ".join(sum_of_all(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike 6 min. rows 3x10. (97110 - 28 min).", "B D-I B I D-I", "B Q I J D-I"),
        ("bike 6 min. rows 3x10. (28 min).", "B D-I B D-I", "B Q I D-I"),
        ("bike. rows 3x10. (28 min).", "B B D-I", "B B D-I"),
        ("bike 20 min. rows 3x10. (28 min).", "B D-I B D-I", "B D-I B D-I"),
        # fewer than the minutes inside, another name on the line, no full stop, one sentence
        ("bike 30 min. rows 3x10. (97110 - 28 min).", "B D-I B I D-I", "B D-I B I D-I"),
        ("MT: bike 6 min. rows 3x10. (97110 - 28 min).", "B I D-I B I D-I", "B I D-I B I D-I"),
        ("bike 6 min. rows 3x10 (97110 - 28 min).", "B D-I B I D-I", "B D-I B I D-I"),
        ("bike, rows 3x10. (97110 - 28 min).", "B I I D-I", "B I I D-I"),
    ],
)
def test_a_bracket_that_closes_the_line_is_all_its_sentences(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(bracketed_whole(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("bike 14 min with RN present", True),
        ("bike 14 min during dressing change", True),
        ("bike 14 min w/ RN present", True),
        # a tolerance, a word before the minutes, not behind the task
        ("bike 14 min before sitting", False),
        ("bike, rested 14 min with RN present", False),
        ("14 min with RN present, bike", False),
    ],
)
def test_what_goes_on_around_work_takes_no_minutes_from_it(text, behind):
    context, events = events_of(text, "bike")
    timed = next(n for n, event in enumerate(events) if event.kind == "dur")
    assert behind_task(context, events, timed) is behind


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("TE 8 min: bike, rows. Press deferred.", True),
        ("TE 8 min: bike and rows. Press deferred.", True),
        # a cue in the sentence, no list, no name or minutes in front, words behind, no other task in the next sentence, no cue there
        ("TE 8 min: bike, rows deferred. Press deferred.", False),
        ("TE 8 min: bike before rows. Press deferred.", False),
        ("Did bike, rows. Press deferred.", False),
        ("TE 8 min: bike, rows when able. Press deferred.", False),
        ("TE 8 min: bike, rows. She refused.", False),
        ("TE 8 min: bike, rows. Press 3x10.", False),
    ],
)
def test_the_last_of_a_list_is_as_done_as_the_others(text, ended):
    context, events = events_of(text, *(w for w in ("bike", "rows", "Press") if w in text))
    last = [n for n, e in enumerate(events) if e.kind == "act"][1]
    events[last] = replace(events[last], tag="NOT")
    assert ends_list(context, events) == ([last] if ended else [])


@pytest.mark.parametrize(
    ("text", "labels", "minutes"),
    [
        ("bike and rows, 10 minutes each.", "B I D-I", 20),
        ("bike and rows, 10 min each leg", "B I D-I", 10),
        ("press, then bike and rows, 10 min each.", "B I I D-I", 20),
        ("bike and rows, 10 min.", "B I D-I", 10),
        ("bike. rows, 10 min each.", "B I D-I", 10),
        ("bike and rows, 10 min each.", "B B D-I", 10),
    ],
)
def test_minutes_of_each_task_count_once_a_task(text, labels, minutes):
    context, events = events_of(text, *(w for w in ("press", "bike", "rows") if w in text))
    assert times_tasks(context, events, labels.split())[-1].minutes == minutes


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("Therex (97110)\nbike 10 min\nrows 3x10\nMinutes 26", "B I D-I B D-I", "B I Q I D-I"),
        ("Therex\nbike\nTotal time: 26 min\nTher act\nrows\nTotal time: 9 min", "B I O B I O", "B I D-I B I D-I"),
        # a total that may be the visit's, other words, minutes in the heading, a row apart
        ("Therex\nbike 8 min\nTotal time: 26 min", "B I D-I Q", "B I D-I Q"),
        ("Therex\nbike\nMinutes: 15\nTotal minutes: 38", "B I O Q", "B I D-I Q"),
        ("Therex\nbike 8 min\nRest 26 min", "B I D-I Q", "B I D-I Q"),
        ("Therex 8 min\nbike\nMinutes 26", "B D-I J Q", "B D-I J Q"),
        ("Therex\nbike 8 min\n\n\nMinutes 26", "B I D-I Q", "B I D-I Q"),
    ],
)
def test_a_row_at_the_foot_has_the_minutes_of_all_above_it(text, labels, settled):
    context, events = events_of(text, *(w for w in ("bike", "rows") if w in text))
    assert " ".join(row_minutes(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("Treatment (45 min total):\nTE 30 min: bike\nTA 15 min: rows", True),
        ("Treatment (45 min):\nTE 30 min: bike\nTA 15 min: rows", False),
        ("Treatment (45 min total):\nTE: bike\nTA: rows", False),
        ("Treatment (45 min total): bike\nTE 30 min: rows", False),
    ],
)
def test_a_line_that_announces_all_below_it(text, announced):
    context, events = events_of(text, *(w for w in ("bike", "rows") if w in text))
    assert bool(heading_totals(context, events)) is announced


@pytest.mark.parametrize(
    ("text", "another"),
    [
        ("TA 14 min. Next visit 60 min FCE.", ["60 min", "FCE"]),
        ("TA 14 min. Last session TE 20 min.", ["TE", "20 min"]),
        ("TA 14 min. This morning, 20 min TE.", []),
        ("TA 14 min. Next 20 min TE.", []),
        ("TA 14 min, stairs next visit.", []),
    ],
)
def test_minutes_and_names_of_another_visit(text, another):
    context, events = events_of(text)
    found = [e for e in events if of_another_day(context, e)]
    assert [context.tokens.span(e.start, e.end) for e in found] == another


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("bed mobility, 30 min (97530). NuStep, 15 min", True),
        ("bed mobility 30 min NuStep", False),
        ("[x] bed mobility [x] NuStep [ ] stairs, 30 min", True),
        ("[x] bed mobility [x] NuStep [x] stairs, 30 min", False),
        ("bed mobility: NuStep 15 min", False),
        ("bed mobility, 30 min, NuStep", False),
        ("bed mobility 30 min\nNuStep", False),
        ("gait training 30 min. NuStep, 15 min", False),
    ],
)
def test_a_headings_word_with_no_task_under_it_is_the_task(text, tasks):
    first = "gait training" if "gait" in text else "bed mobility"
    _, events = events_of(text, first, "NuStep")
    assert (events[0].kind == "act") is tasks


@pytest.mark.parametrize(
    ("text", "named"),
    [("TE was 20 min", True), ("TE took 20 min", True), ("TE with 20 min", False), ("TE was hard, 20 min", False)],
)
def test_a_sentence_may_say_how_long_a_service_was(text, named):
    _, events = events_of(text)
    assert ([e.code for e in events if e.kind == "svc"] == ["97110"]) is named


def test_minutes_of_a_row_that_was_left_out_are_nobodys():
    context, events = events_of("| bike | 9 min | done |\n| rows | 11 min | not done |", "bike", "rows")
    scores = structure(context, events)[:, EVENT_LABELS.index("D-I")]
    assert [bool(scores[n] <= -20) for n, e in enumerate(events) if e.kind == "dur"] == [False, True]


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("[x] bike\n[ ] rows", [True, False]),
        ("[x] bike\n[x] rows", [False, False]),
        ("bike | 9 | done\nrows | 11 | refused", [True, False]),
        ("Plan:\n[x] bike\n[ ] rows", [False, False]),
    ],
)
def test_work_that_is_ticked_where_other_work_is_not_is_claimed(text, claimed):
    context, events = events_of(text, "bike", "rows")
    scores = structure(context, events)[:, EVENT_LABELS.index("O")]
    assert [bool(scores[n] <= -3) for n, e in enumerate(events) if e.kind == "act"] == claimed


@pytest.mark.parametrize(
    ("text", "charged"),
    [
        ("bike, rows\nTE 20 min\nTA 9 min", 2),
        ("bike, rows\nTE min | 15 | 18\nTA min | 10 | 14", 2),
        ("bike, rows\n9 min TA\n20 min TE", 2),
        ("bike, rows\nTE 2u (25') TA 1u (15')", 2),
        ("bike, rows\nTE-20 TA-9 = 29", 2),
        ("bike, rows\nHEP: rows\nMin: 97110-14 / 97140-8 / 97530-16. Tot 38", 3),
        # no work above, work right below, one code, one line, lines apart
        ("TE 20 min\nTA 9 min", 0),
        ("bike\nTE 20 min\nTA 9 min\nrows", 0),
        ("bike, rows\nTE 20 min\nTE 9 min", 0),
        ("bike, rows\nTE 20 min", 0),
        ("bike, rows\nTE 20 min\n\n\nTA 9 min", 0),
        ("bike\nTE 20 min, TA 9 min: rows", 0),
        ("bike, rows\nTE, TA 9 min", 0),
    ],
)
def test_lines_of_a_name_and_minutes_below_the_work_are_charges(text, charged):
    context, events = events_of(text, *(w for w in ("bike", "rows") if w in text))
    assert len(charge_lines(context, events)) == charged


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("bike, press. 97110 28 min. rows. 97530 12 min.", 2),
        ("bike, press: TE 28 min. rows: TA 12 min.", 2),
        ("bike, press. 28 min 97110. rows. 12 min 97530.", 2),
        # they lead, one does, work behind the last, none before one, a code elsewhere, a pair inside its sentence
        ("97110 28 min. bike, press. 97530 12 min. rows.", 0),
        ("97110 28 min: bike, press. rows. 97530 12 min.", 0),
        ("bike. 97110 28 min.\nrows. 97530 12 min.\npress", 0),
        ("bike, rows. 97110 28 min. 97530 12 min.", 0),
        ("97110. bike. 97110 28 min. rows. 97530 12 min.", 0),
        ("bike. 97110 28 min, press. rows. 97530 12 min.", 0),
        ("bike, press. 97110 28 min.", 0),
    ],
)
def test_names_and_minutes_that_end_their_sentences_close_the_work_before(text, pairs):
    context, events = events_of(text, *(w for w in ("bike", "rows", "press") if w in text))
    assert len(closing_pairs(context, events)) == pairs


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("bike (12 min), then rows", "B O I", "B D-I B"),
        ("bike (12 min) and then rows, press", "B O I I", "B D-I B I"),
        ("bike (12 min), followed by rows", "B Q J", "B D-I B"),
        # a list that goes on, minutes elsewhere, no bracket, another sentence, under a service's name
        ("TE: bike (12 min), then rows", "B I O I", "B I O I"),
        ("bike (12 min), rows", "B O I", "B O I"),
        ("bike (12 min), then rows 20 min", "B O I D-I", "B O I D-I"),
        ("bike 12 min, then rows", "B O I", "B O I"),
        ("bike (12 min). Then rows", "B O I", "B O I"),
    ],
)
def test_a_brackets_minutes_are_of_the_tasks_before_it(text, labels, settled):
    context, events = events_of(text, *(w for w in ("bike", "rows", "press") if w in text))
    assert " ".join(bracketed_parts(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("10 min\nbike\nTWENTY MINUTES\nrows\npress", "O B D-I B I", "D-B J D-B J J"),
        ("TE\n10 min\nbike\nTA\n20 min\nrows", "B D-I I B D-I I", "B D-I J B D-I J"),
        # work first, one line alone, minutes within, words beside, nothing below the first
        ("bike\n10 min\nrows\n20 min", "B D-I B D-I", "B D-I B D-I"),
        ("10 min\nbike", "O B", "O B"),
        ("10 min\nbike 4 min\n20 min\nrows", "O B D-I D-I B", "O B D-I D-I B"),
        ("rested 10 min\nbike\nrested 20 min\nrows", "O B D-I B", "O B D-I B"),
        ("10 min\n20 min\nbike\nrows", "O O B I", "O O B I"),
    ],
)
def test_minutes_on_lines_of_their_own_may_lead(text, labels, settled):
    context, events = events_of(text, *(w for w in ("bike", "rows", "press") if w in text))
    assert " ".join(leading_lines(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("* 20 min\n   o bike 8 min\n   o rows", "O B D-I I", "D-B J Q J"),
        ("* TE - 20 min\n   o bike 8 min\n   o rows", "B O I D-I I", "B D-I J Q J"),
        # not set in, more than the whole, no part has minutes, words behind the minutes, another name below
        ("* 20 min\n* bike 8 min\n* rows", "O B D-I I", "O B D-I I"),
        ("* 20 min\n   o bike 28 min\n   o rows", "O B D-I I", "O B D-I I"),
        ("* 20 min\n   o bike\n   o rows", "D-B J J", "D-B J J"),
        ("* 20 min. Slept well\n   o bike 8 min\n   o rows", "O B D-I I", "O B D-I I"),
        ("* 20 min\n   o TE: bike 8 min\n   o rows", "O B I D-I I", "O B I D-I I"),
    ],
)
def test_minutes_over_lines_that_are_set_in_are_all_of_theirs(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(nested_minutes(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("4 min bike\nrows\n= 28 min TE\npress\n= 16 min TA", "D-B J B D-I J B D-I J", "Q B I D-I J B D-I J"),
        # more than the line says, no minutes inside
        ("34 min bike\nrows\n= 28 min TE\npress\n= 16 min TA", "D-B J B D-I J B D-I J", "D-B J B D-I J B D-I J"),
        ("bike\nrows\n= 28 min TE\npress\n= 16 min TA", "B B D-I J B D-I J", "B B D-I J B D-I J"),
    ],
)
def test_a_closing_line_takes_in_the_minutes_of_parts(text, labels, settled):
    context, events = events_of(text, "bike", "rows", "press")
    assert " ".join(closed_lines(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("task | min | help\nbike | 14 | -\n", "B O", "B D-I"),
        ("task | min | help\nbike | 14 | -\nrows | 6 | -\n", "B O I D-I", "B P-I I P-I"),
        # the block's own minutes stand elsewhere, in front of all, or in no row
        ("task | min | help\nbike | 14 | -\n20 min in all", "B O D-I", "B O D-I"),
        ("task | min | help\nbike | 14 | -\nrows | 6 | -\ntotal | 20 | -", "B O I O D-I", "B O I O D-I"),
        ("bike 14 min", "B O", "B O"),
    ],
)
def test_a_rows_minutes_are_its_works(text, labels, settled):
    context, events = events_of(text, *(w for w in ("bike", "rows") if w in text))
    numbers = [n for n, event in enumerate(events) if event.kind != "svc"]
    whole = ["O"] * len(events)
    for n, label in zip(numbers, labels.split(), strict=True):
        whole[n] = label
    out = column_minutes(context, events, whole)
    assert " ".join(out[n] for n in numbers) == settled


@pytest.mark.parametrize(
    ("text", "charged"),
    [
        ("97110 x2 units, 97530 x1 unit. bike", [["97110", "97530"]]),
        ("97110 (2 units), 97530 (1 unit). bike", [["97110", "97530"]]),
        # one code, minutes too, work beside, no units, no work at all
        ("97110 x2 units. bike", []),
        ("97110 x2 units 25 min, 97530 x1 unit. bike", []),
        ("97110 x2 units bike, 97530 x1 unit.", []),
        ("97110, 97530. bike", []),
        ("97110 x2 units, 97530 x1 unit.", []),
    ],
)
def test_a_sentence_that_charges_units_names_no_work(text, charged):
    context, events = events_of(text, *(w for w in ("bike",) if w in text))
    names = [
        [context.tokens.span(events[n].start, events[n].end) for n in run] for run in unit_charges(context, events)
    ]
    assert names == charged


@pytest.mark.parametrize(
    ("text", "labels", "settled"),
    [
        ("TA 15 min: bike, rows", "B D-I O Q", "B D-I J J"),
        # work that is read, a cue, no colon, an empty box, a sentence of its own
        ("TA 15 min: bike, rows", "B D-I J Q", "B D-I J Q"),
        ("TA 15 min: bike, rows deferred", "B D-I O Q", "B D-I O Q"),
        ("TA 15 min bike, rows", "B D-I O Q", "B D-I O Q"),
        ("TA 15 min: [x] bike [ ] rows", "B D-I O Q", "B D-I O Q"),
        ("TA 15 min. Left: bike, rows", "B D-I O Q", "B D-I O Q"),
    ],
)
def test_a_service_with_minutes_has_the_work_behind_its_colon(text, labels, settled):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(filled_services(context, events, labels.split())) == settled


@pytest.mark.parametrize(
    "text",
    [
        "Treatment - 45 min\n   - bike 20 min\n   - rows",  # of the visit
        "Plan: 20 min\n   - bike 8 min\n   - rows",
        "* 20 min\n   o bike 8 min\n   o rows 12 min",  # nothing but parts
    ],
)
def test_a_visits_minutes_are_not_those_of_what_is_set_in(text):
    context, events = events_of(text, "bike", "rows")
    labels = ["B" if event.kind == "act" else "O" for event in events]
    assert nested_minutes(context, events, labels) == labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("45 min\nbike\n30 min\nrows\n15 min", "O B D-I B D-I"),  # the first is the sum
        ("5 min\nbike\n25 min\nrows\n12 min", "O B D-I B D-I"),  # the last has nothing below it
    ],
)
def test_minutes_that_do_not_lead_stay(text, labels):
    context, events = events_of(text, "bike", "rows")
    assert " ".join(leading_lines(context, events, labels.split())) == labels


def test_the_last_line_of_leading_minutes_may_be_their_sum():
    context, events = events_of("10 min\nbike\n25 min\nrows\n35 min", "bike", "rows")
    assert leading_lines(context, events, ["O", "B", "D-I", "B", "D-I"]) == ["D-B", "J", "D-B", "J", "Q"]


def test_work_of_another_code_is_not_taken_in_by_a_closing_line():
    context, events = events_of(
        "STM to quads 8 min\nrows\nTE 20 min\npress\nTA 10 min", "STM to quads", "rows", "press"
    )
    labels = ["B", "D-I", "B", "B", "D-I", "B", "B", "D-I"]
    assert closed_lines(context, events, labels) == labels
