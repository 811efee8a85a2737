"""Copy-forward: notes whose body stands, near-identical, in an earlier note of the same patient.

The body is cut into shingles (three words in a row) by scikit-learn's `HashingVectorizer`; a sparse product counts what two
notes share. Goals (what stands under their heading, lists too), dates and signatures are left out, so that they may repeat. A
note is compared with those of earlier days alone, and every patient for itself.

Examples
--------
>>> body = "Ther ex 15 min: SLR 3x10, clamshells 2x10, cues for hip position. Quad lag 5 deg, limited by pain 4/10 at rest."
>>> first = Visit(note_id="n1", patient_ref="p1", text=body, date_of_service="2026-01-05")
>>> second = Visit(note_id="n2", patient_ref="p1", text=body.replace("4/10", "3/10"), date_of_service="2026-01-08")
>>> [copy] = find_copied([first, second])
>>> copy.note_id, copy.earlier_id, [(change.before, change.after) for change in copy.changes]
('n2', 'n1', [('4/10', '3/10')])
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from sklearn.feature_extraction.text import HashingVectorizer

from models.billing import data
from models.note import Day
from nlp.document import Span
from nlp.headings import find_headings
from nlp.terms import terms
from nlp.tokens import Tokens

_FILE = "copied.toml"
# What belongs together in a note, such as "3x10", "4/10" and "sit-to-stand", is one word.
_WORD = re.compile(r"[^\W_]+(?:[./:'x×<>+-]+[^\W_]+)*[+%]?")
# So many notes of one patient are held against all earlier ones at once: the product's size stays bounded.
_ROWS = 256
# A line of a list: "1.", "2)", "-", "STG #2".
_LISTED = re.compile(r"[ \t]*(?:[0-9]{1,2} ?[.):]|[-*\u2022\u00b7\u2013]|#? ?[0-9]{1,2}\b|\[.?\])")


class Visit(BaseModel):
    """A note with the patient it is of; ``patient_ref`` is any name that is the patient's alone, never shown in a message."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    note_id: str = Field(min_length=1, max_length=200)
    patient_ref: str = Field(min_length=1, max_length=200)
    text: str
    date_of_service: Day


@dataclass(frozen=True, slots=True)
class Change:
    """Words of the earlier note and what stands in their place, either of them ``""``.

    ``[start, end)`` is where in the later note, ``[earlier_start, earlier_end)`` where in the earlier one.
    """

    before: str
    after: str
    start: int
    end: int
    earlier_start: int
    earlier_end: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A note that was copied forward: from which, how much of it in [0, 1], what was cloned and what changed."""

    note_id: str
    date_of_service: date
    earlier_id: str
    earlier_date: date
    share: float
    copied: tuple[Span, ...]
    changes: tuple[Change, ...]


class Bounds(NamedTuple):
    """With how much a note is compared as it comes in: so many notes, the nearest days first, of so many characters in all."""

    notes: int
    characters: int


class _Settings(NamedTuple):
    share: float
    least_words: int
    most_words: int
    shingle: int
    leave_out: re.Pattern[str]
    bounds: Bounds


def find_copied(visits: Iterable[Visit]) -> Iterator[Copy]:
    """Yield each note that was copied forward, with the earlier note that it has most of (of several, the last one).

    Parameters
    ----------
    visits : Iterable[Visit]
        Notes of any number of patients, in any order; results come patient by patient, day by day.
    """
    patients: dict[str, list[Visit]] = {}
    for visit in visits:
        patients.setdefault(visit.patient_ref, []).append(visit)
    for own in patients.values():
        if len(own) > 1:
            yield from _of_patient(sorted(own, key=lambda visit: visit.date_of_service))


def find_copy(later: Visit, others: Iterable[Visit]) -> Copy | None:
    """Return the earlier note that one was copied forward from, as `find_copied` does; ``None`` where it was not.

    Parameters
    ----------
    later : Visit
        The note that is judged; the others are not.
    others : Iterable[Visit]
        Any notes: those of other patients, of the same day and of later days are passed over.

    Examples
    --------
    >>> body = "Ther ex 15 min: SLR 3x10, clamshells 2x10, cues for hip position. Quad lag 5 deg, limited by pain 4/10 at rest."
    >>> first = Visit(note_id="n1", patient_ref="p1", text=body, date_of_service="2026-01-05")
    >>> second = Visit(note_id="n2", patient_ref="p1", text=body, date_of_service="2026-01-08")
    >>> find_copy(second, [first]).earlier_id, find_copy(first, [second])
    ('n1', None)
    """
    earlier = [
        each
        for each in others
        if each.patient_ref == later.patient_ref and each.date_of_service < later.date_of_service
    ]
    if not earlier or len(_words(later.text)) < _settings().least_words:
        return None
    visits = sorted(earlier, key=lambda visit: visit.date_of_service)
    return next(_of_patient([*visits, later], begin=len(visits)), None)


def bounds() -> Bounds:
    """Return with how much a note is compared as it comes in (``copied.toml``)."""
    return _settings().bounds


def _of_patient(visits: Sequence[Visit], *, begin: int = 0) -> Iterator[Copy]:
    """Yield what was copied of one patient's notes, which stand by day; those before ``begin`` are not judged."""
    settings = _settings()
    bodies = [[visit.text[start:end].lower() for start, end in _words(visit.text)] for visit in visits]
    matrix: Any = _vectorizer().transform(bodies)
    sizes = np.diff(matrix.indptr)
    days = np.array([visit.date_of_service.toordinal() for visit in visits])
    long_enough = np.array([settings.least_words <= len(body) for body in bodies])
    for first in range(begin, len(visits), _ROWS):
        last = min(first + _ROWS, len(visits))
        shared = (matrix[first:last] @ matrix[:last].T).toarray()
        # A copy has a new date; two notes of one day are another matter.
        shared[days[:last][None, :] >= days[first:last][:, None]] = 0
        # The last of those that share most: the one that was probably copied.
        best = last - 1 - np.argmax(shared[:, ::-1], axis=1)
        for row, earlier in enumerate(best):
            later = first + row
            share = float(shared[row, earlier]) / max(int(sizes[later]), 1)
            if long_enough[later] and settings.share <= share:
                yield _compare(visits[later], visits[int(earlier)], share)


