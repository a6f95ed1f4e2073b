"""Whether a Redis can do the work, on a Redis as users have it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from common.redis_access import Obstacle, find_obstacle
from common.redis_client import Client, connect
from local.ports import LOOPBACK, free_port
from tests.other_servers import PASSWORD, redis_server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis") / "server") as port:
        yield port


@pytest.fixture
def admin(port: int) -> Iterator["redis.Redis"]:
    with redis.Redis(LOOPBACK, port, password=PASSWORD) as client:
        client.flushall()
        yield client


EVERYDAY = ("~*", "&*", "+@all", "-@dangerous")


def set_user(admin: "redis.Redis", *rules: str) -> None:
    command: Any = admin.execute_command
    command("ACL", "SETUSER", "app", "reset", "on", ">pw", *rules)


def obstacle(port: int, admin: "redis.Redis", *rules: str, prefix: str = "") -> Obstacle | None:
    """Return what keeps a user with some rights from the work."""
    set_user(admin, *rules)
    with connect(f"redis://app:pw@{LOOPBACK}:{port}/0", prefix) as client:
        return find_obstacle(client, is_consumer=True)


def words(port: int, admin: "redis.Redis", *rules: str, prefix: str = "") -> str:
    found = obstacle(port, admin, *rules, prefix=prefix)
    assert found is not None
    assert not found.may_pass
    return found.words


def test_everyday_user_with_channels_can_do_the_work(port: int, admin: "redis.Redis") -> None:
    assert obstacle(port, admin, *EVERYDAY) is None
    assert list(admin.scan_iter()) == []


def test_user_with_the_keys_of_a_prefix_can_do_the_work(port: int, admin: "redis.Redis") -> None:
    rules = ("~team-a:*", "~repopulse:github:*", "&*", "+@all", "-@dangerous")

    assert obstacle(port, admin, *rules, prefix="team-a:") is None
    assert words(port, admin, *rules).endswith(" ~*")
    assert words(port, admin, *rules[1:], prefix="team-a:").endswith(
        " ~team-a:* ~repopulse:github:*"
    )


@pytest.mark.parametrize(
    ("rules", "lacking"),
    [
        (("~*", "+@all", "-@dangerous"), "&*"),
        (("~*", "&/0.*", "+@all"), "&*"),
        (("~repopulse:*", "&*", "+@all"), "~*"),
        (("%R~*", "&*", "+@all"), "~*"),
        (("~*", "&*", "+@all", "-@pubsub"), "+publish +psubscribe"),
        (("~*", "&*", "+@all", "-eval", "-evalsha"), "+evalsha"),
        (("~*", "&*", "+@all", "-script"), "+script|load +script|exists"),
        (("~*", "&*", "+@all", "-multi", "-exec", "-watch"), "+multi +exec +watch"),
        (("~*", "&*", "+@all", "-ping"), "+ping"),
        (("~*", "&*", "+@all", "-hincrbyfloat", "-blpop"), "+blpop +hincrbyfloat"),
        (("+@connection",), "+set"),
    ],
)
def test_missing_rights_are_named_as_redis_grants_them(
    port: int, admin: "redis.Redis", rules: tuple[str, ...], lacking: str
) -> None:
    found = words(port, admin, *rules)

    assert "ACL SETUSER" in found
    assert lacking in found


def test_what_is_named_is_enough(port: int, admin: "redis.Redis") -> None:
    rules = ["+@connection"]
    lacking = words(port, admin, *rules).partition("> ")[2].split()

    # With the commands, Redis looks at the keys and the channels as well.
    lacking += words(port, admin, *rules, *lacking).partition("> ")[2].split()

    assert obstacle(port, admin, *rules, *lacking) is None


def test_user_who_may_not_select_the_database_is_told(port: int, admin: "redis.Redis") -> None:
    set_user(admin, "~*", "&*", "+@all", "-select")
    with connect(f"redis://app:pw@{LOOPBACK}:{port}/3") as client:
        found = find_obstacle(client)

    assert found is not None
    assert "+select" in found.words


def test_queues_stay_as_they_are(port: int, admin: "redis.Redis") -> None:
    admin.lpush("control", "message")
    admin.hset("unacked", "tag", "message")

    assert obstacle(port, admin, *EVERYDAY) is None
    assert admin.lrange("control", 0, -1) == [b"message"]
    assert admin.hgetall("unacked") == {b"tag": b"message"}


@pytest.fixture
def client(port: int, admin: "redis.Redis") -> Iterator[Client]:
    with connect(f"redis://:{PASSWORD}@{LOOPBACK}:{port}/0") as opened:
        yield opened


def test_full_redis_may_pass(client: Client, admin: "redis.Redis") -> None:
    admin.config_set("maxmemory", "1")
    try:
        found = find_obstacle(client)
    finally:
        admin.config_set("maxmemory", "0")

    assert found == Obstacle("is full: raise its maxmemory", may_pass=True)


def test_redis_without_enough_replicas_may_pass(client: Client, admin: "redis.Redis") -> None:
    admin.config_set("min-replicas-to-write", "1")
    try:
        found = find_obstacle(client)
    finally:
        admin.config_set("min-replicas-to-write", "0")

    assert found is not None
    assert found.may_pass
    assert found.words.startswith("refuses writes: ")


def test_replica_is_named(port: int, tmp_path: Path) -> None:
    options = ("--replicaof", LOOPBACK, str(port), "--masterauth", PASSWORD)
    with (
        redis_server(tmp_path / "replica", *options) as replica,
        connect(f"redis://:{PASSWORD}@{LOOPBACK}:{replica}/0") as client,
    ):
        found = find_obstacle(client)

    assert found is not None
    assert "is a replica" in found.words


def test_cluster_is_named(tmp_path: Path) -> None:
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with (
        redis_server(tmp_path / "cluster", *options) as port,
        connect(f"redis://:{PASSWORD}@{LOOPBACK}:{port}/0") as client,
    ):
        found = find_obstacle(client)

    assert found is not None
    assert found.words.startswith("is a Redis Cluster, which Celery cannot use")
