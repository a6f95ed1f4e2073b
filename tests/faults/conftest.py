"""A cluster for each test, and the length of the tests."""

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
    """How much a test does: in full, or short enough to run for every change."""

    is_full: bool

    def __call__(self, short: int, *, full: int) -> int:
        """Return the value for the length that is run."""
        return full if self.is_full else short


@pytest.fixture
def length() -> Length:
    """Return the length in ``FAULTS``: ``short`` or ``full``."""
    name = os.environ.get("FAULTS") or "short"
    if name not in ("short", "full"):
        raise ValueError(f"FAULTS is {name!r}; it must be short or full")
    return Length(name == "full")


MakeCluster = Callable[..., Cluster]


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    """Return a function that starts the servers and GitHub, with the arguments of ``cluster``."""
    with ExitStack() as stack:

        def make(world: World, **options: Any) -> Cluster:
            return stack.enter_context(cluster(tmp_path, world, **options))

        yield make


def make_world(users: int, *, largest: int = 9, seed: int = 7) -> World:
    """Make up accounts with one to ``largest`` repositories."""
    sizes = [1 + number % largest for number in range(users)]
    return World.synthetic(seed=seed, sizes=sizes, day=TODAY)
