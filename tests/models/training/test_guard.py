"""The guard: what differs from the rest is held with its reason, what does not passes, and what a trainer released passes too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.registry import load_classifier, shipped
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.guard import LIMITS, Held, Reviewed, parse, screen
from models.training.poison import flips, other
from models.training.train import Row, block_rows
from nlp.errors import LexiconError

from .conftest import at, labelled

DATA = Path(__file__).parents[3] / "training_data"
CLINIC = ("writer_a", "writer_b", "writer_m")
REVIEWERS = ("ana", "ben", "eve")
TEMPERATURE = load_classifier(shipped()).temperature


@pytest.fixture(scope="module")
def notes() -> list[LabelledNote]:
    return select(read_corpus(DATA), read_splits(DATA), "train")


@pytest.fixture(scope="module")
def corpus(notes: list[LabelledNote]) -> list[Row]:
    return block_rows([note for note in notes if note.writer not in CLINIC and note.pair is None][:250])


@pytest.fixture(scope="module")
def items(notes: list[LabelledNote]) -> list[Reviewed]:
    mine = [note for note in notes if note.writer in CLINIC][:99]
    return [Reviewed(note, f"r{n}", REVIEWERS[n % len(REVIEWERS)]) for n, note in enumerate(mine)]


@pytest.fixture(scope="module")
def rows(items: list[Reviewed]) -> list[list[Row]]:
    return [block_rows([item.note]) for item in items]


def held(items: list[Reviewed], rows: list[list[Row]], corpus: list[Row], **given: object) -> list[Held]:
    return screen(items, corpus, TEMPERATURE, rows=rows, **given)  # type: ignore[arg-type]


def flipped(rows: list[list[Row]], wanted: set[int], codes: tuple[str, ...]) -> list[list[Row]]:
    return [
        [replace(row, code=other(row.code)) if n in wanted and row.code in codes else row for row in mine]
        for n, mine in enumerate(rows)
    ]


def test_labels_as_the_corpus_has_them_pass(items: list[Reviewed], rows: list[list[Row]], corpus: list[Row]):
    found = held(items, rows, corpus)
    assert len(found) <= 0.05 * len(items)
    assert {each.reason for each in found} <= {"implausible"}


def test_a_reviewer_who_exchanges_the_codes_is_held_and_nobody_else(
    items: list[Reviewed], rows: list[list[Row]], corpus: list[Row]
):
    eve = {n for n, item in enumerate(items) if item.reviewer == "eve"}
    found = held(items, flipped(rows, eve, ("97110", "97530")), corpus)
    by_guard = [each for each in found if each.reason in ("reviewer", "one_sided")]
    assert {items[int(each.review[1:])].reviewer for each in by_guard} == {"eve"}
    wrong = {n for n in eve if any(row.code in ("97110", "97530") for row in rows[n])}
    assert len({int(each.review[1:]) for each in found} & wrong) >= 0.8 * len(wrong)


def test_recoding_one_way_is_named_so(items: list[Reviewed], rows: list[list[Row]], corpus: list[Row]):
    eve = {n for n, item in enumerate(items) if item.reviewer == "eve"}
    found = held(items, flipped(rows, eve, ("97110",)), corpus)
    one_sided = [each for each in found if each.reason == "one_sided"]
    assert len(one_sided) >= 8
    assert {items[int(each.review[1:])].reviewer for each in one_sided} == {"eve"}
    assert "towards the dearer code" in one_sided[0].told


def test_recoding_one_way_that_all_reviewers_share_is_held(
    items: list[Reviewed], rows: list[list[Row]], corpus: list[Row]
):
    # Every third note, whoever reviewed it.
    third = {n for n in range(len(items)) if (n // len(REVIEWERS)) % 3 == 0}
    dearer = held(items, flipped(rows, third, ("97110",)), corpus)
    one_sided = [each for each in dearer if each.reason == "one_sided"]
    wrong = {n for n in third if any(row.code == "97110" for row in rows[n])}
    assert {items[int(each.review[1:])].reviewer for each in one_sided} == set(REVIEWERS)
    assert any("of all reviewers" in each.told for each in one_sided)
    assert len({int(each.review[1:]) for each in dearer} & wrong) >= 0.7 * len(wrong)
    assert len({int(each.review[1:]) for each in one_sided} - wrong) <= 0.1 * len(items)
    # The other way costs nobody money, and is no one-sided recoding.
    cheaper = held(items, flipped(rows, third, ("97530",)), corpus)
    assert [each for each in cheaper if each.reason == "one_sided"] == []


def test_a_released_label_passes(items: list[Reviewed], rows: list[list[Row]], corpus: list[Row]):
    eve = {n for n, item in enumerate(items) if item.reviewer == "eve"}
    wrong = flipped(rows, eve, ("97110", "97530"))
    everything = {each.review for each in held(items, wrong, corpus)}
    assert held(items, wrong, corpus, released=everything) == []


def test_copies_beyond_the_first_few_are_held(corpus: list[Row]):
    texts = [
        f"TE {15 + n} min: SLR 3x10, bridging, clamshells, heel raises, wall sits, step ups today" for n in range(6)
    ]
    same = [
        labelled(
            text,
            id=f"n{n}",
            services=[
                at(
                    text,
                    text,
                    code="97110",
                    accept=["97110"],
                    other_code=None,
                    stated=None,
                    stated_code=None,
                    minutes=15 + n,
                    activities=[at(text, "SLR")],
                )
            ],
            mentions=[],
            goals=[],
        )
        for n, text in enumerate(texts)
    ]
    items = [Reviewed(note, f"r{n}", "ana") for n, note in enumerate(same)]
    assert [(each.review, each.reason) for each in screen(items, corpus, TEMPERATURE)] == [
        (f"r{n}", "repeated") for n in range(LIMITS.copies, 6)
    ]


def test_minutes_out_of_range_are_held(corpus: list[Row]):
    note = labelled()
    long = note.model_copy(
        update={"services": (note.services[0].model_copy(update={"minutes": 121}), *note.services[1:])}
    )
    [found] = screen([Reviewed(long, "r0", "ana")], corpus, TEMPERATURE)
    assert (found.reason, found.told) == ("out_of_range", "121 minutes in one block")
    assert screen([Reviewed(note, "r0", "ana")], corpus, TEMPERATURE) == []


def test_nothing_that_is_told_holds_words(items: list[Reviewed], rows: list[list[Row]], corpus: list[Row]):
    for each in held(items, flipped(rows, set(range(len(items))), ("97110", "97530")), corpus):
        words = items[int(each.review[1:])].note.text.split()
        assert not set(each.told.split()) & {word for word in words if word.isalpha() and len(word) > 8}


def test_attacks_take_what_they_say(rows: list[list[Row]]):
    import numpy as np

    reviewers = [REVIEWERS[n % len(REVIEWERS)] for n in range(len(rows))]
    total = sum(row.code in ("97110", "97530") for mine in rows for row in mine)
    rng = np.random.default_rng(1)
    assert len(flips(rows, reviewers, "random", 0.1, rng)) == int(0.1 * total + 0.5)
    assert {reviewers[n] for n, _ in flips(rows, reviewers, "one reviewer", 0.1, rng)} == {"ana"}
    assert {rows[n][k].code for n, k in flips(rows, reviewers, "one-sided", 0.1, rng)} == {"97110"}


@pytest.mark.parametrize(
    ("old", "new"), [('"97530"', '"97140"'), ("level = 0.01", "level = 1"), ("copies = 3", "copy = 3")]
)
def test_a_slip_in_the_data_file_is_named(root: Path, old: str, new: str):
    text = (root / "models" / "training" / "guard.toml").read_text(encoding="utf-8")
    with pytest.raises(LexiconError):
        parse(text.replace(old, new, 1))
    assert parse(text) == LIMITS
