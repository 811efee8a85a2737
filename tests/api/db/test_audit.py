"""The chain: one for each clinic, never forked, and every kind of tampering found and named."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api import audit
from api.audit import GENESIS, SYSTEM, Entry, Head, Verdict, record
from api.db import repository
from api.db.errors import NotPlain, UnknownClinic
from api.db.session import Database

Tamper = Callable[..., None]


def verified(database: Database, clinic: uuid.UUID, *expect: str) -> Verdict:
    with database.reading() as session:
        return audit.verify(
            lambda: repository.audit_rows(session, clinic), repository.audit_head(session, clinic), expect=expect
        )


def hashes(database: Database, clinic: uuid.UUID) -> list[str]:
    with database.reading() as session:
        return [row.hash for row in repository.audit_rows(session, clinic)]


@pytest.fixture
def chain(database: Database, clinic: uuid.UUID) -> uuid.UUID:
    """A clinic whose chain has eight rows."""
    for number in range(7):
        with database.writing() as session:
            record(session, clinic, Entry(SYSTEM, "note.read", "note", uuid.UUID(int=number), {"number": number}))
    return clinic


def test_an_intact_chain(database: Database, chain: uuid.UUID):
    verdict = verified(database, chain)
    assert (verdict.rows, verdict.findings) == (8, ())
    assert verdict.last_hash == hashes(database, chain)[-1]
    with database.reading() as session:
        rows = list(repository.audit_rows(session, chain))
    assert [row.seq for row in rows] == list(range(1, 9))
    assert [row.previous_hash for row in rows] == [GENESIS, *(row.hash for row in rows[:-1])]
    assert rows[3].detail == '{"number":2}'


def test_eight_writers_make_one_chain(database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID):
    failed: list[Exception] = []
    start = threading.Barrier(8)

    def write(writer: int) -> None:
        try:
            with Database(database.url, busy_seconds=60) as own:
                start.wait()
                for number in range(10):
                    with own.writing() as session:
                        # In another order each time: locks on two heads must not wait for each other.
                        for each in (clinic, other_clinic) if (writer + number) % 2 else (other_clinic, clinic):
                            record(session, each, Entry(SYSTEM, "note.read", "note", None, {"by": writer, "n": number}))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for each in (clinic, other_clinic):
        verdict = verified(database, each)
        assert (verdict.rows, verdict.findings) == (81, ())


def test_what_is_rolled_back_leaves_no_row(database: Database, chain: uuid.UUID):
    with pytest.raises(ZeroDivisionError), database.writing() as session:
        record(session, chain, Entry(SYSTEM, "note.read", "note"))
        raise ZeroDivisionError
    assert verified(database, chain).rows == 8


def test_an_unknown_clinic_has_no_chain(database: Database):
    with pytest.raises(UnknownClinic), database.writing() as session:
        record(session, uuid.uuid4(), Entry(SYSTEM, "note.read", "note"))


@pytest.mark.parametrize("detail", [{"why": "two words"}, {"x": 0.5}, {"x": {1}}, {"text": "x"}, {"x": [["a b"]]}])
def test_a_row_holds_no_words(database: Database, clinic: uuid.UUID, detail: dict):
    with pytest.raises(NotPlain), database.writing() as session:
        record(session, clinic, Entry(SYSTEM, "note.read", "note", None, detail))


SHIFT_DOWN = ("UPDATE audit SET seq = -(seq - 1) WHERE seq > 4", "UPDATE audit SET seq = -seq WHERE seq < 0")
SHIFT_UP = ("UPDATE audit SET seq = -(seq + 1) WHERE seq >= 4", "UPDATE audit SET seq = -seq WHERE seq < 0")
COPY = (
    "INSERT INTO audit SELECT clinic_id, {seq}, at, actor_kind, actor_id, 'note.forged', subject_kind, subject_id, detail, "
    "{previous}, '{hash}' FROM audit WHERE seq = 3"
)
FORGED = "f" * 64


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (("UPDATE audit SET detail = '{\"number\":9}' WHERE seq = 4",), [("changed", 4, 4)]),
        (("UPDATE audit SET at = '2020-01-01T00:00:00.000000+00:00' WHERE seq = 1",), [("changed", 1, 1)]),
        (("UPDATE audit SET actor_kind = 'person' WHERE seq = 8",), [("changed", 8, 8)]),
        (("UPDATE audit SET actor_id = 'nobody' WHERE seq IN (2, 5)",), [("changed", 2, 2), ("changed", 5, 5)]),
        (("UPDATE audit SET subject_id = NULL WHERE seq = 6",), [("changed", 6, 6)]),
        (("DELETE FROM audit WHERE seq = 4",), [("deleted", 4, 4)]),
        (("DELETE FROM audit WHERE seq IN (1, 3, 4)",), [("deleted", 1, 1), ("deleted", 3, 4)]),
        (("DELETE FROM audit WHERE seq >= 7",), [("deleted", 7, 8)]),
        (("DELETE FROM audit",), [("deleted", 1, 8)]),
        (("DELETE FROM audit WHERE seq = 4", *SHIFT_DOWN), [("deleted", 4, 4), ("reordered", 4, 7)]),
        (
            (
                "UPDATE audit SET seq = -seq WHERE seq IN (3, 6)",
                "UPDATE audit SET seq = 9 + seq WHERE seq < 0",
            ),
            [("reordered", 3, 3), ("reordered", 6, 6)],
        ),
        ((COPY.format(seq=9, previous="'" + "e" * 64 + "'", hash=FORGED),), [("inserted", 9, 9)]),
        (
            (*SHIFT_UP, COPY.format(seq=4, previous="'" + "e" * 64 + "'", hash=FORGED)),
            [("inserted", 4, 4), ("reordered", 5, 9)],
        ),
        (("DELETE FROM audit_heads",), [("head", 0, 0)]),
    ],
    ids=[
        "detail", "time", "who", "two rows", "subject", "one deleted", "three deleted", "tail deleted", "all deleted",
        "deleted and renumbered", "swapped", "appended", "inserted and renumbered", "head deleted",
    ],
)  # fmt: skip
def test_tampering_is_found(database: Database, chain: uuid.UUID, tamper: Tamper, statements: tuple, expected: list):
    tamper(
        "ALTER TABLE audit DROP CONSTRAINT ck_audit_seq"
        if database.path is None
        else "PRAGMA ignore_check_constraints = 1"
    )
    tamper(*(["PRAGMA ignore_check_constraints = 1"] if database.path else []), *statements)
    found = [(finding.kind, finding.first, finding.last) for finding in verified(database, chain).findings]
    assert found == expected


def test_a_row_whose_hash_was_made_anew(database: Database, chain: uuid.UUID, tamper: Tamper):
    with database.reading() as session:
        row = list(repository.audit_rows(session, chain))[4]
    anew = replace(row, action="note.forged")
    tamper(f"UPDATE audit SET action = 'note.forged', hash = '{anew.computed()}' WHERE seq = 5")
    [finding] = verified(database, chain).findings
    assert (finding.kind, finding.first, "anew" in finding.reason) == ("changed", 5, True)


def test_the_last_row_made_anew(database: Database, chain: uuid.UUID, tamper: Tamper):
    with database.reading() as session:
        row = list(repository.audit_rows(session, chain))[7]
    anew = replace(row, action="note.forged").computed()
    tamper(f"UPDATE audit SET action = 'note.forged', hash = '{anew}' WHERE seq = 8")
    [finding] = verified(database, chain).findings
    assert (finding.kind, finding.first) == ("changed", 8)


def test_a_well_made_row_that_the_head_does_not_know(database: Database, chain: uuid.UUID, tamper: Tamper):
    forged = audit.seal(
        chain, Head(8, hashes(database, chain)[-1]), Entry(SYSTEM, "note.forged", "note"), datetime.now(UTC)
    )
    tamper(
        "INSERT INTO audit SELECT clinic_id, 9, "
        f"'{forged.at}', 'system', NULL, 'note.forged', 'note', NULL, '{{}}', '{forged.previous_hash}', '{forged.hash}' "
        "FROM audit WHERE seq = 1"
    )
    [finding] = verified(database, chain).findings
    assert (finding.kind, finding.first, finding.last) == ("inserted", 9, 9)


def test_a_cut_tail_with_its_head_needs_the_anchor(database: Database, chain: uuid.UUID, tamper: Tamper):
    kept = hashes(database, chain)
    assert verified(database, chain, kept[-1], kept[2]).expected == (kept[-1], kept[2])
    tamper("DELETE FROM audit WHERE seq > 6", f"UPDATE audit_heads SET seq = 6, hash = '{kept[5]}'")
    verdict = verified(database, chain, kept[-1], kept[2])
    # Without the anchor nothing shows; with it, the hash that was printed is missed.
    assert (verdict.findings, verdict.expected) == ((), (kept[2],))


def test_the_other_clinic_is_not_touched(database: Database, chain: uuid.UUID, other_clinic: uuid.UUID, tamper: Tamper):
    tamper("DELETE FROM audit WHERE seq = 4")
    assert verified(database, other_clinic).findings == ()
    assert verified(database, chain).findings != ()


def test_a_row_moved_to_another_clinic(database: Database, chain: uuid.UUID, other_clinic: uuid.UUID, tamper: Tamper):
    name = other_clinic.hex if database.path else other_clinic
    tamper(f"UPDATE audit SET clinic_id = '{name}' WHERE seq = 4")
    assert [(f.kind, f.first) for f in verified(database, chain).findings] == [("deleted", 4)]
    assert [f.kind for f in verified(database, other_clinic).findings] != []


def test_canonical_json_is_one_text():
    assert (
        audit.canonical({"é": [1, None, True], "a": {"c": "x", "b": 2}})
        == '{"a":{"b":2,"c":"x"},"\\u00e9":[1,null,true]}'
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        audit.canonical(float("nan"))


def test_the_hash_is_fixed():
    """Chains that are stored must verify for ever: this value never changes."""
    row = audit.seal(
        uuid.UUID(int=1),
        Head(0, GENESIS),
        Entry(SYSTEM, "a", "b", uuid.UUID(int=2), {"n": 1}),
        datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert row.hash == "355b917fdbf52f3b99feec392c4dc23847ae4bbd9ceb0cf735376a0527448c92"
