import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from celery import Celery
from celery.exceptions import QueueNotFound
from pydantic import SecretStr

from common import broker, collection, counters, github_clock, problems
from common.broker import Queue, Sender, Task
from common.errors import SetupError
from common.github_clock import ClockError
from common.redis_client import make_redis
from common.settings import Settings
from local.ports import free_port
from tests.faults.proxy import Proxy


@pytest.fixture
def app(settings: Settings) -> Celery:
    return broker.make_celery(settings)


@pytest.fixture
def client(redis_url: str) -> Any:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
def nowhere() -> Settings:
    """Settings with a Redis that nobody runs."""
    return Settings(redis_url=SecretStr(f"redis://127.0.0.1:{free_port()}/0"))


def declare_all(settings: Settings) -> None:
    """Bind the queues as a worker does: a key that they shared would reach them all."""
    app = broker.make_celery(settings)
    with app.connection_for_write() as connection:
        for queue in app.conf.task_queues:
            queue.bind(connection.channel()).declare()


def lengths(client: "redis.Redis") -> dict[str, int]:
    return {queue.value: client.llen(queue) for queue in Queue}


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        (Task.FAN_OUT, "control"),
        (Task.RESOLVE_LOGIN, "load"),
        (Task.LOAD_USER, "load"),
        (Task.SCAN_USER, "scan"),
        (Task.PROCESS_IMPORT, "background"),
        (Task.BACKFILL_REPOSITORY, "background"),
        (Task.READ_RELEASES, "background"),
    ],
)
@pytest.mark.parametrize("is_api", [False, True])
def test_each_message_lands_in_exactly_one_queue(
    settings: Settings, client: "redis.Redis", task: Task, queue: str, is_api: bool
) -> None:
    declare_all(settings)

    assert broker.send(broker.make_celery(settings, is_api=is_api), task, 1)

    assert lengths(client) == dict.fromkeys(Queue, 0) | {queue: 1}
    # And in no other list either, under whatever name.
    assert list(client.scan_iter(_type="list")) == [queue.encode()]


@pytest.mark.parametrize("queue", list(Queue))
def test_a_key_leads_to_one_queue_alone(
    settings: Settings, app: Celery, client: "redis.Redis", queue: Queue
) -> None:
    """A message that is put back is addressed by exchange and key, not by its queue."""
    declare_all(settings)
    target = app.amqp.queues[queue]

    with app.connection_for_write() as connection:
        connection.Producer().publish({}, exchange=target.exchange, routing_key=target.routing_key)

    assert list(client.scan_iter(_type="list")) == [queue.encode()]


def test_every_task_has_a_queue() -> None:
    assert set(broker.QUEUE_OF) == set(Task)


def test_a_worker_looks_at_what_people_wait_for_first(app: Celery) -> None:
    in_order = ["control", "load", "scan", "background"]
    assert [queue.name for queue in app.conf.task_queues] == in_order
    assert app.conf.broker_transport_options["queue_order_strategy"] == "priority"
    assert list(app.amqp.queues.consume_from) == in_order


def test_a_queue_that_nobody_reads_is_refused(app: Celery, client: "redis.Redis") -> None:
    with pytest.raises(QueueNotFound):
        app.send_task(Task.SCAN_USER, args=[1, "2026-11-23"], queue="scans")

    assert client.dbsize() == 0


def test_arguments_travel_as_json(app: Celery, client: "redis.Redis") -> None:
    broker.send(app, Task.SCAN_USER, 583231, "2026-11-23")

    waiting = client.lindex(Queue.SCAN, 0)
    assert waiting is not None
    message = json.loads(waiting)
    assert message["content-type"] == "application/json"
    assert message["headers"]["task"] == "repopulse.scan_user"
    # What Flower shows.
    assert message["headers"]["argsrepr"] == "(583231, '2026-11-23')"


def test_a_load_overtakes_the_scans_that_wait(app: Celery, client: "redis.Redis") -> None:
    for user_id in range(50):
        broker.send(app, Task.SCAN_USER, user_id, "2026-11-23")
    broker.send(app, Task.LOAD_USER, 1000)

    with app.connection_for_read() as connection:
        consumer = app.amqp.TaskConsumer(channel=connection.channel())
        received: list[int] = []
        consumer.callbacks = [lambda body, message: received.append(body[0][0])]
        with consumer:
            connection.drain_events(timeout=5)

    assert received[0] == 1000


def test_what_waits_is_counted(app: Celery, client: "redis.Redis") -> None:
    for user_id in range(3):
        broker.send(app, Task.SCAN_USER, user_id, "2026-11-23")
    broker.send(app, Task.LOAD_USER, 4)
    broker.send(app, Task.RESOLVE_LOGIN, 5)
    broker.send(app, Task.FAN_OUT)

    # Fan-outs are not what the bound is about.
    assert broker.queue_lengths(client).work_queued == 5


def test_what_is_being_worked_on_counts_too(app: Celery, client: "redis.Redis") -> None:
    broker.send(app, Task.SCAN_USER, 1, "2026-11-23")

    with app.connection_for_read() as connection:
        queue = app.amqp.queues[Queue.SCAN].bind(connection.channel())
        assert queue.get() is not None
        assert client.llen(Queue.SCAN) == 0
        assert broker.queue_lengths(client).work_queued == 1


def test_nothing_waits_in_an_empty_redis(client: "redis.Redis") -> None:
    assert broker.queue_lengths(client).work_queued == 0


def test_a_send_that_nobody_takes_is_told_within_the_patience_of_a_request(
    nowhere: Settings,
) -> None:
    app = broker.make_celery(nowhere, is_api=True)

    began = time.monotonic()
    was_sent = broker.send(app, Task.LOAD_USER, 1)

    assert not was_sent
    assert time.monotonic() - began < 1.5


