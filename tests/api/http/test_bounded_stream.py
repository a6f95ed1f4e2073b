"""A body that is sent for longer than a request's deadline: cut where the client does not read."""

import asyncio
import logging
from collections.abc import Generator

import pytest
from starlette.types import Message

from api.http.bounded_stream import BoundedStream
from api.http.limits import RequestLimits

SCOPE = {"type": "http", "method": "GET", "path": "/v1/export", "asgi": {"spec_version": "2.3"}}


class Body:
    """Pieces that hold something until they are closed."""

    def __init__(self, number: int) -> None:
        self.made = 0
        self.times_freed = 0
        self._number = number

    def pieces(self) -> Generator[bytes, None, None]:
        for _ in range(self._number):
            self.made += 1
            yield b"piece"

    def free(self) -> None:
        self.times_freed += 1


def stream(body: Body, *, max_seconds: float = 60, max_stall_seconds: float = 60) -> BoundedStream:
    return BoundedStream(
        body.pieces(),
        close=body.free,
        media_type="text/plain",
        headers={},
        max_seconds=max_seconds,
        max_stall_seconds=max_stall_seconds,
    )


async def connected() -> Message:
    """Return nothing: the client stays."""
    await asyncio.Event().wait()
    return {}


def is_whole(sent: list[Message]) -> bool:
    return not sent[-1].get("more_body", True)


def test_a_body_is_sent_whole_and_what_it_holds_is_freed() -> None:
    body, sent = Body(3), list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(stream(body)(SCOPE, connected, send))

    assert b"".join(message.get("body", b"") for message in sent) == b"piecepiecepiece"
    assert is_whole(sent)
    assert body.times_freed == 1


@pytest.mark.parametrize("bounds", [{"max_stall_seconds": 0.05}, {"max_seconds": 0.05}])
def test_a_client_that_does_not_read_is_cut_off(
    bounds: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    body, sent = Body(1000), list[Message]()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()
        sent.append(message)

    with caplog.at_level(logging.WARNING, "api.http.bounded_stream"):
        asyncio.run(stream(body, **bounds)(SCOPE, connected, send))

    assert not is_whole(sent)
    assert body.made == 1
    assert body.times_freed == 1
    assert "response cut: GET '/v1/export'" in caplog.text


def test_a_client_that_disconnects_frees_what_the_body_holds() -> None:
    body = Body(1_000_000)
    is_sending = asyncio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            is_sending.set()
            await asyncio.sleep(0)

    async def disconnect() -> Message:
        await is_sending.wait()
        return {"type": "http.disconnect"}

    asyncio.run(stream(body)(SCOPE, disconnect, send))

    assert body.made < 1_000_000
    assert body.times_freed == 1


def test_what_a_body_holds_is_freed_if_the_client_is_gone_before_it_begins() -> None:
    body = Body(3)

    async def send(message: Message) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(stream(body)(SCOPE, connected, send))

    assert body.made == 0
    assert body.times_freed == 1


def test_a_body_may_take_longer_than_the_deadline_of_requests() -> None:
    body, sent = Body(3), list[Message]()
    response = stream(body)

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            await asyncio.sleep(0.05)

    limits = RequestLimits(response, max_requests=1, deadline=0.04)
    asyncio.run(limits(SCOPE, connected, send))

    assert is_whole(sent)
    assert sent[0]["status"] == 200
