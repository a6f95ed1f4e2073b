from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from common import names, repositories, users
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    return factories.add_user(connection, login="octocat")


@pytest.fixture
def repository() -> SeenRepository:
    return factories.make_repository(name="hello")


def scan(
    engine: Engine,
    user: TrackedUser,
    day: date,
    *seen: SeenRepository,
    login: str | None = "octocat",
    is_done: bool = True,
) -> None:
    """Save what a scan saw, in the order in which a scan does."""
    with engine.begin() as connection:
        names.save(connection, user.id, day, login, seen)
        repositories.save(connection, user.id, day, seen)
        if is_done:
            factories.add_scan(connection, user, day)


def stored(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.execute(
        text(
            "SELECT user_id, repo_id, name, first_seen_on, last_seen_on FROM names"
            " ORDER BY first_seen_on, repo_id NULLS FIRST, user_id, name"
        )
    )
    return [tuple(row) for row in rows]


def versions(connection: Connection) -> list[tuple[object, ...]]:
    """Return where each row is stored, which changes when it is written."""
    rows = connection.execute(text("SELECT name, ctid::text, xmin::text FROM names ORDER BY name"))
    return [tuple(row) for row in rows]


def test_first_scan_stores_the_login_and_the_names(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    scan(engine, user, TODAY, repository)

    assert stored(connection) == [
        (user.id, None, "octocat", TODAY, None),
        (user.id, repository.id, "hello", TODAY, None),
    ]


def test_scan_that_sees_the_same_names_writes_nothing(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    scan(engine, user, TODAY, repository)
    before = versions(connection)

    scan(engine, user, TOMORROW, repository)

    assert versions(connection) == before


def test_new_name_ends_the_former_one_on_the_day_of_the_last_scan(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    other = factories.make_repository(name="kept")
    scan(engine, user, YESTERDAY - timedelta(days=7), repository, other)
    scan(engine, user, YESTERDAY, repository, other)

    scan(engine, user, TOMORROW, replace(repository, name="world"), other, login="hexacat")

    first = YESTERDAY - timedelta(days=7)
    assert stored(connection) == [
        (user.id, None, "octocat", first, YESTERDAY),
        (user.id, repository.id, "hello", first, YESTERDAY),
        (user.id, other.id, "kept", first, None),
        (user.id, None, "hexacat", TOMORROW, None),
        (user.id, repository.id, "world", TOMORROW, None),
    ]


def test_name_that_is_had_again_is_current_again(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    scan(engine, user, YESTERDAY, repository)
    scan(engine, user, TODAY, replace(repository, name="world"), login="hexacat")

    scan(engine, user, TOMORROW, repository)

    assert stored(connection) == [
        (user.id, None, "octocat", YESTERDAY, None),
        (user.id, repository.id, "hello", YESTERDAY, None),
        (user.id, None, "hexacat", TODAY, TODAY),
        (user.id, repository.id, "world", TODAY, TODAY),
    ]


def test_two_repositories_that_swap_their_names_keep_both(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    one, two = factories.make_repository(1, "one"), factories.make_repository(2, "two")
    scan(engine, user, TODAY, one, two)

    scan(engine, user, TOMORROW, replace(one, name="two"), replace(two, name="one"))

    assert stored(connection)[1:] == [
        (user.id, 1, "one", TODAY, TODAY),
        (user.id, 2, "two", TODAY, TODAY),
        (user.id, 1, "two", TOMORROW, None),
        (user.id, 2, "one", TOMORROW, None),
    ]


def test_transfer_ends_the_name_that_it_had_with_the_former_owner(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    taker = factories.add_user(connection, login="taker")
    scan(engine, user, TODAY, repository)

    scan(engine, taker, TOMORROW, repository, login="taker")

    assert stored(connection)[1:] == [
        (user.id, repository.id, "hello", TODAY, TODAY),
        (taker.id, None, "taker", TOMORROW, None),
        (taker.id, repository.id, "hello", TOMORROW, None),
    ]


def test_scan_without_an_account_and_without_repositories_changes_no_name(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    scan(engine, user, TODAY, repository)
    before = stored(connection)

    scan(engine, user, TOMORROW, login=None)

    assert stored(connection) == before


def test_name_that_changes_before_the_first_scan_is_settled_was_seen_on_its_first_day(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    scan(engine, user, YESTERDAY, is_done=False)

    scan(engine, user, TODAY, login="hexacat")

    assert stored(connection) == [
        (user.id, None, "octocat", YESTERDAY, YESTERDAY),
        (user.id, None, "hexacat", TODAY, None),
    ]


def test_days_that_a_wrong_clock_has_left_are_not_those_of_a_name(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    scan(engine, user, YESTERDAY, repository)
    connection.execute(text("UPDATE users SET scanned_on = '2040-01-01'"))
    connection.execute(text("UPDATE repositories SET listed_on = '2040-01-01'"))

    renamed = replace(repository, name="world")
    scan(engine, user, TODAY, renamed, login="hexacat", is_done=False)

    ended = [row for row in stored(connection) if row[-1] is not None]
    assert [row[-1] for row in ended] == [YESTERDAY, YESTERDAY]


def test_more_names_than_fit_in_a_statement_are_stored(
    engine: Engine, connection: Connection, user: TrackedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "ROWS_PER_STATEMENT", 10)
    seen = [factories.make_repository() for _ in range(25)]

    scan(engine, user, TODAY, *seen, seen[0])

    assert len(stored(connection)) == 26


@pytest.mark.parametrize("is_release_0_2_0", [False, True])
def test_names_are_deleted_with_their_user(
    engine: Engine, connection: Connection, *, user: TrackedUser, is_release_0_2_0: bool
) -> None:
    moved, kept = factories.make_repository(1), factories.make_repository(2)
    other = factories.add_user(connection, login="other")
    scan(engine, user, YESTERDAY, moved, kept)
    scan(engine, other, TODAY, moved, login="other")

    if is_release_0_2_0:
        # As its DELETE does, which does not know the table.
        for statement in (
            "DELETE FROM scans WHERE user_id = :id",
            "DELETE FROM ownerships WHERE user_id = :id",
            "DELETE FROM repositories WHERE user_id = :id",
            "DELETE FROM users WHERE id = :id",
        ):
            connection.execute(text(statement), {"id": user.id})
    else:
        users.delete(connection, user.id)

    assert stored(connection) == [
        (other.id, None, "other", TODAY, None),
        (other.id, 1, moved.name, TODAY, None),
    ]
