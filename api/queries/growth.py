"""Which repositories moved most in a period."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from api.queries.metric import Metric


@dataclass(frozen=True, slots=True)
class Mover:
    """How one count of a repository differs between two recorded days of a period.

    :param first_day: the first day of the period that was recorded
    :param last_day: the last one
    :param first: the count on ``first_day``
    :param last: the count on ``last_day``
    :param percent: the difference in percent of ``first``, to two digits; None where that is zero
    """

    repo_id: int
    name: str
    first_day: date
    last_day: date
    first: int
    last: int
    difference: int
    percent: float | None


def movers(  # noqa: PLR0917 - a question of six parts, in the order in which it is asked
    connection: Connection, user_id: int, first: date, last: date, by: Metric, limit: int
) -> list[Mover]:
    """Return the repositories of a user whose count changed most between two days, both included.

    The largest difference comes first, up or down; of equal ones the lower id. Only days count on
    which the user owned the repository. A repository that was recorded on fewer than two days of
    the period has no difference.
    """
    column = Metric(by).value
    rows = connection.execute(
        text(
            # The index is entered at both ends of the period: what lies between is not read.
            f"""
            SELECT r.id, r.name, oldest.date AS first_day, newest.date AS last_day,
                   oldest.count AS first, newest.count AS last,
                   newest.count - oldest.count AS difference
            FROM ownerships o
            JOIN repositories r ON r.id = o.repo_id
            CROSS JOIN LATERAL (
                SELECT date, {column} AS count FROM daily_stats
                WHERE repo_id = o.repo_id AND user_id = o.user_id
                  AND date BETWEEN :first AND :last
                ORDER BY date LIMIT 1
            ) oldest
            CROSS JOIN LATERAL (
                SELECT date, {column} AS count FROM daily_stats
                WHERE repo_id = o.repo_id AND user_id = o.user_id
                  AND date BETWEEN :first AND :last
                ORDER BY date DESC LIMIT 1
            ) newest
            WHERE o.user_id = :user_id AND oldest.date < newest.date
            ORDER BY abs(newest.count - oldest.count) DESC, r.id
            LIMIT :limit
            """  # noqa: S608 - a column's name from an enum
        ),
        {"user_id": user_id, "first": first, "last": last, "limit": limit},
    )
    return [
        Mover(
            repo_id=row.id,
            name=row.name,
            first_day=row.first_day,
            last_day=row.last_day,
            first=row.first,
            last=row.last,
            difference=row.difference,
            percent=_percent(row.difference, of=row.first),
        )
        for row in rows
    ]


def _percent(difference: int, *, of: int) -> float | None:
    return round(100 * difference / of, 2) if of else None
