"""Locks in Postgres: a test continues when one transaction waits for another."""

from sqlalchemy import Connection, text


def is_waiting_for_a_lock(connection: Connection) -> bool:
    """Return whether a transaction waits for a lock in this database."""
    return bool(
        connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        ).scalar()
    )
