"""The audit trail: who read or decided what, in one chain of hashes for each clinic.

Each row's hash covers the row and the hash of the row before it, so that a change, a deletion, an insertion or another order is
found by computing them again (`verify`). Somebody who may write to the database can compute a whole chain anew; against that, keep
a hash that ``therapy-coder audit verify`` printed somewhere else and give it back with ``--expect``.

Rows are appended when a transaction commits (`api.db.session`), under a lock on the clinic's head, so that two writers never
continue the same row and no transaction waits for the chain while it holds it. Nothing in a row may be words of a note:
`check_plain` refuses whatever has a blank in it, since a row can never be purged.

Examples
--------
>>> canonical({"b": 1, "a": None})
'{"a":null,"b":1}'
>>> check_plain({"reason": "a word or two of a note"})
Traceback (most recent call last):
api.db.errors.NotPlain: reason is no plain name; reviews and audit rows hold ids, numbers and names alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from api.db.errors import NotPlain
from api.db.values import ActorKind

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# What the first row of a chain follows.
GENESIS = "0" * 64
_PLAIN = re.compile(r"[A-Za-z0-9_.:@/+=%-]{0,100}")
_PENDING = "audit"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person or a program's key by id, or the system (the command line, a job)."""

    kind: ActorKind
    id: uuid.UUID | None


SYSTEM = Actor("system", None)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down; ``detail`` is plain (`check_plain`) and at best short."""

    actor: Actor
    action: str
    subject_kind: str
    subject_id: uuid.UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is stored: all text but the number."""

    clinic_id: str
    seq: int
    at: str
    actor_kind: str
    actor_id: str | None
    action: str
    subject_kind: str
    subject_id: str | None
    detail: str
    previous_hash: str
    hash: str

    def computed(self, seq: int | None = None) -> str:
        """Return the hash that this content should have, at its own place or at ``seq``."""
        content = {
            "clinic": self.clinic_id,
            "seq": self.seq if seq is None else seq,
            "at": self.at,
            "actor": [self.actor_kind, self.actor_id],
            "action": self.action,
            "subject": [self.subject_kind, self.subject_id],
            "detail": self.detail,
            "previous": self.previous_hash,
        }
        return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain as the head table has it: number and hash of the last row (0 and `GENESIS`: no row yet)."""

    seq: int
    hash: str


Kind = Literal["changed", "deleted", "inserted", "reordered", "head"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with the rows ``first`` to ``last`` (both included) of a chain."""

    kind: Kind
    first: int
    last: int
    reason: str

    def __str__(self) -> str:
        if self.kind == "head":
            return f"head: {self.reason}"
        rows = f"row {self.first}" if self.first == self.last else f"rows {self.first} to {self.last}"
        return f"{rows} {self.kind}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: the number of rows, the last hash, and everything that is wrong (nothing: the chain holds)."""

    rows: int
    last_hash: str
    findings: tuple[Finding, ...]
    expected: tuple[str, ...]
    """Those of the hashes asked for that a row of the chain has."""


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys in order, no blanks, ASCII.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def check_plain(value: Any, *, path: str = "", floats: bool = False) -> None:
    """Refuse what could be words of a note: strings with blanks or over 100 characters, and keys named ``text``.

    Raises
    ------
    NotPlain
        It names the place, never the value; a key that is no plain name itself is named by its number.
    """
    if isinstance(value, Mapping):
        for number, (key, inner) in enumerate(value.items()):
            plain = isinstance(key, str) and key and _PLAIN.fullmatch(key) is not None
            place = ".".join(part for part in (path, key if plain else f"key {number}") if part)
            if not plain:
                raise NotPlain(place, "is no plain name")
            if key == "text":
                raise NotPlain(place, "may not be there")
            check_plain(inner, path=place, floats=floats)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            check_plain(inner, path=f"{path}[{number}]", floats=floats)
    elif isinstance(value, str):
        if _PLAIN.fullmatch(value) is None:
            raise NotPlain(path, "is no plain name")
    # Two engines and two languages write the same float in different ways; whole numbers have one form.
    elif not (value is None or isinstance(value, bool | int) or (floats and isinstance(value, float))):
        raise NotPlain(path, "is neither a name nor a whole number")


