"""Whatever GitHub answers, in whatever order: each stored row is true, each gap explained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

import common.db
import common.scans
from common.credentials import REFUSAL_SECONDS
from common.settings import Settings
from simulator import Account, Fault, FaultKind, Match, Repository
from simulator.entities import Truth
from simulator.faults import Scripted
from tests.clock import Clock
from tests.servers import Databases, Servers
from tests.worker.stage import TODAY, Stage
from worker.github.watchers import RETRY_AFTER

# All examples of a test together.
pytestmark = pytest.mark.timeout(1200)

STEP = timedelta(minutes=10)
"""The least time between two sweeps: a sweep a minute would take too long here."""

EVENING = 18 * 60
"""The minute of the day after which GitHub is well on calm days: six hours are left."""

SECRET = "secret"
"""In the name of every repository that was private from the beginning."""

REPOSITORY = st.sampled_from([None, "r0", "r1"])
COUNT = st.sampled_from([-1, 2**31, 2**53])
FIELD = st.sampled_from([None, "stargazers", "forks", "watchers"])
SECONDS = st.sampled_from([1, 60, 600, 3600])
NAMES = st.sampled_from(["", "\x00", "🎉", "x" * 10_000, "a\r\nb", "\u2028"])


def faults(kind: str, **options: st.SearchStrategy[object]) -> st.SearchStrategy[Fault]:
    return st.builds(Fault, st.just(kind), **options)


FAULTS = st.one_of(
    faults(
        "primary_limit",
        seconds=SECONDS,
        remaining=st.sampled_from([0, 17]),
        type=st.sampled_from([None, "RATE_LIMIT"]),
    ),
    faults(
        "secondary_limit",
        status=st.sampled_from([200, 403, 429]),
        retry_after=st.none() | SECONDS,
        headers=st.booleans(),
        text=st.sampled_from(["2022", "2026", "content", "abuse"]),
    ),
    # Cut after the headers, or in the body.
    faults(
        "secondary_limit",
        status=st.sampled_from([200, 403, 429]),
        retry_after=st.none() | SECONDS,
        cut=st.sampled_from([0, 30]),
    ),
    faults("primary_limit", seconds=SECONDS, cut=st.sampled_from([0, 30])),
    faults("not_found", cut=st.just(0)),
    faults("last_point", cut=st.just(0)),
    faults("short_body", cut=st.just(0)),
    faults("server_error", status=st.sampled_from([500, 502, 504])),
    faults("heavy_page", limit=st.sampled_from([3, 7, 20])),
    faults("html_page", status=st.sampled_from([200, 502])),
    faults("api_version", status=st.sampled_from([400, 410])),
    faults("null_node", index=st.integers(0, 3)),
    faults("forbidden_watchers", repository=REPOSITORY),
    faults("saml", repository=REPOSITORY),
    faults("counts", repository=REPOSITORY, value=COUNT, field=FIELD),
    faults("name", repository=REPOSITORY, text=NAMES, field=st.sampled_from([None, "login"])),
    faults("answer", text=st.text(max_size=5), status=st.sampled_from([200, 202, 403, 418, 422])),
    st.sampled_from(
        [
            "timed_out", "redirect_loop", "unauthorized", "not_found", "last_point",
            "resource_limits", "missing_alias", "no_next_page", "content_type", "truncated",
            "short_body", "reset", "disconnect", "connect_error", "timeout",
        ]
    ).map(lambda kind: Fault(FaultKind(kind))),
)  # fmt: skip
MATCHES = st.sampled_from(
    [
        None,
        Match(resource="graphql"),
        Match(resource="core"),
        Match(path="/repositories/"),
        Match(contains="query Look"),
        Match(contains='"after":"'),
        Match(skip=3),
    ]
)
CHANGES = st.tuples(
    st.sampled_from(
        [
            "count", "rename", "rename_account", "recycle", "transfer", "delete", "hide", "show",
            "block", "unblock", "convert", "delete_account", "add", "hide_account", "show_account",
            "show_account",
        ]
    ),
    st.integers(0, 10**6),
)  # fmt: skip

PASSING = st.sampled_from(
    [
        # Later pages alone.
        (Fault(FaultKind.SERVER_ERROR, status=502), Match(contains='"after":"')),
        (Fault(FaultKind.NOT_FOUND), None),
        (Fault(FaultKind.NOT_FOUND), Match(resource="graphql")),
        # The headers arrive, and nothing else.
        (Fault(FaultKind.SECONDARY_LIMIT, status=403, retry_after=20, cut=0), None),
        (Fault(FaultKind.PRIMARY_LIMIT, status=403, seconds=600, cut=0), None),
        (Fault(FaultKind.SERVER_ERROR, status=502, cut=0), None),
        (Fault(FaultKind.SHORT_BODY), None),
        (Fault(FaultKind.CONNECT_ERROR), None),
    ]
)
"""What lasts for a while and passes, with the requests that it strikes."""


@dataclass(frozen=True)
class Trouble:
    """A fault that strikes some or all requests in a part of a day, from minute to minute."""

    fault: Fault
    times: int | None
    match: Match | None
    begins: int
    ends: int


@dataclass(frozen=True)
class Jump:
    """A clock that is wrong in a part of a day."""

    ahead: timedelta
    begins: int
    ends: int


@dataclass(frozen=True)
class Weather:
    """What one day brings: troubles, changes of the world, and whether it ends calm."""

    troubles: list[Trouble]
    changes: list[tuple[str, int]]
    jump: Jump | None
    is_calm: bool


def weather(most_faults: int) -> st.SearchStrategy[Weather]:
    minutes = st.sampled_from([0, 0, 5, 30, 6 * 60, 12 * 60, EVENING - 5])
    trouble = st.builds(
        lambda fault, times, match, begins, lasts: Trouble(
            fault, times, match, begins, begins + lasts
        ),
        FAULTS,
        st.sampled_from([1, 2, 3, 8, None, None]),
        MATCHES,
        minutes,
        st.sampled_from([1, 20, 120, 24 * 60]),
    )
    passing = st.builds(
        lambda fault, begins, lasts: Trouble(fault[0], None, fault[1], begins, begins + lasts),
        PASSING,
        minutes,
        st.sampled_from([20, 120, 24 * 60]),
    )
    jump = st.builds(
        lambda ahead, begins, lasts: Jump(ahead, begins, begins + lasts),
        st.sampled_from(
            [
                timedelta(days=40),
                timedelta(days=1),
                timedelta(days=-1),
                timedelta(hours=9),
                timedelta(hours=-9),
                timedelta(minutes=-20),
            ]
        ),
        minutes,
        st.sampled_from([1, 15, 45]),
    )
    return st.builds(
        Weather,
        troubles=st.lists(trouble | passing, max_size=most_faults),
        changes=st.lists(CHANGES, max_size=4),
        jump=st.none() | st.none() | jump,
        is_calm=st.sampled_from([True, True, True, False]),
    )


@contextmanager
def staged(databases: Databases, servers: Servers) -> Iterator[Stage]:
    """A stage of its own for one example."""
    with databases.fresh() as url, redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
        engine = common.db.make_engine(url, process="test")
        ours = Settings(database_url=SecretStr(url), redis_url=SecretStr(servers.redis_url))
        yield Stage(engine, ours, Clock(engine), client)
        engine.dispose()


def change(stage: Stage, kind: str, number: int) -> None:  # noqa: PLR0912 - a table of cases
    """Change something in the world, if it can be changed."""
    world = stage.world
    accounts = [account for account in world.accounts if account.login != "viewer"]
    hidden = [account for account in accounts if account.hidden]
    if kind == "show_account" and hidden:
        world.hide_account(hidden[number % len(hidden)], hidden=False)
    accounts = [account for account in accounts if not account.hidden]
    repositories = [r for r in world.repositories() if SECRET not in r.name]
    if not accounts or not repositories:
        return
    account: Account = accounts[number % len(accounts)]
    other: Account = accounts[number // 7 % len(accounts)]
    repository: Repository = repositories[number % len(repositories)]
    fresh = f"n{number}-{world.day:%m%d}"
    match kind:
        case "count":
            world.set_counts(repository, stargazers=number, forks=number // 2, watchers=number // 3)
        case "rename" if world.name_is_free(repository.owner, fresh):
            world.rename_repository(repository, fresh)
        case "rename_account" if world.account(fresh) is None:
            world.rename_account(account, fresh)
        case "recycle" if world.account(fresh) is None:
            login = account.login
            world.rename_account(account, fresh)
            world.add_repository(world.add_account(login), "r0", stargazers=666)
        case "transfer" if world.name_is_free(other, repository.name):
            world.transfer(repository, other)
        case "delete":
            world.delete_repository(repository)
        case "hide":
            world.hide_repository(repository)
        case "show":
            world.show_repository(repository)
        case "block":
            world.block_repository(repository, ["dmca", "tos", "unavailable"][number % 3])
        case "unblock":
            world.block_repository(repository, None)
        case "convert":
            world.convert_to_organization(account)
        case "hide_account":
            world.hide_account(account)
        case "delete_account":
            world.delete_account(account)
        case "add" if world.name_is_free(account, fresh):
            world.add_repository(account, fresh, stargazers=number)


def live_through(stage: Stage, day: date, today: Weather) -> None:
    """Let a day pass: its changes first, then sweeps at which troubles come and go."""
    stage.simulator.heal()
    stage.at(day, 0)
    for kind, number in today.changes:
        change(stage, kind, number)
    agenda = sorted(events(stage, today), key=lambda event: event[0])
    expiry = Expiry(stage)
    collector = stage.collector()
    end = datetime.combine(day, time(23, 59), UTC)
    while (now := at_github(stage)) < end:
        while agenda and minute_of(day, agenda[0][0]) <= now:
            agenda.pop(0)[1]()
        expiry.expire()
        stage.sweep(collector)
        later = [minute_of(day, minute) for minute, _ in agenda[:1]] + [end, next_due(stage, day)]
        now = at_github(stage)
        stage.wait(seconds=max((min(later) - now).total_seconds(), STEP.total_seconds()))
    stage.simulator.heal()
    stage.set_clock_wrong(timedelta())


def events(stage: Stage, today: Weather) -> Iterator[tuple[int, Callable[[], object]]]:
    """What happens on a day, by the minute."""
    for trouble in today.troubles:
        ongoing = Ongoing(stage, trouble)
        yield trouble.begins, ongoing.begin
        yield trouble.ends, ongoing.end
    if today.jump is not None:
        ahead = today.jump.ahead
        yield today.jump.begins, lambda: stage.set_clock_wrong(ahead)
        yield today.jump.ends, lambda: stage.set_clock_wrong(timedelta())
    if today.is_calm:
        yield EVENING, stage.simulator.heal
        yield EVENING, lambda: stage.set_clock_wrong(timedelta())


class Ongoing:
    """A trouble between its beginning and its end."""

    def __init__(self, stage: Stage, trouble: Trouble) -> None:
        self._simulator = stage.simulator
        self._trouble = trouble
        self._scripted: Scripted | None = None

    def begin(self) -> None:
        trouble = self._trouble
        self._scripted = self._simulator.fail(trouble.fault, trouble.times, trouble.match)

    def end(self) -> None:
        faults = self._simulator.faults.scripted
        if self._scripted in faults:
            faults.remove(self._scripted)


def at_github(stage: Stage) -> datetime:
    return datetime.fromtimestamp(stage.seconds(), UTC)


def minute_of(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(minutes=minute)


def next_due(stage: Stage, day: date) -> datetime:
    """When a user is due next, by the product's clock; far away if that is on no time today."""
    due = stage.value(
        """
        SELECT min(greatest(not_before, lease_until, now)) FROM users,
            (SELECT repopulse_now() AS now) AS clock
        WHERE scanned_on IS DISTINCT FROM :day OR isfinite(not_before)
        """,
        day=day,
    )
    return due if isinstance(due, datetime) else datetime.max.replace(tzinfo=UTC)


