"""Which version serves: a change is written down and made in one step, so that neither is there without the other.

The pointer is replaced inside the transaction and holds what was to be written down. An error puts it back; a kill between the two
cannot, and leaves a version that serves and stands nowhere: the next start, or the next change, writes it down (`write_down`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from pydantic import BaseModel, ConfigDict

from api.audit import Actor
from api.db import learning, values
from api.db.errors import NoVerdict, RowRefused
from api.db.session import Database
from api.db.tables import Promotion
from models.errors import NothingToRollBack
from models.gate import Verdict
from models.versions import Pointer, Versions, known


def promote(database: Database, versions: Versions, clinic_id: uuid.UUID, version: str, *, by: Actor) -> Pointer:
    """Let a version serve that the gate let pass, with exactly these files and against the version that serves now.

    Raises
    ------
    UnknownVersion, UntrustedModel
        There is no such version, or it cannot be used.
    NoVerdict
        The gate did not judge it, refused it, or judged it against another version.
    """
    write_down(database, versions)
    before = versions.pointer()
    wanted = known(versions.path(version))
    with _undone_on_error(versions, before), database.writing() as session:
        verdict = learning.verdict_on(session, clinic_id, wanted.manifest_sha256)
        if verdict is None:
            raise NoVerdict(version, "the gate has not judged these files")
        if verdict.outcome != "pass":
            found = Verdict.of_dict({**verdict.criteria, **_names(verdict)})
            raise NoVerdict(version, " ".join(each.reason for each in found.refusals))
        if verdict.current != before.current.version:
            raise NoVerdict(
                version, f"it was judged against {verdict.current}, and {before.current.version} serves now"
            )
        made = learning.add_promotion(
            session,
            clinic_id,
            "promote",
            version=version,
            previous=before.current.version,
            verdict_id=verdict.id,
            by=by,
        )
        return versions.promote(version, change=_change(made, by))


def rollback(database: Database, versions: Versions, clinic_id: uuid.UUID, *, by: Actor) -> Pointer:
    """Let the version serve again that served before.

    Raises
    ------
    NothingToRollBack, UnknownVersion, UntrustedModel
        There was none, or it cannot be used any more.
    """
    write_down(database, versions)
    before = versions.pointer()
    if not before.before:
        raise NothingToRollBack(before.current.version)
    with _undone_on_error(versions, before), database.writing() as session:
        made = learning.add_promotion(
            session,
            clinic_id,
            "rollback",
            version=before.before[-1].version,
            previous=before.current.version,
            verdict_id=None,
            by=by,
        )
        return versions.rollback(change=_change(made, by))


def write_down(database: Database, versions: Versions) -> bool:
    """Write the last change of the pointer down where a kill kept that from being done; return whether it had to be.

    A change that was made on another database, or on one that was put back to an earlier day, is left alone where its clinic or
    its verdict is not there.

    Raises
    ------
    StorageError
        The database cannot be used.
    UntrustedModel
        The pointer is damaged.
    """
    pointer = versions.pointer()
    if pointer.change is None:
        return False
    change = Change.model_validate(pointer.change)
    with database.reading() as session:
        if not learning.promotion_missing(session, change.clinic, change.id, change.verdict):
            return False
    try:
        with database.writing() as session:
            learning.add_promotion(
                session,
                change.clinic,
                change.kind,
                version=pointer.current.version,
                previous=change.previous,
                verdict_id=change.verdict,
                by=Actor(change.by_kind, change.by_id),
                promotion_id=change.id,
            )
    except RowRefused:
        # Another server, which began at the same moment, was first; or its person is not in this database.
        return False
    return True


class Change(BaseModel):
    """What of a change is written down beside the version that serves since."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clinic: uuid.UUID
    id: uuid.UUID
    kind: values.PromotionKind
    previous: str
    verdict: uuid.UUID | None
    by_kind: values.ActorKind
    by_id: uuid.UUID | None


def _change(made: Promotion, by: Actor) -> dict[str, str | None]:
    change = Change(
        clinic=made.clinic_id,
        id=made.id,
        kind=cast("values.PromotionKind", made.kind),
        previous=made.previous,
        verdict=made.verdict_id,
        by_kind=by.kind,
        by_id=by.id,
    )
    return change.model_dump(mode="json")


def _names(verdict: learning.ModelVerdict) -> dict[str, str]:
    return {
        "candidate": verdict.candidate,
        "current": verdict.current,
        "manifest_sha256": verdict.manifest_sha256,
    }


@contextmanager
def _undone_on_error(versions: Versions, before: Pointer) -> Iterator[None]:
    """Put the pointer back where what it was changed for could not be written down."""
    try:
        yield
    except BaseException:
        if versions.pointer() != before:
            versions.restore(before)
        raise
