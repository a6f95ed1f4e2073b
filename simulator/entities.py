"""Accounts, repositories and their counters: what a world consists of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from simulator.releases import Release
from simulator.star_log import StarLog


class AccountType(StrEnum):
    """The type of an account; the value is GitHub's word."""

    USER = "User"
    ORGANIZATION = "Organization"


class BlockReason(StrEnum):
    """Why GitHub blocks access to a repository."""

    DMCA = "dmca"
    TOS = "tos"
    UNAVAILABLE = "unavailable"


class Counts(NamedTuple):
    """The counters of a repository on one day."""

    stargazers: int
    forks: int
    watchers: int


class Truth(NamedTuple):
    """What a recorder should have stored for one public repository on one day."""

    owner_id: int
    stargazers: int
    forks: int
    watchers: int


MORNING = time(0, 5)
"""When most scans run, in UTC."""

Series = Callable[[date], Counts | None]
"""The counters on a day; None while the repository does not exist."""


@dataclass(frozen=True)
class Constant:
    """Counters that never change."""

    counts: Counts

    def __call__(self, day: date) -> Counts:
        """Return the same counters for every day."""
        return self.counts


@dataclass(eq=False)
class Account:
    """A user or an organisation. Only its World changes it."""

    id: int
    login: str
    name: str | None
    type: AccountType
    created_at: datetime
    hidden: bool = False


@dataclass(frozen=True)
class Standing:
    """Who owns a repository, and whether the public may see it."""

    owner_id: int
    private: bool = False
    deleted: bool = False
    block: BlockReason | None = None
    hidden: bool = False


@dataclass(eq=False)
class Repository:
    """A repository. Only its World changes it."""

    id: int
    name: str
    owner: Account
    is_fork: bool
    is_archived: bool
    created_at: datetime
    series: Series
    stars: StarLog | None = None
    """If given, the count of stars follows from it, and only the other counters from the series."""
    private: bool = False
    internal: bool = False
    """Private, and visible to all members of the enterprise."""
    description: str | None = None
    language: str | None = None
    deleted: bool = False
    block: BlockReason | None = None
    collaborators: set[int] = field(default_factory=set)
    releases: list[Release] = field(default_factory=list)
    overrides: list[tuple[date, dict[str, int]]] = field(default_factory=list)
    standings: list[tuple[date, Standing]] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """The name as `owner/name`."""
        return f"{self.owner.login}/{self.name}"

    @property
    def visibility(self) -> str:
        """Who may see it, in GitHub's word."""
        return "internal" if self.internal else "private" if self.private else "public"

    def counts_on(self, day: date, at: time = MORNING) -> Counts | None:
        """Return the counters on a day, or None if the repository did not exist then.

        :param at: the time of that day in UTC, for stars of which each has its time
        """
        counts = self.series(day)
        if counts is None:
            return None
        if self.stars is not None:
            held = self.stars.held_at(datetime.combine(day, at, UTC))
            counts = counts._replace(stargazers=held)
        for since, changes in self.overrides:
            if since <= day:
                counts = counts._replace(**changes)
        return counts

    def standing_on(self, day: date) -> Standing | None:
        """Return who owned it on a day, or None before it was added."""
        found = None
        for since, standing in self.standings:
            if since <= day:
                found = standing
        return found
