"""A cluster for each test, and how long the tests shall be."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulator import World
from tests.faults.cluster import TODAY, Cluster, cluster


@dataclass(frozen=True, slots=True)
class Length:
    """How much a test does: at full length, or short enough for every change."""

    is_full: bool

    def __call__(self, short: int, *, full: int) -> int:
        """Return one of the two."""
        return full if self.is_full else short


@pytest.fixture
def length() -> Length:
    """Return the length that ``FAULTS`` asks for: ``short``, or ``full``."""
    asked = os.environ.get("FAULTS") or "short"
    if asked not in ("short", "full"):
        raise ValueError(f"FAULTS is {asked!r}: give short or full")
    return Length(asked == "full")


MakeCluster = Callable[..., Cluster]


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    """Return a function that starts servers and GitHub; its arguments are those of ``cluster``."""
    with ExitStack() as stack:

        def make(world: World, **options: Any) -> Cluster:
            return stack.enter_context(cluster(tmp_path, world, **options))

        yield make


def a_world(users: int, *, largest: int = 9, seed: int = 7) -> World:
    """Make up accounts with one repository and more, up to ``largest``."""
    sizes = [1 + number % largest for number in range(users)]
    return World.synthetic(seed=seed, sizes=sizes, day=TODAY)
