"""``python -m api``: a real process on a real port."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest

from common.settings import Settings
from tests.servers import ROOT
from tests.waiting import wait_until

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
def start(settings: Settings, port: int) -> Iterator[Start]:
    """Start the API as a process with some settings changed."""
    running: list[subprocess.Popen[str]] = []

    def run(**changes: str) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": settings.database,
            "REDIS_URL": settings.redis,
            "API_PORT": str(port),
            **changes,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "api"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def answers(port: int) -> Callable[[], httpx.Response | None]:
    def ask() -> httpx.Response | None:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
        except httpx.TransportError:
            return None

    return ask


def test_it_serves_until_it_is_told_to_stop(start: Start, port: int) -> None:
    process = start()

    answer = wait_until(answers(port), 30)
    assert answer is not None
    assert answer.json()["status"] == "ready"
    # What runs here is nobody's business.
    assert "server" not in answer.headers

    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=10)
    assert f"listening on http://127.0.0.1:{port}, documentation at /docs" in told
    assert "Traceback" not in told


def test_a_port_that_is_taken_is_one_plain_line(start: Start, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        process = start()
        _, told = process.communicate(timeout=30)

    assert process.returncode == 1
    assert told == (
        f"repopulse: the API cannot listen on 127.0.0.1:{port}: Address already in use;"
        " stop what uses that port, or set API_HOST and API_PORT\n"
    )


def test_an_address_that_is_missing_is_one_plain_line(start: Start) -> None:
    process = start(REDIS_URL="")
    _, told = process.communicate(timeout=30)

    assert process.returncode == 1
    assert told == (
        "repopulse: REDIS_URL is not set: give the address of Redis, or run `make up`\n"
    )