def _compare(later: Visit, earlier: Visit, share: float) -> Copy:
    before, after = _words(earlier.text), _words(later.text)
    matcher = SequenceMatcher(
        None,
        [earlier.text[start:end].lower() for start, end in before],
        [later.text[start:end].lower() for start, end in after],
        autojunk=False,
    )
    copied: list[Span] = []
    changes: list[Change] = []
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        # Where words were only taken away, the change stands between the words around it.
        start = after[b0][0] if b0 < len(after) else len(later.text)
        end = after[b1 - 1][1] if b0 < b1 else start
        if tag == "equal":
            copied.append(Span(start, end, later.text[start:end]))
        else:
            old_start = before[a0][0] if a0 < len(before) else len(earlier.text)
            old_end = before[a1 - 1][1] if a0 < a1 else old_start
            changes.append(
                Change(earlier.text[old_start:old_end], later.text[start:end], start, end, old_start, old_end)
            )
    return Copy(
        note_id=later.note_id,
        date_of_service=later.date_of_service,
        earlier_id=earlier.note_id,
        earlier_date=earlier.date_of_service,
        share=share,
        copied=tuple(copied),
        changes=tuple(changes),
    )


def _words(text: str) -> list[tuple[int, int]]:
    """Return where the words of a note's body stand, the first `most_words`, without what may repeat from visit to visit."""
    most = _settings().most_words
    left_out = sorted((*(match.span() for match in _settings().leave_out.finditer(text)), *_goals(text)))
    found: list[tuple[int, int]] = []
    place = done = 0
    for match in _WORD.finditer(text):
        if len(found) == most:
            break
        while place < len(left_out) and left_out[place][0] < match.end():
            done = max(done, left_out[place][1])
            place += 1
        if done <= match.start():
            found.append(match.span())
    return found


def _goals(text: str) -> Iterator[tuple[int, int]]:
    """Yield what stands under each heading of goals: its line and the list below; all lines where the heading has its own.

    A blank line ends it: what comes after need not be goals, though no other heading says so.
    """
    tokens = Tokens.of(text)
    for heading in find_headings(tokens, terms().find(tokens)):
        if heading.label != "goals" or heading.until <= heading.start:
            continue
        start, until = tokens.starts[heading.start], tokens.ends[heading.until - 1]
        first, *lines = text[start:until].splitlines(keepends=True)
        bare = not first[tokens.ends[heading.end - 1] - start :].strip(" \t\r\n:-\u2013")
        end = start + len(first)
        for line in lines:
            if not line.strip() or not (bare or _LISTED.match(line)):
                break
            end += len(line)
        yield start, end


def _shingles(words: Sequence[str]) -> list[str]:
    size = _settings().shingle
    return [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]


def _vectorizer() -> HashingVectorizer:
    make: Any = HashingVectorizer  # its annotations are guessed from defaults
    return make(analyzer=_shingles, binary=True, norm=None, alternate_sign=False, dtype=np.float32)


@cache
def _settings() -> _Settings:
    root = data.parse(data.read_from(__name__, _FILE), _FILE).closed(("copied", "kept"))
    entry = root.table("copied").closed(("share", "least_words", "most_words", "shingle", "leave_out"))
    kept = root.table("kept").closed(("notes", "characters"))
    return _Settings(
        share=entry.get("share", float),
        least_words=entry.get("least_words", int),
        most_words=entry.get("most_words", int),
        shingle=entry.get("shingle", int),
        leave_out=re.compile("|".join(entry.texts("leave_out")), re.IGNORECASE),
        bounds=Bounds(notes=kept.get("notes", int), characters=kept.get("characters", int)),
    )
