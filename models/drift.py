"""Do notes and outcomes still look like those that the model was made for: each signal with a plain sentence.

*Input*: numbers of each note (length, share of words that the model does not know, layout) against those of the development
notes, whose writers no model saw, by the Kolmogorov-Smirnov test; and how often all notes together use the words that are common
there, by the Jensen-Shannon distance. The reference (``drift_reference.json``) holds numbers, and counts of common words;
``python -m models.drift`` writes it anew. *Outcome*: how often people left a proposal's code, by its confidence, against that
confidence. Nothing here changes a model.

Examples
--------
>>> measures("O: TE 15 min", frozenset({"o", "te", "min"}))["unknown"]
0.0
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from models.billing import data
from models.registry import shipped
from models.training.dataset import read_corpus, read_splits, select
from nlp.chain import Chain
from nlp.pipeline import TAGGER_FILE

State = Literal["steady", "drift", "too_few", "pays"]
REFERENCE_FILE = "drift_reference.json"
_FILE = "drift.toml"
_WORD = re.compile(r"[^\W\d_]+")
_HEADING = re.compile(r"\s*[^\W\d_][\w /&-]{0,30}:")
_PLACES = 4
VOCABULARY = "vocabulary"
REST = ""  # stands for all known words that are not common


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that was compared; for outcomes ``low`` to ``high`` is the 95 % interval of what was seen (``now``)."""

    id: str
    state: State
    now: float
    reference: float
    items: int
    sentence: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What people decided on proposals of one band of confidence, ``[low, high)`` (the last one: to 1).

    ``promised`` is the mean confidence of all proposals of the band, ``share`` in [0, 1] how many of all keep their code, with its
    95 % ``interval``: flagged ones and a sample of the others were read, each kind counts as many as there are. ``None`` where
    there are no proposals, or of one kind none was read.
    """

    low: float
    high: float
    promised: float | None
    decided: int
    share: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds, the sentence of each signal, and the bands of confidence."""

    level: float
    least_distance: float
    least_notes: int
    common_words: int
    most_vocabulary: float
    sentences: Mapping[str, str]
    vocabulary: str
    bands: tuple[tuple[float, float], ...]


def parse(text: str, file: str = _FILE) -> Limits:
    """Thresholds, sentences and bands of a data file.

    Raises
    ------
    LexiconError
        A key is missing, unknown or of another kind.
    """
    root = data.parse(text, file).closed(("limits", VOCABULARY, "signal", "band"))
    table = root.table("limits").closed(("level", "least_distance", "least_notes"))
    words = root.table(VOCABULARY).closed(("common_words", "most", "sentence"))
    signals = [entry.closed(("id", "sentence")) for entry in root.tables("signal", "id")]
    bands = [entry.closed(("low", "high")) for entry in root.tables("band", "low")]
    return Limits(
        level=table.get("level", float),
        least_distance=table.get("least_distance", float),
        least_notes=table.get("least_notes", int),
        common_words=words.get("common_words", int),
        most_vocabulary=words.get("most", float),
        vocabulary=words.get("sentence", str),
        sentences={entry.name: entry.get("sentence", str) for entry in signals},
        bands=tuple((entry.get("low", float), entry.get("high", float)) for entry in bands),
    )


LIMITS = parse(data.read_from(__name__, _FILE))


def known_words(folder: Path | None = None) -> frozenset[str]:
    """The words that the tagger of a version (the shipped one) has weights for, in small letters."""
    chain = Chain.load((folder or shipped()) / TAGGER_FILE)
    return frozenset(name.partition("|w=")[2] for name in chain.index if "|w=" in name)


def measures(text: str, known: frozenset[str]) -> dict[str, float]:
    """The numbers of one note."""
    words = [word.lower() for word in _WORD.findall(text)]
    lines = [line for line in text.splitlines() if line.strip()]
    letters = [character for character in text if character.isalpha()]
    return {
        "words": float(len(words)),
        "unknown": _share(word not in known for word in words),
        "lines": float(len(lines)),
        "headings": _share(_HEADING.match(line) is not None for line in lines),
        "figures": _share(character.isdigit() for character in text),
        "capitals": _share(character.isupper() for character in letters),
    }


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return float(f"{sum(found) / max(1, len(found)):.{_PLACES}f}")


@dataclass(frozen=True, slots=True)
class Reference:
    """What notes are compared with: the numbers of each development note by signal, and counts of words (`REST`: all others)."""

    measures: Mapping[str, Sequence[float]]
    vocabulary: Mapping[str, int]


def reference() -> Reference:
    """The reference of the development notes."""
    return Reference(**json.loads(data.read_from(__name__, REFERENCE_FILE)))


def counted_words(texts: Iterable[str], known: frozenset[str]) -> Counter[str]:
    """How often each word that the model knows stands in the texts, in small letters.

    Examples
    --------
    >>> counted_words(["O: TE 15 min, te"], frozenset({"o", "te"}))
    Counter({'te': 2, 'o': 1})
    """
    words = (word.lower() for text in texts for word in _WORD.findall(text))
    return Counter(word for word in words if word in known)


