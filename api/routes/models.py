"""What model answers, and which versions there are."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast, get_args

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.db import learning
from api.db.errors import NoVerdict
from api.db.values import Outcome
from api.dependencies import CoderDep, RequiredDatabaseDep, VersionsDep
from api.errors import Forbidden, ModelNotReady, SignInRequired, WrongHost, documented
from api.promotion import promote, rollback
from api.routes.jobs import ModelsDep, TrainerDep
from models.coder import Coder
from models.errors import ModelsFolderFull, ModelsFolderReadOnly, NothingToRollBack, UnknownVersion
from models.gate import Verdict
from models.note import Profile
from models.registry import Manifest
from models.versions import known

router = APIRouter(prefix="/v1/models", tags=["models"])


class ModelSummary(BaseModel):
    """The manifest of the model in use."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    version: str
    profile: Profile = Field(description="The profile it was made for.")
    profiles: tuple[Profile, ...] = Field(
        description="The names that a request may give; until there is a second, all mean this one."
    )
    feature_version: int
    tagger_feature_version: int
    scikit_learn: str
    data_sha256: str = Field(description="Hash of the labelled notes it was trained on.")
    notes: int = Field(description="How many labelled notes it was trained on.")
    scores: dict[str, float] = Field(description="Figures measured at training.")


def summary(manifest: Manifest) -> ModelSummary:
    """Return what of a manifest is told."""
    told = manifest.model_dump(include=set(ModelSummary.model_fields) - {"profiles"})
    return ModelSummary(profiles=get_args(Profile), **told)


@router.get("/current", summary="The model in use", responses=documented(WrongHost, ModelNotReady))
def current(coder: CoderDep) -> ModelSummary:
    """Say which model answers, what it was made from and how it scored."""
    return summary(coder.manifest)


class VersionAnswer(BaseModel):
    """A version on this machine."""

    model_config = ConfigDict(frozen=True)

    version: str
    shipped: bool = Field(description="It came with the program.")
    current: bool = Field(description="It is the one that should serve.")
    serving: bool = Field(description="It is the one that this server answers with.")
    verdict: Outcome | None = Field(description="What the gate found on exactly these files; null: not judged.")
    refusals: tuple[str, ...] = Field(description="Why the gate refused it.")


class VersionList(BaseModel):
    """The versions, the shipped one first; ``refused`` is a current version that this server could not take over."""

    model_config = ConfigDict(frozen=True)

    versions: tuple[VersionAnswer, ...]
    refused: str | None
    before: str | None = Field(description="The version that going back brings; null: none served before.")


class Changed(BaseModel):
    """Which version serves from now on; servers take it over within seconds."""

    model_config = ConfigDict(frozen=True)

    version: str
    previous: str


@router.get("", summary="The versions on this machine", responses=documented(SignInRequired, Forbidden))
def every(request: Request, by: ModelsDep, database: RequiredDatabaseDep, versions: VersionsDep) -> VersionList:
    """List the versions with what the gate said of each."""
    # A server without one that it can use shows what there is to go back to.
    coder: Coder | None = request.app.state.coder
    pointer, shipped = versions.pointer(), versions.shipped
    answers = []
    with database.reading() as session:
        for each in versions.all():
            verdict = learning.verdict_on(session, by.clinic_id, each.manifest_sha256)
            refusals = [] if verdict is None else [c for c in verdict.criteria["criteria"] if c["outcome"] == "fail"]
            answers.append(
                VersionAnswer(
                    version=each.version,
                    shipped=each == shipped,
                    current=each == pointer.current,
                    serving=coder is not None and each.version == coder.version,
                    verdict=None if verdict is None else cast("Outcome", verdict.outcome),
                    refusals=tuple(c["reason"] for c in refusals),
                )
            )
    before = pointer.before[-1].version if pointer.before else None
    return VersionList(versions=tuple(answers), refused=request.app.state.serving.refused, before=before)


class CriterionAnswer(BaseModel):
    """One criterion of the gate with both figures."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    profile: str = Field(description="Empty where it is about the whole version.")
    outcome: Literal["pass", "fail", "not_applicable"]
    current: float | None
    candidate: float | None
    low: float | None = Field(description="95 % interval of the difference, candidate minus current.")
    high: float | None
    margin: float | None = Field(description="How much worse it may be, or the most that is allowed.")
    items: int | None = Field(description="On how many notes, blocks or pairs.")
    reason: str = Field(description="Why it failed or does not apply; empty where it passed.")


class VerdictAnswer(BaseModel):
    """What the gate found on exactly the files of a version."""

    model_config = ConfigDict(frozen=True)

    candidate: str
    current: str = Field(description="The version that it was judged against.")
    outcome: Outcome
    judged_at: datetime
    criteria: tuple[CriterionAnswer, ...]


@router.get(
    "/{version}/verdict",
    summary="What the gate found",
    responses=documented(SignInRequired, Forbidden, UnknownVersion, NoVerdict),
)
def verdict(version: str, by: ModelsDep, database: RequiredDatabaseDep, versions: VersionsDep) -> VerdictAnswer:
    """Return the last verdict on a version, criterion by criterion."""
    wanted = known(versions.path(version))
    with database.reading() as session:
        found = learning.verdict_on(session, by.clinic_id, wanted.manifest_sha256)
        if found is None:
            raise NoVerdict(version, "the gate has not judged these files")
        names = {"candidate": found.candidate, "current": found.current, "manifest_sha256": found.manifest_sha256}
        return VerdictAnswer(
            candidate=found.candidate,
            current=found.current,
            outcome=cast("Outcome", found.outcome),
            judged_at=found.created_at,
            criteria=tuple(map(CriterionAnswer.model_validate, Verdict.of_dict({**found.criteria, **names}).criteria)),
        )


@router.post(
    "/rollback",
    summary="Go back to the version before",
    responses=documented(SignInRequired, Forbidden, NothingToRollBack, ModelsFolderFull, ModelsFolderReadOnly),
)
def roll_back(by: TrainerDep, database: RequiredDatabaseDep, versions: VersionsDep) -> Changed:
    """Let the version serve again that served before; no verdict is needed."""
    before = versions.current().version
    return Changed(
        version=rollback(database, versions, by.clinic_id, by=by.actor).current.version,
        previous=before,
    )


@router.post(
    "/{version}/promote",
    summary="Let a version serve",
    responses=documented(SignInRequired, Forbidden, UnknownVersion, NoVerdict, ModelsFolderFull, ModelsFolderReadOnly),
)
def promote_version(version: str, by: TrainerDep, database: RequiredDatabaseDep, versions: VersionsDep) -> Changed:
    """Let a version serve that the gate let pass, with exactly these files."""
    before = versions.current().version
    promote(database, versions, by.clinic_id, version, by=by.actor)
    return Changed(version=version, previous=before)
