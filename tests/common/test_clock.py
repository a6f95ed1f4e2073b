from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

import common.clock
from common.db import make_engine
from tests.clock import Clock
from tests.waiting import wait_until


def test_now_is_the_time_of_the_database(connection: Connection) -> None:
    real = connection.execute(text("SELECT now()")).scalar_one()

    assert abs(common.clock.now(connection) - real) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 23, 23, 59, 30, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 24, 0, 0, 1, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 12, 31, 23, 0, 0, tzinfo=UTC), date(2026, 12, 31)),
    ],
)
def test_today_is_the_utc_day(
    connection: Connection, clock: Clock, moment: datetime, day: date
) -> None:
    clock.set(moment)
    # A session in another time zone; Kiritimati is fourteen hours ahead.
    connection.execute(text("SET timezone = 'Pacific/Kiritimati'"))

    assert clock.today() == day
    assert _today(connection) == day


def _today(connection: Connection) -> date:
    return common.clock.today(connection)


def test_now_does_not_change_within_a_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        first = common.clock.now(connection)
        connection.execute(text("SELECT pg_sleep(0.01)"))
        assert common.clock.now(connection) == first


def test_clock_of_a_test_applies_to_all_processes(database_url: str, clock: Clock) -> None:
    other = make_engine(database_url, process="other")
    clock.set(date(2031, 5, 17))

    with other.begin() as connection:
        day = _today(connection)

    other.dispose()
    assert day == date(2031, 5, 17)


def test_clock_that_was_set_keeps_running(clock: Clock) -> None:
    clock.set(date(2031, 5, 17))
    first = clock.now()

    wait_until(lambda: clock.now() > first, seconds=1)
