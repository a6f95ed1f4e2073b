"""``python -m worker``: one worker with its children."""

import os
import warnings

from common import log
from common.credentials import choose_credential
from common.errors import exit_with_message
from common.settings import load_settings


def main() -> None:
    """Run until told to stop.

    SIGTERM gives tasks a few seconds to end and puts the others back into their queues at once.
    """
    settings = load_settings()
    # Asked for now, so that what is missing or contradictory is one plain line.
    _ = settings.database, settings.redis, choose_credential(settings)
    # Read when Celery is imported; by default SIGTERM waits for tasks as long as they take.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    # Imported late for that, and because the app is made at import, from settings that are right.
    from celery.platforms import SecurityWarning  # noqa: PLC0415

    log.configure(settings)
    from worker.app import app  # noqa: PLC0415

    # Celery warns of root because of pickle; this app accepts JSON alone.
    warnings.simplefilter("ignore", SecurityWarning)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--loglevel={settings.log_level}",
            # Nodes of one host need names of their own; Flower tells them apart by these.
            "--hostname=worker@%h",
            # Events of other workers are of no use to this one.
            "--without-gossip",
            "--without-mingle",
        ]
    )


if __name__ == "__main__":
    with exit_with_message():
        main()
