"""Every day of a user from the first on: what became of it, also where nothing was tried."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, text

from common import clock, scans
from common.scans import ScanRecord
from common.states import ScanState

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """A day on which nobody tried to scan the user, and why as far as that is known."""

    day: date
    reason: str


def read(
    connection: Connection, user_id: int, date_from: date, date_to: date
) -> list[ScanRecord | Gap]:
    """Return what became of each of a user's days between two, both included, newest first.

    From the day on which the user was added, or the first scan where that is earlier, to today.
    """
    known = connection.execute(
        text(
            """
            SELECT least(
                (added_at AT TIME ZONE 'UTC')::date,
                (SELECT min(day) FROM scans WHERE user_id = :id)
            )
            FROM users WHERE id = :id
            """
        ),
        {"id": user_id},
    ).scalar()
    if known is None:
        return []
    today = clock.today(connection)
    records = {record.day: record for record in scans.read(connection, user_id, date_from, date_to)}
    vanished = _vanished_before(connection, user_id, date_from)
    days: list[ScanRecord | Gap] = []
    day = max(date_from, known)
    while day <= date_to and (day <= today or day in records):
        record = records.get(day)
        if record is None:
            days.append(Gap(day, _reason(day, today, vanished)))
        else:
            days.append(record)
            vanished = record.day if record.state is ScanState.GONE else None
        if day == date.max:
            break
        day += _ONE_DAY
    return days[::-1]


def _vanished_before(connection: Connection, user_id: int, day: date) -> date | None:
    """Return the last day tried before a day, if GitHub had no such account then."""
    found: date | None = connection.execute(
        text(
            """
            SELECT CASE WHEN state = :gone THEN day END FROM scans
            WHERE user_id = :id AND day < :day ORDER BY day DESC LIMIT 1
            """
        ),
        {"id": user_id, "day": day, "gone": ScanState.GONE},
    ).scalar()
    return found


def _reason(day: date, today: date, vanished: date | None) -> str:
    if vanished is not None:
        return (
            f"nothing was tried: GitHub showed no such account on {vanished},"
            " and is asked more and more seldom"
        )
    if day == today:
        return "nothing was tried yet: the day is not over"
    return "nothing was tried: the workers or beat did not run, or did not come to this user"
