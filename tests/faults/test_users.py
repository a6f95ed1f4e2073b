"""Users who are deleted, and repositories that are transferred, during their scans."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from common.broker import Task
from simulator import Account, Fault, FaultKind, Repository, World
from simulator.faults import RequestView
from simulator.node_ids import NodeType, new_id
from tests.faults.cluster import TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster
from tests.faults.invariants import check
from tests.faults.messages import messages
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

ASKS_FOR_REPOSITORIES = "repositories("


def asked_for(view: RequestView, account: Account) -> bool:
    """Return whether a request is for the repositories of an account."""
    return ASKS_FOR_REPOSITORIES in view.body and new_id(NodeType.USER, account.id) in view.body


@contextmanager
def locked(cluster: Cluster, statement: str, **parameters: object) -> Iterator[Callable[[], int]]:
    """Hold a lock during the block; yield a function that counts the waiting transactions."""
    with cluster.engine.begin() as connection:
        connection.execute(text(statement), parameters)

        def waiting() -> int:
            with cluster.engine.connect() as other:
                return int(
                    other.execute(
                        text(
                            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                            " AND application_name IN ('repopulse-worker', 'repopulse-api')"
                        )
                    ).scalar_one()
                )

        yield waiting


LOCK_ROWS = "LOCK TABLE daily_stats IN SHARE ROW EXCLUSIVE MODE"
"""Writers of rows wait for it; readers do not."""


# 16: users deleted


@pytest.fixture
def tracked(make_cluster: MakeCluster, length: Length) -> tuple[Cluster, Account]:
    """Return a cluster at the end of a day, and the user in it who is claimed last."""
    world = World(day=TODAY)
    for number in range(length(10, full=60)):
        account = world.add_account(f"other-{number}")
        for index in range(12):
            world.add_repository(account, f"repository-{index}", stargazers=number, watchers=index)
    victim = world.add_account("victim", id=world.accounts[-1].id + 1)
    for index in range(12):
        world.add_repository(victim, f"repository-{index}", stargazers=index, forks=1)
    cluster = make_cluster(world)
    cluster.follow(world.accounts[:-1])
    cluster.start("api", "worker", "beat")
    cluster.wait_until_done(1)
    # By login, so that a lookup points at the user too.
    assert wait_until(lambda: follow(cluster, victim), 60) in (200, 201)
    cluster.wait_until_done(len(world.accounts))
    # A request that comes after the login was resolved looks it up once more.
    assert traces(cluster, victim)["lookups"] >= 1
    return cluster, victim


def follow(cluster: Cluster, account: Account) -> int | None:
    status = cluster.call("PUT", "/v1/users", json={"login": account.login}).status_code
    return None if status == 202 else status


def delete(cluster: Cluster, account: Account) -> None:
    assert cluster.call("DELETE", f"/v1/users/{account.id}").status_code == 200


def traces(cluster: Cluster, account: Account) -> dict[str, int]:
    """Count what each table holds of an account and of its repositories."""
    repositories = [
        repository.id for repository in cluster.world.repositories() if repository.owner is account
    ]
    of_users = {"users": "id"} | dict.fromkeys(
        ("repositories", "ownerships", "names", "daily_stats", "scans", "lookups"), "user_id"
    )
    of_repositories = {"repositories": "id", "ownerships": "repo_id", "daily_stats": "repo_id"}
    with cluster.engine.connect() as connection:

        def count(table: str) -> int:
            condition = f"{of_users[table]} = :id"
            if table in of_repositories:
                condition += f" OR {of_repositories[table]} = ANY(:repositories)"
            statement = text(f"SELECT count(*) FROM {table} WHERE {condition}")
            parameters: dict[str, Any] = {"id": account.id, "repositories": repositories}
            return int(connection.execute(statement, parameters).scalar_one())

        return {table: count(table) for table in of_users}


def check_forgotten(cluster: Cluster, account: Account) -> None:
    check(cluster, days=[TODAY, cluster.world.day])
    assert not any(traces(cluster, account).values()), traces(cluster, account)
    for name, written in cluster.logs().items():
        bad = [
            line
            for line in written.splitlines()
            if " ERROR " in line
            # That a whole day has jumped by is told, rightly: users are overdue for a moment.
            or (" WARNING " in line and "status of users: " not in line)
        ]
        assert not bad, f"{name}: {bad}"


def queued_users(cluster: Cluster) -> set[int]:
    """Return the ids of the users whose messages wait to be taken."""
    return {
        message.arguments[0]
        for message in messages(cluster)
        if message.task == Task.SCAN_USER and not message.is_taken
    }


def test_16_a_user_is_deleted_while_the_scan_is_queued(tracked: tuple[Cluster, Account]) -> None:
    cluster, victim = tracked
    slow = Fault(FaultKind.SLOW, seconds=2)
    cluster.simulator.fail(slow, times=None, match=lambda _: True)
    cluster.next_day()
    wait_until(lambda: victim.id in queued_users(cluster), 60)

    delete(cluster, victim)

    assert victim.id in queued_users(cluster)
    cluster.simulator.heal()
    check_forgotten(cluster, victim)


def test_16_a_user_is_deleted_while_github_answers(tracked: tuple[Cluster, Account]) -> None:
    cluster, victim = tracked
    is_asked = hold_answers(cluster, victim, seconds=2)
    cluster.next_day()
    wait_until(is_asked.is_set, 60)

    delete(cluster, victim)

    check_forgotten(cluster, victim)


def hold_answers(cluster: Cluster, account: Account, *, seconds: float) -> threading.Event:
    """Delay the answers about an account; return an event that is set by the first request."""
    is_asked = threading.Event()

    def match(view: RequestView) -> bool:
        if asked_for(view, account):
            is_asked.set()
            return True
        return False

    cluster.simulator.fail(Fault(FaultKind.SLOW, seconds=seconds), times=None, match=match)
    return is_asked


def test_16_a_user_is_deleted_while_the_scan_is_written(tracked: tuple[Cluster, Account]) -> None:
    cluster, victim = tracked
    is_asked = hold_answers(cluster, victim, seconds=1)
    cluster.next_day()
    cluster.wait_until_done(len(cluster.world.accounts) - 1)
    wait_until(is_asked.is_set, 60)

    with locked(cluster, LOCK_ROWS) as waiting:
        wait_until(lambda: waiting() == 1, 10)
        deletion = threading.Thread(target=delete, args=(cluster, victim))
        deletion.start()
        wait_until(lambda: waiting() == 2, 10)
    deletion.join(30)

    check_forgotten(cluster, victim)


def test_16_a_scan_is_written_while_its_user_is_deleted(
    tracked: tuple[Cluster, Account],
) -> None:
    cluster, victim = tracked
    is_asked = hold_answers(cluster, victim, seconds=2)
    cluster.next_day()
    cluster.wait_until_done(len(cluster.world.accounts) - 1)
    wait_until(is_asked.is_set, 60)

    with locked(cluster, LOCK_ROWS) as waiting:
        deletion = threading.Thread(target=delete, args=(cluster, victim))
        deletion.start()
        wait_until(lambda: waiting() == 2, 10)
    deletion.join(30)

    check_forgotten(cluster, victim)


# 17: repositories that are transferred


class Transfers:
    """Transfers repositories between two accounts while both are scanned.

    At the first request for one of the two, before its answer, all moving repositories change
    owners. At the first request for the other, half of those in the first answer are transferred
    to the other, so that both answers have them.
    """

    def __init__(self, cluster: Cluster, owners: tuple[Account, Account]) -> None:
        self.moving: list[Repository] = []
        self.seen_by_both: list[Repository] = []
        self.both_asked = threading.Event()
        self._world = cluster.world
        self._owners = owners
        self._asked: list[Account] = []

    def next_day(self) -> None:
        # Ten for each again: an owner without repositories could transfer none.
        for number, repository in enumerate(self.moving):
            owner = self._owners[number % 2]
            if repository.owner is not owner:
                self._world.transfer(repository, owner)
        self._asked.clear()
        self.both_asked.clear()

    def __call__(self, view: RequestView) -> bool:
        """Match the first request of the day for either owner, before its answer is made."""
        asked = [
            owner for owner in self._owners if owner not in self._asked and asked_for(view, owner)
        ]
        for owner in asked:
            self._asked.append(owner)
            # In reverse order, so that the two owners have them in different orders.
            if len(self._asked) == 1:
                for repository in reversed(self.moving):
                    self._world.transfer(repository, self._other(repository.owner))
            else:
                seen = [each for each in self.moving if each.owner is self._asked[0]]
                self.seen_by_both = seen[::2]
                for repository in reversed(self.seen_by_both):
                    self._world.transfer(repository, owner)
                self.both_asked.set()
        return bool(asked)

    def _other(self, owner: Account) -> Account:
        return self._owners[1] if owner is self._owners[0] else self._owners[0]


def test_17_repositories_are_transferred_between_two_users_while_both_are_scanned(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = World(day=TODAY)
    bystanders = [world.add_account(f"bystander-{number}") for number in range(4)]
    owners = (world.add_account("one"), world.add_account("other"))
    cluster = make_cluster(world)
    transfers = Transfers(cluster, owners)
    for account in bystanders:
        world.add_repository(account, "hello", stargazers=1)
    for account in owners:
        for number in range(80):
            world.add_repository(account, f"{account.login}-{number}", stargazers=number)
        transfers.moving += world.repositories(account)[:10]
    cluster.follow(world.accounts)
    cluster.start("worker", "worker-2", "beat")
    cluster.wait_until_done(len(world.accounts))
    cluster.simulator.fail(Fault(FaultKind.SLOW, seconds=2), times=None, match=transfers)
    holds = (LOCK_ROWS, "SELECT FROM repositories WHERE id = :middle FOR UPDATE")

    days = [TODAY]
    for number in range(length(4, full=20)):
        transfers.next_day()
        days.append(cluster.next_day())
        wait_until(transfers.both_asked.is_set, 60)
        cluster.wait_until_done(len(bystanders))
        # A repository that both write, with others before and after it.
        middle = transfers.seen_by_both[len(transfers.seen_by_both) // 2]
        with locked(cluster, holds[number % 2], middle=middle.id) as waiting:
            # Both have seen what was transferred, and write it at the same time.
            wait_until(lambda: waiting() >= 2, 10)
        cluster.wait_until_done(len(world.accounts))

    ids = [owner.id for owner in owners]
    check(cluster, days=days, shared={repository.id: ids for repository in transfers.moving})
    assert "deadlock" not in cluster.postgres.log.read_text()
    for name in ("worker", "worker-2"):
        assert "the database is busy" not in cluster.logs()[name]
