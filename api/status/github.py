"""The parts of readiness that concern GitHub: the credential, and whether it can be reached."""

from datetime import datetime, timedelta

from api.status.checks import OK, Check, combine, degraded, format_time, notice
from api.status.servers import NO_REDIS
from api.status.snapshot import RedisStatus, StatusSnapshot
from common import installation
from common.problems import Problem, Reports

TOLERATED = timedelta(minutes=5)
"""How long requests may fail before the collection counts as degraded."""

_EXPIRES_SOON = timedelta(days=14)
_EXPIRES_NOW = timedelta(days=3)
"""How long before a token expires the operator should know, and should act."""

_RECENT = timedelta(minutes=10)
"""If a worker failed this long before another worker succeeded, it is idle or was replaced."""

_LAST_RETRY = timedelta(hours=3)
"""Longer than the pause between two attempts at any user: after it nothing waits for GitHub."""


def check_credentials(snapshot: StatusSnapshot) -> Check:
    """Return whether GitHub accepts the credential."""
    redis = snapshot.redis
    if redis is None:
        return degraded(NO_REDIS)
    if redis.is_refused:
        return degraded("GitHub refuses them: nothing is recorded until they are changed")
    return _check_expiry(redis)


def _check_expiry(redis: RedisStatus) -> Check:
    left = redis.token_expires_in
    if left is None or left > _EXPIRES_SOON:
        return OK
    verb, when = ("expires", "before") if left > timedelta() else ("expired", "now")
    words = f"the token {verb} on {redis.token_expires:%Y-%m-%d at %H:%M} UTC: replace it {when}"
    return notice(words) if left > _EXPIRES_NOW else degraded(words)


def check_github(snapshot: StatusSnapshot) -> Check:
    """Return whether requests to GitHub are answered, and go to the GitHub that is recorded."""
    redis = snapshot.redis
    if redis is None:
        return combine(_check_recorded(snapshot), degraded(NO_REDIS))
    return combine(
        _check_recorded(snapshot), _check_reach(redis.github, redis.now), _check_limit(redis)
    )


def _check_recorded(snapshot: StatusSnapshot) -> Check:
    if snapshot.database is None:
        return OK
    other = installation.describe_other(snapshot.database.github, snapshot.github)
    return OK if other is None else degraded(other)


def unreachable_seconds(redis: RedisStatus) -> float:
    """Return for how long requests of some worker get no usable answer; 0 while they do."""
    failing, _ = _failing(redis.github, redis.now)
    return (redis.now - failing[0].since).total_seconds() if failing else 0.0


def _check_reach(reports: Reports, now: datetime) -> Check:
    failing, is_total = _failing(reports, now)
    if not failing:
        return OK
    since, latest = failing[0].since, max(failing, key=lambda problem: problem.seen)
    words = f"{latest.what} since {format_time(since, now)} ({latest.why})"
    if not is_total:
        workers = "one worker" if len(failing) == 1 else f"{len(failing)} workers"
        words += f" for {workers}, while others get answers"
    return degraded(words) if now - since >= TOLERATED else notice(words)


def _failing(reports: Reports, now: datetime) -> tuple[list[Problem], bool]:
    """Return the problems that count, the oldest first, and whether no worker gets answers.

    A problem of a worker that has not asked since does not count for ever: the worker may have been
    replaced, and the user for whom it asked may have been deleted.
    """
    success = reports.last_success
    recent = [problem for problem in reports.problems if now - problem.seen < _LAST_RETRY]
    # Not one worker got an answer since: how many of them failed says nothing.
    total = [problem for problem in recent if success is None or problem.since > success]
    if total:
        return total, True
    return [problem for problem in recent if success and problem.seen > success - _RECENT], False


def _check_limit(redis: RedisStatus) -> Check:
    if redis.limited_until is None or not redis.is_limited:
        return OK
    reason = f" ({redis.limit_reason})" if redis.limit_reason else ""
    return notice(f"limits requests until {format_time(redis.limited_until, redis.now)}{reason}")
