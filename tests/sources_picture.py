"""The picture of docs/sources.md, drawn by the code of the charts.

``python -m tests.sources_picture`` writes it again.
"""

from datetime import UTC, date, datetime, time, timedelta

from api.charts.line import line_chart
from api.queries.estimate import Anchor, StarHistory, estimates
from api.queries.history import HistoryPoint
from api.queries.metric import Metric
from api.queries.sources import ALL_OBSERVED, RECONSTRUCTED, Sources, of_import
from api.v1.chart_series import of_history
from simulator.star_log import Star, StarLog
from tests.servers import ROOT

FILE = ROOT / "docs" / "sources.svg"

_DAY = timedelta(days=1)
_FIRST, _LAST = date(2026, 3, 1), date(2026, 8, 31)
_FIRST_ROW = date(2026, 6, 10)
_GAP = date(2026, 7, 8), date(2026, 7, 24)
_IMPORTED = date(2026, 4, 6), date(2026, 4, 24)


def draw() -> str:
    """Draw half a year of a repository that loses stars too, with all sources."""
    log = _stars()
    read_at = _moment(_LAST + _DAY)
    gained = sorted(log.gained(read_at).items())
    history = StarHistory(
        _LAST,
        [day.toordinal() for day, _ in gained],
        [stars for _, stars in gained],
        [int(read_at.timestamp())] * len(gained),
    )
    points = {
        day: HistoryPoint(day, log.held_at(_moment(day)), 9, 3, ALL_OBSERVED)
        for day in _days(_FIRST_ROW, _LAST)
        if not _GAP[0] <= day <= _GAP[1]
    }
    before_gap, after_gap = _GAP[0] - _DAY, _GAP[1] + _DAY
    for anchor, earlier in ((_FIRST_ROW, None), (after_gap, before_gap)):
        for day, estimate in estimates(
            history, _FIRST, _row(log, anchor), None if earlier is None else _row(log, earlier)
        ):
            points[day] = HistoryPoint(
                day, estimate.stargazers, None, None, RECONSTRUCTED, estimate
            )
    for day in _days(*_IMPORTED):
        stars = log.held_at(_moment(day))
        points[day] = HistoryPoint(day, stars, None, None, Sources(of_import("old-csv")))
    series = of_history([points[day] for day in sorted(points)], Metric.STARGAZERS)
    return line_chart(
        "Where the stars of a repository are from", [series], first=_FIRST, last=_LAST
    )


def _stars() -> StarLog:
    """Make up stars, of which many were taken back in May and in the gap."""
    log = StarLog()
    number = 0
    for day in _days(date(2026, 1, 1), _LAST):
        for _ in range(1 + day.toordinal() * 7 % 3):
            number += 1
            given = _moment(day) + timedelta(hours=number * 5 % 24)
            taken = date(2026, 5, 12) if number % 9 == 0 else _GAP[0] + 9 * _DAY
            is_taken = number % 9 == 0 or number % 13 == 0
            log.add(Star(given, _moment(taken) if is_taken and given.date() < taken else None))
    return log


def _row(log: StarLog, day: date) -> Anchor:
    moment = _moment(day)
    return Anchor(day, log.held_at(moment), moment, moment, moment)


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(0, 5), UTC)


def _days(first: date, last: date) -> list[date]:
    return [first + number * _DAY for number in range((last - first).days + 1)]


if __name__ == "__main__":
    FILE.write_text(draw())
