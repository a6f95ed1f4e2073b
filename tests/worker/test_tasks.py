import base64
import json
import re
import time as real_time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
import redis
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from pydantic import SecretStr
from sqlalchemy import text

from api.queries import scan_days
from common import broker, collection, imports, installation, lookups, redis_claim, users
from common.broker import Queue, Task
from common.imports import ImportFormat
from common.log import current_context
from common.redis_client import make_redis
from common.settings import Settings
from common.states import ImportState
from common.users import TrackedUser
from local.ports import free_port
from simulator import Fault, FaultKind
from tests.factories import ONE_DAY, add_scan, add_user
from tests.worker.stage import TODAY, Stage
from worker import tasks
from worker.fan_out import fan_out
from worker.imports.importer import Importer
from worker.process import Process, open_process
from worker.tasks import TaskFailed


@pytest.fixture
def app(settings: Settings) -> Celery:
    return broker.make_celery(settings)


@pytest.fixture
def process(stage: Stage) -> Process:
    return make_process(stage)


def make_process(stage: Stage, **changes: object) -> Process:
    return Process(
        stage.settings.model_copy(update=changes),
        stage.engine,
        stage.redis,
        stage.github(),
        stage.collector(),
        stage.resolver(),
        Importer(stage.engine, stage.settings),
        stage.backfiller(),
    )


@pytest.fixture
def tasked(app: Celery, process: Process) -> Celery:
    """An app that has the tasks."""
    tasks.register(app, lambda: process)
    return app


@pytest.fixture
def mute(stage: Stage) -> Celery:
    """An app whose broker does not answer."""
    return broker.make_celery(
        stage.settings.model_copy(
            update={"redis_url": SecretStr(f"redis://127.0.0.1:{free_port()}/0")}
        )
    )


def messages(client: "redis.Redis", queue: Queue) -> list[tuple[str, list[object]]]:
    """Task and arguments of the messages that wait in a queue, oldest first."""
    found = []
    for raw in reversed(client.lrange(queue, 0, -1)):
        message = json.loads(raw)
        arguments, _, _ = json.loads(base64.b64decode(message["body"]))
        found.append((message["headers"]["task"], arguments))
    return found


def clear(client: "redis.Redis") -> None:
    client.delete(*Queue)


def follow(stage: Stage, number: int = 1, *, scanned: bool = True) -> list[TrackedUser]:
    """Users who are due: scanned yesterday, or never."""
    followed = []
    with stage.engine.begin() as connection:
        for _ in range(number):
            user = add_user(connection)
            if scanned:
                add_scan(connection, user, TODAY - ONE_DAY)
            followed.append(user)
    return followed


def ids(followed: list[TrackedUser]) -> list[int]:
    return [user.id for user in followed]


def work(stage: Stage, app: Celery, queue: Queue) -> int:
    """Do the work of all messages that wait in a queue; return how many there were."""
    waiting = messages(stage.redis, queue)
    stage.redis.delete(queue)
    for name, arguments in waiting:
        app.tasks[name].apply(arguments, throw=True)
    return len(waiting)


# Sending


def test_a_user_who_was_never_scanned_gets_a_load(
    stage: Stage, app: Celery, process: Process
) -> None:
    (user,) = follow(stage, scanned=False)

    assert fan_out(app, process).sent == 1

    assert messages(stage.redis, Queue.LOAD) == [(Task.LOAD_USER, [user.id])]
    assert messages(stage.redis, Queue.SCAN) == []


def test_a_user_who_is_due_gets_a_scan_of_today(
    stage: Stage, app: Celery, process: Process
) -> None:
    (user,) = follow(stage)

    assert fan_out(app, process).sent == 1

    assert messages(stage.redis, Queue.SCAN) == [(Task.SCAN_USER, [user.id, "2026-11-23"])]
    assert messages(stage.redis, Queue.LOAD) == []


