"""``csv``: one line per repository and day, with the columns of our own tables.

The columns are ``repo,date,stargazers,forks,watchers``, in any order. ``repo`` is an id or a full
name; it may be left out if the whole file is of one repository. At least one count must be there,
and each cell of a count may be empty: that count is then unknown.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from worker.imports.cells import CellError, parse_count, parse_day, shorten
from worker.imports.csv_file import CsvFile
from worker.imports.rows import Basis, FileRefusedError, ParsedFile, Refusal, Row

_REPOSITORY = ("repo", "repo_id")
"""The second is the name in the CSV of ``/v1/users/{id}/stats``."""

_COUNTS = ("stargazers", "forks", "watchers")

_ID = re.compile("[0-9]{1,18}")


def read(file: BinaryIO) -> ParsedFile:
    """Read a file.

    :raise FileRefusedError: it does not have the columns
    """
    table = CsvFile(file)
    columns = {name: place for place, name in enumerate(table.header)}
    unknown = set(columns) - {"date", *_REPOSITORY, *_COUNTS}
    if unknown or "date" not in columns or not columns.keys() & set(_COUNTS):
        raise FileRefusedError(
            "the first line must name the columns: repo,date,stargazers,forks,watchers;"
            f" it is {table.shown_header}"
        )
    return ParsedFile(_rows(table, columns), Basis.OBSERVED)


def _rows(table: CsvFile, columns: dict[str, int]) -> Iterator[Row | Refusal]:
    repository = next((columns[name] for name in _REPOSITORY if name in columns), None)
    day = columns["date"]
    stars, forks, watchers = (columns.get(name) for name in _COUNTS)
    for record in table.records():
        if isinstance(record, Refusal):
            yield record
            continue
        line, cells = record
        try:
            yield Row(
                line,
                None if repository is None else parse_repository(cells[repository]),
                parse_day(cells[day]),
                None if stars is None else parse_count(cells[stars]),
                None if forks is None else parse_count(cells[forks]),
                None if watchers is None else parse_count(cells[watchers]),
            )
        except CellError as error:
            yield Refusal(line, str(error))


def parse_repository(cell: str) -> int | str:
    """Return a repository's id or full name.

    :raise CellError: it is neither
    """
    cell = cell.strip()
    if _ID.fullmatch(cell):
        return int(cell)
    owner, slash, name = cell.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise CellError(f"{shorten(cell) or 'an empty cell'} is not a repository")
    return cell
