from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Row, text

from common import repositories
from common.repositories import KnownRepository, SeenRepository
from common.states import RepositoryState
from common.users import TrackedUser
from tests.factories import add_rows, add_user, make_repository
from tests.locks import is_waiting_for_a_lock
from tests.waiting import wait_until

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    return add_user(connection)


def row_of(connection: Connection, repository: SeenRepository) -> Row[Any]:
    return connection.execute(
        text("SELECT * FROM repositories WHERE id = :id"), {"id": repository.id}
    ).one()


def save(
    connection: Connection, user: TrackedUser, day: date, *seen: SeenRepository
) -> tuple[str, ...]:
    return repositories.save(connection, user.id, day, seen)


def known(connection: Connection, user: TrackedUser, day: date = TODAY) -> list[KnownRepository]:
    return repositories.list_known(connection, user.id, day)


def test_save_stores_a_new_repository(connection: Connection, user: TrackedUser) -> None:
    repository = make_repository(2**40, "hello", is_fork=True, is_archived=True)

    assert save(connection, user, TODAY, repository) == ("hello",)

    row = row_of(connection, repository)
    assert (row.user_id, row.name, row.node_id) == (user.id, "hello", repository.node_id)
    assert (row.is_fork, row.is_archived, row.state) == (True, True, RepositoryState.LISTED)
    assert (row.first_seen_on, row.listed_on) == (TODAY, TODAY)


def test_save_does_not_return_known_repositories_as_new(
    connection: Connection, user: TrackedUser
) -> None:
    repository, other = make_repository(name="hello"), make_repository(name="world")
    save(connection, user, YESTERDAY, repository)

    assert save(connection, user, TODAY, repository, other) == ("world",)


def test_save_accepts_no_repositories(connection: Connection, user: TrackedUser) -> None:
    assert save(connection, user, TODAY) == ()


def test_save_stores_a_repository_shown_twice_once(
    connection: Connection, user: TrackedUser
) -> None:
    repository = make_repository(name="hello")

    assert save(connection, user, TODAY, repository, repository) == ("hello",)


def test_save_stores_more_repositories_than_fit_in_a_statement(
    connection: Connection, user: TrackedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repositories, "ROWS_PER_STATEMENT", 10)
    seen = [make_repository() for _ in range(25)]

    assert len(save(connection, user, TODAY, *seen)) == 25
    assert len(known(connection, user)) == 25


def test_save_updates_a_renamed_repository(connection: Connection, user: TrackedUser) -> None:
    repository = make_repository(name="old")
    save(connection, user, YESTERDAY, repository)

    assert save(connection, user, TODAY, replace(repository, name="new")) == ()

    row = row_of(connection, repository)
    assert (row.name, row.first_seen_on, row.listed_on) == ("new", YESTERDAY, TODAY)


def test_save_of_an_earlier_day_does_not_move_listed_on_back(
    connection: Connection, user: TrackedUser
) -> None:
    repository = make_repository()
    save(connection, user, TODAY, repository)
    save(connection, user, YESTERDAY, repository)

    row = row_of(connection, repository)
    assert (row.first_seen_on, row.listed_on) == (YESTERDAY, TODAY)


def test_save_keeps_the_node_id_if_none_was_shown(
    connection: Connection, user: TrackedUser
) -> None:
    repository = make_repository()
    save(connection, user, YESTERDAY, repository)
    save(connection, user, TODAY, replace(repository, node_id=None))

    assert row_of(connection, repository).node_id == repository.node_id


def test_transferred_repository_belongs_to_the_new_owner(
    connection: Connection, user: TrackedUser
) -> None:
    taker = add_user(connection)
    repository = make_repository(name="hello")
    save(connection, user, YESTERDAY, repository)

    assert save(connection, taker, TODAY, repository) == ("hello",)

    assert known(connection, user) == []
    assert [found.id for found in known(connection, taker)] == [repository.id]


def test_list_known_says_what_is_listed_and_recorded_today(
    connection: Connection, user: TrackedUser
) -> None:
    old, listed, recorded = (make_repository(number) for number in (1, 2, 3))
    save(connection, user, YESTERDAY, old, listed, recorded)
    add_rows(connection, user, listed, {YESTERDAY: (1, 1, 1)})
    save(connection, user, TODAY, listed, recorded)
    add_rows(connection, user, recorded, {TODAY: (1, 1, 1)})

    assert [
        (found.id, found.is_listed_today, found.is_recorded_today)
        for found in known(connection, user)
    ] == [(1, False, False), (2, True, False), (3, True, True)]


