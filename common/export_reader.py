"""Read the lines of an export, which may come from anywhere: nothing in them is trusted.

A line is bounded, has a known type, exactly the fields of that type, and values that their columns
can hold. The types follow each other in the order of ``RECORDS``, and the last line has the number
of records. Memory stays flat however long the file is.
"""

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NoReturn

import orjson
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB

from common.errors import RepopulseError
from common.export_records import BY_TYPE, END, FORMAT_VERSION, HEADER, POSITIONS, RECORDS, Record

MAX_LINE = 1024 * 1024
"""Bytes. The longest lines are those of imports, with their reports."""

_GZIP = b"\x1f\x8b"


class ExportError(RepopulseError):
    """The file is not an export, or not one that this release can read."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line.

    :param github: the name of the GitHub that the installation records; None if it records nothing
    """

    github: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One record.

    :param number: of the line in the file, from 1
    :param values: of the columns of the record, in their order, as JSON has them
    """

    number: int
    record: Record
    values: tuple[Any, ...]


def read(file: "io.BufferedReader[Any]") -> tuple[Header, Iterator[Line]]:
    """Return the header of an export, and its records, which are read when they are needed.

    :param file: an export as NDJSON, plain or gzip
    :raise ExportError: the file is not a whole export; also while the records are read
    """
    lines = _lines(file)
    first = next(lines, None)
    values = {} if first is None else _parse(*first)
    if values.get("type") != HEADER:
        raise ExportError(
            'this is not an export of Repopulse as NDJSON: line 1 is not {"type":"export", …}'
        )
    version, github = values.get("format"), values.get("github")
    if type(version) is not int or not (github is None or isinstance(github, str)):
        _refuse(1, "no header of an export")
    if version > FORMAT_VERSION:
        raise ExportError(
            f"this export has format {version}, and this release reads up to {FORMAT_VERSION}:"
            " use a newer release"
        )
    return Header(github), _records(lines)


def _lines(file: "io.BufferedReader[Any]") -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their numbers.

    :raise ExportError: a line is too long, or the file cannot be read
    """
    is_gzip = file.peek(len(_GZIP)).startswith(_GZIP)
    source = gzip.GzipFile(fileobj=file) if is_gzip else file
    number = 0
    try:
        while line := source.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                _refuse(number, f"longer than {MAX_LINE // 1024} KiB")
            yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ExportError(f"the file is damaged or cut after line {number}: {error}") from error


def _parse(number: int, line: bytes) -> dict[str, Any]:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ExportError(f"line {number}: no JSON: {error.msg}") from error
    if not isinstance(values, dict):
        _refuse(number, "no JSON object")
    return values


def _records(lines: Iterator[tuple[int, bytes]]) -> Iterator[Line]:
    """Yield the records up to the last line, which has to have their number."""
    last = RECORDS[0]
    for number, line in lines:
        values = _parse(number, line)
        type_ = values.pop("type", None)
        if type_ == END:
            # All lines but this one and the header.
            if values != {"records": number - 2}:
                _refuse(number, f"not the number of records: {number - 2} precede it")
            if next(lines, None) is not None:
                _refuse(number + 1, "a line after the end")
            return
        record = BY_TYPE.get(type_) if isinstance(type_, str) else None
        if record is None:
            _refuse(number, f"unknown type: {str(type_)[:40]!r}")
        if POSITIONS[record] < POSITIONS[last]:
            _refuse(number, f"a record of type {record.type} after one of type {last.type}")
        last = record
        yield Line(number, record, _check(number, record, values))
    raise ExportError("the file is not whole: its last line is missing")


def _check(number: int, record: Record, values: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of a record in the order of its columns.

    :raise ExportError: a field is missing, unknown, or of another type
    """
    if values.keys() != record.fields:
        wrong = min(values.keys() ^ record.fields)
        state = "unknown" if wrong in values else "missing"
        _refuse(number, f"{state} field of {record.type}: {wrong[:40]!r}")
    for column, is_valid, what in _CHECKS[record.type]:
        value = values[column.name]
        if not (column.nullable if value is None else is_valid(value)):
            _refuse(number, f"{column.name} of {record.type} has to be {what}")
    return tuple(values[name] for name in record.names)


_DATE = re.compile("(19[7-9]|20[0-9]|21[0-9])[0-9]-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?[+]00:00", re.ASCII
)


def _is_integer(bits: int) -> Callable[[Any], bool]:
    bound = 2 ** (bits - 1)
    return lambda value: type(value) is int and -bound <= value < bound


def _is_text(value: Any) -> bool:
    # Postgres can store no NUL.
    return isinstance(value, str) and "\0" not in value


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_time(value: Any) -> bool:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_json(value: Any) -> bool:
    return isinstance(value, dict) and not _NUL.search(orjson.dumps(value))


_NUL = re.compile(rb"(?<!\\)(\\\\)*\\u0000")
"""Of JSON; ``\\\\u0000`` is a backslash and five characters."""

_KINDS: tuple[tuple[type[Any], Callable[[Any], bool], str], ...] = (
    # A subclass before its base.
    (BigInteger, _is_integer(64), "a number of 64 bits"),
    (Integer, _is_integer(32), "a number of 32 bits"),
    (Text, _is_text, "a text without NUL"),
    (Boolean, lambda value: isinstance(value, bool), "true or false"),
    (Date, _is_date, "a date like 2022-06-10, from 1970 to 2199"),
    (DateTime, _is_time, "a time like 2022-06-10T00:05:00+00:00"),
    (JSONB, _is_json, "a JSON object"),
)


def _check_of(column: Column[Any]) -> tuple[Column[Any], Callable[[Any], bool], str]:
    is_valid, what = next(
        (is_valid, what) for kind, is_valid, what in _KINDS if isinstance(column.type, kind)
    )
    return column, is_valid, f"{what} or null" if column.nullable else what


_CHECKS = {record.type: [_check_of(column) for column in record.columns] for record in RECORDS}


def _refuse(number: int, what: str) -> NoReturn:
    raise ExportError(f"line {number}: {what}")
