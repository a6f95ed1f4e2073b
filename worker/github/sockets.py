"""Sockets that end with their request.

httpx has timeouts for single steps: each byte that arrives starts the read timeout again, in the
headers too, and the dialogue with a SOCKS proxy has none. Here every step gets at most what is left
of the request's time, and none begins after it. So no request is on its way when its permit counts
as lost.
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))


@contextmanager
def time_limit(ends: float) -> Iterator[None]:
    """End every step of the requests inside at a moment of ``time.monotonic()``."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


def make_transport(
    *, proxy: httpx.Proxy | None = None, verify: ssl.SSLContext | bool = True
) -> httpx.HTTPTransport:
    """Make what carries requests, and keeps ``time_limit``; nothing connects yet.

    :param verify: the trusted certificates; True for Mozilla's list
    """
    transport = httpx.HTTPTransport(verify=verify, proxy=proxy, trust_env=False)
    # httpx has no public way to name the backend of its pool.
    transport._pool._network_backend = _Backend()  # noqa: SLF001
    return transport


class _Backend(httpcore.NetworkBackend):
    """Opens the sockets of a pool."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; name resolution has a limit of its own, but nothing is sent after ours."""
        limit = _limit(timeout, httpcore.ConnectTimeout)
        return _Stream(self._backend.connect_tcp(host, port, limit, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    """One connection."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what is there."""
        try:
            return self._stream.read(max_bytes, _limit(timeout, httpcore.ReadTimeout))
        except (httpcore.TimeoutException, httpcore.NetworkError):
            # httpcore does not, in the dialogue with a SOCKS proxy.
            self.close()
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all."""
        self._stream.write(buffer, _limit(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Encrypt the connection from now on."""
        limit = _limit(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore wants to know of the socket."""
        return self._stream.get_extra_info(info)


def _limit(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float | None:
    """Return the seconds that a step may take.

    :raise httpcore.TimeoutException: the request's time is over
    """
    left = _ends.get() - time.monotonic()
    if left <= 0:
        raise expired("the request took too long")
    if left == float("inf"):
        return timeout
    return left if timeout is None else min(timeout, left)
