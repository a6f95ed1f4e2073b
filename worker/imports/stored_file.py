"""The file of an import, read from ``import_chunks`` as a file."""

import io
import os

from sqlalchemy import Connection

from common import import_chunks
from common.import_chunks import CHUNK_BYTES
from worker.transactions import Transactions


class StoredFile(io.RawIOBase):
    """A file in the database: one chunk in memory, and one short transaction for each."""

    def __init__(self, transactions: Transactions, import_id: int) -> None:
        super().__init__()
        self._transactions = transactions
        self._import_id = import_id
        self._position = 0
        self._chunk: tuple[int, bytes] | None = None
        """Number and content of the chunk that was read last."""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read from any position."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Change the position; return it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        if start is None:
            start = self._transactions.run(
                lambda connection: import_chunks.file_size(connection, self._import_id)
            )
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read up to the end of a chunk; return how many bytes, 0 at the end."""
        number, offset = divmod(self._position, CHUNK_BYTES)
        content = self._read(number)[offset : offset + len(buffer)]
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _read(self, number: int) -> bytes:
        if self._chunk is None or self._chunk[0] != number:

            def read(connection: Connection) -> bytes:
                return import_chunks.read(connection, self._import_id, number)

            self._chunk = number, self._transactions.run(read)
        return self._chunk[1]
