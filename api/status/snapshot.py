"""The state of the collection at one moment; readiness, metrics and the status page show it.

Postgres, Redis and the workers are read at the same time, each in a thread of its own and in
bounded time. A server that is down or frozen leaves its part None; it holds up neither the other
parts nor the threads that serve requests.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from api.http.transactions import read
from api.queries.progress import Progress, count_overdue, get_progress
from api.status.part import Part
from common import (
    broker,
    collection,
    counters,
    credentials,
    future_days,
    github_clock,
    installation,
    problems,
    redis_claim,
    running_workers,
)
from common.broker import QueueLengths
from common.db import Outage, first_line, outage_reason
from common.errors import causes
from common.github_clock import ClockError
from common.problems import Reports
from common.redis_access import find_obstacle

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_ANSWER = "does not answer"

OVERDUE_HOURS = 26
"""Hours from one settled scan to the next: a day, and room for a night that takes longer."""

_LATE_SWEEP = 300
_LATE_SWEEPS = 5
"""Seconds, or sweeps if these are rare, without a sweep before something is wrong."""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """The state of Postgres."""

    is_read_only: bool
    """It refuses writes, as a standby does."""
    revisions: frozenset[str]
    """The revisions of its schema; empty before the first migration."""
    version: int
    """Its major version."""
    github: str | None
    """The GitHub that it records; None if nothing is recorded yet."""
    installation_id: str | None
    """The id of the installation; None before its migration."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What GitHub said is left of an hour's quota."""

    remaining: int
    limit: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class RedisStatus:
    """What Redis knows."""

    obstacle: str
    """What keeps it from its work, although it answers; empty if nothing does."""
    now: datetime
    """By Redis' clock, like the other times here."""
    queues: QueueLengths
    sweep_age: float | None
    """Seconds since the last sweep ended; None if none is recorded."""
    is_sweep_late: bool
    is_refused: bool
    """GitHub refuses the credential."""
    allowances: dict[str, Allowance]
    """By resource, as far as they are known."""
    limited_until: datetime | None
    """When GitHub's last limit ends or ended: no worker sends a request before."""
    limit_reason: str
    github: Reports
    """Which workers get no usable answer from GitHub."""
    counters: dict[str, float]
    """What workers counted, see ``common.counters``."""
    clock_error: ClockError | None
    """How far the database's clock was from GitHub's at the last scan; None if not known."""
    token_expires: datetime | None
    """None if GitHub did not say, or the token does not expire."""
    starts: Reports
    """Which workers and beats cannot start."""
    owner: str | None
    """The id of the installation whose workers use the queues; None if that is not recorded."""
    other_owner: str
    """What is wrong if that is another installation."""
    workers: list[str]
    """The names of the workers that run."""

    @property
    def token_expires_in(self) -> timedelta | None:
        """Time until the token expires; negative after it."""
        return None if self.token_expires is None else self.token_expires - self.now

    @property
    def is_limited(self) -> bool:
        """Whether GitHub's last limit is in force."""
        return self.limited_until is not None and self.limited_until > self.now


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """The collection at one moment; None is a part that could not be read."""

    database: DatabaseStatus | None
    database_error: str
    """Why there is no ``database``."""
    progress: Progress | None
    overdue: int | None
    """How many users have had no scan for ``OVERDUE_HOURS``."""
    future_users: int | None
    """Of how many users something is stored of days to come, see ``common.future_days``."""
    redis: RedisStatus | None
    redis_error: str
    """Why there is no ``redis``."""
    github: str
    """The GitHub of the settings."""


