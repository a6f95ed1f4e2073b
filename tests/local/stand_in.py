"""The runner with other programs in the place of the API and the worker."""

import argparse
import sys
from pathlib import Path

from common.errors import exit_with_message
from local.plan import ListeningPort, Plan, Program
from local.ports import LOOPBACK
from local.runner import Runner


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
    with exit_with_message():
        Runner(plan).run()


if __name__ == "__main__":
    main()
