import os
import re
import traceback
from collections.abc import Iterator
from datetime import time
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from celery import Celery
from pydantic import SecretStr
from sqlalchemy import make_url

from common.errors import SetupError
from common.settings import (
    SECRETS,
    LogFormat,
    Settings,
    get_settings,
    load_redis_settings,
    load_settings,
)
from tests.servers import ROOT

NAMES = tuple(name.upper() for name in SECRETS)
"""The environment variables of the secrets."""

GOOD = {"DATABASE_URL": "postgresql+psycopg2://s3cret@host/name", "REDIS_URL": "redis://s3cret"}
"""Valid values of the secrets that must be URLs."""

_SETTING = re.compile(r"#([A-Z_]+)=(.*)")


def example() -> list[str]:
    return (ROOT / ".env.example").read_text().splitlines()


@pytest.fixture
def uncommented(tmp_path: Path) -> Path:
    """``.env.example`` with every line uncommented."""
    path = tmp_path / "env"
    path.write_text("\n".join(_SETTING.sub(r"\1=\2", line) for line in example()))
    return path


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_env_example_lists_exactly_all_settings() -> None:
    listed = [found[1] for line in example() if (found := _SETTING.fullmatch(line))]
    compose = "".join(
        path.read_text() for path in (ROOT / "docker-compose.yml", *(ROOT / "docker").glob("*.yml"))
    )
    read_by_compose = set(re.findall(r"(?<!\$)\$\{([A-Z_]+):", compose))
    settings = {name.upper() for name in Settings.model_fields}

    assert len(listed) == len(set(listed))
    assert set(listed) == settings | {
        name for name in read_by_compose if name.removesuffix("_FILE") not in settings
    }


def test_env_example_explains_each_setting_in_a_sentence() -> None:
    lines = example()
    unexplained = [
        line
        for above, line in pairwise(lines)
        if _SETTING.fullmatch(line) and not re.fullmatch(r"# .+\.", above)
    ]

    assert unexplained == []


def test_env_example_has_the_defaults(uncommented: Path) -> None:
    stated = Settings(_env_file=uncommented)

    assert stated == Settings()
    # Make sure that the file was read.
    assert {"api_port", "scan_at", "log_format"} <= stated.model_fields_set


def test_copied_env_example_sets_nothing() -> None:
    copied = Settings(_env_file=ROOT / ".env.example")

    assert copied.model_fields_set == set()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name.upper(), "")

    assert load_settings() == Settings()


def test_environment_precedes_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("API_PORT=6001\nFLOWER_PORT=6555\n")
    monkeypatch.setenv("API_PORT", "7001")

    settings = Settings(_env_file=path)

    assert (settings.api_port, settings.flower_port) == (7001, 6555)


