"""What model answers."""

from __future__ import annotations

from typing import get_args

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CoderDep
from api.errors import ModelNotReady, WrongHost, documented
from models.note import Profile
from models.registry import Manifest

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
