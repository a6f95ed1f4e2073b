"""``/v1/users/{id}/totals``: the newest totals, with and without forks."""

from datetime import date, timedelta

from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import repositories
from common.repositories import Counts
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2026, 3, 20)
YESTERDAY = TODAY - timedelta(days=1)


def add_both_kinds(connection: Connection) -> TrackedUser:
    """A user with a repository and a fork, recorded yesterday; only the former today."""
    user = factories.add_user(connection)
    own = factories.make_repository(name="own")
    fork = factories.make_repository(name="fork", is_fork=True)
    repositories.save(connection, user.id, YESTERDAY, [own, fork])
    factories.add_rows(connection, user, own, {YESTERDAY: (100, 20, 3), TODAY: (900, 90, 9)})
    factories.add_rows(connection, user, fork, {YESTERDAY: Counts(7, 5, 1)})
    factories.add_scan(connection, user, YESTERDAY, expected=2, recorded=2)
    return user


def test_totals_of_the_newest_complete_day_with_and_without_forks(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(TODAY)
    user = add_both_kinds(connection)

    assert client.get(f"/v1/users/{user.id}/totals").json() == {
        "date": YESTERDAY.isoformat(),
        "all": {"stargazers": 107, "forks": 25, "watchers": 4},
        "without_forks": {"stargazers": 100, "forks": 20, "watchers": 3},
        "only_forks": {"stargazers": 7, "forks": 5, "watchers": 1},
    }


def test_totals_are_null_before_the_first_complete_day(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection)

    assert set(client.get(f"/v1/users/{user.id}/totals").json().values()) == {None}


def test_unknown_user_has_no_totals(client: TestClient) -> None:
    assert client.get("/v1/users/7/totals").status_code == 404
