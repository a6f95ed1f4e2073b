"""The outcome of a task: a summary for Flower, and what follows."""

from dataclasses import dataclass, field
from datetime import date, datetime

from common.states import ScanState
from common.users import TrackedUser


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scan ended.

    :param state: None if there was nothing to do
    :param rows: daily rows that are new or different
    :param summary: one line for Flower
    :param is_failure: the scan could not do its work, and not because of GitHub's limits
    """

    state: ScanState | None
    rows: int = 0
    summary: str = field(default="", compare=False)
    is_failure: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Resolution:
    """How the resolving of a login ended.

    :param new_user: the user who is tracked from now on and has to be loaded
    :param summary: one line for Flower
    :param is_failure: as in ``Outcome``
    """

    new_user: TrackedUser | None
    summary: str
    is_failure: bool = False


def time_of_day(moment: datetime, today: date) -> str:
    """Return hour and minute in UTC, with the date if that is not today."""
    return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
