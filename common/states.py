"""The states that rows of the tables may have."""

from enum import StrEnum


class UserState(StrEnum):
    """Whether GitHub still shows the account."""

    ACTIVE = "active"
    VANISHED = "vanished"


class ScanState(StrEnum):
    """How far the scan of one user's day has come."""

    CLAIMED = "claimed"
    """Queued for a worker, or in progress."""
    WAITING = "waiting"
    """GitHub said to wait, the hour's quota is used up, or GitHub denies a known account, which may
    be a mistake; continues at ``users.not_before``."""
    FAILED = "failed"
    """The last attempt failed; another follows today."""
    SET_ASIDE = "set_aside"
    """Failed too often; tried once an hour, or once a day if each attempt killed its worker."""
    DONE = "done"
    """Every repository that GitHub lists has its row of the day."""
    INCOMPLETE = "incomplete"
    """Some repositories have no row of the day; ``reason`` says why. Tried again while the rest may
    come, and settled if GitHub refuses it for good."""
    GONE = "gone"
    """GitHub has no such account, or has not shown it for hours."""


class LookupState(StrEnum):
    """How far the resolution of a login has come."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class RepositoryState(StrEnum):
    """Whether GitHub still lists the repository under its owner."""

    LISTED = "listed"
    MISSING = "missing"
    """Not in the newest list; not yet confirmed as gone."""
    GONE = "gone"
    """Deleted, made private, or transferred to an account that is not tracked."""


class BackfillState(StrEnum):
    """How far the reading of a repository's star history has come."""

    PENDING = "pending"
    """Pages are still to be read."""
    DONE = "done"
    NONE = "none"
    """This GitHub has no history of it."""
    FAILED = "failed"
    """GitHub refuses it; ``reason`` says why."""


class ImportState(StrEnum):
    """How far an import has come."""

    READING = "reading"
    """The file is stored, and a worker is to read it."""
    REPORTED = "reported"
    """The report says what would be imported; nothing is."""
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    """Its rows are being removed, and then the import itself."""
    REFUSED = "refused"
    """The file could not be read; ``reason`` says why."""
