"""When a user whose day is not complete is asked about again.

What can pass is tried again until the UTC day ends: at first the day is open, then it is settled
and looked at now and then. What GitHub refused for good, and an account that is gone, get one more
look in the day's last hours.
"""

from datetime import UTC, date, datetime, time, timedelta

_FIRST_PAUSE = timedelta(seconds=30)
_LAST_PAUSE = timedelta(minutes=15)
SET_ASIDE_PAUSE = timedelta(hours=1)
"""Between two attempts at a user who failed often: an outage of hours must not cost the day."""

ABSENCE = timedelta(hours=6)
"""How long GitHub has to deny a known account until it counts as gone: GitHub has denied existing
accounts for minutes by mistake."""

_ABSENCE_LOOKS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), ABSENCE)
"""When a missing account is looked for again, counted from the first look that missed it."""

_LAST_ABSENCE_LOOK = timedelta(minutes=10)
"""Before the end of a day that ends before the next look: a last one."""

_EVENING = time(18)
_EVENING_MINUTES = 240
"""A user's look in the evening falls into four hours, the same minute each day; two are left for
another attempt."""


def pause_after(failures: int, *, longest: timedelta = _LAST_PAUSE) -> timedelta:
    """Return the pause before another attempt, which doubles from attempt to attempt.

    :param failures: attempts so far, the last one included
    """
    doubled: timedelta = _FIRST_PAUSE * 2 ** min(max(failures - 1, 0), 7)
    return min(doubled, longest)


def next_look(attempts: int, day: date, now: datetime) -> datetime | None:
    """Return when to look again for repositories that are missing and may come.

    The pause grows to an hour, since each attempt reads the whole list again.

    :param attempts: of the day, the last one included
    :return: None if the day ends first
    """
    look = now.astimezone(UTC) + pause_after(attempts, longest=SET_ASIDE_PAUSE)
    return look if look.date() == day else None


def evening_look(user_id: int, day: date, now: datetime) -> datetime | None:
    """Return when a day that was settled without all rows gets its last look.

    :return: None if that time of the day has passed
    """
    look = datetime.combine(day, _EVENING, UTC) + timedelta(minutes=user_id % _EVENING_MINUTES)
    return look if now < look else None


def absence_look(missing_at: datetime, day: date, now: datetime) -> datetime | None:
    """Return when to look again for an account that GitHub does not show.

    :param missing_at: when GitHub first denied it
    :return: None if it was missing for long enough, or if the day ends first
    """
    next_look = next((at for at in _looks(missing_at) if at > now), None)
    if next_look is None:
        return None
    day_end = datetime.combine(day + timedelta(days=1), time(), UTC)
    if next_look < day_end:
        return next_look
    last_look = day_end - _LAST_ABSENCE_LOOK
    return last_look if now < last_look else None


def _looks(missing_at: datetime) -> list[datetime]:
    return [missing_at + after for after in _ABSENCE_LOOKS]
