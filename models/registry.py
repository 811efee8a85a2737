"""Model versions on disk: one folder with tagger, grouper and classifier, an encoder where trained, and a manifest of hashes.

Nothing is unpickled before its hash has been compared with the manifest, and nothing is loaded under another major.minor of
scikit-learn or another feature version than it was fitted with.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import joblib
import sklearn
from pydantic import BaseModel, ConfigDict, ValidationError

from models import features
from models.classifier import Fitted
from models.errors import UntrustedModel
from models.making import making
from nlp import tagging
from nlp.pipeline import ENCODER_FILES, GROUPER_FILE, TAGGER_FILE

MANIFEST_FILE = "manifest.json"
CLASSIFIER_FILE = "classifier.joblib"
ENCODER_CLASSIFIER_FILE = "encoder-classifier.joblib"
MODEL_FILES = (TAGGER_FILE, GROUPER_FILE, CLASSIFIER_FILE)
WITH_ENCODER = (*ENCODER_FILES, ENCODER_CLASSIFIER_FILE)
FORMAT = 4


class Manifest(BaseModel):
    """What a version is made of.

    ``format`` is the number of this layout: raise it when a file is added or changes its meaning, and say here how the
    old one is read (1, one classifier for both profiles, and 2, one threshold of doubt instead of one a risk, are not read any
    more: train again). ``files`` maps file name to SHA-256; ``scores`` holds the figures measured at training; ``learnt`` the
    ids of the reviewed notes that it learnt from beside the program's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    version: str
    profile: str
    feature_version: int
    tagger_feature_version: int
    scikit_learn: str
    python: str
    data_sha256: str
    notes: int
    seed: int
    files: dict[str, str]
    scores: dict[str, float]
    learnt: tuple[str, ...] = ()


def shipped() -> Path:
    """Folder of the version inside the package."""
    return Path(str(files("models").joinpath("shipped")))


def sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stated(folder: Path) -> Manifest:
    """Read what a version says of itself; its files are not looked at, so that nothing of them may be loaded.

    Raises
    ------
    UntrustedModel
        It has no manifest of this program.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValidationError):
        raise UntrustedModel(str(folder), f"it has no {MANIFEST_FILE} of this program") from None


def read_manifest(folder: Path) -> Manifest:
    """Read and check a version's manifest and its files' hashes; loads nothing else.

    Raises
    ------
    UntrustedModel
        A file is missing, a hash differs, or the version was made for another scikit-learn or other features.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UntrustedModel(str(folder), f"it has no {MANIFEST_FILE}; give the folder that training wrote") from None
    except (ValidationError, UnicodeDecodeError):
        raise UntrustedModel(str(folder), f"its {MANIFEST_FILE} is not one of this program; train it again") from None
    if manifest.format != FORMAT:
        raise UntrustedModel(
            str(folder), f"its format is {manifest.format}, this program reads {FORMAT}; train it again"
        )
    if set(manifest.files) not in (set(MODEL_FILES), {*MODEL_FILES, *WITH_ENCODER}):
        raise UntrustedModel(
            str(folder),
            f"its manifest must name exactly {', '.join(MODEL_FILES)} and, with an encoder, {', '.join(WITH_ENCODER)}",
        )
    for name, wanted in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise UntrustedModel(str(folder), f"{name} is missing")
        if sha256(path) != wanted:
            raise UntrustedModel(
                str(folder), f"{name} does not match its hash in {MANIFEST_FILE}; it was changed or is broken"
            )
    here = ".".join(sklearn.__version__.split(".")[:2])
    if ".".join(manifest.scikit_learn.split(".")[:2]) != here:
        raise UntrustedModel(
            str(folder),
            f"it was fitted with scikit-learn {manifest.scikit_learn}, this is {sklearn.__version__}; train it again",
        )
    if (
        manifest.feature_version != features.FEATURES_VERSION
        or manifest.tagger_feature_version != tagging.FEATURES_VERSION
    ):
        raise UntrustedModel(str(folder), "it was fitted on another version of the features; train it again")
    return manifest


def load_classifier(folder: Path, *, encoder: bool = False) -> Fitted:
    """The classifier of a folder whose manifest `read_manifest` has checked: that of ``accurate`` or of ``fast``."""
    stored: dict[str, Any] = joblib.load(folder / (ENCODER_CLASSIFIER_FILE if encoder else CLASSIFIER_FILE))
    return Fitted(**stored)


def named_after(parts: Path) -> str:
    """The name of a version with the files in ``parts``: features' versions and a hash, another one for other files."""
    hashed = hashlib.sha256("".join(sha256(part) for part in sorted(parts.iterdir())).encode()).hexdigest()
    return f"{features.FEATURES_VERSION}.{tagging.FEATURES_VERSION}-{hashed[:10]}"


def save(folder: Path, *, parts: Path, manifest: dict[str, Any]) -> Manifest:
    """Write a version whole or not at all: files from ``parts``, hashes taken, folder renamed into place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with making(folder.parent) as temporary:
        made = temporary / "version"
        made.mkdir()
        names = [name for name in (*MODEL_FILES, *WITH_ENCODER) if name in MODEL_FILES or (parts / name).is_file()]
        for name in names:
            shutil.copyfile(parts / name, made / name)
        full = Manifest(format=FORMAT, files={name: sha256(made / name) for name in names}, **manifest)
        (made / MANIFEST_FILE).write_text(
            json.dumps(full.model_dump(), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        for path in made.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        old = temporary / "old"
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
    return full
