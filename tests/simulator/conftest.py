from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from simulator import Account, GitHubSimulator, World
from tests.simulator.clients import client_of


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_436_800.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world() -> World:
    return World(day=date(2026, 11, 23))


@pytest.fixture
def octocat(world: World) -> Account:
    return world.add_account("octocat", name="The Octocat", id=583231)


@pytest.fixture
def simulator(world: World, octocat: Account, clock: Clock) -> GitHubSimulator:
    return GitHubSimulator(world, tokens={"good": octocat, "other": None}, clock=clock)


@pytest.fixture
def client(simulator: GitHubSimulator) -> Iterator[httpx.Client]:
    with client_of(simulator) as client:
        yield client
