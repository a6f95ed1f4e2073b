"""How a list of a user's repositories is sorted: joins and the value of a column, as SQL.

They are parts of a statement with the tables ``repositories r`` and ``ownerships o`` and the column
``today``.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from api.queries.repository_sort import Sort


def parameters(connection: Connection, user_id: int, sort: Sort) -> dict[str, Any]:
    """Return the parameters that ``joins`` and ``value`` have besides the user's id."""
    if sort.days is None:
        return {}
    last_scan = connection.execute(_LAST_SCAN, {"user_id": user_id}).scalar_one()
    earlier = None if last_scan is None else last_scan - timedelta(days=sort.days)
    return {"last_scan": last_scan, "earlier": earlier}


def joins(sort: Sort) -> str:
    """Return the joins that the value of a sort column needs."""
    if sort is Sort.FIRST_DAY:
        return _OLDEST
    if sort in (Sort.NAME, Sort.LANGUAGE, Sort.ID):
        return ""
    if sort.days is None:
        return _KEPT
    newest_date = _NEWEST_VALUE.format(column="date")
    return _KEPT + _EARLIER.format(newest_date=newest_date, column=sort.metric)


def value(sort: Sort) -> str:
    """Return the expression of a sort column."""
    if sort in _PLAIN:
        return _PLAIN[sort]
    newest = _NEWEST_VALUE.format(column=sort.metric)
    if sort.days is None:
        return newest
    return f"{newest} - {_EARLIER_VALUE.format(column=sort.metric, days=sort.days)}"


# The copy of the newest row, if it counts.
_KEPT = """
LEFT JOIN latest_stats kept ON kept.repo_id = r.id AND kept.user_id = o.user_id
    AND kept.revision = r.revision AND kept.date <= today
"""

# The newest row's value: of the copy, or else of the row itself. Postgres evaluates the subquery
# only then; of a join it would set up the look-up in each partition for each repository.
_NEWEST_VALUE = """coalesce(kept.{column}, (
    SELECT {column} FROM daily_stats
    WHERE repo_id = r.id AND date <= today AND user_id = o.user_id ORDER BY date DESC LIMIT 1
))"""

# The row some days before the newest. Almost all newest rows are of the day of the last scan, which
# is known beforehand: then the row is looked up in one partition.
_EARLIER = """
CROSS JOIN LATERAL (
    SELECT {newest_date} AS date
) newest
LEFT JOIN LATERAL (
    SELECT {column} AS count FROM daily_stats
    WHERE repo_id = r.id AND date = CAST(:earlier AS date) AND user_id = o.user_id LIMIT 1
) usual ON newest.date = :last_scan
"""

_EARLIER_VALUE = """CASE WHEN newest.date = :last_scan THEN usual.count ELSE (
    SELECT {column} FROM daily_stats
    WHERE repo_id = r.id AND date = newest.date - {days} AND user_id = o.user_id
) END"""

_OLDEST = """
LEFT JOIN LATERAL (
    SELECT date FROM daily_stats
    WHERE repo_id = r.id AND date <= today AND user_id = o.user_id ORDER BY date LIMIT 1
) oldest ON true
"""

_LAST_SCAN = text("""
    SELECT max(day) FROM scans
    WHERE user_id = :user_id AND recorded > 0
      AND day <= (repopulse_now() AT TIME ZONE 'UTC')::date
""")

_PLAIN = {
    Sort.NAME: 'lower(r.name) COLLATE "C"',
    Sort.LANGUAGE: 'lower(r.language) COLLATE "C"',
    Sort.ID: "r.id",
    Sort.FIRST_DAY: "oldest.date",
    Sort.LAST_DAY: _NEWEST_VALUE.format(column="date"),
}