def test_arguments_are_ids_and_days_alone(stage: Stage, app: Celery, process: Process) -> None:
    follow(stage, 2)
    follow(stage, 2, scanned=False)
    with stage.engine.begin() as connection:
        lookups.get_or_create(connection, "octocat")
    fan_out(app, process)

    arguments = [
        argument for queue in Queue for _, sent in messages(stage.redis, queue) for argument in sent
    ]
    assert len(arguments) == 7
    assert all(
        isinstance(one, int) or re.fullmatch(r"\d{4}-\d\d-\d\d", str(one)) for one in arguments
    )


def test_twice_in_a_row_sends_nothing_new(stage: Stage, app: Celery, process: Process) -> None:
    follow(stage, 3)
    with stage.engine.begin() as connection:
        lookups.get_or_create(connection, "octocat")

    assert fan_out(app, process).sent == 4
    assert fan_out(app, process).sent == 0
    assert broker.queue_lengths(stage.redis).work_queued == 4


def test_pending_logins_go_first(stage: Stage, app: Celery) -> None:
    follow(stage, 5)
    with stage.engine.begin() as connection:
        asked = [lookups.get_or_create(connection, login)[0].id for login in ("one", "two")]

    assert fan_out(app, make_process(stage, high_water=2)).sent == 2

    assert sorted(messages(stage.redis, Queue.LOAD)) == [
        (Task.RESOLVE_LOGIN, [lookup_id]) for lookup_id in asked
    ]
    assert messages(stage.redis, Queue.SCAN) == []


def test_no_more_is_queued_than_the_high_water(stage: Stage, app: Celery) -> None:
    follow(stage, 7)
    process = make_process(stage, high_water=3)

    assert fan_out(app, process).sent == 3
    assert fan_out(app, process).sent == 0
    assert broker.queue_lengths(stage.redis).work_queued == 3


def test_what_finds_no_room_is_sent_when_there_is_some(stage: Stage, app: Celery) -> None:
    everyone = follow(stage, 7)
    process = make_process(stage, high_water=3)
    sent: list[object] = []
    for _ in range(4):
        fan_out(app, process)
        sent += [arguments[0] for _, arguments in messages(stage.redis, Queue.SCAN)]
        clear(stage.redis)

    assert sorted(sent, key=str) == ids(everyone)


def test_nobody_is_claimed_for_whom_there_is_no_room(stage: Stage, app: Celery) -> None:
    follow(stage, 7)

    fan_out(app, make_process(stage, high_water=3))

    assert stage.value("SELECT count(*) FROM users WHERE lease_until > repopulse_now()") == 3


def test_two_sweeps_send_each_user_once(stage: Stage, app: Celery, process: Process) -> None:
    everyone = follow(stage, 6)
    small = make_process(stage, high_water=4)

    assert fan_out(app, small).sent + fan_out(app, process).sent == 6

    sent = [arguments[0] for _, arguments in messages(stage.redis, Queue.SCAN)]
    assert sent == ids(everyone)


def test_a_claim_is_committed_before_its_message_is_sent(
    stage: Stage, app: Celery, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user,) = follow(stage)
    leased: list[object] = []

    def look(*_: object, **__: object) -> bool:
        leased.append(
            stage.value(
                "SELECT lease_until > repopulse_now() FROM users WHERE id = :id", id=user.id
            )
        )
        return True

    monkeypatch.setattr(broker, "send", look)
    fan_out(app, process)

    assert leased == [True]


def test_who_could_not_be_sent_is_sent_when_the_lease_ends(
    stage: Stage, app: Celery, mute: Celery, process: Process
) -> None:
    (user,) = follow(stage)

    assert fan_out(mute, process).sent == 0

    assert fan_out(app, process).sent == 0
    stage.wait(seconds=stage.settings.lease + 1)
    assert fan_out(app, process).sent == 1
    assert messages(stage.redis, Queue.SCAN)[0][1][0] == user.id


