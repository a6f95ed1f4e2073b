"""The followed users as a portfolio: totals, changes, today's state; sorted, filtered and cut.

All of it is one statement: Postgres reads the newest complete day of each user, adds them up, and
returns the users of one page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from api.queries import series
from api.queries.metric import Metric
from api.queries.names import HAS_LOGIN_ALONE, Account
from api.queries.repository_sort import Order
from common.db import array_literal

LOOK_BACK = 45
"""How many days old the newest complete day of a user may be."""

SPANS = (7, 30)
"""Numbers of days over which changes are shown."""


class Standing(StrEnum):
    """What became of a user's scan today."""

    RECORDED = "recorded"
    INCOMPLETE = "incomplete"
    """Rows of some repositories are missing."""
    NOT_RECORDED = "not_recorded"
    """Not scanned today yet, or in vain."""
    LOADING = "loading"
    """Never scanned: followed a moment ago, or waiting for GitHub."""
    NOT_FOUND = "not_found"
    """GitHub shows no such account."""

    @property
    def label(self) -> str:
        """Return how pages name it."""
        return {
            Standing.RECORDED: "recorded today",
            Standing.INCOMPLETE: "incomplete today",
            Standing.NOT_RECORDED: "not recorded today",
            Standing.LOADING: "loading",
            Standing.NOT_FOUND: "not found at GitHub",
        }[self]

    @property
    def heading(self) -> str:
        """Return the label with a capital letter."""
        return self.label[:1].upper() + self.label[1:]


class Column(StrEnum):
    """What the users can be sorted by; changes are those of one metric."""

    LOGIN = "login"
    STARGAZERS = "stargazers"
    FORKS = "forks"
    WATCHERS = "watchers"
    CHANGE_7D = "change_7d"
    CHANGE_30D = "change_30d"
    REPOSITORIES = "repositories"
    DATE = "date"

    @property
    def usual_order(self) -> Order:
        """Text ascends by default; numbers and days descend."""
        return Order.ASCENDING if self is Column.LOGIN else Order.DESCENDING


@dataclass(frozen=True, slots=True)
class Holding(Account):
    """A followed user with the totals of the newest complete day.

    :param reason: why the user was not recorded today, or not completely; None if no scan of today
        says so
    :param missing_since: the first day of those in a row on which GitHub showed no such account
    :param repositories: how many GitHub lists, as far as they are recorded; None before the first
        scan that ended
    :param day: the newest complete day; None if it is older than ``LOOK_BACK`` days
    :param counts: the totals on that day, by metric
    :param changes: of the shown metric, by number of days; None where that day was not complete
    """

    standing: Standing
    reason: str | None
    missing_since: date | None
    repositories: int | None
    day: date | None
    counts: dict[Metric, int | None]
    changes: dict[int, int | None]


