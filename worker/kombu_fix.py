"""Keep a worker alive when Redis goes away.

With Celery 5.7.0 and kombu 5.7.0 a worker exits when Redis dies while a late-acknowledged task is
running and another child is free: closing the connection a second time
(celery/worker/consumer/consumer.py, since celery#9705) reaches ``restore_unacked`` of a channel
whose connection is gone, and that raises AttributeError. Here such a channel forgets its messages
instead; they are in Redis' ``unacked`` and come back after the visibility timeout. To be deleted
with the first release that has this mended; the fault test that stops Redis under a running task is
the guard.
"""

from typing import Any

from kombu.transport import redis as transport
from kombu.transport import virtual

_original: Any = transport.QoS
_virtual: Any = virtual.QoS


class _QoS(_original):  # type: ignore[misc]
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
            return _virtual.ack(self, delivery_tag)
        return super().ack(delivery_tag)

    def reject(self, delivery_tag: Any, requeue: bool = False) -> Any:
        if self._is_dead():
            return _virtual.ack(self, delivery_tag)
        return super().reject(delivery_tag, requeue=requeue)


def apply() -> None:
    """Let kombu's Redis transport use the class above."""
    channel: Any = transport.Channel
    channel.QoS = _QoS
