"""The lease of a user whose scan has begun: the task that holds the user renews or releases it."""

from sqlalchemy import Connection, text


def renew(connection: Connection, user_id: int, *, holder: str, lease: float) -> None:
    """Renew the lease of a user whom a task holds.

    Nothing happens to a user who is locked, by the transaction that writes what was observed: a
    sweep passes over a locked user too.
    """
    connection.execute(
        text(
            """
            UPDATE users SET lease_until = repopulse_now() + make_interval(secs => :lease)
            WHERE id IN (
                SELECT id FROM users WHERE id = :id AND held_by = :holder
                FOR NO KEY UPDATE SKIP LOCKED
            )
            """
        ),
        {"id": user_id, "holder": holder, "lease": lease},
    )


def release(connection: Connection, user_id: int, *, holder: str) -> bool:
    """Give back a user whose scan has begun and will not be finished; the user is due again now.

    :return: False if another task has taken the user meanwhile
    """
    released = connection.execute(
        text(
            # The claim may have postponed the user until tomorrow, in case the scan kills its
            # worker. This task lives.
            """
            UPDATE users
            SET lease_until = '-infinity', held_by = NULL, not_before = '-infinity', kills = 0
            WHERE id = :id AND held_by = :holder
            """
        ),
        {"holder": holder, "id": user_id},
    )
    return released.rowcount == 1
