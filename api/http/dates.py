"""The date range of a request."""

from datetime import date, timedelta

from sqlalchemy import Connection

from api.http.errors import bad_query
from common import clock

MAX_DAYS = 3660
"""Ten years."""


def date_range(
    connection: Connection,
    date_from: date | None,
    date_to: date | None,
    *,
    default_days: int = 30,
) -> tuple[date, date]:
    """Return the first and the last day of a request, both inclusive.

    :param default_days: length of the range if the request has no ``date_from``
    :raise RequestValidationError: the range is empty or longer than ten years
    """
    last = date_to or clock.today(connection)
    before = timedelta(days=default_days - 1)
    # date.min + before: dates before the year 1 do not exist.
    first = date_from or max(last, date.min + before) - before
    if first > last:
        which = "date_to" if date_to else "today,"
        raise bad_query(
            "date_from", f"date_from {first} is after {which} {last}", first.isoformat()
        )
    days = (last - first).days + 1
    if days > MAX_DAYS:
        raise bad_query(
            "date_from",
            f"{first} to {last} is {days} days: request at most {MAX_DAYS} days, ten years",
            first.isoformat(),
        )
    return first, last
