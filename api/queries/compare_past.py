"""The days of compared repositories that were not observed: imported ones and reconstructed stars.

The numbers are those of ``history``, for several repositories at once and as lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, text

from api.queries import anchors, estimate_runs, imported, star_history
from api.queries.compare import Counts, Kind
from api.queries.estimate import StarHistory
from api.queries.metric import Metric
from api.queries.sources import GITHUB_HISTORY
from common import clock
from common.db import array_literal

Known = dict[int, tuple[int, str]]
"""By day, as an ordinal, a count and its source."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """Days without a row, as ordinals, between two observed ones; ``before`` may be None."""

    first: int
    last: int
    before: int | None
    after: int


def add_past(
    connection: Connection, counts: Sequence[Counts], metric: Metric, first: date, last: date
) -> list[Counts]:
    """Return counts with the days between two that were not observed, of repositories only.

    An imported count is preferred to a reconstructed one.
    """
    today = clock.today(connection)
    last = min(last, today)
    gappy = [
        each
        for each in counts
        if each.subject.kind is Kind.REPOSITORY and len(each.days) <= (last - first).days
    ]
    ids = [each.subject.id for each in gappy]
    if not ids:
        return list(counts)
    brought = imported.of_repositories(connection, ids, first, last)
    estimated: dict[int, Known] = {}
    if metric is Metric.STARGAZERS:
        histories = star_history.of_repositories(connection, ids)
        with_history = [each for each in gappy if each.subject.id in histories]
        estimated = _estimates(connection, with_history, histories, (first, last, today))
    completed = list(counts)
    for place, each in enumerate(counts):
        if each.subject.kind is not Kind.REPOSITORY:
            continue
        known = estimated.get(each.subject.id, {})
        for day, found in brought.get(each.subject.id, {}).items():
            if metric in found:
                known[day.toordinal()] = found[metric]
        if known:
            completed[place] = _merge(each, known)
    return completed


def _merge(counts: Counts, known: Known) -> Counts:
    observed = zip(counts.days, zip(counts.values, counts.sources, strict=True), strict=True)
    merged = sorted({**known, **dict(observed)}.items())
    return replace(
        counts,
        days=[day for day, _ in merged],
        values=[value for _, (value, _) in merged],
        sources=[source for _, (_, source) in merged],
    )


def _estimates(
    connection: Connection,
    counts: Sequence[Counts],
    histories: Mapping[int, StarHistory],
    span: tuple[date, date, date],
) -> dict[int, Known]:
    """Return the reconstructed stars of each repository's days without a row."""
    around = _rows_around(connection, [each.subject.id for each in counts], span)
    gaps = {
        each.subject.id: list(_gaps(each.days, *around[each.subject.id], span)) for each in counts
    }
    ends = {
        (repo_id, date.fromordinal(day))
        for repo_id, of_repository in gaps.items()
        for gap in of_repository
        for day in (gap.before, gap.after)
        if day is not None
    }
    rows = {
        (repo_id, day.toordinal()): anchor
        for (repo_id, day), (_, anchor) in anchors.of_days(connection, ends).items()
    }
    found: dict[int, Known] = {}
    for repo_id, of_repository in gaps.items():
        known = found[repo_id] = {}
        history = histories[repo_id]
        for gap in of_repository:
            earlier = None if gap.before is None else rows[repo_id, gap.before]
            run = estimate_runs.run(
                history,
                date.fromordinal(gap.first),
                date.fromordinal(gap.last),
                rows[repo_id, gap.after],
                earlier,
            )
            if run is None:
                continue
            begin = gap.first
            if earlier is None:
                # Before its first stars nothing says that there was a repository.
                if history.first_gain is None:
                    continue
                begin = max(begin, history.first_gain + 1)
            for day in range(begin, gap.last + 1):
                known[day] = run.stargazers[day - gap.first], GITHUB_HISTORY
    return found


def _gaps(
    days: Sequence[int], before: int | None, after: int | None, span: tuple[date, date, date]
) -> Iterator[_Gap]:
    """Yield the gaps of a repository that have a row after them, cut off at the span's ends."""
    first, last = span[0].toordinal(), span[1].toordinal()
    for day in (*days, after):
        if day is None:
            return
        begin = first if before is None else max(first, before + 1)
        end = min(day - 1, last)
        if begin <= end:
            yield _Gap(begin, end, before, day)
        before = day


def _rows_around(
    connection: Connection, ids: Sequence[int], span: tuple[date, date, date]
) -> dict[int, tuple[int | None, int | None]]:
    """Return the days of the last row before a span and of the first one after it."""
    first, last, today = span
    rows = connection.execute(
        text(
            """
            SELECT wanted.id,
                   (SELECT date FROM daily_stats WHERE repo_id = wanted.id AND date < :first
                    ORDER BY date DESC LIMIT 1) AS before,
                   -- A wrong clock may have left rows of days to come.
                   (SELECT date FROM daily_stats
                    WHERE repo_id = wanted.id AND date > :last AND date <= :today
                    ORDER BY date LIMIT 1) AS after
            FROM unnest(CAST(:ids AS bigint[])) AS wanted (id)
            """
        ),
        {"ids": array_literal(ids), "first": first, "last": last, "today": today},
    )
    return {
        repo_id: (before and before.toordinal(), after and after.toordinal())
        for repo_id, before, after in rows
    }
