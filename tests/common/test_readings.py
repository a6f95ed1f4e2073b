"""One reading of a star history, as it is stored."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, text

from common import readings
from common.readings import Progress, Reading
from tests.clock import Clock
from tests.common.test_backfills import add, states

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock.set(TODAY)


def test_a_page_is_locked_only_for_the_reading_that_asked_for_it(connection: Connection) -> None:
    (repo_id,) = add(connection)
    begun = readings.get_pending(connection, repo_id)
    assert begun is not None
    assert begun.stargazers == 9
    assert readings.lock_pending(connection, begun) == begun
    progress = Progress(2, TODAY - 210 * DAY, TODAY - DAY, None, is_last=False, is_done=False)
    readings.advance(connection, repo_id, progress)

    # Another task has stored it.
    assert readings.lock_pending(connection, begun) is None
    # A reading of the newest days is another one, though it begins with page 1 too.
    connection.execute(text("UPDATE backfills SET next_page = 1, is_whole = false"))
    assert readings.lock_pending(connection, begun) is None
    connection.execute(text("UPDATE backfills SET is_whole = true, state = 'done'"))
    assert readings.lock_pending(connection, begun) is None


def test_days_were_read_by_an_earlier_reading_or_by_this_one() -> None:
    begun = Reading(
        1,
        next_page=2,
        is_whole=True,
        read_through=TODAY - 100 * DAY,
        reading_from=TODAY - 30 * DAY,
        reading_through=TODAY - DAY,
        etag=None,
        read_at=None,
        attempts=0,
        stargazers=None,
        node_id=None,
    )

    read = [begun.was_read(TODAY - ago * DAY) for ago in (0, 1, 30, 31, 99, 100, 500)]

    assert read == [False, True, True, False, False, True, True]


def test_an_end_keeps_what_is_known_of_earlier_readings(connection: Connection) -> None:
    (repo_id,) = add(connection)
    whole = Progress(1, TODAY - 700 * DAY, TODAY - DAY, "etag", is_last=True, is_done=True)
    readings.advance(connection, repo_id, whole)
    # By a clock that was set back.
    newest = Progress(1, TODAY - 210 * DAY, TODAY - 2 * DAY, "e2", is_last=False, is_done=True)
    readings.advance(connection, repo_id, newest)

    row = connection.execute(text("SELECT * FROM backfills")).one()
    assert (row.state, row.next_page, row.etag) == ("done", 1, "e2")
    assert (row.read_from, row.read_through) == (TODAY - 700 * DAY, TODAY - DAY)
    assert (row.reading_from, row.reading_through, row.stargazers) == (None, None, 9)


def test_all_that_wait_can_be_given_up_at_once(connection: Connection, clock: Clock) -> None:
    first, second, third = add(connection, 3)
    progress = Progress(1, TODAY, TODAY, None, is_last=True, is_done=True)
    readings.advance(connection, third, progress)

    readings.give_up_all(connection, reason="it has none", now=clock.now())

    assert states(connection) == {first: "none", second: "none", third: "done"}
