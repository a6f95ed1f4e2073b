"""What is kept of the first and the last reading of a day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from common import star_gains
from tests import factories

READ_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = READ_AT + timedelta(days=30)
LAST = date(2026, 11, 23)


@pytest.fixture
def repo_id(connection: Connection) -> int:
    return factories.add_repository(connection, factories.add_user(connection)).id


def day(ago: int) -> date:
    return LAST - timedelta(days=ago)


def write(
    connection: Connection,
    repo_id: int,
    gains: Mapping[date, int],
    *,
    first: date | None = None,
    through: date | None = None,
    read_at: datetime = READ_AT,
) -> None:
    star_gains.write(
        connection,
        repo_id,
        gains,
        first=first,
        last=LAST,
        was_read=lambda each: through is not None and each <= through,
        read_before=READ_AT if through else None,
        read_at=read_at,
    )


def rows(connection: Connection) -> dict[date, tuple[int, int, datetime]]:
    found = connection.execute(
        text("SELECT day, gained_first, gained_last, read_at FROM star_gains")
    )
    return {row[0]: (row[1], row[2], row[3]) for row in found}


@pytest.mark.parametrize(
    ("moment", "ended"),
    [
        # Winter: midnight is at 08:00 UTC, summer: at 07:00.
        ("2026-11-24T07:59:59+00:00", date(2026, 11, 22)),
        ("2026-11-24T08:00:00+00:00", date(2026, 11, 23)),
        ("2026-07-24T06:59:59+00:00", date(2026, 7, 22)),
        ("2026-07-24T07:00:00+00:00", date(2026, 7, 23)),
        # The night of the clock change, whose day has 25 hours.
        ("2026-11-02T07:59:59+00:00", date(2026, 10, 31)),
        ("2026-11-02T08:00:00+00:00", date(2026, 11, 1)),
    ],
)
def test_a_day_ends_at_midnight_in_los_angeles(moment: str, ended: date) -> None:
    assert star_gains.last_ended_day(datetime.fromisoformat(moment)) == ended


def test_days_with_stars_and_recent_days_without_get_rows(
    connection: Connection, repo_id: int
) -> None:
    gains = {day(ago): 0 for ago in range(20)} | {day(3): 5, day(15): 2}

    write(connection, repo_id, gains)

    assert {each: first for each, (first, _, _) in rows(connection).items()} == {
        **{day(ago): 0 for ago in range(7)},
        day(3): 5,
        day(15): 2,
    }
    assert {read_at for _, _, read_at in rows(connection).values()} == {READ_AT}


def test_a_second_reading_replaces_only_the_last_value(
    connection: Connection, repo_id: int
) -> None:
    write(connection, repo_id, {day(3): 5, day(15): 2, day(16): 1})

    write(connection, repo_id, {day(3): 4, day(15): 2}, through=LAST, read_at=LATER)

    assert rows(connection) == {
        day(3): (5, 4, READ_AT),
        day(15): (2, 2, READ_AT),
        day(16): (1, 0, READ_AT),
    }


def test_a_day_that_had_no_stars_at_an_earlier_reading_had_none_at_the_first(
    connection: Connection, repo_id: int
) -> None:
    write(connection, repo_id, {day(20): 0})

    write(connection, repo_id, {day(20): 3}, through=LAST, read_at=LATER)

    assert rows(connection) == {day(20): (0, 3, READ_AT)}


def test_a_page_says_nothing_of_days_before_it_unless_it_is_the_last(
    connection: Connection, repo_id: int
) -> None:
    write(connection, repo_id, {day(30): 1, day(10): 1})

    write(connection, repo_id, {day(9): 1}, first=day(15), through=LAST)
    assert {each: last for each, (_, last, _) in rows(connection).items() if last} == {
        day(30): 1,
        day(9): 1,
    }

    write(connection, repo_id, {day(9): 1}, through=LAST)
    assert {each: last for each, (_, last, _) in rows(connection).items() if last} == {day(9): 1}


def test_days_outside_of_the_page_are_not_stored(connection: Connection, repo_id: int) -> None:
    write(connection, repo_id, {day(-1): 9, day(20): 9}, first=day(10))

    assert rows(connection) == {}
