"""A user's daily rows as text, which Postgres builds, and the revision that they belong to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Owned:
    """The repositories that a user has or had.

    :param today: by the database's clock; rows of later days are a wrong clock's, and not shown
    """

    number: int
    revision: str
    """Changes whenever any of the user's daily rows may have changed."""
    today: date


_LAST_ID = 2**63 - 1

_PORTION_ROWS = 50_000
"""About 4 MB of text."""


@dataclass(frozen=True, slots=True)
class RepositoryPage:
    """Some of the repositories that a user has or had, in the order of their ids.

    :param after: the id before the first
    :param until: the id of the last, or a greater one
    :param has_next: whether there are others with greater ids
    """

    number: int
    after: int = 0
    until: int = _LAST_ID
    has_next: bool = False


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How one daily row is written as text: numbers and a date, so nothing needs escaping.

    :param rest: the SQL expression of what follows the repository's id
    """

    before_id: str
    after_id: str
    rest: str
    end: str


JSON_ROW = RowFormat(
    before_id='{"repo_id":',
    after_id=',"date":"',
    rest="""date || '","stargazers":' || stargazers || ',"forks":' || forks
            || ',"watchers":' || watchers""",
    end="}",
)
CSV_ROW = RowFormat(
    before_id="",
    after_id=",",
    rest="date || ',' || stargazers || ',' || forks || ',' || watchers",
    end="",
)


def read_portions(
    connection: Connection,
    user_id: int,
    date_from: date,
    date_to: date,
    *,
    page: RepositoryPage,
    row: RowFormat,
    separator: str,
) -> Iterator[list[bytes]]:
    """Yield what ``read_text`` returns, some ten thousand rows at a time."""
    after = page.after
    for until in _portion_ends(connection, user_id, page, (date_to - date_from).days + 1):
        yield read_text(
            connection,
            user_id,
            date_from,
            date_to,
            row=row,
            separator=separator,
            after=after,
            until=until,
        )
        after = until


def _portion_ends(
    connection: Connection, user_id: int, page: RepositoryPage, days: int
) -> list[int]:
    """Return the ids of repositories up to which portions are read."""
    repositories = max(1, _PORTION_ROWS // max(1, days))
    if page.number <= repositories:
        return [page.until]
    ends = connection.execute(
        text(
            """
            SELECT repo_id
            FROM (SELECT repo_id, row_number() OVER (ORDER BY repo_id) AS number
                  FROM ownerships
                  WHERE user_id = :user_id AND repo_id > :after AND repo_id <= :until) AS numbered
            WHERE number % :repositories = 0 ORDER BY repo_id
            """
        ),
        {
            "user_id": user_id,
            "after": page.after,
            "until": page.until,
            "repositories": repositories,
        },
    ).scalars()
    return [*ends, page.until]


def read_text(
    connection: Connection,
    user_id: int,
    date_from: date,
    date_to: date,
    *,
    row: RowFormat,
    separator: str,
    after: int = 0,
    until: int = _LAST_ID,
) -> list[bytes]:
    """Return a user's rows between two days, both included, as one text per repository.

    Ordered by repository id and date; only days on which the user owned the repository. Text takes
    a quarter of the time of rows that Python reads and encodes.

    :param separator: what stands between two rows of a repository
    :param after: only repositories with a greater id
    :param until: only repositories with this id or a lower one
    """
    texts = connection.execute(
        text(
            # Repository by repository, in the order of the primary key: nothing is left to sort.
            # OFFSET keeps Postgres from building the text between two rows once per row.
            f"""
            SELECT o.repo_id, joined.rows
            FROM ownerships o
            CROSS JOIN LATERAL (
                SELECT concat(:end, :separator, :before_id, o.repo_id, :after_id) AS text OFFSET 0
            ) AS between_rows
            CROSS JOIN LATERAL (
                SELECT string_agg({row.rest}, between_rows.text ORDER BY date) AS rows
                FROM daily_stats d
                WHERE d.repo_id = o.repo_id
                  AND d.date BETWEEN :date_from AND :date_to AND d.user_id = :user_id
            ) AS joined
            WHERE o.user_id = :user_id AND o.repo_id > :after AND o.repo_id <= :until
              AND joined.rows IS NOT NULL
            ORDER BY o.repo_id
            """  # noqa: S608 - constants
        ),
        {
            "user_id": user_id,
            "date_from": date_from,
            "date_to": date_to,
            "after": after,
            "until": until,
            "before_id": row.before_id,
            "after_id": row.after_id,
            "end": row.end,
            "separator": separator,
        },
    )
    # Encoded one by one, which saves one copy of all.
    return [
        f"{row.before_id}{repo_id}{row.after_id}{rows}{row.end}".encode() for repo_id, rows in texts
    ]


def exceeds(
    connection: Connection,
    user_id: int,
    date_from: date,
    date_to: date,
    *,
    page: RepositoryPage,
    limit: int,
) -> bool:
    """Return whether there are more than ``limit`` rows between two days; read no more than that.

    :param page: the repositories whose rows are counted
    """
    if page.number * ((date_to - date_from).days + 1) <= limit:
        return False
    rows: int = connection.execute(
        text(
            """
            SELECT count(*) FROM (
                SELECT FROM daily_stats
                WHERE repo_id IN (SELECT repo_id FROM ownerships WHERE user_id = :user_id
                                  AND repo_id > :after AND repo_id <= :until)
                  AND date BETWEEN :date_from AND :date_to AND user_id = :user_id
                LIMIT :limit + 1
            ) AS counted
            """
        ),
        {
            "user_id": user_id,
            "date_from": date_from,
            "date_to": date_to,
            "after": page.after,
            "until": page.until,
            "limit": limit,
        },
    ).scalar_one()
    return rows > limit


def owned(connection: Connection, user_id: int) -> Owned:
    """Return how many repositories a user has or had, the revision of their rows, and the day."""
    row = connection.execute(
        text(
            # xmin too: workers of the release before this one do not change the revision.
            """
            SELECT count(*), encode(sha256(convert_to(coalesce(
                string_agg(concat(r.revision, r.xmin), ' ' ORDER BY r.id), ''), 'UTF8')), 'hex'),
                (repopulse_now() AT TIME ZONE 'UTC')::date
            FROM ownerships o JOIN repositories r ON r.id = o.repo_id
            WHERE o.user_id = :user_id
            """
        ),
        {"user_id": user_id},
    ).one()
    return Owned(*row)


def repository_page(
    connection: Connection, user_id: int, *, after: int, limit: int
) -> RepositoryPage:
    """Return the first repositories with ids greater than ``after``, at most ``limit``."""
    ids = (
        connection.execute(
            text(
                """
                SELECT repo_id FROM ownerships WHERE user_id = :user_id AND repo_id > :after
                ORDER BY repo_id LIMIT :limit + 1
                """
            ),
            {"user_id": user_id, "after": after, "limit": limit},
        )
        .scalars()
        .all()
    )
    if len(ids) <= limit:
        return RepositoryPage(len(ids), after)
    return RepositoryPage(limit, after, ids[limit - 1], has_next=True)
