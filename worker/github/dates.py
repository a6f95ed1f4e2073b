"""GitHub's own times of the answers to one scan, from their Date headers.

A row's day must be GitHub's: the database's clock may be wrong. Some proxies remove the header;
then the database's clock alone counts.
"""

from datetime import UTC, date, datetime, timedelta

from worker.github.errors import OtherDay
from worker.github.meaning import Answer, Meaning

_DATED = frozenset(
    {
        Meaning.DATA,
        Meaning.PARTIAL,
        Meaning.UNCHANGED,
        Meaning.MOVED,
        Meaning.GONE,
        Meaning.BLOCKED,
    }
)
"""Answers that tell something of the day on which they were given."""

_ROUNDING = timedelta(seconds=1)
"""The header has whole seconds."""


class AnswerDates:
    """The times of the answers to one scan.

    :param day: the UTC day to record
    """

    def __init__(self, day: date) -> None:
        self._day = day
        self._first: datetime | None = None
        self._last: datetime | None = None
        self.is_undated = False
        """An answer that tells something had no Date header."""
        self.is_other_day = False
        """An answer was of another day."""

    def note(self, answer: Answer) -> None:
        """Add the time of an answer.

        :raise OtherDay: what the answer tells is of another day than the one to record
        """
        is_used = answer.meaning in _DATED
        if answer.date is None:
            self.is_undated = self.is_undated or is_used
            return
        moment = datetime.fromtimestamp(answer.date, UTC)
        self._first = moment if self._first is None else min(self._first, moment)
        self._last = moment if self._last is None else max(self._last, moment)
        if moment.date() != self._day:
            self.is_other_day = True
            if is_used:
                raise OtherDay(self._day, moment)

    def clock_error(self, sent: datetime, received: datetime) -> timedelta | None:
        """Return how far another clock is ahead of GitHub's, negative if behind; None if unknown.

        Zero if that clock may be right: GitHub answered between the two moments.

        :param sent: by the other clock, a moment before the first request
        :param received: by the other clock, a moment after the last answer
        """
        if self._first is None or self._last is None:
            return None
        if sent > self._first + _ROUNDING:
            return sent - self._first - _ROUNDING
        if received < self._last:
            return received - self._last
        return timedelta()
