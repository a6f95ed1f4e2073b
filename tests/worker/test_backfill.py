"""BackfillOutcome the star histories of repositories, page by page."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Row, text

from common import backfills, clock, readings, star_gains, users
from common.broker import Queue
from common.star_gains import LOS_ANGELES
from common.users import TrackedUser
from simulator import Account, Fault, FaultKind, Limits, Match
from simulator.edition import enterprise_server
from simulator.entities import Repository
from simulator.star_history import weeks
from simulator.star_log import Star, StarLog
from tests.waiting import wait_until
from tests.worker.stage import TODAY, TOKEN, Stage
from worker.backfill import BackfillOutcome

DAY = timedelta(days=1)
FIRST = date(2023, 6, 1)
HISTORY = r".*/stargazers/history"
PAGES = -(-((TODAY - FIRST).days // 7 + 2) // 30)
"""That a history from ``FIRST`` on has."""


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A stage whose settings have the token too."""
    stage.settings = stage.settings.model_copy(update={"github_token": SecretStr(TOKEN)})
    return stage


@pytest.fixture
def account(stage: Stage) -> Account:
    return stage.world.add_account("octocat")


def at(stage: Stage, moment: datetime) -> None:
    """Let it be that time everywhere."""
    stage.clock.set(moment)
    stage.world.set_time(moment.time())
    stage.world.day = moment.date()


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


NOON = noon(TODAY)


def scan(stage: Stage, user: TrackedUser) -> None:
    stage.collector().scan(user.id, is_load=True)


def gains(stage: Stage, repository: Repository) -> dict[date, tuple[int, int]]:
    """First and last reading of the days that had stars at one of them."""
    with stage.engine.begin() as connection:
        rows = connection.execute(
            text("SELECT day, gained_first, gained_last FROM star_gains WHERE repo_id = :id"),
            {"id": repository.id},
        )
        return {day: (first, last) for day, first, last in rows if first or last}


def row(stage: Stage, repository: Repository) -> Row[tuple[object, ...]]:
    with stage.engine.begin() as connection:
        return connection.execute(
            text("SELECT * FROM backfills WHERE repo_id = :id"), {"id": repository.id}
        ).one()


def ended(log: StarLog, moment: datetime) -> dict[date, int]:
    """The stars that are held, by the days that have ended."""
    last = star_gains.last_ended_day(moment)
    return {day: gained for day, gained in log.gained(moment).items() if day <= last}


def read(stage: Stage) -> list[BackfillOutcome]:
    """Read what is due until nothing is."""
    backfiller = stage.backfiller()
    found = []
    while claimed := claim(stage):
        found += [backfiller.read(repo_id) for repo_id in claimed]
    return found


def claim(stage: Stage) -> list[int]:
    with stage.engine.begin() as connection:
        claimed = backfills.claim(connection, most=1, lease=stage.settings.load_lease)
    return [each.repo_id for each in claimed]


def look(stage: Stage) -> tuple[int, int]:
    with stage.engine.begin() as connection:
        last_day = star_gains.last_ended_day(clock.now(connection))
        due = backfills.add_due(connection, last_day, after=0, limit=1000)
    assert due.upto is None
    return due.new, due.again


def statuses(stage: Stage) -> list[int]:
    """How the requests for histories were answered so far."""
    return [
        request.status
        for request in stage.simulator.requests
        if request.path.endswith("/stargazers/history")
    ]


def limit(stage: Stage, *, after: int, wait: int = 60) -> None:
    """Let GitHub refuse the history for a while, after some pages."""
    fault = Fault(FaultKind.SECONDARY_LIMIT, retry_after=wait)
    stage.simulator.fail(fault, match=Match(path=HISTORY, skip=after))


@pytest.fixture
def stars() -> StarLog:
    return StarLog.random(7, FIRST, TODAY + 60 * DAY, a_day=2)


@pytest.fixture
def kept_stars() -> StarLog:
    """Stars of which none is taken back: every reading of a day is the same."""
    log = StarLog()
    for star in StarLog.random(8, FIRST, TODAY + 60 * DAY, a_day=2).stars:
        log.add(Star(star.given_at))
    return log


def loaded(
    stage: Stage, account: Account, log: StarLog, moment: datetime = NOON
) -> tuple[TrackedUser, Repository]:
    """A user who was loaded at that time, with a repository that has these stars."""
    at(stage, moment)
    repository = stage.world.add_repository(account, "r", stars=log, created_at=noon(FIRST))
    user = stage.follow(account)
    scan(stage, user)
    return user, repository


