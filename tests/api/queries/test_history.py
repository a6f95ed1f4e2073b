from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, text

from api.queries import history
from api.queries.estimate import Estimate
from api.queries.history import HistoryPoint
from api.queries.sources import ALL_OBSERVED, RECONSTRUCTED, Sources
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories, imported, star_readings
from tests.clock import Clock

TODAY = date(2026, 6, 10)
ONE_DAY = timedelta(days=1)
LONG_AGO = date(2020, 1, 1)


def day(number: int) -> date:
    return TODAY.replace(day=number)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection)


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return factories.add_repository(connection, user)


def test_stars_before_the_first_row_and_in_gaps_are_reconstructed(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_rows(
        connection, user, repository, {day(6): (10, 2, 1), day(9): (14, 3, 1), day(10): (15, 3, 1)}
    )
    gained = {day(2): 4, day(3): 5, day(6): 1, day(7): 2}
    star_readings.store(connection, repository.id, gained, datetime(2026, 6, 10, 12, tzinfo=UTC))

    points = history.of_repository(connection, repository.id, LONG_AGO, TODAY)

    assert points == [
        HistoryPoint(day(3), 5, None, None, RECONSTRUCTED, Estimate(5, 4, 5)),
        HistoryPoint(day(4), 10, None, None, RECONSTRUCTED, Estimate(10, 9, 10)),
        HistoryPoint(day(5), 10, None, None, RECONSTRUCTED, Estimate(10, 9, 10)),
        HistoryPoint(day(6), 10, 2, 1, ALL_OBSERVED),
        HistoryPoint(day(7), 11, None, None, RECONSTRUCTED, Estimate(11, 10, 12)),
        HistoryPoint(day(8), 13, None, None, RECONSTRUCTED, Estimate(13, 12, 14)),
        HistoryPoint(day(9), 14, 3, 1, ALL_OBSERVED),
        HistoryPoint(day(10), 15, 3, 1, ALL_OBSERVED),
    ]
    for first, last in ((3, 7), (4, 4), (7, 8), (8, 8), (6, 6), (1, 2)):
        assert history.of_repository(connection, repository.id, day(first), day(last)) == [
            point for point in points if day(first) <= point.day <= day(last)
        ]


def test_nothing_is_reconstructed_of_a_history_that_is_not_read_whole(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_rows(connection, user, repository, {day(6): (10, 2, 1)})
    connection.execute(
        text("INSERT INTO backfills (repo_id, next_page) VALUES (:id, 2)"), {"id": repository.id}
    )
    connection.execute(
        text("INSERT INTO star_gains VALUES (:id, '2026-06-02', 4, 4, repopulse_now())"),
        {"id": repository.id},
    )

    points = history.of_repository(connection, repository.id, LONG_AGO, TODAY)

    assert points == [HistoryPoint(day(6), 10, 2, 1, ALL_OBSERVED)]


def test_observed_wins_then_the_newest_import_then_the_history(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_rows(connection, user, repository, {day(6): (10, 2, 1)})
    star_readings.store(
        connection, repository.id, {day(2): 4}, datetime(2026, 6, 10, 12, tzinfo=UTC)
    )
    imported.store(connection, repository.id, "old", {day(4): (7, 1, None), day(6): (8, 8, 8)})
    imported.store(
        connection, repository.id, "new", {day(4): (6, None, None), day(5): (None, 2, None)}
    )
    imported.store(connection, repository.id, "half", {day(5): (99, 99, 99)}, state="applying")

    def points(*only: str) -> list[HistoryPoint]:
        return list(
            history.of_repository(connection, repository.id, day(4), TODAY, only=only or None)
        )

    new = Sources("import:new", "import:old", None)
    estimate = Estimate(10, 4, 10)
    assert points() == [
        HistoryPoint(day(4), 6, 1, None, new),
        HistoryPoint(day(5), 10, 2, None, Sources("github_history", "import:new", None), estimate),
        HistoryPoint(day(6), 10, 2, 1, ALL_OBSERVED),
    ]
    assert points("observed") == [HistoryPoint(day(6), 10, 2, 1, ALL_OBSERVED)]
    assert points("github_history") == [
        HistoryPoint(on, 10, None, None, RECONSTRUCTED, estimate) for on in (day(4), day(5))
    ]
    assert points("import:old") == [
        HistoryPoint(day(4), 7, 1, None, Sources("import:old", "import:old", None)),
        HistoryPoint(day(6), 8, 8, 8, Sources(*["import:old"] * 3)),
    ]


def test_the_moment_of_a_row_is_that_of_its_owners_scan(
    connection: Connection, clock: Clock, user: TrackedUser, repository: SeenRepository
) -> None:
    other = factories.add_user(connection)
    # In Los Angeles it is 22:00 of the fifth, after 22 of 24 hours.
    clock.set(datetime.combine(day(6), time(5), UTC))
    factories.add_scan(connection, user, day(6))
    clock.set(TODAY)
    factories.add_scan(connection, other, day(6))
    factories.add_rows(connection, user, repository, {day(6): (100, 2, 1)})
    star_readings.store(
        connection,
        repository.id,
        {day(2): 4, day(5): 24},
        datetime(2026, 6, 10, 12, tzinfo=UTC),
    )

    (point,) = history.of_repository(connection, repository.id, day(5), day(5))

    assert point.bounds == Estimate(78, 4, 100)


def test_rows_after_today_end_no_gap(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_rows(
        connection, user, repository, {day(6): (10, 2, 1), TODAY + 2 * ONE_DAY: (20, 2, 1)}
    )
    star_readings.store(
        connection, repository.id, {day(2): 4}, datetime(2026, 6, 14, 12, tzinfo=UTC)
    )

    points = history.of_repository(connection, repository.id, day(6), date(2030, 1, 1))

    assert [point.day for point in points] == [day(6)]