def test_a_broker_that_does_not_answer_is_not_asked_for_each_user(
    stage: Stage, mute: Celery, process: Process
) -> None:
    follow(stage, 40)

    began = real_time.monotonic()
    fan_out(mute, process)

    assert real_time.monotonic() - began < 3


def test_messages_that_redis_lost_are_sent_again_after_the_lease(
    stage: Stage, app: Celery, process: Process
) -> None:
    everyone = follow(stage, 3)
    fan_out(app, process)
    stage.redis.flushall()

    stage.wait(seconds=stage.settings.lease + 1)

    assert fan_out(app, process).sent == 3
    assert [arguments[0] for _, arguments in messages(stage.redis, Queue.SCAN)] == ids(everyone)


def test_loads_and_lookups_that_wait_in_the_queue_are_not_sent_again(
    stage: Stage, app: Celery, process: Process
) -> None:
    follow(stage, 3, scanned=False)
    with stage.engine.begin() as connection:
        lookups.get_or_create(connection, "octocat")
    assert fan_out(app, process).sent == 4

    for _ in range(30):
        stage.wait(minutes=1)
        assert fan_out(app, process).sent == 0

    assert len(messages(stage.redis, Queue.LOAD)) == 4


def test_loads_and_lookups_whose_message_was_lost_are_sent_again_within_a_minute(
    stage: Stage, app: Celery, process: Process
) -> None:
    (kept, lost) = follow(stage, 2, scanned=False)
    with stage.engine.begin() as connection:
        lookup, _ = lookups.get_or_create(connection, "octocat")
    fan_out(app, process)
    for message in stage.redis.lrange(Queue.LOAD, 0, -1):
        if str(kept.id) not in json.loads(message)["headers"]["argsrepr"]:
            stage.redis.lrem(Queue.LOAD, 1, message)  # type: ignore[arg-type]

    stage.wait(minutes=1)

    assert fan_out(app, process).sent == 2
    assert sorted(messages(stage.redis, Queue.LOAD)) == sorted(
        [
            (Task.LOAD_USER, [kept.id]),
            (Task.LOAD_USER, [lost.id]),
            (Task.RESOLVE_LOGIN, [lookup.id]),
        ]
    )


def test_a_sweep_passes_over_messages_in_the_queue_that_are_not_ours(
    stage: Stage, app: Celery, process: Process
) -> None:
    (user,) = follow(stage, scanned=False)
    for foreign in (b"", b"{}", b"[]", b'{"headers": {"task": "x"}, "body": "e30="}'):
        stage.redis.lpush(Queue.LOAD, foreign)

    assert fan_out(app, process).sent == 1
    assert broker.waiting_ids(stage.redis, Queue.LOAD) == {Task.LOAD_USER: {user.id}}


def test_a_sweep_makes_the_partitions_that_are_to_come(
    stage: Stage, app: Celery, process: Process
) -> None:
    fan_out(app, process)

    assert stage.value("SELECT to_regclass('daily_stats_2027_01') IS NOT NULL") is True


def test_a_sweep_closes_what_yesterday_left_open(
    stage: Stage, app: Celery, process: Process
) -> None:
    (user,) = follow(stage, scanned=False)
    fan_out(app, process)
    stage.next_day()

    fan_out(app, process)

    assert stage.record(user, TODAY).state == "failed"


def test_nothing_due_is_nothing_sent(stage: Stage, app: Celery, process: Process) -> None:
    assert fan_out(app, process).sent == 0


def test_a_sweep_that_came_to_its_end_is_noted(stage: Stage, app: Celery, process: Process) -> None:
    assert collection.sweep_age(stage.redis) is None

    fan_out(app, process)

    age = collection.sweep_age(stage.redis)
    assert age is not None
    assert age < 60


