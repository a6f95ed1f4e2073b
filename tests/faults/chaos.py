"""A random mix of faults, from a seed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

import httpx
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.broker import Task, make_celery, send
from common.settings import Settings
from simulator import Account, Fault, FaultKind, World
from tests.faults.cluster import Cluster
from tests.faults.invariants import unscanned
from tests.faults.proxy import Proxy
from tests.waiting import wait_until

PROCESSES = ("api", "worker", "worker-2", "beat", "beat-2")


@dataclass
class Chaos:
    """Breaks a cluster again and again; each fault lasts some seconds at most."""

    cluster: Cluster
    dice: random.Random
    injected: Counter[str] = field(default_factory=Counter)

    def run(self, seconds: float) -> None:
        """Break one thing after the other for some seconds, then repair everything."""
        faults = self._faults()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            name = self.dice.choice(sorted(faults))
            # Some faults need Postgres, which may still be recovering from the fault before.
            with suppress(DBAPIError):
                faults[name]()
                self.injected[name] += 1
            self._pause(0.2, 1.5)
        self._heal()

    def _faults(self) -> dict[str, Callable[[], object]]:
        cluster = self.cluster
        return {
            "process killed": lambda: cluster.kill(self.dice.choice(PROCESSES)),
            "worker killed": lambda: cluster.kill(self.dice.choice(("worker", "worker-2"))),
            "child killed": self._kill_a_child,
            "process frozen": self._freeze,
            "Redis killed": lambda: cluster.kill_redis(for_seconds=self.dice.uniform(0, 2)),
            "Redis frozen": self._freeze_redis,
            "Redis emptied": self._empty_redis,
            "Redis' clients cut off": self._cut_clients_off,
            "Redis refused": lambda: self._for_a_while(cluster.to_redis.refuse, cluster.to_redis),
            "Redis swallowed": lambda: self._for_a_while(
                cluster.to_redis.swallow, cluster.to_redis
            ),
            "Redis reset": cluster.to_redis.reset,
            "Redis slow": lambda: self._for_a_while(
                lambda: cluster.to_redis.delay(0.1), cluster.to_redis
            ),
            "Postgres stopped": lambda: cluster.kill_postgres(for_seconds=self.dice.uniform(0, 2)),
            "sessions ended": cluster.end_sessions,
            "Postgres refused": lambda: self._for_a_while(
                cluster.to_postgres.refuse, cluster.to_postgres
            ),
            "Postgres swallowed": lambda: self._for_a_while(
                cluster.to_postgres.swallow, cluster.to_postgres
            ),
            "Postgres reset": cluster.to_postgres.reset,
            "Postgres slow": lambda: self._for_a_while(
                lambda: cluster.to_postgres.delay(0.1), cluster.to_postgres
            ),
            "Postgres read-only": self._refuse_writes,
            "GitHub's limit": lambda: self._fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=2)),
            "GitHub's errors": lambda: self._fail(Fault(FaultKind.SERVER_ERROR)),
            "GitHub's resets": lambda: self._fail(Fault(FaultKind.RESET)),
            "GitHub's half answers": lambda: self._fail(Fault(FaultKind.SHORT_BODY)),
            "messages doubled": self._double_messages,
            "clock moved": self._move_clock,
        }

    def _pause(self, shortest: float, longest: float) -> None:
        time.sleep(self.dice.uniform(shortest, longest))

    def _heal(self) -> None:
        self.cluster.to_redis.heal()
        self.cluster.to_postgres.heal()
        self.cluster.simulator.heal()
        wait_until(self._are_writes_taken, 60)

    def _are_writes_taken(self) -> bool:
        """Make the database writable, in case another fault interrupted that."""
        with suppress(DBAPIError):
            self.cluster.refuse_writes(False)
            return True
        return False

    def _for_a_while(self, fault: Callable[[], None], proxy: Proxy) -> None:
        fault()
        self._pause(1, 4)
        proxy.heal()

    def _kill_a_child(self) -> None:
        children = self.cluster.children(self.dice.choice(("worker", "worker-2")))
        if children:
            self.dice.choice(children).kill()

    def _freeze(self) -> None:
        name = self.dice.choice(PROCESSES)
        self.cluster.freeze(name)
        self._pause(1, 5)
        self.cluster.thaw(name)

    def _freeze_redis(self) -> None:
        with self.cluster.frozen_redis():
            self._pause(1, 5)

    def _empty_redis(self) -> None:
        with self.cluster.redis() as client:
            client.flushall()

    def _cut_clients_off(self) -> None:
        with self.cluster.redis() as client:
            client.client_kill_filter(_type="normal", skipme=True)

    def _refuse_writes(self) -> None:
        self.cluster.refuse_writes(True)
        self._pause(1, 3)
        wait_until(self._are_writes_taken, 60)

    def _fail(self, fault: Fault) -> None:
        self.cluster.simulator.fail(fault, times=self.dice.randint(1, 5))

    def _double_messages(self) -> None:
        app = make_celery(Settings(redis_url=SecretStr(self.cluster.redis_server.url)))
        for user in self.dice.sample([account.id for account in self.cluster.world.accounts], 5):
            send(app, Task.SCAN_USER, user, self.cluster.world.day.isoformat())

    def _move_clock(self) -> None:
        self.cluster.clock.advance(timedelta(seconds=self.dice.uniform(1, 30)))


@dataclass
class Days:
    """Ends a day when all users are scanned, and skips waits in which nothing can be done."""

    cluster: Cluster
    dice: random.Random
    lock: threading.Lock
    passed: list[date] = field(default_factory=list)

    def end_day_if_done(self) -> None:
        """Begin the next day if all users are scanned."""
        try:
            with self.lock:
                if unscanned(self.cluster):
                    self.cluster.skip_wait()
                    return
                self.passed.append(self.cluster.world.day)
                self.cluster.next_day(self._transfer)
        except DBAPIError:
            return

    def _transfer(self, world: World) -> None:
        """Transfer some repositories."""
        public = [each for each in world.repositories() if not each.private]
        for repository in self.dice.sample(public, 3):
            owner = self.dice.choice(world.accounts)
            if owner is not repository.owner and world.name_is_free(owner, repository.name):
                world.transfer(repository, owner)


@dataclass
class Client:
    """Follows and deletes users all the time, and remembers what the API promised."""

    cluster: Cluster
    dice: random.Random
    newcomers: list[Account]
    lock: threading.Lock
    followed: set[int] = field(default_factory=set)
    promised: set[int] = field(default_factory=set)
    """Answered with 202, so the user may be added later."""
    statuses: Counter[int] = field(default_factory=Counter)
    _unanswered: Callable[[], bool] | None = None
    """The last call, if it is unknown whether it was carried out: it is repeated."""

    def act(self) -> None:
        """Follow the next newcomer, or delete a user who was followed."""
        if self._unanswered is None:
            if self.followed and self.dice.random() < 0.2:
                user = self.dice.choice(sorted(self.followed))
                self._unanswered = lambda: self._delete(user)
            elif self.newcomers:
                account = self.newcomers.pop(0)
                self._unanswered = lambda: self._follow(account)
        self.is_answered()

    def is_answered(self) -> bool:
        """Repeat a call that was not answered; return whether there is none left."""
        if self._unanswered is not None and self._unanswered():
            self._unanswered = None
        return self._unanswered is None

    def _delete(self, user: int) -> bool:
        if self._ask("DELETE", f"/v1/users/{user}", None) not in (200, 404):
            return False
        self.followed.discard(user)
        return True

    def _follow(self, account: Account) -> bool:
        body: dict[str, object] = {"login": account.login}
        if self.dice.random() < 0.5:
            body["id"] = account.id
        match self._ask("PUT", "/v1/users", body):
            case 200 | 201:
                self.followed.add(account.id)
            case 202:
                self.promised.add(account.id)
            case _:
                return False
        return True

    def _ask(self, method: str, path: str, body: dict[str, object] | None) -> int:
        try:
            # No user is added while a day ends.
            with self.lock:
                status = self.cluster.call(method, path, json=body).status_code
        except httpx.TransportError:
            status = 0
        self.statuses[status] += 1
        return status


def first_days(cluster: Cluster) -> dict[int, date]:
    """Return each user's first recorded day."""
    with cluster.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT user_id, min(day) AS first FROM scans GROUP BY user_id")
        )
        return {row.user_id: row.first for row in rows}


def followed(cluster: Cluster) -> set[int]:
    """Return the ids of the followed users."""
    with cluster.engine.connect() as connection:
        return set(connection.execute(text("SELECT id FROM users")).scalars())
