"""What one observation writes, and how it ends the day."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text

from common import clock, repositories, scans
from common.repositories import Counts, SeenRepository
from common.scans import Begun
from common.states import ScanState
from common.users import TrackedUser
from tests.locks import is_waiting_for_a_lock
from tests.waiting import wait_until
from tests.worker.stage import Stage
from worker.github.observation import Account, Observation, Shortfall, Target
from worker.record import Recorded, record

LOGIN = "octocat"
MAX_ATTEMPTS = 5

ERROR = Shortfall("HTTP 502")
REFUSAL = Shortfall("GitHub blocks it: dmca", can_pass=False)


@pytest.fixture
def user(stage: Stage) -> TrackedUser:
    return stage.follow(stage.world.add_account(LOGIN))


def seen(repository_id: int, *, is_counted: bool = True) -> SeenRepository:
    return SeenRepository(
        id=repository_id,
        name=f"r{repository_id}",
        node_id=f"R_{repository_id}",
        is_fork=False,
        is_archived=False,
        counts=Counts(1, 2, 3) if is_counted else None,
    )


def observed(user: TrackedUser, *shown: SeenRepository, **more: object) -> Observation:
    account = Account(user.id, LOGIN, LOGIN, "U_1")
    return Observation(account, shown, **more)  # type: ignore[arg-type]


def write(connection: Connection, user: TrackedUser, observation: Observation) -> Recorded:
    """Begin a scan and record what it observed."""
    begun = scans.begin(connection, user.id, holder="a task", lease=60)
    assert isinstance(begun, Begun)
    known = repositories.list_known(connection, user.id, begun.day)
    target = Target(user.id, LOGIN, "U_1", known)
    assert scans.lock(connection, user.id, begun.day)
    return record(
        connection, begun, target, observation, clock.now(connection), max_attempts=MAX_ATTEMPTS
    )


def states(stage: Stage) -> dict[int, str]:
    """The states of all repositories."""
    with stage.engine.begin() as connection:
        rows = connection.execute(text("SELECT id, state FROM repositories"))
        return {row.id: row.state for row in rows}


def test_a_row_of_a_repository_that_went_does_not_complete_the_day(
    stage: Stage, user: TrackedUser
) -> None:
    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), seen(2), expected=4, wait=60))

    # The second went, and of the three that are left one could not be counted.
    later = observed(user, seen(1), seen(3), seen(4, is_counted=False), expected=3, gone=(2,))
    with stage.engine.begin() as connection:
        outcome = write(connection, user, later).outcome

    assert outcome.state is ScanState.INCOMPLETE
    assert "2 of 3 repositories recorded" in outcome.summary


def test_a_list_that_is_not_complete_makes_no_repository_missing(
    stage: Stage, user: TrackedUser
) -> None:
    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), seen(2), expected=3, wait=60))

    with stage.engine.begin() as connection:
        written = write(connection, user, observed(user, seen(1), expected=None))

    assert written.vanished == ()
    assert stage.value("SELECT state FROM repositories WHERE id = 2") == "listed"


def test_a_complete_list_makes_what_it_does_not_show_missing(
    stage: Stage, user: TrackedUser
) -> None:
    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), seen(2), expected=3, wait=60))

    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), expected=1))

    assert stage.value("SELECT state FROM repositories WHERE id = 2") == "missing"


@pytest.mark.parametrize("gone", [(), (2,)], ids=["not-looked-at", "denied"])
def test_list_with_an_unreadable_entry_does_not_make_what_may_be_that_entry_missing(
    stage: Stage, user: TrackedUser, gone: tuple[int, ...]
) -> None:
    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), seen(2), expected=3, wait=60))

    # The second may be the other one that GitHub lists.
    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), expected=2, gone=gone))

    assert states(stage) == {1: "listed", 2: "listed"}


def test_list_with_an_unreadable_entry_makes_what_exceeds_it_missing(
    stage: Stage, user: TrackedUser
) -> None:
    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), seen(2), seen(3), expected=4, wait=60))

    # One is listed and blocked; the other was deleted.
    with stage.engine.begin() as connection:
        written = write(connection, user, observed(user, seen(1), expected=2, gone=(3,)))

    assert states(stage) == {1: "listed", 2: "listed", 3: "gone"}
    assert written.vanished == ("r3",)


def test_list_that_is_not_complete_does_not_make_a_denied_repository_gone(
    stage: Stage, user: TrackedUser
) -> None:
    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), seen(2), expected=3, wait=60))

    with stage.engine.begin() as connection:
        write(connection, user, observed(user, seen(1), expected=None, gone=(2,)))

    assert states(stage) == {1: "listed", 2: "listed"}


@pytest.mark.parametrize(
    ("shortfalls", "is_settled"),
    [
        ((), False),
        ((ERROR,), False),
        ((ERROR, REFUSAL), False),
        ((REFUSAL,), True),
    ],
)
def test_second_attempt_settles_the_day_only_if_github_refused_all_that_is_missing(
    stage: Stage, user: TrackedUser, shortfalls: tuple[Shortfall, ...], is_settled: bool
) -> None:
    for _ in range(2):
        with stage.engine.begin() as connection:
            outcome = write(
                connection, user, observed(user, seen(1), expected=2, shortfalls=shortfalls)
            ).outcome
            assert outcome.state is ScanState.INCOMPLETE
            connection.execute(text("UPDATE scans SET attempts = attempts + 1"))

    record = stage.record(user)
    assert (record.finished_at is not None) == is_settled
    assert record.next_attempt_at is not None


def test_all_repositories_are_locked_before_any_is_written(
    stage: Stage, user: TrackedUser, connection: Connection
) -> None:
    with stage.engine.begin() as first:
        write(first, user, observed(user, seen(1), seen(2), expected=3, wait=60))
    lock = text("SELECT 1 FROM repositories WHERE id = :id FOR NO KEY UPDATE NOWAIT")

    def scan() -> None:
        with stage.engine.begin() as second:
            write(second, user, observed(user, seen(2), expected=1, gone=(1,)))

    with ThreadPoolExecutor(1) as pool:
        with stage.engine.begin() as other:
            other.execute(lock, {"id": 1})
            scanning = pool.submit(scan)
            wait_until(lambda: is_waiting_for_a_lock(connection), 20)
            # It waits for the first, and has not written to the second: no deadlock is possible.
            other.execute(lock, {"id": 2})
        scanning.result(20)

    assert stage.value("SELECT state FROM repositories WHERE id = 1") == "gone"
