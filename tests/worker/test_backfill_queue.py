"""Which star history is read next, and when none is."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from celery import Celery
from pydantic import SecretStr
from sqlalchemy import text

from common import backfills, broker, scans
from common.broker import Queue, Task
from common.repositories import Counts
from common.settings import BackfillMode
from tests import factories
from tests.api.fake_worker import sent
from tests.worker.stage import TODAY, TOKEN, Stage
from worker import backfill_queue, tasks
from worker.backfill_queue import send_next
from worker.fan_out import fan_out
from worker.process import Process, open_process

SCANNED = date(2026, 11, 22)


@pytest.fixture
def process(stage: Stage) -> Process:
    """The resources of a worker with a token; GitHub is the stage's."""
    stage.settings = stage.settings.model_copy(update={"github_token": SecretStr(TOKEN)})
    return make_process(stage)


def make_process(stage: Stage, **changes: object) -> Process:
    return Process(
        stage.settings.model_copy(update=changes),
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


def background(stage: Stage) -> list[tuple[str, list[object]]]:
    return sent(stage.settings.redis, Queue.BACKGROUND)


def add_repositories(stage: Stage, number: int, *, is_scanned: bool = True) -> list[int]:
    """Repositories with stars of a user, with rows of today and, so far, no readings."""
    with stage.engine.begin() as connection:
        user = factories.add_user(connection)
        added = [factories.add_repository(connection, user) for _ in range(number)]
        for repository in added:
            factories.add_rows(connection, user, repository, {TODAY: Counts(9, 1, 1)})
        if is_scanned:
            factories.add_scan(connection, user, TODAY)
    return [repository.id for repository in added]


def request(stage: Stage, repo_ids: list[int]) -> None:
    with stage.engine.begin() as connection:
        backfills.add(connection, repo_ids)


def free(stage: Stage) -> None:
    """Give all readings back, as if their tasks had ended."""
    stage.redis.delete(Queue.BACKGROUND)
    with stage.engine.begin() as connection:
        connection.execute(text("UPDATE backfills SET lease_until = '-infinity'"))


def test_an_idle_sweep_finds_repositories_and_sends_one(
    stage: Stage, app: Celery, process: Process
) -> None:
    repo_ids = add_repositories(stage, 3)

    assert str(fan_out(app, process)) == "nothing due"

    assert background(stage) == [(Task.BACKFILL_REPOSITORY, [repo_ids[0]])]
    assert stage.value("SELECT count(*) FROM backfills") == 3
    # Until it ends, nothing more is sent, whether it waits or is at work.
    fan_out(app, process)
    stage.redis.delete(Queue.BACKGROUND)
    fan_out(app, process)
    assert background(stage) == []
    stage.clock.advance(timedelta(seconds=process.settings.load_lease + 1))
    fan_out(app, process)
    assert [arguments for _, arguments in background(stage)] == [[repo_ids[1]]]


def test_a_message_that_waits_longer_than_its_lease_is_not_sent_again(
    stage: Stage, app: Celery, process: Process
) -> None:
    add_repositories(stage, 3)
    fan_out(app, process)

    stage.clock.advance(timedelta(hours=3))
    fan_out(app, process)

    assert len(background(stage)) == 1


def test_a_sweep_that_finds_users_sends_no_reading(
    stage: Stage, app: Celery, process: Process
) -> None:
    request(stage, add_repositories(stage, 2))
    add_repositories(stage, 1, is_scanned=False)

    assert fan_out(app, process).sent == 1

    assert background(stage) == []


@pytest.mark.parametrize("queue", [Queue.LOAD, Queue.SCAN])
def test_no_reading_is_sent_while_a_scan_or_load_waits(
    stage: Stage, app: Celery, process: Process, queue: Queue
) -> None:
    request(stage, add_repositories(stage, 2))
    stage.redis.rpush(queue, "a message")

    assert send_next(app, process) == 0
    stage.redis.delete(queue)
    assert send_next(app, process) == 1


def test_no_reading_follows_while_users_are_left_in_the_table(
    stage: Stage, process: Process
) -> None:
    crowded = make_process(stage, high_water=1)
    request(stage, add_repositories(stage, 1))
    add_repositories(stage, 1, is_scanned=False)
    add_repositories(stage, 1, is_scanned=False)
    with broker.make_celery(crowded.settings) as app:
        assert fan_out(app, crowded).sent == 1
        stage.redis.delete(Queue.LOAD)

        assert send_next(app, crowded) == 0


@pytest.mark.parametrize(
    "changes", [{"backfill": BackfillMode.OFF}, {"github_token": None}], ids=["off", "no-token"]
)
def test_without_leave_nothing_is_looked_for(stage: Stage, changes: dict[str, object]) -> None:
    stage.settings = stage.settings.model_copy(update={"github_token": SecretStr(TOKEN)})
    process = make_process(stage, **changes)
    request(stage, add_repositories(stage, 1))
    add_repositories(stage, 1)
    with broker.make_celery(process.settings) as app:
        fan_out(app, process)

    assert background(stage) == []
    assert stage.value("SELECT count(*) FROM backfills") == 1


def test_each_task_sends_the_next(stage: Stage, app: Celery, process: Process) -> None:
    account = stage.world.add_account("octocat")
    repositories = [
        stage.world.add_repository(account, f"r{number}", stargazers=5) for number in range(3)
    ]
    user = stage.follow(account)
    stage.collector().scan(user.id, is_load=True)
    fan_out(app, process)
    done = []

    while waiting := background(stage):
        stage.redis.delete(Queue.BACKGROUND)
        ((name, arguments),) = waiting
        result = app.tasks[name].apply(arguments, throw=True).result
        done.append((arguments[0], result.partition(",")[0]))

    pages = -(-((TODAY - date(2019, 3, 1)).days // 7 + 2) // 30)
    assert done == [(repository.id, f"done: {pages} pages") for repository in repositories]


def test_new_days_come_before_whole_histories_and_failures_last(
    stage: Stage, app: Celery, process: Process
) -> None:
    first, second, third = add_repositories(stage, 3)
    request(stage, [first, second, third])
    with stage.engine.begin() as connection:
        connection.execute(text(f"UPDATE backfills SET attempts = 1 WHERE repo_id = {first}"))
        connection.execute(text(f"UPDATE backfills SET is_whole = false WHERE repo_id = {third}"))
    order = []
    for _ in range(3):
        send_next(app, process)
        ((_, (repo_id,)),) = background(stage)
        order.append(repo_id)
        free(stage)

    # Each claim counts as an attempt: the reading of new days stays first all the same.
    assert order == [third] * 3
    with stage.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM backfills WHERE repo_id = {third}"))
    send_next(app, process)
    assert [arguments for _, arguments in background(stage)] == [[second]]


def test_twenty_thousand_that_wait_change_nothing_for_scans(
    stage: Stage, app: Celery, process: Process
) -> None:
    (model,) = add_repositories(stage, 1)
    with stage.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO repositories"
                " (id, user_id, name, is_fork, is_archived, first_seen_on, listed_on)"
                " SELECT id + number, user_id, name, false, false, first_seen_on, listed_on"
                " FROM repositories, generate_series(1, 20000) AS number"
            )
        )
        connection.execute(text("INSERT INTO backfills (repo_id) SELECT id FROM repositories"))
        due = [factories.add_user(connection) for _ in range(3)]

    assert fan_out(app, process).sent == 3

    assert background(stage) == []
    loads = sent(stage.settings.redis, Queue.LOAD)
    assert sorted(arguments[0] for _, arguments in loads) == sorted(user.id for user in due)
    stage.redis.delete(Queue.LOAD)
    with stage.engine.begin() as connection:
        for user in due:
            scans.begin(connection, user.id, holder="a task", lease=600)
    assert [send_next(app, process) for _ in range(3)] == [1, 0, 0]
    assert background(stage) == [(Task.BACKFILL_REPOSITORY, [model])]


def test_a_sweep_looks_at_some_repositories_and_the_next_at_those_after_them(
    stage: Stage, process: Process
) -> None:
    repo_ids = add_repositories(stage, 5)
    found = []
    after: int | None = 0
    while after is not None:
        with stage.engine.begin() as connection:
            due = backfills.add_due(connection, SCANNED, after=after, limit=2)
        found.append(due.new)
        after = due.upto

    assert found == [2, 2, 1]
    rows = stage.value("SELECT array_agg(repo_id ORDER BY repo_id) FROM backfills")
    assert rows == repo_ids


def test_sweeps_go_round_all_repositories(
    stage: Stage, app: Celery, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill_queue, "_LOOK_AT", 2)
    add_repositories(stage, 5)
    known = []
    for _ in range(4):
        fan_out(app, process)
        known.append(stage.value("SELECT count(*) FROM backfills"))
    assert known == [2, 4, 5, 5]
    add_repositories(stage, 1)

    for _ in range(3):
        fan_out(app, process)

    assert stage.value("SELECT count(*) FROM backfills") == 6