def test_a_sweep_notes_when_everybody_was_scanned(
    stage: Stage, app: Celery, process: Process
) -> None:
    user = stage.follow(stage.world.add_account("octocat"))
    fan_out(app, process)
    before = stage.value("SELECT count(*) FROM fan_outs")
    stage.collector().scan(user.id, is_load=True)

    fan_out(app, process)

    assert before == 0
    assert stage.value("SELECT users FROM fan_outs WHERE day = :day", day=TODAY) == 1


# The tasks


def test_the_tasks_are_those_that_the_api_knows(tasked: Celery) -> None:
    ours = {name for name in tasked.tasks if name.startswith("repopulse.")}

    assert ours == set(Task)


def test_a_load_records_todays_rows(stage: Stage, tasked: Celery) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", stargazers=3, watchers=1)
    user = stage.follow(account)

    tasked.tasks[Task.LOAD_USER].apply([user.id], throw=True)

    assert stage.rows(user)[TODAY] == stage.truth(user)


def test_a_scan_that_comes_late_records_the_day_that_it_is(stage: Stage, tasked: Celery) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", watchers=1)
    user = stage.follow(account)

    tasked.tasks[Task.SCAN_USER].apply([user.id, "2026-11-20"], throw=True)

    assert list(stage.rows(user)) == [TODAY]


def test_a_task_that_runs_twice_does_its_work_once(stage: Stage, tasked: Celery) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", watchers=1)
    user = stage.follow(account)
    for _ in range(2):
        tasked.tasks[Task.LOAD_USER].apply([user.id], throw=True)
    asked = len(stage.simulator.requests)

    tasked.tasks[Task.SCAN_USER].apply([user.id, TODAY.isoformat()], throw=True)

    assert len(stage.simulator.requests) == asked
    assert stage.record(user).attempts == 1


def test_a_resolved_login_is_followed_and_its_load_is_sent(stage: Stage, tasked: Celery) -> None:
    account = stage.world.add_account("octocat")
    with stage.engine.begin() as connection:
        lookup, _ = lookups.get_or_create(connection, "octocat")

    tasked.tasks[Task.RESOLVE_LOGIN].apply([lookup.id], throw=True)

    assert messages(stage.redis, Queue.LOAD) == [(Task.LOAD_USER, [account.id])]


def test_a_login_that_nobody_bears_sends_nothing(stage: Stage, tasked: Celery) -> None:
    with stage.engine.begin() as connection:
        lookup, _ = lookups.get_or_create(connection, "nobody")

    tasked.tasks[Task.RESOLVE_LOGIN].apply([lookup.id], throw=True)

    assert broker.queue_lengths(stage.redis).work_queued == 0


def test_a_fan_out_sends_what_is_due(stage: Stage, tasked: Celery) -> None:
    follow(stage, 2)

    tasked.tasks[Task.FAN_OUT].apply(throw=True)

    assert len(messages(stage.redis, Queue.SCAN)) == 2


def test_log_lines_name_their_task(
    stage: Stage, tasked: Celery, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str | None] = []
    stage.hook = lambda _: seen.append(current_context())
    user = stage.follow(stage.world.add_account("octocat"))

    result = tasked.tasks[Task.LOAD_USER].apply([user.id], throw=True)

    assert set(seen) == {f"task {result.id}"}


def test_a_message_for_somebody_deleted_is_nothing(stage: Stage, tasked: Celery) -> None:
    (user,) = follow(stage)
    with stage.engine.begin() as connection:
        users.delete(connection, user.id)

    tasked.tasks[Task.SCAN_USER].apply([user.id, TODAY.isoformat()], throw=True)

    assert stage.simulator.requests == []


