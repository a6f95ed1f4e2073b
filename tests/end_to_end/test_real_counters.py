"""Fifteen days of real counters: the rows are exactly those of the file."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from common.broker import Task, make_celery, send
from common.settings import Settings
from simulator import GitHubSimulator, World, serving
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running
from tests.waiting import wait_until

COUNTERS = Path(__file__).parents[3] / "shared" / "data" / "popularity.csv.gz"
FIRST_DAY = date(2025, 2, 25)
DAYS = 15
OWNERS = 100

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(
        not COUNTERS.exists(),
        reason="the file of real counters is not part of the project and is not on this machine",
    ),
]

Row = tuple[int, date, int, int, int, int]


def truth(world: World, owners: set[int], day: date) -> set[Row]:
    return {
        (repo_id, day, owner_id, stargazers, forks, watchers)
        for repo_id, (owner_id, stargazers, forks, watchers) in world.truth(day).items()
        if owner_id in owners
    }


def stored(engine: Engine) -> set[Row]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT repo_id, date, user_id, stargazers, forks, watchers FROM daily_stats")
        )
        return {(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows}


def test_the_rows_of_a_hundred_owners_over_fifteen_days_equal_the_file(
    make_system: MakeSystem, engine: Engine, clock: Clock, settings: Settings
) -> None:
    clock.set(FIRST_DAY)
    world = World.recorded(COUNTERS, day=FIRST_DAY)
    most = sorted({owner for owner, *_ in world.truth(FIRST_DAY).values()})[:OWNERS]
    logins = [account.login for account in world.accounts if account.id in set(most)]
    expected: set[Row] = set()
    with (
        serving(GitHubSimulator(world, tokens={"token": None})) as github,
        running(
            make_system(GITHUB_API_URL=github, GITHUB_CONCURRENCY="4", LOOKUP_WAIT="20"),
            "api",
            "worker",
        ) as system,
        ThreadPoolExecutor(4) as pool,
    ):

        def is_scanned() -> bool:
            with engine.connect() as connection:
                count = connection.execute(
                    text("SELECT count(*) FROM users WHERE scanned_on = :day"), {"day": world.day}
                ).scalar_one()
                return bool(count == OWNERS)

        answers = list(
            pool.map(lambda login: system.call("PUT", "/v1/users", json={"login": login}), logins)
        )
        owners = {answer.json()["id"] for answer in answers}
        for number in range(DAYS):
            day = FIRST_DAY + timedelta(days=number)
            if number > 0:
                world.day = day
                clock.set(day)
                assert send(make_celery(settings), Task.FAN_OUT)
            wait_until(is_scanned, 60)
            expected |= truth(world, owners, day)

    assert {answer.status_code for answer in answers} == {201}
    assert owners == set(most)
    assert len(expected) >= OWNERS * DAYS
    assert stored(engine) == expected
