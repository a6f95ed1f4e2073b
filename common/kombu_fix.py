"""Keep a process alive, and able to send, when Redis goes away.

With Celery 5.7.0 and kombu 5.7.0 a worker exits when Redis dies while a late-acknowledged task is
running and another child is free: closing the connection a second time
(celery/worker/consumer/consumer.py, since celery#9705) reaches ``restore_unacked`` of a channel
whose connection is gone, and that raises AttributeError. Here such a channel forgets its messages
instead; they are in Redis' ``unacked`` and come back after the visibility timeout.

An outage that is over within the retries of a send may hit it while it declares its queue. kombu
then connects anew, and publishes on the channel of before, which is closed: AttributeError again,
where any error of a connection would have led to another attempt and the message sent. Here it is
such an error.

To be deleted with the first release that has both mended; the fault tests that stop Redis are the
guard.
"""

from typing import Any

from kombu.transport import redis as transport
from kombu.transport import virtual
from redis.exceptions import ConnectionError as RedisConnectionError

_OriginalQoS: Any = transport.QoS
_OriginalChannel: Any = transport.Channel
_VirtualQoS: Any = virtual.QoS


class _QoS(_OriginalQoS):  # type: ignore[misc]
    """kombu's record of unacknowledged messages, at peace with a connection that is gone."""

    def _is_dead(self) -> bool:
        # Not `channel.closed`: an orderly stop closes the channel first, then gives messages back.
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
    """kombu's channel, which says in words that it is closed."""

    QoS = _QoS

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        if self.connection is None:
            raise RedisConnectionError("the channel was closed")
        return super()._connparams(*args, **kwargs)


def apply() -> None:
    """Let kombu's Redis transport use the classes above."""
    redis_transport: Any = transport.Transport
    redis_transport.Channel = _Channel