def record(session: Session, clinic_id: uuid.UUID, entry: Entry) -> None:
    """Have an entry appended when the session's transaction commits; with a rollback it is gone too.

    Raises
    ------
    NotPlain
        The entry holds what may be words of a note.
    """
    check_plain({"action": entry.action, "subject": entry.subject_kind})
    check_plain(entry.detail)
    session.info.setdefault(_PENDING, []).append((clinic_id, entry))


def take_pending(session: Session) -> list[tuple[uuid.UUID, Entry]]:
    """Return what `record` collected in this transaction, by clinic in one order for all writers, and forget it."""
    pending: list[tuple[uuid.UUID, Entry]] = session.info.pop(_PENDING, [])
    # Locks are taken in this order, so that two writers of several clinics cannot wait for each other.
    return sorted(pending, key=lambda each: each[0].hex)


def seal(clinic_id: uuid.UUID, head: Head, entry: Entry, now: datetime) -> Row:
    """Return the row that continues ``head``."""
    row = Row(
        clinic_id=str(clinic_id),
        seq=head.seq + 1,
        at=now.astimezone(UTC).isoformat(timespec="microseconds"),
        actor_kind=entry.actor.kind,
        actor_id=None if entry.actor.id is None else str(entry.actor.id),
        action=entry.action,
        subject_kind=entry.subject_kind,
        subject_id=None if entry.subject_id is None else str(entry.subject_id),
        detail=canonical(entry.detail),
        previous_hash=head.hash,
        hash="",
    )
    return replace(row, hash=row.computed())


def verify(rows: Callable[[], Iterable[Row]], head: Head | None, *, expect: Sequence[str] = ()) -> Verdict:
    """Compute a clinic's chain again.

    Parameters
    ----------
    rows
        Gives the clinic's rows by number; called twice where something is wrong, so that an intact chain is never held in memory.
    head
        The end as the head table has it, ``None`` where that row is missing.
    expect
        Hashes that were printed earlier; which of them a row still has is told in the verdict.

    Examples
    --------
    >>> clinic, now = uuid.UUID(int=1), datetime(2026, 11, 26, tzinfo=UTC)
    >>> row = seal(clinic, Head(0, GENESIS), Entry(SYSTEM, "note.read", "note"), now)
    >>> verify(lambda: [row], Head(1, row.hash)).findings
    ()
    >>> print(*verify(lambda: [replace(row, action="note.purged")], Head(1, row.hash)).findings)
    row 1 changed: its content does not match its hash
    """
    count, last = 0, Head(0, GENESIS)
    intact, wanted, found = True, set(expect), set[str]()
    for row in rows():
        count += 1
        intact = intact and row.seq == last.seq + 1 and row.previous_hash == last.hash and row.computed() == row.hash
        last = Head(row.seq, row.hash)
        found |= {row.hash} & wanted
    findings = () if intact and head == last else tuple(_diagnose(list(rows()), head))
    return Verdict(count, last.hash, findings, tuple(each for each in expect if each in found))


def _diagnose(rows: list[Row], head: Head | None) -> Iterator[Finding]:
    """Tell what was done to a chain that does not hold, as far as the hashes show it."""
    original = _original_places(rows)
    places: dict[int, list[Row]] = {}
    for row, place in zip(rows, original, strict=True):
        if place is not None:
            places.setdefault(place, []).append(row)
    findings: list[Finding] = []
    kept: dict[int, Row] = {}
    for place, claimants in places.items():
        kept[place] = _rightful(claimants, places.get(place + 1, ()), head)
        findings += [
            Finding("inserted", row.seq, row.seq, "the rows after it do not continue it")
            for row in claimants
            if row is not kept[place]
        ]
    for row, place in zip(rows, original, strict=True):
        if place is not None:
            continue
        # Where the row that belongs here was moved on, this one was put in its place.
        if head is not None and row.seq > head.seq and row.seq not in kept:
            findings.append(Finding("inserted", row.seq, row.seq, f"the chain ended at row {head.seq}"))
        elif row.seq in kept and kept[row.seq].seq != row.seq:
            findings.append(Finding("inserted", row.seq, row.seq, "the row that stood here has another number now"))
        else:
            findings.append(Finding("changed", row.seq, row.seq, "its content does not match its hash"))
            kept.setdefault(row.seq, row)
    sound = {place: row for place, row in kept.items() if row.seq == place and row.computed() == row.hash} | {
        place: row for place, row in kept.items() if row.seq != place
    }
    findings += _replaced(sound)
    end = max([*kept, head.seq if head else 0], default=0)
    findings += [
        Finding("deleted", first, last, "missing from the chain")
        for first, last, _ in _runs((place, 0) for place in range(1, end + 1) if place not in kept)
    ]
    findings += [
        Finding("reordered", first + shift, last + shift, f"{_were(first, last)} when written")
        for first, last, shift in _runs(
            (place, row.seq - place) for place, row in sorted(kept.items()) if row.seq != place
        )
    ]
    findings += _against_head(sound, kept, head, told=bool(findings))
    yield from sorted(findings, key=lambda each: (each.first, each.kind))


