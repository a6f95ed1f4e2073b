"""Programs in the place of the API and the worker, for the supervisor alone: ``python -m tests.local.stand_in``."""

import argparse
import http.server
import subprocess
import sys
import time
from pathlib import Path

from common.errors import told_plainly
from common.local.child import Program
from common.local.plan import ListeningPort, Plan
from common.local.ports import LOOPBACK
from common.local.supervisor import Supervisor


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        print("asked for", self.path)


def api(port: int) -> None:
    print("an API in two", "lines", sep="\n")
    http.server.HTTPServer((LOOPBACK, port), Ready).serve_forever()


def worker() -> None:
    """Have a child that hears of no signal, as a prefork worker's children may."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    grandchild = subprocess.Popen([sys.executable, "-c", deaf, "stand-in-grandchild"])
    print("grandchild", grandchild.pid)
    time.sleep(600)


def stubborn() -> None:
    """Ignore every polite request to end."""
    exec(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    )


def plan(data_dir: Path, port: int, extra: list[str]) -> Plan:
    def python(what: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "tests.local.stand_in",
            str(data_dir),
            str(port),
            "--be",
            what,
        ]

    return Plan(
        data_dir=data_dir,
        database_url=None,
        redis_url=None,
        ports=(ListeningPort("API_PORT", LOOPBACK, port),),
        migration=Program("migrate", [sys.executable, "-c", "print('migrated')"], once=True),
        programs=[Program(name, python(name)) for name in ("api", "worker", *extra)],
        ready_at=(LOOPBACK, port),
        welcome=("Ready.",),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--be", choices=("api", "worker", "stubborn"))
    parser.add_argument("--with", dest="extra", action="append", default=[])
    arguments = parser.parse_args()
    match arguments.be:
        case "api":
            api(arguments.port)
        case "worker":
            worker()
        case "stubborn":
            stubborn()
        case _:
            with told_plainly():
                Supervisor(plan(arguments.data_dir, arguments.port, arguments.extra)).run()


if __name__ == "__main__":
    main()