def test_a_message_of_0_2_0_scans_its_first_user_and_leaves_the_others_due(
    stage: Stage, tasked: Celery
) -> None:
    accounts = [stage.world.add_account(f"user{number}") for number in range(3)]
    first, *others = [stage.follow(account).id for account in accounts]
    stage.sweep(stage.collector())
    stage.next_day()
    tasked.tasks[Task.FAN_OUT].apply(throw=True)
    clear(stage.redis)

    tasked.tasks[Task.SCAN_USER].apply(
        [first, "2026-11-24"], headers={"others": others}, throw=True
    )

    done = "SELECT count(*) FROM scans WHERE day = '2026-11-24' AND state = 'done'"
    assert stage.value(done) == 1
    stage.wait(seconds=stage.settings.lease + 1)
    assert [outcome.state for outcome in stage.sweep(stage.collector())] == ["done"] * 2


# What keeps a task from its work


def failure_of(app: Celery, task: Task, *arguments: object) -> str:
    """Run a task that must fail, and return why it did."""
    result = app.tasks[task].apply(arguments)
    assert result.state == "FAILURE"
    assert isinstance(result.result, TaskFailed)
    return str(result.result)


def registered(process: Process) -> Celery:
    app = broker.make_celery(process.settings)
    tasks.register(app, lambda: process)
    return app


def without_database(stage: Stage) -> Process:
    nowhere = f"postgresql+psycopg2://nobody@127.0.0.1:{free_port()}/nothing"
    # So short a lease leaves no time to try again.
    settings = stage.settings.model_copy(update={"database_url": SecretStr(nowhere), "lease": 1.0})
    return open_process(settings)


@pytest.mark.parametrize(
    ("task", "arguments"),
    [
        (Task.SCAN_USER, (1, "2026-11-23")),
        (Task.LOAD_USER, (1,)),
        (Task.RESOLVE_LOGIN, (1,)),
        (Task.FAN_OUT, ()),
        (Task.SWEEP, ()),
    ],
)
def test_a_task_without_a_database_fails_in_one_line(
    stage: Stage, caplog: pytest.LogCaptureFixture, task: Task, arguments: tuple[object, ...]
) -> None:
    process = without_database(stage)

    reason = failure_of(registered(process), task, *arguments)

    process.close()
    assert reason == "the database does not answer, another attempt follows"
    (line,) = [each for each in caplog.records if each.name == "worker.tasks"]
    assert line.levelname == "WARNING"
    assert line.exc_info is None


def test_a_sweep_without_redis_fails(stage: Stage, process: Process) -> None:
    nowhere = stage.settings.model_copy(
        update={"redis_url": SecretStr(f"redis://127.0.0.1:{free_port()}/0")}
    )
    with make_redis(nowhere) as client:
        app = registered(replace(process, redis=client))

        assert failure_of(app, Task.SWEEP) == "Redis does not answer, another attempt follows"


def test_a_sweep_sends_nothing_to_the_redis_of_another_installation(
    stage: Stage, tasked: Celery
) -> None:
    stage.follow(stage.world.add_account("octocat"))
    stage.redis.set("repopulse:installation", "of another")

    assert failure_of(tasked, Task.SWEEP).startswith("Redis is used by another installation")
    assert stage.redis.llen(Queue.SCAN) == 0


def test_a_sweep_gives_an_emptied_redis_its_owner(stage: Stage, tasked: Celery) -> None:
    stage.redis.flushall()

    tasked.tasks[Task.SWEEP].apply()

    with stage.engine.connect() as connection:
        assert redis_claim.get_owner(stage.redis) == str(installation.read(connection).id)


def test_a_scan_beyond_its_time_limit_fails_and_is_tried_again(
    stage: Stage, tasked: Celery
) -> None:
    user = stage.follow(stage.world.add_account("octocat"))

    def take_too_long(_: object) -> None:
        raise SoftTimeLimitExceeded

    stage.hook = take_too_long

    assert failure_of(tasked, Task.LOAD_USER, user.id) == "took too long, another attempt follows"
    record = stage.record(user)
    assert (record.state, record.reason) == ("failed", "the scan took too long")


