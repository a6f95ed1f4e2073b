"""The result of checking one part: a level and one sentence, which every view shows unchanged.

``/readyz``, the overview, the status page and the log have the same words. A part has one result:
where several things are wrong with it, ``combine`` joins their words and the worst level wins.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the worst part decides about the whole."""

    OK = 0
    NOTICE = 1
    """Everything works; the operator should know."""
    DEGRADED = 2
    """Requests are served, but counts are not recorded, or not all."""
    UNAVAILABLE = 3
    """Requests cannot be served."""

    @property
    def status(self) -> str:
        """What ``/readyz`` says of the whole."""
        return {Level.DEGRADED: "degraded", Level.UNAVAILABLE: "unavailable"}.get(self, "ready")

    @property
    def label(self) -> str:
        """How a page marks a part."""
        return {Level.OK: "ok", Level.NOTICE: "note"}.get(self, "problem")


@dataclass(frozen=True, slots=True)
class Check:
    """The result for one part.

    :param words: ``ok``, or a sentence without a full stop whose subject is the part
    """

    level: Level
    words: str


OK = Check(Level.OK, "ok")


def notice(words: str) -> Check:
    """Return a result that the operator should know, with everything at work."""
    return Check(Level.NOTICE, words)


def degraded(words: str) -> Check:
    """Return a result that keeps counts from being recorded."""
    return Check(Level.DEGRADED, words)


def unavailable(words: str) -> Check:
    """Return a result that keeps requests from being served."""
    return Check(Level.UNAVAILABLE, words)


def combine(*checks: Check) -> Check:
    """Return one result for a part: the worst level, and the words of all, the worst first."""
    wrong = sorted(
        (check for check in checks if check.level), key=lambda check: check.level, reverse=True
    )
    if not wrong:
        return OK
    return Check(wrong[0].level, "; ".join(dict.fromkeys(check.words for check in wrong)))


def format_time(moment: datetime, now: datetime) -> str:
    """Return hour and minute in UTC, with the date if that is not today."""
    is_today = moment.date() == now.date()
    return f"{moment:%H:%M}" if is_today else f"{moment:%Y-%m-%d %H:%M}"