def test_a_workers_send_that_nobody_takes_is_told_too(nowhere: Settings) -> None:
    assert not broker.send(broker.make_celery(nowhere), Task.LOAD_USER, 1)


def test_a_failed_send_is_logged_without_the_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    settings = Settings(redis_url=SecretStr(f"redis://:s3cret@127.0.0.1:{port}/0"))

    broker.send(broker.make_celery(settings, is_api=True), Task.LOAD_USER, 7)

    (line,) = [record.getMessage() for record in caplog.records if record.name == "common.broker"]
    assert "repopulse.load_user(7,)" in line
    assert "s3cret" not in line


def test_a_send_after_an_outage_goes_through(app: Celery, client: "redis.Redis") -> None:
    assert broker.send(app, Task.LOAD_USER, 1)
    client.client_kill_filter(_type="normal", skipme=True)

    assert broker.send(app, Task.LOAD_USER, 2)
    assert lengths(client)["load"] == 2


def test_redis_must_be_set() -> None:
    with pytest.raises(SetupError, match="REDIS_URL is not set"):
        broker.make_celery(Settings())


@pytest.mark.parametrize("lease", [8.0, 1200.0])
def test_a_task_ends_before_its_message_comes_back_and_that_before_the_lease_ends(
    settings: Settings, lease: float
) -> None:
    conf = broker.make_celery(settings.model_copy(update={"lease": lease})).conf

    assert (
        conf.task_soft_time_limit
        < conf.task_time_limit
        < conf.broker_transport_options["visibility_timeout"]
        < lease
    )


def test_workers_take_json_alone(app: Celery) -> None:
    assert app.conf.accept_content == ["json"]


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    """A way to Redis that can be broken."""
    with Proxy(urlsplit(redis_url).port or 6379) as running:
        yield running


def through(proxy: Proxy, redis_url: str) -> Celery:
    """Make the API's Celery app, connected through a proxy."""
    parts = urlsplit(redis_url)
    netloc = parts.netloc.replace(f":{parts.port}", f":{proxy.port}")
    settings = Settings(redis_url=SecretStr(parts._replace(netloc=netloc).geturl()))
    return broker.make_celery(settings, is_api=True)


def test_sender_makes_no_attempt_for_two_seconds_after_a_failed_one(
    proxy: Proxy, redis_url: str, client: "redis.Redis"
) -> None:
    now = 1.0
    sender = Sender(through(proxy, redis_url), clock=lambda: now)
    assert sender.send(Task.LOAD_USER, 1)
    proxy.refuse()
    assert not sender.send(Task.LOAD_USER, 2)
    proxy.heal()

    now += 1.9
    assert not sender.send(Task.LOAD_USER, 3)
    now += 0.1
    assert sender.send(Task.LOAD_USER, 4)
    assert sender.send(Task.LOAD_USER, 5)

    assert client.llen(Queue.LOAD) == 3
    sender.close()


def test_after_a_failed_attempt_a_single_request_tries(proxy: Proxy, redis_url: str) -> None:
    now = 1.0
    sender = Sender(through(proxy, redis_url), clock=lambda: now)
    proxy.swallow()
    assert not sender.send(Task.LOAD_USER, 1)
    now += 2.0

    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        sent = list(pool.map(lambda number: sender.send(Task.LOAD_USER, number), range(400)))

    assert not any(sent)
    assert time.monotonic() - began < 4
    sender.close()


def test_prefix_precedes_every_key_of_an_installation(
    settings: Settings, client: "redis.Redis"
) -> None:
    prefixed = settings.model_copy(update={"redis_prefix": "team-a:"})
    app = broker.make_celery(prefixed)
    declare_all(prefixed)
    broker.send(app, Task.LOAD_USER, 7)
    broker.send(app, Task.SCAN_USER, 8, "2026-11-23")
    # Of an installation without a prefix.
    broker.send(broker.make_celery(settings), Task.SCAN_USER, 9, "2026-11-23")

    with make_redis(prefixed) as own, app.connection_for_read() as connection:
        assert broker.queue_lengths(own).waiting == dict.fromkeys(Queue, 0) | {"load": 1, "scan": 1}
        assert broker.waiting_ids(own, Queue.LOAD) == {Task.LOAD_USER: {7}}
        # kombu's client, which adds the prefix itself.
        assert broker.queue_lengths(connection.default_channel.client).work_queued == 2
        channel = connection.channel()
        message = channel.basic_get(Queue.LOAD)
        channel.qos.append(message, message.delivery_tag)
        assert broker.queue_lengths(own).taken == 1
    assert broker.queue_lengths(client).waiting == dict.fromkeys(Queue, 0) | {"scan": 1}
    keys = {key.decode() for key in client.scan_iter()} - {"scan"}
    assert {key for key in keys if not key.startswith(("team-a:", "_kombu."))} == set()


def test_reports_counts_and_clock_belong_to_the_installation(settings: Settings) -> None:
    prefixed = settings.model_copy(update={"redis_prefix": "team-a:"})
    with make_redis(prefixed) as own, make_redis(settings) as other:
        problems.report(own, problems.GITHUB, "worker@a", "unreachable", "no route")
        counters.add(own, {"rows": 3})
        collection.record_sweep(own)
        github_clock.record(own, ClockError(timedelta(minutes=9), is_other_day=False))

        assert problems.read(own, problems.GITHUB).problems
        assert counters.read(own) == {"rows": 3}
        assert collection.sweep_age(own) is not None
        assert github_clock.read(own) is not None
        assert problems.read(other, problems.GITHUB).problems == ()
        assert counters.read(other) == {}
        assert collection.sweep_age(other) is None
        assert github_clock.read(other) is None
