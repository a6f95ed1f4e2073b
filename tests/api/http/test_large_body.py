"""Bodies of any size: the same bytes, held compressed where they are large."""

import gzip
import tracemalloc
from collections.abc import Iterator

import pytest

from api.http.large_body import make_body
from api.http.negotiation import Compression

PIECE = b"".join(b'{"repo_id":%d,"date":"2026-11-28","stargazers":42},' % n for n in range(2000))


def pieces(number: int) -> Iterator[bytes]:
    for _ in range(number):
        yield bytes(bytearray(PIECE))


@pytest.mark.parametrize("number", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("compression", list(Compression))
def test_bodies_of_all_sizes_have_all_bytes(number: int, compression: Compression) -> None:
    most = 2 * len(PIECE)

    body = make_body(pieces(number), compression, max_bytes=most)

    assert isinstance(body, bytes) is (number <= 2)
    sent = body if isinstance(body, bytes) else b"".join(body)
    assert sent == b"".join(compression.compress([PIECE * number]))
    if compression is Compression.GZIP:
        sent = gzip.decompress(sent)
    assert sent == PIECE * number


@pytest.mark.parametrize("compression", list(Compression))
def test_a_large_body_is_never_in_memory_as_it_is_sent(compression: Compression) -> None:
    tracemalloc.start()
    try:
        body = make_body(pieces(200), compression, max_bytes=2 * len(PIECE))
        assert not isinstance(body, bytes)
        size = sum(map(len, body))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    whole = 200 * len(PIECE)
    assert (size == whole) is (compression is Compression.NONE)
    assert peak < whole / 4
