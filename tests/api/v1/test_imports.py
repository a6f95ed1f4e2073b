"""``/v1/imports``: files are stored, reported, applied and undone."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient

from api.http import middleware
from common import import_chunks, imports
from common.broker import Queue, Task
from common.import_chunks import CHUNK_BYTES
from common.imports import MAX_UNFINISHED
from common.settings import Settings
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.fake_worker import sent
from worker.imports.importer import Importer

CONTENT = b"repo,date,stargazers\n900,2024-01-01,5\nno/one,2024-01-01,5\n"


@pytest.fixture(autouse=True)
def repository(connection: Connection) -> None:
    user = factories.add_user(connection, 7, "octo")
    factories.add_repository(connection, user, 900, "cat")


@pytest.fixture
def importer(engine: Engine, settings: Settings) -> Importer:
    """What a worker does."""
    return Importer(engine, settings)


def upload(
    client: TestClient,
    content: bytes | Iterator[bytes] = CONTENT,
    *,
    name: str = "mine",
    format_: str = "csv",
    **more: Any,
) -> Response:
    query = f"format={format_}&name={name}"
    return client.post(f"/v1/imports?{query}", content=content, **more)


def counts(connection: Connection) -> dict[str, int]:
    """Return how many rows the tables of imports have."""
    tables = ("imports", "import_chunks", "import_rows", "imported_stats")
    return {
        table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        for table in tables
    }


NOTHING = {"imports": 0, "import_chunks": 0, "import_rows": 0, "imported_stats": 0}


def test_a_file_is_stored_reported_applied_and_undone(
    client: TestClient, connection: Connection, importer: Importer
) -> None:
    stored = upload(client)
    assert stored.status_code == 202
    address = stored.headers["location"]
    assert stored.json() == client.get(address).json()
    assert (stored.json()["state"], stored.json()["report"]) == ("reading", None)
    import_id = stored.json()["id"]

    importer.process(import_id, holder="task")
    reported = client.get(address).json()
    assert reported["state"] == "reported"
    assert reported["explanation"] == "Nothing is imported yet: apply or delete it."
    assert (reported["report"]["days"], reported["report"]["refused"]) == (1, 1)
    assert reported["report"]["repositories"][0]["full_name"] == "octo/cat"

    applying = client.post(f"{address}/apply")
    assert (applying.status_code, applying.json()["state"]) == (202, "applying")
    assert applying.headers["location"] == address
    importer.process(import_id, holder="task")
    applied = client.get(address).json()
    assert (applied["state"], applied["explanation"]) == ("applied", "1 day is imported.")
    assert applied["applied_at"] is not None
    assert client.get("/v1/imports").json() == [applied]

    undoing = client.delete(address)
    assert (undoing.status_code, undoing.json()["state"]) == (202, "undoing")
    importer.process(import_id, holder="task")
    assert client.get(address).status_code == 404
    assert client.get("/v1/imports").json() == []
    assert counts(connection) == NOTHING


def test_each_step_sends_its_task_once(
    client: TestClient, redis_url: str, importer: Importer
) -> None:
    import_id = upload(client).json()["id"]
    importer.process(import_id, holder="task")
    for _ in range(2):
        assert client.post(f"/v1/imports/{import_id}/apply").status_code == 202
    importer.process(import_id, holder="task")
    assert client.post(f"/v1/imports/{import_id}/apply").json()["state"] == "applied"
    for _ in range(2):
        assert client.delete(f"/v1/imports/{import_id}").status_code == 202

    assert sent(redis_url, Queue.BACKGROUND) == [(Task.PROCESS_IMPORT, [import_id])] * 3


def test_without_redis_the_file_is_stored_and_due(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(redis_url=SecretStr("redis://127.0.0.1:1/0"))

    import_id = upload(client).json()["id"]

    assert imports.claim(connection, limit=10, lease=60) == [import_id]


def test_with_redis_the_sweep_leaves_it_to_its_message(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(load_lease=3600.0)
    assert upload(client).status_code == 202

    assert imports.claim(connection, limit=10, lease=60) == []


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_file_is_stored_in_chunks_of_one_size(
    client: TestClient, connection: Connection, *, is_streamed: bool
) -> None:
    content = bytes(range(256)) * (CHUNK_BYTES // 256 * 2) + b"end"
    pieces = (content[start : start + 70_001] for start in range(0, len(content), 70_001))

    import_id = upload(client, pieces if is_streamed else content).json()["id"]

    chunks = [import_chunks.read(connection, import_id, number) for number in range(4)]
    assert [len(chunk) for chunk in chunks] == [CHUNK_BYTES, CHUNK_BYTES, 3, 0]
    assert b"".join(chunks) == content
    assert import_chunks.file_size(connection, import_id) == len(content)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(
    client: TestClient,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_streamed: bool,
) -> None:
    most = 2 * 1024 * 1024
    monkeypatch.setattr(middleware, "MAX_FILE_BYTES", most)
    pieces = [b"x" * most, b"y"]

    answer = upload(client, iter(pieces) if is_streamed else b"".join(pieces))

    assert answer.status_code == 413
    assert answer.json() == {"detail": "the body is larger than 2 MiB"}
    assert counts(connection) == NOTHING
    assert upload(client, b"x" * most).status_code == 202


def test_a_file_may_be_large_below_a_public_path_too(make_client: MakeClient) -> None:
    client = make_client(public_url="https://example.org/repopulse")

    for path in ("/repopulse/v1", "/v1"):
        query = f"format=csv&name={len(path)}"
        answer = client.post(f"{path}/imports?{query}", content=b"x" * 100_000)
        assert answer.status_code == 202, path
    assert client.put("/v1/users", content=b"x" * 100_000).status_code == 413


def test_an_empty_file_is_refused_and_leaves_nothing(
    client: TestClient, connection: Connection
) -> None:
    answer = upload(client, b"")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body"]
    assert counts(connection) == NOTHING


def test_a_name_that_is_taken_is_refused(client: TestClient, connection: Connection) -> None:
    assert upload(client).status_code == 202

    answer = upload(client)

    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "an import has this name: choose another name, or delete that import"},
    )
    assert counts(connection)["imports"] == 1


def test_unfinished_imports_are_bounded(
    client: TestClient, connection: Connection, importer: Importer
) -> None:
    ids = [upload(client, name=f"n{number}").json()["id"] for number in range(MAX_UNFINISHED)]

    answer = upload(client, name="other")

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("5 imports are not finished")
    assert counts(connection)["imports"] == MAX_UNFINISHED
    # One that is refused takes no space.
    connection.execute(text("DELETE FROM import_chunks WHERE import_id = :id"), {"id": ids[0]})
    importer.process(ids[0], holder="task")
    assert client.get(f"/v1/imports/{ids[0]}").json()["state"] == "refused"
    assert upload(client, name="other").status_code == 202


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("name=a", "format"),
        ("format=xls&name=a", "format"),
        ("format=csv", "name"),
        ("format=csv&name=", "name"),
        ("format=csv&name=a/b", "name"),
        ("format=csv&name=-a", "name"),
        ("format=csv&name=a%0A", "name"),
        (f"format=csv&name={'a' * 51}", "name"),
        ("format=csv&name=a&repo=cat", "repo"),
        ("format=github-repo-stats&name=a", "repo"),
        ("format=daily-stars-explorer&name=a", "repo"),
        ("format=csv&name=a&repos=octo/cat", "repos"),
    ],
)
def test_what_an_upload_must_say(
    client: TestClient, connection: Connection, query: str, parameter: str
) -> None:
    answer = client.post(f"/v1/imports?{query}", content=CONTENT)

    assert answer.status_code == 422
    assert [each["loc"] for each in answer.json()["detail"]] == [["query", parameter]]
    assert counts(connection) == NOTHING


def test_the_repository_of_a_file_that_does_not_say_it(
    client: TestClient, importer: Importer
) -> None:
    content = b"time_iso8601,stargazers_cumulative_snapshot\n2024-01-01 01:00:00+00:00,5\n"
    answer = client.post(
        "/v1/imports?format=github-repo-stats&name=a&repo=octo/cat", content=content
    )
    assert answer.json()["repo"] == "octo/cat"

    importer.process(answer.json()["id"], holder="task")

    assert client.get(answer.headers["location"]).json()["report"]["days"] == 1


def test_what_is_not_read_or_refused_cannot_be_applied(
    client: TestClient, importer: Importer
) -> None:
    address = upload(client, b"nonsense").headers["location"]
    assert client.post(f"{address}/apply").json() == {
        "detail": "The file is stored. A worker reads it as soon as one is free."
    }

    importer.process(int(address.rpartition("/")[2]), holder="task")

    answer = client.post(f"{address}/apply")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Nothing can be imported: the first line must")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/apply"), ("DELETE", "")])
def test_an_unknown_import_is_404(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, f"/v1/imports/4711{path}")

    assert (answer.status_code, answer.json()) == (404, {"detail": "import not found"})


def test_calls_that_write_need_the_key(make_client: MakeClient) -> None:
    client = make_client(api_key=SecretStr("secret"))
    for method, path in (
        ("POST", "?format=csv&name=a"),
        ("POST", "/1/apply"),
        ("DELETE", "/1"),
    ):
        assert client.request(method, f"/v1/imports{path}", content=b"x").status_code == 401
    assert client.get("/v1/imports").status_code == 200
    assert upload(client, headers={"X-API-Key": "secret"}).status_code == 202
