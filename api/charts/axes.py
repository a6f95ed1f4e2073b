"""The ticks of a chart's axes: where they are and how they are labelled."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import count

DayTick = tuple[date, str]
"""A day and its label."""

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

_MIN_TICKS = 3
"""With fewer ticks, one step could be many times larger than the range of the values."""

_MAX_DAY_TICKS = 60
"""No picture has room for more labels."""


def value_ticks(lowest: int, highest: int, *, most: int) -> list[int]:
    """Return the ticks of a value axis: round whole numbers in equal steps.

    The first is at most the lowest value and the last at least the highest. The axis starts at
    zero if that costs no more than a third of the height.

    :param most: maximum number of ticks; three are allowed in any case
    """
    if lowest == highest:
        lowest, highest = max(0, lowest - 1), highest + 1
    if lowest * 3 <= highest:
        lowest = 0
    for step in _steps():
        bottom = lowest // step * step
        top = -(-highest // step) * step
        if (top - bottom) // step < max(most, _MIN_TICKS):
            return list(range(bottom, top + 1, step))
    raise AssertionError("unreachable: steps grow without limit")


def signed_ticks(down: int, up: int, *, most: int) -> list[int]:
    """Return the ticks of an axis from ``-down`` to ``up``: as `value_ticks`, and zero is one.

    :param down: at least zero, like ``up``
    """
    for step in _steps():
        below, above = -(-down // step), -(-up // step)
        if below + above < max(most, _MIN_TICKS):
            # Without any value there is still an upper half.
            above = above or int(not below)
            return [step * number for number in range(-below, above + 1)]
    raise AssertionError("unreachable: steps grow without limit")


def log_ticks(lowest: float, highest: float, *, most: int) -> list[int]:
    """Return the ticks of a logarithmic axis: 1, 2, 5, 10 and so on, or powers of ten alone.

    The first is at most the lowest value, unless that is below 1, and the last at least the
    highest.

    :param lowest: more than zero
    :param most: maximum number of ticks; with more, powers of ten are left out too
    """
    steps = _steps()
    ticks = [next(steps)]
    while ticks[-1] < highest or len(ticks) < 2:
        ticks.append(next(steps))
    while len(ticks) > 2 and ticks[1] <= lowest:
        del ticks[0]
    if len(ticks) <= max(most, _MIN_TICKS):
        return ticks
    powers = [tick for tick in ticks if str(tick).strip("0") == "1"]
    inner = [power for power in powers if ticks[0] < power < ticks[-1]]
    every = -(-len(inner) // max(most - 2, 1)) if inner else 1
    return [ticks[0], *inner[every - 1 :: every], ticks[-1]]


def day_ticks(first: date, last: date, fits: Callable[[list[DayTick]], bool]) -> list[DayTick]:
    """Return the ticks of a day axis: as many as fit in equal steps, and at least one.

    Days are counted back from the last one; months and years have their tick on their first day.
    The first label names the year, and so does the first one of each later year.

    :param fits: tells whether the labels fit beside each other; if more labels fit, fewer do too
    """
    for ticks in _candidates(first, last):
        if 1 < len(ticks) <= _MAX_DAY_TICKS and fits(ticks):
            return ticks
    ends = _labelled([first, last])
    return ends if first != last and fits(ends) else _labelled([last])


def _steps() -> Iterator[int]:
    """Yield 1, 2, 5, 10, 20, 50 and so on."""
    return (factor * 10**power for power in count() for factor in (1, 2, 5))


def _candidates(first: date, last: date) -> Iterator[list[DayTick]]:
    """Yield the possible sets of ticks, the largest first: days, months, years."""
    days = (last - first).days
    for step in (1, 2, 7, 14, 28):
        if days // step <= _MAX_DAY_TICKS:
            ago = range(days // step * step, -1, -step)
            yield _labelled([last - timedelta(days=back) for back in ago])
    months = [
        date(number // 12, number % 12 + 1, 1)
        for number in range(_month_number(first), _month_number(last) + 1)
        if number > _month_number(first) or first.day == 1
    ]
    for step in (1, 2, 3, 6):
        yield _labelled((day for day in months if (day.month - 1) % step == 0), of_months=True)
    for step in (1, 2, 5, 10):
        yield [
            (day, day.isoformat()[:4]) for day in months if day.month == 1 and day.year % step == 0
        ]


def _labelled(days: Iterable[date], *, of_months: bool = False) -> list[DayTick]:
    """Label ascending days: "5 Nov 2025", "3 Dec", "2 Jan 2026"; months without their day."""
    ticks = []
    year = None
    for day in days:
        label = _MONTHS[day.month - 1] if of_months else f"{day.day} {_MONTHS[day.month - 1]}"
        ticks.append((day, label if day.year == year else f"{label} {day.year:04}"))
        year = day.year
    return ticks


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1
