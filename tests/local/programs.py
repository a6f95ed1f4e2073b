"""Programs in the place of the API and the worker."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


def api(port: int) -> None:
    print("an API in two", "lines", sep="\n")
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            client, _ = server.accept()
            with client:
                client.recv(1024)
                client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")


def worker() -> None:
    """Have a child that hears of no signal, as a prefork worker's children may."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    grandchild = subprocess.Popen([sys.executable, "-S", "-c", deaf])
    print("grandchild", grandchild.pid)
    (Path(os.environ["DATA_DIR"]) / "worker-runs").touch()
    time.sleep(600)


def stubborn() -> None:
    """Ignore every polite request to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf")
    time.sleep(600)


if __name__ == "__main__":
    match sys.argv[1]:
        case "api":
            api(int(sys.argv[2]))
        case "worker":
            worker()
        case "stubborn":
            stubborn()
        case unknown:
            sys.exit(f"no program {unknown}")
