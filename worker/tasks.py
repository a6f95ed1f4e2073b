"""The tasks: thin, explicitly named, safe to run twice; arguments are ids and ISO days only."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import redis
from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import OperationalError

from common import broker, clock, lookups, scans, stats
from common.broker import Task as TaskName
from common.log import about
from common.scans import Claim
from worker.process import Process

log = logging.getLogger(__name__)


@contextmanager
def _at_work(task: Task) -> Iterator[None]:
    """Mark the log lines of a task, and say in one line what kept it from its end.

    What was begun and not finished has a lease that ends; the sweep sends it again.
    """
    with about(f"task {task.request.id}"):
        try:
            yield
        except OperationalError as error:
            reason = str(error.orig).strip().partition("\n")[0]
            log.warning("Postgres does not answer, another attempt follows: %s", reason)
        except redis.RedisError as error:
            log.warning("Redis does not answer, another attempt follows: %s", error)
        except SoftTimeLimitExceeded:
            log.warning("%s took too long, another attempt follows", task.name)


def register(app: Celery, process: Callable[[], Process]) -> None:
    """Add the tasks to an app.

    :param process: returns the resources of the process that runs the task
    """

    def task(name: TaskName) -> Any:
        # Celery would add it to every other app of the process too.
        return app.task(name=name, bind=True, shared=False)

    @task(TaskName.RESOLVE_LOGIN)
    def resolve_login(self: Task, lookup_id: int) -> None:
        """Find out whose a login is, follow the account, and send its load."""
        with _at_work(self):
            user_id = process().collector.resolve(lookup_id)
            if user_id is not None:
                broker.send(app, TaskName.LOAD_USER, user_id)

    @task(TaskName.LOAD_USER)
    def load_user(self: Task, user_id: int) -> None:
        """Make the first scan of a user, which a person may be waiting for."""
        with _at_work(self):
            process().collector.scan(user_id, is_load=True, holder=self.request.id)

    @task(TaskName.SCAN_USER)
    def scan_user(self: Task, user_id: int, day: str) -> None:
        """Make today's scan of a user.

        ``day`` says for which day the message was sent. One that comes later scans the day that it
        is by then: counts are never dated back.
        """
        with _at_work(self):
            outcome = process().collector.scan(user_id, holder=self.request.id)
            log.debug("message of %s for user %d: %s", day, user_id, outcome)

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
        for name in stats.make_partitions(connection, today):
            log.info("new partition: %s", name)
        closed = scans.close_past(connection)
        if closed:
            log.warning("%d scans of past days were never finished", closed)
    room = max(0, settings.high_water - broker.queued(process.redis))
    with process.engine.begin() as connection:
        pending = lookups.claim(connection, limit=room, lease=settings.lease)
        claims = scans.claim(
            connection,
            limit=max(0, room - len(pending)),
            lease=settings.lease,
            max_attempts=settings.max_attempts,
            scan_at=settings.scan_at,
        )
    sent = 0
    for name, *arguments in _messages(pending, claims):
        if not broker.send(app, name, *arguments):
            # The rest would wait for the same broker, one after the other; their leases end.
            break
        sent += 1
    return sent


def _messages(
    pending: list[int], claims: list[Claim]
) -> Iterator[tuple[TaskName, *tuple[int | str, ...]]]:
    for lookup_id in pending:
        yield TaskName.RESOLVE_LOGIN, lookup_id
    for claim in claims:
        if claim.is_first:
            yield TaskName.LOAD_USER, claim.user_id
        else:
            yield TaskName.SCAN_USER, claim.user_id, claim.day.isoformat()
