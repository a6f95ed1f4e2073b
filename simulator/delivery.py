"""Delivery in memory: an outcome as an httpx client meets it without a socket."""

import time
from collections.abc import Iterator
from typing import NoReturn

import httpx

from simulator.faults import Fault, FaultKind
from simulator.outcome import Outcome


def deliver(request: httpx.Request, outcome: Outcome) -> httpx.Response:
    """Return the response, or raise the error, that a client meets."""
    undelivered = outcome.undelivered
    if undelivered is not None:
        _raise_undelivered(request, undelivered)
    answer = outcome.answer
    headers = {**answer.headers, "content-type": answer.content_type}
    if answer.status == 304:
        del headers["content-type"]
    if outcome.cut is not None:
        headers["content-length"] = str(len(answer.body))
        cut = Cut(answer.body, outcome.cut)
        return httpx.Response(answer.status, headers=headers, stream=cut, request=request)
    slow = outcome.fault(FaultKind.SLOW) or outcome.fault(FaultKind.DRIP)
    if slow is not None:
        seconds = 1.0 if slow.seconds is None else slow.seconds
        pieces = slow.pieces or (len(answer.body) if slow.kind is FaultKind.DRIP else 1)
        timeout = request.extensions.get("timeout", {}).get("read")
        if timeout is not None and seconds / pieces >= timeout:
            raise httpx.ReadTimeout("The read operation timed out", request=request)
        stream = Drip(answer.body, pieces, seconds / pieces)
        return httpx.Response(answer.status, headers=headers, stream=stream, request=request)
    return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)


def _raise_undelivered(request: httpx.Request, fault: Fault) -> NoReturn:
    if fault.kind is FaultKind.CONNECT_ERROR:
        raise httpx.ConnectError("[Errno 111] Connection refused", request=request)
    if fault.kind is FaultKind.RESET:
        raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request)
    if fault.kind is FaultKind.TIMEOUT:
        raise httpx.ReadTimeout("The read operation timed out", request=request)
    raise httpx.RemoteProtocolError(
        "Server disconnected without sending a response.", request=request
    )


class Cut(httpx.SyncByteStream):
    """A body whose connection closes early."""

    def __init__(self, body: bytes, size: int) -> None:
        self._body = body
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        yield self._body[: self._size]
        raise httpx.RemoteProtocolError(
            "peer closed connection without sending complete message body"
            f" (received {self._size} bytes, expected {len(self._body)})"
        )


class Drip(httpx.SyncByteStream):
    """A body that arrives slowly, in pieces."""

    def __init__(self, body: bytes, pieces: int, pause: float) -> None:
        size = max(1, -(-len(body) // max(1, pieces)))
        self._pieces = [body[at : at + size] for at in range(0, len(body), size)]
        self._pause = pause

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            time.sleep(self._pause)
            yield piece
