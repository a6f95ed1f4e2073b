"""Removing rows of days to come from the embedded database, whether or not the product runs."""

from common.db import make_engine
from common.settings import Settings
from local.backup import data_directory, data_server
from local.errors import LocalError
from worker import future_days


def prune(settings: Settings) -> str:
    """Remove rows of days to come; return in one line what was removed.

    :raise LocalError: there is no data
    :raise ClockBehindError: the clock is behind this machine's; nothing was removed
    """
    if settings.database_url is not None:
        return _prune(settings.database)
    directory = data_directory(settings)
    if not (directory / "postgres" / "PG_VERSION").exists():
        raise LocalError(f"{directory} holds no data")
    with data_server(directory) as url:
        return _prune(url)


def _prune(url: str) -> str:
    engine = make_engine(url, process="operator")
    try:
        return future_days.run(engine, is_removal=True)
    finally:
        engine.dispose()
