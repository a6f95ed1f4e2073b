"""Logins that a worker has to resolve to accounts: stored durably and claimed like scans."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, func, select, text, update

from common import claims, clock, tables
from common.db import array_literal
from common.states import LookupState

_lookups = tables.lookups.c
_users = tables.users.c


@dataclass(frozen=True, slots=True)
class Lookup:
    """A login that is to become a tracked user; ``user_id`` is None until it is resolved."""

    id: int
    login: str
    state: LookupState
    reason: str | None
    user_id: int | None
    attempts: int
    """How often a sweep claimed it."""
    is_postponed: bool
    """GitHub could not be asked, and is asked again later."""


_COLUMNS = (
    _lookups.id,
    _lookups.login,
    _lookups.state,
    _lookups.reason,
    _lookups.user_id,
    _lookups.attempts,
    (_lookups.not_before > clock.NOW).label("is_postponed"),
)


def _lookup(row: Row[*tuple[Any, ...]]) -> Lookup:
    return Lookup(
        row.id,
        row.login,
        LookupState(row.state),
        row.reason,
        row.user_id,
        row.attempts,
        row.is_postponed,
    )


_GET_OR_CREATE = text("""
    INSERT INTO lookups (login, lease_until)
    VALUES (:login, repopulse_now() + make_interval(secs => :lease))
    ON CONFLICT (lower(login)) WHERE state = 'pending'
    -- Changes nothing, but returns the stored row even if another transaction has just inserted it.
    DO UPDATE SET login = lookups.login
    RETURNING id, login, state, reason, user_id, attempts,
              not_before > repopulse_now() AS is_postponed, xmax = 0 AS is_new
""")
"""Insert a pending lookup, or return the login's pending one; ``xmax`` is 0 in inserted rows."""


def get_or_create(connection: Connection, login: str, *, lease: float = 0) -> tuple[Lookup, bool]:
    """Return the pending lookup of a login, in any case of letters, or create one.

    :param lease: seconds for which the sweep leaves a new lookup to the caller's own message
    :return: the lookup, and whether it is new
    """
    row = connection.execute(_GET_OR_CREATE, {"login": login, "lease": lease}).one()
    return _lookup(row), row.is_new


_GET = select(*_COLUMNS).where(_lookups.id == bindparam("id"))
"""Built once: the API polls a lookup while a request waits for it."""


def get(connection: Connection, lookup_id: int) -> Lookup | None:
    """Return one lookup, or None."""
    row = connection.execute(_GET, {"id": lookup_id}).one_or_none()
    return None if row is None else _lookup(row)


def was_already_tracked(connection: Connection, lookup_id: int) -> bool:
    """Return whether the user of a resolved lookup was tracked before the lookup was created."""
    return bool(
        connection.execute(
            select(_users.added_at < _lookups.created_at)
            .join(tables.lookups, _lookups.user_id == _users.id)
            .where(_lookups.id == lookup_id)
        ).scalar()
    )


def count_confirmations(connection: Connection, user_id: int, login: str, *, hours: float) -> int:
    """Return how many lookups of the last hours found that a tracked user still has a login."""
    count: int = connection.execute(
        text(
            """
            SELECT count(*) FROM lookups l JOIN users u ON u.id = l.user_id
            WHERE u.id = :id AND lower(l.login) = lower(:login) AND l.state = 'done'
              AND l.created_at > repopulse_now() - make_interval(secs => :seconds)
              -- An older one is the lookup by which the user came to be tracked.
              AND l.created_at > u.added_at
            """
        ),
        {"id": user_id, "login": login, "seconds": hours * 3600},
    ).scalar_one()
    return count


def count_pending(connection: Connection, *, most: int) -> int:
    """Return how many lookups are pending, counting no further than ``most``."""
    count: int = connection.execute(
        text(
            "SELECT count(*) FROM (SELECT FROM lookups WHERE state = 'pending' LIMIT :most) AS few"
        ),
        {"most": most},
    ).scalar_one()
    return count


