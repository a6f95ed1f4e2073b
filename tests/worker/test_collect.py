"""What a scan records when all goes well."""

from datetime import date, timedelta

import pytest

from common.repositories import Counts
from common.states import ScanState
from simulator import AccountType
from tests.worker.stage import NOTHING, TODAY, TOKEN, Stage
from worker.collect import Collector
from worker.outcome import Outcome

TOMORROW = TODAY + timedelta(days=1)

ways = pytest.mark.parametrize("token", [TOKEN, None], ids=["with-token", "without-token"])


@ways
def test_a_load_records_each_repository_with_todays_date(stage: Stage, token: str | None) -> None:
    account = stage.world.add_account("octocat", name="The Octocat")
    for number in range(3):
        stage.world.add_repository(
            account, f"r{number}", stargazers=40 + number, forks=9, watchers=14 + number
        )
    user = stage.follow(account)

    assert stage.sweep(stage.collector(token=token)) == [Outcome(ScanState.DONE, 3)]

    assert list(stage.rows(user)) == [TODAY]
    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert {row.watchers for row in stage.rows(user)[TODAY].values()} == {14, 15, 16}
    record = stage.record(user)
    assert (record.state, record.expected, record.recorded) == (ScanState.DONE, 3, 3)
    assert record.reason is None


@ways
def test_watchers_are_never_the_stars(stage: Stage, token: str | None) -> None:
    account = stage.world.add_account("octocat")
    repository = stage.world.add_repository(account, "r", stargazers=1000, watchers=3)
    user = stage.follow(account)

    stage.sweep(stage.collector(token=token))

    assert stage.rows(user)[TODAY][repository.id] == Counts(1000, 0, 3)


def test_an_owner_of_257_repositories_has_257_rows(
    stage: Stage, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="worker.collect")
    account = stage.world.add_account("octocat")
    for number in range(257):
        stage.world.add_repository(account, f"r{number}", stargazers=number, watchers=number + 1)
    user = stage.follow(account)

    stage.sweep(collector)

    assert len(stage.rows(user)[TODAY]) == 257
    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert "load finished: octocat, 257 repositories, 257 rows" in caplog.messages


@ways
def test_an_owner_of_nothing_has_no_rows_and_a_finished_day(
    stage: Stage, token: str | None
) -> None:
    user = stage.follow(stage.world.add_account("octocat"))

    assert stage.sweep(stage.collector(token=token)) == [Outcome(ScanState.DONE)]

    assert stage.rows(user) == {}
    record = stage.record(user)
    assert (record.state, record.expected, record.recorded) == (ScanState.DONE, 0, 0)


@ways
def test_organisations_are_recorded_like_people(stage: Stage, token: str | None) -> None:
    account = stage.world.add_account("acme", type=AccountType.ORGANIZATION)
    stage.world.add_repository(account, "anvil", stargazers=5, watchers=2)
    user = stage.follow(account)

    stage.sweep(stage.collector(token=token))

    assert stage.rows(user)[TODAY] == stage.truth(user)


@ways
def test_forks_and_archived_repositories_are_recorded_too(stage: Stage, token: str | None) -> None:
    account = stage.world.add_account("octocat")
    fork = stage.world.add_repository(account, "fork", watchers=1, is_fork=True)
    archived = stage.world.add_repository(account, "archived", watchers=2, is_archived=True)
    user = stage.follow(account)

    stage.sweep(stage.collector(token=token))

    assert set(stage.rows(user)[TODAY]) == {fork.id, archived.id}
    flags = "SELECT is_fork::text || ' ' || is_archived::text FROM repositories WHERE id = :id"
    assert stage.value(flags, id=fork.id) == "true false"
    assert stage.value(flags, id=archived.id) == "false true"


@ways
def test_a_private_repository_that_the_token_may_see_is_stored_nowhere(
    stage: Stage, token: str | None
) -> None:
    stage.world.add_repository(stage.viewer, "public", watchers=1)
    hidden = stage.world.add_repository(stage.viewer, "zq-hidden", private=True, id=987654321)
    user = stage.follow(stage.viewer)

    stage.sweep(stage.collector(token=token))

    assert stage.record(user).state is ScanState.DONE
    assert sorted(stage.mentions("public")) == ["names", "repositories"]
    assert stage.mentions(hidden.name) == []
    assert stage.mentions(str(hidden.id)) == []


@ways
def test_a_repository_that_became_private_has_no_rows_any_more(
    stage: Stage, token: str | None
) -> None:
    repository = stage.world.add_repository(stage.viewer, "r", watchers=1)
    user = stage.follow(stage.viewer)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.hide_repository(repository)

    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY]
    assert stage.record(user).state is ScanState.DONE


def test_the_repositories_that_one_merely_works_on_are_not_recorded(
    stage: Stage, collector: Collector
) -> None:
    account = stage.world.add_account("octocat")
    others = stage.world.add_repository(stage.world.add_account("other"), "r", watchers=1)
    stage.world.add_collaborator(others, account)
    user = stage.follow(account)

    stage.sweep(collector)

    assert stage.rows(user) == {}


@ways
def test_a_second_scan_of_a_day_asks_nothing_and_changes_nothing(
    stage: Stage, token: str | None
) -> None:
    account = stage.world.add_account("octocat")
    repository = stage.world.add_repository(account, "r", stargazers=1, watchers=1)
    user = stage.follow(account)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.simulator.reset_records()
    stage.world.set_counts(repository, stargazers=2)

    assert collector.scan(user.id) == NOTHING
    assert stage.sweep(collector) == []

    assert stage.simulator.requests == []
    assert stage.rows(user)[TODAY][repository.id].stargazers == 1


