"""Which tracked repository a file means, by id or by present or former name.

A name that two repositories had is refused, even if one of them has it now: a file of past days may
mean the other.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, text

from common.db import array_literal
from worker.imports.cells import shorten
from worker.imports.rows import FileRefusedError

MAX_REPOSITORIES = 100_000
"""Distinct ids and names in one file."""

_FULL_NAME = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}")

_MAX_ID = 2**63 - 1


class MatchedBy(StrEnum):
    """How a repository was found."""

    ID = "id"
    NAME = "name"
    FORMER_NAME = "former name"


@dataclass(frozen=True, slots=True)
class Match:
    """A repository of the file that is tracked.

    :param given: the id or name in the file
    """

    repo_id: int
    given: str
    by: MatchedBy


_WITH_IDS = text("""
    SELECT id FROM repositories WHERE id = ANY(CAST(:ids AS bigint[]))
""")

_WITH_NAMES = text("""
    WITH wanted AS (
        SELECT full_name, lower(split_part(full_name, '/', 1)) AS owner,
               lower(split_part(full_name, '/', 2)) AS name
        FROM unnest(CAST(:names AS text[])) AS full_name
    ), owners AS (
        SELECT w.full_name, w.name, u.id AS user_id, true AS is_present
        FROM wanted w JOIN users u ON lower(u.login) = w.owner
        UNION
        SELECT w.full_name, w.name, n.user_id, n.last_seen_on IS NULL
        FROM wanted w JOIN names n ON lower(n.name) = w.owner AND n.repo_id IS NULL
    ), found AS (
        SELECT o.full_name, r.id AS repo_id, o.is_present
        FROM owners o JOIN repositories r ON r.user_id = o.user_id AND lower(r.name) = o.name
        UNION ALL
        SELECT o.full_name, n.repo_id, o.is_present AND n.last_seen_on IS NULL
        FROM owners o
        JOIN names n ON n.user_id = o.user_id AND n.repo_id IS NOT NULL AND lower(n.name) = o.name
    )
    SELECT full_name, repo_id, bool_or(is_present) AS is_present
    FROM found GROUP BY full_name, repo_id ORDER BY full_name, repo_id
""")
"""Every repository that has or had one of the names."""


class Repositories:
    """Finds the repositories of one file; each is looked up once."""

    def __init__(self) -> None:
        self._known: dict[int | str, Match | str] = {}

    def look_up(self, connection: Connection, wanted: Iterable[int | str]) -> None:
        """Look up what was not looked up before.

        :raise FileRefusedError: the file has too many repositories
        """
        new = set(wanted) - self._known.keys()
        if len(self._known) + len(new) > MAX_REPOSITORIES:
            raise FileRefusedError(f"the file has more than {MAX_REPOSITORIES:,} repositories")
        ids = [each for each in new if isinstance(each, int)]
        names = [each for each in new if isinstance(each, str)]
        if ids:
            self._look_up_ids(connection, ids)
        if names:
            self._look_up_names(connection, names)

    def find(self, wanted: int | str) -> Match | str:
        """Return the match, or why there is none, of what was looked up."""
        return self._known[wanted]

    def _look_up_ids(self, connection: Connection, ids: list[int]) -> None:
        valid = array_literal(each for each in ids if 0 < each <= _MAX_ID)
        found = set(connection.execute(_WITH_IDS, {"ids": valid}).scalars())
        for each in ids:
            self._known[each] = (
                Match(each, str(each), MatchedBy.ID)
                if each in found
                else f"repository {each} is not followed"
            )

    def _look_up_names(self, connection: Connection, names: list[str]) -> None:
        found: dict[str, list[Match]] = {name: [] for name in names}
        valid = [name for name in names if _FULL_NAME.fullmatch(name)]
        for row in connection.execute(_WITH_NAMES, {"names": valid}):
            by = MatchedBy.NAME if row.is_present else MatchedBy.FORMER_NAME
            found[row.full_name].append(Match(row.repo_id, row.full_name, by))
        for name, matches in found.items():
            self._known[name] = matches[0] if len(matches) == 1 else _refusal(name, matches)


def _refusal(name: str, matches: list[Match]) -> str:
    if not matches:
        return f"repository {shorten(name)} is not followed"
    ids = ", ".join(str(match.repo_id) for match in matches[:5])
    return f"several repositories have or had the name {name}: give the id, one of {ids}"
