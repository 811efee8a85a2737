"""The commands, on both engines: what they print, and their exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from pydantic import SecretStr, ValidationError
from sqlalchemy import text
from typer.testing import CliRunner

from api.audit import SYSTEM
from api.cli import app
from api.db import migrate, repository
from api.db.session import Database
from api.settings import Settings, data_folder
from models.coder import Coder

from .reviewing import ReviewCoder
from .test_storage import keep

Run = Callable[..., Result]


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", database.url.render_as_string(hide_password=False))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def ok(result: Result) -> list[str]:
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout.splitlines()


def refused(result: Result, status: int) -> str:
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (status, "", 1), result.output
    return result.stderr


def test_from_nothing_to_a_first_admin(empty: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", empty.url.render_as_string(hide_password=False))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    for command in (("db", "check"), ("people", "list"), ("audit", "verify")):
        assert "Run: therapy-coder db upgrade" in refused(run(*command), 4)
    assert ok(run("db", "upgrade"))[0].endswith(f"step none -> {migrate.head()}")
    assert ok(run("db", "upgrade"))[0].endswith(f"already at step {migrate.head()}")
    assert ok(run("db", "check"))[-1].endswith("can be written to")
    assert "Add one: therapy-coder clinics add" in refused(run("people", "add", "ana", "--role", "admin"), 2)
    ok(run("clinics", "add", "main", "--name", "Main Street"))
    assert ok(run("clinics", "list")) == ["main\tMain Street"]
    [link] = ok(run("people", "add", "Ana@x.example", "--role", "admin", "--name", "Ana"))
    assert link.startswith("http://127.0.0.1:8000/sign-in#tclink_")
    assert ok(run("people", "list")) == ["ana@x.example\tadmin\tno password yet\tAna"]


def test_people(run: Run, clinic: uuid.UUID):
    ok(run("people", "add", "ana", "--role", "admin"))
    ok(run("people", "add", "ben", "--role", "coder"))
    ok(run("people", "set-role", "ben", "trainer"))
    [link] = ok(run("people", "reset", "ben"))
    assert "#tclink_" in link
    ok(run("people", "disable", "ben"))
    assert ok(run("people", "list")) == ["ana\tadmin\tno password yet\tana", "ben\ttrainer\tdisabled\tben"]
    assert "Enable it first" in refused(run("people", "reset", "ben"), 2)
    ok(run("people", "enable", "ben"))
    assert ok(run("people", "list"))[1] == "ben\ttrainer\tno password yet\tben"
    assert "last admin" in refused(run("people", "disable", "ana"), 2)
    assert "no person 'eve'" in refused(run("people", "reset", "eve"), 2)
    assert "already" in refused(run("people", "add", "ana", "--role", "coder"), 2)
    assert run("people", "add", "eve", "--role", "boss").exit_code == 2


def test_a_clinic_is_set(run: Run, database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID):
    first = ["audit share\t0.05", "second share\t0.1", "days kept\tno end"]
    assert ok(run("clinics", "set", "main")) == first
    changed = ["audit share\t0.2", "second share\t0", "days kept\t365"]
    given = ("--audit-share", "0.2", "--second-share", "0", "--keep-days", "365")
    assert ok(run("clinics", "set", "main", *given)) == changed
    assert ok(run("clinics", "set", "other")) == first
    assert ok(run("clinics", "set", "main", "--keep-days", "0")) == [*changed[:2], "days kept\tno end"]
    assert run("clinics", "set", "main", "--audit-share", "1.5").exit_code == 2
    assert "clinics" in refused(run("clinics", "set", "nowhere"), 2)
    with database.reading() as session:
        details = [row.detail for row in repository.audit_rows(session, clinic) if row.action == "clinic.set"]
    assert details == ['{"audit_share":"0.2","retention_days":365,"second_share":"0"}', '{"retention_days":0}']


def test_several_clinics_must_be_named(run: Run, clinic: uuid.UUID, other_clinic: uuid.UUID):
    assert "2 clinics" in refused(run("people", "list"), 2)
    ok(run("people", "add", "ana", "--role", "admin", "--clinic", "other"))
    assert ok(run("people", "list", "--clinic", "main")) == []
    assert "no clinic 'third'" in refused(run("people", "list", "--clinic", "third"), 2)


def test_keys(run: Run, clinic: uuid.UUID):
    [secret] = ok(run("keys", "add", "ehr", "--scope", "submit", "--scope", "suggestions", "--expires", "30"))
    [line] = ok(run("keys", "list"))
    assert secret not in line
    assert line.split("\t")[2] == "submit suggestions"
    ok(run("keys", "revoke", "ehr"))
    assert ok(run("keys", "list"))[0].endswith("revoked")
    assert "no working key" in refused(run("keys", "revoke", "ehr"), 2)
    assert run("keys", "add", "x", "--scope", "everything").exit_code == 2
    assert run("keys", "add", "x").exit_code == 2


def test_audit(run: Run, clinic: uuid.UUID, other_clinic: uuid.UUID, tamper: Callable[..., None]):
    ok(run("people", "add", "ana", "--role", "admin", "--clinic", "main"))
    first, second = ok(run("audit", "verify"))
    assert first.startswith("main: 3 rows, intact, last hash ")
    assert second.startswith("other: 1 rows, intact, last hash ")
    anchor = first.rpartition(" ")[2]
    ok(run("audit", "verify", "--clinic", "main", "--expect", anchor))
    assert ok(run("audit", "show", "--clinic", "main", "--limit", "1"))[0].split("\t")[3] == "link.made"
    assert len(ok(run("audit", "show", "--clinic", "main", "--json"))) == 3
    assert run("audit", "show", "--clinic", "main", "--subject", "x").exit_code == 2

    missed = run("audit", "verify", "--clinic", "other", "--expect", anchor)
    assert (missed.exit_code, anchor in missed.stdout.splitlines()[-1]) == (1, True)
    tamper("UPDATE audit SET action = 'x' WHERE seq = 2")
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert broken.stdout.splitlines()[1] == "main: row 2 changed: its content does not match its hash"
    assert run("audit", "verify", "--clinic", "other").exit_code == 0


def test_purge(run: Run, database: Database, clinic: uuid.UUID, add_person: Callable[..., uuid.UUID]):
    keep(database, clinic, add_person(clinic))
    assert ok(run("db", "purge", "--older-than", "1")) == ["0 notes purged"]
    assert ok(run("db", "purge", "--older-than", "0", "--dry-run")) == ["1 notes would be purged"]
    assert ok(run("db", "purge", "--older-than", "0")) == ["1 notes purged"]
    assert "clinics set main --keep-days" in refused(run("db", "purge"), 2)
    ok(run("clinics", "set", "main", "--keep-days", "30"))
    assert ok(run("db", "purge")) == ["0 notes purged"]
    assert run("db", "purge", "--older-than", "-1").exit_code == 2


def test_backup_and_restore(run: Run, database: Database, clinic: uuid.UUID, tmp_path: Path):
    target = str(tmp_path / "copy")
    if database.path is None:
        assert "pg_dump --format=custom" in refused(run("db", "backup", target), 2)
        assert "pg_restore --exit-on-error" in refused(run("db", "restore", target), 2)
        return
    made = run("db", "backup", target)
    assert (made.exit_code, "Not in it: the models folder" in made.stderr) == (0, True)
    assert "never overwrites" in refused(run("db", "backup", target), 2)
    assert "--replace" in refused(run("db", "restore", target), 2)
    assert len(ok(run("db", "restore", target, "--replace"))) == 2
    assert ok(run("audit", "verify"))[0].startswith("main: 1 rows, intact")


@pytest.fixture
def _quick_coder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Coder, "load", lambda *a, **k: ReviewCoder())


@pytest.fixture
def notes(tmp_path: Path, _quick_coder: None) -> Path:
    """A file of five lines, one of them wrong and two the same."""
    lines = [{"note_id": str(n), "text": f"bridging {15 + n} flag:no_unit"} for n in range(3)]
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join([*map(json.dumps, [*lines, lines[0]]), "{"]) + "\n", encoding="utf-8")
    return source


def stored(database: Database, clinic: uuid.UUID) -> tuple[int, int, int]:
    with database.reading() as session:
        return (
            session.query(repository.Note).filter_by(clinic_id=clinic, source="batch").count(),
            session.query(repository.ResultRow).filter_by(clinic_id=clinic).count(),
            session.query(repository.QueueItem).filter_by(clinic_id=clinic, state="waiting").count(),
        )


def test_a_batch_is_submitted_and_goes_on(
    run: Run, database: Database, clinic: uuid.UUID, notes: Path, monkeypatch: pytest.MonkeyPatch
):
    target = notes.with_name("out.jsonl")
    first = run("batch", str(notes), str(target), "--submit", "main")
    assert (first.exit_code, first.stderr.splitlines()) == (1, ["5 lines: 4 coded, 1 errors."])
    assert stored(database, clinic) == (3, 3, 3)
    written = target.read_text("utf-8")
    assert run("batch", str(notes), str(target)).exit_code == 1
    assert target.read_text("utf-8") == written
    # Again: nothing is coded or kept twice, and the results are those that were kept.
    coded = []
    monkeypatch.setattr(ReviewCoder, "code_many", lambda self, given: coded.extend(given) or iter(()))
    assert run("batch", str(notes), str(target), "--submit", "main").exit_code == 1
    assert (coded, target.read_text("utf-8"), stored(database, clinic)) == ([], written, (3, 3, 3))


@pytest.mark.usefixtures("_quick_coder")
def test_a_batch_names_therapists_and_patients(
    run: Run, database: Database, clinic: uuid.UUID, tmp_path: Path, add_person: Callable[..., uuid.UUID]
):
    theo = add_person(clinic, "theo", "therapist")
    gone = add_person(clinic, "thea", "therapist")
    with database.writing() as session:
        repository.disable_person(session, clinic, gone, by=SYSTEM)
    add_person(clinic, "cora", "coder")
    line = {"note_id": "a", "text": "bridging 20 flag:no_unit"}
    lines = [
        line | {"therapist": "theo", "patient_ref": "p1", "date_of_service": "2026-11-20"},
        line | {"therapist": "thea"},
        line | {"therapist": "cora"},
        line | {"therapist": "nobody"},
        line,
        line | {"patient": "p1"},
        line | {"patient_ref": "p\0"},
    ]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    for _ in range(2):
        assert run("batch", str(source), str(target), "--submit", "main").exit_code == 1
        told = [json.loads(each).get("error") for each in target.read_text("utf-8").splitlines()]
        unknown = "therapist: the clinic has no therapist of this login"
        assert told[:5] == [None, unknown, unknown, unknown, None]
        assert all(told[5:])
        with database.reading() as session:
            kept = session.query(repository.Note).filter_by(clinic_id=clinic).order_by("submitted_at").all()
        assert [(note.person_id, str(note.visit_date)) for note in kept] == [(theo, "2026-11-20"), (None, "None")]
        assert kept[0].patient_ref not in (None, "p1")


@pytest.mark.usefixtures("_quick_coder")
def test_a_therapist_who_goes_while_a_batch_is_coded_costs_that_line_alone(
    run: Run,
    database: Database,
    clinic: uuid.UUID,
    tmp_path: Path,
    add_person: Callable[..., uuid.UUID],
    monkeypatch: pytest.MonkeyPatch,
):
    theo = add_person(clinic, "theo", "therapist")
    code_many = ReviewCoder.code_many

    def goes(self: ReviewCoder, given: Any) -> Any:
        with database.writing() as session:
            repository.disable_person(session, clinic, theo, by=SYSTEM)
        return code_many(self, given)

    monkeypatch.setattr(ReviewCoder, "code_many", goes)
    lines = [{"text": "bridging 20", "therapist": "theo"}, {"text": "bridging 30"}]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    run("batch", str(source), str(target), "--submit", "main")
    told = [json.loads(each) for each in target.read_text("utf-8").splitlines()]
    assert ["therapist" in each.get("error", "") for each in told] == [True, False]
    assert stored(database, clinic)[0] == 1


def test_a_batch_for_nobody(run: Run, database: Database, clinic: uuid.UUID, notes: Path):
    target = notes.with_name("out.jsonl")
    assert "no clinic 'elsewhere'" in refused(run("batch", str(notes), str(target), "--submit", "elsewhere"), 2)
    assert not target.exists()
    assert stored(database, clinic) == (0, 0, 0)


def test_check_tells_what_is_wrong(run: Run, database: Database):
    with database.connection() as connection:
        connection.execute(text("DROP TABLE questions"))
    told = run("db", "check")
    assert told.exit_code == 4
    assert "questions" in told.stdout


def test_check_warns_of_a_file_that_others_can_read(run: Run, database: Database):
    if database.path is None:
        pytest.skip("PostgreSQL has no such file")
    database.path.chmod(0o644)
    assert "chmod 600" in run("db", "check").stderr


# ---- settings


def test_the_default_is_a_file_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("THERAPY_CODER_DATABASE_URL", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    address = Settings().database_url.get_secret_value()
    assert address == f"sqlite:///{tmp_path}/therapy-coder/therapy-coder.sqlite3"
    assert not (tmp_path / "therapy-coder").exists()
    assert data_folder({"XDG_DATA_HOME": "relative"}, "linux").is_absolute()


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:////var/x.sqlite3", "sqlite:////var/x.sqlite3"),
        ("postgres://me:pw" + "@h/d", "postgresql+psycopg://me:pw" + "@h/d"),
        ("postgresql:///d?host=/run", "postgresql+psycopg:///d?host=/run"),
    ],
)
def test_addresses(given: str, used: str):
    settings = Settings(database_url=SecretStr(given))
    assert settings.database_url.get_secret_value() == used
    assert "pw" not in repr(settings)


@pytest.mark.parametrize(
    "given",
    ["", "x.sqlite3", "sqlite://", "sqlite:///x.sqlite3", "sqlite:///:memory:", "mysql://h/d", "postgresql://h"],
)
def test_wrong_addresses(given: str, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValidationError):
        Settings(database_url=SecretStr(given))
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", given)
    told = refused(CliRunner().invoke(app, ["db", "check"]), 2)
    assert told.startswith("therapy-coder: A setting is wrong: THERAPY_CODER_DATABASE_URL: ")


def test_a_wrong_address_is_not_repeated(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THERAPY_CODER_DATABASE_URL", "mysql://me:hidden" + "@h/d")
    assert "hidden" not in refused(CliRunner().invoke(app, ["db", "check"]), 2)


def test_the_command_line_starts_without_the_database():
    code = "import sys, api.cli; sys.exit(bool({'sqlalchemy', 'alembic', 'argon2', 'psycopg'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_clinics_are_told_apart_in_the_repository(database: Database, clinic: uuid.UUID, other_clinic: uuid.UUID):
    with database.reading() as session:
        assert [each.slug for each in repository.clinics(session)] == ["main", "other"]
        assert repository.clinic_named(session, "other").id == other_clinic
