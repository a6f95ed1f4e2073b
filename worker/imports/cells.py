"""Counts and days as text."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

_COUNT = re.compile(r"([0-9]{1,12})(?:\.0*)?")
"""Programs that once had an empty cell write 83340.0."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?",
    re.ASCII,
)

_MAX_SHOWN = 40


class CellError(ValueError):
    """The text is neither empty nor what it should be; the message says so."""


def parse_count(cell: str) -> int | None:
    """Return a count; None for an empty cell, which is unknown and never 0.

    :raise CellError: it is something else
    """
    if cell.isdigit() and len(cell) < 12 and cell.isascii():
        return int(cell)
    cell = cell.strip()
    if not cell:
        return None
    found = _COUNT.fullmatch(cell)
    if found is None:
        raise CellError(f"{shorten(cell)} is not a count")
    return int(found[1])


@lru_cache(maxsize=16_384)
def parse_day(cell: str) -> date:
    """Return the UTC day of a date, or of a date with a time.

    Without a zone it is the date as it is written.

    :raise CellError: it is not one, or not one that exists
    """
    return parse_moment(cell).date()


def parse_moment(cell: str) -> datetime:
    """Return a date, or a date with a time, in UTC; a date alone is its midnight.

    :raise CellError: it is not one, or not one that exists
    """
    cell = cell.strip()
    if not (_DAY.fullmatch(cell) or _MOMENT.fullmatch(cell)):
        raise CellError(f"{shorten(cell)} is not a date like 2024-06-10" if cell else "no date")
    try:
        moment = datetime.fromisoformat(cell.replace(" UTC", "Z").replace(" Z", "Z"))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(f"{shorten(cell)} does not exist") from None


def shorten(cell: str) -> str:
    """Return a text from a file as it can be shown and stored: short and printable."""
    short = cell if len(cell) <= _MAX_SHOWN else f"{cell[:_MAX_SHOWN]}…"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in short)
