"""``python -m worker``: one worker with its children."""

import os
import warnings

from common import log
from common.credentials import choose_credential
from common.errors import exit_with_message
from common.settings import load_settings


def main() -> None:
    """Run until terminated.

    On SIGTERM tasks have a few seconds to end; the messages of the others return to their queues.
    """
    settings = load_settings()
    # Read now, so that a missing or contradictory setting is one line on stderr.
    _ = settings.database, settings.redis, choose_credential(settings)
    # Celery reads it at import; by default SIGTERM waits for tasks without a limit.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    # Imported late because of that, and because the app is made at import from valid settings.
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
            # Flower tells the workers of different hosts apart by name.
            "--hostname=worker@%h",
            # Workers need no events of other workers.
            "--without-gossip",
            "--without-mingle",
        ]
    )


if __name__ == "__main__":
    with exit_with_message():
        main()
