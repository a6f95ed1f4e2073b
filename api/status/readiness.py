"""Which parts there are, and what is wrong with each of them.

To add a part, write a function that returns its ``Check``, and add it to ``check``. No text holds
an address: anyone may ask.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from api.status import clock, github, servers, users
from api.status.checks import Check, Level
from api.status.snapshot import StatusReader, StatusSnapshot

log = logging.getLogger(__name__)

PARTS = (
    *("postgres", "redis", "migrations", "processes", "credentials"),
    *("github", "users", "queue", "clock"),
)
"""The parts in the order in which they are shown."""


def check(snapshot: StatusSnapshot) -> dict[str, Check]:
    """Return the result for each part."""
    results = {
        "postgres": servers.check_postgres(snapshot),
        "redis": servers.check_redis(snapshot),
        "migrations": servers.check_migrations(snapshot),
        "processes": servers.check_processes(snapshot),
        "credentials": github.check_credentials(snapshot),
        "github": github.check_github(snapshot),
        "users": users.check_users(snapshot),
        "queue": servers.check_queue(snapshot),
        "clock": clock.check_clock(snapshot),
    }
    return {part: results[part] for part in PARTS}


def check_for_reading(snapshot: StatusSnapshot) -> dict[str, Check]:
    """Return what differs for an API that stores nothing: it needs Postgres alone, or a replica."""
    redis = servers.check_redis(snapshot)
    return {
        "postgres": servers.check_postgres(snapshot, is_read_only=True),
        "redis": Check(min(redis.level, Level.DEGRADED), redis.words),
    }


@dataclass(frozen=True, slots=True)
class Readiness:
    """A snapshot and the result for each of its parts."""

    snapshot: StatusSnapshot
    checks: Mapping[str, Check]

    @property
    def level(self) -> Level:
        """The level of the worst part."""
        return max(check.level for check in self.checks.values())

    @property
    def told(self) -> list[tuple[str, Check]]:
        """The parts that have something to tell, the worst first."""
        wrong = [(part, check) for part, check in self.checks.items() if check.level]
        return sorted(wrong, key=lambda each: each[1].level, reverse=True)


async def read_readiness(reader: StatusReader) -> Readiness:
    """Read a snapshot and check its parts; a part whose level changed is logged."""
    snapshot = await reader.read()
    checks = check(snapshot)
    if reader.is_read_only:
        checks |= check_for_reading(snapshot)
    for part, result in checks.items():
        before = reader.logged.get(part, Level.OK)
        reader.logged[part] = result.level
        if result.level != before:
            level = logging.WARNING if result.level > Level.NOTICE else logging.INFO
            log.log(level, "status of %s: %s", part, result.words)
    return Readiness(snapshot, checks)
