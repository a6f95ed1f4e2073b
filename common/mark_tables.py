"""The tables of what is marked on the time axis of a repository's charts: notes and releases."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    Table,
    Text,
    text,
)

from common.metadata import TIME, metadata

MAX_NOTE_LENGTH = 500
"""Characters of a note."""

notes = Table(
    "notes",
    metadata,
    Column("repo_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("text", Text, nullable=False),
    CheckConstraint(f"char_length(text) BETWEEN 1 AND {MAX_NOTE_LENGTH}", name="length"),
)
"""What people wrote about a day of a repository."""

releases = Table(
    "releases",
    metadata,
    Column("repo_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    # GitHub's id of the release.
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tag", Text, nullable=False),
    Column("title", Text),
    Column("published_at", TIME, nullable=False),
    Column("is_prerelease", Boolean, nullable=False),
)
"""The releases that GitHub showed, as they were when they were read last."""

release_readings = Table(
    "release_readings",
    metadata,
    Column("repo_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    # The day on which the releases were read, or given up; null before the first time.
    Column("read_on", Date),
    # Failed ones since then.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)
"""How far the reading of releases is. A repository without a row was never read."""
