"""A simulated GitHub and collectors that look at it, all by the clock of the test's database."""

import time as real_time
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import httpx
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, text

from api.queries import scan_days
from api.queries.scan_days import ScanRecord
from common import scan_records, scans, users
from common.repositories import Counts
from common.settings import Settings
from common.users import TrackedUser
from simulator import Account, GitHubSimulator, World
from tests.clock import Clock
from tests.rows import rows_of
from worker.backfill import Backfiller
from worker.collect import Collector
from worker.github.client import GitHub, make_github
from worker.lookup import Resolver
from worker.outcome import Outcome, Resolution

TODAY = date(2026, 11, 23)
TOKEN = "good"
OTHER_TOKEN = "other"
"""Has limits of its own."""
NOTHING = Outcome(None)
"""Equals the outcome of every scan that had nothing to do, whatever its summary."""

Hook = Callable[[httpx.Request], None]


class Stage:
    """Who is on GitHub, who is followed, and what time it is."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        clock: Clock,
        client: "redis.Redis",
        *,
        world: World | None = None,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.clock = clock
        self.redis = client
        self.world = world or World(day=TODAY)
        self.viewer = self.world.add_account("viewer")
        self.simulator = GitHubSimulator(
            self.world, tokens={TOKEN: self.viewer, OTHER_TOKEN: None}, clock=self.seconds
        )
        self.simulator.date_clock = self.seconds
        self.clock_error = timedelta()
        """How far the product's clock is ahead of GitHub's."""
        self.hook: Hook | None = None
        """Called before GitHub sees a request."""
        clock.set(TODAY)

    def seconds(self) -> float:
        """Epoch seconds at GitHub, for those who ask often and not the database."""
        return real_time.time() + (self.clock.offset - self.clock_error).total_seconds()

    def github(self, *, token: str | None = TOKEN) -> GitHub:
        """Make the client of one process."""
        secret = None if token is None else SecretStr(token)
        return make_github(
            self.settings.model_copy(update={"github_token": secret}),
            self.redis,
            transport=httpx.MockTransport(self._handle),
            now=self.seconds,
            sleep=lambda seconds: self.clock.advance(timedelta(seconds=seconds)),
        )

    def collector(
        self, *, token: str | None = TOKEN, sleep: Callable[[float], None] = real_time.sleep
    ) -> Collector:
        """Make the collector of one process."""
        return Collector(self.engine, self.github(token=token), self.settings, sleep=sleep)

    def resolver(self, *, token: str | None = TOKEN) -> Resolver:
        """Make the resolver of one process."""
        return Resolver(self.engine, self.github(token=token), self.settings)

    def backfiller(self, *, token: str | None = TOKEN) -> Backfiller:
        """Make what reads star histories in one process."""
        return Backfiller(self.engine, self.github(token=token), self.redis, self.settings)

    def resolve(self, lookup_id: int, *, token: str | None = TOKEN) -> Resolution:
        """Resolve a login, as its task does."""
        return self.resolver(token=token).resolve(lookup_id)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if self.hook is not None:
            self.hook(request)
        return self.simulator.handle(request)

    # Time

    def at(self, day: date, hour: int = 12, minute: int = 0, second: int = 0) -> None:
        """Let it be that time, here and at GitHub."""
        self.clock.set(datetime.combine(day, time(hour, minute, second), UTC) + self.clock_error)
        self.world.day = day

    def set_clock_wrong(self, ahead: timedelta) -> None:
        """Set the product's clock ahead of GitHub's, or behind it if negative."""
        self.clock.advance(ahead - self.clock_error)
        self.clock_error = ahead

    def next_day(self) -> date:
        """Let it be noon of the next day."""
        day = self.clock.today() + timedelta(days=1)
        self.at(day)
        return day

    def wait(self, **step: float) -> None:
        """Let some time pass at once."""
        self.clock.advance(timedelta(**step))
        self.world.day = datetime.fromtimestamp(self.seconds(), UTC).date()

    # Collection

    def follow(self, account: Account, login: str | None = None) -> TrackedUser:
        """Follow an account of the simulated GitHub."""
        user = TrackedUser(account.id, login or account.login, account.name or account.login)
        with self.engine.begin() as connection:
            return users.add(connection, user)[0]

    def sweep(self, collector: Collector) -> list[Outcome]:
        """Claim the users who are due, as a sweep does, and scan them one after the other."""
        with self.engine.begin() as connection:
            scan_records.close_past(connection)
            claims = scans.claim(
                connection,
                limit=1000,
                lease=self.settings.lease,
                load_lease=self.settings.load_lease,
                max_attempts=self.settings.max_attempts,
                scan_at=self.settings.scan_at,
            )
        return [collector.scan(claim.user_id, is_load=claim.is_load) for claim in claims]

    def sweep_until(self, collector: Collector, moment: datetime) -> list[datetime]:
        """Sweep whenever a user is due, at most once a minute, until that moment.

        :return: when a user was scanned
        """
        scanned = []
        while (now := self.clock.now()) < moment:
            if self.sweep(collector):
                scanned.append(now)
            due = self.value(
                """
                WITH clock AS (
                    SELECT repopulse_now() AS now, (repopulse_now() AT TIME ZONE 'UTC')::date AS day
                )
                SELECT min(CASE WHEN scanned_on >= day AND NOT isfinite(not_before)
                                THEN (day + 1 + CAST(:scan_at AS time)) AT TIME ZONE 'UTC'
                                ELSE greatest(not_before, lease_until, now) END)
                FROM users, clock
                """,
                scan_at=self.settings.scan_at,
            )
            until = min(due, moment) if isinstance(due, datetime) else moment
            self.wait(seconds=max(until - now, timedelta(minutes=1)).total_seconds())
        return scanned

    # What is stored

    def rows(self, user: TrackedUser) -> dict[date, dict[int, Counts]]:
        """The rows of a user by day and repository."""
        found: dict[date, dict[int, Counts]] = {}
        with self.engine.begin() as connection:
            for row in rows_of(connection, user.id):
                repository_id, day, *counts = row.values()
                found.setdefault(day, {})[repository_id] = Counts(*counts)
        return found

    def truth(self, user: TrackedUser, day: date | None = None) -> dict[int, Counts]:
        """The rows that a user should have for a day."""
        return {
            repository_id: Counts(truth.stargazers, truth.forks, truth.watchers)
            for repository_id, truth in self.world.truth(day or self.clock.today()).items()
            if truth.owner_id == user.id
        }

    def record(self, user: TrackedUser, day: date | None = None) -> ScanRecord:
        """What became of a user's day."""
        day = day or self.clock.today()
        with self.engine.begin() as connection:
            (found,) = scan_days.records(connection, user.id, day, day)
        return found

    def user(self, user: TrackedUser) -> TrackedUser | None:
        """A followed user as stored now."""
        with self.engine.begin() as connection:
            return users.get(connection, user.id)

    def value(self, query: str, **parameters: object) -> object:
        """The one value that a query gives."""
        with self.engine.begin() as connection:
            return connection.execute(text(query), parameters).scalar_one()

    def mentions(self, needle: str) -> list[str]:
        """The tables in any of whose rows a text occurs."""
        with self.engine.begin() as connection:
            tables = connection.execute(
                text(
                    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
                )
            ).scalars()
            return [
                table
                for table in tables
                if connection.execute(
                    text(f"SELECT EXISTS (SELECT FROM {table} t WHERE strpos(t::text, :n) > 0)"),
                    {"n": needle},
                ).scalar()
            ]
