"""Which status an activity not done today has; a clinician can read and extend the table.

``<a status>`` marks the activity. ``-`` means that no cue reaches it.
"""

import re

import pytest

from nlp.context import Context
from nlp.cues import find_status, said_apart, status_of, without_cues
from nlp.tokens import Tokens

ROWS = """
Will progress to <planned>stairs</planned> next visit.
Next visit add <planned>stairs</planned>.
<planned>Chin tucks</planned> resume next week.
Plan: <planned>toilet transfer</planned> w/ grab bar
Tomorrow: trial of <planned>one-handed shoe tying</planned>.
Consider <planned>Romanian deadlift</planned>.
HEP: <home_program>bridges</home_program> 2x10.
Homework: <home_program>prayer stretch</home_program> at night.
He will keep up <home_program>heel raises</home_program> on his own.
<home_program>Ankle pumps</home_program> q1h on own.
<home_program>Bridges</home_program> twice a day.
Issued <home_program>clamshells</home_program>.
Refused <refused>tub bench transfer</refused>.
Pt declined <refused>ankle pumps</refused>.
<refused>Yoga</refused> was offered and declined.
<held>Sleeper stretch</held> held today, too irritable.
<held>Stairs</held> deferred, icy.
<held>Bike</held> not done, out of time.
Did not attempt the <held>stairs</held>.
No <held>rolling</held> until cleared.
Held: <held>box jumps</held>
[x] UBE  [ ] <held>theraband rows</held>  [x] pulleys
☑ stairs ☐ <held>car transfer</held>
(x) bike ( ) <held>leg press</held>
[x] UBE  [ ] <refused>theraband rows</refused>, refused
Not today: <held>beam walking</held>
<held>Trampoline jog</held> skipped.
Unable to climb the <unable>second flight</unable>.
Could not do <unable>tall kneel</unable>.
<unable>Tall kneel</unable> not tolerated.
Last visit: <past>SLR</past>, bridges.
Carried forward: <past>bed mobility</past> 10 min.
<past>Supine to sit</past> yesterday was max A.
PLOF: <history>walked dog</history> 2 miles.
Used to <history>climb ladders</history> daily before surgery.
Reports she did her <reported>bridges</reported> over the weekend.
Mom says he did <reported>tummy time</reported>.
<held>Hall walk</held> - no. HR 124 standing.
Rode the <held>tricycle</held>? No, flat tire.
<held>Body blade</held> ............. skip
<held>Step-ups</held>: hold (knee p!)
<held>Gym bike</held> hold until the wound closes.
We put off the <held>push-cart</held> because of the sleet.
<held>Free-weight presses</held> off the table until then.
P: stairs tomorrow, hold the <held>bike</held>.
Will not start <held>FES</held>, pacemaker.
Was to do the <held>tub bench transfer</held>.
Was to do the <planned>tub bench transfer</planned>, moved to Fri.
<planned>Scissors</planned> left for next time.
<planned>Ramp</planned> next wk with the prosthetist.
She declined to try the <refused>bank visit</refused>.
She begged off <refused>night mode</refused>, headache.
<refused>Boxing pads</refused> he passed up, elbow sore.
<unable>Lower body dressing</unable> could not be attempted.
Tonight she'll do her <home_program>planks</home_program> for five minutes.
Patient to <home_program>squeeze washcloth</home_program> 10 reps every hour.
Sent app program: <home_program>wall sits</home_program>, band walks.
Says he has been doing the <reported>towel slides</reported> every morning.
<reported>Ran the loop</reported> on his own.
S: did <reported>pendulums</reported> at home.
<reported>Walked to the mailbox</reported> Saturday.
Has done her <reported>table slides</reported> twice a day.
Mom <reported>stretches calves</reported> q night, says yes most nights.
Before the surgery she was <history>stripping roses</history>.
Used to <history>fold towels</history> every day.
PLOF: <history>folded towels</history> for a living.
<history>Drove a forklift</history> for 22 years until the bleed.
Bridges, <held>clamshells</held> (held), SLR.
Bridges, <refused>clamshells</refused> 2x10 (refused), SLR.
Bridges, (<refused>clamshells</refused> refused), SLR.
Towels (last visit) and <past>clothespins</past>.
"""
DONE = """
Pt <->planned route</-> to the pharmacy.
MP ext place-hold, <->wrist tenodesis</->.
A chore she has been putting off: <->washing dishes</->.
Four steps with a rail for home entry x5, <->sit to stand</-> x10.
<->Stairs</-> CGA to prepare for home.
Obstacle course: <->beanbag crash</->, hopping.
<->Copied three sentences</-> and cut out a circle.
What she used to do every day: she <->folded towels</->.
No dizziness while <->rolling</->.
[ ] <->theraband rows</->  [ ] UBE
[x] UBE  [ ] theraband rows  [x] <->pulleys</->
<->Prone hang</-> held 30 sec x 3.
No pain with <->SLR</->.
<->Squats</-> without pain.
Able to climb the <->second flight</->.
<->Stairs</-> today.
<->Chin tucks</-> x 10 in sitting.
Bridges on the mat, then <->SLR</->.
Stairs deferred. <->SLR</-> 3x10.
HEP was fine. <->Bike</-> 8 min.
<->Tall kneel</-> tolerated well.
Unable to tell left from right, <->stacking cups</->.
<->Stairs</-> no rail, CGA.
<->SLR</-> 3x10, no pain.
<->Bridges</-> not as shaky today.
<->Step-ups</-> hold 5 sec at the top.
Did <->stairs</-> with one rail.
<->Walked</-> 150 ft on Monday's route.
How was it? <->Stairs</-> fine.
Good. ... <->Stairs</-> next to the bed.
<->Bridges</->, clamshells (refused), SLR.
Bridges, clamshells (refused), <->SLR</->.
Bridges, clamshells (held), <->SLR</->.
<->Floor transfer</-> mod A (max A last week).
"""
MARK = re.compile(r"<([\w-]+)>(.*?)</\1>")


