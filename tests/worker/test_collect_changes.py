"""What a scan makes of renames, transfers and disappearances."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from api.queries import stats
from api.queries.names import find_repository, find_user
from common import rescans, users
from common.states import RepositoryState, ScanState, UserState
from common.users import TrackedUser
from simulator import Account
from tests.worker.stage import OTHER_TOKEN, TODAY, TOKEN, Stage
from worker.collect import Collector

TOMORROW = TODAY + timedelta(days=1)

ways = pytest.mark.parametrize("token", [TOKEN, None], ids=["with-token", "without-token"])


@pytest.fixture
def account(stage: Stage) -> Account:
    return stage.world.add_account("octocat", name="The Octocat")


@pytest.fixture
def user(stage: Stage, account: Account) -> TrackedUser:
    return stage.follow(account)


def state_of(stage: Stage, user: TrackedUser) -> object:
    return stage.value("SELECT state FROM users WHERE id = :id", id=user.id)


def repository_state(stage: Stage, repository_id: int) -> object:
    return stage.value("SELECT state FROM repositories WHERE id = :id", id=repository_id)


@ways
def test_a_renamed_user_keeps_the_history(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    repository = stage.world.add_repository(account, "r", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.rename_account(account, "hexacat")
    # The old login is somebody else's now.
    stage.world.add_repository(stage.world.add_account("octocat"), "theirs", watchers=9)

    stage.sweep(collector)

    stored = stage.user(user)
    assert stored is not None
    assert stored.login == "hexacat"
    assert {day: list(rows) for day, rows in stage.rows(user).items()} == {
        TODAY: [repository.id],
        TOMORROW: [repository.id],
    }


@ways
def test_a_renamed_repository_keeps_its_series(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    repository = stage.world.add_repository(account, "old", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.rename_repository(repository, "new")

    stage.sweep(collector)

    assert [list(rows) for rows in stage.rows(user).values()] == [[repository.id]] * 2
    assert stage.value("SELECT name FROM repositories") == "new"


@ways
def test_what_a_repository_is_about_follows_github(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    repository = stage.world.add_repository(
        account, "r", watchers=1, description="Counts\n <b>stars</b>\x1b[31m", language="Go"
    )
    collector = stage.collector(token=token)
    stage.sweep(collector)
    about = "SELECT description || ' | ' || language FROM repositories"
    assert stage.value(about) == "Counts <b>stars</b> [31m | Go"
    stage.next_day()
    repository.description = None
    repository.language = None

    stage.sweep(collector)

    assert stage.value("SELECT num_nulls(description, language) FROM repositories") == 2


@ways
def test_a_scan_that_sees_new_names_keeps_the_former_ones(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    repository = stage.world.add_repository(account, "old", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.rename_account(account, "hexacat")
    stage.world.rename_repository(repository, "new")
    taker = stage.follow(stage.world.add_account("octocat"))

    stage.sweep(collector)

    with stage.engine.begin() as connection:
        assert find_user(connection, "octocat") == taker
        renamed = find_user(connection, "hexacat")
        assert find_repository(connection, "octocat", "old") is None
        found = [find_repository(connection, "hexacat", name) for name in ("old", "new")]
    assert renamed is not None
    assert renamed.id == user.id
    assert [entry and entry.full_name for entry in found] == ["hexacat/new"] * 2


def test_names_that_a_release_without_the_table_saw_are_written_by_the_next_scan(
    stage: Stage, collector: Collector, account: Account, user: TrackedUser
) -> None:
    repository = stage.world.add_repository(account, "r", watchers=1)
    stage.sweep(collector)
    with stage.engine.begin() as connection:
        connection.execute(text("DELETE FROM names"))
    stage.next_day()

    stage.sweep(collector)

    names = "SELECT string_agg(coalesce(repo_id, 0) || name, ',' ORDER BY repo_id) FROM names"
    assert stage.value(names) == f"{repository.id}r,0octocat"


def test_a_repository_that_takes_a_former_name_is_another(
    stage: Stage, collector: Collector, account: Account, user: TrackedUser
) -> None:
    first = stage.world.add_repository(account, "r", watchers=1)
    stage.sweep(collector)
    stage.next_day()
    stage.world.delete_repository(first)
    second = stage.world.add_repository(account, "r", watchers=2)

    stage.sweep(collector)

    assert [list(rows) for rows in stage.rows(user).values()] == [[first.id], [second.id]]


@ways
@pytest.mark.parametrize("giver_first", [True, False])
def test_a_transferred_repository_is_each_owners_on_their_days(
    stage: Stage, token: str | None, giver_first: bool
) -> None:
    logins = ("giver", "taker") if giver_first else ("taker", "giver")
    accounts = {login: stage.world.add_account(login) for login in logins}
    followed = {login: stage.follow(accounts[login]) for login in logins}
    repository = stage.world.add_repository(accounts["giver"], "r", watchers=1)
    kept = stage.world.add_repository(accounts["giver"], "kept", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.transfer(repository, accounts["taker"])

    stage.sweep(collector)

    rows = {login: stage.rows(user) for login, user in followed.items()}
    assert {day: set(seen) for day, seen in rows["giver"].items()} == {
        TODAY: {repository.id, kept.id},
        TOMORROW: {kept.id},
    }
    assert {day: set(seen) for day, seen in rows["taker"].items()} == {TOMORROW: {repository.id}}
    assert {stage.record(user).state for user in followed.values()} == {ScanState.DONE}
    assert repository_state(stage, repository.id) == RepositoryState.LISTED


@ways
def test_a_repository_that_went_to_a_stranger_is_gone(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    repository = stage.world.add_repository(account, "r", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.transfer(repository, stage.world.add_account("stranger"))

    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY]
    assert repository_state(stage, repository.id) == RepositoryState.GONE
    assert stage.record(user).state is ScanState.DONE


@ways
def test_a_deleted_repository_keeps_its_past_and_gets_no_more_rows(
    stage: Stage,
    account: Account,
    user: TrackedUser,
    token: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="worker.collect")
    kept = stage.world.add_repository(account, "kept", watchers=1)
    deleted = stage.world.add_repository(account, "deleted", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.delete_repository(deleted)

    stage.sweep(collector)

    assert {day: set(rows) for day, rows in stage.rows(user).items()} == {
        TODAY: {kept.id, deleted.id},
        TOMORROW: {kept.id},
    }
    assert repository_state(stage, deleted.id) == RepositoryState.GONE
    record = stage.record(user)
    assert (record.state, record.expected, record.recorded) == (ScanState.DONE, 1, 1)
    assert "vanished repository: octocat/deleted" in caplog.messages


def test_a_vanished_repository_is_told_once(
    stage: Stage,
    collector: Collector,
    account: Account,
    user: TrackedUser,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="worker.collect")
    stage.world.delete_repository(stage.world.add_repository(account, "kept"))
    deleted = stage.world.add_repository(account, "deleted")
    stage.sweep(collector)
    stage.next_day()
    stage.world.delete_repository(deleted)
    for _ in range(3):
        stage.sweep(collector)
        stage.next_day()

    assert [line for line in caplog.messages if line.startswith("vanished")] == [
        "vanished repository: octocat/deleted"
    ]


@ways
def test_a_repository_that_was_hidden_for_a_while_goes_on(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    repository = stage.world.add_repository(account, "r", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.hide_repository(repository)
    stage.sweep(collector)
    third = stage.next_day()
    stage.world.show_repository(repository)

    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY, third]
    assert repository_state(stage, repository.id) == RepositoryState.LISTED


def test_a_user_who_became_an_organisation_keeps_the_history(
    stage: Stage, collector: Collector, account: Account, user: TrackedUser
) -> None:
    repository = stage.world.add_repository(account, "r", watchers=1)
    stage.sweep(collector)
    stage.next_day()
    stage.world.convert_to_organization(account)

    stage.sweep(collector)

    assert [list(rows) for rows in stage.rows(user).values()] == [[repository.id]] * 2
    assert stage.record(user).state is ScanState.DONE


# Users who are not there


@ways
def test_an_account_that_github_never_had_has_a_record_and_no_rows(
    stage: Stage, token: str | None
) -> None:
    user = TrackedUser(28631927, "anvdev", "Ivan Titov")
    with stage.engine.begin() as connection:
        users.add(connection, user)

    stage.sweep(stage.collector(token=token))

    assert stage.rows(user) == {}
    assert stage.user(user) == user
    record = stage.record(user)
    assert record.state is ScanState.GONE
    assert record.reason is not None
    assert record.reason.startswith("GitHub shows no account with id 28631927")
    assert record.finished_at is not None
    assert stage.mentions("28631927") == ["users", "scans"] or set(stage.mentions("28631927")) == {
        "users",
        "scans",
    }


@ways
def test_a_deleted_account_keeps_its_past(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    stage.world.add_repository(account, "r", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.delete_account(account)

    stage.sweep_until(collector, stage.clock.now() + timedelta(hours=7))

    assert list(stage.rows(user)) == [TODAY]
    assert stage.record(user).state is ScanState.GONE
    assert state_of(stage, user) == UserState.ACTIVE


def test_an_account_missed_on_a_second_day_has_vanished(
    stage: Stage, collector: Collector, account: Account, user: TrackedUser
) -> None:
    stage.sweep(collector)
    stage.world.delete_account(account)
    for _ in range(2):
        stage.next_day()
        stage.sweep(collector)

    assert state_of(stage, user) == UserState.VANISHED


def test_a_login_that_was_recycled_does_not_bring_a_vanished_account_back(
    stage: Stage, collector: Collector, account: Account, user: TrackedUser
) -> None:
    stage.sweep(collector)
    stage.world.delete_account(account)
    stage.world.add_repository(stage.world.add_account("octocat"), "theirs", watchers=9)
    stage.next_day()

    stage.sweep_until(collector, stage.clock.now() + timedelta(hours=7))

    assert stage.rows(user) == {}
    assert stage.record(user).state is ScanState.GONE


@ways
def test_a_vanished_account_that_comes_back_goes_on(
    stage: Stage, account: Account, user: TrackedUser, token: str | None
) -> None:
    stage.world.add_repository(account, "r", watchers=1)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.simulator.fail("not_found", times=None)
    for _ in range(2):
        stage.next_day()
        stage.sweep(collector)
    assert state_of(stage, user) == UserState.VANISHED
    stage.simulator.heal()
    back = stage.next_day()

    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY, back]
    assert state_of(stage, user) == UserState.ACTIVE
    # And from now on each day.
    stage.next_day()
    assert len(stage.sweep(collector)) == 1


def test_an_absence_that_comes_after_the_day_was_settled_is_no_absence(
    stage: Stage, account: Account, user: TrackedUser
) -> None:
    """Two scans of one user: the slower one was denied the account that the other saw."""
    stage.world.add_repository(account, "r", watchers=1)
    slow, quick = stage.collector(), stage.collector(token=OTHER_TOKEN)

    def overtake(_: object) -> None:
        stage.hook = None
        quick.scan(user.id, holder="one message")
        stage.simulator.fail("not_found", times=None)

    stage.hook = overtake
    slow.scan(user.id, holder="one message")

    assert stage.record(user).state is ScanState.DONE
    assert stage.value("SELECT missing_since FROM users") is None


def test_every_scan_gives_the_owners_of_what_it_wrote_another_revision(
    stage: Stage, account: Account, user: TrackedUser
) -> None:
    repository = stage.world.add_repository(account, "r", stargazers=1)
    receiver = stage.world.add_account("taker")
    taker = stage.follow(receiver)
    collector = stage.collector()
    stage.sweep(collector)

    def revisions() -> list[str]:
        with stage.engine.begin() as connection:
            return [stats.owned(connection, each.id).revision for each in (user, taker)]

    def scan_again(whom: TrackedUser) -> None:
        with stage.engine.begin() as connection:
            rescans.request_rescan(connection, whom.id, pause=0, lease=60)
        assert collector.scan(whom.id).rows == 1

    first = revisions()
    stage.world.set_counts(repository, stargazers=2)
    scan_again(user)
    rewritten = revisions()
    stage.world.transfer(repository, receiver)
    scan_again(taker)
    moved = revisions()

    assert len({first[0], rewritten[0], moved[0]}) == 3
    assert rewritten[1] == first[1]
    assert moved[1] != first[1]
    assert stage.rows(user) == {}
