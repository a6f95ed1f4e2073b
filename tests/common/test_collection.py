from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from sqlalchemy import Connection

from common import collection, users
from common.states import ScanState
from tests import factories
from tests.clock import Clock


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


# Completed days


def test_day_is_recorded_once_when_every_user_was_scanned(
    connection: Connection, clock: Clock
) -> None:
    today = clock.today()
    both = [factories.add_user(connection) for _ in range(2)]
    factories.add_scan(connection, both[0], today)
    before = collection.record_completed_day(connection)
    factories.add_scan(connection, both[1], today)
    moment = clock.now()

    first = collection.record_completed_day(connection)
    clock.advance(timedelta(hours=1))
    again = collection.record_completed_day(connection)

    assert before is None
    assert first is not None
    assert (first.day, first.users) == (today, 2)
    assert timedelta(0) <= first.completed_at - moment < timedelta(minutes=1)
    assert again is None
    assert collection.last_completed_day(connection) == first


def test_user_added_later_does_not_change_a_completed_day(
    connection: Connection, clock: Clock
) -> None:
    factories.add_scan(connection, factories.add_user(connection), clock.today())
    recorded = collection.record_completed_day(connection)
    factories.add_user(connection)

    assert collection.record_completed_day(connection) is None
    assert collection.last_completed_day(connection) == recorded


def test_vanished_user_does_not_keep_a_day_incomplete(connection: Connection, clock: Clock) -> None:
    today = clock.today()
    vanished = factories.add_user(connection)
    users.mark_missing(connection, vanished.id, today - timedelta(1))
    users.mark_missing(connection, vanished.id, today)
    factories.add_scan(connection, factories.add_user(connection), today)

    recorded = collection.record_completed_day(connection)

    assert recorded is not None
    assert recorded.users == 1


def test_missing_user_does_not_keep_a_day_incomplete(connection: Connection, clock: Clock) -> None:
    today = clock.today()
    missing = factories.add_user(connection)
    factories.add_scan(connection, missing, today - timedelta(1))
    users.mark_missing(connection, missing.id, today)
    later = clock.now() + timedelta(minutes=5)
    factories.add_scan(connection, missing, today, ScanState.WAITING, not_before=later)
    factories.add_scan(connection, factories.add_user(connection), today)

    recorded = collection.record_completed_day(connection)

    assert recorded is not None
    assert recorded.users == 1


def test_day_is_not_completed_while_a_user_waits(connection: Connection, clock: Clock) -> None:
    user = factories.add_user(connection)
    factories.add_scan(connection, user, clock.today() - timedelta(1))
    later = clock.now() + timedelta(hours=1)
    factories.add_scan(connection, user, clock.today(), ScanState.WAITING, not_before=later)

    assert collection.record_completed_day(connection) is None


def test_last_completed_day_is_the_newest_that_reached_every_user(
    connection: Connection, clock: Clock
) -> None:
    both = [factories.add_user(connection) for _ in range(2)]
    days = []
    for _ in range(2):
        for user in both:
            factories.add_scan(connection, user, clock.today())
        days.append(collection.record_completed_day(connection))
        clock.advance(timedelta(days=1))
    factories.add_scan(connection, both[0], clock.today())

    assert collection.record_completed_day(connection) is None
    assert collection.last_completed_day(connection) == days[1]


def test_without_users_no_day_is_completed(connection: Connection) -> None:
    assert collection.record_completed_day(connection) is None
    assert collection.last_completed_day(connection) is None


# The last sweep


def test_sweep_age_is_none_before_the_first_sweep(client: "redis.Redis") -> None:
    assert collection.sweep_age(client) is None


def test_sweep_age_counts_from_the_last_sweep(client: "redis.Redis") -> None:
    collection.record_sweep(client)
    make_older(client, 700)
    first = collection.sweep_age(client)
    collection.record_sweep(client)
    second = collection.sweep_age(client)

    assert first is not None
    assert second is not None
    assert 700 <= first < 760
    assert 0 <= second < 60


def test_sweep_age_is_not_negative_after_a_clock_was_set_back(client: "redis.Redis") -> None:
    collection.record_sweep(client)
    make_older(client, -700)

    assert collection.sweep_age(client) == 0


def make_older(client: "redis.Redis", seconds: float) -> None:
    (key,) = client.keys("*")
    client.set(key, float(client.get(key) or 0) - seconds)
