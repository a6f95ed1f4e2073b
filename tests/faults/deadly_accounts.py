"""Accounts whose scan kills its worker, as a crash in a library or a lack of memory would."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil


class DeadlyAccounts:
    """Wraps the simulated GitHub, and kills the client that asks about certain accounts.

    :param child: the node id of an account whose scan kills the pool process that runs it
    :param worker: the node id of an account whose scan kills the whole worker
    """

    def __init__(self, app: Any, *, child: str, worker: str) -> None:
        self._app = app
        self._victims: dict[bytes, Callable[[int], None]] = {
            child.encode(): self._kill_child,
            worker.encode(): self._kill_worker,
        }
        self.kills = {child: 0, worker: 0}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or kill its sender."""
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
            # Each worker was started as the leader of a process group.
            os.killpg(os.getpgid(pid), signal.SIGKILL)


def _peer(port: int) -> int:
    """Return the id of the process that owns the connection from a local port."""
    for connection in psutil.net_connections(kind="tcp4"):
        is_other_process = connection.pid not in (None, os.getpid())
        if is_other_process and getattr(connection.laddr, "port", None) == port:
            return int(connection.pid or 0)
    raise ProcessLookupError(f"no process has port {port}")
