"""Repositories as people see them: description, recorded days, newest counts and changes.

A user may have 20,000. They are filtered, sorted and cut by Postgres; what is shown of each is read
for those alone that are on the page.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from api.queries import repository_order
from api.queries.repository_sort import SPANS, Order, Sort
from api.queries.series import Change, Point, change_over
from common import tables
from common.db import array_literal
from common.repositories import Counts


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


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of a user's repositories are wanted; None does not filter.

    :param words: a text that is in the name or the description, in any case
    """

    is_fork: bool | None = None
    is_archived: bool | None = None
    is_present: bool | None = None
    language: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """Some of a user's repositories in order.

    :param in_all: how many there are on all pages
    """

    entries: list[Entry]
    in_all: int


def of_user(
    connection: Connection,
    user_id: int,
    sort: Sort = Sort.NAME,
    order: Order | None = None,
    *,
    only: Filter | None = None,
    limit: int | None = None,
    offset: int = 0,
    first_days: bool = True,
) -> ListPage:
    """Return repositories that a user has or had, with only that user's days.

    Those without a value in the sort column come last in either direction; equal ones are in the
    order of their names.

    :param order: None sorts text from A to Z, and numbers and dates from the greatest
    :param first_days: False leaves out the first day of each, which takes most of the time
    """
    only = only or Filter()
    values: dict[str, Any] = {
        "user_id": user_id,
        "fork": only.is_fork,
        "archived": only.is_archived,
        "present": only.is_present,
        "language": only.language,
        # No name contains a NUL, and Postgres refuses texts with one.
        "words": None if only.words is None else only.words.replace("\0", "\ufffd"),
        "limit": limit,
        "offset": offset,
    }
    values |= repository_order.parameters(connection, user_id, sort)
    direction = (order or sort.usual_order).value
    ids = (
        connection.execute(
            text(
                f"{_LISTED.format(columns='r.id', joined=repository_order.joins(sort))}"
                f" ORDER BY {repository_order.value(sort)} {direction} NULLS LAST, {_BY_NAME}"
                " LIMIT :limit OFFSET :offset"
            ),
            values,
        )
        .scalars()
        .all()
    )
    in_all = len(ids) + offset
    if (limit is not None and len(ids) == limit) or (offset and not ids):
        counted = _OWNED if only == Filter() else _LISTED.format(columns="count(*)", joined="")
        in_all = connection.execute(text(counted), values).scalar_one()
    rows = connection.execute(
        text(
            _ENTRIES.format(
                owner="o.user_id",
                source="ownerships o JOIN repositories r ON r.id = o.repo_id",
                own="AND user_id = o.user_id",
                kept_of="o.user_id",
                wanted="o.user_id = :user_id AND r.id = ANY(CAST(:ids AS bigint[]))",
            )
        ),
        {"user_id": user_id, "ids": array_literal(ids), "first_days": first_days},
    ).all()
    found = {entry.id: entry for entry in _entries(connection, rows, user_id)}
    return ListPage([found[each] for each in ids], in_all)


def first_day_of_user(connection: Connection, user_id: int) -> date | None:
    """Return the first recorded day of any repository that a user has or had."""
    first: date | None = connection.execute(text(_FIRST_DAY), {"user_id": user_id}).scalar_one()
    return first


def get(connection: Connection, repo_id: int) -> Entry | None:
    """Return one repository with the days of all its owners, or None."""
    rows = connection.execute(
        text(
            _ENTRIES.format(
                owner="r.user_id",
                source="repositories r",
                own="",
                kept_of="r.user_id",
                wanted="r.id = :repo_id",
            )
        ),
        {"repo_id": repo_id, "first_days": True},
    ).all()
    entries = _entries(connection, rows, None)
    return entries[0] if entries else None


_BY_NAME = 'lower(r.name) COLLATE "C", r.id'

_LISTED = """
WITH clock AS (SELECT (repopulse_now() AT TIME ZONE 'UTC')::date AS today)
SELECT {columns}
FROM clock CROSS JOIN ownerships o
JOIN repositories r ON r.id = o.repo_id
JOIN users u ON u.id = o.user_id
{joined}
WHERE o.user_id = :user_id
  AND (CAST(:fork AS boolean) IS NULL OR r.is_fork = :fork)
  AND (CAST(:archived AS boolean) IS NULL OR r.is_archived = :archived)
  AND (CAST(:present AS boolean) IS NULL OR :present = (
      -- Otherwise ``absent_since`` below has a day.
      r.user_id = o.user_id AND r.state = 'listed'
      AND (u.state <> 'vanished' OR u.missing_since IS NULL)))
  AND (CAST(:language AS text) IS NULL OR lower(r.language) = lower(:language))
  AND (CAST(:words AS text) IS NULL OR strpos(lower(r.name), lower(:words)) > 0
       OR strpos(lower(r.description), lower(:words)) > 0)
"""

_OWNED = "SELECT count(*) FROM ownerships WHERE user_id = :user_id"

_FIRST_DAY = """
SELECT coalesce(
    (SELECT min(day) FROM scans WHERE user_id = :user_id AND recorded > 0),
    -- Rows of which no scan is recorded.
    (SELECT min(oldest.date)
     FROM (SELECT (repopulse_now() AT TIME ZONE 'UTC')::date AS today) clock
     CROSS JOIN ownerships o CROSS JOIN LATERAL (
         SELECT date FROM daily_stats
         WHERE repo_id = o.repo_id AND date <= today AND user_id = o.user_id
         ORDER BY date LIMIT 1
     ) oldest WHERE o.user_id = :user_id)
)
"""

# For each repository, the oldest day is read from an end of the index, and the newest from the copy
# or the other end: the years in between are not read. Days after today are a wrong clock's.
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
    SELECT date FROM daily_stats
    WHERE :first_days AND repo_id = r.id AND date <= today {own} ORDER BY date LIMIT 1
) oldest ON true
LEFT JOIN latest_stats kept ON kept.repo_id = r.id AND kept.revision = r.revision
    AND kept.date <= today AND kept.user_id = {kept_of}
LEFT JOIN LATERAL (
    SELECT date, stargazers, forks, watchers FROM daily_stats
    WHERE kept.repo_id IS NULL AND repo_id = r.id AND date <= today {own} ORDER BY date DESC LIMIT 1
) looked_up ON true
CROSS JOIN LATERAL (
    SELECT coalesce(kept.date, looked_up.date) AS date,
           coalesce(kept.stargazers, looked_up.stargazers) AS stargazers,
           coalesce(kept.forks, looked_up.forks) AS forks,
           coalesce(kept.watchers, looked_up.watchers) AS watchers
) newest
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
