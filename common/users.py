"""Reads and writes of the followed users."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text

from common import lookups, repositories


@dataclass(frozen=True, slots=True)
class TrackedUser:
    """A followed account, as the HTTP contract shows it; ``id`` is GitHub's own account id."""

    id: int
    login: str
    name: str


_COLUMNS = "id, login, name"


def _user(row: Row[Any] | None) -> TrackedUser | None:
    return None if row is None else TrackedUser(row.id, row.login, row.name)


def add(
    connection: Connection,
    user: TrackedUser,
    *,
    node_id: str | None = None,
    lease: float = 0,
) -> tuple[TrackedUser, bool]:
    """Follow an account from now on.

    :param lease: seconds during which the sweep leaves the new user to the caller's own message
    :return: the user as stored, and whether it is new; one that is followed already stays as it is
    """
    added = text(
        f"""
        INSERT INTO users (id, login, name, node_id, lease_until)
        VALUES (:id, :login, :name, :node_id, repopulse_now() + make_interval(secs => :lease))
        ON CONFLICT (id) DO NOTHING
        RETURNING {_COLUMNS}
        """  # noqa: S608 - a constant
    )
    # Held against deletion until the transaction ends, for whoever refers to the user next.
    found = text(f"SELECT {_COLUMNS} FROM users WHERE id = :id FOR KEY SHARE")  # noqa: S608 - a constant
    values = {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "node_id": node_id,
        "lease": lease,
    }
    while True:
        if row := connection.execute(added, values).one_or_none():
            return TrackedUser(*row), True
        if stored := _user(connection.execute(found, {"id": user.id}).one_or_none()):
            return stored, False
        # Deleted between the two statements.


def get(connection: Connection, user_id: int) -> TrackedUser | None:
    """Return one followed user, or None."""
    return _user(
        connection.execute(
            text(f"SELECT {_COLUMNS} FROM users WHERE id = :id"),  # noqa: S608 - a constant
            {"id": user_id},
        ).one_or_none()
    )


def find_by_login(connection: Connection, login: str) -> TrackedUser | None:
    """Return the followed user who bears this login, in whatever case, or None.

    Of two that bear it (one was renamed and not scanned since) the one whose login was confirmed
    last.
    """
    return _user(
        connection.execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM users
                WHERE lower(login) = lower(:login) AND missing_since IS NULL
                ORDER BY scanned_on DESC NULLS LAST, id LIMIT 1
                """  # noqa: S608 - a constant
            ),
            {"login": login},
        ).one_or_none()
    )


def page(connection: Connection, *, limit: int | None = None, after: int = 0) -> list[TrackedUser]:
    """Return the followed users by ascending id, those after an id, at most ``limit``."""
    rows = connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM users WHERE id > :after ORDER BY id LIMIT :limit"  # noqa: S608 - a constant
        ),
        {"after": after, "limit": limit},
    )
    return [TrackedUser(*row) for row in rows]


def update_profile(connection: Connection, user: TrackedUser, *, node_id: str) -> None:
    """Follow GitHub in what changes: login and name; and note that the account is there."""
    connection.execute(
        text(
            """
            UPDATE users
            SET login = :login, name = :name, node_id = :node_id,
                state = 'active', missing_since = NULL
            WHERE id = :id
              AND (login, name, node_id, state, missing_since)
                  IS DISTINCT FROM (:login, :name, :node_id, 'active', CAST(NULL AS date))
            """
        ),
        {"id": user.id, "login": user.login, "name": user.name, "node_id": node_id},
    )


def mark_missing(connection: Connection, user_id: int, day: date) -> date:
    """Note that GitHub showed no such account on a day.

    The user counts as vanished once that was seen on two days: GitHub has denied accounts by
    mistake.

    :return: the first of the days in a row on which it was so
    """
    since: date = connection.execute(
        text(
            """
            UPDATE users
            SET missing_since = coalesce(missing_since, :day),
                state = CASE WHEN missing_since < :day THEN 'vanished' ELSE state END
            WHERE id = :id RETURNING missing_since
            """
        ),
        {"id": user_id, "day": day},
    ).scalar_one()
    return since


def release(connection: Connection, user_id: int) -> None:
    """Let the next sweep take a user whose own message could not be sent."""
    connection.execute(
        text("UPDATE users SET lease_until = '-infinity' WHERE id = :id"), {"id": user_id}
    )


def lock(connection: Connection, user_id: int) -> bool:
    """Hold a user against deletion and other writers until the transaction ends.

    :return: whether the user is still there
    """
    row = connection.execute(
        # Whoever only refers to the user, by giving it a repository, need not wait: it may hold
        # what we need next.
        text("SELECT 1 FROM users WHERE id = :id FOR NO KEY UPDATE"),
        {"id": user_id},
    ).one_or_none()
    return row is not None


def delete(connection: Connection, user_id: int) -> bool:
    """Forget a user: first all statistics of the user's repositories, then the user.

    Days on which another followed user owned one of the repositories are that user's and stay.

    :return: whether there was such a user
    """
    # Before the lock on the user: whoever resolves a login takes them in this order.
    lookups.cancel(connection, user_id)
    # A scan in flight takes the same lock before it writes, and finds nobody there afterwards.
    if not lock(connection, user_id):
        return False
    owned = connection.execute(
        text("SELECT repo_id FROM ownerships WHERE user_id = :id"), {"id": user_id}
    ).scalars()
    # Another owner's scan may be at work on some of them.
    repositories.lock(connection, owned)
    for statement in (
        """
        DELETE FROM daily_stats
        WHERE user_id = :id AND repo_id IN (SELECT repo_id FROM ownerships WHERE user_id = :id)
        """,
        "DELETE FROM ownerships WHERE user_id = :id",
        """
        UPDATE repositories r SET user_id = o.user_id, state = 'gone'
        FROM (SELECT repo_id, min(user_id) AS user_id FROM ownerships GROUP BY repo_id) o
        WHERE r.user_id = :id AND o.repo_id = r.id
        """,
        "DELETE FROM repositories WHERE user_id = :id",
        "DELETE FROM scans WHERE user_id = :id",
        "DELETE FROM users WHERE id = :id",
    ):
        connection.execute(text(statement), {"id": user_id})
    return True
