"""What becomes of a login that somebody asked to follow."""

from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr

from api.queries import scan_days
from common import lookups, users
from common.credentials import Token, fingerprint, quota_key
from common.lookups import Lookup
from common.states import LookupState, ScanState
from common.users import TrackedUser
from simulator import AccountType, Fault, FaultKind, Limits
from tests.waiting import wait_until
from tests.worker.stage import TODAY, TOKEN, Stage
from worker.collect import Collector
from worker.outcome import Outcome

ways = pytest.mark.parametrize("token", [TOKEN, None], ids=["with-token", "without-token"])


def ask(stage: Stage, login: str) -> int:
    with stage.engine.begin() as connection:
        return lookups.get_or_create(connection, login)[0].id


def resolve(stage: Stage, lookup_id: int, *, token: str | None = TOKEN) -> int | None:
    """Resolve a login; return the id of a user who is new."""
    user = stage.resolve(lookup_id, token=token).new_user
    return None if user is None else user.id


def lookup(stage: Stage, lookup_id: int) -> Lookup:
    with stage.engine.begin() as connection:
        found = lookups.get(connection, lookup_id)
    assert found is not None
    return found


def due(stage: Stage) -> list[int]:
    """The lookups that a sweep would take now; takes none."""
    with stage.engine.connect() as connection:
        return [each.id for each in lookups.claim(connection, limit=10, lease=60)]


def followed(stage: Stage) -> list[TrackedUser]:
    with stage.engine.begin() as connection:
        return users.page(connection)


@ways
@pytest.mark.parametrize("kind", [AccountType.USER, AccountType.ORGANIZATION])
def test_a_login_that_is_found_is_followed_under_its_id(
    stage: Stage, token: str | None, kind: AccountType
) -> None:
    account = stage.world.add_account("OctoCat", name="The Octocat", type=kind)
    lookup_id = ask(stage, "octocat")

    assert resolve(stage, lookup_id, token=token) == account.id

    user = TrackedUser(account.id, "OctoCat", "The Octocat")
    assert followed(stage) == [user]
    found = lookup(stage, lookup_id)
    assert (found.state, found.user_id, found.reason) == (LookupState.DONE, account.id, None)


@ways
def test_an_old_login_that_begins_with_a_hyphen_is_followed_and_scanned(
    stage: Stage, token: str | None
) -> None:
    account = stage.world.add_account("-old")
    stage.world.add_repository(account, "r", watchers=1)

    assert resolve(stage, ask(stage, "-OLD"), token=token) == account.id
    stage.wait(minutes=2)
    stage.sweep(stage.collector(token=token))

    (user,) = followed(stage)
    assert user.login == "-old"
    assert stage.rows(user)[TODAY] == stage.truth(user)


@ways
def test_a_login_that_nobody_bears_fails_with_the_reason(stage: Stage, token: str | None) -> None:
    lookup_id = ask(stage, "nobody")

    assert resolve(stage, lookup_id, token=token) is None

    found = lookup(stage, lookup_id)
    assert (found.state, found.reason) == (LookupState.FAILED, "GitHub has no user nobody")
    assert followed(stage) == []
    assert due(stage) == []


@ways
def test_a_limit_leaves_the_login_pending_until_it_is_over(stage: Stage, token: str | None) -> None:
    account = stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")
    stage.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=90))

    assert resolve(stage, lookup_id, token=token) is None

    found = lookup(stage, lookup_id)
    assert found.state is LookupState.PENDING
    assert found.reason
    stage.wait(seconds=85)
    assert due(stage) == []
    stage.wait(seconds=10)
    assert due(stage) == [lookup_id]
    assert resolve(stage, lookup_id, token=token) == account.id
    assert stage.simulator.violations == []


def test_a_fault_leaves_the_login_pending_for_a_while(stage: Stage) -> None:
    stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None)

    assert resolve(stage, lookup_id) is None

    assert lookup(stage, lookup_id).state is LookupState.PENDING
    assert due(stage) == []
    stage.simulator.heal()
    stage.wait(seconds=31)
    assert due(stage) == [lookup_id]
    assert resolve(stage, lookup_id) is not None


def test_a_refused_token_leaves_the_login_pending_for_minutes(stage: Stage) -> None:
    stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")

    assert resolve(stage, lookup_id, token="revoked") is None

    assert lookup(stage, lookup_id).state is LookupState.PENDING
    stage.wait(minutes=4)
    assert due(stage) == []
    stage.wait(minutes=2)
    assert due(stage) == [lookup_id]


