"""Histories of 200 repositories over three years, held against every star of theirs."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import httpx
from sqlalchemy import Connection, Engine, text

import common.stats
from api.queries import history, stats
from common.repositories import Counts
from common.users import TrackedUser
from simulator import GitHubSimulator, Limits, World
from simulator.star_log import LOS_ANGELES, StarLog
from tests import factories, star_readings
from tests.clock import Clock
from tests.simulator.clients import client_of
from tests.star_truth import check_estimates, cumulated

DAY = timedelta(days=1)
TODAY = date(2026, 6, 10)
FIRST = date(2023, 6, 10)
"""Both nights of the clock change are in between three times."""

EARLIER = FIRST - 2 * DAY
"""In Los Angeles, the first day may be the one before."""

REPOSITORIES = 200
A_DAY = (0.02, 0.1, 0.3, 0.5, 1.2)


class Recorded:
    """A user with repositories that have stars, and what was observed of them and read."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._world = World(day=TODAY)
        account = self._world.add_account("octocat")
        self.logs: dict[int, StarLog] = {}
        self.observed: dict[date, datetime] = {}
        clock.set(TODAY)
        with engine.begin() as connection:
            self.user = factories.add_user(connection, account.id, account.login)
            for number in range(REPOSITORIES):
                log = StarLog.random(number, FIRST, TODAY + 400 * DAY, a_day=A_DAY[number % 5])
                found = self._world.add_repository(
                    account,
                    f"r{number}",
                    stars=log,
                    created_at=datetime.combine(FIRST, time(), UTC),
                )
                factories.add_repository(connection, self.user, found.id, found.name)
                self.logs[found.id] = log

    def scan(self, moment: datetime) -> None:
        """Store a row of each repository, as a scan at that moment does."""
        self._clock.set(moment)
        self._world.day = moment.date()
        self._world.set_time(moment.time())
        self.observed[moment.date()] = moment
        with self._engine.begin() as connection:
            factories.add_scan(connection, self.user, moment.date())
            rows = {
                repo_id: Counts(log.held_at(moment), 2, 1) for repo_id, log in self.logs.items()
            }
            common.stats.write(connection, self.user.id, moment.date(), rows)

    def read(self, after: timedelta = timedelta(hours=1), *, is_whole: bool = True) -> datetime:
        """Store GitHub's history of each repository some time after the last scan.

        :param is_whole: all pages, and not only the first with 30 weeks
        """
        moment = max(self.observed.values()) + after
        self._world.day = moment.date()
        self._world.set_time(moment.time())
        simulator = GitHubSimulator(
            self._world,
            tokens={"good": None},
            limits=Limits(core=100_000, core_points_a_minute=100_000),
        )
        with self._engine.begin() as connection, client_of(simulator) as client:
            for repo_id in self.logs:
                gained = read_pages(client, repo_id, is_whole=is_whole)
                star_readings.store(connection, repo_id, gained, moment)
        return moment

    def gains(self, connection: Connection, repo_id: int) -> dict[date, tuple[int, int]]:
        """Return the first and the last reading of each day."""
        rows = connection.execute(
            text("SELECT day, gained_first, gained_last FROM star_gains WHERE repo_id = :id"),
            {"id": repo_id},
        )
        return {day: (first, last) for day, first, last in rows}

    def check_estimates(self, connection: Connection) -> list[int]:
        """Check all estimates; return how many each repository has."""
        return [
            check_estimates(
                history.of_repository(connection, repo_id, EARLIER, date(2030, 1, 1)),
                log,
                self.observed,
            )
            for repo_id, log in self.logs.items()
        ]


def read_pages(client: httpx.Client, repo_id: int, *, is_whole: bool) -> dict[date, int]:
    """Return the stars by day of a history, or of its first page."""
    gained: Counter[date] = Counter()
    page = 1
    while True:
        path = f"/repositories/{repo_id}/stargazers/history"
        answer = client.get(path, params={"page": page})
        assert answer.status_code == 200, answer.text
        weeks = answer.json()
        for week in weeks:
            sunday = datetime.fromtimestamp(week["week"], UTC).date()
            for number, stars in enumerate(week["days"]):
                gained[sunday + number * DAY] += stars
        if len(weeks) < 30 or not is_whole:
            return gained
        page += 1


def rows_of(connection: Connection, user: TrackedUser) -> list[bytes]:
    """Return the observed rows before the second gap, as the API sends them."""
    return stats.read_text(
        connection, user.id, FIRST, TODAY + 7 * DAY, row=stats.JSON_ROW, separator=","
    )


def ended(moment: datetime) -> date:
    return moment.astimezone(LOS_ANGELES).date() - DAY


def test_histories_of_three_years_agree_with_every_star(
    engine: Engine, connection: Connection, clock: Clock
) -> None:
    recorded = Recorded(engine, clock)
    recorded.scan(datetime.combine(TODAY, time(12), UTC))
    read_at = recorded.read()
    first_read = {}
    for repo_id, log in recorded.logs.items():
        gains = first_read[repo_id] = recorded.gains(connection, repo_id)
        first = {day: gained for day, (gained, _) in gains.items()}
        span = EARLIER, ended(read_at)
        assert cumulated(first, *span) == cumulated(log.gained(read_at), *span), repo_id
    # No scan for five days, and then for a year; in the first gap, the history is read once.
    recorded.read(after=3 * DAY, is_whole=False)
    for day, hour in ((TODAY + 6 * DAY, 0), (TODAY + 7 * DAY, 23)):
        recorded.scan(datetime.combine(day, time(hour, 5), UTC))
        recorded.read(is_whole=False)

    estimates = recorded.check_estimates(connection)

    assert sum(estimates) > REPOSITORIES * 3 * 330
    before = rows_of(connection, recorded.user)
    # A whole year later, fifty of them.
    recorded.logs = dict(list(recorded.logs.items())[::4])
    recorded.scan(datetime.combine(TODAY + 373 * DAY, time(20), UTC))
    read_at = recorded.read()

    assert rows_of(connection, recorded.user) == before
    for repo_id in recorded.logs:
        gains, found = first_read[repo_id], recorded.gains(connection, repo_id)
        assert {day: found[day][0] for day in gains} == {
            day: gained for day, (gained, _) in gains.items()
        }
    assert recorded.check_estimates(connection) == [number + 365 for number in estimates[::4]]
