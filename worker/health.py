"""``python -m worker.health``: exit status 0 where this host's worker, or beat, is at work.

Sick is a worker whose loop stopped, or that is connected and takes nothing although messages wait.
With ``--end-if-sick`` a process that stays so is ended, and whoever started it starts it again: the
engine restarts containers that end, not those that are unhealthy. While Redis does not answer
nobody is ended, since the next one would be no better off.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.broker import make_redis, queue_lengths
from common.errors import exit_with_message
from common.settings import Settings, load_settings
from worker.heartbeat import INTERVAL, STALE_AFTER, is_alive, path_of, read

PATIENCE = 180.0
"""Seconds of sickness in one piece until a process is ended: to connect anew takes some 40."""

LOOKS_APART = INTERVAL + 2
"""Seconds between two looks at a worker that seems to take nothing: it wrote its file meanwhile."""

Waiting = Callable[[], int | None]
"""Counts the messages that wait in the queues; None where Redis does not answer."""


def complaint_about_silence(path: Path, stale_after: float = STALE_AFTER) -> str | None:
    """Say for how long the file was not touched if that is too long, or return None."""
    if is_alive(path, stale_after):
        return None
    return f"{path.name} was not touched for {stale_after:g} s"


def complaint_about_idleness(
    path: Path, waiting: Waiting, *, apart: float = LOOKS_APART
) -> str | None:
    """Say that a worker whose loop runs takes nothing, or return None.

    Two looks, and only where the first is suspicious: a message that came in just now is no alarm.

    :param apart: seconds between the looks
    """
    looked_at = time.time()
    first = read(path)
    if first is None or first.is_busy or not waiting():
        return None
    time.sleep(apart)
    second = read(path)
    if second is None or second.is_busy or second.touched_at < looked_at:
        return None
    if (second.process, second.taken_at) != (first.process, first.taken_at) or not waiting():
        return None
    return "messages wait, and this worker is idle and takes none"


def sick_for(note: Path) -> float:
    """Note a complaint and return for how many seconds there was one at each look.

    :param note: a file that lasts from one look to the next
    """
    now = time.time()
    with suppress(OSError, ValueError):
        if now - note.stat().st_mtime < STALE_AFTER:
            since = float(note.read_text())
            os.utime(note)
            return now - since
    with suppress(OSError):
        note.write_text(str(now))
    return 0.0


def end(process: int, reason: str) -> None:
    """Kill a worker or beat, since one that is stuck heeds nothing less, and say so in its log."""
    directory = Path(f"/proc/{process}")
    with suppress(OSError):
        # An id may be another program's by now.
        if b"worker" not in (directory / "cmdline").read_bytes():
            return
        with suppress(OSError), (directory / "fd/2").open("a") as log:
            log.write(f"repopulse: {reason}: ended, to be started anew\n")
        os.kill(process, signal.SIGKILL)


def _count(client: "Redis") -> int | None:
    try:
        return queue_lengths(client).total_waiting
    except (RedisError, OSError):
        return None


def _redis(settings: Settings) -> "Redis":
    client = make_redis(settings)
    # One attempt: three would outlast the time that a health check has.
    client.set_retry(Retry(NoBackoff(), 0))
    return client


def main() -> None:
    """Look once, or twice."""
    parser = argparse.ArgumentParser(prog="python -m worker.health")
    parser.add_argument("--beat", action="store_true", help="look at beat, not at the worker")
    parser.add_argument("--end-if-sick", action="store_true", help="end what stays sick")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds of sickness until then"
    )
    parser.add_argument(
        "--silence", type=float, default=STALE_AFTER, help="seconds that a loop may be silent"
    )
    arguments = parser.parse_args()
    settings = load_settings()
    path = path_of(settings, is_beat=arguments.beat)
    note = path.with_suffix(".sick")
    with _redis(settings) as client:

        def waiting() -> int | None:
            return _count(client)

        complaint = complaint_about_silence(path, arguments.silence)
        if complaint is None and not arguments.beat:
            complaint = complaint_about_idleness(path, waiting)
        if complaint is None or waiting() is None:
            with suppress(OSError):
                note.unlink(missing_ok=True)
        elif arguments.end_if_sick and sick_for(note) >= arguments.patience:
            heartbeat = read(path)
            if heartbeat is not None:
                end(heartbeat.process, complaint)
    if complaint is not None:
        sys.exit(f"repopulse: {complaint}")


if __name__ == "__main__":
    with exit_with_message():
        main()
