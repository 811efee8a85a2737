"""Which version serves: a change is written down and made in one step, so that neither is there without the other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from api.audit import Actor
from api.db import learning
from api.db.errors import NoVerdict
from api.db.session import Database
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
        learning.add_promotion(
            session,
            clinic_id,
            "promote",
            version=version,
            previous=before.current.version,
            verdict_id=verdict.id,
            by=by,
        )
        return versions.promote(version)


def rollback(database: Database, versions: Versions, clinic_id: uuid.UUID, *, by: Actor) -> Pointer:
    """Let the version serve again that served before.

    Raises
    ------
    NothingToRollBack, UnknownVersion, UntrustedModel
        There was none, or it cannot be used any more.
    """
    before = versions.pointer()
    with _undone_on_error(versions, before), database.writing() as session:
        after = versions.rollback()
        learning.add_promotion(
            session,
            clinic_id,
            "rollback",
            version=after.current.version,
            previous=before.current.version,
            verdict_id=None,
            by=by,
        )
        return after


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
