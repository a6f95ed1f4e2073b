"""The clock: the only reader of time that decides what day it is or whether something is due.

It is the database's, so that hosts whose clocks differ agree on the day. Postgres is asked through
its function ``repopulse_now()`` (made by the first migration, it returns ``now()``), which SQL
statements use too; a test that needs another day replaces that function in its own database, and
every process that shares the database follows.
"""

from datetime import date, datetime

from sqlalchemy import Connection, text


def now(connection: Connection) -> datetime:
    """Return the time at which the current transaction began, in UTC."""
    moment: datetime = connection.execute(text("SELECT repopulse_now()")).scalar_one()
    return moment


def today(connection: Connection) -> date:
    """Return the UTC day at which the current transaction began."""
    day: date = connection.execute(
        text("SELECT (repopulse_now() AT TIME ZONE 'UTC')::date")
    ).scalar_one()
    return day
