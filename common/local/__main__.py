"""Start embedded mode: ``python -m common.local up``, or ``demo``."""

import argparse

from common.errors import told_plainly
from common.local.plan import plan_demo, plan_up
from common.local.supervisor import Supervisor
from common.settings import load_settings


def main() -> None:
    """Run what the command line names until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m common.local", description=__doc__)
    parser.add_argument(
        "what",
        choices=("up", "demo"),
        help="up: the product. demo: the product beside a simulated GitHub, with data of its own",
    )
    plan = {"up": plan_up, "demo": plan_demo}[parser.parse_args().what]
    with told_plainly():
        Supervisor(plan(load_settings())).run()


if __name__ == "__main__":
    main()
