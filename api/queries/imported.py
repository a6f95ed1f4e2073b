"""The counts of the imports that are applied."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import Connection, select

from api.queries import sources
from api.queries.metric import Metric
from common import tables
from common.states import ImportState

_stats = tables.imported_stats.c
_imports = tables.imports.c

Counts = dict[str, tuple[int, str]]
"""By metric, the count of a day and its source."""


def of_repositories(
    connection: Connection,
    repo_ids: Iterable[int],
    first: date,
    last: date,
    only: Collection[str] | None = None,
) -> dict[int, dict[date, Counts]]:
    """Return the imported counts of some repositories between two days, both included.

    The newest import that has a count wins.

    :param only: the sources to use; by default all of them
    """
    rows = connection.execute(
        select(
            _stats.repo_id,
            _stats.date,
            _imports.name,
            _stats.stargazers,
            _stats.forks,
            _stats.watchers,
        )
        .join(tables.imports, _imports.id == _stats.import_id)
        .where(
            _stats.repo_id.in_(sorted(repo_ids)),
            _stats.date.between(first, last),
            _imports.state == ImportState.APPLIED,
        )
        .order_by(_imports.id.desc())
    )
    found: dict[int, dict[date, Counts]] = defaultdict(lambda: defaultdict(dict))
    for repo_id, day, name, *counts in rows:
        source = sources.of_import(name)
        if only is not None and source not in only:
            continue
        for metric, count in zip(Metric, counts, strict=True):
            if count is not None:
                found[repo_id][day].setdefault(metric, (count, source))
    return found
