"""What the encoder's heads do to blocks, statuses, elements and activities: made-up rows, so that each head speaks alone."""

import math

import numpy as np
import pytest

from nlp.chain import Chain
from nlp.components.activities import ChainScorer, MixedScorer
from nlp.components.blocks import ENCODED, BlockGrouper, decided, encoded_signs
from nlp.components.durations import find_durations
from nlp.components.elements import find_elements
from nlp.context import Context
from nlp.cues import Finding, weighed
from nlp.document import STATUSES
from nlp.encoder import COLUMNS, HEADS, OUTPUTS
from nlp.events import EVENT_LABELS, Candidate, make_events
from nlp.grouping import Grouping
from nlp.read import make_block
from nlp.tagging import LABELS
from nlp.tokens import Tokens, kept_tokens


def rows(text, **said):
    """Rows that are even but for ``head=(word number, label, probability)``; a word number of None means every word."""
    count = len(kept_tokens(Tokens.of(text)))
    out = np.zeros((count, OUTPUTS), dtype=np.float32)
    for name, labels in HEADS.items():
        out[:, COLUMNS[name]] = math.log(0.5) if name == "element" else -math.log(len(labels))
    for name, (word, label, probability) in said.items():
        labels, at = HEADS[name], COLUMNS[name]
        which = slice(None) if word is None else slice(word, word + 1)
        column = at.start + labels.index(label)
        if name != "element":
            out[which, at] = math.log((1 - probability) / (len(labels) - 1))
        out[which, column] = math.log(probability)
    return out


def test_a_range_of_tokens_has_the_rows_of_its_kept_words():
    context = Context(Tokens.of("SLR  and bridges"), np.arange(3 * OUTPUTS, dtype=np.float32).reshape(3, OUTPUTS))
    kept = kept_tokens(context.tokens)
    assert [context.encoded_rows(i, i + 1)[0, 0] for i in kept] == [0.0, OUTPUTS, 2 * OUTPUTS]
    assert context.encoded_rows(kept[1], kept[2] + 1).shape == (2, OUTPUTS)


def test_roles_are_read_at_the_first_word_and_bounded():
    text = "heel raises 12 min"
    context = Context(Tokens.of(text), rows(text, role=(0, "B", 1 - 1e-9)))
    events = make_events(context, [Candidate(0, 2, "ACT")], [])
    (row,) = encoded_signs(context, events)
    assert row[0] == pytest.approx(0.0, abs=1e-6)
    assert list(row[1:6]) == [-8.0] * 5


@pytest.mark.parametrize(("second_code", "same"), [((0.1, 0.8, 0.1), 0.17), ((0.8, 0.1, 0.1), 0.66)])
def test_what_was_done_is_read_over_all_words_and_the_code_against_the_activity_before(second_code, same):
    text = "heel raises 12 min ladder climbs"
    said = rows(text, tag=(None, "B-NOT", 0.7), code=(None, "exercise", 0.8))
    said[4:, COLUMNS["code"]] = np.log(second_code)
    context = Context(Tokens.of(text), said)
    kept = kept_tokens(context.tokens)
    work = [Candidate(kept[0], kept[1] + 1, "ACT"), Candidate(kept[-2], kept[-1] + 1, "ACT")]
    events = make_events(context, work, find_durations(context))
    assert [event.kind for event in events] == ["act", "dur", "act"]
    first, between, second = encoded_signs(context, events)
    names = dict(zip(ENCODED, first.tolist(), strict=True))
    assert math.exp(names["encoded:not_done"]) == pytest.approx(0.75)
    assert math.exp(names["encoded:done"]) == pytest.approx(0.10)
    assert math.exp(names["encoded:no_task"]) == pytest.approx(0.05)
    assert names["encoded:same_code"] == 0.0
    assert between[-1] == 0.0
    assert second[-1] == pytest.approx(same)


def test_an_encoder_without_anything_to_say_pushes_no_event():
    text = "heel raises 12 min ladder climbs"
    context = Context(Tokens.of(text), np.zeros((6, OUTPUTS), dtype=np.float32))
    kept = kept_tokens(context.tokens)
    events = make_events(context, [Candidate(kept[0], kept[1] + 1, "ACT")], find_durations(context))
    assert not encoded_signs(context, events).any()
    context.encoded[2:] = rows(text)[2:]  # nothing of the activity, but something of the minutes
    assert [bool(row.any()) for row in encoded_signs(context, events)] == [False, True]


