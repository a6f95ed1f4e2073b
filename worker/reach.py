"""Whether this worker reaches GitHub: noted at each request, reported when its task ends."""

import logging
import socket

import redis

from common import problems
from worker.github.meaning import Answer, Meaning
from worker.github.network_errors import UNREACHABLE

log = logging.getLogger(__name__)

_last: Answer | None = None


def note(answer: Answer) -> None:
    """Note what the last request got."""
    global _last  # noqa: PLW0603 - one per process
    _last = answer


def publish(client: "redis.Redis") -> None:
    """Report the last request since the last report, or keep it if Redis does not answer."""
    global _last  # noqa: PLW0603
    if _last is None:
        return
    # As Celery names it, and so Flower and the status page.
    worker = f"worker@{socket.gethostname()}"
    try:
        if _is_usable(_last):
            if problems.end(client, problems.GITHUB, worker):
                log.info("GitHub answers again")
        else:
            what, why = _describe(_last)
            if problems.report(client, problems.GITHUB, worker, what, why):
                log.warning("GitHub: %s (%s)", what, why)
    except redis.RedisError as error:
        log.warning("state of GitHub not reported, will retry after the next task: %s", error)
        return
    _last = None


def _is_usable(answer: Answer) -> bool:
    """Return whether GitHub works; a refusal or a limit of ours is an answer too.

    If it does not understand a request, as a server of another release may, nothing is recorded.
    """
    # A 503 with Retry-After is a wait like that of a limit, but everybody has to wait.
    return answer.meaning not in (
        Meaning.TRY_AGAIN,
        Meaning.QUERY_WRONG,
    ) and not answer.trace.startswith("status 5")


def _describe(answer: Answer) -> tuple[str, str]:
    """Return what is wrong with GitHub, and why, for ``common.problems``."""
    why = answer.reason.removeprefix(UNREACHABLE)
    # With a status the answer had begun.
    is_unreachable = why != answer.reason and not answer.trace
    return "unreachable" if is_unreachable else "no usable answer", why
