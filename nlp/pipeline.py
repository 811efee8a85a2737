"""The ordered list of components, and the reader that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import spacy
from spacy.language import Language

from nlp.chain import Scores
from nlp.components import activities, blocks, durations, elements, goals, sections, status  # noqa: F401  registers the factories
from nlp.context import Context
from nlp.document import Document
from nlp.errors import NoteTooLong, UnreadableText
from nlp.read import document_of, mark
from nlp.tokens import Tokenizer, Tokens, kept_words

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
ENCODER_FILE = "encoder.onnx"
VOCABULARY_FILE = "vocabulary.txt"
ENCODER_GROUPER_FILE = "encoder-grouper.npz"
# What a version holds beside the rest when it has an encoder.
ENCODER_FILES = (ENCODER_FILE, VOCABULARY_FILE, ENCODER_GROUPER_FILE)


def build(folder: Path, *, encoder: bool) -> Language:
    """The spaCy pipeline with the tagger files of ``folder``, with its encoder or without."""
    nlp = spacy.blank("en")
    nlp.tokenizer = Tokenizer(nlp.vocab)
    nlp.max_length = MAX_CHARACTERS
    config = {
        "therapy_activities": {"tagger": str(folder / TAGGER_FILE)},
        "therapy_blocks": {"grouper": str(folder / (ENCODER_GROUPER_FILE if encoder else GROUPER_FILE))},
    }
    if encoder:
        config["therapy_activities"] |= {
            "encoder": str(folder / ENCODER_FILE),
            "vocabulary": str(folder / VOCABULARY_FILE),
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
    """Reads notes: text in, `Document` out.

    ``nlp`` is the spaCy pipeline. The reader runs what its components run, in the same order, but leaves out the docs
    and spans that they write for others (`tests/nlp/test_pipeline.py` compares the two).
    """

    def __init__(self, nlp: Language) -> None:
        self.nlp = nlp
        tagger, grouper = nlp.get_pipe("therapy_activities"), nlp.get_pipe("therapy_blocks")
        assert isinstance(tagger, activities.ActivityTagger)
        assert isinstance(grouper, blocks.BlockGrouper)
        self.tagger, self.grouper = tagger, grouper

    def read(self, text: str) -> Document:
        """One note; see `check_text` for what is refused."""
        return next(self.read_many([text]))

    def read_many(self, texts: Iterable[str], *, batch_size: int = 64) -> Iterator[Document]:
        """Many notes in order, batched inside."""
        stream = iter(texts)
        while batch := list(islice(stream, batch_size)):
            for text in batch:
                check_text(text)
            contexts = [Context(Tokens.of(text)) for text in batch]
            for marked in mark(contexts, self.tagger, self.grouper):
                yield document_of(marked)

    def encoded(self, texts: Sequence[str]) -> list[Scores | None]:
        """What the encoder makes of each text (`nlp.context.Context.encoded`); ``None`` each where there is no encoder."""
        scorer = self.tagger.scorer
        if not isinstance(scorer, activities.MixedScorer):
            return [None] * len(texts)
        return list(scorer.encoder.scores([kept_words(Tokens.of(text)) for text in texts]))


def has_encoder(folder: Path) -> bool:
    """Whether the version in ``folder`` was trained with an encoder."""
    return (folder / ENCODER_FILE).is_file()


def load(folder: Path, *, encoder: bool | None = None) -> Reader:
    """The reader with the tagger files of ``folder``; with its encoder where it has one, unless ``encoder`` says otherwise."""
    return Reader(build(folder, encoder=has_encoder(folder) if encoder is None else encoder))
