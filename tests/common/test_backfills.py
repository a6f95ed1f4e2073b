"""The queue of star histories that are to be read."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from common import backfills, readings
from common.readings import Progress
from common.repositories import Counts
from common.states import BackfillState
from tests import factories
from tests.clock import Clock

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock.set(TODAY)


def add(connection: Connection, number: int = 1) -> list[int]:
    """Repositories that are to be read."""
    user = factories.add_user(connection)
    added = [factories.add_repository(connection, user) for _ in range(number)]
    for repository in added:
        factories.add_rows(connection, user, repository, {TODAY: Counts(9, 1, 1)})
    ids = [repository.id for repository in added]
    assert backfills.add(connection, ids) == number
    return ids


def claim(connection: Connection, most: int = 10) -> list[int]:
    claimed = backfills.claim(connection, most=most, lease=60)
    return sorted(each.repo_id for each in claimed)


def states(connection: Connection) -> dict[int, str]:
    rows = connection.execute(text("SELECT repo_id, state FROM backfills"))
    return {row[0]: row[1] for row in rows}


def test_repositories_are_added_once(connection: Connection) -> None:
    (repo_id,) = add(connection)

    assert backfills.add(connection, [repo_id, 999]) == 0
    assert states(connection) == {repo_id: "pending"}


def test_a_lease_keeps_others_off_until_it_ends(connection: Connection, clock: Clock) -> None:
    (repo_id,) = add(connection)
    assert claim(connection) == [repo_id]
    clock.advance(timedelta(seconds=50))
    readings.renew(connection, repo_id, lease=60)
    clock.advance(timedelta(seconds=50))
    assert claim(connection) == []
    clock.advance(timedelta(seconds=11))
    assert claim(connection) == [repo_id]


def test_no_more_are_leased_than_allowed(connection: Connection) -> None:
    add(connection, 5)

    assert len(claim(connection, 2)) == 2
    assert claim(connection, 2) == []
    assert len(claim(connection, 3)) == 1


def test_a_claim_has_the_name_by_which_people_know_the_repository(connection: Connection) -> None:
    user = factories.add_user(connection, login="octocat")
    repository = factories.add_repository(connection, user, name="hello")
    backfills.add(connection, [repository.id])

    (found,) = backfills.claim(connection, most=1, lease=60)

    assert found == backfills.Claim(repository.id, "octocat/hello")


def test_of_two_claims_at_once_one_gets_nothing(engine: Engine, connection: Connection) -> None:
    add(connection, 5)
    with engine.begin() as first, engine.begin() as second:
        assert len(claim(first, 1)) == 1
        assert claim(second, 1) == []


@pytest.mark.parametrize("column", ["lease_until", "not_before"])
def test_a_time_too_far_ahead_is_a_wrong_clocks(
    connection: Connection, clock: Clock, column: str
) -> None:
    (repo_id,) = add(connection)
    clock.advance(timedelta(days=400))
    connection.execute(text(f"UPDATE backfills SET {column} = repopulse_now() + interval '1 min'"))
    clock.advance(timedelta(days=-400))

    assert claim(connection) == [repo_id]


@pytest.mark.parametrize(
    "change", ["state = 'missing'", "state = 'gone'", "listed_on = listed_on - 1"]
)
def test_what_github_did_not_list_today_is_not_read(connection: Connection, change: str) -> None:
    (repo_id,) = add(connection)
    assert readings.get_pending(connection, repo_id) is not None
    connection.execute(text(f"UPDATE repositories SET {change}"))

    assert claim(connection) == []
    assert readings.get_pending(connection, repo_id) is None


def test_rescheduling_counts_failures_alone(connection: Connection, clock: Clock) -> None:
    (repo_id,) = add(connection)
    attempts = []
    for counts in (False, True, True, False):
        assert claim(connection) == [repo_id]
        readings.reschedule(
            connection,
            repo_id,
            reason="a reason",
            not_before=clock.now() + timedelta(minutes=1),
            counts_as_attempt=counts,
        )
        attempts.append(connection.execute(text("SELECT attempts FROM backfills")).scalar_one())
        assert claim(connection) == []
        clock.advance(timedelta(minutes=2))

    assert attempts == [0, 1, 2, 2]


@pytest.mark.parametrize("state", [BackfillState.NONE, BackfillState.FAILED])
def test_what_was_given_up_continues_after_a_week(
    connection: Connection, clock: Clock, state: BackfillState
) -> None:
    (repo_id,) = add(connection)
    progress = Progress(4, TODAY - 630 * DAY, TODAY - DAY, None, is_last=False, is_done=False)
    readings.advance(connection, repo_id, progress)
    readings.give_up(connection, repo_id, state, reason="a reason", now=clock.now())
    assert claim(connection) == []
    found = []
    for _ in range(8):
        clock.advance(DAY)
        connection.execute(text("UPDATE repositories SET listed_on = listed_on + 1"))
        connection.execute(
            text("UPDATE daily_stats SET date = (SELECT max(listed_on) FROM repositories)")
        )
        found.append(backfills.add_due(connection, TODAY, after=0, limit=10).again)

    assert found == [0] * 6 + [1, 0]
    begun = readings.get_pending(connection, repo_id)
    assert begun is not None
    assert (begun.next_page, begun.is_whole) == (4, True)


def test_a_request_begins_again_at_page_1_unless_that_is_under_way(
    connection: Connection, clock: Clock
) -> None:
    done, under_way, failed = add(connection, 3)
    end = Progress(1, TODAY - 70 * DAY, TODAY - DAY, None, is_last=True, is_done=True)
    readings.advance(connection, done, end)
    middle = Progress(4, TODAY - 630 * DAY, TODAY - DAY, None, is_last=False, is_done=False)
    readings.advance(connection, under_way, middle)
    readings.give_up(connection, failed, BackfillState.FAILED, reason="a reason", now=clock.now())

    for repo_id in (done, under_way, failed):
        backfills.request_repository(connection, repo_id)

    pages = {}
    for repo_id in claim(connection):
        begun = readings.get_pending(connection, repo_id)
        assert begun is not None
        pages[repo_id] = (begun.next_page, begun.read_through)
    assert pages == {done: (1, TODAY - DAY), under_way: (4, None), failed: (1, None)}
