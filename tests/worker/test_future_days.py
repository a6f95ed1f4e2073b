"""``python -m worker.future_days``: days to come are shown, and removed if wanted."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from common import future_days
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_history, add_repository, add_scan, add_user
from worker.future_days import ClockBehindError, run


@pytest.fixture
def user(engine: Engine, clock: Clock) -> TrackedUser:
    """A user with a row of a day that is 40 days ahead, stored by a clock that was."""
    clock.advance(timedelta(days=40))
    day = clock.today()
    with engine.begin() as connection:
        user = add_user(connection)
        add_history(connection, user, add_repository(connection, user), until=day, stargazers=[1])
        add_scan(connection, user, day)
    clock.advance(timedelta(days=-40))
    return user


def test_without_remove_nothing_is_removed(engine: Engine, user: TrackedUser) -> None:
    day = datetime.now(UTC).date() + timedelta(days=40)

    line = run(engine, is_removal=False)

    assert line == f"1 row of 1 user, of days up to {day}: --remove removes them"
    with engine.begin() as connection:
        assert future_days.list_users(connection) == [user.id]


def test_remove_removes_all(engine: Engine, user: TrackedUser) -> None:
    assert run(engine, is_removal=True).startswith("removed 1 row of 1 user")
    assert run(engine, is_removal=True) == "nothing is stored of days to come"


def test_nothing_is_removed_while_the_databases_clock_is_behind(
    engine: Engine, clock: Clock, user: TrackedUser
) -> None:
    clock.advance(timedelta(days=-2))

    with pytest.raises(ClockBehindError, match="set the clock right first"):
        run(engine, is_removal=True)

    with engine.begin() as connection:
        assert future_days.find(connection).rows == 1
