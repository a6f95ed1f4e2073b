"""Repositories as people see them: description, recorded days, newest counts and changes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from api.queries.series import Change, Point, change_over
from common import tables
from common.repositories import Counts

SPANS = (1, 7, 30, 365)
"""Numbers of days over which a change is shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One repository.

    :param user_id: the user whose list this is, or else the newest owner
    :param login: that user's login
    :param absent_since: the first day on which it was not the user's; None while it is
    :param moved_to: the tracked user who owns it now, where that is another user
    :param first_day: the first recorded day
    :param last_day: the newest recorded day
    :param latest: what was recorded on ``last_day``
    :param changes: by number of days before ``last_day``; None where that day was not recorded
    """

    id: int
    user_id: int
    login: str
    name: str
    description: str | None
    language: str | None
    is_fork: bool
    is_archived: bool
    absent_since: date | None
    moved_to: int | None
    first_day: date | None
    last_day: date | None
    latest: Counts | None
    changes: dict[int, Change | None]

    @property
    def full_name(self) -> str:
        """The name as GitHub writes it: with the owner's login before it."""
        return f"{self.login}/{self.name}"

    @property
    def is_present(self) -> bool:
        """Whether GitHub lists it among the user's."""
        return self.absent_since is None


@dataclass(frozen=True, slots=True)
class Named:
    """What a repository is called, and whose it is.

    :param user_id: the newest owner
    :param login: that user's login
    """

    id: int
    user_id: int
    login: str
    name: str

    @property
    def full_name(self) -> str:
        """The name as GitHub writes it: with the owner's login before it."""
        return f"{self.login}/{self.name}"


_NAMED = (
    select(
        tables.repositories.c.id,
        tables.users.c.id,
        tables.users.c.login,
        tables.repositories.c.name,
    )
    .join_from(tables.repositories, tables.users)
    .where(tables.repositories.c.id == bindparam("id"))
)


def get_named(connection: Connection, repo_id: int) -> Named | None:
    """Return the name of a repository, in a tenth of the time that ``get`` takes; or None."""
    row = connection.execute(_NAMED, {"id": repo_id}).one_or_none()
    return None if row is None else Named(*row)


def of_user(connection: Connection, user_id: int) -> list[Entry]:
    """Return all repositories that a user has or had, by id, with only that user's days."""
    rows = connection.execute(
        text(
            _ENTRIES.format(
                owner="o.user_id",
                source="ownerships o JOIN repositories r ON r.id = o.repo_id",
                own="AND user_id = o.user_id",
                wanted="o.user_id = :user_id",
            )
        ),
        {"user_id": user_id},
    ).all()
    return _entries(connection, rows, user_id)


def get(connection: Connection, repo_id: int) -> Entry | None:
    """Return one repository with the days of all its owners, or None."""
    rows = connection.execute(
        text(
            _ENTRIES.format(
                owner="r.user_id", source="repositories r", own="", wanted="r.id = :repo_id"
            )
        ),
        {"repo_id": repo_id},
    ).all()
    entries = _entries(connection, rows, None)
    return entries[0] if entries else None


# For each repository, the oldest and the newest day are read from the two ends of the index: the
# years in between are not read. Days after today are a wrong clock's.
_ENTRIES = """
WITH clock AS (SELECT (repopulse_now() AT TIME ZONE 'UTC')::date AS today)
SELECT r.id, u.id AS user_id, u.login, r.name, r.description, r.language, r.is_fork, r.is_archived,
       CASE
           WHEN r.user_id <> u.id THEN coalesce(
               (SELECT min(date) FROM daily_stats
                WHERE repo_id = r.id AND user_id <> u.id AND date > newest.date AND date <= today),
               newest.date + 1, least(r.listed_on, today))
           WHEN r.state <> 'listed' THEN coalesce(
               -- Null where it is gone because the user who had it was deleted.
               CASE WHEN r.missing_since <= today THEN r.missing_since END,
               newest.date + 1, least(r.listed_on, today))
           WHEN u.state = 'vanished' THEN least(u.missing_since, today)
       END AS absent_since,
       CASE WHEN r.user_id <> u.id AND r.state <> 'gone' THEN r.user_id END AS moved_to,
       oldest.date AS first_day, newest.date AS last_day,
       newest.stargazers, newest.forks, newest.watchers
FROM clock CROSS JOIN {source}
JOIN users u ON u.id = {owner}
LEFT JOIN LATERAL (
    SELECT date FROM daily_stats WHERE repo_id = r.id AND date <= today {own} ORDER BY date LIMIT 1
) oldest ON true
LEFT JOIN LATERAL (
    SELECT date, stargazers, forks, watchers FROM daily_stats
    WHERE repo_id = r.id AND date <= today {own} ORDER BY date DESC LIMIT 1
) newest ON true
WHERE {wanted}
ORDER BY r.id
"""


def _entries(connection: Connection, rows: Sequence[Row[Any]], user_id: int | None) -> list[Entry]:
    newest = {
        row.id: Point(row.last_day, row.stargazers, row.forks, row.watchers)
        for row in rows
        if row.last_day is not None
    }
    earlier = _earlier(connection, newest, user_id)
    entries = []
    for row in rows:
        last = newest.get(row.id)
        points = [*earlier.get(row.id, []), last] if last else []
        entries.append(
            Entry(
                id=row.id,
                user_id=row.user_id,
                login=row.login,
                name=row.name,
                description=row.description,
                language=row.language,
                is_fork=row.is_fork,
                is_archived=row.is_archived,
                absent_since=row.absent_since,
                moved_to=row.moved_to,
                first_day=row.first_day,
                last_day=row.last_day,
                latest=Counts(last.stargazers, last.forks, last.watchers) if last else None,
                changes={span: change_over(points, span) for span in SPANS},
            )
        )
    return entries


def _earlier(
    connection: Connection, newest: dict[int, Point], user_id: int | None
) -> dict[int, list[Point]]:
    """Return, by repository, the recorded days that are one of ``SPANS`` before the newest."""
    rows = connection.execute(
        text(
            # LIMIT keeps the planner from joining whole partitions: each row is looked up by key.
            """
            SELECT wanted.repo_id, d.date, d.stargazers, d.forks, d.watchers
            FROM unnest(CAST(:ids AS bigint[]), CAST(:days AS date[])) AS wanted (repo_id, day)
            CROSS JOIN unnest(CAST(:spans AS integer[])) AS span
            CROSS JOIN LATERAL (
                SELECT date, stargazers, forks, watchers FROM daily_stats
                WHERE repo_id = wanted.repo_id AND date = wanted.day - span
                  AND (CAST(:user_id AS bigint) IS NULL OR user_id = :user_id)
                LIMIT 1
            ) d
            """
        ),
        {
            "ids": list(newest),
            "days": [point.day for point in newest.values()],
            "spans": list(SPANS),
            "user_id": user_id,
        },
    )
    earlier: dict[int, list[Point]] = defaultdict(list)
    for repo_id, *counts in rows:
        earlier[repo_id].append(Point(*counts))
    return earlier
