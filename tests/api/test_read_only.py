"""``READ_ONLY``: an API on a replica shows what another one records, and changes nothing."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from api.app import create_app
from common.db import make_engine
from common.settings import Settings
from tests import factories
from tests.other_servers import PrimaryPostgres, StandbyPostgres
from tests.servers import migrate
from tests.waiting import wait_until

DAY = date(2026, 11, 28)


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A standby of a database in which one user has a row; yields its address."""
    directory: Path = tmp_path_factory.mktemp("replica")
    with PrimaryPostgres(directory / "primary", durable=False) as primary:
        migrate(primary.url)
        engine = make_engine(primary.url, process="test")
        with engine.begin() as connection:
            user = factories.add_user(connection, 7)
            repository = factories.add_repository(connection, user, 900)
            factories.add_rows(connection, user, repository, {DAY: (3, 2, 1)})
        engine.dispose()
        with StandbyPostgres(directory / "standby", primary) as standby:
            copied = create_engine(standby.url)
            with copied.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                count = text("SELECT count(*) FROM daily_stats")
                wait_until(lambda: connection.scalar(count) == 1, 30)
            copied.dispose()
            yield standby.url


@pytest.fixture
def reader(replica: str, settings: Settings) -> Iterator[TestClient]:
    changes = {"database_url": SecretStr(replica), "read_only": True}
    with TestClient(create_app(settings.model_copy(update=changes))) as client:
        yield client


def test_it_is_ready_on_a_replica(reader: TestClient) -> None:
    answer = reader.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["checks"]["postgres"] == "ok"
    assert answer.json()["checks"]["migrations"] == "ok"


def test_without_the_setting_an_api_on_a_replica_is_not_ready(
    replica: str, settings: Settings
) -> None:
    on_replica = settings.model_copy(update={"database_url": SecretStr(replica)})
    with TestClient(create_app(on_replica)) as client:
        assert client.get("/readyz").status_code == 503


def test_history_charts_and_pages_are_shown(reader: TestClient) -> None:
    stats = reader.get(f"/v1/users/7/stats?date_from={DAY}&date_to={DAY}")

    assert [row["stargazers"] for row in stats.json()["stats"]] == [3]
    for path in ("/", "/users/7", "/repos/900", "/status", "/v1/repos/900/chart.svg", "/metrics"):
        assert reader.get(path).status_code == 200, path


def test_no_page_has_a_form_that_changes_something(reader: TestClient) -> None:
    for path in ("/", "/users/7"):
        page = reader.get(path, headers={"Accept": "text/html"}).text
        assert 'method="post"' not in page
        assert "/login" not in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/users"),
        ("DELETE", "/v1/users/7"),
        ("POST", "/v1/users/7/scan"),
        ("POST", "/v1/users/7/backfill"),
        ("POST", "/v1/repos/8/backfill"),
        ("POST", "/follow"),
        ("POST", "/users/7/scan"),
        ("POST", "/login"),
    ],
)
def test_a_write_is_answered_with_405_and_one_sentence(
    reader: TestClient, method: str, path: str
) -> None:
    answer = reader.request(method, path, json={"login": "octocat"})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json()["detail"].startswith("This API is read-only")


def test_it_needs_no_redis(replica: str, settings: Settings) -> None:
    changes = {
        "database_url": SecretStr(replica),
        "redis_url": SecretStr("redis://127.0.0.1:1/0"),
        "read_only": True,
    }
    with TestClient(create_app(settings.model_copy(update=changes))) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert client.get("/v1/users/7").status_code == 200
