"""Rows of days to come: a database's clock that was ahead has left them.

Nothing serves them, and no rule counts them. They stay until an operator removes them, because it
may be the clock of this moment that is wrong, and behind. They have to go before their day comes.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from common import repositories, users

_TODAY = "(repopulse_now() AT TIME ZONE 'UTC')::date"

_CONCERNED = f"""
    SELECT id FROM users u
    WHERE scanned_on > {_TODAY} OR missing_since > {_TODAY}
       OR EXISTS (SELECT FROM scans WHERE user_id = u.id AND day > {_TODAY})
"""  # noqa: S608 - a constant
"""Each daily row has a record of its user's day, which is found by primary key."""


@dataclass(frozen=True, slots=True)
class FutureDays:
    """What is stored of days to come.

    :param rows: daily rows
    :param last: the last such day; None if there is none
    """

    users: int
    rows: int
    last: date | None


def count_users(connection: Connection) -> int:
    """Return of how many users something is stored of days to come."""
    count: int = connection.execute(
        text(f"SELECT count(*) FROM ({_CONCERNED}) AS concerned")  # noqa: S608 - a constant
    ).scalar_one()
    return count


def find(connection: Connection) -> FutureDays:
    """Return what is stored of days to come; reads all daily rows of this month and later ones."""
    rows, last = connection.execute(
        text(f"SELECT count(*), max(date) FROM daily_stats WHERE date > {_TODAY}")  # noqa: S608 - a constant
    ).one()
    days = connection.execute(
        text(
            f"""
            SELECT max(day) FROM scans WHERE day > {_TODAY}
            UNION ALL SELECT max(day) FROM fan_outs WHERE day > {_TODAY}
            UNION ALL SELECT max(greatest(scanned_on, missing_since)) FROM users
            WHERE greatest(scanned_on, missing_since) > {_TODAY}
            """  # noqa: S608 - constants
        )
    ).scalars()
    known = [day for day in (last, *days) if day is not None]
    return FutureDays(count_users(connection), rows, max(known, default=None))


def list_users(connection: Connection) -> list[int]:
    """Return the ids of the users of whom something is stored of days to come."""
    return list(connection.execute(text(f"{_CONCERNED} ORDER BY id")).scalars())


def remove_of_user(connection: Connection, user_id: int) -> int:
    """Remove what is stored of a user's days to come, and what depends on them.

    :return: how many daily rows were removed
    """
    # In the order in which a scan locks.
    if not users.lock(connection, user_id):
        return 0
    owned = connection.execute(
        text("SELECT repo_id FROM ownerships WHERE user_id = :id"), {"id": user_id}
    ).scalars()
    repositories.lock(connection, owned)
    removed = connection.execute(text(_REMOVE), {"id": user_id}).rowcount
    for statement in _REPAIRS:
        connection.execute(text(statement), {"id": user_id})
    return removed


def remove_completed(connection: Connection) -> None:
    """Remove completed days to come."""
    connection.execute(text(f"DELETE FROM fan_outs WHERE day > {_TODAY}"))  # noqa: S608 - a constant


_REMOVE = f"""
    DELETE FROM daily_stats
    WHERE repo_id IN (SELECT repo_id FROM ownerships WHERE user_id = :id)
      AND user_id = :id AND date > {_TODAY}
"""  # noqa: S608 - a constant

_REPAIRS = (
    f"DELETE FROM latest_stats WHERE user_id = :id AND date > {_TODAY}",  # noqa: S608 - a constant
    f"DELETE FROM scans WHERE user_id = :id AND day > {_TODAY}",  # noqa: S608 - a constant
    # The newest day that really was settled; without one the user is loaded again.
    f"""
    UPDATE users
    SET scanned_on = CASE WHEN scanned_on <= {_TODAY} THEN scanned_on ELSE (
            SELECT max(day) FROM scans
            WHERE user_id = :id AND state IN ('done', 'incomplete', 'gone')
        ) END,
        state = CASE WHEN missing_since > {_TODAY} THEN 'active' ELSE state END,
        missing_since = CASE WHEN missing_since <= {_TODAY} THEN missing_since END,
        asked_at = CASE WHEN asked_at <= repopulse_now() THEN asked_at END,
        added_at = least(added_at, repopulse_now())
    WHERE id = :id
    """,  # noqa: S608 - a constant
    f"""
    UPDATE repositories
    SET listed_on = CASE WHEN listed_on <= {_TODAY} THEN listed_on ELSE {_TODAY} - 1 END,
        first_seen_on = least(first_seen_on, {_TODAY}),
        missing_since = CASE WHEN missing_since <= {_TODAY} THEN missing_since END,
        revision = gen_random_uuid()
    WHERE user_id = :id
      AND greatest(listed_on, first_seen_on, missing_since) > {_TODAY}
    """,  # noqa: S608 - a constant
    f"""
    UPDATE names
    SET first_seen_on = least(first_seen_on, {_TODAY}),
        last_seen_on = CASE WHEN last_seen_on > {_TODAY} THEN {_TODAY} ELSE last_seen_on END
    WHERE user_id = :id AND greatest(first_seen_on, last_seen_on) > {_TODAY}
    """,  # noqa: S608 - a constant
)
