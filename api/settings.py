"""The server's settings, read from the environment once, by `create_app`; wrong ones stop the start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.note import USUAL_RISK, Risk

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    """Every setting is an environment variable with the prefix ``THERAPY_CODER_``, for example ``THERAPY_CODER_PORT``.

    Examples
    --------
    >>> Settings(port=8080, allowed_hosts="coder.clinic.example, 10.0.0.7").allowed_hosts
    ('coder.clinic.example', '10.0.0.7')
    """

    model_config = SettingsConfigDict(env_prefix="THERAPY_CODER_", frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Host names served beside those of this computer, separated by commas; * for any."
    )
    max_request_bytes: int = Field(default=4 * 1024 * 1024, ge=1, description="Largest request body, in bytes.")
    max_batch_notes: int = Field(default=200, ge=1, description="Most notes in one batch request.")
    risk: Risk = Field(
        default=USUAL_RISK,
        description="How many in 100 of the notes that pass unflagged may have a wrong code: 1, 2, 5.",
    )
    model_path: Path | None = Field(default=None, description="Folder of a model version; none for the shipped one.")

    @field_validator("risk", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
