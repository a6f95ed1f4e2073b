"""The tables.

``users`` is both the list of who is followed and the queue of who is due; ``scans`` says what
became of each user's day; ``daily_stats`` holds one row per repository and UTC day, by month. A
repository's row carries the user who owned it on that day: history stays where it was made when a
repository is transferred, and
``ownerships`` lists which repositories a user ever had, so that a user's rows are found by primary
key.
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
"""Constraints get the same name on every database, so that a migration can name them."""


class Base(DeclarativeBase):
    """The base of the tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def _one_of(states: type[StrEnum]) -> str:
    return "state IN (" + ", ".join(f"'{state}'" for state in states) + ")"


NEVER = text("'-infinity'")
"""For ``lease_until`` and ``not_before``: the comparison with now holds without a case for null."""


class User(Base):
    """An account that is followed; the row is also its place in the queue."""

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
    """Claims since the last scan that came to an end."""
    held_by: Mapped[str | None] = mapped_column(Text)
    """The task that is at work on this user; null while nobody is."""
    missing_since: Mapped[date | None] = mapped_column(Date)
    """The first of the days in a row on which GitHub showed no such account."""
    repositories: Mapped[int | None] = mapped_column(Integer)
    """How many GitHub counted at the last scan that came to an end."""
    asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When somebody last asked for a scan at once."""

    __table_args__ = (
        CheckConstraint(_one_of(UserState), name="state"),
        # Not unique: between a rename and the next scan two accounts may bear one login.
        Index("ix_users_login_folded", text("lower(login)")),
        Index("ix_users_due", text("scanned_on NULLS FIRST"), "id"),
    )


class Lookup(Base):
    """A login that somebody asked to follow and that a worker has to resolve."""

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
        # Asking twice for a login that is being resolved is one question.
        Index(
            "uq_lookups_login_pending",
            text("lower(login)"),
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )


class FanOut(Base):
    """A day on which everybody who was followed, and had not vanished, was scanned."""

    __tablename__ = "fan_outs"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    completed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    users: Mapped[int] = mapped_column(Integer)


class Repository(Base):
    """A repository as GitHub last showed it."""

    __tablename__ = "repositories"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    """The newest owner among the followed users."""
    name: Mapped[str] = mapped_column(Text)
    node_id: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    """The language that most of it is written in, by GitHub's reckoning."""
    is_fork: Mapped[bool] = mapped_column()
    is_archived: Mapped[bool] = mapped_column()
    state: Mapped[str] = mapped_column(Text, server_default=RepositoryState.LISTED)
    first_seen_on: Mapped[date] = mapped_column(Date)
    listed_on: Mapped[date] = mapped_column(Date)
    """The newest day on which GitHub listed it among the owner's."""
    missing_since: Mapped[date | None] = mapped_column(Date)
    revision: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())
    """Another one after each scan, which may have changed daily rows. Random rather than counted:
    after a backup was restored, a number would come a second time."""

    __table_args__ = (CheckConstraint(_one_of(RepositoryState), name="state"),)


class Ownership(Base):
    """That a followed user owned a repository on some day."""

    __tablename__ = "ownerships"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    repo_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id"), primary_key=True, index=True
    )


class DailyStats(Base):
    """What GitHub showed of one repository on one UTC day; partitioned by month."""

    __tablename__ = "daily_stats"

    repo_id: Mapped[int] = mapped_column(BigInteger)
    date: Mapped[date] = mapped_column(Date)
    user_id: Mapped[int] = mapped_column(BigInteger)
    stargazers: Mapped[int] = mapped_column(Integer)
    forks: Mapped[int] = mapped_column(Integer)
    watchers: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        # The counters ride in the index, so that reading a year of scattered repositories stays in
        # it. In this order nothing is padded.
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
    """What became of one user's day: repositories expected and recorded, and why not all."""

    __tablename__ = "scans"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default=ScanState.CLAIMED)
    reason: Mapped[str | None] = mapped_column(Text)
    expected: Mapped[int | None] = mapped_column(Integer)
    """Repositories that GitHub said there are; null until it was asked."""
    recorded: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    started_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.repopulse_now()
    )
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint(_one_of(ScanState), name="state"),
        # Yesterday's unfinished scans are closed by the sweep without reading the table.
        Index(
            "ix_scans_unfinished",
            "day",
            postgresql_where=text("state IN ('claimed', 'waiting')"),
        ),
    )
