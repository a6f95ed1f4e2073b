"""The repositories that changed most in a period: of one user, or of all."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from api.queries.metric import Metric
from common import clock


@dataclass(frozen=True, slots=True)
class Mover:
    """The change of one count of a repository between two recorded days of a period.

    :param login: of the owner
    :param first_day: the first recorded day of the period
    :param last_day: the last recorded day of the period
    :param first: the count on ``first_day``
    :param last: the count on ``last_day``
    :param percent: the difference in percent of ``first``, to two digits; None where that is zero
    """

    repo_id: int
    login: str
    name: str
    first_day: date
    last_day: date
    first: int
    last: int
    difference: int
    percent: float | None

    @property
    def full_name(self) -> str:
        """The name as GitHub writes it: with the owner's login before it."""
        return f"{self.login}/{self.name}"


def movers(
    connection: Connection,
    user_id: int | None,
    first: date,
    last: date,
    *,
    by: Metric,
    limit: int,
) -> list[Mover]:
    """Return the repositories of a user, or of all, whose count changed most in a period.

    The period includes both its days. The largest change comes first, up or down; of equal changes
    the lower id. Only days on which the user owned the repository count, and none after today. A
    repository with fewer than two recorded days in the period is left out.

    :param user_id: None compares all repositories, each as its newest owner has it
    """
    whose = "o.user_id = r.user_id" if user_id is None else "o.user_id = :user_id"
    column = Metric(by).value
    # A wrong clock may have left rows of days to come.
    last = min(last, clock.today(connection))
    rows = connection.execute(
        text(
            # Most repositories have a row on the first day, and a copy of the newest row. For the
            # others these are read from the two ends of the index; the days in between are not
            # read. LIMIT keeps Postgres from reading all rows of the first day's month.
            f"""
            WITH owned AS MATERIALIZED (
                SELECT o.repo_id, o.user_id, on_first.count AS on_first, kept.date AS kept_date,
                       kept.{column} AS kept
                FROM ownerships o
                JOIN repositories r ON r.id = o.repo_id
                LEFT JOIN LATERAL (
                    SELECT {column} AS count FROM daily_stats
                    WHERE repo_id = o.repo_id AND date = :first AND user_id = o.user_id LIMIT 1
                ) on_first ON true
                LEFT JOIN latest_stats kept
                    ON kept.repo_id = o.repo_id AND kept.user_id = o.user_id
                    AND kept.revision = r.revision AND kept.date BETWEEN :first AND :last
                WHERE {whose}
            ), ends AS (
                SELECT repo_id, user_id, CAST(:first AS date) AS first_day, on_first AS first,
                       kept_date AS last_day, kept AS last
                FROM owned WHERE on_first IS NOT NULL AND kept IS NOT NULL
                UNION ALL
                SELECT owned.repo_id, owned.user_id, oldest.date, oldest.count,
                       newest.date, newest.count
                FROM owned
                CROSS JOIN LATERAL (
                    SELECT date, {column} AS count FROM daily_stats
                    WHERE repo_id = owned.repo_id AND user_id = owned.user_id
                      AND date BETWEEN :first AND :last
                    ORDER BY date LIMIT 1
                ) oldest
                CROSS JOIN LATERAL (
                    SELECT date, {column} AS count FROM daily_stats
                    WHERE repo_id = owned.repo_id AND user_id = owned.user_id
                      AND date BETWEEN :first AND :last
                    ORDER BY date DESC LIMIT 1
                ) newest
                WHERE on_first IS NULL OR kept IS NULL
            )
            SELECT r.id, u.login, r.name, first_day, last_day, first, last,
                   last - first AS difference
            FROM (
                SELECT * FROM ends WHERE first_day < last_day
                ORDER BY abs(last - first) DESC, repo_id LIMIT :limit
            ) most
            JOIN repositories r ON r.id = most.repo_id
            JOIN users u ON u.id = most.user_id
            ORDER BY abs(last - first) DESC, r.id
            """  # noqa: S608 - a column's name from an enum, and a condition of ours
        ),
        {"user_id": user_id, "first": first, "last": last, "limit": limit},
    )
    return [
        Mover(
            repo_id=row.id,
            login=row.login,
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


def count_compared(connection: Connection, user_id: int, first: date, last: date) -> int:
    """Return how many repositories ``movers`` would return without a limit."""
    last = min(last, clock.today(connection))
    number: int = connection.execute(
        text(
            """
            SELECT count(*) FROM ownerships o
            WHERE o.user_id = :user_id AND 2 = (
                SELECT count(*) FROM (
                    SELECT FROM daily_stats
                    WHERE repo_id = o.repo_id AND user_id = o.user_id
                      AND date BETWEEN :first AND :last
                    LIMIT 2
                ) two
            )
            """
        ),
        {"user_id": user_id, "first": first, "last": last},
    ).scalar_one()
    return number


def _percent(difference: int, *, of: int) -> float | None:
    return round(100 * difference / of, 2) if of else None
