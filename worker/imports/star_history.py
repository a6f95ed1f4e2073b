"""``star-history`` and ``daily-stars-explorer``: the CSV that these two sites let people download.

Both count stars that were still held when they were read. star-history.com writes
``Repository,Date,Stars`` with the dates of JavaScript, for some points of the curve of each
repository. daily-stars-explorer writes ``date,day-stars,total-stars`` for each day of one
repository, with the day of the month first. Either format takes both.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from worker.imports.cells import CellError, parse_count, parse_moment, shorten
from worker.imports.csv_file import CsvFile
from worker.imports.plain import parse_repository
from worker.imports.readings import Reading, last_of_each_day
from worker.imports.rows import Basis, FileRefusedError, ParsedFile, Refusal, Row

_POINTS = ("repository", "date", "stars")
_DAYS = ("date", "day-stars", "total-stars")

_HELD = (
    "Rebuilt, not observed: these are the stars that were still held when the file was made. Stars"
    " taken back before are missing."
)
_END_OF_DAY = (
    "The count of a day is that of its end; a row of Repopulse is of the beginning of its day."
)

_DAY_FIRST = re.compile(r"(\d{2})-(\d{2})-(\d{4})", re.ASCII)

_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT([+-]\d{4})"
    r"(?: \(.*\))?",
    re.ASCII,
)
"""As ``Date.toString()`` writes it, in any language: Fri Jun 07 2024 14:54:20 GMT-0500 (…)."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def read(file: BinaryIO) -> ParsedFile:
    """Read a file of either site.

    :raise FileRefusedError: it is another file
    """
    table = CsvFile(file)
    if table.header == _POINTS:
        return ParsedFile(last_of_each_day(_points(table)), Basis.REBUILT, (_HELD,))
    if table.header == _DAYS:
        return ParsedFile(last_of_each_day(_days(table)), Basis.REBUILT, (_HELD, _END_OF_DAY))
    raise FileRefusedError(
        "the first line must be Repository,Date,Stars or date,day-stars,total-stars; it is"
        f" {table.shown_header}"
    )


def _points(table: CsvFile) -> Iterator[Reading | Refusal]:
    for record in table.records():
        if isinstance(record, Refusal):
            yield record
            continue
        line, (repository, time, stars) = record
        try:
            moment = _parse_javascript(time)
            row = Row(line, parse_repository(repository), moment.date(), parse_count(stars))
        except CellError as error:
            yield Refusal(line, str(error))
            continue
        yield Reading(moment, row)


def _days(table: CsvFile) -> Iterator[Reading | Refusal]:
    for record in table.records():
        if isinstance(record, Refusal):
            yield record
            continue
        line, (day, _, stars) = record
        try:
            moment = parse_moment(_DAY_FIRST.sub(r"\3-\2-\1", day.strip()))
            row = Row(line, None, moment.date(), parse_count(stars))
        except CellError as error:
            yield Refusal(line, str(error))
            continue
        yield Reading(moment, row)


def _parse_javascript(cell: str) -> datetime:
    """Return the moment of a date as JavaScript writes it, or as ISO 8601 does, in UTC.

    :raise CellError: it is neither, or does not exist
    """
    found = _JAVASCRIPT.fullmatch(cell.strip())
    if found is None:
        return parse_moment(cell)
    month, day, year, time, zone = found.groups()
    if month not in _MONTHS:
        raise CellError(f"{shorten(cell)} is not a date")
    text = f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{time}{zone}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(f"{shorten(cell)} does not exist") from None
