"""A keeper of a real server, whose turns the test takes itself."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import health, server
from local.errors import LocalError
from local.keeper import Keeper
from local.valkey import EmbeddedValkey
from tests.waiting import wait_until


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def keeper(tmp_path: Path, said: list[str]) -> Iterator[Keeper]:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    keeper = Keeper(valkey, said.append)
    keeper.begin()
    wait_until(turns(keeper, lambda: keeper.serving))
    yield keeper
    keeper.abandon()
    valkey.stop()


def turns(keeper: Keeper, condition: Callable[[], bool]) -> Callable[[], bool]:
    def turn() -> bool:
        keeper.look()
        return condition()

    return turn


def make_impossible(keeper: Keeper) -> Callable[[], None]:
    """Put a file in the place of the server's directory; return how to put it back."""
    directory = keeper.server.directory
    directory.rename(directory.with_name("away"))
    directory.touch()

    def repair() -> None:
        directory.unlink()
        directory.with_name("away").rename(directory)

    return repair


def kill(keeper: Keeper) -> None:
    assert keeper.server.process is not None
    keeper.server.process.kill()
    keeper.server.process.wait()


def test_a_server_that_cannot_start_again_is_said_once_and_tried_until_it_can(
    keeper: Keeper, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.backoff.BACKOFF_LIMIT", 0.01)
    keeper.forgiving = True
    port = keeper.server.port
    repair = make_impossible(keeper)

    kill(keeper)
    wait_until(turns(keeper, lambda: keeper._backoff.failures > 4))
    repair()
    wait_until(turns(keeper, lambda: keeper.serving))

    assert said == [
        "Valkey ended with status -9; starting it again in 0 s.",
        f"{keeper.server.directory}: File exists; trying again until it can.",
        "Valkey serves again.",
    ]
    assert keeper.server.port == port


def test_before_everything_is_ready_an_error_is_raised(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.backoff.BACKOFF_LIMIT", 0.01)
    repair = make_impossible(keeper)
    kill(keeper)

    with pytest.raises(LocalError, match="File exists"):
        wait_until(turns(keeper, lambda: False))
    repair()


def test_a_frozen_server_is_replaced_and_that_is_one_line(
    keeper: Keeper, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 1.0)
    monkeypatch.setattr(health, "INTERVAL", 0.1)
    monkeypatch.setattr(health, "ANSWER_LIMIT", 0.1)
    monkeypatch.setattr("local.keeper.REPLACE_LIMIT", 0.1)
    assert keeper.server.process is not None
    frozen = keeper.server.process.pid

    os.kill(frozen, signal.SIGSTOP)
    wait_until(turns(keeper, lambda: not keeper.serving))
    wait_until(turns(keeper, lambda: keeper.serving), 30)

    assert keeper.server.process.pid != frozen
    assert said == ["Valkey does not answer; starting it again."]


def test_the_log_is_kept_small_while_the_server_runs(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOG_LIMIT", 10_000)
    with keeper.server.log.open("ab") as log:
        log.write(b"words\n" * 2_000)

    keeper.look()

    assert keeper.server.log.stat().st_size == 0
    assert keeper.server.log.with_name("valkey.log.1").stat().st_size > 10_000
