"""One database records one GitHub: nothing of another is written, nor asked."""

import pytest
from celery import Celery
from sqlalchemy import Engine

from common import broker, lookups
from common.broker import Task
from common.errors import SetupError
from common.installation import claim_github, read
from common.settings import Settings
from tests.worker.stage import Stage
from worker import tasks
from worker.claim import GitHubClaim
from worker.process import Process, open_process
from worker.tasks import TaskFailed

OTHER = "github.example.com"
REFUSAL = f"this database records {OTHER}, and GITHUB_API_URL is an address of github.com"


def claim(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        claim_github(connection, name)


def recorded(stage: Stage) -> str | None:
    with stage.engine.connect() as connection:
        return read(connection).github


def ask(stage: Stage, login: str) -> int:
    with stage.engine.begin() as connection:
        return lookups.get_or_create(connection, login)[0].id


def test_first_scan_makes_the_database_remember_its_github(stage: Stage) -> None:
    account = stage.world.add_account("adam")
    stage.world.add_repository(account, "hello")
    user = stage.follow(account)
    assert recorded(stage) is None

    stage.sweep(stage.collector())

    assert stage.rows(user)
    assert recorded(stage) == "github.com"


def test_first_login_that_is_found_does_too(stage: Stage) -> None:
    stage.world.add_account("adam")

    stage.resolve(ask(stage, "nobody"))
    assert recorded(stage) is None
    stage.resolve(ask(stage, "adam"))

    assert recorded(stage) == "github.com"


def test_scan_writes_nothing_if_another_github_was_claimed_meanwhile(stage: Stage) -> None:
    account = stage.world.add_account("adam")
    stage.world.add_repository(account, "hello")
    user = stage.follow(account)
    collector = stage.collector()
    stage.hook = lambda _: claim(stage.engine, OTHER)

    with pytest.raises(SetupError, match=REFUSAL):
        stage.sweep(collector)

    assert stage.rows(user) == {}
    assert stage.value("SELECT count(*) FROM repositories") == 0
    assert str(stage.record(user).reason).startswith(REFUSAL)


def test_account_that_another_github_does_not_have_is_not_gone(stage: Stage) -> None:
    account = stage.world.add_account("adam")
    user = stage.follow(account)
    stage.world.delete_account(account)
    stage.hook = lambda _: claim(stage.engine, OTHER)

    with pytest.raises(SetupError, match=REFUSAL):
        stage.sweep(stage.collector())

    assert stage.value("SELECT count(*) FROM users WHERE missing_since IS NULL") == 1
    assert str(stage.record(user).reason).startswith(REFUSAL)


def test_login_that_another_github_does_not_have_stays_pending(stage: Stage) -> None:
    lookup_id = ask(stage, "adam")
    stage.hook = lambda _: claim(stage.engine, OTHER)

    with pytest.raises(SetupError, match=REFUSAL):
        stage.resolve(lookup_id)

    assert stage.value("SELECT state FROM lookups") == "pending"


def test_claim_that_was_rolled_back_is_made_again(engine: Engine) -> None:
    ours = GitHubClaim("github.com")
    with engine.connect() as connection:
        ours.hold(connection)
        connection.rollback()
    claim(engine, OTHER)

    with engine.connect() as connection, pytest.raises(SetupError, match=REFUSAL):
        ours.hold(connection)


def test_process_refuses_a_database_of_another_github(settings: Settings, engine: Engine) -> None:
    opened = open_process(settings)
    try:
        opened.check()
        claim(engine, OTHER)
        with pytest.raises(SetupError, match=f"{REFUSAL}, whose ids mean others: use a database"):
            opened.check()
    finally:
        opened.close()


def test_task_of_another_github_fails_in_one_line_and_asks_nothing(
    stage: Stage, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = registered(settings)
    user = stage.follow(stage.world.add_account("adam"))
    claim(stage.engine, OTHER)

    with pytest.raises(TaskFailed, match=REFUSAL):
        app.tasks[Task.LOAD_USER].apply(args=(user.id,), throw=True)

    assert [line for line in caplog.messages if REFUSAL in line]
    assert "Traceback" not in caplog.text
    assert stage.simulator.requests == []


def registered(settings: Settings) -> Celery:
    app = broker.make_celery(settings)

    def process() -> Process:
        opened = open_process(settings)
        try:
            opened.check()
        finally:
            opened.close()
        return opened

    tasks.register(app, process)
    return app