def pending(connection: Connection, *, limit: int) -> list[Lookup]:
    """Return the newest pending lookups."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_lookups.state == LookupState.PENDING)
        .order_by(_lookups.id.desc())
        .limit(limit)
    )
    return [_lookup(row) for row in rows]


_CLAIM = text(f"""
    WITH due AS (
        SELECT id AS due_id FROM lookups
        WHERE state = 'pending' AND id <> ALL(CAST(:queued AS bigint[]))
          AND {claims.is_free(most="2 hours")}
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE lookups
    SET lease_until = repopulse_now() + make_interval(secs => :lease), attempts = attempts + 1
    FROM due WHERE id = due_id
    RETURNING id, login, state, reason, user_id, attempts, false AS is_postponed
""")  # noqa: S608 - a condition of ours
"""Lease the oldest lookups that are due, passing over those that another transaction claims."""


def claim(
    connection: Connection, *, limit: int, lease: float, queued: Iterable[int] = ()
) -> list[Lookup]:
    """Lease pending lookups that are due: their last lease ended, and ``not_before`` has passed.

    :param lease: seconds after which a lookup that is still pending is due again
    :param queued: lookups that wait in the queue, which are passed over
    """
    values = {"limit": limit, "lease": lease, "queued": array_literal(queued)}
    return [_lookup(row) for row in connection.execute(_CLAIM, values)]


def renew(connection: Connection, lookup_id: int, *, lease: float) -> None:
    """Renew the lease of a lookup that a task resolves, unless it was rescheduled meanwhile."""
    connection.execute(
        text(
            """
            UPDATE lookups SET lease_until = repopulse_now() + make_interval(secs => :lease)
            WHERE id IN (
                SELECT id FROM lookups
                WHERE id = :id AND state = 'pending' AND isfinite(lease_until)
                FOR UPDATE SKIP LOCKED
            )
            """
        ),
        {"id": lookup_id, "lease": lease},
    )


def lock_pending(connection: Connection, lookup_id: int) -> bool:
    """Lock a lookup against other writers until the transaction ends.

    :return: whether it is still pending
    """
    row = connection.execute(
        text("SELECT 1 FROM lookups WHERE id = :id AND state = 'pending' FOR UPDATE"),
        {"id": lookup_id},
    ).one_or_none()
    return row is not None


def cancel(connection: Connection, user_id: int) -> None:
    """Fail the pending lookup of the login of a user who is to be deleted.

    The client may have tracked the user by id since it sent the login. Its last word is the
    deletion, and the lookup must not bring the user back.
    """
    login = select(func.lower(_users.login)).where(_users.id == user_id).scalar_subquery()
    connection.execute(
        update(tables.lookups)
        .where(_lookups.state == LookupState.PENDING, func.lower(_lookups.login) == login)
        .values(
            state=LookupState.FAILED, reason="the user was deleted before the login was resolved"
        )
    )


_DELETE_OLD = text("""
    DELETE FROM lookups
    WHERE user_id = :user_id AND state <> 'pending' AND id <> :id
      AND created_at < repopulse_now() - interval '7 days'
""")
"""Without this a login that a script asks for each day would leave a row for each."""


def resolve(
    connection: Connection, lookup_id: int, user_id: int, *, reason: str | None = None
) -> None:
    """Record which tracked user has the login, and delete the user's lookups of past weeks.

    :param reason: what else was found
    """
    connection.execute(
        _update_pending(lookup_id).values(state=LookupState.DONE, reason=reason, user_id=user_id)
    )
    connection.execute(_DELETE_OLD, {"id": lookup_id, "user_id": user_id})


def fail(connection: Connection, lookup_id: int, reason: str) -> None:
    """Record why the login cannot be tracked."""
    connection.execute(_update_pending(lookup_id).values(state=LookupState.FAILED, reason=reason))


def reschedule(
    connection: Connection,
    lookup_id: int,
    *,
    reason: str | None,
    not_before: datetime | None = None,
) -> None:
    """Give a lookup back, to be claimed from ``not_before`` on, or by the next sweep."""
    connection.execute(
        _update_pending(lookup_id).values(
            reason=reason,
            lease_until=tables.NEVER,
            not_before=_lookups.not_before if not_before is None else not_before,
        )
    )


def _update_pending(lookup_id: int) -> Update:
    """Return a statement that changes a lookup only while it is pending."""
    return update(tables.lookups).where(
        _lookups.id == lookup_id, _lookups.state == LookupState.PENDING
    )
