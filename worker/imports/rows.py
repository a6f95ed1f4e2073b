"""What a reader returns: rows, refusals, and how the counts came about.

A reader takes an open binary file, which can be read from any position, and returns a
``ParsedFile``. It checks what its format says, and leaves to ``checks`` what holds for all formats:
which days and counts can be, and which repositories are followed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import BinaryIO, NamedTuple

from common.errors import RepopulseError


class FileRefusedError(RepopulseError):
    """Nothing of the file can be imported; the message says why, and what to do."""


class Row(NamedTuple):
    """The counts of one repository on one day; None is a count that the file does not have.

    A tuple, because a file has up to two million of them.
    """

    line: int
    """Where it is in the file; the number of the row in a database."""
    repository: int | str | None
    """The id or the full name; None if the file is of one repository and does not say which."""
    day: date
    stargazers: int | None = None
    forks: int | None = None
    watchers: int | None = None


class Refusal(NamedTuple):
    """A row that cannot be imported.

    :param reason: the same words for all rows of which the same is wrong
    """

    line: int
    reason: str


class Basis(StrEnum):
    """How the counts of a file came about."""

    OBSERVED = "observed"
    """Each was read from GitHub on its day."""
    REBUILT = "rebuilt"
    """They were computed later from what still existed then, such as stars still held."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file whose beginning is as its format says.

    :param rows: in the order of the file; raises ``FileRefusedError``
    :param notes: sentences for the report: what is left out, and what the counts mean
    :param github: the GitHub whose ids the rows have, if the file says so
    """

    rows: Iterator[Row | Refusal]
    basis: Basis
    notes: tuple[str, ...] = ()
    github: str | None = None


Reader = Callable[[BinaryIO], ParsedFile]
"""Raises ``FileRefusedError`` if the file is not of the format."""
