"""The simulator over a socket: an ASGI application, and a server for tests."""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from simulator.control import PREFIX
from simulator.faults import Fault, FaultKind

if TYPE_CHECKING:
    from simulator.outcome import Outcome
    from simulator.server import GitHubSimulator

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application:
    """Serves a simulator. Each request is decided in a thread, so that requests overlap."""

    def __init__(self, simulator: "GitHubSimulator") -> None:
        self._simulator = simulator

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI defines it."""
        if scope["type"] != "http":
            raise RuntimeError(f"the simulator does not serve {scope['type']}")
        if scope["path"].startswith(PREFIX):
            request = await _read(scope, receive)
            outcome = await asyncio.to_thread(self._simulator.control, request)
            await _deliver(outcome, receive, send)
            return
        with self._simulator.flight() as flight:
            came_at = time.monotonic()
            request = await _read(scope, receive)
            outcome = await asyncio.to_thread(self._simulator.decide, request, flight)
            await asyncio.sleep(self._simulator.latency - (time.monotonic() - came_at))
            await _deliver(outcome, receive, send)


async def _read(scope: dict[str, Any], receive: Receive) -> httpx.Request:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    host = next((v for k, v in scope["headers"] if k == b"host"), b"localhost").decode()
    path = scope["raw_path"].decode("ascii")
    query = scope["query_string"].decode("ascii")
    url = f"{scope['scheme']}://{host}{path}" + (f"?{query}" if query else "")
    return httpx.Request(scope["method"], url, headers=scope["headers"], content=body)


async def _deliver(outcome: "Outcome", receive: Receive, send: Send) -> None:
    undelivered = outcome.undelivered
    if undelivered is not None:
        await _break(undelivered, receive, send)
        return
    answer = outcome.answer
    body = answer.body
    headers = {**answer.headers, "content-length": str(len(body))}
    if answer.status == 304:
        del headers["content-length"]
    else:
        headers["content-type"] = answer.content_type
    drip = outcome.fault(FaultKind.DRIP)
    if drip is not None:
        lines = [f"HTTP/1.1 {answer.status} Simulated", *map(": ".join, headers.items())]
        head = "\r\n".join((*lines, "connection: close", "", "")).encode()
        seconds = 1.0 if drip.seconds is None else drip.seconds
        await _drip(head + body, seconds, receive, send)
        return
    slow = outcome.fault(FaultKind.SLOW)
    pieces = (slow.pieces or 1) if slow is not None else 1
    pause = (1.0 if slow.seconds is None else slow.seconds) / pieces if slow is not None else 0.0
    if slow is not None and slow.pieces is None:
        await _pause(receive, pause)
        pause = 0.0
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
    )
    if outcome.cut is not None:
        part = body[: outcome.cut]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await _close(send)
        return
    size = max(1, -(-len(body) // pieces))
    for at in range(0, max(1, len(body)), size):
        if pause:
            await _pause(receive, pause)
        piece = body[at : at + size]
        more = at + size < len(body)
        await send({"type": "http.response.body", "body": piece, "more_body": more})


async def _drip(answer: bytes, seconds: float, receive: Receive, send: Send) -> None:
    """Send an answer byte by byte, below the server, which sends all headers at once."""
    transport = _transport(send)
    for byte in answer:
        await _pause(receive, seconds / len(answer))
        if transport is None or transport.is_closing():
            break
        transport.write(bytes([byte]))
    await _close(send)


async def _break(fault: Fault, receive: Receive, send: Send) -> None:
    if fault.kind is FaultKind.TIMEOUT:
        await _pause(receive, 3_600.0 if fault.seconds is None else fault.seconds)
    await _close(send, reset=fault.kind is not FaultKind.DISCONNECT)


async def _pause(receive: Receive, seconds: float) -> None:
    """Wait, but stop when the client disconnects: nothing else is left to receive."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(receive(), timeout=seconds)


def _transport(send: Send) -> Any:
    return getattr(getattr(send, "__self__", None), "transport", None)


async def _close(send: Send, reset: bool = False) -> None:
    """Close the connection below the server, since ASGI has no message for that."""
    transport = _transport(send)
    if transport is None:
        raise ConnectionResetError("the simulated connection breaks here")
    raw = transport.get_extra_info("socket")
    if reset and raw is not None:
        # A linger of zero seconds turns the close into a reset. The client may have left already.
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    # The server must notice the loss before this returns; otherwise it would try to answer 500.
    while not getattr(getattr(send, "__self__", None), "disconnected", True):
        await asyncio.sleep(0.001)


def make_server(
    simulator: "GitHubSimulator", host: str, port: int, tls: tuple[Path, Path] | None = None
) -> uvicorn.Server:
    """Return a server that is not started yet.

    :param tls: the files of a certificate and of its key; None to serve without TLS
    """
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        simulator.app,
        host=host,
        port=port,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Open a port; 0 means any free one."""
    listener = socket.create_server((host, port))
    # Without it each answer waits 40 ms for the client's delayed acknowledgement. The event loop
    # sets it only on sockets that name their protocol, which this one does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def serving(
    simulator: "GitHubSimulator",
    host: str = "127.0.0.1",
    port: int = 0,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[str]:
    """Serve a simulator in a thread while the context lasts; yield its base URL.

    :param tls: the files of a certificate and of its key; None to serve without TLS
    """
    listener = listen(host, port)
    server = make_server(simulator, host, port, tls)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="github-simulator", daemon=True
    )
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the simulator's server did not start")
            time.sleep(0.005)
        scheme = "http" if tls is None else "https"
        yield f"{scheme}://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
