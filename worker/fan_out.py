"""The fan-out: claim due users and pending lookups, then send one task for each.

The daily fan-out and the minute's sweep both run it. No more tasks are queued than ``high_water``;
if users are left in the table, Redis holds a note of that, and the scan that finds the queue nearly
empty takes the note and sends the next sweep. Beat's sweeps alone would hand out one queue's length
a minute. A note that is lost costs no more than the time to the next sweep.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import redis
from celery import Celery
from sqlalchemy import Connection

from common import (
    broker,
    clock,
    collection,
    github_clock,
    imports,
    installation,
    lookups,
    redis_claim,
    scan_records,
    scans,
    stats,
)
from common.broker import Queue, Task
from common.lookups import Lookup
from common.scans import Claim
from common.states import ScanState
from worker import backlog, release_queue
from worker.backfill_queue import send_next
from worker.outcome import Outcome
from worker.process import Process

log = logging.getLogger(__name__)

_LOW_WATER_SHARE = 0.05
"""The part of ``high_water`` below which the queue is filled again before the next sweep."""

_PROGRESS = frozenset({ScanState.DONE, ScanState.INCOMPLETE, ScanState.GONE})
"""States of a scan that GitHub answered."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """What one fan-out did.

    :param due: users, lookups and imports that were claimed
    :param sent: how many of them got their task
    :param is_full: the queue had no room, so nothing was claimed
    """

    due: int
    sent: int
    is_full: bool

    def __str__(self) -> str:
        if self.is_full:
            return "queue is full"
        if self.due == 0:
            return "nothing due"
        if self.sent < self.due:
            return f"sent {self.sent} of {self.due} tasks"
        return f"sent {self.sent} {'task' if self.sent == 1 else 'tasks'}"


def fan_out(app: Celery, process: Process) -> FanOut:
    """Claim what is due, commit the claim, then send the tasks.

    A crash in between costs a lease. Any number of these may run at once.

    :raise SetupError: another installation uses this Redis
    """
    settings = process.settings
    with process.engine.begin() as connection:
        _maintain(connection)
        this = installation.read(connection)
    redis_claim.claim(process.redis, this.id)
    room = max(0, settings.high_water - broker.queue_lengths(process.redis).work_queued)
    # Their leases are short: what still waits in the queue must not be sent again. If there is no
    # room, nothing is claimed.
    waiting = broker.waiting_ids(process.redis, Queue.LOAD) if room else {}
    waiting_imports = broker.waiting_ids(process.redis, Queue.BACKGROUND)
    clock_error = github_clock.read(process.redis)
    with process.engine.begin() as connection:
        pending = lookups.claim(
            connection,
            limit=room,
            lease=settings.load_lease,
            queued=waiting.get(Task.RESOLVE_LOGIN, ()),
        )
        room_for_scans = room - len(pending)
        if clock_error is not None and clock_error.is_other_day:
            # One scan is enough to find out whether GitHub's day is the database's again.
            room_for_scans = min(room_for_scans, 1)
        claims = scans.claim(
            connection,
            limit=room_for_scans,
            lease=settings.lease,
            load_lease=settings.load_lease,
            max_attempts=settings.max_attempts,
            scan_at=settings.scan_at,
            queued=waiting.get(Task.LOAD_USER, ()),
        )
        # They are few, and wait behind everything else.
        due_imports = imports.claim(
            connection,
            limit=imports.MAX_UNFINISHED,
            lease=settings.load_lease,
            queued=waiting_imports.get(Task.PROCESS_IMPORT, ()),
        )
    sent = 0
    for task, arguments, login in _tasks(pending, claims, due_imports):
        if not broker.send(app, task, *arguments, login=login):
            # The other sends would wait for the same broker, one after the other; the leases of
            # their users expire.
            break
        sent += 1
    # After they are sent, so that the next fan-out counts them.
    backlog.note(process.redis, is_left=len(claims) >= room_for_scans)
    if room and not claims and not pending:
        send_next(app, process, is_sweep=True)
        release_queue.send_if_due(app, process)
    collection.record_sweep(process.redis)
    due = len(pending) + len(claims) + len(due_imports)
    return FanOut(due=due, sent=sent, is_full=room == 0)


def refill(app: Celery, process: Process, outcome: Outcome) -> None:
    """Send a sweep if few messages are left and the last fan-out left users in the table.

    Not while GitHub makes all scans wait: each user would only be claimed and rescheduled.
    """
    if outcome.state not in _PROGRESS:
        return
    few = process.settings.high_water * _LOW_WATER_SHARE
    try:
        waiting = broker.queue_lengths(process.redis).work_waiting
        is_needed = waiting <= few and backlog.take(process.redis)
    except redis.RedisError as error:
        log.warning("Redis does not answer, the next sweep follows: %s", error)
        return
    if is_needed:
        broker.send(app, Task.SWEEP)


def _tasks(
    pending: list[Lookup], claims: list[Claim], due_imports: list[int]
) -> Iterator[tuple[Task, tuple[int | str, ...], str | None]]:
    """Return task, arguments and login for each claim; people may be waiting for the first."""
    for lookup in pending:
        yield Task.RESOLVE_LOGIN, (lookup.id,), lookup.login
    for claim in claims:
        if claim.is_load:
            yield Task.LOAD_USER, (claim.user_id,), claim.login
        else:
            yield Task.SCAN_USER, (claim.user_id, claim.day.isoformat()), claim.login
    for import_id in due_imports:
        yield Task.PROCESS_IMPORT, (import_id,), None


def _maintain(connection: Connection) -> None:
    """Create partitions, close past scans and record a completed day; does nothing if done."""
    today: date = clock.today(connection)
    for name in stats.create_partitions(connection, today):
        log.info("new partition: %s", name)
    closed = scan_records.close_past(connection)
    if closed:
        log.warning("%d scans of past days were never finished", closed)
    complete = collection.record_completed_day(connection)
    if complete is not None:
        log.info("no user is due any more today: %s", complete.summary)
