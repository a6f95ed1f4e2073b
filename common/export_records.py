"""The records of an export: what ``GET /v1/export`` sends and a restore reads.

As NDJSON an export is one JSON object per line. The first line is the header, the last one the end;
between them the records of one type follow those of another in the order of ``RECORDS``, so that
each record comes after those that it refers to. The lines of a type have a fixed order too, and no
line has the time of the export: the same data give the same bytes, also after a restore.

An export has what was recorded, read, imported or written. It leaves out what only says how far
the work of this installation has come: leases, attempts, imports that are not applied.
"""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Column, Table

from common import tables
from common.states import ImportState

HEADER = "export"
"""The type of the first line."""

END = "end"
"""The type of the last line, which says how many records there are: a file without it is cut."""

FORMAT_VERSION = 1
"""Of the file. A restore refuses files of later versions."""


@dataclass(frozen=True, eq=False)
class Record:
    """One type of record: some columns of a table.

    :param type: the value of ``type`` in its lines, and the name of its CSV file
    :param order: the columns that give the lines their order; together they are unique
    :param left_out: the columns of the table that an export does not have
    :param only: the values of columns that all exported rows have; no line has them
    :param months: rows are exported month by month, as the table is partitioned
    """

    type: str
    table: Table
    order: tuple[str, ...]
    left_out: frozenset[str] = frozenset()
    only: tuple[tuple[str, str], ...] = ()
    months: bool = False

    @cached_property
    def columns(self) -> tuple[Column[object], ...]:
        """Return the exported columns, in the order of the table."""
        hidden = self.left_out | {name for name, _ in self.only}
        return tuple(column for column in self.table.columns if column.name not in hidden)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the names of the exported columns."""
        return tuple(str(column.name) for column in self.columns)

    @cached_property
    def fields(self) -> frozenset[str]:
        """Return the names of the exported columns, without an order."""
        return frozenset(self.names)


USER = Record(
    "user",
    tables.users,
    order=("id",),
    left_out=frozenset(
        {"lease_until", "not_before", "attempts", "kills", "held_by", "asked_at"},
    ),
)
REPOSITORY = Record(
    "repository",
    tables.repositories,
    order=("id",),
    # A restored repository gets a new one, so that no client treats an old copy as current.
    left_out=frozenset({"revision"}),
)
OWNERSHIP = Record("ownership", tables.ownerships, order=("user_id", "repo_id"))
NAME = Record("name", tables.names, order=("user_id", "repo_id", "name"))
SCAN = Record(
    "scan",
    tables.scans,
    order=("user_id", "day"),
    # A restore adds them up.
    left_out=frozenset({"stargazers", "forks", "watchers", "totals_at"}),
)
COMPLETED_DAY = Record("completed_day", tables.completed_days, order=("day",))
OBSERVED = Record("observed", tables.daily_stats, order=("repo_id", "date"), months=True)
STAR_GAIN = Record("github_history", tables.star_gains, order=("repo_id", "day"))
BACKFILL = Record(
    "github_history_reading",
    tables.backfills,
    order=("repo_id",),
    left_out=frozenset({"lease_until", "not_before", "attempts"}),
)
IMPORT = Record(
    "import",
    tables.imports,
    order=("id",),
    left_out=frozenset({"reason", "lease_until", "not_before", "held_by", "attempts"}),
    only=(("state", ImportState.APPLIED.value),),
)
IMPORTED = Record("imported", tables.imported_stats, order=("repo_id", "date", "import_id"))
NOTE = Record("note", tables.notes, order=("repo_id", "date"))
RELEASE = Record("release", tables.releases, order=("repo_id", "id"))

RECORDS = (
    USER,
    REPOSITORY,
    OWNERSHIP,
    NAME,
    SCAN,
    COMPLETED_DAY,
    OBSERVED,
    STAR_GAIN,
    BACKFILL,
    IMPORT,
    IMPORTED,
    NOTE,
    RELEASE,
)
"""All types, in the order in which they are exported."""

POSITIONS = {record: position for position, record in enumerate(RECORDS)}

BY_TYPE = {record.type: record for record in RECORDS}

LEFT_OUT_TABLES = frozenset(
    {
        "lookups",
        "import_chunks",
        "import_rows",
        "installation",
        "latest_stats",
        "release_readings",
    }
)
"""Tables without records: logins that wait to be resolved, files that wait to be imported, the
installation, of which the header has the GitHub, copies of the newest rows, and on which day
releases were read."""