def test_values_are_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SCAN_AT": "23:30",
        "LOG_FORMAT": "json",
        "DATA_DIR": "some where",
        "GITHUB_API_URL": "https://github.example/api/v3/",
    }.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.scan_at == time(23, 30)
    assert settings.log_format is LogFormat.JSON
    assert settings.data_dir == Path("some where")
    assert settings.github_api_url == "https://github.example/api/v3"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgres_url_gets_the_driver(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://user:secret@host:5432/name")

    assert load_settings().database == "postgresql+psycopg2://user:secret@host:5432/name"


@pytest.mark.parametrize(
    "place",
    ["host", "host:5432/name", "[::1]:5432/name", "/name?host=/run", "h1:1,h2:2/name", "?host=h1"],
)
@pytest.mark.parametrize("user", ["", "user@", "user:s3cret@", "user@tenant:s3/c#ret@"])
def test_every_form_of_a_postgres_url_is_accepted(
    monkeypatch: pytest.MonkeyPatch, user: str, place: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{user}{place}")

    assert load_settings().database == f"postgresql+psycopg2://{user}{place}"


@pytest.mark.parametrize("password", ["p@ss/w#rd", "%41?x=1&y", "'\"\\ $()", "ä:b", "12/3"])
def test_password_apart_from_the_url_may_have_any_characters(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:DATABASE_PASSWORD@host:5432/name")
    monkeypatch.setenv("DATABASE_PASSWORD", password)
    monkeypatch.setenv("REDIS_URL", "redis://user:REDIS_PASSWORD@host:6379/0")
    monkeypatch.setenv("REDIS_PASSWORD", password)

    settings = load_settings()

    postgres = make_url(settings.database)
    assert (postgres.password, postgres.host, postgres.port) == (password, "host", 5432)
    with redis.Redis.from_url(settings.redis) as client:
        used = client.connection_pool.connection_kwargs
    assert (used["password"], used["host"], used["port"]) == (password, "host", 6379)
    with Celery(broker=settings.redis, set_as_current=False).connection() as broker:
        assert broker.password == password
    assert load_redis_settings().redis == settings.redis


def test_password_apart_from_the_url_is_that_of_each_sentinel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(
        "REDIS_URL", "sentinel://:REDIS_PASSWORD@one;sentinel://:REDIS_PASSWORD@two/0"
    )
    monkeypatch.setenv("REDIS_PASSWORD", "p@ss;word")

    assert load_settings().redis == "sentinel://:p%40ss%3Bword@one;sentinel://:p%40ss%3Bword@two/0"


def test_password_apart_from_the_url_counts_only_where_the_url_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@host/name")
    monkeypatch.setenv("DATABASE_PASSWORD", "s3cret")
    monkeypatch.setenv("REDIS_URL", "redis://host")
    monkeypatch.setenv("REDIS_PASSWORD", "s3cret")

    assert load_settings().database == "postgresql+psycopg2://user@host/name"
    assert load_settings().redis == "redis://host"


@pytest.mark.parametrize("name", ["DATABASE", "REDIS"])
def test_url_that_names_a_password_that_is_not_set_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:DATABASE_PASSWORD@host/name")
    monkeypatch.setenv("REDIS_URL", "redis://:REDIS_PASSWORD@host")

    with pytest.raises(SetupError, match=f"{name}_URL: has {name}_PASSWORD in it, which is not"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://user:s3cret@host/name"),
        ("DATABASE_URL", "postgresql+asyncpg://user:s3cret@host/name"),
        ("REDIS_URL", "user:s3cret@host"),
        ("REDIS_URL", "http://user:s3cret@host"),
        ("DATABASE_URL", "postgresql://user:first@s3cret@host:5432/name"),
        ("DATABASE_URL", "postgresql://user:first@s3cret/rest@host:5432/name"),
        ("DATABASE_URL", "postgresql://user:first@rest?s3cret@host:5432/name"),
        ("DATABASE_URL", "postgresql://user:s3cret"),
        ("DATABASE_URL", "postgresql://user:s3cret/rest"),
        ("REDIS_URL", "redis://:s3cret/rest@host:6379/0"),
        ("REDIS_URL", "redis://:123/s3cret@host:6379/0"),
        ("REDIS_URL", "redis://:123#s3cret@host:6379/0"),
        ("GITHUB_API_URL", "s3cret.example"),
        ("GITHUB_API_URL", "https://"),
        ("GITHUB_API_URL", "https://s3cret example"),
        ("GITHUB_API_URL", "https://user:s3cret@github.example"),
        ("GITHUB_API_URL", "https://github.example:s3cret"),
        ("GITHUB_API_URL", "https://github.example/?s3cret"),
        ("GITHUB_API_URL", "http://[s3cret"),
        ("API_PORT", "s3cret"),
        ("API_PORT", "0"),
        ("API_PORT", "65536"),
        ("GITHUB_CONCURRENCY", "0"),
        ("LOOKUP_WAIT", "-1"),
        ("SCAN_AT", "25:00"),
        ("SWEEP_INTERVAL", "0"),
        ("LOG_FORMAT", "s3cret"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_invalid_value_gives_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SetupError) as raised:
        load_settings()

    message = str(raised.value)
    assert message.startswith(f"invalid setting: {name}: ")
    assert "\n" not in message
    assert "s3cret" not in message
    assert "pydantic" not in message


def test_all_invalid_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "none")
    monkeypatch.setenv("LOG_FORMAT", "none")

    with pytest.raises(SetupError, match=r"API_PORT: .*; LOG_FORMAT: "):
        load_settings()


def test_printed_settings_hide_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, GOOD.get(name, "s3cret"))

    settings = load_settings()

    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings)
    assert "s3cret" not in settings.model_dump_json()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def in_env_file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "env"
    path.write_text("\n".join(lines) + "\n")
    return path


def value(settings: Settings, name: str) -> str:
    secret: SecretStr = getattr(settings, name.lower())
    return secret.get_secret_value()


def test_every_secret_may_be_in_a_file() -> None:
    secrets = {
        name
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }

    assert secrets == set(SECRETS)


@pytest.mark.parametrize("name", NAMES)
def test_secret_is_read_from_a_file_named_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path, name: str
) -> None:
    secret = GOOD.get(name, "s3cret")
    secret_file.write_text(secret + "\n")
    monkeypatch.setenv(f"{name}_FILE", str(secret_file))

    assert value(load_settings(), name) == secret


