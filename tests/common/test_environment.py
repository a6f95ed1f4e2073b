"""Variables of other programs, and names that are nearly a setting's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common import environment
from common.settings import SECRETS, Settings
from tests.servers import ROOT

FOREIGN = {
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/0",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "APP": "no_such_application",
    "DJANGO_SETTINGS_MODULE": "no_such_module",
    "PICKLE_PROTOCOL": "no number",
    "FLOWER_UNAUTHENTICATED_API": "true",
    "FLOWER_URL_PREFIX": "elsewhere",
    "PGHOST": "127.0.0.9",
    "PGPORT": "1",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGSSLMODE": "verify-full",
    "WEB_CONCURRENCY": "no number",
    "FORWARDED_ALLOW_IPS": "*",
    "UVICORN_PORT": "1",
    "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    "PROMETHEUS_MULTIPROC_DIR": "/not/there",
    "PYDANTIC_SETTINGS_DEBUG": "1",
    "SSLKEYLOGFILE": "/not/there/keys",
}
"""What the processes are started with here; each of them would change what they do."""

KEPT = {
    "PATH": os.environ["PATH"],
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "NO_PROXY": "localhost",
    "SSL_CERT_FILE": "file",
    "FLOWER_PORT": "5556",
    "FLOWER_BASIC_AUTH_FILE": "file",
    "TZ": "UTC",
    "PROMETHEUS_PORT": "9090",
}


def run(code: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("package", ["api", "worker"])
def test_packages_remove_variables_of_other_programs(package: str) -> None:
    code = f"import {package}, os; print(*sorted(os.environ))"

    left = set(run(code, **FOREIGN, **KEPT).split())

    assert set(KEPT) <= left
    assert not left & set(FOREIGN)


@pytest.mark.parametrize("upper_first", [True, False])
def test_upper_case_name_precedes_its_lower_case_twin(upper_first: bool) -> None:
    # The order of the environment decided before.
    code = (
        "import worker; from common.settings import load_settings;"
        "settings = load_settings(); print(settings.https_proxy, settings.http_proxy)"
    )
    twins = {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"}
    given = twins if upper_first else dict(reversed(twins.items()))

    told = run(code, **given, HTTP_PROXY="", http_proxy="http://lower:2").split()

    assert told == ["http://upper:1", "http://lower:2"]


def test_empty_path_of_certificates_is_removed() -> None:
    code = "import worker, os, ssl; print(ssl.create_default_context().cert_store_stats())"
    at_no_path = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}

    assert run(code, **at_no_path) == run(code)


def test_broker_of_another_program_is_not_used() -> None:
    code = (
        "import worker; from common.broker import make_celery;"
        "from common.settings import load_settings;"
        "app = make_celery(load_settings());"
        "print(app.conf.broker_url, app.connection_for_write().hostname, app.conf.result_backend)"
    )

    told = run(code, **FOREIGN, REDIS_URL="redis://ours:6379/3").split()

    assert told == ["redis://ours:6379/3", "ours", "None"]


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("GITHUB_TOKE", "GITHUB_TOKEN"),
        ("GITHUB_TOKENS", "GITHUB_TOKEN"),
        ("github_tokn", "GITHUB_TOKEN"),
        ("GITHUB_TOKEN_FIEL", "GITHUB_TOKEN_FILE"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("FLOWER_BASIC_AUT", "FLOWER_BASIC_AUTH"),
        ("WORKER_CONCURENCY", "WORKER_CONCURRENCY"),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_name_that_is_nearly_a_settings_gets_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, setting: str, in_file: bool
) -> None:
    path = tmp_path / "env"
    path.write_text(f"{name}=s3cret\n" if in_file else "")
    monkeypatch.setitem(Settings.model_config, "env_file", str(path))
    if not in_file:
        monkeypatch.setenv(name, "s3cret")

    assert environment.get_slips() == [f"{name} is not a setting and has no effect: {setting} is"]


def test_other_names_get_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [name.upper() for name in Settings.model_fields] + [f"{s.upper()}_FILE" for s in SECRETS]
    # Of the compose file, of the system, and of other programs.
    others = [
        *("POSTGRES_PASSWORD", "REDIS_PASSWORD", "WORKER_MEMORY", "API_BIND", "FLOWER_BIND"),
        *("PROMETHEUS_PORT", "GRAFANA_PASSWORD", "GITHUB_ACTIONS", "GITHUB_SHA", "API_BASE"),
        *("GITHUB_REPOSITORY", "LOG_FILE", "APP_KEY", "PATH", "HOME", "FTP_PROXY", "LANGUAGE"),
        *("RELEASE", "CELERY_LOG_LEVEL", "DJANGO_LOG_LEVEL", "REDIS_HOST"),
    ]
    for name in [*ours, *others]:
        monkeypatch.setenv(name, "")

    assert environment.get_slips() == []
