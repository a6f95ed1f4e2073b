"""The tasks: thin, explicitly named, safe to run twice; arguments are ids and ISO days only.

A task returns a one-line summary, which Flower shows. If an outage or the time limit stops it, it
fails with the reason. What it had begun keeps its state in the table, and a later sweep sends it
again.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from common import broker
from common.broker import Task as TaskName
from common.db import first_line, outage_reason
from common.errors import RepopulseError, SetupError
from common.log import log_context
from worker import releases
from worker.backfill_queue import send_next
from worker.fan_out import fan_out, refill
from worker.imports.importer import ImportOutcome
from worker.outcome import Outcome, Resolution
from worker.process import Process
from worker.releases import ReleaseOutcome

log = logging.getLogger(__name__)

_RETRY_AFTER_KILL = 5
"""Seconds after which a task runs again whose child was killed."""


class TaskFailed(RepopulseError):
    """The task could not do its work, and not because of GitHub's limits."""


@contextmanager
def _task(task: Task) -> Iterator[None]:
    """Mark the log lines of a task, and fail in one line if an outage stops it.

    :raise TaskFailed: what was begun has a lease that expires; then the sweep sends it again
    """
    with log_context(f"task {task.request.id}"):
        try:
            yield
        except SQLAlchemyError as error:
            reason = outage_reason(error)
            if reason is None:
                raise
            log.warning("%s, another attempt follows: %s", reason, first_line(error))
            raise TaskFailed(f"{reason}, another attempt follows") from error
        except redis.RedisError as error:
            log.warning("Redis does not answer, another attempt follows: %s", error)
            raise TaskFailed("Redis does not answer, another attempt follows") from error
        except SetupError as error:
            log.error("%s", error)
            raise TaskFailed(str(error)) from error
        except SoftTimeLimitExceeded as error:
            log.warning("%s took too long, another attempt follows", task.name)
            raise TaskFailed("took too long, another attempt follows") from error


def register(app: Celery, process: Callable[[], Process]) -> None:
    """Add the tasks to an app.

    :param process: returns the resources of the process that runs the task
    """

    def task(name: TaskName) -> Any:
        return app.task(
            name=name,
            bind=True,
            # Otherwise Celery would add it to every other app of the process too.
            shared=False,
            # After a child was killed; the default is three minutes.
            default_retry_delay=_RETRY_AFTER_KILL,
            # Logged already, in one line: Celery adds no traceback.
            throws=(TaskFailed,),
        )

    @task(TaskName.RESOLVE_LOGIN)
    def resolve_login(self: Task, lookup_id: int) -> str:
        """Find out which account has a login, track it, and send its load."""
        with _task(self):
            resolution = process().resolver.resolve(lookup_id)
            user = resolution.new_user
            if user is not None:
                broker.send(app, TaskName.LOAD_USER, user.id, login=user.login)
            return _result(resolution)

    @task(TaskName.LOAD_USER)
    def load_user(self: Task, user_id: int) -> str:
        """Make a scan that a person may be waiting for: a user's first, or a requested one."""
        with _task(self):
            outcome = process().collector.scan(user_id, is_load=True, holder=self.request.id)
            refill(app, process(), outcome)
            return _result(outcome)

    @task(TaskName.SCAN_USER)
    def scan_user(self: Task, user_id: int, day: str) -> str:
        """Make today's scan of a user.

        ``day`` is the day for which the message was sent. A message that comes later scans the day
        that it is by then: counts are never backdated.
        """
        del day
        with _task(self):
            outcome = process().collector.scan(user_id, holder=self.request.id)
            refill(app, process(), outcome)
            return _result(outcome)

    @task(TaskName.PROCESS_IMPORT)
    def process_import(self: Task, import_id: int) -> str:
        """Read, apply or undo an import, as its state says."""
        with _task(self):
            return _result(process().importer.process(import_id, holder=self.request.id))

    @task(TaskName.BACKFILL_REPOSITORY)
    def backfill_repository(self: Task, repo_id: int) -> str:
        """Read a repository's star history, and send the next one if nothing else waits."""
        with _task(self):
            reading = process().backfiller.read(repo_id)
            if reading.may_go_on:
                send_next(app, process())
            if reading.is_failure:
                raise TaskFailed(reading.summary)
            return reading.summary

    @task(TaskName.READ_RELEASES)
    def read_releases(self: Task, day: str) -> str:
        """Read the releases of repositories that were scanned today.

        ``day`` is the day for which the message was sent; a later one reads those of its own day.
        """
        del day
        with _task(self):
            return _result(releases.read_releases(process()))

    def send_due(self: Task) -> str:
        """Send a task for each user, lookup and import that is due, if the queue has room."""
        with _task(self):
            done = fan_out(app, process())
            if done.sent:
                log.info("fan-out: %d tasks sent", done.sent)
            return str(done)

    # The same code under two names, so that the day's fan-out can be found in Flower.
    task(TaskName.FAN_OUT)(send_due)
    task(TaskName.SWEEP)(send_due)


def _result(ended: Outcome | Resolution | ImportOutcome | ReleaseOutcome) -> str:
    """Return the summary of a task.

    :raise TaskFailed: the task could not do its work, and not because of GitHub's limits
    """
    if ended.is_failure:
        raise TaskFailed(ended.summary)
    return ended.summary
