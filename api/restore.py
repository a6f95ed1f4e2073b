"""``python -m api.restore FILE``: restore an export into an empty installation.

The file is that of ``GET /v1/export`` as NDJSON, also compressed by gzip; ``-`` reads it from the
standard input. All is written in one transaction by COPY: whatever ends the restore, the
installation is as empty as before.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from io import BufferedReader
from itertools import groupby, islice
from typing import Any

import orjson
import psycopg2
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from common import export_reader, installation, scan_records, stats, tables
from common.db import first_line, make_engine, outage_reason
from common.errors import RepopulseError, exit_with_message
from common.export_reader import ExportError, Line
from common.export_records import IMPORT, IMPORTED, OBSERVED, USER, Record
from common.plural import plural
from common.settings import load_settings

_COPY_BYTES = 64 * 1024

_LINES_PER_PIECE = 500


class RestoreError(RepopulseError):
    """The export cannot be restored here; nothing has changed."""


def restore(engine: Engine, file: BufferedReader) -> Counter[str]:
    """Restore an export; return how many records of each type it has.

    :raise ExportError: the file is not a whole export, or contradicts itself
    :raise RestoreError: the installation is not empty, or Postgres cannot store it
    """
    header, lines = export_reader.read(file)
    counts: Counter[str] = Counter()
    try:
        with engine.begin() as connection:
            _take(connection)
            _claim(connection, header.github)
            for (record, month), group in groupby(lines, _table_of):
                if month is not None:
                    stats.create_partitions(connection, month, months_ahead=0)
                counts[record.type] += _copy(connection, record, group)
            scan_records.keep_all_totals(connection)
            _continue_numbers(connection)
    except IntegrityError as error:
        raise ExportError(f"the file contradicts itself: {_both_lines(error)}") from error
    except DBAPIError as error:
        raise RestoreError(f"{outage_reason(error) or 'refused'}: {first_line(error)}") from error
    return counts


def _both_lines(error: IntegrityError) -> str:
    """Return the message of Postgres and its detail, which names the ids."""
    assert isinstance(error.orig, psycopg2.Error)  # noqa: S101 - for the type checker
    return ": ".join(filter(None, (first_line(error), error.orig.diag.message_detail)))


def _take(connection: Connection) -> None:
    """Keep everyone else from writing until the transaction ends.

    :raise RestoreError: the installation is not empty
    """
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text("LOCK TABLE users, imports IN SHARE ROW EXCLUSIVE MODE"))
    users, imports = connection.execute(
        text("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM imports)")
    ).one()
    if users or imports:
        raise RestoreError(
            f"this installation is not empty: it follows {plural(users, 'user')} and has"
            f" {plural(imports, 'import')};"
            " restore the file into a new one, or import it here, which adds its rows as imported"
        )
    # Sweeps complete days even while no user is followed.
    connection.execute(tables.completed_days.delete())


def _claim(connection: Connection, github: str | None) -> None:
    """Make the database record the GitHub of the export.

    :raise RestoreError: it records another
    """
    if github is None:
        return
    recorded = installation.claim_github(connection, github)
    if recorded != github:
        raise RestoreError(
            f"this database records {recorded}, and the export is of {github}:"
            " restore it into a new database"
        )


def _table_of(line: Line) -> tuple[Record, date | None]:
    """Return the type of a record and, for daily rows, the month of their partition."""
    if line.record is not OBSERVED:
        return line.record, None
    day: str = line.values[_DATE_OF_ROW]
    return line.record, date(int(day[:4]), int(day[5:7]), 1)


_DATE_OF_ROW = OBSERVED.names.index("date")


def _copy(connection: Connection, record: Record, lines: Iterator[Line]) -> int:
    """Write records of one type; return how many."""
    columns = ", ".join((*record.names, *(name for name, _ in record.only)))
    source = _CopySource(_copy_line(line) for line in lines)
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - for the type checker
    with driver.cursor() as cursor:
        try:
            cursor.copy_expert(
                f"COPY {record.table.name} ({columns}) FROM STDIN", source, _COPY_BYTES
            )
        except psycopg2.Error as error:
            # psycopg2 hides why the lines ended.
            if source.error is not None:
                raise source.error from None
            raise _wrapped(error) from error
        count: int = cursor.rowcount
    return count


def _wrapped(error: psycopg2.Error) -> DBAPIError:
    """Return the error of a cursor in the class that SQLAlchemy gives it."""
    wrapped = DBAPIError.instance("COPY", None, error, psycopg2.Error, hide_parameters=True)
    assert isinstance(wrapped, DBAPIError)  # noqa: S101 - for the type checker
    return wrapped


class _CopySource:
    """A file for psycopg2 that is made of lines while it is read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = b""
        self.error: RepopulseError | None = None

    def read(self, size: int) -> bytes:
        """Return at most some bytes; none at the end."""
        try:
            while len(self._left) < size:
                piece = b"".join(islice(self._lines, _LINES_PER_PIECE))
                if not piece:
                    break
                self._left += piece
        except RepopulseError as error:
            self.error = error
            raise
        read, self._left = self._left[:size], self._left[size:]
        return read


def _copy_line(line: Line) -> bytes:
    """Return a record in the text format of COPY."""
    cells = [_cell(value) for value in line.values]
    cells += [value for _, value in line.record.only]
    return "\t".join(cells).encode() + b"\n"


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, dict):
        return orjson.dumps(value).decode().translate(_ESCAPES)
    return str(value)


def _continue_numbers(connection: Connection) -> None:
    """Have new imports get other numbers than the restored ones."""
    connection.execute(
        text(
            "SELECT setval(pg_get_serial_sequence('imports', 'id'), max(id)) FROM imports"
            " HAVING max(id) IS NOT NULL"
        )
    )


def run(engine: Engine, name: str) -> str:
    """Restore a file, or the standard input if its name is ``-``; return in one line what it had.

    :raise ExportError: the file is not a whole export, or contradicts itself
    :raise RestoreError: the file cannot be read, or not be restored here
    """
    source = sys.stdin.fileno() if name == "-" else name
    try:
        with open(source, "rb") as file:  # noqa: PTH123 - a number, too
            counts = restore(engine, file)
    except OSError as error:
        raise RestoreError(f"{name} cannot be read: {error.strerror}") from error
    return (
        f"restored {plural(counts[USER.type], 'user')},"
        f" {plural(counts[OBSERVED.type], 'observed row')},"
        f" {plural(counts[IMPORT.type], 'import')} with {plural(counts[IMPORTED.type], 'row')}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Restore the file of the command line into the database of the settings."""
    parser = argparse.ArgumentParser(
        prog="python -m api.restore",
        description="Restore the NDJSON of GET /v1/export into an empty installation.",
    )
    parser.add_argument("file", help="the file, plain or compressed by gzip; - is standard input")
    name: str = parser.parse_args(arguments).file
    engine = make_engine(load_settings().database, process="restore")
    try:
        print(run(engine, name))
    finally:
        engine.dispose()


if __name__ == "__main__":
    with exit_with_message():
        main()
