"""The parts of readiness that are our own servers: Postgres with its tables, Redis, the queue."""

from datetime import timedelta
from functools import cache
from pathlib import Path

from api.status.checks import OK, Check, combine, degraded, unavailable
from api.status.snapshot import DatabaseStatus, RedisStatus, StatusSnapshot
from common.broker import Queue
from common.db import OLDEST_POSTGRES
from common.duration import format_duration

NO_POSTGRES = "not known: Postgres does not answer"
NO_REDIS = "not known: Redis does not answer"

_LAST_START = timedelta(minutes=10)
"""Longer than any pause between two starts of a process that fails; after it, it is gone."""

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


def check_postgres(snapshot: StatusSnapshot, *, is_read_only: bool = False) -> Check:
    """Return whether Postgres answers and stores what it is sent.

    :param is_read_only: nothing is to be stored
    """
    if snapshot.database is None:
        return unavailable(snapshot.database_error)
    if snapshot.database.version < OLDEST_POSTGRES:
        return unavailable(
            f"is version {snapshot.database.version}, Repopulse needs {OLDEST_POSTGRES} or newer"
        )
    if snapshot.database.is_read_only and not is_read_only:
        return unavailable("is read-only: nothing can be stored")
    return OK


def check_redis(snapshot: StatusSnapshot) -> Check:
    """Return whether Redis does its work and is this installation's."""
    if snapshot.redis is None:
        return unavailable(snapshot.redis_error)
    if snapshot.redis.obstacle:
        return degraded(snapshot.redis.obstacle)
    if snapshot.database is None or None in (
        snapshot.redis.owner,
        snapshot.database.installation_id,
    ):
        return OK
    is_ours = snapshot.redis.owner == snapshot.database.installation_id
    return OK if is_ours else degraded(snapshot.redis.other_owner)


def check_migrations(snapshot: StatusSnapshot) -> Check:
    """Return whether the tables are those of this release, or of a later one."""
    if snapshot.database is None:
        return unavailable(NO_POSTGRES)
    return _check_revisions(snapshot.database)


def _check_revisions(database: DatabaseStatus) -> Check:
    needed, known = _revisions()
    found = database.revisions
    if not found:
        return unavailable("the database is empty: run `python -m migrations`")
    # An unknown revision is a later release's, and those only add: in a rolling upgrade the
    # database comes first, and processes of this release go on.
    if found == needed or not found <= known:
        return OK
    return unavailable(
        f"the database is at {_join(found)}, this release needs {_join(needed)}:"
        " run `python -m migrations`"
    )


def check_processes(snapshot: StatusSnapshot) -> Check:
    """Return whether the workers and beat can start, in the words of their log if not."""
    redis = snapshot.redis
    if redis is None:
        return degraded(NO_REDIS)
    return combine(
        *(
            degraded(f"{problem.worker.partition('@')[0]} {problem.what}: {problem.why}")
            for problem in redis.starts.problems
            if redis.now - problem.seen < _LAST_START
        )
    )


def check_queue(snapshot: StatusSnapshot) -> Check:
    """Return whether sweeps are sent and workers take them."""
    if snapshot.redis is None:
        return degraded(NO_REDIS)
    return _check_sweep(snapshot.redis)


def _check_sweep(redis: RedisStatus) -> Check:
    if not redis.is_sweep_late:
        return OK
    ago = None if redis.sweep_age is None else format_duration(redis.sweep_age)
    # Workers take sweeps from this queue before anything else.
    if redis.queues.waiting[Queue.CONTROL]:
        waiting = redis.queues.total_waiting
        messages = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
        last = "no sweep ended yet" if ago is None else f"the last sweep ended {ago} ago"
        return degraded(f"no worker takes tasks: {messages}, {last}")
    since = "no sweep ended yet" if ago is None else f"no sweep ended for {ago}"
    return degraded(f"{since}: check that beat runs, and the log of the workers")


@cache
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """Return the revisions that this release needs, and all that it knows."""
    # Imported late: a sixth of the API's import time, and nothing else there needs it.
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    migrations = ScriptDirectory(str(_MIGRATIONS))
    known = frozenset(each.revision for each in migrations.walk_revisions())
    return frozenset(migrations.get_heads()), known


def _join(revisions: frozenset[str]) -> str:
    return ", ".join(sorted(revisions))
