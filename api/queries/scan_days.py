"""A user's days, newest first: what each scan did, and the days on which none was tried."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select, text

from common import clock, tables
from common.states import ScanState

_scans = tables.scans.c

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """The scan of one user on one day."""

    day: date
    state: ScanState
    reason: str | None
    expected: int | None
    recorded: int
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class UnscannedDay:
    """A day on which no scan was tried, and why, as far as that is known."""

    day: date
    reason: str


def records(
    connection: Connection, user_id: int, date_from: date, date_to: date
) -> list[ScanRecord]:
    """Return a user's scans between two days, both included, newest first."""
    rows = connection.execute(
        text(
            """
            SELECT s.day, s.state, nullif(concat_ws('; ', s.reason, s.note), ''), s.expected,
                   s.recorded, s.attempts, s.started_at, s.finished_at,
                   CASE WHEN (s.finished_at IS NULL OR s.state <> 'done')
                             AND s.day = (repopulse_now() AT TIME ZONE 'UTC')::date
                             AND isfinite(greatest(u.not_before, u.lease_until))
                        THEN greatest(u.not_before, u.lease_until) END
            FROM scans s JOIN users u ON u.id = s.user_id
            WHERE s.user_id = :id
              -- A wrong clock may have left records of days to come.
              AND s.day BETWEEN :date_from
                  AND least(:date_to, (repopulse_now() AT TIME ZONE 'UTC')::date)
            ORDER BY s.day DESC
            """
        ),
        {"id": user_id, "date_from": date_from, "date_to": date_to},
    )
    return [ScanRecord(row[0], ScanState(row[1]), *row[2:]) for row in rows]


def every_day(
    connection: Connection, user_id: int, date_from: date, date_to: date
) -> list[ScanRecord | UnscannedDay]:
    """Return each of a user's days between two, both included, newest first.

    The first day is the one on which the user was added, or of the first scan where that is
    earlier; the last is today.
    """
    first_day = _first_day(connection, user_id)
    if first_day is None:
        return []
    today = clock.today(connection)
    by_day = {record.day: record for record in records(connection, user_id, date_from, date_to)}
    gone_on = _gone_before(connection, user_id, date_from)
    days: list[ScanRecord | UnscannedDay] = []
    day = max(date_from, first_day)
    while day <= min(date_to, today):
        record = by_day.get(day)
        if record is None:
            days.append(UnscannedDay(day, _reason(day, today, gone_on)))
        else:
            days.append(record)
            gone_on = record.day if record.state is ScanState.GONE else None
        if day == date.max:
            break
        day += _ONE_DAY
    return days[::-1]


def of_repository(
    connection: Connection, repo_id: int, owner_id: int, date_from: date, date_to: date
) -> list[ScanRecord | UnscannedDay]:
    """Return the days of the users who owned a repository, each for the time it was theirs.

    A day without a row between two owners is the earlier one's.

    :param owner_id: the user who owns it after the newest row
    """
    owned = connection.execute(
        text(
            """
            SELECT user_id, min(date) AS first, max(date) AS last FROM daily_stats
            WHERE repo_id = :id AND date BETWEEN :date_from AND :date_to
            GROUP BY user_id ORDER BY first
            """
        ),
        {"id": repo_id, "date_from": date_from, "date_to": date_to},
    ).all()
    periods = [(row.user_id, row.first) for row in owned]
    if not periods or periods[-1][0] != owner_id:
        newest = max((row.last for row in owned), default=date_from - _ONE_DAY)
        periods.append((owner_id, newest + _ONE_DAY))
    days: list[ScanRecord | UnscannedDay] = []
    last = date_to
    for user_id, first in reversed(periods):
        days += every_day(connection, user_id, first, last)
        last = first - _ONE_DAY
    return days


def _first_day(connection: Connection, user_id: int) -> date | None:
    first: date | None = connection.execute(
        text(
            """
            SELECT least(
                (added_at AT TIME ZONE 'UTC')::date,
                (SELECT min(day) FROM scans WHERE user_id = :id),
                (repopulse_now() AT TIME ZONE 'UTC')::date
            )
            FROM users WHERE id = :id
            """
        ),
        {"id": user_id},
    ).scalar()
    return first


def _gone_before(connection: Connection, user_id: int, day: date) -> date | None:
    """Return the day of the last scan before a day, if GitHub had no such account then."""
    last = connection.execute(
        select(_scans.day, _scans.state)
        .where(_scans.user_id == user_id, _scans.day < day)
        .order_by(_scans.day.desc())
        .limit(1)
    ).one_or_none()
    return last.day if last is not None and last.state == ScanState.GONE else None


def _reason(day: date, today: date, gone_on: date | None) -> str:
    if gone_on is not None:
        return f"no scan: GitHub showed no such account on {gone_on}"
    if day == today:
        return "no scan yet: the day is not over"
    return "no scan: the workers or beat did not run, or did not reach this user"
