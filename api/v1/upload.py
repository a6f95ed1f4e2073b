"""Store an uploaded file in chunks, in one transaction: an upload that is cut off leaves nothing.

The container of the API is read-only, and a file may be larger than what a request may hold in
memory. So each chunk goes to the database as it comes, and a worker reads it there. An upload holds
a connection of its own and takes a thread only while it writes a chunk.
"""

import logging
from dataclasses import dataclass

import anyio
from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.dependencies import Resources
from api.http.transactions import UnknownCommitError
from api.v1.enqueue import enqueue_import
from common import import_chunks, imports
from common.db import first_line
from common.import_chunks import CHUNK_BYTES
from common.imports import MAX_UNFINISHED, ImportFormat

log = logging.getLogger(__name__)

MAX_UPLOADS = 2
"""At once in one process; each holds a connection."""

UPLOAD_SECONDS = 15
"""Shorter than the deadline of requests, so that the answer can say what to do."""

TOO_MANY_UPLOADS = "other files are being uploaded: try again in a moment"
TOO_MANY_IMPORTS = f"{MAX_UNFINISHED} imports are not finished: apply or delete one first"
NAME_TAKEN = "an import has this name: choose another name, or delete that import"
EMPTY = "the body is empty: send the file as the body"
TOO_SLOW = (
    f"the upload took longer than {UPLOAD_SECONDS} seconds: use the command"
    " python -m worker.imports, which has no limit"
)

_running: set["_Upload"] = set()
"""The uploads of this process."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """What an upload says of its file.

    :param repository: the full name, if the file is of one repository and does not say which
    """

    name: str
    format: ImportFormat
    repository: str | None


async def store_upload(request: Request, resources: Resources, file: UploadedFile) -> int:
    """Store the body of a request as the file of a new import, and send its task.

    :return: the id of the import
    :raise HTTPException: it was not stored: 408, 409, 429, or 413 by ``BodyLimit``
    :raise RequestValidationError: the body is empty
    """
    if len(_running) >= MAX_UPLOADS:
        raise HTTPException(429, TOO_MANY_UPLOADS, headers={"Retry-After": "5"})
    upload = _Upload(resources.database)
    _running.add(upload)
    try:
        with anyio.fail_after(UPLOAD_SECONDS):
            await run_in_threadpool(upload.begin, file, resources.settings.load_lease)
            await _store_body(request, upload)
            import_id = await run_in_threadpool(upload.commit)
    except TimeoutError:
        raise HTTPException(408, TOO_SLOW) from None
    except ClientDisconnect:
        # The client is gone; this response is only logged.
        raise HTTPException(408, "the upload was cut off") from None
    finally:
        # Also if the request was cancelled.
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(upload.close)
        _running.discard(upload)
    log.info("import %d (%s) stored: %d bytes", import_id, file.name, upload.size)
    await run_in_threadpool(enqueue_import, resources, import_id)
    return import_id


async def _store_body(request: Request, upload: "_Upload") -> None:
    pending = bytearray()
    async for piece in request.stream():
        pending += piece
        while len(pending) >= CHUNK_BYTES:
            await run_in_threadpool(upload.add, bytes(pending[:CHUNK_BYTES]))
            del pending[:CHUNK_BYTES]
    if pending:
        await run_in_threadpool(upload.add, bytes(pending))


class _Upload:
    """The transaction of one upload; each method runs in a thread."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._import_id = 0
        self._chunks = 0
        self.size = 0

    def begin(self, file: UploadedFile, lease: float) -> None:
        connection = self._connection = self._database.connect()
        if imports.count_unfinished(connection) >= MAX_UNFINISHED:
            raise HTTPException(409, TOO_MANY_IMPORTS)
        created = imports.create(
            connection,
            name=file.name,
            format_=file.format,
            repository=file.repository,
            lease=lease,
        )
        if created is None:
            raise HTTPException(409, NAME_TAKEN)
        self._import_id = created

    def add(self, chunk: bytes) -> None:
        assert self._connection is not None  # noqa: S101 - for the type checker
        import_chunks.add(self._connection, self._import_id, self._chunks, chunk)
        self._chunks += 1
        self.size += len(chunk)

    def commit(self) -> int:
        assert self._connection is not None  # noqa: S101 - for the type checker
        if not self._chunks:
            raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": EMPTY}])
        # Again, because others may have been uploaded meanwhile; this one is counted too.
        if imports.lock_unfinished(self._connection) > MAX_UNFINISHED:
            raise HTTPException(409, TOO_MANY_IMPORTS)
        try:
            self._connection.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise UnknownCommitError(first_line(error)) from error
            raise
        return self._import_id

    def close(self) -> None:
        """Roll back what is not committed, and give the connection back."""
        if self._connection is not None:
            self._connection.close()