@pytest.mark.parametrize("name", NAMES)
def test_secret_is_read_from_a_file_named_in_the_env_file(
    tmp_path: Path, secret_file: Path, name: str
) -> None:
    secret = GOOD.get(name, "s3cret")
    secret_file.write_text(secret)

    settings = Settings(_env_file=in_env_file(tmp_path, f"{name}_FILE={secret_file}"))

    assert value(settings, name) == secret


@pytest.mark.parametrize(
    ("content", "secret"), [("a b", "a b"), ("ab\n", "ab"), ("ab\r\n", "ab"), ("ab ", "ab ")]
)
def test_only_the_final_newline_of_a_file_is_removed(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path, content: str, secret: str
) -> None:
    secret_file.write_text(content, newline="")
    monkeypatch.setenv("API_KEY_FILE", str(secret_file))

    assert value(load_settings(), "API_KEY") == secret


def test_private_key_in_a_file_keeps_its_lines(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path
) -> None:
    secret_file.write_text("-----BEGIN\nMII\n-----END\n")
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY_FILE", str(secret_file))

    assert value(load_settings(), "GITHUB_APP_PRIVATE_KEY") == "-----BEGIN\nMII\n-----END"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r".*secret cannot be read: No such file or directory"),
        (b"", r".*secret is empty"),
        (b"\n", r".*secret is empty"),
        (b"s3cret\xff", r".*secret is not UTF-8 text"),
    ],
)
def test_unusable_file_gives_one_line(
    monkeypatch: pytest.MonkeyPatch,
    secret_file: Path,
    name: str,
    content: bytes | None,
    message: str,
) -> None:
    if content is not None:
        secret_file.write_bytes(content)
    monkeypatch.setenv(f"{name}_FILE", str(secret_file))

    with pytest.raises(SetupError, match=f"^invalid setting: {name}_FILE: {message}$") as raised:
        load_settings()

    assert "s3cret" not in "".join(traceback.format_exception(raised.value))


def test_directory_instead_of_a_file_gives_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("API_KEY_FILE", str(tmp_path))

    with pytest.raises(SetupError, match=r"^invalid setting: API_KEY_FILE: .*: Is a directory$"):
        load_settings()


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "API_KEY", "FLOWER_BASIC_AUTH"])
@pytest.mark.parametrize("from_file", [True, False])
def test_token_of_two_lines_is_refused(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path, name: str, from_file: bool
) -> None:
    secret_file.write_text("s3cret\nother\n")
    if from_file:
        monkeypatch.setenv(f"{name}_FILE", str(secret_file))
    else:
        monkeypatch.setenv(name, secret_file.read_text())

    with pytest.raises(SetupError, match=f"^invalid setting: {name}: must be one line") as raised:
        load_settings()

    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "written",
    [
        "ghp_0123 ",
        "\tghp_0123",
        "Bearer ghp_0123",
        "bearer  ghp_0123 ",
        "token ghp_0123",
        "ghp_0123\r\n",
    ],
)
@pytest.mark.parametrize("from_file", [True, False])
def test_blanks_and_the_word_in_front_of_a_token_do_not_count(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path, written: str, from_file: bool
) -> None:
    secret_file.write_text(written, newline="")
    if from_file:
        monkeypatch.setenv("GITHUB_TOKEN_FILE", str(secret_file))
    else:
        monkeypatch.setenv("GITHUB_TOKEN", written)

    assert value(load_settings(), "GITHUB_TOKEN") == "ghp_0123"


