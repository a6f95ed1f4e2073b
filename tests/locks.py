"""Who waits for a lock: lets a test go on when two transactions have met."""

from sqlalchemy import Connection, text


def is_waiting_for_a_lock(connection: Connection) -> bool:
    """Say whether somebody waits for a lock in this database."""
    return bool(
        connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        ).scalar()
    )
