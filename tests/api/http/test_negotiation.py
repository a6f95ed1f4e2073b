"""Which format and which compression a client gets, by its headers.

``test_formats.py`` and ``test_stats_caching.py`` test the same through the API.
"""

import gzip

import pytest

from api.http.negotiation import Compression, Format, preferred_compression, preferred_format


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", Format.JSON),
        ("*/*", Format.JSON),
        ("text/csv", Format.CSV),
        ("TEXT/CSV", Format.CSV),
        ("application/ndjson", Format.NDJSON),
        ("text/csv, application/json", Format.JSON),
        ("text/csv, application/json;q=0.9", Format.CSV),
        ("application/json;q=0, */*", Format.CSV),
        ("text/html", None),
        ("text/csv;q=0", None),
        ("text/csv;q=x", None),
        (";;,=", None),
    ],
)
def test_the_format_with_the_highest_quality_is_preferred(
    accept: str, chosen: Format | None
) -> None:
    assert preferred_format(accept) is chosen


@pytest.mark.parametrize(
    ("accept_encoding", "chosen"),
    [
        ("", Compression.NONE),
        ("gzip", Compression.GZIP),
        ("*", Compression.GZIP),
        ("br, zstd", Compression.NONE),
        ("gzip;q=0", Compression.NONE),
        ("gzip;q=0.5, identity", Compression.NONE),
        ("gzip;q=0.5, identity;q=0.5", Compression.GZIP),
    ],
)
def test_gzip_is_used_if_it_is_accepted_and_not_less_than_identity(
    accept_encoding: str, chosen: Compression
) -> None:
    assert preferred_compression(accept_encoding) is chosen


def test_compressed_pieces_are_one_gzip_stream_and_always_the_same_bytes() -> None:
    pieces = [b"one,two", b"", b"three" * 1000]

    first, second = (b"".join(Compression.GZIP.compress(pieces)) for _ in range(2))

    assert first == second
    assert gzip.decompress(first) == b"".join(Compression.NONE.compress(pieces)) == b"".join(pieces)
