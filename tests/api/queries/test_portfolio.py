"""``api.queries.portfolio``: totals, changes and states of all users, sorted, filtered and cut."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, text

from api.queries import portfolio
from api.queries.metric import Metric
from api.queries.portfolio import Column, Portfolio, Standing
from api.queries.repository_sort import Order
from common import users
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2026, 3, 20)


@pytest.fixture(autouse=True)
def today(clock: Clock) -> None:
    clock.set(TODAY)


def ago(days: int) -> date:
    return TODAY - timedelta(days)


def add(
    connection: Connection, login: str, stars: dict[int, int], *, repositories: int = 1
) -> TrackedUser:
    """Follow a user with complete days, so many days ago, of repositories with equal counts."""
    user = factories.add_user(connection, login=login, name=f"Name of {login}")
    owned = [
        factories.add_repository(connection, user, day=ago(max(stars, default=0)))
        for _ in range(repositories)
    ]
    for days, count in sorted(stars.items(), reverse=True):
        for repository in owned:
            factories.add_rows(connection, user, repository, {ago(days): (count, 2, 3)})
        factories.add_scan(
            connection, user, ago(days), expected=repositories, recorded=repositories
        )
    return user


def logins(found: Portfolio) -> list[str]:
    return [holding.login for holding in found.holdings]


def test_user_has_totals_of_the_newest_complete_day_and_changes(connection: Connection) -> None:
    user = add(connection, "adam", {31: 1, 30: 10, 7: 30, 0: 50}, repositories=2)

    (holding,) = portfolio.read(connection, limit=9).holdings

    assert (holding.id, holding.login, holding.name) == (user.id, "adam", "Name of adam")
    assert holding.path == "/u/adam"
    assert (holding.day, holding.repositories) == (TODAY, 2)
    assert holding.counts == {Metric.STARGAZERS: 100, Metric.FORKS: 4, Metric.WATCHERS: 6}
    assert holding.changes == {7: 40, 30: 80}


def test_change_is_unknown_if_the_day_before_is_missing(connection: Connection) -> None:
    add(connection, "adam", {6: 30, 0: 50})

    (holding,) = portfolio.read(connection, limit=9).holdings

    assert holding.changes == {7: None, 30: None}


def test_changes_are_of_the_metric_asked_for(connection: Connection) -> None:
    add(connection, "adam", {7: 30, 0: 50})

    (holding,) = portfolio.read(connection, metric=Metric.FORKS, limit=9).holdings

    assert holding.changes == {7: 0, 30: None}


def test_sums_are_of_all_users_and_changes_of_those_with_both_days(
    connection: Connection,
) -> None:
    add(connection, "adam", {7: 30, 0: 50})
    add(connection, "eve", {8: 100, 1: 90})
    add(connection, "new", {0: 1000})
    add(connection, "none", {})
    add(connection, "old", {46: 7})

    found = portfolio.read(connection, words="adam", limit=9)

    assert (found.users, found.summed, found.in_all) == (5, 3, 1)
    assert (found.since, found.until, found.repositories) == (ago(1), TODAY, 4)
    stars = found.sums[Metric.STARGAZERS]
    assert (stars.value, stars.changes, stars.compared) == (
        1140,
        {7: 10, 30: None},
        {7: 2, 30: 0},
    )


def test_installation_without_users_has_no_sums(connection: Connection) -> None:
    found = portfolio.read(connection, limit=9)

    assert (found.users, found.in_all, found.holdings) == (0, 0, [])
    assert found.sums[Metric.STARGAZERS].value is None


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Column.LOGIN, ["adam", "Eve", "none", "zoe"]),
        (Column.STARGAZERS, ["Eve", "zoe", "adam", "none"]),
        (Column.FORKS, ["zoe", "adam", "Eve", "none"]),
        (Column.CHANGE_7D, ["adam", "zoe", "Eve", "none"]),
        (Column.REPOSITORIES, ["zoe", "adam", "Eve", "none"]),
        (Column.DATE, ["Eve", "zoe", "adam", "none"]),
    ],
)
def test_users_are_sorted_by_any_column_with_unknown_values_last(
    connection: Connection, sort: Column, expected: list[str]
) -> None:
    add(connection, "zoe", {7: 10, 0: 20}, repositories=2)
    add(connection, "adam", {8: 1, 1: 30})
    add(connection, "Eve", {7: 60, 0: 50})
    factories.add_user(connection, login="none")

    assert logins(portfolio.read(connection, sort=sort, limit=9)) == expected

    known = [login for login in expected if login != "none" or sort is Column.LOGIN]
    turned = Order.DESCENDING if sort is Column.LOGIN else Order.ASCENDING
    found = logins(portfolio.read(connection, sort=sort, order=turned, limit=9))
    if sort in {Column.LOGIN, Column.STARGAZERS, Column.CHANGE_7D}:
        assert found[: len(known)] == known[::-1]
    else:
        assert set(found[: len(known)]) == set(known)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("EVE", ["eve", "Steven"]),
        ("name of eve", ["eve"]),
        ("%", []),
        ("\0", []),
        ("_", []),
    ],
)
def test_filter_finds_part_of_login_or_name_in_any_case(
    connection: Connection, words: str, expected: list[str]
) -> None:
    for login in ("eve", "Steven", "adam"):
        add(connection, login, {})

    found = portfolio.read(connection, words=words, limit=9)

    assert (logins(found), found.in_all) == (expected, len(expected))


def test_pages_are_cut_and_counted(connection: Connection) -> None:
    for login in ("a", "b", "c"):
        add(connection, login, {})

    second = portfolio.read(connection, limit=2, offset=2)
    beyond = portfolio.read(connection, limit=2, offset=4)

    assert (logins(second), second.in_all) == (["c"], 3)
    assert (logins(beyond), beyond.in_all, beyond.users) == ([], 3, 3)


def test_standing_says_what_became_of_todays_scan(connection: Connection) -> None:
    add(connection, "recorded", {0: 1})
    add(connection, "due", {1: 1})
    add(connection, "ahead", {0: 1})
    connection.execute(
        text("UPDATE users SET scanned_on = :day WHERE login = 'ahead'"), {"day": ago(-3)}
    )
    waiting = add(connection, "waiting", {1: 1})
    factories.add_scan(connection, waiting, TODAY, ScanState.WAITING, reason="rate limit")
    part = add(connection, "part", {1: 1})
    factories.add_scan(connection, part, TODAY, ScanState.INCOMPLETE, reason="2 were hidden")
    factories.add_user(connection, login="fresh")
    missing = add(connection, "missing", {1: 1})
    users.mark_missing(connection, missing.id, TODAY)

    found = portfolio.read(connection, sort=Column.LOGIN, limit=9)

    assert {each.login: (each.standing, each.reason) for each in found.holdings} == {
        "recorded": (Standing.RECORDED, None),
        "due": (Standing.NOT_RECORDED, None),
        "ahead": (Standing.NOT_RECORDED, None),
        "waiting": (Standing.NOT_RECORDED, "rate limit"),
        "part": (Standing.INCOMPLETE, "2 were hidden"),
        "fresh": (Standing.LOADING, None),
        "missing": (Standing.NOT_FOUND, None),
    }
    assert found.standings == {
        Standing.RECORDED: 1,
        Standing.INCOMPLETE: 1,
        Standing.NOT_RECORDED: 3,
        Standing.LOADING: 1,
        Standing.NOT_FOUND: 1,
    }
    only = portfolio.read(connection, standing=Standing.NOT_RECORDED, limit=9)
    assert (sorted(logins(only)), only.in_all) == (["ahead", "due", "waiting"], 3)


def test_days_of_the_future_do_not_count(connection: Connection) -> None:
    add(connection, "adam", {0: 5, -1: 90})

    (holding,) = portfolio.read(connection, limit=9).holdings

    assert (holding.day, holding.counts[Metric.STARGAZERS]) == (TODAY, 5)


@pytest.mark.parametrize("lost", ["totals_at = NULL", "finished_at = finished_at + interval '1 s'"])
def test_totals_that_a_process_of_the_previous_release_did_not_keep_are_added_up(
    connection: Connection, lost: str
) -> None:
    add(connection, "adam", {30: 1, 7: 30, 0: 50}, repositories=2)
    add(connection, "eve", {0: 60})
    factories.add_scan(connection, factories.add_user(connection, login="empty"), TODAY)
    kept = portfolio.read(connection, limit=9)
    connection.execute(text(f"UPDATE scans SET stargazers = 0, {lost}"))

    assert portfolio.read(connection, limit=9) == kept
    assert logins(kept) == ["adam", "eve", "empty"]


def test_users_with_one_login_are_linked_by_id(connection: Connection) -> None:
    first, second = (factories.add_user(connection, login=login) for login in ("adam", "Adam"))

    found = portfolio.read(connection, limit=9)

    assert [holding.path for holding in found.holdings] == [
        f"/users/{first.id}",
        f"/users/{second.id}",
    ]


def test_gone_repositories_and_those_of_a_vanished_account_are_not_counted(
    connection: Connection,
) -> None:
    gone = add(connection, "gone", {0: 1}, repositories=2)
    connection.execute(
        text(
            "UPDATE repositories SET state = 'gone'"
            " WHERE id = (SELECT max(id) FROM repositories WHERE user_id = :id)"
        ),
        {"id": gone.id},
    )
    vanished = add(connection, "vanished", {0: 1})
    connection.execute(
        text("UPDATE users SET state = 'vanished' WHERE id = :id"), {"id": vanished.id}
    )
    factories.add_user(connection, login="zoe")

    found = portfolio.read(connection, sort=Column.REPOSITORIES, limit=9)

    assert [each.repositories for each in found.holdings] == [1, 0, None]
