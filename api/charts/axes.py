"""Where an axis has its marks, and what they say."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count

Mark = tuple[date, str]

_FEWEST = 3
"""With fewer marks one step could be many times the values' range."""

_MOST_LABELS = 60
"""More of them fit into no picture."""


def value_marks(lowest: int, highest: int, *, most: int) -> list[int]:
    """Return the marks of an axis of counts: whole numbers that people like, in equal steps.

    The first is at most the lowest value and the last at least the highest. The axis begins at
    zero where that costs no more than a third of the height.

    :param most: so many marks at most, and no fewer than three
    """
    if lowest == highest:
        lowest, highest = max(0, lowest - 1), highest + 1
    if lowest * 3 <= highest:
        lowest = 0
    for step in _steps():
        bottom = lowest // step * step
        top = -(-highest // step) * step
        if (top - bottom) // step < max(most, _FEWEST):
            return list(range(bottom, top + 1, step))
    raise AssertionError("a step can be as large as any range")


def day_marks(first: date, last: date, fits: Callable[[list[Mark]], bool]) -> list[Mark]:
    """Return the marks of an axis of days: as many as fit, in equal steps, and at least one.

    Days are counted back from the last one; months and years are marked where they begin.

    :param fits: whether labels have room beside each other; fewer have if more do
    """
    for marks in _choices(first, last):
        if len(marks) > 1 and len(marks) <= _MOST_LABELS and fits(marks):
            return marks
    ends = [_of_day(first), _of_day(last)]
    return ends if first != last and fits(ends) else ends[1:]


def _steps() -> Iterator[int]:
    """Count 1, 2, 5, 10, 20, 50 and so on."""
    return (factor * 10**power for power in count() for factor in (1, 2, 5))


def _choices(first: date, last: date) -> Iterator[list[Mark]]:
    """Return the marks that there could be, from many to few."""
    days = (last - first).days
    for step in (1, 2, 7, 14):
        if days // step <= _MOST_LABELS:
            ago = range(days // step * step, -1, -step)
            yield [_of_day(last - timedelta(days=back)) for back in ago]
    months = [
        date(number // 12, number % 12 + 1, 1)
        for number in range(_month(first), _month(last) + 1)
        if number > _month(first) or first.day == 1
    ]
    for step in (1, 2, 3, 6):
        yield [(day, day.isoformat()[:7]) for day in months if (day.month - 1) % step == 0]
    for step in (1, 2, 5, 10):
        yield [
            (day, day.isoformat()[:4]) for day in months if day.month == 1 and day.year % step == 0
        ]


def _of_day(day: date) -> Mark:
    return day, day.isoformat()


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1
