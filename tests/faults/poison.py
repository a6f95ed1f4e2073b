"""Users whose scan kills whoever makes it, as a fault in a library or a lack of memory would."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil


class Poison:
    """Stands in front of GitHub, and kills the client that asks for certain accounts.

    :param child: of whom a scan kills the child of the pool that makes it; by node id
    :param worker: of whom a scan kills the whole worker
    """

    def __init__(self, app: Any, *, child: str, worker: str) -> None:
        self._app = app
        self._victims: dict[bytes, Callable[[int], None]] = {
            child.encode(): self._kill_child,
            worker.encode(): self._kill_worker,
        }
        self.kills = {child: 0, worker: 0}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or kill who sent it."""
        body = b""
        more = scope["type"] == "http"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        for node_id, kill in self._victims.items():
            if node_id in body:
                self.kills[node_id.decode()] += 1
                kill(_peer(scope["client"][1]))
                return

        async def receive_again() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_again, send)

    def _kill_child(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _kill_worker(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            # Each worker is started as the head of a group of its own.
            os.killpg(os.getpgid(pid), signal.SIGKILL)


def _peer(port: int) -> int:
    """Return the process that a connection from a local port belongs to."""
    for connection in psutil.net_connections(kind="tcp4"):
        is_another_s = connection.pid not in (None, os.getpid())
        if is_another_s and getattr(connection.laddr, "port", None) == port:
            return int(connection.pid or 0)
    raise ProcessLookupError(f"nobody has port {port}")
