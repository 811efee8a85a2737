"""The corpus and reviewed notes to a candidate, and the gate on it: ``python -m models.training.retrain``, a process of its own.

With ``--encoder`` both profiles are trained anew (`models.training.afresh`). Without, everything that needs no encoder training is
fitted anew from the corpus and the reviewed notes: tagger, grouper, classifier, calibration and thresholds of ``fast``, and the
tagger that ``accurate`` shares. The encoder and its grouper stay those of the base, the version that came with the program, and its
classifier is moved towards the reviewed notes (`models.training.adapt`). The base is always the same one, so that no review counts
twice however often a clinic retrains.

Who starts it writes reviewed notes to its standard input, one JSON document a line, then an empty line, and keeps the pipe open:
when the pipe breaks, this process and its children end at once. It prints one JSON document a line: what it does, what the guard
held, the verdict. No line holds words of a note. The candidate's features are single words and pairs of words of the notes that it
learnt from: its folder is as private as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import joblib

from models import registry
from models.coder import Coder
from models.errors import DatasetError, ModelsFolderError, NothingToLearn, NoTrainingPackages, UntrustedModel
from models.gate import judge_candidate
from models.learning import parted
from models.making import making, writing_to
from models.registry import Manifest, load_classifier, read_manifest
from models.training.adapt import adapt
from models.training.afresh import train_afresh
from models.training.counting import vocabulary
from models.training.dataset import LabelledNote, read_corpus, read_splits, select
from models.training.guard import Held, Reviewed, screen
from models.training.tagger import gold_candidates, look
from models.training.train import Reading, Row, block_rows, context_of_note, read_rows, train
from nlp.components.durations import find_durations
from nlp.errors import TherapyCoderError
from nlp.events import make_events
from nlp.pipeline import ENCODER_FILE, ENCODER_FILES, load

LEAST_NOTES = 20
Told = Callable[[str, float], None]


def with_stated(note: LabelledNote) -> LabelledNote:
    """The note with its blocks' service names as it writes them: reviewers are not asked for them, the grouper learns from them."""
    context = context_of_note(note, None)
    tokens = context.tokens
    events = make_events(context, gold_candidates(note, tokens), find_durations(context))
    names = [(tokens.starts[e.start], tokens.ends[e.end - 1], e.code) for e in events if e.kind == "svc"]
    services = []
    for service in note.services:
        found = next((name for name in names if service.start <= name[0] and name[1] <= service.end), None)
        if found is not None and service.stated is None:
            start, end, code = found
            service = service.model_copy(update={"stated": note.text[start:end], "stated_code": code or None})
        services.append(service)
    return note.model_copy(update={"services": tuple(services)})


def retrain(
    corpus: Sequence[LabelledNote],
    reviewed: Sequence[LabelledNote],
    base: Path,
    folder: Path,
    *,
    told: Told,
    encoder: bool = False,
) -> Path:
    """Fit a candidate and return its folder, named after its version, in ``folder``; with ``encoder``, that anew too.

    Raises
    ------
    NothingToLearn
        There are fewer than `LEAST_NOTES` reviewed notes.
    UntrustedModel
        The base cannot be used.
    ModelsFolderError
        The folder cannot be written to.
    NoTrainingPackages
        The encoder was to be trained, and its packages are not installed.
    """
    if len(reviewed) < LEAST_NOTES:
        raise NothingToLearn(len(reviewed), LEAST_NOTES)
    read_manifest(base)
    learnt = [*map(with_stated, reviewed)]
    with writing_to(folder), _made_in(folder) as temporary:
        parts = temporary / "parts"
        told("fit", 0.1)
        if encoder:
            made = train_afresh(corpus, learnt, base, parts, temporary)
            manifest = made.model_dump(exclude={"format", "files"})
        else:
            manifest = _beside(corpus, learnt, base, parts, told)
        version = f"{registry.named_after(parts)}{'e' if encoder else 'r'}"
        manifest |= {"version": version, "learnt": tuple(note.id for note in reviewed)}
        manifest["scores"] |= {"reviewed_notes": float(len(reviewed))}
        told("save", 0.65)
        registry.save(folder / version, parts=parts, manifest=manifest)
    return folder / version


def _beside(
    corpus: Sequence[LabelledNote], learnt: Sequence[LabelledNote], base: Path, parts: Path, told: Told
) -> dict[str, Any]:
    """Fit all but the encoder, which stays the base's, write that to ``parts`` and return what the manifest tells."""
    manifest = read_manifest(base)
    fast = train([*corpus, *learnt], parts)
    if ENCODER_FILE in manifest.files:
        told("adapt", 0.6)
        for name in ENCODER_FILES:
            shutil.copyfile(base / name, parts / name)
        moved = adapt(load_classifier(base, encoder=True), block_rows(corpus), _rows_as_encoded(learnt, base))
        stored: dict[str, Any] = {name: getattr(moved, name) for name in type(moved).__dataclass_fields__}
        joblib.dump(stored, parts / registry.ENCODER_CLASSIFIER_FILE, compress=3)
    return _manifest(fast, manifest)


