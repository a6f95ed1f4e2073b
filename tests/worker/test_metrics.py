"""What a worker counts reaches Redis when a task ends."""

from collections.abc import Iterator

import pytest
import redis

from common import counters
from common.states import ScanState
from local.ports import free_port
from worker import metrics
from worker.github.meaning import Meaning


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        # Without what earlier tests of this process counted.
        metrics.publish(opened)
        opened.flushall()
        yield opened


def test_every_meaning_of_an_answer_has_a_counter() -> None:
    assert {meaning.name.lower() for meaning in Meaning} == set(counters.MEANINGS)


def test_counts_are_published_once(client: "redis.Redis") -> None:
    metrics.count_scan(ScanState.DONE, 31)
    metrics.count_scan(ScanState.FAILED, 0)
    metrics.publish(client)
    metrics.publish(client)

    assert counters.read(client) == {"scans:done": 1, "scans:failed": 1, "rows": 31}


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0.0, "0.05"), (0.05, "0.05"), (0.051, "0.1"), (30.0, "30.0"), (31.0, "+Inf")],
)
def test_request_is_counted_by_meaning_and_duration(
    client: "redis.Redis", seconds: float, bound: str
) -> None:
    metrics.count_request("graphql", Meaning.QUERY_WRONG, seconds)
    metrics.publish(client)

    assert counters.read(client) == {
        "requests:graphql:query_wrong": 1,
        f"durations:graphql:{bound}": 1,
        "seconds:graphql": seconds,
    }


def test_counts_are_kept_while_redis_does_not_answer(
    client: "redis.Redis", caplog: pytest.LogCaptureFixture
) -> None:
    metrics.count_scan(ScanState.DONE, 3)
    with redis.Redis.from_url(f"redis://127.0.0.1:{free_port()}/0") as nowhere:
        metrics.publish(nowhere)
    metrics.count_scan(ScanState.DONE, 4)
    metrics.publish(client)

    assert counters.read(client) == {"scans:done": 2, "rows": 7}
    (record,) = [each for each in caplog.records if each.name == "worker.metrics"]
    assert record.message.startswith("counters not updated, will retry after the next task: ")
