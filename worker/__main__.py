"""``python -m worker``: one worker with its children."""

import warnings

from celery.platforms import SecurityWarning

from common.errors import told_plainly
from common.settings import load_settings


def main() -> None:
    """Run until told to stop."""
    settings = load_settings()
    _ = settings.database, settings.redis
    from worker.app import app  # noqa: PLC0415 - made at import: the settings come first

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
    with told_plainly():
        main()
