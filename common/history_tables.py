"""The tables of what is known of days before the first row, apart from what was observed.

``star_gains`` has what GitHub's history said, and ``backfills`` is how far it was read;
``imported_stats`` has what came from files, and the other tables what is known of these files.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from common.metadata import NEVER, TIME, metadata, one_of
from common.states import BackfillState, ImportState

star_gains = Table(
    "star_gains",
    metadata,
    Column("repo_id", ForeignKey("repositories.id", ondelete="CASCADE")),
    # A day of Los Angeles that had ended when it was read.
    Column("day", Date),
    # How many stars given on that day were still held, at the first reading and at the last. A day
    # without a row, up to ``backfills.read_through``, had none at each reading. A day without stars
    # has a row if it was read within a week of its end, for the sake of ``read_at``.
    Column("gained_first", Integer, nullable=False),
    Column("gained_last", Integer, nullable=False),
    # The moment of the first reading, or a later one if that is not known any more.
    Column("read_at", TIME, nullable=False),
    PrimaryKeyConstraint(
        "repo_id", "day", postgresql_include=["gained_first", "gained_last", "read_at"]
    ),
    CheckConstraint("gained_first >= 0 AND gained_last >= 0", name="counts"),
)
"""What GitHub's history of stars said. Never mixed into ``daily_stats``."""

backfills = Table(
    "backfills",
    metadata,
    Column("repo_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("state", Text, nullable=False, server_default=BackfillState.PENDING),
    Column("reason", Text),
    # The page that is to be read next, from 1; a stop half-way continues here.
    Column("next_page", Integer, nullable=False, server_default=text("1")),
    # The last day of which the whole history up to it was read; null before the first reading.
    Column("read_through", Date),
    # The first day of the oldest week that the last whole reading had.
    Column("read_from", Date),
    # Whether the reading in progress goes to the last page, or only to what is known already.
    Column("is_whole", Boolean, nullable=False, server_default=text("true")),
    # The days that the reading in progress, which began with page 1, has so far.
    Column("reading_through", Date),
    Column("reading_from", Date),
    # Of page 1, if none of its days was still running: then an unchanged page has no news.
    Column("etag", Text),
    # When the last reading ended, and the newest observed count at that time.
    Column("read_at", TIME),
    Column("stargazers", Integer),
    Column("requested_at", TIME, nullable=False, server_default=func.repopulse_now()),
    Column("lease_until", TIME, nullable=False, server_default=NEVER),
    Column("not_before", TIME, nullable=False, server_default=NEVER),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    CheckConstraint(one_of(BackfillState), name="state"),
    # In the order in which they are claimed.
    Index(
        "ix_backfills_pending",
        "is_whole",
        "attempts",
        "requested_at",
        "repo_id",
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_backfills_leased", "lease_until", postgresql_where=text("state = 'pending'")),
)
"""How far the reading of each repository's star history has come; also its queue."""

imports = Table(
    "imports",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Shown as the source of its rows.
    Column("name", Text, nullable=False, unique=True),
    Column("format", Text, nullable=False),
    # The full name of the repository, if all of the file is of one and the file does not say which.
    Column("repository", Text),
    Column("state", Text, nullable=False, server_default=ImportState.READING),
    Column("reason", Text),
    # What was found in the file; null until it was read.
    Column("report", JSONB),
    Column("created_at", TIME, nullable=False, server_default=func.repopulse_now()),
    Column("applied_at", TIME),
    Column("lease_until", TIME, nullable=False, server_default=NEVER),
    Column("not_before", TIME, nullable=False, server_default=NEVER),
    # The id of the task that works on it; null if none does.
    Column("held_by", Text),
    # How often a task began to do what the state says.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    CheckConstraint(one_of(ImportState), name="state"),
)
"""Histories that people brought in files."""

import_chunks = Table(
    "import_chunks",
    metadata,
    Column("import_id", ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
"""The bytes of the file of an import, until a worker has read it."""

import_rows = Table(
    "import_rows",
    metadata,
    # Without a foreign key, which would take a fifth of the time: a writer locks the import.
    Column("import_id", BigInteger, autoincrement=False, primary_key=True),
    Column("repo_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    Column("stargazers", Integer),
    Column("forks", Integer),
    Column("watchers", Integer),
    # The line of the file, and how many further lines are of the same repository and day.
    Column("line", Integer, nullable=False),
    Column("repeats", Integer, nullable=False),
    # Of such lines the first with other counts. The day is then refused.
    Column("conflict_line", Integer),
)
"""What an import that is not applied would add."""

imported_stats = Table(
    "imported_stats",
    metadata,
    Column("repo_id", ForeignKey("repositories.id", ondelete="CASCADE")),
    Column("date", Date),
    Column("import_id", ForeignKey("imports.id"), index=True, nullable=False),
    # Null where the file has no count.
    Column("stargazers", Integer),
    Column("forks", Integer),
    Column("watchers", Integer),
    PrimaryKeyConstraint("repo_id", "date", "import_id"),
    CheckConstraint("stargazers >= 0 AND forks >= 0 AND watchers >= 0", name="counts"),
)
"""The counts of imports, which count once the import is ``applied``. Never mixed into
``daily_stats``."""
