"""``api.queries.past_flow``: what is known of spans and days that were not observed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from api.queries import flow, past_flow
from api.queries.flow import Flow, Per
from api.queries.past_flow import NewStars
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories, star_readings
from tests.clock import Clock

TODAY = date(2026, 6, 17)
ONE_DAY = timedelta(days=1)
READ_AT = datetime(2026, 6, 17, 12, tzinfo=UTC)


def day(number: int) -> date:
    return TODAY.replace(day=number)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection)


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    """A repository with as many new stars on each day of June as its number."""
    repository = factories.add_repository(connection, user)
    gained = {day(number): number for number in range(2, 17)}
    star_readings.store(connection, repository.id, gained, READ_AT)
    return repository


def test_span_without_rows_has_the_days_that_end_in_it_in_los_angeles(
    connection: Connection, repository: SeenRepository
) -> None:
    found = past_flow.of_repository(connection, repository.id, Per.WEEK, day(1), TODAY)

    assert found == [
        Flow(day(1), day(8), sum(range(2, 7)), None, None, late=True),
        Flow(day(8), day(15), sum(range(7, 14)), None, None, late=True),
    ]


def test_sums_of_days_do_not_change_when_rows_are_added(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    before = past_flow.of_repository(connection, repository.id, Per.DAY, day(3), day(15))

    factories.add_rows(
        connection, user, repository, {day(number): (0, 0, 0) for number in range(3, 16)}
    )
    after = past_flow.of_repository(connection, repository.id, Per.DAY, day(3), day(15))

    assert [span.gained for span in before] == [span.gained for span in after]
    assert after == flow.of_repository(connection, repository.id, Per.DAY, day(3), day(15))


def test_span_that_was_not_read_to_its_end_is_unknown(
    connection: Connection, repository: SeenRepository, clock: Clock
) -> None:
    # The reading ends with the sixteenth.
    clock.set(day(20))

    found = past_flow.of_repository(connection, repository.id, Per.DAY, day(16), day(20))

    assert [span.gained for span in found] == [15, 16, None, None]


def test_new_stars_are_those_of_the_days_that_were_read(
    connection: Connection, repository: SeenRepository
) -> None:
    found = past_flow.new_stars(connection, repository.id, date(2020, 1, 1), TODAY)

    assert list(found) == [day(number) for number in range(2, 17)]
    assert found[day(2)] == NewStars(2, is_late=True)
    assert found[day(13)] == NewStars(13, is_late=True)
    # It had ended 29 hours before the reading.
    assert found[day(15)] == NewStars(15, is_late=False)
    assert past_flow.new_stars(connection, repository.id, day(5), day(6)) == {
        day(5): NewStars(5, is_late=True),
        day(6): NewStars(6, is_late=True),
    }


def test_day_without_stars_between_others_had_none(
    connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user)
    gained = {day(2): 5, day(4): 1}
    star_readings.store(connection, repository.id, gained, READ_AT)

    found = past_flow.new_stars(connection, repository.id, day(1), day(5))

    assert [(number.day, new.stars) for number, new in found.items()] == [
        (2, 5),
        (3, 0),
        (4, 1),
        (5, 0),
    ]


def test_nothing_is_known_without_a_history(connection: Connection, user: TrackedUser) -> None:
    repository = factories.add_repository(connection, user)

    assert past_flow.new_stars(connection, repository.id, day(1), TODAY) == {}
    assert past_flow.of_repository(connection, repository.id, Per.WEEK, day(1), TODAY) == [
        Flow(day(1), day(8), None, None, None, None),
        Flow(day(8), day(15), None, None, None, None),
    ]
