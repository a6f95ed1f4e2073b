"""Restore an export into the embedded database, whether or not the product runs."""

from pathlib import Path

from api import restore
from common.db import make_engine
from common.settings import Settings
from local.backup import data_directory, data_server
from local.errors import LocalError


def load(settings: Settings, file: Path) -> str:
    """Restore an export; return in one line what was restored.

    :raise LocalError: the product has never run, so that there are no tables
    :raise RepopulseError: the file is not an export, or the data are not empty; nothing has changed
    """
    if settings.database_url is not None:
        return _load(settings.database, file)
    directory = data_directory(settings)
    if not (directory / "postgres" / "PG_VERSION").exists():
        raise LocalError(f"{directory} holds no data: start the product once, by `make up`")
    with data_server(directory) as url:
        return _load(url, file)


def _load(url: str, file: Path) -> str:
    engine = make_engine(url, process="restore")
    try:
        return restore.run(engine, str(file))
    finally:
        engine.dispose()
