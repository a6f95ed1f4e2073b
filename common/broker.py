"""The broker: names of tasks and queues, the one configuration of Celery, and sending a task.

The API, the workers, beat and Flower all use ``make_celery``. On one Redis the shortest visibility
timeout of any process applies to all (Celery's Redis documentation), so one place sets it.
"""

import base64
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis
from celery import Celery
from kombu.entity import Exchange
from kombu.entity import Queue as KombuQueue
from kombu.exceptions import KombuError, OperationalError

from common import kombu_fix
from common.redis_address import (
    read_sentinels,
    read_tls,
    sentinel_options,
    without_tls_options,
)
from common.redis_client import own_key
from common.settings import Settings

log = logging.getLogger(__name__)


class Queue(StrEnum):
    """The queues, by priority."""

    CONTROL = "control"
    """Fan-out and sweep: short, and all other tasks depend on them."""
    LOAD = "load"
    """A person added a user, and may be waiting."""
    SCAN = "scan"
    """The daily scans."""
    BACKGROUND = "background"
    """What may wait until nothing else does: star histories, imports and releases."""


class Task(StrEnum):
    """The tasks by name; the API does not know their code."""

    FAN_OUT = "repopulse.fan_out"
    SWEEP = "repopulse.sweep"
    """The same work as the fan-out, each minute."""
    RESOLVE_LOGIN = "repopulse.resolve_login"
    LOAD_USER = "repopulse.load_user"
    SCAN_USER = "repopulse.scan_user"
    BACKFILL_REPOSITORY = "repopulse.backfill_repository"
    PROCESS_IMPORT = "repopulse.process_import"
    READ_RELEASES = "repopulse.read_releases"


QUEUE_OF = {
    Task.FAN_OUT: Queue.CONTROL,
    Task.SWEEP: Queue.CONTROL,
    Task.RESOLVE_LOGIN: Queue.LOAD,
    Task.LOAD_USER: Queue.LOAD,
    Task.SCAN_USER: Queue.SCAN,
    Task.BACKFILL_REPOSITORY: Queue.BACKGROUND,
    Task.PROCESS_IMPORT: Queue.BACKGROUND,
    Task.READ_RELEASES: Queue.BACKGROUND,
}

_TASK_SHARE = 0.5
"""The part of a lease that a task may take, ten minutes by default. The largest owners have some
thousand repositories, which take a second or two per hundred."""

_KILLED_SHARE = 0.525
"""The part of a lease after which a task that ignored its limit is killed with its process."""

_REDELIVERY_SHARE = 0.75
"""The part of a lease after which an unfinished message is delivered again: later than the longest
task ends, sooner than the sweep sends another."""


