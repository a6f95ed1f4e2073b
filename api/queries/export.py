"""Read everything that an export has, in portions and in a fixed order.

The rows come through cursors of one REPEATABLE READ transaction, so that neither the API nor
Postgres ever holds more than a portion, and all of them show one moment.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection, DateTime, text
from sqlalchemy.dialects.postgresql import JSONB

from common import installation, tables
from common.export_records import (
    END,
    FORMAT_VERSION,
    HEADER,
    IMPORTED,
    OBSERVED,
    RECORDS,
    REPOSITORY,
    Record,
)
from common.states import ImportState
from common.stats import month_after

_PORTION = 5000
"""Rows; some hundred kilobytes."""

_STATEMENT_TIMEOUT = "60s"
"""For one portion. The first of a type may have to wait for a sort."""

_KEY = 7_266_773_002
"""The first number of the advisory locks of exports; nothing else uses it."""

MAX_EXPORTS = 2
"""Exports at once, of all API processes together. Each takes a connection, and keeps old versions
of rows from being cleaned up."""


def take_place(connection: Connection) -> bool:
    """Take one of the places for exports until the transaction ends; return whether one was free.

    A place is an advisory lock of the transaction: it is free again whatever becomes of the
    process, and a pooler that gives each transaction another session does not lose it.
    """
    for place in range(MAX_EXPORTS):
        statement = text("SELECT pg_try_advisory_xact_lock(CAST(:key AS bigint))")
        if connection.execute(statement, {"key": _KEY + place}).scalar_one():
            return True
    return False


def ndjson(connection: Connection) -> Iterator[bytes]:
    """Yield the lines of an export, some thousand at a time.

    :param connection: in a REPEATABLE READ transaction
    """
    allow_long_statements(connection)
    yield _line({"type": HEADER} | header(connection))
    number = 0
    for record in RECORDS:
        for rows in json_rows(connection, record):
            number += len(rows)
            yield "\n".join([*rows, ""]).encode()
    yield _line({"type": END, "records": number})


def header(connection: Connection) -> dict[str, object]:
    """Return what the header of an export says.

    ``scanned_on`` is the newest day of a scan, instead of the time of the export, so that the same
    data give the same bytes.
    """
    scanned_on: date | None = connection.execute(
        text("SELECT max(scanned_on) FROM users")
    ).scalar_one()
    return {
        "format": FORMAT_VERSION,
        "github": installation.read(connection).github,
        "scanned_on": scanned_on,
    }


def json_rows(connection: Connection, record: Record) -> Iterator[Sequence[str]]:
    """Yield the rows of a type as JSON objects, which Postgres writes, in portions."""
    columns = ", ".join((f"'{record.type}' AS type", *record.names))
    for condition in _conditions(connection, record):
        statement = f"""
            SELECT row_to_json(r)::text
            FROM (SELECT {columns} FROM {record.table.name} {condition}) r
            ORDER BY {_order(record)}
        """  # noqa: S608 - made of names of ours
        rows = _portions(connection, statement)
        yield from ([row[0] for row in portion] for portion in rows)


def csv_columns(record: Record) -> list[str]:
    """Return the names of the columns of a type where rows have names beside ids."""
    return [name for name, _ in _csv_expressions(record)]


def csv_rows(connection: Connection, record: Record) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield the rows of a type as tuples of ``csv_columns``, in portions.

    Days are dates; times and JSON are texts.
    """
    columns = ", ".join(expression for _, expression in _csv_expressions(record))
    for condition in _conditions(connection, record):
        statement = f"""
            SELECT {columns} FROM {record.table.name} t {condition} ORDER BY {_order(record)}
        """  # noqa: S608 - made of names of ours
        yield from _portions(connection, statement)


HISTORY_COLUMNS = {
    "repo_id": "int64",
    "full_name": "string",
    "date": "date32",
    "user_id": "int64",
    "login": "string",
    "stargazers": "int32",
    "forks": "int32",
    "watchers": "int32",
    "source": "string",
}
"""Of ``history_rows``, with their types as pyarrow names them."""


