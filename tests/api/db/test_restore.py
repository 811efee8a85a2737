"""What the README says of backup and restore, done: on an empty machine the same version serves the same clinic by the same rules."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import URL

from api import audit, promotion
from api.audit import SYSTEM, Actor
from api.db import backup, learning, migrate, repository
from api.db.session import Database
from api.main import create_app
from api.settings import Settings
from models.errors import UnknownVersion
from models.versions import Versions, known

from ...models.conftest import make_version
from ..conftest import Client
from ..test_rules import OWN
from .conftest import Server, session_of
from .test_storage import keep

AddPerson = Callable[..., uuid.UUID]
NOTE = "O: Ther ex x 15 min: bridging 3x10"


@pytest.fixture
def promoted(database: Database, clinic: uuid.UUID, add_person: AddPerson, models_folder: Path) -> uuid.UUID:
    """The trainer of a clinic in which v2 serves, and v1 did before."""
    tom = add_person(clinic, "tom", "trainer")
    versions = Versions(models_folder)
    for version in ("v1", "v2"):
        made = known(make_version(models_folder, version))
        with database.writing() as session:
            learning.add_verdict(
                session, clinic, candidate=version, current=versions.current().version, manifest_sha256=made.manifest_sha256,
                outcome="pass", criteria={"criteria": []}, by=SYSTEM,
            )  # fmt: skip
        promotion.promote(database, versions, clinic, version, by=Actor("person", tom))
    return tom


def moved(database: Database, folder: Path, request: pytest.FixtureRequest) -> URL:
    """The database backed up and restored where there was none."""
    if database.path is not None:
        backup.backup(database, folder / "clinic.sqlite3")
        with Database(f"sqlite:///{folder}/machine/new.sqlite3") as fresh:
            assert backup.restore(fresh, folder / "clinic.sqlite3") is None
            return fresh.url
    server: Server = request.getfixturevalue("server")
    name = f"t{uuid.uuid4().hex}"
    server.run(f"CREATE DATABASE {name}")
    request.addfinalizer(lambda: server.run(f"DROP DATABASE {name} WITH (FORCE)"))
    target = str(folder / "clinic.dump")
    for line in (backup.pg_dump(database.url, target), backup.pg_restore(server.url(name), target)):
        program, *arguments = shlex.split(line)
        subprocess.run([server.binaries / program, *arguments], check=True, capture_output=True)
    return server.url(name)


def packed(folder: Path, into: Path, archive: Path) -> None:
    """As the README packs and unpacks the models folder."""
    subprocess.run(["tar", "-C", folder.parent, "-czf", archive, folder.name], check=True)
    into.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-C", into.parent, "-xzf", archive], check=True)


def test_an_empty_machine_serves_the_promoted_version_by_the_same_rules(
    database: Database,
    clinic: uuid.UUID,
    promoted: uuid.UUID,
    models_folder: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
):
    kept = keep(database, clinic, promoted)
    with database.reading() as session:
        head = repository.audit_head(session, clinic)
    rules = tmp_path / "clinic.toml"
    rules.write_text(OWN, encoding="utf-8")
    with Client(create_app(Settings(models_folder=models_folder, rules=rules), database=database)) as client:
        before = coded(client)

    machine = tmp_path / "machine"
    machine.mkdir()
    url = moved(database, tmp_path, request)
    packed(models_folder, machine / models_folder.name, tmp_path / "models.tgz")
    shutil.copy(rules, machine / "rules.toml")
    # The machine that it came from is gone.
    shutil.rmtree(models_folder)
    rules.unlink()
    database.close()

    versions = Versions(machine / models_folder.name)
    settings = Settings(models_folder=versions.folder, rules=machine / "rules.toml")
    with Database(url) as restored:
        migrate.require(restored)
        with restored.reading() as session:
            assert repository.audit_head(session, clinic) == head
            assert audit.verify(lambda: repository.audit_rows(session, clinic), head).findings == ()
            assert [each.version for each in learning.promotions(session, clinic, 9)] == ["v2", "v1"]
        own = session_of(restored, clinic, promoted)
        with Client(create_app(settings, database=restored)) as client:
            after = coded(client, own)
            assert (after["model"], after["services"]) == (before["model"], before["services"])
            assert after["model"]["version"] == "v2"
            assert client.get(f"/v1/notes/{kept['note']}", headers=own).json()["text"] == "O: bridging"
            assert client.post("/v1/models/rollback", headers=own).json() == {"version": "v1", "previous": "v2"}
        assert versions.current().version == "v1"


def test_without_the_models_folder_another_version_would_serve(
    promoted: uuid.UUID, tmp_path: Path, models_folder: Path
):
    # That is why it is backed up; with the pointer alone, nothing serves in the promoted version's place.
    assert Versions(models_folder).current().version == "v2"
    empty = Versions(tmp_path / "empty")
    assert empty.current() == empty.shipped
    empty.folder.mkdir()
    shutil.copy(models_folder / "current.json", empty.folder)
    with pytest.raises(UnknownVersion):
        empty.current_path()


def coded(client: Client, headers: dict[str, str] | None = None) -> dict[str, dict[str, str]]:
    end = time.monotonic() + 60
    while (answer := client.post("/v1/suggestions", json={"text": NOTE}, headers=headers)).status_code == 503:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    return answer.json()