@pytest.mark.parametrize("written", [" ", "Bearer", "Bearer "])
def test_token_without_a_character_counts_as_not_set(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", written)

    assert load_settings().github_token is None


def test_blanks_around_addresses_and_ids_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, written in {
        "DATABASE_URL": " postgresql://user@host/name ",
        "REDIS_URL": "\tredis://host/0 ",
        "GITHUB_API_URL": " https://github.example/api/v3/ ",
        "GITHUB_APP_ID": " 12 ",
        "GITHUB_APP_INSTALLATION_ID": " 34 ",
    }.items():
        monkeypatch.setenv(name, written)

    settings = load_settings()

    assert settings.database == "postgresql+psycopg2://user@host/name"
    assert settings.redis == "redis://host/0"
    assert settings.github_api_url == "https://github.example/api/v3"
    assert (settings.github_app_id, settings.github_app_installation_id) == ("12", 34)


def test_printed_settings_hide_the_password_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://user:s3cret@proxy")

    assert "s3cret" not in repr(load_settings())


@pytest.mark.parametrize("from_file", [True, False])
def test_address_of_redis_can_be_read_although_another_setting_is_wrong(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path, from_file: bool
) -> None:
    monkeypatch.setenv("API_PORT", "none")
    monkeypatch.setenv("GITHUB_TOKEN_FILE", "/not/there")
    secret_file.write_text("redis://host/0\n")
    if from_file:
        monkeypatch.setenv("REDIS_URL_FILE", str(secret_file))
    else:
        monkeypatch.setenv("REDIS_URL", "redis://host/0")

    assert load_redis_settings().redis == "redis://host/0"


@pytest.mark.parametrize("name", NAMES)
def test_secret_with_both_value_and_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path, name: str
) -> None:
    secret_file.write_text("s3cret")
    monkeypatch.setenv(name, GOOD.get(name, "s3cret"))
    monkeypatch.setenv(f"{name}_FILE", str(secret_file))

    with pytest.raises(SetupError) as raised:
        load_settings()

    assert str(raised.value) == (
        f"invalid setting: {name}_FILE: {name} is set too: unset one of them"
    )


def test_empty_value_beside_a_file_counts_as_not_set(
    monkeypatch: pytest.MonkeyPatch, secret_file: Path
) -> None:
    secret_file.write_text("s3cret")
    monkeypatch.setenv("API_KEY", "")
    monkeypatch.setenv("API_KEY_FILE", str(secret_file))
    monkeypatch.setenv("GITHUB_TOKEN_FILE", "")

    settings = load_settings()

    assert value(settings, "API_KEY") == "s3cret"
    assert settings.github_token is None


def test_environment_precedes_a_file_named_in_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret_file: Path
) -> None:
    secret_file.write_text("of the environment")
    path = in_env_file(tmp_path, "API_KEY_FILE=/not/there", "GITHUB_TOKEN=of the file")
    monkeypatch.setenv("API_KEY", "of the environment")
    monkeypatch.setenv("GITHUB_TOKEN_FILE", str(secret_file))

    settings = Settings(_env_file=path)

    assert value(settings, "API_KEY") == "of the environment"
    assert value(settings, "GITHUB_TOKEN") == "of the environment"


def test_all_unusable_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY_FILE", "/not/there")
    monkeypatch.setenv("GITHUB_TOKEN_FILE", "/not/there")

    with pytest.raises(SetupError, match=r"GITHUB_TOKEN_FILE: .*; API_KEY_FILE: "):
        load_settings()


@pytest.mark.parametrize("document", ["docs/configuration.md", ".env.example"])
def test_documents_name_every_secret_that_may_be_in_a_file(document: str) -> None:
    (message,) = re.findall(
        r"`NAME_FILE`(.*?)(?:\n#?\n|\.\n)", (ROOT / document).read_text(), re.DOTALL
    )

    assert set(re.findall(r"`([A-Z_]+)`", message)) - {"NAME"} == set(NAMES)


def test_missing_database_url_says_what_to_do() -> None:
    with pytest.raises(SetupError, match=r"^DATABASE_URL is not set: .*`make up`$"):
        _ = load_settings().database


def test_missing_redis_url_says_what_to_do() -> None:
    with pytest.raises(SetupError, match=r"^REDIS_URL is not set: .*`make up`$"):
        _ = load_settings().redis


@pytest.mark.usefixtures("fresh_settings")
def test_get_settings_reads_the_settings_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = get_settings()
    monkeypatch.setenv("API_PORT", "6001")

    assert get_settings() is first


def test_only_settings_reads_the_environment() -> None:
    reading = re.compile(r"os\.getenv\(|os\.environ\.get\(|(?<!del )os\.environ\[[^]]+\](?! =)")
    readers = [
        str(path.relative_to(ROOT))
        for package in ("api", "common", "worker", "migrations")
        for path in sorted((ROOT / package).rglob("*.py"))
        if reading.search(path.read_text())
    ]

    assert readers == []


def test_environment_of_the_developer_does_not_reach_the_tests() -> None:
    ours = {name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in NAMES}

    assert not ours & set(os.environ)
