"""The tables.

``users`` holds the tracked users and is also the queue of scans. ``scans`` says what became of each
user's day. ``daily_stats`` has one row per repository and UTC day, partitioned by month; the row
names the user who owned the repository on that day, so that history stays with that user after a
transfer. ``ownerships`` lists all repositories that a user ever had, so that a user's rows are
found by primary key.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Text,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.states import LookupState, RepositoryState, ScanState, UserState

NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Gives constraints the same names in every database, so that migrations can refer to them."""


class Base(DeclarativeBase):
    """The base class of the tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def _one_of(states: type[StrEnum]) -> str:
    return "state IN (" + ", ".join(f"'{state}'" for state in states) + ")"


NEVER = text("'-infinity'")
"""No ``lease_until`` or ``not_before``; unlike null it compares as earlier than now."""


class User(Base):
    """A tracked account; the row is also its place in the queue of scans."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    login: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    node_id: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default=UserState.ACTIVE)
    added_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.repopulse_now()
    )
    scanned_on: Mapped[date | None] = mapped_column(Date)
    lease_until: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NEVER)
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NEVER)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Claims since the last settled scan."""
    held_by: Mapped[str | None] = mapped_column(Text)
    """The id of the task that scans this user; null if none does."""
    missing_since: Mapped[date | None] = mapped_column(Date)
    """The first day of those in a row on which GitHub showed no such account."""
    repositories: Mapped[int | None] = mapped_column(Integer)
    """How many repositories GitHub counted at the last settled scan."""
    asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When a client last requested a scan."""

    __table_args__ = (
        CheckConstraint(_one_of(UserState), name="state"),
        # Not unique: between a rename and the next scan two users may have the same login.
        Index("ix_users_login_folded", text("lower(login)")),
        Index("ix_users_due", text("scanned_on NULLS FIRST"), "id"),
    )


class Lookup(Base):
    """A login that a client wants to track and that a worker has to resolve."""

    __tablename__ = "lookups"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    login: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default=LookupState.PENDING)
    reason: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.repopulse_now()
    )
    lease_until: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NEVER)
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NEVER)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))

    __table_args__ = (
        CheckConstraint(_one_of(LookupState), name="state"),
        # At most one pending lookup per login.
        Index(
            "uq_lookups_login_pending",
            text("lower(login)"),
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )


class CompletedDay(Base):
    """A day on which every active user was scanned."""

    __tablename__ = "fan_outs"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    completed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    users: Mapped[int] = mapped_column(Integer)


class Repository(Base):
    """A repository as GitHub last showed it."""

    __tablename__ = "repositories"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    """The newest owner among the tracked users."""
    name: Mapped[str] = mapped_column(Text)
    node_id: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    """The main language, as GitHub estimates it."""
    is_fork: Mapped[bool] = mapped_column()
    is_archived: Mapped[bool] = mapped_column()
    state: Mapped[str] = mapped_column(Text, server_default=RepositoryState.LISTED)
    first_seen_on: Mapped[date] = mapped_column(Date)
    listed_on: Mapped[date] = mapped_column(Date)
    """The newest day on which GitHub listed it under its owner."""
    missing_since: Mapped[date | None] = mapped_column(Date)
    revision: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())
    """Changes with each scan, which may change daily rows. It is random, since a counter would
    repeat values after a backup is restored."""

    __table_args__ = (CheckConstraint(_one_of(RepositoryState), name="state"),)


class Ownership(Base):
    """That a tracked user owned a repository on some day."""

    __tablename__ = "ownerships"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, index=True
    )


class DailyStats(Base):
    """The counts of one repository on one UTC day; partitioned by month."""

    __tablename__ = "daily_stats"

    repo_id: Mapped[int] = mapped_column(BigInteger)
    date: Mapped[date] = mapped_column(Date)
    user_id: Mapped[int] = mapped_column(BigInteger)
    stargazers: Mapped[int] = mapped_column(Integer)
    forks: Mapped[int] = mapped_column(Integer)
    watchers: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        # The index includes all columns, so that a query for a year of many repositories reads
        # only the index. In this order the columns need no padding.
        PrimaryKeyConstraint(
            "repo_id",
            "date",
            postgresql_include=["stargazers", "forks", "watchers", "user_id"],
        ),
        ForeignKeyConstraint(["user_id", "repo_id"], ["ownerships.user_id", "ownerships.repo_id"]),
        CheckConstraint("stargazers >= 0 AND forks >= 0 AND watchers >= 0", name="counts"),
        {"postgresql_partition_by": "RANGE (date)"},
    )


class Scan(Base):
    """What became of one user's day: how many repositories have their row, and why not all."""

    __tablename__ = "scans"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default=ScanState.CLAIMED)
    reason: Mapped[str | None] = mapped_column(Text)
    expected: Mapped[int | None] = mapped_column(Integer)
    """How many repositories GitHub counted; null until a request succeeded."""
    recorded: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    started_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.repopulse_now()
    )
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint(_one_of(ScanState), name="state"),
        # The sweep closes unfinished scans of past days without reading the whole table.
        Index(
            "ix_scans_unfinished",
            "day",
            postgresql_where=text("state IN ('claimed', 'waiting')"),
        ),
    )
