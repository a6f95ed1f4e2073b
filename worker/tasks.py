"""The tasks: thin, explicitly named, safe to run twice; arguments are ids and ISO days only."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

import redis
from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from common import broker, clock, collection, lookups, scans, stats
from common.broker import Task as TaskName
from common.db import first_line, outage_reason
from common.log import log_context
from common.scans import Claim
from common.states import ScanState
from worker import backlog
from worker.collect import Outcome
from worker.process import Process

log = logging.getLogger(__name__)

_RETRY_AFTER_KILL = 5
"""Seconds after which a task runs again whose child was killed."""

_LOW_WATER_SHARE = 0.05
"""The part of ``high_water`` below which the queue is filled again before the next sweep."""

_MOST_REQUESTS = 4
"""Requests' worth of users that a message names while more users are due than there is room for: a
message costs as much as a good part of a request. Otherwise each is for another child."""

_PROGRESS = frozenset({ScanState.DONE, ScanState.INCOMPLETE, ScanState.GONE})
"""What a scan comes to that GitHub answered."""


@contextmanager
def _at_work(task: Task) -> Iterator[None]:
    """Mark the log lines of a task, and say in one line what kept it from its end.

    What was begun and not finished has a lease that ends; the sweep sends it again.
    """
    with log_context(f"task {task.request.id}"):
        try:
            yield
        except SQLAlchemyError as error:
            reason = outage_reason(error)
            if reason is None:
                raise
            log.warning("%s, another attempt follows: %s", reason, first_line(error))
        except redis.RedisError as error:
            log.warning("Redis does not answer, another attempt follows: %s", error)
        except SoftTimeLimitExceeded:
            log.warning("%s took too long, another attempt follows", task.name)


def register(app: Celery, process: Callable[[], Process]) -> None:
    """Add the tasks to an app.

    :param process: returns the resources of the process that runs the task
    """

    def task(name: TaskName) -> Any:
        return app.task(
            name=name,
            bind=True,
            # Celery would add it to every other app of the process too.
            shared=False,
            # Where a child was killed; by default three minutes.
            default_retry_delay=_RETRY_AFTER_KILL,
        )

    @task(TaskName.RESOLVE_LOGIN)
    def resolve_login(self: Task, lookup_id: int) -> None:
        """Find out whose a login is, follow the account, and send its load."""
        with _at_work(self):
            user_id = process().collector.resolve(lookup_id)
            if user_id is not None:
                broker.send(app, TaskName.LOAD_USER, user_id)

    @task(TaskName.LOAD_USER)
    def load_user(self: Task, user_id: int) -> None:
        """Make a scan that a person may be waiting for: a user's first, or one asked for."""
        with _at_work(self):
            outcome = process().collector.scan(user_id, is_load=True, holder=self.request.id)
            refill(app, process(), [outcome])

    @task(TaskName.SCAN_USER)
    def scan_user(self: Task, user_id: int, day: str) -> None:
        """Make today's scan of a user, and of those whom the message's header names.

        ``day`` says for which day the message was sent. One that comes later scans the day that it
        is by then: counts are never dated back.
        """
        with _at_work(self):
            others = (self.request.headers or {}).get(broker.OTHERS, [])
            outcomes = process().collector.scan_together([user_id, *others], holder=self.request.id)
            ended = " ".join(str(outcome.state) for outcome in outcomes) or "nothing"
            log.debug("message of %s for user %d: %s", day, user_id, ended)
            refill(app, process(), outcomes)

    @task(TaskName.FAN_OUT)
    def fan_out(self: Task) -> None:
        """Send a task for each user and each login that is due, as far as the queue has room."""
        with _at_work(self):
            sent = send_what_is_due(app, process())
            if sent:
                log.info("fan-out: %d tasks sent", sent)


def send_what_is_due(app: Celery, process: Process) -> int:
    """Claim whoever is due, commit the claim, then send the messages.

    A crash in between costs a lease. Any number of these may run at once.

    :return: how many tasks were sent
    """
    settings = process.settings
    with process.engine.begin() as connection:
        today: date = clock.today(connection)
        for name in stats.create_partitions(connection, today):
            log.info("new partition: %s", name)
        closed = scans.close_past(connection)
        if closed:
            log.warning("%d scans of past days were never finished", closed)
        complete = collection.record_completed_day(connection)
        if complete is not None:
            log.info("everybody was scanned today: %d users", complete.users)
    room = max(0, settings.high_water - broker.queue_lengths(process.redis).work_queued)
    with process.engine.begin() as connection:
        pending = lookups.claim(connection, limit=room, lease=settings.lease)
        room_for_scans = max(0, room - len(pending))
        claims = scans.claim(
            connection,
            limit=room_for_scans,
            lease=settings.lease,
            max_attempts=settings.max_attempts,
            scan_at=settings.scan_at,
        )
    is_left = len(claims) >= room_for_scans
    sent = 0
    for message in messages(
        pending, claims, process.github.room_beside, requests=_MOST_REQUESTS if is_left else 1
    ):
        if not broker.send(app, message.task, *message.arguments, others=message.others):
            # The rest would wait for the same broker, one after the other; their leases end.
            break
        sent += 1
    # Not before they are sent: the next fan-out counts them.
    backlog.note(process.redis, is_left=is_left)
    collection.record_sweep(process.redis)
    return sent


def refill(app: Celery, process: Process, outcomes: Sequence[Outcome]) -> None:
    """Send a fan-out where few messages are left and the last fan-out left users in the table.

    Not while GitHub makes everybody wait: one user after the other would be claimed and put back.
    """
    if not any(outcome.state in _PROGRESS for outcome in outcomes):
        return
    few = process.settings.high_water * _LOW_WATER_SHARE
    try:
        waiting = broker.queue_lengths(process.redis).work_waiting
        is_needed = waiting <= few and backlog.take(process.redis)
    except redis.RedisError as error:
        log.warning("Redis does not answer, the next sweep follows: %s", error)
        return
    if is_needed:
        broker.send(app, TaskName.FAN_OUT)


@dataclass(frozen=True, slots=True)
class Message:
    """A task that is to be sent."""

    task: TaskName
    arguments: tuple[int | str, ...]
    others: tuple[int, ...] = ()


def messages(
    pending: list[int],
    claims: list[Claim],
    room_beside: Callable[[int], int],
    *,
    requests: int = 1,
) -> Iterator[Message]:
    """Make the messages: one for each login, for each load, and for each user who goes alone.

    :param room_beside: how many may share the request of one with so many repositories
    :param requests: how many requests of those who share some a message is for
    """
    for lookup_id in pending:
        yield Message(TaskName.RESOLVE_LOGIN, (lookup_id,))
    small = [(claim.size, claim) for claim in claims if claim.size is not None]
    for claim in claims:
        if claim.is_first:
            yield Message(TaskName.LOAD_USER, (claim.user_id,))
        elif claim.size is None:
            yield Message(TaskName.SCAN_USER, (claim.user_id, claim.day.isoformat()))
    # The first of a request has the most repositories.
    small.sort(key=itemgetter(0), reverse=True)
    while small:
        end = 0
        for _ in range(requests):
            end += 1 + room_beside(small[end][0])
            if end >= len(small):
                break
        first, *others = (claim for _, claim in small[:end])
        yield Message(
            TaskName.SCAN_USER,
            (first.user_id, first.day.isoformat()),
            tuple(claim.user_id for claim in others),
        )
        del small[:end]
