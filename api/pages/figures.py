"""How numbers, days and moments are written on a page."""

from datetime import date, datetime, timedelta

_MINUS = "\N{MINUS SIGN}"


def number(value: int | None) -> str:
    """Write a count, with a dash for one that is not known."""
    return "–" if value is None else f"{value:,}"  # noqa: RUF001 - a dash is meant


def change(value: int | None) -> str:
    """Write a difference with its sign."""
    if value is None or value == 0:
        return number(value)
    return f"+{value:,}" if value > 0 else f"{_MINUS}{-value:,}"


def percent(value: float | None) -> str:
    """Write a change in percent; there is none from zero."""
    if value is None:
        return number(None)
    sign = _MINUS if value < 0 else "+" if value > 0 else ""
    return f"{sign}{abs(value):,.2f} %"


def direction(value: int | None) -> str:
    """Return the class of a difference: ``up``, ``down`` or ``level``."""
    if value is None or value == 0:
        return "level"
    return "up" if value > 0 else "down"


def moment(value: datetime | None) -> str:
    """Write a moment, UTC."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def day(value: date) -> str:
    """Write a day."""
    return value.isoformat()


def duration(seconds: float) -> str:
    """Write about how long something is."""
    if seconds < 90:
        return f"{round(seconds)} seconds"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} minutes"
    hours = round(timedelta(minutes=minutes) / timedelta(hours=1))
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def plural(count: int, one: str, more: str | None = None) -> str:
    """Write a count and what is counted."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


FILTERS = {
    "number": number,
    "change": change,
    "percent": percent,
    "direction": direction,
    "moment": moment,
    "day": day,
    "duration": duration,
    "plural": plural,
}
