"""The days that a request is about."""

from datetime import date, timedelta

from sqlalchemy import Connection

from api.http.errors import bad_query
from common import clock

_MOST_DAYS = 3660
"""Ten years."""


def span(
    connection: Connection, date_from: date | None, date_to: date | None, *, days: int = 30
) -> tuple[date, date]:
    """Return the first and the last day that a request is about, both included.

    :param days: how many it is about where it does not say from when
    :raise RequestValidationError: there are none between them, or more than ten years
    """
    last = date_to or clock.today(connection)
    before = timedelta(days=days - 1)
    # Not before the calendar begins.
    first = date_from or max(last, date.min + before) - before
    if first > last:
        which = "date_to" if date_to else "today,"
        raise bad_query(
            "date_from", f"date_from {first} is after {which} {last}", first.isoformat()
        )
    found = (last - first).days + 1
    if found > _MOST_DAYS:
        raise bad_query(
            "date_from",
            f"from {first} to {last} is {found} days: ask for {_MOST_DAYS} at most, ten years",
            first.isoformat(),
        )
    return first, last
