"""``POST`` and ``GET`` of ``…/backfill``."""

from datetime import date, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import backfills, readings
from common.broker import Queue, Task
from common.readings import Progress
from common.repositories import Counts, SeenRepository
from common.settings import BackfillMode, Settings
from common.states import BackfillState
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.fake_worker import sent
from tests.clock import Clock

TODAY = date(2026, 11, 28)
BEGIN = date(2024, 3, 3)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection)


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client(github_token=SecretStr("good"))


def add(connection: Connection, user: TrackedUser, *, stars: int = 5) -> SeenRepository:
    repository = factories.add_repository(connection, user)
    factories.add_rows(connection, user, repository, {TODAY: Counts(stars, 1, 1)})
    return repository


def advance(connection: Connection, repository: SeenRepository, *, is_done: bool) -> None:
    readings.advance(
        connection,
        repository.id,
        Progress(
            next_page=1 if is_done else 4,
            reading_from=BEGIN,
            reading_through=TODAY - timedelta(days=1),
            etag=None,
            is_last=is_done,
            is_done=is_done,
        ),
    )


def test_a_request_for_a_repository_is_stored_and_a_sweep_is_sent(
    client: TestClient, settings: Settings, connection: Connection, user: TrackedUser
) -> None:
    repository = add(connection, user)
    path = f"/v1/repos/{repository.id}/backfill"

    answer = client.post(path)

    assert answer.status_code == 202
    assert answer.headers["location"] == path
    assert answer.json() == {
        "state": "waiting",
        "text": "waiting: scans and earlier readings go first",
        "pages_read": 0,
        "begins_on": None,
        "read_through": None,
        "read_at": None,
        "next_attempt_at": None,
    }
    assert sent(settings.redis, Queue.CONTROL) == [(Task.SWEEP, [])]
    assert client.post(path).status_code == 202
    assert client.get(path).json() == answer.json()


def test_a_request_for_a_user_is_for_all_present_repositories_with_stars(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    read, waiting = add(connection, user), add(connection, user)
    add(connection, user, stars=0)
    gone = add(connection, user)
    connection.execute(
        text("UPDATE repositories SET state = 'gone' WHERE id = :id"), {"id": gone.id}
    )
    backfills.add(connection, [read.id])
    advance(connection, read, is_done=True)
    path = f"/v1/users/{user.id}/backfill"
    assert client.get(path).json() == {
        "state": "done",
        "text": "1 of 1 repository read",
        "repositories": 1,
        "done": 1,
        "waiting": 0,
        "none": 0,
        "failed": 0,
        "begins_on": "2024-03-03",
    }

    answer = client.post(path)

    assert (answer.status_code, answer.headers["location"]) == (202, path)
    body = answer.json()
    assert (body["repositories"], body["waiting"]) == (2, 2)
    # What was read before is still known.
    assert (body["state"], body["text"]) == ("reading", "1 of 2 repositories read, 2 to be read")
    rows = connection.execute(text("SELECT repo_id, is_whole, next_page FROM backfills"))
    assert sorted(tuple(row) for row in rows) == sorted(
        (repository.id, True, 1) for repository in (read, waiting)
    )


def test_progress_of_a_repository_says_how_far_back_it_is_read(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = add(connection, user)
    backfills.add(connection, [repository.id])
    advance(connection, repository, is_done=False)
    path = f"/v1/repos/{repository.id}/backfill"

    under_way = client.get(path).json()
    advance(connection, repository, is_done=True)
    done = client.get(path).json()

    assert (under_way["state"], under_way["pages_read"]) == ("reading", 3)
    assert under_way["text"] == "read back to 2024-03-03, older weeks follow"
    assert (done["state"], done["text"]) == ("done", "read until 2026-11-27")
    assert (done["begins_on"], done["read_through"]) == ("2024-03-03", "2026-11-27")
    assert done["read_at"].startswith("2026-11-28T12:0")


@pytest.mark.parametrize("state", [BackfillState.NONE, BackfillState.FAILED])
def test_what_github_refuses_is_said_with_the_next_attempt(
    client: TestClient,
    connection: Connection,
    clock: Clock,
    user: TrackedUser,
    state: BackfillState,
) -> None:
    repository = add(connection, user)
    backfills.add(connection, [repository.id])
    readings.give_up(
        connection, repository.id, state, reason="GitHub blocks it: dmca", now=clock.now()
    )

    found = client.get(f"/v1/repos/{repository.id}/backfill").json()
    of_user = client.get(f"/v1/users/{user.id}/backfill").json()

    assert (found["state"], found["text"]) == (state, "GitHub blocks it: dmca")
    assert found["next_attempt_at"].startswith("2026-12-05T12:0")
    assert (of_user["state"], of_user[state]) == (state, 1)


def test_a_repository_that_is_gone_waits_until_it_is_back(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = add(connection, user)
    backfills.add(connection, [repository.id])
    connection.execute(text("UPDATE repositories SET state = 'gone'"))

    found = client.get(f"/v1/repos/{repository.id}/backfill").json()

    assert found["text"] == "waiting until GitHub lists the repository again"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backfill": BackfillMode.OFF}, "BACKFILL is off"),
        ({"github_token": None}, "it needs a GITHUB_TOKEN"),
    ],
)
def test_it_says_why_nothing_is_read(
    make_client: MakeClient,
    settings: Settings,
    connection: Connection,
    user: TrackedUser,
    *,
    changes: dict[str, object],
    words: str,
) -> None:
    repository = add(connection, user)
    client = make_client(**{"github_token": SecretStr("good"), **changes})

    answers = [
        client.get(f"/v1/users/{user.id}/backfill"),
        client.post(f"/v1/users/{user.id}/backfill"),
        client.get(f"/v1/repos/{repository.id}/backfill"),
        client.post(f"/v1/repos/{repository.id}/backfill"),
    ]

    assert [answer.status_code for answer in answers] == [200, 202, 200, 202]
    for answer in answers:
        assert answer.json()["state"] == "off"
        assert words in answer.json()["text"]
    assert sent(settings.redis, Queue.CONTROL) == []


def test_who_is_not_known_is_404(client: TestClient) -> None:
    for method in ("GET", "POST"):
        of_user = client.request(method, "/v1/users/5/backfill")
        of_repository = client.request(method, "/v1/repos/5/backfill")
        assert (of_user.status_code, of_repository.status_code) == (404, 404)
        assert of_user.json() == {"detail": "user not found"}
        assert of_repository.json() == {"detail": "repository not found"}


def test_a_request_needs_the_key(make_client: MakeClient, user: TrackedUser) -> None:
    client = make_client(api_key=SecretStr("secret"))

    assert client.post(f"/v1/users/{user.id}/backfill").status_code == 401
    assert client.get(f"/v1/users/{user.id}/backfill").status_code == 200
