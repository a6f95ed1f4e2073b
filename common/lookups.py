"""Logins to follow that a worker has to resolve: durable, and claimed like scans."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from common.states import LookupState


@dataclass(frozen=True, slots=True)
class Lookup:
    """A login on its way to an account id."""

    id: int
    login: str
    state: LookupState
    reason: str | None
    user_id: int | None


_COLUMNS = "id, login, state, reason, user_id"


def get_or_create(connection: Connection, login: str, *, lease: float = 0) -> tuple[Lookup, bool]:
    """Ask for a login to be resolved; whoever asks for one that is pending joins that question.

    :param lease: seconds during which the sweep leaves a new question to the caller's own message
    :return: the question, and whether it is new
    """
    row = connection.execute(
        text(
            f"""
            INSERT INTO lookups (login, lease_until)
            VALUES (:login, repopulse_now() + make_interval(secs => :lease))
            ON CONFLICT (lower(login)) WHERE state = 'pending'
            -- Changes nothing, but returns the row that is there, whoever inserted it a moment ago.
            DO UPDATE SET login = lookups.login
            RETURNING {_COLUMNS}, xmax = 0
            """  # noqa: S608 - a constant
        ),
        {"login": login, "lease": lease},
    ).one()
    return _lookup(row), row[-1]


def get(connection: Connection, lookup_id: int) -> Lookup | None:
    """Return one lookup, or None."""
    row = connection.execute(
        text(f"SELECT {_COLUMNS} FROM lookups WHERE id = :id"),  # noqa: S608 - a constant
        {"id": lookup_id},
    ).one_or_none()
    return None if row is None else _lookup(row)


def was_already_tracked(connection: Connection, lookup_id: int) -> bool:
    """Say whether the user that a lookup led to was followed before anybody asked."""
    return bool(
        connection.execute(
            text(
                "SELECT u.added_at < l.created_at FROM lookups l JOIN users u ON u.id = l.user_id"
                " WHERE l.id = :id"
            ),
            {"id": lookup_id},
        ).scalar()
    )


def claim(connection: Connection, *, limit: int, lease: float) -> list[Lookup]:
    """Take pending lookups that are due: without a living lease, and ``not_before`` has passed."""
    rows = connection.execute(
        text(
            f"""
            WITH due AS (
                SELECT id AS due_id FROM lookups
                WHERE state = 'pending' AND lease_until <= repopulse_now()
                  AND not_before <= repopulse_now()
                ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
            )
            UPDATE lookups
            SET lease_until = repopulse_now() + make_interval(secs => :lease),
                attempts = attempts + 1
            FROM due WHERE id = due_id
            RETURNING {_COLUMNS}
            """  # noqa: S608 - a constant
        ),
        {"limit": limit, "lease": lease},
    )
    return [_lookup(row) for row in rows]


def lock_pending(connection: Connection, lookup_id: int) -> bool:
    """Keep others from settling a lookup until the transaction ends.

    :return: whether it is still pending
    """
    row = connection.execute(
        text("SELECT 1 FROM lookups WHERE id = :id AND state = 'pending' FOR UPDATE"),
        {"id": lookup_id},
    ).one_or_none()
    return row is not None


def cancel(connection: Connection, user_id: int) -> None:
    """Settle what was asked before for the login of a user who is to be deleted.

    Whoever asked and got no answer may have followed the user by id since then: what they said last
    is that it be deleted.
    """
    connection.execute(
        text(
            """
            UPDATE lookups SET state = 'failed', reason = 'deleted again since it was asked for'
            WHERE state = 'pending'
              AND lower(login) = (SELECT lower(login) FROM users WHERE id = :id)
            """
        ),
        {"id": user_id},
    )


def resolve(connection: Connection, lookup_id: int, user_id: int) -> None:
    """Say which followed user a login turned out to be."""
    connection.execute(
        text(
            "UPDATE lookups SET state = 'done', reason = NULL, user_id = :user_id"
            " WHERE id = :id AND state = 'pending'"
        ),
        {"id": lookup_id, "user_id": user_id},
    )


def fail(connection: Connection, lookup_id: int, reason: str) -> None:
    """Say why a login cannot be followed."""
    connection.execute(
        text(
            "UPDATE lookups SET state = 'failed', reason = :reason"
            " WHERE id = :id AND state = 'pending'"
        ),
        {"id": lookup_id, "reason": reason},
    )


def reschedule(
    connection: Connection,
    lookup_id: int,
    *,
    reason: str | None,
    not_before: datetime | None = None,
) -> None:
    """Leave a lookup pending, to be taken up again at ``not_before`` or at the next sweep."""
    connection.execute(
        text(
            """
            UPDATE lookups
            SET reason = :reason, lease_until = '-infinity',
                not_before = coalesce(CAST(:not_before AS timestamptz), not_before)
            WHERE id = :id AND state = 'pending'
            """
        ),
        {"id": lookup_id, "reason": reason, "not_before": not_before},
    )


def _lookup(row: Row[Any]) -> Lookup:
    return Lookup(row.id, row.login, LookupState(row.state), row.reason, row.user_id)
