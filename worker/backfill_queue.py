"""Which star history is read next: one at a time, and only while no scan or load is due.

A sweep that finds nothing else to do sends the first task, and each task that ends sends the next
one. GitHub asks for requests one after the other, so a second task at the same time would gain
nothing and keep a child from the scans. A chain that breaks is begun again by the next sweep.
"""

import logging

from celery import Celery

from common import backfills, broker, clock, star_gains
from common.broker import Queue, Task
from common.redis_client import own_key
from worker import backlog
from worker.process import Process

log = logging.getLogger(__name__)

_AT_ONCE = 1
"""Readings at the same time, all workers together."""

_LOOKED = "repopulse:backfills_looked"
"""The key of the last repository at which a sweep looked; the next one looks at those after it."""

_LOOK_AT = 10_000
"""Repositories that one sweep looks at."""


def send_next(app: Celery, process: Process, *, is_sweep: bool = False) -> int:
    """Claim the next reading if there is none at work, and send its task.

    :param is_sweep: no user is due; also look for repositories whose reading is due
    :return: how many tasks were sent
    :raise redis.RedisError: Redis does not answer
    """
    settings = process.settings
    if backfills.why_off(settings) is not None:
        return 0
    if broker.queue_lengths(process.redis).work_waiting:
        return 0
    if not is_sweep and backlog.is_noted(process.redis):
        return 0
    if is_sweep:
        _look(process)
    if broker.waiting_ids(process.redis, Queue.BACKGROUND).get(Task.BACKFILL_REPOSITORY):
        # It waits behind others, and its lease may have ended.
        return 0
    with process.engine.begin() as connection:
        claimed = backfills.claim(connection, most=_AT_ONCE, lease=settings.load_lease)
    return sum(
        broker.send(app, Task.BACKFILL_REPOSITORY, each.repo_id, login=each.full_name)
        for each in claimed
    )


def _look(process: Process) -> None:
    """Put repositories in the queue that have no reading yet, or are to be read again."""
    client = process.redis
    after = int(client.get(own_key(client, _LOOKED)) or 0)
    with process.engine.begin() as connection:
        last_day = star_gains.last_ended_day(clock.now(connection))
        due = backfills.add_due(connection, last_day, after=after, limit=_LOOK_AT)
    client.set(own_key(client, _LOOKED), due.upto or 0)
    if due.new or due.again:
        log.info("star histories: %d new, %d to be read again", due.new, due.again)