@dataclass(frozen=True, slots=True)
class Sum:
    """A total of all users.

    :param value: of the users who have a complete day
    :param changes: by number of days, of the users who had a complete day that long before; None
        without any
    :param compared: by number of days, how many users these are
    """

    value: int | None
    changes: dict[int, int | None]
    compared: dict[int, int]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A page of users, and what all of them have together.

    :param users: how many are followed
    :param summed: how many have a complete day
    :param since: the oldest of these days
    :param until: the newest of them
    :param standings: how many users have each standing
    :param in_all: how many match the filter
    :param repositories: how many GitHub counted at the last scans
    :param id_sum: the sum of the users' ids, which tells whether they are the same as before
    """

    users: int
    summed: int
    since: date | None
    until: date | None
    sums: dict[Metric, Sum]
    standings: dict[Standing, int]
    in_all: int
    repositories: int
    id_sum: int
    holdings: list[Holding]


def read(
    connection: Connection,
    *,
    metric: Metric = Metric.STARGAZERS,
    sort: Column = Column.STARGAZERS,
    order: Order | None = None,
    words: str = "",
    standing: Standing | None = None,
    limit: int,
    offset: int = 0,
) -> Portfolio:
    """Return a page of the followed users, with the sums of all.

    Users without a value in the sort column come last in either direction; equal ones are in the
    order of their logins.

    :param metric: of the changes
    :param words: a text that is in the login or the name, in any case
    :param standing: only users with this one; None does not filter
    """
    sql = _statement(metric, sort, order or sort.usual_order)
    values = {
        # No name contains a NUL, and Postgres refuses texts with one.
        "words": words.replace("\0", "\ufffd"),
        "standing": standing,
        "limit": limit,
        "offset": offset,
        "ids": "{}",
        "days": "{}",
    } | {metric.value: "{}" for metric in Metric}
    rows = connection.execute(sql, values).all()
    if rows[0].lacking_users is not None:
        lacking = list(zip(rows[0].lacking_users, rows[0].lacking_days, strict=True))
        rows = connection.execute(sql, values | _added_up(connection, lacking)).all()
    return _portfolio(rows, metric)


def _added_up(connection: Connection, days: list[tuple[int, date]]) -> dict[str, str]:
    """Return the totals of days of which none are kept, as arrays.

    A process of release 0.2.0 that runs beside the others keeps none.
    """
    totals = series.add_up(connection, days)
    counts = [totals.get(each, [0, 0, 0]) for each in days]
    return {
        "ids": array_literal(user_id for user_id, _ in days),
        "days": "{" + ",".join(day.isoformat() for _, day in days) + "}",
    } | {
        metric.value: array_literal(int(each[place]) for each in counts)
        for place, metric in enumerate(Metric)
    }


def _portfolio(rows: Sequence[Row[*tuple[Any, ...]]], metric: Metric) -> Portfolio:
    first = rows[0]
    return Portfolio(
        users=first.users,
        summed=first.summed,
        since=first.since,
        until=first.until,
        sums={
            each: Sum(
                getattr(first, f"sum_{each}"),
                {days: getattr(first, f"sum_{each}_{days}") for days in SPANS},
                {days: getattr(first, f"compared_{days}") for days in SPANS},
            )
            for each in Metric
        },
        standings={each: getattr(first, f"are_{each}") for each in Standing},
        in_all=first.in_all,
        repositories=first.repositories_in_all,
        id_sum=int(first.id_sum),
        holdings=[_holding(row, metric) for row in rows if row.id is not None],
    )


def _holding(row: Row[*tuple[Any, ...]], metric: Metric) -> Holding:
    return Holding(
        id=row.id,
        login=row.login,
        name=row.name,
        has_login_alone=row.has_login_alone,
        standing=Standing(row.standing),
        reason=row.reason,
        missing_since=row.missing_since,
        repositories=row.repositories,
        day=row.day,
        counts={each: getattr(row, each.value) for each in Metric},
        changes={days: getattr(row, f"{metric}_{days}") for days in SPANS},
    )


@cache
def _statement(metric: Metric, sort: Column, order: Order) -> TextClause:
    is_by_count = sort is Column.REPOSITORIES
    values = {
        Column.LOGIN: "lower(login)",
        Column.CHANGE_7D: f"{metric}_7",
        Column.CHANGE_30D: f"{metric}_30",
        Column.DATE: "day",
    }
    value = values.get(sort, sort.value)
    return text(f"""