def test_a_load_has_the_whole_history_read_with_one_request_a_page(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    _, repository = loaded(stage, account, stars)

    outcomes = read(stage)

    assert gains(stage, repository) == {
        day: (gained, gained) for day, gained in ended(stars, NOON).items()
    }
    assert [reading.pages for reading in outcomes] == [PAGES]
    assert statuses(stage) == [200] * PAGES
    found = row(stage, repository)
    assert (found.state, found.read_through) == ("done", TODAY - DAY)
    assert FIRST - 7 * DAY < found.read_from <= FIRST
    assert found.stargazers == stars.held_at(NOON)
    assert stage.simulator.violations == []


def test_a_later_reading_keeps_the_first_value_and_replaces_the_last(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    user, repository = loaded(stage, account, stars)
    read(stage)
    first = ended(stars, NOON)
    later = noon(TODAY + 40 * DAY)
    at(stage, later)
    scan(stage, user)
    with stage.engine.begin() as connection:
        backfills.request_repository(connection, repository.id)

    read(stage)

    last = ended(stars, later)
    found = gains(stage, repository)
    assert {day: gained for day, (_, gained) in found.items() if gained} == last
    assert {day: gained for day, (gained, _) in found.items() if day < TODAY and gained} == first
    # Something was taken back meanwhile, on days that have no star left too.
    assert any(first[day] > last.get(day, 0) == 0 for day in first)
    # Days that were not over at the first reading have the second one as their first.
    assert {day: gained for day, (gained, _) in found.items() if day >= TODAY} == {
        day: gained for day, gained in last.items() if day >= TODAY
    }


@pytest.mark.parametrize("days", [0, 1, 3, 7, 8, 100])
def test_a_reading_that_stops_goes_on_where_it_stopped_and_misses_no_week(
    stage: Stage, account: Account, kept_stars: StarLog, days: int
) -> None:
    user, repository = loaded(stage, account, kept_stars)
    limit(stage, after=2)
    (stopped,) = read(stage)
    assert (stopped.pages, stopped.is_failure) == (2, False)
    assert row(stage, repository).next_page == 3
    at(stage, NOON + days * DAY + timedelta(minutes=2))
    scan(stage, user)

    read(stage)

    # The pages have moved by a week for each Sunday: some weeks came twice, none was left out.
    found = gains(stage, repository)
    known = {day: gained for day, (_, gained) in found.items() if day < TODAY}
    assert known == ended(kept_stars, NOON)
    assert row(stage, repository).state == "done"
    assert row(stage, repository).read_through == TODAY - DAY
    if days == 0:
        assert statuses(stage).count(200) == PAGES


def test_pages_that_move_the_other_way_are_read_again_from_the_first(
    stage: Stage, account: Account, kept_stars: StarLog
) -> None:
    """As if GitHub left out the newest weeks: a week would fall between two pages."""
    _, repository = loaded(stage, account, kept_stars)
    limit(stage, after=1)
    read(stage)
    stage.world.day = TODAY - 7 * DAY
    stage.clock.advance(timedelta(minutes=2))

    (moved,) = read(stage)

    assert moved.is_failure
    assert "weeks are missing between two pages" in moved.summary
    assert row(stage, repository).next_page == 1
    stage.world.day = TODAY
    stage.clock.advance(timedelta(hours=1))
    read(stage)
    assert {day: gained for day, (_, gained) in gains(stage, repository).items()} == ended(
        kept_stars, NOON
    )


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 1, 6, 59, tzinfo=UTC),
        datetime(2026, 11, 1, 7, 1, tzinfo=UTC),
        datetime(2026, 11, 2, 7, 59, tzinfo=UTC),
        datetime(2026, 11, 2, 8, 1, tzinfo=UTC),
        datetime(2027, 3, 14, 7, 59, tzinfo=UTC),
        datetime(2027, 3, 15, 6, 59, tzinfo=UTC),
        datetime(2027, 3, 15, 7, 1, tzinfo=UTC),
    ],
)
def test_a_day_that_has_not_ended_in_los_angeles_is_not_stored(
    stage: Stage, account: Account, moment: datetime
) -> None:
    log = StarLog()
    for number in range(200):
        log.add(Star(moment - timedelta(seconds=30, minutes=30 * number)))
    _, repository = loaded(stage, account, log, moment)

    read(stage)

    today = moment.astimezone(LOS_ANGELES).date()
    assert log.gained(moment)[today]
    found = gains(stage, repository)
    assert max(found) == today - DAY
    assert {day: gained for day, (gained, _) in found.items()} == ended(log, moment)


