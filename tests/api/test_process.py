"""``python -m api``: a real process on a real port."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Connection, Engine, text

import api.__main__
from api.http.limits import MAX_REQUESTS
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


def test_the_process_serves_until_sigterm(start: Start, port: int) -> None:
    process = start()

    answer = wait_until(answers(port), 30)
    assert answer is not None
    assert answer.json()["status"] == "ready"
    # The server's name and version are not disclosed.
    assert "server" not in answer.headers

    process.send_signal(signal.SIGTERM)
    _, output = process.communicate(timeout=10)
    assert process.returncode == 0
    assert f"listening on http://127.0.0.1:{port}, documentation at /docs" in output
    assert "Traceback" not in output


def test_requests_running_at_sigterm_are_answered(
    start: Start, port: int, engine: Engine, connection: Connection
) -> None:
    process = start()
    wait_until(answers(port), 30)
    address = f"http://127.0.0.1:{port}/v1/users"

    with ThreadPoolExecutor(4) as pool:
        with engine.begin() as holder:
            holder.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
            asked = [
                pool.submit(httpx.put, address, json={"id": number, "login": "a"}, timeout=30)
                for number in range(1, 5)
            ]
            wait_until(lambda: blocked(connection) == 4)
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: not is_listening(port))
        stored = [one.result().json()["id"] for one in asked]
        statuses = [one.result().status_code for one in asked]

    assert (stored, statuses) == ([1, 2, 3, 4], [201] * 4)
    _, output = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in output


def blocked(connection: Connection) -> int:
    """Count the requests in the database that wait for a lock."""
    count: int = connection.execute(
        text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'repopulse-api' AND wait_event_type = 'Lock'"
        )
    ).scalar_one()
    return count


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_listener_disables_nagles_algorithm(settings: Settings, port: int) -> None:
    """Otherwise a small response on a kept connection waits 40 ms for an ACK."""

    async def connect() -> int:
        sent = asyncio.get_running_loop().create_future()

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own = writer.get_extra_info("socket")
            sent.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = api.__main__.listen(settings.model_copy(update={"api_port": port}))
        async with await asyncio.start_server(serve, sock=listener):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            no_delay: int = await sent
            writer.close()
            return no_delay

    assert asyncio.run(connect()) == 1


def test_requests_over_the_limit_are_refused_and_the_process_stays_healthy(
    start: Start, port: int, engine: Engine
) -> None:
    start()
    wait_until(answers(port), 30)
    number = MAX_REQUESTS + 32
    everyone = httpx.Client(
        base_url=f"http://127.0.0.1:{port}", timeout=60, limits=httpx.Limits(max_connections=None)
    )

    with everyone as client, ThreadPoolExecutor(number) as pool:
        with engine.begin() as holder:
            holder.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
            asked = [pool.submit(client.get, "/v1/users/5") for _ in range(number)]
            wait_until(lambda: sum(one.done() for one in asked) >= 32, 30)
            assert client.get("/healthz").status_code == 200
        output = [one.result() for one in asked]

    refused = [answer for answer in output if answer.status_code == 503]
    assert 32 <= len(refused) < len(output)
    assert {answer.status_code for answer in output} == {404, 503}
    for answer in refused:
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["retry-after"] == "5"


def test_a_port_in_use_is_a_one_line_error(start: Start, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        process = start()
        _, output = process.communicate(timeout=30)

    assert process.returncode == 1
    assert output == (
        f"repopulse: the API cannot listen on 127.0.0.1:{port}: Address already in use;"
        " stop the process that uses the port, or set API_HOST and API_PORT\n"
    )


def test_a_missing_setting_is_a_one_line_error(start: Start) -> None:
    process = start(REDIS_URL="")
    _, output = process.communicate(timeout=30)

    assert process.returncode == 1
    assert output == (
        "repopulse: REDIS_URL is not set: set it to the URL of Redis, or run `make up`\n"
    )