def parse(line):
    found = MARK.search(line)
    text = line[: found.start()] + found.group(2) + line[found.end() :]
    context = Context(Tokens.of(text))
    start = context.tokens.at(found.start())
    end = context.tokens.at(found.start() + len(found.group(2)) - 1) + 1
    return found.group(1), context, start, end


@pytest.mark.parametrize("line", ROWS.strip().splitlines())
def test_status(line):
    wanted, context, start, end = parse(line)
    assert status_of(context, start, end).status == wanted


@pytest.mark.parametrize("line", DONE.strip().splitlines())
def test_no_cue_reaches_what_was_done(line):
    _, context, start, end = parse(line)
    assert find_status(context, start, end) is None


def test_the_cue_is_kept():
    _, context, start, end = parse("Refused <refused>tub bench transfer</refused>.")
    found = status_of(context, start, end)
    assert context.tokens.span(found.start, found.end) == "Refused"


@pytest.mark.parametrize(
    ("text", "activity"),
    [
        ("refused pulleys", "pulleys"),
        ("Held overhead press", "overhead press"),
        ("pulleys", "pulleys"),
        ("wall pushups held", "wall pushups held"),
        ("refused", "refused"),
    ],
)
def test_a_cue_in_front_is_no_part_of_the_activity(text, activity):
    context = Context(Tokens.of(text))
    count = len(context.tokens)
    assert context.tokens.span(without_cues(context, 0, count), count) == activity


def test_work_of_a_logs_earlier_day_is_past():
    context = Context(Tokens.of("2/03 | leg press | 10\n2/06 | plank | 4"))
    assert status_of(context, context.tokens.at(7), context.tokens.at(7) + 2).status == "past"
    assert find_status(context, context.tokens.at(29), context.tokens.at(29) + 1) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clamshells (refused), SLR", True),
        ("clamshells (held)", True),
        ("clamshells (refused my arm)", False),
        ("clamshells (last visit)", False),
        ("clamshells 2x10, SLR (held)", False),
        ("clamshells held", False),
        ("clamshells. Refused. SLR 2x10", True),
        ("clamshells. Deferred\nSLR 2x10", True),
        ("clamshells. Held", False),
        ("clamshells. Deferred the rail.", False),
        ("clamshells. Last visit.", False),
        ("clamshells.\nRefused.", False),
    ],
)
def test_a_cue_that_stands_alone_says_it_of_the_work_right_before(text, said):
    assert (said_apart(Context(Tokens.of(text)), 1) is not None) is said


def test_a_cue_that_is_a_sentence_of_its_own_reaches_the_last_task_alone():
    text = "TA: tub bench, curb. Declined. Stairs x2"
    context = Context(Tokens.of(text))
    found = {}
    for task in ("tub bench", "curb", "Stairs"):
        first, last = context.tokens.at(text.index(task)), context.tokens.at(text.index(task) + len(task) - 1)
        said = find_status(context, first, last + 1)
        found[task] = None if said is None else said.status
    assert found == {"tub bench": None, "curb": "refused", "Stairs": None}
