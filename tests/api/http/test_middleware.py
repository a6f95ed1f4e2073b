"""Request ids, HEAD, wrong methods and paths, and internal errors."""

import logging

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import log


def test_each_request_gets_its_own_id(client: TestClient) -> None:
    ids = {client.get("/healthz").headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3


def test_a_valid_id_of_the_client_is_kept(client: TestClient) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": "trace-1.2_3"})

    assert answer.headers["x-request-id"] == "trace-1.2_3"


@pytest.mark.parametrize("sent", [b"", b"a b", b"x" * 65, b"\xff", b"a\tb", b"a;b"])
def test_an_invalid_id_of_the_client_is_replaced(client: TestClient, sent: bytes) -> None:
    answer = client.get("/healthz", headers={b"X-Request-ID": sent})

    assert len(answer.headers["x-request-id"]) == 16


@pytest.mark.parametrize("path", ["/v1/users/7", "/nowhere", "/v1/users/x"])
def test_errors_carry_the_request_id(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"X-Request-ID": "mine"})

    assert answer.is_client_error
    assert answer.headers["x-request-id"] == "mine"


def test_log_lines_carry_the_request_id(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[tuple[str, str | None]] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((record.getMessage(), log.current_context()))

    handler = Lines()
    logging.getLogger("api").addHandler(handler)
    try:
        with caplog.at_level(logging.INFO):
            client.put(
                "/v1/users", json={"id": 5, "login": "allien"}, headers={"X-Request-ID": "mine"}
            )
    finally:
        logging.getLogger("api").removeHandler(handler)

    assert ("user added: allien (5)", "request mine") in lines


def test_head_is_answered_like_get_without_a_body(client: TestClient) -> None:
    for path in ("/healthz", "/readyz", "/v1/users", "/openapi.json", "/docs"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert client.head("/v1/users/7").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/users", "GET, HEAD, PUT"),
        ("PATCH", "/v1/users/5", "DELETE, GET, HEAD"),
        ("PUT", "/v1/users/5", "DELETE, GET, HEAD"),
        ("DELETE", "/v1/users", "GET, HEAD, PUT"),
        ("POST", "/v1/users/5/stats", "GET, HEAD"),
        ("OPTIONS", "/healthz", "GET, HEAD"),
        ("NONSENSE", "/v1/lookups/1", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405_with_the_allowed_ones(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/v1", "/v1/users/", "/v1/users/5/", "/v1//users", "/v2/users"])
def test_an_unknown_path_is_404(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_an_internal_error_is_a_plain_500_and_logged(
    client: TestClient, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.execute(text("ALTER TABLE users ALTER name TYPE bytea USING name::bytea"))
    connection.execute(text("INSERT INTO users (id, login, name) VALUES (5, 'a', 'b')"))

    answer = client.get("/v1/users/5", headers={"X-Request-ID": "mine"})

    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error"})
    assert answer.headers["x-request-id"] == "mine"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None


def test_a_database_without_tables_is_503(client: TestClient, connection: Connection) -> None:
    connection.execute(text("DROP TABLE users, repositories, daily_stats CASCADE"))

    answer = client.get("/v1/users")

    assert answer.status_code == 503
    assert answer.json() == {"detail": "The database is not migrated to this release. See /readyz."}
