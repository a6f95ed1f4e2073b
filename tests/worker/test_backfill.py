"""Reading the star histories of repositories, page by page."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Row, text

from common import backfills, star_gains
from common.users import TrackedUser
from simulator import Account
from simulator.entities import Repository
from simulator.star_log import StarLog
from tests.worker.stage import TODAY, TOKEN, Stage
from worker.backfill import Reading

DAY = timedelta(days=1)
FIRST = date(2023, 6, 1)


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A stage whose settings have the token too."""
    stage.settings = stage.settings.model_copy(update={"github_token": SecretStr(TOKEN)})
    return stage


@pytest.fixture
def account(stage: Stage) -> Account:
    return stage.world.add_account("octocat")


def at(stage: Stage, moment: datetime) -> None:
    """Let it be that time everywhere."""
    stage.clock.set(moment)
    stage.world.set_time(moment.time())
    stage.world.day = moment.date()


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def scan(stage: Stage, user: TrackedUser) -> None:
    stage.collector().scan(user.id, is_load=True)


def gains(stage: Stage, repository: Repository) -> dict[date, tuple[int, int]]:
    """First and last reading of the days that had stars at one of them."""
    with stage.engine.begin() as connection:
        rows = connection.execute(
            text("SELECT day, gained_first, gained_last FROM star_gains WHERE repo_id = :id"),
            {"id": repository.id},
        )
        return {day: (first, last) for day, first, last in rows if first or last}


def row(stage: Stage, repository: Repository) -> Row[tuple[object, ...]]:
    with stage.engine.begin() as connection:
        return connection.execute(
            text("SELECT * FROM backfills WHERE repo_id = :id"), {"id": repository.id}
        ).one()


def ended(log: StarLog, moment: datetime) -> dict[date, int]:
    """The stars that are held, by the days that have ended."""
    last = star_gains.last_ended_day(moment)
    return {day: gained for day, gained in log.gained(moment).items() if day <= last}


def read(stage: Stage) -> list[Reading]:
    """Read what is due until nothing is."""
    backfiller = stage.backfiller()
    found = []
    while claimed := claim(stage):
        found += [backfiller.read(repo_id) for repo_id in claimed]
    return found


def claim(stage: Stage) -> list[int]:
    with stage.engine.begin() as connection:
        return backfills.claim(connection, most=1, lease=stage.settings.load_lease)


def look(stage: Stage) -> tuple[int, int]:
    with stage.engine.begin() as connection:
        return backfills.add_due(connection, star_gains.last_ended_day(stage.clock.now()))


def history_requests(stage: Stage) -> list[str]:
    return [
        request.path
        for request in stage.simulator.requests
        if request.path.split("?")[0].endswith("/history")
    ]


@pytest.fixture
def stars() -> StarLog:
    return StarLog.random(7, FIRST, TODAY + 60 * DAY, a_day=2)


def test_a_load_has_the_whole_history_read_with_one_request_a_page(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    at(stage, noon(TODAY))
    repository = stage.world.add_repository(account, "r", stars=stars, created_at=noon(FIRST))
    scan(stage, stage.follow(account))

    readings = read(stage)

    assert gains(stage, repository) == {
        day: (gained, gained) for day, gained in ended(stars, noon(TODAY)).items()
    }
    weeks = (TODAY - FIRST).days // 7 + 2
    pages = -(-weeks // 30)
    assert [reading.pages for reading in readings] == [pages]
    assert len(history_requests(stage)) == pages
    found = row(stage, repository)
    assert (found.state, found.read_through) == ("done", TODAY - DAY)
    assert FIRST - 7 * DAY < found.read_from <= FIRST
    assert found.stargazers == stars.held_at(noon(TODAY))
    assert stage.simulator.violations == []
