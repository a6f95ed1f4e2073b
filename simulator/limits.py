"""GitHub's limits: primary budgets per hour, secondary limits per minute and in flight.

All times are epoch seconds of the clock that the simulator was given. When an answer tells a client
to wait, a request made before that time is a violation.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Resource(StrEnum):
    """The budgets that GitHub keeps apart."""

    CORE = "core"
    GRAPHQL = "graphql"


class LimitForm(StrEnum):
    """How an answer reports a secondary limit."""

    RETRY_AFTER = "retry-after"
    """With a retry-after header."""
    RESET = "reset"
    """Without retry-after; remaining is 0 and reset says when."""
    QUOTA_LEFT = "quota-left"
    """Without retry-after, and the rate headers show quota left: only the text says it."""
    BARE = "bare"
    """Without retry-after and without any rate header."""


class CostModel(StrEnum):
    """The price of a connection without `first` or `last`, which GitHub's docs leave open."""

    UPPER = "upper"
    """Every connection counts, the documented formula read literally."""
    LOWER = "lower"
    """Only connections with `first` or `last` count."""


@dataclass(frozen=True)
class Limits:
    """How much a credential may request; the defaults are GitHub's for a user's token."""

    core: int = 5_000
    graphql: int = 5_000
    unauthenticated: int = 60
    window: int = 3_600
    concurrency: int = 100
    core_points_a_minute: int = 900
    graphql_points_a_minute: int = 2_000
    primary_status: int = 403
    primary_type: str = "RATE_LIMITED"
    secondary_status: int = 403
    secondary_form: LimitForm = LimitForm.RETRY_AFTER
    secondary_wait: int = 60
    cost_model: CostModel = CostModel.UPPER
    timeout_penalty: int = 10
    grace: float = 0.0
    """Requests this many seconds after a stated wait may have been on their way: no violation."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "secondary_form", LimitForm(self.secondary_form))
        object.__setattr__(self, "cost_model", CostModel(self.cost_model))

    @classmethod
    def scaled(cls, divisor: int) -> "Limits":
        """Return GitHub's limits divided, so that a small test reaches them."""
        whole = cls()
        return replace(
            whole,
            core=max(1, whole.core // divisor),
            graphql=max(1, whole.graphql // divisor),
            unauthenticated=max(1, whole.unauthenticated // divisor),
            concurrency=max(1, whole.concurrency // divisor),
            core_points_a_minute=max(1, whole.core_points_a_minute // divisor),
            graphql_points_a_minute=max(1, whole.graphql_points_a_minute // divisor),
        )

    @classmethod
    def tenth(cls) -> "Limits":
        """Return a tenth of GitHub's limits."""
        return cls.scaled(10)

    @classmethod
    def hundredth(cls) -> "Limits":
        """Return a hundredth of GitHub's limits."""
        return cls.scaled(100)

    @classmethod
    def unlimited(cls) -> "Limits":
        """Return limits that no test reaches."""
        most = 10**9
        return cls(
            core=most,
            graphql=most,
            unauthenticated=most,
            concurrency=most,
            core_points_a_minute=most,
            graphql_points_a_minute=most,
        )


@dataclass(frozen=True)
class RateStatus:
    """The values of the x-ratelimit headers."""

    resource: Resource
    limit: int
    remaining: int
    used: int
    reset: int


@dataclass(frozen=True)
class Violation:
    """A request made before the time until which an earlier answer had said to wait."""

    at: float
    until: float
    stated_at: float
    reason: str
    method: str
    path: str


@dataclass
class Window:
    """The primary budget of one resource within its current hour."""

    limit: int
    length: int
    used: int = 0
    reset: int = 0

    def refresh(self, now: float) -> None:
        """Begin a new window if the last one is over."""
        if now >= self.reset:
            self.used = 0
            self.reset = int(now) + self.length


@dataclass
class Wait:
    """A stated wait: no request of this resource, or of any, before its end."""

    stated_at: float
    until: float
    reason: str
    resource: Resource | None
    delivered: int | None = None
    """When the answer that states it was delivered, in the order of events."""


@dataclass
class Allowance:
    """What is counted for one user, installation or address."""

    key: str
    """Completes "API rate limit exceeded for …"."""
    limits: Limits
    windows: dict[Resource, Window]
    recent: dict[Resource, deque[tuple[float, int]]] = field(
        default_factory=lambda: {resource: deque() for resource in Resource}
    )
    waits: list[Wait] = field(default_factory=list)
    stated: list[Wait] = field(default_factory=list)
    """The waits stated by the current answer, to be marked when it is delivered."""
    blocked_until: float = 0.0

    def status(self, resource: Resource, now: float) -> RateStatus:
        """Return the rate headers' values now."""
        window = self.windows[resource]
        window.refresh(now)
        used = min(window.used, window.limit)
        return RateStatus(resource, window.limit, window.limit - used, used, window.reset)

    def exhausted(self, resource: Resource, now: float) -> bool:
        """Whether the primary budget is used up."""
        return self.status(resource, now).remaining <= 0

    def charge(self, resource: Resource, cost: int, now: float) -> None:
        """Take points from the primary budget."""
        window = self.windows[resource]
        window.refresh(now)
        window.used += cost

    def too_fast(self, resource: Resource, points: int, in_flight: int, now: float) -> bool:
        """Count a request for the secondary limits; return whether it exceeds one."""
        recent = self.recent[resource]
        while recent and recent[0][0] <= now - 60:
            recent.popleft()
        recent.append((now, points))
        allowed = (
            self.limits.core_points_a_minute
            if resource is Resource.CORE
            else self.limits.graphql_points_a_minute
        )
        if in_flight > self.limits.concurrency or sum(p for _, p in recent) > allowed:
            self.blocked_until = max(self.blocked_until, now + self.limits.secondary_wait)
        return now < self.blocked_until

    def state_wait(
        self, now: float, until: float, reason: str, resource: Resource | None = None
    ) -> None:
        """Record that an answer tells the client to wait."""
        wait = Wait(now, until, reason, resource)
        self.waits.append(wait)
        self.stated.append(wait)

    def broken_wait(self, resource: Resource, now: float, arrival: int) -> Wait | None:
        """Return the stated wait that a request made now ignores, if any.

        A request that was under way when the wait was stated is no violation.
        """
        self.waits = [wait for wait in self.waits if now < wait.until]
        for wait in self.waits:
            concerned = wait.resource is None or wait.resource is resource
            known = wait.delivered is not None and wait.delivered < arrival
            if concerned and known and now >= wait.stated_at + self.limits.grace:
                return wait
        return None


class Ledger:
    """The allowances of all callers."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._allowances: dict[str, Allowance] = {}
        self._stated: list[Wait] = []

    def allowance(self, key: str, authenticated: bool) -> Allowance:
        """Return the allowance of a caller, made at the first request."""
        if key not in self._allowances:
            core = self.limits.core if authenticated else self.limits.unauthenticated
            graphql = self.limits.graphql if authenticated else 0
            window = self.limits.window
            self._allowances[key] = Allowance(
                key,
                self.limits,
                {Resource.CORE: Window(core, window), Resource.GRAPHQL: Window(graphql, window)},
                stated=self._stated,
            )
        return self._allowances[key]

    def take_stated(self) -> list[Wait]:
        """Return the waits stated since the last call."""
        stated = list(self._stated)
        self._stated.clear()
        return stated

    def reset(self, limits: Limits | None = None) -> None:
        """Forget everything, and start with other limits if given."""
        self.limits = limits or self.limits
        self._allowances.clear()
