"""Settings: the only reader of the environment.

Every setting is a variable of the environment or a line of ``.env``; ``.env.example`` lists them
all. An empty value counts as not set, so that compose files may pass ``${NAME:-}`` through.
"""

from datetime import time
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.errors import SetupError


class LogFormat(StrEnum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


def _as_psycopg2(url: SecretStr) -> SecretStr:
    """Spell the driver out: a bare ``postgresql://`` means psycopg 3 in SQLAlchemy 2.1."""
    text = url.get_secret_value()
    for scheme in ("postgres://", "postgresql://"):
        if text.startswith(scheme):
            return SecretStr("postgresql+psycopg2://" + text.removeprefix(scheme))
    if not text.startswith("postgresql+psycopg2://"):
        raise ValueError("give a Postgres address: postgresql://user:password@host:5432/database")
    return url


def _redis_address(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("redis://", "rediss://")):
        raise ValueError("give a Redis address: redis://:password@host:6379/0")
    return url


def _without_slash(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("give an address that starts with http:// or https://")
    return url.rstrip("/")


class Settings(BaseSettings):
    """All settings, typed, with their defaults."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(_as_psycopg2)] | None = None
    redis_url: Annotated[SecretStr, AfterValidator(_redis_address)] | None = None

    github_token: SecretStr | None = None
    github_app_id: str | None = None
    """With the next two: an installation of a GitHub App, in place of a token."""
    github_app_private_key: SecretStr | None = None
    """In PEM format, or the path of a file."""
    github_app_installation_id: int | None = Field(default=None, ge=1)
    github_api_url: Annotated[str, AfterValidator(_without_slash)] = "https://api.github.com"
    github_concurrency: int = Field(default=1, ge=1, le=50)
    """Requests to GitHub in flight, all workers together; GitHub asks for serial requests."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=5001, ge=1, le=65535)
    api_key: SecretStr | None = None
    """When set, calls that write need it."""

    lookup_wait: float = Field(default=5.0, ge=0, le=30)
    """Seconds that ``PUT {"login"}`` waits for a worker before it answers 202."""

    flower_host: str = "127.0.0.1"
    flower_port: int = Field(default=5555, ge=1, le=65535)
    flower_basic_auth: SecretStr | None = None

    scan_at: time = time(0, 5)
    """When the daily fan-out is sent, UTC."""

    sweep_interval: float = Field(default=60.0, ge=1, le=3600)
    """Seconds between two looks for users who are still due today."""

    high_water: int = Field(default=2000, ge=1)
    """Messages that may wait in Redis at once; the rest of a day's users wait in Postgres."""

    lease: float = Field(default=1200.0, ge=1)
    """Seconds after which a claimed user whose scan was heard of no more is due again."""

    load_lease: float = Field(default=90.0, ge=1)
    """Seconds that a new user's own message has before the sweep sends another."""

    max_attempts: int = Field(default=5, ge=1)
    """Failed attempts after which a user is set aside and tried once a day."""

    worker_concurrency: int = Field(default=4, ge=1, le=64)

    log_format: LogFormat = LogFormat.TEXT
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    data_dir: Path = Path(".local")

    @property
    def database(self) -> str:
        """The address of Postgres, password included: for drivers, never for logs."""
        if self.database_url is None:
            raise SetupError(
                "DATABASE_URL is not set: give the address of Postgres, or run `make up`"
            )
        return self.database_url.get_secret_value()

    @property
    def redis(self) -> str:
        """The address of Redis, password included: for drivers, never for logs."""
        if self.redis_url is None:
            raise SetupError("REDIS_URL is not set: give the address of Redis, or run `make up`")
        return self.redis_url.get_secret_value()


def load_settings() -> Settings:
    """Read the settings anew.

    :raise SetupError: a value is wrong; the message names each setting in one line
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            ".".join(str(part) for part in fault["loc"]).upper()
            + f": {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SetupError(f"wrong setting: {faults}") from error


@cache
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return load_settings()
