"""Would retraining pay: what is counted as new, and how the route tells it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql

from api.audit import SYSTEM
from api.db import learning
from api.db.session import Database
from api.drift import measured
from models.registry import shipped, stated
from models.versions import Versions

from ...models.conftest import make_version
from ..conftest import Client
from .conftest import session_of

AddPerson = Callable[..., uuid.UUID]
AddReview = Callable[..., uuid.UUID]


def decision(code: str = "97110") -> dict[str, Any]:
    activity = {"start": 3, "end": 11}
    service = {"start": 3, "end": 11, "code": code, "other_code": None, "minutes": 15, "activities": [activity]}
    return {"kind": "correct", "services": [service], "mentions": [], "goals": []}


@pytest.fixture
def reviews(clinic: uuid.UUID, add_person: AddPerson, review: AddReview) -> list[str]:
    """Reviews of thirty notes: a retraining would learn from 24 and be measured on six."""
    ana = add_person(clinic)
    return [str(review(ana, f"O: bridging {number}", decision())) for number in range(30)]


@pytest.fixture
def new(database: Database, clinic: uuid.UUID) -> Callable[..., int]:
    """How many notes are new to a model."""

    def count(model: Path | None = None) -> int:
        return measured(database, clinic, model or shipped(), 30, by=SYSTEM)[-1].items

    return count


def notes_of(database: Database, reviews: list[str]) -> list[str]:
    with database.reading() as session:
        found = session.execute(sql("SELECT id, note_id FROM reviews"))
        note = {str(uuid.UUID(str(review))): str(uuid.UUID(str(kept))) for review, kept in found}
    return [note[each] for each in reviews]


def test_what_would_measure_is_not_new(new: Callable[..., int], reviews: list[str]):
    assert new() == len(reviews) * 4 // 5


def test_what_the_model_learnt_is_not_new(
    new: Callable[..., int], database: Database, reviews: list[str], tmp_path: Path
):
    learnt = notes_of(database, reviews)
    for number in (30, 0):
        model = make_version(tmp_path, f"v{number}", learnt=tuple(learnt[:number]))
        assert new(model) == (0 if number else 24)


def test_what_the_guard_held_is_not_new_until_it_is_released(
    new: Callable[..., int], database: Database, clinic: uuid.UUID, reviews: list[str]
):
    def job(state: Any, held: list[str]) -> None:
        with database.writing() as session:
            made = learning.add_job(session, clinic, "retrain", {}, by=SYSTEM)
            learning.start_job(session, clinic, made.id, "w")
            learning.beat(
                session, clinic, made.id, lines=["step screen", *(f"held {each} reviewer: 9" for each in held)]
            )
            learning.finish_job(session, clinic, made.id, state)

    job("done", reviews[:10])
    assert new() == 16
    with database.writing() as session:
        for each in reviews[:5]:
            learning.release_label(session, clinic, uuid.UUID(each), by=SYSTEM)
    assert new() == 20
    job("failed", reviews)
    assert new() == 20
    job("done", [])
    assert new() == 24


def test_a_note_whose_readings_differ_is_not_new(
    new: Callable[..., int],
    database: Database,
    clinic: uuid.UUID,
    reviews: list[str],
    add_person: AddPerson,
    review: AddReview,
):
    with database.reading() as session:
        found = session.execute(sql("SELECT id, result_id FROM reviews"))
        result = {str(uuid.UUID(str(each))): uuid.UUID(str(made)) for each, made in found}
    ben, eve = add_person(clinic, "ben"), add_person(clinic, "eve")
    for each in reviews[:10]:
        review(ben, "", decision("97530"), result=result[each], reading="second")
    assert new() == 16
    for each in reviews[:10]:
        review(eve, "", decision("97530"), result=result[each], reading="adjudication")
    assert new() == 24


@pytest.mark.usefixtures("reviews")
def test_the_route_says_that_retraining_would_pay(
    client: Client, database: Database, clinic: uuid.UUID, add_person: AddPerson, models_folder: Path
):
    # Of a model that learnt from few notes, as many again take a good part of the log loss off.
    make_version(models_folder, "v1", notes=40)
    Versions(models_folder).promote("v1")
    own = session_of(database, clinic, add_person(clinic, "tom", "trainer"))
    answer = client.get("/v1/drift", headers=own)
    assert answer.status_code == 200
    outlook = answer.json()["signals"][-1]
    assert (outlook["id"], outlook["state"], outlook["items"]) == ("retraining", "pays", 24)
    assert "Retraining would pay" in outlook["sentence"]


@pytest.mark.usefixtures("reviews")
def test_the_route_says_that_it_is_better_to_wait(
    client: Client, database: Database, clinic: uuid.UUID, add_person: AddPerson
):
    own = session_of(database, clinic, add_person(clinic, "tom", "trainer"))
    outlook = client.get("/v1/drift", headers=own).json()["signals"][-1]
    assert (outlook["state"], outlook["items"]) == ("steady", 24)
    assert stated(shipped()).notes > 1000
