"""Which workers run, as they say."""

from collections.abc import Iterator

import pytest

from common import running_workers
from common.redis_client import Client, make_redis
from common.running_workers import SEEN_WITHIN
from common.settings import Settings


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with make_redis(settings) as opened:
        yield opened


def let_pass(client: Client, seconds: int) -> None:
    """Make it that long ago that each worker said that it runs."""
    for name in running_workers.read(client):
        client.zincrby("repopulse:workers", -seconds, name)


def test_workers_that_said_so_run(client: Client) -> None:
    assert running_workers.read(client) == []

    running_workers.note(client, "worker@b")
    running_workers.note(client, "worker@a")

    assert running_workers.read(client) == ["worker@a", "worker@b"]


def test_worker_that_has_not_said_so_for_a_while_does_not_count(client: Client) -> None:
    running_workers.note(client, "worker@a")
    let_pass(client, SEEN_WITHIN + 5)

    assert running_workers.read(client) == []


def test_worker_that_ended_does_not_count(client: Client) -> None:
    running_workers.note(client, "worker@a")
    running_workers.note(client, "worker@b")

    running_workers.forget(client, "worker@a")

    assert running_workers.read(client) == ["worker@b"]


def test_workers_that_are_gone_are_removed(client: Client) -> None:
    running_workers.note(client, "worker@a")
    let_pass(client, SEEN_WITHIN + 5)

    running_workers.note(client, "worker@b")

    assert client.zcard("repopulse:workers") == 1
