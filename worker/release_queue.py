"""When releases are read: once a day, after its scans, by one task at a time.

What Redis notes is a hint: if it is lost, releases are looked for once more.
"""

import math
from datetime import date

import redis
from celery import Celery

from common import broker, clock, collection
from common.broker import Task
from common.credentials import choose_credential
from common.redis_client import own_key
from common.settings import ReleaseMode, Settings
from worker.process import Process

_AT_WORK = "repopulse:releases_at_work"
"""The key that is there while a task reads releases, or waits in the queue."""

_DONE = "repopulse:releases_done"
"""The key of the last day on which no repository was left."""


def are_read(settings: Settings) -> bool:
    """Return whether releases are read: where it is wanted and there is a token."""
    return settings.releases is ReleaseMode.ON and choose_credential(settings) is not None


def send_if_due(app: Celery, process: Process) -> None:
    """Send the task that reads releases, if the day's scans are done and it was not sent yet.

    :raise redis.RedisError: Redis does not answer
    """
    settings, client = process.settings, process.redis
    if not are_read(settings) or broker.queue_lengths(client).work_waiting:
        return
    with process.engine.connect() as connection:
        completed = collection.last_completed_day(connection)
        today = clock.today(connection)
    if completed is None or completed.day != today or _is_done(client, today):
        return
    key = own_key(client, _AT_WORK)
    if not client.set(key, 1, nx=True, ex=math.ceil(settings.lease)):
        return
    if not broker.send(app, Task.READ_RELEASES, today.isoformat()):
        client.delete(key)


def note_end(client: "redis.Redis", *, done_on: date | None) -> None:
    """Note that the task ended.

    :param done_on: the day of which no repository is left; None if some may be
    """
    if done_on is not None:
        client.set(own_key(client, _DONE), done_on.isoformat())
    client.delete(own_key(client, _AT_WORK))


def _is_done(client: "redis.Redis", today: date) -> bool:
    noted = client.get(own_key(client, _DONE))
    return noted in (today.isoformat(), today.isoformat().encode())
