"""The API does what its description says: requests made from it by schemathesis, as somebody who may; on SQLite, with a fake coder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import jobs
from api.audit import SYSTEM
from api.db import learning, repository, values
from api.db.session import Database
from api.main import create_app
from api.settings import Settings
from models.registry import shipped

from .conftest import session_of
from .reviewing import LOGINS, Clinic, ReviewCoder, correct, open_clinic
from .test_access import GUARDED

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cheap_hashes")]

SETTINGS = settings(
    max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
ROLES = {(route.method, route.path): route.roles for route in GUARDED}
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


@pytest.fixture
def here(database: Database) -> Iterator[Clinic]:
    yield from open_clinic(database, "here")


@pytest.fixture
def ids(here: Clinic) -> dict[str, str]:
    """Rows that are there, by the names of the paths' parameters: a decided, an asked and a claimed note among them."""
    for number in range(3):
        here.submit(f"bridging 20, stairs 15 flag:no_unit {number}")
    decided, asked, claimed = (here.claim("cora") for _ in range(3))
    review = here.decide("cora", decided, correct(decided, minutes=9))["review_id"]
    here.decide("cora", asked, {"kind": "question"}, question="Which rail?")
    question = here.get("theo", "/v1/questions")[0]["id"]
    with here.database.writing() as session:
        job = learning.add_job(session, here.id, "retrain", {}, by=SYSTEM)
        learning.finish_job(session, here.id, job.id, "failed", failure="Crashed")
        key = repository.add_key(session, here.id, "ehr", "hint", "0" * 64, ["submit"], None, by=SYSTEM)
    return {
        "item_id": claimed["id"],
        "note_id": claimed["note_id"],
        "question_id": question,
        "review_id": review,
        "job_id": str(job.id),
        "person_id": str(here.people["thea"]),
        "key_id": str(key.id),
        "version": shipped().name,
    }


@pytest.fixture
def schema(database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    # A worker would train for minutes; what it does has tests of its own.
    monkeypatch.setattr(jobs, "start", lambda *_: None)
    app = create_app(Settings(allowed_hosts="testserver"), coder=ReviewCoder(), database=database)  # type: ignore[arg-type]
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_answers_are_those_of_the_description(
    schema: Any, database: Database, here: Clinic, ids: dict[str, str], capsys: pytest.CaptureFixture[str]
):
    statuses: Counter[str] = Counter()

    def try_out(case: Any, known: bool) -> None:
        if known:
            case.path_parameters = {name: ids.get(name, value) for name, value in (case.path_parameters or {}).items()}
        roles = ROLES.get((case.method, case.path)) or frozenset(values.ROLES)
        login = next(login for login in ("cora", "tina", "adam", "theo") if LOGINS[login] in roles)
        # A session for each case, since some end it.
        case.headers = {**(case.headers or {}), **session_of(database, here.id, here.people[login])}
        response = case.call()
        statuses[f"{response.status_code // 100}xx"] += 1
        case.validate_response(response, checks=CHECKS)

    faults = {}
    for operation in (result.ok() for result in schema.get_all_operations()):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                # Something can be wrong about a request only where it has parts.
                run = given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())(try_out)
                SETTINGS(run)()
            except (Unsatisfiable, SkipTest):
                assert mode is GenerationMode.NEGATIVE
            except (Exception, FailureGroup) as error:
                faults[f"{operation.label} {mode.name}"] = [line for line in str(error).splitlines() if line.strip()][
                    1:8
                ]
    with capsys.disabled():
        print(f"\nrequests from the description: {dict(statuses)}")
    assert faults == {}
    assert statuses["2xx"] > 100
    assert statuses["4xx"] > 100
