"""``ghstats``: the SQLite database of vladkens/ghstats, of which ``repo_stats`` is read.

``watchers`` there are GitHub's ``watchers_count``, which equals the stars, so they are left out.
They show how a row came about, though: ghstats also adds rows for days on which it counted
only visits (all three are 0), and rows computed from the list of stars (only ``stars`` are not 0).

The file is untrusted. SQLite reads it from memory, where nothing can be written to a disk, and may
execute one SELECT of one table: an authorizer refuses all else, and its steps are bounded.
"""

import sqlite3
from collections.abc import Iterator
from typing import BinaryIO

from common.import_chunks import MAX_FILE_BYTES
from worker.imports.cells import CellError, parse_count, parse_day
from worker.imports.rows import Basis, FileRefusedError, ParsedFile, Refusal, Row

_MAGIC = b"SQLite format 3\x00"

_HEADER_BYTES = 100

_WRITE_VERSION, _READ_VERSION = 18, 19
"""Places in the header: 2 means a write-ahead log, which a database in memory cannot have. What is
only in the log, a file of its own, is missing."""

_COLUMNS = ("repo_id", "date", "stars", "forks", "watchers")

_MAX_TEXT = 1000
"""Bytes of a value; the longest valid one is a date."""

_STEPS = 10_000
_MAX_STEPS = 300_000_000
"""Instructions of SQLite's machine. Two million rows take 40 million."""

_NOTES = (
    "The stars of a day are the highest count of that day: ghstats does not lower it.",
    "Watchers are left out: what ghstats stores as watchers are the stars.",
    (
        "Rows whose watchers and forks are 0 were computed by ghstats from the stars still held:"
        " their forks are unknown."
    ),
)

_NOTHING_COUNTED = (
    "0 stars, forks and watchers: ghstats writes this for days on which it counted only visits"
)


def read(file: BinaryIO) -> ParsedFile:
    """Read a database.

    :raise FileRefusedError: it is none, or not of ghstats
    """
    content = bytearray(file.read(MAX_FILE_BYTES + 1))
    if not content.startswith(_MAGIC) or len(content) < _HEADER_BYTES:
        raise FileRefusedError("the file is not an SQLite database")
    content[_WRITE_VERSION] = content[_READ_VERSION] = 1
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(content)
        del content
        _restrict(connection)
        _check_schema(connection)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        connection.close()
        raise FileRefusedError(f"SQLite cannot read the file: {error}") from error
    except FileRefusedError:
        connection.close()
        raise
    return ParsedFile(_rows(connection), Basis.OBSERVED, _NOTES)


def _restrict(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = lambda value: value.decode("utf-8", "replace")
    left = iter(range(_MAX_STEPS // _STEPS))
    # A true result ends the statement.
    connection.set_progress_handler(lambda: next(left, None) is None, _STEPS)


def _check_schema(connection: sqlite3.Connection) -> None:
    """Check that the database has only tables, and the columns.

    :raise FileRefusedError: it has not
    """
    kinds = connection.execute(
        "SELECT count(*), sum(type NOT IN ('table', 'index')"
        " OR upper(ltrim(coalesce(sql, ''))) LIKE 'CREATE VIRTUAL%') FROM sqlite_schema"
    ).fetchone()
    if kinds[1]:
        raise FileRefusedError(
            "the database has views, triggers or virtual tables, which ghstats does not make"
        )
    tables = connection.execute("PRAGMA table_list('repo_stats')").fetchall()
    if [(schema, kind) for schema, _, kind, *_ in tables] != [("main", "table")]:
        raise FileRefusedError("the database has no table repo_stats: it is not of ghstats")
    columns = connection.execute("PRAGMA table_xinfo('repo_stats')").fetchall()
    # The last value is not 0 for a column that is computed.
    plain = {name for _, name, *_, hidden in columns if not hidden}
    if missing := [name for name in _COLUMNS if name not in plain]:
        raise FileRefusedError(f"the table repo_stats has no column {missing[0]}")


def authorize(action: int, first: str | None, _second: object, _db: object, _by: object) -> int:
    """Allow a SELECT of columns of ``repo_stats``, and nothing else, as SQLite asks for it."""
    allowed = action == sqlite3.SQLITE_SELECT or (
        action == sqlite3.SQLITE_READ and first == "repo_stats"
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _rows(connection: sqlite3.Connection) -> Iterator[Row | Refusal]:
    try:
        connection.set_authorizer(authorize)
        found = connection.execute("SELECT repo_id, date, stars, forks, watchers FROM repo_stats")
        for line, row in enumerate(found, start=1):
            yield _row(line, row)
    except sqlite3.Error as error:
        raise FileRefusedError(f"SQLite cannot read the file: {error}") from error
    finally:
        connection.close()


def _row(line: int, values: tuple[object, ...]) -> Row | Refusal:
    repository, day, *counts = values
    if not isinstance(repository, int):
        return Refusal(line, "repo_id is not a number")
    if not isinstance(day, str) or len(day) > _MAX_TEXT:
        return Refusal(line, "date is not a text")
    try:
        stars, forks, watchers = map(_count, counts)
        if not (stars or forks or watchers):
            return Refusal(line, _NOTHING_COUNTED)
        is_rebuilt = bool(stars) and not watchers and not forks
        return Row(line, repository, parse_day(day), stars, None if is_rebuilt else forks)
    except CellError as error:
        return Refusal(line, str(error))


def _count(value: object) -> int | None:
    """Return a count; SQLite keeps whatever was written to a column, whichever its type is."""
    if value is None or (isinstance(value, int) and value >= 0):
        return value
    if isinstance(value, bytes):
        raise CellError("a count is binary data")
    return parse_count(str(value)[:_MAX_TEXT])
