"""Both profiles anew from notes, the encoder too: what a retraining does where it is asked for and its packages are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from models.errors import NoTrainingPackages
from models.registry import Manifest
from models.training import encoder
from models.training.dataset import LabelledNote
from models.training.train import train
from nlp.pipeline import load

_PACKAGES = (encoder.PACKAGE, "onnx", "safetensors", "torch")
# Reviewers are not asked for these, so that a label of theirs says nothing about them.
_UNASKED = ("assessment", "progress")


def can_train_encoder() -> bool:
    """Whether the packages of requirements-train.txt and requirements-encoder.txt are there; none is imported."""
    return all(find_spec(name) is not None for name in _PACKAGES)


def train_afresh(
    corpus: Sequence[LabelledNote], reviewed: Sequence[LabelledNote], base: Path, parts: Path, work: Path
) -> Manifest:
    """Fit encoder and everything behind it, and write the version to ``parts``; about half an hour of two cores.

    Parameters
    ----------
    corpus, reviewed
        The program's notes and the reviewed ones.
    base
        Version that says which elements reviewed notes document, where reviewers were not asked.
    parts, work
        Folders to write to: the version, and what is needed on the way.

    Raises
    ------
    NoTrainingPackages
        They are not installed.
    """
    if not can_train_encoder():
        raise NoTrainingPackages
    notes = [*corpus, *with_elements(reviewed, base)]
    encoder.run(notes, work / "encoder")
    return train(notes, parts, encoder=work / "encoder")


def with_elements(notes: Sequence[LabelledNote], base: Path) -> list[LabelledNote]:
    """Reviewed notes with the elements that a version reads in them, where a reviewer named none: the encoder learns elements."""
    documents = load(base).read_many([note.text for note in notes])
    out = []
    for note, document in zip(notes, documents, strict=True):
        read = {element.name: element.span is not None for element in document.elements}
        given = {name: note.elements[name] or read[name] for name in _UNASKED}
        out.append(note.model_copy(update={"elements": {**note.elements, **given}}))
    return out
