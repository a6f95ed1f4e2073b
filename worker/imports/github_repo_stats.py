"""``github-repo-stats``: the CSV files of the Action of that name, each of one repository.

``stargazers-snapshots.csv`` has the count of stars at the time of a run, but only of runs that
found another count than the one before. A run that found the same and a run that failed look alike,
so nothing is carried from one line to the next. ``stargazers.csv`` and ``forks.csv`` are computed
from the lists of stars and forks that still existed then.
"""

from collections.abc import Iterator
from typing import BinaryIO

from worker.imports.cells import CellError, parse_count, parse_moment
from worker.imports.csv_file import CsvFile
from worker.imports.readings import Reading, last_of_each_day
from worker.imports.rows import Basis, FileRefusedError, ParsedFile, Refusal, Row

_TIME = "time_iso8601"
_SNAPSHOTS = "stargazers_cumulative_snapshot"
_STARS = "stars_cumulative"
_FORKS = "forks_cumulative"

_NOTES = {
    _SNAPSHOTS: "github-repo-stats wrote a line only when the count had changed. Days without a"
    " line stay empty: a day without a change and a day without a run look alike.",
    _STARS: "Rebuilt, not observed: github-repo-stats counted the stars that were still held when"
    " it ran, and of no repository more than 40,000. Stars taken back before are missing.",
    _FORKS: "Rebuilt, not observed: github-repo-stats counted the forks that still existed when it"
    " ran. Forks deleted before are missing.",
}


def read(file: BinaryIO) -> ParsedFile:
    """Read one of the three files.

    :raise FileRefusedError: it is another file
    """
    table = CsvFile(file)
    column = next((name for name in _NOTES if name in table.header), None)
    if column is None or table.header != (_TIME, column):
        raise FileRefusedError(
            "this is none of stargazers-snapshots.csv, stargazers.csv and forks.csv: the first"
            f" line is {table.shown_header}"
        )
    basis = Basis.OBSERVED if column == _SNAPSHOTS else Basis.REBUILT
    rows = last_of_each_day(_readings(table, is_forks=column == _FORKS))
    return ParsedFile(rows, basis, (_NOTES[column],))


def _readings(table: CsvFile, *, is_forks: bool) -> Iterator[Reading | Refusal]:
    for record in table.records():
        if isinstance(record, Refusal):
            yield record
            continue
        line, (time, cell) = record
        try:
            moment, count = parse_moment(time), parse_count(cell)
        except CellError as error:
            yield Refusal(line, str(error))
            continue
        if is_forks:
            yield Reading(moment, Row(line, None, moment.date(), forks=count))
        else:
            yield Reading(moment, Row(line, None, moment.date(), stargazers=count))
