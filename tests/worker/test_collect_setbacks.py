"""What a scan makes of limits, faults and of those who get in its way."""

from datetime import UTC, datetime, time, timedelta

import httpx
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import text

from api.queries.progress import count_overdue
from common import collection, scans, users
from common.repositories import Counts
from common.scans import Begun
from common.states import ScanState
from common.users import TrackedUser
from simulator import Account, Fault, FaultKind
from tests.waiting import wait_until
from tests.worker.stage import NOTHING, OTHER_TOKEN, TODAY, TOKEN, Stage
from worker.collect import Collector
from worker.outcome import Outcome

ways = pytest.mark.parametrize("token", [TOKEN, None], ids=["with-token", "without-token"])


@pytest.fixture
def account(stage: Stage) -> Account:
    account = stage.world.add_account("octocat")
    for number in range(3):
        stage.world.add_repository(account, f"r{number}", stargazers=number, watchers=number + 1)
    return account


@pytest.fixture
def user(stage: Stage, account: Account) -> TrackedUser:
    return stage.follow(account)


def due_in(stage: Stage, user: TrackedUser) -> float:
    """Seconds until a user's scan is taken up again."""
    at = stage.record(user).next_attempt_at
    assert at is not None
    return (at - stage.clock.now()).total_seconds()


def attempts(stage: Stage) -> object:
    return stage.value("SELECT attempts FROM users")


# Limits


@ways
@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.SECONDARY_LIMIT, retry_after=90),
        Fault(FaultKind.SECONDARY_LIMIT, status=429, retry_after=90),
        Fault(FaultKind.PRIMARY_LIMIT, seconds=89),
    ],
    ids=["secondary", "secondary-429", "primary"],
)
def test_a_limit_puts_the_scan_back_until_it_is_over(
    stage: Stage, user: TrackedUser, token: str | None, fault: Fault
) -> None:
    collector = stage.collector(token=token)
    stage.simulator.fail(fault)

    assert stage.sweep(collector) == [Outcome(ScanState.WAITING)]

    assert 85 < due_in(stage, user) < 95
    assert stage.record(user).reason
    assert stage.rows(user) == {}
    stage.wait(seconds=80)
    assert stage.sweep(collector) == []
    stage.wait(seconds=20)
    stage.sweep(collector)
    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.simulator.violations == []


def test_a_limit_is_no_attempt(stage: Stage, collector: Collector, user: TrackedUser) -> None:
    for _ in range(stage.settings.max_attempts + 2):
        stage.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=60))
        assert stage.sweep(collector) == [Outcome(ScanState.WAITING)]
        stage.wait(seconds=3700)

    assert attempts(stage) == 0
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]
    assert stage.record(user).attempts == 1


def test_what_was_seen_before_a_limit_is_kept(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    account = stage.world.account("octocat")
    assert account is not None
    for number in range(3, 150):
        stage.world.add_repository(account, f"r{number}", watchers=number + 1)
    stage.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=60), match=after_one_page)

    stage.sweep(collector)
    first = stage.rows(user)[TODAY]
    stage.wait(seconds=61)
    stage.sweep(collector)

    assert len(first) == 100
    assert first.items() <= stage.truth(user).items()
    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.record(user).state is ScanState.DONE


def after_one_page(request: object) -> bool:
    """A later page of GraphQL: it has a cursor."""
    body = getattr(request, "body", "")
    return '"after":' in body and '"after":null' not in body.replace(" ", "")


def test_everybody_waits_while_github_has_said_to_wait(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    others = [stage.follow(stage.world.add_account(f"other{number}")) for number in range(4)]
    stage.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=60))

    outcomes = stage.sweep(collector)

    assert outcomes == [Outcome(ScanState.WAITING)] * 5
    # One of them asked.
    assert len(stage.simulator.requests) == 1
    assert {stage.record(other).state for other in others} == {ScanState.WAITING}


