"""The report of a dry run: what would be imported, and what is refused and why."""

import copy
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from worker.imports.repositories import Match
from worker.imports.rows import ParsedFile

_MAX_REASONS = 50
_MAX_LINES = 5
_MAX_REPOSITORIES = 100

_OTHERS = "other reasons"

_CONFLICT = "the same repository and day with other counts"


@dataclass(slots=True)
class _Refused:
    rows: int = 0
    lines: list[int] = field(default_factory=list)


def _count(refused: dict[str, _Refused], reason: str, lines: tuple[int, ...], *, rows: int) -> None:
    if reason not in refused and len(refused) >= _MAX_REASONS:
        reason = _OTHERS
    counted = refused.setdefault(reason, _Refused())
    counted.rows += rows
    counted.lines += lines[: _MAX_LINES - len(counted.lines)]


class ReportBuilder:
    """Counts the rows of a file; its size is bounded, whatever is in the file."""

    def __init__(self) -> None:
        self.rows = 0
        """All that the reader returned."""
        self._refused: dict[str, _Refused] = {}
        self._matches: dict[int, Match] = {}

    def refuse(self, line: int, reason: str) -> None:
        """Count a row that is refused; the first lines of each reason are listed."""
        _count(self._refused, reason, (line,), rows=1)

    def match(self, match: Match) -> None:
        """Note how a repository was found; the first way counts."""
        self._matches.setdefault(match.repo_id, match)

    def build(self, connection: Connection, import_id: int, parsed: ParsedFile) -> dict[str, Any]:
        """Return the report about the rows that are staged."""
        # On a copy: the transaction may run twice.
        refused = copy.deepcopy(self._refused)
        for row in connection.execute(_CONFLICTS, {"id": import_id}):
            _count(refused, _CONFLICT, (row.line, row.conflict_line), rows=row.lines)
        staged = connection.execute(_STAGED, {"id": import_id}).one()
        repositories = connection.execute(
            _REPOSITORIES, {"id": import_id, "limit": _MAX_REPOSITORIES}
        )
        return {
            "basis": parsed.basis.value,
            "notes": list(parsed.notes),
            "rows": self.rows,
            "days": staged.days,
            "repeated": staged.repeated,
            "first_day": staged.first_day and staged.first_day.isoformat(),
            "last_day": staged.last_day and staged.last_day.isoformat(),
            "repository_count": staged.repositories,
            "repositories": [
                {
                    "repo_id": row.repo_id,
                    "full_name": row.full_name,
                    "given": self._matches[row.repo_id].given,
                    "matched_by": self._matches[row.repo_id].by.value,
                    "days": row.days,
                    "first_day": row.first_day.isoformat(),
                    "last_day": row.last_day.isoformat(),
                }
                for row in repositories
            ],
            "refused": sum(each.rows for each in refused.values()),
            "refusals": [
                {"reason": reason, "rows": each.rows, "lines": each.lines}
                for reason, each in refused.items()
            ],
        }


_CONFLICTS = text("""
    SELECT line, conflict_line, repeats + 1 AS lines FROM import_rows
    WHERE import_id = :id AND conflict_line IS NOT NULL ORDER BY line
""")

_STAGED = text("""
    SELECT count(*) AS days, coalesce(sum(repeats), 0) AS repeated,
           min(date) AS first_day, max(date) AS last_day,
           count(DISTINCT repo_id) AS repositories
    FROM import_rows WHERE import_id = :id AND conflict_line IS NULL
""")

_REPOSITORIES = text("""
    SELECT s.*, u.login || '/' || r.name AS full_name
    FROM (
        SELECT repo_id, count(*) AS days, min(date) AS first_day, max(date) AS last_day
        FROM import_rows WHERE import_id = :id AND conflict_line IS NULL
        GROUP BY repo_id ORDER BY count(*) DESC, repo_id LIMIT :limit
    ) s
    LEFT JOIN repositories r ON r.id = s.repo_id LEFT JOIN users u ON u.id = r.user_id
    ORDER BY s.days DESC, s.repo_id
""")
"""Those with the most days first."""
