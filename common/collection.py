"""How the collection goes, as workers record it for the API: completed days and the last sweep.

Completed days are rows in Postgres. The end of the last sweep is a time in Redis: the sweep is a
task like others, so a recent one proves that beat sends tasks and that workers run them.
"""

from dataclasses import dataclass
from datetime import date, datetime

import redis
from sqlalchemy import Connection, select, text

from common import clock, tables
from common.redis_client import own_key

_completed_days = tables.completed_days.c


# As release 0.2.0 named it: its processes may run beside ours during an upgrade.
_LAST_SWEEP = "repopulse:pulse"


def summarize(recorded: int, followed: int, not_found: int, *, incomplete: int = 0) -> str:
    """Return the beginning of a sentence: of how many users a day has counts.

    The log, readiness and the pages all have it.
    """
    parts = [f"{recorded:,} of {followed:,} recorded"]
    if incomplete:
        parts.append(f"{incomplete:,} of them incomplete")
    if not_found:
        parts.append(f"{not_found:,} not found at GitHub")
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class CompletedDay:
    """A UTC day on which every tracked user whom GitHub shows was scanned."""

    day: date
    completed_at: datetime
    """When a sweep first found it so: at most one sweep later than it came true."""
    users: int
    """How many users were recorded."""
    not_found: int | None
    """How many users GitHub did not show; None for a day that release 0.2.0 recorded."""

    @property
    def summary(self) -> str:
        """Of how many users the day has counts."""
        if self.not_found is None:
            return f"{self.users:,} scanned"
        return summarize(self.users, self.users + self.not_found, self.not_found)


def record_completed_day(connection: Connection) -> CompletedDay | None:
    """Record today as completed if every user was scanned; return it, or None if nothing is new.

    A user whom GitHub does not show is asked for again and again; the day does not wait for that.
    Users who are added later in the day change nothing. A day whose last scan ends less than a
    sweep before midnight, or after it, is never recorded: no sweep ran while it was so.
    """
    row = connection.execute(
        text(
            """
            INSERT INTO fan_outs (day, completed_at, users, not_found)
            SELECT (repopulse_now() AT TIME ZONE 'UTC')::date, repopulse_now(),
                   count(*) FILTER (WHERE missing_since IS NULL),
                   count(*) FILTER (WHERE missing_since IS NOT NULL)
            FROM users
            WHERE NOT EXISTS (
                  SELECT FROM fan_outs WHERE day = (repopulse_now() AT TIME ZONE 'UTC')::date
              )
              AND NOT EXISTS (
                  SELECT FROM users
                  WHERE missing_since IS NULL
                    AND scanned_on IS DISTINCT FROM (repopulse_now() AT TIME ZONE 'UTC')::date
              )
            HAVING count(*) FILTER (WHERE missing_since IS NULL) > 0
            ON CONFLICT (day) DO NOTHING
            RETURNING day, completed_at, users, not_found
            """
        )
    ).one_or_none()
    return None if row is None else CompletedDay(*row)


def last_completed_day(connection: Connection) -> CompletedDay | None:
    """Return the newest completed day, or None before the first; days to come do not count."""
    row = connection.execute(
        select(
            _completed_days.day,
            _completed_days.completed_at,
            _completed_days.users,
            _completed_days.not_found,
        )
        .where(_completed_days.day <= clock.TODAY)
        .order_by(_completed_days.day.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else CompletedDay(*row)


def record_sweep(client: "redis.Redis") -> None:
    """Record that a sweep ends now.

    :raise redis.RedisError: Redis does not answer
    """
    client.set(own_key(client, _LAST_SWEEP), _now(client))


def sweep_age(client: "redis.Redis") -> float | None:
    """Return the seconds since the last sweep ended, or None if none is recorded.

    :raise redis.RedisError: Redis does not answer
    """
    recorded = client.get(own_key(client, _LAST_SWEEP))
    # Redis' clock may have been set back since.
    return None if recorded is None else max(0.0, _now(client) - float(recorded))


def _now(client: "redis.Redis") -> float:
    """Return the time by Redis' clock, which all hosts share."""
    seconds, microseconds = client.time()
    return seconds + microseconds / 1_000_000
