from collections.abc import Callable, Iterator

import pytest

from tests.worker.github.lab import Lab


@pytest.fixture
def make_lab(redis_url: str) -> Iterator[Callable[..., Lab]]:
    """Makes labs on this test's Redis."""
    labs: list[Lab] = []

    def make(**options: object) -> Lab:
        labs.append(Lab(redis_url, **options))  # type: ignore[arg-type]
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab with a token."""
    return make_lab()


@pytest.fixture
def anonymous(make_lab: Callable[..., Lab]) -> Lab:
    """A lab without a token."""
    return make_lab(token=None)
