"""Where a number is from."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from common import tables
from common.states import ImportState

OBSERVED = "observed"
"""A worker read it from GitHub on that day."""

GITHUB_HISTORY = "github_history"
"""Reconstructed from GitHub's history of stars."""

_IMPORT = "import:"


@dataclass(frozen=True, slots=True)
class Sources:
    """The source of each count of a day; None where the count is not known."""

    stargazers: str | None = None
    forks: str | None = None
    watchers: str | None = None


ALL_OBSERVED = Sources(OBSERVED, OBSERVED, OBSERVED)
RECONSTRUCTED = Sources(GITHUB_HISTORY)


def of_import(name: str) -> str:
    """Return the source that the rows of an import have."""
    return _IMPORT + name


def name_of_import(source: str) -> str:
    """Return the name of the import that has a source."""
    return source.removeprefix(_IMPORT)


def known(connection: Connection) -> list[str]:
    """Return every source that there is, in the order in which they are preferred."""
    names = connection.execute(
        select(tables.imports.c.name)
        .where(tables.imports.c.state == ImportState.APPLIED)
        .order_by(tables.imports.c.id.desc())
    ).scalars()
    return [OBSERVED, *map(of_import, names), GITHUB_HISTORY]
