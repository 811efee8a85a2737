"""The tokenizer keeps every character; lines and pieces cover what they should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.vocab import Vocab

from nlp.tokens import Tokenizer, Tokens, tokens_of

TOKENIZER = Tokenizer(Vocab())
AWKWARD = [
    "a  b",
    "\r\nx\r\n",
    "\t\ty ",
    "é\u0301x",
    "שלום עולם",
    "💪 3x10",
    "a\u00a0b",
    "",
    "  ",
    "it's w/c<>mat",
    "x" * 500,
    "\x00",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_doc_text_is_the_note(text):
    assert TOKENIZER(text).text == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_character_is_lost(text):
    doc = TOKENIZER(text)
    assert doc.text == text
    table = tokens_of(doc)
    assert [text[s:e] for s, e in zip(table.starts, table.ends, strict=True)] == table.words


def test_pieces_part_at_marks_and_wide_gaps_but_not_inside_shorthand():
    table = Tokens.of("SLR, w/c mob w/ rail; 9:05 bike    15")
    assert [table.span(s, e) for s, e in table.pieces] == ["SLR", "w/c mob w/ rail", "9:05 bike", "15"]


def test_line_numbers_count_line_breaks():
    table = Tokens.of("a\nb\n\nc")
    assert [table.line_of[i] for i, w in enumerate(table.words) if w.isalpha()] == [0, 1, 3]
