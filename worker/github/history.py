"""GitHub's history of stars: by week and day, those that are still held.

``GET /repositories/{id}/stargazers/history`` answers the newest weeks first, at most 30 a page,
each as ``{"week": <epoch seconds>, "total": n, "days": [7 numbers]}`` that begins on Sunday; weeks
without stars are there too. This address is that of GitHub's own ``Link`` headers, and survives
renames. An unchanged page has no ``Link``, so pages are requested by number until a short one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from worker.github.errors import TryAgain
from worker.github.meaning import Meaning
from worker.github.observation import read_total
from worker.github.transport import Transport

WEEKS = 30
"""The most that GitHub has on one page."""

_LAST_PAGE = 100
"""The last page that GitHub answers."""

_WEEK = timedelta(days=7)
_SUNDAY = 7
_LAST_EPOCH = 2**33


@dataclass(frozen=True, slots=True)
class Week:
    """One week.

    :param sunday: its first day
    :param days: the stars of its seven days
    """

    sunday: date
    days: tuple[int, ...]

    @property
    def saturday(self) -> date:
        """Its last day."""
        return self.sunday + timedelta(days=6)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page.

    :param weeks: the newest first, each a week after the next
    :param is_last: no older weeks follow
    :param etag: for another request
    :param answered_at: GitHub's own time; None if it did not say
    """

    weeks: tuple[Week, ...]
    is_last: bool
    etag: str | None
    answered_at: datetime | None

    @property
    def gains(self) -> dict[date, int]:
        """The stars of each day."""
        return {
            week.sunday + timedelta(days=number): gained
            for week in self.weeks
            for number, gained in enumerate(week.days)
        }


class StarHistory:
    """The requests for star histories: they take only what scans leave."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def page(self, repo_id: int, page: int, *, etag: str | None) -> HistoryPage | None:
        """Return a page, see ``GitHub.history``."""
        answer = self._transport.get(
            f"/repositories/{repo_id}/stargazers/history",
            {"per_page": WEEKS, "page": page},
            is_background=True,
            etag=etag,
        )
        if answer.meaning is Meaning.MOVED and answer.location is not None:
            answer = self._transport.get(answer.location, is_background=True)
        if answer.meaning is Meaning.UNCHANGED and etag is not None:
            return None
        weeks = _read_weeks(answer.usable())
        moment = None if answer.date is None else datetime.fromtimestamp(answer.date, UTC)
        is_short = len(weeks) < WEEKS and answer.next_page is None
        is_last = is_short or page >= _LAST_PAGE
        return HistoryPage(_distinct(weeks), is_last, answer.etag, moment)


def _read_weeks(data: Any) -> list[Week]:
    if not isinstance(data, list):
        raise TryAgain("a history of stars is not a list")
    return [_read_week(item) for item in data]


def _read_week(item: Any) -> Week:
    start, total, days = (
        (item.get(name) for name in ("week", "total", "days"))
        if isinstance(item, dict)
        else (None, None, None)
    )
    if type(start) is not int or not 0 <= start < _LAST_EPOCH or not isinstance(days, list):
        raise TryAgain("a history of stars has something else than weeks")
    # The label looks like UTC; Los Angeles' midnight is on the same day there.
    sunday = datetime.fromtimestamp(start, UTC).date()
    if sunday.isoweekday() != _SUNDAY or len(days) != _WEEK.days:
        raise TryAgain("a history of stars has weeks that do not begin on Sunday")
    if any(read_total(gained) is None for gained in days) or total != sum(days):
        raise TryAgain("a history of stars has a week whose days do not add up")
    return Week(sunday, tuple(days))


def _distinct(weeks: Sequence[Week]) -> tuple[Week, ...]:
    """Return the weeks without repetitions.

    :raise TryAgain: one is missing between two others, or two differ
    """
    found: list[Week] = []
    for week in weeks:
        if found and week == found[-1]:
            continue
        if found and week.sunday != found[-1].sunday - _WEEK:
            raise TryAgain("a history of stars is not week after week")
        found.append(week)
    return tuple(found)
