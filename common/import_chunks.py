"""The files of imports, stored in chunks until a worker has read them."""

from sqlalchemy import Connection, bindparam, insert, text

from common import tables

CHUNK_BYTES = 256 * 1024
"""The size of each chunk but the last, so that a position in the file tells its chunk."""

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Some 1,500,000 rows of CSV. A worker holds no more than this of a file in memory."""

_ADD_CHUNK = insert(tables.import_chunks).values(
    import_id=bindparam("import_id"),
    position=bindparam("position"),
    content=bindparam("content"),
)


def add(connection: Connection, import_id: int, position: int, content: bytes) -> None:
    """Store a chunk of the file; each but the last has ``CHUNK_BYTES``.

    :param position: its number, from 0
    """
    connection.execute(
        _ADD_CHUNK, {"import_id": import_id, "position": position, "content": content}
    )


def read(connection: Connection, import_id: int, position: int) -> bytes:
    """Return a chunk of the file; empty if there is none."""
    content: memoryview | None = connection.execute(
        text("SELECT content FROM import_chunks WHERE import_id = :id AND position = :position"),
        {"id": import_id, "position": position},
    ).scalar()
    return b"" if content is None else bytes(content)


def file_size(connection: Connection, import_id: int) -> int:
    """Return how many bytes of the file are stored."""
    size: int = connection.execute(
        text(
            "SELECT coalesce(sum(octet_length(content)), 0) FROM import_chunks"
            " WHERE import_id = :id"
        ),
        {"id": import_id},
    ).scalar_one()
    return size
