"""The supervisor with other programs in the place of the API and the worker."""

import argparse
import sys
from pathlib import Path

from common.errors import told_plainly
from common.local.child import Program
from common.local.plan import ListeningPort, Plan
from common.local.ports import LOOPBACK
from common.local.supervisor import Supervisor


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--api", default="api")
    parser.add_argument("--with", dest="extra", action="append", default=[])
    arguments = parser.parse_args()

    def program(name: str, which: str) -> Program:
        python = [sys.executable, "-m", "tests.local.programs"]
        return Program(name, [*python, which, str(arguments.port)])

    plan = Plan(
        data_dir=arguments.data_dir,
        database_url=None,
        redis_url=None,
        ports=(ListeningPort("API_PORT", LOOPBACK, arguments.port),),
        migration=Program("migrate", [sys.executable, "-c", "print('migrated')"], once=True),
        programs=[
            program("api", arguments.api),
            program("worker", "worker"),
            *(program(name, name) for name in arguments.extra),
        ],
        ready_at=(LOOPBACK, arguments.port),
        welcome=("Ready.",),
    )
    with told_plainly():
        Supervisor(plan).run()


if __name__ == "__main__":
    main()
