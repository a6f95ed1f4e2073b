"""``/readyz``'s view of a snapshot: each part is ``ok``, or says in words what is wrong.

No text holds an address: anyone may ask.
"""

from functools import cache
from pathlib import Path

from api.status.snapshot import (
    OVERDUE_HOURS,
    DatabaseStatus,
    RedisStatus,
    StatusSnapshot,
)
from common.broker import Queue

OK = "ok"

_NO_POSTGRES = "not known: Postgres does not answer"
_NO_REDIS = "not known: Redis does not answer"

CREDENTIALS = "credentials"
USERS = "users"
QUEUE = "queue"

COLLECTION = frozenset({CREDENTIALS, USERS, QUEUE})
"""The parts that requests do not need, but without which counts are not recorded."""

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


def check(snapshot: StatusSnapshot) -> dict[str, str]:
    """Return for each part ``ok``, or what is wrong."""
    database, redis = snapshot.database, snapshot.redis
    postgres = "does not answer"
    migrations = _NO_POSTGRES
    if database is not None:
        postgres = "is read-only: nothing can be stored" if database.is_read_only else OK
        migrations = _check_migrations(database)
    credentials = queue = _NO_REDIS
    if redis is not None:
        credentials = OK
        if redis.is_refused:
            credentials = "GitHub refuses them: nothing is recorded until they are changed"
        queue = _check_queue(redis)
    users = _NO_POSTGRES
    if snapshot.overdue is not None:
        users = _check_overdue(snapshot.overdue)
    elif migrations != OK and database is not None:
        users = "not known: the database is not migrated"
    elif database is not None:
        users = "not known: counting them failed or took too long"
    return {
        "postgres": postgres,
        "redis": snapshot.redis_error or OK,
        "migrations": migrations,
        CREDENTIALS: credentials,
        USERS: users,
        QUEUE: queue,
    }


def _check_migrations(database: DatabaseStatus) -> str:
    needed, known = _revisions()
    found = database.revisions
    if not found:
        return "the database is empty: run `python -m migrations`"
    # An unknown revision is a later release's, and those only add: in a rolling upgrade the
    # database comes first, and processes of this release go on.
    if found == needed or not found <= known:
        return OK
    return (
        f"the database is at {_join(found)}, this release needs {_join(needed)}:"
        " run `python -m migrations`"
    )


def _check_overdue(overdue: int) -> str:
    if not overdue:
        return OK
    subject = "1 user was" if overdue == 1 else f"{overdue} users were"
    return f"{subject} not scanned for {OVERDUE_HOURS} hours"


def _check_queue(redis: RedisStatus) -> str:
    if not redis.is_sweep_late:
        return OK
    ago = None if redis.sweep_age is None else _format_age(redis.sweep_age)
    # Workers take sweeps from this queue before anything else.
    if redis.queues.waiting[Queue.CONTROL]:
        waiting = redis.queues.total_waiting
        messages = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
        last = "no sweep ended yet" if ago is None else f"the last sweep ended {ago} ago"
        return f"no worker takes tasks: {messages}, {last}"
    since = "no sweep ended yet" if ago is None else f"no sweep ended for {ago}"
    return f"{since}: check that beat runs, and the log of the workers"


def _format_age(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    if minutes < 48 * 60:
        return f"{minutes // 60} hours"
    return f"{minutes // (24 * 60)} days"


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
