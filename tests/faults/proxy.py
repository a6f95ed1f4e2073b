"""A TCP proxy that breaks on demand: refuses, swallows, delays, resets."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

_PIECE = 65536
_RESET = struct.pack("ii", 1, 0)
"""A linger of zero seconds turns a close into a reset."""


class Proxy:
    """Forwards a port of 127.0.0.1 to another port while the block lasts.

    Its methods may be called from any thread, and return when they have taken effect.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._listener: socket.socket | None = None
        self._flows = asyncio.Event()
        self._served: dict[asyncio.Task[None], socket.socket] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        self._flows.set()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def heal(self) -> None:
        """Forward everything again, also what was swallowed so far, as TCP would."""
        self._do(self._heal())

    def refuse(self) -> None:
        """Refuse connections, and reset the existing ones, as if the server was killed."""
        self._do(self._refuse())

    def swallow(self) -> None:
        """Accept connections and bytes, and forward nothing, as if the network was cut."""
        self._do(self._swallow())

    def reset(self) -> None:
        """Reset the existing connections; new ones are served."""
        self._do(self._reset())

    def delay(self, seconds: float) -> None:
        """Delay each piece of data, in both directions."""
        self._delay = seconds

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(10)

    async def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        # asyncio's own server loses a connection that it accepts while it is closed.
        self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _heal(self) -> None:
        self._delay = 0.0
        self._flows.set()
        if self._listener is None:
            await self._listen()

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        await self._reset()

    async def _swallow(self) -> None:
        self._flows.clear()

    async def _reset(self) -> None:
        served = dict(self._served)
        for task, connection in served.items():
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            # The client has left.
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._serve(connection))
        self._served[task] = connection
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._served.pop(task).close()

    async def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(sock=connection)
            try:
                await self._flows.wait()
                there, back = await asyncio.open_connection("127.0.0.1", self.target)
                try:
                    async with asyncio.TaskGroup() as both:
                        both.create_task(self._pump(reader, back))
                        both.create_task(self._pump(there, writer))
                finally:
                    back.transport.abort()
            except* OSError:
                pass
            finally:
                writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(_PIECE):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flows.wait()
            sink.write(piece)
            await sink.drain()
        # One side has closed, so the other is closed too.
        raise ConnectionResetError
