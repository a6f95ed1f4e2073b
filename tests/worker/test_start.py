"""A worker makes what it needs before it starts, and ends with one line if it cannot."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from common import problems
from common.installation import claim_github
from common.settings import Settings
from tests.servers import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start a worker, or beat, as a process with some settings changed."""
    running: list[subprocess.Popen[str]] = []

    def run(module: str = "worker", **changes: str) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": settings.database,
            "REDIS_URL": settings.redis,
            "DATA_DIR": str(tmp_path / "data"),
            "WORKER_CONCURRENCY": "1",
            "GITHUB_TOKEN": "ghp_s3cret",
            **changes,
        }
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=environment,
                text=True,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def told(server: "redis.Redis") -> dict[str, str]:
    """Return by process why it cannot start."""
    reports = problems.read(server, problems.START)
    return {problem.worker.partition("@")[0]: problem.why for problem in reports.problems}


@pytest.fixture
def log(tmp_path: Path) -> Callable[[], str]:
    return (tmp_path / "log").read_text


BEYOND_HELP = [
    ("GITHUB_TOKEN", "ghp_s3cret ghp_other"),
    ("GITHUB_TOKEN", "ghp_s3cret\nghp_other"),
    ("GITHUB_TOKEN", "ghp_s3crét"),
    ("GITHUB_TOKEN_FILE", "/not/there"),
    ("GITHUB_APP_ID", "12"),
    ("GITHUB_API_URL", "https://user:s3cret@github.example"),
    ("GITHUB_API_URL", "https://a b"),
    ("GITHUB_CONCURRENCY", "many"),
    ("ALL_PROXY", "socks4://user:s3cret@127.0.0.1:1080"),
    ("HTTPS_PROXY", "http://user:s3cret@proxy:port"),
    ("SSL_CERT_FILE", "/not/there"),
    ("DATABASE_URL", "postgresql://user:s3cret@host:port/name"),
    ("DATABASE_URL", "postgresql://user:s3cret@host/name?sslmod=require"),
    ("REDIS_URL", ""),
]


@pytest.mark.parametrize(("name", "value"), BEYOND_HELP)
def test_setting_that_cannot_be_used_ends_the_worker_with_one_line(
    start: Start, log: Callable[[], str], server: "redis.Redis", name: str, value: str
) -> None:
    process = start(**{name: value, **({"GITHUB_TOKEN": ""} if name.endswith("_FILE") else {})})

    assert process.wait(60) == 1
    (line,) = log().splitlines()
    assert line.startswith("repopulse: ")
    assert name in line
    assert "s3" not in line
    if name != "REDIS_URL":
        assert told(server) == {"worker": line.removeprefix("repopulse: ")}


def test_beat_that_cannot_start_is_told_too(
    start: Start, log: Callable[[], str], server: "redis.Redis", tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    process = start("worker.beat", DATA_DIR=str(tmp_path / "file" / "data"))

    assert process.wait(60) == 1
    (line,) = log().splitlines()
    assert "DATA_DIR" in line
    assert told(server) == {"beat": line.removeprefix("repopulse: ")}


def test_worker_starts_with_what_can_be_mended(
    start: Start, log: Callable[[], str], server: "redis.Redis"
) -> None:
    worker = f"worker@{socket.gethostname()}"
    problems.report(server, problems.START, worker, "cannot start", "at an earlier start")

    start(
        GITHUB_TOKEN="Bearer ghp_s3cret ",
        GITHUB_TOKE="ghp_s3cret",
        ALL_PROXY="socks5://127.0.0.1:1080",
        NO_PROXY="fd07:b51a:cc66:f0::/64,a|b",
        CELERY_BROKER_URL="redis://127.0.0.1:1/0",
        APP="no_such_application",
        DJANGO_SETTINGS_MODULE="no_such_module",
        PICKLE_PROTOCOL="no number",
        PGHOST="127.0.0.9",
        REMAP_SIGTERM="SIGINT",
    )

    wait_until(lambda: "ready." in log(), 60)
    assert told(server) == {}
    assert "GITHUB_TOKE is not a setting and has no effect: GITHUB_TOKEN is" in log()
    assert "NO_PROXY: a|b is no name" in log()
    assert "fd07" not in log()
    assert "no effect here: APP, CELERY_BROKER_URL, DJANGO_SETTINGS_MODULE, PGHOST," in log()
    assert "Traceback" not in log()
    assert "s3cret" not in log()
    assert "no GITHUB_TOKEN" not in log()


def test_worker_without_a_token_says_what_that_means(start: Start, log: Callable[[], str]) -> None:
    start(GITHUB_TOKEN=" ")

    wait_until(lambda: "ready." in log(), 60)
    (line,) = [line for line in log().splitlines() if "no GITHUB_TOKEN" in line]
    assert "60 requests an hour" in line


def test_worker_of_another_github_than_the_database_records_does_not_start(
    start: Start, log: Callable[[], str], server: "redis.Redis", engine: Engine
) -> None:
    with engine.begin() as connection:
        claim_github(connection, "github.com")

    process = start(GITHUB_API_URL="https://github.example.com/api/v3")

    assert process.wait(60) == 1
    (line,) = log().splitlines()
    assert line == (
        "repopulse: this database records github.com, and GITHUB_API_URL is an address of"
        " github.example.com, whose ids mean others: use a database for each GitHub, or see"
        " docs/deployment.md if only its address has changed"
    )
    assert told(server) == {"worker": line.removeprefix("repopulse: ")}


def test_worker_of_the_github_that_the_database_records_starts(
    start: Start, log: Callable[[], str], engine: Engine
) -> None:
    with engine.begin() as connection:
        claim_github(connection, "github.example.com")

    start(GITHUB_API_URL="https://github.example.com/api/v3/", GITHUB_TOKEN="")

    wait_until(lambda: "ready." in log(), 60)
    assert "GraphQL at https://github.example.com/api/graphql" in log()
    assert "a server in private mode answers none without a token" in log()
    assert "60 requests" not in log()


def test_worker_starts_before_the_database(start: Start, log: Callable[[], str]) -> None:
    start(DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/nothing")

    wait_until(lambda: "ready." in log(), 60)
    assert "database not checked" in log()
    assert "s3cret" not in log()