KEPT = {"*:refused": REFUSAL_SECONDS, "*:watchers_closed": RETRY_AFTER}
"""Keys of Redis that expire, and after how many seconds."""


class Expiry:
    """Let keys of Redis expire by the time of the test, which Redis' own clock does not know."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._since: dict[bytes, float] = {}

    def expire(self) -> None:
        now = self._stage.seconds()
        for pattern, seconds in KEPT.items():
            for key in self._stage.redis.scan_iter(pattern):
                if now >= self._since.setdefault(key, now) + seconds:
                    self._stage.redis.delete(key)
                    del self._since[key]


def check(
    stage: Stage, days: dict[date, dict[int, Truth]], followed: set[int], calm: set[date]
) -> None:
    """Compare what is stored with what was true."""
    with stage.engine.begin() as connection:
        stored = {
            (day, repository_id): Truth(*row)
            for day, repository_id, *row in connection.execute(
                text("SELECT date, repo_id, user_id, stargazers, forks, watchers FROM daily_stats")
            )
        }
        records = {
            (user_id, day): (state, reason)
            for user_id, day, state, reason in connection.execute(
                text("SELECT user_id, day, state, reason FROM scans")
            )
        }
    truth = {(day, id_): row for day, rows in days.items() for id_, row in rows.items()}
    wrong = {key: (row, truth.get(key)) for key, row in stored.items() if truth.get(key) != row}
    assert wrong == {}
    missing = {key for key, row in truth.items() if row.owner_id in followed} - stored.keys()
    unexplained = [
        (day, id_, truth[day, id_].owner_id)
        for day, id_ in missing
        if not is_explained(records, truth[day, id_].owner_id, day)
    ]
    assert unexplained == []
    # On a calm day six hours were enough, whatever had happened before.
    lost = [
        (day, truth[day, id_].owner_id, records.get((truth[day, id_].owner_id, day)))
        for day, id_ in missing
        if day in calm
    ]
    assert lost == []
    assert stage.mentions(SECRET) == []
    assert stage.simulator.violations == []


def is_explained(
    records: dict[tuple[int, date], tuple[str, str | None]], user_id: int, day: date
) -> bool:
    """Whether a record says why a user's rows are missing on a day."""
    _, reason = records.get((user_id, day), ("none", None))
    return reason is not None


