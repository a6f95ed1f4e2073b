"""From when on anything is known of a repository, or of a user's, by source."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, TextClause, text

# By repository, the index has the first day at hand; one minimum of all would read all days. Where
# nothing was imported, no repository is looked at.
_FIRST_DAYS = """
    SELECT min(found.day) + 1
    FROM backfills b CROSS JOIN LATERAL (
        SELECT day FROM star_gains g
        WHERE g.repo_id = b.repo_id AND g.gained_first > 0 ORDER BY day LIMIT 1
    ) found
    WHERE b.repo_id IN ({ids}) AND b.read_through IS NOT NULL
    UNION ALL
    SELECT min(found.date)
    FROM ({ids}) AS repository (id) CROSS JOIN LATERAL (
        SELECT i.date FROM imported_stats i JOIN imports ON imports.id = i.import_id
        WHERE i.repo_id = repository.id AND imports.state = 'applied' ORDER BY i.date LIMIT 1
    ) found
    WHERE EXISTS (SELECT FROM imports WHERE state = 'applied')
"""

_OF_USER = text(_FIRST_DAYS.format(ids="SELECT repo_id FROM ownerships WHERE user_id = :id"))
_OF_REPOSITORY = text(_FIRST_DAYS.format(ids="SELECT CAST(:id AS bigint)"))


@dataclass(frozen=True, slots=True)
class Beginnings:
    """The first days of each source; None if it has none.

    :param observed: the first row
    :param reconstructed: the first morning on which there were stars, by a history that is read
        whole; None if it is not before the first row
    :param imported: the first day of an import that is applied
    """

    observed: date | None
    reconstructed: date | None
    imported: date | None

    @property
    def first(self) -> date | None:
        """The first day of all."""
        days = (self.observed, self.reconstructed, self.imported)
        return min((day for day in days if day is not None), default=None)


def of_user(connection: Connection, user_id: int, observed: date | None) -> Beginnings:
    """Return from when on the sources of the repositories that a user has or had have anything.

    :param observed: their first row
    """
    return _read(connection, _OF_USER, user_id, observed)


def of_repository(connection: Connection, repo_id: int, observed: date | None) -> Beginnings:
    """Return from when on the sources of a repository have anything.

    :param observed: its first row
    """
    return _read(connection, _OF_REPOSITORY, repo_id, observed)


def _read(
    connection: Connection, statement: TextClause, id_: int, observed: date | None
) -> Beginnings:
    reconstructed, imported = connection.execute(statement, {"id": id_}).scalars()
    # Without a row after it, nothing can be reconstructed.
    if observed is None or (reconstructed is not None and reconstructed >= observed):
        reconstructed = None
    return Beginnings(observed, reconstructed, imported)
