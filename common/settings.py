"""The settings; no other module reads the environment.

A setting is an environment variable or a line of ``.env``; ``.env.example`` lists them all. An
empty value counts as not set, so that a compose file may pass ``${NAME:-}``. A secret may also be
in a file whose path is in ``NAME_FILE``. A password may be apart from its address, as no compose
file or secret store can encode it for a URL.
"""

import re
from datetime import time
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from common import redis_address
from common.errors import SetupError
from common.github_server import GitHubServer, check_not_pages, read_server
from common.web_address import check_web_address, split_proxies

SECRETS = (
    "database_url",
    "database_password",
    "redis_url",
    "redis_password",
    "github_token",
    "github_app_private_key",
    "api_key",
    "flower_basic_auth",
)
"""The settings that may be read from a file."""

_SUFFIX = "_file"

T = TypeVar("T", bound=BaseSettings)


class LogFormat(StrEnum):
    """The format of a log line."""

    TEXT = "text"
    JSON = "json"


class BackfillMode(StrEnum):
    """Whether the histories of stars are read."""

    AUTO = "auto"
    OFF = "off"


class ReleaseMode(StrEnum):
    """Whether releases are read."""

    ON = "on"
    OFF = "off"


_ENCODE = "invalid URL: in a password, write / as %2F, # as %23, ? as %3F and @ as %40"


def _insert_password(url: SecretStr, info: ValidationInfo) -> SecretStr:
    """Put DATABASE_PASSWORD in the place of its name in DATABASE_URL, and the same for Redis."""
    field = str(info.field_name).replace("_url", "_password")
    name = field.upper()
    text, place = url.get_secret_value(), f":{name}@"
    if place not in text:
        return url
    password: SecretStr | None = info.data.get(field)
    if password is None:
        raise ValueError(f"has {name} in it, which is not set")
    # Several Sentinels have it several times.
    return SecretStr(text.replace(place, f":{quote(password.get_secret_value(), safe='')}@"))


def _as_psycopg2(url: SecretStr) -> SecretStr:
    """Name the driver: a bare ``postgresql://`` means psycopg 3 in SQLAlchemy 2.1."""
    scheme, _, rest = url.get_secret_value().strip().partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError(
            "must be a Postgres URL, such as postgresql://user:password@host:5432/database"
        )
    # SQLAlchemy ends the password at the first @, and would look for the rest of it as a host; its
    # error about a port that is no number quotes what may be a password.
    place = re.sub(r"\A[^:/]*(:[^@]*)?@", "", rest)
    if "@" in place or not re.match(r"([^:,/?]*|\[[^]]*\])(:\d*)?(,|/|\?|\Z)", place):
        raise ValueError(_ENCODE)
    return SecretStr(f"postgresql+psycopg2://{rest}")


def _check_redis_url(url: SecretStr) -> SecretStr:
    return SecretStr(redis_address.check_url(url.get_secret_value()))


def _check_redis_prefix(prefix: str) -> str:
    # Other characters have a meaning in patterns of channels, by which Celery subscribes.
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{0,50}", prefix):
        raise ValueError("must be up to 50 letters, digits and . _ : - such as team-a:")
    return prefix


def _check_api_url(url: str) -> str:
    text = url.strip().rstrip("/")
    if not text.startswith(("http://", "https://")):
        raise ValueError("must be a URL that starts with http:// or https://")
    try:
        parts = urlsplit(text)
        is_plain = parts.port != 0 and not (parts.username or parts.query or parts.fragment)
        is_plain &= not re.search(r"\s", text)
    except ValueError:
        is_plain = False
    if not is_plain or not parts.hostname:
        raise ValueError("must be a URL with a host, an optional port and an optional path alone")
    check_not_pages(text)
    return text


def _clean_token(token: SecretStr) -> SecretStr | None:
    """Return the token itself, of which blanks and the header's first word are no part."""
    text = token.get_secret_value().strip()
    text = re.sub(r"\A(bearer(\s+|\Z)|token\s+)", "", text, flags=re.IGNORECASE | re.ASCII)
    return _check_one_line(SecretStr(text)) if text else None


