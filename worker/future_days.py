"""``python -m worker.future_days``: show what is stored of days to come, and remove it.

Without ``--remove`` nothing is changed. One transaction a user, so that scans go on meanwhile.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import Engine

from common import clock, future_days
from common.db import make_engine
from common.errors import RepopulseError, exit_with_message
from common.settings import load_settings


class ClockBehindError(RepopulseError):
    """The database's clock is behind this machine's: what it calls days to come may be true."""


def remove(engine: Engine, *, today: date) -> int:
    """Remove what is stored of days to come.

    :param today: the UTC day by this machine's clock
    :return: how many daily rows were removed
    :raise ClockBehindError: nothing was removed
    """
    with engine.begin() as connection:
        day = clock.today(connection)
    if day < today:
        raise ClockBehindError(
            f"it is {day} by the database's clock and {today} by this machine's:"
            " set the clock right first"
        )
    with engine.begin() as connection:
        users = future_days.list_users(connection)
    rows = 0
    for user_id in users:
        with engine.begin() as connection:
            rows += future_days.remove_of_user(connection, user_id)
    with engine.begin() as connection:
        future_days.remove_completed(connection)
    return rows


def run(engine: Engine, *, is_removal: bool) -> str:
    """Show what is stored of days to come, and remove it if wanted; return it in one line.

    :raise ClockBehindError: nothing was removed
    """
    with engine.begin() as connection:
        found = future_days.find(connection)
    if found.last is None:
        return "nothing is stored of days to come"
    whose = "1 user" if found.users == 1 else f"{found.users} users"
    if not is_removal:
        return f"{_rows(found.rows)} of {whose}, of days up to {found.last}: --remove removes them"
    removed = remove(engine, today=datetime.now(UTC).date())
    return f"removed {_rows(removed)} of {whose}, of days up to {found.last}"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"


def main(arguments: Sequence[str] | None = None) -> None:
    """Show what is stored of days to come, or remove it."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.future_days",
        description="Show what a wrong clock has stored of days to come.",
    )
    parser.add_argument("--remove", action="store_true", help="remove it")
    is_removal: bool = parser.parse_args(arguments).remove
    engine = make_engine(load_settings().database, process="operator")
    try:
        print(run(engine, is_removal=is_removal))
    finally:
        engine.dispose()


if __name__ == "__main__":
    with exit_with_message():
        main()
