"""The part of readiness that is the users: whether each of them is recorded."""

from api.status.checks import OK, Check, combine, degraded, notice
from api.status.servers import NO_POSTGRES, check_migrations
from api.status.snapshot import OVERDUE_HOURS, StatusSnapshot


def check_users(snapshot: StatusSnapshot) -> Check:
    """Return whether all users were scanned lately, and found at GitHub."""
    if snapshot.database is None:
        return degraded(NO_POSTGRES)
    if snapshot.overdue is None:
        if check_migrations(snapshot).level:
            return degraded("not known: the database is not migrated")
        return degraded("not known: counting them failed or took too long")
    return combine(_check_overdue(snapshot.overdue), _check_found(snapshot))


def _check_overdue(overdue: int) -> Check:
    if not overdue:
        return OK
    subject = "1 user was" if overdue == 1 else f"{overdue} users were"
    return degraded(f"{subject} not scanned for {OVERDUE_HOURS} hours")


def _check_found(snapshot: StatusSnapshot) -> Check:
    progress = snapshot.progress
    if progress is None or not progress.not_found:
        return OK
    words = progress.summary
    if progress.not_found == progress.followed:
        return degraded(words)
    return notice(words)
