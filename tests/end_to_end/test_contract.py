"""The frozen HTTP contract, with all processes running."""

from typing import Any

import pytest

from simulator import World
from tests.end_to_end.system import System
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

TITOV = {"id": 28631927, "login": "anvdev", "name": "Ivan Titov"}


def scans(system: System, user_id: int) -> list[dict[str, Any]]:
    """Wait until the first scan has ended, and return the user's scans."""

    def ended() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = system.call("GET", f"/v1/users/{user_id}/scans").json()
        return found if found and found[0]["finished_at"] else []

    return wait_until(ended, 30)


def test_a_user_is_followed_listed_and_deleted(system: System, world: World) -> None:
    titov = world.add_account("anvdev", name="Ivan Titov", id=28631927)
    world.add_repository(titov, "hello", stargazers=42, forks=9, watchers=14, id=7329078)

    added = system.call("PUT", "/v1/users", json=TITOV)
    listed = system.call("GET", "/v1/users")
    scans(system, 28631927)
    stats = system.call("GET", "/v1/users/28631927/stats")
    found = system.call("GET", "/v1/repos?full_name=anvdev/Hello")
    deleted = system.call("DELETE", "/v1/users/28631927")

    assert [repository["id"] for repository in found.json()] == [7329078]
    assert (added.status_code, added.json()) == (201, TITOV)
    assert (listed.status_code, listed.json()) == (200, [TITOV])
    row = {"repo_id": 7329078, "stargazers": 42, "forks": 9, "watchers": 14}
    assert stats.json() == {"user": TITOV, "stats": [row | {"date": world.day.isoformat()}]}
    assert deleted.status_code == 200
    assert system.call("GET", "/v1/users").json() == []


def test_an_account_that_github_does_not_have_gets_a_record_and_no_rows(system: System) -> None:
    added = system.call("PUT", "/v1/users", json=TITOV)
    record = scans(system, 28631927)[0]
    listed = system.call("GET", "/v1/users")
    stats = system.call("GET", "/v1/users/28631927/stats")
    deleted = system.call("DELETE", "/v1/users/28631927")

    assert added.status_code == 201
    assert listed.json() == [TITOV]
    assert record["state"] == "gone"
    assert "GitHub shows no account with id 28631927" in record["reason"]
    assert stats.json() == {"user": TITOV, "stats": []}
    assert deleted.status_code == 200
    assert system.call("GET", "/v1/users").json() == []


def test_a_login_alone_becomes_a_user_with_a_row_for_each_repository(
    system: System, world: World
) -> None:
    owner = world.add_account("octo-org", name="Octo", type="Organization")
    for number in range(257):
        world.add_repository(owner, f"repository-{number}", stargazers=number)

    answer = system.call("PUT", "/v1/users", json={"login": "Octo-Org"})
    scans(system, owner.id)
    stats = system.call("GET", f"/v1/users/{owner.id}/stats").json()["stats"]

    assert answer.status_code == 201
    assert answer.json() == {"id": owner.id, "login": "octo-org", "name": "Octo"}
    assert {row["repo_id"]: row["stargazers"] for row in stats} == {
        repository.id: number for number, repository in enumerate(world.repositories(owner))
    }


def test_a_login_that_changed_hands_is_a_new_user_beside_the_former_one(
    system: System, world: World
) -> None:
    former = world.add_account("handed-on", name="First")
    world.add_repository(former, "r", stargazers=1)
    assert system.call("PUT", "/v1/users", json={"login": "handed-on"}).status_code == 201
    assert system.call("PUT", "/v1/users", json={"login": "handed-on"}).status_code == 200
    # A first scan that begins after the renaming learns the new login, and nothing is handed over.
    scans(system, former.id)
    world.rename_account(former, "moved-away")
    taker = world.add_account("handed-on", name="Second")

    answer = system.call("PUT", "/v1/users", json={"login": "handed-on"})

    assert answer.status_code == 201
    assert answer.json() == {"id": taker.id, "login": "handed-on", "name": "Second"}
    assert system.call("GET", f"/v1/users/{former.id}").json() == {
        "id": former.id,
        "login": "moved-away",
        "name": "First",
    }
    for login, user in (("Handed-On", taker), ("moved-away", former)):
        found = system.call("GET", f"/v1/users?login={login}").json()
        assert [each["id"] for each in found] == [user.id]
    for user, state in ((former, "done"), (taker, "done")):
        days = scans(system, user.id)
        assert days[0]["state"] == state
        assert "handed-on" in days[0]["reason"]


def test_private_repositories_that_the_token_may_see_are_not_stored(
    system: System, world: World
) -> None:
    watcher = world.account("watcher")
    assert watcher is not None
    secret = world.add_repository(watcher, "secret-plan", private=True)
    world.add_repository(watcher, "in-the-open")

    system.call("PUT", "/v1/users", json={"login": "watcher"})
    scans(system, watcher.id)
    stats = system.call("GET", f"/v1/users/{watcher.id}/stats").json()["stats"]

    assert len(stats) == 1
    assert secret.id not in {row["repo_id"] for row in stats}
    assert "secret-plan" not in system.log("worker")


def test_a_login_that_github_does_not_have_is_a_404_with_the_reason(system: System) -> None:
    answer = system.call("PUT", "/v1/users", json={"login": "no-such-user"})

    assert answer.status_code == 404
    assert answer.json() == {"detail": "GitHub has no user no-such-user"}
