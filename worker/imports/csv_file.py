"""CSV that others wrote: UTF-8, with bounded lines, and with the columns that a format has."""

import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO

from worker.imports.cells import shorten
from worker.imports.rows import FileRefusedError, Refusal

MAX_LINE_BYTES = 4096
"""The longest valid line has some 200 bytes."""

_OTHER_ENCODINGS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


class CsvFile:
    """A CSV file whose first line was read.

    :raise FileRefusedError: it is empty or not text
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._line = 0
        self._records = csv.reader(self._lines(), strict=True)
        first = self._next()
        if first is None:
            raise FileRefusedError("the file is empty")
        self.header = tuple(cell.strip().lower() for cell in first)
        """The names of the columns, in lower case."""
        if len(set(self.header)) < len(self.header):
            raise FileRefusedError(f"a column occurs twice: {self.shown_header}")

    @property
    def shown_header(self) -> str:
        """The first line, for messages."""
        return shorten(",".join(self.header))

    def records(self) -> Iterator[tuple[int, list[str]] | Refusal]:
        """Yield line number and cells of each record that is not empty.

        If cells are missing or too many, it is a refusal instead.

        :raise FileRefusedError: the rest is not CSV
        """
        width = len(self.header)
        while (record := self._next()) is not None:
            if not any(record):
                continue
            if len(record) == width:
                yield self._line, record
            else:
                yield Refusal(self._line, f"the line has other than {width} cells")

    def _next(self) -> list[str] | None:
        """Return the next record; None at the end."""
        try:
            return next(self._records, None)
        except csv.Error as error:
            raise FileRefusedError(f"line {self._line} is not CSV: {error}") from error

    def _lines(self) -> Iterator[str]:
        """Yield the lines as text.

        :raise FileRefusedError: one is too long, or not text
        """
        while line := self._file.readline(MAX_LINE_BYTES + 1):
            self._line += 1
            if self._line == 1:
                _check_beginning(line)
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) > MAX_LINE_BYTES:
                raise FileRefusedError(f"line {self._line} is longer than {MAX_LINE_BYTES} bytes")
            if b"\x00" in line:
                raise FileRefusedError(f"line {self._line} has a NUL byte: this is no text file")
            try:
                yield line.decode()
            except UnicodeDecodeError:
                raise FileRefusedError(
                    f"line {self._line} is not UTF-8: save the file as UTF-8"
                ) from None


def _check_beginning(line: bytes) -> None:
    if line.startswith(_OTHER_ENCODINGS):
        raise FileRefusedError("the file is UTF-16: save it as UTF-8")
    if line.startswith(_COMPRESSED):
        raise FileRefusedError("the file is compressed: unpack it first")
    if line.startswith(b"SQLite format 3\x00"):
        raise FileRefusedError("the file is an SQLite database, not CSV")
