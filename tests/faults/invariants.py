"""What must be true after every fault.

- Every active user is scanned on the day.
- The rows are exactly the expected ones; no user's day was settled twice.
- Queues and unacknowledged messages are empty soon after the visibility timeout.
- Nothing was restarted by hand: only the cluster restarts processes.
- No process wrote a traceback.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from contextlib import suppress
from datetime import date

import redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.broker import Queue
from tests.faults.cluster import LEASE, Cluster
from tests.waiting import wait_until

Row = tuple[int, date, int, int, int, int]

SETTLED = re.compile(r"(?:scan done|load finished): ([^,]+),")


def check(
    cluster: Cluster,
    *,
    days: Sequence[date] | None = None,
    since: Callable[[], Mapping[int, date]] = dict,
    seconds: float = 90,
    shared: Mapping[int, Collection[int]] | None = None,
    tracebacks: Mapping[str, re.Pattern[str]] | None = None,
) -> None:
    """Wait until all users are scanned and the queues are empty, then check every row.

    :param days: the days for which rows are expected; today if not given
    :param since: returns, by user, the first of these days for users who came later
    :param seconds: how long the last user may take beyond the time of the scans
    :param shared: by repository, the owners of a repository that was transferred within those
        days: a row may be any of theirs
    :param tracebacks: by process, the log line whose traceback is expected; no other may be there
    """
    days = days or [cluster.world.day]
    _wait_until_all_are_scanned(cluster, seconds + cluster.scan_time)
    _wait_until_queues_are_empty(cluster, LEASE * 0.75 + 30)
    owed = {(user, day) for user in _followed(cluster) for day in days} - {
        (user, day) for user, first in since().items() for day in days if day < first
    }
    _check_rows(cluster, owed, shared or {})
    _check_settled_once(cluster, owed)
    for name, written in cluster.logs().items():
        _check_tracebacks(name, written, (tracebacks or {}).get(name))


def _check_tracebacks(name: str, written: str, expected: re.Pattern[str] | None) -> None:
    """Check that each traceback in a log belongs to a line that the test expects."""
    end = 0
    for found in re.finditer("Traceback", written):
        before = written[end : found.start()]
        end = found.end()
        assert expected.search(before) if expected else None, (
            f"{name} wrote a traceback: {before[-500:]}{written[found.start() : end + 4000]}"
        )


def unscanned(cluster: Cluster) -> list[str]:
    """Return the logins of the active users who are not scanned today yet."""
    with cluster.engine.connect() as connection:
        return list(
            connection.execute(
                text(
                    "SELECT login FROM users WHERE state = 'active'"
                    " AND (scanned_on IS NULL OR scanned_on < :day) ORDER BY id"
                ),
                {"day": cluster.world.day},
            ).scalars()
        )


def _wait_until_all_are_scanned(cluster: Cluster, seconds: float) -> None:
    def are_all_scanned() -> bool:
        with suppress(DBAPIError):
            cluster.skip_wait()
            return not unscanned(cluster)
        return False

    try:
        wait_until(are_all_scanned, seconds)
    except AssertionError:
        lost = unscanned(cluster)
        raise AssertionError(f"{len(lost)} users without a scan, the first: {lost[:5]}") from None


def _wait_until_queues_are_empty(cluster: Cluster, seconds: float) -> None:
    def waiting() -> dict[str, int]:
        with cluster.redis() as client:
            found = {queue.value: client.llen(queue) for queue in Queue}
            return found | {"unacked": client.hlen("unacked")}

    def are_empty() -> bool:
        try:
            return not any(waiting().values())
        except redis.RedisError:
            return False

    try:
        wait_until(are_empty, seconds)
    except AssertionError:
        raise AssertionError(f"messages are left: {waiting()}") from None


def _followed(cluster: Cluster) -> list[int]:
    with cluster.engine.connect() as connection:
        return list(connection.execute(text("SELECT id FROM users")).scalars())


def _check_rows(
    cluster: Cluster, owed: Set[tuple[int, date]], shared: Mapping[int, Collection[int]]
) -> None:
    with cluster.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT repo_id, date, user_id, stargazers, forks, watchers FROM daily_stats")
        )
        stored: set[Row] = {(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows}
    expected: set[Row] = {
        (repository, day, truth.owner_id, truth.stargazers, truth.forks, truth.watchers)
        for day in {day for _, day in owed}
        for repository, truth in cluster.world.truth(day).items()
        if (truth.owner_id, day) in owed
    }
    stored, expected = _with_one_owner(stored, shared), _with_one_owner(expected, shared)
    lost, invented = expected - stored, stored - expected
    assert not lost, f"{len(lost)} rows are lost, the first: {sorted(lost)[:3]}"
    assert not invented, f"{len(invented)} rows are wrong, the first: {sorted(invented)[:3]}"


def _with_one_owner(rows: set[Row], shared: Mapping[int, Collection[int]]) -> set[Row]:
    """Replace any owner of a shared repository by the first of its owners."""

    def owner(row: Row) -> int:
        owners = shared.get(row[0], ())
        return min(owners) if row[2] in owners else row[2]

    return {(*row[:2], owner(row), *row[3:]) for row in rows}


def _check_settled_once(cluster: Cluster, owed: Set[tuple[int, date]]) -> None:
    """Check the records, and the log lines of workers that settled a day."""
    with cluster.engine.connect() as connection:
        settled = {
            (row.user_id, row.day)
            for row in connection.execute(
                text("SELECT user_id, day FROM scans WHERE state = 'done'")
            )
        }
        logins: dict[str, int] = {
            row.login: row.id for row in connection.execute(text("SELECT login, id FROM users"))
        }
    unsettled = owed - settled
    assert not unsettled, f"{len(unsettled)} days are not done, the first: {sorted(unsettled)[:5]}"
    days = Counter(user for user, _ in owed)
    logged = Counter(
        logins[login]
        for name, written in cluster.logs().items()
        if name.startswith("worker")
        for login in SETTLED.findall(written)
        if login in logins
    )
    twice = {user: count for user, count in logged.items() if count > days[user]}
    assert not twice, f"settled more than once a day: {twice}"