def test_an_account_that_is_followed_under_another_login_is_that_user(stage: Stage) -> None:
    account = stage.world.add_account("octocat", name="The Octocat")
    user = stage.follow(account)
    stage.world.rename_account(account, "hexacat")
    lookup_id = ask(stage, "hexacat")

    # Nothing new to load.
    assert resolve(stage, lookup_id) is None

    assert lookup(stage, lookup_id).user_id == user.id
    assert [one.id for one in followed(stage)] == [user.id]

    assert followed(stage) == [TrackedUser(account.id, "hexacat", "The Octocat")]


@ways
def test_a_recycled_login_leads_to_its_new_bearer_and_both_records_say_so(
    stage: Stage, token: str | None
) -> None:
    account = stage.world.add_account("octocat")
    former = stage.follow(account)
    collector = stage.collector(token=token)
    stage.sweep(collector)
    stage.world.rename_account(account, "hexacat")
    bearer = stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")

    assert resolve(stage, lookup_id, token=token) == bearer.id

    assert [(each.id, each.login) for each in followed(stage)] == [
        (account.id, "hexacat"),
        (bearer.id, "octocat"),
    ]
    said = (
        f"the login octocat belongs to account {bearer.id} now;"
        f" account {account.id}, now hexacat, had it before"
    )
    assert lookup(stage, lookup_id).reason == said
    assert stage.record(former).reason == said
    # Also after the scan of the day has ended.
    assert collector.scan(bearer.id, is_load=True).state is ScanState.DONE
    record = stage.record(TrackedUser(bearer.id, "octocat", "octocat"))
    assert (record.state, record.reason, record.attempts) == (ScanState.DONE, said, 1)


def test_a_login_whose_former_bearer_is_gone_leads_to_the_new_one(stage: Stage) -> None:
    account = stage.world.add_account("octocat")
    former = stage.follow(account)
    stage.world.delete_account(account)
    bearer = stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")

    assert resolve(stage, lookup_id) == bearer.id

    assert [each.id for each in followed(stage)] == [account.id, bearer.id]
    assert stage.record(former).reason == (
        f"the login octocat belongs to account {bearer.id} now; account {account.id} had it before"
    )


def test_a_recycled_login_is_the_new_bearers_although_the_former_one_was_not_shown(
    stage: Stage,
) -> None:
    account = stage.world.add_account("octocat")
    stage.follow(account)
    stage.sweep(stage.collector())
    stage.world.rename_account(account, "hexacat")
    bearer = stage.world.add_account("octocat")
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None, match=r"/user/\d+")

    resolve(stage, ask(stage, "octocat"))

    with stage.engine.begin() as connection:
        found = users.find_by_login(connection, "octocat")
    assert found is not None
    assert found.id == bearer.id


def test_a_followed_login_leaves_the_reserve_to_those_who_wait(stage: Stage) -> None:
    account = stage.world.add_account("octocat")
    stage.follow(account)
    stage.world.add_account("newcomer")
    # 20 points an hour, of which one is reserved.
    stage.simulator.set_limits(Limits(graphql=20, core=20))
    stage.github().find_account("viewer")
    stage.redis.hset(quota_key(fingerprint(Token(SecretStr(TOKEN))), "graphql"), "remaining", 1)
    known, unknown = ask(stage, "octocat"), ask(stage, "newcomer")

    resolve(stage, known)
    assert lookup(stage, known).state is LookupState.PENDING
    assert resolve(stage, unknown) is not None


def test_a_login_that_github_cannot_answer_is_asked_with_growing_pauses(stage: Stage) -> None:
    stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None)
    pauses = []
    for _ in range(8):
        assert due(stage) == [lookup_id]
        with stage.engine.begin() as connection:
            lookups.claim(connection, limit=1, lease=60)
        resolve(stage, lookup_id)
        waits = "SELECT extract(epoch FROM not_before - repopulse_now()) FROM lookups"
        pauses.append(round(float(str(stage.value(waits)))))
        stage.wait(seconds=pauses[-1] + 1)

    assert pauses == [60, 120, 240, 480, 900, 900, 900, 900]


