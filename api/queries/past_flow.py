"""Stars gained and lost, and what is known of spans that were not observed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import Connection

from api.queries import flow, star_history
from api.queries.estimate import StarHistory
from api.queries.flow import Flow, Per

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewStars:
    """The stars that were given on a day.

    :param is_late: the day was read more than two days after its end, so that stars which had been
        taken back by then are missing
    """

    stars: int
    is_late: bool


def of_repository(
    connection: Connection, repo_id: int, per: Per, first: date, last: date
) -> Sequence[Flow]:
    """Return the flow of each span that lies wholly between two days, both included.

    A span without a row at both of its ends, as before the first row, has the stars that are still
    held of it, as a late reading shows them; what was lost is not known.
    """
    found = flow.of_repository(connection, repo_id, per, first, last)
    if all(span.gained is not None for span in found):
        return found
    history = star_history.of_repository(connection, repo_id)
    if history is None:
        return found
    return [
        span if span.gained is not None or not _is_read(history, span) else _held(history, span)
        for span in found
    ]


def new_stars(
    connection: Connection, repo_id: int, first: date, last: date
) -> dict[date, NewStars]:
    """Return the new stars of the days between two, both included, that were read.

    The days are GitHub's, which end at midnight in Los Angeles.
    """
    history = star_history.of_repository(connection, repo_id)
    if history is None or history.first_gain is None:
        return {}
    start, stop = max(first.toordinal(), history.first_gain), min(last, history.read_through)
    return {
        date.fromordinal(day): NewStars(
            history.by_day.get(day, 0), flow.is_late(day, history.read_by_day.get(day))
        )
        for day in range(start, stop.toordinal() + 1)
    }


def _is_read(history: StarHistory, span: Flow) -> bool:
    return span.to - 2 * _DAY <= history.read_through


def _held(history: StarHistory, span: Flow) -> Flow:
    # A row of 00:05 UTC is of the afternoon before in Los Angeles: the days that end between two
    # rows are those from the day before the first to two days before the second.
    days = range(span.since.toordinal() - 1, span.to.toordinal() - 1)
    return replace(span, gained=sum(history.by_day.get(day, 0) for day in days), late=True)
