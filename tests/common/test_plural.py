"""Counts with their nouns."""

import pytest

from common.plural import count_of_repositories, plural


@pytest.mark.parametrize(
    ("count", "written"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (1234, "1,234 days")]
)
def test_only_one_is_singular(count: int, written: str) -> None:
    assert plural(count, "day") == written


def test_irregular_plurals_are_given() -> None:
    assert [count_of_repositories(1), count_of_repositories(0)] == [
        "1 repository",
        "0 repositories",
    ]
