"""Bodies of any size in bounded memory."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from api.http.negotiation import GZIP_WBITS, Compression


def make_body(
    pieces: Iterator[bytes], compression: Compression, *, max_bytes: int
) -> bytes | Iterator[bytes]:
    """Make a body whole, so that the connection that it is read from is free before it is sent.

    A body of at most ``max_bytes``, before it is compressed, is returned as bytes. Of a larger one
    what is returned makes the bytes to send. Until then it is held compressed, in a twelfth of the
    memory: a slow client takes no connection, and the whole body shows one moment.
    """
    first = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > max_bytes:
            break
    else:
        return b"".join(compression.compress(first))
    first.reverse()
    compressed = list(Compression.GZIP.compress(chain(_taken_from(first), pieces)))
    return iter(compressed) if compression is Compression.GZIP else _decompress(compressed)


def _taken_from(pieces: list[bytes]) -> Iterator[bytes]:
    """Yield pieces from the last to the first; none is held after it was taken."""
    while pieces:
        yield pieces.pop()


def _decompress(compressed: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(wbits=GZIP_WBITS)
    for each in compressed:
        yield decompressor.decompress(each)
    yield decompressor.flush()
