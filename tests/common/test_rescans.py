from datetime import timedelta

import pytest
from sqlalchemy import Connection

from tests.clock import Clock
from tests.common.test_scans import (
    LEASE,
    LOAD_LEASE,
    TOMORROW,
    ask,
    at,
    begin,
    claimed,
    claims,
    due_user,
)


@pytest.fixture(autouse=True)
def _noon(clock: Clock) -> None:
    clock.set(at(12))


def test_a_request_whose_worker_is_killed_is_sent_as_a_load_again(
    connection: Connection, clock: Clock
) -> None:
    daily, requested = due_user(connection), due_user(connection)
    assert ask(connection, requested).is_accepted
    begin(connection, requested)

    clock.advance(timedelta(seconds=LEASE + 1))

    assert [(claim.user_id, claim.is_load) for claim in claims(connection)] == [
        (requested.id, True),
        (daily.id, False),
    ]
    clock.advance(timedelta(seconds=LOAD_LEASE + 1))
    assert claimed(connection) == [requested.id]


def test_a_request_of_yesterday_is_a_daily_scan(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    ask(connection, user)

    clock.set(at(12, day=TOMORROW))

    assert [claim.is_load for claim in claims(connection)] == [False]
