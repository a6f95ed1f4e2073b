"""Reads and writes of the tracked users."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import (
    Connection,
    Date,
    Integer,
    Interval,
    Row,
    bindparam,
    case,
    cast,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import insert

from common import clock, imports, lookups, repositories, tables
from common.db import ContentionError
from common.states import UserState

_ownerships = tables.ownerships.c
_repositories = tables.repositories.c
_scans = tables.scans.c
_users = tables.users.c

_ADD_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class TrackedUser:
    """A tracked account, as the HTTP contract shows it; ``id`` is GitHub's own account id."""

    id: int
    login: str
    name: str


_COLUMNS = (_users.id, _users.login, _users.name)


def _tracked_user(row: Row[int, str, str] | None) -> TrackedUser | None:
    return None if row is None else TrackedUser(row.id, row.login, row.name)


# The statements of frequent calls are built once: building takes as long as executing.
_GET = select(*_COLUMNS).where(_users.id == bindparam("id"))
_GET_AND_PROTECT = _GET.with_for_update(read=True, key_share=True)
"""``FOR KEY SHARE``: the user cannot be deleted until the transaction ends."""
_PAGE = (
    select(*_COLUMNS)
    .where(_users.id > bindparam("after"))
    .order_by(_users.id)
    .limit(bindparam("limit", type_=Integer))
)

_INSERT = (
    insert(tables.users)
    .values(lease_until=clock.NOW + bindparam("lease", type_=Interval))
    .on_conflict_do_nothing(index_elements=[_users.id])
    .returning(*_COLUMNS)
)
"""Insert a user, or return nothing if there is one with this id."""


def add(
    connection: Connection,
    user: TrackedUser,
    *,
    node_id: str | None = None,
    lease: float = 0,
) -> tuple[TrackedUser, bool]:
    """Track an account from now on; leave a user who is tracked already as stored.

    The user cannot be deleted until the transaction ends, so that the caller may refer to it.

    :param lease: seconds for which the sweep leaves a new user to the caller's own message
    :return: the user as stored, and whether it is new
    :raise ContentionError: other transactions deleted the user at each attempt
    """
    values = {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "node_id": node_id,
        "lease": timedelta(seconds=lease),
    }
    for _ in range(_ADD_ATTEMPTS):
        added = connection.execute(_INSERT, values).one_or_none()
        if added is not None:
            return TrackedUser(*added), True
        stored = connection.execute(_GET_AND_PROTECT, {"id": user.id}).one_or_none()
        if stored is not None:
            return TrackedUser(*stored), False
        # Another transaction deleted the user between the two statements.
    raise ContentionError(
        f"user {user.id} was deleted during each of {_ADD_ATTEMPTS} attempts to add it; try again"
    )


def get(connection: Connection, user_id: int) -> TrackedUser | None:
    """Return one tracked user, or None."""
    return _tracked_user(connection.execute(_GET, {"id": user_id}).one_or_none())


def find_by_login(connection: Connection, login: str) -> TrackedUser | None:
    """Return the tracked user with this login, ignoring case, or None.

    Two users may have one login: one was renamed and not scanned since. The user whose login was
    confirmed last is returned, by a scan or when the user was added.
    """
    return _tracked_user(
        connection.execute(
            select(*_COLUMNS)
            .where(func.lower(_users.login) == func.lower(login), _users.missing_since.is_(None))
            .order_by(
                func.greatest(
                    # A day after today is a wrong clock's.
                    case((_users.scanned_on <= clock.TODAY, _users.scanned_on)),
                    cast(func.timezone("UTC", _users.added_at), Date),
                ).desc(),
                _users.added_at.desc(),
                _users.id,
            )
            .limit(1)
        ).one_or_none()
    )


def page(connection: Connection, *, limit: int | None = None, after: int = 0) -> list[TrackedUser]:
    """Return tracked users by ascending id.

    :param limit: how many users to return at most; None returns all
    :param after: the id after which the page begins
    """
    rows = connection.execute(_PAGE, {"after": after, "limit": limit})
    return [TrackedUser(*row) for row in rows]


def update_profile(connection: Connection, user: TrackedUser, *, node_id: str) -> None:
    """Store the login and name that GitHub shows now, and that the account exists.

    Nothing is written if nothing changed.
    """
    shown = {
        _users.login: user.login,
        _users.name: user.name,
        _users.node_id: node_id,
        _users.state: UserState.ACTIVE,
        _users.missing_since: None,
        _users.missing_at: None,
    }
    connection.execute(
        update(tables.users)
        .where(
            _users.id == user.id,
            or_(*(column.is_distinct_from(value) for column, value in shown.items())),
        )
        .values(shown)
    )


