"""The tables, for SQLAlchemy Core.

There are no mapped classes: the product selects columns and builds its own values, and the ORM
would cost each process 10 MB and 0.2 s at its start.

``users`` holds the tracked users and is also the queue of scans. ``scans`` records the outcome of
each user's day. ``daily_stats`` has one row per repository and UTC day, partitioned by month; the
row names the user who owned the repository on that day, so that history stays with that user after
a transfer. ``ownerships`` lists all repositories that a user ever had, so that a user's rows are
found by primary key. ``names`` keeps the former names of both.

What is known of days before the first row is apart from what was observed: ``history_tables``
defines these tables, and ``mark_tables`` those of notes and releases; all are named here too.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from common.history_tables import (
    backfills,
    import_chunks,
    import_rows,
    imported_stats,
    imports,
    star_gains,
)
from common.mark_tables import notes, release_readings, releases
from common.metadata import NEVER, TIME, metadata, one_of
from common.states import LookupState, RepositoryState, ScanState, UserState

__all__ = [
    "NEVER",
    "backfills",
    "completed_days",
    "daily_stats",
    "import_chunks",
    "import_rows",
    "imported_stats",
    "imports",
    "installation",
    "latest_stats",
    "lookups",
    "metadata",
    "names",
    "notes",
    "ownerships",
    "release_readings",
    "releases",
    "repositories",
    "scans",
    "star_gains",
    "users",
]

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("login", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("node_id", Text),
    Column("state", Text, nullable=False, server_default=UserState.ACTIVE),
    Column("added_at", TIME, nullable=False, server_default=func.repopulse_now()),
    Column("scanned_on", Date),
    Column("lease_until", TIME, nullable=False, server_default=NEVER),
    Column("not_before", TIME, nullable=False, server_default=NEVER),
    # Claims since the last settled scan.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # Scans in a row that began and reported nothing, because their worker was killed.
    Column("kills", Integer, nullable=False, server_default=text("0")),
    # The id of the task that scans this user; null if none does, "killed" if that task died and
    # the next has not begun.
    Column("held_by", Text),
    # The first day of those in a row on which GitHub showed no such account, and the moment at
    # which it first did; the moment means nothing if there is no such day.
    Column("missing_since", Date),
    Column("missing_at", TIME),
    # How many repositories GitHub counted at the last settled scan.
    Column("repositories", Integer),
    # When a client last requested a scan.
    Column("asked_at", TIME),
    CheckConstraint(one_of(UserState), name="state"),
    # Not unique: between a rename and the next scan two users may have the same login.
    Index("ix_users_login_folded", text("lower(login)")),
    Index("ix_users_due", text("scanned_on NULLS FIRST"), "id"),
    # Of each sweep: users who wait, and those who are to have another look.
    Index("ix_users_not_before", "not_before", postgresql_where=text("isfinite(not_before)")),
)
"""The tracked accounts; a row is also its user's place in the queue of scans."""

lookups = Table(
    "lookups",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("login", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=LookupState.PENDING),
    Column("reason", Text),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("created_at", TIME, nullable=False, server_default=func.repopulse_now()),
    Column("lease_until", TIME, nullable=False, server_default=NEVER),
    Column("not_before", TIME, nullable=False, server_default=NEVER),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    CheckConstraint(one_of(LookupState), name="state"),
    # At most one pending lookup per login.
    Index(
        "uq_lookups_login_pending",
        text("lower(login)"),
        unique=True,
        postgresql_where=text("state = 'pending'"),
    ),
)
"""Logins that a client wants to track and that a worker has to resolve."""

completed_days = Table(
    "fan_outs",
    metadata,
    Column("day", Date, primary_key=True),
    Column("completed_at", TIME, nullable=False),
    # How many were recorded, and how many GitHub did not show.
    Column("users", Integer, nullable=False),
    Column("not_found", Integer),
)
"""Days on which every user whom GitHub shows was scanned."""