def vocabulary_distance(counts: Mapping[str, int], against: Mapping[str, int]) -> float:
    """The Jensen-Shannon distance of two mixes of words in [0, 1]; words that ``against`` does not name are one, `REST`.

    Examples
    --------
    >>> vocabulary_distance({"te": 4, "min": 4}, {"te": 2, "min": 2, REST: 0})
    0.0
    >>> vocabulary_distance({"zq": 9}, {"te": 2, "min": 2, REST: 0})
    1.0
    """
    mine = Counter(counts)
    shared = [mine[word] for word in against if word != REST]
    theirs = [count for word, count in against.items() if word != REST]
    rest = (mine.total() - sum(shared), against.get(REST, 0))
    return float(jensenshannon([*shared, rest[0]], [*theirs, rest[1]], base=2))


def _vocabulary(texts: Sequence[str], known: frozenset[str], against: Reference, limits: Limits) -> Signal:
    counts = counted_words(texts, known)
    if len(texts) < limits.least_notes or not counts:
        return Signal(VOCABULARY, "too_few", 0.0, limits.most_vocabulary, len(texts), _few(len(texts), limits))
    distance = float(f"{vocabulary_distance(counts, against.vocabulary):.{_PLACES}f}")
    drifted = limits.most_vocabulary < distance
    sentence = limits.vocabulary.format(now=distance, reference=limits.most_vocabulary) if drifted else "As it was."
    return Signal(VOCABULARY, "drift" if drifted else "steady", distance, limits.most_vocabulary, len(texts), sentence)


def _few(notes: int, limits: Limits) -> str:
    return f"{notes} notes are too few to tell; {limits.least_notes} are needed."


def input_drift(
    texts: Sequence[str],
    known: frozenset[str],
    *,
    against: Reference | None = None,
    limits: Limits = LIMITS,
) -> list[Signal]:
    """Each signal of these notes against the reference; of the mix of words, ``reference`` is the most that is usual."""
    chosen = against or reference()
    rows = [measures(text, known) for text in texts]
    out = []
    for name, before in chosen.measures.items():
        now = [row[name] for row in rows]
        medians = (statistics.median(now) if now else 0.0, statistics.median(before))
        if len(now) < limits.least_notes:
            out.append(Signal(name, "too_few", *medians, len(now), _few(len(now), limits)))
            continue
        # The exact one gives up on some pairs of samples of this size, with a warning.
        found: Any = ks_2samp(now, before, method="asymp")
        distance, chance = float(found.statistic), float(found.pvalue)
        drifted = chance < limits.level and distance >= limits.least_distance
        sentence = limits.sentences[name].format(now=medians[0], reference=medians[1]) if drifted else "As it was."
        out.append(Signal(name, "drift" if drifted else "steady", *medians, len(now), sentence))
    return [*out, _vocabulary(texts, known, chosen, limits)]


def outcome_drift(outcomes: Sequence[Outcome], *, limits: Limits = LIMITS) -> list[Signal]:
    """Confidence of proposals against how often people left the code as it was, band by band."""
    out = []
    for each in outcomes:
        name = f"confidence {each.low:g} to {each.high:g}"
        if each.decided < limits.least_notes or each.promised is None:
            sentence = f"{each.decided} decisions are too few to tell; {limits.least_notes} are needed."
            out.append(Signal(name, "too_few", 0.0, 0.0, each.decided, sentence))
            continue
        if each.share is None or each.interval is None:
            sentence = "Of the notes without a flag none was read: of all of them nothing can be told."
            out.append(Signal(name, "too_few", 0.0, each.promised, each.decided, sentence))
            continue
        least, most = each.interval
        drifted = not least <= each.promised <= most
        sentence = "As the model says."
        if drifted:
            word = "fewer" if most < each.promised else "more"
            sentence = (
                f"Of proposals with this confidence people leave {word} codes as they were than it says: {each.share:.2f} "
                f"({least:.2f} to {most:.2f}, {each.decided} read), it says {each.promised:.2f}."
            )
        state: State = "drift" if drifted else "steady"
        out.append(Signal(name, state, each.share, each.promised, each.decided, sentence, least, most))
    return out


def write_reference(folder: Path, out: Path) -> int:
    """Write the reference from the development notes under ``folder`` and return on how many notes it stands."""
    notes = select(read_corpus(folder), read_splits(folder), "development")
    known = known_words()
    rows = [measures(note.text, known) for note in notes]
    table = {name: sorted(row[name] for row in rows) for name in LIMITS.sentences}
    counts = counted_words([note.text for note in notes], known)
    common = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[: LIMITS.common_words])
    words = {**common, REST: counts.total() - sum(common.values())}
    out.write_text(json.dumps({"measures": table, VOCABULARY: words}) + "\n", encoding="utf-8")
    return len(rows)


def main() -> None:
    """Command line of ``python -m models.drift``."""
    parser = argparse.ArgumentParser(description="Write the reference that notes are compared with.")
    parser.add_argument("--data", type=Path, default=Path("training_data"), help="folder with notes/ and splits.csv")
    arguments = parser.parse_args()
    write_reference(arguments.data, Path(__file__).with_name(REFERENCE_FILE))


if __name__ == "__main__":
    main()
