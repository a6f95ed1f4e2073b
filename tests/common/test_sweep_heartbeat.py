from collections.abc import Iterator

import pytest
import redis

from common import sweep_heartbeat


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def test_without_a_note_there_is_no_age(client: "redis.Redis") -> None:
    assert sweep_heartbeat.age(client) is None


def test_the_age_is_that_of_the_newest_note(client: "redis.Redis") -> None:
    sweep_heartbeat.note(client)
    age_noted(client, 700)
    first = sweep_heartbeat.age(client)
    sweep_heartbeat.note(client)
    second = sweep_heartbeat.age(client)

    assert first is not None
    assert second is not None
    assert 700 <= first < 760
    assert 0 <= second < 60


def test_a_clock_that_was_set_back_makes_no_age_below_zero(client: "redis.Redis") -> None:
    sweep_heartbeat.note(client)
    age_noted(client, -700)

    assert sweep_heartbeat.age(client) == 0


def age_noted(client: "redis.Redis", seconds: float) -> None:
    """Let the note be so much older."""
    (key,) = client.keys("*")
    client.set(key, float(client.get(key) or 0) - seconds)
