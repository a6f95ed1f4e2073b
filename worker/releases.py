"""The reading of releases: 50 repositories a request, with what scans leave of the quota.

Each request is followed by a short transaction that stores what GitHub showed and that these
repositories were read today, so a stop at any moment costs one request. Scans and loads go first:
before each request the queues are looked at.
"""

import logging
import time
from dataclasses import dataclass

from sqlalchemy import Connection

from common import broker, clock
from worker import release_queue, release_records
from worker.claim import GitHubClaim
from worker.github.errors import CredentialsRefused, GitHubError, Limited, RedisUnavailable
from worker.github.releases import REPOSITORIES
from worker.process import Process
from worker.release_records import DueRepository
from worker.transactions import Transactions

log = logging.getLogger(__name__)

_TASK_SHARE = 0.25
"""The part of a lease after which a task stops between two requests; the next sweep continues."""


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """How the task that reads releases ended.

    :param summary: one line for Flower
    :param is_failure: GitHub did not answer, and not because of its limits
    :param is_done: no repository is left today
    """

    summary: str
    is_failure: bool = False
    is_done: bool = False


def read_releases(process: Process) -> ReleaseOutcome:
    """Read the releases of all repositories that were scanned today, until scans or loads wait.

    :raise redis.RedisError: Redis does not answer
    """
    done_on = None
    try:
        # Before the first look: after midnight no repository is due until its scan.
        with process.engine.connect() as connection:
            today = clock.today(connection)
        outcome = _Reader(process).read()
        done_on = today if outcome.is_done else None
        return outcome
    finally:
        release_queue.note_end(process.redis, done_on=done_on)


class _Reader:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._transactions = Transactions(process.engine, lease=process.settings.lease)
        self._claim = GitHubClaim(process.settings.github.name)

    def read(self) -> ReleaseOutcome:
        ends = time.monotonic() + self._process.settings.lease * _TASK_SHARE
        after, number = 0, 0
        while True:
            if broker.queue_lengths(self._process.redis).work_waiting:
                return ReleaseOutcome(f"{_read(number)}, to be continued: scans and loads go first")
            if time.monotonic() > ends:
                return ReleaseOutcome(f"{_read(number)}, to be continued: many repositories")
            due = self._next(after)
            if not due:
                log.info("releases read: %d repositories", number)
                return ReleaseOutcome(f"done: {_read(number)}", is_done=True)
            try:
                self._read(due)
            except GitHubError as error:
                return self._stop(due, error, number)
            after, number = due[-1].repo_id, number + len(due)

    def _next(self, after: int) -> list[DueRepository]:
        return self._transactions.run(
            lambda connection: release_records.next_due(connection, after=after, limit=REPOSITORIES)
        )

    def _read(self, due: list[DueRepository]) -> None:
        found = self._process.github.releases([each.node_id for each in due])

        def store(connection: Connection) -> None:
            self._claim.hold(connection)
            release_records.store(connection, due, found)

        self._transactions.run(store)

    def _stop(self, due: list[DueRepository], error: GitHubError, number: int) -> ReleaseOutcome:
        """End the task; the next sweep sends another, which begins with the same repositories."""
        is_limit = isinstance(error, Limited | CredentialsRefused)
        if not is_limit:
            self._transactions.run(
                lambda connection: release_records.count_attempt(connection, due)
            )
        log.log(
            logging.INFO if is_limit else logging.WARNING,
            "releases wait for the next sweep: %s",
            error.for_log(),
        )
        is_failure = not is_limit or isinstance(error, RedisUnavailable | CredentialsRefused)
        return ReleaseOutcome(f"{_read(number)}, to be continued: {error}", is_failure=is_failure)


def _read(number: int) -> str:
    return "1 repository" if number == 1 else f"{number} repositories"