def make_celery(settings: Settings, *, is_api: bool = False) -> Celery:
    """Make the Celery app of one process; nothing connects yet.

    :param is_api: bound each send to about a second, because a request waits for it
    """
    kombu_fix.apply()
    sentinels = read_sentinels(settings.redis)
    url = without_tls_options(settings.redis) if sentinels is None else sentinels.broker_url
    app = Celery("repopulse", broker=url, set_as_current=not is_api)
    transport_options: dict[str, Any] = {
        # Longer than the longest task, or a slow scan would be delivered twice. The table is the
        # source of truth, so a late redelivery costs nothing.
        "visibility_timeout": settings.lease * _REDELIVERY_SHARE,
        # Look for such messages every 10 s instead of every 100 s. A process that is killed while
        # it restores them blocks the others for half a minute at most.
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,
        # The default is no timeout: a frozen Redis would block a process forever.
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 25,
        # In the order of Queue: a load never waits behind the daily scans.
        "queue_order_strategy": "priority",
        "global_keyprefix": settings.redis_prefix,
    }
    app.conf.update(
        task_ignore_result=True,
        # Otherwise Celery adds an entry of its own to beat's schedule, which removes old results
        # each night. There are none, and no task of that name.
        result_expires=None,
        task_serializer="json",
        accept_content=["json"],
        enable_utc=True,
        timezone="UTC",
        task_default_queue=Queue.SCAN,
        # Listed, so that a typo in a queue's name does not create a queue that no worker reads.
        task_queues=[_queue(queue) for queue in Queue],
        task_create_missing_queues=False,
        task_routes={task: {"queue": queue} for task, queue in QUEUE_OF.items()},
        # A message is removed only when its task has ended. The message of a killed child is
        # delivered again, a bounded number of times.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_retry_on_worker_lost=True,
        # One message at a time per child, so that a load can overtake the scans that wait.
        worker_prefetch_multiplier=1,
        task_soft_time_limit=settings.lease * _TASK_SHARE,
        task_time_limit=settings.lease * _KILLED_SHARE,
        broker_transport_options=transport_options,
        broker_use_ssl=read_tls(settings.redis),
        # Redis may start later than this process, and may be away for long: keep trying.
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # Tasks are safe to run twice, so killing them when the connection breaks gains nothing.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # On SIGTERM tasks have this many seconds to end; then their messages return to the queue.
        worker_soft_shutdown_timeout=5.0,
        # Bounds what a memory leak can take.
        worker_max_tasks_per_child=1000,
        worker_max_memory_per_child=300_000,
        # Flower needs these events.
        worker_send_task_events=True,
        task_send_sent_event=True,
        # Log lines have our own format.
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    if sentinels is not None:
        transport_options.update(
            master_name=sentinels.master_name,
            sentinel_kwargs=sentinel_options(settings.redis, sentinels, timeout=1),
        )
    if is_api:
        transport_options.update(socket_timeout=1, socket_connect_timeout=1)
        app.conf.update(
            task_publish_retry_policy={"max_retries": 0},
            # At least one per request thread, or requests would queue for a connection.
            broker_pool_limit=40,
            broker_pool_acquire_timeout=1,
        )
    return app


def _queue(name: Queue) -> Any:
    # With its own routing key: a shared key would copy each message into every queue.
    return KombuQueue(name, Exchange(name), routing_key=name)  # type: ignore[no-untyped-call]


def send(app: Celery, task: Task, *args: int | str, login: str | None = None) -> bool:
    """Send a task; if the broker does not take it, a later sweep sends it again.

    :param args: ids and ISO days only
    :param login: shown in Flower beside the arguments, so that a person recognises the user
    :return: whether the broker took it
    """
    shown = None if login is None else f"{login}: {', '.join(map(str, args))}"
    try:
        app.send_task(task, args=args, argsrepr=shown)
    except (OperationalError, KombuError, OSError) as error:
        log.warning("broker does not answer, the sweep will send %s%s: %s", task, args, error)
        return False
    return True


_RETRY_AFTER = 2.0
"""Seconds without an attempt after a failed one."""


class Sender:
    """Send tasks for requests, without making them wait for a broker that is down.

    An attempt takes up to a second if the broker does not answer. So after a failed one there is
    none for two seconds, and then a single request tries. The sweep sends what was not sent.

    :param clock: returns seconds
    """

    def __init__(self, app: Celery, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._next_attempt = 0.0
        """0 while the broker answers. Without a lock: a race costs one more attempt."""

    def send(self, task: Task, *args: int | str, login: str | None = None) -> bool:
        """Send a task; return whether the broker took it."""
        if self._next_attempt:
            if self._clock() < self._next_attempt:
                return False
            # Other requests do not try while this one does.
            self._next_attempt = self._clock() + _RETRY_AFTER
        was_sent = send(self._app, task, *args, login=login)
        self._next_attempt = 0.0 if was_sent else self._clock() + _RETRY_AFTER
        return was_sent

    def close(self) -> None:
        """Close the connections."""
        self._app.close()


@dataclass(frozen=True, slots=True)
class QueueLengths:
    """How many messages are in Redis."""

    waiting: dict[Queue, int]
    """By queue, those that no worker has taken."""
    taken: int
    """Those that a worker has taken and not finished."""

    @property
    def total_waiting(self) -> int:
        """All that no worker has taken."""
        return sum(self.waiting.values())

    @property
    def work_waiting(self) -> int:
        """Loads and scans that no worker has taken."""
        return self.waiting[Queue.LOAD] + self.waiting[Queue.SCAN]

    @property
    def work_queued(self) -> int:
        """Loads and scans that are not finished; ``HIGH_WATER`` limits them."""
        return self.work_waiting + self.taken


def queue_lengths(client: "redis.Redis") -> QueueLengths:
    """Count the messages in Redis.

    :param client: one of ours, or kombu's, which adds the prefix itself
    :raise redis.RedisError: Redis does not answer
    """
    with client.pipeline(transaction=False) as pipeline:
        for queue in Queue:
            pipeline.llen(own_key(client, queue))
        # kombu's name for the messages that were taken.
        pipeline.hlen(own_key(client, "unacked"))
        *waiting, taken = pipeline.execute()
    return QueueLengths(dict(zip(Queue, waiting, strict=True)), taken)


def waiting_ids(client: "redis.Redis", queue: Queue) -> dict[str, set[int]]:
    """Return the first arguments of the messages that no worker has taken, by task.

    :raise redis.RedisError: Redis does not answer
    """
    found: dict[str, set[int]] = {}
    for message in client.lrange(own_key(client, queue), 0, -1):
        try:
            # kombu's format: the body is JSON in Base64, and begins with the list of arguments.
            envelope = json.loads(message)
            arguments, *_ = json.loads(base64.b64decode(envelope["body"]))
            found.setdefault(envelope["headers"]["task"], set()).add(int(arguments[0]))
        except (ValueError, TypeError, LookupError):
            # Not a message of ours; the worker that takes it discards it.
            continue
    return found
