"""Whatever GitHub answers, in whatever order: each stored row is true, each gap explained."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

import common.db
import common.scans
from common.settings import Settings
from simulator import Account, Fault, FaultKind, Match, Repository
from simulator.entities import Truth
from tests.clock import Clock
from tests.servers import Databases, Servers
from tests.worker.stage import TODAY, Stage

# All examples of a test together.
pytestmark = pytest.mark.timeout(600)

MOST_SWEEPS = 8
"""A day; what is not settled by then is taken up on the next one."""

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
            "block", "unblock", "convert", "delete_account", "add",
        ]
    ),
    st.integers(0, 10**6),
)  # fmt: skip


@dataclass(frozen=True)
class Weather:
    """What one day brings: faults that strike some or all requests, and changes of the world."""

    faults: list[tuple[Fault, int | None, Match | None]]
    changes: list[tuple[str, int]]


def weather(most_faults: int) -> st.SearchStrategy[Weather]:
    times = st.sampled_from([1, 1, 2, 3, 8, None])
    return st.builds(
        Weather,
        faults=st.lists(st.tuples(FAULTS, times, MATCHES), max_size=most_faults),
        changes=st.lists(CHANGES, max_size=4),
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
        case "delete_account":
            world.delete_account(account)
        case "add" if world.name_is_free(account, fresh):
            world.add_repository(account, fresh, stargazers=number)


def live_through(stage: Stage, day: date, today: Weather) -> None:
    """Let a day pass: its changes first, then sweeps until nothing is due any more."""
    # Hours have passed, which Redis' own clock does not know.
    for pattern in ("*:refused", "*:watchers_closed"):
        for key in stage.redis.scan_iter(pattern):
            stage.redis.delete(key)
    stage.simulator.heal()
    stage.at(day, 0, 10)
    for kind, number in today.changes:
        change(stage, kind, number)
    for fault, times, match in today.faults:
        stage.simulator.fail(fault, times, match)
    collector = stage.collector()
    for _ in range(MOST_SWEEPS):
        stage.sweep(collector)
        due = stage.value(
            """
            SELECT min(greatest(not_before, lease_until)) FROM users
            WHERE (scanned_on IS NULL OR scanned_on < :day) AND not_before < CAST(:day AS date) + 1
            """,
            day=day,
        )
        if not isinstance(due, datetime) or due.date() > day:
            return
        stage.wait(seconds=max((due - stage.clock.now()).total_seconds(), 1))


def check(stage: Stage, days: dict[date, dict[int, Truth]], followed: set[int]) -> None:
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
        stage.world.add_repository(account, f"{SECRET}-{number}", private=True, stargazers=1)
        stage.follow(account)
    truth = {}
    for ahead, today in enumerate(days):
        day = TODAY + timedelta(days=ahead)
        live_through(stage, day, today)
        truth[day] = stage.world.truth(day)
    stage.at(TODAY + timedelta(days=len(days)))
    stage.simulator.heal()
    with stage.engine.begin() as connection:
        common.scan_records.close_past(connection)
    check(stage, truth, {account.id for account in accounts})


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
