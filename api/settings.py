"""The server's settings, read from the environment once, by `create_app`; wrong ones stop the start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.validation import reasons
from models.note import USUAL_RISK, Risk

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


def data_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return the user's folder for this program's data, whether it is there or not; always an absolute path.

    Examples
    --------
    >>> data_folder({"XDG_DATA_HOME": "/data"}, "linux").as_posix()
    '/data/therapy-coder'
    """
    if platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        # The specification has a relative path ignored: it would be one in the working directory.
        given = environment.get("XDG_DATA_HOME", "")
        base = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "share"
    return base.absolute() / "therapy-coder"


def is_loopback(host: str) -> bool:
    """Return whether an address is this computer's own, which no other computer reaches.

    Examples
    --------
    >>> is_loopback("[::1]"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


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

    rules: Path | None = Field(
        default=None, description="A clinic's own rule file (TOML), added to the rules that ship."
    )
    claim_minutes: int = Field(
        default=10, ge=1, le=240, description="How long a claimed note is a coder's, in minutes."
    )
    models_folder: Path = Field(
        default_factory=lambda: data_folder() / "models",
        description="Folder of retrained versions and of the file that names the current one.",
    )
    training_data: Path | None = Field(
        default=None, description="Folder with the program's labelled notes; none for the one beside the program."
    )
    tls_cert: Path | None = Field(
        default=None, description="PEM file with the certificate and its chain; with tls_key."
    )
    tls_key: Path | None = Field(default=None, description="PEM file with the certificate's private key.")
    tls_proxy: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of the proxy in front that ends TLS, separated by commas; its headers are believed.",
    )

    # Secret, since it may hold a password: what prints settings prints stars.
    database_url: SecretStr | None = Field(
        default_factory=lambda: SecretStr(f"sqlite:///{data_folder() / 'therapy-coder.sqlite3'}"),
        description="sqlite:////absolute/path or postgresql://user@host/database; left out, a file of the user's own; "
        "none for no database.",
    )

    @property
    def tls(self) -> bool:
        """Whether browsers reach the server by https alone."""
        return self.tls_cert is not None or bool(self.tls_proxy)

    @property
    def exposed(self) -> bool:
        """Whether other computers can reach the server, by itself or through a proxy."""
        return bool(self.tls_proxy) or not is_loopback(self.host)

    @field_validator("database_url")
    @classmethod
    def _address(cls, value: SecretStr | None) -> SecretStr | None:
        """Accept the two engines, say how else to write it, and repeat nothing of it: it may hold a password."""
        given = "none" if value is None else value.get_secret_value().strip()
        if given == "none":
            return None
        scheme, separator, rest = given.partition("://")
        if separator and scheme in {"postgres", "postgresql", "postgresql+psycopg"}:
            if not urlsplit(given).path.strip("/") and "dbname=" not in given:
                raise ValueError("the PostgreSQL address names no database")
            return SecretStr(f"postgresql+psycopg://{rest}")
        if not separator or scheme not in {"sqlite", "sqlite+pysqlite"}:
            raise ValueError("an address begins with sqlite:/// or postgresql://")
        path = unquote(rest.partition("?")[0]).removeprefix("/")
        if not Path(path).is_absolute():
            raise ValueError("SQLite needs an absolute path: sqlite:////folder/file (four slashes)")
        return SecretStr(f"sqlite:///{rest.removeprefix('/')}")

    @field_validator("risk", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    @field_validator("tls_proxy")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ip_network(each)) if "/" in each else str(ip_address(each)) for each in value)
        except ValueError:
            raise ValueError(
                "addresses such as 10.0.0.7 or networks such as 10.0.0.0/24, separated by commas"
            ) from None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("THERAPY_CODER_TLS_CERT and THERAPY_CODER_TLS_KEY go together")
        return self

    @field_validator("allowed_hosts", "tls_proxy", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def told(error: ValidationError) -> str:
    """Return in one line which settings are wrong and why, without their values.

    Examples
    --------
    >>> try:
    ...     Settings(port=70000)
    ... except ValidationError as wrong:
    ...     print(told(wrong))
    A setting is wrong: THERAPY_CODER_PORT: Input should be less than or equal to 65535.
    """
    errors = error.errors()
    parts = (
        f"THERAPY_CODER_{str(each['loc'][0]).upper()}: {reason['reason']}" if each["loc"] else reason["reason"]
        for each, reason in zip(errors, reasons(errors), strict=True)
    )
    return f"A setting is wrong: {'; '.join(parts)}."
