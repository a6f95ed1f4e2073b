"""The places where a secret may be found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, text

from tests.end_to_end.system import System
from tests.local.processes import command_of


def in_logs(system: System) -> Iterator[tuple[str, str]]:
    """Yield what the processes have logged."""
    for log in sorted(system.logs.glob("*.log")):
        yield f"output of {log.stem}", log.read_text(errors="replace")


def in_files(system: System) -> Iterator[tuple[str, str]]:
    """Yield the files that the processes have written."""
    for file in sorted(Path(system.environment["DATA_DIR"]).rglob("*")):
        if file.is_file():
            yield f"file {file.name}", file.read_bytes().decode("latin-1")


def in_process_lists(system: System) -> Iterator[tuple[str, str]]:
    """Yield the command lines of the processes and their children."""
    for name, started in system.processes.items():
        parent = psutil.Process(started.pid)
        for process in [parent, *parent.children(recursive=True)]:
            yield f"arguments of {name}", " ".join(command_of(process))


def in_redis(client: Any) -> Iterator[tuple[str, str]]:
    """Yield every key and value, of every type."""
    for key in client.scan_iter("*"):
        name = key.decode("latin-1")
        match client.type(key):
            case b"string":
                values = [client.get(key)]
            case b"list":
                values = client.lrange(key, 0, -1)
            case b"set":
                values = list(client.smembers(key))
            case b"zset":
                values = client.zrange(key, 0, -1)
            case b"hash":
                values = [part for pair in client.hgetall(key).items() for part in pair]
            case b"stream":
                values = [repr(entry).encode() for entry in client.xrange(key)]
            case other:
                raise AssertionError(f"this function does not read a {other!r}")
        yield f"Redis {name}", " ".join([name, *(value.decode("latin-1") for value in values)])


def in_database(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield every row of every table."""
    tables = connection.execute(
        text("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
    ).scalars()
    for table in tables:
        for row in connection.execute(text(f"SELECT t::text FROM {table} t")).scalars():
            yield f"table {table}", row
