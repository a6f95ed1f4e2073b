import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from local.errors import LocalError
from local.valkey import EmbeddedValkey
from tests.local.processes import eventually, processes_of


def connect(valkey: EmbeddedValkey) -> "closing[Redis]":
    return closing(Redis.from_url(valkey.url, decode_responses=True))


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / 'my "own" data' / "valkey") as server:
        yield server


def test_keys_survive_a_restart(valkey: EmbeddedValkey) -> None:
    with connect(valkey) as client:
        client.set("kept", "yes")

    valkey.stop()
    valkey.start()

    with connect(valkey) as client:
        assert client.get("kept") == "yes"


def test_keys_survive_kill_9(valkey: EmbeddedValkey) -> None:
    with connect(valkey) as client:
        client.set("kept", "yes")
    assert valkey.process is not None

    valkey.process.kill()
    valkey.process.wait()
    valkey.start()

    with connect(valkey) as client:
        assert client.get("kept") == "yes"


def test_start_stops_a_server_left_on_the_directory(valkey: EmbeddedValkey) -> None:
    with EmbeddedValkey(valkey.directory) as successor, connect(successor) as client:
        assert client.ping()
        assert not valkey.running


def test_no_key_is_evicted_and_writes_go_to_the_append_only_file(valkey: EmbeddedValkey) -> None:
    with connect(valkey) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("append*")["appendonly"] == "yes"
        assert client.config_get("append*")["appendfsync"] == "everysec"


def test_append_only_file_is_rewritten_when_it_is_large(valkey: EmbeddedValkey) -> None:
    files = valkey.directory / "appendonlydir"

    def size() -> int:
        total = 0
        for file in files.iterdir():
            # Valkey removes files meanwhile.
            with suppress(FileNotFoundError):
                total += file.stat().st_size
        return total

    with connect(valkey) as client:

        def write() -> None:
            client.set("key", "x" * 100_000)

        def is_small_after_another_write() -> bool:
            write()
            return size() < 8 * 1024**2

        for _ in range(500):
            write()

        # Valkey looks at the size ten times a second, and rewrites at twice the size that the last
        # rewrite left. Both depend on how much a fast client writes meanwhile, so now write slowly.
        assert eventually(is_small_after_another_write, 30)


def test_server_that_is_not_durable_writes_no_file(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey", durable=False) as valkey, connect(valkey) as client:
        client.set("key", "value")
        assert client.config_get("appendonly") == {"appendonly": "no"}
    assert list((tmp_path / "valkey").iterdir()) == []


def test_asks_for_the_password_and_never_shows_it(valkey: EmbeddedValkey) -> None:
    password = valkey.url.split(":")[2].split("@")[0]
    assert valkey.process is not None

    assert password not in " ".join(psutil.Process(valkey.process.pid).cmdline())
    assert password not in valkey.log.read_text()
    with (
        closing(Redis.from_url(valkey.url.replace(password, "guess"))) as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.ping()


def test_stop_leaves_no_process(valkey: EmbeddedValkey) -> None:
    valkey.stop()

    assert eventually(lambda: not processes_of(valkey.directory))


def test_server_on_path_is_used_without_a_wheel(
    valkey: EmbeddedValkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert valkey.process is not None
    (tmp_path / "bin").mkdir()
    shutil.copy(psutil.Process(valkey.process.pid).exe(), tmp_path / "bin" / "redis-server")
    monkeypatch.setattr("local.valkey.in_wheel", lambda *_: None)

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with EmbeddedValkey(tmp_path / "other") as other, connect(other) as client:
        assert client.ping()
        assert other.process is not None
        assert psutil.Process(other.process.pid).name() == "redis-server"

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match="set REDIS_URL"):
        EmbeddedValkey(tmp_path / "another").start()
