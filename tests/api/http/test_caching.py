"""ETags: what they depend on, and what ``If-None-Match`` matches."""

import pytest

from api.http.caching import etag_matches, make_etag
from common.version import VERSION


def test_an_etag_changes_with_the_inputs_and_with_the_version() -> None:
    etag = make_etag(["stats", 5])

    assert etag == make_etag(["stats", 5], version=VERSION)
    assert etag != make_etag(["stats", 6])
    assert etag != make_etag(["stats", 5], version=f"{VERSION}.1")


@pytest.mark.parametrize(
    ("if_none_match", "matches"),
    [
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        (" * ", True),
        (None, False),
        ("", False),
        ("abc", False),
        ('"abcd"', False),
        ('"x"', False),
    ],
)
def test_if_none_match_lists_etags_strong_or_weak(if_none_match: str | None, matches: bool) -> None:
    assert etag_matches(if_none_match, "abc") is matches
