"""Readings with a time, of which the last of each day counts, as in our own rows."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from worker.imports.rows import FileRefusedError, Refusal, Row

MAX_DAYS = 200_000
"""Days of all repositories of a file, which are held in memory: 500 years."""


class Reading(NamedTuple):
    """A row of a file, and the moment of its counts."""

    moment: datetime
    row: Row


def last_of_each_day(readings: Iterable[Reading | Refusal]) -> Iterator[Row | Refusal]:
    """Yield the last reading of each repository and day, in order of the first ones.

    The others are yielded as refusals. Of two at the same moment both are yielded.

    :raise FileRefusedError: there are too many days
    """
    last: dict[tuple[int | str | None, date], Reading] = {}
    for reading in readings:
        if isinstance(reading, Refusal):
            yield reading
            continue
        key = reading.row.repository, reading.row.day
        stored = last.get(key)
        if stored is None or reading.moment > stored.moment:
            last[key] = reading
        if len(last) > MAX_DAYS:
            raise FileRefusedError(f"the file has more than {MAX_DAYS:,} days")
        if stored is None:
            continue
        if reading.moment == stored.moment:
            yield reading.row
        else:
            earlier = min(reading, stored, key=lambda each: each.moment)
            yield Refusal(earlier.row.line, "an earlier reading of the same day")
    for reading in last.values():
        yield reading.row
