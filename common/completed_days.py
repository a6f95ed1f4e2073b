"""The days on which the fan-out reached everybody, and when it had."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class FanOut:
    """A day on which everybody who was followed, and had not vanished, was scanned."""

    day: date
    completed_at: datetime
    """When that was first seen: a sweep later than it came true, at most."""
    users: int
    """How many they were."""


def note(connection: Connection) -> FanOut | None:
    """Note that everybody was scanned today, where that is so and was not noted yet.

    Who is followed later in the day changes nothing about it. Where the last scan ends within a
    sweep of midnight, or after it, the day is not noted: nobody looked while it was so.
    """
    row = connection.execute(
        text(
            """
            INSERT INTO fan_outs (day, completed_at, users)
            SELECT (repopulse_now() AT TIME ZONE 'UTC')::date, repopulse_now(), count(*)
            FROM users
            WHERE state = 'active'
              AND NOT EXISTS (
                  SELECT FROM fan_outs WHERE day = (repopulse_now() AT TIME ZONE 'UTC')::date
              )
              AND NOT EXISTS (
                  SELECT FROM users
                  WHERE state = 'active'
                    AND (scanned_on IS NULL
                         OR scanned_on < (repopulse_now() AT TIME ZONE 'UTC')::date)
              )
            HAVING count(*) > 0
            ON CONFLICT (day) DO NOTHING
            RETURNING day, completed_at, users
            """
        )
    ).one_or_none()
    return None if row is None else FanOut(*row)


def newest(connection: Connection) -> FanOut | None:
    """Return the newest one, or None before the first."""
    row = connection.execute(
        text("SELECT day, completed_at, users FROM fan_outs ORDER BY day DESC LIMIT 1")
    ).one_or_none()
    return None if row is None else FanOut(*row)


def age(connection: Connection) -> float | None:
    """Return the seconds since everybody was last found scanned; None before the first time."""
    seconds = connection.execute(
        text("SELECT extract(epoch FROM repopulse_now() - max(completed_at)) FROM fan_outs")
    ).scalar_one()
    return None if seconds is None else max(0.0, float(seconds))
