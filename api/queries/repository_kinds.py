"""What kinds of repositories a user has: their languages, and the forks and their counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from common.repositories import Counts


@dataclass(frozen=True, slots=True)
class RepositoryKinds:
    """The repositories that a user has or had, by kind.

    :param in_all: how many there are
    :param languages: each with its number of repositories, the most frequent first
    :param forks: how many of them are forks
    :param counts_of_forks: the sums of the forks' rows of one day; zero without such rows
    :param is_read: whether anything but ``in_all`` was read
    """

    in_all: int
    languages: Sequence[tuple[str, int]]
    forks: int
    counts_of_forks: Counts
    is_read: bool = True


def of_user(connection: Connection, user_id: int, day: date | None) -> RepositoryKinds:
    """Return the kinds of a user's repositories, as GitHub last showed them.

    :param day: of which the counts of the forks are added up
    """
    rows = connection.execute(text(_KINDS), {"user_id": user_id, "day": day}).all()
    languages: Counter[str] = Counter()
    for row in rows:
        if row.language is not None:
            languages[row.language] += row.number
    return RepositoryKinds(
        in_all=sum(row.number for row in rows),
        languages=sorted(languages.items(), key=lambda each: (-each[1], each[0].lower())),
        forks=sum(row.number for row in rows if row.is_fork),
        counts_of_forks=Counts(
            sum(row.stargazers for row in rows),
            sum(row.forks for row in rows),
            sum(row.watchers for row in rows),
        ),
    )


def number_of_user(connection: Connection, user_id: int) -> RepositoryKinds:
    """Return how many repositories a user has, and nothing else of them."""
    in_all: int = connection.execute(
        text("SELECT count(*) FROM ownerships WHERE user_id = :user_id"), {"user_id": user_id}
    ).scalar_one()
    return RepositoryKinds(in_all, (), 0, Counts(0, 0, 0), is_read=False)


# Only rows of forks are read. LIMIT keeps the planner from joining whole partitions: each row is
# looked up by its key.
_KINDS = """
SELECT r.language, r.is_fork, count(*) AS number,
       CAST(coalesce(sum(d.stargazers), 0) AS bigint) AS stargazers,
       CAST(coalesce(sum(d.forks), 0) AS bigint) AS forks,
       CAST(coalesce(sum(d.watchers), 0) AS bigint) AS watchers
FROM ownerships o
JOIN repositories r ON r.id = o.repo_id
LEFT JOIN LATERAL (
    SELECT stargazers, forks, watchers FROM daily_stats
    WHERE r.is_fork AND repo_id = r.id AND date = :day AND user_id = o.user_id
    LIMIT 1
) d ON true
WHERE o.user_id = :user_id
GROUP BY r.language, r.is_fork
"""