def _original_places(rows: list[Row]) -> list[int | None]:
    """Return the number that each row had when it was written, ``None`` where its content does not match its hash."""
    by_hash = {row.hash: row for row in rows}
    places: dict[str, int] = {GENESIS: 0}
    for row in rows:
        if row.computed() == row.hash:
            places[row.hash] = row.seq
    # A moved row still matches at the place after the one it follows; each round can place the next of a moved run.
    waiting = [row for row in rows if row.hash not in places]
    progress = True
    while progress and waiting:
        progress, left = False, []
        for row in waiting:
            before = places.get(row.previous_hash)
            if before is not None and row.computed(before + 1) == row.hash:
                places[row.hash] = before + 1
                progress = True
            else:
                left.append(row)
        waiting = left
    # After a deletion nothing tells the place of the first row that was moved up: try the places around.
    for row in waiting:
        for place in range(1, max(len(by_hash), row.seq) + 1000):
            if row.computed(place) == row.hash:
                places[row.hash] = place
                break
    return [
        places[row.hash] if row.hash in places and row.computed(places[row.hash]) == row.hash else None for row in rows
    ]


def _rightful(claimants: list[Row], after: Sequence[Row], head: Head | None) -> Row:
    """Of several rows with one place, return the one that the chain goes on from."""
    continued = {row.previous_hash for row in after} | ({head.hash} if head else set())
    return next((row for row in claimants if row.hash in continued), claimants[0])


def _replaced(sound: Mapping[int, Row]) -> Iterator[Finding]:
    """Find rows whose hash was computed anew after a change: the next row still names the old one."""

    def broken(place: int) -> bool:
        return place in sound and place + 1 in sound and sound[place + 1].previous_hash != sound[place].hash

    told: set[int] = set()
    for place in sorted(sound):
        if not broken(place) or place in told:
            continue
        # Where the next row does not fit on either side, it is that one that was replaced.
        culprit = place + 1 if broken(place + 1) else place
        told.add(culprit)
        row = sound[culprit]
        yield Finding("changed", row.seq, row.seq, "its hash was computed anew; the rows beside it do not fit")


def _against_head(
    sound: Mapping[int, Row], kept: Mapping[int, Row], head: Head | None, *, told: bool
) -> Iterator[Finding]:
    """Compare the end of the rows with the head table."""
    if head is None:
        yield Finding("head", 0, 0, "missing; the end of the chain cannot be told")
        return
    end = max(kept, default=0)
    if end > head.seq:
        yield Finding("inserted", head.seq + 1, end, f"the chain ended at row {head.seq}")
    last = sound.get(head.seq)
    if last is not None and last.hash != head.hash:
        yield Finding("changed", last.seq, last.seq, "its hash was computed anew; the chain ended with another")
    elif last is None and head.seq == 0 and head.hash != GENESIS and not told:
        yield Finding("head", 0, 0, "it names a row that is not there")


def _runs(numbers: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Join neighbours with the same mark into (first, last, mark)."""
    first: int | None = None
    last = mark = 0
    for number, own in numbers:
        if first is not None and number == last + 1 and own == mark:
            last = number
            continue
        if first is not None:
            yield first, last, mark
        first, last, mark = number, number, own
    if first is not None:
        yield first, last, mark


def _were(first: int, last: int) -> str:
    return f"it was row {first}" if first == last else f"they were rows {first} to {last}"