class StatusReader:
    """Reads snapshots for one application.

    :param credential_name: the credential's fingerprint
    :param github: the GitHub of the settings, see ``common.github_server``
    :param sweep_interval: seconds between two sweeps
    :param is_read_only: nothing is to be stored, so Postgres may be a replica
    """

    def __init__(
        self,
        database: Engine,
        redis: Redis,
        *,
        credential_name: str,
        github: str,
        sweep_interval: float,
        is_read_only: bool = False,
    ) -> None:
        self.is_read_only = is_read_only
        self._engine = database
        self._client = redis
        self._credential_name = credential_name
        self._github = github
        self._late_sweep = max(_LATE_SWEEP, _LATE_SWEEPS * sweep_interval)
        self._no_sweep_since: float | None = time.monotonic()
        """Since when no sweep is recorded: our own start, or when Redis was emptied."""
        self.logged: dict[str, int] = {}
        """By part of readiness, the level that was logged last."""
        self._database = Part[tuple[DatabaseStatus | None, str]](
            self._read_database, missing=(None, NO_ANSWER)
        )
        # Parts of their own: counting many users may take longer than a part may.
        self._progress = Part(partial(self._count, get_progress), missing=None)
        self._overdue = Part(partial(self._count, _count_overdue), missing=None)
        self._future = Part(partial(self._count, future_days.count_users), missing=None)
        self._redis = Part[tuple[RedisStatus | None, str]](
            self._read_redis, missing=(None, NO_ANSWER)
        )

    async def read(self) -> StatusSnapshot:
        """Return the state of the collection now."""
        (
            (database, database_error),
            progress,
            overdue,
            future,
            (redis, redis_error),
        ) = await asyncio.gather(
            self._database.get(),
            self._progress.get(),
            self._overdue.get(),
            self._future.get(),
            self._redis.get(),
        )
        return StatusSnapshot(
            database,
            database_error,
            progress,
            overdue,
            future,
            redis,
            redis_error,
            self._github,
        )

    def close(self) -> None:
        """End the threads."""
        for part in (
            *(self._database, self._progress, self._overdue, self._future),
            self._redis,
        ):
            part.close()

    def _read_database(self) -> tuple[DatabaseStatus | None, str]:
        try:
            status = read(self._engine, _get_database_status)
            if status.is_read_only and not self.is_read_only:
                # Sessions of a standby stay read-only after it was promoted: ask in a new one.
                self._engine.dispose()
                status = read(self._engine, _get_database_status)
        except SQLAlchemyError as error:
            log.warning("status without Postgres: %s", first_line(error))
            is_full = outage_reason(error) is Outage.FULL
            return None, "it or its role allows no more connections" if is_full else NO_ANSWER
        return status, ""

    def _count(self, count: Callable[[Connection], T]) -> T | None:
        try:
            return read(self._engine, count)
        except SQLAlchemyError as error:
            log.warning("status without counts of users: %s", first_line(error))
            return None

    def _read_redis(self) -> tuple[RedisStatus | None, str]:
        obstacle = ""
        try:
            # Where nothing is to be stored, Redis is only shown.
            found = None if self.is_read_only else find_obstacle(self._client)
            obstacle = "" if found is None else found.words
            return self._get_redis_status(obstacle), ""
        except AuthenticationError:
            return None, "refuses the password"
        except (RedisError, OSError) as error:
            if obstacle:
                return None, obstacle
            log.warning("status without Redis: %s", error)
            return None, _describe(error)

    def _get_redis_status(self, obstacle: str) -> RedisStatus:
        client, name = self._client, self._credential_name
        seconds, microseconds = client.time()
        limited_until, reason = client.hmget(credentials.block_key(name), "blocked_until", "reason")
        sweep_age = collection.sweep_age(client)
        return RedisStatus(
            obstacle=obstacle,
            now=datetime.fromtimestamp(seconds + microseconds / 1e6, UTC),
            queues=broker.queue_lengths(client),
            sweep_age=sweep_age,
            is_sweep_late=self._time_without_sweep(sweep_age) >= self._late_sweep,
            is_refused=credentials.is_refused(client, name),
            allowances={
                resource: allowance
                for resource in counters.RESOURCES
                if (allowance := self._get_allowance(resource)) is not None
            },
            limited_until=None if limited_until is None else _moment(limited_until),
            limit_reason=reason.decode(errors="replace") if isinstance(reason, bytes) else "",
            github=problems.read(client, problems.GITHUB),
            counters=counters.read(client),
            clock_error=github_clock.read(client),
            token_expires=credentials.get_expiry(client, name),
            starts=problems.read(client, problems.START),
            owner=redis_claim.get_owner(client),
            other_owner=redis_claim.describe(client),
            workers=running_workers.read(client),
        )

    def _time_without_sweep(self, sweep_age: float | None) -> float:
        if sweep_age is not None:
            self._no_sweep_since = None
            return sweep_age
        now = time.monotonic()
        if self._no_sweep_since is None:
            self._no_sweep_since = now
        return now - self._no_sweep_since

    def _get_allowance(self, resource: str) -> Allowance | None:
        remaining, limit, resets_at = self._client.hmget(
            credentials.quota_key(self._credential_name, resource),
            *("remaining", "limit", "resets_at"),
        )
        if remaining is None or limit is None or resets_at is None:
            return None
        return Allowance(max(0, int(remaining)), int(limit), _moment(resets_at))


def _get_database_status(connection: Connection) -> DatabaseStatus:
    mode, version, is_migrated, has_installation = connection.execute(
        text(
            "SELECT current_setting('transaction_read_only'),"
            " current_setting('server_version_num'),"
            " to_regclass('alembic_version') IS NOT NULL,"
            " to_regclass('installation') IS NOT NULL"
        )
    ).one()
    revisions: Iterable[str] = ()
    if is_migrated:
        revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    this = installation.read(connection) if has_installation else None
    return DatabaseStatus(
        is_read_only=mode == "on",
        revisions=frozenset(revisions),
        version=int(version) // 10_000,
        github=None if this is None else this.github,
        installation_id=None if this is None else str(this.id),
    )


def _count_overdue(connection: Connection) -> int:
    return count_overdue(connection, hours=OVERDUE_HOURS)


def _describe(error: Exception) -> str:
    """Return why Redis cannot be used, without its address."""
    for cause in causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "the TLS handshake fails"
            case NoPermissionError():
                return "refuses its user a command"
    return NO_ANSWER


def _moment(epoch: bytes | str) -> datetime:
    return datetime.fromtimestamp(float(epoch), UTC)


async def _reader(request: Request) -> StatusReader:
    reader: StatusReader = request.state.status
    return reader


Status = Annotated[StatusReader, Depends(_reader)]
"""The application's ``StatusReader``, for endpoints."""
