"""Real servers for the tests, and a separate database for each test.

``SERVERS=embedded`` (the default) runs the servers from wheels, ``SERVERS=containers`` runs the
same versions in containers, ``SERVERS=postgres-15`` Debian's Postgres 15, and ``SERVERS=pgbouncer``
puts PgBouncer in front of the embedded Postgres. Each pytest process starts its own servers on free
ports, in less than a second, so that neither the processes of one run nor two runs share anything.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psutil
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from local.postgres import EmbeddedPostgres

ROOT = Path(__file__).parent.parent

TEMPLATE = "template_repopulse"

_PASSWORD = "throw-away"

_MEMORY = Path("/dev/shm")
_NEEDED_SPACE = 2 * 1024**3
_PREFIX = "repopulse-tests-"


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses of the servers, passwords included."""

    postgres_url: str
    """A database, with a role that may create others."""
    redis_url: str
    pooler_url: str | None = None
    """The same database through a pooler, if the product is to use one."""


@contextmanager
def started(directory: Path) -> Iterator[Servers]:
    """Start the servers that ``SERVERS`` asks for, and stop them afterwards."""
    kinds = {
        "embedded": _embedded,
        "containers": _containers,
        "postgres-15": _postgres_15,
        "pgbouncer": _pgbouncer,
    }
    kind = os.environ.get("SERVERS") or "embedded"
    if kind not in kinds:
        raise ValueError(f"SERVERS is {kind!r}: give one of {', '.join(kinds)}")
    with kinds[kind](directory) as servers:
        yield servers


@contextmanager
def _embedded(directory: Path) -> Iterator[Servers]:
    from local.postgres import EmbeddedPostgres  # noqa: PLC0415 - not where containers run

    with _local(directory, lambda place: EmbeddedPostgres(place, durable=False)) as servers:
        yield servers


@contextmanager
def _postgres_15(directory: Path) -> Iterator[Servers]:
    from tests.other_servers import DebianPostgres  # noqa: PLC0415

    with _local(directory, lambda place: DebianPostgres(place, version=15)) as servers:
        yield servers


@contextmanager
def _local(
    directory: Path, make_postgres: Callable[[Path], "EmbeddedPostgres"]
) -> Iterator[Servers]:
    from local.valkey import EmbeddedValkey  # noqa: PLC0415

    with (
        _in_memory(directory) as place,
        make_postgres(place / "postgres") as postgres,
        EmbeddedValkey(place / "valkey", durable=False) as valkey,
    ):
        yield Servers(postgres.url, valkey.url)


@contextmanager
def _pgbouncer(directory: Path) -> Iterator[Servers]:
    from tests.other_servers import pgbouncer  # noqa: PLC0415

    with (
        _embedded(directory) as servers,
        pgbouncer(directory / "pgbouncer", servers.postgres_url) as pooler,
    ):
        yield replace(servers, pooler_url=pooler)


@contextmanager
def _in_memory(otherwise: Path) -> Iterator[Path]:
    """Return a directory in memory if there is room: copying a database writes 300 small files."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _NEEDED_SPACE:
        yield otherwise
        return
    for left in _MEMORY.glob(f"{_PREFIX}*-*"):
        # Left by a run that was killed; its servers have ended.
        if not psutil.pid_exists(int(left.name.removeprefix(_PREFIX).partition("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=_MEMORY) as place:
        yield Path(place)


@contextmanager
def _containers(_directory: Path) -> Iterator[Servers]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - slow to import
    from testcontainers.community.redis import RedisContainer  # noqa: PLC0415

    # Nothing here has to survive a crash.
    fast = "postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    with ExitStack() as stack:
        postgres = stack.enter_context(
            PostgresContainer(
                _image("postgres"),
                username="repopulse",
                password=_PASSWORD,
                dbname="repopulse",
                driver="psycopg2",
            ).with_command(fast)
        )
        redis = stack.enter_context(RedisContainer(_image("redis"), password=_PASSWORD))
        host, port = redis.get_container_host_ip(), redis.get_exposed_port(6379)
        yield Servers(postgres.get_connection_url(), f"redis://:{_PASSWORD}@{host}:{port}/0")


def _image(name: str) -> str:
    """Return the image that the compose file pins."""
    compose = (ROOT / "docker" / f"{name}.yml").read_text()
    (found,) = re.findall(rf"^    image: ({name}:\S+)$", compose, re.MULTILINE)
    return str(found)


class Databases:
    """Makes databases as copies of a template that the migrations made, in some 25 ms each.

    :param url: an address as the product is to use it, on the same server
    """

    def __init__(self, admin: Connection, url: URL) -> None:
        self._admin = admin
        self._given = url
        self._numbers = count(1)

    def make_template(self) -> None:
        """Make the template."""
        self._admin.execute(text(f"CREATE DATABASE {TEMPLATE}"))
        # Not through a pooler: no connection to it may stay open.
        migrate(self._admin.engine.url.set(database=TEMPLATE).render_as_string(hide_password=False))

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """Make a database for one test, yield its address, and drop it afterwards."""
        name = f"test_{next(self._numbers)}"
        template = TEMPLATE if migrated else "template0"
        # Twice as fast as the default strategy, as nothing is forced to the disk.
        self._admin.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
        try:
            yield self._url(name)
        finally:
            self._admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    def direct(self, url: str) -> str:
        """Return the address without the pooler of one of these databases."""
        database = make_url(url).database
        return self._admin.engine.url.set(database=database).render_as_string(hide_password=False)

    def _url(self, database: str) -> str:
        return self._given.set(database=database).render_as_string(hide_password=False)


@contextmanager
def databases(servers: Servers) -> Iterator[Databases]:
    """Connect to Postgres with a role that may create databases."""
    engine = create_engine(
        make_url(servers.postgres_url), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as admin:
        yield Databases(admin, make_url(servers.pooler_url or servers.postgres_url))


def migrate(url: str, revision: str = "head") -> None:
    """Migrate a database to a revision, as ``alembic upgrade`` does."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    config.attributes["url"] = url
    command.upgrade(config, revision)
