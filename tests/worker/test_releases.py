"""The releases of repositories: read once a day after its scans, stored as GitHub shows them."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from celery import Celery
from pydantic import SecretStr
from sqlalchemy import text

from common import broker
from common.broker import Queue, Task
from common.settings import ReleaseMode
from simulator import Account, Fault, FaultKind, Match
from simulator.entities import Repository
from simulator.releases import draft, published
from tests.api.fake_worker import sent
from tests.worker.stage import TODAY, TOKEN, Stage
from worker import tasks
from worker.fan_out import fan_out
from worker.github import releases as github_releases
from worker.process import Process, open_process
from worker.releases import read_releases

NOON = datetime.combine(TODAY, time(12), UTC)
DAY = timedelta(days=1)


@pytest.fixture
def process(stage: Stage) -> Process:
    """The resources of a worker that reads releases; GitHub is the stage's."""
    return make_process(stage)


def make_process(stage: Stage, **changes: object) -> Process:
    stage.settings = stage.settings.model_copy(
        update={"github_token": SecretStr(TOKEN), "releases": ReleaseMode.ON, **changes}
    )
    return Process(
        stage.settings,
        stage.engine,
        stage.redis,
        stage.github(),
        stage.collector(),
        stage.resolver(),
        importer=open_process(stage.settings).importer,
        backfiller=stage.backfiller(),
    )


@pytest.fixture
def app(process: Process) -> Iterator[Celery]:
    with broker.make_celery(process.settings) as made:
        tasks.register(made, lambda: process)
        yield made


@pytest.fixture
def account(stage: Stage) -> Account:
    return stage.world.add_account("octocat")


@pytest.fixture
def repository(stage: Stage, account: Account) -> Repository:
    return stage.world.add_repository(account, "hello")


def scan(stage: Stage, account: Account) -> None:
    user = stage.follow(account)
    stage.at(TODAY)
    stage.collector().scan(user.id, is_load=True)


def stored(stage: Stage) -> list[tuple[object, ...]]:
    with stage.engine.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT tag, title, published_at, is_prerelease FROM releases ORDER BY repo_id, id"
            )
        )
        return [tuple(row) for row in rows]


def requests(stage: Stage) -> int:
    return sum("query Releases" in (request.query or "") for request in stage.simulator.requests)