def run(stage: Stage, users: int, days: list[Weather]) -> None:
    accounts = [stage.viewer]
    accounts += [stage.world.add_account(f"u{number}") for number in range(1, users)]
    for number, account in enumerate(accounts):
        for index in range(1 + number % 5 * (3 if number % 4 == 0 else 1)):
            stage.world.add_repository(
                account, f"r{index}", stargazers=number + index, forks=index, watchers=number
            )
        if number == 1:
            # So many that they need two pages.
            for index in range(100):
                stage.world.add_repository(account, f"p{index}", stargazers=index)
        stage.world.add_repository(account, f"{SECRET}-{number}", private=True, stargazers=1)
        stage.follow(account)
    truth, calm = {}, set()
    for ahead, today in enumerate(days):
        day = TODAY + timedelta(days=ahead)
        live_through(stage, day, today)
        truth[day] = stage.world.truth(day)
        if today.is_calm:
            calm.add(day)
    stage.at(TODAY + timedelta(days=len(days)))
    stage.simulator.heal()
    with stage.engine.begin() as connection:
        common.scan_records.close_past(connection)
    check(stage, truth, {account.id for account in accounts}, calm)


RELAXED = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@settings(RELAXED, max_examples=50)
@given(days=st.lists(weather(3), min_size=1, max_size=4))
def test_a_few_days_of_a_few_users(
    databases: Databases, servers: Servers, days: list[Weather]
) -> None:
    with staged(databases, servers) as stage:
        run(stage, 4, days)


@settings(RELAXED, max_examples=3)
@given(days=st.lists(weather(4), min_size=30, max_size=30))
def test_thirty_days_of_twenty_users(
    databases: Databases, servers: Servers, days: list[Weather]
) -> None:
    with staged(databases, servers) as stage:
        run(stage, 20, days)
