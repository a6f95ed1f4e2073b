"""``repopulse``: the export of another installation, the NDJSON of ``GET /v1/export``.

Its observed rows become imported ones, by the ids of their repositories. What else it has is left
out: this installation reads GitHub's history itself, and imports come from files of their own.
"""

import io
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from common import export_reader
from common.export_reader import ExportError, Line
from common.export_records import OBSERVED
from worker.imports.rows import Basis, FileRefusedError, ParsedFile, Refusal, Row

MAX_LINES = 5_000_000
"""A file that is compressed may have more lines than there is time for."""

_NOTE = (
    "Only observed rows are imported. This installation reads GitHub's history of stars itself,"
    " and what was imported there has to be imported from its own file."
)


def read(file: BinaryIO) -> ParsedFile:
    """Read a file, plain or compressed by gzip.

    :raise FileRefusedError: it is not an export that this release can read
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    try:
        header, lines = export_reader.read(buffered)
    except ExportError as error:
        raise FileRefusedError(str(error)) from error
    return ParsedFile(_rows(lines), Basis.OBSERVED, github=header.github, notes=(_NOTE,))


def _rows(lines: Iterator[Line]) -> Iterator[Row | Refusal]:
    try:
        for line in lines:
            if line.number > MAX_LINES:
                raise FileRefusedError(f"the file has more than {MAX_LINES:,} lines")
            if line.record is OBSERVED:
                yield _row(line)
    except ExportError as error:
        raise FileRefusedError(str(error)) from error


def _row(line: Line) -> Row:
    values = dict(zip(OBSERVED.names, line.values, strict=True))
    return Row(
        line.number,
        values["repo_id"],
        date.fromisoformat(values["date"]),
        values["stargazers"],
        values["forks"],
        values["watchers"],
    )
