"""Repositories with their recorded days, newest counts and changes."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, event, text

from api.queries import repository_list
from api.queries.repository_list import Entry
from api.queries.series import Change
from common import repositories, users
from common.repositories import Counts, SeenRepository
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_repository, add_rows, add_user, make_repository

TODAY = date(2024, 3, 10)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return add_user(connection, login="allien")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return add_repository(connection, user, name="hello")


def both(connection: Connection, repository: SeenRepository) -> list[Entry]:
    """Return the entry of a repository from its owner's list, and alone."""
    alone = repository_list.get(connection, repository.id)
    assert alone is not None
    (listed,) = [
        entry
        for entry in repository_list.of_user(connection, alone.user_id).entries
        if entry.id == repository.id
    ]
    return [listed, alone]


def test_a_repository_that_was_never_recorded_has_no_counts(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    for entry in both(connection, repository):
        assert (entry.id, entry.user_id) == (repository.id, user.id)
        assert entry.full_name == "allien/hello"
        assert entry.is_present
        assert (entry.first_day, entry.last_day, entry.latest) == (None, None, None)
        assert entry.changes == {1: None, 7: None, 30: None, 365: None}


def test_the_latest_counts_may_be_old(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    add_rows(connection, user, repository, {ago(900): (1, 1, 1), ago(100): (42, 9, 14)})

    for entry in both(connection, repository):
        assert (entry.first_day, entry.last_day) == (ago(900), ago(100))
        assert entry.latest == Counts(42, 9, 14)


def test_a_change_refers_to_the_exact_day(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    add_rows(
        connection,
        user,
        repository,
        {
            ago(365): (0, 0, 0),
            ago(30): (50, 9, 10),
            ago(7): (41, 9, 14),
            ago(1): (42, 8, 14),
            TODAY: (42, 9, 14),
        },
    )

    for entry in both(connection, repository):
        assert entry.changes == {
            1: Change(0, 1, 0),
            7: Change(1, 0, 0),
            30: Change(-8, 0, 4),
            365: Change(42, 9, 14),
        }


def test_a_change_is_null_if_the_exact_day_is_missing(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    rows = {ago(days): (days, 0, 0) for days in range(400) if days not in (1, 30)}
    add_rows(connection, user, repository, rows)

    for entry in both(connection, repository):
        assert entry.changes == {1: None, 7: Change(-7, 0, 0), 30: None, 365: Change(-365, 0, 0)}


def test_the_list_has_the_users_repositories_only(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    second = add_repository(connection, user)
    add_repository(connection, add_user(connection))

    entries = repository_list.of_user(connection, user.id).entries

    assert [entry.id for entry in entries] == [repository.id, second.id]


def test_an_entry_has_what_github_showed(connection: Connection, user: TrackedUser) -> None:
    seen = replace(
        make_repository(name="x", is_fork=True, is_archived=True),
        description="An x",
        language="C",
    )
    repositories.save(connection, user.id, TODAY, [seen])

    for entry in both(connection, seen):
        assert (entry.name, entry.description, entry.language) == ("x", "An x", "C")
        assert (entry.is_fork, entry.is_archived) == (True, True)


@pytest.mark.parametrize("confirmed", [False, True])
def test_an_unlisted_repository_is_absent_since_the_first_day_without_it(
    connection: Connection, user: TrackedUser, repository: SeenRepository, confirmed: bool
) -> None:
    add_rows(connection, user, repository, {ago(5): (1, 1, 1)})
    repositories.mark_missing(connection, user.id, ago(3), [repository.id], confirmed=confirmed)

    for entry in both(connection, repository):
        assert not entry.is_present
        assert (entry.absent_since, entry.moved_to, entry.last_day) == (ago(3), None, ago(5))


def test_repositories_of_a_vanished_account_are_absent(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    users.mark_missing(connection, user.id, ago(1))
    assert all(entry.is_present for entry in both(connection, repository))

    users.mark_missing(connection, user.id, TODAY)

    for entry in both(connection, repository):
        assert (entry.absent_since, entry.moved_to) == (ago(1), None)


@pytest.fixture
def taker(connection: Connection, user: TrackedUser, repository: SeenRepository) -> TrackedUser:
    """Transfer the repository to another tracked user, two days ago."""
    add_rows(connection, user, repository, {ago(4): (40, 0, 0), ago(3): (41, 0, 0)})
    taker = add_user(connection, login="bob")
    add_repository(connection, taker, repository.id, "hello", day=ago(2))
    add_rows(
        connection, taker, repository, {ago(2): (50, 0, 0), ago(1): (51, 0, 0), TODAY: (52, 0, 0)}
    )
    return taker


def test_a_moved_repository_is_in_both_lists_with_the_days_of_each(
    connection: Connection, user: TrackedUser, taker: TrackedUser
) -> None:
    (before,) = repository_list.of_user(connection, user.id).entries
    (after,) = repository_list.of_user(connection, taker.id).entries

    assert (before.full_name, after.full_name) == ("allien/hello", "bob/hello")
    assert (before.first_day, before.last_day) == (ago(4), ago(3))
    assert (after.first_day, after.last_day) == (ago(2), TODAY)
    assert (before.changes[1], after.changes[1]) == (Change(1, 0, 0), Change(1, 0, 0))
    assert (before.absent_since, before.moved_to) == (ago(2), taker.id)
    assert (after.absent_since, after.moved_to) == (None, None)


def test_a_change_ignores_another_owners_days(
    connection: Connection, repository: SeenRepository, taker: TrackedUser
) -> None:
    connection.execute(text("DELETE FROM daily_stats WHERE date > :day"), {"day": ago(2)})
    # As whoever changes rows by hand has to do.
    connection.execute(text("UPDATE repositories SET revision = gen_random_uuid()"))

    (after,) = repository_list.of_user(connection, taker.id).entries
    alone = repository_list.get(connection, repository.id)

    assert after.changes[1] is None
    assert alone is not None
    assert alone.changes[1] == Change(9, 0, 0)


def test_a_single_repository_has_the_days_of_all_owners(
    connection: Connection, repository: SeenRepository, taker: TrackedUser
) -> None:
    entry = repository_list.get(connection, repository.id)

    assert entry is not None
    assert (entry.full_name, entry.user_id, entry.moved_to) == ("bob/hello", taker.id, None)
    assert (entry.first_day, entry.last_day) == (ago(4), TODAY)


def test_a_repository_of_a_deleted_new_owner_is_absent_since_the_day_after_its_last(
    connection: Connection, user: TrackedUser, repository: SeenRepository, taker: TrackedUser
) -> None:
    users.delete(connection, taker.id)

    for entry in both(connection, repository):
        assert (entry.user_id, entry.last_day) == (user.id, ago(3))
        assert (entry.absent_since, entry.moved_to) == (ago(2), None)


def test_an_unknown_repository_is_none(connection: Connection) -> None:
    assert repository_list.get(connection, 1) is None


def test_a_user_without_repositories_has_an_empty_list(
    connection: Connection, user: TrackedUser
) -> None:
    assert repository_list.of_user(connection, user.id).entries == []


def test_a_list_of_any_length_takes_three_statements(
    connection: Connection, user: TrackedUser
) -> None:
    for _ in range(20):
        repository = add_repository(connection, user)
        add_rows(connection, user, repository, {ago(1): (1, 0, 0), TODAY: (2, 0, 0)})
    asked: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))

    assert len(repository_list.of_user(connection, user.id).entries) == 20
    assert len(asked) == 3