@contextmanager
def _made_in(folder: Path) -> Iterator[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with making(folder) as made:
        yield made


def _manifest(fast: Manifest, base: Manifest) -> dict[str, Any]:
    """The candidate's manifest: figures of ``fast`` are its own, those of ``accurate`` the base's, under names that say so."""
    encoded = ENCODER_FILE in base.files
    kept = {f"base_{name}": value for name, value in base.scores.items() if not name.startswith(("fast_", "base_"))}
    mine = {f"fast_{name}" if encoded else name: value for name, value in fast.scores.items()}
    told = fast.model_dump(exclude={"format", "files", "profile", "scores"})
    return {**told, "profile": base.profile, "scores": {**(kept if encoded else {}), **mine}}


def _rows_as_encoded(notes: Sequence[LabelledNote], base: Path) -> list[Row]:
    """Blocks of reviewed notes, as labelled and as the base reads them, with its encoder's signs."""
    reader = load(base)
    encoded = reader.encoded([note.text for note in notes])
    scores = {note.id: rows for note, rows in zip(notes, encoded, strict=True) if rows is not None}
    out = block_rows(notes, scores)
    for note, seen in zip(notes, look(reader.tagger, notes, scores), strict=True):
        context = context_of_note(note, scores)
        grouping = reader.grouper.process(context, seen.candidates, seen.goals)
        out += read_rows(note, Reading(context, grouping.blocks, seen.goals, grouping.certainty))
    return out


def screened(
    lines: Sequence[dict[str, Any]], corpus: Sequence[LabelledNote], base: Path
) -> tuple[list[LabelledNote], list[Held]]:
    """Part reviewed notes into those that may train or measure, in their order, and those that the guard holds.

    Parameters
    ----------
    lines
        What the process reads: ``{"note", "review", "reviewer"}`` each, and ``{"released"}`` with ids of reviews.
    corpus
        The program's own training notes.
    base
        Version whose temperature is used.
    """
    released = {each for line in lines for each in line.get("released", ())}
    items = [
        Reviewed(LabelledNote.model_validate(line["note"]), line["review"], line["reviewer"])
        for line in lines
        if "note" in line
    ]
    held = screen(items, block_rows(corpus), load_classifier(base).temperature, released=released) if items else []
    stopped = {each.review for each in held}
    return [item.note for item in items if item.review not in stopped], held


# ---- the process


def run(
    lines: Sequence[dict[str, Any]],
    data: Path,
    base: Path,
    current: Path,
    folder: Path,
    say: Any,
    *,
    encoder: bool = False,
) -> None:
    """Screen, fit and judge; ``say`` gets one document at a time."""

    def told(step: str, progress: float) -> None:
        say({"step": step, "progress": progress})

    told("read", 0.0)
    everything, splits = read_corpus(data), read_splits(data)
    corpus = select(everything, splits, "train")
    told("screen", 0.02)
    kept, held = screened(lines, corpus, base)
    for each in held:
        say({"held": each._asdict()})
    learnt, latest = parted(kept)
    serving = Coder.load(current)
    latest = [note for note in latest if note.id not in serving.manifest.learnt]
    counts = {"reviewed": len(kept) + len(held), "held": len(held), "learnt": len(learnt), "measured": len(latest)}
    say({"counts": counts})
    made = retrain(corpus, learnt, base, folder, told=told, encoder=encoder)
    told("judge", 0.7)
    verdict = judge_candidate(
        made,
        serving,
        select(everything, splits, "development"),
        latest,
        vocabulary(corpus),
        told=lambda share: told("judge", 0.7 + 0.28 * share),
    )
    say({"verdict": verdict.as_dict()})


def _read_input(stream: TextIO) -> list[dict[str, Any]]:
    lines = []
    for line in stream:
        if not line.strip():
            break
        lines.append(json.loads(line))
    return lines


def _die_with(stream: TextIO) -> None:
    """End this process's whole group as soon as the pipe breaks: who started it is gone, and nobody would keep the candidate."""

    def wait() -> None:
        # Not the stream itself: a child of a fork would wait for its lock for ever.
        while os.read(stream.fileno(), 1):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Command line of ``python -m models.training.retrain``; ``therapy-coder retrain`` is what people use."""
    parser = argparse.ArgumentParser(description="Fit a candidate from the corpus and reviewed notes; see the module.")
    parser.add_argument("--data", type=Path, required=True, help="folder with notes/ and splits.csv")
    parser.add_argument("--base", type=Path, default=registry.shipped(), help="version whose encoder is kept")
    parser.add_argument("--current", type=Path, default=registry.shipped(), help="version that serves")
    parser.add_argument("--models", type=Path, required=True, help="folder to put the candidate's folder into")
    parser.add_argument("--encoder", action="store_true", help="train the encoder anew too, half an hour of two cores")
    arguments = parser.parse_args()

    def say(document: dict[str, Any]) -> None:
        print(json.dumps(document), flush=True)

    lines = _read_input(sys.stdin)
    if os.getpgrp() == os.getpid():
        _die_with(sys.stdin)
    try:
        run(
            lines,
            arguments.data,
            arguments.base,
            arguments.current,
            arguments.models,
            say,
            encoder=arguments.encoder,
        )
    except TherapyCoderError as error:
        # These may be told; what else fails could repeat a note.
        told = isinstance(error, (DatasetError, ModelsFolderError, NothingToLearn, NoTrainingPackages, UntrustedModel))
        say({"failed": type(error).__name__, "why": str(error) if told else ""})
        sys.exit(1)
    except Exception as error:
        say({"failed": type(error).__name__, "why": ""})
        sys.exit(1)


if __name__ == "__main__":
    main()
