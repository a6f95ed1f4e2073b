"""``python -m worker.health``: exit status 0 if this host's worker, or beat, is healthy.

A worker is unhealthy if its loop has stopped, or if it is idle and takes no messages although some
wait. With ``--end-if-sick`` a process that stays unhealthy is killed, and its restart policy starts
it again: Docker restarts containers that exit, not unhealthy ones. Nothing is killed because of a
Redis that does not answer, or answers and does not do its work: the next process would be no better
off.
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

from common.broker import queue_lengths
from common.errors import exit_with_message
from common.redis_access import find_obstacle
from common.redis_client import make_redis
from common.settings import Settings, load_settings
from worker.heartbeat import INTERVAL, STALE_AFTER, is_fresh, path_of, read

KILL_AFTER = 180.0
"""Seconds that a process must be unhealthy without a break; a reconnection takes some 40."""

CHECK_INTERVAL = INTERVAL + 2
"""Seconds between two checks of an idle worker: it writes its file in between."""

CountWaiting = Callable[[], int | None]
"""Counts the messages that wait in the queues; returns None if Redis does not answer."""


def check_heartbeat(path: Path, stale_after: float = STALE_AFTER) -> str | None:
    """Return what is wrong with the age of a heartbeat file, or None."""
    if is_fresh(path, stale_after):
        return None
    return f"{path.name} was not written for {stale_after:g} s"


def check_takes_messages(
    path: Path, count_waiting: CountWaiting, *, interval: float = CHECK_INTERVAL
) -> str | None:
    """Return a problem if a worker whose loop runs takes no messages, or None.

    Checks twice, the second time only if the first is suspicious: a message that arrived just now
    is no problem.

    :param interval: seconds between the two checks
    """
    began = time.time()
    first = read(path)
    if first is None or first.is_busy or not count_waiting():
        return None
    time.sleep(interval)
    second = read(path)
    if second is None or second.is_busy or second.written_at < began:
        return None
    if (second.process, second.taken_at) != (first.process, first.taken_at) or not count_waiting():
        return None
    return "messages wait, but this worker is idle and takes none"


def check_redis(client: "Redis") -> str | None:
    """Return a problem if Redis answers and does not do its work, or None."""
    try:
        obstacle = find_obstacle(client)
    except (RedisError, OSError):
        return None
    return None if obstacle is None else f"Redis {obstacle.words}"


def unhealthy_for(record: Path) -> float:
    """Record a problem, and return for how many seconds each check has found one.

    :param record: a file that lasts from one check to the next
    """
    now = time.time()
    with suppress(OSError, ValueError):
        if now - record.stat().st_mtime < STALE_AFTER:
            since = float(record.read_text())
            os.utime(record)
            return now - since
    with suppress(OSError):
        record.write_text(str(now))
    return 0.0


def kill(process: int, problem: str) -> None:
    """Kill a worker or beat, and write the reason to its log.

    SIGKILL, because a frozen process handles no other signal.
    """
    directory = Path(f"/proc/{process}")
    with suppress(OSError):
        # The id may belong to another program by now.
        if b"worker" not in (directory / "cmdline").read_bytes():
            return
        with suppress(OSError), (directory / "fd/2").open("a") as log:
            log.write(f"repopulse: {problem}: killed, to be restarted\n")
        os.kill(process, signal.SIGKILL)


def _make_redis(settings: Settings) -> "Redis":
    client = make_redis(settings)
    # One attempt: three would take longer than a health check may.
    client.set_retry(Retry(NoBackoff(), 0))
    return client


def main() -> None:
    """Check once, or twice."""
    parser = argparse.ArgumentParser(prog="python -m worker.health")
    parser.add_argument("--beat", action="store_true", help="check beat, not the worker")
    parser.add_argument(
        "--end-if-sick", action="store_true", help="kill a process that stays unhealthy"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=KILL_AFTER,
        help="seconds that it must be unhealthy before it is killed (default: %(default)g)",
    )
    parser.add_argument(
        "--silence",
        type=float,
        default=STALE_AFTER,
        help="seconds without a heartbeat that make it unhealthy (default: %(default)g)",
    )
    arguments = parser.parse_args()
    settings = load_settings()
    path = path_of(settings, is_beat=arguments.beat)
    record = path.with_suffix(".sick")
    with _make_redis(settings) as client:

        def count_waiting() -> int | None:
            try:
                return queue_lengths(client).total_waiting
            except (RedisError, OSError):
                return None

        problem = check_heartbeat(path, arguments.silence)
        if problem is None and not arguments.beat:
            problem = check_takes_messages(path, count_waiting)
        if problem is None or count_waiting() is None:
            with suppress(OSError):
                record.unlink(missing_ok=True)
        elif arguments.end_if_sick and unhealthy_for(record) >= arguments.patience:
            heartbeat = read(path)
            if heartbeat is not None:
                kill(heartbeat.process, problem)
        if problem is None:
            problem = check_redis(client)
    if problem is not None:
        sys.exit(f"repopulse: {problem}")


if __name__ == "__main__":
    with exit_with_message():
        main()
