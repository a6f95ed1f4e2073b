"""A client of the product before a simulated GitHub, with a clock that both go by."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx
import redis
from pydantic import SecretStr

from common.credentials import choose_credential, fingerprint
from common.repositories import Counts, KnownRepository
from common.settings import Settings
from simulator import Account, GitHubSimulator, World
from simulator.node_ids import NodeType, new_id
from worker.github.budget import Budget
from worker.github.client import GitHub, make_github
from worker.github.credentials import make_credentials
from worker.github.observation import Observation, Target
from worker.github.transport import Transport
from worker.github.wire import make_http_client

DAY = date(2026, 11, 23)
API = "https://api.github.com"


@dataclass
class FakeClock:
    """Seconds that pass only where somebody sleeps."""

    now: float = 1_795_436_800.5
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Lab:
    """What a test of the client needs; ``world`` and ``simulator`` are GitHub."""

    def __init__(
        self, redis_url: str, *, token: str | None = "good", api: str = API, **options: Any
    ) -> None:
        self.clock = FakeClock()
        self.world = World(day=DAY)
        self.redis = redis.Redis.from_url(redis_url)
        options.setdefault("tokens", {"good": None, "other": None})
        self.simulator = GitHubSimulator(self.world, clock=self.clock, **options)
        self.settings = Settings(
            redis_url=SecretStr(redis_url),
            github_token=SecretStr(token) if token else None,
            github_api_url=api,
        )
        self._open: list[Callable[[], None]] = [self.redis.close]

    @property
    def name(self) -> str:
        return fingerprint(choose_credential(self.settings), self.settings.github.name)

    def github(
        self,
        answer: Callable[[httpx.Request], httpx.Response] | None = None,
        *,
        settings: Settings | None = None,
    ) -> GitHub:
        """The client of one more worker process, before the simulator or a function."""
        made = make_github(
            settings or self.settings,
            self.redis,
            transport=httpx.MockTransport(answer) if answer else self.simulator.transport(),
            now=self.clock,
            sleep=self.clock.sleep,
        )
        self._open.append(made.close)
        return made

    def budget(self, **options: Any) -> Budget:
        options.setdefault("now", self.clock)
        options.setdefault("sleep", self.clock.sleep)
        return Budget(self.redis, self.name, **options)

    def transport(
        self,
        answer: Callable[[httpx.Request], httpx.Response] | None = None,
        *,
        base_url: str | None = None,
        over_wire: bool = False,
        **options: Any,
    ) -> Transport:
        """A transport before the simulator, or before a function that answers.

        ``options`` are those of its budget.
        """
        carrier = httpx.MockTransport(answer) if answer else self.simulator.transport()
        client = make_http_client(
            base_url or self.settings.github_api_url, transport=None if over_wire else carrier
        )
        budget = self.budget(**options)
        credentials = make_credentials(
            choose_credential(self.settings), client, budget, now=self.clock
        )
        made = Transport(client, budget, credentials)
        self._open.append(made.close)
        return made

    def add(self, login: str, repositories: int = 0, **options: Any) -> Account:
        """An account with repositories r0, r1, … of different counts."""
        account = self.world.add_account(login, **options)
        for number in range(repositories):
            self.world.add_repository(
                account, f"r{number}", stargazers=100 + number, forks=10 + number, watchers=number
            )
        return account

    def observe(self, account: Account, github: GitHub | None = None, **known: Any) -> Observation:
        return (github or self.github()).observe(target(account, **known))

    def truth(self, account: Account) -> dict[int, Counts]:
        """What GitHub has of an account, by repository id."""
        return {
            repository_id: Counts(truth.stargazers, truth.forks, truth.watchers)
            for repository_id, truth in self.world.truth().items()
            if truth.owner_id == account.id
        }

    def paths(self) -> list[str]:
        return [request.path for request in self.simulator.requests]

    def close(self) -> None:
        for close in self._open:
            close()


def target(account: Account, **options: Any) -> Target:
    """An account that was scanned before, so that its node id is known."""
    options.setdefault("node_id", new_id(NodeType(account.type), account.id))
    return Target(user_id=account.id, login=account.login, **options)


def known(
    repositories: Iterable[Any], *, is_listed: bool = False, is_recorded: bool = False
) -> list[KnownRepository]:
    """Repositories of the simulator's world, as an earlier scan stored them."""
    return [
        KnownRepository(
            repository.id,
            repository.name,
            new_id(NodeType.REPOSITORY, repository.id),
            is_listed,
            is_recorded,
        )
        for repository in repositories
    ]


def counts(observation: Observation) -> dict[int, Counts]:
    """The counts that an observation would store."""
    return {seen.id: seen.counts for seen in observation.seen if seen.counts is not None}