@pytest.mark.parametrize(("probability", "pushed"), [(0.9, True), (0.4, True), (0.1, False)])
def test_only_work_that_the_encoder_is_sure_was_not_done_is_pushed_out_of_the_blocks(probability, pushed):
    text = "heel raises 12 min"
    said = rows(text, tag=(None, "B-NOT", probability))
    context = Context(Tokens.of(text), said)
    kept = kept_tokens(context.tokens)
    events = make_events(context, [Candidate(kept[0], kept[1] + 1, "ACT")], find_durations(context))
    work, minutes = decided(context, events, encoded_signs(context, events))
    assert [label for label, score in zip(EVENT_LABELS, work.tolist(), strict=True) if score] == (
        ["O", "Q"] if pushed else []
    )
    assert not minutes.any()


@pytest.mark.parametrize(
    ("text", "tag", "probability", "kept"),
    [
        ("TE: heel raises", "ACT", 0.95, True),
        ("TE: heel raises", "ACT", 0.6, False),
        ("TE: heel raises", "NOT", 0.95, False),  # the linear tagger says otherwise
        ("TE: heel raises refused", "ACT", 0.95, True),  # it is surer than a cue that may be another task's
        ("TE: heel raises refused", "ACT", 0.6, False),
        ("Plan: heel raises", "ACT", 0.95, True),
        ("Plan: heel raises", "ACT", 0.85, False),  # here it has to be surer
    ],
)
def test_work_that_the_encoder_is_sure_of_is_kept_in_the_blocks(text, tag, probability, kept):
    context = Context(Tokens.of(text), rows(text, tag=(None, "B-ACT", probability)))
    first = context.tokens.at(text.index("heel"))
    events = make_events(context, [Candidate(first, first + 2, tag)], [])
    signs = decided(context, events, encoded_signs(context, events))
    assert [label for label, score in zip(EVENT_LABELS, signs[-1].tolist(), strict=True) if score < 0] == (
        ["O", "Q"] if kept else []
    )


def test_the_grouper_adds_what_its_file_says_of_the_roles():
    names = ["k=act", *ENCODED]
    weights = np.zeros((len(names), len(EVENT_LABELS)), dtype=np.float32)
    for label in EVENT_LABELS:
        if label in ("B", "O"):
            weights[names.index(f"encoded:{label}"), EVENT_LABELS.index(label)] = 3.0
        else:
            weights[0, EVENT_LABELS.index(label)] = -99.0
    still = np.zeros((len(EVENT_LABELS), len(EVENT_LABELS)), dtype=np.float32)
    grouper = BlockGrouper(Chain(EVENT_LABELS, names, weights, still))
    text = "heel raises"
    for role, blocks in (("B", 1), ("O", 0)):
        context = Context(Tokens.of(text), rows(text, role=(0, role, 0.9)))
        assert len(grouper.process(context, [Candidate(0, 2, "ACT")], []).blocks) == blocks


@pytest.mark.parametrize(
    ("probability", "cue", "status"),
    [
        (0.90, True, "refused"),  # sure enough to overrule a word
        (0.17, True, "planned"),
        (0.17, False, "planned"),
        (0.90, False, "refused"),
    ],
)
def test_the_encoder_overrules_a_rule_only_where_it_is_surer(probability, cue, status):
    text = "planned stairs"
    context = Context(Tokens.of(text), rows(text, status=(None, "refused", probability)))
    found = Finding("planned", 0, 1) if cue else Finding("planned", 1, 1)
    assert weighed(context, 1, 2, found).status == status


@pytest.mark.parametrize(("probability", "shown"), [(0.9, True), (0.1, False)])
def test_elements_are_the_encoders_and_their_place_the_lists(probability, shown):
    text = "Squad wobble gone since Monday, 4 of 5 now."
    context = Context(Tokens.of(text), rows(text, element=(None, "assessment", probability)))
    assert ("assessment" in find_elements(context, Grouping((), (), ()), [], [])) is shown


