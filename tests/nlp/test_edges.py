"""Where a task's name ends (`training_data/LABELLING.md`, edges of spans), each rule with names that stay whole."""

import pytest

from nlp.components.activities import dose_off
from nlp.tokens import Tokens


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("long arc quads with a 3 lb cuff", "long arc quads"),
        ("knee extension with two-pound cuffs", "knee extension"),
        ("biceps curls, 2.5 lb", "biceps curls"),
        ("SAQ to 40 deg", "SAQ"),
        ("walking in place at 96 bpm", "walking in place"),
        ("GH post glides gr II-III", "GH post glides"),
        ("rolling both ways CGA", "rolling both ways"),
        ("bed to chair mod A", "bed to chair"),
        ("knee ext - 10 lb", "knee ext"),
        ("knee flexion 0-90 degrees", "knee flexion"),
        ("step-ups on a 6 inch", "step-ups"),
        ("floor to waist lift of 25 lb", "floor to waist lift"),
        ("step-downs for quad control", "step-downs"),
        ("clamshell, green loop", "clamshell"),
        ("rolled to the left with", "rolled to the left"),
        ("SLR with a", "SLR"),
        ("bed to chair mod a", "bed to chair"),
        ("heel slides with strap    heel prop", "heel slides with strap"),
    ],
)
def test_dose_help_and_purpose_are_no_part_of_a_name(text, name):
    tokens = Tokens.of(text)
    assert tokens.span(0, dose_off(tokens, 0, len(tokens.words))) == name


@pytest.mark.parametrize(
    "text",
    [
        "carrying a 12 lb bag",
        "step-ups on the 6-inch step",
        "goblet squats with a 20 lb kettlebell",
        "seated rows with the blue band",
        "reach for cups",
        "pack a bag for school",
        "wheelie with spotter",
        "rotation with towel assist",
        "roll to L",
        "prone Y/T/W",
        "hip abduction in gravity-min",
        "rolling walker, hallway loop",
        "potted what they asked for",
        "transfer to a bed\n    near the wall",
        "12 lb",
        "two 5 lb weights",
        "1.5 mph",
        "meal setup",
    ],
)
def test_what_says_which_task_it_is_stays(text):
    tokens = Tokens.of(text)
    assert dose_off(tokens, 0, len(tokens.words)) == len(tokens.words)