def test_a_token_that_is_refused_is_told_and_is_no_attempt(stage: Stage, user: TrackedUser) -> None:
    collector = stage.collector(token="revoked")

    assert stage.sweep(collector) == [Outcome(ScanState.WAITING)]

    record = stage.record(user)
    assert record.reason is not None
    assert "redential" in record.reason
    assert 30 <= due_in(stage, user) <= 900
    assert attempts(stage) == 0
    assert stage.mentions("revoked") == []


# Faults


def fail_always(stage: Stage) -> None:
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None)


@ways
def test_server_errors_put_a_scan_back_with_growing_pauses_then_set_it_aside(
    stage: Stage, user: TrackedUser, token: str | None
) -> None:
    collector = stage.collector(token=token)
    fail_always(stage)
    pauses: list[float] = []
    states: list[ScanState] = []
    while not states or states[-1] is not ScanState.SET_ASIDE:
        (outcome,) = stage.sweep(collector)
        states.append(stage.record(user).state)
        pauses.append(due_in(stage, user))
        assert outcome.state is states[-1]
        if states[-1] is ScanState.FAILED:
            stage.wait(seconds=pauses[-1] + 1)

    assert states == [ScanState.FAILED] * 4 + [ScanState.SET_ASIDE]
    assert [round(pause / 30) for pause in pauses[:4]] == [1, 2, 4, 8]
    assert stage.rows(user) == {}
    assert stage.record(user).reason
    assert round(pauses[-1] / 60) == 60