@ways
def test_each_day_has_rows_of_its_own(stage: Stage, token: str | None) -> None:
    account = stage.world.add_account("octocat")
    repository = stage.world.add_repository(account, "r", stargazers=1, watchers=1)
    user = stage.follow(account)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.next_day()
    stage.world.set_counts(repository, stargazers=7, watchers=3)

    stage.sweep(collector)

    assert stage.rows(user) == {
        TODAY: {repository.id: Counts(1, 0, 1)},
        TOMORROW: {repository.id: Counts(7, 0, 3)},
    }


def test_a_day_on_which_nothing_changed_has_its_row_too(stage: Stage, collector: Collector) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", stargazers=1, watchers=1)
    user = stage.follow(account)
    for _ in range(3):
        stage.sweep(collector)
        stage.next_day()

    assert list(stage.rows(user)) == [TODAY + timedelta(days=ahead) for ahead in range(3)]


def test_a_day_on_which_nothing_ran_stays_a_gap(stage: Stage, collector: Collector) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", stargazers=1, watchers=1)
    user = stage.follow(account)
    stage.sweep(collector)
    stage.next_day()
    third = stage.next_day()
    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY, third]


def test_a_user_who_follows_from_afar_is_stored_as_github_shows_it(
    stage: Stage, collector: Collector
) -> None:
    account = stage.world.add_account("OctoCat", name="The Octocat")
    user = stage.follow(account, login="octocat")

    stage.sweep(collector)

    stored = stage.user(user)
    assert stored is not None
    assert (stored.login, stored.name) == ("OctoCat", "The Octocat")


@ways
def test_an_id_with_anothers_login_follows_the_id(stage: Stage, token: str | None) -> None:
    stage.world.add_repository(stage.world.add_account("wrong"), "theirs", watchers=1)
    account = stage.world.add_account("right", name="Right")
    stage.world.add_repository(account, "ours", watchers=2)
    user = stage.follow(account, login="wrong")

    stage.sweep(stage.collector(token=token))

    stored = stage.user(user)
    assert stored is not None
    assert (stored.login, stored.name) == ("right", "Right")
    assert stage.rows(user)[TODAY] == stage.truth(user)


def test_a_name_that_github_does_not_have_is_the_login(stage: Stage, collector: Collector) -> None:
    user = stage.follow(stage.world.add_account("octocat", name=None))

    stage.sweep(collector)

    stored = stage.user(user)
    assert stored is not None
    assert stored.name == "octocat"


def test_a_repository_whose_id_is_larger_than_32_bits_is_recorded(
    stage: Stage, collector: Collector
) -> None:
    account = stage.world.add_account("octocat")
    repository = stage.world.add_repository(account, "r", watchers=4, id=2**33 + 7)
    user = stage.follow(account)

    stage.sweep(collector)

    assert stage.rows(user)[TODAY] == {repository.id: Counts(0, 0, 4)}


def test_somebody_who_is_not_followed_is_not_scanned(stage: Stage, collector: Collector) -> None:
    account = stage.world.add_account("octocat")

    assert collector.scan(account.id) == NOTHING
    assert stage.simulator.requests == []


def test_many_users_have_their_own_rows(stage: Stage, collector: Collector) -> None:
    accounts = [stage.world.add_account(f"user{number}") for number in range(5)]
    for account in accounts:
        for number in range(3):
            stage.world.add_repository(account, f"r{number}", stargazers=account.id % 100)
    followed = [stage.follow(account) for account in accounts]

    stage.sweep(collector)

    assert [stage.rows(user)[TODAY] for user in followed] == [
        stage.truth(user) for user in followed
    ]


def test_a_new_repository_of_a_known_user_is_told(
    stage: Stage, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="worker.collect")
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "old")
    stage.follow(account)
    stage.sweep(collector)
    stage.next_day()
    stage.world.add_repository(account, "young")

    stage.sweep(collector)

    told = [line for line in caplog.messages if line.startswith("new repository")]
    assert told == ["new repository: octocat/young"]
    assert "scan done: octocat, updated 2 rows" in caplog.messages


def test_the_day_is_the_day_on_which_the_fetch_began(stage: Stage, collector: Collector) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", watchers=1)
    user = stage.follow(account)
    stage.at(TODAY, 23, 59, 58)
    # GitHub dates its answers at once, and they take seconds to arrive.
    answered = stage.seconds()
    stage.simulator.date_clock = lambda: answered
    stage.hook = lambda _: stage.clock.advance(timedelta(seconds=5))

    stage.sweep(collector)

    assert stage.clock.today() == TOMORROW
    assert list(stage.rows(user)) == [TODAY]


def test_a_scan_over_midnight_leaves_the_new_day_due(stage: Stage, collector: Collector) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", watchers=1)
    user = stage.follow(account)
    stage.at(TODAY, 23, 59, 58)
    stage.hook = lambda _: stage.clock.advance(timedelta(seconds=5))
    stage.sweep(collector)
    stage.hook = None
    seen_too_late = stage.rows(user)

    stage.at(TOMORROW, 0, 5)
    stage.sweep(collector)

    assert seen_too_late == {}
    assert list(stage.rows(user)) == [TOMORROW]
    assert "by GitHub's Date header" in str(stage.record(user, TODAY).reason)


def test_a_leap_day_is_a_day(stage: Stage, collector: Collector) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", watchers=1)
    user = stage.follow(account)
    stage.at(date(2028, 2, 29))

    stage.sweep(collector)

    assert list(stage.rows(user)) == [date(2028, 2, 29)]