def _split_origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
    for origin in origins:
        parts = urlsplit(origin)
        # They become parts of headers.
        is_plain = re.fullmatch(r"[^\s;,'\"]+", parts.netloc) and not parts.path
        if origin != "*" and not (is_plain and parts.scheme in ("http", "https")):
            raise ValueError("must be origins like https://example.org, separated by commas, or *")
    return origins


def _check_one_line(secret: SecretStr) -> SecretStr:
    # It becomes part of an HTTP header, and an error about an invalid header would quote it.
    if not secret.get_secret_value().isprintable():
        raise ValueError("must be one line of printable characters")
    return secret


def _read_secret(path: Path) -> str:
    """Return the content of a file, without its final newline.

    :raise ValueError: the file cannot be read or is empty; the message does not quote its content
    """
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # Not chained: the original error holds the content.
        raise ValueError(f"{path} is not UTF-8 text") from None
    content = content.removesuffix("\n").removesuffix("\r")
    if not content.strip():
        raise ValueError(f"{path} is empty")
    return content


class _SecretFiles(PydanticBaseSettingsSource):
    """The secrets in files whose paths one source, the environment or ``.env``, gives."""

    def __init__(self, settings_class: type[BaseSettings], named_in: EnvSettingsSource) -> None:
        super().__init__(settings_class)
        self._named_in = named_in

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of a secret if the source has the path of its file."""
        del field
        path = self._named_in.env_vars.get(field_name + _SUFFIX)
        if path is None:
            return None, field_name, False
        if self._named_in.env_vars.get(field_name) is not None:
            raise ValueError(f"{field_name.upper()} is set too: unset one of them")
        if field_name in self.current_state:
            # The environment has it already, which takes precedence over .env.
            return None, field_name, False
        return _read_secret(Path(path)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets.

        :raise SetupError: a file cannot be used; the message names each setting, without contents
        """
        values, errors = {}, []
        for name in filter(self.settings_cls.model_fields.__contains__, SECRETS):
            try:
                value, _, _ = self.get_field_value(self.settings_cls.model_fields[name], name)
            except ValueError as error:
                errors.append(f"{name.upper()}{_SUFFIX.upper()}: {error}")
                continue
            if value is not None:
                values[name] = value
        if errors:
            raise SetupError(f"invalid setting: {'; '.join(errors)}")
        return values


class RedisSettings(BaseSettings):
    """How to reach Redis, which can be read although another setting is wrong."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    redis_password: SecretStr | None = None
    redis_url: (
        Annotated[SecretStr, AfterValidator(_insert_password), AfterValidator(_check_redis_url)]
        | None
    ) = None
    redis_prefix: Annotated[str, AfterValidator(_check_redis_prefix)] = ""
    """What precedes the names of this installation's keys; others may then use the same Redis."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the secrets in files after each source; the environment precedes ``.env``."""
        del file_secret_settings
        sources = [init_settings]
        for source in (env_settings, dotenv_settings):
            assert isinstance(source, EnvSettingsSource)  # noqa: S101 - for the type checker
            sources += [source, _SecretFiles(settings_cls, source)]
        return tuple(sources)

    @property
    def redis(self) -> str:
        """The URL of Redis with the password: for drivers, never for logs."""
        if self.redis_url is None:
            raise SetupError("REDIS_URL is not set: set it to the URL of Redis, or run `make up`")
        return self.redis_url.get_secret_value()


