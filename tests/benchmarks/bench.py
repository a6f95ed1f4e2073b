"""The servers of the measurements: durable, on a disk, and used by nothing else."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.ports import free_port
from local.postgres import EmbeddedPostgres
from local.valkey import EmbeddedValkey
from tests.end_to_end.system import System
from tests.servers import Databases, Servers, databases


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers that ``make up`` starts, and a directory on the same disk."""

    servers: Servers
    databases: Databases
    """Each measurement makes its own."""
    directory: Path

    def api(self, url: str, name: str) -> System:
        """Make a system for an API on a database; its files are in a directory of this name."""
        return System(
            environment={
                "DATABASE_URL": url,
                "REDIS_URL": self.servers.redis_url,
                "API_PORT": str(free_port()),
                "DATA_DIR": str(self.directory / name),
            },
            logs=self.directory / f"{name}-logs",
        )


@contextmanager
def bench() -> Iterator[Bench]:
    """Start the servers, and delete all their data afterwards."""
    # Not /tmp, which is in memory on many machines.
    with (
        tempfile.TemporaryDirectory(prefix="repopulse-bench-", dir="/var/tmp") as place,
        EmbeddedPostgres(Path(place) / "postgres") as postgres,
        EmbeddedValkey(Path(place) / "valkey") as valkey,
    ):
        servers = Servers(postgres.url, valkey.url)
        with databases(servers) as made:
            made.make_template()
            (Path(place) / "files").mkdir()
            yield Bench(servers, made, Path(place) / "files")
