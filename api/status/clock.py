"""The part of readiness that is the clock: whether it is right, and what a wrong one has left."""

from api.status.checks import OK, Check, combine, degraded
from api.status.servers import NO_REDIS
from api.status.snapshot import StatusSnapshot


def check_clock(snapshot: StatusSnapshot) -> Check:
    """Return whether the database's clock agrees with GitHub's, and no rows are of days to come."""
    if snapshot.redis is None:
        return degraded(NO_REDIS)
    error = snapshot.redis.clock_error
    is_wrong = error is not None and error.is_large
    return combine(degraded(str(error)) if is_wrong else OK, _check_future(snapshot.future_users))


def _check_future(users: int | None) -> Check:
    if not users:
        return OK
    whose = "1 user has" if users == 1 else f"{users} users have"
    return degraded(
        f"{whose} rows of days to come, from a clock that was ahead: remove them with"
        " `python -m worker.future_days --remove` once it is right"
    )
