"""The states of rows, apart from the tables: whoever reads a state need not load the ORM."""

from enum import StrEnum


class UserState(StrEnum):
    """Whether GitHub still knows the account."""

    ACTIVE = "active"
    VANISHED = "vanished"


class ScanState(StrEnum):
    """What became of one user's day."""

    CLAIMED = "claimed"
    """Sent to a worker, or at work."""
    WAITING = "waiting"
    """GitHub said to wait, or the hour's requests are used up; goes on at ``users.not_before``."""
    FAILED = "failed"
    """This attempt failed; there will be another today."""
    SET_ASIDE = "set_aside"
    """Failed too often; tried once an hour from now on, or once a day where that killed workers."""
    DONE = "done"
    """Every repository that GitHub lists has its row."""
    INCOMPLETE = "incomplete"
    """Some repositories have no row for this day; ``reason`` says why."""
    GONE = "gone"
    """GitHub has no such account, or shows it no more."""


class LookupState(StrEnum):
    """What became of a login that was to be resolved."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class RepositoryState(StrEnum):
    """Whether GitHub still lists the repository among its owner's."""

    LISTED = "listed"
    MISSING = "missing"
    """Not in the newest list; not confirmed yet."""
    GONE = "gone"
    """Deleted, hidden or moved to somebody who is not followed."""
