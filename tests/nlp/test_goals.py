"""Goals as the shipped model reads them, with twins in which the same task is no goal, and the rule under a goals heading."""

import pytest

from models.registry import shipped
from nlp.components.goals import find_goals
from nlp.context import Context
from nlp.pipeline import load
from nlp.tokens import Tokens

READER = load(shipped())


def goals_of(text):
    return [goal.text for goal in READER.read(text).goals]


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("STG: Pt will climb 4 porch steps with one rail in 3 weeks.\n97110 15 min: SLR 3x10.", "porch steps"),
        ("LTG 1: carry a laundry basket upstairs without pain.\n97530 15 min: stair climbing.", "laundry basket"),
        ("Pt goal: get back to gardening.\n97110 15 min: bridges 3x10.", "gardening"),
        ("97110 15 min: bridges 3x10 so that she can get out of her bathtub alone.", "bathtub"),
        ("97110 15 min: band rows in order to open the garage door by himself.", "garage door"),
    ],
)
def test_a_goal_is_found(text, task):
    assert any(task in goal for goal in goals_of(text))


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("97530 15 min: climbed 4 porch steps with one rail x 3.", "porch steps"),
        ("97530 15 min: carried a laundry basket across the room x 5.", "laundry basket"),
        ("97530 15 min: opened the garage door ten times.", "garage door"),
    ],
)
def test_the_same_task_done_is_no_goal(text, task):
    assert not any(task in goal for goal in goals_of(text))


def headed(text):
    context = Context(Tokens.of(text))
    starts, ends = context.tokens.starts, context.tokens.ends
    return [text[starts[a] : ends[b - 1]] for a, b in find_goals(context, [])]


def test_under_a_heading_the_rule_reads_what_the_tagger_missed():
    assert headed("Goals: walk to the mailbox alone. Bridges 3x10.") == ["walk to the mailbox alone"]


@pytest.mark.parametrize("text", ["Goals: met.", "Goals: see POC", "Goals:\n", "Goals: 1."])
def test_under_a_heading_a_bare_word_is_no_goal(text):
    assert headed(text) == []


@pytest.mark.parametrize(
    ("text", "goals"),
    [
        (
            "Stacked blocks. He will use both hands in play 4 of 5 times.",
            ["He will use both hands in play 4 of 5 times"],
        ),
        (
            "Pt will hold the paper with her left hand in 3/4 trials",
            ["Pt will hold the paper with her left hand in 3/4 trials"],
        ),
        (
            "Student will cut a circle in 4 out of 5 attempts; plays well",
            ["Student will cut a circle in 4 out of 5 attempts"],
        ),
        # no number of trials, no one who will, done
        ("Pt will return in 2 weeks for 3 visits", []),
        ("Will add stairs next time, 4 of 5 steps", []),
        ("He used both hands in play 4 of 5 times", []),
        ("G: climb 12 stairs with rail", ["climb 12 stairs with rail"]),
        ("G: 150 ft with RW", []),
    ],
)
def test_what_somebody_will_do_in_so_many_trials_is_a_goal(text, goals):
    assert headed(text) == goals
