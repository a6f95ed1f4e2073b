import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import health
from local.health import Pulse, Question, Watch, http_question
from local.ports import LOOPBACK, free_port
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.5)
    monkeypatch.setattr(health, "INTERVAL", 0.05)
    monkeypatch.setattr(health, "ANSWER_LIMIT", 0.1)


@pytest.fixture
def silent() -> Iterator[int]:
    """Return a port where connections are made, as with a frozen process, and nobody answers."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def looks(watch: Watch, condition: Callable[[], bool]) -> Callable[[], bool]:
    def look() -> bool:
        watch.look()
        return condition()

    return look


def test_a_process_that_answers_is_well() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        watch = http_question(LOOPBACK, server.getsockname()[1], "/healthz").watch()
        watch.well = False
        asked: list[bytes] = []

        def answer() -> None:
            client, _ = server.accept()
            with client:
                asked.append(client.recv(1024))
                client.sendall(b"HTTP/1.0 503 Service Outage\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        wait_until(looks(watch, lambda: watch.well))
        thread.join()
        watch.close()

    assert asked[0].startswith(b"GET /healthz HTTP/1.0\r\n")


def test_a_process_that_does_not_answer_is_overdue_in_the_end(silent: int) -> None:
    watch = Question(LOOPBACK, silent, b"PING\r\n").watch()

    wait_until(looks(watch, lambda: not watch.well))
    assert not watch.overdue
    wait_until(looks(watch, lambda: watch.overdue))
    watch.close()


def test_asking_a_process_that_does_not_answer_takes_no_time(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 5.0)
    monkeypatch.setattr(health, "ANSWER_LIMIT", 5.0)
    watch = Question(LOOPBACK, silent, b"PING\r\n").watch()
    longest = 0.0

    def look() -> bool:
        nonlocal longest
        start = time.monotonic()
        watch.look()
        longest = max(longest, time.monotonic() - start)
        return watch.overdue

    wait_until(look)
    watch.close()
    assert longest < 2


def test_a_port_where_nobody_listens_is_not_well() -> None:
    watch = Question(LOOPBACK, free_port(), b"PING\r\n").watch()

    wait_until(looks(watch, lambda: not watch.well))
    wait_until(looks(watch, lambda: watch.overdue))


def test_who_is_excused_has_all_his_time_again(silent: int) -> None:
    watch = Question(LOOPBACK, silent, b"PING\r\n").watch()
    wait_until(looks(watch, lambda: watch.overdue))

    watch.excuse()

    assert not watch.overdue
    watch.close()


def test_a_file_that_is_touched_is_a_sign_whatever_the_clock_says(tmp_path: Path) -> None:
    file = tmp_path / "worker.heartbeat"
    watch = Pulse(file).watch()
    end = time.monotonic() + 3 * health.PATIENCE
    second = 2_000_000_000

    while time.monotonic() < end:
        # A clock that goes backwards through the years.
        second -= 86_400
        file.touch()
        os.utime(file, (second, second))
        watch.look()
        assert not watch.overdue
        time.sleep(0.01)
    wait_until(looks(watch, lambda: watch.overdue))


def test_nobody_is_blamed_for_a_file_that_cannot_be_touched(tmp_path: Path) -> None:
    watch = Pulse(tmp_path / "full" / "worker.heartbeat").watch()
    end = time.monotonic() + 3 * health.PATIENCE

    while time.monotonic() < end:
        watch.look()
        assert not watch.overdue
        time.sleep(0.01)
    (tmp_path / "full").mkdir()
    wait_until(looks(watch, lambda: watch.overdue))
