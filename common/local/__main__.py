"""Start embedded mode: ``python -m common.local up``, or ``demo``."""

import argparse
import signal


def main() -> None:
    """Run what the command line names until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m common.local", description=__doc__)
    parser.add_argument(
        "what",
        choices=("up", "demo"),
        help="up: the product. demo: the product beside a simulated GitHub, with data of its own",
    )
    what = parser.parse_args().what
    # Nothing runs yet: until the supervisor listens to Ctrl-C, it may simply end us, without a
    # traceback out of the imports below.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from common.errors import told_plainly  # noqa: PLC0415
    from common.local.plan import plan_demo, plan_up  # noqa: PLC0415
    from common.local.supervisor import Supervisor  # noqa: PLC0415
    from common.settings import load_settings  # noqa: PLC0415

    plan = {"up": plan_up, "demo": plan_demo}[what]
    with told_plainly():
        Supervisor(plan(load_settings())).run()


if __name__ == "__main__":
    main()
