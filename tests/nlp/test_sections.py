"""Headings and how far they reach; every row has a twin that is no heading."""

import pytest

from nlp.context import Context
from nlp.tokens import Tokens


def section_at(text, words):
    context = Context(Tokens.of(text))
    return context.sections[context.tokens.at(text.index(words))]


@pytest.mark.parametrize(
    ("text", "words", "section"),
    [
        ("S: slept well\nO: bridges 3x10\nA: less pain\nP: add stairs", "slept", "subjective"),
        ("S: slept well\nO: bridges 3x10\nA: less pain\nP: add stairs", "bridges", "objective"),
        ("S: slept well\nO: bridges 3x10\nA: less pain\nP: add stairs", "less pain", "assessment"),
        ("S: slept well\nO: bridges 3x10\nA: less pain\nP: add stairs", "stairs", "plan"),
        ("S: slept well O: bridges 3x10 A: less pain P: add stairs", "bridges", "objective"),
        ("S: slept well O: bridges 3x10 A: less pain P: add stairs", "stairs", "plan"),
        ("Back to netball by spring TE: bridges 3x10", "bridges", "treatment"),
        ("Last visit: SLR x10. Today she did bridges", "bridges", "treatment"),
        ("Pt wants to golf by summer. SLR 3x10, bridges. Ther ex x 30 min.", "SLR", ""),
        ("Pt wants to golf by summer. Carry a bag x 9 holes in 4 wks.", "bag", "goals"),
        ("Goals: walk to dining room.\nNustep 8 min. Side stepping 4 min.", "Nustep", ""),
        ("Goals: walk to dining room.\nWill bike 8 min in 2 wks.", "bike", "goals"),
        ("Goals: walk to dining room.\n-- pasted --\n97530 8 min chairs", "chairs", "treatment"),
        ("Goals: grip 50 lb\nVisit 8 treatment: threading needles", "threading", "treatment"),
        ("Goals: grip 50 lb\nLast visit treatment: threading needles", "threading", "previous"),
        ("Strength/ROM - 20 min\nbike, rows", "rows", "treatment"),
        ("BALANCE: sits 6 min\nbike, rows", "rows", "measures"),
        ("Section GG\nSit to lying: 06\nTreatment: SLR", "lying", "measures"),
        ("Current level: sit to stand min A.\nTherex: SLR", "stand", "measures"),
        ("S) slept well\nO) bridges 3x10\nP) add stairs", "stairs", "plan"),
        ("SUBJECTIVE\nslept well\nOBJECTIVE\nbridges 3x10", "bridges", "objective"),
        ("Treatment today:\n- bridges 3x10\n- SLR", "SLR", "treatment"),
        ("Bridges 3x10. HEP: clamshells daily.", "clamshells", "home_program"),
        ("Bridges 3x10.\nHome PT program: clamshells", "clamshells", "home_program"),
        ("Bridges 3x10.\nHEP therapy band rows", "rows", "home_program"),
        ("Bridges 3x10.\r\nHome program -\r\nclamshells daily", "clamshells", "home_program"),
        ("Goals:\n1. climb the porch steps\n2. carry laundry\nPlan: stairs", "laundry", "goals"),
        ("Goals:\n1. climb the porch steps\n2. carry laundry\nPlan: stairs", "stairs", "plan"),
    ],
)
def test_a_section_reaches_to_the_next_heading(text, words, section):
    assert section_at(text, words) == section


@pytest.mark.parametrize(
    ("text", "words", "section"),
    [
        ("We made a plan together and did stairs x 3", "stairs", "plan"),
        ("Her goals were clear; bridges 3x10", "bridges", "goals"),
        ("He went home happy, bridges 3x10", "bridges", "home_program"),
        ("Home visit 3/4. Bridges 3x10", "Bridges", "home_program"),
        ("HOME HEALTH PT\nPt seen in bed, bridges 3x10", "bridges", "home_program"),
        ("Objective signs were poor, bridges 3x10", "bridges", "objective"),
    ],
)
def test_the_word_within_a_sentence_is_no_heading(text, words, section):
    assert section_at(text, words) != section


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("No visit.\n---- Copied from last visit 2/14 ----\n97530 22 min: meal prep\n--------\nCall back", True),
        ("No visit.\n== carried forward ==\n97530 22 min: meal prep\n=====\nCall back", False),
        ("No visit.\n=== carried forward ===\n97530 22 min: meal prep\n=====\nCall back", True),
        ("No visit.\n--- Copied from 2/14 ---\n97530 22 min: meal prep\n--- End of copy ---\nCall back", True),
        ("No visit.\n*** pulled from 4/11: 97530 22 min: meal prep. ***\nCall back", True),
        ("No visit.\n[pulled from 4/11: 97530 22 min: meal prep] Call back", True),
        # no rule in front, no rule behind, today's work between rules, a bracket that is but a heading, a rule that ends nothing
        ("No visit.\n[pulled from 4/11] 97530 22 min: meal prep\nCall back", False),
        ("No visit.\n--- Copied from 2/14 ---\n97530 22 min: meal prep\n--- By hand ---\nCall back", False),
        ("No visit.\n--- Copied from 2/14 ---\n97530 22 min: meal prep\n--- Today 2/16 ---\nCall back", True),
        ("No visit.\n[Copied from 4/11: curls [2 lb], 97530 22 min: meal prep] Call back", True),
        ("No visit.\nCopied from last visit 2/14\n97530 22 min: meal prep\n--------\nCall back", False),
        ("No visit.\n---- Copied from last visit 2/14 ----\n97530 22 min: meal prep\nCall back", False),
        ("No visit.\n---- Treatment today ----\n97530 22 min: meal prep\n--------\nCall back", False),
    ],
)
def test_text_between_two_rules_is_of_an_earlier_note(text, quoted):
    context = Context(Tokens.of(text))
    at = context.tokens.at(text.index("meal"))
    assert any(heading.quoted and heading.start <= at < heading.until for heading in context.headings) is quoted
    assert section_at(text, "Call") != "previous" or not quoted
