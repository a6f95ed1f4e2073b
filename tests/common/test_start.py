"""Why a process cannot start, reported through Redis."""

import pytest
import redis

from common import problems
from common.errors import SetupError
from common.settings import Settings
from common.start import Starter, report_success, reported_failure


@pytest.fixture
def server(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> "redis.Redis":
    monkeypatch.setenv("REDIS_URL", redis_url)
    return redis.Redis.from_url(redis_url)


def fail(starter: Starter, line: str) -> None:
    with pytest.raises(SetupError, match="invalid"), reported_failure(starter):
        raise SetupError(line)


def told(server: "redis.Redis") -> dict[str, str]:
    """Return by process why it cannot start."""
    reports = problems.read(server, problems.START)
    return {problem.worker.partition("@")[0]: problem.why for problem in reports.problems}


def test_failure_is_reported_until_the_process_starts(
    server: "redis.Redis", settings: Settings
) -> None:
    for _ in range(2):
        fail(Starter.WORKER, "invalid setting: A")
        fail(Starter.BEAT, "invalid setting: B")

    assert told(server) == {"worker": "invalid setting: A", "beat": "invalid setting: B"}
    report_success(settings, Starter.WORKER)
    assert told(server) == {"beat": "invalid setting: B"}


def test_secret_in_the_line_is_not_reported(server: "redis.Redis") -> None:
    fail(Starter.WORKER, "invalid setting: ghp_0123456789 " + "x" * 1000)

    line = told(server)["worker"]
    assert "ghp_0123456789" not in line
    assert len(line) == 300


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "nowhere", ""])
def test_failure_is_raised_although_redis_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)

    fail(Starter.WORKER, "invalid setting: A")


def test_only_what_the_operator_can_change_is_reported(server: "redis.Redis") -> None:
    with pytest.raises(ZeroDivisionError), reported_failure(Starter.WORKER):
        raise ZeroDivisionError

    assert told(server) == {}