WITH clock AS (SELECT (repopulse_now() AT TIME ZONE 'UTC')::date AS today),
computed AS (
    SELECT * FROM unnest(
        CAST(:ids AS bigint[]), CAST(:days AS date[]), {_each("CAST(:{0} AS bigint[])")}
    ) AS c (user_id, day, {_each("{0}")})
),
figures AS MATERIALIZED (
    SELECT u.id, u.login, u.name, u.missing_since, u.repositories AS counted,
           CASE WHEN u.missing_since IS NOT NULL THEN 'not_found'
                WHEN u.scanned_on = today AND scan.state = 'incomplete' THEN 'incomplete'
                WHEN u.scanned_on = today THEN 'recorded'
                WHEN u.scanned_on IS NULL THEN 'loading'
                ELSE 'not_recorded' END AS standing,
           coalesce(scan.reason, scan.note) AS reason,
           newest.day, {_each("newest.{0}")},
           {_each(", ".join(f"newest.{{0}} - d{days}.{{0}} AS {{0}}_{days}" for days in SPANS))},
           u.state,
           {_COUNT.replace("counted", "repositories") if is_by_count else "NULL::bigint"}
               AS repositories,
           strpos(lower(u.login || ' ' || u.name), lower(:words)) > 0 AS has_words,
           array_remove(ARRAY[
               CASE WHEN newest.is_lacking THEN newest.day END,
               {", ".join(f"CASE WHEN d{days}.is_lacking THEN d{days}.day END" for days in SPANS)}
           ], NULL) AS lacking
    FROM clock CROSS JOIN users u
    LEFT JOIN LATERAL (
        SELECT state, reason, note FROM scans WHERE user_id = u.id AND day = today LIMIT 1
    ) AS scan ON true
    LEFT JOIN LATERAL (
        SELECT * FROM {_TOTALS} AS t
        WHERE t.user_id = u.id AND t.day BETWEEN today - {LOOK_BACK} AND today
        ORDER BY t.day DESC LIMIT 1
    ) AS newest ON true
    {_EARLIER}
    {_LISTED.format(condition="true") if is_by_count else ""}
),
shown AS (
    SELECT *, row_number() OVER (
        ORDER BY {value} {order.value} NULLS LAST, lower(login), id
    ) AS place
    FROM figures
    WHERE has_words AND (CAST(:standing AS text) IS NULL OR standing = :standing)
    ORDER BY place LIMIT :limit OFFSET :offset
),
sums AS (
    SELECT count(*) AS users, coalesce(sum(counted), 0)::bigint AS repositories_in_all,
           coalesce(sum(id), 0) AS id_sum,
           count(day) AS summed, min(day) AS since, max(day) AS until,
           {_each("sum({0})::bigint AS sum_{0}")},
           {_each(", ".join(f"sum({{0}}_{days})::bigint AS sum_{{0}}_{days}" for days in SPANS))},
           {", ".join(f"count(stargazers_{days}) AS compared_{days}" for days in SPANS)},
           {
        ", ".join(f"count(*) FILTER (WHERE standing = '{each}') AS are_{each}" for each in Standing)
    },
           count(*) FILTER (
               WHERE has_words AND (CAST(:standing AS text) IS NULL OR standing = :standing)
           ) AS in_all
    FROM figures
),
lacking AS (
    SELECT array_agg(id) AS lacking_users, array_agg(lacks) AS lacking_days
    FROM figures CROSS JOIN unnest(lacking) AS lacks
)
SELECT sums.*, lacking.*, u.id, u.login, u.name, u.standing, u.reason, u.missing_since, u.day,
       {_each("u.{0}")}, {_each(", ".join(f"u.{{0}}_{days}" for days in SPANS))},
       {"u.repositories" if is_by_count else _COUNT} AS repositories,
       {HAS_LOGIN_ALONE} AS has_login_alone
FROM sums CROSS JOIN lacking LEFT JOIN shown u ON true
{"" if is_by_count else _LISTED.format(condition="user_id IN (SELECT id FROM shown)")}
ORDER BY u.place
""")  # noqa: S608 - columns' names from enums


def _each(template: str) -> str:
    return ", ".join(template.format(metric.value) for metric in Metric)


_TOTALS = f"""(
    SELECT s.user_id, s.day,
           s.totals_at IS DISTINCT FROM s.finished_at AND c.user_id IS NULL AS is_lacking,
           {_each("CASE WHEN s.totals_at = s.finished_at THEN s.{0} ELSE c.{0} END AS {0}")}
    FROM scans s LEFT JOIN computed c ON c.user_id = s.user_id AND c.day = s.day
    WHERE s.state = 'done'
)"""  # noqa: S608 - columns' names from an enum
"""The totals of complete days."""

# With a limit each day is looked up by key; a join would read the scans of all days.
_EARLIER = "".join(
    f"""
    LEFT JOIN LATERAL (
        SELECT * FROM {_TOTALS} AS t WHERE t.user_id = u.id AND t.day = newest.day - {days} LIMIT 1
    ) AS d{days} ON true
    """  # noqa: S608 - numbers of days
    for days in SPANS
)

# Grouped, not looked up user by user: if one user has most repositories, Postgres would read all of
# them for each.
_LISTED = """
    LEFT JOIN (
        SELECT user_id, count(*) AS number FROM repositories
        WHERE state = 'listed' AND {condition} GROUP BY user_id
    ) AS listed
        -- With the account its repositories are gone.
        ON listed.user_id = u.id AND u.state = 'active'
"""

_COUNT = "CASE WHEN u.counted IS NOT NULL OR listed.number > 0 THEN coalesce(listed.number, 0) END"
"""How many repositories of ``u`` GitHub lists; null before the first scan that ended."""