def test_a_scan_for_which_github_was_down_fails_and_says_when_it_is_tried_again(
    stage: Stage, tasked: Celery
) -> None:
    user = stage.follow(stage.world.add_account("octocat"))
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None)

    reason = failure_of(tasked, Task.LOAD_USER, user.id)

    assert re.fullmatch(r"failed, next attempt at 12:0\d: HTTP 502", reason)
    assert stage.record(user).state == "failed"


def test_a_login_for_which_github_was_down_fails_its_task(stage: Stage, tasked: Celery) -> None:
    with stage.engine.begin() as connection:
        lookup, _ = lookups.get_or_create(connection, "octocat")
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None)

    reason = failure_of(tasked, Task.RESOLVE_LOGIN, lookup.id)

    assert re.fullmatch(r"waiting until 12:0\d: Something went wrong.*", reason)


# What a task returns


def test_a_scan_says_how_many_repositories_it_recorded(stage: Stage, tasked: Celery) -> None:
    account = stage.world.add_account("octocat")
    for name in ("a", "b"):
        stage.world.add_repository(account, name, watchers=1)
    user = stage.follow(account)
    day = TODAY.isoformat()

    first = tasked.tasks[Task.SCAN_USER].apply([user.id, day], throw=True)
    second = tasked.tasks[Task.SCAN_USER].apply([user.id, day], throw=True)

    assert first.result == "done: 2 repositories"
    assert second.result == "nothing to do: already scanned"


def test_a_limit_is_no_failure_and_says_until_when(stage: Stage, tasked: Celery) -> None:
    user = stage.follow(stage.world.add_account("octocat"))
    stage.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=600))

    result = tasked.tasks[Task.LOAD_USER].apply([user.id], throw=True).result

    assert re.fullmatch(r"waiting until 12:1\d: .*rate limit.*", result)


def test_a_sweep_says_how_many_tasks_it_sent(stage: Stage, tasked: Celery) -> None:
    follow(stage, 2)
    sweep = tasked.tasks[Task.SWEEP]

    assert sweep.apply(throw=True).result == "sent 2 tasks"
    assert sweep.apply(throw=True).result == "nothing due"


def test_a_sweep_that_finds_the_queue_full_says_so(stage: Stage) -> None:
    follow(stage, 4)
    sweep = registered(make_process(stage, high_water=3)).tasks[Task.SWEEP]

    assert sweep.apply(throw=True).result == "sent 3 tasks"
    assert sweep.apply(throw=True).result == "queue is full"


# Filling the queue again


@pytest.fixture
def crowded(stage: Stage) -> Iterator[Celery]:
    """An app with room for two messages, and five accounts that are due."""
    process = make_process(stage, high_water=2)
    for number in range(5):
        stage.follow(stage.world.add_account(f"user{number}"))
    with broker.make_celery(process.settings) as app:
        tasks.register(app, lambda: process)
        yield app


def test_the_last_messages_bring_the_next_fan_out(stage: Stage, crowded: Celery) -> None:
    crowded.tasks[Task.FAN_OUT].apply(throw=True)
    done = []

    while waiting := work(stage, crowded, Queue.LOAD):
        done.append(waiting)
        assert work(stage, crowded, Queue.CONTROL) <= 1

    assert done == [2, 2, 1]


def test_messages_that_wait_put_the_next_fan_out_off(stage: Stage, crowded: Celery) -> None:
    crowded.tasks[Task.FAN_OUT].apply(throw=True)
    (name, arguments), _ = messages(stage.redis, Queue.LOAD)

    crowded.tasks[name].apply(arguments, throw=True)

    assert messages(stage.redis, Queue.CONTROL) == []


def test_several_that_find_the_queue_empty_bring_one_fan_out(stage: Stage, crowded: Celery) -> None:
    crowded.tasks[Task.FAN_OUT].apply(throw=True)
    assert work(stage, crowded, Queue.LOAD) == 2

    assert messages(stage.redis, Queue.CONTROL) == [(Task.SWEEP, [])]


