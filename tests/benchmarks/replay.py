"""Users with a history: the rows that a year of scans would record, written at once."""

import io
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, text

from common import repositories, stats
from common.users import TrackedUser
from simulator import World
from tests import factories

COLUMNS = "repo_id, date, user_id, stargazers, forks, watchers"

_DAYS_A_COPY = 30


def fill(engine: Engine, *, users: int, each: int, days: int, until: date) -> list[TrackedUser]:
    """Follow users with so many repositories ``each``, and record each day up to the last one.

    The rows come in the order in which they would have been recorded, day by day, and the tables
    are vacuumed as they would have been by themselves.
    """
    first = until - timedelta(days=days - 1)
    with engine.begin() as connection:
        for ahead in range(0, days, 28):
            stats.create_partitions(connection, first + timedelta(days=ahead))
        stats.create_partitions(connection, until)
        followed = [factories.add_user(connection) for _ in range(users)]
        owned = {
            user.id: [factories.add_repository(connection, user, day=until).id for _ in range(each)]
            for user in followed
        }
        # The product's own writer takes minutes for what it wrote in a year; what it guards
        # against does not happen here.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for ago in range(days - 1, -1, -_DAYS_A_COPY):
            lot = range(ago, max(ago - _DAYS_A_COPY, -1), -1)
            copy(connection, "daily_stats", _lines(owned, [until - timedelta(days=d) for d in lot]))
    _rest(engine)
    return followed


def replay(engine: Engine, world: World, *, days: int) -> list[TrackedUser]:
    """Follow every account of a world, and record its repositories on each day up to the world's.

    Every day of every user was scanned and is whole.
    """
    every = [world.day - timedelta(days=ago) for ago in range(days - 1, -1, -1)]
    with engine.begin() as connection:
        for day in every[:: _DAYS_A_COPY - 2] + every[-1:]:
            stats.create_partitions(connection, day)
        users = {
            account.id: factories.add_user(connection, account.id, account.login, account.name)
            for account in world.accounts
        }
        for account in world.accounts:
            seen = [
                factories.make_repository(each.id, each.name)
                for each in world.repositories(account)
            ]
            repositories.save(connection, account.id, world.day, seen)
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for day in every:
            copy(
                connection,
                "daily_stats",
                (
                    f"{repo_id}\t{day}\t{owner_id}\t{stars}\t{forks}\t{watchers}\n"
                    for repo_id, (owner_id, stars, forks, watchers) in world.truth(day).items()
                ),
            )
        connection.execute(
            text(
                """
                INSERT INTO scans
                    (user_id, day, state, expected, recorded, attempts, started_at, finished_at)
                SELECT users.id, day, 'done', owned.number, owned.number, 1, day + time '00:05',
                       day + time '00:06'
                FROM users, unnest(CAST(:days AS date[])) AS day,
                     LATERAL (SELECT count(*) AS number FROM ownerships
                              WHERE user_id = users.id) AS owned
                """
            ),
            {"days": every},
        )
        connection.execute(
            text("UPDATE users SET scanned_on = :day, added_at = :first"),
            {"day": world.day, "first": every[0]},
        )
    _rest(engine)
    return list(users.values())


def copy(connection: Connection, table: str, lines: Iterator[str]) -> None:
    """Copy rows of ``daily_stats`` into a table, in the order of ``COLUMNS``, parted by tabs."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.copy_expert(f"COPY {table} ({COLUMNS}) FROM STDIN", io.StringIO("".join(lines)))


def _rest(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _lines(owned: dict[int, list[int]], days: list[date]) -> Iterator[str]:
    for day in days:
        for user_id, ids in owned.items():
            for repo_id in ids:
                stars = repo_id % 9973 + day.toordinal() % 1000
                yield f"{repo_id}\t{day}\t{user_id}\t{stars}\t{stars // 7}\t{stars // 31}\n"