def test_missing_repository_stays_known(connection: Connection, user: TrackedUser) -> None:
    repository = make_repository()
    save(connection, user, YESTERDAY, repository)

    gone = repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=False)

    assert gone == ()
    assert row_of(connection, repository).state == RepositoryState.MISSING
    assert len(known(connection, user)) == 1


def test_repository_missing_twice_on_one_day_is_not_gone(
    connection: Connection, user: TrackedUser
) -> None:
    repository = make_repository()
    save(connection, user, YESTERDAY, repository)
    for _ in range(2):
        repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=False)

    assert row_of(connection, repository).state == RepositoryState.MISSING


def test_repository_missing_on_two_days_is_gone(connection: Connection, user: TrackedUser) -> None:
    repository = make_repository(name="hello")
    save(connection, user, YESTERDAY, repository)
    repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=False)

    gone = repositories.mark_missing(
        connection, user.id, TOMORROW, [repository.id], confirmed=False
    )

    assert gone == ("hello",)
    assert row_of(connection, repository).state == RepositoryState.GONE
    assert known(connection, user) == []


def test_repository_confirmed_missing_is_gone_at_once(
    connection: Connection, user: TrackedUser
) -> None:
    repository = make_repository(name="hello")
    save(connection, user, YESTERDAY, repository)

    gone = repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=True)

    assert gone == ("hello",)


def test_mark_missing_returns_a_gone_repository_once(
    connection: Connection, user: TrackedUser
) -> None:
    repository = make_repository()
    save(connection, user, YESTERDAY, repository)
    repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=True)

    assert (
        repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=True) == ()
    )


def test_mark_missing_ignores_repositories_of_other_owners(
    connection: Connection, user: TrackedUser
) -> None:
    taker = add_user(connection)
    repository = make_repository()
    save(connection, user, YESTERDAY, repository)
    save(connection, taker, TODAY, repository)

    repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=True)

    assert row_of(connection, repository).state == RepositoryState.LISTED


@pytest.mark.parametrize("confirmed", [True, False])
def test_repository_that_reappears_is_listed_again(
    connection: Connection, user: TrackedUser, confirmed: bool
) -> None:
    repository = make_repository()
    save(connection, user, YESTERDAY, repository)
    repositories.mark_missing(connection, user.id, TODAY, [repository.id], confirmed=confirmed)

    assert save(connection, user, TOMORROW, repository) == ()

    row = row_of(connection, repository)
    assert (row.state, row.missing_since) == (RepositoryState.LISTED, None)


def test_concurrent_saves_of_swapped_repositories_do_not_deadlock(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    other = add_user(connection)
    given, taken = make_repository(), make_repository()
    save(connection, user, YESTERDAY, given)
    save(connection, other, YESTERDAY, taken)

    def begin(own: Connection, owner: TrackedUser, seen: SeenRepository) -> None:
        repositories.lock(own, [taken.id, given.id])
        save(own, owner, TODAY, seen)

    def write_the_other() -> None:
        with engine.begin() as own:
            begin(own, other, given)
            repositories.mark_missing(own, other.id, TODAY, [taken.id], confirmed=True)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as own:
            begin(own, user, taken)
            written = pool.submit(write_the_other)
            wait_until(lambda: is_waiting_for_a_lock(connection))
            repositories.mark_missing(own, user.id, TODAY, [given.id], confirmed=True)
        written.result()

    owners = {each.id: row_of(connection, each).user_id for each in (given, taken)}
    assert owners == {given.id: other.id, taken.id: user.id}
    assert {row_of(connection, each).state for each in (given, taken)} == {RepositoryState.LISTED}


# Revision


def test_each_save_gives_a_new_random_revision(connection: Connection, user: TrackedUser) -> None:
    repository = make_repository()
    seen = set()
    for _ in range(3):
        save(connection, user, TODAY, repository)
        seen.add(row_of(connection, repository).revision)

    assert len(seen) == 3
    assert {value.version for value in seen} == {4}