def test_lookups_of_past_weeks_are_deleted_when_the_login_is_resolved_again(stage: Stage) -> None:
    account = stage.world.add_account("octocat")
    stage.follow(account)
    found = [ask(stage, "octocat")]
    for _ in range(3):
        resolve(stage, found[-1])
        stage.wait(days=5)
        found.append(ask(stage, "octocat"))

    resolve(stage, found[-1])

    with stage.engine.begin() as connection:
        kept = [each for each in found if lookups.get(connection, each) is not None]
    assert kept == found[-2:]


def test_a_lookup_that_takes_longer_than_its_lease_is_not_due(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each 45 ms of real time.
    monkeypatch.setattr("worker.renewal._SHARE", 0.001)
    account = stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")
    leased = "SELECT lease_until > repopulse_now() FROM lookups"

    def take_long(_: httpx.Request) -> None:
        stage.hook = None
        for _turn in range(3):
            stage.wait(seconds=60)
            wait_until(lambda: stage.value(leased) is True)
            assert due(stage) == []

    stage.hook = take_long

    assert resolve(stage, lookup_id) == account.id


def test_a_lookup_whose_worker_was_killed_is_due_within_a_minute(stage: Stage) -> None:
    stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")

    class KilledError(BaseException):
        """Ends the task where it is, as a kill does."""

    def kill(_: httpx.Request) -> None:
        raise KilledError

    stage.hook = kill
    with pytest.raises(KilledError):
        resolve(stage, lookup_id)
    assert due(stage) == []

    stage.wait(seconds=60)

    assert due(stage) == [lookup_id]


def test_a_question_that_was_answered_is_not_asked_again(stage: Stage) -> None:
    stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")
    resolve(stage, lookup_id)
    stage.simulator.reset_records()

    assert resolve(stage, lookup_id) is None
    assert stage.simulator.requests == []


def test_a_question_that_nobody_asked_has_no_answer(stage: Stage) -> None:
    assert resolve(stage, 12345) is None
    assert stage.simulator.requests == []


def test_a_login_is_not_part_of_an_address(stage: Stage) -> None:
    stage.world.add_repository(stage.world.add_account("octocat"), "r")
    lookup_id = ask(stage, "octocat/repos?x=1#")

    assert resolve(stage, lookup_id, token=None) is None
    assert lookup(stage, lookup_id).state is LookupState.FAILED


def test_a_resolved_user_is_left_to_its_own_message_for_a_while(
    stage: Stage, collector: Collector
) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", watchers=1)
    resolve(stage, ask(stage, "octocat"))

    assert stage.sweep(collector) == []
    stage.wait(seconds=stage.settings.load_lease + 1)
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 1)]


def test_two_who_resolve_one_login_load_it_once(stage: Stage) -> None:
    account = stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")
    answers: list[int | None] = []

    def overtake(_: httpx.Request) -> None:
        stage.hook = None
        answers.append(resolve(stage, lookup_id, token=None))

    stage.hook = overtake
    answers.append(resolve(stage, lookup_id))

    assert sorted(answers, key=str) == [account.id, None]
    assert len(followed(stage)) == 1


def test_whoever_is_deleted_while_the_login_is_resolved_stays_deleted(stage: Stage) -> None:
    account = stage.world.add_account("octocat")
    lookup_id = ask(stage, "octocat")

    def follow_and_delete(_: httpx.Request) -> None:
        stage.hook = None
        with stage.engine.begin() as connection:
            users.add(connection, TrackedUser(account.id, "OctoCat", "The Octocat"))
        with stage.engine.begin() as connection:
            users.delete(connection, account.id)

    stage.hook = follow_and_delete

    assert resolve(stage, lookup_id) is None
    assert followed(stage) == []
    assert lookup(stage, lookup_id).reason == "the user was deleted before the login was resolved"


def test_a_user_who_was_resolved_and_loaded_has_rows(stage: Stage, collector: Collector) -> None:
    account = stage.world.add_account("octocat")
    stage.world.add_repository(account, "r", stargazers=3, watchers=1)
    user_id = resolve(stage, ask(stage, "octocat"))
    assert user_id is not None

    assert collector.scan(user_id, is_load=True) == Outcome(ScanState.DONE, 1)

    (user,) = followed(stage)
    assert stage.rows(user)[TODAY] == stage.truth(user)
    with stage.engine.begin() as connection:
        assert len(scan_days.records(connection, user_id, TODAY, TODAY + timedelta(days=1))) == 1
