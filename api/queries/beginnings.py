"""From when on anything is known of a repository, or of a user's, by source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select, text

from common import tables

# By repository, the index has the first day at hand; one minimum of all would read all days.
_FIRST_DAYS = """
    SELECT min(found.day) + 1
    FROM backfills b CROSS JOIN LATERAL (
        SELECT day FROM star_gains g
        WHERE g.repo_id = b.repo_id AND g.gained_first > 0 ORDER BY day LIMIT 1
    ) found
    WHERE b.repo_id = ANY(:ids) AND b.read_through IS NOT NULL
    UNION ALL
    SELECT min(found.date)
    FROM unnest(CAST(:ids AS bigint[])) AS repository (id) CROSS JOIN LATERAL (
        SELECT i.date FROM imported_stats i JOIN imports ON imports.id = i.import_id
        WHERE i.repo_id = repository.id AND imports.state = 'applied' ORDER BY i.date LIMIT 1
    ) found
"""


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
    owned = select(tables.ownerships.c.repo_id).where(tables.ownerships.c.user_id == user_id)
    return read(connection, connection.execute(owned).scalars().all(), observed)


def read(connection: Connection, repo_ids: Sequence[int], observed: date | None) -> Beginnings:
    """Return from when on the sources of some repositories have anything.

    :param observed: their first row
    """
    reconstructed, imported = connection.execute(
        text(_FIRST_DAYS), {"ids": list(repo_ids)}
    ).scalars()
    # Without a row after it, nothing can be reconstructed.
    if observed is None or (reconstructed is not None and reconstructed >= observed):
        reconstructed = None
    return Beginnings(observed, reconstructed, imported)
