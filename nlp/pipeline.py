"""The ordered list of components, and the reader that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import spacy
from spacy.language import Language

from nlp.components import activities, blocks, durations, elements, goals, sections, status  # noqa: F401  registers the factories
from nlp.document import Document
from nlp.errors import NoteTooLong, UnreadableText
from nlp.read import document_of
from nlp.tokens import Tokenizer

COMPONENTS = (
    "therapy_sections",
    "therapy_activities",
    "therapy_durations",
    "therapy_goals",
    "therapy_blocks",
    "therapy_status",
    "therapy_elements",
)
MAX_CHARACTERS = 250_000
TAGGER_FILE = "tagger.npz"
GROUPER_FILE = "grouper.npz"


def build(folder: Path) -> Language:
    """The spaCy pipeline with the tagger files of ``folder``."""
    nlp = spacy.blank("en")
    nlp.tokenizer = Tokenizer(nlp.vocab)
    nlp.max_length = MAX_CHARACTERS
    config = {
        "therapy_activities": {"tagger": str(folder / TAGGER_FILE)},
        "therapy_blocks": {"grouper": str(folder / GROUPER_FILE)},
    }
    for name in COMPONENTS:
        nlp.add_pipe(name, config=config.get(name, {}))
    return nlp


def check_text(text: str) -> None:
    """Refuse what cannot be read.

    Raises
    ------
    NoteTooLong
        More than `MAX_CHARACTERS` characters.
    UnreadableText
        Lone surrogates, which are no text.
    """
    if len(text) > MAX_CHARACTERS:
        raise NoteTooLong(len(text), MAX_CHARACTERS)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnreadableText(error.start) from None


class Reader:
    """Reads notes: text in, `Document` out."""

    def __init__(self, nlp: Language) -> None:
        self.nlp = nlp

    def read(self, text: str) -> Document:
        """One note; see `check_text` for what is refused."""
        check_text(text)
        return document_of(self.nlp(text))

    def read_many(self, texts: Iterable[str], *, batch_size: int = 64) -> Iterator[Document]:
        """Many notes in order, batched inside."""

        def checked() -> Iterator[str]:
            for text in texts:
                check_text(text)
                yield text

        for doc in self.nlp.pipe(checked(), batch_size=batch_size):
            yield document_of(doc)


def load(folder: Path) -> Reader:
    """The reader with the tagger files of ``folder``."""
    return Reader(build(folder))
