"""Jobs outside the web process: ask for one, look, cancel, for trainers, admins and keys; what decides is for trainers alone."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from api import jobs
from api.access import Principal, allowed
from api.db import learning
from api.db.errors import JobRunning, UnknownRow
from api.db.tables import Job
from api.db.values import JobKind, JobState
from api.dependencies import RequiredDatabaseDep, SettingsDep, VersionsDep
from api.drift import measured
from api.errors import Forbidden, NoCorpus, SignInRequired, documented
from models.drift import State
from models.errors import NoTrainingPackages
from models.training.afresh import can_train_encoder

router = APIRouter(prefix="/v1", tags=["learning"])
ModelsDep = Annotated[Principal, Depends(allowed("trainer", "admin", scope="models"))]
# Which version serves, and which held label trains, a person answers for: no key, and no admin who is no trainer.
TrainerDep = Annotated[Principal, Depends(allowed("trainer"))]
_LATEST = 50


class JobRequest(BaseModel):
    """What to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["retrain"]
    encoder: bool | None = Field(
        default=None,
        description="Train the encoder of `accurate` anew too: half an hour of two cores in place of some minutes. Without it, "
        "where its packages are installed.",
    )


class JobAnswer(BaseModel):
    """A job as it stands."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: uuid.UUID
    kind: JobKind
    state: JobState
    progress: float = Field(description="In [0, 1].")
    step: str | None
    log: str = Field(description="What was done, held and found; never words of a note.")
    failure: str | None = Field(description="The class of what stopped it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobList(BaseModel):
    """The latest jobs."""

    jobs: tuple[JobAnswer, ...]
    encoder: bool = Field(description="Whether this server can train the encoder anew: its packages are installed.")


def _answer(job: Job) -> JobAnswer:
    return JobAnswer.model_validate(job)


@router.post(
    "/jobs",
    status_code=202,
    summary="Retrain from reviewed notes",
    responses=documented(SignInRequired, Forbidden, JobRunning, NoCorpus, NoTrainingPackages),
)
def begin(body: JobRequest, by: ModelsDep, database: RequiredDatabaseDep, settings: SettingsDep) -> JobAnswer:
    """Keep a job and begin its worker; the answer does not wait for it."""
    job = jobs.ask(database, settings, by.clinic_id, by=by.actor, encoder=body.encoder)
    jobs.start(settings, by.clinic_id, job.id)
    return _answer(job)


@router.get("/jobs", summary="The latest jobs", responses=documented(SignInRequired, Forbidden))
def latest(by: ModelsDep, database: RequiredDatabaseDep) -> JobList:
    """Return the clinic's latest jobs, the newest first."""
    with database.writing() as session:
        learning.fail_lapsed_jobs(session, by.clinic_id, after=jobs.LAPSE)
        found = tuple(map(_answer, learning.jobs(session, by.clinic_id, _LATEST)))
        return JobList(jobs=found, encoder=can_train_encoder())


@router.get("/jobs/{job_id}", summary="One job", responses=documented(SignInRequired, Forbidden, UnknownRow))
def show(job_id: uuid.UUID, by: ModelsDep, database: RequiredDatabaseDep) -> JobAnswer:
    """Return a job: how far it is, its log, and how it ended."""
    return _answer(jobs.look(database, by.clinic_id, job_id))


@router.post(
    "/jobs/{job_id}/cancel",
    summary="Cancel a job",
    responses=documented(SignInRequired, Forbidden, UnknownRow),
)
def cancel(job_id: uuid.UUID, by: ModelsDep, database: RequiredDatabaseDep) -> JobAnswer:
    """Ask a job to stop; it is cancelled when its worker sees it, some seconds later."""
    with database.writing() as session:
        return _answer(learning.cancel_job(session, by.clinic_id, job_id, by=by.actor))


@router.post(
    "/labels/{review_id}/release",
    status_code=204,
    summary="Let a held label train",
    responses=documented(SignInRequired, Forbidden, UnknownRow),
)
def release(review_id: uuid.UUID, by: TrainerDep, database: RequiredDatabaseDep) -> None:
    """Let a label that the guard held train from the next job on; who did so is written down."""
    with database.writing() as session:
        learning.release_label(session, by.clinic_id, review_id, by=by.actor)


class SignalAnswer(BaseModel):
    """One thing that was compared with what the model was made for."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    state: State
    now: float
    reference: float
    items: int = Field(description="On how many notes or decisions it stands.")
    sentence: str
    low: float | None = Field(description="95 % interval of what was seen, of outcomes alone.")
    high: float | None


class DriftAnswer(BaseModel):
    """Signals of notes, then of decisions by confidence."""

    signals: tuple[SignalAnswer, ...]


@router.get("/drift", summary="Do notes and decisions still fit", responses=documented(SignInRequired, Forbidden))
def drift(
    by: ModelsDep,
    database: RequiredDatabaseDep,
    versions: VersionsDep,
    days: Annotated[int, Query(ge=1, le=3650, description="How far back.")] = 30,
) -> DriftAnswer:
    """Compare the clinic's latest notes and decisions with what the model was made for."""
    signals = measured(database, by.clinic_id, versions.current_path(), days, by=by.actor)
    return DriftAnswer(signals=tuple(map(SignalAnswer.model_validate, signals)))
