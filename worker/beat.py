"""``python -m worker.beat``: sends the daily fan-out and the sweep. Any number of them may run."""

from common.errors import told_plainly
from common.settings import load_settings


def main() -> None:
    """Run until told to stop."""
    settings = load_settings()
    _ = settings.redis
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    from worker.app import app  # noqa: PLC0415 - made at import: the settings come first

    app.start(
        [
            "beat",
            f"--loglevel={settings.log_level}",
            "--scheduler=worker.heartbeat:Scheduler",
            # Only a memory of the last run: lost, the sweep does the same work within a minute.
            f"--schedule={settings.data_dir / 'beat.schedule'}",
            "--pidfile=",
        ]
    )


if __name__ == "__main__":
    with told_plainly():
        main()