def test_a_clock_that_is_ahead_makes_no_day_end(
    stage: Stage, account: Account, kept_stars: StarLog
) -> None:
    """GitHub's Date header counts too."""
    _, repository = loaded(stage, account, kept_stars, datetime(2026, 11, 24, 7, tzinfo=UTC))
    stage.clock.advance(timedelta(hours=3))
    stage.clock_error = timedelta(hours=3)

    read(stage)

    assert row(stage, repository).read_through == date(2026, 11, 22)


# BackfillOutcome again


def test_the_newest_page_is_read_again_each_day_on_which_the_count_moved(
    stage: Stage, account: Account, kept_stars: StarLog
) -> None:
    user, repository = loaded(stage, account, kept_stars)
    read(stage)
    assert look(stage) == (0, 0)
    # A scan just after midnight finds another count, but that day goes on in Los Angeles.
    at(stage, datetime(2026, 11, 24, 0, 5, tzinfo=UTC))
    scan(stage, user)
    assert look(stage) == (0, 0)
    at(stage, datetime(2026, 11, 24, 8, 5, tzinfo=UTC))

    assert look(stage) == (0, 1)
    assert [reading.pages for reading in read(stage)] == [1]

    found = gains(stage, repository)
    assert {day: gained for day, (gained, _) in found.items()} == ended(
        kept_stars, stage.clock.now()
    )
    assert look(stage) == (0, 0)
    assert row(stage, repository).read_from <= FIRST


def test_a_page_that_does_not_reach_what_is_known_is_followed_by_the_next(
    stage: Stage, account: Account, kept_stars: StarLog
) -> None:
    user, repository = loaded(stage, account, kept_stars, noon(TODAY - 250 * DAY))
    read(stage)
    at(stage, NOON)
    scan(stage, user)

    assert look(stage) == (0, 1)
    assert [reading.pages for reading in read(stage)] == [2]

    assert {day: gained for day, (gained, _) in gains(stage, repository).items()} == ended(
        kept_stars, NOON
    )


def quiet_log() -> StarLog:
    """One old star that is taken back tomorrow morning, others long ago, none lately."""
    log = StarLog()
    for number in range(40):
        log.add(Star(noon(FIRST + number * 3 * DAY)))
    log.add(Star(noon(FIRST), taken_at=noon(TODAY) + timedelta(hours=12, minutes=2)))
    return log


def test_an_unchanged_page_is_free_and_says_that_the_days_since_had_no_stars(
    stage: Stage, account: Account
) -> None:
    user, repository = loaded(stage, account, quiet_log())
    read(stage)
    at(stage, datetime(2026, 11, 24, 0, 5, tzinfo=UTC))
    scan(stage, user)
    at(stage, datetime(2026, 11, 24, 8, 5, tzinfo=UTC))
    before = len(statuses(stage))

    assert look(stage) == (0, 1)
    read(stage)

    assert statuses(stage)[before:] == [304]
    assert row(stage, repository).read_through == TODAY
    with stage.engine.begin() as connection:
        newest = connection.execute(
            text(
                "SELECT day, gained_first, gained_last FROM star_gains"
                " WHERE repo_id = :id ORDER BY day DESC LIMIT 1"
            ),
            {"id": repository.id},
        ).one()
    assert tuple(newest) == (TODAY, 0, 0)
    assert look(stage) == (0, 0)


def test_a_star_of_the_running_day_is_not_lost_behind_an_unchanged_page(
    stage: Stage, account: Account
) -> None:
    log = quiet_log()
    log.add(Star(NOON - timedelta(minutes=30)))
    user, repository = loaded(stage, account, log)
    read(stage)
    assert TODAY not in gains(stage, repository)
    at(stage, datetime(2026, 11, 24, 0, 5, tzinfo=UTC))
    scan(stage, user)
    at(stage, datetime(2026, 11, 24, 8, 5, tzinfo=UTC))
    look(stage)

    read(stage)

    assert gains(stage, repository)[TODAY] == (1, 1)


