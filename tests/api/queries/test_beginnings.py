"""``api.queries.beginnings``: from when on each source has anything."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Connection, text

from api.queries import beginnings
from api.queries.beginnings import Beginnings
from common.users import TrackedUser
from tests import factories, imported, star_readings
from tests.clock import Clock

TODAY = date(2026, 6, 17)
READ_AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
OBSERVED = date(2026, 6, 10)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection)


def test_earliest_days_of_several_repositories_are_found(
    connection: Connection, user: TrackedUser
) -> None:
    one, other = (factories.add_repository(connection, user).id for _ in range(2))
    star_readings.store(connection, one, {date(2025, 3, 1): 0, date(2025, 3, 4): 2}, READ_AT)
    star_readings.store(connection, other, {date(2025, 5, 1): 1}, READ_AT)
    rows: dict[date, tuple[int | None, int | None, int | None]] = {
        date(2024, 1, 9): (1, None, None),
        date(2024, 1, 8): (None, 1, None),
    }
    imported.store(connection, other, "sheet", rows)
    imported.store(connection, other, "undone", {date(2020, 1, 1): (1, 1, 1)}, state="reported")

    # The stars of a day are held on the next morning.
    assert beginnings.of_user(connection, user.id, OBSERVED) == Beginnings(
        OBSERVED, date(2025, 3, 5), date(2024, 1, 8)
    )
    assert beginnings.of_repository(connection, one, OBSERVED).imported is None
    assert beginnings.of_user(connection, user.id, OBSERVED).first == date(2024, 1, 8)


def test_history_counts_once_it_is_read_whole_and_only_before_a_row(
    connection: Connection, user: TrackedUser
) -> None:
    repo_id = factories.add_repository(connection, user).id
    star_readings.store(connection, repo_id, {date(2026, 6, 9): 1}, READ_AT)

    assert beginnings.of_repository(connection, repo_id, OBSERVED).reconstructed is None
    assert beginnings.of_repository(connection, repo_id, None) == Beginnings(None, None, None)
    assert beginnings.of_repository(connection, repo_id, TODAY).reconstructed == OBSERVED
    connection.execute(text("UPDATE backfills SET read_through = NULL"))
    assert beginnings.of_repository(connection, repo_id, TODAY).reconstructed is None