def history_rows(connection: Connection) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield observed and imported counts, each with its source, in portions.

    An imported count has no owner.
    """
    for rows in csv_rows(connection, OBSERVED):
        yield [(*row, "observed") for row in rows]
    for rows in csv_rows(connection, IMPORTED):
        yield [
            (repo_id, full_name, day, None, None, *counts, f"import:{source}")
            for repo_id, full_name, day, _import_id, source, *counts in rows
        ]


_FULL_NAME = (
    "full_name",
    """(SELECT owner.login || '/' || named.name FROM repositories named
        JOIN users owner ON owner.id = named.user_id WHERE named.id = t.{})""",
)
_LOGIN = ("login", "(SELECT owner.login FROM users owner WHERE owner.id = t.{})")
_IMPORT_NAME = ("import", "(SELECT source.name FROM imports source WHERE source.id = t.{})")

_NAMES_OF = {"repo_id": _FULL_NAME, "user_id": _LOGIN, "import_id": _IMPORT_NAME}
"""What names a thing beside its id. A subquery for each row keeps the order of the index, so that
nothing is sorted."""


def _csv_expressions(record: Record) -> Iterator[tuple[str, str]]:
    for column in record.columns:
        name = str(column.name)
        if isinstance(column.type, DateTime):
            yield name, f"to_json(t.{name})#>>'{{}}'"
        elif isinstance(column.type, JSONB):
            yield name, f"t.{name}::text"
        else:
            yield name, f"t.{name}"
        named = _FULL_NAME if record is REPOSITORY and name == "id" else _NAMES_OF.get(name)
        if named is not None:
            yield named[0], named[1].format(name)


def _conditions(connection: Connection, record: Record) -> Iterator[str]:
    """Yield the WHERE clauses of the statements that read a type, one after the other."""
    if record.months:
        for first in _months(connection):
            yield f"WHERE date >= '{first}' AND date < '{month_after(first)}'"
    elif record is IMPORTED:
        yield f"""
            WHERE import_id IN (SELECT id FROM {tables.imports.name}
                                WHERE state = '{ImportState.APPLIED}')
        """  # noqa: S608 - made here
    elif record.only:
        yield "WHERE " + " AND ".join(f"{name} = '{value}'" for name, value in record.only)
    else:
        yield ""


def _order(record: Record) -> str:
    return ", ".join(
        # The same in each database, whatever its collation.
        f'{name} COLLATE "C"'
        if name == "name"
        else f"{name} NULLS FIRST"
        if record.table.columns[name].nullable
        else name
        for name in record.order
    )


_PARTITION = re.compile(f"{OBSERVED.table.name}_([0-9]{{4}})_([0-9]{{2}})")


def _months(connection: Connection) -> list[date]:
    """Return the first days of the months that may have rows, in ascending order.

    A month at a time is read from one partition by its index, without a sort.
    """
    partitions = connection.execute(
        text(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = CAST('daily_stats' AS regclass)"
        )
    ).scalars()
    months = {
        date(int(found[1]), int(found[2]), 1)
        for name in partitions
        if (found := _PARTITION.fullmatch(name))
    }
    # Rows of months without a partition of their own.
    others = connection.execute(
        text(f"SELECT DISTINCT date_trunc('month', date)::date FROM {OBSERVED.table.name}_default")  # noqa: S608
    ).scalars()
    return sorted(months.union(others))


def _portions(connection: Connection, statement: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - for the type checker
    # A cursor of Postgres. Not through SQLAlchemy, whose row objects take twice as long as the
    # rest.
    with driver.cursor(name="export") as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_PORTION):
            yield rows


def allow_long_statements(connection: Connection) -> None:
    """Allow a statement to take longer than one of a request, until the transaction ends."""
    connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'"))


def _line(values: dict[str, object]) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)
