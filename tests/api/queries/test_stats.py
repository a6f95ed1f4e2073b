"""A user's rows as text, and the revision that they belong to."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, text

import common.stats
from api.queries import stats
from common import repositories
from common.repositories import Counts, SeenRepository
from common.users import TrackedUser
from tests.factories import ONE_DAY, add_repository, add_rows, add_user, make_repository
from tests.rows import rows_of

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - ONE_DAY


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    return add_user(connection)


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return add_repository(connection, user, day=YESTERDAY)


def write(
    connection: Connection,
    user: TrackedUser,
    counts: Mapping[int, tuple[int, int, int]],
    day: date = TODAY,
) -> int:
    return common.stats.write(
        connection, user.id, day, {key: Counts(*value) for key, value in counts.items()}
    )


def read(
    connection: Connection,
    user: TrackedUser,
    date_from: date = date(2020, 1, 1),
    date_to: date = date(2040, 1, 1),
) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in rows_of(connection, user.id, date_from, date_to)]


def save(
    connection: Connection, user: TrackedUser, day: date, *seen: SeenRepository
) -> tuple[str, ...]:
    return repositories.save(connection, user.id, day, seen)


# Rows


def test_rows_are_ordered_by_repository_and_day(connection: Connection, user: TrackedUser) -> None:
    late, early = (add_repository(connection, user, number) for number in (20, 10))
    for repository in (late, early):
        for day in (TODAY, YESTERDAY):
            add_rows(connection, user, repository, {day: (1, 1, 1)})

    assert [row[:2] for row in read(connection, user)] == [
        (10, YESTERDAY),
        (10, TODAY),
        (20, YESTERDAY),
        (20, TODAY),
    ]


def test_both_days_are_inclusive(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    days = [TODAY + timedelta(days=ahead) for ahead in range(5)]
    add_rows(connection, user, repository, dict.fromkeys(days, (1, 1, 1)))

    assert [row[1] for row in read(connection, user, days[1], days[3])] == days[1:4]
    assert [row[1] for row in read(connection, user, days[2], days[2])] == [days[2]]
    assert read(connection, user, days[3], days[1]) == []


def test_a_user_without_rows_has_no_text(connection: Connection, user: TrackedUser) -> None:
    assert read(connection, user) == []


def test_rows_of_other_users_are_left_out(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    write(connection, user, {repository.id: (1, 2, 3)})

    assert read(connection, add_user(connection)) == []


def test_rows_stay_with_the_owner_of_the_day(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    taker = add_user(connection)
    write(connection, user, {repository.id: (1, 1, 1)}, YESTERDAY)
    add_repository(connection, taker, repository.id, day=TODAY)
    write(connection, taker, {repository.id: (2, 2, 2)}, TODAY)

    assert read(connection, user) == [(repository.id, YESTERDAY, 1, 1, 1)]
    assert read(connection, taker) == [(repository.id, TODAY, 2, 2, 2)]


def test_the_day_of_a_transfer_belongs_to_the_owner_seen_last(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    taker = add_user(connection)
    write(connection, user, {repository.id: (1, 1, 1)})
    add_repository(connection, taker, repository.id, day=TODAY)

    assert write(connection, taker, {repository.id: (1, 1, 1)}) == 1

    assert read(connection, user) == []
    assert read(connection, taker) == [(repository.id, TODAY, 1, 1, 1)]


# Portions


@pytest.mark.parametrize("rows", [1, 8, 20, 1000])
@pytest.mark.parametrize("limit", [None, 1, 4, 9])
def test_portions_are_bounded_and_have_all_rows(
    connection: Connection,
    user: TrackedUser,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    limit: int | None,
) -> None:
    days = [TODAY - timedelta(days=ago) for ago in range(4)]
    for number in range(9):
        repository = add_repository(connection, user)
        if number != 5:
            add_rows(connection, user, repository, dict.fromkeys(days, (number, 1, 1)))
    monkeypatch.setattr(stats, "_PORTION_ROWS", rows)
    page = stats.RepositoryPage(9)
    if limit is not None:
        page = stats.repository_page(connection, user.id, after=0, limit=limit)
    span = (connection, user.id, days[-1], days[0])

    portions = list(stats.read_portions(*span, page=page, row=stats.CSV_ROW, separator="\n"))

    whole = stats.read_text(*span, row=stats.CSV_ROW, separator="\n", until=page.until)
    assert [each for portion in portions for each in portion] == whole
    assert max(4 * len(portion) for portion in portions) <= max(rows, 4)
    assert page.has_next is (limit in (1, 4))


# Revision


def test_each_save_changes_the_revision(connection: Connection, user: TrackedUser) -> None:
    repository, other = make_repository(), make_repository()
    assert stats.owned(connection, user.id).number == 0
    seen = [stats.owned(connection, user.id).revision]

    for day, saved in ((TODAY, repository), (TODAY, repository), (TODAY, other)):
        save(connection, user, day, saved)
        seen.append(stats.owned(connection, user.id).revision)
        assert stats.owned(connection, user.id).revision == seen[-1]

    assert len(set(seen)) == 4
    assert stats.owned(connection, user.id).number == 2


def test_a_save_for_the_new_owner_changes_the_old_owners_revision(
    connection: Connection, user: TrackedUser
) -> None:
    repository, taker = make_repository(), add_user(connection)
    save(connection, user, YESTERDAY, repository)
    before = stats.owned(connection, user.id).revision

    save(connection, taker, TODAY, repository)

    assert stats.owned(connection, user.id).revision != before


def test_a_save_by_the_previous_release_changes_the_revision(
    connection: Connection, user: TrackedUser
) -> None:
    repository = make_repository()
    save(connection, user, YESTERDAY, repository)
    before = stats.owned(connection, user.id).revision

    connection.execute(text("UPDATE repositories SET listed_on = :day"), {"day": TODAY})

    assert stats.owned(connection, user.id).revision != before


def test_saves_for_other_users_keep_the_revision(connection: Connection, user: TrackedUser) -> None:
    save(connection, user, TODAY, make_repository())
    before = stats.owned(connection, user.id).revision

    save(connection, add_user(connection), TODAY, make_repository())

    assert stats.owned(connection, user.id).revision == before
