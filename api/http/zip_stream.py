"""A zip file that is sent while it is made."""

from collections.abc import Generator, Iterable
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_LEVEL = 1
"""Level 6 leaves a fifth less and takes six times as long."""


class _Sink:
    """A file that only takes bytes, and gives away what it took."""

    def __init__(self) -> None:
        self._taken: list[bytes] = []

    def write(self, content: bytes, /) -> int:
        """Take some bytes."""
        self._taken.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Do nothing: there is no other buffer."""

    def close(self) -> None:
        """Do nothing: what was written is still to be taken."""

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken, self._taken = b"".join(self._taken), []
        return taken


def zip_pieces(files: Iterable[tuple[str, Iterable[bytes]]]) -> Generator[bytes, None, None]:
    """Yield a zip file; the same content always gives the same bytes.

    :param files: name and content of each, made while they are sent
    """
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for name, content in files:
            # The time is the earliest that a zip file can have.
            entry = ZipInfo(name)
            entry.compress_type = ZIP_DEFLATED
            entry._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 - public from 3.13
            # Its size is not known, and may be above 4 GB.
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in content:
                    file.write(piece)
                    if ready := sink.take():
                        yield ready
    yield sink.take()
