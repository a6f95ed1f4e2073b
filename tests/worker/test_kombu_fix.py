from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from kombu.transport import redis as transport

from common import broker
from common.broker import Queue, Task
from common.settings import Settings
from worker import kombu_fix


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    channel: Any = transport.Channel
    original = channel.QoS
    kombu_fix.apply()
    yield broker.make_celery(settings)
    channel.QoS = original


def take(app: Celery, channel: Any) -> Any:
    """A message that a worker has taken and not acknowledged."""
    broker.send(app, Task.SCAN_USER, 1, "2026-11-23")
    message = app.amqp.queues[Queue.SCAN].bind(channel).get()
    assert message is not None
    return message


def cut(channel: Any) -> None:
    """Leave a channel as the worker's consumer does that closes it a second time."""
    channel._disconnect_pools()
    channel.connection = None


def test_a_connection_that_is_gone_is_closed_without_an_error(app: Celery) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()
    take(app, channel)
    cut(channel)

    channel.qos.restore_unacked()

    assert channel.qos._delivered == {}
    connection.release()


@pytest.mark.parametrize("settle", ["ack", "reject"])
def test_a_message_of_a_connection_that_is_gone_is_settled_without_an_error(
    app: Celery, settle: str
) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()
    tag = take(app, channel).delivery_tag
    cut(channel)

    getattr(channel.qos, settle)(tag)

    connection.release()


def test_a_message_of_a_living_connection_goes_back_to_its_queue(
    app: Celery, settings: Settings
) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()
    take(app, channel)

    channel.qos.restore_unacked()

    with broker.make_redis(settings) as client:
        assert client.llen(Queue.SCAN) == 1
    connection.release()


def test_a_message_of_a_living_connection_is_acknowledged(app: Celery, settings: Settings) -> None:
    connection = app.connection_for_read()
    channel = connection.channel()

    take(app, channel).ack()

    with broker.make_redis(settings) as client:
        assert broker.queued(client) == 0
    connection.release()


def test_without_the_fix_a_connection_that_is_gone_raises(settings: Settings) -> None:
    """Fails with the release that has this mended: then ``worker/kombu_fix.py`` can go."""
    app = broker.make_celery(settings)
    connection = app.connection_for_read()
    channel = connection.channel()
    take(app, channel)
    living = channel.connection
    cut(channel)

    with pytest.raises(AttributeError):
        channel.qos.restore_unacked()

    channel.connection = living
    connection.release()
