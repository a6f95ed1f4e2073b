"""The clock that decides which UTC day it is and what is due.

All processes ask the database for the time, so that hosts whose clocks differ agree on the day. The
first migration creates the SQL function ``repopulse_now()``, which returns ``now()``: the time at
which the transaction began. A test that needs another day replaces the function in its own
database.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, Date, DateTime, cast, func, select

NOW: ColumnElement[datetime] = func.repopulse_now(type_=DateTime(timezone=True))
"""The time at which the transaction began, for use in statements."""

TODAY: ColumnElement[date] = cast(func.timezone("UTC", NOW), Date)
"""The UTC day on which the transaction began, for use in statements.

Rows of days after it are a wrong clock's: nothing serves them.
"""


def now(connection: Connection) -> datetime:
    """Return the time at which the current transaction began, in UTC."""
    return connection.execute(select(NOW)).scalar_one()


def today(connection: Connection) -> date:
    """Return the UTC day on which the current transaction began."""
    return connection.execute(select(TODAY)).scalar_one()
