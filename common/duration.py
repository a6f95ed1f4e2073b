"""How durations are written for people, on pages, in ``/readyz`` and in logs."""

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def format_duration(seconds: float) -> str:
    """Return a duration in the unit that suits it: 89 seconds, 2 minutes, 47 hours, 2 days."""
    if seconds < 1.5 * _MINUTE:
        count = round(seconds)
        return f"{count} second{'s' * (count != 1)}"
    if seconds < 2 * _HOUR - _MINUTE / 2:
        return f"{round(seconds / _MINUTE)} minutes"
    if seconds < 2 * _DAY - _HOUR / 2:
        return f"{round(seconds / _HOUR)} hours"
    return f"{round(seconds / _DAY)} days"
