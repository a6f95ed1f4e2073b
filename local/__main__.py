"""Run the product on this machine, or back up and restore its data."""

import argparse
import signal
import sys
from pathlib import Path


def main() -> None:
    """Run what the command line names until it is stopped, or done."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument(
        "what",
        choices=("up", "demo", "backup", "restore", "load", "prune"),
        help="up: run the product. demo: run it on a simulated GitHub, with separate data."
        " backup, restore: write all data to a file, or replace it by a file's."
        " load: restore an export, the NDJSON of GET /v1/export, into empty data."
        " prune: remove rows of days to come, which a wrong clock has left",
    )
    parser.add_argument("file", nargs="?", type=Path, help="the file of backup, restore and load")
    arguments = parser.parse_args()
    what, file = arguments.what, arguments.file
    if (file is not None) != (what in ("backup", "restore", "load")):
        parser.error("give a file with backup, restore and load, and with nothing else")
    # Nothing runs yet: until the runner handles Ctrl-C, let it end this process without a traceback
    # from the imports below.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from common import environment  # noqa: PLC0415
    from common.errors import exit_with_message  # noqa: PLC0415
    from common.settings import load_settings  # noqa: PLC0415

    # For the programs that it starts as well.
    environment.remove_foreign()
    if foreign := environment.get_foreign():
        sys.stderr.write(f"repopulse: {foreign}\n")
    with exit_with_message():
        if what == "load" and file is not None:
            from local.load import load  # noqa: PLC0415

            print(load(load_settings(), file))
            return
        if file is not None:
            from local.backup import back_up, restore  # noqa: PLC0415

            {"backup": back_up, "restore": restore}[what](load_settings(), file)
            return
        if what == "prune":
            from local.prune import prune  # noqa: PLC0415

            print(prune(load_settings()))
            return
        from local.plan import plan_demo, plan_up  # noqa: PLC0415
        from local.runner import Runner  # noqa: PLC0415

        plan = {"up": plan_up, "demo": plan_demo}[what]
        Runner(plan(load_settings())).run()


if __name__ == "__main__":
    main()