class Settings(RedisSettings):
    """All settings with their types and defaults."""

    database_password: SecretStr | None = None
    database_url: (
        Annotated[SecretStr, AfterValidator(_insert_password), AfterValidator(_as_psycopg2)] | None
    ) = None

    github_token: Annotated[SecretStr, AfterValidator(_clean_token)] | None = None
    github_app_id: Annotated[str, AfterValidator(str.strip)] | None = None
    """With the next two: an installation of a GitHub App, instead of a token."""
    github_app_private_key: SecretStr | None = None
    """The key in PEM format, or the path of a file that holds it."""
    github_app_installation_id: int | None = Field(default=None, ge=1)
    github_api_url: Annotated[str, AfterValidator(_check_api_url)] = "https://api.github.com"
    github_concurrency: int = Field(default=1, ge=1, le=50)
    """Concurrent requests to GitHub of all workers together; GitHub asks for serial requests."""

    http_proxy: str | None = Field(default=None, repr=False)
    https_proxy: str | None = Field(default=None, repr=False)
    all_proxy: str | None = Field(default=None, repr=False)
    no_proxy: str = ""
    """Which proxy the requests to GitHub take, see ``worker.github.network``."""
    ssl_cert_file: Path | None = None
    ssl_cert_dir: Path | None = None
    """The certificates that GitHub's is checked with, instead of Mozilla's list."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=5001, ge=1, le=65535)
    api_key: Annotated[SecretStr, AfterValidator(_check_one_line)] | None = None
    """If set, calls that write need it."""

    public_url: Annotated[str, AfterValidator(check_web_address)] | None = None
    """Where visitors reach the API, if that is not where it listens: behind a proxy."""

    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_proxies)] = (
        "127.0.0.1/32",
        "::1/128",
    )
    """Whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` count."""

    read_only: bool = False
    """Whether the API refuses writes; it may then use a read replica."""

    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_origins)] = ()
    """The sites whose scripts may read the API in their visitors' browsers."""

    embed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_origins)] = ("*",)
    """The sites that may show the pages below ``/embed`` in a frame."""

    lookup_wait: float = Field(default=5.0, ge=0, le=30)
    """Seconds for which ``PUT {"login"}`` waits for a worker before the API answers 202."""

    flower_host: str = "127.0.0.1"
    flower_port: int = Field(default=5555, ge=1, le=65535)
    flower_basic_auth: Annotated[SecretStr, AfterValidator(_check_one_line)] | None = None
    flower_public_url: Annotated[str, AfterValidator(check_web_address)] | None = None
    """Where visitors reach Flower."""

    scan_at: time = time(0, 5)
    """The time of the daily fan-out, in UTC."""

    sweep_interval: float = Field(default=60.0, ge=1, le=3600)
    """Seconds between two sweeps, which queue the users who are still due today."""

    high_water: int = Field(default=2000, ge=1)
    """How many messages may wait in Redis, and how many users one sweep claims at most."""

    lease: float = Field(default=1200.0, ge=1)
    """Seconds after which a claimed user is due again, because the worker died."""

    load_lease: float = Field(default=45.0, ge=1)
    """Seconds without a sign of life after which the sweep sends a load or a lookup again. A task
    gives one each third of that time while it works; one that waits in the queue needs none."""

    backfill: BackfillMode = BackfillMode.AUTO
    """Whether GitHub's histories of stars are read in the background; never without a token."""

    releases: ReleaseMode = ReleaseMode.OFF
    """Whether releases are read after the day's scans; never without a token."""

    max_attempts: int = Field(default=5, ge=1)
    """Failed attempts after which a user is set aside; see ``worker.collect``."""

    worker_concurrency: int = Field(default=4, ge=1, le=64)

    log_format: LogFormat = LogFormat.TEXT
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    data_dir: Path = Path(".local")

    @property
    def github(self) -> GitHubServer:
        """The GitHub that workers ask and pages link to."""
        return read_server(self.github_api_url)

    @property
    def database(self) -> str:
        """The URL of Postgres with the password: for drivers, never for logs."""
        if self.database_url is None:
            raise SetupError(
                "DATABASE_URL is not set: set it to the URL of Postgres, or run `make up`"
            )
        return self.database_url.get_secret_value()


def load_settings() -> Settings:
    """Read the settings from the environment and ``.env``.

    :raise SetupError: values are invalid; the message names each setting in one line
    """
    return _load(Settings)


def load_redis_settings() -> RedisSettings:
    """Read the settings of Redis alone.

    :raise SetupError: one is invalid
    """
    return _load(RedisSettings)


def _load(kind: type[T]) -> T:
    try:
        return kind()
    except ValidationError as error:
        errors = "; ".join(
            ".".join(str(part) for part in each["loc"]).upper()
            + f": {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False, include_url=False)
        )
        raise SetupError(f"invalid setting: {errors}") from error


@cache
def get_settings() -> Settings:
    """Return the settings of this process, which are read once."""
    return load_settings()
