"""Fixes for two faults of kombu 5.7.0 that show when Redis goes away.

A worker of Celery 5.7.0 exits if Redis dies while a late-acknowledged task runs and another child
is free. Celery closes the connection twice (celery/worker/consumer/consumer.py, since celery#9705),
which calls ``restore_unacked`` of a channel whose connection is gone and raises AttributeError.
With the fix such a channel drops its messages. They are in Redis' ``unacked`` and are delivered
again after the visibility timeout.

A send fails if Redis comes back while kombu retries the declaration of the queue. kombu then
reconnects, but publishes on the old, closed channel, which raises AttributeError. With the fix the
channel raises a connection error, for which kombu retries the send.

Delete this module with the first release of kombu and Celery that fixes both. The fault tests that
stop Redis check it.
"""

from typing import Any

from kombu.transport import redis as transport
from kombu.transport import virtual
from redis.exceptions import ConnectionError as RedisConnectionError

_OriginalQoS: Any = transport.QoS
_OriginalChannel: Any = transport.Channel
_OriginalSentinelChannel: Any = transport.SentinelChannel
_VirtualQoS: Any = virtual.QoS


class _QoS(_OriginalQoS):  # type: ignore[misc]
    """kombu's record of unacknowledged messages, for a connection that may be gone."""

    def _is_dead(self) -> bool:
        # Not `channel.closed`: a clean stop closes the channel first, then restores the messages.
        connection = self.channel.connection
        return connection is None or getattr(connection, "client", None) is None

    def restore_unacked(self, client: Any = None) -> Any:
        if self._is_dead():
            self._delivered.clear()
            return None
        return super().restore_unacked(client)

    def ack(self, delivery_tag: Any) -> Any:
        if self._is_dead():
            return _VirtualQoS.ack(self, delivery_tag)
        return super().ack(delivery_tag)

    def reject(self, delivery_tag: Any, requeue: bool = False) -> Any:
        if self._is_dead():
            return _VirtualQoS.ack(self, delivery_tag)
        return super().reject(delivery_tag, requeue=requeue)


class _Channel(_OriginalChannel):  # type: ignore[misc]
    """kombu's channel, which raises a connection error when it is closed."""

    QoS = _QoS

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        if self.connection is None:
            raise RedisConnectionError("the channel was closed")
        return super()._connparams(*args, **kwargs)


class _SentinelChannel(_OriginalSentinelChannel):  # type: ignore[misc]
    """The same of the channel to a master that Sentinels watch."""

    QoS = _QoS

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        if self.connection is None:
            raise RedisConnectionError("the channel was closed")
        return super()._connparams(*args, **kwargs)


def apply() -> None:
    """Make kombu's Redis transports use the fixed classes."""
    redis_transport: Any = transport.Transport
    redis_transport.Channel = _Channel
    sentinel_transport: Any = transport.SentinelTransport
    sentinel_transport.Channel = _SentinelChannel
