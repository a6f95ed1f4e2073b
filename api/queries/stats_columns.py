"""Daily rows as text with chosen columns, of one user or of all, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, text

from api.queries.stats import RepositoryPage

_REPOSITORIES_AT_ONCE = 50
"""Of ten years these are 15 MB."""


class Column(StrEnum):
    """A column of daily rows; user and login are those of the owner on that day."""

    USER_ID = "user_id"
    LOGIN = "login"
    REPO_ID = "repo_id"
    FULL_NAME = "full_name"
    DATE = "date"
    STARGAZERS = "stargazers"
    FORKS = "forks"
    WATCHERS = "watchers"


_EXPRESSIONS = {
    Column.USER_ID: "o.user_id",
    # Marks, which no number or date contains. Python writes the names in their place, because they
    # may need quotes.
    Column.LOGIN: "chr(1)",
    Column.FULL_NAME: "chr(2)",
    Column.REPO_ID: "o.repo_id",
    Column.DATE: "d.date",
    Column.STARGAZERS: "d.stargazers",
    Column.FORKS: "d.forks",
    Column.WATCHERS: "d.watchers",
}


@dataclass(frozen=True, slots=True)
class RowText:
    """How rows are written.

    :param columns: in their order
    :param is_csv: as lines of a CSV; else as JSON objects
    :param separator: what stands between two rows of a repository
    :param write_name: returns a login or a name with the quotes that it needs
    """

    columns: Sequence[Column]
    is_csv: bool
    separator: str
    write_name: Callable[[str], str]

    @property
    def expression(self) -> str:
        """The SQL expression of a row."""
        if self.is_csv:
            return "concat_ws(',', " + ", ".join(_EXPRESSIONS[each] for each in self.columns) + ")"
        parts = []
        for number, column in enumerate(self.columns):
            quote = '"' if column is Column.DATE else ""
            parts += [f"""'{"," if number else "{"}"{column}":{quote}'""", _EXPRESSIONS[column]]
            if quote:
                parts.append(f"'{quote}'")
        return "concat(" + ", ".join([*parts, "'}'"]) + ")"


def read_rows(
    connection: Connection,
    date_from: date,
    date_to: date,
    *,
    row: RowText,
    user_id: int | None = None,
    page: RepositoryPage | None = None,
) -> Iterator[bytes]:
    """Yield the rows between two days, both included, as one text per user and repository.

    Ordered by user id, repository id and date; only days on which the user owned the repository.
    Postgres makes them while they are read.

    :param user_id: of whom to read; None for all users
    :param page: the repositories of the user to read; None for all
    """
    page = page or RepositoryPage(0)
    only = "AND o.user_id = :user_id AND o.repo_id > :after AND o.repo_id <= :until"
    result = connection.execute(
        text(
            f"""
            SELECT u.login, r.name, joined.rows
            FROM ownerships o
            JOIN users u ON u.id = o.user_id
            JOIN repositories r ON r.id = o.repo_id
            CROSS JOIN LATERAL (
                SELECT string_agg({row.expression}, :separator ORDER BY d.date) AS rows
                FROM daily_stats d
                WHERE d.repo_id = o.repo_id
                  AND d.date BETWEEN :date_from AND :date_to AND d.user_id = o.user_id
            ) AS joined
            WHERE joined.rows IS NOT NULL {"" if user_id is None else only}
            ORDER BY o.user_id, o.repo_id
            """  # noqa: S608 - constants
        ),
        {
            "date_from": date_from,
            "date_to": date_to,
            "separator": row.separator,
            "user_id": user_id,
            "after": page.after,
            "until": page.until,
        },
        execution_options={"yield_per": _REPOSITORIES_AT_ONCE},
    )
    for login, name, rows in result:
        yield (
            rows.replace("\x01", row.write_name(login))
            .replace("\x02", row.write_name(f"{login}/{name}"))
            .encode()
        )