def test_a_day_that_we_missed_is_read_at_once(stage: Stage, account: Account) -> None:
    log = StarLog()
    for number in range(40):
        log.add(Star(noon(FIRST + number * 3 * DAY)))
    user, repository = loaded(stage, account, log)
    read(stage)
    at(stage, datetime(2026, 11, 27, 0, 5, tzinfo=UTC))
    scan(stage, user)

    # The count is the same, but of two days there are no rows.
    assert look(stage) == (0, 1)
    read(stage)

    assert row(stage, repository).read_through == date(2026, 11, 25)
    assert look(stage) == (0, 0)


def test_a_history_that_lost_its_last_star_has_none_on_any_day(
    stage: Stage, account: Account
) -> None:
    log = StarLog()
    log.add(Star(noon(FIRST), taken_at=NOON + timedelta(hours=3)))
    user, repository = loaded(stage, account, log)
    read(stage)
    at(stage, datetime(2026, 11, 24, 9, tzinfo=UTC))
    scan(stage, user)

    assert look(stage) == (0, 1)
    read(stage)

    assert gains(stage, repository) == {FIRST: (1, 0)}


def test_an_empty_history_of_a_repository_with_stars_is_not_believed(
    stage: Stage, account: Account, kept_stars: StarLog
) -> None:
    user, repository = loaded(stage, account, kept_stars)
    read(stage)
    before = gains(stage, repository)
    stage.simulator.fail(Fault(FaultKind.ANSWER, status=200, text="[]"), match=Match(path=HISTORY))
    with stage.engine.begin() as connection:
        backfills.request_user(connection, user.id)

    (reading,) = read(stage)

    assert reading.is_failure
    assert "shows an empty history" in reading.summary
    assert gains(stage, repository) == before


# What GitHub refuses


def test_a_repository_without_stars_is_not_asked_for(stage: Stage, account: Account) -> None:
    stage.world.add_repository(account, "r")
    scan(stage, stage.follow(account))

    assert look(stage) == (0, 0)
    assert read(stage) == []
    assert statuses(stage) == []


def test_a_private_repository_is_never_read(stage: Stage, stars: StarLog) -> None:
    """The token is its owner's, who sees it."""
    at(stage, NOON)
    secret = stage.world.add_repository(stage.viewer, "secret", stars=stars, private=True)
    shown = stage.world.add_repository(stage.viewer, "shown", stars=stars)
    user = stage.follow(stage.viewer)
    scan(stage, user)
    with stage.engine.begin() as connection:
        backfills.request_user(connection, user.id)
        backfills.request_repository(connection, secret.id)
    read(stage)
    assert gains(stage, shown)
    assert gains(stage, secret) == {}
    requested = len(statuses(stage))
    # One that becomes private is not read although today's scan listed it,
    stage.world.hide_repository(shown)
    with stage.engine.begin() as connection:
        backfills.request_repository(connection, shown.id)
    assert [reading.pages for reading in read(stage)] == [0]
    assert row(stage, shown).reason == "GitHub does not show it to everybody"
    # and neither before the next scan nor after it, whatever is requested.
    at(stage, noon(TODAY + DAY))
    with stage.engine.begin() as connection:
        backfills.request_repository(connection, shown.id)
    assert read(stage) == []
    scan(stage, user)

    assert read(stage) == []
    assert look(stage) == (0, 0)
    assert len(statuses(stage)) == requested


def test_where_the_node_id_is_not_known_the_repository_itself_says_that_it_is_public(
    stage: Stage, stars: StarLog
) -> None:
    at(stage, NOON)
    hidden = stage.world.add_repository(stage.viewer, "hidden", stars=stars)
    shown = stage.world.add_repository(stage.viewer, "shown", stars=stars)
    deleted = stage.world.add_repository(stage.viewer, "deleted", stars=stars)
    scan(stage, stage.follow(stage.viewer))
    stage.world.hide_repository(hidden)
    stage.world.delete_repository(deleted)
    with stage.engine.begin() as connection:
        connection.execute(text("UPDATE repositories SET node_id = NULL"))

    read(stage)

    assert [row(stage, each).state for each in (hidden, shown, deleted)] == [
        "failed",
        "done",
        "failed",
    ]
    assert gains(stage, shown)
    assert len(statuses(stage)) == len(history_pages(stage, shown))