def test_no_fan_out_follows_where_nobody_was_left(stage: Stage, crowded: Celery) -> None:
    for _ in range(3):
        crowded.tasks[Task.FAN_OUT].apply(throw=True)
        work(stage, crowded, Queue.LOAD)
    stage.redis.delete(Queue.CONTROL)
    (user, *_) = follow(stage)
    crowded.tasks[Task.FAN_OUT].apply(throw=True)

    crowded.tasks[Task.SCAN_USER].apply([user.id, TODAY.isoformat()], throw=True)

    assert messages(stage.redis, Queue.CONTROL) == []


def test_no_fan_out_follows_while_github_makes_everybody_wait(
    stage: Stage, crowded: Celery
) -> None:
    stage.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=600))
    crowded.tasks[Task.FAN_OUT].apply(throw=True)

    assert work(stage, crowded, Queue.LOAD) == 2

    assert messages(stage.redis, Queue.CONTROL) == []


def test_a_fortnight_of_fan_outs_records_each_user_each_day(stage: Stage, tasked: Celery) -> None:
    followed = []
    for number in range(3):
        account = stage.world.add_account(f"user{number}")
        stage.world.add_repository(account, "r", stargazers=number, watchers=1)
        followed.append(stage.follow(account))
    days = [TODAY + timedelta(days=ahead) for ahead in range(1, 15)]
    for day in days:
        stage.at(day, 0, 6)
        for _ in range(2):
            tasked.tasks[Task.FAN_OUT].apply(throw=True)
            for queue in (Queue.LOAD, Queue.SCAN):
                work(stage, tasked, queue)
            clear(stage.redis)

    assert [list(stage.rows(user)) for user in followed] == [days] * 3


# The process


@pytest.fixture
def opened(settings: Settings) -> Iterator[Process]:
    process = open_process(settings)
    yield process
    process.close()


def test_a_process_connects_to_nothing_before_it_has_to() -> None:
    nowhere = Settings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1/nothing"),
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
    )

    open_process(nowhere).close()


def test_connections_of_a_worker_say_whose_they_are(opened: Process) -> None:
    with opened.engine.connect() as connection:
        name = connection.execute(text("SHOW application_name")).scalar()

    assert name == "repopulse-worker"


def test_a_claim_of_a_late_sweep_is_of_the_day_that_it_is(
    stage: Stage, app: Celery, process: Process
) -> None:
    (user,) = follow(stage)
    stage.at(date(2026, 12, 31), 23, 59)
    fan_out(app, process)

    assert messages(stage.redis, Queue.SCAN)[0][1] == [user.id, "2026-12-31"]
    with stage.engine.begin() as connection:
        assert (
            len(scan_days.records(connection, user.id, date(2026, 12, 31), date(2026, 12, 31))) == 1
        )


def test_a_sweep_sends_an_import_that_no_task_works_on(
    app: Celery, process: Process, stage: Stage
) -> None:
    with stage.engine.begin() as connection:
        import_id = imports.create(
            connection, name="mine", format_=ImportFormat.CSV, repository=None
        )

    assert fan_out(app, process).sent == 1
    # It waits in the queue, or its lease is new.
    assert fan_out(app, process).sent == 0
    stage.wait(minutes=2)
    assert fan_out(app, process).sent == 0
    stage.redis.flushall()
    assert fan_out(app, process).sent == 1
    assert broker.waiting_ids(stage.redis, Queue.BACKGROUND) == {Task.PROCESS_IMPORT: {import_id}}


def test_the_task_of_an_import_reads_it(tasked: Celery, stage: Stage) -> None:
    with stage.engine.begin() as connection:
        import_id = imports.create(
            connection, name="mine", format_=ImportFormat.CSV, repository=None
        )

    tasked.tasks[Task.PROCESS_IMPORT].apply([import_id], throw=True)

    with stage.engine.begin() as connection:
        found = imports.get(connection, import_id or 0)
    assert found is not None
    assert (found.state, found.reason) == (ImportState.REFUSED, "the file is empty")
