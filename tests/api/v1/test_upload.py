"""Uploads that are slow, cut off, cancelled, or too many at once: they leave nothing."""

from collections.abc import Awaitable, Callable, Iterator

import anyio
import pytest
from fastapi import HTTPException, Request
from sqlalchemy import Connection, Engine, text

from api.dependencies import Resources
from api.v1 import upload
from api.v1.upload import UploadedFile, store_upload
from common.broker import Sender, make_celery
from common.import_chunks import CHUNK_BYTES
from common.imports import ImportFormat
from common.settings import Settings

FILE = UploadedFile("mine", ImportFormat.CSV, None)

Message = dict[str, object]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no upload take too long on a slow machine."""
    monkeypatch.setattr(upload, "UPLOAD_SECONDS", 600)


@pytest.fixture
def resources(engine: Engine, settings: Settings) -> Iterator[Resources]:
    sender = Sender(make_celery(settings, is_api=True))
    yield Resources(settings, engine, sender)
    sender.close()


def request(*messages: Message, then: Callable[[], Awaitable[None]] | None = None) -> Request:
    """Return a request whose client sends some messages, and then goes silent."""
    left = list(messages)

    async def receive() -> Message:
        if left:
            return left.pop(0)
        if then is not None:
            await then()
        await anyio.sleep_forever()
        raise AssertionError

    scope = {"type": "http", "method": "POST", "path": "/v1/imports", "headers": []}
    return Request(scope, receive)


def part(content: bytes = b"x" * (CHUNK_BYTES + 1), *, is_last: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": not is_last}


def stored(connection: Connection) -> tuple[int, ...]:
    """Return the numbers of imports and of chunks."""
    counted = connection.execute(
        text("SELECT (SELECT count(*) FROM imports), (SELECT count(*) FROM import_chunks)")
    )
    return tuple(counted.one())


def test_an_upload_that_ends_is_stored(resources: Resources, connection: Connection) -> None:
    anyio.run(lambda: store_upload(request(part(), part(is_last=True)), resources, FILE))

    assert stored(connection) == (1, 3)


def test_an_upload_that_is_cut_off_leaves_nothing(
    resources: Resources, connection: Connection
) -> None:
    with pytest.raises(HTTPException) as caught:
        anyio.run(
            lambda: store_upload(request(part(), {"type": "http.disconnect"}), resources, FILE)
        )

    assert caught.value.status_code == 408
    assert stored(connection) == (0, 0)
    assert not upload._running


def test_an_upload_that_takes_too_long_leaves_nothing_and_is_told_what_to_do(
    resources: Resources, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "UPLOAD_SECONDS", 0.2)

    with pytest.raises(HTTPException) as caught:
        anyio.run(lambda: store_upload(request(part()), resources, FILE))

    assert caught.value.status_code == 408
    assert "python -m worker.imports" in caught.value.detail
    assert stored(connection) == (0, 0)
    assert not upload._running


def test_an_upload_whose_request_is_cancelled_leaves_nothing(
    resources: Resources, connection: Connection
) -> None:
    async def cancelled() -> None:
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                # Its first chunk is written, in a transaction that is open.
                scope.cancel()

            await store_upload(request(part(), then=cancel), resources, FILE)

    anyio.run(cancelled)

    assert stored(connection) == (0, 0)
    assert not upload._running
    # Its connection was given back, so all that the engine may have are free.
    open_transactions = connection.execute(
        text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        )
    ).scalar_one()
    assert open_transactions == 0


def test_uploads_at_once_are_bounded(resources: Resources, connection: Connection) -> None:
    answers: list[int] = []

    async def send(name: str, then: Callable[[], Awaitable[None]] | None) -> None:
        waiting = request(part(), then=then) if then else request(part(is_last=True))
        try:
            await store_upload(waiting, resources, UploadedFile(name, ImportFormat.CSV, None))
        except HTTPException as error:
            answers.append(error.status_code)

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            are_open = [anyio.Event() for _ in range(upload.MAX_UPLOADS)]
            for number, is_open in enumerate(are_open):

                async def note(is_open: anyio.Event = is_open) -> None:
                    is_open.set()

                group.start_soon(send, f"slow-{number}", note)
            for is_open in are_open:
                await is_open.wait()
            await send("one-more", None)
            group.cancel_scope.cancel()

    anyio.run(all_at_once)

    assert answers == [429]
    assert stored(connection) == (0, 0)
