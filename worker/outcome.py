"""What became of a task's work, for its result in Flower and for what follows."""

from dataclasses import dataclass, field
from datetime import date, datetime

from common.states import ScanState
from common.users import TrackedUser


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scan ended.

    :param state: None if there was nothing to do
    :param rows: daily rows that are new or different
    :param summary: the same in words
    :param is_failure: something other than a limit of GitHub's kept the scan from its work
    """

    state: ScanState | None
    rows: int = 0
    summary: str = field(default="", compare=False)
    is_failure: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Resolution:
    """How the resolving of a login ended.

    :param new_user: the user who is tracked from now on and has to be loaded
    :param summary: the outcome in words
    :param is_failure: as in ``Outcome``
    """

    new_user: TrackedUser | None
    summary: str
    is_failure: bool = False


def time_of_day(moment: datetime, today: date) -> str:
    """Return hour and minute in UTC, with the date if that is not today."""
    return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