def missing_at(connection: Connection, user_id: int) -> datetime | None:
    """Return since when GitHub has not shown the account; None if its last answer showed it."""
    moment: datetime | None = connection.execute(
        text(
            """
            -- What is after now is a wrong clock's.
            SELECT CASE WHEN missing_since <= (repopulse_now() AT TIME ZONE 'UTC')::date
                        -- Release 0.2.0 stores the day alone.
                        THEN least(
                            coalesce(missing_at, missing_since::timestamp AT TIME ZONE 'UTC'),
                            repopulse_now()
                        ) END
            FROM users WHERE id = :id
            """
        ),
        {"id": user_id},
    ).scalar_one()
    return moment


def mark_missing(connection: Connection, user_id: int, day: date, *, is_gone: bool = True) -> date:
    """Record that GitHub showed no such account on a day.

    The user counts as vanished after two such days: GitHub has denied existing accounts by mistake.

    :param is_gone: False if the account is not missing for long enough to count as vanished
    :return: the first day of those in a row on which GitHub showed no such account
    """
    is_vanished = _users.missing_since < day if is_gone else false()
    since: date | None = connection.execute(
        update(tables.users)
        .where(_users.id == user_id)
        .values(
            # Not a day to come, which a wrong clock may have left.
            missing_since=func.least(_users.missing_since, day),
            missing_at=case(
                (func.coalesce(_users.missing_since <= day, false()), _users.missing_at),
                else_=clock.NOW,
            ),
            state=case((is_vanished, UserState.VANISHED), else_=_users.state),
        )
        .returning(_users.missing_since)
    ).scalar_one()
    assert since is not None  # noqa: S101 - for the type checker
    return since


def release(connection: Connection, user_id: int) -> None:
    """Make a user due at once, because its own message could not be sent."""
    connection.execute(
        update(tables.users).where(_users.id == user_id).values(lease_until=tables.NEVER)
    )


def lock(connection: Connection, user_id: int) -> bool:
    """Lock a user against deletion and other writers until the transaction ends.

    :return: whether the user is still tracked
    """
    row = connection.execute(
        # NO KEY: a transaction that only gives a repository to the user need not wait, and may
        # hold a lock that this one needs next.
        text("SELECT 1 FROM users WHERE id = :id FOR NO KEY UPDATE"),
        {"id": user_id},
    ).one_or_none()
    return row is not None


_HAND_OVER_REPOSITORIES = text("""
    UPDATE repositories r SET user_id = o.user_id, state = 'gone'
    FROM (SELECT repo_id, min(user_id) AS user_id FROM ownerships GROUP BY repo_id) o
    WHERE r.user_id = :id AND o.repo_id = r.id
""")
"""Give a deleted user's repositories to other tracked users who owned them on some day."""


def delete(connection: Connection, user_id: int) -> bool:
    """Delete a user: first all statistics of the user's repositories, then the user.

    Rows of days on which another tracked user owned one of the repositories stay.

    :return: whether there was such a user
    """
    # Before the user is locked: a worker that resolves a login locks in this order.
    lookups.cancel(connection, user_id)
    # A scan in flight takes the same lock before it writes, and then finds no user.
    if not lock(connection, user_id):
        return False
    owned = select(_ownerships.repo_id).where(_ownerships.user_id == user_id)
    # A scan of another owner may be writing some of them.
    repositories.lock(connection, connection.execute(owned).scalars())
    for table in (tables.daily_stats, tables.latest_stats):
        connection.execute(
            delete_from(table).where(table.c.user_id == user_id, table.c.repo_id.in_(owned))
        )
    connection.execute(delete_from(tables.ownerships).where(_ownerships.user_id == user_id))
    connection.execute(_HAND_OVER_REPOSITORIES, {"id": user_id})
    left = select(_repositories.id).where(_repositories.user_id == user_id)
    imports.forget_repositories(connection, connection.execute(left).scalars())
    connection.execute(delete_from(tables.repositories).where(_repositories.user_id == user_id))
    connection.execute(delete_from(tables.scans).where(_scans.user_id == user_id))
    connection.execute(delete_from(tables.users).where(_users.id == user_id))
    return True
