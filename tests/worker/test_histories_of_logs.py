"""Histories that the product reads over three years, held against every star of theirs."""

from datetime import UTC, date, datetime, time, timedelta

from pydantic import SecretStr
from sqlalchemy import text

from api.queries import history, stats
from common import backfills, star_gains
from simulator.star_log import StarLog
from tests.star_truth import check_estimates, cumulated
from tests.worker.stage import TODAY, TOKEN, Stage

DAY = timedelta(days=1)
YEARS = 3
FIRST = TODAY.replace(year=TODAY.year - YEARS)
EARLIER = FIRST - 2 * DAY
REPOSITORIES = 8


class Loaded:
    """A user with repositories that have stars, whose first row is of ``TODAY``."""

    def __init__(self, stage: Stage) -> None:
        stage.settings = stage.settings.model_copy(update={"github_token": SecretStr(TOKEN)})
        self.stage = stage
        account = stage.world.add_account("octocat")
        self.logs: dict[int, StarLog] = {}
        for number in range(REPOSITORIES):
            log = StarLog.random(
                number, FIRST, TODAY + 400 * DAY, a_day=(0.02, 0.1, 0.4, 1.2)[number % 4]
            )
            created = datetime.combine(FIRST, time(), UTC)
            repository = stage.world.add_repository(
                account, f"r{number}", stars=log, created_at=created
            )
            self.logs[repository.id] = log
        self.user = stage.follow(account)
        self.observed: dict[date, datetime] = {}

    def scan(self, moment: datetime) -> None:
        """Observe all repositories at a moment."""
        self.stage.clock.set(moment)
        self.stage.world.set_time(moment.time())
        self.stage.world.day = moment.date()
        self.observed[moment.date()] = moment
        self.stage.collector().scan(self.user.id, is_load=True)

    def read(self, *, again: bool = False) -> None:
        """Read the histories of all repositories that are due, as backfills do."""
        backfiller = self.stage.backfiller()
        with self.stage.engine.begin() as connection:
            last_day = star_gains.last_ended_day(self.stage.world.now)
            backfills.add_due(connection, last_day, after=0, limit=10_000)
            for repo_id in self.logs if again else ():
                backfills.request_repository(connection, repo_id)
        while True:
            with self.stage.engine.begin() as connection:
                claimed = backfills.claim(
                    connection, most=REPOSITORIES, lease=self.stage.settings.load_lease
                )
            if not claimed:
                return
            for claim in claimed:
                backfiller.read(claim.repo_id)

    def stats(self) -> list[bytes]:
        """Return the observed rows up to the second gap, as the API sends them."""
        with self.stage.engine.begin() as connection:
            return stats.read_text(
                connection,
                self.user.id,
                FIRST,
                TODAY + 7 * DAY,
                row=stats.JSON_ROW,
                separator=",",
            )

    def gains(self, repo_id: int) -> dict[date, tuple[int, int]]:
        """Return the first and the last reading of each day."""
        with self.stage.engine.begin() as connection:
            rows = connection.execute(
                text("SELECT day, gained_first, gained_last FROM star_gains WHERE repo_id = :id"),
                {"id": repo_id},
            )
            return {day: (first, last) for day, first, last in rows}

    def check_estimates(self) -> list[int]:
        """Check all estimates; return how many each repository has."""
        with self.stage.engine.begin() as connection:
            return [
                check_estimates(
                    history.of_repository(connection, repo_id, EARLIER, date(2030, 1, 1)),
                    log,
                    self.observed,
                )
                for repo_id, log in self.logs.items()
            ]


def test_histories_of_three_years_agree_with_every_star(stage: Stage) -> None:
    loaded = Loaded(stage)
    loaded.scan(datetime.combine(TODAY, time(12), UTC))
    loaded.read()
    ended = star_gains.last_ended_day(stage.world.now)
    first_read = {repo_id: loaded.gains(repo_id) for repo_id in loaded.logs}
    for repo_id, gains in first_read.items():
        first = {day: gained for day, (gained, _) in gains.items()}
        held = loaded.logs[repo_id].gained(stage.world.now)
        assert cumulated(first, EARLIER, ended) == cumulated(held, EARLIER, ended), repo_id
    # The scans fail for five days, and then for a year.
    for day in (TODAY + 6 * DAY, TODAY + 7 * DAY):
        loaded.scan(datetime.combine(day, time(0, 5), UTC))
        loaded.read()

    estimates = loaded.check_estimates()

    assert sum(estimates) > REPOSITORIES * YEARS * 330
    before = loaded.stats()
    loaded.scan(datetime.combine(TODAY + 373 * DAY, time(20), UTC))
    loaded.read(again=True)

    assert loaded.stats() == before
    changed = 0
    ended = star_gains.last_ended_day(stage.world.now)
    for repo_id, log in loaded.logs.items():
        gains = loaded.gains(repo_id)
        last = {day: gained for day, (_, gained) in gains.items()}
        held = log.gained(stage.world.now)
        assert cumulated(last, EARLIER, ended) == cumulated(held, EARLIER, ended), repo_id
        for day, (gained, _) in first_read[repo_id].items():
            assert gains[day][0] == gained
            changed += gains[day][1] != gained
    assert changed
    assert loaded.check_estimates() == [number + 365 for number in estimates]
