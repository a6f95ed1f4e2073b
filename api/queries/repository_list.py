"""Repositories as people see them: what they are, since when they are recorded, how they change."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text

from common.repositories import Counts

SPANS = (1, 7, 30, 365)
"""Days over which changes are told."""


@dataclass(frozen=True, slots=True)
class Change:
    """How much each count differs from an earlier day; below zero where it fell."""

    stargazers: int
    forks: int
    watchers: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One repository.

    :param user_id: whose entry it is: the user who was asked for, or else the newest owner
    :param login: that user's login
    :param absent_since: the first day on which it was not the user's; None while it is
    :param moved_to: the followed user who owns it now, where that is another
    :param first_day: the first recorded day
    :param last_day: the newest recorded day
    :param latest: what was recorded on ``last_day``
    :param changes: by span in days, from the day so long before ``last_day`` until ``last_day``;
        None where that day was not recorded
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


def of_user(connection: Connection, user_id: int) -> list[Entry]:
    """Return all repositories that a user has or had, by id; with the user's own days of each."""
    rows = connection.execute(
        text(
            _ENTRIES.format(
                whose="o.user_id",
                repositories="ownerships o JOIN repositories r ON r.id = o.repo_id",
                own="AND user_id = o.user_id",
                wanted="o.user_id = :user_id",
            )
        ),
        {"user_id": user_id},
    ).all()
    return _entries(connection, rows, user_id)


def get(connection: Connection, repo_id: int) -> Entry | None:
    """Return one repository with all of its days, whoever owned it; None where there is none."""
    rows = connection.execute(
        text(
            _ENTRIES.format(
                whose="r.user_id", repositories="repositories r", own="", wanted="r.id = :repo_id"
            )
        ),
        {"repo_id": repo_id},
    ).all()
    entries = _entries(connection, rows, None)
    return entries[0] if entries else None


# For each repository the index is entered at one end and at the other: what lies between is not
# read, however many years it is.
_ENTRIES = """
SELECT r.id, u.id AS user_id, u.login, r.name, r.description, r.language, r.is_fork, r.is_archived,
       CASE
           WHEN r.user_id <> u.id THEN coalesce(
               (SELECT min(date) FROM daily_stats
                WHERE repo_id = r.id AND user_id <> u.id AND date > newest.date),
               newest.date + 1, r.listed_on)
           WHEN r.state <> 'listed' THEN coalesce(
               -- Not known where it is gone because the user who had it was deleted.
               r.missing_since, newest.date + 1, r.listed_on)
           WHEN u.state = 'vanished' THEN u.missing_since
       END AS absent_since,
       CASE WHEN r.user_id <> u.id AND r.state <> 'gone' THEN r.user_id END AS moved_to,
       oldest.date AS first_day, newest.date AS last_day,
       newest.stargazers, newest.forks, newest.watchers
FROM {repositories}
JOIN users u ON u.id = {whose}
LEFT JOIN LATERAL (
    SELECT date FROM daily_stats WHERE repo_id = r.id {own} ORDER BY date LIMIT 1
) oldest ON true
LEFT JOIN LATERAL (
    SELECT date, stargazers, forks, watchers FROM daily_stats
    WHERE repo_id = r.id {own} ORDER BY date DESC LIMIT 1
) newest ON true
WHERE {wanted}
ORDER BY r.id
"""


def _entries(connection: Connection, rows: Sequence[Row[Any]], user_id: int | None) -> list[Entry]:
    newest = {
        row.id: (row.last_day, Counts(row.stargazers, row.forks, row.watchers))
        for row in rows
        if row.last_day is not None
    }
    changes = _changes(connection, newest, user_id)
    return [
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
            latest=newest[row.id][1] if row.id in newest else None,
            changes={span: changes[row.id].get(span) for span in SPANS},
        )
        for row in rows
    ]


def _changes(
    connection: Connection, newest: dict[int, tuple[date, Counts]], user_id: int | None
) -> dict[int, dict[int, Change]]:
    rows = connection.execute(
        text(
            # LIMIT keeps the planner from joining whole partitions: each row is looked up by key.
            """
            SELECT wanted.repo_id, span, d.stargazers, d.forks, d.watchers
            FROM unnest(CAST(:ids AS bigint[]), CAST(:days AS date[])) AS wanted (repo_id, day)
            CROSS JOIN unnest(CAST(:spans AS integer[])) AS span
            CROSS JOIN LATERAL (
                SELECT stargazers, forks, watchers FROM daily_stats
                WHERE repo_id = wanted.repo_id AND date = wanted.day - span
                  AND (CAST(:user_id AS bigint) IS NULL OR user_id = :user_id)
                LIMIT 1
            ) d
            """
        ),
        {
            "ids": list(newest),
            "days": [day for day, _ in newest.values()],
            "spans": list(SPANS),
            "user_id": user_id,
        },
    )
    changes: dict[int, dict[int, Change]] = defaultdict(dict)
    for repo_id, span, stargazers, forks, watchers in rows:
        _, now = newest[repo_id]
        changes[repo_id][span] = Change(
            now.stargazers - stargazers, now.forks - forks, now.watchers - watchers
        )
    return changes