@pytest.mark.parametrize(
    ("text", "place"),
    [
        # the day's date is no finding, whatever number comes first
        ("DOS 06/18/2026, suite 4.\nDGI 17/24 on 6/4, veers R.", "DGI 17/24 on 6/4"),
        ("Visit 2026-06-18, suite 4.\nVeers R in the corridor.", "Veers R in the corridor"),
        ("Reach 12 inches.\nAssessment: 3 toe drags a lap.", "3 toe drags a lap"),
        ("DOS 06/18/2026, suite four.", "DOS 06/18/2026"),
        # behind the goals and the totals stands what was found, too
        ("Corridor laps.\nGoals:\nRise alone by 10/1.\nNow 4 of 5 tries.", "Now"),
        ("Corridor laps.\nBilling: per fee sheet\nOpened 2/5 jars.", "Opened 2/5 jars"),
    ],
)
def test_what_no_list_knows_is_shown_by_the_likeliest_sentence(text, place):
    context = Context(Tokens.of(text), rows(text, element=(None, "progress", 0.9)))
    start, end = find_elements(context, Grouping((), (), ()), [], [])["progress"]
    assert context.tokens.span(start, end).startswith(place)


def test_an_activity_keeps_what_the_encoder_makes_of_its_code_less_the_mean():
    text = "heel raises"
    for encoded, wanted in ((rows(text, code=(None, "exercise", 0.8)), "97110"), (None, "")):
        context = Context(Tokens.of(text), encoded)
        chain = Chain(EVENT_LABELS, ["k=act"], np.eye(1, len(EVENT_LABELS), dtype=np.float32) * 9, np.zeros((10, 10)))
        (found,) = BlockGrouper(chain).process(context, [Candidate(0, 2, "ACT")], []).blocks
        hint = make_block(context, found, []).activities[0].hint
        if not wanted:
            assert hint == ()
        else:
            assert sum(hint) == pytest.approx(0.0, abs=1e-5)
            assert max(hint) == hint[0]
            assert len(STATUSES) == 8


def test_the_linear_and_the_encoders_scores_are_added():
    text = "heel raises"
    chain = Chain(LABELS, [], np.zeros((0, len(LABELS)), dtype=np.float32), np.zeros((7, 7), dtype=np.float32))

    class Fixed:
        def scores(self, notes):
            return [rows(text, tag=(0, "B-ACT", 0.9)) for _ in notes]

    contexts = [Context(Tokens.of(text))]
    (mixed,) = MixedScorer(chain, Fixed()).score(contexts)
    (plain,) = ChainScorer(chain).score([Context(Tokens.of(text))])
    assert np.allclose(mixed - plain, MixedScorer.SHARE * contexts[0].encoded[:, COLUMNS["tag"]])
    assert contexts[0].encoded is not None


@pytest.mark.parametrize(
    ("text", "hidden", "tag"),
    [
        ("TA: stairs, curb. Held the rail back", 0.9, "ACT"),
        (
            "TA: stairs, curb",
            0.4,
            "ACT",
        ),  # a note without any word of work not done: context may speak a little against it
        ("TA: stairs, curb. Slides deferred", 0.2, "NOT"),
        ("TA: stairs, curb", 0.05, "NOT"),
        ("TA: stairs deferred", 0.9, "NOT"),
        ("Plan: stairs, curb", 0.9, "NOT"),
        ("stairs | -- | 10", 0.9, "NOT"),
        ("[ ] stairs [x] curb", 0.9, "NOT"),
    ],
)
def test_work_that_only_its_own_words_make_undone_was_done(text, hidden, tag):
    """Rows say not done; with the words hidden they say done by so much, to which a note's silence adds."""

    class Blind:
        def scores(self, notes):
            return [rows(text, tag=(None, "B-NOT", 0.6)) for _ in notes]

        def without(self, words, places):
            assert {words[place] for place in places} == {"stairs"}
            return (
                rows(text, tag=(None, "B-ACT", hidden))
                if hidden >= 0.4
                else rows(text, tag=(None, "B-NOT", 1 - hidden))
            )

    chain = Chain(LABELS, [], np.zeros((0, len(LABELS)), dtype=np.float32), np.zeros((7, 7), dtype=np.float32))
    scorer = MixedScorer(chain, Blind())
    context = Context(Tokens.of(text))
    scorer.score([context])
    at = context.tokens.words.index("stairs")
    (found,) = scorer.reconsidered(context, [Candidate(at, at + 1, "NOT", 2.0)])
    assert found.tag == tag
    done, undone = (
        context.encoded_rows(at, at + 1)[0, COLUMNS["tag"]][LABELS.index(f"B-{name}")] for name in ("ACT", "NOT")
    )
    assert bool(done > undone) is (tag == "ACT")
    assert ChainScorer(chain).reconsidered(context, [found]) == [found]
