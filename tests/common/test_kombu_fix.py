from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import pytest
from celery import Celery
from kombu.transport import redis as transport
from pydantic import SecretStr

from common import broker, kombu_fix
from common.broker import Queue, Task
from common.redis_client import make_redis
from common.settings import Settings
from tests.faults.proxy import Proxy


@pytest.fixture
def app(settings: Settings) -> Celery:
    return broker.make_celery(settings)


@pytest.fixture
def app_without_the_fix(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Celery:
    app = broker.make_celery(settings)
    monkeypatch.setattr(transport.Transport, "Channel", transport.Channel)
    return app


def port_of(settings: Settings) -> int:
    port = urlsplit(settings.redis).port
    assert port is not None
    return port


@pytest.fixture
def proxy(settings: Settings) -> Iterator[Proxy]:
    with Proxy(port_of(settings)) as proxy:
        yield proxy


def behind(proxy: Proxy, settings: Settings) -> Settings:
    url = settings.redis.replace(f":{port_of(settings)}", f":{proxy.port}")
    return settings.model_copy(update={"redis_url": SecretStr(url)})


def take(app: Celery, channel: Any) -> Any:
    """Return a message that was delivered and not acknowledged."""
    broker.send(app, Task.SCAN_USER, 1, "2026-11-23")
    message = app.amqp.queues[Queue.SCAN].bind(channel).get()
    assert message is not None
    return message


def cut(channel: Any) -> None:
    """Put a channel into the state in which the worker closes it a second time."""
    channel._disconnect_pools()
    channel.connection = None


def test_closing_a_dead_connection_twice_does_not_raise(app: Celery) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()
    take(app, channel)
    cut(channel)

    channel.qos.restore_unacked()

    assert channel.qos._delivered == {}
    connection.release()


@pytest.mark.parametrize("settle", ["ack", "reject"])
def test_settling_a_message_of_a_dead_connection_does_not_raise(app: Celery, settle: str) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()
    tag = take(app, channel).delivery_tag
    cut(channel)

    getattr(channel.qos, settle)(tag)

    connection.release()


def test_rejected_message_of_a_living_connection_returns_to_its_queue(
    app: Celery, settings: Settings
) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()
    take(app, channel)

    channel.qos.restore_unacked()

    with make_redis(settings) as client:
        assert client.llen(Queue.SCAN) == 1
    connection.release()


def test_message_of_a_living_connection_is_acknowledged(app: Celery, settings: Settings) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()

    take(app, channel).ack()

    with make_redis(settings) as client:
        assert broker.queue_lengths(client).work_queued == 0
    connection.release()


@contextmanager
def short_outage(app: Celery, proxy: Proxy) -> Iterator[None]:
    """Interrupt Redis for 0.2 s, after a send whose connection the app keeps."""
    assert broker.send(app, Task.LOAD_USER, 0)
    proxy.refuse()
    end = Timer(0.2, proxy.heal)
    end.start()
    yield
    end.join()


def test_send_succeeds_after_a_short_outage_during_the_declaration(
    settings: Settings, proxy: Proxy
) -> None:
    app = broker.make_celery(behind(proxy, settings))

    with short_outage(app, proxy):
        assert broker.send(app, Task.SCAN_USER, 1, "2026-11-23")

    with make_redis(settings) as client:
        assert client.llen(Queue.SCAN) == 1


def test_without_the_fix_closing_a_dead_connection_raises(app_without_the_fix: Celery) -> None:
    """Fails with the release that fixes this; then delete this half of ``kombu_fix``."""
    connection = app_without_the_fix.connection_for_read()
    channel = connection.channel()
    take(app_without_the_fix, channel)
    living = channel.connection
    cut(channel)

    with pytest.raises(AttributeError):
        channel.qos.restore_unacked()

    channel.connection = living
    connection.release()


def test_without_the_fix_a_send_after_a_short_outage_raises(
    settings: Settings, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails with the release that fixes this; then delete this half of ``kombu_fix``."""
    app = broker.make_celery(behind(proxy, settings))
    monkeypatch.setattr(transport.Transport, "Channel", transport.Channel)

    with short_outage(app, proxy), pytest.raises(AttributeError):
        broker.send(app, Task.SCAN_USER, 1, "2026-11-23")


def test_the_channel_to_a_master_of_sentinels_has_the_same_fixes() -> None:
    kombu_fix.apply()

    channel = transport.SentinelTransport.Channel
    assert issubclass(channel, transport.SentinelChannel)
    assert channel.QoS is transport.Transport.Channel.QoS
    assert "_connparams" in vars(channel)