repositories = Table(
    "repositories",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    # The newest owner among the tracked users.
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("node_id", Text),
    Column("description", Text),
    # The main language, as GitHub estimates it.
    Column("language", Text),
    Column("is_fork", Boolean, nullable=False),
    Column("is_archived", Boolean, nullable=False),
    Column("state", Text, nullable=False, server_default=RepositoryState.LISTED),
    Column("first_seen_on", Date, nullable=False),
    # The newest day on which GitHub listed it under its owner.
    Column("listed_on", Date, nullable=False),
    Column("missing_since", Date),
    # Changes with each scan, which may change daily rows. It is random, since a counter would
    # repeat values after a backup is restored.
    Column("revision", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    CheckConstraint(one_of(RepositoryState), name="state"),
)
"""The repositories as GitHub last showed them."""

ownerships = Table(
    "ownerships",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("repo_id", ForeignKey("repositories.id"), primary_key=True, index=True),
)
"""That a tracked user owned a repository on some day."""

names = Table(
    "names",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    # Null for the account itself.
    Column("repo_id", BigInteger),
    Column("first_seen_on", Date, nullable=False),
    # Null as long as no other name was seen: the repository's ``listed_on`` and the user's
    # ``scanned_on`` are the newest day.
    Column("last_seen_on", Date),
    Column("name", Text, nullable=False),
    UniqueConstraint("user_id", "repo_id", "name", postgresql_nulls_not_distinct=True),
    # Release 0.2.0 deletes users without knowing this table. Deferred, because a scan writes the
    # names before the repositories.
    ForeignKeyConstraint(
        ["user_id", "repo_id"],
        ["ownerships.user_id", "ownerships.repo_id"],
        ondelete="CASCADE",
        deferrable=True,
        initially="DEFERRED",
    ),
    Index("ix_names_login_folded", text("lower(name)"), postgresql_where=text("repo_id IS NULL")),
)
"""Logins of the tracked accounts, and names of their repositories, since release 0.3.0."""

daily_stats = Table(
    "daily_stats",
    metadata,
    Column("repo_id", BigInteger),
    Column("date", Date),
    Column("user_id", BigInteger, nullable=False),
    Column("stargazers", Integer, nullable=False),
    Column("forks", Integer, nullable=False),
    Column("watchers", Integer, nullable=False),
    # The index includes all columns, so that a query for a year of many repositories reads only
    # the index. In this order the columns need no padding.
    PrimaryKeyConstraint(
        "repo_id",
        "date",
        postgresql_include=["stargazers", "forks", "watchers", "user_id"],
    ),
    ForeignKeyConstraint(["user_id", "repo_id"], ["ownerships.user_id", "ownerships.repo_id"]),
    CheckConstraint("stargazers >= 0 AND forks >= 0 AND watchers >= 0", name="counts"),
    postgresql_partition_by="RANGE (date)",
)
"""The counts of each repository on each UTC day; partitioned by month."""

latest_stats = Table(
    "latest_stats",
    metadata,
    Column("repo_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("date", Date, nullable=False),
    Column("stargazers", Integer, nullable=False),
    Column("forks", Integer, nullable=False),
    Column("watchers", Integer, nullable=False),
    # Of the repository when the row was written. If it has another one now, a process that does not
    # know this table has scanned it since, and the row does not count.
    Column("revision", Uuid, nullable=False),
    # Room for the next version of each row in the same page: then its index is not written.
    postgresql_with={"fillfactor": 50},
)
"""A copy of each repository's newest daily row, so that lists can be sorted by it."""

scans = Table(
    "scans",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False, server_default=ScanState.CLAIMED),
    Column("reason", Text),
    # How many repositories GitHub counted; null until a request succeeded.
    Column("expected", Integer),
    Column("recorded", Integer, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("started_at", TIME, nullable=False, server_default=func.repopulse_now()),
    Column("finished_at", TIME),
    # What else is to be known of the day; shown after the reason.
    Column("note", Text),
    # The sums of the day's rows, if the day is done. They count while ``totals_at`` is equal to
    # ``finished_at``: a process that does not know them changes only the latter.
    Column("stargazers", BigInteger),
    Column("forks", BigInteger),
    Column("watchers", BigInteger),
    Column("totals_at", TIME),
    CheckConstraint(one_of(ScanState), name="state"),
    # The sweep closes unfinished scans of past days without reading the whole table.
    Index("ix_scans_unfinished", "day", postgresql_where=text("state IN ('claimed', 'waiting')")),
    # Today's are counted for the overview.
    Index("ix_scans_incomplete", "day", postgresql_where=text("state = 'incomplete'")),
)
"""What became of each user's day: how many repositories have their row, and why not all."""

installation = Table(
    "installation",
    metadata,
    # The table has one row, which the migration inserts.
    Column("is_only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("id", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    # The GitHub whose ids the other tables hold; null until something of it is written.
    Column("github", Text),
    CheckConstraint("is_only_row", name="one_row"),
)
"""What this database is: its id, and the GitHub that it records."""