def test_an_outage_of_hours_costs_no_day(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    fail_always(stage)
    tries = 0
    while stage.clock.now().hour < 20:
        tries += len(stage.sweep(collector))
        stage.wait(minutes=5)
    stage.simulator.heal()
    stage.wait(hours=1)

    stage.sweep(collector)

    # Once an hour after the first five: an outage is not made worse.
    assert 8 < tries < 16
    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert attempts(stage) == 0


# Workers that are killed


def kill_while_scanning(stage: Stage, user: TrackedUser, holder: str) -> None:
    """Begin, as a task of this id does, and be gone."""
    with stage.engine.begin() as connection:
        begun = scans.begin(connection, user.id, holder=holder, lease=stage.settings.lease)
    assert isinstance(begun, Begun)


def test_a_message_that_comes_again_after_a_kill_is_scanned_at_once(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    kill_while_scanning(stage, user, "a task")

    assert collector.scan(user.id, holder="a task") == Outcome(ScanState.DONE, 3)


def test_what_killed_its_worker_twice_waits_apart_from_the_others(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    for _ in range(3):
        kill_while_scanning(stage, user, "a task")

    outcome = collector.scan(user.id, holder="a task")

    assert outcome == Outcome(ScanState.FAILED)
    assert stage.simulator.requests == []
    assert 60 < due_in(stage, user) < 400
    assert "was killed or stopped" in str(stage.record(user).reason)


def test_who_was_killed_beside_another_has_a_run_alone_however_few_attempts_there_are(
    stage: Stage, user: TrackedUser
) -> None:
    stage.settings = stage.settings.model_copy(update={"max_attempts": 1})
    collector = stage.collector()
    for _ in range(3):
        kill_while_scanning(stage, user, "a task")

    assert collector.scan(user.id, holder="a task") == Outcome(ScanState.FAILED)
    stage.wait(seconds=due_in(stage, user) + 1)
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]


def test_who_failed_for_hours_keeps_the_day_when_a_worker_is_killed_too(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    fail_always(stage)
    stage.sweep_until(collector, datetime.combine(TODAY, time(18), UTC))
    assert attempts(stage) == stage.record(user).attempts > stage.settings.max_attempts
    stage.wait(seconds=due_in(stage, user) + 1)
    assert claim(stage) == [user.id]
    kill_while_scanning(stage, user, "a task of a worker that is replaced")
    stage.simulator.heal()

    stage.sweep_until(collector, datetime.combine(TODAY, time(20), UTC))

    assert stage.rows(user)[TODAY] == stage.truth(user)


def test_what_fails_in_the_worker_itself_is_no_kill(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    def crash(_: httpx.Request) -> None:
        raise SoftTimeLimitExceeded

    stage.hook = crash
    for _ in range(stage.settings.max_attempts + 2):
        with pytest.raises(SoftTimeLimitExceeded):
            stage.sweep(collector)
        assert stage.record(user).reason == "the scan took too long"
        stage.wait(hours=1, seconds=1)
    stage.hook = None

    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]


def test_what_kills_its_worker_each_time_is_set_aside_until_tomorrow(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    for _ in range(stage.settings.max_attempts):
        kill_while_scanning(stage, user, "a task")

    assert collector.scan(user.id, holder="a task") == Outcome(ScanState.SET_ASIDE)
    tomorrow = datetime.combine(TODAY + timedelta(days=1), time(0, 5), UTC)
    assert stage.record(user).next_attempt_at == tomorrow


def test_who_was_killed_beside_another_has_a_run_alone_where_the_lease_ends_first(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    """A short lease ends before the message of the killed task is delivered again."""
    for number in range(3):
        claimed = claim(stage)
        assert claimed == [user.id]
        kill_while_scanning(stage, user, f"task {number}")
        stage.wait(seconds=stage.settings.lease + 1)

    assert stage.sweep(collector) == [Outcome(ScanState.FAILED)]
    assert stage.simulator.requests == []
    stage.wait(seconds=due_in(stage, user) + 1)
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]


def claim(stage: Stage) -> list[int]:
    """Claim the users who are due, as a sweep does."""
    with stage.engine.begin() as connection:
        claims = scans.claim(
            connection,
            limit=10,
            lease=stage.settings.lease,
            load_lease=stage.settings.load_lease,
            max_attempts=stage.settings.max_attempts,
            scan_at=stage.settings.scan_at,
        )
    return [claim.user_id for claim in claims]


def test_a_load_whose_worker_is_killed_is_due_within_a_minute(
    stage: Stage, user: TrackedUser
) -> None:
    class KilledError(BaseException):
        """Ends the task where it is, as a kill does."""

    def kill(_: httpx.Request) -> None:
        raise KilledError

    stage.hook = kill
    with pytest.raises(KilledError):
        stage.collector().scan(user.id, is_load=True)
    stage.hook = None
    assert stage.sweep(stage.collector()) == []

    stage.wait(seconds=60)

    assert stage.sweep(stage.collector()) == [Outcome(ScanState.DONE, 3)]


def test_a_load_that_takes_longer_than_its_lease_is_not_begun_again(
    stage: Stage, user: TrackedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each 45 ms of real time.
    monkeypatch.setattr("worker.renewal._SHARE", 0.001)
    claims: list[list[int]] = []

    def take_long(_: httpx.Request) -> None:
        stage.hook = None
        for _turn in range(3):
            stage.wait(seconds=60)
            wait_until(lambda: is_leased(stage))
            claims.append(claim(stage))

    stage.hook = take_long

    outcome = stage.collector().scan(user.id, is_load=True)

    assert claims == [[], [], []]
    assert outcome == Outcome(ScanState.DONE, 3)
    assert stage.record(user).attempts == 1


def is_leased(stage: Stage) -> bool:
    return stage.value("SELECT lease_until > repopulse_now() FROM users") is True


def test_a_scan_that_takes_too_long_is_no_killer(stage: Stage, user: TrackedUser) -> None:
    def interrupt(_: httpx.Request) -> None:
        raise SoftTimeLimitExceeded

    stage.hook = interrupt
    collector = stage.collector()

    with pytest.raises(SoftTimeLimitExceeded):
        collector.scan(user.id, is_load=True)

    record = stage.record(user)
    assert (record.state, record.reason) == (ScanState.FAILED, "the scan took too long")
    assert 0 < due_in(stage, user) < 60


# A database that is away


def let_postgres_refuse_writes(stage: Stage, refuse: bool) -> None:
    """As a server does that was demoted, or that has become read-only for want of room."""
    with stage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        word = "on" if refuse else "off"
        connection.execute(
            text(f"ALTER DATABASE {name} SET default_transaction_read_only = {word}")
        )
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        connection.invalidate()


def test_what_github_told_outlives_a_restart_of_postgres(stage: Stage, user: TrackedUser) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            let_postgres_refuse_writes(stage, False)

    collector = stage.collector(sleep=sleep)
    stage.hook = lambda _request: let_postgres_refuse_writes(stage, True)

    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]
    assert pauses == [1, 2, 4]
    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.record(user).attempts == 1


def test_a_database_without_room_is_no_attempt_and_tells_so(
    stage: Stage, user: TrackedUser
) -> None:
    with stage.engine.begin() as connection:
        # Stands for a full tablespace: the error is Postgres' own.
        connection.execute(
            text(
                "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE disk_full USING MESSAGE = 'no room'; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER no_room BEFORE INSERT ON daily_stats"
                " FOR EACH ROW EXECUTE FUNCTION no_room()"
            )
        )
    collector = stage.collector(sleep=lambda _seconds: None)

    assert stage.sweep(collector) == [Outcome(ScanState.WAITING)]

    record = stage.record(user)
    assert (record.reason, record.attempts) == ("the disk of the database is full", 0)
    assert due_in(stage, user) <= 60
    with stage.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER no_room ON daily_stats"))
    stage.wait(seconds=61)
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]


def test_a_fault_that_passes_costs_a_pause_and_no_row(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    fail_always(stage)
    stage.sweep(collector)
    stage.simulator.heal()
    stage.wait(seconds=31)

    stage.sweep(collector)

    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.record(user).attempts == 2


def test_a_connection_that_breaks_is_a_failed_attempt(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    def unplug(request: httpx.Request) -> None:
        raise httpx.ConnectError("no route to host", request=request)

    stage.hook = unplug

    assert stage.sweep(collector) == [Outcome(ScanState.FAILED)]
    assert stage.rows(user) == {}


def test_counts_that_cannot_be_true_are_not_stored(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.simulator.fail(Fault(FaultKind.COUNTS, value=-1), times=None)

    stage.sweep(collector)

    assert stage.rows(user) == {}
    assert stage.record(user).state is ScanState.INCOMPLETE


# Incomplete scans


@pytest.fixture
def blocked(stage: Stage, account: Account, user: TrackedUser) -> int:
    """A repository that GitHub lists and does not show."""
    repository = stage.world.repository("octocat", "r1")
    assert repository is not None
    stage.world.block_repository(repository)
    return repository.id


@ways
def test_an_incomplete_scan_keeps_what_it_has_and_is_retried_once(
    stage: Stage, user: TrackedUser, blocked: int, token: str | None
) -> None:
    collector = stage.collector(token=token)

    assert stage.sweep(collector) == [Outcome(ScanState.INCOMPLETE, 2)]

    assert set(stage.rows(user)[TODAY]) == set(stage.world.truth()) - {blocked}
    first = stage.record(user)
    assert (first.state, first.finished_at) == (ScanState.INCOMPLETE, None)
    assert (first.expected, first.recorded) == (3, 2)
    assert 880 < due_in(stage, user) < 920

    stage.wait(seconds=901)
    assert stage.sweep(collector) == [Outcome(ScanState.INCOMPLETE, 0)]

    second = stage.record(user)
    assert second.finished_at is not None
    assert second.reason is not None
    assert second.reason.startswith("2 of 3 repositories recorded: ")
    # Settled, and looked at once more in the day's last hours.
    assert second.next_attempt_at is not None
    assert second.next_attempt_at.hour >= 18
    end = datetime.combine(TODAY, time(23, 59), UTC)
    assert len(stage.sweep_until(collector, end)) == 1
    assert stage.record(user).next_attempt_at is None
    assert stage.record(user).attempts == 3


@ways
def test_what_github_refused_in_the_morning_and_shows_in_the_evening_is_recorded(
    stage: Stage, user: TrackedUser, blocked: int, token: str | None
) -> None:
    collector = stage.collector(token=token)
    stage.sweep_until(collector, datetime.combine(TODAY, time(17), UTC))
    assert blocked not in stage.rows(user)[TODAY]
    repository = stage.world.repository_by_id(blocked)
    assert repository is not None
    stage.world.block_repository(repository, None)

    stage.sweep_until(collector, datetime.combine(TODAY, time(23, 59), UTC))

    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.record(user).state is ScanState.DONE


@ways
def test_an_incomplete_scan_that_is_completed_is_done(
    stage: Stage, user: TrackedUser, blocked: int, token: str | None
) -> None:
    collector = stage.collector(token=token)
    stage.sweep(collector)
    repository = stage.world.repository_by_id(blocked)
    assert repository is not None
    stage.world.block_repository(repository, None)
    stage.wait(seconds=901)

    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 1)]

    assert stage.rows(user)[TODAY] == stage.truth(user)
    record = stage.record(user)
    assert (record.state, record.reason, record.recorded) == (ScanState.DONE, None, 3)


def test_a_blocked_repository_is_not_taken_for_gone(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)
    repository = stage.world.repository("octocat", "r1")
    assert repository is not None
    stage.next_day()
    stage.world.block_repository(repository)
    stage.sweep(collector)

    assert stage.value("SELECT state FROM repositories WHERE id = :id", id=repository.id) != "gone"


def add_many(stage: Stage, number: int) -> TrackedUser:
    """Follow an owner of many repositories; it is ten past midnight."""
    account = stage.world.add_account("many")
    for index in range(number):
        stage.world.add_repository(account, f"r{index}", stargazers=index, watchers=index + 1)
    stage.at(TODAY, 0, 10)
    return stage.follow(account)


def test_an_error_of_minutes_that_begins_on_a_later_page_costs_no_row(
    stage: Stage, collector: Collector
) -> None:
    user = add_many(stage, 257)
    stage.simulator.fail(FaultKind.SERVER_ERROR, times=None, match=after_one_page)
    stage.sweep_until(collector, datetime.combine(TODAY, time(0, 25), UTC))
    assert len(stage.rows(user)[TODAY]) == 100
    stage.simulator.heal()

    stage.sweep_until(collector, datetime.combine(TODAY, time(1), UTC))

    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert len(stage.rows(user)[TODAY]) == 257
    assert stage.record(user).state is ScanState.DONE


@pytest.mark.parametrize(
    "kind",
    [
        *("server_error", "timed_out", "timeout", "reset", "disconnect", "short_body"),
        *("truncated", "html_page", "resource_limits", "not_found"),
    ],
)
def test_whatever_can_pass_is_tried_until_the_day_ends(
    stage: Stage, collector: Collector, kind: str
) -> None:
    user = add_many(stage, 120)
    stage.simulator.fail(kind, times=None, match=after_one_page)
    attempts = stage.sweep_until(collector, datetime.combine(TODAY, time(18), UTC))
    record = stage.record(user)
    assert record.state is ScanState.INCOMPLETE
    assert record.next_attempt_at is not None
    # Often at first, then once an hour.
    assert 22 <= len(attempts) <= 26
    stage.simulator.heal()

    stage.sweep_until(collector, datetime.combine(TODAY, time(19, 10), UTC))

    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.record(user).state is ScanState.DONE


def test_pauses_after_an_incomplete_scan_grow_to_an_hour(
    stage: Stage, collector: Collector
) -> None:
    user = add_many(stage, 120)
    stage.simulator.fail(FaultKind.SERVER_ERROR, times=None, match=after_one_page)
    pauses = []
    for _ in range(9):
        stage.sweep(collector)
        pauses.append(round(due_in(stage, user)))
        stage.wait(seconds=pauses[-1] + 1)

    assert pauses == pytest.approx([30, 60, 120, 240, 480, 960, 1920, 3600, 3600], abs=2)


def test_who_stays_incomplete_does_not_hold_up_the_day_of_the_others(
    stage: Stage, collector: Collector
) -> None:
    user = add_many(stage, 120)
    stage.simulator.fail(FaultKind.SERVER_ERROR, times=None, match=after_one_page)
    stage.sweep(collector)
    assert stage.record(user).finished_at is None

    stage.sweep_until(collector, datetime.combine(TODAY, time(0, 20), UTC))

    record = stage.record(user)
    assert (record.state, record.recorded) == (ScanState.INCOMPLETE, 100)
    assert record.finished_at is not None
    assert record.next_attempt_at is not None
    with stage.engine.begin() as connection:
        assert collection.record_completed_day(connection) is not None
    # Days later it is not overdue either.
    end = datetime.combine(TODAY + timedelta(days=3), time(23, 30), UTC)
    stage.sweep_until(collector, end)
    with stage.engine.begin() as connection:
        assert count_overdue(connection, hours=26) == 0
    assert stage.record(user).next_attempt_at is None


def test_what_was_seen_of_a_day_is_not_carried_over_midnight(
    stage: Stage, collector: Collector
) -> None:
    user = add_many(stage, 120)
    stage.at(TODAY, 23)
    stage.simulator.fail(FaultKind.SERVER_ERROR, times=None, match=after_one_page)
    tomorrow = TODAY + timedelta(days=1)

    stage.sweep_until(collector, datetime.combine(tomorrow, time(0, 30), UTC))
    stage.simulator.heal()
    stage.sweep_until(collector, datetime.combine(tomorrow, time(2), UTC))

    assert len(stage.rows(user)[TODAY]) == 100
    assert stage.record(user, TODAY).state is ScanState.INCOMPLETE
    assert stage.rows(user)[tomorrow] == stage.truth(user)


def test_a_list_that_breaks_off_makes_no_repository_missing(
    stage: Stage, collector: Collector
) -> None:
    user = add_many(stage, 120)
    stage.sweep(collector)
    stage.next_day()
    account = stage.world.account("many")
    assert account is not None
    stage.world.delete_repository(stage.world.repositories(account)[110])
    stage.simulator.fail(FaultKind.SERVER_ERROR, times=None, match=after_one_page)

    stage.sweep(collector)
    assert stage.value("SELECT count(*) FROM repositories WHERE state <> 'listed'") == 0

    stage.simulator.heal()
    stage.wait(hours=1)
    stage.sweep(collector)
    assert stage.value("SELECT count(*) FROM repositories WHERE state <> 'listed'") == 1
    assert stage.rows(user)[TODAY + timedelta(days=1)] == stage.truth(user)


@ways
def test_a_list_that_ends_too_early_is_not_taken_for_whole(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    for number in range(3, 120):
        stage.world.add_repository(account, f"r{number}", watchers=number + 1)
    collector = stage.collector(token=token)
    stage.simulator.fail(FaultKind.NO_NEXT_PAGE, times=None)
    for _ in range(4):
        stage.sweep(collector)
        stage.wait(minutes=62)

    record = stage.record(user)
    assert (record.state is ScanState.DONE) == (stage.rows(user)[TODAY] == stage.truth(user))
    assert (record.state is ScanState.DONE) == (record.finished_at is not None)


# Those who get in the way


@ways
def test_a_user_deleted_while_the_fetch_is_in_flight_leaves_nothing(
    stage: Stage, user: TrackedUser, token: str | None
) -> None:
    def delete(_: httpx.Request) -> None:
        stage.hook = None
        with stage.engine.begin() as connection:
            assert users.delete(connection, user.id)

    stage.hook = delete

    assert stage.sweep(stage.collector(token=token)) == [NOTHING]

    assert len(stage.simulator.requests) > 0
    for table in ("users", "repositories", "ownerships", "names", "daily_stats", "scans"):
        assert stage.value(f"SELECT count(*) FROM {table}") == 0, table


def test_a_user_deleted_while_github_denies_it_leaves_nothing(
    stage: Stage, collector: Collector, account: Account, user: TrackedUser
) -> None:
    stage.world.delete_account(account)

    def delete(_: httpx.Request) -> None:
        stage.hook = None
        with stage.engine.begin() as connection:
            users.delete(connection, user.id)

    stage.hook = delete

    assert stage.sweep(collector) == [NOTHING]
    assert stage.value("SELECT count(*) FROM scans") == 0


@pytest.mark.parametrize("fault", [FaultKind.SERVER_ERROR, FaultKind.SECONDARY_LIMIT])
def test_a_user_deleted_while_a_fetch_fails_leaves_nothing(
    stage: Stage, collector: Collector, user: TrackedUser, fault: FaultKind
) -> None:
    stage.simulator.fail(fault, times=None)

    def delete(_: httpx.Request) -> None:
        stage.hook = None
        with stage.engine.begin() as connection:
            users.delete(connection, user.id)

    stage.hook = delete

    assert stage.sweep(collector) == [NOTHING]
    assert stage.value("SELECT count(*) FROM scans") == 0


def test_a_user_deleted_and_added_again_during_a_fetch_is_not_mixed_up(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    def replace(_: httpx.Request) -> None:
        stage.hook = None
        with stage.engine.begin() as connection:
            users.delete(connection, user.id)
            users.add(connection, user)

    stage.hook = replace
    stage.sweep(collector)
    stage.sweep(collector)

    # Whichever of the two scans wrote them: today's rows, once each.
    assert stage.rows(user) == {TODAY: stage.truth(user)}
    assert stage.value("SELECT scanned_on FROM users") == TODAY


def test_a_fetch_that_outlived_its_lease_is_thrown_away(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    def freeze(_: httpx.Request) -> None:
        stage.hook = None
        stage.wait(seconds=stage.settings.lease + 60)

    stage.hook = freeze

    assert stage.sweep(collector) == [NOTHING]

    assert stage.rows(user) == {}
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]


def test_who_failed_often_is_due_after_a_fetch_that_outlived_its_lease_too(
    stage: Stage, user: TrackedUser
) -> None:
    def freeze(_: httpx.Request) -> None:
        stage.hook = None
        stage.wait(seconds=stage.settings.lease + 60)

    # Beyond them the claim itself says tomorrow, for who kills workers.
    stage.settings = stage.settings.model_copy(update={"max_attempts": 1})
    collector = stage.collector()
    for _ in range(3):
        stage.hook = freeze
        assert stage.sweep(collector) == [NOTHING]

    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]
    assert stage.rows(user) == {TODAY: stage.truth(user)}


def test_a_fetch_that_outlived_its_lease_leaves_the_user_to_who_has_taken_over(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    def overtake(_: httpx.Request) -> None:
        stage.hook = None
        stage.wait(seconds=stage.settings.lease + 60)
        with stage.engine.begin() as connection:
            begun = scans.begin(connection, user.id, holder="another", lease=stage.settings.lease)
        assert isinstance(begun, Begun)

    stage.hook = overtake

    assert collector.scan(user.id, holder="one") == NOTHING
    assert stage.value("SELECT held_by FROM users") == "another"


def test_a_fetch_that_was_frozen_over_night_writes_nothing_into_yesterday(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    def freeze(_: httpx.Request) -> None:
        stage.hook = None
        stage.next_day()

    stage.hook = freeze
    stage.sweep(collector)
    stage.wait(minutes=2)
    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY + timedelta(days=1)]


def test_of_two_scans_of_a_day_the_first_to_end_counts(stage: Stage, user: TrackedUser) -> None:
    slow, quick = stage.collector(), stage.collector(token=OTHER_TOKEN)
    repository = stage.world.repository("octocat", "r0")
    assert repository is not None

    def overtake(_: httpx.Request) -> None:
        stage.hook = None
        assert quick.scan(user.id, holder="one message") == Outcome(ScanState.DONE, 3)
        stage.world.set_counts(repository, stargazers=99)

    stage.hook = overtake

    assert slow.scan(user.id, holder="one message") == NOTHING
    assert stage.rows(user)[TODAY][repository.id] == Counts(0, 0, 1)
    assert stage.record(user).recorded == 3


def test_no_transaction_is_open_while_github_answers(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    states: list[object] = []

    def look(_: httpx.Request) -> None:
        states.append(
            stage.value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            )
        )

    stage.hook = look
    stage.sweep(collector)

    assert states
    assert set(states) == {0}


def test_a_scan_is_one_transaction_or_nothing(
    stage: Stage, collector: Collector, user: TrackedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("worker.collect.scans.finish", crash)
    with pytest.raises(RuntimeError):
        stage.sweep(collector)
    monkeypatch.undo()

    assert stage.rows(user) == {}
    assert stage.value("SELECT count(*) FROM repositories") == 0
    stage.wait(seconds=stage.settings.lease + 1)
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]