def test_releases_are_stored_and_drafts_are_not(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    repository.releases += [
        published("v1", NOON - DAY, "One\n <b>&"),
        published("v2-rc1", NOON, is_prerelease=True),
        draft("v3", NOON),
    ]
    scan(stage, account)

    outcome = read_releases(process)

    assert (outcome.summary, outcome.is_done) == ("done: 1 repository", True)
    assert stored(stage) == [
        ("v1", "One <b>&", NOON - DAY, False),
        ("v2-rc1", None, NOON, True),
    ]


def test_releases_are_read_once_a_day(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    scan(stage, account)
    read_releases(process)
    repository.releases.append(published("v1", NOON))

    assert read_releases(process).summary == "done: 0 repositories"
    assert stored(stage) == []

    stage.next_day()
    assert read_releases(process).summary == "done: 0 repositories"
    stage.sweep(stage.collector())
    read_releases(process)
    assert [row[0] for row in stored(stage)] == ["v1"]


def test_a_release_that_is_renamed_or_deleted_follows(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    first, second = published("v1", NOON - DAY), published("v2", NOON, "Two")
    repository.releases += [first, second]
    scan(stage, account)
    read_releases(process)

    repository.releases[:] = [
        type(second)(second.id, "v2.0", "Two dot", NOON, NOON, is_prerelease=False)
    ]
    stage.next_day()
    stage.sweep(stage.collector())
    read_releases(process)

    assert stored(stage) == [("v2.0", "Two dot", NOON, False)]


def test_older_releases_than_the_newest_thirty_stay(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    repository.releases += [published(f"v{n}", NOON - (40 - n) * DAY) for n in range(35)]
    scan(stage, account)
    read_releases(process)
    assert [row[0] for row in stored(stage)] == [f"v{n}" for n in range(5, 35)]

    stage.next_day()
    repository.releases.append(published("v35", NOON))
    stage.sweep(stage.collector())
    read_releases(process)
    assert [row[0] for row in stored(stage)] == [f"v{n}" for n in range(5, 36)]


def test_fifty_repositories_are_read_at_once(
    stage: Stage, process: Process, account: Account
) -> None:
    for number in range(60):
        repository = stage.world.add_repository(account, f"r{number}")
        repository.releases.append(published(f"v{number}", NOON))
    scan(stage, account)
    stage.simulator.reset_records()

    assert read_releases(process).summary == "done: 60 repositories"

    assert len(stored(stage)) == 60
    queries = [each for each in stage.simulator.requests if each.path == "/graphql"]
    assert len(queries) == 2
    assert [each.cost for each in queries] == [1, 1]


def test_a_repository_that_became_private_keeps_what_was_public(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    repository.releases.append(published("v1", NOON))
    scan(stage, account)
    read_releases(process)

    stage.next_day()
    stage.sweep(stage.collector())
    # After the scan; the token belongs to a collaborator, who sees it still.
    repository.collaborators.add(stage.viewer.id)
    stage.world.hide_repository(repository)
    repository.releases.append(published("secret", NOON + DAY))
    read_releases(process)

    assert [row[0] for row in stored(stage)] == ["v1"]


def test_a_failure_ends_the_task_and_after_three_the_day(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    repository.releases.append(published("v1", NOON))
    scan(stage, account)
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None, match=Match(path="/graphql"))

    for _ in range(3):
        outcome = read_releases(process)
        assert outcome.is_failure
        assert not outcome.is_done
    stage.simulator.heal()

    assert read_releases(process).summary == "done: 0 repositories"
    stage.next_day()
    stage.sweep(stage.collector())
    assert read_releases(process).summary == "done: 1 repository"
    assert [row[0] for row in stored(stage)] == ["v1"]


def test_scans_go_first(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    scan(stage, account)
    stage.redis.rpush(Queue.SCAN, "a message")

    assert read_releases(process).summary == (
        "0 repositories, to be continued: scans and loads go first"
    )


def test_a_repository_that_is_deleted_meanwhile_is_left_out(
    stage: Stage, process: Process, account: Account, repository: Repository
) -> None:
    repository.releases.append(published("v1", NOON))
    scan(stage, account)

    def delete(_request: object) -> None:
        stage.hook = None
        with stage.engine.begin() as connection:
            connection.execute(text("DELETE FROM daily_stats"))
            connection.execute(text("DELETE FROM ownerships"))
            connection.execute(text("DELETE FROM repositories"))

    stage.hook = delete
    assert read_releases(process).is_done
    assert stored(stage) == []


def background(stage: Stage) -> list[tuple[str, list[object]]]:
    return [
        message
        for message in sent(stage.settings.redis, Queue.BACKGROUND)
        if message[0] == Task.READ_RELEASES
    ]


def test_the_task_is_sent_once_after_the_scans_of_the_day(
    stage: Stage, app: Celery, process: Process, account: Account, repository: Repository
) -> None:
    user = stage.follow(account)
    stage.at(TODAY)
    fan_out(app, process)
    assert background(stage) == []
    stage.redis.delete(Queue.LOAD, Queue.SCAN)
    stage.collector().scan(user.id, is_load=True)

    fan_out(app, process)
    assert background(stage) == [(Task.READ_RELEASES, [TODAY.isoformat()])]
    # While it waits or is at work, none follows.
    stage.redis.delete(Queue.BACKGROUND)
    fan_out(app, process)
    assert background(stage) == []

    # One that ended early is followed by another; after the last repository none follows.
    stage.redis.rpush(Queue.SCAN, "a message")
    read_releases(process)
    stage.redis.delete(Queue.SCAN)
    fan_out(app, process)
    assert len(background(stage)) == 1
    stage.redis.delete(Queue.BACKGROUND)
    assert read_releases(process).is_done
    fan_out(app, process)
    assert background(stage) == []


@pytest.mark.parametrize("change", [{"releases": ReleaseMode.OFF}, {"github_token": None}])
def test_nothing_is_sent_where_releases_are_not_wanted(
    stage: Stage, account: Account, change: dict[str, object]
) -> None:
    scan(stage, account)
    process = make_process(stage, **change)
    with broker.make_celery(process.settings) as app:
        fan_out(app, process)
        assert background(stage) == []


def test_what_is_no_release_is_left_out() -> None:
    node = {
        "databaseId": 5,
        "tagName": "v1\u2028x",
        "name": "",
        "isDraft": False,
        "isPrerelease": False,
        "publishedAt": "2026-11-01T00:00:00Z",
    }
    wrong = [
        None,
        {**node, "isDraft": True},
        {**node, "isDraft": None},
        {**node, "databaseId": None},
        {**node, "databaseId": "5"},
        {**node, "publishedAt": None},
        {**node, "publishedAt": "yesterday"},
        {**node, "publishedAt": "2026-11-01T00:00:00"},
        {**node, "tagName": None},
    ]
    item = {"id": "R_1", "isPrivate": False, "releases": {"nodes": [node, *wrong]}}

    found = github_releases.read_list(item, "R_1")

    assert found is not None
    assert [(each.id, each.tag, each.title) for each in found.releases] == [(5, "v1 x", None)]
    assert not found.is_whole
    for other in (
        None,
        {**item, "isPrivate": True},
        {**item, "id": "R_2"},
        {**item, "releases": {}},
    ):
        assert github_releases.read_list(other, "R_1") is None
