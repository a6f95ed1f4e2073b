"""The supervisor with other programs in the place of the API and the worker."""

import argparse
import sys
from pathlib import Path

from common.errors import exit_with_message
from local import health
from local.child import Program
from local.health import Pulse, Question, http_question
from local.plan import ListeningPort, Plan
from local.ports import LOOPBACK
from local.supervisor import Supervisor


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--api", default="api")
    parser.add_argument("--with", dest="extra", action="append", default=[])
    parser.add_argument("--patience", type=float, default=health.PATIENCE)
    arguments = parser.parse_args()
    health.PATIENCE = arguments.patience
    health.INTERVAL = health.ANSWER_LIMIT = arguments.patience / 8

    def program(name: str, which: str, sign: Question | Pulse | None = None) -> Program:
        python = [sys.executable, "-m", "tests.local.programs"]
        return Program(name, [*python, which, str(arguments.port)], health=sign)

    plan = Plan(
        data_dir=arguments.data_dir,
        database_url=None,
        redis_url=None,
        ports=(ListeningPort("API_PORT", LOOPBACK, arguments.port),),
        migration=Program("migrate", [sys.executable, "-c", "print('migrated')"], once=True),
        programs=[
            program("api", arguments.api, http_question(LOOPBACK, arguments.port, "/healthz")),
            program("worker", "worker", Pulse(arguments.data_dir / "worker.heartbeat")),
            *(program(name, name) for name in arguments.extra),
        ],
        ready_at=(LOOPBACK, arguments.port),
        welcome=("Ready.",),
    )
    with exit_with_message():
        Supervisor(plan).run()


if __name__ == "__main__":
    main()