def history_pages(stage: Stage, repository: Repository) -> range:
    return range(len(weeks(repository, stage.world.now)) // 30 + 1)


def test_a_page_of_a_repository_that_went_meanwhile_is_not_stored(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    _, repository = loaded(stage, account, stars)

    def hide(request: httpx.Request) -> None:
        if request.url.path.endswith("/history"):
            with stage.engine.begin() as connection:
                connection.execute(text("UPDATE repositories SET state = 'missing'"))

    stage.hook = hide

    assert [reading.pages for reading in read(stage)] == [0]
    assert gains(stage, repository) == {}


def test_a_history_that_is_not_there_is_asked_for_again_after_a_week(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    user, repository = loaded(stage, account, stars)
    stage.simulator.fail(Fault(FaultKind.NOT_FOUND), match=Match(path=HISTORY))

    assert [reading.is_failure for reading in read(stage)] == [False]

    found = row(stage, repository)
    assert (found.state, found.reason) == ("none", "GitHub has no star history of it")
    at(stage, NOON + 6 * DAY)
    scan(stage, user)
    assert look(stage) == (0, 0)
    at(stage, NOON + 7 * DAY + timedelta(hours=1))
    scan(stage, user)
    assert look(stage) == (0, 1)
    assert [reading.pages for reading in read(stage)] == [PAGES]
    assert row(stage, repository).state == "done"


def test_a_history_that_github_refuses_fails_with_its_reason_and_the_others_go_on(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    _, repository = loaded(stage, account, stars)
    stage.world.block_repository(repository, "dmca")

    assert [reading.may_go_on for reading in read(stage)] == [True]

    found = row(stage, repository)
    assert (found.state, found.reason) == ("failed", "GitHub blocks it: dmca")


def test_an_enterprise_server_is_asked_for_one_history(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    stage.settings = stage.settings.model_copy(
        update={"github_api_url": "https://git.example.org/api/v3"}
    )
    stage.simulator.edition = enterprise_server()
    for name in ("a", "b", "c"):
        stage.world.add_repository(account, name, stars=stars)
    scan(stage, stage.follow(account))

    (reading,) = read(stage)

    assert reading == BackfillOutcome(
        0, "none: this Enterprise Server has no star histories", may_go_on=False
    )
    assert statuses(stage) == [404]
    with stage.engine.begin() as connection:
        assert set(connection.execute(text("SELECT state FROM backfills")).scalars()) == {"none"}


# Limits and outages


def test_a_limit_waits_in_the_table_and_is_no_failure(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    _, repository = loaded(stage, account, stars)
    limit(stage, after=1, wait=600)

    (reading,) = read(stage)

    assert (reading.is_failure, reading.may_go_on) == (False, False)
    stage.wait(seconds=590)
    assert claim(stage) == []
    stage.wait(seconds=20)
    assert [reading.pages for reading in read(stage)] == [PAGES - 1]
    assert row(stage, repository).attempts == 0
    assert stage.simulator.violations == []


def test_a_fault_is_tried_again_after_a_pause_that_grows(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    loaded(stage, account, stars)
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None, match=Match(path=HISTORY))
    pauses = []
    for _ in range(9):
        (repo_id,) = claim(stage)
        assert stage.backfiller().read(repo_id).is_failure
        with stage.engine.begin() as connection:
            pauses.append(
                connection.execute(
                    text("SELECT not_before - repopulse_now() FROM backfills")
                ).scalar_one()
            )
        assert claim(stage) == []
        stage.clock.advance(pauses[-1] + timedelta(seconds=1))

    # Less what has passed since.
    for pause, minutes in zip(pauses, [0.5, 1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert minutes / 2 < pause / timedelta(minutes=1) <= minutes


def test_scans_keep_a_reserve_of_the_quota(stage: Stage, account: Account, stars: StarLog) -> None:
    loaded(stage, account, stars)
    # Of eight requests an hour two are kept.
    stage.simulator.set_limits(Limits(core=8))
    stage.redis.flushdb()

    (reading,) = read(stage)

    assert "this hour's requests are used up" in reading.summary
    assert statuses(stage) == [200] * 6
    stage.github().show_account(account.id)


def test_a_waiting_scan_goes_first(stage: Stage, account: Account, stars: StarLog) -> None:
    _, repository = loaded(stage, account, stars)
    (repo_id,) = claim(stage)

    def send_scan(request: httpx.Request) -> None:
        if request.url.path.endswith("/history"):
            stage.redis.rpush(Queue.SCAN, "a message")

    stage.hook = send_scan
    reading = stage.backfiller().read(repo_id)

    assert (reading.pages, reading.may_go_on) == (1, False)
    assert "scans and loads go first" in reading.summary
    assert row(stage, repository).next_page == 2
    stage.redis.delete(Queue.SCAN)
    stage.hook = None
    assert [reading.pages for reading in read(stage)] == [PAGES - 1]


# Others at the same time


def test_a_user_who_is_deleted_meanwhile_stays_deleted(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    user, _ = loaded(stage, account, stars)

    def delete(request: httpx.Request) -> None:
        if request.url.params.get("page") == "2":
            with stage.engine.begin() as connection:
                assert users.delete(connection, user.id)

    stage.hook = delete

    assert [(reading.pages, reading.is_failure) for reading in read(stage)] == [(1, False)]
    for table in ("star_gains", "backfills", "repositories"):
        assert stage.value(f"SELECT count(*) FROM {table}") == 0


def test_a_deletion_and_a_page_at_the_same_time_do_not_deadlock(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    user, repository = loaded(stage, account, stars)
    with stage.engine.begin() as connection:
        begun = readings.get_pending(connection, repository.id)
    assert begun is not None
    with ThreadPoolExecutor(1) as pool, stage.engine.connect() as page:
        with page.begin():
            assert readings.lock_pending(page, begun) is not None

            def delete() -> bool:
                with stage.engine.begin() as connection:
                    return users.delete(connection, user.id)

            deletion = pool.submit(delete)
            wait_until(lambda: is_blocked(stage), seconds=10)
            star_gains.write(
                page,
                repository.id,
                {TODAY - DAY: 1},
                first=TODAY - DAY,
                last=TODAY - DAY,
                was_read=begun.was_read,
                read_before=None,
                read_at=NOON,
            )
        assert deletion.result()
    assert stage.value("SELECT count(*) FROM star_gains") == 0


def is_blocked(stage: Stage) -> bool:
    return bool(
        stage.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND cardinality(pg_blocking_pids(pid)) > 0"
        )
    )


def test_two_tasks_for_one_repository_store_each_page_once(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    _, repository = loaded(stage, account, stars)
    (repo_id,) = claim(stage)
    other: list[BackfillOutcome] = []

    def send_scan(_: httpx.Request) -> None:
        stage.redis.rpush(Queue.SCAN, "a message")

    def read_too(request: httpx.Request) -> None:
        # The second task has page 2 stored before the first one gets its answer, and stops.
        if request.url.params.get("page") == "2":
            stage.hook = send_scan
            other.append(stage.backfiller().read(repo_id))
            stage.hook = None
            stage.redis.delete(Queue.SCAN)

    stage.settings = stage.settings.model_copy(update={"github_concurrency": 2})
    stage.hook = read_too
    first = stage.backfiller().read(repo_id)

    assert [first.pages, *(reading.pages for reading in other)] == [1, 1]
    assert row(stage, repository).next_page == 3
    read(stage)
    assert gains(stage, repository) == {
        day: (gained, gained) for day, gained in ended(stars, NOON).items()
    }


def test_a_reading_that_is_requested_again_goes_on(
    stage: Stage, account: Account, stars: StarLog
) -> None:
    user, repository = loaded(stage, account, stars)
    limit(stage, after=2)
    read(stage)
    with stage.engine.begin() as connection:
        backfills.request_user(connection, user.id)
        backfills.request_repository(connection, repository.id)

    assert row(stage, repository).next_page == 3
    assert claim(stage) == []


def test_all_that_was_ever_first_read_is_what_was_held_then(stage: Stage, account: Account) -> None:
    """Weeks of scans and readings at odd hours, over both nights of the clock change."""
    log = StarLog.random(11, date(2026, 8, 1), date(2027, 4, 1), a_day=3)
    at(stage, noon(date(2026, 10, 25)))
    repository = stage.world.add_repository(
        account, "r", stars=log, created_at=noon(date(2026, 8, 1))
    )
    user = stage.follow(account)
    first_seen: dict[date, int] = {}
    moment = noon(date(2026, 10, 25))
    while moment < noon(date(2026, 11, 12)):
        at(stage, moment)
        scan(stage, user)
        look(stage)
        if read(stage):
            held = ended(log, moment)
            day, last = date(2026, 8, 1), star_gains.last_ended_day(moment)
            while day <= last:
                first_seen.setdefault(day, held.get(day, 0))
                day += DAY
        moment += timedelta(hours=7, minutes=13)

    found = gains(stage, repository)
    assert {day: found.get(day, (0, 0))[0] for day in first_seen} == first_seen
    assert set(found) <= set(first_seen)
    # Some of these stars were taken back between two readings.
    assert any(last < first for first, last in found.values())
    assert set(statuses(stage)) <= {200, 304}
