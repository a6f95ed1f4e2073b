from collections.abc import Iterator

import pytest
import redis

from common import counters
from common.counters import field


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def test_counters_are_empty_before_the_first_count(client: "redis.Redis") -> None:
    assert counters.read(client) == {}


def test_counts_add_up_by_field(client: "redis.Redis") -> None:
    data, seconds = field(counters.REQUESTS, "core", "data"), field(counters.SECONDS, "core")
    counters.add(client, {data: 2, seconds: 0.25})
    counters.add(client, {data: 1, seconds: 1.5})

    assert counters.read(client) == {"requests:core:data": 3, "seconds:core": 1.75}


def test_large_counts_stay_exact(client: "redis.Redis") -> None:
    rows = field(counters.ROWS)
    counters.add(client, {rows: 10**14})
    counters.add(client, {rows: 1})

    assert counters.read(client) == {rows: 10**14 + 1}
