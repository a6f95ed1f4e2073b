"""A clock that a test sets, for every process on the test's database."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Engine, text

import common.clock


class Clock:
    """Replaces ``repopulse_now()`` in one database; it keeps running from where it was set."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.offset = timedelta()
        """How far it is ahead of the real time."""

    def set(self, moment: date | datetime) -> None:
        """Set the time; a day without a time means noon, UTC."""
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(12), UTC)
        with self._engine.begin() as connection:
            real: datetime = connection.execute(text("SELECT now()")).scalar_one()
        self._put(moment - real)

    def advance(self, step: timedelta) -> None:
        """Move the time forward."""
        self._put(self.offset + step)

    def now(self) -> datetime:
        """Return the time by the product's clock."""
        with self._engine.begin() as connection:
            return common.clock.now(connection)

    def today(self) -> date:
        """Return the day by the product's clock."""
        with self._engine.begin() as connection:
            return common.clock.today(connection)

    def _put(self, offset: timedelta) -> None:
        self.offset = offset
        microseconds = offset // timedelta(microseconds=1)
        with self._engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE OR REPLACE FUNCTION repopulse_now() RETURNS timestamptz"
                    " LANGUAGE sql STABLE AS"
                    f" 'SELECT now() + {microseconds} * interval ''1 microsecond'''"
                )
            )
