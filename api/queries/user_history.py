"""The totals of a user's repositories, day by day, with the share that is known.

A day of a repository belongs to the user who owned it by its row; a day without a row to the owner
by the row before it; and a day before the first row to the present owner.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import add

from sqlalchemy import Connection, text

from api.queries import anchors, estimate_runs, imported, star_history, user_gaps
from api.queries.estimate import Anchor, StarHistory
from api.queries.estimate_runs import Run
from api.queries.imported import Counts
from api.queries.metric import Metric
from api.queries.sources import GITHUB_HISTORY, OBSERVED, Sources
from api.queries.user_gaps import Gap
from common import clock

_DAY = timedelta(days=1)

MIXED = "mixed"
"""The source of a total whose numbers have several."""


@dataclass(slots=True)
class TotalPoint:
    """The totals of one UTC day, each of the repositories whose count is known.

    :param repositories: how many the user had
    :param transferred: how many of these are counted although another user had them at their first
        row
    :param known: of how many repositories the count is known
    :param sources: where each total is from; ``mixed`` if its numbers have several sources
    :param at_least: of the stargazers, if some are reconstructed and all of these have it
    :param at_most: of the stargazers, if some are reconstructed
    """

    day: date
    repositories: int
    transferred: int
    totals: dict[Metric, int | None]
    known: dict[Metric, int]
    sources: Sources
    at_least: int | None
    at_most: int | None


def of_user(connection: Connection, user_id: int, first: date, last: date) -> Sequence[TotalPoint]:
    """Return the totals of the days between two, both included, of which any count is known."""
    today = clock.today(connection)
    last = min(last, today)
    if first > last:
        return []
    rows = user_gaps.find(connection, user_id, first, last, today)
    sums = _Sums(first, (last - first).days + 1)
    for day, observed in rows.days.items():
        number = sums.number(day)
        sums.repositories[number] += observed.repositories
        for metric in Metric:
            count = getattr(observed, metric)
            sums.add(number, metric, OBSERVED, count, known=observed.repositories)
        sums.add_bounds(number, observed.stargazers, observed.stargazers)
    _add_gaps(connection, user_id, rows.gaps, sums)
    return list(sums.points())


class _Sums:
    """Sums by the number of the day in a range."""

    def __init__(self, first: date, days: int) -> None:
        self._first = first
        self._days = days
        self.repositories, self.transferred, self.at_least, self.at_most, self._unbounded = (
            [0] * days for _ in range(5)
        )
        self._counts: dict[tuple[Metric, str], list[int]] = defaultdict(lambda: [0] * days)
        self._known: dict[tuple[Metric, str], list[int]] = defaultdict(lambda: [0] * days)
        self._first_known = days

    def number(self, day: date) -> int:
        return (day - self._first).days

    def day(self, number: int) -> date:
        return self._first + number * _DAY

    def add_repository(self, first: date, last: date, *, is_transferred: bool) -> None:
        """Count one more repository on the days between two, both included."""
        span = slice(self.number(first), self.number(last) + 1)
        self.repositories[span] = (count + 1 for count in self.repositories[span])
        if is_transferred:
            self.transferred[span] = (count + 1 for count in self.transferred[span])

    def add(self, number: int, metric: Metric, source: str, count: int, *, known: int = 1) -> None:
        """Add a count to a day."""
        self._counts[metric, source][number] += count
        self._known[metric, source][number] += known
        self._first_known = min(self._first_known, number)

    def add_bounds(self, number: int, at_least: int, at_most: int) -> None:
        self.at_least[number] += at_least
        self.at_most[number] += at_most

    def add_estimates(self, start: int, run: Run) -> None:
        """Add reconstructed stars to successive days."""
        key = Metric.STARGAZERS, GITHUB_HISTORY
        span = slice(start, start + len(run.stargazers))
        for sums, values in (
            (self._counts[key], run.stargazers),
            (self.at_least, [count or 0 for count in run.at_least]),
            (self._unbounded, [count is None for count in run.at_least]),
            (self.at_most, run.at_most),
        ):
            sums[span] = map(add, sums[span], values)
        self._known[key][span] = (known + 1 for known in self._known[key][span])

    def began(self, number: int) -> None:
        """Note that a count of this day is known, and not only that there were no stars yet."""
        self._first_known = min(self._first_known, number)

    def points(self) -> Iterator[TotalPoint]:
        """Yield the days since the first of which a count is known."""
        keys = {metric: [key for key in self._known if key[0] is metric] for metric in Metric}
        for number in range(self._first_known, self._days):
            known: dict[Metric, int] = {}
            totals: dict[Metric, int | None] = {}
            origins: list[str | None] = []
            for metric in Metric:
                used = [key for key in keys[metric] if self._known[key][number]]
                known[metric] = sum(self._known[key][number] for key in used)
                totals[metric] = sum(self._counts[key][number] for key in used) if used else None
                origins.append(MIXED if len(used) > 1 else used[0][1] if used else None)
            if not any(known.values()):
                continue
            has_bounds = bool(self._known[Metric.STARGAZERS, GITHUB_HISTORY][number])
            is_unbounded = bool(self._unbounded[number])
            yield TotalPoint(
                self.day(number),
                self.repositories[number],
                self.transferred[number],
                totals,
                known=known,
                sources=Sources(*origins),
                at_least=self.at_least[number] if has_bounds and not is_unbounded else None,
                at_most=self.at_most[number] if has_bounds else None,
            )


def _add_gaps(connection: Connection, user_id: int, gaps: Sequence[Gap], sums: _Sums) -> None:
    """Add what is known of the days without a row that belong to the user."""
    if not gaps:
        return
    present_until = _present_until(connection, user_id)
    rows = anchors.of_days(
        connection,
        {(gap.repo_id, day) for gap in gaps for day in (gap.before, gap.after) if day is not None},
    )
    repo_ids = {gap.repo_id for gap in gaps}
    first, last = min(gap.first for gap in gaps), max(gap.last for gap in gaps)
    brought = imported.of_repositories(connection, repo_ids, first, last)
    # Nothing is reconstructed after the last row.
    histories = star_history.of_repositories(
        connection, {gap.repo_id for gap in gaps if gap.after is not None}
    )
    for gap in gaps:
        owner, before = _row(rows, gap.repo_id, gap.before)
        next_owner, after = _row(rows, gap.repo_id, gap.after)
        listed_on = present_until.get(gap.repo_id)
        # A gap belongs to the owner before it, and the past to the present owner.
        is_own = listed_on is not None if before is None else owner == user_id
        if not is_own:
            continue
        until = gap.last
        if after is None:
            # Unless the user has it still, nothing is known of its end.
            until = min(until, listed_on or date.min)
        if until < gap.first:
            continue
        is_transferred = before is None and next_owner not in (None, user_id)
        sums.add_repository(gap.first, until, is_transferred=is_transferred)
        skipped = _add_imported(brought.get(gap.repo_id, {}), gap.first, until, sums)
        history = histories.get(gap.repo_id)
        if after is not None and history is not None:
            _add_estimates(history, gap, after, before, skipped=skipped, sums=sums)


def _row(
    rows: Mapping[tuple[int, date], tuple[int, Anchor]], repo_id: int, day: date | None
) -> tuple[int | None, Anchor | None]:
    """Return the owner and the row of a day, if there is one."""
    found = None if day is None else rows.get((repo_id, day))
    return (None, None) if found is None else found


def _present_until(connection: Connection, user_id: int) -> dict[int, date]:
    """Return the repositories that the user owns now, and until when GitHub listed them."""
    rows = connection.execute(
        text("SELECT id, listed_on FROM repositories WHERE user_id = :id"), {"id": user_id}
    )
    return {row.id: row.listed_on for row in rows}


def _add_imported(
    brought: Mapping[date, Counts], first: date, last: date, sums: _Sums
) -> Collection[int]:
    """Add imported counts; return the numbers of the days on which the stars are among them."""
    with_stars = set()
    for day, counts in brought.items():
        if not first <= day <= last:
            continue
        number = sums.number(day)
        for metric, (count, source) in counts.items():
            sums.add(number, Metric(metric), source, count)
            if metric == Metric.STARGAZERS:
                with_stars.add(number)
                sums.add_bounds(number, count, count)
    return with_stars


def _add_estimates(
    history: StarHistory,
    gap: Gap,
    after: Anchor,
    before: Anchor | None,
    *,
    skipped: Collection[int],
    sums: _Sums,
) -> None:
    """Add reconstructed stars to the days of a gap that have no imported ones."""
    found = estimate_runs.run(history, gap.first, gap.last, after, before)
    if found is None:
        return
    offset = sums.number(gap.first)
    length = len(found.stargazers)
    start = 0
    for stop in (*sorted(number - offset for number in skipped), length):
        if start < stop:
            sums.add_estimates(offset + start, found.part(start, stop))
        start = stop + 1
    if before is not None:
        sums.began(offset)
    elif history.first_gain is not None and history.first_gain < gap.last.toordinal():
        sums.began(max(offset, offset + history.first_gain + 1 - gap.first.toordinal()))
